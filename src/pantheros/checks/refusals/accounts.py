"""Accounts and groups."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

from pantheros.checks.refusals.rule import NOTHING, Refused, Rule, Said, given, has, off, on, unset
from pantheros.checks.settings import Wrong
from pantheros.checks.view import winning, written_by_hand
from pantheros.modules.users import NIXOS_GROUPS
from pantheros.nix.values import Expression, Package, Raw, key
from pantheros.releases.index import UNKNOWN

_USERS_OF_MODULES = frozenset(
    (
        *("_lldpd", "bacula", "cool", "crossfire", "cups", "cyrus", "datadog", "deliantra", "dhcpcd"),
        *("docker-registry", "fwupd-refresh", "gdm", "git", "gns3", "greeter", "hacluster", "hass", "hbase"),
        *("hdfs", "hledger", "httpfs", "hydra-queue-runner", "hydra-www", "ircd", "jackaudio", "knot-resolver"),
        *("lightdm", "mailman-web", "messagebus", "minecraft", "minetest", "munin", "namecoin", "nix-ssh"),
        *("nobody", "nut", "osgi", "pdns", "polkituser", "postgres", "powerdnsadmin", "pulse", "rethinkdb"),
        *("root", "rpc", "rslsync", "rustdesk", "scanner", "sddm", "siproxyd", "spamd", "ssm-user", "tcpcryptd"),
        *("teamspeak", "trilium", "tt_rss", "turnserver", "unifi-poller", "usermetrics", "uucp", "x2go", "yarn"),
    )
)
_OTHER_WAYS = (("users", "allowNoPasswordLogin"), ("security", "googleOsLogin", "enable"))
_KEYS = (("openssh", "authorizedKeys", "keys"), ("openssh", "authorizedKeys", "keyFiles"))
_SETS_OF_MODULES = ("services", "programs", "virtualisation", "security", "hardware")


def _of_a_module(said: Said, name: str) -> bool:
    """Whether a module of NixOS may make the user or group of this name."""
    if name in _USERS_OF_MODULES or name.startswith("systemd-") or said.mentioned(name, ("users",)):
        return True
    return any(said.view.index.status("nixos", (above, name)).kind in ("known", "group") for above in _SETS_OF_MODULES)


def _shell(name: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Package) and value.name == name


USER = "users.users.*"
PASSWORDS = tuple(
    f"{USER}.{name}"
    for name in ("hashedPassword", "hashedPasswordFile", "password", "initialPassword", "initialHashedPassword")
)


RULES: tuple[Rule, ...] = (
    Rule(
        "config/users-groups.nix",
        Wrong(
            "user-of-two-kinds",
            "{name} is both a person's account and a service's",
            "keep `isNormalUser` for a person, `isSystemUser` for a service",
        ),
        (on(f"{USER}.isSystemUser"), on(f"{USER}.isNormalUser")),
    ),
    Rule(
        "config/users-groups.nix",
        Wrong(
            "user-of-no-kind",
            "{name} is neither a person's account nor a service's",
            "set `users.users.{name}.isNormalUser = true`, or for a service `isSystemUser`",
        ),
        (
            given(*PASSWORDS),
            off(f"{USER}.isNormalUser", f"{USER}.isSystemUser"),
            unset(f"{USER}.uid"),
        ),
        unless=_of_a_module,
    ),
    Rule(
        "config/users-groups.nix",
        Wrong(
            "user-without-group",
            "{name} is a service's account without a group",
            'set `users.users.{name}.group = "{name}"` and `users.groups.{name} = {}`',
        ),
        (on(f"{USER}.isSystemUser"), off(f"{USER}.isNormalUser", f"{USER}.group")),
        unless=_of_a_module,
    ),
    *(
        Rule(
            "config/users-groups.nix",
            Wrong(
                "shell-not-enabled",
                f"{shell} is the shell of {{name}}, but is not set up on the host",
                f"set `programs.{shell}.enable = true`",
            ),
            (
                has(_shell(shell), f"{USER}.shell"),
                off(f"programs.{shell}.enable", f"{USER}.ignoreShellProgramCheck"),
            ),
        )
        for shell in ("fish", "xonsh", "zsh")
    ),
    Rule(
        "security/sudo-rs.nix",
        Wrong("sudo-and-sudo-rs", "sudo and sudo-rs cannot both be switched on", "set `security.sudo.enable = false`"),
        (on("security.sudo-rs.enable"), has(lambda value: value is True, "security.sudo.enable")),
        unless=lambda said, name: ("security", "sudo", "enable") not in said.view.system,
    ),
    Rule(
        "security/pam.nix",
        Wrong(
            "message-of-the-day-twice",
            "the message of the day is given as a text and as a file",
            "set one of `users.motd` and `users.motdFile`",
        ),
        (given("users.motd"), given("users.motdFile")),
    ),
    Rule(
        "programs/gnupg.nix",
        Wrong(
            "two-ssh-agents",
            "the SSH agent and GnuPG's agent with SSH support cannot both be the agent",
            "set `programs.ssh.startAgent = false`, or leave out `programs.gnupg.agent.enableSSHSupport`",
        ),
        (on("programs.ssh.startAgent"), on("programs.gnupg.agent.enableSSHSupport"), on("programs.gnupg.agent.enable")),
    ),
    *(
        Rule(
            "programs/ssh.nix",
            Wrong(
                "known-host-without-key",
                "the known host {name} needs one of a key and a file with the key",
                "set either `publicKey` or `publicKeyFile`",
            ),
            conditions,
        )
        for conditions in (
            (given("programs.ssh.knownHosts.*.publicKey"), given("programs.ssh.knownHosts.*.publicKeyFile")),
            (
                given("programs.ssh.knownHosts.*.hostNames", "programs.ssh.knownHosts.*.extraHostNames"),
                off("programs.ssh.knownHosts.*.publicKey", "programs.ssh.knownHosts.*.publicKeyFile"),
            ),
        )
    ),
)


def group_of_user(said: Said) -> Iterator[Refused]:
    """`config/users-groups.nix`: a user's main group has to exist."""
    people = {person.name for person in said.view.host.people}
    for name in said.names(("users", "users")):
        path = ("users", "users", name, "group")
        wanted = said.value(path)
        if not isinstance(wanted, str) or path not in said.view.system or wanted in NIXOS_GROUPS:
            continue
        group = ("users", "groups", wanted)
        # What belongs to a person comes from no module, however often the name occurs.
        made = any(each not in people and _of_a_module(said, each) for each in (wanted, name))
        if not (made or said.anything(group)):
            message = f"the group {wanted}, which {name} is in, does not exist"
            help = f"set `users.groups.{key(wanted)} = {{}}`"
            yield Refused(Wrong("group-missing", message, help), (path,), (group,))


