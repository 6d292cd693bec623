"""The `nix` program, as far as we need it: evaluating an attribute of a flake, building what came of it, and how large
that is. Works with Nix 2.8 and newer."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
import threading
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pantheros.findings import PantherError

_FEATURES = ("--extra-experimental-features", "nix-command flakes")
_LONGEST = 1800.0
"""Seconds after which an evaluation is given up."""


@dataclass(frozen=True, slots=True)
class Evaluated:
    """One run of `nix eval`."""

    ok: bool
    output: str
    errors: str
    """What Nix said besides, warnings too."""
    seconds: float
    megabytes: float
    """The most memory that it had at a time."""


def available() -> bool:
    """Whether there is a `nix` on this machine."""
    return shutil.which("nix") is not None


def evaluate(flake: Path, attribute: str, overrides: Sequence[tuple[str, str]] = ()) -> Evaluated:
    """Evaluate an attribute of the flake in a directory to a string; inputs may be overridden with other flakes.

    Raises `PantherError` where `nix` cannot be run at all.
    """
    command = ["nix", *_FEATURES, "eval", "--raw", f"path:{flake}#{attribute}", "--no-write-lock-file", "--show-trace"]
    for name, reference in overrides:
        command += ["--override-input", name, reference]
    started = time.monotonic()
    with tempfile.TemporaryFile() as output, tempfile.TemporaryFile() as errors:
        try:
            process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=output, stderr=errors)
        except OSError as error:
            raise PantherError(f"cannot run nix: {(error.strerror or str(error)).lower()}") from error
        timer = threading.Timer(_LONGEST, process.kill)
        timer.start()
        try:
            # Only waiting for this one process tells its own memory.
            _, status, usage = os.wait4(process.pid, 0)
        except BaseException:
            process.kill()
            os.waitpid(process.pid, 0)
            raise
        finally:
            timer.cancel()
        process.returncode = os.waitstatus_to_exitcode(status)
        output.seek(0)
        errors.seek(0)
        return Evaluated(
            process.returncode == 0,
            output.read().decode(errors="replace"),
            errors.read().decode(errors="replace"),
            time.monotonic() - started,
            usage.ru_maxrss / 1024,
        )


@dataclass(frozen=True, slots=True)
class Closure:
    """How much a derivation takes along."""

    derivations: int | None
    """How many have to be built or fetched for it, itself included; None where the store does not have it."""
    megabytes: float | None
    """What lies in the store once it is built; None where it is not built here."""


def closure(derivation: str) -> Closure:
    """The closure of a `.drv`, as far as the store here knows it."""
    needed = _asked("nix-store", "--query", "--requisites", derivation)
    if needed is None:
        return Closure(None, None)
    count = sum(path.endswith(".drv") for path in needed.split())
    outputs = _asked("nix-store", "--query", "--outputs", derivation)
    if not outputs or not all(os.path.exists(path) for path in outputs.split()):
        return Closure(count, None)
    size = _asked("nix", *_FEATURES, "path-info", "--closure-size", *outputs.split())
    sizes = [line.split()[-1] for line in (size or "").splitlines() if line.strip()]
    known = bool(sizes) and all(each.isdigit() for each in sizes)
    return Closure(count, sum(map(int, sizes)) / 2**20 if known else None)


def build_derivation(derivation: str, seconds: int) -> str:
    """Build a `.drv`, or fetch what it builds; why that did not succeed, or ""."""
    command = ["nix-store", "--realise", derivation]
    try:
        done = subprocess.run(command, capture_output=True, check=False, timeout=seconds, stdin=subprocess.DEVNULL)
    except OSError as error:
        raise PantherError(f"cannot run nix-store: {(error.strerror or str(error)).lower()}") from error
    except subprocess.TimeoutExpired:
        return f"it was not built within {seconds // 60} minutes"
    said = [line for line in done.stderr.decode(errors="replace").splitlines() if line.strip()]
    told = next((line for line in said if line.startswith("error:")), said[-1] if said else "nix-store said nothing")
    return told.removeprefix("error:").strip() if done.returncode else ""


def _asked(*command: str) -> str | None:
    try:
        found = subprocess.run(command, capture_output=True, check=False, timeout=120, stdin=subprocess.DEVNULL)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return found.stdout.decode(errors="replace") if found.returncode == 0 else None
