"""What is wrong with the layers of `fleet.toml` in themselves, whether or not a host uses them.

A host's options are judged once all its layers are put together, so a profile that no host has, or a person who is
on none, would never be looked at. Here each layer is checked alone, once, however many hosts there are.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import partial

from pantheros.document import Path
from pantheros.findings import BrokenModule, Finding, Origin
from pantheros.fleet.layers import Stack
from pantheros.fleet.model import DeclaredFleet, Layer
from pantheros.fleet.typed import check
from pantheros.synth.library import Library, Module
from pantheros.synth.resolve import no_table, unknown_module


def untold(fleet: DeclaredFleet, library: Library, told: Iterable[Finding]) -> list[Finding]:
    """What is wrong with the shared layers, apart from what was `told` of the hosts that have them already."""
    layers = [
        fleet.defaults,
        *(profile.layer for profile in fleet.profiles.values()),
        *(person.layer for person in fleet.people.values()),
    ]
    found = [finding for layer in layers for finding in _layer(library, layer)]
    # In a host, the same mistake may be numbered differently: lists append through the layers.
    places = {(finding.code, finding.origin) for finding in told} if found else set()
    return [finding for finding in found if (finding.code, finding.origin) not in places]


def _layer(library: Library, layer: Layer) -> Iterator[Finding]:
    stack = Stack().extended(layer.tables)
    modules: dict[str, Module] = {}
    for table in layer.tables:
        for module, path in library.named_by(table.data) if table.root == "pantherOS" else ():
            if module is None:
                yield unknown_module(library, path, table.origin(path, key=True))
            else:
                modules[module.name] = module
    for module in modules.values():
        try:
            yield from _module(stack, module)
        except BrokenModule as broken:
            yield broken.finding


def _module(stack: Stack, module: Module) -> Iterator[Finding]:
    given = stack.get("pantherOS", module.names)
    if not isinstance(given, dict):
        yield no_table(module, given, stack.origin("pantherOS", module.names))
        return
    _, findings = check(module.options, given, partial(_locate, stack, module), name=f"pantherOS.{module.name}")
    # What one layer lacks, another may bring.
    yield from (finding for finding in findings if finding.code != "missing-option")


def _locate(stack: Stack, module: Module, path: Path, key: bool) -> Origin | None:
    return stack.origin("pantherOS", (*module.names, *path), key=key)
