"""What NixOS's own modules refuse: settings that cannot go together, and settings that lack another.

A rule is a row of `RULES`: the module of nixpkgs that refuses (below `nixos/modules`), what to say, and the conditions
that hold together only where it does. A `*` in a path stands for one name, the same in the whole rule. What no row can
say is a function of the same shape, in `FUNCTIONS`. Each was tried with real evaluation of NixOS 24.11; `last` is the
newest release that is known to refuse, where a later one does not or may not.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from itertools import combinations
from typing import Any, NamedTuple

from pantheros.checks.settings import Wrong
from pantheros.checks.view import HostView, Names, Place, winning, written_by_hand
from pantheros.findings import Finding, Related
from pantheros.modules.users import NIXOS_GROUPS
from pantheros.nix.values import Override, Package, Raw, join_path, key
from pantheros.releases.index import UNKNOWN, Unknown
from pantheros.synth.merged import MergedSetting

NOTHING: tuple[Any, ...] = (None, False, "", [], {})
"""What is as good as not set."""


class Said:
    """What is said on a host, and what is said below each path."""

    def __init__(self, view: HostView) -> None:
        self.view = view
        self.below: dict[Names, dict[str, None]] = {}
        for path in view.system:
            for length, name in enumerate(path):
                self.below.setdefault(path[:length], {})[name] = None

    def anything(self, path: Names) -> bool:
        """Whether a setting has this path, or lies above or below it."""
        return path in self.below or any(path[:length] in self.view.system for length in range(1, len(path) + 1))

    def value(self, path: Names) -> Any:
        """What an option is set to, else its default; None where there is none, `UNKNOWN` where only Nix knows."""
        if path in self.view.system:
            value = self.view.value(path)
            return UNKNOWN if isinstance(value, Raw) else value
        if path in self.below:
            return UNKNOWN
        for length in range(len(path) - 1, 0, -1):
            if self.view.value(path[:length], {}) != {}:
                return UNKNOWN
        default = self.view.index.default("nixos", path)
        return None if isinstance(default, Unknown) else default

    def names(self, path: Names) -> list[str]:
        """The names that are set right below a path."""
        return list(self.below.get(path, ()))

    def mentioned(self, word: str, within: Names) -> bool:
        """Whether a name occurs outside the settings below a path: the module that is told of it may do more."""
        return any(
            word in path or setting.value == word or (isinstance(setting.value, list) and word in setting.value)
            for path, setting in self.view.system.items()
            if path[: len(within)] != within
        )


class Condition(NamedTuple):
    """What has to be so. `lacking` says that it is so where nothing is set."""

    paths: tuple[Names, ...]
    holds: Callable[[Said, Names], bool]
    lacking: bool = False


def _paths(paths: tuple[str, ...]) -> tuple[Names, ...]:
    return tuple(tuple(path.split(".")) for path in paths)


def on(*paths: str) -> Condition:
    """One of them is switched on."""
    return Condition(_paths(paths), lambda said, path: said.value(path) is True)


def given(*paths: str) -> Condition:
    """One of them is set to something."""
    return has(lambda value: value not in NOTHING, *paths)


def has(test: Callable[[Any], bool], *paths: str) -> Condition:
    """One of them is set to a value of which `test` is true."""
    return Condition(_paths(paths), lambda said, path: (value := said.value(path)) is not UNKNOWN and test(value))


def off(*paths: str) -> Condition:
    """Each of them is switched off, null, empty or not set."""
    return Condition(_paths(paths), lambda said, path: said.value(path) in NOTHING, lacking=True)


def unset(*paths: str) -> Condition:
    """Nothing is said of any of them."""
    return Condition(_paths(paths), lambda said, path: not said.anything(path), lacking=True)


@dataclass(frozen=True, slots=True)
class Rule:
    """What NixOS refuses. The first condition is the one at fault, where the host's own file has a part in several.

    `{name}` in the words is what `*` stands for. `unless` exempts what the settings do not tell enough about.
    """

    source: str
    wrong: Wrong
    conditions: tuple[Condition, ...]
    last: str = "unstable"
    unless: Callable[[Said, str], bool] = lambda said, name: False


class Refused(NamedTuple):
    """What one rule has found: what to say, the settings that make it so, and those that are lacking."""

    wrong: Wrong
    made_by: tuple[Names, ...]
    lacking: tuple[Names, ...] = ()


def findings(view: HostView) -> Iterator[Finding]:
    """What NixOS would refuse on a host with one of its assertions."""
    said = Said(view)
    for rule in RULES:
        if view.host.release <= rule.last:
            for found in _refused(said, rule):
                yield from _told(view, found)
    for function in FUNCTIONS:
        for found in function(said):
            yield from _told(view, found)


def _refused(said: Said, rule: Rule) -> Iterator[Refused]:
    starred = next((path for path in rule.conditions[0].paths if "*" in path), None)
    for name in said.names(starred[: starred.index("*")]) if starred else [""]:
        made_by: list[Names] = []
        lacking: list[Names] = []
        for condition in rule.conditions:
            paths = [tuple(name if step == "*" else step for step in path) for path in condition.paths]
            holding = [path for path in paths if condition.holds(said, path)]
            if len(holding) < (len(paths) if condition.lacking else 1):
                break
            (lacking if condition.lacking else made_by).extend(holding)
        else:
            if not rule.unless(said, name):
                yield Refused(_named(rule.wrong, name), tuple(made_by), tuple(lacking))


def _named(wrong: Wrong, name: str) -> Wrong:
    return replace(wrong, message=wrong.message.replace("{name}", name), help=wrong.help.replace("{name}", name))


def _told(view: HostView, found: Refused) -> Iterator[Finding]:
    """The finding; a note in its place where something that only Nix can read may say otherwise."""
    for path in (*found.made_by, *found.lacking):
        raw = view.may_set(*path)
        if raw is not None:
            view.not_verified(f"`{join_path(path)}`", f"the raw module {raw} may set it: {found.wrong.message}")
            return
    if found.lacking:
        raw = view.may_set("modulesPath")
        others = [f"the raw module {raw}"] if raw else [f"the input {name}" for name in view.foreign_inputs]
        if others:
            view.not_verified(f"`{join_path(found.lacking[0])}`", f"{others[0]} may set it: {found.wrong.message}")
            return
    places = [(path, _place(view, path, view.system[path])) for path in found.made_by if path in view.system]
    own = [at for at, (_, place) in enumerate(places) if place.origin and place.origin.file.startswith("hosts/")]
    _, place = places.pop(own[0] if own else 0) if places else ((), Place(None))
    related = [Related(f"`{join_path(path)}` is set here", other.origin) for path, other in places if other.origin]
    finding = view.finding(found.wrong.code, found.wrong.message, place, help=found.wrong.help, related=tuple(related))
    yield replace(finding, private=any(_SECRET.search(path[-1]) for path in found.made_by))


_SECRET = re.compile(r"(?i)(password|passphrase|privateKey|token)$")


def _place(view: HostView, path: Names, setting: MergedSetting) -> Place:
    """Where the definition is that wins, the first of several."""
    bare = [d.value.value if isinstance(d.value, Override) else d.value for d in setting.definitions]
    winning = next((d for d, value in zip(setting.definitions, bare, strict=True) if value in setting.winning), None)
    return view.place(None, path, winning or setting.definitions[0])


# Names that NixOS's modules give to users, other than those of their options -----------------------------------

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
_SETS_OF_MODULES = ("services", "programs", "virtualisation", "security", "hardware")


def _of_a_module(said: Said, name: str) -> bool:
    """Whether a module of NixOS may make the user or group of this name."""
    if name in _USERS_OF_MODULES or name.startswith("systemd-") or said.mentioned(name, ("users",)):
        return True
    return any(said.view.index.status("nixos", (above, name)).kind in ("known", "group") for above in _SETS_OF_MODULES)


def _made_by_disko(said: Said, name: str) -> bool:
    """Whether disko names a device for GRUB, or may: it does for each partition of the type EF02."""
    raw = said.view.may_set("EF02")
    if raw is not None:
        said.view.not_verified("`boot.loader.grub.devices`", f"disko may set it, for the disks in the raw module {raw}")
    return raw is not None or any(
        path[0] == "disko" and (setting.value == "EF02" or isinstance(setting.value, Raw))
        for path, setting in said.view.system.items()
    )


def _has_e_mail(said: Said, name: str) -> bool:
    """Whether some certificate has an address of its own."""
    certificates = ("security", "acme", "certs")
    return any((*certificates, found, "email") in said.view.system for found in said.names(certificates))


def _is_zfs(value: Any) -> bool:
    return value == "zfs" or (isinstance(value, list) and "zfs" in value)


def _shell(name: str) -> Callable[[Any], bool]:
    return lambda value: isinstance(value, Package) and value.name == name


def _nvidia(value: Any) -> bool:
    return isinstance(value, list) and "nvidia" in value


GNOME = ("services.xserver.desktopManager.gnome.enable", "services.desktopManager.gnome.enable")
PLASMA = ("services.desktopManager.plasma6.enable", "services.xserver.desktopManager.plasma5.enable")
SDDM = ("services.displayManager.sddm.enable", "services.xserver.displayManager.sddm.enable")
PULSEAUDIO = ("hardware.pulseaudio.enable", "services.pulseaudio.enable")
PIPEWIRE_AUDIO = tuple(f"services.pipewire.{name}.enable" for name in ("alsa", "pulse", "jack", "audio"))
NVIDIA = has(_nvidia, "services.xserver.videoDrivers")
PRIME = tuple(f"hardware.nvidia.prime.{name}.enable" for name in ("sync", "offload", "reverseSync"))
ZFS = (
    has(_is_zfs, "boot.supportedFilesystems", "boot.initrd.supportedFilesystems"),
    on("boot.supportedFilesystems.zfs", "boot.initrd.supportedFilesystems.zfs"),
)
NGINX = ("services", "nginx", "enable")
VHOST = "services.nginx.virtualHosts.*"
TLS = ("addSSL", "onlySSL", "forceSSL", "rejectSSL")
USER = "users.users.*"
PASSWORDS = tuple(
    f"{USER}.{name}"
    for name in ("hashedPassword", "hashedPasswordFile", "password", "initialPassword", "initialHashedPassword")
)
NO_PORTALS = (
    *("services.xserver.desktopManager", "services.desktopManager", "xdg.portal.wlr", "xdg.portal.lxqt"),
    *(
        f"programs.{name}"
        for name in ("cardboard", "hyprland", "labwc", "miracle-wm", "niri", "river", "sway", "wayfire")
    ),
)
"""What brings portals along where it is switched on."""
LUKS = "boot.initrd.luks.devices.*"
INITRD_COMMANDS = (
    *("preFailCommands", "preDeviceCommands", "preLVMCommands", "postDeviceCommands", "postResumeCommands"),
    *("postMountCommands", "extraUdevRulesCommands", "extraUtilsCommands", "extraUtilsCommandsTest"),
    "network.postCommands",
)


RULES: tuple[Rule, ...] = (
    # Power, sound, network ------------------------------------------------------------------------------------
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
    # Users ----------------------------------------------------------------------------------------------------
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
    # Desktops -------------------------------------------------------------------------------------------------
    Rule(
        "programs/seahorse.nix, services/desktop-managers/plasma6.nix, services/x11/desktop-managers/plasma5.nix",
        Wrong(
            "two-password-dialogues",
            "GNOME and Plasma each bring the dialogue that asks for SSH passphrases",
            "switch one of them off, or set `programs.ssh.askPassword` with `force`",
        ),
        (
            on(*GNOME),
            on(*PLASMA),
            unset(
                *("programs.ssh.askPassword", "programs.seahorse.enable", "environment.gnome.excludePackages"),
                *("services.gnome.core-utilities.enable", "services.gnome.core-apps.enable"),
            ),
        ),
        last="25.05",
    ),
    Rule(
        "services/desktop-managers/plasma6.nix",
        Wrong("two-plasmas", "Plasma 5 and Plasma 6 cannot both be switched on", "switch Plasma 5 off"),
        (on("services.xserver.desktopManager.plasma5.enable"), on("services.desktopManager.plasma6.enable")),
    ),
    Rule(
        "services/display-managers/sddm.nix",
        Wrong(
            "display-manager-without-display",
            "SDDM has neither the X server nor Wayland to show itself on",
            "set `services.displayManager.sddm.wayland.enable = true`, or `services.xserver.enable = true`",
        ),
        (
            on(*SDDM),
            off(
                *("services.xserver.enable", "services.displayManager.sddm.wayland.enable"),
                *("services.xserver.displayManager.sddm.wayland.enable", "services.desktopManager.lomiri.enable"),
            ),
        ),
        last="25.05",
    ),
    Rule(
        "services/x11/display-managers/lightdm.nix",
        Wrong(
            "display-manager-without-display",
            "LightDM has no X server to show itself on",
            "set `services.xserver.enable = true`",
        ),
        (
            on("services.xserver.displayManager.lightdm.enable"),
            off("services.xserver.enable", "services.desktopManager.lomiri.enable"),
        ),
    ),
    Rule(
        "services/display-managers/default.nix",
        Wrong(
            "auto-login-of-nobody",
            "it is not said who is logged in automatically",
            "set `services.displayManager.autoLogin.user`",
        ),
        (
            on("services.displayManager.autoLogin.enable", "services.xserver.displayManager.autoLogin.enable"),
            on(
                *SDDM,
                *("services.xserver.displayManager.gdm.enable", "services.displayManager.gdm.enable"),
                "services.xserver.displayManager.lightdm.enable",
            ),
            on("services.xserver.enable", *SDDM),
            off("services.displayManager.autoLogin.user", "services.xserver.displayManager.autoLogin.user"),
        ),
    ),
    Rule(
        "services/desktops/flatpak.nix",
        Wrong(
            "flatpak-without-portals",
            "Flatpak needs the desktop portals, which nothing switches on",
            "set `xdg.portal.enable = true` and name a portal in `xdg.portal.extraPortals`",
        ),
        (on("services.flatpak.enable"), off("xdg.portal.enable"), unset(*NO_PORTALS)),
        last="24.11",
    ),
    Rule(
        "config/xdg/portal.nix",
        Wrong(
            "portal-without-implementation",
            "the desktop portals are on, but none is there to answer",
            "add one to `xdg.portal.extraPortals`, such as xdg-desktop-portal-gtk",
        ),
        (on("xdg.portal.enable"), off("xdg.portal.extraPortals"), unset(*NO_PORTALS)),
        last="24.11",
    ),
    # Graphics and firmware ------------------------------------------------------------------------------------
    Rule(
        "hardware/video/nvidia.nix",
        Wrong(
            "nvidia-module-not-chosen",
            "it is not said whether to use NVIDIA's open kernel module",
            "set `hardware.nvidia.open`: true for cards since Turing (RTX and GTX 16), false for older ones",
        ),
        (NVIDIA, unset(*(f"hardware.nvidia.{name}" for name in ("open", "package", "branch", "datacenter")))),
    ),
    *(
        Rule(
            "hardware/video/nvidia.nix",
            Wrong("prime-modes", f"PRIME's {one} and {other} cannot both be switched on", "choose one of them"),
            (on(f"hardware.nvidia.prime.{one}.enable"), on(f"hardware.nvidia.prime.{other}.enable"), NVIDIA),
        )
        for one, other in (("sync", "offload"), ("sync", "reverseSync"))
    ),
    Rule(
        "hardware/video/nvidia.nix",
        Wrong(
            "prime-modes",
            "NVIDIA's fine-grained power management works only with PRIME's offload",
            "set `hardware.nvidia.prime.offload.enable = true`",
        ),
        (
            on("hardware.nvidia.powerManagement.finegrained"),
            NVIDIA,
            off("hardware.nvidia.prime.offload.enable", "hardware.nvidia.prime.reverseSync.enable"),
        ),
    ),
    *(
        Rule(
            "hardware/video/nvidia.nix",
            Wrong(
                "prime-without-bus-ids",
                "PRIME has to know on which bus both graphics cards are",
                "set `hardware.nvidia.prime.nvidiaBusId`, and `intelBusId` or `amdgpuBusId`, from what `lspci` prints",
            ),
            (on(*PRIME), NVIDIA, off(*(f"hardware.nvidia.prime.{name}" for name in names)), *more),
        )
        for names, *more in (
            [("nvidiaBusId",)],
            [("intelBusId", "amdgpuBusId"), given("hardware.nvidia.prime.nvidiaBusId")],
        )
    ),
    Rule(
        "hardware/all-firmware.nix",
        Wrong(
            "firmware-not-permitted",
            "`hardware.enableAllFirmware` takes firmware that is not free, which is not permitted here",
            "set `nixpkgs.config.allowUnfree = true`, or `hardware.enableRedistributableFirmware` in its place",
        ),
        (on("hardware.enableAllFirmware"), off("nixpkgs.config.allowUnfree"), unset("nixpkgs.pkgs")),
        last="25.05",
    ),
    # Starting -------------------------------------------------------------------------------------------------
    Rule(
        "system/boot/loader/grub/grub.nix, system/boot/loader/systemd-boot/systemd-boot.nix",
        Wrong("two-boot-loaders", "systemd-boot and GRUB cannot both be the boot loader", "switch one of them off"),
        (on("boot.loader.grub.enable"), on("boot.loader.systemd-boot.enable")),
    ),
    Rule(
        "system/boot/loader/grub/grub.nix",
        Wrong(
            "grub-without-device",
            "GRUB is not told where to install itself",
            'set `boot.loader.grub.device` to a disk, or on UEFI to `"nodev"` with `efiSupport = true`',
        ),
        (
            on("boot.loader.grub.enable"),
            off("boot.loader.grub.devices", "boot.loader.grub.device", "boot.loader.grub.mirroredBoots"),
            unset("facter", "hardware.facter"),
        ),
        unless=_made_by_disko,
    ),
    Rule(
        "system/boot/loader/grub/grub.nix",
        Wrong(
            "removable-grub-and-variables",
            "GRUB installed as if on a removable disk does not touch the firmware's variables, but is told to",
            "set `boot.loader.efi.canTouchEfiVariables = false`",
        ),
        (
            on("boot.loader.grub.efiInstallAsRemovable"),
            on("boot.loader.efi.canTouchEfiVariables"),
            on("boot.loader.grub.enable"),
        ),
    ),
    Rule(
        "system/boot/loader/grub/grub.nix",
        Wrong(
            "removable-grub-without-efi",
            "GRUB is to be installed for UEFI as if on a removable disk, but without support for UEFI",
            "set `boot.loader.grub.efiSupport = true`",
        ),
        (
            on("boot.loader.grub.efiInstallAsRemovable"),
            on("boot.loader.grub.enable"),
            off("boot.loader.grub.efiSupport"),
        ),
        unless=lambda said, name: said.anything(("facter",)) or said.anything(("hardware", "facter")),
    ),
    *(
        Rule(
            "system/boot/systemd/initrd.nix",
            Wrong(
                "initrd-commands-with-systemd",
                f"systemd in the initial RAM disk does not run `boot.initrd.{name}`",
                "make a unit of it, in `boot.initrd.systemd.services`",
            ),
            (given(f"boot.initrd.{name}"), on("boot.initrd.systemd.enable")),
        )
        for name in INITRD_COMMANDS
    ),
    *(
        Rule(
            "system/boot/luksroot.nix",
            Wrong(
                "unlocking-not-with-systemd",
                f"systemd in the initial RAM disk does not know `{name}` of the encrypted disk {{name}}",
                help,
            ),
            (condition, on("boot.initrd.systemd.enable")),
        )
        for name, condition, help in (
            ("fallbackToPassword", on(f"{LUKS}.fallbackToPassword"), "leave it out: systemd always falls back"),
            (
                "preLVM",
                has(lambda value: value is False, f"{LUKS}.preLVM"),
                "leave it out: systemd finds the order by itself",
            ),
            ("preOpenCommands", given(f"{LUKS}.preOpenCommands"), "make a unit before cryptsetup-pre.target of it"),
            ("postOpenCommands", given(f"{LUKS}.postOpenCommands"), "make a unit after cryptsetup.target of it"),
        )
    ),
    Rule(
        "system/boot/initrd-ssh.nix",
        Wrong(
            "initrd-ssh-without-host-key",
            "SSH in the initial RAM disk has no host key",
            "make one on the host with `ssh-keygen`, and name its file in `boot.initrd.network.ssh.hostKeys`",
        ),
        (
            on("boot.initrd.network.ssh.enable"),
            on("boot.initrd.network.enable"),
            off("boot.initrd.network.ssh.hostKeys", "boot.initrd.network.ssh.ignoreEmptyHostKeys"),
            unset("boot.initrd.systemd.network.enable"),
        ),
    ),
    *(
        Rule(
            "tasks/filesystems/zfs.nix",
            Wrong(
                "zfs-without-host-id",
                "ZFS needs the host's number, to know whose pools it finds",
                "set `networking.hostId` to eight hexadecimal digits, such as `head -c 8 /etc/machine-id` prints",
            ),
            (condition, off("networking.hostId")),
        )
        for condition in (*ZFS, has(_is_zfs, "fileSystems.*.fsType"))
    ),
    # Containers and clusters ----------------------------------------------------------------------------------
    Rule(
        "virtualisation/podman/default.nix",
        Wrong(
            "docker-and-podman",
            "Podman cannot be called `docker` while Docker is there",
            "set `virtualisation.docker.enable = false`, or leave out `virtualisation.podman.dockerCompat`",
        ),
        (
            on("virtualisation.podman.dockerCompat"),
            on("virtualisation.docker.enable"),
            on("virtualisation.podman.enable"),
        ),
    ),
    Rule(
        "virtualisation/podman/default.nix",
        Wrong(
            "docker-and-podman",
            "Docker and Podman cannot both serve Docker's socket",
            "set `virtualisation.docker.enable = false`, or leave out `virtualisation.podman.dockerSocket`",
        ),
        (
            on("virtualisation.podman.dockerSocket.enable"),
            on("virtualisation.docker.enable"),
            on("virtualisation.podman.enable"),
        ),
    ),
    Rule(
        "virtualisation/oci-containers.nix",
        Wrong(
            "container-image-twice",
            "the image of the container {name} is given both as a file and as a stream",
            "set one of `imageFile` and `imageStream`",
        ),
        (
            given("virtualisation.oci-containers.containers.*.imageFile"),
            given("virtualisation.oci-containers.containers.*.imageStream"),
        ),
    ),
    Rule(
        "virtualisation/incus.nix",
        Wrong(
            "incus-without-nftables",
            "Incus does not work with a firewall made with iptables",
            "set `networking.nftables.enable = true`",
        ),
        (
            on("virtualisation.incus.enable"),
            on("networking.firewall.enable"),
            off("networking.nftables.enable"),
            unset("networking.firewall.backend"),
        ),
    ),
    Rule(
        "services/cluster/k3s/default.nix",
        Wrong(
            "k3s-agent-without-server",
            "an agent of k3s has to know its server",
            "set `services.k3s.serverAddr` to the server's address",
        ),
        (
            has(lambda value: value == "agent", "services.k3s.role"),
            on("services.k3s.enable"),
            off("services.k3s.serverAddr", "services.k3s.configPath"),
        ),
        last="24.11",
    ),
    Rule(
        "services/cluster/k3s/default.nix",
        Wrong(
            "k3s-agent-without-token",
            "an agent of k3s needs the token by which its server knows it",
            "set `services.k3s.tokenFile` to a file on the host",
        ),
        (
            has(lambda value: value == "agent", "services.k3s.role"),
            on("services.k3s.enable"),
            off("services.k3s.token", "services.k3s.tokenFile", "services.k3s.configPath"),
        ),
        last="24.11",
    ),
    # Servers --------------------------------------------------------------------------------------------------
    *(
        Rule(
            "security/acme/default.nix",
            wrong,
            (condition, off(lacking), *more),
            last,
            unless,
        )
        for condition, *more in (
            [on(f"{VHOST}.enableACME"), on("services.nginx.enable"), off(f"{VHOST}.useACMEHost")],
            [
                given(
                    "security.acme.certs.*.domain", "security.acme.certs.*.webroot", "security.acme.certs.*.dnsProvider"
                )
            ],
        )
        for wrong, lacking, last, unless in (
            (
                Wrong(
                    "acme-terms-not-accepted",
                    "certificates are to be fetched, but the authority's terms are not accepted",
                    "read them at letsencrypt.org/repository, and set `security.acme.acceptTerms = true`",
                ),
                "security.acme.acceptTerms",
                "unstable",
                lambda said, name: False,
            ),
            (
                Wrong(
                    "acme-without-e-mail",
                    "certificates are to be fetched, but no address is given to register with",
                    "set `security.acme.defaults.email`",
                ),
                "security.acme.defaults.email",
                "25.05",
                _has_e_mail,
            ),
        )
    ),
    *(
        Rule(
            "services/web-servers/nginx/default.nix",
            Wrong(
                "nginx-tls-modes",
                f"the site {{name}} has `{one}` and `{other}`, which exclude each other",
                "keep one of them: `forceSSL` sends visitors on to HTTPS, `addSSL` serves both, `onlySSL` HTTPS alone",
            ),
            (on(f"{VHOST}.{one}"), on(f"{VHOST}.{other}"), on("services.nginx.enable")),
        )
        for one, other in combinations(TLS, 2)
    ),
    Rule(
        "services/web-servers/nginx/default.nix",
        Wrong(
            "nginx-certificate-twice",
            "the site {name} is to fetch a certificate of its own and to use another's",
            "keep one of `enableACME` and `useACMEHost`",
        ),
        (on(f"{VHOST}.enableACME"), given(f"{VHOST}.useACMEHost"), on("services.nginx.enable")),
    ),
    Rule(
        "services/web-servers/nginx/default.nix",
        Wrong(
            "nginx-without-certificate",
            "the site {name} is to speak HTTPS, but has no certificate",
            "set `enableACME = true`, `useACMEHost`, or `sslCertificate` and `sslCertificateKey`",
        ),
        (
            on(f"{VHOST}.forceSSL", f"{VHOST}.addSSL", f"{VHOST}.onlySSL"),
            on("services.nginx.enable"),
            off(f"{VHOST}.enableACME", f"{VHOST}.useACMEHost", f"{VHOST}.sslCertificate"),
        ),
        unless=lambda said, name: said.mentioned(name, ("services", "nginx")),
    ),
    Rule(
        "services/security/fail2ban.nix",
        Wrong(
            "ban-time-twice",
            "the time of a repeated ban is given by a formula and by factors",
            "keep one of `bantime-increment.formula` and `bantime-increment.multipliers`",
        ),
        (
            given("services.fail2ban.bantime-increment.formula"),
            given("services.fail2ban.bantime-increment.multipliers"),
            on("services.fail2ban.enable"),
        ),
    ),
    Rule(
        "services/web-apps/nextcloud.nix",
        Wrong(
            "nextcloud-local-database-password",
            "Nextcloud's own database on the host takes no password",
            "leave out `services.nextcloud.config.dbpassFile`",
        ),
        (
            given("services.nextcloud.config.dbpassFile"),
            on("services.nextcloud.database.createLocally"),
            on("services.nextcloud.enable"),
        ),
    ),
    # Backups, tunnels, upgrades -------------------------------------------------------------------------------
    *(
        Rule(
            "services/backup/restic.nix",
            Wrong(
                "restic-repository",
                "the backup {name} needs one of a repository and a file that names it",
                "set either `repository` or `repositoryFile`",
            ),
            conditions,
        )
        for conditions in (
            (given("services.restic.backups.*.repository"), given("services.restic.backups.*.repositoryFile")),
            (
                given("services.restic.backups.*.paths", "services.restic.backups.*.passwordFile"),
                off(
                    *(
                        f"services.restic.backups.*.{name}"
                        for name in ("repository", "repositoryFile", "environmentFile")
                    )
                ),
            ),
        )
    ),
    Rule(
        "services/backup/borgbackup.nix",
        Wrong(
            "borg-without-passphrase",
            "the backup {name} is to be encrypted, but there is no passphrase",
            "set `encryption.passCommand` to a command that prints it",
        ),
        (
            has(lambda v: isinstance(v, str) and v != "none", "services.borgbackup.jobs.*.encryption.mode"),
            off(
                "services.borgbackup.jobs.*.encryption.passCommand",
                "services.borgbackup.jobs.*.encryption.passphrase",
            ),
        ),
    ),
    *(
        Rule(
            "services/backup/borgbackup.nix",
            Wrong(
                "borg-source",
                "the backup {name} needs one of paths and a command whose output to keep",
                "set either `paths` or `dumpCommand`",
            ),
            conditions,
        )
        for conditions in (
            (given("services.borgbackup.jobs.*.paths"), given("services.borgbackup.jobs.*.dumpCommand")),
            (
                given("services.borgbackup.jobs.*.repo"),
                off("services.borgbackup.jobs.*.paths", "services.borgbackup.jobs.*.dumpCommand"),
            ),
        )
    ),
    *(
        Rule(
            "services/networking/wireguard.nix",
            Wrong(
                "wireguard-private-key",
                "the tunnel {name} needs one of a private key and a file with the key",
                "set `privateKeyFile` to a file on the host, and leave out `privateKey`",
            ),
            conditions,
        )
        for conditions in (
            (
                given("networking.wireguard.interfaces.*.privateKeyFile"),
                given("networking.wireguard.interfaces.*.privateKey"),
            ),
            (
                given(*(f"networking.wireguard.interfaces.*.{name}" for name in ("ips", "listenPort", "peers"))),
                off(
                    "networking.wireguard.interfaces.*.privateKeyFile",
                    "networking.wireguard.interfaces.*.privateKey",
                ),
                has(lambda value: value is not False, "networking.wireguard.enable"),
            ),
        )
    ),
    Rule(
        "tasks/auto-upgrade.nix",
        Wrong(
            "upgrade-from-two-places",
            "automatic upgrades have a channel and a flake to come from",
            "leave out `system.autoUpgrade.channel`",
        ),
        (given("system.autoUpgrade.channel"), given("system.autoUpgrade.flake"), on("system.autoUpgrade.enable")),
    ),
)


# Rules that take more than one look ----------------------------------------------------------------------------


def group_of_user(said: Said) -> Iterator[Refused]:
    """`config/users-groups.nix`: a user's main group has to exist."""
    for name in said.names(("users", "users")):
        path = ("users", "users", name, "group")
        wanted = said.value(path)
        if not isinstance(wanted, str) or path not in said.view.system or wanted in NIXOS_GROUPS:
            continue
        group = ("users", "groups", wanted)
        if not (_of_a_module(said, wanted) or _of_a_module(said, name) or said.anything(group)):
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


