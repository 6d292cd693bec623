"""Ways of working: aliases for the steps of each, settings that suit it, and a template for messages."""

from __future__ import annotations

from typing import Literal, TypeAlias

from pantheros.module import Settings
from pantheros.modules.development._git.forges import Integrations
from pantheros.modules.development._git.hooks import COMMIT_TYPES

Workflow: TypeAlias = Literal["trunk", "github-flow", "git-flow"]


def config(workflow: Workflow) -> Settings:
    if workflow == "trunk":
        yield "rebase.autoStash", True
    yield "fetch.prune", True


def aliases(workflow: Workflow, main: str, forges: Integrations) -> dict[str, str]:
    match workflow:
        case "trunk":
            return _short_branches(main) | {"ship": f"!git sync && git push origin HEAD:{main}"}
        case "github-flow":
            return _short_branches(main) | _pull_requests(main, forges)
        case "git-flow":
            return {
                "flow-init": f"!git branch develop {main} && git switch develop",
                "feature-start": _flow_start("feature", "develop"),
                "feature-finish": _flow_finish("feature", ["develop"]),
                "release-start": _flow_start("release", "develop"),
                "release-finish": _flow_finish("release", [main, "develop"], tag=True),
                "hotfix-start": _flow_start("hotfix", main),
                "hotfix-finish": _flow_finish("hotfix", [main, "develop"], tag=True),
            }


def _short_branches(main: str) -> dict[str, str]:
    """Branches that begin at the remote's main branch, and follow it."""
    return {
        "start": _steps("git fetch origin", f'git switch --create "$1" --no-track origin/{main}'),
        "sync": f"!git fetch --prune origin && git rebase --autostash origin/{main}",
    }


def _pull_requests(main: str, forges: Integrations) -> dict[str, str]:
    aliases = {
        "publish": "push --set-upstream origin HEAD",
        "tidy": "!git fetch --prune origin && git for-each-ref --format='%(refname:short)'"
        f' --merged=origin/{main} refs/heads | grep -vxF -e {main} -e "$(git branch --show-current)"'
        " | xargs -r git branch -D",
    }
    if forges.github.enable and forges.github.cli:
        aliases["pr"] = "!gh pr create --fill"
    elif forges.gitlab.enable and forges.gitlab.cli:
        aliases["pr"] = "!glab mr create --fill"
    return aliases


def _flow_start(kind: str, base: str) -> str:
    return _steps(f'git switch --create "{kind}/$1" {base}')


def _flow_finish(kind: str, targets: list[str], *, tag: bool = False) -> str:
    commands = []
    for target in targets:
        commands += [f"git switch {target}", f'git merge --no-ff --no-edit "{kind}/$1"']
        if tag and target == targets[0]:
            commands.append('git tag --annotate --message "$1" "v$1"')
    return _steps(*commands, f'git branch -d "{kind}/$1"')


def _steps(*commands: str) -> str:
    """A shell alias of several commands, with arguments."""
    return f"!f() {{ {' && '.join(commands)}; }}; f"


_HINTS = {
    "trunk": "# Small enough to go to the trunk today? If not, put it behind a switch or split it.",
    "github-flow": "# Closes #",
    "git-flow": "# Belongs to: feature, release or hotfix",
}


def template(workflow: Workflow, conventional: bool) -> str:
    """What a new message begins with."""
    subject = "# What this commit does, as an order, in up to 50 characters"
    if conventional:
        subject = f"# type(scope): what this commit does\n# types: {', '.join(COMMIT_TYPES)}"
    why = "# Why, and what a reader has to know; lines of up to 72 characters"
    return f"\n{subject}\n#\n{why}\n#\n{_HINTS[workflow]}\n"
