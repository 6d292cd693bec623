"""Commands as a user runs them: in this process, as a process of its own, and in a terminal."""

from __future__ import annotations

import codecs
import json
import os
import pty
import re
import select
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from pantheros.__main__ import run

REFERENCE = Path(__file__).parents[2] / "examples" / "pantheros"
SOURCE = Path(__file__).parents[2] / "src"
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U ada"
HOST = 'people = ["ada"]\n\n[pantherOS.system]\nstateVersion = "26.05"\n'


class Answer(NamedTuple):
    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)

    @property
    def codes(self) -> list[str]:
        """Codes of the findings, from JSON."""
        return [finding["code"] for finding in self.json["findings"]]


Panther = Callable[..., Answer]


@pytest.fixture(autouse=True)
def own_surroundings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither the cache nor the keys nor the git of whoever runs the tests."""
    (tmp_path / "home").mkdir()
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "USER": "ada",
        "LOGNAME": "ada",
        "PANTHER_TRACEBACK": "1",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_CEILING_DIRECTORIES": str(tmp_path),
        "COLUMNS": "100",
    }.items():
        monkeypatch.setenv(name, value)
    monkeypatch.delenv("NO_COLOR", raising=False)


@pytest.fixture
def panther(capsys: pytest.CaptureFixture[str]) -> Panther:
    """Run a command line in this process."""

    def panther(*arguments: str | Path) -> Answer:
        capsys.readouterr()
        status = run([str(argument) for argument in arguments])
        captured = capsys.readouterr()
        assert "a bug in pantherOS" not in captured.err
        assert "\x1b" not in captured.out + captured.err
        return Answer(status, captured.out, captured.err)

    return panther


@pytest.fixture
def box(write: Callable[[dict[str, str]], Path]) -> Path:
    """A fleet of one host, `box`, without any mistake."""
    return write({"hosts/box/host.toml": HOST})


@pytest.fixture
def reference(tmp_path: Path) -> Path:
    """A copy of the reference fleet."""
    shutil.copytree(REFERENCE, tmp_path / "reference", ignore=shutil.ignore_patterns("nixos"))
    return tmp_path / "reference"


def command(*arguments: str | Path) -> list[str]:
    return [sys.executable, "-m", "pantheros", *map(str, arguments)]


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "PYTHONPATH": str(SOURCE), "PYTHONDONTWRITEBYTECODE": "1", **more}


@pytest.fixture
def process() -> Panther:
    """Run a command line as a process."""
    return _process


def _process(*arguments: str | Path, **options: Any) -> Answer:
    options.setdefault("env", environment())
    done = subprocess.run(
        command(*arguments),
        capture_output=True,
        check=False,
        timeout=60,
        stdin=subprocess.DEVNULL,
        **options,
    )
    return Answer(done.returncode, done.stdout.decode(), done.stderr.decode())


class Terminal:
    """A process in a terminal of its own, read and typed into as by a person."""

    def __init__(self, *arguments: str | Path, **more: str) -> None:
        self.screen = ""
        self._decoder = codecs.getincrementaldecoder("utf-8")(errors="replace")
        self.process, self._end = pty.fork()
        if self.process == 0:
            os.execve(sys.executable, command(*arguments), environment(**{"TERM": "xterm-256color", **more}))

    def wait_for(self, text: str) -> None:
        while text not in self.screen:
            if not self._read():
                raise AssertionError(f"{text!r} never came: {self.screen}")

    def type(self, text: str) -> None:
        os.write(self._end, text.encode() + b"\n")

    def finish(self) -> int:
        """Read to the end; the exit status."""
        while self._read():
            pass
        os.close(self._end)
        return os.waitstatus_to_exitcode(os.waitpid(self.process, 0)[1])

    @property
    def text(self) -> str:
        """What was on the screen, without colours."""
        return re.sub(r"\x1b\[[0-9;]*m|\x1b\]8;[^\x1b]*\x1b\\", "", self.screen).replace("\r\n", "\n")

    def _read(self) -> bool:
        ready, _, _ = select.select([self._end], [], [], 30)
        try:
            data = os.read(self._end, 65536) if ready else b""
        except OSError:  # how Linux says that nobody is at the other end any more
            return False
        self.screen += self._decoder.decode(data)  # a character may come in two pieces
        return bool(data)


@pytest.fixture
def terminal() -> type[Terminal]:
    return Terminal
