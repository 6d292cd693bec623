"""What a machine is for: a workstation or a server."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Sequence

from pantheros.fleet.files import read_text
from pantheros.hardware.facter import read_report
from pantheros.scan.host import Kind, Seen, under
from pantheros.scan.repository import Repository

_FOR_OTHERS = (
    *(
        "services.nginx",
        "services.caddy",
        "services.traefik",
        "services.haproxy",
        "services.postgresql",
        "services.k3s",
    ),
    *("services.prometheus", "services.grafana", "services.hydra", "services.buildbot-nix", "services.forgejo"),
    *("services.gitea", "services.nextcloud", "services.jellyfin", "services.immich", "services.matrix-synapse"),
    *(
        "services.postfix",
        "services.dovecot2",
        "services.kubernetes",
        "services.mysql",
        "services.unbound",
        "services.bind",
    ),
    *("services.gitlab-runner", "services.github-runners", "services.harmonia", "services.atticd", "services.samba"),
)
"""What a machine without a screen does for others."""
_WITH_A_SCREEN = (
    "services.pipewire",
    "services.xserver",
    "services.displayManager",
    "fonts.packages",
    "programs.steam",
)
_AT_A_DESK = (
    "programs.hyprland.enable",
    "programs.sway.enable",
    "programs.niri.enable",
    "programs.niri.settings",
    "wayland.windowManager",
    "services.xserver.desktopManager",
    "services.xserver.windowManager",
    "services.desktopManager",
    "xsession.windowManager",
)
"""What only a machine with a screen sets, also by what it has in common with others."""
_PORTABLE = (
    "services.tlp",
    "services.thermald",
    "services.auto-cpufreq",
    "services.asusd",
    "services.supergfxd",
    "services.fprintd",
    "services.logind.lidSwitch",
    "hardware.nvidia.prime",
    "services.xserver.enable",
    "services.libinput",
    "powerManagement.powertop",
)
"""What a machine's own files set of a laptop or a desktop."""
_IN_A_RACK = ("services.qemuGuest", "services.cloud-init", "virtualisation.hypervGuest", "virtualisation.vmware.guest")
_RACK_MODULES = ("modulesPath/profiles/qemu-guest", "modulesPath/profiles/headless", "modulesPath/virtualisation")
_DESK_MODULES = ("laptop", "lenovo", "framework", "thinkpad", "asus", "dell", "surface")
_DESK_WORDS = frozenset(
    {
        *("laptop", "laptops", "desktop", "desktops", "workstation", "workstations", "notebook", "pc"),
        *("yoga", "thinkpad", "ideapad", "zephyrus", "xps", "latitude", "framework", "surface", "elitebook", "macbook"),
    }
)
"""Words for machines that somebody sits at, models of laptops among them."""
_RACK_WORDS = frozenset({"server", "servers", "vps", "cloud", "nas", "node", "router", "homeserver"})


def kind_of(repository: Repository, directory: str, own_files: Iterable[str], settings: Sequence[Seen]) -> Kind:
    """What a machine is for: by where it lies, by what its own files say, and by what it has in common."""
    if (said := _kind_said(directory)) != "unknown":
        return said
    own = set(own_files)
    if (reported := _reported(repository, sorted(own))) != "unknown":
        return reported
    taken = {other for path in own for other in repository.imports.get(path, ())}
    for path in sorted(taken - own):
        if (said := _kind_said(posixpath.basename(path).removesuffix(".nix"))) != "unknown":
            return said
    own |= taken
    modules = [each.name for path in own if path in repository.nix for each in repository.nix[path].modules]
    set_here = [seen for seen in settings if seen.place.file in own and seen.value != "false"]
    if any(name.startswith(_RACK_MODULES) for name in modules) or _any_under(set_here, _IN_A_RACK):
        return "server"
    if any(word in name for name in modules for word in _DESK_MODULES) or _any_under(set_here, _PORTABLE):
        return "workstation"
    if _any_under(settings, _AT_A_DESK):
        return "workstation"
    headless = not _any_under(settings, (*_PORTABLE, *_WITH_A_SCREEN))
    return "server" if headless and _any_under(settings, _FOR_OTHERS) else "unknown"


def _reported(repository: Repository, own: Iterable[str]) -> Kind:
    """What a hardware report says of the machine: a virtual one is a server, one that is carried is not."""
    for path in own:
        if posixpath.basename(path) == "facter.json":
            text, _ = read_text(repository.root, path)
            report, _ = read_report(path, text) if text is not None else (None, [])
            if report is not None and (report.virtual or report.portable):
                return "server" if report.virtual else "workstation"
    return "unknown"


def _kind_said(path: str) -> Kind:
    """What the words of a path say that a machine is for; a number at a word's end says which of several."""
    words = words_of(path)
    return "workstation" if words & _DESK_WORDS else "server" if words & _RACK_WORDS else "unknown"


def words_of(path: str) -> set[str]:
    """The words of a path, in small letters and without the number at their end."""
    words = (word for part in path.split("/") for word in part.lower().replace("_", "-").split("-"))
    return {word.rstrip("0123456789") or word for word in words}


def _any_under(seen: Iterable[Seen], prefixes: Iterable[str]) -> bool:
    return any(under(each.path, prefix) for each in seen for prefix in prefixes if each.value != "false")
