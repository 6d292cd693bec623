"""Ways of working, tried in repositories."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def working(home: Any) -> Any:
    def working(workflow: str) -> Any:
        repository = home(f'workflow = "{workflow}"\n').repository()
        repository.remote()
        repository.add("file")
        assert repository.commit().returncode == 0
        repository.git("push", "origin", "main")
        return repository

    return working


def test_trunk(working):
    repository = working("trunk")
    repository.git("start", "thing")
    repository.add("thing")
    assert repository.commit().returncode == 0
    repository.write("file", "not committed yet\n")
    repository.git("ship")
    assert repository.git("rev-parse", "HEAD") in repository.git("ls-remote", "origin", "main")
    assert repository.git("config", "pull.rebase") == "true"


def test_github_flow(working):
    repository = working("github-flow")
    repository.git("start", "thing")
    repository.add("thing")
    assert repository.commit().returncode == 0
    repository.git("publish")
    repository.git("push", "origin", "thing:main")
    repository.git("switch", "main")
    repository.git("sync")
    assert repository.git("rev-parse", "HEAD") == repository.git("rev-parse", "thing")
    repository.git("branch", "unmerged")
    repository.git("tidy")
    assert repository.git("branch", "--format=%(refname:short)") == "main"


def test_git_flow(working):
    repository = working("git-flow")
    repository.git("flow-init")
    repository.git("feature-start", "thing")
    assert repository.git("branch", "--show-current") == "feature/thing"
    repository.add("thing")
    assert repository.commit().returncode == 0
    repository.git("feature-finish", "thing")
    repository.git("release-start", "1.0")
    repository.add("version")
    assert repository.commit().returncode == 0
    repository.git("release-finish", "1.0")
    repository.git("hotfix-start", "1.0.1")
    repository.add("fix")
    assert repository.commit().returncode == 0
    repository.git("hotfix-finish", "1.0.1")
    assert repository.git("tag", "--list").split() == ["v1.0", "v1.0.1"]
    assert repository.git("branch", "--format=%(refname:short)").split() == ["develop", "main"]
    assert repository.git("ls-tree", "--name-only", "develop").split() == ["file", "fix", "thing", "version"]
    assert repository.git("describe", "main") == "v1.0.1"


def test_the_template_leaves_nothing_in_the_message(home):
    repository = home('workflow = "trunk"\nhooks.commitMsg = ["conventional-commits"]\n').repository()
    template = Path(repository.git("config", "commit.template")).read_text()
    assert "# type(scope): what this commit does" in template
    repository.add("file")
    repository.home.program("editor", 'sed -i "1s/.*/feat: a thing/" "$1"')
    assert repository.attempt("commit", GIT_EDITOR="editor").returncode == 0
    assert repository.git("log", "-1", "--format=%B") == "feat: a thing"
