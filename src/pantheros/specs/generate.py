"""Beginning a change: its directory, what is to be filled in, and what is kept to compare with later."""

from __future__ import annotations

import json
import re
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pantheros.findings import PantherError
from pantheros.fleet.read import FLEET_FILE, read_fleet
from pantheros.git import changed_files, export
from pantheros.specs import kinds
from pantheros.specs.journal import Write, change_together, locked
from pantheros.specs.kinds import KINDS, Kind
from pantheros.specs.metadata import FILE as METADATA
from pantheros.specs.metadata import default_note
from pantheros.specs.record import FILE as RECORD
from pantheros.specs.record import Emergency, Record, as_bytes, whole_base
from pantheros.specs.tree import ARCHIVE, SPEC, Root, find_root
from pantheros.synth.build import Model
from pantheros.synth.difference import differences

_NAME = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*\Z")
_CAPABILITY = re.compile(r"[a-z0-9]+(?:-[a-z0-9]+)*(?:/[a-z0-9]+(?:-[a-z0-9]+)*)*\Z")


@dataclass(frozen=True)
class New:
    """A change that is to be begun."""

    name: str
    kind: Kind
    capabilities: tuple[str, ...] = ()
    phase: str = ""
    priority: str = ""
    depends_on: tuple[str, ...] = ()
    blocks: tuple[str, ...] = ()
    milestone: str = ""
    estimate: float | None = None
    """Days of work."""
    rows: tuple[str, ...] = ()
    """Hosts or modules for the impact matrix."""


def home(start: Path) -> Root:
    """Where a change is begun: the nearest `openspec/` of the same git repository; where that has none, one is begun
    beside the fleet, the flake or `.git`, or else in `start` itself."""
    here = start.resolve()
    within = []
    for path in (here, *here.parents):
        within.append(path)
        if (path / ".git").exists():
            break
    else:
        within = [here, *here.parents]
    found = find_root(here)
    if found is not None and found.path in within:
        return found
    for name in (FLEET_FILE, "flake.nix", ".git"):
        beside = next((path for path in within if (path / name).exists()), None)
        if beside is not None:
            return Root(beside, "implicit")
    return Root(here, "implicit")


def hosts_of(root: Root) -> tuple[str, ...]:
    """The hosts of the fleet that the specs lie in, if they lie in one that can be read."""
    if not (root.path / FLEET_FILE).is_file():
        return ()
    try:
        return tuple(read_fleet(root.path).hosts)
    except PantherError:
        return ()


def begin(
    root: Root,
    new: New,
    today: date,
    emergency: Emergency | None = None,
    written: Mapping[str, str] | None = None,
) -> list[Path]:
    """Make a change; the files that were written, relative to the root. `written` are files that say something already,
    instead of what is to be filled in. Raises `PantherError` for a name that is none, or is taken."""
    if not _NAME.match(new.name) or new.name == ARCHIVE:
        help = "such as add-restic-backup: small letters and digits, hyphens between them"
        raise PantherError(f"'{new.name}' is no name for a change", help=help)
    change = root.changes / new.name
    if change.exists():
        raise PantherError(f"there is a change '{new.name}' already: {change}")
    for capability in new.capabilities:
        if not _CAPABILITY.match(capability):
            raise PantherError(f"'{capability}' is no capability", help="such as backup, or network/firewall")
    files = {
        METADATA: _metadata(new, today, without_specs=emergency is not None and not new.capabilities),
        "proposal.md": kinds.proposal(new.kind, new.name, new.phase, new.rows),
        "tasks.md": kinds.tasks(new.kind),
        **{f"specs/{capability}/{SPEC}": kinds.delta(capability) for capability in new.capabilities},
        **(written or {}),
    }
    contents = {name: text.encode() for name, text in files.items()}
    contents[RECORD] = as_bytes(Record(base=whole_base(root, new.capabilities), emergency=emergency))
    root.specs.mkdir(parents=True, exist_ok=True)
    with locked(root):
        change_together(root, [Write(change / name, None, content) for name, content in contents.items()], None)
    return [(change / name).relative_to(root.path) for name in files]


def _metadata(new: New, today: date, *, without_specs: bool) -> str:
    lines = ["schema: spec-driven", f"created: {today}", f"kind: {new.kind.name}"]
    lines += ["skip_specs: true"] if without_specs else []
    lines += [f"phase: {new.phase or new.kind.phase}"] if new.phase or new.kind.phase else []
    lines += [f"priority: {new.priority}"] if new.priority else []
    lines += [f"depends_on: [{', '.join(new.depends_on)}]"] if new.depends_on else []
    lines += [f"blocks: [{', '.join(new.blocks)}]"] if new.blocks else []
    lines += [f"milestone: {json.dumps(new.milestone, ensure_ascii=False)}"] if new.milestone else []
    lines += [f"estimate: {new.estimate:g}"] if new.estimate is not None else []
    return "\n".join([*lines, default_note(), ""])


def needless(root: Root) -> str:
    """Why what is changed in the working tree needs no proposal; "" where it may need one, or nothing is changed."""
    changed = [path for path in changed_files(root.path) if not path.startswith(("openspec/", "nixos/"))]
    if not changed:
        return ""
    hosts = {path.split("/")[1] for path in changed if path.startswith("hosts/") and path.count("/") > 1}
    if all(path.startswith("docs/") or path.endswith(".md") for path in changed):
        return "only documentation is changed"
    if (
        len(hosts) == 1
        and not _of_security(root)
        and all(path.startswith("hosts/") and path.endswith((".toml", ".nix")) for path in changed)
    ):
        return f"only the settings of {min(hosts)} are changed, which its next build takes back as easily"
    return ""


_SECURITY = (("networking", "firewall"), ("services", "openssh"), ("security",), ("users",))


def _of_security(root: Root) -> bool:
    """Whether a setting that has changed is about who may get at what."""
    if not (root.path / FLEET_FILE).is_file():
        return False
    with tempfile.TemporaryDirectory(prefix="panther-") as directory:
        before = Path(directory) / "before"
        before.mkdir()
        try:
            export(root.path, "HEAD", before)
            changes = list(differences(Model.of(before), Model.of(root.path)))
        except PantherError:
            return False  # no commit yet, or no fleet in it
    paths = [setting.path for change in changes for setting in change.settings]
    return any(path[: len(part)] == part for path in paths for part in _SECURITY)


def when_needed() -> list[tuple[str, str]]:
    """The kinds of proposal, and when each is needed."""
    return [(kind.name, kind.when) for kind in KINDS.values()]
