"""`panther check`, `explain` and `diff`, as people and programs see them."""

from __future__ import annotations

import json
import os
import select
import signal
import subprocess
import xml.etree.ElementTree as ET
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.cli.conftest import HOST, Panther, command, environment

RAW = HOST + '\n[nixos]\nservices.openssh.enable = "yes"\n'
Write = Callable[[dict[str, str]], Path]


@pytest.fixture
def wrong(write: Write) -> Path:
    return write({"hosts/box/host.toml": RAW})


def test_a_sound_fleet(panther: Panther, reference: Path) -> None:
    answer = panther("check", reference)
    assert answer.status == 0
    assert answer.out.startswith("nothing wrong found in 5 hosts")
    assert "panther explain limits" in answer.out


def test_a_mistake_is_shown_at_its_line(panther: Panther, wrong: Path) -> None:
    answer = panther("check", wrong)
    assert answer.status == 1
    assert "error[wrong-type]" in answer.err
    assert "--> hosts/box/host.toml:7:27" in answer.err
    assert "write true without quotes" not in answer.err  # "yes" is neither


def test_as_json(panther: Panther, wrong: Path) -> None:
    found = panther("check", wrong, "--json").json
    assert set(found) == {"findings", "not_verified", "summary"}
    (finding,) = [each for each in found["findings"] if each["severity"] == "error"]
    assert {key: finding[key] for key in ("code", "host", "file", "line", "option")} == {
        "code": "wrong-type",
        "host": "box",
        "file": "hosts/box/host.toml",
        "line": 7,
        "option": "services.openssh.enable",
    }
    assert found["summary"]["errors"] == 1
    assert panther("check", wrong, "--format", "json").json == found


def test_as_sarif(panther: Panther, wrong: Path) -> None:
    log = panther("check", wrong, "--format", "sarif").json
    (run,) = log["runs"]
    result = next(each for each in run["results"] if each["ruleId"] == "wrong-type")
    place = result["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"].endswith("fleet/hosts/box/host.toml")
    assert place["region"]["startLine"] == 7
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "wrong-type"


def test_for_github(panther: Panther, wrong: Path) -> None:
    lines = panther("check", wrong, "--format", "github").out.splitlines()
    (line,) = [line for line in lines if line.startswith("::error ")]
    assert "line=7,col=27" in line
    assert "title=wrong-type" in line


def test_as_junit(panther: Panther, wrong: Path) -> None:
    suite = ET.fromstring(panther("check", wrong, "--format", "junit").out)
    assert (suite.get("tests"), suite.get("failures")) == ("2", "1")
    assert [failure.get("type") for failure in suite.iter("failure")] == ["wrong-type"]


def test_select_and_ignore(panther: Panther, wrong: Path) -> None:
    assert panther("check", wrong, "--ignore", "wrong-*").status == 0
    assert panther("check", wrong, "--select", "unknown-*,wrong-type").status == 1


