"""Power, sound and the network."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from pantheros.checks.refusals.desktops import GNOME, PLASMA
from pantheros.checks.refusals.rule import Refused, Rule, Said, given, has, off, on, unset
from pantheros.checks.settings import Wrong
from pantheros.checks.view import Names, winning
from pantheros.nix.values import key

PULSEAUDIO = ("hardware.pulseaudio.enable", "services.pulseaudio.enable")
_MADE_IN_ETC: dict[str, tuple[str, Names]] = {
    "hosts": ("`networking.hosts`", ()),
    "nix/nix.conf": ("`nix.settings`", ("nix", "enable")),
    "resolv.conf": ("systemd-resolved", ("services", "resolved", "enable")),
    "ssh/sshd_config": ("`services.openssh`", ("services", "openssh", "enable")),
}
"""Files of /etc, what makes them, and the option that this depends on."""
PIPEWIRE_AUDIO = tuple(f"services.pipewire.{name}.enable" for name in ("alsa", "pulse", "jack", "audio"))


RULES: tuple[Rule, ...] = (
    Rule(
        "services/hardware/power-profiles-daemon.nix",
        Wrong("two-power-daemons", "TLP and power-profiles-daemon cannot both manage power", "switch one of them off"),
        (on("services.tlp.enable"), on("services.power-profiles-daemon.enable")),
    ),
    Rule(
        "services/hardware/power-profiles-daemon.nix",
        Wrong(
            "two-power-daemons",
            "auto-cpufreq and power-profiles-daemon cannot both manage power",
            "switch one of them off",
        ),
        (on("services.auto-cpufreq.enable"), on("services.power-profiles-daemon.enable")),
    ),
    Rule(
        "services/desktop-managers/plasma6.nix, services/x11/desktop-managers/{gnome,plasma5}.nix",
        Wrong(
            "two-power-daemons",
            "the desktop switches power-profiles-daemon on, which cannot manage power beside another daemon",
            "set `services.power-profiles-daemon.enable = false`",
        ),
        (
            on("services.tlp.enable", "services.auto-cpufreq.enable"),
            on(*GNOME, *PLASMA),
            unset("services.power-profiles-daemon.enable", "services.gnome.core-os-services.enable"),
        ),
        last="25.05",
    ),
    Rule(
        "services/hardware/tlp.nix",
        Wrong(
            "disk-power-twice",
            "TLP manages the power of disks, so `powerManagement.scsiLinkPolicy` cannot",
            "set `SATA_LINKPWR_ON_AC` and `SATA_LINKPWR_ON_BAT` in `services.tlp.settings`",
        ),
        (given("powerManagement.scsiLinkPolicy"), on("services.tlp.enable")),
    ),
    Rule(
        "services/system/nscd.nix",
        Wrong(
            "name-service-modules-without-nscd",
            "the modules that look up names and users are loaded by nscd, which is switched off",
            "leave nscd on, or set `system.nssModules = []` with `force`",
        ),
        (has(lambda value: value is False, "services.nscd.enable"), unset("system.nssModules")),
    ),
    Rule(
        "config/networking.nix",
        Wrong(
            "localhost-elsewhere",
            "`networking.hosts` says that localhost is {name}",
            "leave the name out: NixOS gives it to 127.0.0.1 and ::1",
        ),
        (has(lambda value: isinstance(value, list) and "localhost" in value, "networking.hosts.*"),),
        unless=lambda said, name: name in ("127.0.0.1", "::1"),
    ),
    Rule(
        "system/boot/systemd.nix",
        Wrong(
            "old-network-target",
            "the service {name} waits for network-interfaces.target, which no longer exists",
            "name network.target in its place",
        ),
        (
            has(
                lambda value: isinstance(value, list) and "network-interfaces.target" in value,
                *(f"systemd.services.*.{name}" for name in ("after", "wants")),
            ),
        ),
    ),
    Rule(
        "services/networking/networkmanager.nix",
        Wrong(
            "networkmanager-and-wireless",
            "NetworkManager and `networking.wireless` would both run the Wi-Fi",
            "set `networking.wireless.enable = false`, or leave NetworkManager some interfaces with"
            " `networking.networkmanager.unmanaged`",
        ),
        (
            on("networking.wireless.enable"),
            on("networking.networkmanager.enable"),
            off("networking.networkmanager.unmanaged"),
        ),
        last="25.11",
    ),
    Rule(
        "services/x11/desktop-managers/gnome.nix, services/networking/networkmanager.nix",
        Wrong(
            "networkmanager-and-wireless",
            "GNOME switches NetworkManager on, which runs the Wi-Fi, and so would `networking.wireless`",
            "set `networking.wireless.enable = false`, or `networking.networkmanager.enable = false`",
        ),
        (
            on("networking.wireless.enable"),
            on(*GNOME),
            unset("networking.networkmanager", "services.gnome.core-os-services.enable"),
        ),
        last="25.05",
    ),
    Rule(
        "services/networking/iwd.nix",
        Wrong("two-wireless-daemons", "wpa_supplicant and iwd cannot both run the Wi-Fi", "switch one of them off"),
        (on("networking.wireless.iwd.enable"), on("networking.wireless.enable")),
        last="25.11",
    ),
    Rule(
        "services/desktops/pipewire/pipewire.nix",
        Wrong("two-sound-servers", "PulseAudio and PipeWire cannot both be the sound server", "switch PulseAudio off"),
        (
            on(*PULSEAUDIO),
            on("services.pipewire.enable"),
            on(*PIPEWIRE_AUDIO),
            has(lambda value: value is not False, "services.pipewire.audio.enable"),
        ),
    ),
    Rule(
        "services/misc/graphical-desktop.nix, services/desktops/pipewire/pipewire.nix",
        Wrong(
            "two-sound-servers",
            "a graphical desktop has PipeWire as its sound server, so PulseAudio cannot be it",
            "switch PulseAudio off, or set `services.pipewire.audio.enable = false`",
        ),
        (on(*PULSEAUDIO), on("services.xserver.enable"), unset("services.pipewire", "services.graphical-desktop")),
    ),
    Rule(
        "system/boot/resolved.nix",
        Wrong(
            "resolved-and-host-resolv-conf",
            "systemd-resolved cannot use the resolv.conf of the machine around a container",
            "set `networking.useHostResolvConf = false`",
        ),
        (on("networking.useHostResolvConf"), on("services.resolved.enable")),
    ),
    Rule(
        "services/networking/firewall-nftables.nix",
        Wrong(
            "iptables-commands-with-nftables",
            "commands for iptables do not fit the firewall made with nftables",
            "write them as rules of nftables, in `networking.firewall.extraInputRules` or `networking.nftables.tables`,"
            " or set `networking.nftables.enable = false`",
        ),
        (
            given("networking.firewall.extraCommands", "networking.firewall.extraStopCommands"),
            on("networking.nftables.enable"),
            on("networking.firewall.enable"),
            unset("networking.firewall.backend"),
        ),
    ),
    Rule(
        "services/networking/firewall-nftables.nix",
        Wrong(
            "ping-limit-of-iptables",
            "the limit on pings is written for iptables, and the firewall is made with nftables",
            'write it such as "2/second"',
        ),
        (
            has(lambda value: isinstance(value, str) and value.startswith("--"), "networking.firewall.pingLimit"),
            on("networking.nftables.enable"),
            on("networking.firewall.enable"),
            unset("networking.firewall.backend"),
        ),
    ),
    Rule(
        "services/networking/firewall.nix",
        Wrong(
            "connection-helpers-gone",
            "Linux since 6.0 loads no helpers for the tracking of connections by itself",
            "leave out `networking.firewall.autoLoadConntrackHelpers`",
        ),
        (
            on("networking.firewall.autoLoadConntrackHelpers"),
            on("networking.firewall.enable"),
            unset("boot.kernelPackages"),
        ),
        last="24.11",
    ),
    Rule(
        "services/networking/nat.nix",
        Wrong(
            "nat-of-ipv6-without-ipv6",
            "addresses of IPv6 are to be translated, but IPv6 is off",
            "leave out `networking.nat.enableIPv6`, or `networking.enableIPv6 = false`",
        ),
        (
            has(lambda value: value is False, "networking.enableIPv6"),
            on("networking.nat.enableIPv6"),
            on("networking.nat.enable"),
        ),
    ),
    Rule(
        "tasks/network-interfaces-systemd.nix",
        Wrong(
            "spanning-tree-with-networkd",
            "systemd-networkd cannot set up the rapid spanning tree of the bridge {name}",
            "leave out `rstp`, or `networking.useNetworkd`",
        ),
        (on("networking.bridges.*.rstp"), on("networking.useNetworkd")),
    ),
    Rule(
        "services/networking/nat-nftables.nix",
        Wrong(
            "iptables-commands-with-nftables",
            "commands for iptables do not fit address translation made with nftables",
            "write them as rules of nftables, in `networking.nftables.tables`, or set"
            " `networking.nftables.enable = false`",
        ),
        (
            given("networking.nat.extraCommands", "networking.nat.extraStopCommands"),
            on("networking.nftables.enable"),
            on("networking.nat.enable"),
        ),
    ),
    Rule(
        "services/networking/firewall-nftables.nix",
        Wrong(
            "ruleset-file-and-firewall",
            "a ruleset file of your own and NixOS's firewall would overwrite each other",
            "set `networking.firewall.enable = false`, or move the rules to `networking.nftables.tables`",
        ),
        (
            given("networking.nftables.rulesetFile"),
            on("networking.nftables.enable"),
            on("networking.firewall.enable"),
            unset("networking.firewall.backend"),
        ),
    ),
    Rule(
        "services/networking/firewall.nix",
        Wrong(
            "forward-filter-without-nftables",
            "the firewall filters what it forwards only with nftables",
            "set `networking.nftables.enable = true`",
        ),
        (
            on("networking.firewall.filterForward"),
            on("networking.firewall.enable"),
            off("networking.nftables.enable"),
            unset("networking.firewall.backend"),
        ),
    ),
    Rule(
        "services/networking/nat.nix",
        Wrong(
            "nat-without-external-interface",
            "ports can be forwarded only from an interface that is named",
            "set `networking.nat.externalInterface`",
        ),
        (
            given("networking.nat.forwardPorts", "networking.nat.dmzHost"),
            on("networking.nat.enable"),
            off("networking.nat.externalInterface"),
        ),
    ),
    *(
        Rule(
            "tasks/network-interfaces-systemd.nix",
            Wrong(
                "gateway-without-interface",
                f"systemd-networkd needs to know by which interface `networking.{gateway}` is reached",
                f'write `{gateway} = {{ address = "...", interface = "..." }}`',
            ),
            (condition, on("networking.useNetworkd"), *more),
        )
        for gateway in ("defaultGateway", "defaultGateway6")
        for condition, *more in (
            [has(lambda value: isinstance(value, str), f"networking.{gateway}")],
            [given(f"networking.{gateway}.address"), off(f"networking.{gateway}.interface")],
        )
    ),
    Rule(
        "tasks/network-interfaces.nix",
        Wrong(
            "host-id-not-hexadecimal",
            "`networking.hostId` is not eight hexadecimal digits",
            "take what `head -c 8 /etc/machine-id` prints",
        ),
        (has(lambda v: isinstance(v, str) and not re.fullmatch("[0-9a-fA-F]{8}", v), "networking.hostId"),),
    ),
)


def interfaces(said: Said) -> Iterator[Refused]:
    """`tasks/network-interfaces.nix`: Linux takes no name of an interface that is longer than 15 characters."""
    for name in said.names(("networking", "interfaces")):
        if len(name) > 15:
            message = f"the name of the interface {name} has {len(name)} characters, more than 15"
            path = ("networking", "interfaces", name)
            made_by = tuple(found for found in said.view.below(*path)) or (path,)
            yield Refused(Wrong("interface-name-too-long", message, "give it a shorter name"), made_by[:1])


def addresses_of_bridged(said: Said) -> Iterator[Refused]:
    """`tasks/network-interfaces.nix`: what is part of a bridge or a bond has no address of its own."""
    for kind in ("bridges", "bonds"):
        for name in said.names(("networking", kind)):
            parts = said.value(("networking", kind, name, "interfaces"))
            for part in parts if isinstance(parts, list) else ():
                for version in ("ipv4", "ipv6"):
                    path = ("networking", "interfaces", str(part), version, "addresses")
                    if isinstance(found := said.value(path), list) and found:
                        message = f"the interface {part} has an address, but is part of {name}"
                        help = f"give the address to {name}, in `networking.interfaces.{key(name)}`"
                        made_by = (path, ("networking", kind, name, "interfaces"))
                        yield Refused(Wrong("address-of-bridged", message, help), made_by)


def files_of_services(said: Said) -> Iterator[Refused]:
    """`services/networking/ssh/sshd.nix`, `system/boot/resolved.nix`, `config/nix.nix`, `config/networking.nix`: what
    makes a file of /etc makes the whole of it."""
    for name, (maker, option) in _MADE_IN_ETC.items():
        path = ("environment", "etc", name)
        if said.value((*path, "enable")) not in (None, True) or (option and said.value(option) is not True):
            continue
        for way in ((*path, "text"), (*path, "source")):
            setting = said.settings.get(way)
            if setting and setting.value is not None and winning(setting).priority == 100:
                message = f"/etc/{name} is given here, and {maker} makes it, too"
                help = "leave it out for the options that it is made of, or say with `force` that yours is to win"
                yield Refused(Wrong("file-of-a-service", message, help), (way, *([option] if option else [])))


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (interfaces, addresses_of_bridged, files_of_services)
