"""`panther gaps`, `roadmap` and `context`: pages that are kept current, and what happens where something is wrong."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pantheros.__main__ import run
from pantheros.insight.context import Context, context
from pantheros.insight.context_page import short
from pantheros.insight.standing import standing

HERE = Path(__file__).parent
DAY = 86400
FIRST = 1769904000  # 2026-02-01
Told = tuple[int, str, str]
Panther = Callable[..., Told]


def git(directory: Path, *words: str, at: int = FIRST) -> str:
    when = {"GIT_AUTHOR_DATE": f"{at} +0000", "GIT_COMMITTER_DATE": f"{at} +0000"}
    environment = {**os.environ, **when, "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
    who = ["-c", "user.name=Ada", "-c", "user.email=ada@example.org"]
    command = ["git", *who, *words]
    told = subprocess.run(command, cwd=directory, check=True, capture_output=True, env=environment, text=True)
    return told.stdout


def commit(directory: Path, at: int = FIRST) -> None:
    git(directory, "add", "-A", at=at)
    git(directory, "commit", "-qm", "Go on", at=at)


@pytest.fixture(scope="module")
def template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    directory = tmp_path_factory.mktemp("template") / "plain"
    shutil.copytree(HERE / "plain", directory, symlinks=True)
    git(directory, "init", "-q", "-b", "main")
    commit(directory)
    return directory


@pytest.fixture
def plain(template: Path, tmp_path: Path) -> Path:
    """A repository with a history of one commit."""
    shutil.copytree(template, tmp_path / "plain", symlinks=True)
    return tmp_path / "plain"


@pytest.fixture(autouse=True)
def fixed(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", f"{FIRST}")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", "/dev/null")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def panther(capsys: pytest.CaptureFixture[str]) -> Panther:
    def panther(*words: str | Path) -> Told:
        status = run([str(word) for word in words])
        told = capsys.readouterr()
        assert "Traceback" not in told.err and "a bug in pantherOS" not in told.err, told.err
        return status, told.out, told.err

    return panther


# Pages --------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("command", ["roadmap", "context"])
def test_a_page_is_fresh_before_and_after_it_is_committed_with_other_files(
    plain: Path, panther: Panther, command: str
) -> None:
    assert panther(command, plain, "--check")[0] == 2
    assert panther(command, plain, "--write")[0] == 0
    assert panther(command, plain, "--check") == (0, f"docs/{command}.md is up to date\n", "")
    written = (plain / "docs" / f"{command}.md").read_bytes()
    assert "up to date" in panther(command, plain, "--write")[1]
    assert (plain / "docs" / f"{command}.md").read_bytes() == written
    (plain / "notes.txt").write_text("Something else.\n")
    commit(plain, FIRST + 60)
    assert panther(command, plain, "--check")[0] == 0


@pytest.mark.parametrize("command", ["roadmap", "context"])
def test_a_page_is_stale_once_a_task_is_done(plain: Path, panther: Panther, command: str) -> None:
    panther(command, plain, "--write")
    tasks = plain / "openspec/changes/add-offsite-backup/tasks.md"
    tasks.write_text(tasks.read_text(encoding="utf-8").replace("[ ]", "[x]", 1), encoding="utf-8")
    status, out, _ = panther(command, plain, "--check")
    assert status == 1 and "stale" in out
    assert panther(command, plain, "--write")[0] == 0
    assert panther(command, plain, "--check")[0] == 0


def test_a_context_is_stale_after_further_commits(plain: Path, panther: Panther) -> None:
    panther("context", plain, "--write")
    commit(plain, FIRST + 60)
    assert panther("context", plain, "--check")[0] == 0
    (plain / "notes.txt").write_text("Something else.\n")
    commit(plain, FIRST + 120)
    assert panther("context", plain, "--check")[0] == 0
    (plain / "notes.txt").write_text("Later.\n")
    commit(plain, FIRST + 30 * 86400)
    status, out, _ = panther("context", plain, "--check")
    assert status == 1
    assert "the last commit" in out


def test_a_roadmap_stays_fresh_after_commits_that_change_no_task(plain: Path, panther: Panther) -> None:
    panther("roadmap", plain, "--write")
    (plain / "notes.txt").write_text("Something else.\n")
    commit(plain, FIRST + 120)
    assert panther("roadmap", plain, "--check")[0] == 0


def test_a_roadmap_is_stale_once_something_is_overdue(
    plain: Path, panther: Panther, monkeypatch: pytest.MonkeyPatch
) -> None:
    (plain / "roadmap.toml").write_text('[[milestone]]\nid = "spring"\ndue = 2026-02-10\n')
    panther("roadmap", plain, "--write")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", f"{FIRST + 9 * DAY}")
    assert panther("roadmap", plain, "--check")[0] == 0
    monkeypatch.setenv("SOURCE_DATE_EPOCH", f"{FIRST + 10 * DAY}")
    status, out, _ = panther("roadmap", plain, "--check")
    assert status == 1 and "join-tailnet became overdue" in out


@pytest.mark.parametrize("command", ["roadmap", "context"])
def test_what_a_person_wrote_around_a_page_stays(plain: Path, panther: Panther, command: str) -> None:
    page = plain / "docs" / f"{command}.md"
    page.write_text("# Ours\n\nBefore.\n")
    panther(command, plain, "--write")
    page.write_text(page.read_text(encoding="utf-8") + "\nAfter.\n", encoding="utf-8")
    assert panther(command, plain, "--check")[0] == 0
    panther(command, plain, "--write")
    text = page.read_text(encoding="utf-8")
    assert text.startswith("# Ours\n\nBefore.\n") and text.endswith("\nAfter.\n")


@pytest.mark.parametrize("command", ["roadmap", "context"])
def test_a_mark_that_says_nothing_is_an_error(plain: Path, panther: Panther, command: str) -> None:
    page = plain / "docs" / f"{command}.md"
    page.write_text(f"<!-- panther {command}: begin -->\nx\n<!-- panther {command}: end -->\n")
    status, _, err = panther(command, plain, "--check")
    assert status == 2 and "does not say" in err
    assert panther(command, plain, "--write")[0] == 0
    assert panther(command, plain, "--check")[0] == 0


@pytest.mark.parametrize("command", ["roadmap", "context"])
def test_pages_without_git(tmp_path: Path, panther: Panther, command: str) -> None:
    shutil.copytree(HERE / "plain", tmp_path / "bare", symlinks=True)
    assert panther(command, tmp_path / "bare", "--write")[0] == 0
    assert panther(command, tmp_path / "bare", "--check")[0] == 0


def test_a_context_in_a_copy_without_its_history_is_still_compared(
    plain: Path, panther: Panther, tmp_path: Path
) -> None:
    panther("context", plain, "--write")
    shutil.rmtree(plain / ".git")
    git(plain, "init", "-q")
    commit(plain, FIRST + 60)
    status, _, err = panther("context", plain, "--check")
    assert status == 0 and "not verified" in err


def test_a_context_that_tells_what_will_be_late_is_compared_in_a_shallow_clone(
    plain: Path, panther: Panther, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOURCE_DATE_EPOCH", f"{FIRST + 10 * DAY}")
    (plain / "roadmap.toml").write_text('[[milestone]]\nid = "m"\ndue = 2026-02-12\nchanges = ["harden-ssh"]\n')
    tasks = plain / "openspec/changes/harden-ssh/tasks.md"
    tasks.write_text(tasks.read_text(encoding="utf-8").replace("[ ]", "[x]", 1), encoding="utf-8")
    commit(plain, FIRST + 9 * DAY)
    panther("context", plain, "--write")
    assert "due 2026-02-12, and not done before" in (plain / "docs/context.md").read_text(encoding="utf-8")
    commit(plain, FIRST + 10 * DAY)
    git(tmp_path, "clone", "-q", "--depth", "1", plain.as_uri(), "shallow")
    status, out, err = panther("context", tmp_path / "shallow", "--check")
    assert (status, "not verified" in err) == (0, True), out


def test_short_and_json_at_once_are_refused(plain: Path, panther: Panther) -> None:
    assert panther("context", plain, "--short", "--json")[0] == 2


# In short -----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def contexts() -> dict[str, Context]:
    return {name: context(standing(HERE / name), date(2026, 2, 1)) for name in ("plain", "fleet")}


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(name=st.sampled_from(["plain", "fleet"]), most=st.integers(200, 6000))
def test_what_is_short_is_never_longer_than_asked_for(contexts: dict[str, Context], name: str, most: int) -> None:
    text = short(contexts[name], most)
    assert 0 < len(text) <= most
    assert text.endswith("\n")


@pytest.mark.parametrize("most", [200, 300, 1000])
def test_what_is_printed_in_short_is_bounded(plain: Path, panther: Panther, most: int) -> None:
    status, out, _ = panther("context", plain, "--short", "--max", most)
    assert status == 0 and 100 < len(out) <= most


# Since and propose --------------------------------------------------------------------------------------------------


def test_what_is_better_and_worse_since_a_revision(plain: Path, panther: Panther) -> None:
    alder = plain / "hosts/servers/alder/default.nix"
    text = alder.read_text(encoding="utf-8")
    alder.write_text(text.replace("services.prometheus.enable = false;", "services.fail2ban.enable = true;"))
    linden = plain / "hosts/linden/default.nix"
    linden.write_text(linden.read_text(encoding="utf-8").replace("virtualisation.podman.enable = true", "x.y = 1"))
    (plain / "docs" / "more.md").write_text("# More\n")
    _, out, _ = panther("gaps", plain, "--json", "--since", "HEAD")
    since = json.loads(out)["since"]
    assert "security.login-limits" in json.dumps(since["improved"])
    assert "containers.runtime" in json.dumps(since["worse"])
    status, out, _ = panther("gaps", plain, "--since", "HEAD")
    assert status == 0 and "documents: 8 → 9" in out
    git(plain, "checkout", "-q", ".")
    (plain / "docs" / "more.md").unlink()
    assert "nothing has changed" in panther("gaps", plain, "--since", "HEAD")[1]


def test_one_host_more_or_less_is_told(plain: Path, panther: Panther) -> None:
    rowan = plain / "hosts/rowan/default.nix"
    rowan.write_text(
        rowan.read_text(encoding="utf-8").replace("{ ... }:\n{", "{ ... }:\n{\n  hardware.graphics.enable = true;")
    )
    linden = plain / "hosts/linden/hardware.nix"
    linden.write_text(linden.read_text(encoding="utf-8").replace("hardware.graphics.enable", "hardware.none.enable"))
    since = json.loads(panther("gaps", plain, "--json", "--since", "HEAD")[1])["since"]
    told = {
        which: {each["capability"]: (each["now"], each["hosts"]) for each in since[which]}
        for which in ("improved", "worse")
    }
    assert told["improved"]["hardware.graphics"] == ("partial", ["rowan"])
    assert told["worse"]["hardware.graphics"] == ("partial", ["linden"])
    out = panther("gaps", plain, "--since", "HEAD")[1]
    assert "Graphics drivers (partial, 1 of 3 → 1 of 3: rowan)" in out
    assert "Graphics drivers (partial, 1 of 3 → 1 of 3: not linden)" in out


@pytest.mark.parametrize("revision", ["nothing", "--output=x", "HEAD~9", ""])
def test_a_revision_that_git_does_not_know(plain: Path, panther: Panther, revision: str) -> None:
    status, _, err = panther("gaps", plain, f"--since={revision}")
    assert (status, "error" in err) == ((0, False) if not revision else (2, True))
    assert not (plain / "x").exists()


def test_proposing_twice_proposes_nothing_the_second_time(plain: Path, panther: Panther) -> None:
    def changes() -> set[str]:
        return {path.name for path in (plain / "openspec/changes").iterdir()}

    before = changes()
    status, _, err = panther("gaps", plain, "--propose", "--dry-run")
    assert status == 0 and "nothing was written" in err and changes() == before
    assert panther("gaps", plain, "--propose", "--only", "security-hardening")[0] == 0
    assert changes() - before == {"security-hardening"}
    assert panther("gaps", plain, "--propose")[0] == 0
    after = changes()
    assert len(after) > len(before) + 5
    assert panther("gaps", plain, "--propose")[0] == 0
    assert changes() == after
    assert json.loads(panther("gaps", plain, "--json")[1])["proposals"] == []
    status, _, err = panther("gaps", plain, "--propose", "--only", "security-hardening")
    assert status == 2 and "security-hardening" in err


# Where something is wrong -------------------------------------------------------------------------------------------

COMMANDS = [["gaps"], ["gaps", "--json"], ["gaps", "--propose"], ["roadmap"], ["context"], ["context", "--short"]]


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_no_such_path_and_a_file(tmp_path: Path, panther: Panther, command: list[str]) -> None:
    (tmp_path / "file").write_text("")
    for path in (tmp_path / "nothing", tmp_path / "file", tmp_path / "file" / "below"):
        status, _, err = panther(command[0], path, *command[1:])
        assert status == 2 and err.startswith("error: ")


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
@pytest.mark.parametrize("kind", ["empty", "bare", "initialised"])
def test_directories_without_anything(tmp_path: Path, panther: Panther, command: list[str], kind: str) -> None:
    root = tmp_path / "root"
    root.mkdir()
    if kind != "empty":
        git(root, "init", "-q", *(["--bare"] if kind == "bare" else []))
    status, out, err = panther(command[0], root, *command[1:])
    if command[0] == "gaps":
        assert status == 2 and "no fleet and no Nix" in err
    else:
        assert status == 0 and out


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_without_openspec_and_without_git(tmp_path: Path, panther: Panther, command: list[str]) -> None:
    (tmp_path / "root").mkdir()
    (tmp_path / "root" / "flake.nix").write_text("{ outputs = _: { }; }")
    status, out, _ = panther(command[0], tmp_path / "root", *command[1:])
    assert status == 0 and out


@pytest.mark.parametrize("content", [b"x = [\n", b'[[phase]]\nx = 1\n[[capability]]\nid = "a"\n'])
@pytest.mark.parametrize(
    ("command", "file"),
    [("roadmap", "roadmap.toml"), ("context", "roadmap.toml"), ("gaps", "capabilities.toml"),
     ("context", "capabilities.toml")],
)  # fmt: skip
def test_a_broken_file_of_ours_is_told(plain: Path, panther: Panther, command: str, file: str, content: bytes) -> None:
    (plain / file).write_bytes(content)
    status, out, err = panther(command, plain)
    assert status == 1 and file in out + err


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("openspec/changes/join-tailnet/.openspec.yaml", b"a: [\n"),
        ("openspec/changes/join-tailnet/.openspec.yaml", b"\xff"),
        ("openspec/changes/join-tailnet/.openspec.yaml", b"depends_on: 5\nestimate: soon\nphase: [1]\n"),
        ("openspec/changes/join-tailnet/tasks.md", b"\xff\xfe- [ ] x"),
        ("openspec/changes/join-tailnet/proposal.md", b"\x00\xff"),
        ("flake.nix", b"{ outputs = "),
        ("flake.lock", b'{"nodes": 5}'),
        ("flake.lock", b'{"nodes": {"root": {"inputs": {"a": "b"}}, "b": {"locked": {"lastModified": 1e99}}}}'),
        ("flake.lock", b'{"nodes": {"root": {"inputs": ["a"]}, "b": 1}}'),
        (
            "flake.lock",
            b'{"nodes": {"root": {"inputs": {"a": "b"}}, "b": {"locked": {"lastModified": 9999999999999}}}}',
        ),
        ("flake.lock", b'{"nodes": {"root": {"inputs": {"a": "b"}}, "b": {"locked": {}, "original": 5}}}'),
        ("README.md", b"\xff\xfe"),
        ("docs/decisions/0001.md", b"# \xff"),
        ("fleet.toml", b"x = ["),
    ],
)
def test_any_file_may_be_broken(plain: Path, panther: Panther, file: str, content: bytes) -> None:
    """A context looks at everything that the other two do."""
    (plain / file).parent.mkdir(parents=True, exist_ok=True)
    (plain / file).write_bytes(content)
    status, out, err = panther("context", plain)
    assert status in (0, 1, 2) and out + err


def test_a_page_that_cannot_be_written(plain: Path, panther: Panther) -> None:
    for page in ("docs", "README.md/x.md"):
        for command in ("roadmap", "context"):
            status, _, err = panther(command, plain, "--write", "--page", page)
            assert status == 2 and err.startswith("error: ")


def test_files_that_may_not_be_read(plain: Path, panther: Panther) -> None:
    (plain / "flake.nix").chmod(0)
    (plain / "openspec/changes/join-tailnet/tasks.md").chmod(0)
    if os.access(plain / "flake.nix", os.R_OK):
        pytest.skip("whoever runs this may read everything")
    for command in ("gaps", "roadmap", "context"):
        status, out, err = panther(command, plain)
        assert status in (0, 2) and out + err


def test_an_area_and_a_proposal_that_nobody_knows(plain: Path, panther: Panther) -> None:
    status, _, err = panther("gaps", plain, "--area", "bakcup")
    assert status == 2 and "backup" in err
    status, _, err = panther("gaps", plain, "--propose", "--only", "security-hardning")
    assert status == 2 and "security-hardening" in err
