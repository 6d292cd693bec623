"""SSH: the hosts that repositories are at, the keys to log in with, and the agent that keeps them unlocked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import Finding, Findings, Group, Host, Person, Settings, Value, key, pkg, script

KeyPath = Annotated[
    str, Field(pattern=r"^(~/|/)[\w.@+/-]+$", description="a path that begins with `~/` or `/`, without spaces")
]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", description="the name of a host")]


class SshHost(Group):
    hostname: HostName
    """Where the alias leads."""
    user: str = "git"
    """User to log in as; forges want `git`."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Port, where it is not 22."""
    key_path: KeyPath | None = None
    """Private key for this host, where it is not `ssh.keyPath`."""


class Ssh(Group):
    enable: bool = False
    """Write the SSH client's configuration for the hosts below and for the forges in use."""
    key_path: KeyPath | None = None
    """Private key to log in with. Left out: `~/.ssh/id_` and the type, as OpenSSH names it."""
    key_type: Literal["ed25519", "ed25519-sk", "ecdsa", "ecdsa-sk", "rsa"] = "ed25519"
    """Type of the key; those in `-sk` live on a security key. RSA keys get 4096 bits."""
    generate: bool = False
    """Make each key named here that does not exist yet, when the person logs in, without a passphrase. One that
    exists is never touched."""
    hosts: dict[str, HostName | SshHost] = {}
    """Hosts by alias: with `github = "github.com"` both `github:me/repo` and `git@github.com:me/repo` use the key."""
    agent: bool | Literal["openssh", "gpg", "1password"] = True
    """What keeps unlocked keys: OpenSSH's agent (`true`), GnuPG's, 1Password's, or none (`false`)."""


def login_key(o: Ssh) -> str:
    """Path of the private key that logs in where no other is named."""
    return o.key_path or f"~/.ssh/id_{o.key_type.replace('-', '_')}"


def hosts(o: Ssh, forges: list[str]) -> dict[str, SshHost]:
    """The hosts by alias: those named, and the forges in use."""
    found = {alias: SshHost(hostname=entry) if isinstance(entry, str) else entry for alias, entry in o.hosts.items()}
    named = {entry.hostname for entry in found.values()}
    missing = [forge for forge in forges if forge not in named and forge not in found]
    return found | {forge: SshHost(hostname=forge) for forge in missing}


def settings(o: Ssh, forges: list[str], other_keys: list[str], host: Host, person: Person) -> Settings:
    yield "programs.ssh.enable", True
    if host.release >= "25.11":
        # The defaults that home-manager wrote until then are ssh's own, and it warns that they will go.
        yield "programs.ssh.enableDefaultConfig", False
    known = hosts(o, forges)
    for alias, entry in known.items():
        block: dict[str, Value] = {"HostName": entry.hostname, "User": entry.user}
        if entry.port is not None:
            block["Port"] = entry.port
        block["IdentityFile"] = entry.key_path or login_key(o)
        block["IdentitiesOnly"] = True
        stands_for_both = alias != entry.hostname and alias == _main_alias(entry.hostname, o, known)
        yield from _block(f"{alias} {entry.hostname}" if stands_for_both else alias, block, host)
    yield from _agent(o, host, person)
    if o.generate:
        keys = [login_key(o), *(entry.key_path for entry in known.values() if entry.key_path), *other_keys]
        yield from _generate(o, list(dict.fromkeys(keys)), host, person)


def _main_alias(hostname: str, o: Ssh, known: Mapping[str, SshHost]) -> str:
    """Of several aliases for one host, the one that its own name stands for too: the first plain one."""
    aliases = [alias for alias, entry in known.items() if entry.hostname == hostname]
    plain = [alias for alias in aliases if alias == hostname or isinstance(o.hosts.get(alias), str)]
    return (plain or aliases)[0]


_OLD_NAMES = {
    "HostName": "hostname",
    "User": "user",
    "Port": "port",
    "IdentityFile": "identityFile",
    "IdentitiesOnly": "identitiesOnly",
    "AddKeysToAgent": "addKeysToAgent",
    "IdentityAgent": "identityAgent",
}
"""What home-manager called ssh's own words before 26.05."""


def _block(pattern: str, block: dict[str, Value], host: Host) -> Settings:
    for name, value in block.items():
        if host.release >= "26.05":
            yield f"programs.ssh.settings.{key(pattern)}.{name}", value
        else:
            yield f"programs.ssh.matchBlocks.{key(pattern)}.{_OLD_NAMES[name]}", value


def _agent(o: Ssh, host: Host, person: Person) -> Settings:
    if o.agent in (True, "openssh"):
        yield "services.ssh-agent.enable", True
        if host.release < "25.11":
            yield "programs.ssh.addKeysToAgent", "yes"
        else:
            yield from _block("*", {"AddKeysToAgent": "yes"}, host)
    elif o.agent == "1password":
        socket = ".1password/agent.sock"
        if host.release < "25.05":
            yield 'programs.ssh.matchBlocks."*".extraOptions.IdentityAgent', f"~/{socket}"
        else:
            yield from _block("*", {"IdentityAgent": f"~/{socket}"}, host)
        # ssh-keygen, which signs commits, does not read ssh's configuration.
        yield "home.sessionVariables.SSH_AUTH_SOCK", f"{person.home}/{socket}"


def _generate(o: Ssh, keys: list[str], host: Host, person: Person) -> Settings:
    generate = script(__file__, "scripts/generate-ssh-key")
    paths = " ".join(path.replace("~/", "%h/", 1) for path in keys)
    service = "systemd.user.services.git-ssh-key"
    yield f"{service}.Unit.Description", "Make the SSH keys that Git uses, where they are missing"
    yield f"{service}.Install.WantedBy", ["default.target"]
    yield f"{service}.Service.Type", "oneshot"
    yield f"{service}.Service.RemainAfterExit", True
    yield f"{service}.Service.Environment", [f"PATH={pkg('openssh')}/bin:{pkg('coreutils')}/bin"]
    yield (
        f"{service}.Service.ExecStart",
        f"{pkg('bash')}/bin/bash {generate} {o.key_type} {person.name}@{host.name} {paths}",
    )


def findings(o: Ssh) -> Findings:
    if not o.enable and (o.hosts or o.generate or o.key_path):
        yield Finding(
            "ssh-not-enabled",
            "SSH hosts or keys are set up for Git, but `ssh.enable` is not set, so nothing comes of it",
            severity="warning",
            at="ssh",
            help="set `ssh.enable = true`",
        )
    if o.generate and o.key_type.endswith("-sk"):
        yield Finding(
            "key-needs-touch",
            f"a key of type {o.key_type} is made on a security key that wants a touch, which no service can give",
            at="ssh.generate",
            help=f"leave `generate` out and run `ssh-keygen -t {o.key_type}` by hand",
        )