def numbers_of_users(said: Said) -> Iterator[Refused]:
    """`config/users-groups.nix`: no two users, and no two groups, have the same number."""
    if said.value(("users", "enforceIdUniqueness")) is not True:
        return
    for kind, number in (("users", "uid"), ("groups", "gid")):
        found: dict[int, list[str]] = {}
        for name in said.names(("users", kind)):
            value = said.value(("users", kind, name, number))
            if type(value) is int:
                found.setdefault(value, []).append(name)
        for value, names in found.items():
            paths = tuple(("users", kind, name, number) for name in reversed(names))
            # Of the fleet's people, `pantherOS.users` itself says so.
            if len(names) > 1 and any(written_by_hand(said.view, winning(said.view.system[path])) for path in paths):
                message = f"{' and '.join(names)} have the same {number} {value}"
                yield Refused(Wrong("duplicate-number", message, "give each a number of its own"), paths)


def nobody_gets_in(said: Said) -> Iterator[Refused]:
    """`config/users-groups.nix`: where accounts cannot be changed on the host, root or one of the group wheel has a
    password or a key."""
    path = ("users", "mutableUsers")
    if said.value(path) is not False or not written_by_hand(said.view, winning(said.view.system[path])):
        return  # of what `pantherOS.users` is told, it says so itself
    if any(said.value(way) is not False for way in _OTHER_WAYS) or isinstance(said.view.value(("users", "users")), Raw):
        return
    for name in said.names(("users", "users")):
        user = ("users", "users", name)
        more = said.value((*user, "extraGroups"))
        groups = [said.value((*user, "group")), *(more if isinstance(more, list) else [more])]
        admin = name == "root" or any(each in ("wheel", UNKNOWN) or isinstance(each, Expression) for each in groups)
        passwords = [said.value((*user, option.rpartition(".")[2])) for option in PASSWORDS]
        keys = any(said.value((*user, *way)) not in NOTHING for way in _KEYS)
        if admin and (keys or any(password not in (None, "!", "!!", "*") for password in passwords)):
            return
    message = "nobody who may become root can log in: accounts are not changeable, and no admin has a key or a password"
    help = "give root or somebody of the group wheel a key or a `hashedPasswordFile`, or leave `mutableUsers` out"
    yield Refused(Wrong("locked-out", message, help), (path,), (("users", "users"),))


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (
    group_of_user,
    numbers_of_users,
    nobody_gets_in,
)
