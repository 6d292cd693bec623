"""The people on a host: their accounts, groups, shells and keys, and who may become root.

Who has an account is what the host's `people` says; who they are stands under `[people]` in `fleet.toml`. Options that
are marked as a person's own may be set for one person alone, under `[people.<name>.pantherOS.users]`.
"""

from __future__ import annotations

import re
from collections import Counter
from typing import Annotated, Literal

from pydantic import Field

from pantheros.fleet.tables import Shell
from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    ModuleOptions,
    Person,
    Resources,
    Settings,
    State,
    Value,
    key,
    pkg,
)

AbsolutePath = Annotated[str, Field(pattern=r"^/\S*$", description="an absolute path without blanks")]
GroupName = Annotated[str, Field(pattern=r"^[a-z_][a-z0-9_-]{0,30}$", description="the name of a group")]
PublicKey = Annotated[str, Field(pattern=r"^[^\r\n]+$", description="a public SSH key on one line")]


class Root(Group):
    keys: list[PublicKey] = []
    """Public keys that may log in as root, for tools that deploy as root. `security.ssh` decides whether root may log
    in over SSH at all."""
    password_file: AbsolutePath | None = None
    """File on the host that holds the hash of root's password. Without one, nobody can log in as root with a
    password, in an emergency neither."""


class SudoRule(Group):
    people: list[str] = []
    """Accounts that the rule is for."""
    groups: list[GroupName] = []
    """Groups that the rule is for."""
    commands: list[
        Annotated[str, Field(pattern=r"^(ALL|/\S.*)$", description='a command by its absolute path, or "ALL"')]
    ]
    """What they may run, each an absolute path with arguments (`/run/current-system/sw/bin/systemctl restart nginx`),
    or `ALL`."""
    run_as: str = "root"
    """As whom they may run it."""
    password: bool = True
    """Whether they are asked for their password."""


class Sudo(Group):
    enable: bool = True
    """Whether admins may run commands as root with sudo."""
    implementation: Literal["sudo", "sudo-rs"] = "sudo"
    """Which sudo: the old one, or its successor in Rust, which lacks some rarely used options."""
    password: bool | None = None
    """Whether admins are asked for their password. Left out, they are if each of them has one: on a host where they log
    in with keys alone, sudo would ask for a password that does not exist."""
    wheel_only: bool = True
    """Let nobody outside the group `wheel` even start sudo, so that a flaw in it helps only those who are root anyway.
    Rules for others switch it off."""
    timeout: Annotated[int, Field(ge=0, le=1440)] | None = None
    """Minutes until sudo asks again; 0 asks each time. Left out, sudo's own 15 minutes. Not for sudo-rs."""
    rules: list[SudoRule] = []
    """What others than admins may run, or admins without a password."""


class Options(ModuleOptions):
    enable: bool = True
    """Whether to use this module."""
    immutable: bool | None = None
    """Make accounts exactly what the fleet says, at every start: `passwd` and `useradd` have no lasting effect. Left
    out, it is so as soon as somebody who may become root has a key or a password: NixOS refuses to lock everybody
    out."""
    password_file: AbsolutePath | None = None
    """A person's own: file on the host that holds the hash of their password, as `mkpasswd` prints it. It is read when
    the system starts, before secrets arrive, so it must lie on a disk that outlives reboots, and never in the fleet."""
    keys: list[PublicKey] = []
    """A person's own: public SSH keys that may log in here, besides those under `[people]`."""
    groups: list[GroupName] = []
    """A person's own: groups here, besides those under `[people]`."""
    shell: Shell | None = None
    """A person's own: login shell here, in place of the one under `[people]`."""
    linger: bool | None = None
    """A person's own: start their services with the machine, and keep them running after they log out, as rootless
    containers need. Left out, NixOS leaves it as it is on the machine."""
    sudo: Sudo = Sudo()
    """Who may become root, and how."""
    root: Root = Root()
    """The account root."""


def nixos(o: Options, host: Host) -> Settings:
    yield "users.mutableUsers", not immutable(o, host)
    yield from _root(o, host)
    for person in host.people:
        yield from _account(person)
    yield from _groups(host)
    yield from _sudo(o, host)


def resources(o: Options, host: Host) -> Resources:
    # Who has which number, so that files keep their owners when an account comes and goes.
    yield State("/var/lib/nixos")


def findings(o: Options, host: Host) -> Findings:
    for person in host.people:
        yield from _account_findings(person)
    yield from _shared_numbers(host)
    yield from _way_in(o, host)
    yield from _sudo_findings(o, host)
    yield from _password_file_findings(o, host)


def without(o: Options, host: Host) -> Findings:
    for person in host.people:
        if not host.may_set(f"users.users.{key(person.name)}"):
            yield Finding(
                "no-account",
                f"{person.name} is one of the host's people, but without `pantherOS.users` nobody makes the account",
                at="enable",
                help=f"leave it enabled, take {person.name} out of the host's `people`, or set"
                f" `nixos.users.users.{key(person.name)}.isNormalUser = true`",
            )


