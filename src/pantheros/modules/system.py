"""What every machine has: its name, time zone, language, keyboard, state version, Nix itself and base packages."""

from __future__ import annotations

import zoneinfo
from functools import cache
from typing import Annotated, Literal

from pydantic import Field

from pantheros.findings import nearest
from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    Layer,
    ModuleOptions,
    PackageName,
    Resources,
    Settings,
    State,
    key,
    pkg,
    raw,
)
from pantheros.releases.release import CURRENT, Release

LocaleName = Annotated[
    str,
    Field(
        pattern=r"^(C|POSIX|[a-z]{2,3}(_[A-Z]{2})?)(\.[A-Za-z0-9-]+)?(@[a-z]+)?$",
        description='a locale such as "de_DE.UTF-8"',
    ),
]
Word = Annotated[str, Field(pattern=r"^[\w:.+-]+$", description="a name without spaces")]
Words = Annotated[str, Field(pattern=r"^[\w:.+,-]+$", description="names separated by commas, without spaces")]
HostName = Annotated[
    str,
    Field(
        pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]{0,61}[A-Za-z0-9])?$",
        description="a name of letters, digits and `-`, at most 63",
    ),
]
Domain = Annotated[
    str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", description='a domain such as "example.org"')
]
Trusted = Annotated[str, Field(pattern=r"^(\*|@?[a-z_][\w-]*)$", description='an account, or a group as "@wheel"')]
StateVersion = Annotated[
    str,
    Field(
        pattern=r"^(18\.09|(19|20)\.(03|09)|(2[1-9]|[3-9]\d)\.(05|11))$",
        description='a release such as "25.11", from 18.09 on',  # home-manager knows none before
    ),
]
TimeZone = Annotated[
    str, Field(pattern=r"^[A-Z][\w+-]*(/[A-Z][\w+-]*){0,2}$", description='a time zone such as "Europe/Berlin"')
]
Calendar = Annotated[
    str, Field(pattern=r"^[\w*:/,.~ -]+$", description='a time of systemd.time(7), such as "weekly" or "Sun 03:15"')
]


class Locale(Group):
    default: LocaleName = "en_US.UTF-8"
    """Language and customs of everything that is not said otherwise."""
    address: LocaleName | None = None
    """How addresses are written."""
    collate: LocaleName | None = None
    """How words are sorted. `C.UTF-8` sorts as programs do, byte by byte."""
    identification: LocaleName | None = None
    """What a locale says of itself; nearly nothing reads it."""
    measurement: LocaleName | None = None
    """Metres or feet."""
    messages: LocaleName | None = None
    """Language of messages."""
    monetary: LocaleName | None = None
    """How amounts of money are written."""
    name: LocaleName | None = None
    """How people are addressed."""
    numeric: LocaleName | None = None
    """Decimal point or comma."""
    paper: LocaleName | None = None
    """A4 or Letter."""
    telephone: LocaleName | None = None
    """How telephone numbers are written."""
    time: LocaleName | None = None
    """How dates and times are written, and when the week begins."""
    extra: list[LocaleName] = []
    """Locales to have besides those in use, for people who choose another in their session."""


class Keymap(Group):
    layout: Words | None = None
    """Keyboard layout as X and Wayland call it, several separated by commas: `de`, `us`. The console gets the same."""
    variant: Words | None = None
    """Variant of the layout: `nodeadkeys`, `colemak`; of several layouts, one for each, separated by commas."""
    model: Word | None = None
    """Kind of keyboard: `pc105`."""
    options: list[Word] = []
    """Options of the layout: `["caps:escape", "compose:ralt"]`."""
    console: Word | None = None
    """The console's keymap (`de-latin1`), where it is to differ from the layout. Left out, it is made from `layout`."""


class Cache(Group):
    url: Annotated[str, Field(pattern=r"^(https?|ssh(-ng)?|s3|file)://\S+$", description="the address of a cache")]
    """Where the cache is."""
    public_key: Annotated[
        str,
        Field(pattern=r"^[\w.-]+:[A-Za-z0-9+/]{43}=$", description='a public key such as "cache.example.org-1:..."'),
    ]
    """The key that the cache signs with, as its owner publishes it. Without it Nix takes nothing from there."""


