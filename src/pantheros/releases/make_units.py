"""Making the list of what NixOS takes in systemd's units, from the source of the modules that check them.

    python -m pantheros.releases.make_units NIXPKGS

`NIXPKGS` is a checkout of nixpkgs 24.11. Its `networkd.nix` names, for each section of a unit, the settings there are
and what some of them may be; an option's type says no more than "systemd option". What the list holds is described in
`data/README.md`.
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

from pantheros.releases.make_index import DATA

MADE_BY = "Made by `python -m pantheros.releases.make_units`; not to be edited."
_SOURCE = "nixos/modules/system/boot/networkd.nix"
_SERVICES = "nixos/lib/systemd-unit-options.nix"
_BOOLEANS = [True, False, "yes", "no"]
_SETS = {"linkOptions": "links.<name>", "netdevOptions": "netdevs.<name>", "networkOptions": "networks.<name>"}
_SECTION = re.compile(
    r"^    (?P<group>\w+) = (?:\{|let)$"
    r'|^      (?P<name>section\w+) = checkUnitConfig\w* (?:\S+ )?"\w+" \[(?P<checks>.*?)^      \];',
    re.MULTILINE | re.DOTALL,
)
_OPTION = re.compile(
    r"^  (?P<set>\w+) = (?:commonNetworkOptions // )?\{$|^    (?P<option>[\w.]+) = mkOption \{(?P<body>.*?)^    \};",
    re.MULTILINE | re.DOTALL,
)
_CHECKED = re.compile(
    r'(?P<list>listOf \(mkSubsectionType "(?P<old>\w+)" )?check\.(?P<group>\w+)\.(?P<name>section\w+)'
)


def text(nixpkgs: Path) -> str:
    """The list as JSON: by option, `fields`, `one_of`, `integers`, `ranges`; `old` where it is a list of sections."""
    source = (nixpkgs / _SOURCE).read_text(encoding="utf-8")
    sections = _sections(source)
    found: dict[str, Any] = {}
    where = "config"
    for option in _OPTION.finditer(source):
        if option["set"]:
            where = _SETS.get(option["set"], "config")
            continue
        checked = _CHECKED.search(option["body"])
        # Some sections share their checks by a name; those are left out.
        if checked and (checked["group"], checked["name"]) in sections:
            section = dict(sections[checked["group"], checked["name"]])
            if checked["old"]:
                section["old"] = checked["old"]
            found[f"systemd.network.{where}.{option['option']}"] = section
    services = (nixpkgs / _SERVICES).read_text(encoding="utf-8")
    checks = re.search(r"checkService = checkUnitConfig \"Service\" \[(.*?)^  \];", services, re.MULTILINE | re.DOTALL)
    assert checks is not None
    found["systemd.services.<name>.serviceConfig"] = {"one_of": _one_of(checks[1])}
    rows = [f"  {json.dumps(name)}: {json.dumps(section)}" for name, section in sorted(found.items())]
    return f'{{"made_by": {json.dumps(MADE_BY)}, "sections": {{\n' + ",\n".join(rows) + "\n}}\n"


def _sections(source: str) -> dict[tuple[str, str], dict[str, Any]]:
    found: dict[tuple[str, str], dict[str, Any]] = {}
    group = ""
    for section in _SECTION.finditer(source):
        if section["group"]:
            group = section["group"]
            continue
        checks = section["checks"]
        fields = re.search(r"\(assertOnlyFields \[(.*?)\]\)", checks, re.DOTALL)
        assert fields is not None
        found[group, section["name"]] = {
            "fields": re.findall(r'"([^"]+)"', fields[1]),
            "one_of": _one_of(checks),
            "integers": re.findall(r'\(assertInt "(\w+)"\)', checks),
            "ranges": {
                name: [int(least), int(most) if most else None]
                for _, name, least, most in re.findall(
                    r'\(assert(Range|Minimum) "(\w+)" (-?\d+)(?: (-?\d+))?\)', checks
                )
            },
        }
    return found


def _one_of(checks: str) -> dict[str, list[Any]]:
    """What settings may be, by name; those whose values are worked out are left out."""
    found = {}
    for name, values in re.findall(r'\(assertValueOneOf "(\w+)" (boolValues|\([^()]*\)|\[[^\]]*\])\s*\)', checks):
        words = re.findall(r'"([^"]*)"', values)
        plain = re.fullmatch(r"\(?\s*(boolValues)?(\s*\+\+\s*)?(\[[^\]]*\])?\s*\)?", values)
        if plain:
            found[name] = [*(_BOOLEANS if "boolValues" in values else []), *words]
    return found


def main(nixpkgs: Path) -> None:
    (DATA / "units-24.11.json").write_text(text(nixpkgs), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
