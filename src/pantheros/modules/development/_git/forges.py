"""Forges: their command-line programs, short forms of URLs, tokens to log in with, and host keys."""

from __future__ import annotations

from collections.abc import Iterator
from typing import ClassVar, TypeAlias

from pantheros.module import Group, Settings, Value, key, pkg, secret
from pantheros.modules.development._git.ssh import HostName


class Forge(Group):
    enable: bool = False
    """Set up for this forge."""
    cli: bool = True
    """Install its command-line program."""
    token: str | None = None
    """Name, under `[secrets]`, of an access token: Git logs in with it over HTTPS."""

    program: ClassVar[str]
    state: ClassVar[str]
    """Where, below ~/.config, the program keeps its login."""
    shorthand: ClassVar[str]
    """Begins the short form of a URL."""
    login: ClassVar[str]
    """User name that goes with a token."""


class GitHub(Forge):
    host: HostName = "github.com"
    """github.com, or the company's GitHub Enterprise Server. The program is `gh`, the shorthand `gh:owner/repo`."""

    program = "gh"
    state = "gh"
    shorthand = "gh:"
    login = "x-access-token"


class GitLab(Forge):
    host: HostName = "gitlab.com"
    """gitlab.com, or one's own GitLab. The program is `glab`, the shorthand `gl:group/repo`."""

    program = "glab"
    state = "glab-cli"
    shorthand = "gl:"
    login = "oauth2"


class Gitea(Forge):
    host: HostName = "gitea.com"
    """Where Gitea or Forgejo runs, such as codeberg.org. The program is `tea`, the shorthand `gt:owner/repo`."""

    program = "tea"
    state = "tea"
    shorthand = "gt:"
    login = "token"


class Integrations(Group):
    github: GitHub = GitHub()
    """GitHub."""
    gitlab: GitLab = GitLab()
    """GitLab."""
    gitea: Gitea = Gitea()
    """Gitea and Forgejo."""


AnyForge: TypeAlias = GitHub | GitLab | Gitea

HOST_KEYS = {
    "github.com": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
    "gitlab.com": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf",
}
"""Public host keys, as GitHub and GitLab publish them: no first connection is on trust alone."""


def in_use(o: Integrations) -> dict[str, AnyForge]:
    """The forges in use, by their option."""
    forges: dict[str, AnyForge] = {"github": o.github, "gitlab": o.gitlab, "gitea": o.gitea}
    return {name: forge for name, forge in forges.items() if forge.enable}


def helpers(o: Integrations) -> Settings:
    """What Git asks for passwords of forges."""
    for forge in in_use(o).values():
        name = f"credential.{key(f'https://{forge.host}')}.helper"
        # The empty one takes out the helpers for all hosts: nothing else is asked, and nothing stores the token.
        if forge.token:
            yield name, ["", _token_helper(forge.login, forge.token)]
        elif isinstance(forge, GitLab) and forge.cli:
            yield name, ["", f"{pkg('glab')}/bin/glab auth git-credential"]


def _token_helper(login: str, token: str) -> str:
    answer = f"printf 'username={login}\\npassword=%s\\n' \"$(cat '{secret(token)}')\""
    return f'!f() {{ test "$1" = get && {answer}; }}; f'


def shorthands(o: Integrations, over_ssh: bool) -> Settings:
    for forge in in_use(o).values():
        base = f"git@{forge.host}:" if over_ssh else f"https://{forge.host}/"
        yield f"url.{key(base)}.insteadOf", forge.shorthand


def settings(o: Integrations, over_ssh: bool) -> Settings:
    """The forges' programs."""
    if o.github.enable and o.github.cli:
        yield from _gh(o.github, over_ssh)
    if o.gitlab.enable and o.gitlab.cli and o.gitlab.host != GitLab().host:
        yield "home.sessionVariables.GITLAB_HOST", o.gitlab.host


def _gh(o: GitHub, over_ssh: bool) -> Settings:
    yield "programs.gh.enable", True
    if over_ssh:
        yield "programs.gh.settings.git_protocol", "ssh"
    elsewhere = o.host != GitHub().host
    if o.token:
        yield "programs.gh.gitCredentialHelper.enable", False
    elif elsewhere:
        yield "programs.gh.gitCredentialHelper.hosts", [f"https://{o.host}"]
    if elsewhere:
        yield "home.sessionVariables.GH_HOST", o.host


def written_by_home_manager(o: Integrations) -> Iterator[str]:
    """What it puts into Git's configuration for GitHub's program."""
    if o.github.enable and o.github.cli and not o.github.token:
        hosts = {o.github.host, "gist.github.com"} if o.github.host == GitHub().host else {o.github.host}
        yield from (f"credential.{key(f'https://{host}')}.helper" for host in sorted(hosts))


def packages(o: Integrations) -> list[Value]:
    """Programs that home-manager has no module for."""
    return [pkg(forge.program) for forge in in_use(o).values() if forge.cli and not isinstance(forge, GitHub)]
