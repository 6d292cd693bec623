"""Where a relative path that a file names lies in the fleet."""

from __future__ import annotations

import posixpath

from pantheros.findings import Finding, Origin


def in_fleet(file: str, path: str) -> str | None:
    """`path`, as `file` names it, relative to the fleet; None when it leaves the fleet."""
    found = posixpath.normpath(posixpath.join(posixpath.dirname(file), path))
    return None if found == ".." or found.startswith(("../", "/")) else found


def outside(path: str, origin: Origin) -> Finding:
    """The finding for a path that leaves the fleet."""
    return Finding(
        "path-outside-fleet",
        f"`{path}` lies outside the fleet",
        help="move it into the fleet's directory: only that is copied into the output",
        origin=origin,
    )
