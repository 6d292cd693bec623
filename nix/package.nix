# The `panther` command. Its version and its libraries are those that pyproject.toml names.
#
# It evaluates with NixOS 24.11. The steps of the build have been tried one by one, with the versions of 24.11 and with
# the newest ones, but not by Nix yet.
{
  lib,
  stdenv,
  callPackage,
  installShellFiles,
  python3Packages,
}:
let
  inherit (lib.importTOML ../pyproject.toml) dependency-groups project;

  libraries = callPackage ./libraries.nix { inherit python3Packages; };

  # "typer>=0.16" -> "typer"
  named = requirement: builtins.head (builtins.match "([A-Za-z0-9._-]+).*" requirement);

  dependencies = map (requirement: libraries.${named requirement}) project.dependencies;
in
python3Packages.buildPythonApplication {
  pname = "panther";
  inherit (project) version;
  pyproject = true;

  src = lib.fileset.toSource {
    root = ../.;
    fileset = lib.fileset.unions [
      ../LICENSE
      ../README.md
      ../pyproject.toml
      (lib.fileset.fileFilter (file: !file.hasExt "pyc") ../src)
    ];
  };

  # Hatchling before 1.27, as in NixOS 24.11, does not know this way to name the license's file. It takes LICENSE along
  # in any case.
  postPatch = ''
    sed -i -e '/^license-files = /d' -e 's/"hatchling>=[0-9.]*"/"hatchling"/' pyproject.toml
  '';

  build-system = [ python3Packages.hatchling ];

  inherit dependencies;

  nativeBuildInputs = [ installShellFiles ];

  # The scripts among the modules go into fleets as they are.
  dontPatchShebangs = true;

  postInstall = lib.optionalString (stdenv.buildPlatform.canExecute stdenv.hostPlatform) ''
    installShellCompletion --cmd panther \
      --bash <(_PANTHER_COMPLETE=source_bash $out/bin/panther) \
      --zsh <(_PANTHER_COMPLETE=source_zsh $out/bin/panther) \
      --fish <(_PANTHER_COMPLETE=source_fish $out/bin/panther)
  '';

  pythonImportsCheck = [ "pantheros" ];

  # What the tests try at length, here in short: that all parts have come along and work together.
  installCheckPhase = ''
    runHook preInstallCheck
    export HOME=$TMPDIR
    test "$($out/bin/panther --version)" = "panther ${project.version}"
    $out/bin/panther init --yes --person ada --host box "$TMPDIR/fleet"
    $out/bin/panther build "$TMPDIR/fleet"
    test -f "$TMPDIR/fleet/nixos/flake.nix"
    runHook postInstallCheck
  '';

  passthru = {
    inherit libraries;
    # For a Python that runs panther and its tests from the source. NixOS 24.11 has no types-jsonschema; nothing that
    # mypy looks at needs it.
    developmentLibraries =
      let
        names = builtins.filter (name: libraries ? ${name}) (map named dependency-groups.dev);
      in
      dependencies ++ map (name: libraries.${name}) names;
  };

  meta = {
    inherit (project) description;
    license = lib.licenses.mit;
    mainProgram = "panther";
    platforms = lib.platforms.linux;
  };
}
