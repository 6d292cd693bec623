"""How long `panther --version` takes, beside Python itself doing nothing. Run by `make bench`."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time
from pathlib import Path

RUNS = 20
PANTHER = Path(sys.executable).with_name("panther")


def median(command: list[str]) -> float:
    """Milliseconds of a command, the median of many runs."""
    figures = []
    for _ in range(RUNS):
        started = time.perf_counter()
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
        figures.append(time.perf_counter() - started)
    return statistics.median(figures) * 1000


def main() -> None:
    nothing = median([sys.executable, "-c", "pass"])
    version = median([str(PANTHER), "--version"])
    print(f"python -c pass      {nothing:6.0f} ms")
    print(f"panther --version   {version:6.0f} ms, {version - nothing:.0f} ms more")


if __name__ == "__main__":
    main()
