"""A host with containers, and the secrets they want."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

TABLE = "pantherOS.development.containers"
Make = Callable[..., Any]

FLEET = (Path(__file__).parent / "fleet.toml").read_text()


@pytest.fixture
def box(fleet: Make) -> Make:
    """A fleet with ada, bob and secrets, and one host; settings of the module below `containers` in TOML."""

    def box(body: str, *, people: str = '["ada"]', release: str | None = None, whole: bool = False) -> Any:
        text = body if whole else f"people = {people}\n[{TABLE}]\nenable = true\n{body}"
        return fleet({"fleet.toml": FLEET, "seccomp.json": "{}", "hosts/box/host.toml": text}, release=release)

    return box
