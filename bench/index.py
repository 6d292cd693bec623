"""How long the release index takes: the first look-up in a fresh process, then many. Run by `make bench`."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import timeit
from pathlib import Path

from pantheros.nix.values import split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

FIRST = """
import time
begin = time.perf_counter()
from pantheros.releases.index import Index
from pantheros.releases.release import Release
imported = time.perf_counter()
{look_up}
print((imported - begin) * 1e3, (time.perf_counter() - imported) * 1e3)
"""

LOOK_UPS = {
    "nixos 24.11": 'Index.of(Release("24.11")).status("nixos", ("services", "openssh", "enable"))',
    "nixos 26.05": 'Index.of(Release("26.05")).status("nixos", ("services", "openssh", "enable"))',
    "home 26.05": 'Index.of(Release("26.05")).status("home", ("programs", "git", "enable"))',
    "unknown home 24.11": 'Index.of(Release("24.11")).status("home", ("programs", "nothing", "enable"))',
    "package": 'Index.of(Release("26.05")).package("k9s")',
}
FETCHED = "fetched nixos 25.11"
LOOK_UPS[FETCHED] = 'Index.of(Release("25.11")).status("nixos", ("services", "openssh", "enable"))'


def fetched(cache: str) -> None:
    """Have a list of full size in a cache, as `panther options sync` leaves it."""
    from pantheros.releases.sync import sync  # noqa: PLC0415

    os.environ["XDG_CACHE_HOME"] = cache
    index = Index.packaged(Release("24.11"))
    default = {"_type": "literalExpression", "text": "config.services.something.enable"}
    options = {
        name: {"type": status.option.type, "default": default}
        for name in index.names("nixos")
        if (status := index.status("nixos", split_path(name))).kind == "known" and status.option
    }
    file = Path(cache, "options.json")
    file.write_text(json.dumps(options))
    sync(Release("25.11"), source=str(file))


def main() -> None:
    with tempfile.TemporaryDirectory() as cache:
        fetched(cache)
        measure()


def measure() -> None:
    for name, look_up in LOOK_UPS.items():
        runs = []
        for _ in range(5):
            code = FIRST.format(look_up=look_up)
            run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
            runs.append(tuple(map(float, run.stdout.split())))
        imports, first = min(imports for imports, _ in runs), min(first for _, first in runs)
        print(f"{name:20} import {imports:5.1f} ms   first look-up {first:5.1f} ms")
    setup = "from pantheros.releases.index import Index\nfrom pantheros.releases.release import Release\n"
    setup += 'table = Index.of(Release("26.05"))._table("nixos")\n'
    path = ("users", "users", "ada", "openssh", "authorizedKeys", "keys")
    seconds = min(timeit.repeat(f"table.status({path!r})", setup, number=1000))
    print(f"{'each further look-up':20} {seconds * 1e3:.1f} µs")


if __name__ == "__main__":
    main()
