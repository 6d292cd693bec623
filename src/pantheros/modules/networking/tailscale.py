"""Join the tailnet: a private network among the fleet's machines, over whatever network each of them is on.

The machine joins by itself with a key from 1Password, takes the tags, routes and exit node that its file names, and
keeps to them: what somebody changes by hand is set back when the machine next starts or is updated.
"""

from __future__ import annotations

import ipaddress
from typing import Annotated

from pydantic import AfterValidator, Field

from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    ModuleOptions,
    Port,
    Resources,
    SecretUse,
    Settings,
    State,
    pkg,
    script,
    secret,
)


def _network(text: str) -> str:
    try:
        ipaddress.ip_network(text)
    except ValueError as error:
        raise ValueError(f"not a network such as 192.168.1.0/24: {error}") from error
    return text


Network = Annotated[str, AfterValidator(_network)]
"""A network in CIDR notation: `192.168.1.0/24`, `fd00:1::/64`."""
Interface = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,15}$")]
"""A network interface, by the kernel's name for it (15 characters at most)."""
Tag = Annotated[str, Field(pattern=r"^(tag:)?[A-Za-z][A-Za-z0-9-]*$")]
"""A tag of the tailnet's policy, with or without `tag:` before it."""
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+\S*$")]


_INTERFACE = "tailscale0"


class ExitNode(Group):
    """Sending all traffic through one machine of the tailnet."""

    offer: bool = False
    """Let the others reach the internet through this machine. An administrator of the tailnet has to approve it
    once, unless the policy's `autoApprovers` do."""
    use: str | None = None
    """Reach the internet through this machine: the name of a host of the fleet that offers it, any other name or
    address in the tailnet, or `auto:any` for the best that there is."""
    allow_lan_access: bool = False
    """While an exit node is in use, still talk to the local network (printers, file servers) directly."""


class Subnets(Group):
    """Networks that are reached through machines of the tailnet."""

    advertise: list[Network] = []
    """Networks behind this machine that the tailnet may reach through it. To be approved like an exit node."""
    accept: bool = False
    """Use the networks that other machines advertise."""
    snat: bool = True
    """Let traffic into the advertised networks come from this machine's own address. Without it the machines there
    see who calls, and need a route back."""


class UdpTuning(Group):
    """UDP offloading on the way through, which Tailscale advises for exit nodes and subnet routers
    (https://tailscale.com/kb/1320/performance-best-practices)."""

    enable: bool | None = None
    """Whether to switch it on at every start. Left out: where the machine offers an exit node or advertises
    networks, since nothing else gains from it."""
    interface: Interface | None = None
    """The interface towards the internet; left out, the one that the default route leaves by."""


class Options(ModuleOptions):
    auth_key: str | None = None
    """Name, under `[secrets]`, of an auth key (`tskey-auth-`) or of an OAuth client's secret (`tskey-client-`) that
    the machine joins with. Without one somebody has to run `tailscale up` on it once."""
    ephemeral: bool | None = None
    """Whether the tailnet is to forget the machine when it has gone. Only an OAuth client's secret takes this; an
    auth key says it itself."""
    preauthorized: bool | None = None
    """Whether to join without an administrator's approval. Only an OAuth client's secret takes this."""
    api_url: Url | None = None
    """Where an OAuth client's secret is traded for a key; left out, Tailscale's own."""
    tags: list[Tag] = []
    """What the machine is in the tailnet's policy (`server`). A machine with tags belongs to nobody, and its key
    does not expire. Taken when it joins."""
    hostname: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] | None = None
    """Name in the tailnet; left out, the host's own."""
    login_server: Url | None = None
    """Another coordination server, such as Headscale. Taken when the machine joins."""
    exit_node: ExitNode = ExitNode()
    """Sending all traffic through one machine of the tailnet."""
    subnets: Subnets = Subnets()
    """Networks that are reached through machines of the tailnet."""
    ssh: bool = False
    """Let Tailscale answer SSH from within the tailnet, on the tailnet policy's say (`ssh` rules). It takes port 22
    of the machine's tailnet address; sshd, when there is one, keeps that port elsewhere."""
    magic_dns: bool = True
    """Take the tailnet's names and name servers."""
    resolved: bool = True
    """With `magicDns`, run systemd-resolved, so that the tailnet's names go to its servers and all others to those
    of the network at hand. Without it Tailscale rewrites `/etc/resolv.conf`."""
    operator: str | None = None
    """A person who may run `tailscale` without sudo."""
    certificates_for: str | None = None
    """An account, such as that of a web server (`caddy`), that may fetch TLS certificates for the machine's tailnet
    name."""
    shields_up: bool = False
    """Refuse every connection from the tailnet; the machine can still call others."""
    taildrop: bool = True
    """Receive files that are sent with Taildrop."""
    upload_logs: bool = True
    """Let the daemon send its logs to Tailscale. Without it Tailscale gives no support, and network flow logs stop."""
    interface: Interface = _INTERFACE
    """Name of the tailnet's interface."""
    port: Annotated[int, Field(ge=1, le=65535)] = 41641
    """UDP port that other machines reach this one at."""
    open_firewall: bool = True
    """Open that port, so that machines find a direct way more often than through Tailscale's relays."""
    udp_tuning: UdpTuning = UdpTuning()
    """UDP offloading for what passes through this machine."""
    extra_up_flags: list[str] = []
    """More flags for `tailscale up`, which joins the tailnet."""
    extra_set_flags: list[str] = []
    """More flags for `tailscale set`, at every start."""
    extra_daemon_flags: list[str] = []
    """More flags for the daemon, `tailscaled`."""


