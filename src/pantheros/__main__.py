"""The `panther` command: finds the command's own file, and turns what stops a run into words and a status.

Status 0: fine. 1: an error finding, or a negative answer. 2: usage, no fleet, a file that cannot be written.
"""

from __future__ import annotations

import errno
import gc
import io
import os
import sys
import traceback

from pantheros import __version__
from pantheros.findings import PantherError


def main() -> None:
    """Run the command line of this process, and exit."""
    # Either may be closed (`>&-`). What stands in for it stays open until the process ends.
    sys.stdout = sys.stdout or open(os.devnull, "w")  # noqa: SIM115
    sys.stderr = sys.stderr or open(os.devnull, "w")  # noqa: SIM115
    for stream in (sys.stdout, sys.stderr):
        # File names need not be text, and terminals need not have every character.
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    # A process of ours is short-lived and makes next to no cycles: looking for them would take a tenth of its time.
    gc.disable()
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command line; its exit status."""
    try:
        status = _run(arguments)
        sys.stdout.flush()
        return status
    except PantherError as error:
        return _stopped(error.message, error.help)
    except KeyboardInterrupt:
        return _stopped("interrupted", status=130)
    except BrokenPipeError:
        # Whoever read our output has seen enough.
        _forget_output()
        return 0
    except OSError as error:
        if os.environ.get("PANTHER_TRACEBACK"):
            raise
        what = (error.strerror or str(error)).lower()
        if error.errno in (errno.ENOSPC, errno.EIO, errno.EFBIG, errno.EDQUOT) and error.filename is None:
            _forget_output()
            what = f"cannot print: {what}"
        return _stopped(f"{error.filename}: {what}" if error.filename is not None else what)
    except Exception as error:  # the last resort: a bug of ours
        if os.environ.get("PANTHER_TRACEBACK"):
            raise
        last = traceback.extract_tb(error.__traceback__)[-1]
        place = f"{os.path.basename(last.filename)}:{last.lineno}"
        return _stopped(
            f"a bug in pantherOS: {type(error).__name__} at {place}: {error}",
            "please report it, with what PANTHER_TRACEBACK=1 prints",
        )


def _run(arguments: list[str]) -> int:
    if arguments in (["--version"], ["-V"]):
        print(f"panther {__version__}")
        return 0
    # Below here it may get heavy, and `--version` is for scripts and prompts that want it quick.
    from pantheros.cli import app  # noqa: PLC0415

    return app.run(arguments)


def _stopped(message: str, help: str = "", status: int = 2) -> int:
    print(message if status == 130 else f"error: {message}", file=sys.stderr)
    if help:
        print(f"  help: {help}", file=sys.stderr)
    return status


def _forget_output() -> None:
    """What could not be printed is not to be tried again, and complained of, when Python exits."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


if __name__ == "__main__":
    main()
