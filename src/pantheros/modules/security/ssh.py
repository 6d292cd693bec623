"""A hardened SSH server: keys only, nobody as root, named people only, and on the tailnet alone when asked."""

from __future__ import annotations

import ipaddress
import posixpath
import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    ModuleOptions,
    Port,
    Resources,
    Settings,
    State,
    Value,
    file,
)
from pantheros.modules import users
from pantheros.modules.networking import tailscale
from pantheros.modules.security import firewall


def _address(text: str) -> str:
    try:
        ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError(f"not an IP address: {error}") from error
    return text


Address = Annotated[str, AfterValidator(_address)]
Algorithm = Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9@.-]*$")]
Account = Annotated[str, Field(pattern=r"^[a-z_*?!][a-z0-9_.*?-]*\$?(@\S+)?$")]
"""A user as sshd_config's patterns have it: `ada`, `backup@10.0.0.*`."""
Variable = Annotated[str, Field(pattern=r"^[A-Za-z_*?][A-Za-z0-9_*?]*$")]
Duration = Annotated[str, Field(pattern=r"^[1-9]\d*(s|m|h|d|w)$")]


class Limits(Group):
    """Brakes on those who try."""

    max_auth_tries: Annotated[int, Field(ge=1, le=20)] = 4
    """Keys that a client may offer in one connection (the CIS benchmarks' limit). An agent that holds more keys needs
    `IdentitiesOnly`."""
    max_sessions: Annotated[int, Field(ge=1, le=1000)] = 10
    """Shells, transfers and forwardings that one connection may open."""
    max_startups: Annotated[str, Field(pattern=r"^\d+(:\d+:\d+)?$")] = "10:30:60"
    """Connections that have not logged in yet: from the first number on, a share of new ones in percent is refused,
    growing to all at the last number."""
    per_source_max_startups: Annotated[int, Field(ge=1, le=1000)] | None = None
    """The same for each address that they come from."""
    login_grace_seconds: Annotated[int, Field(ge=5, le=600)] = 30
    """Seconds in which to log in."""
    alive_interval_seconds: Annotated[int, Field(ge=0, le=86400)] = 60
    """Seconds of silence after which the client is asked whether it is still there; 0 never asks."""
    alive_count: Annotated[int, Field(ge=1, le=100)] = 5
    """Questions without an answer after which the connection ends."""


class Ban(Group):
    """Banning addresses that fail again and again, with fail2ban."""

    enable: bool = False
    """Watch the log and ban. Useful where the port is public; OpenSSH itself already slows such addresses down from
    9.8 on (`PerSourcePenalties`)."""
    after: Annotated[int, Field(ge=1, le=100)] = 5
    """Failures that lead to a ban."""
    time: Duration = "1h"
    """Length of the first ban; each further one of an address is longer."""
    longest: Duration = "1w"
    """Length that no ban exceeds."""
    ignore: list[str] = []
    """Addresses and networks that are never banned. Those of the tailnet are added on a machine that is in it."""


class Forwarding(Group):
    """What may go through a connection besides a shell."""

    tcp: Literal["yes", "no", "local", "remote"] = "yes"
    """Ports: `local` those that the client brings here (`-L`, `-J`), `remote` those that it opens here (`-R`)."""
    agent: bool = False
    """The client's agent, which root on this machine could then use. `ssh -J` needs none of it."""
    x11: bool = False
    """Graphical programs. Brings xauth along."""


class Options(ModuleOptions):
    ports: Annotated[list[Annotated[int, Field(ge=1, le=65535)]], Field(min_length=1)] = [22]
    """Ports to listen on."""
    listen_addresses: list[Address] = []
    """Addresses to listen on; left out, all. An address that the machine gets later (the tailnet's) keeps sshd from
    starting: use `tailnetOnly` for that."""
    tailnet_only: bool = False
    """Open the ports to the tailnet alone."""
    permit_root_login: Literal["no", "prohibit-password", "forced-commands-only"] = "no"
    """Whether root may log in: not at all, with a key, or with a key that is bound to one command."""
    allowed_users: list[Account] | None = None
    """Who may log in; left out, the people on this host who have a key (and root where `permitRootLogin` says so)."""
    keys_in_home: bool = False
    """Take keys from `~/.ssh/authorized_keys` too, where whoever gets into an account can add one for later. Services
    that keep keys there, such as a Git forge, need it."""
    algorithms: Literal["modern", "recommended", "openssh"] = "modern"
    """`modern`: authenticated ciphers and encrypt-then-MAC only, with NixOS's curated key exchanges (post-quantum
    first); clients of the last ten years have these. `recommended`: all that NixOS curates, which adds AES-CTR.
    `openssh`: what OpenSSH itself allows, for old clients."""
    ciphers: list[Algorithm] = []
    """Ciphers, the best first, instead of those that `algorithms` means (`ssh -Q cipher` lists them)."""
    kex_algorithms: list[Algorithm] = []
    """Key exchanges, the best first, instead of those that `algorithms` means (`ssh -Q kex`)."""
    macs: list[Algorithm] = []
    """Message authentication codes, the best first, instead of those that `algorithms` means (`ssh -Q mac`)."""
    host_keys: Annotated[list[Literal["ed25519", "rsa"]], Field(min_length=1)] = ["ed25519"]
    """Kinds of keys that the machine proves itself with; made at the first start. `rsa` (4096 bits) is for clients
    that know no other."""
    host_key_directory: Annotated[str, Field(pattern=r"^/[\w./-]*$")] = "/etc/ssh"
    """Where the host keys lie."""
    limits: Limits = Limits()
    """Brakes on those who try, and on connections that have gone silent."""
    ban: Ban = Ban()
    """Banning addresses that fail again and again."""
    forwarding: Forwarding = Forwarding()
    """What may go through a connection besides a shell."""
    sftp: bool = True
    """Serve file transfers (`sftp`, today's `scp`, `sshfs`)."""
    accept_env: list[Variable] = []
    """Environment variables that clients may pass on, such as `LC_*`."""
    banner: str | None = None
    """Text to show before somebody logs in."""
    log_level: Literal["QUIET", "FATAL", "ERROR", "INFO", "VERBOSE", "DEBUG"] = "VERBOSE"
    """How much to log; `VERBOSE` notes which key each login used."""