def nixos(o: Options, host: Host) -> Settings:
    yield "services.tailscale.enable", True
    if o.interface != _INTERFACE:
        yield "services.tailscale.interfaceName", o.interface
    yield "services.tailscale.port", o.port
    yield "services.tailscale.useRoutingFeatures", routing_features(o)
    if not o.taildrop:
        yield "services.tailscale.disableTaildrop", True
    if o.certificates_for:
        yield "services.tailscale.permitCertUid", o.certificates_for
    yield from _joining(o)
    yield "services.tailscale.extraSetFlags", [*_set_flags(o), *_exit_node_flags(o, host), *o.extra_set_flags]
    if daemon := [*([] if o.upload_logs else ["--no-logs-no-support"]), *o.extra_daemon_flags]:
        yield "services.tailscale.extraDaemonFlags", daemon
    yield from _set_service(o)
    if o.magic_dns and o.resolved:
        yield "services.resolved.enable", True
    if tunes_udp(o):
        yield from _udp_tuning(o)


def resources(o: Options, host: Host) -> Resources:
    yield State("/var/lib/tailscale", mode="0700")
    if o.open_firewall:
        yield Port(o.port, "Tailscale, directly between machines", "udp", "public", at="port")
    if o.auth_key:
        yield SecretUse(o.auth_key, "joining the tailnet", service="tailscaled-autoconnect", at="authKey")


def findings(o: Options, host: Host) -> Findings:
    yield from _key_findings(o) if o.auth_key is not None else _no_key_findings(o)
    yield from _exit_node_findings(o, host)
    if o.operator is not None and o.operator not in {person.name for person in host.people}:
        yield Finding(
            "operator-without-account",
            f"{o.operator} is to operate Tailscale, but has no account on {host.name}",
            severity="warning",
            at="operator",
            help=f'add "{o.operator}" to the host\'s `people`',
        )


def routing_features(o: Options) -> str:
    """What the machine routes, in the words of NixOS: `none`, `client`, `server` or `both`."""
    serves = bool(o.exit_node.offer or o.subnets.advertise)
    uses = bool(o.exit_node.use or o.subnets.accept)
    return {(False, False): "none", (False, True): "client", (True, False): "server"}.get((serves, uses), "both")


def tunes_udp(o: Options) -> bool:
    """Whether UDP offloading is switched on."""
    if o.udp_tuning.enable is not None:
        return o.udp_tuning.enable
    return bool(o.exit_node.offer or o.subnets.advertise)


# Joining, and what holds from then on -------------------------------------------------------------------------


def _joining(o: Options) -> Settings:
    """`tailscale up`, which NixOS runs with the key as long as the machine is not logged in."""
    if not o.auth_key:
        return
    yield "services.tailscale.authKeyFile", secret(o.auth_key)
    if o.ephemeral is not None:
        yield "services.tailscale.authKeyParameters.ephemeral", o.ephemeral
    if o.preauthorized is not None:
        yield "services.tailscale.authKeyParameters.preauthorized", o.preauthorized
    if o.api_url is not None:
        yield "services.tailscale.authKeyParameters.baseURL", o.api_url
    # `up` refuses to run when it would drop a flag that `set` has set, unless it is told to start afresh.
    flags = ["--reset"]
    if o.login_server:
        flags.append(f"--login-server={o.login_server}")
    if o.tags:
        flags.append(f"--advertise-tags={','.join(_tag(tag) for tag in dict.fromkeys(o.tags))}")
    # A machine should be what it is to be from its first moment in the tailnet on; but an exit node is known by its
    # name only once the machine is in.
    usual = _set_flags(Options())
    flags += [flag for flag in _set_flags(o) if flag not in usual]
    yield "services.tailscale.extraUpFlags", [*flags, *o.extra_up_flags]


def _set_flags(o: Options) -> list[str]:
    """Flags of `tailscale set`; also those that are off, so that what is taken out of the file stops."""
    flags = [
        _switch("--accept-dns", o.magic_dns),
        _switch("--accept-routes", o.subnets.accept),
        _switch("--advertise-exit-node", o.exit_node.offer),
        f"--advertise-routes={','.join(dict.fromkeys(o.subnets.advertise))}",
        _switch("--ssh", o.ssh),
        _switch("--shields-up", o.shields_up),
    ]
    if not o.subnets.snat:
        flags.append("--snat-subnet-routes=false")
    if o.hostname:
        flags.append(f"--hostname={o.hostname}")
    if o.operator:
        flags.append(f"--operator={o.operator}")
    return flags


