from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.nix.values import Scope, split_path
from pantheros.releases.index import UNKNOWN, Index, Kind, Option, Refused, Status
from pantheros.releases.release import Release

RELEASES = [release.name for release in Release.all()]


def status(release: str, scope: Scope, path: str) -> Status:
    return Index.of(Release(release)).status(scope, split_path(path))


def option(release: str, scope: Scope, path: str) -> Option:
    found = Index.of(Release(release)).option(scope, split_path(path))
    assert found
    return found


@pytest.mark.parametrize(
    ("release", "scope", "path", "type_"),
    [
        ("24.11", "nixos", "services.openssh.enable", "boolean"),
        ("26.05", "nixos", "services.openssh.enable", "boolean"),
        ("24.11", "nixos", "time.timeZone", "null or string without spaces"),
        ("24.11", "nixos", "users.users.ada.extraGroups", "list of string"),
        ("24.11", "nixos", 'fileSystems."/".options', "non-empty (list of string (with check: non-empty))"),
        ("24.11", "nixos", "disko.devices.disk.main.device", "An absolute path"),
        ("24.11", "nixos", "services.onepassword-secrets.secrets.a.mode", "string"),
        ("24.11", "nixos", 'environment.persistence."/persist".hideMounts', "boolean"),
        ("24.11", "nixos", "facter.reportPath", "null or path"),
        ("24.11", "home", "programs.git.userEmail", "null or string"),
        ("26.05", "home", "programs.git.enable", "boolean"),
        ("26.05", "home", "programs.onepassword-secrets.enable", "boolean"),
        ("unstable", "home", "programs.git.enable", "boolean"),
    ],
)
def test_types(release: str, scope: Scope, path: str, type_: str) -> None:
    assert status(release, scope, path).kind == "known"
    assert option(release, scope, path).type == type_


def test_wildcards() -> None:
    assert option("24.11", "nixos", "users.users.ada.openssh.authorizedKeys.keys").name == (
        "users.users.<name>.openssh.authorizedKeys.keys"
    )
    address = option("24.11", "nixos", "networking.interfaces.eth0.ipv4.addresses.*.address")
    assert address.name == "networking.interfaces.<name>.ipv4.addresses.*.address"
    assert option("24.11", "nixos", "networking.interfaces.eth0.ipv4.addresses.0.address") == address
    # a name of the index finds itself, a key with dots is one key, and a key may be named like a wildcard
    assert option("24.11", "nixos", "users.users.<name>.shell").name == "users.users.<name>.shell"
    index = Index.of(Release("24.11"))
    assert index.option("nixos", ("fileSystems", "/mnt/a.b", "device"))
    assert index.option("nixos", ("users", "users", "*", "shell"))
    assert status("24.11", "nixos", "users.users.ada.shel").kind == "unknown"


@pytest.mark.parametrize(
    ("scope", "path", "name", "below"),
    [
        ("nixos", "services.openssh.settings.Anything", "services.openssh.settings", ("Anything",)),
        ("nixos", 'boot.kernel.sysctl."net.ipv4.ip_forward"', "boot.kernel.sysctl", ("net.ipv4.ip_forward",)),
        ("nixos", "systemd.services.a.serviceConfig.ExecStart", "systemd.services.<name>.serviceConfig",
         ("ExecStart",)),
        ("nixos", "systemd.services.a.environment.HOME", "systemd.services.<name>.environment", ("HOME",)),
        ("nixos", "nix.settings.some-new-setting", "nix.settings", ("some-new-setting",)),
        ("nixos", "disko.devices.disk.a.content.partitions.b", "disko.devices.disk.<name>.content",
         ("partitions", "b")),
        ("home", "programs.git.extraConfig.merge.conflictStyle", "programs.git.extraConfig",
         ("merge", "conflictStyle")),
    ],
)  # fmt: skip
def test_below_free_form(scope: Scope, path: str, name: str, below: tuple[str, ...]) -> None:
    found = option("24.11", scope, path)
    assert (found.name, found.below) == (name, below)


