"""What users' disks hold besides what we hoped for: each a clear answer, and nothing lost."""

from __future__ import annotations

import fcntl
import io
import json
import os
import resource
import signal
import subprocess
import sys
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from pantheros.__main__ import run
from pantheros.findings import PantherError
from pantheros.synth.tree import Tree, Wanted

Panther = Callable[..., Any]
Write = Callable[[dict[str, str]], Path]
HOST = 'people = ["ada"]\n\n[pantherOS.system]\nstateVersion = "26.05"\n'
NOBODY = 65534


def contents(root: Path) -> dict[str, bytes]:
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def errors(answer: Any) -> list[tuple[str, str]]:
    return [(f["code"], f["file"]) for f in answer.json["findings"] if f["severity"] == "error"]


# What may not be read or written --------------------------------------------------------------------------------


@pytest.fixture
def as_nobody(tmp_path: Path, panther: Panther, box: Path) -> Panther:
    """Run a command as somebody who may not do everything."""
    if os.geteuid() != 0:
        return panther
    for parent in (tmp_path, *tmp_path.parents[:2]):
        parent.chmod(0o755)
    panther("build", box, "--out", tmp_path / "first")  # Python's own files may be root's alone: load them now

    def as_nobody(*arguments: str | Path) -> Any:
        reading, writing = os.pipe()
        child = os.fork()
        if child == 0:
            os.setgroups([])
            os.setresgid(NOBODY, NOBODY, NOBODY)
            os.setresuid(NOBODY, NOBODY, NOBODY)
            with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
                try:
                    status = run([str(argument) for argument in arguments])
                except BaseException:
                    status = 99
                    traceback.print_exc()
            os.write(writing, json.dumps([status, out.getvalue(), err.getvalue()]).encode())
            os._exit(0)
        os.close(writing)
        with open(reading, "rb") as pipe:
            status, out, err = json.loads(pipe.read())
        os.waitpid(child, 0)
        assert status != 99, err
        return SimpleNamespace(status=status, out=out, err=err, json=json.loads(out) if out[:1] == "{" else None)

    return as_nobody


@pytest.mark.parametrize(
    ("closed", "file"),
    [
        ("hosts/box/host.toml", "hosts/box/host.toml"),
        ("hosts/box", "hosts/box"),
        ("hosts", "hosts"),
        ("hosts/box/raw.nix", "hosts/box/raw.nix"),
        ("hosts/box/facter.json", "hosts/box/facter.json"),
        ("fleet.toml", "fleet.toml"),
    ],
)
def test_what_may_not_be_read(as_nobody: Panther, write: Write, tmp_path: Path, closed: str, file: str) -> None:
    root = write(
        {
            "hosts/box/host.toml": 'imports = ["raw.nix"]\n' + HOST,
            "hosts/box/raw.nix": "{ }\n",
            "hosts/box/facter.json": "{}",
        }
    )
    (root / closed).chmod(0)
    try:
        answer = as_nobody("build", root, "--json", "--dry-run")
        assert answer.status == 1
        assert ("unreadable-file", file) in errors(answer)
        assert "permission denied" in answer.out
    finally:
        (root / closed).chmod(0o755)


def test_a_fleet_that_may_not_be_entered(as_nobody: Panther, box: Path) -> None:
    box.chmod(0)
    try:
        answer = as_nobody("build", box)
        assert answer.status == 2
        assert "not readable" in answer.err or "permission denied" in answer.err
    finally:
        box.chmod(0o755)


def test_an_output_that_may_not_be_written(as_nobody: Panther, box: Path, panther: Panther) -> None:
    panther("build", box)
    before = contents(box / "nixos")
    (box / "hosts/box/host.toml").write_text(HOST + 'timeZone = "Europe/Berlin"\n')
    for path in (box / "nixos", *(box / "nixos").rglob("*")):
        path.chmod(0o555 if path.is_dir() else 0o444)
    answer = as_nobody("build", box)
    assert answer.status == 2
    assert "cannot write" in answer.err
    assert "permission denied" in answer.err
    assert contents(box / "nixos") == before
    for path in (box / "nixos", *(box / "nixos").rglob("*")):
        path.chmod(0o755 if path.is_dir() else 0o644)


def test_a_full_disk(box: Path, panther: Panther, process: Panther) -> None:
    """No file may grow beyond a few bytes, which fails as a full disk does."""
    panther("build", box)
    before = contents(box / "nixos")
    text = HOST + "".join(f'[nixos.environment.etc.f{n}]\ntext = "{"x" * 80}"\n' for n in range(99))
    (box / "hosts/box/host.toml").write_text(text)

    def small() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (4096, 4096))

    answer = process("build", box, preexec_fn=small)
    assert answer.status == 2
    assert "file too large" in answer.err
    assert contents(box / "nixos") == before
    assert panther("build", box).status == 0


