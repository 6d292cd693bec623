from __future__ import annotations

import zoneinfo
from collections.abc import Callable
from typing import Any

import pytest

from pantheros.module import State
from pantheros.modules import system
from pantheros.nix.values import Package, Raw, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

RELEASES = [release.name for release in Release.all()]
PINNED = '[pantherOS.system]\nstateVersion = "24.11"\n'

EVERYTHING = """\
[pantherOS.system]
hostName = "aurora"
domain = "example.org"
stateVersion = "24.05"
timeZone = "Europe/Berlin"
basePackages = ["git"]
packages = ["ripgrep", "git"]
documentation = "none"

[pantherOS.system.locale]
default = "en_GB.UTF-8"
address = "de_DE.UTF-8"
collate = "C.UTF-8"
identification = "de_DE.UTF-8"
measurement = "de_DE.UTF-8"
messages = "en_GB.UTF-8"
monetary = "de_DE.UTF-8"
name = "de_DE.UTF-8"
numeric = "de_DE.UTF-8"
paper = "de_DE.UTF-8"
telephone = "de_DE.UTF-8"
time = "en_DK.UTF-8"
extra = ["nl_NL.UTF-8", "de_DE@euro"]

[pantherOS.system.keymap]
layout = "de,us"
variant = "nodeadkeys,"
model = "pc105"
options = ["caps:escape", "compose:ralt"]
console = "de-latin1"

[pantherOS.system.nix]
trustedUsers = ["@wheel", "ada"]
maxJobs = 4
cores = 2
allowUnfree = ["nvidia-x11", "steam"]
channels = true

[[pantherOS.system.nix.caches]]
url = "https://cache.example.org"
publicKey = "cache.example.org-1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

[pantherOS.system.nix.garbageCollection]
schedule = "Sun 03:15"
keep = "14d"
minFree = 5
maxFree = 20
onBattery = true

[pantherOS.system.nix.optimise]
schedule = "monthly"
onBuild = true
"""