class GarbageCollection(Group):
    enable: bool = True
    """Delete what no system and no person uses any more, at set times."""
    schedule: Calendar = "weekly"
    """When, as systemd.time(7) has it. A machine that was off makes up for it."""
    keep: Annotated[str, Field(pattern=r"^[1-9]\d*d$", description='a number of days such as "30d"')] = "30d"
    """How long old generations stay, to roll back to."""
    min_free: Annotated[int, Field(ge=1, le=10000)] | None = None
    """Gibibytes: while building, with less room than this on the disk, Nix deletes unused paths at once."""
    max_free: Annotated[int, Field(ge=1, le=10000)] | None = None
    """Gibibytes: how much room it then makes. Left out, twice `minFree`."""
    on_battery: bool = False
    """Collect garbage and optimise the store on battery as well. It is put off otherwise, on laptops alone."""


class Optimise(Group):
    enable: bool = True
    """Store equal files only once, by a search at set times. It saves a quarter of the store or more."""
    schedule: Calendar = "weekly"
    """When, as systemd.time(7) has it."""
    on_build: bool = False
    """Look for equal files after every build as well, which makes builds slower."""


class Nix(Group):
    trusted_users: list[Trusted] = []
    """People, and groups as `@wheel`, whom Nix trusts besides root. They can bring in any package unsigned, so they are
    as good as root; needed to deploy as somebody else than root."""
    caches: list[Cache] = []
    """Binary caches to ask before cache.nixos.org."""
    garbage_collection: GarbageCollection = GarbageCollection()
    """Getting rid of old generations and unused packages."""
    optimise: Optimise = Optimise()
    """Storing equal files once."""
    max_jobs: Annotated[int, Field(ge=0, le=1024)] | Literal["auto"] | None = None
    """How many builds run at once; `auto` is one per core, 0 leaves building to other machines. Left out: `auto`."""
    cores: Annotated[int, Field(ge=0, le=1024)] | None = None
    """How many cores one build may use; 0, which is also NixOS's default, means all."""
    allow_unfree: bool | list[Word] = False
    """Allow packages that are not free software: all of them, or those with these names (`["nvidia-x11", "steam"]`, a
    package's `pname`)."""
    channels: bool = False
    """Keep channels and `nix-channel`. Off, since a flake says what a machine is made of; `nixpkgs` in `nix shell` and
    `<nixpkgs>` mean the fleet's own in either case."""


class Options(ModuleOptions):
    enable: bool = True
    """Whether to use this module."""
    host_name: HostName | None = None
    """The machine's name in the network. Left out, that of its directory."""
    domain: Domain | None = None
    """The domain that the machine's full name ends in."""
    state_version: StateVersion | None = None
    """The NixOS release that the machine was first installed with. Services keep the layout of their data by it, so it
    stays for the machine's life; set it when you install. Left out, it is the fleet's release, and changes with it."""
    time_zone: TimeZone | None = None
    """Time zone, as the IANA names it: `Europe/Berlin`. Left out, the clock shows UTC until somebody runs
    `timedatectl`."""
    locale: Locale = Locale()
    """Language and customs."""
    keymap: Keymap = Keymap()
    """The keyboard."""
    nix: Nix = Nix()
    """Nix itself. Flakes are always on."""
    base_packages: list[PackageName] = ["file", "git", "htop", "lsof", "pciutils", "tree", "usbutils", "vim"]
    """Packages that every host has, to look around with. Setting it replaces the list."""
    packages: list[PackageName] = []
    """Further packages for everybody on the host."""
    documentation: Literal["full", "man", "none"] = "full"
    """What documentation is installed: also NixOS's own manual, which takes a while to build; manual pages alone; or
    none. `man` on servers."""


def defaults(host: Host) -> Layer:
    return {"documentation": "man"} if host.kind == "server" else {}


def nixos(o: Options, host: Host) -> Settings:
    yield "networking.hostName", o.host_name or host.name
    if o.domain:
        yield "networking.domain", o.domain
    yield "system.stateVersion", _state_version(o, host)
    if o.time_zone:
        yield "time.timeZone", o.time_zone
    yield from _locale(o.locale, host)
    yield from _keymap(o.keymap)
    yield from _nix(o.nix)
    yield from _upkeep(o.nix, host)
    packages = dict.fromkeys([*o.base_packages, *o.packages])
    if packages:
        yield "environment.systemPackages", [pkg(name) for name in packages]
    yield from _documentation(o)


