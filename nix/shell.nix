# What working on panther takes: pytest, ruff check, mypy; `panther` runs the checkout that the shell was entered in.
{
  git,
  mkShell,
  nix,
  openssh,
  panther,
  python3,
  ruff,
  shellcheck,
  uv,
  writeShellScriptBin,
}:
mkShell {
  packages = [
    (python3.withPackages (_: panther.developmentLibraries))
    (writeShellScriptBin "panther" ''exec python -m pantheros "$@"'')
    git
    nix
    openssh
    ruff
    shellcheck
    uv # for uv.lock
  ];

  shellHook = ''
    export PYTHONPATH="$(git rev-parse --show-toplevel)/src''${PYTHONPATH:+:$PYTHONPATH}"
  '';
}
