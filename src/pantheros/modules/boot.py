"""How a machine starts: boot loader, kernel, initial RAM disk, kernel modules and parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    ModuleOptions,
    Resources,
    Settings,
    State,
    Value,
    key,
    pkg,
    raw,
)
from pantheros.modules import users
from pantheros.modules.filesystems import disks

AbsolutePath = Annotated[str, Field(pattern=r"^/\S*$", description="an absolute path without blanks")]
ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", description="the name of a kernel module")]
Kernel = Annotated[
    str,
    Field(
        pattern=r"^(default|latest|lts|hardened|zen|xanmod|[1-9]\.(0|[1-9]\d?))$",
        description='"default", "latest", "lts", "hardened", "zen", "xanmod" or a version such as "6.12"',
    ),
]


Firmware = Literal["uefi", "bios"]
Loader = Literal["systemd-boot", "grub"]


class InitrdSsh(Group):
    enable: bool = False
    """Run an SSH server before the root is mounted, to type a disk's passphrase from afar. A login there answers
    passphrase prompts and can do nothing else. The network is up by DHCP."""
    port: Annotated[int, Field(ge=1, le=65535)] = 2222
    """Port of that server. Not 22: its host key is another than the running system's, and clients would complain."""
    keys: list[str] = []
    """Public keys that may log in there; those of the host's admins when the list is empty."""
    host_keys: list[AbsolutePath] = ["/etc/secrets/initrd/ssh_host_ed25519_key"]
    """Files on the host with the server's private keys. They come to lie on the boot partition, unencrypted: make
    them for this use alone, before the first build with it
    (`ssh-keygen -t ed25519 -N "" -f /etc/secrets/initrd/ssh_host_ed25519_key`)."""


class Initrd(Group):
    systemd: bool = True
    """Let systemd run the initial RAM disk. NixOS does so itself from 26.05 on, where the older scripts are
    deprecated; it is on for every release here, so that an upgrade changes nothing."""
    available_modules: list[ModuleName] = []
    """Kernel modules that the initial RAM disk loads when it meets the hardware: what the root's disk needs. A
    hardware report brings them by itself."""
    modules: list[ModuleName] = []
    """Kernel modules that the initial RAM disk loads in any case."""
    ssh: InitrdSsh = InitrdSsh()
    """Unlocking disks over the network."""


class Tmp(Group):
    tmpfs: bool = False
    """Keep /tmp in memory. Large builds may then run out of space."""
    size: Annotated[str, Field(pattern=r"^[1-9]\d*[%kmgKMG]?$", description="a size or share of memory")] = "50%"
    """Most that /tmp may take, as a share of memory (`50%`) or a size (`8G`). Memory is only taken when in use."""
    clean: bool = False
    """Empty /tmp when the machine starts. On tmpfs it is empty anyway."""


class Splash(Group):
    enable: bool = False
    """Show a picture instead of messages while the machine starts and asks for passphrases (Plymouth)."""
    theme: Annotated[str, Field(pattern=r"^[\w.-]+$", description="the name of a theme")] = "bgrt"
    """Plymouth's theme; `bgrt` shows the maker's logo."""