@pytest.mark.parametrize(
    ("release", "path", "kind"),
    [
        ("24.11", "services.openssh.enable.deeper", "unknown"),
        ("26.05", "services.openssh.enable.deeper", "unknown"),  # not even later is a boolean a set
        ("24.11", "users.users.ada.extraGroups.a", "unknown"),
        ("24.11", "users.users.ada.extraGroups.0", "known"),
        ("24.11", "users.users.ada.extraGroups.0.a", "unknown"),
        ("24.11", "users.users.ada.nothing", "unknown"),
        ("26.05", "users.users.ada.nothing", "doubtful"),
        ("24.11", "services.openssh", "group"),
        ("24.11", "users.users.ada", "group"),
        ("24.11", "users.users", "known"),
        ("24.11", "nowhere.at.all", "unknown"),
        ("25.05", "nowhere.at.all", "doubtful"),
        ("unstable", "nowhere.at.all", "doubtful"),
    ],
)
def test_kinds(release: str, path: str, kind: Kind) -> None:
    assert status(release, "nixos", path).kind == kind


def test_home_is_whole_up_to_26_05() -> None:
    assert [status(release, "home", "programs.nothing.enable").kind for release in RELEASES] == [
        "unknown", "unknown", "unknown", "unknown", "doubtful",
    ]  # fmt: skip
    assert status("26.05", "home", 'home.persistence."/persist".directories').kind == "doubtful"


@pytest.mark.parametrize(
    ("scope", "path", "to", "releases"),
    [
        ("nixos", "boot.cleanTmpDir", "boot.tmp.cleanOnBoot", RELEASES),
        ("nixos", "networking.interfaces.eth0.ip4", "networking.interfaces.eth0.ipv4.addresses", RELEASES),
        ("nixos", "security.acme.certs.a.credentialsFile", "security.acme.certs.a.environmentFile", RELEASES),
        ("nixos", "security.acme.email", "security.acme.defaults.email", RELEASES),
        ("nixos", "hardware.pulseaudio.enable", "services.pulseaudio.enable", RELEASES[1:]),
        ("nixos", "hardware.pulseaudio.daemon.config", "services.pulseaudio.daemon.config", RELEASES[1:]),
        ("nixos", "services.logind.lidSwitch", "services.logind.settings.Login.HandleLidSwitch",
         RELEASES[2:]),
        ("nixos", "services.resolved.dnssec", "services.resolved.settings.Resolve.DNSSEC", RELEASES[3:]),
        ("nixos", "networking.wireless.userControlled.enable", "networking.wireless.userControlled",
         RELEASES[3:]),
        ("home", "programs.git.userEmail", "programs.git.settings.user.email", RELEASES[2:]),
        ("home", "programs.ssh.matchBlocks.a.user", "programs.ssh.settings.a.user", RELEASES[3:]),
        ("home", "services.swayidle.systemdTarget", "services.swayidle.systemdTargets", RELEASES[3:]),
    ],
)  # fmt: skip
def test_renames(scope: Scope, path: str, to: str, releases: list[str]) -> None:
    for release in RELEASES:
        found = status(release, scope, path)
        assert (found.kind == "renamed") == (release in releases), release
        if release in releases:
            assert found.to == to


def test_one_name_renamed_twice() -> None:
    path = "programs.ssh.addKeysToAgent"
    assert status("25.11", "home", path).to == 'programs.ssh.matchBlocks."*".addKeysToAgent'
    assert status("26.05", "home", path).to == 'programs.ssh.settings."*".AddKeysToAgent'


def test_removed() -> None:
    assert status("24.11", "nixos", "services.redis.pidFile").kind == "removed"
    assert status("25.11", "nixos", "services.openssh.banner").kind == "known"
    banner = status("26.05", "nixos", "services.openssh.banner")
    assert (banner.kind, banner.to, banner.option) == ("removed", "services.openssh.settings.Banner", None)
    assert banner.since == "26.05" and banner.detail
    assert status("26.05", "nixos", "systemd.services.network-setup.enable").kind == "removed"
    assert status("26.05", "nixos", "systemd.services.other.enable").kind == "known"
    assert status("26.05", "home", "programs.vscode.pname").kind == "removed"
    # the switch that came, became the default, and went
    assert [status(release, "nixos", "system.rebuild.enableNg").kind for release in RELEASES] == [
        "unknown", "known", "known", "removed", "removed",
    ]  # fmt: skip


