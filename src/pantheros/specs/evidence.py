"""What shows that a change does what it says: commands that were run on the fleet, and what came of them."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path

from pantheros.checks.evaluation import OfHost, evaluated
from pantheros.checks.run import check
from pantheros.checks.verdict import judged
from pantheros.checks.view import HostView
from pantheros.findings import PantherError
from pantheros.fleet.read import FLEET_FILE
from pantheros.fleet.secrecy import masked
from pantheros.git import added_in, export, parent, revision
from pantheros.module import Port, SecretUse
from pantheros.nix.command import Closure, available, build_derivation, closure
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


@dataclass(frozen=True)
class WithNix:
    """How Nix is asked."""

    overrides: Sequence[tuple[str, str]] = ()
    """Other flakes for some inputs."""
    build: bool = False
    """Whether each host is built, too, besides being evaluated."""


def checked(root: Root, name: str, since: str = "", nix: WithNix | None = None) -> Checked:
    """Build and check the fleet that a change is implemented in. `since` is the revision to compare with; left out, the
    one before the change was proposed. With `nix`, each host is evaluated, before and after. Raises `PantherError`
    where there is no fleet, or no Nix."""
    if not (root.path / FLEET_FILE).is_file():
        raise PantherError(f"there is no fleet in {root.path}", help="add evidence with --run COMMAND")
    if nix and not available():
        raise PantherError("there is no `nix` on this machine", help="install Nix, or check without it")
    result = Checked()
    on = (revision(root.path), fleet_digest(root), f"{date.today()}")

    def ran(what: str, command: str, act: Callable[[], tuple[bool, str]]) -> None:
        started = time.perf_counter()
        passed, told = act()
        result.evidence.append(Evidence(what, command, passed, told, on[0], on[1], _since(started), on[2]))

    ran("build", "panther build", lambda: _built(root))
    ran("validation", "panther check", lambda: _validated(root, security=False))
    ran("security", "panther check", lambda: _validated(root, security=True))
    base = since or before(root, name)
    with tempfile.TemporaryDirectory(prefix="panther-") as directory:
        old, why = Path(directory) / "before", ""
        try:
            why = _exported(root, base, old)
            was = figures(old) if not why else None
        except PantherError as error:
            if since:
                raise
            was, why = None, f"the fleet at {base} cannot be read: {error.message}"
        if was is not None:
            command, now = f"panther spec check {name} --since {base}", figures(root.path)
            ran("exposure", command, lambda: (True, _exposure(was, now)))
            ran("performance", command, lambda: (True, _performance(was, now)))
        else:
            result.not_verified.append(NotShown("exposure and performance before the change", why))
        if nix:
            found = _Nix(root, old if was is not None else None, nix)
            ran("evaluation", f"panther spec check {name} --nix", found.evaluated)
            if any(each.evaluated.ok for each in found.now.values()):
                ran("closure", f"panther spec check {name} --{'build' if nix.build else 'nix'}", found.closures)
            result.not_verified += found.not_verified
        else:
            what = "that each host evaluates, in what time, and how large its closure is"
            result.not_verified.append(NotShown(what, "say --nix"))
    return result


def before(root: Root, name: str) -> str:
    """The revision before a change was proposed: HEAD where it is not committed yet, "" where there is none."""
    commit = added_in(root.path, f"openspec/changes/{name}")
    if commit:
        return f"{commit[:12]}^" if parent(root.path, commit) else ""
    return "HEAD" if revision(root.path) else ""


def run(root: Root, what: str, command: str, scenario: str = "") -> Evidence:
    """Run a command line in the root as a shell does, and keep what came of it; it passes where it ends with 0. Of a
    pipe every part has to. Raises `PantherError` for what cannot be run."""
    started = time.perf_counter()
    on = revision(root.path), fleet_digest(root)
    status, said = _in_a_shell(command, root.path)
    if status in _NOT_RUN:
        raise PantherError(f"cannot run {command}: {said.rpartition(chr(10))[2]}")
    told = f"exit {status}" + (", as nobody read a pipe to its end" if status == _BROKEN_PIPE else "")
    told += f"\n{said[-_LONGEST:]}" if said else ""
    return Evidence(what, command, status == 0, told, on[0], on[1], _since(started), f"{date.today()}", scenario)


_NOT_RUN = (126, 127)
"""How a shell ends that has not found a program, or must not run it."""
_BROKEN_PIPE = 141


def _in_a_shell(command: str, directory: Path) -> tuple[int, str]:
    """The exit status of a command line, and what it printed. Only bash can tell that a part of a pipe has failed."""
    bash = shutil.which("bash")
    words = [bash, "-o", "pipefail", "-c", command] if bash else ["sh", "-c", command]
    try:
        process = subprocess.Popen(
            words,
            cwd=directory,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    except (OSError, ValueError) as error:
        raise PantherError(f"cannot run {command}: {error}") from error
    try:
        said, _ = process.communicate(timeout=_TIME)
    except BaseException as error:  # Ctrl-C among them: what the shell has started ends with it, in any case
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        if isinstance(error, subprocess.TimeoutExpired):
            raise PantherError(f"{command} did not end within an hour") from error
        raise
    return process.returncode, masked(said.decode(errors="replace").strip())


def counted(number: int, what: str) -> str:
    """A number of things: `1 host`, `2 hosts`."""
    return f"{number} {what}" if number == 1 else f"{number} {what}s"


def _since(started: float) -> float:
    return round(time.perf_counter() - started, 2)


def _built(root: Root) -> tuple[bool, str]:
    built = build(root.path)
    errors = [finding for finding in built.findings if finding.severity == "error"]
    if errors:
        return False, f"{counted(len(errors), 'error')}: {errors[0].message}"
    return True, f"{counted(len(built.hosts), 'host')}, {counted(len(built.files), 'file')}"


def _validated(root: Root, *, security: bool) -> tuple[bool, str]:
    found = check(root.path)
    verdict = judged(found.model.declared, found.findings, date.today())
    chosen = [finding for finding in verdict.findings if _of_security(finding.code) == security]
    counts = Counter(finding.severity for finding in chosen)
    told = ", ".join(counted(counts[word], word) for word in ("error", "warning"))
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


def _exported(root: Root, base: str, into: Path) -> str:
    """Write the fleet as it was at a revision into a directory; why there is none, or ""."""
    if not base:
        return "git knows no revision before it; say --since REV"
    into.mkdir()
    export(root.path, base, into)
    return "" if (into / FLEET_FILE).is_file() else f"there was no fleet at {base}"


@dataclass
class _Nix:
    """What Nix says of the hosts, as they were and as they are."""

    root: Root
    old: Path | None
    asked: WithNix
    was: dict[str, OfHost] = field(default_factory=dict)
    now: dict[str, OfHost] = field(default_factory=dict)
    not_verified: list[NotShown] = field(default_factory=list)

    def evaluated(self) -> tuple[bool, str]:
        self.now = self._hosts(self.root.path)
        if self.old is not None:
            try:
                self.was = self._hosts(self.old)
            except PantherError as error:
                self.not_verified.append(NotShown("the time of evaluation before the change", error.message))
        good = sum(each.evaluated.ok for each in self.now.values())
        lines = [f"{good} of {counted(len(self.now), 'host')} evaluate{'s' * (len(self.now) == 1)}"]
        for name, each in self.now.items():
            if not each.evaluated.ok:
                lines.append(f"{name}: {_error_of(each)}")
                continue
            lines.append(f"{name}: {self._seconds(name)}, {each.evaluated.megabytes:.0f} MB")
        for name, each in self.was.items():
            if name in self.now and not each.evaluated.ok:
                why = f"it did not evaluate: {_error_of(each)}"
                self.not_verified.append(NotShown(f"{name} before the change", why))
        return good == len(self.now), "\n".join(lines)

    def closures(self) -> tuple[bool, str]:
        lines: list[str] = []
        unknown: list[str] = []
        failed = 0
        for name in self.now:
            was, now = (self._closure(name, each) for each in (self.was, self.now))
            if isinstance(now, str):
                failed += 1
                lines.append(f"{name}: {now}")
                continue
            before = was if isinstance(was, Closure) else Closure(None, None)
            if now.derivations is not None:
                lines.append(f"{name}: derivations: {_change(before.derivations, now.derivations, '{:.0f}', '')}")
            if now.megabytes is not None:
                lines.append(f"{name}: {_change(before.megabytes, now.megabytes, '{:.1f}', ' MB')} in its closure")
            else:
                unknown.append(name)
        if unknown:
            why = "nothing of it is built here; --build has Nix build it"
            self.not_verified.append(NotShown(f"closure size of {', '.join(unknown)}", why))
        built = len(self.now) - len(unknown) - failed
        return not failed, "\n".join([f"{built} of {counted(len(self.now), 'host')} built here", *lines])

    def _hosts(self, directory: Path) -> dict[str, OfHost]:
        built = build(directory)

        def view(name: str) -> HostView:
            host = built.model.resolver.host(name)
            return HostView.of(built.model, host, built.model.expand(host)[0])

        found = evaluated(built, directory / "nixos" / "flake.lock", view, self.asked.overrides)
        return {each.host: each for each in found}

    def _seconds(self, name: str) -> str:
        was = self.was.get(name)
        before = was.evaluated.seconds if was is not None and was.evaluated.ok else None
        return _change(before, self.now[name].evaluated.seconds, "{:.1f}", " s")

    def _closure(self, name: str, of: dict[str, OfHost]) -> Closure | str:
        """A host's closure, or why it was not built, where it was to be."""
        each = of.get(name)
        if each is None or not each.evaluated.ok:
            return Closure(None, None)
        derivation = each.evaluated.output.strip()
        wrong = build_derivation(derivation, _TIME) if self.asked.build else ""
        return f"it was not built: {wrong}" if wrong else closure(derivation)


