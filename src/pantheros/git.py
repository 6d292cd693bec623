"""The `git` program, as far as we need it."""

from __future__ import annotations

import subprocess
from pathlib import Path


def configured(option: str) -> str:
    """The user's own setting of an option (`user.name`); empty without one, or without git."""
    try:
        found = subprocess.run(["git", "config", "--global", option], capture_output=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.decode(errors="replace").strip()


def untracked(directory: Path) -> list[str]:
    """Files below `directory` that git does not track, relative to it; none outside a repository or without git."""
    return _others(directory)


def ignored(directory: Path) -> list[str]:
    """Those of the untracked files that a `.gitignore` (or another of git's lists) hides."""
    return _others(directory, "--ignored", "--exclude-standard")


def _others(directory: Path, *which: str) -> list[str]:
    try:
        listed = subprocess.run(
            ["git", "ls-files", "--others", *which, "-z", "--", "."],
            cwd=directory,
            capture_output=True,
            check=False,
            timeout=20,
        )
    except (OSError, subprocess.TimeoutExpired):
        return []
    if listed.returncode:
        return []
    return [path for path in listed.stdout.decode(errors="surrogateescape").split("\0") if path]
