"""Making the packaged release index from lists that real evaluation printed.

    python -m pantheros.releases.make_index ../shared/data

Run when those lists change; `data/README.md` says what each file made here holds. The same input gives the
same bytes (with the same zlib).
"""

from __future__ import annotations

import gzip
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pantheros.nix.values import Scope, key, split_path

MADE_BY = "Made by `python -m pantheros.releases.make_index`; not to be edited."
DATA = Path(__file__).with_name("data")

_MARK = "recurseForDerivations"  # among the members of a set, a mark for Nix
_WILD = re.compile(r"<[^>]+>\Z")

# Options that still answer but whose value changed its form (`mkChangedOptionModule` and the like).
# Evaluation shows them like removed ones, hidden and without a type; these are from the modules' sources.
_CHANGED_FORM: dict[Scope, str] = {
    "nixos": """
        boot.loader.systemd-boot.memtest86.entryFilename boot.loader.systemd-boot.memtest86.sortKey
        boot.loader.systemd-boot.netbootxyz.entryFilename boot.loader.systemd-boot.netbootxyz.sortKey
        docker-containers virtualisation.oci-containers.containers
        networking.interfaces.<name>.ipAddress networking.interfaces.<name>.ipv4.addresses
        networking.interfaces.<name>.ipv6Address networking.interfaces.<name>.ipv6.addresses
        networking.interfaces.<name>.ipv6PrefixLength networking.interfaces.<name>.ipv6.addresses
        networking.interfaces.<name>.preferTempAddress networking.interfaces.<name>.tempAddress
        networking.interfaces.<name>.prefixLength networking.interfaces.<name>.ipv4.addresses
        security.acme.certs.<name>.extraDomains security.acme.certs.<name>.extraDomainNames
        security.acme.email security.acme.defaults.email
        security.acme.enableDebugLogs security.acme.defaults.enableDebugLogs
        security.acme.renewInterval security.acme.defaults.renewInterval
        security.acme.server security.acme.defaults.server
        security.acme.validMin security.acme.defaults.validMinDays
        security.acme.validMinDays security.acme.defaults.validMinDays
        services.calibre-server.libraryDir services.calibre-server.libraries
        services.ddclient.domain services.ddclient.domains
        services.forgejo.enableUnixSocket services.forgejo.settings.server.PROTOCOL
        services.gitea.enableUnixSocket services.gitea.settings.server.PROTOCOL
        services.hound.config services.hound.settings
        services.kavita.ipAdresses services.kavita.settings.IpAddresses
        services.keycloak.httpPort services.keycloak.settings.http-port
        services.keycloak.httpsPort services.keycloak.settings.https-port
        services.knot.extraConfig services.knot.settingsFile
        services.kresd.interfaces services.kresd.listenPlain
        services.pgbouncer.syslog.enable services.pgbouncer.settings.pgbouncer.syslog
        services.postfix.useDane services.postfix.config.smtp_tls_security_level
        services.postgrey.inetAddr services.postgrey.socket
        services.postgrey.inetPort services.postgrey.socket
        services.printing.gutenprint services.printing.drivers
        services.redshift.latitude location.latitude
        services.redshift.longitude location.longitude
        services.sslh.verbose services.sslh.settings.verbose-connections
        services.unbound.allowedAccess services.unbound.settings.server.access-control
    """,
    "home": """
        nix.gc.frequency nix.gc.dates
        programs.claude-code.memory.source programs.claude-code.context
        programs.claude-code.memory.text programs.claude-code.context
        programs.claude-code.skillsDir programs.claude-code.skills
        programs.go.extraGoPaths programs.go.env.GOPATH
        programs.go.goBin programs.go.env.GOBIN
        programs.go.goPath programs.go.env.GOPATH
        programs.kitty.theme programs.kitty.themeFile
        programs.mcfly.enableFuzzySearch programs.mcfly.fuzzySearchFactor
        programs.vscode.immutableExtensionsDir programs.vscode.mutableExtensionsDir
        programs.waybar.systemd.target programs.waybar.systemd.targets
        qt.useGtkTheme qt.platformTheme
    """,
}


def _normal(name: str) -> str:
    """A name as the index spells it: `<name>` for any key, `*` for any element, else quoted as in Nix."""
    return ".".join("<name>" if _WILD.match(part) else part if part == "*" else key(part) for part in split_path(name))


def _target(old: str, new: str, exists: Callable[[str], bool]) -> str:
    """The full name of a rename's target: one inside a submodule names its target from there."""
    if exists(new):
        return new
    parts = old.split(".")
    for length in range(len(parts) - 1, 0, -1):
        inside = ".".join((*parts[:length], new))
        if exists(inside):
            return inside
    return new


