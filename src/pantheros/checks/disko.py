"""Disk layouts in disko's own words: what each kind of content takes, however deep it lies."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping

from pantheros.checks.settings import Wrong, refusal
from pantheros.checks.view import HostView, Names, winning
from pantheros.findings import Finding, Related, nearest
from pantheros.fleet.layers import NORMAL
from pantheros.nix.values import Raw, join_path
from pantheros.nix.words import shown
from pantheros.releases.type_grammar import parse
from pantheros.releases.types import at
from pantheros.synth.merged import Definition, MergedSetting

_KINDS = re.compile(r"one of ([a-z_]+(?:,[a-z_]+)+)")
_IN_A_PARTITION = "null or (one of bcachefs,btrfs,filesystem,luks,lvm_pv,mdraid,swap,zfs)"
_SWAP_FILES = {
    "options": "null or string",
    "path": "null or string",
    "priority": "null or signed integer",
    "size": "string matching the pattern ([0-9]+[KMGTP])?",
}
_PARTS: dict[tuple[str, str], dict[str, str]] = {
    ("gpt", "partitions"): {
        "alignment": "signed integer",
        "attributes": "list of signed integer",
        "content": _IN_A_PARTITION,
        "device": "string",
        "end": "string",
        "hybrid": "null or (submodule)",
        "label": "string",
        "name": "string",
        "priority": "signed integer",
        "size": 'value "100%" (singular enum) or string matching the pattern [0-9]+[KMGTP]?',
        "start": "string",
        "type": "string matching the pattern [A-Fa-f0-9]{4}|[A-Fa-f0-9]{8}(-[A-Fa-f0-9]{4}){3}-[A-Fa-f0-9]{12}",
        "uuid": "null or string",
    },
    ("btrfs", "subvolumes"): {
        "extraArgs": "list of string",
        "mountOptions": "list of string",
        "mountpoint": "null or (An absolute path)",
        "name": "string",
        "swap": "attribute set of (submodule)",
        "type": 'value "btrfs_subvol" (singular enum)',
    },
    ("btrfs", "swap"): _SWAP_FILES,
    ("btrfs.subvolumes", "swap"): _SWAP_FILES,
    ("lvm_vg", "lvs"): {
        "content": _IN_A_PARTITION,
        "extraArgs": "list of string",
        "lvm_type": "null or string",
        "name": "string",
        "pool": "null or string",
        "priority": "signed integer",
        "size": "string",
    },
}
"""What the parts of some kinds take, of which the index has no list (disko, `lib/types`, as of 2026-03)."""
_MAY_BE_EMPTY = re.compile(r"null or|attribute set of|list of")
"""Types with a value of their own for what is not set (nixpkgs, `lib/types.nix`: `emptyValue`)."""
_HOOK = re.compile(r"(pre|post)(Create|Mount|Unmount)Hook\Z")

Layout = dict[str, "Layout | MergedSetting"]


def findings(view: HostView) -> Iterator[Finding]:
    """What disko would refuse of a host's layout, besides what the index knows of its options."""
    top = ("disko", "devices")
    layout = _layout(view.below(*top), len(top))
    for kind, devices in layout.items():
        if kind in view.index.disko and isinstance(devices, dict):
            for name, device in devices.items():
                if isinstance(device, dict):
                    yield from _Walk(view).content(kind, (*top, kind, name), device)
    yield from _said_twice(view)


_DEVICE_OF_OTHERS = re.compile(r"/dev/(disk/by-(uuid|label|id|path|partuuid)/|(sd|vd|xvd|hd|nvme|mmcblk))")


def _said_twice(view: HostView) -> Iterator[Finding]:
    """Raw file systems that are others than those that disko mounts in the same place (disko, `lib/types`)."""
    layout = view.below("disko", "devices")
    known = {setting.value for setting in layout.values() if isinstance(setting.value, str)}
    for path, setting in layout.items():
        if path[-1] != "mountpoint" or not isinstance(setting.value, str):
            continue
        mounted = ("fileSystems", setting.value)
        format = layout.get((*path[:-1], "format"))
        made = "btrfs" if "subvolumes" in path else format.value if format is not None else None
        for name in ("device", "fsType"):
            said = view.system.get((*mounted, name))
            definition = winning(said) if said is not None else None
            if definition is None or definition.priority != NORMAL or not isinstance(definition.bare, str):
                continue
            value = definition.bare
            other = _DEVICE_OF_OTHERS.match(value) if name == "device" else made not in (None, value)
            if other and (name == "fsType" or value not in known):
                option = join_path((*mounted, name))
                message = f"`{option}` is {shown(value)} here, and disko, which mounts something there, says otherwise"
                place = view.place(None, (*mounted, name), definition)
                layout_place = view.place(None, path, winning(setting))
                related = (Related("the layout of disko", layout_place.origin),) if layout_place.origin else ()
                help = "leave it to disko, or take the mount point out of the layout"
                yield view.finding("conflicting-values", message, place, help=help, related=related)


