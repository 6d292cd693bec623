"""Desktops, displays, and what comes with them."""

from __future__ import annotations

from pantheros.checks.refusals.rule import Rule, off, on, unset
from pantheros.checks.settings import Wrong

GNOME = ("services.xserver.desktopManager.gnome.enable", "services.desktopManager.gnome.enable")
PLASMA = ("services.desktopManager.plasma6.enable", "services.xserver.desktopManager.plasma5.enable")
SDDM = ("services.displayManager.sddm.enable", "services.xserver.displayManager.sddm.enable")
NO_PORTALS = (
    *("services.xserver.desktopManager", "services.desktopManager", "xdg.portal.wlr", "xdg.portal.lxqt"),
    *(
        f"programs.{name}"
        for name in ("cardboard", "hyprland", "labwc", "miracle-wm", "niri", "river", "sway", "wayfire")
    ),
)
"""What brings portals along where it is switched on."""


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
)