# Accounts -----------------------------------------------------------------------------------------------------


def _account(person: Person) -> Settings:
    own = person[Options]
    account = f"users.users.{key(person.name)}"
    yield f"{account}.isNormalUser", True
    if person.full_name:
        yield f"{account}.description", person.full_name
    if person.uid is not None:
        yield f"{account}.uid", person.uid
    groups = _groups_of(person)
    if groups:
        yield f"{account}.extraGroups", list(groups)
    shell = own.shell or person.shell
    if shell != "bash":
        yield f"programs.{shell}.enable", True
        yield f"{account}.shell", pkg(shell)
    keys = keys_of(person)
    if keys:
        yield f"{account}.openssh.authorizedKeys.keys", list(keys)
    if own.password_file:
        yield f"{account}.hashedPasswordFile", own.password_file
    if own.linger is not None:
        yield f"{account}.linger", own.linger


def _root(o: Options, host: Host) -> Settings:
    if o.root.password_file:
        yield "users.users.root.hashedPasswordFile", o.root.password_file
    elif immutable(o, host):
        yield "users.users.root.hashedPassword", "!"
    if o.root.keys:
        yield "users.users.root.openssh.authorizedKeys.keys", list(o.root.keys)


def _groups(host: Host) -> Settings:
    """Groups that NixOS does not have by itself: to be a member of one that does not exist would mean nothing."""
    named = dict.fromkeys(group for person in host.people for group in _groups_of(person))
    for group in named:
        if group not in NIXOS_GROUPS:
            yield f"users.groups.{key(group)}", {}


NIXOS_GROUPS = frozenset(
    (
        *("adm", "audio", "cdrom", "clock", "dialout", "disk", "floppy", "input", "kmem", "kvm", "lp", "nixbld"),
        *("nogroup", "render", "root", "sgx", "shadow", "systemd-journal", "tape", "tty", "users", "utmp", "uucp"),
        *("video", "wheel"),
    )
)
"""Groups that every NixOS has (`clock` from 25.11 on)."""


def _groups_of(person: Person) -> list[str]:
    admin = ["wheel"] if person.admin else []
    return list(dict.fromkeys([*admin, *person.groups, *person[Options].groups]))


def keys_of(person: Person) -> list[str]:
    """The public keys that log in as this person here."""
    return list(dict.fromkeys([*person.keys, *person[Options].keys]))


def _admins(host: Host) -> list[Person]:
    return [person for person in host.people if "wheel" in _groups_of(person)]


RESERVED = frozenset(("root", "nobody", "sshd", "messagebus", "nscd", "systemd-network", "systemd-resolve"))
_KEY = re.compile(
    r"(^|\s)(ssh-(ed25519|rsa)|ecdsa-sha2-nistp\d+|sk-(ssh-ed25519|ecdsa-sha2-nistp256)@openssh\.com) AAAA"
)


def _account_findings(person: Person) -> Findings:
    if person.name in RESERVED:
        yield Finding(
            "reserved-account",
            f"{person.name} is an account of the system's own",
            option=f"people.{person.name}",
            help="give the person another name",
        )
    if re.search(r"[:\n\0]", person.full_name):
        yield Finding(
            "full-name",
            f"the name of {person.name} has a colon or a line break, which /etc/passwd can't hold",
            option=f"people.{person.name}.name",
            help="leave it out of the name",
        )
    for entry in keys_of(person):
        if not _KEY.search(entry):
            private = "PRIVATE KEY" in entry
            what = "a private key" if private else f'no public SSH key: "{entry[:40]}"'
            place = f"people.{person.name}.keys"
            yield Finding(
                "not-a-public-key",
                f"one of {person.name}'s keys is {what}",
                option=f"{place}.{person.keys.index(entry)}" if entry in person.keys else "",
                at="keys",
                help="make a new pair, and treat that one as known to others"
                if private
                else 'a key looks like "ssh-ed25519 AAAA... comment": it is what stands in a `.pub` file',
            )


def _shared_numbers(host: Host) -> Findings:
    counts = Counter(person.uid for person in host.people if person.uid is not None)
    for uid, count in counts.items():
        if count > 1:
            names = [person.name for person in host.people if person.uid == uid]
            yield Finding(
                "same-uid",
                f"{' and '.join(names)} have the same uid {uid}",
                option=f"people.{names[-1]}.uid",
                help="give each person a number of their own, or leave it to NixOS",
            )


# Ways in ------------------------------------------------------------------------------------------------------


def immutable(o: Options, host: Host) -> bool:
    """Whether accounts are exactly what the fleet says."""
    return o.immutable if o.immutable is not None else _somebody_gets_in(o, host)


def _somebody_gets_in(o: Options, host: Host) -> bool:
    """Whether root, or somebody who may become root, has a key or a password."""
    admins = any(keys_of(person) or person[Options].password_file for person in _admins(host))
    return bool(admins or o.root.keys or o.root.password_file)


