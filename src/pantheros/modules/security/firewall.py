"""Nothing gets in that was not asked for: default deny, and the ports of what runs here opened from where they belong.

Modules say which ports they listen on and from where they are to be reached; public ones are opened on every
interface, those for the tailnet on its interface alone. Further ports can be opened by number, for one interface or
all.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pantheros.module import Finding, Findings, Group, Host, ModuleOptions, Port, Settings, force, key
from pantheros.modules.networking import tailscale


def _in_range(port: int | str) -> int | str:
    if isinstance(port, int):
        if not 0 < port < 65536:
            raise ValueError(f"{port} is no port: they go from 1 to 65535")
        return port
    match = re.fullmatch(r"(\d{1,5})-(\d{1,5})", port)
    if not match:
        raise ValueError(f'"{port}" is no range of ports: write a port as a number, a range as "8000-8010"')
    if not 0 < int(match[1]) < int(match[2]) < 65536:
        raise ValueError(f'"{port}" is no range of ports: it goes from a lower to a higher one, from 1 to 65535')
    return port


Ports = list[
    Annotated[int | str, AfterValidator(_in_range), Field(description='a port (443) or a range ("8000-8010")')]
]
"""Ports (`443`) and ranges of them (`"60000-61000"`)."""
Interface = Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:*+-]{1,15}$")]
"""A network interface, by the kernel's name for it (15 characters at most)."""
Rate = Annotated[str, Field(pattern=r"^[1-9]\d*/(second|minute|hour|day)$")]


class OpenPorts(Group):
    """Ports to open."""

    tcp: Ports = []
    """TCP ports, and ranges such as `"8000-8010"`."""
    udp: Ports = []
    """UDP ports, and ranges such as `"60000-61000"`."""


class Ping(Group):
    """Answers to ICMP echo requests over IPv4 (over IPv6 they are always given)."""

    allow: bool = True
    """Answer at all."""
    rate: Rate | None = None
    """How many to answer, such as `5/second`; left out, all."""
    burst: Annotated[int, Field(ge=1, le=10000)] = 5
    """How many more than `rate` allows to answer at once."""


class Logging(Group):
    """What the kernel's log (`journalctl -k`) tells of refused traffic."""

    refused_connections: bool = False
    """Refused TCP connections. Off by default, as in NixOS from 26.05 on: on a public address scanners fill the log
    with them."""
    refused_packets: bool = False
    """Every refused packet: for a search, not for long."""
    unicast_only: bool = True
    """Of refused packets, only those meant for this machine, and no broadcasts."""
    reverse_path_drops: bool = False
    """Packets that reverse path filtering dropped."""


class Options(ModuleOptions):
    enable: bool = True
    """Whether pantherOS sees to the firewall. Without it NixOS's own firewall stays as it is, and modules open the
    ports of their services themselves."""
    public: OpenPorts = OpenPorts()
    """Opened to any network that the machine is on."""
    tailnet: OpenPorts = OpenPorts()
    """Opened to the tailnet alone."""
    interfaces: dict[Interface, OpenPorts] = {}
    """Opened on one interface alone, by its name (`eth1`, `wg0`)."""
    trusted_interfaces: list[Interface] = []
    """Interfaces from which everything may come in, such as a bridge of virtual machines."""
    trust_tailnet: bool = False
    """Let everything in that comes from the tailnet; its own policy then is what decides."""
    backend: Literal["iptables", "nftables"] = "iptables"
    """What the rules are made with. `nftables` is the newer and changes rules in one step; Docker still writes its
    own with iptables, which it does beside them, so ports that it publishes are open under either."""
    ping: Ping = Ping()
    """Answers to ICMP echo requests."""
    logging: Logging = Logging()
    """What the kernel's log tells of refused traffic."""
    reject: bool = False
    """Answer what is refused, instead of leaving the caller to wait. Kinder on a trusted network; makes scanning
    quicker on a public one."""
    reverse_path: Literal["auto", "strict", "loose", "off"] = "auto"
    """Drop packets whose sender would not be answered through the interface that they came by (`strict`), or through
    any (`loose`). `auto` is loose on a machine that takes part in Tailscale's exit nodes or subnet routes, whose
    traffic is asymmetric, and strict elsewhere."""