@pytest.fixture
def settings(fleet: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    def settings(text: str, release: str = "26.05") -> dict[str, Any]:
        found = fleet(text, release=release)
        settings: dict[str, Any] = found.nixos(module="system")
        assert not [f for f in found.findings if f.severity == "error"]
        return settings

    return settings


def findings(found: Any) -> list[Any]:
    found.expansions("box")
    return [f for f in found.findings if f.option.startswith("pantherOS.system")]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("text", ["", EVERYTHING, EVERYTHING.replace('["nvidia-x11", "steam"]', "true")])
def test_every_setting_exists(settings: Callable[..., dict[str, Any]], release: str, text: str) -> None:
    index = Index.of(Release(release))
    for path in settings(text, release):
        assert index.status("nixos", split_path(path)).kind in {"known", "doubtful"}, path


def test_a_host_without_any_option(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings("")
    assert found["networking.hostName"] == "box"
    assert found["system.stateVersion"] == "26.05"
    assert found["nix.settings.experimental-features"] == ["nix-command", "flakes"]
    assert found["nix.channel.enable"] is False
    assert Package("git") in found["environment.systemPackages"]
    assert not any(path.startswith(("time.", "services.xserver", "console.", "nixpkgs.")) for path in found)


def test_names(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING)
    assert (found["networking.hostName"], found["networking.domain"]) == ("aurora", "example.org")


# State version ------------------------------------------------------------------------------------------------


def test_a_state_version_that_is_not_set_is_told(fleet: Callable[..., Any]) -> None:
    (finding,) = findings(fleet("", release="25.05"))
    assert (finding.code, finding.severity) == ("no-state-version", "warning")
    assert 'stateVersion = "25.05"' in finding.help


def test_a_pinned_host_has_nothing_to_complain_of(fleet: Callable[..., Any]) -> None:
    assert findings(fleet(PINNED)) == []


@pytest.mark.parametrize(
    ("release", "set_to", "used"),
    [
        ("24.11", "26.05", "24.11"),
        ("25.11", "25.11", "25.11"),
        ("26.05", "23.11", "23.11"),
        ("unstable", "26.05", "26.05"),
        ("unstable", "26.11", "26.11"),
        ("unstable", "27.05", "26.11"),
    ],
)
def test_state_version_is_never_after_the_release(
    fleet: Callable[..., Any], release: str, set_to: str, used: str
) -> None:
    found = fleet(f'[pantherOS.system]\nstateVersion = "{set_to}"\n', release=release)
    assert found.nixos(module="system")["system.stateVersion"] == used
    assert [f.code for f in findings(found)] == ([] if set_to == used else ["state-version-too-new"])


def test_unstable_has_a_number(settings: Callable[..., dict[str, Any]]) -> None:
    assert settings("", "unstable")["system.stateVersion"] == "26.05"


def test_what_is_no_release_is_no_state_version(fleet: Callable[..., Any]) -> None:
    assert "pattern-mismatch" in fleet('[pantherOS.system]\nstateVersion = "25.10"\n').codes()


# Time, language, keyboard -------------------------------------------------------------------------------------


def test_time_zone(settings: Callable[..., dict[str, Any]]) -> None:
    for zone in ("Europe/Berlin", "UTC", "America/Argentina/Buenos_Aires", "Etc/GMT+5", "America/Port-au-Prince"):
        assert settings(f'[pantherOS.system]\ntimeZone = "{zone}"\n')["time.timeZone"] == zone


@pytest.mark.parametrize("zone", ["CEST Berlin", "europe", "Europe/", "../etc/passwd", "+02:00"])
def test_what_has_not_the_shape_of_a_time_zone(fleet: Callable[..., Any], zone: str) -> None:
    assert "pattern-mismatch" in fleet(f'[pantherOS.system]\ntimeZone = "{zone}"\n').codes()


def test_an_unknown_time_zone(fleet: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> None:
    system._time_zones.cache_clear()
    monkeypatch.setattr(zoneinfo, "available_timezones", lambda: {"Europe/Berlin", "Asia/Tokyo"})
    (finding,) = findings(fleet(PINNED + 'timeZone = "Europe/Berlyn"\n'))
    assert (finding.code, finding.help) == ("unknown-time-zone", "did you mean Europe/Berlin?")
    system._time_zones.cache_clear()
    monkeypatch.setattr(zoneinfo, "available_timezones", set)
    assert findings(fleet(PINNED + 'timeZone = "Europe/Berlyn"\n')) == []
    system._time_zones.cache_clear()


def test_locale(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING)
    assert found["i18n.defaultLocale"] == "en_GB.UTF-8"
    categories = {path.rpartition(".")[2] for path in found if path.startswith("i18n.extraLocaleSettings.")}
    assert len(categories) == 11 and {"LC_TIME", "LC_PAPER", "LC_COLLATE"} <= categories
    assert found["i18n.extraLocaleSettings.LC_TIME"] == "en_DK.UTF-8"
    assert found["i18n.extraLocales"] == ["nl_NL.UTF-8/UTF-8", "de_DE@euro/ISO-8859-15"]


def test_locales_of_24_11_are_one_whole_list(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING, "24.11")
    assert "i18n.extraLocales" not in found
    assert found["i18n.supportedLocales"][0] == "C.UTF-8/UTF-8"
    assert {"en_GB.UTF-8/UTF-8", "en_DK.UTF-8/UTF-8", "nl_NL.UTF-8/UTF-8"} <= set(found["i18n.supportedLocales"])
    assert "i18n.supportedLocales" not in settings(PINNED, "24.11")


def test_keymap(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING)
    assert found["services.xserver.xkb.layout"] == "de,us"
    assert found["services.xserver.xkb.options"] == "caps:escape,compose:ralt"
    assert found["console.keyMap"] == "de-latin1" and "console.useXkbConfig" not in found


def test_the_console_has_the_layout_too(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings('[pantherOS.system.keymap]\nlayout = "de"\n')
    assert found["console.useXkbConfig"] is True and "console.keyMap" not in found


def test_a_variant_needs_a_layout(fleet: Callable[..., Any]) -> None:
    assert "variant-without-layout" in fleet('[pantherOS.system.keymap]\nvariant = "colemak"\n').codes()


# Nix ----------------------------------------------------------------------------------------------------------


def test_caches_and_trust(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING)
    assert found["nix.settings.substituters"] == ["https://cache.example.org"]
    assert found["nix.settings.trusted-public-keys"][0].startswith("cache.example.org-1:")
    assert found["nix.settings.trusted-users"] == ["@wheel", "ada"]
    assert (found["nix.settings.max-jobs"], found["nix.settings.cores"]) == (4, 2)
    assert found["nix.channel.enable"] is True


def test_a_cache_needs_its_key(fleet: Callable[..., Any]) -> None:
    text = '[[pantherOS.system.nix.caches]]\nurl = "https://cache.example.org"\n'
    assert "missing-option" in fleet(text).codes()
    assert "pattern-mismatch" in fleet(text + 'publicKey = "ssh-ed25519 AAAA"\n').codes()


def test_garbage_collection(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING)
    assert (found["nix.gc.dates"], found["nix.gc.options"]) == ("Sun 03:15", "--delete-older-than 14d")
    assert (found["nix.settings.min-free"], found["nix.settings.max-free"]) == (5 * 2**30, 20 * 2**30)
    assert found["systemd.services.nix-gc.serviceConfig"]["IOSchedulingClass"] == "idle"
    off = settings("[pantherOS.system.nix.garbageCollection]\nenable = false\n")
    assert not any("gc" in path for path in off)


def test_room_to_make_is_twice_the_room_to_keep(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings("[pantherOS.system.nix.garbageCollection]\nminFree = 3\n")
    assert found["nix.settings.max-free"] == 6 * 2**30


def test_laptops_put_it_off_on_battery(settings: Callable[..., dict[str, Any]]) -> None:
    path = "systemd.services.nix-gc.unitConfig.ConditionACPower"
    assert settings('kind = "laptop"\n')[path] is True
    assert path not in settings('kind = "server"\n')
    more = "[pantherOS.system.nix.garbageCollection]\nonBattery = true\n"
    assert path not in settings('kind = "laptop"\n' + more)


def test_optimise(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING)
    assert found["nix.optimise.dates"] == ["monthly"] and found["nix.settings.auto-optimise-store"] is True
    off = settings("[pantherOS.system.nix.optimise]\nenable = false\n")
    assert not any("optimise" in path for path in off)


def test_unfree(settings: Callable[..., dict[str, Any]]) -> None:
    predicate = settings(EVERYTHING)["nixpkgs.config.allowUnfreePredicate"]
    assert predicate == Raw('pkg: builtins.elem (lib.getName pkg) [ "nvidia-x11" "steam" ]')
    assert settings("[pantherOS.system.nix]\nallowUnfree = true\n")["nixpkgs.config.allowUnfree"] is True
    assert not any("nfree" in path for path in settings("[pantherOS.system.nix]\nallowUnfree = []\n"))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("[pantherOS.system.nix.garbageCollection]\nminFree = 5\nmaxFree = 2\n", "free-space-swapped"),
        ("[pantherOS.system.nix.garbageCollection]\nmaxFree = 2\n", "max-free-alone"),
        ('[pantherOS.system.nix]\ntrustedUsers = ["*"]\n', "everybody-trusted"),
    ],
)
def test_nix_findings(fleet: Callable[..., Any], text: str, code: str) -> None:
    assert code in [f.code for f in findings(fleet(text))]


# Packages and documentation -----------------------------------------------------------------------------------


def test_packages(settings: Callable[..., dict[str, Any]]) -> None:
    assert settings(EVERYTHING)["environment.systemPackages"] == [Package("git"), Package("ripgrep")]
    found = settings('[pantherOS.system]\npackages = ["ripgrep"]\n')["environment.systemPackages"]
    assert found[-1] == Package("ripgrep") and len(found) > 5
    assert "environment.systemPackages" not in settings("[pantherOS.system]\nbasePackages = []\n")


def test_base_packages_exist(settings: Callable[..., dict[str, Any]]) -> None:
    for release in RELEASES:
        for package in settings("", release)["environment.systemPackages"]:
            assert Index.of(Release(release)).package(package.name).kind == "known"


def test_servers_do_without_the_manual(settings: Callable[..., dict[str, Any]]) -> None:
    assert settings('kind = "server"\n')["documentation.nixos.enable"] is False
    assert not any(path.startswith("documentation") for path in settings(""))
    assert settings(EVERYTHING)["documentation.enable"] is False
    full = 'kind = "server"\n[pantherOS.system]\ndocumentation = "full"\n'
    assert not any(path.startswith("documentation") for path in settings(full))


def test_state(fleet: Callable[..., Any]) -> None:
    host = fleet("").model.resolver.host("box")
    assert {"/etc/machine-id", "/var/lib/systemd"} <= {state.path for state in host.resources(State)}


def test_without_this_module_the_state_version_is_for_the_user_to_say(fleet: Callable[..., Any]) -> None:
    off = "[pantherOS.system]\nenable = false\n"
    assert "no-state-version" in fleet(off).codes()
    assert "no-state-version" not in fleet(off + '[nixos.system]\nstateVersion = "24.11"\n').codes()


@pytest.mark.parametrize(
    ("version", "right"),
    [("24.11", True), ("20.09", True), ("18.09", True), ("20.05", False), ("21.03", False), ("18.05", False)],
)
def test_state_versions_are_releases_that_there_were(fleet: Callable[..., Any], version: str, right: bool) -> None:
    found = fleet(f'[pantherOS.system]\nstateVersion = "{version}"\n').codes()
    assert ("pattern-mismatch" not in found) is right