# Where to write -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("out", ["hosts", "hosts/box", "hosts/new", "modules", "link"])
def test_never_among_the_fleets_own_files(panther: Panther, box: Path, out: str) -> None:
    (box / "link").symlink_to("hosts")
    before = contents(box)
    answer = panther("build", box, "--out", box / out)
    assert answer.status == 2
    assert "it is where the fleet's own" in answer.err
    assert contents(box) == before


def test_a_file_is_no_directory(panther: Panther, box: Path) -> None:
    before = contents(box)
    assert "is no directory" in panther("build", box, "--out", box / "fleet.toml").err
    assert panther("build", box, "--out", box / "fleet.toml" / "x").status == 2
    assert contents(box) == before


def test_files_in_the_way(panther: Panther, box: Path) -> None:
    (box / "nixos/hosts/box/system.nix").mkdir(parents=True)
    (box / "nixos/flake.nix").write_text("mine")
    answer = panther("build", box, "--json")
    assert errors(answer) == [
        ("foreign-output", f"{box}/nixos/flake.nix"),
        ("foreign-output", f"{box}/nixos/hosts/box/system.nix"),
    ]
    assert contents(box / "nixos") == {"flake.nix": b"mine"}
    assert panther("build", box, "--force").status == 1
    assert contents(box / "nixos") == {"flake.nix": b"mine"}


def test_another_build_is_at_it(panther: Panther, box: Path) -> None:
    (box / "nixos").mkdir()
    other = os.open(box / "nixos", os.O_RDONLY)
    fcntl.flock(other, fcntl.LOCK_EX)
    answer = panther("build", box)
    assert answer.status == 2
    assert "another build is writing" in answer.err
    assert contents(box / "nixos") == {}
    os.close(other)
    assert panther("build", box).status == 0


def test_another_build_was_at_it(tmp_path: Path) -> None:
    """What was planned before another build wrote is not carried out after it."""
    ours, theirs = ({"a": Wanted.of(text)} for text in (b"ours", b"theirs"))
    late = Tree(tmp_path / "out", "out")
    plan = late.plan(ours)
    early = Tree(tmp_path / "out", "out")
    early.apply(early.plan(theirs), theirs)
    with pytest.raises(PantherError, match="meanwhile"):
        late.apply(plan, ours)
    assert (tmp_path / "out/a").read_bytes() == b"theirs"


def test_many_builds_at_once(box: Path, write: Write, panther: Panther) -> None:
    env = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    releases = ["24.11", "25.11", "26.05", "unstable"]
    builds = [
        subprocess.Popen(
            [sys.executable, "-m", "pantheros", "build", str(box), "--release", release],
            env=env,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for release in releases
    ]
    for build in builds:
        _, said = build.communicate(timeout=60)
        assert build.returncode == 0 or "another build" in said, said
    assert panther("build", box).status == 0
    assert panther("build", box, "--check").status == 0
    assert not list((box / "nixos").glob(".pantheros.*"))


# Names ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["a fleet", "Flotte für Zoë ❄", 'it\'s ${x} "quoted"', "new\nline", "-dash", "caf\udce9"]
)
def test_a_fleet_anywhere(process: Panther, box: Path, tmp_path: Path, name: str) -> None:
    root = tmp_path / name
    box.rename(root)
    for command in (["build"], ["show", "box", "--json"]):
        answer = process(*command, root)
        assert answer.status == 0, answer.err


def test_names_that_differ_in_capitals(panther: Panther, write: Write) -> None:
    answer = panther("build", write({"hosts/box/host.toml": HOST, "hosts/Box/host.toml": HOST}), "--json")
    assert errors(answer) == [("duplicate-host", "hosts/box/host.toml")]
    assert "capitals make no difference" in answer.out


@pytest.mark.parametrize("name", ["let", "default", "self", "hosts", "nixpkgs", "inputs", "0", "meta"])
def test_names_with_a_meaning_elsewhere(panther: Panther, write: Write, name: str) -> None:
    root = write({f"hosts/{name}/host.toml": HOST})
    assert panther("build", root).status == 0
    assert panther("show", name, root).status == 0
    text = (root / "nixos/flake.nix").read_text()
    assert f'"{name}".imports' in text if name in ("let", "0") else f" {name}.imports" in text


def test_names_that_colmena_has_a_use_for(panther: Panther, write: Write) -> None:
    fleet = 'release = "26.05"\noutputs = ["colmena"]\n[people.ada]\n'
    answer = panther("build", write({"fleet.toml": fleet, "hosts/meta/host.toml": HOST}), "--json")
    assert errors(answer) == [("reserved-name", "hosts/meta/host.toml")]


