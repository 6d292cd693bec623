"""Comparing and merging: how differences are found and shown, and the programs that Git opens for them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Literal

from pantheros.findings import nearest
from pantheros.module import Finding, Findings, Group, Host, Settings, Value, key, raw


class Merge(Group):
    tool: str | None = None
    """What `git mergetool` opens (`vimdiff`, `nvimdiff`, `meld`, `kdiff3`, `vscode`, ...); known ones are installed."""
    conflict_style: Literal["merge", "diff3", "zdiff3"] = "zdiff3"
    """How conflicts are marked; `zdiff3` shows the common ancestor too, without the lines that both sides share."""


class Diff(Group):
    tool: str | None = None
    """What `git difftool` opens; as `merge.tool`, and `difftastic`."""
    algorithm: Literal["myers", "minimal", "patience", "histogram"] = "histogram"
    """How lines are matched; `histogram` keeps moved blocks and braces together better than Git's own `myers`."""
    pager: Literal["delta", "difftastic", "diff-so-fancy", "diff-highlight"] | None = None
    """What colours diffs. Left out: Git itself."""


_PACKAGES = {
    "gvimdiff": "vim-full",
    "kdiff3": "kdiff3",
    "meld": "meld",
    "nvimdiff": "neovim",
    "tkdiff": "tkdiff",
    "vimdiff": "vim",
    "xxdiff": "xxdiff",
}
"""Packages of the tools that Git knows how to call."""
_NOT_INSTALLED = frozenset(
    """
    araxis bc codecompare deltawalker diffmerge diffuse ecmerge emerge guiffy kompare p4merge smerge tortoisemerge
    vimdiff1 vimdiff2 vimdiff3 winmerge
    """.split()  # noqa: SIM905 (a line for each would be a page)
)
"""Further tools that Git knows how to call."""
_MERGE_COMMANDS = {"vscode": 'code --wait --merge "$REMOTE" "$LOCAL" "$BASE" "$MERGED"'}
_DIFF_COMMANDS = {"vscode": 'code --wait --diff "$LOCAL" "$REMOTE"', "difftastic": 'difft "$LOCAL" "$REMOTE"'}


def config(merge: Merge, diff: Diff) -> Settings:
    if merge.tool:
        yield "merge.tool", merge.tool
        if merge.tool in _MERGE_COMMANDS:
            yield f"mergetool.{merge.tool}.cmd", _MERGE_COMMANDS[merge.tool]
            yield f"mergetool.{merge.tool}.trustExitCode", True
    if diff.tool:
        yield "diff.tool", diff.tool
        if diff.tool in _DIFF_COMMANDS:
            yield f"difftool.{diff.tool}.cmd", _DIFF_COMMANDS[diff.tool]


def settings(diff: Diff, host: Host) -> Settings:
    pager = diff.pager
    if pager is None:
        return
    if host.release < "25.11":
        yield f"programs.git.{pager}.enable", True
        return
    yield f"programs.{pager}.enable", True
    yield f"programs.{pager}.{'git.enable' if pager == 'difftastic' else 'enableGitIntegration'}", True


def written_by_home_manager(diff: Diff) -> Iterator[str]:
    """What it puts into Git's configuration for a pager: one for all commands, in later releases one for each."""
    if diff.pager == "difftastic":
        yield "diff.external"
    elif diff.pager:
        yield from ("core.pager", "pager.blame", "pager.diff", "pager.log", "pager.show", "interactive.diffFilter")


def packages(merge: Merge, diff: Diff) -> list[Value]:
    """The tools. They give way to one's own: a configured Vim wins over the plain one."""
    tools = [_PACKAGES[tool] for tool in (merge.tool, diff.tool) if tool in _PACKAGES]
    if diff.tool == "difftastic" and diff.pager != "difftastic":
        tools.append("difftastic")
    return [raw(f"lib.lowPrio pkgs.{tool}") for tool in dict.fromkeys(tools)]


def findings(merge: Merge, diff: Diff, extra_config: Mapping[str, Any]) -> Findings:
    known = {*_PACKAGES, *_NOT_INSTALLED}
    yield from _tool_findings("merge", merge.tool, known | set(_MERGE_COMMANDS), extra_config.get("mergetool", {}))
    yield from _tool_findings("diff", diff.tool, known | set(_DIFF_COMMANDS), extra_config.get("difftool", {}))


def _tool_findings(option: str, tool: str | None, known: set[str], described: Mapping[str, Any]) -> Findings:
    if tool is not None and tool not in known and tool not in described:
        guess = nearest(tool, sorted(known))
        say_how = f"say how in `extraConfig.{option}tool.{key(tool)}.cmd`"
        yield Finding(
            "unknown-tool",
            f"neither Git nor this module knows how to call `{tool}`",
            severity="warning",
            at=f"{option}.tool",
            help=f"did you mean `{guess}`?" if guess else say_how,
        )