def resources(o: Options, host: Host) -> Resources:
    # By its id the machine's journal and its DHCP leases are told from those of others.
    yield State("/etc/machine-id", kind="file", mode="0444")
    yield State("/var/lib/systemd", backup=False)


def findings(o: Options, host: Host) -> Findings:
    yield from _state_version_findings(o, host)
    yield from _time_zone_findings(o)
    yield from _keymap_findings(o)
    yield from _nix_findings(o)


def without(o: Options, host: Host) -> Findings:
    if not host.may_set("system.stateVersion"):
        newest = _newest(host.release)
        yield Finding(
            "no-state-version",
            "without `pantherOS.system` nothing says which release this host was installed with, and NixOS warns",
            at="enable",
            help=f'leave it enabled, or set `nixos.system.stateVersion = "{newest}"`',
        )


# State version ------------------------------------------------------------------------------------------------


def _state_version(o: Options, host: Host) -> str:
    """What the host was installed with; no later than what it runs, since NixOS can't know later ones."""
    newest = _newest(host.release)
    return min(o.state_version or newest, newest if host.release != "unstable" else _after(newest))


def _newest(release: Release) -> str:
    """The newest state version of a release. `unstable` is on its way to the one after the current."""
    return CURRENT.name if release == "unstable" else release.name


def _after(name: str) -> str:
    year, month = name.split(".")
    return f"{year}.11" if month == "05" else f"{int(year) + 1}.05"


def _state_version_findings(o: Options, host: Host) -> Findings:
    used = _state_version(o, host)
    if o.state_version is None:
        yield Finding(
            "no-state-version",
            f"`stateVersion` is not set: it is {used} now, and would change with the fleet's release",
            severity="warning",
            at="stateVersion",
            help=f'set `stateVersion = "{used}"` in the host\'s file, or the release it was first installed with',
        )
    elif o.state_version != used:
        yield Finding(
            "state-version-too-new",
            f"`stateVersion` is {o.state_version}, but the fleet runs {host.release}; {used} is used instead",
            severity="warning",
            at="stateVersion",
            help="set the release that the machine was first installed with",
        )


# Time, language, keyboard -------------------------------------------------------------------------------------


def _time_zone_findings(o: Options) -> Findings:
    zones = _time_zones() if o.time_zone else frozenset()
    if o.time_zone and zones and o.time_zone not in zones:
        guess = nearest(o.time_zone, sorted(zones))
        yield Finding(
            "unknown-time-zone",
            f"there is no time zone {o.time_zone} that this machine knows of",
            severity="warning",
            at="timeZone",
            help=f"did you mean {guess}?" if guess else "names are listed by `timedatectl list-timezones`",
        )


@cache
def _time_zones() -> frozenset[str]:
    """The time zones that are known here; none where there is no such data."""
    return frozenset(zoneinfo.available_timezones())


_CATEGORIES = (
    *("address", "collate", "identification", "measurement", "messages", "monetary"),
    *("name", "numeric", "paper", "telephone", "time"),
)


def _locale(o: Locale, host: Host) -> Settings:
    yield "i18n.defaultLocale", o.default
    chosen: dict[str, str] = {
        f"LC_{category.upper()}": value for category in _CATEGORIES if (value := getattr(o, category))
    }
    for name, value in chosen.items():
        yield f"i18n.extraLocaleSettings.{name}", value
    if o.extra and host.release >= "25.05":
        yield "i18n.extraLocales", [_with_charset(name) for name in dict.fromkeys(o.extra)]
    elif o.extra:  # here the list is all there is, so what NixOS would add is in it as well
        names = dict.fromkeys(["C.UTF-8", "en_US.UTF-8", o.default, *chosen.values(), *o.extra])
        yield "i18n.supportedLocales", [_with_charset(name) for name in names]


def _with_charset(locale: str) -> str:
    """A locale as glibc lists it: `de_DE.UTF-8/UTF-8`, `de_DE@euro/ISO-8859-15`."""
    name, _, modifier = locale.partition("@")
    _, _, charset = name.partition(".")
    return f"{locale}/{charset or ('ISO-8859-15' if modifier == 'euro' else 'UTF-8')}"


