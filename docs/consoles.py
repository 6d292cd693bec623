"""Brings the console sessions in Markdown pages up to date. Run as `python docs/consoles.py PAGE...` (`make docs`).

A session is a block marked `console`: each line that begins with `$ ` is a command, what follows is what it prints,
errors included. Commands run in a directory that holds the examples and is thrown away afterwards.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tempfile
from datetime import date
from pathlib import Path

ROOT = Path(__file__).parents[1]
_SESSION = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
_SECONDS = re.compile(r"\(\d+\.\d+ s\)")


def with_sessions(text: str) -> str:
    """A page with what its commands print now."""
    with tempfile.TemporaryDirectory() as directory:
        work = Path(directory)
        shutil.copytree(ROOT / "examples", work / "examples", ignore=shutil.ignore_patterns("nixos"))
        (work / "ada.pub").write_text(
            "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U ada\n"
        )
        (work / ".gitconfig").write_text("[user]\n\tname = Ada Example\n\temail = ada@example.org\n")
        return _SESSION.sub(lambda match: f"```console\n{_session(match[1], work)}```", text)


def _session(text: str, work: Path) -> str:
    commands = [line for line in text.splitlines() if line.startswith("$ ")]
    return "\n".join(f"{command}\n{_printed(command[2:], work)}" for command in commands)


def _printed(command: str, work: Path) -> str:
    environment = {**os.environ, "XDG_CACHE_HOME": str(work / "cache")}
    environment |= {
        "SOURCE_DATE_EPOCH": "1770076800",  # 2026-02-03
        "USER": "ada",
        "LOGNAME": "ada",
        "HOME": str(work),
        "PANTHER": sys.executable,
        "PYTHONPATH": str(ROOT / "src"),
    }
    process = subprocess.run(
        ["bash", "-c", f'panther() {{ "$PANTHER" -m pantheros "$@"; }}; {command}'],
        cwd=work,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
        text=True,
    )
    # How long it took differs from run to run, as the day does, and what git calls a revision.
    return _SECONDS.sub("(0.2 s)", process.stdout).replace(f"{date.today()}", "2026-02-03")


def main(pages: list[Path]) -> None:
    for page in pages:
        page.write_text(with_sessions(page.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main([Path(argument) for argument in sys.argv[1:]])