@pytest.mark.parametrize("name", [b"caf\xe9", b"a\nb", b"\x1b[31m"])
def test_names_that_cannot_be_printed(process: Panther, box: Path, name: bytes) -> None:
    directory = os.path.join(os.fsencode(box), b"hosts", name, b"web")
    os.makedirs(directory)
    Path(os.fsdecode(directory), "host.toml").write_text(HOST)
    answer = process("build", box)
    assert answer.status == 1
    assert "error[invalid-name]" in answer.err
    assert "\x1b" not in answer.err
    assert process("build", box, "--json").json["findings"]


def test_copies_whose_names_cannot_be_printed(process: Panther, write: Write) -> None:
    root = write({"hosts/box/host.toml": 'imports = ["d"]\n' + HOST, "hosts/box/d/default.nix": "{ }\n"})
    Path(os.fsdecode(os.path.join(os.fsencode(root), b"hosts/box/d/caf\xe9"))).write_text("")
    answer = process("build", root)
    assert answer.status == 1
    assert "error[invalid-name]" in answer.err


# Links, pipes, and files in odd places --------------------------------------------------------------------------


def test_links(panther: Panther, box: Path) -> None:
    (box / "away").mkdir()
    (box / "away/host.toml").write_text(HOST)
    (box / "hosts/away").symlink_to(box / "away")
    (box / "hosts/nowhere").symlink_to("/nowhere")
    (box / "hosts/loop").mkdir()
    (box / "hosts/loop/host.toml").symlink_to("host.toml")
    answer = panther("build", box, "--json")
    assert errors(answer) == [("link-not-followed", "hosts/away"), ("unreadable-file", "hosts/loop/host.toml")]


def test_imports_that_lead_nowhere(panther: Panther, box: Path) -> None:
    (box / "hosts/box/loop.nix").symlink_to("loop.nix")
    imports = ["loop.nix", "x" * 5000, "/" * 300, "..", "."]
    (box / "hosts/box/host.toml").write_text(f"imports = {imports!r}\n" + HOST)
    answer = panther("build", box, "--json")
    assert answer.status == 1
    assert {code for code, _ in errors(answer)} <= {"missing-file", "path-outside-fleet"}
    assert len(errors(answer)) >= 3


@pytest.mark.parametrize("name", ["hosts/box/host.toml", "hosts/box/raw.nix", "hosts/box/facter.json"])
def test_pipes_are_not_waited_for(process: Panther, write: Write, name: str) -> None:
    root = write({"hosts/box/host.toml": 'imports = ["raw.nix"]\n' + HOST, "hosts/box/raw.nix": "{ }\n"})
    (root / name).unlink(missing_ok=True)
    os.mkfifo(root / name)
    answer = process("build", root, "--json")
    assert ("unreadable-file", name) in errors(answer)


def test_files_of_hosts_in_odd_places(panther: Panther, write: Write) -> None:
    root = write({"hosts/host.toml": HOST, "hosts/box/host.toml": HOST, "hosts/servers/a/Host.toml": HOST})
    answer = panther("build", root, "--json")
    assert [(f["code"], f["file"]) for f in answer.json["findings"] if f["code"] != "no-password"] == [
        ("misplaced-host", "hosts/host.toml"),
        ("no-host-file", "hosts/servers/a/Host.toml"),
    ]
    assert answer.json["hosts"] == ["box"]


def test_a_host_below_another_is_a_host(panther: Panther, write: Write) -> None:
    root = write({"hosts/a/host.toml": HOST, "hosts/a/b/host.toml": HOST})
    assert panther("build", root, "--json").json["hosts"] == ["a", "b"]


def test_a_long_chain_of_profiles(panther: Panther, write: Write) -> None:
    profiles = "".join(f'[profiles.p{n}]\ninclude = ["p{n + 1}"]\n' for n in range(2000))
    fleet = f'release = "26.05"\n[people.ada]\n{profiles}[profiles.p2000]\n'
    root = write({"fleet.toml": fleet, "hosts/box/host.toml": 'profiles = ["p0"]\n' + HOST})
    assert panther("build", root, "--dry-run").status == 0


# As Windows writes files ----------------------------------------------------------------------------------------


def test_carriage_returns_and_byte_order_marks(panther: Panther, box: Path, tmp_path: Path) -> None:
    panther("build", box, "--out", tmp_path / "before")
    for file in ("fleet.toml", "hosts/box/host.toml"):
        text = (box / file).read_text()
        (box / file).write_bytes(b"\xef\xbb\xbf" + text.replace("\n", "\r\n").encode())
    panther("build", box, "--out", tmp_path / "after")
    assert contents(tmp_path / "before") == contents(tmp_path / "after")
    with (box / "hosts/box/host.toml").open("ab") as file:
        file.write(b"zone = 1\r\n")
    answer = panther("build", box)
    assert "host.toml:5:1\n   |\n 5 | zone = 1\n   | ^^^^\n" in answer.err