def nixos(o: Options, host: Host) -> Settings:
    yield "services.openssh.enable", True
    if o.ports != [22]:
        yield "services.openssh.ports", sorted(set(o.ports))
    if o.listen_addresses:
        yield "services.openssh.listenAddresses", [{"addr": address} for address in o.listen_addresses]
    # The firewall opens the ports, from where `resources` says.
    yield "services.openssh.openFirewall", not host[firewall.Options].enable and not o.tailnet_only
    yield "services.openssh.hostKeys", _host_keys(o)
    yield "services.openssh.authorizedKeysInHomedir", o.keys_in_home
    yield "services.openssh.allowSFTP", o.sftp
    yield from _banner(o, host)
    for name, value in (_logins(o, host) | _algorithms(o, host) | _limits(o) | _forwarding(o, host)).items():
        yield f"services.openssh.settings.{name}", value
    if o.algorithms == "openssh" and host.release >= "26.05":
        yield "services.openssh.enableRecommendedAlgorithms", False
    if o.forwarding.x11:
        yield "programs.ssh.setXAuthLocation", True
    if o.ban.enable:
        yield from _ban(o, host)


def resources(o: Options, host: Host) -> Resources:
    for port in sorted(set(o.ports)):
        yield Port(port, "SSH", exposure="tailnet" if o.tailnet_only else "public", at="ports")
    for path in _key_paths(o).values():
        yield State(path, kind="file", mode="0600")
        yield State(f"{path}.pub", kind="file", mode="0644")


def findings(o: Options, host: Host) -> Findings:
    yield from _login_findings(o, host)
    if o.tailnet_only and not host[tailscale.Options].enable:
        yield Finding(
            "tailnet-only-without-tailnet",
            f"only the tailnet is to reach SSH, but {host.name} is not in it: nobody could log in",
            at="tailnetOnly",
            help="enable `pantherOS.networking.tailscale`, or set `tailnetOnly = false`",
        )
    elif o.tailnet_only and not host[firewall.Options].enable:
        yield Finding(
            "tailnet-only-without-firewall",
            "without `security.firewall` nothing opens SSH to the tailnet alone",
            severity="warning",
            at="tailnetOnly",
            help="enable `pantherOS.security.firewall`, or open the port on the tailnet's interface yourself",
        )
    for option, given in (("ciphers", o.ciphers), ("kexAlgorithms", o.kex_algorithms), ("macs", o.macs)):
        weak = [name for name in given if _WEAK.search(name)]
        if weak:
            yield Finding(
                "weak-algorithm",
                f"`{option}` allows what is broken or too weak: {', '.join(weak)}",
                severity="warning",
                at=option,
                help="take it out; where an old client needs it, keep that client on a network of its own",
            )


def _login_findings(o: Options, host: Host) -> Findings:
    with_keys = {person.name for person in host.people if users.keys_of(person)}
    if o.allowed_users is None:
        if not with_keys and o.permit_root_login == "no" and not o.keys_in_home:
            yield Finding(
                "nobody-can-log-in",
                f"SSH takes keys only, and nobody on {host.name} has one: nobody can log in",
                severity="warning",
                at="enable",
                help="give one of the host's `people` a key (`[people.NAME] keys = [...]`)",
            )
        return
    people = {person.name for person in host.people}
    for name in (pattern.partition("@")[0] for pattern in o.allowed_users):
        if name in people and name not in with_keys and not o.keys_in_home:
            yield Finding(
                "user-without-key",
                f"{name} may log in over SSH, which takes keys only, but has none",
                severity="warning",
                at="allowedUsers",
                help=f"add one to `keys` under `[people.{name}]`",
            )
        elif name == "root" and o.permit_root_login == "no":
            yield Finding(
                "root-not-permitted",
                "root is among the allowed users, but `permitRootLogin` does not let root in",
                severity="warning",
                at="allowedUsers",
                help='take "root" out, or set `permitRootLogin = "prohibit-password"`',
            )


