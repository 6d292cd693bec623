"""Hooks: they block, and the repository's own still run."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

from pantheros.modules.development import _git

MODULE = "development.git"
ON = "[pantherOS.development.git]\nenable = true\n"
EVERYTHING = (Path(__file__).parent / "everything.toml").read_text()
SCRIPTS = Path(*_git.__path__) / "scripts"


def test_nothing_of_hooks_unless_asked(fleet):
    assert not [path for path in fleet(ON).home(module=MODULE) if "hooks" in path]


@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.iterdir()))
def test_shellcheck_finds_nothing(fleet, tmp_path, name):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    (tmp_path / "hook").write_text(fleet(EVERYTHING).home(module=MODULE)["programs.git.hooks.pre-commit"].text)
    path = tmp_path / "hook" if name == "hook" else SCRIPTS / name
    judged = subprocess.run(["shellcheck", str(path)], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


def test_a_bad_commit_is_rejected(hooked):
    repository = hooked('preCommit = ["grep -q good file"]')
    repository.add("file", "bad\n")
    done = repository.commit()
    assert done.returncode != 0
    assert "git pre-commit: 'grep -q good file' failed (exit status 1)" in done.stderr
    assert "nothing was committed; to skip the checks once: git commit --no-verify" in done.stderr
    assert repository.commits() == 0
    repository.add("file", "good\n")
    assert repository.commit().returncode == 0
    repository.add("file", "bad\n")
    assert repository.commit("forced", "--no-verify").returncode == 0


def test_amending_is_checked_too(hooked):
    repository = hooked('preCommit = ["grep -q good file"]')
    repository.add("file", "good\n")
    assert repository.commit().returncode == 0
    repository.add("file", "bad\n")
    assert repository.commit("worse", "--amend").returncode != 0
    assert repository.git("show", "HEAD:file") == "good"


def test_checks_stop_at_the_first_that_fails(hooked):
    repository = hooked('preCommit = ["false", "touch later"]')
    repository.add("file")
    assert repository.commit().returncode != 0
    assert not (repository.path / "later").exists()


def test_a_command_has_the_hooks_arguments(hooked):
    repository = hooked('commitMsg = [\'grep -q "^[A-Z]" "$1"\']')
    repository.add("file")
    assert repository.commit("small").returncode != 0
    assert repository.commit("Large").returncode == 0


def test_a_check_that_takes_too_long_has_failed(hooked):
    repository = hooked('preCommit = ["sleep 60"]\ntimeout = 1')
    repository.add("file")
    done = repository.commit()
    assert done.returncode != 0
    assert "'sleep 60' did not finish within 1 s" in done.stderr


def test_an_unknown_command_says_so(hooked):
    repository = hooked('preCommit = ["no-such-command"]')
    repository.add("file")
    done = repository.commit()
    assert done.returncode != 0
    assert "'no-such-command' is neither a known check nor a command on PATH" in done.stderr


@pytest.mark.parametrize("name", ["pre-commit", "prepare-commit-msg", "commit-msg"])
def test_the_repositorys_own_hooks_still_block(hooked, name):
    repository = hooked('preCommit = ["true"]')
    repository.own_hook(name, "echo own; exit 1")
    repository.add("file")
    done = repository.commit()
    assert done.returncode != 0
    assert "own" in done.stderr
    assert repository.commits() == 0


def test_the_repositorys_own_hooks_run_after_ours(hooked):
    repository = hooked(
        'preCommit = ["echo ours >>log"]\ncommitMsg = ["true"]\ncustom.post-commit = ["echo after >>log"]'
    )
    for name in ("pre-commit", "post-commit"):
        repository.own_hook(name, f"echo own {name} >>log")
    repository.own_hook("commit-msg", 'echo "signed off" >>"$1"')
    repository.add("file")
    assert repository.commit("subject").returncode == 0
    assert (repository.path / "log").read_text().splitlines() == ["ours", "own pre-commit", "after", "own post-commit"]
    assert "signed off" in repository.git("log", "-1", "--format=%B")


def test_a_hook_that_is_not_executable_is_none(hooked):
    repository = hooked('preCommit = ["true"]')
    repository.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n")
    repository.add("file")
    assert repository.commit().returncode == 0


def test_linked_worktrees_use_the_repositorys_hooks(hooked):
    repository = hooked('preCommit = ["true"]')
    repository.add("file")
    assert repository.commit().returncode == 0
    repository.own_hook("pre-commit", "exit 1")
    repository.git("worktree", "add", "--quiet", "-b", "linked", "../linked tree")
    linked = repository.home.at(repository.path.parent / "linked tree")
    linked.add("other")
    assert linked.commit().returncode != 0


def test_hooks_of_a_bare_repository_run_too(hooked):
    repository = hooked('preCommit = ["true"]')
    remote = repository.remote()
    (remote / "hooks/pre-receive").write_text(
        '#!/bin/sh\nwhile read -r old new ref; do echo "refused $ref"; done; exit 1\n'
    )
    (remote / "hooks/pre-receive").chmod(0o755)
    repository.add("file")
    assert repository.commit().returncode == 0
    done = repository.attempt("push", "origin", "main")
    assert done.returncode != 0
    assert "refused refs/heads/main" in done.stderr


def test_hooks_that_read_their_input_get_it_whole(hooked):
    repository = hooked('prePush = ["cat >ours"]\ncustom.post-rewrite = ["cat >rewritten"]')
    repository.own_hook("pre-push", "cat >own")
    repository.remote()
    repository.add("file")
    assert repository.commit().returncode == 0
    assert repository.commit("again", "--amend").returncode == 0
    head = repository.git("rev-parse", "HEAD")
    assert (repository.path / "rewritten").read_text().split()[1] == head
    repository.git("push", "origin", "main")
    expected = f"refs/heads/main {head} refs/heads/main {'0' * 40}\n"
    assert (repository.path / "ours").read_text() == expected
    assert (repository.path / "own").read_text() == expected


def test_merges_are_checked(hooked):
    repository = hooked('preCommit = ["! grep -q bad *"]')
    repository.add("file")
    assert repository.commit().returncode == 0
    repository.git("switch", "--quiet", "--create", "side")
    repository.add("other", "bad\n")
    assert repository.commit("side", "--no-verify").returncode == 0
    repository.git("switch", "--quiet", "main")
    repository.add("third")
    assert repository.commit().returncode == 0
    done = repository.attempt("merge", "side")
    assert done.returncode != 0
    assert "nothing was merged" in done.stderr


def test_all_else_that_git_does_goes_on_as_before(hooked):
    repository = hooked('preCommit = ["true"]\nprePush = ["true"]\ncommitMsg = ["true"]')
    repository.remote()
    for name in ("one", "two", "three"):
        repository.add(name)
        assert repository.commit(name).returncode == 0
    repository.git("push", "origin", "main", "--tags")
    repository.git("switch", "--create", "side", "HEAD~1")
    repository.git("cherry-pick", "main")
    repository.add("four")
    repository.git("stash")
    repository.git("rebase", "--exec", "true", "--force-rebase", "HEAD~2")
    repository.git("stash", "pop")
    assert repository.commit("four").returncode == 0
    repository.git("format-patch", "-1", "--output-directory", "patches")
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    repository.git("am", *map(str, sorted((repository.path / "patches").iterdir())))
    repository.git("revert", "--no-edit", "HEAD")
    repository.git("notes", "add", "--message", "note")
    repository.git("gc", "--quiet")
    repository.git("fetch", "--prune", "origin")
    clone = repository.home.run("git", "clone", "--quiet", str(repository.path), "clone", cwd=repository.home.root)
    assert clone.returncode == 0, clone.stderr
    repository.git(
        "-c", "protocol.file.allow=always", "submodule", "add", str(repository.home.root / "remote.git"), "sub"
    )
    assert repository.commit("sub").returncode == 0


def test_custom_hooks_after_the_fact_do_not_block(hooked):
    repository = hooked('custom.post-checkout = ["echo $3 >>switched; false"]')
    repository.add("file")
    assert repository.commit().returncode == 0
    done = repository.attempt("switch", "--create", "side")
    assert done.returncode == 0
    assert (repository.path / "switched").read_text() == "1\n"
    assert "failed" in done.stderr


def test_a_detached_head_is_no_matter(hooked):
    repository = hooked('preCommit = ["secrets-scan", "lint"]\ncommitMsg = ["conventional-commits"]')
    repository.add("file")
    assert repository.commit("feat: one").returncode == 0
    repository.git("switch", "--quiet", "--detach")
    repository.add("other")
    assert repository.commit("feat: two").returncode == 0
