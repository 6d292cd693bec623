"""How a machine starts: boot loader, kernel, initial RAM disk, kernel modules and parameters."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import Finding, Findings, Group, Host, ModuleOptions, Resources, Settings, State, key, pkg, raw

AbsolutePath = Annotated[str, Field(pattern=r"^/\S*$", description="an absolute path")]
ModuleName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_-]+$", description="the name of a kernel module")]
Kernel = Annotated[
    str,
    Field(
        pattern=r"^(default|latest|lts|hardened|zen|xanmod|[1-9]\.(0|[1-9]\d?))$",
        description='"default", "latest", "lts", "hardened", "zen", "xanmod" or a version such as "6.12"',
    ),
]


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
    theme: Annotated[str, Field(pattern=r"^[\w.-]+$")] = "bgrt"
    """Plymouth's theme; `bgrt` shows the maker's logo."""


class Options(ModuleOptions):
    enable: bool = True
    """Whether to use this module."""
    firmware: Literal["uefi", "bios", "both"] | None = None
    """What the machine's firmware is; `both` makes a disk that starts with either (GRUB, twice). Left out, it is
    what the hardware report says; without a report, UEFI."""
    loader: Literal["systemd-boot", "grub"] | None = None
    """The boot loader. Left out: systemd-boot on UEFI, GRUB where there is a BIOS, which systemd-boot can't use."""
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
    kernel_parameters: list[Annotated[str, Field(pattern=r'^[^\s"]+(".*")?$')]] = []
    """Parameters for the kernel's command line, one each: `["pcie_aspm=off"]`."""
    kernel_modules: list[ModuleName] = []
    """Kernel modules to load when the system starts, besides those that hardware asks for."""
    module_packages: list[Annotated[str, Field(pattern=r"^[A-Za-z_][\w-]*$")]] = []
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
    yield from _loader(o, host)
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


# The boot loader ----------------------------------------------------------------------------------------------


def firmware(o: Options, host: Host) -> Literal["uefi", "bios", "both"]:
    """What the boot loader is made for."""
    if o.firmware:
        return o.firmware
    report = host.hardware
    return (report.firmware if report else None) or "uefi"


def loader(o: Options, host: Host) -> Literal["systemd-boot", "grub"]:
    """The boot loader that a host gets."""
    return o.loader or ("systemd-boot" if firmware(o, host) == "uefi" else "grub")


def _touches_variables(o: Options, host: Host) -> bool:
    # GRUB can't be installed as fallback and with an entry of its own at once, and only the fallback finds both.
    if firmware(o, host) == "both":
        return False
    return host.kind != "server" if o.touch_efi_variables is None else o.touch_efi_variables


def _loader(o: Options, host: Host) -> Settings:
    made_for = firmware(o, host)
    if loader(o, host) == "systemd-boot":
        yield "boot.loader.systemd-boot.enable", True
        yield "boot.loader.systemd-boot.configurationLimit", o.configuration_limit
        yield "boot.loader.systemd-boot.editor", o.editor
    else:
        yield "boot.loader.grub.enable", True
        yield "boot.loader.grub.configurationLimit", o.configuration_limit
        yield from _grub(o, host)
    if made_for != "bios":
        yield "boot.loader.efi.canTouchEfiVariables", _touches_variables(o, host)
        if o.esp != "/boot":
            yield "boot.loader.efi.efiSysMountPoint", o.esp
    yield "boot.loader.timeout", o.timeout


def _grub(o: Options, host: Host) -> Settings:
    made_for = firmware(o, host)
    if made_for != "bios":
        yield "boot.loader.grub.efiSupport", True
        if not _touches_variables(o, host):
            yield "boot.loader.grub.efiInstallAsRemovable", True
    if made_for == "uefi":
        yield "boot.loader.grub.devices", ["nodev"]
    elif o.devices:
        yield "boot.loader.grub.devices", list(o.devices)


def _loader_findings(o: Options, host: Host) -> Findings:
    made_for = firmware(o, host)
    if loader(o, host) == "systemd-boot" and made_for != "uefi":
        yield Finding(
            "loader-needs-uefi",
            f"systemd-boot starts from UEFI only, but the firmware here is {_NAMES[made_for]}",
            at="loader",
            help='set `loader = "grub"`, or leave it out',
        )


_NAMES = {"bios": "a BIOS", "both": "to be either", "uefi": "UEFI"}


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
    if kernel == "default":
        return None
    if kernel == "lts":
        return "linuxPackages"
    if kernel[0].isdigit():
        return f"linuxKernel.packages.linux_{kernel.replace('.', '_')}"
    return f"linuxPackages_{kernel}"


def _kernel_findings(o: Options, host: Host) -> Findings:
    if o.kernel == "hardened" and host.release >= "26.05":
        yield Finding(
            "no-such-kernel",
            f"NixOS {host.release} has no hardened kernel any more",
            at="kernel",
            help='use `kernel = "lts"`, and harden it by `kernelParameters` and `sysctl`',
        )


# The initial RAM disk -----------------------------------------------------------------------------------------


def _initrd(o: Options, host: Host) -> Settings:
    # Where NixOS says the same, the line would only be noise.
    if o.initrd.systemd != (host.release >= "26.05"):
        yield "boot.initrd.systemd.enable", o.initrd.systemd
    if o.initrd.available_modules:
        yield "boot.initrd.availableKernelModules", list(o.initrd.available_modules)
    if o.initrd.modules:
        yield "boot.initrd.kernelModules", list(o.initrd.modules)


def _initrd_findings(o: Options, host: Host) -> Findings:
    if not o.initrd.systemd and host.release >= "26.05":
        yield Finding(
            "scripted-initrd",
            f"NixOS {host.release} deprecates an initial RAM disk without systemd, and 26.11 is to drop it",
            severity="warning",
            at="initrd.systemd",
            help="take `systemd = false` out",
        )


# /tmp and what is seen ----------------------------------------------------------------------------------------


def _tmp(o: Options) -> Settings:
    if o.tmp.tmpfs:
        yield "boot.tmp.useTmpfs", True
        yield "boot.tmp.tmpfsSize", o.tmp.size
    yield "boot.tmp.cleanOnBoot", o.tmp.clean


def _looks(o: Options) -> Settings:
    if o.splash.enable:
        yield "boot.plymouth.enable", True
        yield "boot.plymouth.theme", o.splash.theme
