from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pantheros.module import State
from pantheros.nix.values import Package, Raw, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

RELEASES = [release.name for release in Release.all()]
REPORTS = Path(__file__).parents[1] / "hardware" / "data"
UEFI, BIOS = (REPORTS / "laptop.json").read_text(), (REPORTS / "vps.json").read_text()
KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U unlock"

EVERYTHING = f"""\
[pantherOS.boot]
firmware = "uefi"
loader = "systemd-boot"
esp = "/efi"
touchEfiVariables = false
configurationLimit = 5
timeout = 2
editor = true
kernel = "6.6"
kernelParameters = ["pcie_aspm=off", "mitigations=auto"]
kernelModules = ["i2c-dev"]
modulePackages = ["v4l2loopback"]
blacklistedModules = ["pcspkr"]
quiet = true

[pantherOS.boot.sysctl]
"vm.swappiness" = 10
"net.ipv4.ip_forward" = true
"kernel.core_pattern" = "|/bin/false"

[pantherOS.boot.initrd]
systemd = true
availableModules = ["nvme"]
modules = ["i915"]

[pantherOS.boot.initrd.ssh]
enable = true
port = 2200
keys = ["{KEY}"]
hostKeys = ["/persist/initrd/ssh_host_ed25519_key"]

[pantherOS.boot.tmp]
tmpfs = true
size = "8G"
clean = true

[pantherOS.boot.splash]
enable = true
theme = "spinner"
"""
GRUB = '[pantherOS.boot]\nfirmware = "bios"\ndevices = ["/dev/sda"]\n'


@pytest.fixture
def settings(fleet: Callable[..., Any]) -> Callable[..., dict[str, Any]]:
    def settings(text: str, release: str = "26.05", report: str | None = None) -> dict[str, Any]:
        found = fleet(text if report is None else host(text, report), release=release)
        settings: dict[str, Any] = found.nixos(module="boot")
        assert not [f for f in found.findings if f.severity == "error"]
        return settings

    return settings


def host(text: str, report: str) -> dict[str, str]:
    return {"hosts/box/host.toml": 'people = ["ada"]\n' + text, "hosts/box/facter.json": report}


def codes(found: Any) -> list[str]:
    found.expansions("box")
    return [f.code for f in found.findings if f.option.startswith("pantherOS.boot")]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "text",
    [
        "",
        EVERYTHING,
        GRUB,
        '[pantherOS.boot]\nloader = "grub"\n',
        '[pantherOS.boot]\nkernel = "lts"\n',
        "[pantherOS.boot.initrd]\nsystemd = false\n[pantherOS.boot.initrd.ssh]\nenable = true\n",
    ],
)
def test_every_setting_exists(settings: Callable[..., dict[str, Any]], release: str, text: str) -> None:
    index = Index.of(Release(release))
    for path in settings(text, release):
        assert index.status("nixos", split_path(path)).kind in {"known", "doubtful"}, path


# The boot loader ----------------------------------------------------------------------------------------------


def test_uefi_gets_systemd_boot(settings: Callable[..., dict[str, Any]]) -> None:
    for found in (settings(""), settings("", report=UEFI)):
        assert found["boot.loader.systemd-boot.enable"] is True
        assert found["boot.loader.systemd-boot.editor"] is False
        assert found["boot.loader.systemd-boot.configurationLimit"] == 10
        assert found["boot.loader.efi.canTouchEfiVariables"] is True
        assert not any("grub" in path for path in found)


def test_servers_start_from_the_fallback_path(settings: Callable[..., dict[str, Any]]) -> None:
    server = settings('kind = "server"\n')
    assert "boot.loader.efi.canTouchEfiVariables" not in server  # NixOS's default is false
    grub = settings('kind = "server"\n[pantherOS.boot]\nloader = "grub"\n')
    assert grub["boot.loader.grub.efiInstallAsRemovable"] is True
    assert grub["boot.loader.grub.devices"] == ["nodev"]
    touched = settings('kind = "server"\n[pantherOS.boot]\nloader = "grub"\ntouchEfiVariables = true\n')
    assert touched["boot.loader.efi.canTouchEfiVariables"] is True
    assert "boot.loader.grub.efiInstallAsRemovable" not in touched


