"""A project's context: what somebody who comes to it anew has to know, gathered from what is there."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from pantheros.git import Commit, log, revision
from pantheros.insight.documents import is_document
from pantheros.insight.gaps import Gap
from pantheros.insight.roadmap import Item, Pace, Roadmap, rank, roadmap
from pantheros.insight.standing import Standing
from pantheros.scan.facts import Input
from pantheros.scan.host import PARTS
from pantheros.specs.metadata import PRIORITIES
from pantheros.specs.tree import without_day

RECENT_DAYS = 30
_NO_TECHNOLOGY = ("documentation", "hosts", "testing", "deployment")
"""Areas of which what is there is no technology."""
_LONGEST_INTRODUCTION = 600
_ENTRY_FILES = (
    *("fleet.toml", "flake.nix", "README.md", "CONTRIBUTING.md", "AGENTS.md", "CLAUDE.md", "roadmap.toml"),
    *("capabilities.toml", "openspec/project.md", "openspec/policy.toml", "justfile", "Makefile"),
)
_WHAT_FOR = {
    "fleet.toml": "the fleet: people, profiles, secrets, defaults",
    "flake.nix": "inputs and outputs: where every configuration begins",
    "README.md": "what the project is",
    "CONTRIBUTING.md": "how to work on it",
    "AGENTS.md": "what assistants have to know",
    "CLAUDE.md": "what assistants have to know",
    "roadmap.toml": "goals, phases and dates",
    "capabilities.toml": "what is expected of this repository",
    "openspec/project.md": "conventions of the project",
    "openspec/policy.toml": "which gates a change has to pass",
    "justfile": "commands of everyday work",
    "Makefile": "commands of everyday work",
}
_TREE = {
    "docs": "documentation",
    "home": "people's homes",
    "hosts": "the machines",
    "lib": "functions",
    "machines": "the machines",
    "modules": "modules that hosts share",
    "openspec": "specs and proposed changes",
    "overlays": "changes of packages",
    "pkgs": "packages of its own",
    "profiles": "settings that hosts share",
    "scripts": "programs for everyday work",
    "secrets": "encrypted secrets",
    "tests": "tests",
    "users": "people",
}


class Technology(NamedTuple):
    """An input of the flake, in the version that its lock file names; without one, as the flake asks for it."""

    name: str
    source: str
    version: str
    """The branch or tag, "" where none is named."""
    revision: str
    day: str
    """The day of the revision."""


class Decision(NamedTuple):
    """Something that was decided: a document of `docs/decisions/`, or a change that was archived."""

    title: str
    day: str
    place: str


class Directory(NamedTuple):
    """A directory, what it is for and how many files lie in it."""

    name: str
    about: str
    files: int


@dataclass(frozen=True)
class Context:
    """All of it."""

    name: str
    introduction: str
    today: date
    revision: str
    standing: Standing
    way: Roadmap
    technology: tuple[Technology, ...]
    tree: tuple[Directory, ...]
    recent: tuple[Commit, ...]
    """The commits of the last `RECENT_DAYS` days, the newest first."""
    decisions: tuple[Decision, ...]
    entry_files: Mapping[str, str]

    @property
    def tasks(self) -> tuple[int, int, int]:
        """Tasks of open changes and archived ones: done, in changes that are worked on, and pending."""
        done = sum(item.done for item in self.way.items)
        begun = sum(item.total - item.done for item in self.way.open if item.done)
        return done, begun, sum(item.total - item.done for item in self.way.open) - begun

    @property
    def configured(self) -> int:
        """The hosts that have hardware, disks and users, and a place in the flake as far as that can be told."""
        hosts = self.standing.survey.hosts
        return sum(all(part in host.has for part in PARTS[:3]) and host.in_flake is not False for host in hosts)

    @property
    def challenges(self) -> list[Gap]:
        """The urgent gaps, the most urgent first."""
        urgent = [gap for gap in self.standing.gaps if gap.status != "present"]
        urgent = [gap for gap in urgent if gap.capability.priority in PRIORITIES[:2]]
        return sorted(urgent, key=lambda gap: (PRIORITIES.index(gap.capability.priority), gap.status != "missing"))

    @property
    def proposals(self) -> list[Item]:
        """The open changes that are not done, the most urgent first."""
        return sorted(self.way.open, key=lambda item: (rank(item.planning.priority), item.name))

    @property
    def in_use(self) -> dict[str, list[str]]:
        """What is present, by area."""
        found: dict[str, list[str]] = {}
        for gap in self.standing.gaps:
            if gap.status == "present" and gap.capability.area not in _NO_TECHNOLOGY:
                found.setdefault(self.standing.model.areas[gap.capability.area].title, []).append(gap.capability.title)
        return found


def context(found: Standing, today: date, at: str = "", pace: Pace | None = None) -> Context:
    """The context of a repository on a day. `at` is the revision whose history is told; left out, the one that is
    checked out. The pace is the one given, or as git tells it."""
    survey, root = found.survey, found.survey.repository.root
    at = at or revision(root).removesuffix("+")
    return Context(
        root.name,
        _introduction(found),
        today,
        at,
        found,
        roadmap(survey, found.model, today, pace),
        tuple(_locked_inputs(root)) or tuple(_asked_for(each) for each in survey.flake.inputs),
        tuple(_tree(survey.repository.files)),
        tuple(log(root, today - timedelta(days=RECENT_DAYS), at)) if at else (),
        tuple(_decisions(found)),
        {name: _WHAT_FOR[name] for name in _ENTRY_FILES if name in survey.repository.files},
    )


def _introduction(found: Standing) -> str:
    """What the project says of itself: the first paragraph of its README, or the flake's description."""
    root = found.survey.repository.root
    readme = next((path for path in found.survey.repository.files if path.lower() in ("readme.md", "readme")), "")
    text = _text(root / readme) if readme else ""
    for paragraph in re.split(r"\n\s*\n", text.replace("\r\n", "\n")):
        words = " ".join(line for line in paragraph.split("\n") if not line.startswith(("#", "!", "[", "<", "=", "-")))
        if len(words.split()) >= 5:
            return words if len(words) <= _LONGEST_INTRODUCTION else words[: _LONGEST_INTRODUCTION - 1] + "…"
    return found.survey.flake.description


