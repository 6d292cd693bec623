"""The checks: conventional commits, secrets, and what a project has itself."""

from __future__ import annotations

import shutil
from typing import Any

import pytest


@pytest.mark.parametrize(
    ("message", "accepted"),
    [
        ("feat: a thing", True),
        ("fix(parser)!: read quotes", True),
        ("fixup! feat: a thing", True),
        ('Revert "feat: a thing"', True),
        ("docs: a\n\nMore, at length.", True),
        ("a thing", False),
        ("feature: a thing", False),
        ("feat:a thing", False),
        ("feat(): a thing", False),
        ("feat: a\nno empty line", False),
    ],
)
def test_conventional_commits(hooked, message, accepted):
    repository = hooked('commitMsg = ["conventional-commits"]')
    repository.add("file")
    done = repository.commit(message)
    assert (done.returncode == 0) == accepted, done.stderr
    assert repository.commits() == int(accepted)


def test_conventional_commits_disregards_comments_and_scissors(hooked):
    repository = hooked('commitMsg = ["conventional-commits"]')
    repository.add("file")
    repository.home.program("editor", 'printf "# hint\\nfeat: a thing\\n" | cat - "$1" >new && cat new >"$1" && rm new')
    done = repository.attempt("commit", "--verbose", GIT_EDITOR="editor")
    assert done.returncode == 0, done.stderr


def test_merge_commits_need_not_be_conventional(hooked):
    repository = hooked('commitMsg = ["conventional-commits"]')
    repository.add("file")
    assert repository.commit("feat: one").returncode == 0
    repository.git("switch", "--quiet", "--create", "side")
    repository.add("file", "side\n")
    assert repository.commit("feat: side").returncode == 0
    repository.git("switch", "--quiet", "main")
    repository.add("file", "main\n")
    assert repository.commit("feat: main").returncode == 0
    assert repository.attempt("merge", "side").returncode != 0
    repository.add("file", "both\n")
    assert repository.commit("both sides").returncode == 0


def test_conventional_commits_before_a_push(hooked):
    repository = hooked('prePush = ["conventional-commits"]')
    repository.remote()
    repository.add("file")
    assert repository.commit("feat: one").returncode == 0
    repository.git("push", "origin", "main")
    repository.add("other")
    assert repository.commit("what is this").returncode == 0
    done = repository.attempt("push", "origin", "main")
    assert done.returncode != 0
    assert "what is this" in done.stderr
    assert "nothing was pushed" in done.stderr
    assert "feat: one" not in done.stderr


SECRETS = {
    "private-key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "GitHub-token": "gh" + "p_" + "a1B2" * 9,
    "AWS-key": "AK" + "IA" + "Q" * 16,
    "GitLab-token": "glp" + "at-" + "x" * 20,
    "Slack-token": "xo" + "xb-" + "1" * 12,
    "Tailscale-key": "tsk" + "ey-auth-" + "k1CNTRL" * 3,
    "1Password-token": "op" + "s_eyJ" + "z" * 80,
    "age-key": "AGE-SECRET-" + "KEY-1" + "Q" * 58,
}


@pytest.fixture
def scanned(hooked: Any) -> Any:
    if shutil.which("gitleaks"):
        pytest.skip("gitleaks is on PATH, and would do the work")
    return hooked('preCommit = ["secrets-scan"]\nprePush = ["secrets-scan"]')


@pytest.mark.parametrize("kind", SECRETS)
def test_secrets_are_found(scanned, kind):
    scanned.add("a dir/a file.txt", f"one\ntwo\nvalue = {SECRETS[kind]}\n")
    done = scanned.commit()
    assert done.returncode != 0
    assert f"secrets-scan: a dir/a file.txt:3: {kind}\n" in done.stderr
    assert SECRETS[kind] not in done.stderr
    assert scanned.commits() == 0


def test_the_place_of_a_secret_in_a_change(scanned):
    lines = [f"line {number}" for number in range(20)]
    scanned.add("file", "\n".join(lines) + "\n")
    assert scanned.commit().returncode == 0
    del lines[2]
    lines[4] = "++ looks like a header"
    lines[15] = SECRETS["AWS-key"]
    scanned.add("file", "\n".join(lines))
    assert "secrets-scan: file:16: AWS-key" in scanned.commit().stderr


def test_what_is_no_secret_may_stay(scanned):
    scanned.add("file", f"{SECRETS['AWS-key']} # gitleaks:allow\n")
    assert scanned.commit().returncode == 0