def nixos(o: Options, host: Host) -> Settings:
    yield "networking.firewall.enable", True
    if o.backend == "nftables":
        yield from _nftables(host)
    public, by_interface = _opened(o, host)
    yield from _ports("networking.firewall", public)
    for name in sorted(by_interface):
        yield from _ports(f"networking.firewall.interfaces.{key(name)}", by_interface[name])
    if trusted := _trusted(o, host):
        yield "networking.firewall.trustedInterfaces", trusted
    yield from _ping(o)
    yield "networking.firewall.logRefusedConnections", o.logging.refused_connections
    yield "networking.firewall.logRefusedPackets", o.logging.refused_packets
    yield "networking.firewall.logRefusedUnicastsOnly", o.logging.unicast_only
    yield "networking.firewall.logReversePathDrops", o.logging.reverse_path_drops
    yield "networking.firewall.rejectPackets", o.reject
    yield from _reverse_path(o, host)


def findings(o: Options, host: Host) -> Findings:
    on_tailnet = host[tailscale.Options].enable
    if not on_tailnet:
        yield from _without_tailnet(o, host)
    if o.ping.rate and not o.ping.allow:
        yield Finding(
            "ping-rate-without-ping",
            "pings are not answered at all, so their rate means nothing",
            severity="warning",
            at="ping.rate",
            help="take out `ping.rate`, or set `ping.allow = true`",
        )
    routes = on_tailnet and tailscale.routing_features(host[tailscale.Options])
    if o.reverse_path == "strict" and routes in ("client", "both"):
        yield Finding(
            "reverse-path-too-strict",
            "strict reverse path filtering drops what comes back through exit nodes and subnet routes of the tailnet",
            severity="warning",
            at="reversePath",
            help='leave `reversePath` at "auto", or set it to "loose"',
        )


def _without_tailnet(o: Options, host: Host) -> Findings:
    """What is for the tailnet alone, on a machine that is not in it."""
    shut = [port for port in host.resources(Port) if port.exposure == "tailnet"]
    if shut:
        listed = ", ".join(f"{_shown(port)} ({port.purpose})" for port in shut)
        yield Finding(
            "tailnet-port-without-tailnet",
            f"only the tailnet is to reach {listed}, but {host.name} is not in it: nobody reaches that from outside",
            severity="warning",
            help="enable `pantherOS.networking.tailscale`, or let the port be public",
        )
    for option, given in (("tailnet", bool(o.tailnet.tcp or o.tailnet.udp)), ("trustTailnet", o.trust_tailnet)):
        if given:
            yield Finding(
                "tailnet-rule-without-tailnet",
                f"`{option}` lets the tailnet in, but {host.name} is not in it",
                at=option,
                help="enable `pantherOS.networking.tailscale`, or take this out",
            )


def _shown(port: Port) -> str:
    return f"{port.number}{f'-{port.last}' if port.last else ''}/{port.protocol}"


# Which ports, and from where ----------------------------------------------------------------------------------

Span = tuple[int, int]
"""The first and the last port of a range; the same twice for one port."""
Protocols = dict[Literal["tcp", "udp"], list[Span]]


