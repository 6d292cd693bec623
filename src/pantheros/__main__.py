"""The `panther` command: finds the command's own file, and turns what stops a run into words and a status.

Status 0: fine. 1: an error finding, or a negative answer. 2: usage, no fleet, a file that cannot be written.
"""

from __future__ import annotations

import os
import sys
import traceback

from pantheros import __version__
from pantheros.findings import PantherError


def main() -> None:
    """Run the command line of this process, and exit."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; its exit status."""
    if arguments in (["--version"], ["-V"]):
        print(f"panther {__version__}")
        return 0
    # Below here it may get heavy, and `--version` is for scripts and prompts that want it quick.
    from pantheros.cli import app  # noqa: PLC0415

    try:
        return app.run(arguments)
    except PantherError as error:
        print(f"error: {error.message}", file=sys.stderr)
        if error.help:
            print(f"  help: {error.help}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("interrupted", file=sys.stderr)
        return 130
    except BrokenPipeError:
        # Whoever read our output has seen enough; Python must not complain about it at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except Exception as error:  # the last resort: a bug of ours
        if os.environ.get("PANTHER_TRACEBACK"):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(last.filename)}:{last.lineno}"
        print(f"error: a bug in pantherOS: {type(error).__name__} at {place}: {error}", file=sys.stderr)
        print("  help: please report it, with what PANTHER_TRACEBACK=1 prints", file=sys.stderr)
        return 2


if __name__ == "__main__":
    main()
