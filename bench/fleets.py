"""Large fleets for benchmarks: the reference fleet's five hosts, multiplied, each with differences of its own."""

from __future__ import annotations

import shutil
from pathlib import Path

from pantheros.fleet.read import read_document

REFERENCE = Path(__file__).parents[1] / "examples" / "pantheros"
_HOSTS = ("yoga", "zephyrus", "servers/hetzner-vps", "servers/ovh-vps", "servers/contabo-vps")


def multiplied(directory: Path, hosts: int) -> Path:
    """A fleet of so many hosts in `directory`; a fifth of them have a `host.nix`."""
    shutil.copytree(REFERENCE, directory, ignore=shutil.ignore_patterns("hosts", "nixos"), dirs_exist_ok=True)
    for number in range(hosts):
        source = REFERENCE / "hosts" / _HOSTS[number % len(_HOSTS)]
        target = directory / "hosts" / f"group{number // 100}" / f"{source.name}-{number}"
        shutil.copytree(source, target)
        vary(target, number)
    return directory


def vary(host: Path, number: int) -> None:
    """Give a host an address and a time zone of its own and, where it is TOML, a port."""
    zone = f"Etc/GMT-{number % 12}"
    if (host / "host.nix").exists():
        text = (host / "host.nix").read_text(encoding="utf-8")
        text = text.replace('kind = "laptop";', f'kind = "laptop";\n  address = "host-{number}.example.org";', 1)
        text = text.replace("stateVersion =", f'timeZone = "{zone}";\n      stateVersion =', 1)
        (host / "host.nix").write_text(text, encoding="utf-8")
        return
    text = (host / "host.toml").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("address =")]
    at = next(index for index, line in enumerate(lines) if line.startswith("tags ="))
    lines.insert(at, f'address = "host-{number}.example.org"')
    at = next(index for index, line in enumerate(lines) if line.startswith("stateVersion ="))
    lines.insert(at, f'timeZone = "{zone}"')
    lines += ["", "[pantherOS.security.firewall]", f"public.tcp = [{8000 + number}]"]
    (host / "host.toml").write_text("\n".join(lines) + "\n", encoding="utf-8")
    assert not read_document(host, "host.toml").findings