def _opened(o: Options, host: Host) -> tuple[Protocols, dict[str, Protocols]]:
    """Ports open to everybody, and by interface those that only it has open."""
    used = host.resources(Port)
    public = _merged_protocols(o.public, (port for port in used if port.exposure == "public"))
    wanted: dict[str, list[tuple[OpenPorts, list[Port]]]] = {}
    for name, ports in o.interfaces.items():
        wanted.setdefault(name, []).append((ports, []))
    joined = host[tailscale.Options]
    if joined.enable and not o.trust_tailnet:
        tailnet = [port for port in used if port.exposure == "tailnet"]
        wanted.setdefault(joined.interface, []).append((o.tailnet, tailnet))
    by_interface: dict[str, Protocols] = {}
    for name, sources in wanted.items():
        if name in o.trusted_interfaces:
            continue
        ports = OpenPorts(
            tcp=[port for source, _ in sources for port in source.tcp],
            udp=[port for source, _ in sources for port in source.udp],
        )
        merged = _merged_protocols(ports, (port for _, more in sources for port in more))
        by_interface[name] = {
            protocol: [span for span in spans if not any(_covers(wide, span) for wide in public[protocol])]
            for protocol, spans in merged.items()
        }
    return public, by_interface


def _merged_protocols(ports: OpenPorts, used: Iterable[Port]) -> Protocols:
    spans: Protocols = {"tcp": [_span(port) for port in ports.tcp], "udp": [_span(port) for port in ports.udp]}
    for port in used:
        spans[port.protocol].append((port.number, port.last or port.number))
    return {protocol: list(_merged(found)) for protocol, found in spans.items()}


def _merged(spans: Iterable[Span]) -> Iterator[Span]:
    """The same ports in order, each once: what overlaps becomes one range."""
    current: Span | None = None
    for first, last in sorted(spans):
        if current is None:
            current = (first, last)
        elif first <= current[1]:
            current = (current[0], max(current[1], last))
        else:
            yield current
            current = (first, last)
    if current is not None:
        yield current


def _covers(wide: Span, span: Span) -> bool:
    return wide[0] <= span[0] and span[1] <= wide[1]


def _span(port: int | str) -> Span:
    return (port, port) if isinstance(port, int) else _bounds(port)


def _bounds(text: str) -> Span:
    first, _, last = text.partition("-")
    return int(first), int(last)


# NixOS's settings ---------------------------------------------------------------------------------------------


def _ports(where: str, protocols: Protocols) -> Settings:
    for protocol, spans in protocols.items():
        single = [first for first, last in spans if first == last]
        ranges = [{"from": first, "to": last} for first, last in spans if first != last]
        if single:
            yield f"{where}.allowed{protocol.upper()}Ports", [*single]
        if ranges:
            yield f"{where}.allowed{protocol.upper()}PortRanges", [*ranges]


def _trusted(o: Options, host: Host) -> list[str]:
    joined = host[tailscale.Options]
    tailnet = [joined.interface] if o.trust_tailnet and joined.enable else []
    return sorted({*o.trusted_interfaces, *tailnet})


def _nftables(host: Host) -> Settings:
    yield "networking.nftables.enable", True
    if host[tailscale.Options].enable:
        # Otherwise Tailscale writes its rules with iptables, into tables beside those of nftables.
        yield "systemd.services.tailscaled.environment.TS_DEBUG_FIREWALL_MODE", "nftables"


def _ping(o: Options) -> Settings:
    yield "networking.firewall.allowPing", o.ping.allow
    if o.ping.rate and o.ping.allow:
        limit = (
            f"{o.ping.rate} burst {o.ping.burst} packets"
            if o.backend == "nftables"
            else f"--limit {o.ping.rate} --limit-burst {o.ping.burst}"
        )
        yield "networking.firewall.pingLimit", limit


def _reverse_path(o: Options, host: Host) -> Settings:
    joined = host[tailscale.Options]
    routes = tailscale.routing_features(joined) if joined.enable else "none"
    option = "networking.firewall.checkReversePath"
    if o.reverse_path == "auto":
        if routes != "none":
            yield option, "loose"
        return
    value: bool | str = False if o.reverse_path == "off" else o.reverse_path
    # NixOS's Tailscale module asks for loose filtering itself where it uses what others route.
    decided = routes in ("client", "both") and value != "loose"
    yield option, force(value) if decided else value