def interfaces(said: Said) -> Iterator[Refused]:
    """`tasks/network-interfaces.nix`: Linux takes no name of an interface that is longer than 15 characters."""
    for name in said.names(("networking", "interfaces")):
        if len(name) > 15:
            message = f"the name of the interface {name} has {len(name)} characters, more than 15"
            path = ("networking", "interfaces", name)
            made_by = tuple(found for found in said.view.below(*path)) or (path,)
            yield Refused(Wrong("interface-name-too-long", message, "give it a shorter name"), made_by[:1])


def encrypted_swap(said: Said) -> Iterator[Refused]:
    """`config/swap.nix`: what is encrypted anew at each start keeps neither its UUID nor its label."""
    path = ("swapDevices",)
    devices = said.value(path)
    for swap in devices if isinstance(devices, list) else ():
        device = swap.get("device") if isinstance(swap, dict) else None
        encryption = swap.get("randomEncryption") if isinstance(swap, dict) else None
        encrypted = encryption is True or (isinstance(encryption, dict) and encryption.get("enable") is True)
        if encrypted and isinstance(device, str) and re.match("/dev/disk/by-(uuid|label)/", device):
            message = f"swap on {device} is encrypted anew at each start, which erases the name it is found by"
            yield Refused(Wrong("encrypted-swap-by-uuid", message, "name it by /dev/disk/by-partuuid/"), (path,))


