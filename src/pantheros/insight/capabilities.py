"""What a fleet may be expected to have: `capabilities.toml`, and what a repository's own file of that name changes.

A repository's `capabilities.toml` has the same shape. An entry with a known `id` overrides the keys that it has; one
with `wanted = false` says that the fleet does well without it; one with a new `id` is added.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import networkx as nx
from pydantic import BaseModel, ConfigDict, Field

from pantheros.document import Document
from pantheros.findings import Finding, nearest
from pantheros.fleet.files import read_text
from pantheros.fleet.toml import read_toml
from pantheros.fleet.typed import check
from pantheros.scan.repository import lies_there

FILE = "capabilities.toml"
Priority = Literal["critical", "high", "medium", "low"]
HostKind = Literal["workstation", "server"]
Measure = Literal[
    "modules-with-page",
    "modules-with-examples",
    "options-described",
    "modules-in-use",
    "hosts-in-flake",
    "hosts-with-hardware",
    "hosts-with-disks",
    "hosts-with-users",
    "hosts-with-home",
]
Kind = Literal[
    "architecture",
    "hardware",
    "module-interface",
    "security",
    "performance",
    "capability",
    "breaking",
    "skill",
    "host",
]
"""As `panther spec gen --kind` takes them."""
_Pattern = Annotated[str, Field(min_length=1)]
_Id = Annotated[
    str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*$", description="small letters and digits, hyphens between them")
]


class _Table(BaseModel):
    model_config = ConfigDict(strict=True, frozen=True, extra="forbid")


class Area(_Table):
    """A part of what a fleet does."""

    id: _Id
    title: str


class Scenario(_Table):
    """When something happens, what then is to hold."""

    name: str
    when: str
    then: str


class Capability(_Table):
    """Something that a fleet may have, how it shows, and what there is to do where it does not."""

    id: Annotated[str, Field(pattern=r"^[a-z0-9]+(-[a-z0-9]+)*\.[a-z0-9]+(-[a-z0-9]+)*$", description="`area.name`")]
    """`area.name`."""
    title: str
    why: str
    """Why it matters."""
    priority: Priority
    wanted: bool = True
    hosts: list[HostKind] = []
    """Kinds of host that each are to have it; without, it is enough that it is somewhere."""
    depends_on: list[str] = []
    """Capabilities that come first."""
    settings: list[_Pattern] = []
    """Options of NixOS or home-manager whose being set shows it, or one below them; `*` stands for one part of a path,
    `=true` at the end says that switched off it does not count, and `=false` that nothing else does;
    `=elsewhere`, that a text that names a place on another machine does."""
    unless: list[_Pattern] = []
    """For what NixOS does of itself: the settings that take it away."""
    packages: list[str] = []
    """Packages whose being installed shows it."""
    inputs: list[str] = []
    """Inputs of the flake that show that it is begun."""
    words: list[_Pattern] = []
    """Words in the names of modules, options, specs and changes that are about it."""
    files: list[_Pattern] = []
    """Patterns of files that show it; `**` stands for any directories."""
    containing: list[str] = []
    """Words, in small letters, one of which such a file has to contain."""
    outputs: list[str] = []
    """Outputs of the flake that show it."""
    calls: list[str] = []
    """Functions whose being called shows it: `runNixOSTest`."""
    measure: Measure | None = None
    """What is counted instead, over all modules, options or hosts."""
    shared: bool = False
    """Whether hosts use it together: a network, a store of secrets."""
    scope: list[str] = []
    """The steps that bring it about."""
    requirement: str = ""
    scenario: Scenario | None = None

    @property
    def area(self) -> str:
        return self.id.partition(".")[0]


class Template(_Table):
    """A proposal that can be made of what is missing."""

    id: _Id
    title: str
    kind: Kind
    rationale: str
    estimate: Annotated[float, Field(gt=0, description="a number of days, more than 0")]
    """Days of work where all of it is missing."""
    capabilities: list[str]
    questions: list[str] = []
    """What somebody has to answer first."""
    wanted: bool = True


@dataclass(frozen=True)
class Model:
    """All that may be expected, by id, in the order of the files."""

    areas: Mapping[str, Area]
    capabilities: Mapping[str, Capability]
    templates: Mapping[str, Template]


T = TypeVar("T", Area, Capability, Template)
_TABLES: dict[str, type[Area] | type[Capability] | type[Template]] = {
    "area": Area,
    "capability": Capability,
    "proposal": Template,
}


def read_model(root: Path) -> tuple[Model, list[Finding]]:
    """What is expected of the repository in `root`, and what is wrong with its own file."""
    built_in = tomllib.loads(files("pantheros.insight").joinpath(FILE).read_text(encoding="utf-8"))
    found = {name: {entry["id"]: entry for entry in built_in[name]} for name in _TABLES}
    findings: list[Finding] = []
    document: Document | None = None
    places: dict[tuple[str, str], int] = {}
    text, problems = read_text(root, FILE) if lies_there(root.resolve(), FILE) else (None, [])
    findings += problems
    if text is not None:
        document = read_toml(FILE, text)
        findings += document.findings
        findings += _overridden(document, found, places)
    model = Model(
        {id: Area.model_validate(entry) for id, entry in found["area"].items()},
        {id: Capability.model_validate(entry) for id, entry in found["capability"].items()},
        {id: Template.model_validate(entry) for id, entry in found["proposal"].items()},
    )
    if document is not None:
        findings += _unknown_names(model, document, places)
    return model, findings


def _overridden(
    document: Document, found: dict[str, dict[str, dict[str, Any]]], places: dict[tuple[str, str], int]
) -> list[Finding]:
    """Take over what a repository's own file says; what of it cannot be is a finding."""
    findings: list[Finding] = []
    for name, entries in document.data.items():
        table = _TABLES.get(name)
        if table is None or not isinstance(entries, list):
            guess = nearest(name, _TABLES)
            message = f"`{name}` is no list of tables" if table is not None else f"`{name}` has no meaning here"
            help = (
                f"write `[[{guess or name}]]`"
                if guess
                else f"there are {', '.join(f'`[[{each}]]`' for each in _TABLES)}"
            )
            findings.append(Finding("capability-model", message, help=help, origin=document.origin((name,), key=True)))
            continue
        for index, entry in enumerate(entries):
            where = (name, index)
            id = entry.get("id") if isinstance(entry, dict) else None
            if not isinstance(id, str):
                message = f"this {name} has no `id`"
                findings.append(Finding("capability-model", message, origin=document.origin(where)))
                continue
            merged = {**found[name].get(id, {}), **entry}

            def locate(path: tuple[str | int, ...], key: bool, where: tuple[str, int] = where) -> Any:
                return document.origin((*where, *path), key=key)

            checked, wrong = check(table, merged, locate, noun="key")
            findings += wrong
            if checked is not None:
                found[name][id] = checked.model_dump()
                places[name, id] = index
    return findings