def _keymap(o: Keymap) -> Settings:
    if o.layout:
        yield "services.xserver.xkb.layout", o.layout
    if o.variant:
        yield "services.xserver.xkb.variant", o.variant
    if o.model:
        yield "services.xserver.xkb.model", o.model
    if o.options:
        yield "services.xserver.xkb.options", ",".join(o.options)
    if o.console:
        yield "console.keyMap", o.console
    elif o.layout or o.options:
        yield "console.useXkbConfig", True


def _keymap_findings(o: Options) -> Findings:
    if o.keymap.variant and not o.keymap.layout:
        yield Finding(
            "variant-without-layout",
            f"the keyboard has a variant, {o.keymap.variant}, but no layout that it is one of",
            at="keymap.variant",
            help='set `keymap.layout`, such as "us"',
        )


# Nix ----------------------------------------------------------------------------------------------------------


def _nix(o: Nix) -> Settings:
    yield "nix.settings.experimental-features", ["nix-command", "flakes"]
    yield "nix.channel.enable", o.channels
    if o.trusted_users:
        yield "nix.settings.trusted-users", list(o.trusted_users)
    if o.caches:
        yield "nix.settings.substituters", [cache.url for cache in o.caches]
        yield "nix.settings.trusted-public-keys", list(dict.fromkeys(cache.public_key for cache in o.caches))
    if o.max_jobs is not None:
        yield "nix.settings.max-jobs", o.max_jobs
    if o.cores is not None:
        yield "nix.settings.cores", o.cores
    if o.allow_unfree is True:
        yield "nixpkgs.config.allowUnfree", True
    elif o.allow_unfree:
        names = " ".join(f'"{name}"' for name in o.allow_unfree)
        yield "nixpkgs.config.allowUnfreePredicate", raw(f"pkg: builtins.elem (lib.getName pkg) [ {names} ]")


def _upkeep(o: Nix, host: Host) -> Settings:
    """Garbage collection and optimisation: in the background, and out of the way of what people do."""
    collect, optimise = o.garbage_collection, o.optimise
    if collect.enable:
        yield "nix.gc.automatic", True
        yield "nix.gc.dates", collect.schedule
        yield "nix.gc.options", f"--delete-older-than {collect.keep}"
        yield "nix.gc.randomizedDelaySec", "45min"
    if collect.min_free is not None:
        yield "nix.settings.min-free", collect.min_free * _GIBIBYTE
        yield "nix.settings.max-free", (collect.max_free or 2 * collect.min_free) * _GIBIBYTE
    if optimise.enable:
        yield "nix.optimise.automatic", True
        yield "nix.optimise.dates", [optimise.schedule]
    if optimise.on_build:
        yield "nix.settings.auto-optimise-store", True
    for name, enabled in (("nix-gc", collect.enable), ("nix-optimise", optimise.enable)):
        if enabled:
            service = f"systemd.services.{key(name)}"
            yield f"{service}.serviceConfig", {"CPUSchedulingPolicy": "idle", "IOSchedulingClass": "idle"}
            if host.portable and not collect.on_battery:
                yield f"{service}.unitConfig.ConditionACPower", True


_GIBIBYTE = 1024**3


def _nix_findings(o: Options) -> Findings:
    collect = o.nix.garbage_collection
    if collect.max_free is not None and collect.max_free < (collect.min_free or 0):
        yield Finding(
            "free-space-swapped",
            f"Nix would stop at {collect.max_free} GiB of free space, which is less than where it begins",
            at="nix.garbageCollection.maxFree",
            help="set `maxFree` above `minFree`",
        )
    elif collect.max_free is not None and collect.min_free is None:
        yield Finding(
            "max-free-alone",
            "`maxFree` says how much room to make, but without `minFree` Nix never begins to",
            severity="warning",
            at="nix.garbageCollection.maxFree",
            help="set `minFree` as well",
        )
    for name in o.nix.trusted_users:
        if name in ("*", "@users"):
            yield Finding(
                "everybody-trusted",
                f"`{name}` makes everybody on the host as good as root",
                severity="warning",
                at="nix.trustedUsers",
                help='trust `"@wheel"` at most',
            )


# Documentation ------------------------------------------------------------------------------------------------


def _documentation(o: Options) -> Settings:
    if o.documentation == "man":
        yield "documentation.nixos.enable", False
        yield "documentation.info.enable", False
        yield "documentation.doc.enable", False
    elif o.documentation == "none":
        yield "documentation.enable", False