def owners_of_databases(said: Said) -> Iterator[Refused]:
    """`services/databases/postgresql.nix`: who is to own the database of the same name needs that database."""
    users, databases = ("services", "postgresql", "ensureUsers"), ("services", "postgresql", "ensureDatabases")
    found, known = said.value(users), said.value(databases)
    if said.value(("services", "postgresql", "enable")) is not True or not isinstance(found, list):
        return
    if not (known is None or (isinstance(known, list) and all(isinstance(name, str) for name in known))):
        return
    for user in found:
        name = user.get("name") if isinstance(user, dict) and user.get("ensureDBOwnership") is True else None
        if isinstance(name, str) and name not in (known or []) and not said.mentioned(name, users[:2]):
            message = f"{name} is to own the database {name}, which is not among `ensureDatabases`"
            help = f'add "{name}" to `services.postgresql.ensureDatabases`'
            yield Refused(Wrong("database-of-owner-missing", message, help), (users,), (databases,))


def certificates_of_others(said: Said) -> Iterator[Refused]:
    """`services/web-servers/nginx/default.nix`: the certificate that a site shares with another has to exist."""
    if said.value(NGINX) is not True:
        return
    for name in said.names(("services", "nginx", "virtualHosts")):
        path = ("services", "nginx", "virtualHosts", name, "useACMEHost")
        wanted = said.value(path)
        certificate = ("security", "acme", "certs", str(wanted))
        if isinstance(wanted, str) and path in said.view.system and not _named_elsewhere(said, wanted):
            message = f"the site {name} is to use the certificate {wanted}, which nothing on this host fetches"
            help = f"set `enableACME = true` for the site {wanted}, or describe it under `security.acme.certs`"
            yield Refused(Wrong("certificate-unknown", message, help), (path,), (certificate,))