class Options(ModuleOptions):
    enable: bool = True
    """Whether to use this module."""
    firmware: Firmware | None = None
    """What the machine's firmware is. Left out, it is what `filesystems.disks` lays the disks out for, where that is
    in use; else what the hardware report says; without one, `uefi`."""
    loader: Loader | None = None
    """The boot loader. Left out, it is systemd-boot on UEFI, and GRUB on a BIOS, where systemd-boot can't start."""
    devices: list[AbsolutePath] = []
    """Disks whose first sectors GRUB takes for a BIOS, such as `/dev/disk/by-id/ata-...`. Not needed with disks
    from `filesystems.disks`, which names those that have a partition for it."""
    esp: AbsolutePath = "/boot"
    """Where the EFI system partition is mounted."""
    touch_efi_variables: bool | None = None
    """Whether installing the boot loader may write the firmware's boot entries. Left out, it may on laptops and
    workstations; servers start from the fallback path that every firmware tries, since the memory of virtual
    machines' firmware is easily lost."""
    configuration_limit: Annotated[int, Field(ge=1, le=100)] = 10
    """How many generations the boot menu offers. Their kernels take space on the boot partition, which is small."""
    timeout: Annotated[int, Field(ge=0, le=600)] = 5
    """Seconds that the boot menu waits; 0 shows it only while a key is held."""
    editor: bool = False
    """Allow editing the kernel's parameters in systemd-boot's menu. Whoever can do that is root, so it is off."""
    kernel: Kernel = "default"
    """The kernel. NixOS's `default` is its newest long-term one, so `lts` says the same but says it. `latest` is for
    hardware that needs it, `zen` and `xanmod` are tuned for desktops. A version (`6.12`) stays, until it goes."""
    kernel_parameters: list[Annotated[str, Field(pattern=r'^[^\s"]+(".*")?$', description="a parameter")]] = []
    """Parameters for the kernel's command line, one each: `["pcie_aspm=off"]`."""
    kernel_modules: list[ModuleName] = []
    """Kernel modules to load when the system starts, besides those that hardware asks for."""
    module_packages: list[Annotated[str, Field(pattern=r"^[A-Za-z_][\w-]*$", description="the name of a package")]] = []
    """Kernel modules from outside the kernel, by their name below `boot.kernelPackages`: `["v4l2loopback"]`. They
    are built for whatever kernel is chosen."""
    blacklisted_modules: list[ModuleName] = []
    """Kernel modules that hardware must not pull in by itself."""
    sysctl: dict[str, bool | int | str] = {}
    """The kernel's settings by their name below /proc/sys: `"vm.swappiness" = 10`."""
    initrd: Initrd = Initrd()
    """The initial RAM disk, which finds and mounts the root."""
    tmp: Tmp = Tmp()
    """The directory /tmp."""
    quiet: bool = False
    """Show only errors while the machine starts."""
    splash: Splash = Splash()
    """A picture while the machine starts."""


def nixos(o: Options, host: Host) -> Settings:
    yield from _loader_settings(o, host)
    yield from _kernel(o)
    yield from _initrd(o, host)
    yield from _tmp(o)
    yield from _looks(o)


def resources(o: Options, host: Host) -> Resources:
    if o.initrd.ssh.enable:
        for directory in dict.fromkeys(path.rpartition("/")[0] or "/" for path in o.initrd.ssh.host_keys):
            yield State(directory, mode="0700")


def findings(o: Options, host: Host) -> Findings:
    yield from _loader_findings(o, host)
    yield from _kernel_findings(o, host)
    yield from _initrd_findings(o, host)


def without(o: Options, host: Host) -> Findings:
    layout = host[disks.Options]
    # NixOS's own choice is GRUB for a BIOS, for which a layout names the disk.
    grub = layout.enable and layout.firmware == "bios"
    if not grub and not any(map(host.may_set, ("boot.loader", "boot.isContainer"))):
        yield Finding(
            "no-boot-loader",
            "without `pantherOS.boot` nothing starts this host: NixOS's own choice, GRUB, is told no disk",
            at="enable",
            help="leave it enabled, or say under `nixos.boot.loader` what starts the host",
        )


# The boot loader ----------------------------------------------------------------------------------------------


def _firmware(o: Options, host: Host) -> Firmware:
    if o.firmware:
        return o.firmware
    layout = host[disks.Options]
    if layout.enable:
        return layout.firmware
    report = host.hardware
    return (report.firmware if report else None) or "uefi"


def _loader(o: Options, host: Host) -> Loader:
    return o.loader or ("systemd-boot" if _firmware(o, host) == "uefi" else "grub")


def _touches_variables(o: Options, host: Host) -> bool:
    return host.kind != "server" if o.touch_efi_variables is None else o.touch_efi_variables


