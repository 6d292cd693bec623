"""Nix's own errors, told where the fleet is at fault: with real Nix, on a small flake that stands for nixpkgs."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from pantheros.checks.evaluation import OfHost, evaluated, messages, setting_at, split_error, warnings
from pantheros.checks.view import HostView
from pantheros.nix.command import available
from pantheros.synth.build import build

needs_nix = pytest.mark.skipif(not available(), reason="nix is not installed")
HEAD = 'kind = "server"\npeople = ["ada"]\n\n[pantherOS.system]\nstateVersion = "26.05"\nbasePackages = []\n'
NIXPKGS = r"""
{
  outputs = _: {
    lib.mapAttrs = builtins.mapAttrs;
    lib.nixosSystem =
      { modules }:
      let
        lib = {
          mkForce = value: value;
          mkDefault = value: value;
        };
        pkgs = { hello = "/nix/store/hello"; };
        read =
          module:
          if builtins.isFunction module then module { inherit lib pkgs; config.system.stateVersion = "26.05"; }
          else if builtins.isAttrs module then module
          else read (import module);
        all =
          file:
          let module = read file;
          in [ { inherit file; config = builtins.removeAttrs module [ "imports" ]; } ]
            ++ builtins.concatLists (map all (module.imports or [ ]));
        files = builtins.concatLists (map all modules);
        wrong = builtins.filter (found: found.config ? services.opnssh) files;
      in {
        config.system.build.toplevel.drvPath =
          if wrong != [ ] then
            throw (
              "The option `services.opnssh' does not exist. Definition values:\n- In `"
              + toString (builtins.head wrong).file + "': { }"
            )
          else builtins.deepSeq (map (found: found.config) files) "/nix/store/x.drv";
      };
  };
}
"""
EMPTY = "{ outputs = _: { nixosModules.default = { }; nixosModules.home-manager = { }; }; }"


@pytest.fixture
def run(
    write: Callable[[dict[str, str]], Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[dict[str, str]], dict[str, OfHost]]:
    """Evaluate a fleet; what came of each host."""
    for name, place in {"NIX_STORE_DIR": "store", "NIX_STATE_DIR": "state", "NIX_LOG_DIR": "log"}.items():
        monkeypatch.setenv(name, str(tmp_path / "nix" / place))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def run(files: dict[str, str]) -> dict[str, OfHost]:
        root = write(files)
        overrides = []
        for name in ("nixpkgs", "home-manager", "disko", "impermanence", "opnix"):
            (tmp_path / name).mkdir(exist_ok=True)
            text = NIXPKGS if name == "nixpkgs" else EMPTY
            (tmp_path / name / "flake.nix").write_text(text, encoding="utf-8")
            overrides.append((name, f"path:{tmp_path / name}"))
        built = build(root)

        def view(name: str) -> HostView:
            host = built.model.resolver.host(name)
            return HostView.of(built.model, host, built.model.expand(host)[0])

        used = [(name, url) for name, url in overrides if f"{name}." in built.files["flake.nix"].content.decode()]
        # One at a time: two that make a new store at once get in each other's way.
        return {found.host: found for found in evaluated(built, root / "nowhere", view, used, memory=1)}

    return run


@needs_nix
def test_errors_of_nix_are_told_at_the_fleet(run: Callable[[dict[str, str]], dict[str, OfHost]]) -> None:
    results = run(
        {
            "hosts/fine/host.toml": HEAD,
            "hosts/package/host.toml": HEAD + 'packages = ["nosuchpackage"]\n',
            "hosts/option/host.toml": HEAD + "\n[nixos]\nservices.opnssh.enable = true\n",
            "hosts/raw/host.toml": 'imports = ["./extra.nix"]\n' + HEAD,
            "hosts/raw/extra.nix": "{ pkgs, ... }:\n{\n  environment.x = pkgs.missing;\n}\n",
        }
    )
    fine = results["fine"]
    assert fine.evaluated.ok, fine.evaluated.errors
    assert fine.findings == ()
    assert fine.evaluated.seconds > 0
    assert fine.evaluated.megabytes > 1
    places = {}
    for name in ("package", "option", "raw"):
        (finding,) = results[name].findings
        assert (finding.code, finding.host) == ("nix-error", name)
        assert finding.origin is not None
        places[name] = f"{finding.origin.file}:{finding.origin.line}", finding.option
    assert places["package"] == ("hosts/package/host.toml:7", "pantherOS.system.packages")
    assert places["option"] == ("hosts/option/host.toml:9", "services.opnssh.enable")
    assert places["raw"][0] == "hosts/raw/extra.nix:3"
    assert "nosuchpackage" in results["package"].findings[0].message
    assert "In `" in results["option"].findings[0].text


def test_every_failed_assertion_is_one_message() -> None:
    said = (
        "error:\n       … while evaluating the option `assertions':\n\n"
        "       error:\n       Failed assertions:\n       - first thing\n       goes on here\n       - second thing\n"
    )
    trace, error = split_error(said)
    assert "assertions" in trace
    assert messages(error) == ["first thing\ngoes on here", "second thing"]


def test_the_innermost_error_counts_whether_nix_tells_it_first_or_last() -> None:
    new = "error:\n       … while calling\n         at /nix/store/x/y.nix:1:2:\n\n       error: attribute 'a' missing\n"
    old = "error: attribute 'a' missing\n\n       at /nix/store/x/y.nix:1:2:\n\n       … while evaluating\n"
    assert split_error(new)[1].startswith("attribute 'a' missing")
    assert split_error(old)[1].startswith("attribute 'a' missing")


def test_warnings_are_told_without_what_is_about_the_flake_itself() -> None:
    said = (
        "warning: Git tree '/x' is dirty\ntrace: evaluation warning: The option `a.b' has been renamed to `a.c'.\n"
        "warning: not writing modified lock file of flake 'path:/x'\n"
    )
    assert warnings(said) == ["The option `a.b' has been renamed to `a.c'."]


def test_the_setting_on_a_line() -> None:
    text = '# head\n{ pkgs, ... }:\n{\n  a.b = {\n    c = 1;\n    "d e".f = [\n      pkgs.x\n    ];\n  };\n}\n'
    assert setting_at(text, 5) == ("a", "b", "c")
    assert setting_at(text, 7) == ("a", "b", "d e", "f")
    assert setting_at(text, 1) is None


def test_nix_that_is_missing_is_no_traceback(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    assert shutil.which("nix") is None
    assert not available()
