"""The network: what is open to it, and who gets in."""

from __future__ import annotations

from collections.abc import Iterator

from pantheros.checks.view import HostView, Names, Place, winning
from pantheros.findings import Finding, Origin
from pantheros.module import Port
from pantheros.nix.values import join_path, split_path
from pantheros.releases.index import UNKNOWN
from pantheros.synth.expand import origin_of


def findings(view: HostView) -> Iterator[Finding]:
    """What of a host's network is more open than it should be, or cannot work."""
    yield from _ssh(view)
    yield from _firewall(view)
    yield from _opened(view)
    yield from _ports(view)
    yield from _unreachable(view)


def _holds(view: HostView, name: str) -> object:
    """What an option of the system comes to; NixOS's own default where nobody says."""
    path = split_path(name)
    default = view.index.default("nixos", path)
    return view.value(path, None if default is UNKNOWN else default)


def _at(view: HostView, name: str, otherwise: str) -> Iterator[tuple[Names, bool]]:
    """The setting to point at: the one itself, or the one that switches on what it is part of."""
    for each in (name, otherwise):
        path = split_path(each)
        if path in view.system:
            yield path, each == name
            return


def _ssh(view: HostView) -> Iterator[Finding]:
    if _holds(view, "services.openssh.enable") is not True:
        return
    for name, bad, what, help in (
        (
            "services.openssh.settings.PasswordAuthentication",
            (True, None),
            "SSH takes passwords",
            "set it to false: keys cannot be guessed",
        ),
        (
            "services.openssh.settings.PermitRootLogin",
            ("yes",),
            "root may log in over SSH",
            'set it to "no", or to "prohibit-password" for tools that deploy as root',
        ),
    ):
        path = split_path(name)
        if _holds(view, name) not in bad:
            continue
        raw = view.may_set(*path)
        if path not in view.system and raw:
            view.not_verified(f"`{name}`", f"the raw module {raw} may set it")
            continue
        for at, said in _at(view, name, "services.openssh.enable"):
            message = what if said else f"{what}: NixOS does unless `{name}` says otherwise"
            place = view.place(None, at, winning(view.system[at]))
            code = "ssh-with-passwords" if "Password" in name else "ssh-as-root"
            yield view.finding(code, message, place, severity="warning", help=help)


def _firewall(view: HostView) -> Iterator[Finding]:
    path = ("networking", "firewall", "enable")
    own_rules = any(view.below("networking", "nftables", name) for name in ("ruleset", "rulesetFile", "tables"))
    if view.value(path) is False and not own_rules:
        place = view.place(None, path, winning(view.system[path]))
        message = "the firewall is off: whatever listens on this host is open to every network it is in"
        help = "take it out, and name what is to be reached in `pantherOS.security.firewall`"
        yield view.finding("firewall-off", message, place, severity="warning", help=help)


def _opened(view: HostView) -> Iterator[Finding]:
    """Raw settings that open ports to every network, on hosts that are in a tailnet."""
    if _holds(view, "services.tailscale.enable") is not True:
        return
    for path, setting in view.system.items():
        public = path[:2] == ("networking", "firewall") and path[2:3] in (
            ("allowedTCPPorts",),
            ("allowedUDPPorts",),
            ("allowedTCPPortRanges",),
            ("allowedUDPPortRanges",),
        )
        if not public and path[-1] != "openFirewall":
            continue
        for definition in setting.definitions:
            if definition.module is not None or not setting.value:
                continue
            name = join_path(path)
            message = f"`{name}` opens this host to every network, not to the tailnet alone"
            help = "name the ports under `pantherOS.security.firewall`: `tailnet`, or `public` where that is meant"
            place = view.place(None, path, definition)
            yield view.finding("open-to-every-network", message, place, severity="info", help=help)


def _ports(view: HostView) -> Iterator[Finding]:
    """Two things that listen on one port."""
    taken: dict[tuple[int, str], Port] = {}
    for port in view.host.resources(Port):
        for number in range(port.number, (port.last or port.number) + 1):
            other = taken.setdefault((number, port.protocol), port)
            # What is local may have an address of its own; and of one module, the module itself judges.
            local = "local" in (other.exposure, port.exposure)
            if other is not port and not local and _module(other) != _module(port):
                message = f"{port.purpose} and {other.purpose} both listen on port {number} ({port.protocol})"
                help = "give one of them another port"
                yield view.finding("port-taken", message, _of_port(view, port), help=help)
                break


def _module(port: Port) -> str:
    return ".".join(port.at.split(".")[:3])


def _of_port(view: HostView, port: Port) -> Place:
    return Place(origin_of(view.model.resolver, view.host, split_path(port.at)), port.at) if port.at else Place(None)


def _unreachable(view: HostView) -> Iterator[Finding]:
    """A server that nobody could reach once it runs."""
    if view.host.kind != "server" or _holds(view, "services.openssh.enable") is True:
        return
    names = ("services.tailscale.extraUpFlags", "services.tailscale.extraSetFlags")
    flags = [flag for name in names for flag in view.value(name) or ()]
    if _holds(view, "services.tailscale.enable") is True and "--ssh" in flags:
        return
    raw = view.may_set("services", "openssh", "enable")
    if raw:
        view.not_verified("whether SSH is on", f"the raw module {raw} may switch it on")
        return
    message = "nobody can reach this server once it runs: SSH is off, and so is Tailscale's"
    help = "enable `pantherOS.security.ssh`, or `pantherOS.networking.tailscale` with `ssh = true`"
    place = Place(Origin(view.host.declared.file, 1, 1, 1, 1))
    yield view.finding("unreachable", message, place, severity="warning", help=help)
