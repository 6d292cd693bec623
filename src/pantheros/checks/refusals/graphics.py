"""Graphics and firmware."""

from __future__ import annotations

from typing import Any

from pantheros.checks.refusals.rule import Rule, given, has, off, on, unset
from pantheros.checks.settings import Wrong


def _nvidia(value: Any) -> bool:
    return isinstance(value, list) and "nvidia" in value


NVIDIA = has(_nvidia, "services.xserver.videoDrivers")
PRIME = tuple(f"hardware.nvidia.prime.{name}.enable" for name in ("sync", "offload", "reverseSync"))


RULES: tuple[Rule, ...] = (
    Rule(
        "hardware/video/nvidia.nix",
        Wrong(
            "nvidia-module-not-chosen",
            "it is not said whether to use NVIDIA's open kernel module",
            "set `hardware.nvidia.open`: true for cards since Turing (RTX and GTX 16), false for older ones",
        ),
        (NVIDIA, unset(*(f"hardware.nvidia.{name}" for name in ("open", "package", "branch", "datacenter")))),
    ),
    *(
        Rule(
            "hardware/video/nvidia.nix",
            Wrong("prime-modes", f"PRIME's {one} and {other} cannot both be switched on", "choose one of them"),
            (on(f"hardware.nvidia.prime.{one}.enable"), on(f"hardware.nvidia.prime.{other}.enable"), NVIDIA),
        )
        for one, other in (("sync", "offload"), ("sync", "reverseSync"))
    ),
    Rule(
        "hardware/video/nvidia.nix",
        Wrong(
            "prime-modes",
            "NVIDIA's fine-grained power management works only with PRIME's offload",
            "set `hardware.nvidia.prime.offload.enable = true`",
        ),
        (
            on("hardware.nvidia.powerManagement.finegrained"),
            NVIDIA,
            off("hardware.nvidia.prime.offload.enable", "hardware.nvidia.prime.reverseSync.enable"),
        ),
    ),
    Rule(
        "hardware/video/nvidia.nix",
        Wrong(
            "prime-modes",
            "the command that starts programs on NVIDIA's card works only with PRIME's offload",
            "set `hardware.nvidia.prime.offload.enable = true`",
        ),
        (
            on("hardware.nvidia.prime.offload.enableOffloadCmd"),
            NVIDIA,
            off("hardware.nvidia.prime.offload.enable", "hardware.nvidia.prime.reverseSync.enable"),
        ),
    ),
    *(
        Rule(
            "hardware/video/nvidia.nix",
            Wrong(
                "prime-without-bus-ids",
                "PRIME has to know on which bus both graphics cards are",
                "set `hardware.nvidia.prime.nvidiaBusId`, and `intelBusId` or `amdgpuBusId`, from what `lspci` prints",
            ),
            (on(*PRIME), NVIDIA, off(*(f"hardware.nvidia.prime.{name}" for name in names)), *more),
        )
        for names, *more in (
            [("nvidiaBusId",)],
            [("intelBusId", "amdgpuBusId"), given("hardware.nvidia.prime.nvidiaBusId")],
        )
    ),
    Rule(
        "hardware/all-firmware.nix",
        Wrong(
            "firmware-not-permitted",
            "`hardware.enableAllFirmware` takes firmware that is not free, which is not permitted here",
            "set `nixpkgs.config.allowUnfree = true`, or `hardware.enableRedistributableFirmware` in its place",
        ),
        (on("hardware.enableAllFirmware"), off("nixpkgs.config.allowUnfree"), unset("nixpkgs.pkgs")),
        last="25.05",
    ),
)