def _options(data: dict[str, Any], scope: Scope) -> str:
    """The index file of one scope and release.

    After a line that says what made it and one with the types (JSON), a line per option, sorted: name, number
    of its type, flags (`r` read only, `h` hidden, `i` internal, `x` removed), new name, default (JSON), split
    by tabs.
    """
    options = {_normal(name): kind for name, kind in data["options"][scope].items()}
    if scope == "home":  # impermanence brings it, from the NixOS side; what it takes is not listed
        options["home.persistence"] = ""
    flags = {flag: set(map(_normal, names)) for flag, names in data["flags"][scope].items()}
    defaults = {_normal(name): value for name, value in data.get("defaults", {}).get(scope, {}).items()}
    known = set(options)
    for name in options:
        parts = name.split(".")
        known.update(".".join(parts[:length]) for length in range(1, len(parts)))
    renamed = {
        _normal(old): _target(_normal(old), _normal(new), known.__contains__)
        for old, new in data["renamed"][scope].items()
    }
    words = _CHANGED_FORM[scope].split()
    for old, new in zip(words[::2], words[1::2], strict=True):
        if old in flags["hidden"] and options[old] == "unspecified value" and new != old:
            renamed.setdefault(old, new)
    types = sorted(set(options.values()))
    numbers = {kind: number for number, kind in enumerate(types)}
    lines = [f"# {MADE_BY}", json.dumps(types, ensure_ascii=False, separators=(",", ":"))]
    for name, kind in sorted(options.items()):
        marks = "".join(
            letter for letter, flag in (("r", "read_only"), ("h", "hidden"), ("i", "internal")) if name in flags[flag]
        )
        if marks == "h" and kind == "unspecified value" and name not in renamed and name != "passthru":
            marks += "x"
        default = json.dumps(defaults[name], separators=(",", ":")) if name in defaults else ""
        row = (name, str(numbers[kind]), marks, renamed.get(name, ""), default)
        lines.append("\t".join(row).rstrip("\t"))
    return "\n".join(lines) + "\n"


def _packages(data: dict[str, Any]) -> str:
    """A line per set of packages: its name, a tab, its members between spaces; or `=` and a set it equals."""
    lists: dict[str, list[str]] = {"": data["packages"], "?": data["aliases"]}
    for name, members in data["sets"].items():
        lists[name] = (
            members
            if isinstance(members, list)
            else [f"{outer}.{member}" for outer, inner in members.items() for member in inner if member != _MARK]
        )
    lists["python3Packages"] = lists["python312Packages"]
    lines, seen = [f"# {MADE_BY}"], dict[str, str]()
    for name, members in sorted(lists.items()):
        text = f" {' '.join(sorted(set(members)))} "
        same = seen.setdefault(text, name)
        lines.append(f"{name}\t{text if same == name else '=' + same}")
    return "\n".join(lines) + "\n"


def _changes(data: list[dict[str, Any]]) -> str:
    """The changes by scope (`nixos`, `home`, `package`), oldest first, one to a line."""
    rows = []
    for change in sorted(data, key=lambda change: (change["since"], change["scope"], change["name"])):
        if "/" in change["name"]:  # a file of nixpkgs, not an option
            continue
        rows.append(
            json.dumps(
                {
                    "scope": change["scope"],
                    "name": _normal(change["name"]),
                    "kind": change["kind"],
                    "to": _normal(change["to"]) if change["to"] else "",
                    "since": change["since"],
                    "certain": change["certain"],
                    "detail": change["detail"],
                },
                ensure_ascii=False,
            )
        )
    return f'{{"made_by": {json.dumps(MADE_BY)}, "changes": [\n' + ",\n".join(rows) + "\n]}\n"


def _disko(data: dict[str, Any]) -> str:
    types = sorted(data["disko_types"].items())
    rows = [f"  {json.dumps(kind)}: {json.dumps(fields)}" for kind, fields in types]
    return f'{{"made_by": {json.dumps(MADE_BY)}, "types": {{\n' + ",\n".join(rows) + "\n}}\n"


def _read(path: Path) -> Any:
    data = path.read_bytes()
    return json.loads(gzip.decompress(data) if path.suffix == ".gz" else data)


def texts(source: Path) -> dict[str, str]:
    """The index's files by name, not yet compressed, made from the lists in the directory `source`."""
    first = _read(source / "nixos-24.11-options.json.gz")
    files = {
        "nixos-24.11.txt.gz": _options(first, "nixos"),
        "home-24.11.txt.gz": _options(first, "home"),
        "packages-24.11.txt.gz": _packages(_read(source / "nixos-24.11-packages.json.gz")),
        "changes.json": _changes(_read(source / "nixos-changes.json")),
        "disko.json": _disko(first),
    }
    for release in ("25.05", "25.11", "26.05"):
        data = _read(source / f"home-manager-{release}-options.json.gz")
        for name, kind in first["options"]["home"].items():  # OpNix was at hand for the first list only
            if name.startswith("programs.onepassword-secrets."):
                data["options"]["home"].setdefault(name, kind)
        files[f"home-{release}.txt.gz"] = _options(data, "home")
    return files


def main(source: Path) -> None:
    DATA.mkdir(exist_ok=True)
    for name, text in texts(source).items():
        data = text.encode()
        if name.endswith(".gz"):
            data = gzip.compress(data, 9, mtime=0)
        (DATA / name).write_bytes(data)
        print(f"{name}: {len(data):,} bytes")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
