"""How it looks: colours in a terminal, plain text elsewhere, and no noise whatever happens to the output."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Panther = Callable[..., Any]
Write = Callable[[dict[str, str]], Path]


@pytest.fixture
def mistaken(write: Write) -> Path:
    return write({"hosts/box/host.toml": 'kind = "latop"\n'})


def test_a_process_of_its_own(process: Panther, box: Path) -> None:
    answer = process("hosts", box)
    assert (answer.status, answer.err) == (0, "")
    assert answer.out.startswith("host  kind")
    assert "\x1b" not in answer.out


def test_colours_in_a_terminal(terminal: Any, mistaken: Path) -> None:
    session = terminal("build", mistaken)
    assert session.finish() == 1
    assert "\x1b[1;31merror[not-one-of]" in session.screen
    assert ' 1 | kind = "latop"\n   |        ^^^^^^^\n' in session.text


@pytest.mark.parametrize("settings", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_no_colours_on_request(terminal: Any, mistaken: Path, settings: dict[str, str]) -> None:
    session = terminal("build", mistaken, **settings)
    assert session.finish() == 1
    assert "error[not-one-of]" in session.text
    assert not re.search(r"\x1b\[(\d+;)*[34]\d", session.screen)  # bold is no colour


@pytest.mark.parametrize("command", ["hosts", "show yoga", "modules boot", "--help", "build --help", "buidl"])
def test_every_line_fits_a_narrow_terminal(terminal: Any, reference: Path, command: str) -> None:
    arguments = [*command.split(), *([reference] if command in ("hosts", "show yoga") else [])]
    session = terminal(*arguments, COLUMNS="60")
    assert session.finish() == (2 if command == "buidl" else 0)
    if command in ("hosts", "--help", "build --help", "buidl"):
        assert max(map(len, session.text.splitlines())) <= 60


def test_mistakes_in_a_narrow_terminal(terminal: Any, write: Write) -> None:
    long = "x" * 200
    root = write(
        {"hosts/box/host.toml": f'tags = ["{long}", 5, "{long}"]\nkind = "a kind of machine that there is not"\n'}
    )
    session = terminal("build", root, COLUMNS="60")
    assert session.finish() == 1
    places = [line for line in session.text.splitlines() if "nothing was written" not in line]
    assert max(map(len, places)) <= 60
    assert re.search(r"^ 1 \| …x+\", 5, \"x+…\n   \| +\^$", session.text, re.MULTILINE)


@pytest.mark.parametrize("columns", [28, 60, 80])
def test_a_narrow_terminal_breaks_between_words(terminal: Any, write: Write, columns: int) -> None:
    root = write({"hosts/box/host.toml": "[pantherOS.development.git]\nusr.name = 1\n"})
    session = terminal("build", root, COLUMNS=str(columns))
    assert session.finish() == 1
    head = session.text[session.text.index("error[") :].partition("  -->")[0]
    assert max(map(len, head.splitlines())) <= columns
    assert all(line.strip() for line in head.splitlines())
    if columns == 28:
        assert head.splitlines()[1] == "  there is no option"
    else:
        assert "`pantherOS.development.git.usr`" in head
    assert len(head.splitlines()) <= 5


@pytest.mark.parametrize("columns", [20, 60, 70, 80, 100])
def test_a_table_loses_nothing_in_a_narrow_terminal(terminal: Any, write: Write, columns: int) -> None:
    address = "a-long-name.example.org"
    host = f'people = ["ada"]\naddress = "{address}"\n[pantherOS.system]\nstateVersion = "26.05"\n'
    session = terminal("hosts", write({"hosts/box/host.toml": host}), COLUMNS=str(columns))
    assert session.finish() == 0
    assert all(word in session.text for word in ("box", "workstation", "production", "x86_64-linux", "ada"))
    assert address in session.text or columns == 20
    assert max(map(len, session.text.splitlines())) <= columns


def test_a_reader_that_has_seen_enough(box: Path, process: Panther) -> None:
    command = f"{sys.executable} -m pantheros modules boot --json | head -1"
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    done = subprocess.run(["sh", "-c", command], env=env, capture_output=True, check=False, text=True)
    assert (done.stdout, done.stderr) == ("{\n", "")


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="needs /dev/full")
@pytest.mark.parametrize("command", ["--version", "modules --json", "modules"])
def test_an_output_that_is_full(command: str) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    env.pop("PANTHER_TRACEBACK")
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "pantheros", *command.split()],
            env=env,
            stdout=full,
            stderr=subprocess.PIPE,
            check=False,
            text=True,
        )
    assert (done.returncode, done.stderr) == (2, "error: cannot print: no space left on device\n")


def test_a_terminal_without_all_characters(process: Panther, box: Path) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src"), "PYTHONIOENCODING": "ascii"}
    answer = process("why", "box", "pantherOS.system.stateVersion", box, env=env)
    assert (answer.status, answer.err) == (0, "")
    assert "host box" in answer.out


def test_what_modules_print_is_not_our_output(panther: Panther, write: Write) -> None:
    module = (
        'from pantheros.module import ModuleOptions\n\nprint("loading")\n\n\n'
        "class Options(ModuleOptions):\n    pass\n\n\n"
        'def nixos(o, host):\n    print("working")\n    yield "networking.domain", "x"\n'
    )
    root = write({"modules/own.py": module, "hosts/box/host.toml": "[pantherOS.own]\nenable = true\n"})
    answer = panther("show", "box", root, "--json")
    assert answer.json["settings"]["nixos"]["networking.domain"] == "x"
    assert "loading" in answer.err
    assert "working" in answer.err


def test_an_interrupt_ends_it_quietly(write: Write) -> None:
    """Also where several processes share the work."""
    module = (
        "import time\nfrom pantheros.module import ModuleOptions\n\n\nclass Options(ModuleOptions):\n    pass\n\n\n"
        'def nixos(o, host):\n    print("working", flush=True)\n    time.sleep(20)\n'
        '    yield "networking.domain", "x"\n'
    )
    hosts = {f"hosts/h{n}/host.toml": "[pantherOS.own]\nenable = true\n" for n in range(100)}
    root = write({"modules/own.py": module, **hosts})
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with subprocess.Popen(
        [sys.executable, "-m", "pantheros", "build", str(root)],
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        start_new_session=True,
        text=True,
    ) as build:
        assert build.stderr is not None
        assert build.stderr.readline().startswith("working")
        begun = time.monotonic()
        os.killpg(build.pid, signal.SIGINT)
        rest = build.stderr.read()
        assert build.wait(timeout=20) == 130
    assert time.monotonic() - begun < 10
    assert rest.replace("working", "").split() == ["interrupted"]
    assert not (root / "nixos").exists()


def test_what_goes_to_one_place_stands_there_in_order() -> None:
    script = "from pantheros.cli.output import say; say('one'); say('two', error=True); say('three')"
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    said = subprocess.run(
        [sys.executable, "-c", script], env=buffered, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=True
    )
    assert said.stdout.split() == [b"one", b"two", b"three"]