def _unknown_names(model: Model, document: Document, places: Mapping[tuple[str, str], int]) -> list[Finding]:
    """Names in a repository's own file that nothing has, and dependencies that lead back to where they began."""
    findings: list[Finding] = []

    def unknown(where: tuple[str | int, ...], name: str, known: Mapping[str, object], what: str) -> None:
        guess = nearest(name, known)
        help = f"did you mean `{guess}`?" if guess else ""
        findings.append(
            Finding("capability-model", f"there is no {what} `{name}`", help=help, origin=document.origin(where))
        )

    for (table, id), index in places.items():
        if table == "capability":
            capability = model.capabilities[id]
            if capability.area not in model.areas:
                unknown(("capability", index, "id"), capability.area, model.areas, "area")
            for number, name in enumerate(capability.depends_on):
                if name not in model.capabilities:
                    unknown(("capability", index, "depends_on", number), name, model.capabilities, "capability")
        elif table == "proposal":
            for number, name in enumerate(model.templates[id].capabilities):
                if name not in model.capabilities:
                    unknown(("proposal", index, "capabilities", number), name, model.capabilities, "capability")
    graph = dependencies(model)
    for tied in nx.strongly_connected_components(graph):
        placed = next((each for each in sorted(tied) if ("capability", each) in places), None)
        if placed is None or (len(tied) == 1 and not graph.has_edge(placed, placed)):
            continue
        edges = nx.find_cycle(graph.subgraph(tied), min(tied))
        way = " → ".join([*(edge[0] for edge in edges), edges[0][0]])
        origin = document.origin(("capability", places["capability", placed], "depends_on"))
        findings.append(Finding("capability-model", f"capabilities wait for each other: {way}", origin=origin))
    return findings


def dependencies(model: Model) -> nx.DiGraph[str]:
    """What comes before what: an edge leads from a capability to one that depends on it."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from(model.capabilities)
    for capability in model.capabilities.values():
        graph.add_edges_from((each, capability.id) for each in capability.depends_on if each in model.capabilities)
    return graph
