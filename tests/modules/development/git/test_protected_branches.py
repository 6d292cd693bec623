"""Pushes that are refused."""

from __future__ import annotations

from typing import Any

import pytest


@pytest.fixture
def protected(home: Any) -> Any:
    repository = home('protectedBranches = ["main", "release/*"]\n').repository()
    repository.remote()
    repository.add("file")
    assert repository.commit().returncode == 0
    repository.git("push", "origin", "main", "main:release/1", "main:refs/heads/feature")
    repository.add("other")
    assert repository.commit().returncode == 0
    return repository


@pytest.mark.parametrize("target", ["main", "main:release/1", "HEAD:refs/heads/main", "+main", ":main", ":release/1"])
def test_protected_branches_refuse(protected, target):
    before = protected.git("ls-remote", "origin")
    done = protected.attempt("push", "origin", target)
    assert done.returncode != 0
    assert "protected-branches:" in done.stderr
    assert "GIT_PUSH_PROTECTED=" in done.stderr
    assert protected.git("ls-remote", "origin") == before


@pytest.mark.parametrize("target", ["main:feature", "main:release/2", ":feature", "main:refs/tags/v1"])
def test_other_pushes_go_through(protected, target):
    protected.git("push", "origin", target)


def test_one_protected_branch_stops_the_whole_push(protected):
    assert protected.attempt("push", "origin", "main:feature", "main").returncode != 0
    assert protected.git("ls-remote", "origin", "feature") != ""
    assert protected.git("rev-parse", "main") not in protected.git("ls-remote", "origin")


def test_a_protected_branch_may_be_pushed_when_it_must(protected):
    protected.git("push", "origin", "main", GIT_PUSH_PROTECTED="1")
    protected.git("commit", "--amend", "--message", "another history")
    done = protected.attempt("push", "--force", "origin", "main", GIT_PUSH_PROTECTED="1")
    assert done.returncode != 0
    assert "main is protected against forcing it to another history" in done.stderr
    protected.git("push", "--force", "origin", "main", GIT_PUSH_PROTECTED="force")
    protected.home.run("git", "symbolic-ref", "HEAD", "refs/heads/feature", cwd=protected.home.root / "remote.git")
    assert protected.attempt("push", "origin", ":main", GIT_PUSH_PROTECTED="1").returncode != 0
    protected.git("push", "origin", ":main", GIT_PUSH_PROTECTED="force")


def test_a_history_that_is_not_known_here_counts_as_forced(protected):
    elsewhere = protected.home.root / "home/elsewhere"
    protected.home.run(
        "git", "clone", "--quiet", str(protected.home.root / "remote.git"), str(elsewhere), cwd=protected.path
    )
    other = protected.home.at(elsewhere)
    other.add("theirs")
    assert other.commit().returncode == 0
    other.git("push", "origin", "main", GIT_PUSH_PROTECTED="1")
    done = protected.attempt("push", "--force", "origin", "main", GIT_PUSH_PROTECTED="1")
    assert "forcing" in done.stderr
    assert done.returncode != 0