def certificates_unreadable(said: Said) -> Iterator[Refused]:
    """`security/acme/mk-cert-ownership-assertion.nix`: nginx has to be in the group of the certificate that it uses."""
    told = ("services.nginx.user", "services.nginx.group", "security.acme.defaults.group", "users.users.nginx")
    if said.view.host.release > "25.05" or any(said.anything(path) for path in _paths(told)):
        return
    for name in said.names(("services", "nginx", "virtualHosts")) if said.value(NGINX) is True else ():
        path = ("services", "nginx", "virtualHosts", name, "useACMEHost")
        wanted = said.value(path)
        certificate = ("security", "acme", "certs", wanted if isinstance(wanted, str) else "")
        group = said.value((*certificate, "group")) or "acme"
        site = ("services", "nginx", "virtualHosts", certificate[-1])
        if certificate in said.below and group != "nginx" and not said.anything(site):
            members = ("users", "groups", str(group))
            if group is not UNKNOWN and not said.anything(members):
                message = f"nginx may not read the certificate {wanted}, which belongs to the group {group}"
                help = f'set `security.acme.certs.{key(certificate[-1])}.group = "nginx"`'
                yield Refused(Wrong("certificate-not-readable", message, help), (path,), ((*certificate, "group"),))


def _named_elsewhere(said: Said, word: str) -> bool:
    return any(
        word in path or (path[-1] != "useACMEHost" and setting.value == word)
        for path, setting in said.view.system.items()
    )


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (
    group_of_user,
    numbers_of_users,
    interfaces,
    encrypted_swap,
    owners_of_databases,
    certificates_of_others,
    certificates_unreadable,
)
