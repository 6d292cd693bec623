"""What shows that a change does what it says: commands that were run on the fleet, and what came of them."""

from __future__ import annotations

import shlex
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pantheros.checks.evaluation import evaluated
from pantheros.checks.run import check
from pantheros.checks.verdict import judged
from pantheros.checks.view import HostView
from pantheros.findings import PantherError
from pantheros.fleet.read import FLEET_FILE
from pantheros.fleet.secrecy import masked
from pantheros.git import added_in, export, revision
from pantheros.module import Port, SecretUse
from pantheros.nix.command import available
from pantheros.specs.delta import name_of, read_delta, scenarios
from pantheros.specs.digests import fleet_digest
from pantheros.specs.record import Evidence, Record
from pantheros.specs.tree import Root, read, spec_files
from pantheros.synth.build import Model, build

_LONGEST = 4000
"""Characters of a command's output that are kept, its last ones."""
_TIME = 3600


@dataclass
class Figures:
    """What a fleet comes to, in numbers."""

    hosts: int = 0
    settings: dict[str, int] = field(default_factory=dict)
    """By host."""
    ports: set[tuple[str, str]] = field(default_factory=set)
    """What listens beyond its own host: host, and port with its protocol and from where it is reached."""
    secrets: set[tuple[str, str]] = field(default_factory=set)
    """Host, and the secret that it uses."""


def figures(directory: Path) -> Figures:
    """The figures of a fleet as it stands."""
    model = Model.of(directory)
    found = Figures(len(model.declared.hosts))
    for name in model.declared.hosts.files:
        host = model.resolver.host(name)
        expansions, _ = model.expand(host)
        view = HostView.of(model, host, expansions)
        found.settings[name] = len(view.system) + sum(len(home) for home in view.homes.values())
        for port in host.resources(Port):
            if port.exposure != "local":
                number = f"{port.number}-{port.last}" if port.last else str(port.number)
                found.ports.add((name, f"{number}/{port.protocol} ({port.exposure})"))
        found.secrets |= {(name, use.name) for use in host.resources(SecretUse)}
    return found


@dataclass(frozen=True)
class NotShown:
    """Something that was not looked at, and why."""

    what: str
    why: str


@dataclass
class Checked:
    """What checking a change has come to."""

    evidence: list[Evidence] = field(default_factory=list)
    not_verified: list[NotShown] = field(default_factory=list)


def checked(
    root: Root, name: str, since: str = "", *, nix: bool = False, overrides: Sequence[tuple[str, str]] = ()
) -> Checked:
    """Build and check the fleet that a change is implemented in. `since` is the revision to compare with; left out, the
    one before the change was proposed. With `nix`, each host is evaluated, with other flakes for some inputs. Raises
    `PantherError` where there is no fleet, or no Nix."""
    if not (root.path / FLEET_FILE).is_file():
        raise PantherError(f"there is no fleet in {root.path}", help="add evidence with --run COMMAND")
    result = Checked()
    base = since or before(root, name)
    on = (revision(root.path), fleet_digest(root), f"{date.today()}")

    def ran(what: str, command: str, act: Callable[[], tuple[bool, str]]) -> None:
        started = time.perf_counter()
        passed, told = act()
        result.evidence.append(Evidence(what, command, passed, told, on[0], on[1], _since(started), on[2]))

    ran("build", "panther build", lambda: _built(root))
    ran("validation", "panther check", lambda: _validated(root, security=False))
    ran("security", "panther check", lambda: _validated(root, security=True))
    if base:
        command = f"panther spec check {name} --since {base}"
        ran("exposure", command, lambda: _compared(root, base, _exposure))
        ran("performance", command, lambda: _compared(root, base, _performance))
    else:
        why = "git knows no revision before it; say --since REV"
        result.not_verified.append(NotShown("exposure and performance before the change", why))
    if nix:
        ran("evaluation", "panther check --nix", lambda: _evaluated(root, overrides))
    else:
        result.not_verified.append(NotShown("that each host evaluates, and in what time", "say --nix"))
    why = "nothing is built here: `nix path-info -S` tells it of a host that was built"
    result.not_verified.append(NotShown("the closures' sizes", why))
    return result


def before(root: Root, name: str) -> str:
    """The revision before a change was proposed: HEAD where it is not committed yet, "" without git."""
    commit = added_in(root.path, f"openspec/changes/{name}")
    if commit:
        return f"{commit[:12]}^"
    return "HEAD" if revision(root.path) else ""


def run(root: Root, what: str, command: str, scenario: str = "") -> Evidence:
    """Run a command in the root, and keep what came of it; it passes where it ends with 0."""
    started = time.perf_counter()
    on = revision(root.path), fleet_digest(root)
    try:
        words = shlex.split(command)
        done = subprocess.run(
            words, cwd=root.path, capture_output=True, check=False, timeout=_TIME, stdin=subprocess.DEVNULL
        )
    except (OSError, ValueError) as error:
        raise PantherError(f"cannot run {command}: {error}") from error
    except subprocess.TimeoutExpired as error:
        raise PantherError(f"{command} did not end within an hour") from error
    said = masked((done.stdout + done.stderr).decode(errors="replace").strip())
    told = f"exit {done.returncode}" + (f"\n{said[-_LONGEST:]}" if said else "")
    passed = done.returncode == 0
    return Evidence(what, command, passed, told, on[0], on[1], _since(started), f"{date.today()}", scenario)


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 2)


def _built(root: Root) -> tuple[bool, str]:
    built = build(root.path)
    errors = [finding for finding in built.findings if finding.severity == "error"]
    if errors:
        return False, f"{len(errors)} errors: {errors[0].message}"
    return True, f"{len(built.hosts)} hosts, {len(built.files)} files"