def test_a_bios_gets_grub(settings: Callable[..., dict[str, Any]]) -> None:
    for found in (settings(GRUB), settings('[pantherOS.boot]\ndevices = ["/dev/sda"]\n', report=BIOS)):
        assert found["boot.loader.grub.enable"] is True
        assert found["boot.loader.grub.devices"] == ["/dev/sda"]
        assert not any("efi" in path or "systemd-boot" in path for path in found)


def test_the_loader_follows_the_disks(settings: Callable[..., dict[str, Any]], fleet: Callable[..., Any]) -> None:
    layout = '[pantherOS.filesystems.disks]\nenable = true\ndevice = "/dev/disk/by-id/a"\nfirmware = "bios"\n'
    found = settings(layout)
    assert found["boot.loader.grub.enable"] is True
    assert "boot.loader.grub.devices" not in found  # disko names the disk that has a partition for GRUB
    assert "firmware-and-disks" in codes(fleet(layout + '[pantherOS.boot]\nfirmware = "uefi"\n'))
    assert "devices-twice" in codes(fleet(layout + '[pantherOS.boot]\ndevices = ["/dev/sda"]\n'))
    twice = settings(layout + '[pantherOS.boot]\ndevices = ["/dev/disk/by-id/a", "/dev/sda", "/dev/sda"]\n')
    assert twice["boot.loader.grub.devices"] == ["/dev/sda"]  # NixOS refuses to write GRUB to one disk twice


def test_what_the_user_says_comes_first(settings: Callable[..., dict[str, Any]], fleet: Callable[..., Any]) -> None:
    text = '[pantherOS.boot]\nfirmware = "uefi"\n'
    assert settings(text, report=BIOS)["boot.loader.systemd-boot.enable"] is True
    assert "firmware-and-report" in codes(fleet(host(text, BIOS)))


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('[pantherOS.boot]\nfirmware = "bios"\n', "no-boot-device"),
        (GRUB + 'loader = "systemd-boot"\n', "loader-needs-uefi"),
        ('system = "aarch64-linux"\n' + GRUB, "bios-on-arm"),
        ('[pantherOS.boot]\ndevices = ["/dev/sda"]\n', "devices-unused"),
        (
            'pantherOS.filesystems.disks = { enable = true, device = "/dev/a" }\npantherOS.boot.esp = "/efi"\n',
            "esp-and-disks",
        ),
    ],
)
def test_loader_findings(fleet: Callable[..., Any], text: str, code: str) -> None:
    assert code in codes(fleet(text))


def test_a_host_without_any_option_has_nothing_to_complain_of(fleet: Callable[..., Any]) -> None:
    assert codes(fleet("")) == []
    assert codes(fleet(host("", UEFI))) == []


# The kernel ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kernel", "packages"),
    [
        ("lts", "linuxPackages"),
        ("latest", "linuxPackages_latest"),
        ("zen", "linuxPackages_zen"),
        ("xanmod", "linuxPackages_xanmod"),
        ("6.12", "linuxKernel.packages.linux_6_12"),
    ],
)
def test_kernels(settings: Callable[..., dict[str, Any]], kernel: str, packages: str) -> None:
    found = settings(f'[pantherOS.boot]\nkernel = "{kernel}"\n')
    assert found["boot.kernelPackages"] == Package(packages)
    for release in RELEASES:
        assert Index.of(Release(release)).package(packages).kind in {"known", "doubtful"}


def test_the_default_kernel_is_left_to_nixos(settings: Callable[..., dict[str, Any]]) -> None:
    assert "boot.kernelPackages" not in settings('[pantherOS.boot]\nkernel = "default"\n')


