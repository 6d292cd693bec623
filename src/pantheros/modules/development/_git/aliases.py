"""Short names for Git's commands."""

from __future__ import annotations

from collections.abc import Mapping

from pantheros.module import Finding, Findings, Settings, key

_GIT_COMMANDS = frozenset(
    """
    add am apply archive bisect blame branch bundle cat-file checkout cherry-pick clean clone commit config describe
    diff difftool fetch format-patch gc grep init log ls-files merge mergetool mv notes pull push range-diff rebase
    reflog remote reset restore rev-list rev-parse revert rm shortlog show sparse-checkout stash status submodule
    switch tag worktree
    """.split()  # noqa: SIM905 (a line for each would be a page)
)


def config(aliases: Mapping[str, str]) -> Settings:
    for name, command in aliases.items():
        yield f"alias.{key(name)}", command


def findings(aliases: Mapping[str, str]) -> Findings:
    for name in aliases:
        if not name.replace("-", "").isalnum() or not name.isascii() or not name[:1].isalpha():
            yield Finding(
                "invalid-alias",
                f"Git takes no alias `{name}`",
                at=f"aliases.{key(name)}",
                help="use letters, digits and hyphens, a letter first",
            )
        elif name in _GIT_COMMANDS:
            yield Finding(
                "alias-without-effect",
                f"`{name}` is a command of Git's, so Git ignores the alias",
                severity="warning",
                at=f"aliases.{key(name)}",
                help="choose another name",
            )
