"""What a repository has of what may be expected of it."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Literal

from pantheros.insight.capabilities import Capability, Measure, Model
from pantheros.insight.evidence import Evidence, Witness
from pantheros.insight.survey import Change, Survey
from pantheros.scan.host import PARTS, Host, Place
from pantheros.scan.repository import Module

Status = Literal["present", "partial", "missing"]
_MOST = 5
"""Pieces of evidence that are named for one capability."""


@dataclass(frozen=True)
class Gap:
    """How it stands with one capability."""

    capability: Capability
    status: Status
    evidence: tuple[Evidence, ...]
    lacking: tuple[str, ...] = ()
    """The hosts, modules or options that do not have it, where others do or should."""
    count: tuple[int, int] | None = None
    """How many have it, of how many, where that is counted."""
    unsure: tuple[str, ...] = ()
    """The hosts of which only Nix can tell whether they have it."""
    proposed_by: str = ""
    """The open change that is about it."""


def assess(model: Model, found: Survey) -> tuple[Gap, ...]:
    """How it stands with every capability that is wanted; not with those that nothing here could have."""
    witness = Witness(found, switches(model))
    gaps = (
        _measured(each, witness) if each.measure is not None else _shown(each, witness)
        for each in model.capabilities.values()
        if each.wanted
    )
    return tuple(_proposed(gap, model, witness) for gap in gaps if gap is not None)


def switches(model: Model) -> frozenset[str]:
    """The services and programs whose `enable` the model knows."""
    patterns = (pattern for each in model.capabilities.values() for pattern in each.settings)
    found = (pattern.removesuffix(".enable") for pattern in patterns if pattern.endswith(".enable"))
    return frozenset(each for each in found if each.startswith(("services.", "programs.")) and each.count(".") == 1)


def _proposed(gap: Gap, model: Model, witness: Witness) -> Gap:
    """A gap with the open change that is about it: about the capability itself, or called as the proposal would be that
    it belongs to."""
    if gap.status == "present":
        return gap
    id = gap.capability.id
    templates = [template for template in model.templates.values() if id in template.capabilities]
    change = witness.change(gap.capability.words)
    for template in templates:
        change = change or proposed_as(template.id, witness.survey.changes)
    return replace(gap, proposed_by=change) if change else gap


def proposed_as(id: str, changes: Iterable[Change]) -> str:
    """The open change that is called as a proposal would be, give or take a word more and the plural; or ""."""
    wanted = _stems(id)
    for change in changes:
        same = change.name in (id, f"add-{id}") or (len(wanted) > 1 and wanted <= _stems(change.name))
        if same and change.status != "complete":
            return change.name
    return ""


def _stems(name: str) -> set[str]:
    return {word.removesuffix("s") for word in name.lower().split("-")} - {"and", "or", "the", "of"}


def _shown(capability: Capability, witness: Witness) -> Gap | None:
    """What shows a capability. A host that is not wholly known lacks nothing that is not seen on it."""
    hosts = witness.survey.hosts
    expected = [host for host in hosts if host.kind in capability.hosts]
    if capability.hosts and not expected:
        return None
    seen = {
        host.name: witness.on_host(host, capability.settings, capability.packages)
        or witness.switched_on(host, capability.words)
        or (witness.by_default(host, capability.unless) if capability.unless else None)
        for host in hosts
    }
    wanted = expected if capability.hosts else list(hosts)
    whole = [each for host in wanted if (each := seen[host.name]) is not None and each.host]
    begun = [each for host in wanted if (each := seen[host.name]) is not None and not each.host]
    lacking = tuple(host.name for host in wanted if seen[host.name] is None and host.whole) if capability.hosts else ()
    if (file := witness.file(capability.files, capability.containing)) is not None:
        (whole if file[1] else begun).append(file[0])
    given = (witness.output(capability.outputs), witness.call(capability.calls))
    whole += [each for each in given if each is not None]
    if not whole:
        # Hosts of other kinds may have it: that is more than its being written.
        begun += [each for host in hosts if host not in wanted and (each := seen[host.name]) is not None][:1]
        written = None if begun else witness.written(capability.settings)
        more = (written, witness.input(capability.inputs), witness.named(capability.words))
        begun += [each for each in more if each is not None]
    only_hosts = capability.hosts and not (capability.files or capability.outputs)
    unsure = tuple(host.name for host in wanted if seen[host.name] is None and not host.whole)
    unsure = unsure if capability.hosts else ()
    status: Status = "missing"
    if whole and not (only_hosts and (lacking or unsure)):
        status = "present"
    elif whole or begun:
        status = "partial"
    if status == "missing":
        unsure = ()  # nothing in the repository says anything of it
    have = sum(seen[host.name] is not None for host in wanted)
    count = (have, len(wanted)) if capability.hosts else None
    return Gap(capability, status, tuple((whole or begun)[:_MOST]), lacking, count, unsure)


def _measured(capability: Capability, witness: Witness) -> Gap | None:
    assert capability.measure is not None
    have, lacking = _MEASURES[capability.measure](witness)
    if not have and not lacking:
        return None
    status: Status = "present" if not lacking else "partial" if have else "missing"
    return Gap(capability, status, tuple(have[:_MOST]), tuple(lacking), (len(have), len(have) + len(lacking)))


_Counted = tuple[list[Evidence], list[str]]
"""What shows it, and what lacks it."""


def _substantial(witness: Witness) -> list[Module]:
    """The modules that do something, and do not merely gather others."""
    return [
        module
        for module in witness.repository.modules
        if not module.facts.broken and (module.facts.options or any("." in each.path for each in module.facts.settings))
    ]


def _with_page(witness: Witness) -> _Counted:
    pages = {module.path: witness.documents.page(module) for module in _substantial(witness)}
    have = [Evidence(f"{page}, about {path}", Place(page, 0)) for path, page in pages.items() if page]
    return have, [path for path, page in pages.items() if not page]


def _with_examples(witness: Witness) -> _Counted:
    pages = {module.path: witness.documents.page(module) for module in _substantial(witness)}
    shown = {path: page for path, page in pages.items() if page and witness.documents.has_example(page)}
    have = [Evidence(f"{page}, about {path}", Place(page, 0)) for path, page in shown.items()]
    return have, [path for path in pages if path not in shown]


def _described(witness: Witness) -> _Counted:
    options = [(module.path, option) for module in witness.repository.modules for option in module.facts.options]
    have = [Evidence(option.path, Place(path, option.line)) for path, option in options if option.description]
    return have, [option.path for _, option in options if not option.description]


def _in_use(witness: Witness) -> _Counted:
    used = {path for host in witness.survey.hosts for path in host.files}
    modules = [module.path for module in _substantial(witness)]
    have = [Evidence(path, Place(path, 0)) for path in modules if path in used]
    return have, [path for path in modules if path not in used]


def _in_flake(witness: Witness) -> _Counted:
    hosts = [host for host in witness.survey.hosts if host.in_flake is not None]
    have = [
        Evidence(f"nixosConfigurations.{host.output}", host.given or Place("flake.nix", 0), host.name)
        for host in hosts
        if host.in_flake
    ]
    return have, [host.name for host in hosts if not host.in_flake]


def _having(part: str) -> Callable[[Witness], _Counted]:
    def count(witness: Witness) -> _Counted:
        hosts = witness.survey.hosts
        have = [Evidence(f"{host.name}: {part}", host.has[part], host.name) for host in hosts if part in host.has]
        return have, [host.name for host in hosts if part not in host.has and host.followed]

    return count


_MEASURES: dict[Measure, Callable[[Witness], _Counted]] = {
    "modules-with-page": _with_page,
    "modules-with-examples": _with_examples,
    "options-described": _described,
    "modules-in-use": _in_use,
    "hosts-in-flake": _in_flake,
    "hosts-with-hardware": _having("hardware"),
    "hosts-with-disks": _having("disks"),
    "hosts-with-users": _having("users"),
    "hosts-with-home": _having("home"),
}


def lacks(host: Host, gaps: tuple[Gap, ...]) -> list[str]:
    """What a host lacks: its parts, its place in the flake, and capabilities that its kind is to have."""
    missing = [part for part in PARTS if part not in host.has and host.followed]
    if host.in_flake is False:
        missing.append("flake")
    return [*missing, *(gap.capability.id for gap in gaps if not gap.capability.measure and host.name in gap.lacking)]