def _loader_settings(o: Options, host: Host) -> Settings:
    uefi = _firmware(o, host) == "uefi"
    if _loader(o, host) == "systemd-boot":
        yield "boot.loader.systemd-boot.enable", True
        yield "boot.loader.systemd-boot.configurationLimit", o.configuration_limit
        yield "boot.loader.systemd-boot.editor", o.editor
    else:
        yield "boot.loader.grub.enable", True
        yield "boot.loader.grub.configurationLimit", o.configuration_limit
        yield from _grub_place(o, host, uefi)
    if uefi:
        yield "boot.loader.efi.canTouchEfiVariables", _touches_variables(o, host)
        if o.esp != "/boot":
            yield "boot.loader.efi.efiSysMountPoint", o.esp
    yield "boot.loader.timeout", o.timeout


def _grub_place(o: Options, host: Host, uefi: bool) -> Settings:
    """Where GRUB goes. For a BIOS, disko itself names the disks that it gives a partition for GRUB."""
    if uefi:
        yield "boot.loader.grub.efiSupport", True
        yield "boot.loader.grub.devices", ["nodev"]
        if not _touches_variables(o, host):
            yield "boot.loader.grub.efiInstallAsRemovable", True
    else:
        layout = host[disks.Options]
        named = {layout.device} if layout.enable else set()
        devices = [device for device in dict.fromkeys(o.devices) if device not in named]
        if devices:
            yield "boot.loader.grub.devices", list(devices)


def _loader_findings(o: Options, host: Host) -> Findings:
    firmware, layout, report = _firmware(o, host), host[disks.Options], host.hardware
    if firmware == "bios" and _loader(o, host) == "systemd-boot":
        yield Finding(
            "loader-needs-uefi",
            "systemd-boot only starts from UEFI, but the firmware here is a BIOS",
            at="loader",
            help='set `loader = "grub"`, or leave it out',
        )
    if firmware == "bios" and host.system == "aarch64-linux":
        yield Finding("bios-on-arm", "an ARM machine has no BIOS", at="firmware", help='set `firmware = "uefi"`')
    if layout.enable and o.firmware not in (None, layout.firmware):
        yield Finding(
            "firmware-and-disks",
            f"the boot loader is for {_NAMES[firmware]}, but filesystems.disks lays the disks out for"
            f" {_NAMES[layout.firmware]}",
            at="firmware",
            help="set `pantherOS.filesystems.disks.firmware` alone: the boot loader follows it",
        )
    elif not layout.enable and report and report.firmware not in (None, firmware):
        yield Finding(
            "firmware-and-report",
            f"the boot loader is for {_NAMES[firmware]}, but the hardware report says that the machine was started"
            f" by {_NAMES[report.firmware]}",
            severity="warning",
            at="firmware",
            help="take `firmware` out, or make the report again once the machine starts the other way",
        )
    if firmware == "uefi" and layout.enable and o.esp != "/boot" and not host.may_set("disko.devices"):
        yield Finding(
            "esp-and-disks",
            f"the boot loader would go to {o.esp}, but filesystems.disks mounts the boot partition at /boot",
            at="esp",
            help="take `esp` out",
        )
    if firmware == "bios" and not o.devices and not layout.enable:
        yield Finding(
            "no-boot-device",
            "nothing says which disk the BIOS is to start from",
            at="devices",
            help='set `devices`, such as ["/dev/disk/by-id/ata-..."], or let filesystems.disks lay out the disks',
        )
    if o.devices and (firmware == "uefi" or layout.enable):
        why = "UEFI needs none" if firmware == "uefi" else "filesystems.disks names them"
        yield Finding(
            "devices-unused" if firmware == "uefi" else "devices-twice",
            f"`devices` is set, but {why}",
            severity="warning",
            at="devices",
            help="take `devices` out",
        )


_NAMES: dict[Firmware | None, str] = {"bios": "a BIOS", "uefi": "UEFI"}


# The kernel ---------------------------------------------------------------------------------------------------


def _kernel(o: Options) -> Settings:
    packages = _kernel_packages(o.kernel)
    if packages:
        yield "boot.kernelPackages", pkg(packages)
    if o.kernel_parameters:
        yield "boot.kernelParams", list(o.kernel_parameters)
    if o.kernel_modules:
        yield "boot.kernelModules", list(o.kernel_modules)
    if o.module_packages:
        packaged = [raw(f"config.boot.kernelPackages.{key(name)}") for name in o.module_packages]
        yield "boot.extraModulePackages", list(packaged)
    if o.blacklisted_modules:
        yield "boot.blacklistedKernelModules", list(o.blacklisted_modules)
    for name, value in o.sysctl.items():
        yield f"boot.kernel.sysctl.{key(name)}", value