def _validated(root: Root, *, security: bool) -> tuple[bool, str]:
    found = check(root.path)
    verdict = judged(found.model.declared, found.findings, date.today())
    chosen = [finding for finding in verdict.findings if _of_security(finding.code) == security]
    counts = Counter(finding.severity for finding in chosen)
    told = ", ".join(f"{counts[word]} {word}{'s' * (counts[word] != 1)}" for word in ("error", "warning"))
    listed = "".join(
        f"\n{finding.severity}[{finding.code}] {finding.origin or finding.host}" for finding in chosen[:20]
    )
    return not counts["error"], told + listed


_SECURITY = (
    *("secret", "ssh", "password", "firewall", "open-", "locked", "encrypted", "certificate", "key", "sudo", "root-"),
)
"""Words in the codes of findings about who may get at what."""


def _of_security(code: str) -> bool:
    return any(word in code for word in _SECURITY)


def _evaluated(root: Root, overrides: Sequence[tuple[str, str]]) -> tuple[bool, str]:
    if not available():
        raise PantherError("there is no `nix` on this machine", help="install Nix, or check without --nix")
    built = build(root.path)

    def view(name: str) -> HostView:
        host = built.model.resolver.host(name)
        return HostView.of(built.model, host, built.model.expand(host)[0])

    found = evaluated(built, root.path / "nixos" / "flake.lock", view, overrides)
    lines = []
    for each in found:
        said = next((finding.message for finding in each.findings if finding.severity == "error"), "")
        figures = f"{each.evaluated.seconds:.1f} s, {each.evaluated.megabytes:.0f} MB"
        lines.append(f"{each.host}: {said or figures}")
    good = sum(each.evaluated.ok for each in found)
    return good == len(found), "\n".join([f"{good} of {len(found)} hosts evaluate", *lines])


def _compared(root: Root, base: str, compare: Callable[[Figures, Figures], str]) -> tuple[bool, str]:
    with tempfile.TemporaryDirectory(prefix="panther-") as directory:
        into = Path(directory) / "before"
        into.mkdir()
        export(root.path, base, into)
        if not (into / FLEET_FILE).is_file():
            return True, f"there was no fleet at {base}"
        return True, compare(figures(into), figures(root.path))


def _exposure(was: Figures, now: Figures) -> str:
    lines = [f"+ {host}: {port}" for host, port in sorted(now.ports - was.ports)]
    lines += [f"- {host}: {port}" for host, port in sorted(was.ports - now.ports)]
    lines += [f"+ {host}: secret {name}" for host, name in sorted(now.secrets - was.secrets)]
    lines += [f"- {host}: secret {name}" for host, name in sorted(was.secrets - now.secrets)]
    total = f"{len(now.ports)} ports reached from elsewhere, {len(now.secrets)} uses of secrets"
    return "\n".join([total, *(lines or ["the same as before"])])


def _performance(was: Figures, now: Figures) -> str:
    lines = []
    for host in sorted({*was.settings, *now.settings}):
        before, after = was.settings.get(host, 0), now.settings.get(host, 0)
        if before != after:
            lines.append(f"{host}: {before} settings before, {after} now ({after - before:+})")
    total = f"{sum(was.settings.values())} settings before, {sum(now.settings.values())} now"
    return "\n".join([total, *lines])


# What the evidence shows -------------------------------------------------------------------------------------------


def scenario_names(root: Root, name: str) -> list[str]:
    """The scenarios of a change, as `capability/requirement/scenario`."""
    found = []
    for capability, path in spec_files(root.changes / name / "specs").items():
        delta = read_delta(read(path))
        for block in (*delta.added, *delta.modified):
            found += [f"{capability}/{name_of(block.name)}/{scenario}" for scenario in scenarios(block).names]
    return found


WANTED = ("build", "validation", "security")
"""What has to be shown before a change of a fleet is archived."""
_ALL = (*WANTED, "exposure", "performance", "evaluation")
"""What checking a change shows; anything else was asked for by its command."""


def lacking(root: Root, record: Record) -> list[str]:
    """What of the evidence that archiving wants is missing, stale, or shows the contrary."""
    if not (root.path / FLEET_FILE).is_file():
        return []
    now = fleet_digest(root)
    found = []
    for what in WANTED:
        last = next((each for each in reversed(record.evidence) if each.what == what), None)
        if last is None:
            found.append(f"no evidence of the {what}")
        elif last.digest != now:
            found.append(f"the fleet has changed since the {what} was shown on {last.date}")
        elif not last.passed:
            found.append(f"the {what} did not pass on {last.date}: {last.result.partition(chr(10))[0]}")
    latest = {each.what: each for each in record.evidence if each.what not in _ALL}
    for each in latest.values():
        if not each.passed:
            found.append(f"`{each.command}` did not pass on {each.date}")
        elif each.digest != now:
            found.append(f"the fleet has changed since `{each.command}` was run on {each.date}")
    return found


def unshown(root: Root, name: str, record: Record) -> list[NotShown]:
    """The scenarios that no evidence of their own shows, passed and on the fleet as it is."""
    now = fleet_digest(root)
    found = []
    for scenario in scenario_names(root, name):
        last = next((each for each in reversed(record.evidence) if each.scenario == scenario), None)
        if last is None:
            found.append(NotShown(f"scenario {scenario}", "no evidence of its own"))
        elif not last.passed:
            found.append(NotShown(f"scenario {scenario}", f"`{last.command}` did not pass on {last.date}"))
        elif last.digest != now:
            found.append(NotShown(f"scenario {scenario}", f"the fleet has changed since it was shown on {last.date}"))
    return found
