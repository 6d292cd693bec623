"""Desktops, displays, and what comes with them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from pantheros.checks.refusals.rule import Refused, Rule, Said, given, off, on, unset
from pantheros.checks.settings import Wrong

GNOME = ("services.xserver.desktopManager.gnome.enable", "services.desktopManager.gnome.enable")
PLASMA = ("services.desktopManager.plasma6.enable", "services.xserver.desktopManager.plasma5.enable")
SDDM = ("services.displayManager.sddm.enable", "services.xserver.displayManager.sddm.enable")
GDM = ("services.xserver.displayManager.gdm.enable", "services.displayManager.gdm.enable")
DISPLAY_MANAGERS = {
    "GDM": GDM,
    "SDDM": SDDM,
    "LightDM": ("services.xserver.displayManager.lightdm.enable",),
    "ly": ("services.displayManager.ly.enable",),
}
AUTO_LOGIN = ("services.displayManager.autoLogin.enable", "services.xserver.displayManager.autoLogin.enable")
LIBINPUT = ("services.libinput.enable", "services.xserver.libinput.enable")
NO_PORTALS = (
    *("services.xserver.desktopManager", "services.desktopManager", "xdg.portal.wlr", "xdg.portal.lxqt"),
    *(
        f"programs.{name}"
        for name in ("cardboard", "hyprland", "labwc", "miracle-wm", "niri", "river", "sway", "wayfire")
    ),
)
"""What brings portals along where it is switched on."""
NO_SESSIONS = (
    *("services.displayManager.defaultSession", "services.displayManager.sessionPackages", "services.desktopManager"),
    *(
        f"services.xserver.{name}"
        for name in (
            *("desktopManager", "windowManager", "displayManager.defaultSession", "displayManager.session"),
            *("displayManager.sessionPackages", "displayManager.sx", "displayManager.startx"),
        )
    ),
    *(
        f"programs.{name}"
        for name in (
            *("cardboard", "hyprland", "labwc", "miracle-wm", "miriway", "niri", "river", "steam", "sway"),
            *("uwsm", "wayfire"),
        )
    ),
)
"""What brings sessions along where it is switched on."""


RULES: tuple[Rule, ...] = (
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
    *(
        Rule(
            "services/display-managers/default.nix",
            Wrong("two-display-managers", f"{one} and {other} cannot both show the login", "switch one of them off"),
            (
                on(*DISPLAY_MANAGERS[one]),
                on(*DISPLAY_MANAGERS[other]),
                unset(
                    *("services.displayManager.execCmd", "services.displayManager.generic"),
                    *("services.xserver.displayManager.job", "systemd.services.display-manager"),
                ),
            ),
        )
        for one, other in combinations(DISPLAY_MANAGERS, 2)
    ),
    Rule(
        "services/display-managers/ly.nix",
        Wrong(
            "auto-login-with-ly",
            "ly logs nobody in automatically",
            "take another display manager, or leave out `services.displayManager.autoLogin`",
        ),
        (on(*AUTO_LOGIN), on("services.displayManager.ly.enable")),
        last="24.11",
    ),
    Rule(
        "services/x11/display-managers/lightdm.nix, services/display-managers/sddm.nix",
        Wrong(
            "auto-login-without-session",
            "somebody is to be logged in automatically, but there is no session to start",
            "switch on a desktop or a window manager",
        ),
        (
            on(*AUTO_LOGIN),
            on(*SDDM, *DISPLAY_MANAGERS["LightDM"]),
            on("services.xserver.enable", "services.displayManager.sddm.wayland.enable"),
            given("services.displayManager.autoLogin.user", "services.xserver.displayManager.autoLogin.user"),
            unset(*NO_SESSIONS),
        ),
        last="24.11",
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
            on(*AUTO_LOGIN),
            on(*SDDM, *GDM, "services.xserver.displayManager.lightdm.enable"),
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
    *(
        Rule(
            "services/x11/hardware/synaptics.nix",
            Wrong("two-touchpad-drivers", message, "set `services.libinput.enable = false`, or leave out Synaptics"),
            (on("services.xserver.synaptics.enable"), *conditions),
        )
        for message, *conditions in (
            ("Synaptics and libinput cannot both run the touchpad", on(*LIBINPUT)),
            (
                "the X server runs the touchpad with libinput, so Synaptics cannot",
                on("services.xserver.enable"),
                unset(*LIBINPUT),
            ),
        )
    ),
    Rule(
        "services/x11/xserver.nix",
        Wrong(
            "cursor-without-resolution",
            "the cursor is to be scaled up, but by how much is not said",
            "set `services.xserver.dpi`",
        ),
        (on("services.xserver.upscaleDefaultCursor"), on("services.xserver.enable"), off("services.xserver.dpi")),
    ),
)


def primary_heads(said: Said) -> Iterator[Refused]:
    """`services/x11/xserver.nix`: one screen is the primary one."""
    path = ("services", "xserver", "xrandrHeads")
    heads = said.value(path)
    primary = [
        at
        for at, head in enumerate(heads if isinstance(heads, list) else [])
        if isinstance(head, dict) and head.get("primary") is True
    ]
    if len(primary) > 1 and said.value(("services", "xserver", "enable")) is True:
        message = f"{len(primary)} screens are each the primary one"
        wrong = Wrong("primary-screen", message, "set `primary = true` for one of them")
        yield Refused(wrong, (path,), inside=(primary[-1], "primary"))


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (primary_heads,)
