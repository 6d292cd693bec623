"""The `git` program, as far as we need it."""

from __future__ import annotations

import io
import subprocess
import tarfile
from pathlib import Path

from pantheros.findings import PantherError


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


def export(directory: Path, revision: str, into: Path) -> None:
    """Write what a directory of a repository held at a revision into another. `PantherError` where git cannot."""
    command = ["git", "archive", "--format=tar", "--end-of-options", revision]
    try:
        archive = subprocess.run(command, cwd=directory, capture_output=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PantherError(f"cannot run git: {error}") from error
    if archive.returncode:
        said = archive.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise PantherError(f"git has no {revision} of {directory}: {said}", help="name a commit, a tag or a branch")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        tar.extractall(into, filter="data")
