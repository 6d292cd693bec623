"""Drivers, firmware, microcode and the initial RAM disk from a hardware report, `facter.json` beside the host's file.

The report is made on the machine (`nix run nixpkgs#nixos-facter -- -o facter.json`, as root); a host that has one uses
it without further ado.
"""

from __future__ import annotations

from pantheros.hardware.facter import Report
from pantheros.module import Finding, Findings, Host, Input, Layer, ModuleOptions, Settings
from pantheros.releases.release import Release


def _brought_by_an_input(release: Release) -> bool:
    """Whether the rules come from nixos-facter-modules. NixOS has had its own since 25.11, whole since 26.05."""
    return release < "26.05"


INPUTS = (
    Input(
        "nixos-facter-modules",
        "github:nix-community/nixos-facter-modules",
        nixos=("nixosModules.facter",),
        when=_brought_by_an_input,
    ),
)


class Options(ModuleOptions):
    enable: bool = False
    """Whether to use the hardware report. On where the host has one."""
    dhcp: bool | None = None
    """Get addresses by DHCP on the network interfaces in the report. Left out, that is so if it lists any."""
    graphics: bool | None = None
    """Set up graphics and load its driver at once. Left out, that is so if a screen was connected for the report."""
    bluetooth: bool | None = None
    """Set up Bluetooth. Left out, that is so if the report lists an adapter."""
    fingerprint: bool | None = None
    """Let people log in by fingerprint. Left out, that is so if the report lists a reader that fprintd knows."""
    firmware: bool | None = None
    """Install firmware that may be passed on though it is not free. Left out, real machines have it, virtual ones don't
    need it."""
    microcode: bool | None = None
    """Update the processor's microcode at boot. Left out, that goes with `firmware`."""
    guest_tools: bool | None = None
    """Run what lets a virtual machine's host shut it down and freeze its disks for a snapshot: QEMU's agent or VMware's
    tools. Left out, that is so on such machines."""


def defaults(host: Host) -> Layer:
    return {"enable": True} if host.hardware else {}


def nixos(o: Options, host: Host) -> Settings:
    report = host.hardware
    if report is None or host.hardware_report is None:
        return
    rules = "facter" if _brought_by_an_input(host.release) else "hardware.facter"
    yield f"{rules}.reportPath", host.hardware_report
    for device in ("dhcp", "graphics", "bluetooth", "fingerprint"):
        wanted: bool | None = getattr(o, device)
        if wanted is not None:
            yield f"{rules}.detected.{device}.enable", wanted
    if o.firmware is not None:
        yield "hardware.enableRedistributableFirmware", o.firmware
    if o.microcode is not None and report.microcode:
        yield f"hardware.cpu.{report.microcode}.updateMicrocode", o.microcode
    yield from _guest(o, report)


def findings(o: Options, host: Host) -> Findings:
    report = host.hardware
    if report is None:
        yield Finding(
            "no-hardware-report",
            "there is no hardware report to use",
            at="enable",
            help=f"make one on the machine, as root: `{_MAKE}`; put it beside the host's file, or take `enable` out",
        )
        return
    yield from _other_machine(host, report)
    if o.microcode and not report.microcode:
        yield Finding(
            "no-microcode",
            "a virtual machine takes no microcode; its host does"
            if report.virtual
            else "the hardware report lists no processor that takes microcode",
            severity="warning",
            at="microcode",
            help="take `microcode` out",
        )


_MAKE = "nix run nixpkgs#nixos-facter -- -o facter.json"


def _guest(o: Options, report: Report) -> Settings:
    """What virtual machines need and NixOS's rules leave out; they look for virtio disks in one list of two."""
    if report.guest:
        yield "boot.initrd.availableKernelModules", ["virtio_scsi"]
        yield "services.qemuGuest.enable", o.guest_tools is not False
    elif report.virtualisation == "vmware":
        yield "virtualisation.vmware.guest.enable", o.guest_tools is not False


def _other_machine(host: Host, report: Report) -> Findings:
    """Signs that the report is not this host's, or the host is not what its file says."""
    if report.system and report.system != host.system:
        yield Finding(
            "report-of-another-system",
            f"the hardware report is of a machine with {report.system}, but the host has {host.system}",
            help=f'set `system = "{report.system}"`, or make the report again on the machine: `{_MAKE}`',
        )
    if report.virtualisation in _CONTAINERS:
        yield Finding(
            "report-of-a-container",
            f"the hardware report was made in a container ({report.virtualisation}), which sees its host's hardware",
            severity="warning",
            help=f"make it again on the machine itself: `{_MAKE}`",
        )
    elif report.virtual and host.kind == "laptop":
        yield Finding(
            "kind-and-report",
            f"the host is a laptop, but its hardware report is of a virtual machine ({report.virtualisation})",
            severity="warning",
            help='set `kind = "server"` or `"workstation"`, or put the laptop\'s own report in its place',
        )
    elif report.portable and host.kind == "workstation":
        yield Finding(
            "kind-and-report",
            "the hardware report is of a laptop, but the host is a workstation, whose disks need no encryption",
            severity="warning",
            help='set `kind = "laptop"`',
        )


_CONTAINERS = frozenset(
    ("docker", "lxc", "lxc-libvirt", "openvz", "podman", "proot", "rkt", "systemd-nspawn", "wsl", "container-other")
)
