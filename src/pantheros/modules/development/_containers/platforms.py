"""Images for other processors, which QEMU emulates."""

from __future__ import annotations

from pantheros.module import Finding, Findings, Group, Host, Settings, Value


class MultiArch(Group):
    enable: bool = False
    """Build and run images for other processors, which QEMU emulates."""
    platforms: list[str] = []
    """The platforms: `linux/arm64`, or as Nix names them, `aarch64-linux`. By default the other one of ARM and x86,
    64 bit. That of the host itself is left out, so that hosts may share the list."""


_PLATFORMS = {
    "linux/386": "i686-linux",
    "linux/amd64": "x86_64-linux",
    "linux/arm/v6": "armv6l-linux",
    "linux/arm/v7": "armv7l-linux",
    "linux/arm64": "aarch64-linux",
    "linux/loong64": "loongarch64-linux",
    "linux/mips64le": "mips64el-linux",
    "linux/ppc64le": "powerpc64le-linux",
    "linux/riscv64": "riscv64-linux",
    "linux/s390x": "s390x-linux",
}
"""Nix's names of the platforms that container images are built for."""
_RUN_ANYWAY = {"x86_64-linux": ("x86_64-linux", "i686-linux"), "aarch64-linux": ("aarch64-linux",)}
"""What a processor runs by itself."""


def _emulated(o: MultiArch, host: Host) -> list[str]:
    native = _RUN_ANYWAY.get(host.system, (host.system,))
    found = [_nix_name(platform) for platform in o.platforms]
    return list(dict.fromkeys(name for name in found if name and name not in native))


def _nix_name(platform: str) -> str | None:
    return platform if platform in _PLATFORMS.values() else _PLATFORMS.get(platform)


def settings(o: MultiArch, host: Host) -> Settings:
    if o.enable and (systems := _emulated(o, host)):
        yield "boot.binfmt.emulatedSystems", list[Value](systems)
        # Only static emulators, which the kernel opens beforehand, are found from inside a container.
        yield "boot.binfmt.preferStaticEmulators", True


def findings(o: MultiArch) -> Findings:
    for platform in o.platforms:
        if _nix_name(platform) is None:
            yield Finding(
                "unknown-platform",
                f'there is no platform "{platform}" to emulate',
                at="multiArch.platforms",
                help=f"known are {', '.join(_PLATFORMS)}",
            )