def test_added() -> None:
    path = "services.crowdsec.enable"
    early = status("24.11", "nixos", path)
    assert early.kind == "unknown" and early.since == "25.11"
    assert status("25.05", "nixos", path).since == "25.11"
    late = status("25.11", "nixos", path)
    assert (late.kind, late.option) == ("doubtful", None) and "services.crowdsec" in late.detail
    assert option("25.05", "nixos", "users.users.ada.enable").type == ""
    # inferred to be in 25.11: doubtful there, beyond doubt in the next release
    inferred = status("25.11", "nixos", "hardware.facter.reportPath")
    assert (inferred.kind, inferred.certain) == ("doubtful", False) and inferred.option
    assert status("26.05", "nixos", "hardware.facter.reportPath").kind == "known"
    # what a rename brings is known, with the types of a tree that moved, and by its old name before
    assert option("25.05", "nixos", "services.pulseaudio.enable").type == "boolean"
    assert status("24.11", "nixos", "services.pulseaudio.enable").to == "hardware.pulseaudio.enable"
    login = option("25.11", "nixos", "services.logind.settings.Login.IdleAction")
    assert (login.name, login.below) == ("services.logind.settings", ("Login", "IdleAction"))
    assert status("24.11", "home", "programs.ghostty.systemd.enable").since == "25.11"


def test_defaults() -> None:
    def default(release: str, path: str) -> object:
        return Index.of(Release(release)).default("nixos", split_path(path))

    assert default("24.11", "services.openssh.enable") is False
    assert default("26.05", "services.openssh.enable") is False
    assert default("24.11", "networking.firewall.logRefusedConnections") is True
    assert default("25.11", "networking.firewall.logRefusedConnections") is True
    assert default("26.05", "networking.firewall.logRefusedConnections") is UNKNOWN  # it changed
    assert option("26.05", "nixos", "networking.firewall.logRefusedConnections").type == "boolean"
    assert option("26.05", "nixos", "users.users.ada.linger").type == ""  # its type changed
    assert default("25.05", "services.pulseaudio.enable") is UNKNOWN
    assert default("24.11", "users.users.ada.isNormalUser") is UNKNOWN
    assert default("24.11", "no.such.option") is UNKNOWN
    assert default("24.11", "services.openssh.settings.Anything") is UNKNOWN
    assert Index.of(Release("24.11")).default("home", ("programs", "git", "enable")) is UNKNOWN


def test_flags() -> None:
    assert option("24.11", "nixos", "boot.cleanTmpDir").hidden
    assert option("24.11", "nixos", "boot.zfs.enabled").read_only
    assert option("24.11", "nixos", "assertions").internal
    plain = option("24.11", "nixos", "services.openssh.enable")
    assert not (plain.hidden or plain.read_only or plain.internal)


def test_nearest() -> None:
    index = Index.of(Release("26.05"))
    assert index.nearest("nixos", split_path("services.opensh.enable")) == "services.openssh"
    assert index.nearest("nixos", split_path("users.users.ada.shel")) == "users.users.ada.shell"
    assert index.nearest("nixos", split_path("virtualization.podman.enable")) == "virtualisation"
    assert index.nearest("home", split_path("programs.git.enabel")) == "programs.git.enable"
    assert index.nearest("nixos", split_path("services.zzzzzzzzzzzz.enable")) is None
    assert index.nearest("nixos", split_path("services.openssh.enable")) is None