def _kernel_packages(kernel: str) -> str | None:
    """The attribute path of a kernel's package set; None for the one that NixOS takes anyway."""
    if kernel == "default":
        return None
    if kernel == "lts":  # what NixOS calls its default is the newest long-term kernel at the time of a release
        return "linuxPackages"
    if kernel[0].isdigit():
        return f"linuxKernel.packages.linux_{kernel.replace('.', '_')}"
    return f"linuxPackages_{kernel}"


_LONG_TERM = {"5.10": "", "5.15": "", "6.1": "", "6.6": "", "6.12": "25.05", "6.18": "25.11"}
"""Kernels that are maintained for years, and the first NixOS release with each, "" for those in all that we know."""

_SHORT_TERM_24_11 = ("5.4", "6.11")


_NOT_FOR_ARM = ("xanmod", "zen")

_IN_KERNEL = {
    "e1000e": (4, 10),
    "exfat-nofuse": (5, 8),
    "hid-nintendo": (5, 16),
    "kvdo": (6, 9),
    "rtl8723bs": (4, 12),
    "rtw89": (5, 16),
    "sch_cake": (4, 19),
    "wireguard": (5, 6),
    "xmm7360-pci": (5, 18),
}
"""Packages that once brought what kernels have had themselves since these versions, and the names of which are left."""

_FOR_OLD_KERNELS = ("exfat-nofuse", "rtw89", "wireguard")
"""Those of them that NixOS still has for kernels before that."""


def _module_findings(o: Options) -> Findings:
    for name in o.module_packages:
        since = _IN_KERNEL.get(name)
        old = o.kernel[0].isdigit() and since is not None and tuple(map(int, o.kernel.split("."))) < since
        if since and not (old and name in _FOR_OLD_KERNELS):
            yield Finding(
                "module-in-kernel",
                f"there is no package `{name}`: kernels bring the module themselves from {since[0]}.{since[1]} on",
                at="modulePackages",
                help="take it out",
            )


def _kernel_findings(o: Options, host: Host) -> Findings:
    yield from _module_findings(o)
    if o.kernel in _NOT_FOR_ARM and host.system == "aarch64-linux":
        yield Finding(
            "kernel-not-for-arm",
            f"the kernel `{o.kernel}` is for x86 alone, and {host.name} is an ARM machine",
            at="kernel",
            help='use `kernel = "latest"`',
        )
    help = 'use `kernel = "lts"` for a kernel that stays, `"latest"` for the newest'
    if o.kernel == "hardened" and host.release >= "26.05":
        yield Finding(
            "no-such-kernel",
            f"NixOS {host.release} has no hardened kernel any more",
            at="kernel",
            help='use `kernel = "lts"`, and harden it by `kernelParameters` and `sysctl`',
        )
    if not o.kernel[0].isdigit():
        return
    since = _LONG_TERM.get(o.kernel)
    if (since and host.release < since) or (
        host.release == "24.11" and since is None and o.kernel not in _SHORT_TERM_24_11
    ):
        yield Finding("no-such-kernel", f"NixOS {host.release} has no kernel {o.kernel}", at="kernel", help=help)
    elif since is None:
        yield Finding(
            "short-lived-kernel",
            f"NixOS drops kernel {o.kernel} once its makers do, and then the host can't be built",
            severity="warning",
            at="kernel",
            help=help,
        )


# The initial RAM disk -----------------------------------------------------------------------------------------


def _initrd(o: Options, host: Host) -> Settings:
    # Where NixOS does the same, the line would only be noise.
    if o.initrd.systemd != (host.release >= "26.05"):
        yield "boot.initrd.systemd.enable", o.initrd.systemd
    if o.initrd.available_modules:
        yield "boot.initrd.availableKernelModules", list(o.initrd.available_modules)
    if o.initrd.modules:
        yield "boot.initrd.kernelModules", list(o.initrd.modules)
    if o.initrd.ssh.enable:
        yield from _initrd_ssh(o, host)