# A fleet's own modules ------------------------------------------------------------------------------------------

OPTIONS = "from pantheros.module import Group, Input, ModuleOptions\n\n\nclass Options(ModuleOptions):\n"
BROKEN = {
    "raises": OPTIONS + "    pass\n\n\ndef nixos(o, host):\n    yield 'a.b', 1\n    raise KeyError('x')\n",
    "leaves": OPTIONS + "    pass\n\n\ndef nixos(o, host):\n    yield 'a.b', exit(3)\n",
    "leaves at once": "exit(3)\n",
    "a set": OPTIONS + "    pass\n\n\ndef nixos(o, host):\n    yield 'a.b', {1, 2}\n",
    "in itself": OPTIONS + "    pass\n\n\ndef nixos(o, host):\n    x = {}\n    x['x'] = x\n    yield 'a.b', x\n",
    "odd keys": OPTIONS + "    pass\n\n\ndef nixos(o, host):\n    yield 'a.b', {1: 2}\n",
    "no pair": OPTIONS + "    pass\n\n\ndef nixos(o, host):\n    yield 'a.b'\n",
    "a list": OPTIONS + "    pass\n\n\ndef nixos(o, host):\n    return [('a.b', 1)]\n",
    "no path": OPTIONS + "    pass\n\n\ndef nixos(o, host):\n    yield '', 1\n",
    "endless": OPTIONS + "    pass\n\n\ndef nixos(o, host):\n    yield from nixos(o, host)\n",
    "one argument": OPTIONS + "    pass\n\n\ndef home(o):\n    yield 'a.b', 1\n",
    "no function": OPTIONS + "    pass\n\n\nnixos = 3\n",
    "no resource": OPTIONS + "    pass\n\n\ndef resources(o, host):\n    yield {}\n",
    "no finding": OPTIONS + "    pass\n\n\ndef findings(o, host):\n    yield 'x'\n",
    "no defaults": OPTIONS + "    pass\n\n\ndef defaults(host):\n    return 5\n",
    "no inputs": OPTIONS + "    pass\n\n\nINPUTS = 5\n",
    "names as inputs": OPTIONS + "    pass\n\n\nINPUTS = ('disko',)\n",
    "no type": OPTIONS + "    size: Nothing = 1\n",
    "no options": "from pydantic import BaseModel\n\n\nclass Options(BaseModel):\n    enable: bool = False\n",
    "no Python": "this is no Python\n",
    "no text": "\udcff\udcfe",
    "a NUL": "a\0b",
}


@pytest.mark.parametrize("code", BROKEN.values(), ids=BROKEN)
def test_broken_modules(panther: Panther, write: Write, code: str) -> None:
    root = write({"hosts/box/host.toml": HOST + "[pantherOS.own]\nenable = true\n", "modules/x": ""})
    (root / "modules/own.py").write_bytes(code.encode(errors="surrogateescape"))
    answer = panther("build", root, "--json")
    assert answer.status == 1
    assert errors(answer) == [("broken-module", "modules/own.py")]
    commands = (["modules"], ["modules", "own"], ["schema"], ["hosts"], ["show", "box"], ["why", "box", "own.enable"])
    for command in commands:
        assert panther(*command, *([root] if command != ["schema"] else ["host", root])).status in (0, 1)


def test_an_option_that_must_be_set(panther: Panther, write: Write) -> None:
    module = OPTIONS + "    size: int\n\n\ndef nixos(o, host):\n    yield 'networking.domain', str(o.size)\n"
    root = write({"hosts/box/host.toml": HOST + "[pantherOS.own]\nenable = true\n", "modules/own.py": module})
    answer = panther("build", root, "--json")
    assert errors(answer) == [("missing-option", "hosts/box/host.toml")]
    for command in (["modules", "own"], ["show", "box"], ["why", "box", "own.enable"]):
        assert panther(*command, root).status in (0, 1)
    with (root / "hosts/box/host.toml").open("a") as file:
        file.write("size = 3\n")
    assert panther("build", root).status == 0
    assert panther("why", "box", "networking.domain", root, "--json").json["value"] == "3"


@pytest.mark.parametrize(
    ("file", "code"),
    [
        ("boot.py", "duplicate-module"),
        ("development.py", "duplicate-module"),
        ("system/clock.py", "duplicate-module"),
        ("my module.py", "invalid-name"),
        ("a.b.py", "invalid-name"),
    ],
)
def test_modules_by_names_that_will_not_do(panther: Panther, box: Path, file: str, code: str) -> None:
    (box / "modules" / file).parent.mkdir(parents=True)
    (box / "modules" / file).write_text(OPTIONS + "    pass\n")
    answer = panther("build", box, "--json")
    assert errors(answer) == [(code, f"modules/{file}")]
