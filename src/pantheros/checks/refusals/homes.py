"""What home-manager refuses of a person's home."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import combinations

from pantheros.checks.refusals.rule import Refused, Rule, Said, given, has, off, on, there, unset
from pantheros.checks.settings import Wrong
from pantheros.checks.view import Names
from pantheros.nix.words import shown
from pantheros.releases.index import UNKNOWN

EDITORS = ("programs.helix", "programs.kakoune", "programs.neovim", "programs.vim", "services.emacs")
DIFF_TOOLS = ("delta", "diff-highlight", "diff-so-fancy", "difftastic", "patdiff", "riff")
SUN = ("latitude", "longitude", "sunrise", "sunset")
_FILES = {
    ("home", "file"): "",
    ("xdg", "configFile"): ".config/",
    ("xdg", "dataFile"): ".local/share/",
    ("xdg", "stateFile"): ".local/state/",
}
"""Where the files of an option lie, below the home."""


RULES: tuple[Rule, ...] = (
    *(
        Rule(
            f"{one.replace('.', '/')}.nix, {other.replace('.', '/')}.nix",
            Wrong(
                "two-default-editors",
                f"{one.partition('.')[2]} and {other.partition('.')[2]} are each to be the default editor",
                "leave out one `defaultEditor`",
            ),
            (
                on(f"{one}.defaultEditor"),
                on(f"{other}.defaultEditor"),
                on(f"{one}.enable"),
                on(f"{other}.enable"),
                unset("home.sessionVariables.EDITOR"),
            ),
        )
        for one, other in combinations(EDITORS, 2)
    ),
    *(
        Rule(
            "programs/git.nix",
            Wrong(
                "two-diff-tools",
                f"{one} and {other} cannot both show the differences that Git finds",
                "switch one of them off",
            ),
            (on(f"programs.git.{one}.enable"), on(f"programs.git.{other}.enable"), on("programs.git.enable")),
            last="25.05",
        )
        for one, other in combinations(DIFF_TOOLS, 2)
    ),
    Rule(
        "programs/nix-index.nix",
        Wrong(
            "two-finders-of-commands",
            "nix-index and command-not-found would both answer where a command is missing",
            "switch one of them off",
        ),
        (
            on("programs.nix-index.enable"),
            on("programs.command-not-found.enable"),
            has(
                lambda value: value is not False,
                *(f"programs.nix-index.enable{shell}Integration" for shell in ("Bash", "Zsh")),
            ),
            unset("home.shell"),
        ),
    ),
    Rule(
        "services/pass-secret-service.nix",
        Wrong(
            "two-secret-services",
            "GNOME's keyring and pass cannot both keep the secrets of programs",
            "switch one of them off",
        ),
        (on("services.pass-secret-service.enable"), on("services.gnome-keyring.enable")),
    ),
    Rule(
        "misc/xdg-portal.nix",
        Wrong(
            "portal-without-implementation",
            "the desktop portals are on, but none is there to answer",
            "add one to `xdg.portal.extraPortals`, such as xdg-desktop-portal-gtk",
        ),
        (on("xdg.portal.enable"), off("xdg.portal.extraPortals"), unset("wayland.windowManager")),
    ),
    Rule(
        "misc/qt.nix",
        Wrong(
            "qt-style-for-gnome",
            "GNOME's theme for Qt needs a style that GTK has too",
            'set `qt.style.name`, such as "adwaita" or "adwaita-dark"',
        ),
        (
            has(lambda value: value == "gnome", "qt.platformTheme.name", "qt.platformTheme"),
            on("qt.enable"),
            off("qt.style.name"),
            unset("qt.style"),
        ),
    ),
    Rule(
        "programs/nh.nix",
        Wrong(
            "flake-is-a-file",
            "nh wants the directory of the flake, and is told a file",
            "leave out the file's name",
        ),
        (has(lambda value: isinstance(value, str) and value.endswith(".nix"), "programs.nh.flake"),),
        last="24.11",
    ),
    Rule(
        "programs/notmuch.nix",
        Wrong(
            "notmuch-without-account",
            "notmuch does not know whose mail it looks after",
            "set `notmuch.enable = true` in the primary account of `accounts.email.accounts`",
        ),
        (on("programs.notmuch.enable"), unset("accounts.email.accounts", "programs.notmuch.extraConfig")),
        last="25.05",
    ),
    *(
        Rule(
            "programs/borgmatic.nix",
            Wrong(
                "borgmatic-source",
                "the backup {name} needs one of directories and patterns to take",
                "set either `location.sourceDirectories` or `location.patterns`",
            ),
            (*conditions, on("programs.borgmatic.enable")),
        )
        for conditions in (
            (
                given("programs.borgmatic.backups.*.location.sourceDirectories"),
                given("programs.borgmatic.backups.*.location.patterns"),
            ),
            (
                there("programs.borgmatic.backups.*"),
                unset(*(f"programs.borgmatic.backups.*.location.{name}" for name in ("sourceDirectories", "patterns"))),
            ),
        )
    ),
    *(
        Rule(
            "services/wlsunset.nix",
            Wrong("place-or-times-of-sun", message, help),
            (*conditions, on("services.wlsunset.enable")),
        )
        for message, help, conditions in (
            (
                "wlsunset knows neither the place nor when the sun rises and sets",
                "set `latitude` and `longitude`, or `sunrise` and `sunset`",
                (on("services.wlsunset.enable"), unset(*(f"services.wlsunset.{name}" for name in SUN))),
            ),
            *(
                (
                    f"wlsunset is told the {SUN[one]}, but not the {SUN[other]}",
                    f"set `services.wlsunset.{SUN[other]}`, too",
                    (there(f"services.wlsunset.{SUN[one]}"), unset(f"services.wlsunset.{SUN[other]}")),
                )
                for one, other in ((0, 1), (1, 0), (2, 3), (3, 2))
            ),
            (
                "wlsunset is told both the place and when the sun rises and sets",
                "keep `latitude` and `longitude`, or `sunrise` and `sunset`",
                tuple(given(f"services.wlsunset.{name}") for name in SUN[::-1]),
            ),
        )
    ),
    *(
        Rule(
            "services/redshift-gammastep/lib/options.nix",
            Wrong(
                "place-or-times-of-sun",
                f"{name} knows neither the place nor when the sun rises and sets",
                'set `latitude` and `longitude`, or `provider = "geoclue2"`, or `dawnTime` and `duskTime`',
            ),
            (
                on(f"services.{name}.enable"),
                unset(
                    *(
                        f"services.{name}.{option}"
                        for option in ("latitude", "longitude", "provider", "dawnTime", "duskTime", "settings")
                    )
                ),
            ),
        )
        for name in ("gammastep", "redshift")
    ),
)


def targets_of_files(said: Said) -> Iterator[Refused]:
    """`files.nix`: no two files lie in the same place."""
    home = said.view.value(("users", "users", str(said.person), "home"), f"/home/{said.person}")
    if any(said.anything(("xdg", f"{name}Home")) for name in ("config", "data", "state")) or not isinstance(home, str):
        return
    found: dict[str, list[Names]] = {}
    for option, below in _FILES.items():
        for name in said.names(option):
            target, enable = said.value((*option, name, "target")), said.value((*option, name, "enable"))
            if target is not UNKNOWN and enable in (None, True):
                inside = str(target or name)
                place = inside.removeprefix(f"{home}/") if inside.startswith("/") else below + inside
                found.setdefault(place, []).append((*option, name))
    for place, paths in found.items():
        if len(paths) > 1:
            message = f"{len(paths)} files are to lie at {place}, where there can be one"
            yield Refused(Wrong("file-target-twice", message, "keep one of them, or give them targets"), tuple(paths))


def identity_of_git(said: Said) -> Iterator[Refused]:
    """`programs/git.nix`: name and address are options, and keys of the file that `extraConfig` adds to."""
    git = ("programs", "git")
    for option, key in (("userName", "name"), ("userEmail", "email")):
        paths = ((*git, option), (*git, "extraConfig", "user", key))
        one, other = map(said.value, paths)
        if isinstance(one, str) and isinstance(other, str) and one != other and said.view.host.release <= "25.05":
            message = f"Git gets two values for `user.{key}`: {shown(one)} and {shown(other)}"
            yield Refused(Wrong("conflicting-values", message, "set it once, for both ways lead to one file"), paths)


def profiles(said: Said) -> Iterator[Refused]:
    """`programs/firefox/mkFirefoxModule.nix`, `programs/thunderbird.nix`: one profile is the default, and no two have
    the same number."""
    for program in ("firefox", "floorp", "librewolf", "thunderbird"):
        path = ("programs", program, "profiles")
        names = said.names(path)
        if said.value((*path[:2], "enable")) is not True or path in said.settings or not names:
            continue
        numbers = {name: said.value((*path, name, "id")) or 0 for name in names} if program != "thunderbird" else {}
        twice = [name for name in numbers if list(numbers.values()).count(numbers[name]) > 1]
        default = {name: said.value((*path, name, "isDefault")) for name in names}
        # What has the number 0 is the default by itself.
        default |= {name: number == 0 for name, number in numbers.items() if default[name] is None}
        if UNKNOWN in (*numbers.values(), *default.values()):
            continue
        chosen = [name for name in names if default[name] is True]
        if twice:
            message = f"several profiles of {program} have the same number: {', '.join(twice)}"
            wrong = Wrong("profile-number-twice", message, "give each an `id` of its own")
            yield Refused(wrong, _each(said, path, twice, "id"))
        elif len(chosen) != 1:
            which = f"{' and '.join(chosen)} are each" if chosen else "none is"
            message = f"of the profiles of {program}, {which} the default: it has to be one"
            wrong = Wrong("default-profile", message, "set `isDefault = true` in one of them")
            yield Refused(wrong, _each(said, path, chosen or names, "isDefault"), (path,))


def primary_accounts(said: Said) -> Iterator[Refused]:
    """`accounts/email.nix`, `accounts/calendar.nix`: one account is the primary one; of calendars, none has to be."""
    for kind, noun in (("email", "mail"), ("calendar", "calendars")):
        path = ("accounts", kind, "accounts")
        names = said.names(path)
        primary = {name: said.value((*path, name, "primary")) for name in names}
        if (
            UNKNOWN in primary.values()
            or path in said.settings
            or any((*path, n, "enable") in said.below for n in names)
        ):
            continue
        chosen = [name for name in names if primary[name] is True]
        if len(chosen) > 1 or (kind == "email" and names and not chosen):
            which = f"{' and '.join(chosen)} are each" if chosen else "none is"
            message = f"of the accounts for {noun}, {which} the primary one: it has to be one"
            wrong = Wrong("primary-account", message, "set `primary = true` in one of them")
            yield Refused(wrong, _each(said, path, chosen or names, "primary"), (path,))


def _each(said: Said, path: Names, names: list[str], option: str) -> tuple[Names, ...]:
    """Where an option is set below each of these names, or else the name; the last first."""
    found = [((*path, name, option), (*path, name)) for name in reversed(names)]
    return tuple(exact if exact in said.settings else whole for exact, whole in found)


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (
    targets_of_files,
    identity_of_git,
    profiles,
    primary_accounts,
)
