"""How long it takes to read a repository: 2,000 Nix files, of which one is edited; and NixOS's own modules.

Run by `make bench`. `NIXPKGS` names a checkout of nixpkgs.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

RUNS = 3
FILES = 2000
HOSTS = 100
SCAN = "import sys; from pathlib import Path; from pantheros.scan.repository import scan; r = scan(Path(sys.argv[1])); "
LOOKS = {
    "read": SCAN + "len(r.modules)",
    "read, and its hosts": SCAN + "from pantheros.scan.hosts import hosts; hosts(r)",
}
MODULE = """\
{{ config, lib, pkgs, ... }}:
let
  cfg = config.fleet.part{n};
in
{{
  imports = [ ./part{other}.nix ];

  options.fleet.part{n} = {{
    enable = lib.mkEnableOption "part {n}";
    package = lib.mkPackageOption pkgs "hello" {{ }};
    port = lib.mkOption {{
      type = lib.types.port;
      default = {n};
      description = "Where part {n} listens.";
    }};
    sites = lib.mkOption {{
      type = lib.types.attrsOf (lib.types.submodule {{
        options.root = lib.mkOption {{ type = lib.types.path; }};
      }});
      default = {{ }};
    }};
  }};

  config = lib.mkIf cfg.enable {{
    environment.systemPackages = with pkgs; [ cfg.package git ripgrep ];
    networking.firewall.allowedTCPPorts = [ cfg.port ];
    systemd.services."part-{n}" = {{
      wantedBy = [ "multi-user.target" ];
      serviceConfig = {{
        ExecStart = "${{lib.getExe cfg.package}} --port ${{toString cfg.port}}";
        DynamicUser = true;
        ProtectSystem = "strict";
      }};
      script = ''
        echo "Nothing: ${{config.networking.hostName}}"
      '';
    }};
  }};
}}
"""
HOST = """\
{{ inputs, ... }}:
{{
  imports = [ ../../modules/nixos/area{area}/part{n}.nix ];
  networking.hostName = "host{n}";
  fileSystems."/".device = "/dev/disk/by-label/nixos";
  fleet.part{n}.enable = true;
}}
"""
FLAKE = """\
{{
  inputs.nixpkgs.url = "github:NixOS/nixpkgs/nixos-26.05";
  outputs = {{ self, nixpkgs }}:
    let mkHost = name: nixpkgs.lib.nixosSystem {{ modules = [ (./hosts + "/${{name}}") ]; }}; in
    {{ nixosConfigurations = nixpkgs.lib.genAttrs [ {names} ] mkHost; }};
}}
"""


def repository(directory: Path) -> Path:
    """So many files: a flake, hosts, and modules in areas of twenty that import one another."""
    modules = FILES - HOSTS - 1
    for n in range(modules):
        path = directory / f"modules/nixos/area{n // 20}/part{n}.nix"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(MODULE.format(n=n, other=min(n + 1, n - n % 20 + 19, modules - 1)))
    for n in range(HOSTS):
        path = directory / f"hosts/host{n}/default.nix"
        path.parent.mkdir(parents=True)
        path.write_text(HOST.format(n=n, area=n // 20))
    names = " ".join(f'"host{n}"' for n in range(HOSTS))
    (directory / "flake.nix").write_text(FLAKE.format(names=names))
    subprocess.run(["git", "init", "-q"], cwd=directory, check=True)
    subprocess.run(["git", "add", "-A"], cwd=directory, check=True)
    return directory


def measured(code: str, root: Path, cache: Path) -> tuple[float, float]:
    """Seconds, and megabytes of the largest process, of one look."""
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-c", code, str(root)], env=environment)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - started
    assert status == 0, f"{root} was not read"
    return took, usage.ru_maxrss / 1024


def row(what: str, figures: list[tuple[float, float]]) -> None:
    seconds, megabytes = (statistics.median(column) for column in zip(*figures, strict=True))
    print(f"{what:48} {seconds:6.2f} s {megabytes:6.0f} MB", flush=True)


def main() -> None:
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    nixpkgs = Path(os.environ.get("NIXPKGS") or "/nonexistent") / "nixos" / "modules"
    with tempfile.TemporaryDirectory(dir=base) as directory:
        root = repository(Path(directory) / "repository")
        caches = [Path(directory) / f"cache{run}" for run in range(RUNS)]
        row(f"{FILES} files, cold", [measured(LOOKS["read"], root, cache) for cache in caches])
        for name, code in LOOKS.items():
            row(f"{FILES} files, {name}, warm", [measured(code, root, cache) for cache in caches])
        edited = root / "modules/nixos/area7/part145.nix"
        figures = []
        for cache in caches:
            edited.write_text(edited.read_text() + "# edited\n")
            figures.append(measured(LOOKS["read"], root, cache))
        row(f"{FILES} files, one edited", figures)
        if nixpkgs.is_dir():
            count = sum(1 for _ in nixpkgs.rglob("*.nix"))
            caches = [Path(directory) / f"nixpkgs{run}" for run in range(RUNS)]
            row(f"nixos/modules, {count} files, cold", [measured(LOOKS["read"], nixpkgs, cache) for cache in caches])
            row(f"nixos/modules, {count} files, warm", [measured(LOOKS["read"], nixpkgs, cache) for cache in caches])


if __name__ == "__main__":
    main()