def test_taking_a_secret_out_is_allowed(scanned):
    scanned.add("file", SECRETS["AWS-key"] + "\n")
    scanned.add("gone", SECRETS["AWS-key"] + "\n")
    assert scanned.commit("oh", "--no-verify").returncode == 0
    scanned.add("file", "nothing\n")
    scanned.git("rm", "--quiet", "gone")
    assert scanned.commit("out").returncode == 0


def test_only_what_is_staged_is_scanned(scanned):
    scanned.add("file")
    scanned.write("file", SECRETS["AWS-key"])
    scanned.write("untracked", SECRETS["AWS-key"])
    assert scanned.commit().returncode == 0
    assert scanned.commit("all", "--all").returncode != 0


def test_settings_of_diff_do_not_hide_a_secret(scanned):
    scanned.git("config", "diff.noprefix", "true")
    scanned.git("config", "color.ui", "always")
    scanned.git("config", "diff.external", "true")
    scanned.add("ünïcode \t name", SECRETS["AWS-key"] + "\n")
    done = scanned.commit()
    assert done.returncode != 0
    assert "AWS-key" in done.stderr


def test_key_files_are_found_by_name(scanned):
    scanned.add("deploy/id_ed25519", "whatever\n")
    scanned.add("client.p12", "whatever\n")
    done = scanned.commit()
    assert "secrets-scan: deploy/id_ed25519: a file of keys" in done.stderr
    assert "secrets-scan: client.p12: a file of keys" in done.stderr


def test_secrets_that_got_into_history_are_not_pushed(scanned):
    scanned.remote()
    scanned.add("file")
    assert scanned.commit().returncode == 0
    scanned.git("push", "origin", "main")
    scanned.add("key", SECRETS["AWS-key"] + "\n")
    assert scanned.commit("oh", "--no-verify").returncode == 0
    scanned.git("rm", "--quiet", "key")
    assert scanned.commit("hidden").returncode == 0
    done = scanned.attempt("push", "origin", "main")
    assert done.returncode != 0
    assert "key:1: AWS-key" in done.stderr
    scanned.git("reset", "--quiet", "--hard", "origin/main")
    scanned.add("fine")
    assert scanned.commit().returncode == 0
    scanned.git("push", "origin", "main:refs/heads/new")


def test_gitleaks_scans_where_it_is(hooked):
    repository = hooked('preCommit = ["secrets-scan"]')
    repository.home.program("gitleaks", 'echo "leaks: $*"; [[ $2 == --help ]]')
    repository.add("file")
    done = repository.commit()
    assert done.returncode != 0
    assert "leaks: git --pre-commit --staged --redact" in done.stderr


@pytest.fixture
def project(hooked: Any) -> Any:
    return hooked('preCommit = ["lint", "format", "test"]')


def test_an_empty_project_has_nothing_to_run(project):
    project.add("file")
    done = project.commit()
    assert done.returncode == 0
    for check in ("lint", "format", "test"):
        assert f"{check}: nothing to run: no '{check}' in a justfile" in done.stderr


@pytest.mark.parametrize("rule", ["lint:", "lint: needed", "a lint b: c", ".PHONY: lint\nlint::"])
def test_targets_of_make_are_run(project, rule):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    project.add("Makefile", f"{rule}\n\t@test ! -e bad\n\nneeded c:\n")
    assert "lint: make lint" in project.commit().stderr
    assert project.commits() == 1
    project.add("bad")
    done = project.commit()
    assert done.returncode != 0
    assert "git pre-commit: 'lint' failed" in done.stderr


def test_a_variable_of_make_is_no_target(project):
    project.add("Makefile", "lint := x\n# lint: not\nall:\n\techo lint: no\n")
    assert "lint: nothing to run" in project.commit().stderr


def test_recipes_of_just_are_run(project):
    project.home.program("just", 'echo "just $*" >>log; [[ $1 != test ]]')
    project.add("justfile", "lint *args:\n  x\n@fmt:\n  x\ntest target='a':\n  x\n")
    done = project.commit()
    assert done.returncode != 0
    assert (project.path / "log").read_text().splitlines() == ["just lint", "just fmt", "just test"]
    assert "'test' failed" in done.stderr