def _error_of(each: OfHost) -> str:
    return next((finding.message for finding in each.findings if finding.severity == "error"), "nix did not say why")


def _change(before: float | None, now: float, form: str, unit: str) -> str:
    after = form.format(now)
    if before is None:
        return f"{after}{unit}"
    more = float(after) - float(form.format(before))
    by = f" ({form.replace(':', ':+').format(more)})" if more else ""
    return f"{form.format(before)}{unit} before, {after}{unit} now{by}"


def _exposure(was: Figures, now: Figures) -> str:
    lines = [f"+ {host}: {port}" for host, port in sorted(now.ports - was.ports)]
    lines += [f"- {host}: {port}" for host, port in sorted(was.ports - now.ports)]
    lines += [f"+ {host}: secret {name}" for host, name in sorted(now.secrets - was.secrets)]
    lines += [f"- {host}: secret {name}" for host, name in sorted(was.secrets - now.secrets)]
    secrets = "use" if len(now.secrets) == 1 else "uses"
    total = f"{counted(len(now.ports), 'port')} reached from elsewhere, {len(now.secrets)} {secrets} of secrets"
    return "\n".join([total, *(lines or ["the same as before"])])


def _performance(was: Figures, now: Figures) -> str:
    lines = []
    for host in sorted({*was.settings, *now.settings}):
        before, after = was.settings.get(host, 0), now.settings.get(host, 0)
        if before != after:
            lines.append(f"{host}: {counted(before, 'setting')} before, {after} now ({after - before:+})")
    total = f"{counted(sum(was.settings.values()), 'setting')} before, {sum(now.settings.values())} now"
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
OWN = (*WANTED, "exposure", "performance", "evaluation", "closure")
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
    latest = {each.what: each for each in record.evidence if each.what not in OWN}
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