def _text(path: Path) -> str:
    """A document's text, "" where it cannot be read."""
    try:
        return path.read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""


def _locked_inputs(root: Path) -> Iterator[Technology]:
    """The inputs that the lock file names, those that the flake itself asks for."""
    for path in (root / "flake.lock", root / "nixos" / "flake.lock"):
        try:
            data: Any = json.loads(path.read_text(encoding="utf-8"))
            nodes = data["nodes"]
            asked = nodes[data.get("root", "root")].get("inputs", {})
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            continue
        for name, node in sorted(asked.items() if isinstance(asked, dict) else ()):
            found = nodes.get(node) if isinstance(node, str) else None
            if isinstance(found, dict) and isinstance(found.get("locked"), dict):
                yield _locked(name, found)
        return


def _locked(name: str, node: dict[str, Any]) -> Technology:
    locked, original = node["locked"], node.get("original")
    source = "/".join(str(locked[key]) for key in ("owner", "repo") if key in locked)
    source = source or str(locked.get("url") or locked.get("path") or "")
    try:
        day = f"{datetime.fromtimestamp(locked['lastModified'], UTC).date()}"
    except (KeyError, TypeError, ValueError, OverflowError, OSError):
        day = ""
    branch = str(original.get("ref", "")) if isinstance(original, dict) else ""
    return Technology(name, source, branch, str(locked.get("rev", ""))[:12], day)


def _asked_for(each: Input) -> Technology:
    """An input as the flake asks for it: `github:owner/repository/branch?dir=x`, `nixpkgs/branch`, or an address."""
    address, _, query = each.url.partition("?")
    scheme, _, rest = address.partition(":")
    branch = next((value for key, _, value in (part.partition("=") for part in query.split("&")) if key == "ref"), "")
    if scheme in ("github", "gitlab", "sourcehut"):
        parts = rest.split("/", 2)
        return Technology(each.name, "/".join(parts[:2]), branch or "".join(parts[2:]), "", "")
    if not rest and not address.startswith((".", "/")):
        source, _, said = address.removeprefix("flake:").partition("/")
        return Technology(each.name, source, branch or said, "", "")
    return Technology(each.name, address, branch, "", "")


def _tree(files: Sequence[str]) -> Iterator[Directory]:
    """The directories at the top, and those within the ones that hold hosts and modules."""
    counts: dict[str, int] = {}
    for path in files:
        parts = path.split("/")
        if parts[0].startswith(".") or len(parts) == 1:
            continue
        counts[parts[0]] = counts.get(parts[0], 0) + 1
        if parts[0] in ("hosts", "modules", "docs", "openspec") and len(parts) > 2:
            below = "/".join(parts[:2])
            counts[below] = counts.get(below, 0) + 1
    for name in sorted(counts):
        yield Directory(name, _TREE.get(name, ""), counts[name])


def _decisions(found: Standing) -> list[Decision]:
    repository = found.survey.repository
    decisions = []
    for path in repository.docs:
        parts = path.lower().split("/")
        if is_document(path) and {"decisions", "adr", "adrs"} & set(parts[:-1]) and parts[-1] != "readme.md":
            text = _text(repository.root / path)
            heading = re.search(r"^#\s+(.+?)\s*#*\s*$", text, re.MULTILINE)
            dated = re.search(r"\d{4}-\d{2}-\d{2}", parts[-1]) or re.search(r"\d{4}-\d{2}-\d{2}", text[:400])
            decisions.append(Decision(heading[1] if heading else parts[-1], dated[0] if dated else "", path))
    for name in found.survey.archived:
        day = name[:10] if name != without_day(name) else ""
        decisions.append(Decision(without_day(name), day, f"openspec/changes/archive/{name}/"))
    return sorted(decisions, key=lambda each: (each.day, each.title), reverse=True)