@pytest.mark.parametrize(
    ("kernel", "release", "code"),
    [
        ("hardened", "25.11", None),
        ("hardened", "26.05", "no-such-kernel"),
        ("6.6", "24.11", None),
        ("6.12", "24.11", "no-such-kernel"),
        ("6.12", "25.05", None),
        ("4.19", "24.11", "no-such-kernel"),
        ("6.11", "24.11", "short-lived-kernel"),
        ("6.17", "25.11", "short-lived-kernel"),
        ("6.18", "25.05", "no-such-kernel"),
        ("6.18", "26.05", None),
    ],
)
def test_kernels_that_a_release_lacks(fleet: Callable[..., Any], kernel: str, release: str, code: str | None) -> None:
    found = codes(fleet(f'[pantherOS.boot]\nkernel = "{kernel}"\n', release=release))
    assert found == ([code] if code else [])


@pytest.mark.parametrize("kernel", ["zen", "xanmod", "latest", "hardened"])
def test_kernels_for_arm(fleet: Callable[..., Any], kernel: str) -> None:
    found = codes(fleet(f'system = "aarch64-linux"\n[pantherOS.boot]\nkernel = "{kernel}"\n', release="24.11"))
    assert found == (["kernel-not-for-arm"] if kernel in ("zen", "xanmod") else [])


@pytest.mark.parametrize(
    ("kernel", "module", "code"),
    [
        ("default", "wireguard", "module-in-kernel"),
        ("5.4", "wireguard", None),
        ("5.10", "wireguard", "module-in-kernel"),
        ("5.10", "hid-nintendo", "module-in-kernel"),
        ("latest", "v4l2loopback", None),
    ],
)
def test_modules_that_kernels_have_themselves(
    fleet: Callable[..., Any], kernel: str, module: str, code: str | None
) -> None:
    found = fleet(f'[pantherOS.boot]\nkernel = "{kernel}"\nmodulePackages = ["{module}"]\n', release="24.11")
    assert (code in codes(found)) if code else "module-in-kernel" not in codes(found)


def test_what_is_no_kernel(fleet: Callable[..., Any]) -> None:
    found = fleet('[pantherOS.boot]\nkernel = "vanilla"\n')
    assert "pattern-mismatch" in found.codes()
    assert "6.12" in next(f.message for f in found.findings if f.code == "pattern-mismatch")


def test_modules_and_parameters(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING.replace("quiet = true", "quiet = false"))
    assert found["boot.kernelParams"] == ["pcie_aspm=off", "mitigations=auto"]
    assert found["boot.kernelModules"] == ["i2c-dev"]
    assert found["boot.extraModulePackages"] == [Raw("config.boot.kernelPackages.v4l2loopback")]
    assert found["boot.blacklistedKernelModules"] == ["pcspkr"]
    assert found['boot.kernel.sysctl."vm.swappiness"'] == 10
    assert found['boot.kernel.sysctl."net.ipv4.ip_forward"'] is True


# The initial RAM disk -----------------------------------------------------------------------------------------


def test_systemd_runs_it_in_every_release(settings: Callable[..., dict[str, Any]], fleet: Callable[..., Any]) -> None:
    path = "boot.initrd.systemd.enable"
    for release in ("24.11", "25.05", "25.11"):
        assert settings("", release)[path] is True
    assert path not in settings("", "26.05")
    scripted = "[pantherOS.boot.initrd]\nsystemd = false\n"
    assert settings(scripted, "26.05")[path] is False
    assert codes(fleet(scripted, release="26.05")) == ["scripted-initrd"]
    assert codes(fleet(scripted, release="25.11")) == []


def test_initrd_modules(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING)
    assert found["boot.initrd.availableKernelModules"] == ["nvme"]
    assert found["boot.initrd.kernelModules"] == ["i915"]


def test_unlocking_from_afar(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING)
    assert found["boot.initrd.network.ssh.port"] == 2200
    assert found["boot.initrd.network.ssh.authorizedKeys"] == [KEY]
    assert found["boot.initrd.network.ssh.hostKeys"] == ["/persist/initrd/ssh_host_ed25519_key"]
    assert found["boot.initrd.systemd.users.root.shell"] == "/bin/systemd-tty-ask-password-agent"
    assert found['boot.initrd.systemd.network.networks."80-unlock"']["networkConfig"] == {"DHCP": "yes"}


