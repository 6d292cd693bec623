"""Networks: addresses and names of containers."""

from __future__ import annotations

import hashlib
import ipaddress
import json
from typing import Annotated

from pydantic import Field

from pantheros.module import Finding, Findings, Group, Host, Settings, Value, key

_PODMAN_SUBNET = "10.88.0.0/16"


class Networking(Group):
    dns: list[str] = []
    """Addresses of the name servers that containers ask; the host's when empty."""
    ipv6: bool = False
    """Give the system's containers IPv6 addresses too, private ones that leave by the host's. Containers of people
    have IPv6 whenever the host has."""
    subnet: str | None = None
    """Addresses of the default network (`10.90.0.0/16`), when Podman's 10.88.0.0/16 is in use around the host."""
    default_network: Annotated[str, Field(pattern=r"^[A-Za-z0-9][\w.-]*$")] = "podman"
    """Name of the network that containers join when they name none. On that of the system they know each other by
    name."""


def settings(o: Networking, host: Host) -> Settings:
    conf = "virtualisation.containers.containersConf.settings"
    if o.dns:
        yield f"{conf}.containers.dns_servers", list[Value](o.dns)
    if o.subnet:
        yield f"{conf}.network.default_subnet", o.subnet
    network: dict[str, Value] = {"dns_enabled": True}
    if o.ipv6:
        network["ipv6_enabled"] = True
    if (o.subnet or o.ipv6) and _is_subnet(o.subnet or _PODMAN_SUBNET):
        subnets = [o.subnet or _PODMAN_SUBNET, *([_private_ipv6(host)] if o.ipv6 else [])]
        network["subnets"] = [{"subnet": subnet, "gateway": str(ipaddress.ip_network(subnet)[1])} for subnet in subnets]
    if o.default_network == "podman":
        yield "virtualisation.podman.defaultNetwork.settings", network
        return
    yield f"{conf}.network.default_network", o.default_network
    definition = {
        "name": o.default_network,
        "id": hashlib.sha256(o.default_network.encode()).hexdigest(),
        "driver": "bridge",
        "network_interface": "podman0",
        "ipv6_enabled": False,
        "internal": False,
        "ipam_options": {"driver": "host-local"},
        "subnets": [{"subnet": _PODMAN_SUBNET, "gateway": "10.88.0.1"}],
        **network,
    }
    etc = f"environment.etc.{key(f'containers/networks/{o.default_network}.json')}"
    yield f"{etc}.text", json.dumps(definition, indent=2) + "\n"
    # As NixOS does for the network named podman: containers ask the host for each other's names.
    yield "networking.firewall.interfaces.podman0.allowedUDPPorts", [53]


def _private_ipv6(host: Host) -> str:
    """A network of the host's own within fd00::/8 (RFC 4193), the same each time."""
    digest = hashlib.sha256(f"{host.fleet.name}/{host.name}/containers".encode()).hexdigest()
    return f"{ipaddress.ip_address(int('fd' + digest[:12] + '0' * 18, 16))}/64"


def findings(o: Networking) -> Findings:
    if o.subnet and not _is_subnet(o.subnet):
        yield Finding(
            "subnet-not-a-network",
            f'"{o.subnet}" is not an IPv4 network',
            at="networking.subnet",
            help='write the first address and the length of the prefix, such as "10.90.0.0/16"',
        )
    for address in o.dns:
        if not _is_address(address):
            yield Finding(
                "dns-not-an-address",
                f'"{address}" is not an IP address',
                at="networking.dns",
                help="name servers are given by address: there is nobody yet to ask for their names",
            )


def _is_subnet(text: str) -> bool:
    try:
        return ipaddress.IPv4Network(text).prefixlen <= 30 and "/" in text
    except ValueError:
        return False


def _is_address(text: str) -> bool:
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
