"""Programs: editors, helpers of the shell, themes."""

from __future__ import annotations

from itertools import combinations

from pantheros.checks.refusals.rule import Rule, given, has, off, on, unset
from pantheros.checks.settings import Wrong

EDITORS = {
    "vim": ("programs/vim.nix", "programs.vim", ("programs.vim.enable",)),
    "neovim": ("programs/neovim.nix", "programs.neovim", ("programs.neovim.enable",)),
    "emacs": ("services/editors/emacs.nix", "services.emacs", ("services.emacs.enable", "services.emacs.install")),
}
"""Each editor's module, the option that it is under, and what makes `defaultEditor` count."""
_GTK_STYLES = ("adwaita", "adwaita-dark", "adwaita-highcontrast", "adwaita-highcontrastinverse", "breeze")


RULES: tuple[Rule, ...] = (
    *(
        Rule(
            f"{EDITORS[one][0]}, {EDITORS[other][0]}",
            Wrong(
                "two-default-editors",
                f"{one} and {other} are each to be the default editor",
                "leave out one `defaultEditor`",
            ),
            (
                *(on(f"{EDITORS[editor][1]}.defaultEditor") for editor in (one, other)),
                *(on(*EDITORS[editor][2]) for editor in (one, other)),
                unset("environment.variables.EDITOR", "environment.sessionVariables.EDITOR"),
            ),
        )
        for one, other in combinations(EDITORS, 2)
    ),
    Rule(
        "programs/nix-index.nix",
        Wrong(
            "two-finders-of-commands",
            "nix-index and command-not-found would both answer where a command is missing",
            "set `programs.command-not-found.enable = false`",
        ),
        (
            on("programs.nix-index.enable"),
            on("programs.command-not-found.enable"),
            has(
                lambda value: value is not False,
                *(f"programs.nix-index.enable{shell}Integration" for shell in ("Bash", "Zsh")),
            ),
        ),
        last="24.11",
    ),
    Rule(
        "programs/nh.nix",
        Wrong(
            "cleaning-without-nh",
            "nh is to clean up, but is not switched on",
            "set `programs.nh.enable = true`, or leave it to `nix.gc.automatic`",
        ),
        (on("programs.nh.clean.enable"), off("programs.nh.enable")),
    ),
    Rule(
        "programs/nh.nix",
        Wrong(
            "flake-is-a-file",
            "nh wants the directory of the flake, and is told a file",
            "leave out the file's name",
        ),
        (has(lambda value: isinstance(value, str) and value.endswith(".nix"), "programs.nh.flake"),),
    ),
    Rule(
        "programs/screen.nix",
        Wrong(
            "screen-not-enabled",
            "screen is given a configuration, but is not switched on",
            "set `programs.screen.enable = true`",
        ),
        (given("programs.screen.screenrc"), off("programs.screen.enable")),
        last="24.11",
    ),
    Rule(
        "programs/proxychains.nix",
        Wrong(
            "length-of-proxy-chain",
            "a length is given for the chain of proxies, which has one only where it is random",
            "leave out `programs.proxychains.chain.length`",
        ),
        (
            given("programs.proxychains.chain.length"),
            on("programs.proxychains.enable"),
            has(lambda value: value != "random", "programs.proxychains.chain.type"),
        ),
        last="24.11",
    ),
    *(
        Rule(
            "config/qt.nix",
            Wrong(
                "qt-style-for-gnome",
                "GNOME's theme for Qt needs a style that GTK has too",
                'set `qt.style`, such as to "adwaita" or "adwaita-dark"',
            ),
            (condition, has(lambda value: value == "gnome", "qt.platformTheme"), on("qt.enable")),
        )
        for condition in (
            has(lambda value: isinstance(value, str) and value not in _GTK_STYLES, "qt.style"),
            off("qt.style"),
        )
    ),
)
