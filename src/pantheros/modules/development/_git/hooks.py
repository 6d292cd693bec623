"""Hooks: checks in every repository, and pushes that are refused.

Git looks for hooks in one directory alone. So every hook is the script `hook`, which looks at the name that it is
called by, runs the checks for that, and then the repository's own hook.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from typing import Annotated

from pydantic import Field

from pantheros.findings import nearest
from pantheros.module import Finding, Findings, Group, Settings, key, script

Check = Annotated[str, Field(min_length=1, description="the name of a check, or a command")]
BranchPattern = Annotated[
    str, Field(pattern=r"^[\w*?\[][\w*?\[\]./!-]*$", description="a branch, or a pattern such as `release/*`")
]
VariableName = Annotated[
    str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="the name of an environment variable")
]


class Hooks(Group):
    pre_commit: list[Check] = []
    """Checks before a commit, and before a merge commit: `lint`, `format`, `test`, `secrets-scan`, or a command."""
    pre_push: list[Check] = []
    """Checks before a push: those of `preCommit`, and `conventional-commits` for the commits that go out."""
    commit_msg: list[Check] = []
    """Checks of the message: `conventional-commits`, or a command, which gets the message's file as `$1`."""
    custom: dict[str, list[Check]] = {}
    """Commands for any other hook, by Git's name for it (`post-merge`); the hook's arguments are `$1` and on."""
    timeout: Annotated[int, Field(ge=1, le=86400)] = 300
    """Seconds that one check may take before it counts as failed."""


CHECKS = ("lint", "format", "test", "conventional-commits", "secrets-scan")
"""The checks that come with the module."""
_PROTECTED = "protected-branches"
_SCRIPTS = {
    "project-check": {"lint", "format", "test"},
    "conventional-commits": {"conventional-commits"},
    "secrets-scan": {"secrets-scan"},
    _PROTECTED: {_PROTECTED},
}
"""What each script checks."""
COMMIT_TYPES = ("build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test")
GIT_HOOKS = (
    "applypatch-msg",
    "commit-msg",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "reference-transaction",
    "sendemail-validate",
    "update",
)
"""Git's hooks, all of which a global hooks directory takes from the repositories. Left out is push-to-checkout, whose
mere presence changes what Git does."""
_OWN_ONLY = {
    "proc-receive": "it talks with Git while it runs",
    "push-to-checkout": "where there is one, Git leaves the work tree to it",
}


def checks(o: Hooks, protected: list[BranchPattern]) -> dict[str, list[Check]]:
    """The checks of each hook that has any."""
    found = {
        "pre-commit": o.pre_commit,
        "pre-merge-commit": o.pre_commit,
        "commit-msg": o.commit_msg,
        "pre-push": [_PROTECTED, *o.pre_push] if protected else o.pre_push,
    }
    for hook, commands in o.custom.items():
        found[hook] = [*found.get(hook, []), *commands]
    return {hook: commands for hook, commands in found.items() if commands}


def settings(o: Hooks, protected: list[BranchPattern], bypass: VariableName, lfs: bool) -> Settings:
    by_hook = checks(o, protected)
    if not by_hook:
        return
    hook = script(
        __file__,
        "scripts/hook",
        timeout=str(o.timeout),
        protected=" ".join(map(shlex.quote, protected)),
        bypass=bypass,
        lfs="1" if lfs else "0",
        checks=_cases(by_hook),
    )
    for name in GIT_HOOKS:
        yield f"programs.git.hooks.{name}", hook
    # The scripts of checks lie beside the hooks.
    used = {check for found in by_hook.values() for check in found}
    for name, does in _SCRIPTS.items():
        if used & does:
            yield f"programs.git.hooks.{name}", script(__file__, f"scripts/{name}", types="|".join(COMMIT_TYPES))


def _cases(by_hook: Mapping[str, list[Check]]) -> str:
    """Branches of a shell's `case`, one for all hooks that have the same checks."""
    hooks: dict[tuple[Check, ...], list[str]] = {}
    for name, found in by_hook.items():
        hooks.setdefault(tuple(found), []).append(name)
    return "\n  ".join(
        f"{' | '.join(names)}) checks=({' '.join(map(shlex.quote, found))}) ;;" for found, names in hooks.items()
    )


def findings(o: Hooks) -> Findings:
    for name, found in {"preCommit": o.pre_commit, "prePush": o.pre_push, "commitMsg": o.commit_msg}.items():
        for check in found:
            guess = nearest(check, CHECKS)
            if check not in CHECKS and guess and not any(c in check for c in " /"):
                yield Finding(
                    "unknown-check",
                    f"`{check}` is no check of ours, so it is run as a command",
                    severity="warning",
                    at=f"hooks.{name}",
                    help=f"did you mean `{guess}`?",
                )
    if "conventional-commits" in o.pre_commit:
        yield Finding(
            "check-before-message",
            "`conventional-commits` looks at the message, and before a commit there is none yet",
            at="hooks.preCommit",
            help="put it into `hooks.commitMsg`",
        )
    for hook in o.custom:
        if hook in _OWN_ONLY:
            yield Finding(
                "hook-of-one-repository",
                f"`{hook}` works only as a repository's own hook: {_OWN_ONLY[hook]}",
                at=f"hooks.custom.{key(hook)}",
                help="put it into the repository's .git/hooks",
            )
        elif hook not in GIT_HOOKS:
            guess = nearest(hook, GIT_HOOKS)
            yield Finding(
                "unknown-hook",
                f"Git has no hook `{hook}`",
                at=f"hooks.custom.{key(hook)}",
                help=f"did you mean `{guess}`?" if guess else f"there are: {', '.join(GIT_HOOKS)}",
            )
