"""The `nix` program, as far as we need it: evaluating an attribute of a flake. Works with Nix 2.8 and newer."""

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