def test_without_nix_it_says_so(panther: Panther, wrong: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.delenv("PANTHER_TRACEBACK")
    answer = panther("check", wrong, "--nix")
    assert answer.status == 2
    assert "there is no `nix`" in answer.err


def test_a_secret_is_never_shown(panther: Panther, write: Write) -> None:
    token = "ghp_abcdefghijklmnopqrstuvwxyz0123456789"
    root = write(
        {"hosts/box/host.toml": f'{HOST}\n[nixos]\nenvironment.variables.TOKEN = "{token}"\nx.y = "{token}"\n'}
    )
    with (root / "fleet.toml").open("a", encoding="utf-8") as file:
        file.write(f'\n[secrets]\nmine = "{token}"\nplain = "hunter2hunter2"\n')
    for options in ([], ["--json"], ["--format", "sarif"], ["--format", "github"], ["--format", "junit"], ["-v"]):
        answer = panther("check", root, *options)
        assert answer.status == 1
        assert token not in answer.out + answer.err
        assert "hunter2" not in answer.out + answer.err
    assert "secret-in-file" in panther("check", root, "--json").codes


def test_watching(wrong: Path) -> None:
    process = subprocess.Popen(
        command("check", wrong, "--watch"),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env=environment(PYTHONUNBUFFERED="1"),
    )
    assert process.stdout is not None
    try:
        assert _until(process.stdout.fileno(), b"explain limits").count(b"error[wrong-type]") == 1
        (wrong / ".new").write_text(RAW.replace('"yes"', "true"), encoding="utf-8")
        (wrong / ".new").replace(wrong / "hosts/box/host.toml")
        assert b"wrong-type" not in _until(process.stdout.fileno(), b"explain limits")
    finally:
        process.send_signal(signal.SIGINT)
        status = process.wait(timeout=20)
        process.stdout.close()
    assert status == 0


def _until(descriptor: int, text: bytes) -> bytes:
    """What is printed until a text has come, which is the last of its kind."""
    found = b""
    while text not in found:
        assert select.select([descriptor], [], [], 20)[0], found
        found += os.read(descriptor, 65536)
    return found


def test_explain(panther: Panther) -> None:
    answer = panther("explain", "unknown-setting")
    assert answer.status == 0
    assert answer.out.startswith("# unknown-setting\n")
    assert "unknown-setting" in panther("explain").out
    assert panther("explain", "limits").out.startswith("# ")


def test_explain_what_is_no_code(panther: Panther, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PANTHER_TRACEBACK")
    for word in ("unknown-seting", "../README", ""):
        answer = panther("explain", word)
        assert answer.status == 2
        assert "there is no code" in answer.err
    assert "unknown-setting" in panther("explain", "unknown-seting").err


@pytest.fixture
def repository(write: Write) -> Path:
    root = write({"hosts/box/host.toml": HOST, "hosts/den/host.toml": HOST})
    git = ("git", "-c", "user.name=Ada", "-c", "user.email=ada@example.org")
    for arguments in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "first"]):
        subprocess.run([*git, *arguments], cwd=root, check=True)
    return root


def test_diff(panther: Panther, repository: Path) -> None:
    assert panther("diff", "HEAD", repository).out == "no setting changes from HEAD to the working tree\n"
    host = repository / "hosts/box/host.toml"
    host.write_text(HOST + 'timeZone = "UTC"\n\n[home]\nprograms.fish.enable = true\n', encoding="utf-8")
    (repository / "hosts/den/host.toml").unlink()
    found = panther("diff", repository, "--json").json
    box, den = found["hosts"]
    assert (den["host"], den["change"]) == ("den", "removed")
    changes = {each["setting"]: each for each in box["settings"]}
    zone = changes["time.timeZone"]
    assert (zone["change"], zone["before"], zone["after"]) == ("added", None, "UTC")
    assert (zone["option"], zone["origin"]) == ("pantherOS.system.timeZone", "hosts/box/host.toml:5:12")
    assert changes["home.ada.programs.fish.enable"]["origin"] == "hosts/box/host.toml:8:24"
    text = panther("diff", "HEAD", repository).out
    assert "+ time.timeZone  pantherOS.system.timeZone, hosts/box/host.toml:5:12" in text
    markdown = panther("diff", "HEAD", repository, "--format", "markdown").out
    assert '| `time.timeZone` |  | `"UTC"` |' in markdown
    assert "The host is gone." in markdown


def test_diff_with_what_is_no_revision(panther: Panther, repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PANTHER_TRACEBACK")
    for revision in ("nosuch", "--output=x"):
        answer = panther("diff", "--", revision, repository)
        assert answer.status == 2
        assert "nosuch" in answer.err or "output" in answer.err
    assert not (repository / "x").exists()


def test_findings_are_one_shape_everywhere(panther: Panther, wrong: Path) -> None:
    keys = [set(finding) for finding in panther("check", wrong, "--json").json["findings"]]
    assert len({json.dumps(sorted(found)) for found in keys}) == 1
