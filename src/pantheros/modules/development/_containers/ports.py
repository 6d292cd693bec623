"""Ports that containers publish, and the guard that keeps some of them to the tailnet."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import Settings, file, pkg

Published = Annotated[
    str,
    Field(
        pattern=r"^((\d{1,3}(\.\d{1,3}){3}|\[[0-9a-fA-F:]+\]):)?\d{1,5}(-\d{1,5})?:\d{1,5}(-\d{1,5})?(/(tcp|udp))?$",
        description='a port to publish, such as "8080:80", "5353:53/udp" or "127.0.0.1:8080:80"',
    ),
]


@dataclass(frozen=True)
class Port:
    """What a published port comes to on the host."""

    address: str
    first: int
    last: int
    protocol: Literal["tcp", "udp"]

    @classmethod
    def of(cls, text: Published) -> Port:
        rest, _, protocol = text.partition("/")
        address, _, host_port = rest.rpartition(":")[0].rpartition(":")
        first, _, last = host_port.partition("-")
        return cls(address, int(first), int(last or first), "udp" if protocol == "udp" else "tcp")

    @property
    def loopback(self) -> bool:
        return self.address.startswith("127.") or self.address == "[::1]"

    @property
    def in_range(self) -> bool:
        return 0 < self.first <= self.last < 65536

    def overlaps(self, other: Port) -> bool:
        addresses = {self.address or "0.0.0.0", other.address or "0.0.0.0"}
        return (
            self.protocol == other.protocol
            and self.first <= other.last
            and other.first <= self.last
            and (len(addresses) == 1 or "0.0.0.0" in addresses)
        )


GUARD = "container-ports.service"


def guard(ports: list[Port], tailnet: str) -> Settings:
    """Ports that Podman forwards to containers never come by the firewall's rules on input, so they are looked at
    before they are forwarded."""
    if not ports:
        return
    base = "systemd.services.container-ports"
    nft = f"{pkg('nftables')}/bin/nft"
    yield f"{base}.description", "Keep the ports of containers to the tailnet"
    yield f"{base}.wantedBy", ["multi-user.target"]
    yield f"{base}.before", ["network-pre.target"]
    yield f"{base}.wants", ["network-pre.target"]
    yield (
        f"{base}.serviceConfig",
        {
            "Type": "oneshot",
            "RemainAfterExit": True,
            "ExecStart": f"{nft} --file {file('container-ports.nft', _rules(ports, tailnet))}",
            "ExecStop": f"{nft} delete table inet container-ports",
        },
    )


def _rules(ports: list[Port], tailnet: str) -> str:
    drops = ""
    for protocol in ("tcp", "udp"):
        ranges = sorted({(port.first, port.last) for port in ports if port.protocol == protocol})
        if ranges:
            shown = ", ".join(str(first) if first == last else f"{first}-{last}" for first, last in ranges)
            drops += f"    fib daddr type local {protocol} dport {{ {shown} }} drop\n"
    return f"""\
# Ports of containers that only the tailnet, the host and other containers reach.
table inet container-ports
delete table inet container-ports
table inet container-ports {{
  chain prerouting {{
    type filter hook prerouting priority mangle; policy accept;
    ct state established,related accept
    iifname {{ "lo", "{tailnet}" }} accept
    iifname "podman*" accept
{drops}  }}
}}
"""