def test_unlocking_with_the_scripted_initrd(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings("[pantherOS.boot.initrd]\nsystemd = false\n[pantherOS.boot.initrd.ssh]\nenable = true\n")
    assert found["boot.initrd.network.ssh.shell"] == "/bin/cryptsetup-askpass"
    assert found["boot.initrd.network.udhcpc.enable"] is True
    assert not any(path.startswith("boot.initrd.systemd.network") for path in found)


def test_admins_may_unlock(settings: Callable[..., dict[str, Any]], fleet: Callable[..., Any]) -> None:
    text = "[pantherOS.boot.initrd.ssh]\nenable = true\n"
    (key,) = settings(text)["boot.initrd.network.ssh.authorizedKeys"]
    assert key.endswith(" ada")
    assert codes(fleet(text)) == ["unlock-without-network"]
    assert codes(fleet(host(text, UEFI))) == []
    nobody = {"hosts/box/host.toml": text, "hosts/box/facter.json": UEFI}
    assert codes(fleet(nobody)) == ["unlock-without-keys"]
    assert "unlock-without-host-key" in codes(fleet(text + "hostKeys = []\n"))


def test_host_keys_outlive_a_reboot(fleet: Callable[..., Any]) -> None:
    text = "[pantherOS.boot.initrd.ssh]\nenable = true\n"
    states = fleet(text).model.resolver.host("box").resources(State)
    assert State("/etc/secrets/initrd", mode="0700") in states
    off = fleet("").model.resolver.host("box").resources(State)
    assert not any(state.path.startswith("/etc/secrets") for state in off)


def test_tpm_and_fido_need_systemd(fleet: Callable[..., Any]) -> None:
    text = """\
[pantherOS.filesystems.disks]
enable = true
device = "/dev/disk/by-id/a"
encryption = { enable = true, unlock = ["tpm2"] }
[pantherOS.boot.initrd]
systemd = false
"""
    assert "unlock-needs-systemd" in codes(fleet(text, release="25.11"))
    options = text.replace('unlock = ["tpm2"]', 'extraOptions = ["tries=3"]')
    assert options != text
    assert "unlock-needs-systemd" in codes(fleet(options, release="25.11"))


# /tmp and what is seen ----------------------------------------------------------------------------------------


def test_tmp(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings(EVERYTHING)
    assert (found["boot.tmp.useTmpfs"], found["boot.tmp.tmpfsSize"], found["boot.tmp.cleanOnBoot"]) == (
        True,
        "8G",
        True,
    )
    assert not any(path.startswith("boot.tmp") for path in settings(""))


def test_a_quiet_start(settings: Callable[..., dict[str, Any]]) -> None:
    found = settings("[pantherOS.boot]\nquiet = true\n[pantherOS.boot.splash]\nenable = true\n")
    assert found["boot.kernelParams"] == ["quiet", "udev.log_level=3"]
    assert (found["boot.consoleLogLevel"], found["boot.initrd.verbose"]) == (3, False)
    assert (found["boot.plymouth.enable"], found["boot.plymouth.theme"]) == (True, "bgrt")


# Without this module ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "refused"),
    [
        ("", True),
        ('[nixos.boot.loader.grub]\ndevice = "/dev/sda"\n', False),
        ("[nixos.boot]\nisContainer = true\n", False),
        ('[pantherOS.filesystems.disks]\nenable = true\ndevice = "/dev/a"\nfirmware = "bios"\n', False),
        ('[pantherOS.filesystems.disks]\nenable = true\ndevice = "/dev/a"\n', True),
    ],
)
def test_without_a_boot_loader(fleet: Callable[..., Any], text: str, refused: bool) -> None:
    found = fleet("[pantherOS.boot]\nenable = false\n" + text).codes()
    assert ("no-boot-loader" in found) is refused


def test_a_raw_module_may_bring_the_boot_loader(fleet: Callable[..., Any]) -> None:
    text = 'imports = ["./loader.nix"]\n[pantherOS.boot]\nenable = false\n'
    found = fleet({"hosts/box/host.toml": text, "hosts/box/loader.nix": "{ }\n"})
    assert "no-boot-loader" not in found.codes()
