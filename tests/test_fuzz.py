"""Whatever a fleet's files hold, the answer is findings at places that exist: never a traceback.

The reference fleet's files are damaged as editors, merges and slips of the hand damage them, and worse. By hand, for
long: FUZZ_EXAMPLES=5000 pytest tests/test_fuzz.py
"""

from __future__ import annotations

import contextlib
import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pantheros.__main__ import run

REFERENCE = Path(__file__).parents[1] / "examples" / "pantheros"
HOSTS = {"yoga": "hosts/yoga", "zephyrus": "hosts/zephyrus", "hetzner-vps": "hosts/servers/hetzner-vps"}
FILES = [
    "fleet.toml",
    "hosts/yoga/host.toml",
    "hosts/yoga/facter.json",
    "hosts/zephyrus/host.nix",
    "hosts/zephyrus/nvidia.nix",
    "hosts/servers/hetzner-vps/host.toml",
]
LONG = "FUZZ_EXAMPLES" in os.environ
ODD = [
    *("", " ", "\n", "\t", "\r\n", "\r", "\0", "\x1b[31m", "\ufeff", "\u2028", "é", "日本", "\U0001f9ff", "a\u0301"),
    *("[", "]", "{", "}", "(", ")", "[[", "]]", '"', '"""', "'", "'''", "''", "${", "$${", "\\", "\\u12", "#", "/*"),
    *("=", ".", ",", ";", ":", "//", "..", "../", "/", "@", "-", "+", "*", "?"),
    *("0", "-1", "1e999", "9" * 40, "9" * 5000, "0x" + "f" * 5000, "inf", "nan", "1.5", "07:32:00", "1979-05-27"),
    *("true", "false", "null", "[]", "{}", "[{}]", "[[]]", '[""]', "[1, true]", '"x"', "{ x = 1 }", '"op://a/b/c"'),
    *("[" * 300, "{a=" * 300, "(" * 300, "a." * 300, "let x = x; in x", "rec { a = b; b = a; }", "inherit (x) y;"),
    *("lib.mkForce", "lib.mkDefault {", "pkgs.git", "./x", "./.", "<nixpkgs>", "https://a", "if x then y else z"),
    *("enable = false\n", "enable = 1\n", "[pantherOS.nope]\n", "[force.pantherOS.system]\n", "[pantherOS]\n"),
    *("[nixos]\n", "[people.ada]\n", "[profiles.laptop]\n", 'include = ["laptop"]\n', 'imports = ["../.."]\n'),
]

Edit = tuple[str, int, int, str]
edits = st.lists(
    st.tuples(
        st.sampled_from(["delete", "double", "swap", "put", "replace", "value", "delete line", "double line", "cut"]),
        st.integers(0, 10_000),
        st.integers(0, 10_000),
        st.sampled_from(ODD) | st.text(max_size=6),
    ),
    min_size=1,
    max_size=5,
)


def edited(text: str, edit: Edit) -> str:
    """The text after one slip: positions are parts of ten thousand."""
    kind, first, second, odd = edit
    start, end = sorted((first * len(text) // 10_000, second * len(text) // 10_000))
    lines = text.split("\n")
    line, other = first * (len(lines) - 1) // 10_000, second * (len(lines) - 1) // 10_000
    if kind == "delete":
        return text[:start] + text[min(end, start + 12) :]
    if kind == "double":
        return text[:end] + text[start:end] + text[end:]
    if kind == "swap":
        lines[line], lines[other] = lines[other], lines[line]
    elif kind == "put":
        return text[:start] + odd + text[start:]
    elif kind == "replace":
        return text[:start] + odd + text[start + len(odd) :]
    elif kind == "value":
        head, equals, _ = lines[line].partition("=")
        lines[line] = head + equals + " " + odd
    elif kind == "delete line":
        del lines[line]
    elif kind == "double line":
        lines.insert(other, lines[line])
    else:
        return text[:start]
    return "\n".join(lines)


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    root = tmp_path_factory.mktemp("fuzz") / "fleet"
    shutil.copytree(REFERENCE, root, ignore=shutil.ignore_patterns("nixos", "ovh-vps", "contabo-vps"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PANTHER_TRACEBACK", "1")
        patch.setenv("XDG_CACHE_HOME", str(root.parent / "cache"))
        yield root


def answer(arguments: list[str]) -> tuple[int, str]:
    out, err = io.StringIO(), io.StringIO()
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status = run(arguments)
    assert status in (0, 1, 2), (status, err.getvalue())
    assert "a bug in pantherOS" not in err.getvalue()
    return status, out.getvalue()


def check(root: Path, host: str) -> None:
    """Every command has an answer about the fleet, and every finding is about a place that there is."""
    findings = []
    for command in (["build", str(root), "--dry-run"], ["hosts", str(root)], ["show", host, str(root)]):
        status, out = answer([*command, "--json"])
        told = json.loads(out)["findings"] if out else []
        assert status == 2 or status == int(any(f["severity"] == "error" for f in told)), (command, status)
        findings += told
    answer(["why", host, "pantherOS.development.git.merge.tool", str(root), "--json"])
    if LONG:
        answer(["show", host, str(root)])
        answer(["build", str(root), "--dry-run"])
        answer(["why", host, "networking.hostName", str(root)])
    texts: dict[str, list[str]] = {}
    for finding in findings:
        place_exists(root, finding, texts)


def place_exists(root: Path, finding: dict[str, Any], texts: dict[str, list[str]]) -> None:
    file = finding["file"]
    assert finding["message"], finding
    if file is None or not (root / file).is_file():
        return
    if file not in texts:
        text = (root / file).read_bytes().decode(errors="replace")
        texts[file] = text.removeprefix("\ufeff").replace("\r\n", "\n").split("\n")
    lines = texts[file]
    for line, column in ((finding["line"], finding["column"]), (finding["end_line"], finding["end_column"])):
        assert 1 <= line <= len(lines), finding
        assert 1 <= column <= len(lines[line - 1]) + 1, finding
    assert (finding["line"], finding["column"]) <= (finding["end_line"], finding["end_column"]), finding


@cache
def original(file: str) -> str:
    return (REFERENCE / file).read_text(encoding="utf-8")


def host_of(file: str) -> str:
    return next((name for name, directory in HOSTS.items() if file.startswith(directory)), "yoga")


@contextlib.contextmanager
def changed(root: Path, file: str, content: bytes) -> Iterator[None]:
    (root / file).write_bytes(content)
    try:
        yield
    finally:
        (root / file).write_text(original(file), encoding="utf-8")


Fuzz = Callable[[Callable[..., None]], Callable[..., None]]
fuzz: Fuzz = settings(
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "25")),
    deadline=None,
    derandomize=not LONG,
    suppress_health_check=list(HealthCheck),
)


@fuzz
@given(file=st.sampled_from(FILES), slips=edits)
def test_damaged_files(root: Path, file: str, slips: list[Edit]) -> None:
    text = original(file)
    for slip in slips:
        text = edited(text, slip)
    with changed(root, file, text.encode("utf-8", "surrogatepass")):
        check(root, host_of(file))


@fuzz
@given(file=st.sampled_from(FILES), content=st.binary(max_size=40) | st.text(max_size=40).map(str.encode))
def test_anything_at_all(root: Path, file: str, content: bytes) -> None:
    with changed(root, file, content):
        check(root, host_of(file))