def _way_in(o: Options, host: Host) -> Findings:
    people = host.people
    if o.immutable is False:
        return
    if not _somebody_gets_in(o, host):
        yield Finding(
            "locked-out",
            "nobody who may become root can log in: no admin has a key or a password"
            if _admins(host)
            else "nobody can administer this host: none of its people is an admin",
            severity="error" if o.immutable else "warning",
            at="immutable",
            help="give an admin `keys` (`admin = true` under [people.<name>]), set their `passwordFile`, or set"
            " `root.keys`",
        )
    elif people and host.kind != "server" and not any(person[Options].password_file for person in people):
        yield Finding(
            "no-password",
            f"nobody can log in at the screen of this {host.kind}: no account has a password",
            severity="warning",
            at="passwordFile",
            help=f"set `passwordFile` under [people.{people[0].name}.pantherOS.users] to a file on the host that"
            " holds what `mkpasswd` prints",
        )


def _password_file_findings(o: Options, host: Host) -> Findings:
    files = [(person.name, person[Options].password_file) for person in host.people]
    for name, path in [*files, ("root", o.root.password_file)]:
        if path and path.startswith("/nix/store/"):
            yield Finding(
                "password-in-store",
                f"the password file of {name} lies in the Nix store, where everybody can read it",
                at="root.passwordFile" if name == "root" else "passwordFile",
                help="keep it on the host alone, such as /var/lib/passwords or a persistent volume",
            )
        elif path and path.startswith(("/run/", "/tmp/", "/home/")):
            yield Finding(
                "password-too-late",
                f"{path} is not there yet when accounts are made, so {name} would have no password",
                at="root.passwordFile" if name == "root" else "passwordFile",
                help="keep the file on a disk that is mounted at boot, such as /persist or /var/lib",
            )
    shared = [path for path, count in Counter(path for _, path in files if path).items() if count > 1]
    for path in shared:
        names = [name for name, file in files if file == path]
        yield Finding(
            "shared-password",
            f"{' and '.join(names)} share the password in {path}",
            severity="warning",
            at="passwordFile",
            help="set `passwordFile` for each of them, under [people.<name>.pantherOS.users]",
        )


# sudo ---------------------------------------------------------------------------------------------------------


def _asks_password(o: Options, host: Host) -> bool:
    if o.sudo.password is not None:
        return o.sudo.password
    return not immutable(o, host) or all(person[Options].password_file for person in _admins(host))


def _sudo(o: Options, host: Host) -> Settings:
    sudo = f"security.{o.sudo.implementation}"
    if o.sudo.implementation == "sudo-rs" or not o.sudo.enable:
        yield "security.sudo.enable", False
    if not o.sudo.enable:
        return
    if o.sudo.implementation == "sudo-rs":
        yield f"{sudo}.enable", True
    yield f"{sudo}.wheelNeedsPassword", _asks_password(o, host)
    yield f"{sudo}.execWheelOnly", o.sudo.wheel_only and not o.sudo.rules
    if o.sudo.rules:
        yield f"{sudo}.extraRules", [_rule(rule) for rule in o.sudo.rules]
    if o.sudo.timeout is not None and o.sudo.implementation == "sudo":
        yield f"{sudo}.extraConfig", f"Defaults timestamp_timeout={o.sudo.timeout}\n"


def _rule(rule: SudoRule) -> Value:
    options: list[Value] = [] if rule.password else ["NOPASSWD"]
    commands: list[Value] = [
        {"command": command, "options": options} if options else {"command": command} for command in rule.commands
    ]
    found: dict[str, Value] = {"commands": commands, "runAs": rule.run_as}
    if rule.people:
        found["users"] = list(rule.people)
    if rule.groups:
        found["groups"] = list(rule.groups)
    return found


def _sudo_findings(o: Options, host: Host) -> Findings:
    if not o.sudo.enable:
        return
    lacking = [person.name for person in _admins(host) if not person[Options].password_file]
    if immutable(o, host) and o.sudo.password and lacking:
        names = " and ".join(lacking)
        yield Finding(
            "sudo-without-password",
            f"sudo asks {names} for a password, and there is none",
            at="sudo.password",
            help="set their `passwordFile`, or take `sudo.password` out",
        )
    if o.sudo.timeout is not None and o.sudo.implementation == "sudo-rs":
        yield Finding(
            "timeout-of-sudo-rs",
            "not every sudo-rs knows how to remember a password for another time than its own",
            at="sudo.timeout",
            help='take `timeout` out, or set `implementation = "sudo"`',
        )
    known = {person.name for person in host.people} | RESERVED
    for index, rule in enumerate(o.sudo.rules):
        if not rule.people and not rule.groups:
            yield Finding(
                "rule-for-nobody",
                "a rule of sudo is for nobody",
                at=f"sudo.rules.{index}",
                help="set its `people` or `groups`",
            )
        for name in rule.people:
            if name not in known:
                yield Finding(
                    "rule-for-stranger",
                    f"a rule of sudo is for {name}, who is none of this host's people",
                    severity="warning",
                    at=f"sudo.rules.{index}",
                    help="add them to the host's `people`, unless it is an account that NixOS makes",
                )
