"""How long checks take and how much memory: five hosts; a thousand; and a thousand watched, after one edit.

Run by `make bench`, beside `bench/build.py`, whose way of measuring it shares.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fleets import REFERENCE, multiplied
from pantheros.checks.run import Checker

RUNS = 3


def measured(fleet: Path) -> tuple[float, float]:
    """Seconds, and megabytes of the largest process, of one `panther check`."""
    started = time.perf_counter()
    process = subprocess.Popen([sys.executable, "-m", "pantheros", "check", str(fleet)], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - started
    assert status == 0, f"there is something wrong with {fleet}"
    return took, usage.ru_maxrss / 1024


def row(what: str, figures: list[tuple[float, float]]) -> None:
    seconds, megabytes = (statistics.median(column) for column in zip(*figures, strict=True))
    print(f"{what:40} {seconds:6.2f} s {megabytes:6.0f} MB", flush=True)


def main() -> None:
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as directory:
        row("5 hosts, checked", [measured(REFERENCE) for _ in range(RUNS)])
        fleet = multiplied(Path(directory) / "fleet", 1000)
        row("1000 hosts, checked", [measured(fleet) for _ in range(RUNS)])
        checker = Checker(fleet)
        checker.check()
        host = next(fleet.glob("hosts/*/yoga-*/host.toml"))
        times = []
        for run in range(RUNS):
            host.write_text(host.read_text(encoding="utf-8") + f"# {run}\n", encoding="utf-8")
            started = time.perf_counter()
            checker.check()
            times.append(time.perf_counter() - started)
        print(f"{'1000 hosts, watched: one edited':40} {statistics.median(times):6.2f} s")


if __name__ == "__main__":
    main()
