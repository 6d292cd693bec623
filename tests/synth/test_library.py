"""What counts as a module, and what a module keeps for itself."""

from __future__ import annotations

from typing import Any

OPTIONS = "from pantheros.module import *\n\nclass Options(ModuleOptions):\n    pass\n"
OWN = (
    OPTIONS
    + """
def nixos(o, host):
    yield "environment.etc.hello.source", script(__file__, "_hello/scripts/hello", name="ada", lines="true\\nfalse")
"""
)
HELLO = '#!/bin/sh\n# @lines@\necho "hello @name@, $@" user@host@else\n'


def test_what_begins_with_an_underscore_is_no_module(fleet: Any) -> None:
    found = fleet({"modules/own.py": OPTIONS, "modules/_own/part.py": "1 / 0", "modules/_other.py": "1 / 0"})
    names = [name for name, module in found.model.resolver.library.modules.items() if module.own]
    assert names == ["own"]
    assert not any("_" in name for name in found.model.resolver.library.modules)


def test_a_script_lies_beside_the_code(fleet: Any) -> None:
    host = 'people = ["ada"]\n[pantherOS.own]\nenable = true\n'
    found = fleet({"modules/own.py": OWN, "modules/_hello/scripts/hello": HELLO, "hosts/box/host.toml": host})
    written = found.nixos(module="own")["environment.etc.hello.source"]
    assert written.name == "hello"
    assert written.executable
    assert written.text == '#!/bin/sh\ntrue\nfalse\necho "hello ada, $@" user@host@else\n'
