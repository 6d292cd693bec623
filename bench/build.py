"""How long builds take and how much memory: five hosts; a thousand, cold and after one edit; and whether it is linear.

Run by `make bench`. Every build is a process of its own, timed from outside; each figure is the median of several.
"""

from __future__ import annotations

import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from fleets import REFERENCE, multiplied

RUNS = 3


def measured(fleet: Path, out: Path, cache: Path) -> tuple[float, float]:
    """Seconds, and megabytes of the largest process, of one `panther build`."""
    command = [sys.executable, "-m", "pantheros", "build", str(fleet), "--out", str(out)]
    environment = {**os.environ, "XDG_CACHE_HOME": str(cache)}
    started = time.perf_counter()
    process = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    took = time.perf_counter() - started
    assert status == 0, f"the build of {fleet} failed"
    return took, usage.ru_maxrss / 1024


def row(what: str, figures: list[tuple[float, float]]) -> None:
    seconds, megabytes = (statistics.median(column) for column in zip(*figures, strict=True))
    print(f"{what:40} {seconds:6.2f} s {megabytes:6.0f} MB", flush=True)


def cold(what: str, fleet: Path, work: Path) -> None:
    figures = []
    for run in range(RUNS):
        # Each into a new directory: some file systems are slow to use again what was just removed.
        figures.append(measured(fleet, work / f"cold-{what}-{run}", work / f"cache-{what}-{run}"))
    row(what, figures)


def main() -> None:
    base = Path("/dev/shm") if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(dir=base) as directory:
        work = Path(directory)
        cold("5 hosts, cold", REFERENCE, work)
        for hosts in (250, 500, 1000):
            cold(f"{hosts} hosts, cold", multiplied(work / f"fleet-{hosts}", hosts), work)
        fleet, out, cache = work / "fleet-1000", work / "out", work / "cache"
        measured(fleet, out, cache)
        figures = []
        host = next(fleet.glob("hosts/*/yoga-*/host.toml"))
        for run in range(RUNS):
            host.write_text(host.read_text(encoding="utf-8") + f"# {run}\n", encoding="utf-8")
            zone = f'timeZone = "Etc/GMT-{run}" #'
            host.write_text(host.read_text(encoding="utf-8").replace("timeZone =", zone, 1), encoding="utf-8")
            figures.append(measured(fleet, out, cache))
        row("1000 hosts, one of them changed", figures)
        row("1000 hosts, nothing changed", [measured(fleet, out, cache) for _ in range(RUNS)])
        shutil.rmtree(out)
    print(f"processors: {len(os.sched_getaffinity(0))}")


if __name__ == "__main__":
    main()