@pytest.mark.parametrize(
    ("release", "name", "kind", "to"),
    [
        ("24.11", "k9s", "known", ""),
        ("26.05", "k9s", "known", ""),
        ("24.11", "k99s", "unknown", ""),
        ("26.05", "k99s", "doubtful", ""),
        ("24.11", "pinentry", "alias", ""),
        ("24.11", "vimPlugins.nvim-lspconfig", "known", ""),
        ("24.11", "vimPlugins.no-such-plugin", "unknown", ""),
        ("25.05", "vimPlugins.no-such-plugin", "doubtful", ""),
        ("24.11", "python3Packages.requests", "known", ""),
        ("24.11", "vscode-extensions.ms-python.python", "known", ""),
        ("24.11", "vscode-extensions.ms-python.no-such", "unknown", ""),
        ("24.11", 'nodePackages."@angular/cli"', "known", ""),
        ("26.05", 'nodePackages."@angular/cli"', "removed", ""),
        ("24.11", "linuxPackages.nvidia_x11", "doubtful", ""),
        ("24.11", "nerdfonts", "known", ""),
        ("25.05", "nerdfonts", "removed", "nerd-fonts.<name>"),
        ("24.11", "nerd-fonts.fira-code", "unknown", "nerdfonts"),
        ("24.11", "greetd.tuigreet", "known", ""),
        ("25.11", "greetd.tuigreet", "renamed", "tuigreet"),
        ("25.11", "tuigreet", "known", ""),
        ("24.11", "tuigreet", "unknown", "greetd.tuigreet"),
        ("26.05", "xorg.xrandr", "renamed", "xrandr"),
        ("26.05", "libsForQt5.kate", "doubtful", "kdePackages.kate"),
        ("26.05", "jetbrains.idea-ultimate", "renamed", "jetbrains.idea"),
        ("26.05", "ffmpeg", "known", ""),
        ("25.11", "opencode", "doubtful", ""),
        ("26.05", "opencode", "known", ""),
    ],
)
def test_packages(release: str, name: str, kind: Kind, to: str) -> None:
    found = Index.of(Release(release)).package(name)
    assert (found.kind, found.to) == (kind, to)


def test_packages_to_come() -> None:
    assert Index.of(Release("24.11")).package("claude-code").since == "25.05"
    with pytest.raises(ValueError, match="not an attribute path"):
        Index.of(Release("24.11")).package("a..b")


def test_disko() -> None:
    disko = Index.of(Release("26.05")).disko
    assert {"disk", "gpt", "luks", "btrfs", "swap", "filesystem"} <= set(disko)
    assert disko["disk"]["device"].required
    assert not disko["btrfs"]["mountpoint"].required
    assert disko["btrfs"]["mountOptions"].type == "list of string"


@given(st.sampled_from(RELEASES), st.sampled_from(["nixos", "home"]), st.lists(st.text(), max_size=6))
@settings(max_examples=200, deadline=None)
def test_any_path_has_an_answer(release: str, scope: Scope, path: list[str]) -> None:
    index = Index.of(Release(release))
    found = index.status(scope, tuple(path))
    assert (found.kind == "known") <= (found.option is not None)
    index.default(scope, tuple(path))
    index.nearest(scope, tuple(path))


def test_a_package_that_nixpkgs_refuses_is_known_with_the_reason() -> None:
    index = Index.of(Release("24.11"))
    assert index.refused("vscode") == Refused(unfree=True, insecure=False, broken=False, pname="vscode")
    assert index.refused("python3Packages.torch-bin") == index.refused("python312Packages.torch-bin") is not None
    assert index.refused("htop") is None
    thrown = index.package("gnome3")
    assert (thrown.kind, thrown.to) == ("removed", "gnome")
    assert index.package("i3-gaps").kind == "alias", "one that answers"


def test_what_types_check_beyond_their_descriptions() -> None:
    path = ("networking", "interfaces", "eth0", "ipv4", "addresses", "*", "prefixLength")
    option = Index.of(Release("24.11")).option("nixos", path)
    assert option is not None
    assert option.type == "integer between 0 and 32 (both inclusive)"


def test_entries_of_a_dag_have_the_options_of_their_type_alone() -> None:
    index = Index.of(Release("24.11"))
    blocks = ("programs", "ssh", "matchBlocks", "vault")
    assert index.status("home", (*blocks, "hostname")).kind == "known"
    assert index.status("home", (*blocks, "hostName")).kind == "unknown"
    assert index.status("home", (*blocks, "data", "hostname")).kind == "known"