def _layout(settings: Mapping[Names, MergedSetting], skip: int) -> Layout:
    """The settings as a tree, without the first names of their paths."""
    tree: Layout = {}
    for path, setting in settings.items():
        at: Layout = tree
        for name in path[skip:-1]:
            below = at.setdefault(name, {})
            if not isinstance(below, dict):
                break  # once as a value, once as a set, which is told elsewhere
            at = below
        else:
            at.setdefault(path[-1], setting)
    return tree


class _Walk:
    def __init__(self, view: HostView) -> None:
        self.view = view

    def content(self, kind: str, path: Names, layout: Layout) -> Iterator[Finding]:
        """What is wrong with content of a kind."""
        fields = self.view.index.disko[kind]
        yield from self.fields(kind, {name: field.type for name, field in fields.items()}, path, layout)
        for name, field in fields.items():
            if field.required and name not in layout and not _MAY_BE_EMPTY.match(field.type):
                yield from self.missing(name, path, layout)

    def missing(self, name: str, path: Names, layout: Layout) -> Iterator[Finding]:
        """What content lacks, told where its kind is said, unless something may say it that only Nix can read."""
        option = join_path((*path, name))
        raw = self.view.may_set("disko")
        if raw is not None:
            self.view.not_verified(f"`{option}`", f"the raw module {raw} may set it")
            return
        message = f"`{join_path(path)}` says no `{name}`, which disko cannot do without"
        wrong = Wrong("missing-setting", message, f"set `{option}`")
        said = layout.get("type")
        if isinstance(said, MergedSetting):
            yield from self.told(wrong, (*path, "type"), said)
        else:
            yield from self.told(wrong, path, layout)

    def fields(self, kind: str, fields: Mapping[str, str], path: Names, layout: Layout) -> Iterator[Finding]:
        for name, below in layout.items():
            where = (*path, name)
            if name.startswith("_") or (name not in fields and _HOOK.match(name)):
                continue
            if name not in fields:
                near = nearest(name, fields)
                help = f"did you mean `{near}`?" if near else f"it takes {', '.join(sorted(fields))}"
                message = (
                    f"disko has no option `{join_path(where)}`: it is no part of {kind.replace('.', chr(39) + 's ')}"
                )
                yield from self.told(Wrong("unknown-setting", message, help), where, below)
            elif (part := _PARTS.get((kind, name))) is not None:
                for each, inner in below.items() if isinstance(below, dict) else ():
                    if isinstance(inner, dict):
                        yield from self.fields(f"{kind}.{name}", part, (*where, each), inner)
            elif found := _KINDS.search(fields[name]):
                kinds = found[1].split(",")
                if fields[name].startswith("attribute set of"):
                    for each, inner in below.items() if isinstance(below, dict) else ():
                        yield from self.either(kinds, (*where, each), inner)
                else:
                    yield from self.either(kinds, where, below)
            else:
                yield from self.values(fields[name], where, below)

    def either(self, kinds: list[str], path: Names, layout: Layout | MergedSetting) -> Iterator[Finding]:
        """What is wrong with content that says itself of which kind it is."""
        if not isinstance(layout, dict):
            return
        said = layout.get("type")
        if not isinstance(said, MergedSetting):
            if said is None and layout:
                yield from self.missing("type", path, layout)
            return
        kind = said.value
        if not isinstance(kind, str) or "\0" in kind:
            return
        if kind not in kinds:
            near = nearest(kind, kinds)
            help = f"did you mean {shown(near)}?" if near else f"it may be {', '.join(kinds)}"
            where = (*path, "type")
            wrong = Wrong("not-one-of", f"`{join_path(where)}` is {shown(kind)}, which disko does not have there", help)
            yield from self.told(wrong, where, said)
        elif kind in self.view.index.disko:
            yield from self.content(kind, path, layout)

    def values(self, type: str, path: Names, layout: Layout | MergedSetting, below: Names = ()) -> Iterator[Finding]:
        if isinstance(layout, dict):
            for name, inner in layout.items():
                yield from self.values(type, path, inner, (*below, name))
            return
        kind = at(parse(type), below)
        for definition in layout.definitions:
            value = definition.bare
            if kind is None or isinstance(value, Raw):
                continue
            for mismatch in kind.mismatches(value):
                yield from self.told(refusal((*path, *below), mismatch), (*path, *below), layout, definition)

    def told(
        self, wrong: Wrong, path: Names, layout: Layout | MergedSetting, definition: Definition | None = None
    ) -> Iterator[Finding]:
        """The finding, at the first of the settings below, unless it is told by the index, which lists some of them."""
        while isinstance(layout, dict):
            if not layout:
                return
            name, layout = next(iter(layout.items()))
            path = (*path, name)
        said = definition or layout.definitions[0]
        if said.module is not None and not self.view.model.resolver.library.modules[said.module].own:
            return  # a module of the library tells itself what it could not make of its options
        status = self.view.index.status("nixos", path)
        if wrong.code != "missing-setting" and (status.option is None or not status.option.below):
            return
        key = wrong.code == "unknown-setting"
        place = self.view.place(None, path, said, wrong.inside, key=key)
        yield self.view.finding(wrong.code, wrong.message, place, help=wrong.help)