# sshd_config --------------------------------------------------------------------------------------------------

_CIPHERS = ["chacha20-poly1305@openssh.com", "aes256-gcm@openssh.com", "aes128-gcm@openssh.com"]
_MACS = ["hmac-sha2-512-etm@openssh.com", "hmac-sha2-256-etm@openssh.com", "umac-128-etm@openssh.com"]
_WEAK = re.compile(r"cbc|arcfour|blowfish|cast128|3des|sha1($|[^\d])|md5|-96|umac-64|nistp|group1-|^none$")

_SETTINGS = dict[str, Value]


def _logins(o: Options, host: Host) -> _SETTINGS:
    found: _SETTINGS = {
        "PermitRootLogin": o.permit_root_login,
        "PasswordAuthentication": False,
        "KbdInteractiveAuthentication": False,
        "AuthenticationMethods": "publickey",
        "LogLevel": o.log_level,
    }
    allowed = o.allowed_users
    if allowed is None:
        allowed = [person.name for person in host.people if users.keys_of(person)]
        allowed += ["root"] if o.permit_root_login != "no" else []
    # An empty list would let everybody in.
    if allowed:
        found["AllowUsers"] = [*dict.fromkeys(allowed)]
    return found


def _algorithms(o: Options, host: Host) -> _SETTINGS:
    names: dict[str, tuple[list[str], list[str]]] = {
        "Ciphers": (o.ciphers, _CIPHERS),
        "KexAlgorithms": (o.kex_algorithms, []),
        "Macs": (o.macs, _MACS),
    }
    found: _SETTINGS = {}
    for name, (given, modern) in names.items():
        if given:
            found[name] = [*dict.fromkeys(given)]
        elif o.algorithms == "modern" and modern:
            found[name] = [*modern]
        elif o.algorithms == "openssh" and host.release < "26.05":
            found[name] = None
    return found


def _limits(o: Options) -> _SETTINGS:
    found: _SETTINGS = {
        "MaxAuthTries": o.limits.max_auth_tries,
        "MaxSessions": o.limits.max_sessions,
        "MaxStartups": o.limits.max_startups,
        "LoginGraceTime": o.limits.login_grace_seconds,
        "ClientAliveInterval": o.limits.alive_interval_seconds,
        "ClientAliveCountMax": o.limits.alive_count,
    }
    if o.limits.per_source_max_startups is not None:
        found["PerSourceMaxStartups"] = o.limits.per_source_max_startups
    return found


def _forwarding(o: Options, host: Host) -> _SETTINGS:
    found: _SETTINGS = {"AllowAgentForwarding": o.forwarding.agent}
    if o.forwarding.tcp != "yes":
        found["AllowTcpForwarding"] = o.forwarding.tcp
    if o.forwarding.x11:
        found["X11Forwarding"] = True
    if o.accept_env:
        names = list(dict.fromkeys(o.accept_env))
        found["AcceptEnv"] = [*names] if host.release >= "26.05" else " ".join(names)
    return found


def _banner(o: Options, host: Host) -> Settings:
    if o.banner is None:
        return
    text = o.banner if o.banner.endswith("\n") else f"{o.banner}\n"
    if host.release >= "26.05":
        yield "services.openssh.settings.Banner", f"{file('banner.txt', text)}"
    else:
        yield "services.openssh.banner", text


# Host keys ----------------------------------------------------------------------------------------------------


def _key_paths(o: Options) -> dict[str, str]:
    """Paths of the host keys, by their kind."""
    return {kind: posixpath.join(o.host_key_directory, f"ssh_host_{kind}_key") for kind in dict.fromkeys(o.host_keys)}


def _host_keys(o: Options) -> list[Value]:
    keys: list[Value] = []
    for kind, path in _key_paths(o).items():
        keys.append({"type": kind, "path": path, **({"bits": 4096} if kind == "rsa" else {})})
    return keys


# Bans ---------------------------------------------------------------------------------------------------------


def _ban(o: Options, host: Host) -> Settings:
    yield "services.fail2ban.enable", True
    yield "services.fail2ban.maxretry", o.ban.after
    yield "services.fail2ban.bantime", o.ban.time
    yield "services.fail2ban.bantime-increment.enable", True
    yield "services.fail2ban.bantime-increment.maxtime", o.ban.longest
    tailnet = ["100.64.0.0/10", "fd7a:115c:a1e0::/48"] if host[tailscale.Options].enable else []
    if ignored := list(dict.fromkeys([*tailnet, *o.ban.ignore])):
        yield "services.fail2ban.ignoreIP", ignored