def _initrd_ssh(o: Options, host: Host) -> Settings:
    ssh = o.initrd.ssh
    yield "boot.initrd.network.enable", True
    yield "boot.initrd.network.ssh.enable", True
    yield "boot.initrd.network.ssh.port", ssh.port
    yield "boot.initrd.network.ssh.authorizedKeys", list(_unlocking_keys(o, host))
    yield "boot.initrd.network.ssh.hostKeys", list(ssh.host_keys)
    if o.initrd.systemd:
        yield "boot.initrd.systemd.users.root.shell", "/bin/systemd-tty-ask-password-agent"
        # Not left to `networking.useDHCP`, which NetworkManager turns off; what names an interface comes first.
        dhcp: dict[str, Value] = {"matchConfig": {"Type": "ether", "Kind": "!*"}, "networkConfig": {"DHCP": "yes"}}
        yield f"boot.initrd.systemd.network.networks.{key('80-unlock')}", dhcp
    else:
        yield "boot.initrd.network.ssh.shell", "/bin/cryptsetup-askpass"
        yield "boot.initrd.network.udhcpc.enable", True


def _unlocking_keys(o: Options, host: Host) -> list[str]:
    admins = [key for person in host.people if person.admin for key in users.keys_of(person)]
    return o.initrd.ssh.keys or admins


def _initrd_findings(o: Options, host: Host) -> Findings:
    if not o.initrd.systemd and host.release >= "26.05":
        yield Finding(
            "scripted-initrd",
            f"NixOS {host.release} deprecates an initial RAM disk without systemd, and 26.11 is to drop it",
            severity="warning",
            at="initrd.systemd",
            help="take `systemd = false` out",
        )
    encryption = host[disks.Options].encryption
    if not o.initrd.systemd and host[disks.Options].enable and encryption.enable:
        if encryption.unlock:
            message = f"only systemd can unlock the disks with {' or '.join(encryption.unlock)} in the initial RAM disk"
        elif encryption.extra_options:
            message = "only systemd knows the options of crypttab that the disks are to be unlocked with"
        else:
            message = ""
        if message:
            yield Finding("unlock-needs-systemd", message, at="initrd.systemd", help="take `systemd = false` out")
    if not o.initrd.ssh.enable:
        return
    if not _unlocking_keys(o, host):
        yield Finding(
            "unlock-without-keys",
            "nobody could log in to unlock the disks: no admin of this host has a public key",
            at="initrd.ssh.keys",
            help="set `initrd.ssh.keys`, or `keys` of an admin among the fleet's people",
        )
    if not o.initrd.ssh.host_keys:
        yield Finding(
            "unlock-without-host-key",
            "the SSH server of the initial RAM disk needs a host key",
            at="initrd.ssh.hostKeys",
            help="leave `hostKeys` out, and make the key that it then names",
        )
    if not host.hardware and not o.initrd.available_modules + o.initrd.modules:
        yield Finding(
            "unlock-without-network",
            "nothing says which kernel module the network card needs before the root is mounted",
            severity="warning",
            at="initrd.availableModules",
            help="add a hardware report (`facter.json`), or name the card's module in `initrd.availableModules`",
        )


# /tmp, and what is seen ---------------------------------------------------------------------------------------


def _tmp(o: Options) -> Settings:
    if o.tmp.tmpfs:
        yield "boot.tmp.useTmpfs", True
        yield "boot.tmp.tmpfsSize", o.tmp.size
    yield "boot.tmp.cleanOnBoot", o.tmp.clean


def _looks(o: Options) -> Settings:
    if o.quiet:
        yield "boot.consoleLogLevel", 3
        yield "boot.initrd.verbose", False
        yield "boot.kernelParams", ["quiet", "udev.log_level=3"]
    if o.splash.enable:
        yield "boot.plymouth.enable", True
        yield "boot.plymouth.theme", o.splash.theme