@pytest.mark.parametrize("layout", ['{{"scripts": {{{}}}}}', '{{\n "name": "x",\n "scripts": {{\n  {}\n }}\n}}\n'])
def test_scripts_of_a_package_json_are_run(project, layout):
    project.home.program("npm", 'echo "npm $* $CI" >>log')
    scripts = '"lint": "x", "format": "y", "test": "echo \\\\"Error: no test specified\\\\" && exit 1"'
    project.add("package.json", layout.format(scripts))
    done = project.commit()
    assert done.returncode == 0, done.stderr
    assert (project.path / "log").read_text().splitlines() == ["npm run lint true", "npm run format true"]
    assert "test: nothing to run" in done.stderr


def test_a_tool_that_is_missing_blocks(project):
    project.add("ruff.toml", "")
    project.add("a b.py", "x = 1\n")
    if shutil.which("ruff"):
        pytest.skip("ruff is on PATH")
    done = project.commit()
    assert done.returncode != 0
    assert "lint: the project uses Ruff, but ruff is not on PATH" in done.stderr


def test_ruff_looks_at_the_files_of_the_commit(project):
    project.home.program("ruff", 'printf "<%s>" "$@" >>log; echo >>log')
    project.add("pyproject.toml", "[tool.ruff]\nline-length = 100\n")
    project.add("a b.py", "x = 1\n")
    project.add("-odd.py", "x = 1\n")
    project.write("other.py", "x = 1\n")
    assert project.commit().returncode == 0
    assert (project.path / "log").read_text().splitlines() == [
        "<check><--><./-odd.py><./a b.py>",
        "<format><--check><--><./-odd.py><./a b.py>",
    ]
    project.git("rm", "--quiet", "a b.py")
    assert project.commit("gone").returncode == 0
    assert len((project.path / "log").read_text().splitlines()) == 2


def test_a_formatter_that_rewrites_has_found_something(project):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    project.add("Makefile", "format:\n\t@sed -i 's/  */ /g' text\n")
    project.add("text", "too   wide\n")
    done = project.commit()
    assert done.returncode != 0
    assert "files were reformatted" in done.stderr
    project.git("add", "text")
    assert project.commit().returncode == 0


def test_pytest_runs_and_finds_its_own_repositories(project):
    project.home.program("pytest", 'echo "${GIT_DIR:-none} ${GIT_INDEX_FILE:-none}" >log; exit 5')
    project.add("pyproject.toml", "[tool.pytest.ini_options]\n")
    done = project.commit()
    assert done.returncode == 0, done.stderr
    assert (project.path / "log").read_text() == "none none\n"
    project.home.program("pytest", "exit 1")
    project.add("file")
    assert project.commit().returncode != 0


@pytest.mark.parametrize(
    ("files", "program", "said"),
    [
        (
            {"Cargo.toml": ""},
            "cargo",
            ["clippy --quiet --all-targets -- -D warnings", "fmt --all -- --check", "test --quiet"],
        ),
        ({"go.mod": ""}, "go", ["vet ./...", "test ./..."]),
        ({"treefmt.toml": ""}, "treefmt", ["--fail-on-change"]),
        (
            {"flake.nix": "{ outputs = _: { formatter = { }; }; }", "a b.nix": "{ }"},
            "nix",
            ["--extra-experimental-features nix-command flakes fmt -- ./a b.nix ./flake.nix"],
        ),
        ({".pre-commit-config.yaml": "repos: []\n"}, "pre-commit", ["run", "run"]),
        ({"pyproject.toml": "[tool.black]\n", "x.py": ""}, "black", ["--quiet --check -- ./x.py"]),
    ],
)
def test_what_languages_bring(project, files, program, said):
    project.home.program(program, 'echo "$*" >>log')
    project.home.program("gofmt", "exit 0")
    for name, text in files.items():
        project.add(name, text)
    done = project.commit()
    assert done.returncode == 0, done.stderr
    assert (project.path / "log").read_text().splitlines() == said


def test_checks_before_a_push_look_at_everything(hooked):
    repository = hooked('prePush = ["lint"]')
    repository.home.program("ruff", 'echo "$*" >>log')
    repository.remote()
    repository.add("ruff.toml", "")
    repository.add("a.py", "")
    assert repository.commit().returncode == 0
    repository.add("b.py", "")
    assert repository.commit().returncode == 0
    repository.git("push", "origin", "main")
    assert (repository.path / "log").read_text() == "check -- ./a.py ./b.py\n"
    repository.git("push", "origin", "main")
    repository.git("push", "origin", "main:side")
    repository.git("push", "origin", "--delete", "side")
    # nothing new went out after the first push but the side branch, whose commits the remote had
    assert len((repository.path / "log").read_text().splitlines()) == 2
