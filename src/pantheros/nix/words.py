"""Values in the words that users write them in."""

from __future__ import annotations

import datetime
from typing import Any

from pantheros.nix.values import Expression, FleetPath, Override, Package, parts


def shown(value: Any) -> str:
    """A value as a user would write it, shortened."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    if isinstance(value, str):
        text = "".join(p if isinstance(p, str) else f"${{{shown(p)}}}" for p in parts(value))
        text = text if len(text) <= 60 else text[:57] + "..."
        return '"' + text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", "\\n") + '"'
    if isinstance(value, list):
        return "[]" if not value else f"a list ({', '.join(map(shown, value[:3]))}{', ...' if value[3:] else ''})"
    if isinstance(value, dict):
        return "a table"
    if isinstance(value, Package):
        return f"pkgs.{value.name}"
    if isinstance(value, FleetPath):
        return f"the path {value.path}"
    if isinstance(value, Expression):
        return "a Nix expression"
    if isinstance(value, Override):
        return shown(value.value)
    if isinstance(value, datetime.date | datetime.time):
        return f"the date or time {value}"
    return str(value)