def _exit_node_flags(o: Options, host: Host) -> list[str]:
    """Which exit node to use, when the file names one: it is otherwise for the person at the machine to say."""
    if o.exit_node.use is None:
        return []
    known = host.fleet.hosts.get(o.exit_node.use)
    name = _tailnet_name(known) if known else o.exit_node.use
    return [f"--exit-node={name}", _switch("--exit-node-allow-lan-access", o.exit_node.allow_lan_access)]


def _switch(flag: str, on: bool) -> str:
    return flag if on else f"{flag}=false"


def _tag(name: str) -> str:
    return name if name.startswith("tag:") else f"tag:{name}"


def _set_service(o: Options) -> Settings:
    """Run `tailscale set` after joining, which resets what it finds; and again until an exit node is known by name."""
    if o.auth_key:
        yield "systemd.services.tailscaled-set.after", ["tailscaled-autoconnect.service"]
    if o.exit_node.use:
        yield "systemd.services.tailscaled-set.serviceConfig", {"Restart": "on-failure", "RestartSec": 15}


# UDP tuning ---------------------------------------------------------------------------------------------------


def _udp_tuning(o: Options) -> Settings:
    tune = script(__file__, "_tailscale/scripts/udp-gro.sh")
    interface = f" {o.udp_tuning.interface}" if o.udp_tuning.interface else ""
    unit = "systemd.services.tailscale-udp-gro"
    yield f"{unit}.description", "UDP offloading for traffic that Tailscale passes on"
    yield f"{unit}.wantedBy", ["multi-user.target"]
    yield f"{unit}.wants", ["network-online.target"]
    yield f"{unit}.after", ["network-online.target"]
    yield f"{unit}.path", [pkg("ethtool"), pkg("iproute2")]
    yield (
        f"{unit}.serviceConfig",
        {"Type": "oneshot", "RemainAfterExit": True, "ExecStart": f"{pkg('bash')}/bin/bash {tune}{interface}"},
    )


# Findings -----------------------------------------------------------------------------------------------------


def _key_findings(o: Options) -> Findings:
    asked = [name for name in ("ephemeral", "preauthorized") if getattr(o, name) is not None]
    if asked and not o.tags:
        yield Finding(
            "oauth-key-without-tags",
            f"an OAuth client's secret, which alone takes `{asked[0]}`, admits tagged machines only",
            at=asked[0],
            help="add one of the tags that the OAuth client may give to `tags`",
        )


def _no_key_findings(o: Options) -> Findings:
    """What is said of joining where nothing joins."""
    for option, code, given in (
        ("tags", "tags-without-auth-key", bool(o.tags)),
        ("loginServer", "login-server-without-auth-key", o.login_server is not None),
        ("ephemeral", "key-option-without-auth-key", o.ephemeral is not None),
        ("preauthorized", "key-option-without-auth-key", o.preauthorized is not None),
        ("apiUrl", "key-option-without-auth-key", o.api_url is not None),
    ):
        if given:
            yield Finding(
                code,
                f"`{option}` is used when the machine joins by itself, but it has no `authKey` to join with",
                severity="warning",
                at=option,
                help="set `authKey` to the name of a secret, or take this out and say it to `tailscale up`",
            )


def _exit_node_findings(o: Options, host: Host) -> Findings:
    use = o.exit_node.use
    if use is None:
        if o.exit_node.allow_lan_access:
            yield Finding(
                "lan-access-without-exit-node",
                "the local network is reached directly in any case: this machine uses no exit node",
                severity="warning",
                at="exitNode.allowLanAccess",
                help="set `exitNode.use`, or take this out",
            )
        return
    if o.exit_node.offer:
        yield Finding(
            "exit-node-offered-and-used",
            "a machine cannot offer an exit node and use one at the same time",
            at="exitNode.use",
            help="take out `exitNode.use` or `exitNode.offer`",
        )
    known = host.fleet.hosts.get(use)
    if known is not None and not _offers(known):
        yield Finding(
            "exit-node-not-offered",
            f"{use} is to be the exit node, but does not offer one",
            at="exitNode.use",
            help=f"set `pantherOS.networking.tailscale.exitNode.offer = true` on {use}",
        )
    elif known is None and _plain_name(use):
        yield Finding(
            "exit-node-unknown",
            f"no host of the fleet is called {use}, so nobody can tell whether it offers an exit node",
            severity="warning",
            at="exitNode.use",
            help="name a host of the fleet; a machine outside it by its full name or its address",
        )


def _plain_name(use: str) -> bool:
    """Whether an exit node is named the way that hosts of the fleet are, and not by address, domain or `auto:`."""
    return not any(character in use for character in ".:")


def _offers(host: Host) -> bool:
    options = host[Options]
    return options.enable and options.exit_node.offer


def _tailnet_name(host: Host) -> str:
    return host[Options].hostname or host.name
