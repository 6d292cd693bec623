"""The `git` program, as far as we need it."""

from __future__ import annotations

import io
import os
import subprocess
import tarfile
from datetime import date
from pathlib import Path
from typing import NamedTuple

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


def export(directory: Path, revision: str, into: Path, below: str = ".") -> None:
    """Write what a directory of a repository held at a revision into another; or what lay `below` one of its own.
    `PantherError` where git cannot."""
    command = ["git", "archive", "--format=tar", "--end-of-options", revision, below]
    try:
        archive = subprocess.run(command, cwd=directory, capture_output=True, check=False, timeout=120)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise PantherError(f"cannot run git: {error}") from error
    if archive.returncode:
        said = archive.stderr.decode(errors="replace").strip().removeprefix("fatal: ")
        raise PantherError(f"git has no {revision} of {directory}: {said}", help="name a commit, a tag or a branch")
    with tarfile.open(fileobj=io.BytesIO(archive.stdout)) as tar:
        for member in tar:
            _extract(tar, member, into)


def _extract(tar: tarfile.TarFile, member: tarfile.TarInfo, into: Path) -> None:
    """Write a member of an archive below a directory; what leads out of it is left out. (The filters that tarfile has
    for it came with Python 3.11.4, and 3.11.0 is to do.)"""
    path = into / member.name
    leads_to = path.parent / member.linkname if member.issym() else path
    if not Path(os.path.realpath(leads_to)).is_relative_to(os.path.realpath(into)):
        return
    if member.isdir():
        path.mkdir(parents=True, exist_ok=True)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    if member.issym():
        path.symlink_to(member.linkname)
    elif content := tar.extractfile(member):
        path.write_bytes(content.read())
        path.chmod(0o755 if member.mode & 0o100 else 0o644)


def added_in(directory: Path, path: str) -> str:
    """The commit that brought a path into the repository, "" where there is none or no git."""
    return _said(directory, "log", "--diff-filter=A", "--format=%H", "-n", "1", "--", path)


def parent(directory: Path, commit: str) -> str:
    """The commit before another, "" where git knows of none."""
    return _said(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{commit}^")


def last_commit(directory: Path, path: str) -> str:
    """The commit that last touched a path, "" where there is none or no git."""
    return _said(directory, "log", "--format=%H", "-n", "1", "--", path)


def authors(directory: Path, path: str) -> list[str]:
    """Who has changed a path since it came into the repository, each as `Name <address>`."""
    listed = _said(directory, "log", "--format=%an <%ae>", "--", path).split("\n")
    return list(dict.fromkeys(listed[:-1]))


def content_at(directory: Path, revision: str, path: str) -> bytes | None:
    """What a file held at a revision, its path relative to `directory`; None where it was not there."""
    try:
        command = ["git", "show", "--end-of-options", f"{revision}:./{path}"]
        found = subprocess.run(command, cwd=directory, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout if found.returncode == 0 else None


def revision(directory: Path) -> str:
    """The commit that is checked out, with `+` behind it where files differ from it; "" without git."""
    head = _said(directory, "rev-parse", "HEAD")
    changed = head and _said(directory, "status", "--porcelain", "--untracked-files=normal", "--", ".")
    return f"{head}+" if changed else head


def changed_files(directory: Path, since: str = "HEAD") -> list[str]:
    """The files below `directory` that differ from a revision, those that git does not know included."""
    tracked = _said(directory, "diff", "--name-only", "--relative", "-z", since, "--", ".")
    return sorted({*filter(None, tracked.split("\0")), *set(untracked(directory)) - set(ignored(directory))})


def user(directory: Path) -> str:
    """Who commits here: `Name <address>`; "" where git does not know."""
    name, address = (_said(directory, "config", key) for key in ("user.name", "user.email"))
    return f"{name} <{address}>" if name and address else name or address


def _said(directory: Path, *command: str) -> str:
    try:
        found = subprocess.run(["git", *command], cwd=directory, capture_output=True, check=False, timeout=60)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return found.stdout.decode(errors="surrogateescape").strip("\n") if found.returncode == 0 else ""


def is_repository(directory: Path) -> bool:
    """Whether a directory lies in the work tree of a repository."""
    return _said(directory, "rev-parse", "--is-inside-work-tree") == "true"


def tracked_and_new(directory: Path) -> list[str]:
    """The files below a directory that git tracks or would, in order; without git all of them but hidden ones."""
    listed = _said(directory, "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", ".")
    if listed:
        return sorted(set(filter(None, listed.split("\0"))))
    return [path for path in all_files(directory) if not any(part.startswith(".") for part in path.split("/"))]


def all_files(directory: Path) -> list[str]:
    """The files below a directory, in order."""
    return sorted(path.relative_to(directory).as_posix() for path in directory.rglob("*") if path.is_file())


def commit_before(directory: Path, day: date, revision: str = "HEAD") -> str:
    """The last commit of a revision's history before a day begins (in UTC), "" where there is none or no git."""
    return _said(directory, "rev-list", "-n", "1", f"--before={day}T00:00:00Z", "--end-of-options", revision)


def first_commit(directory: Path, path: str) -> tuple[str, date] | None:
    """The first commit that has a path, and its day; None where there is none or no git."""
    first, _, _ = _said(directory, "log", "--reverse", "--format=%H %cs", "--", path).partition("\n")
    id, _, day = first.partition(" ")
    return (id, date.fromisoformat(day)) if id else None


class Commit(NamedTuple):
    """A commit, as a list of changes shows it."""

    id: str
    day: str
    author: str
    subject: str


def log(directory: Path, since: date, until: str = "HEAD", *, without: str = "") -> list[Commit]:
    """The commits of a history since a day began (in UTC), the newest first; merges are left out, and those that touch
    no file but `without`. None where git does not know the revision."""
    exclude = [f":(exclude){without}"] if without else []
    fields = "--format=%H%x00%cs%x00%an%x00%s%x00"
    listed = _said(directory, "log", "--no-merges", fields, f"--since={since}T00:00:00Z", until, "--", ".", *exclude)
    parts = listed.split("\0")[:-1]
    return [
        Commit(parts[at].strip("\n"), parts[at + 1], parts[at + 2], parts[at + 3]) for at in range(0, len(parts), 4)
    ]


def knows(directory: Path, revision: str) -> bool:
    """Whether a revision is one of this repository's commits."""
    return bool(_said(directory, "rev-parse", "--verify", "--quiet", "--end-of-options", f"{revision}^{{commit}}"))


def is_shallow(directory: Path) -> bool:
    """Whether a clone has only the last part of the history."""
    return _said(directory, "rev-parse", "--is-shallow-repository") == "true"


def commit_day(directory: Path) -> date | None:
    """The day of the commit that is checked out; None without one."""
    said = _said(directory, "log", "-1", "--format=%cs")
    return date.fromisoformat(said) if said else None
