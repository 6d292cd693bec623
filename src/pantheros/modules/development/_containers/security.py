"""Security: what containers may do, and which images may be pulled."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from pantheros.module import Finding, Findings, Group, Settings, Value, fleet_path
from pantheros.modules.development._containers.accounts import ORDINARY_IDS
from pantheros.modules.development._containers.registries import Registries, places

Capability = Annotated[
    str, Field(pattern=r"^(ALL|(CAP_)?[A-Z]+(_[A-Z]+)*)$", description='a capability such as "NET_RAW", or "ALL"')
]


_GRANTED = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
"""What Podman grants a container by default, by containers.conf(5)."""


class Security(Group):
    rootless: bool = True
    """People's containers run with their own rights. Without, everybody in `users` commands root's Podman, which
    makes them root in all but name."""
    seccomp: bool = True
    """Refuse containers the system calls that they have no business with."""
    profile: str | None = None
    """A seccomp profile (JSON) to use instead of Podman's: a file of the fleet, relative to `fleet.toml`."""
    no_new_privileges: bool = False
    """Let no program in a container gain rights: sudo and ping stop working there. It holds for `podman run` and
    `create` and for `services`, not for what asks Podman's socket, such as docker-compose."""
    drop_capabilities: list[Capability] = []
    """Capabilities that containers do without, of those that Podman grants; `ALL` for none at all."""
    user_namespace_size: Annotated[int, Field(ge=ORDINARY_IDS, le=16_777_216)] = ORDINARY_IDS
    """User ids that each person's containers have. Beyond the usual 65536, ranges go by the order of people: put new
    ones last, and run `podman system migrate` after a change."""
    scan_on_pull: bool = False
    """Scan images for known holes (Trivy) as they are pulled; one with a severe hole that has a fix is not kept.
    Images are then only pulled by `podman pull` and for `services`: `podman run` does not pull by itself."""
    signature_policy: Literal["accept", "listed"] | dict[str, Any] = "accept"
    """Which images may be pulled: `accept` any, `listed` those of the registries named here; or a policy with
    signatures, as containers-policy.json(5) has it."""


def settings(o: Security, registries: Registries) -> Settings:
    conf = "virtualisation.containers.containersConf.settings"
    if not o.seccomp:
        yield f"{conf}.containers.seccomp_profile", "unconfined"
    elif o.profile:
        yield f"{conf}.containers.seccomp_profile", f"{fleet_path(o.profile)}"
    if o.drop_capabilities:
        dropped = {name if name.startswith("CAP_") else f"CAP_{name}" for name in o.drop_capabilities}
        kept = [name for name in _GRANTED if name not in dropped and "CAP_ALL" not in dropped]
        yield f"{conf}.containers.default_capabilities", list[Value](kept)
    if o.scan_on_pull:
        # Nothing gets in but by `podman pull`, which scans.
        yield f"{conf}.engine.pull_policy", "never"
    if isinstance(o.signature_policy, dict):
        yield "virtualisation.containers.policy", o.signature_policy
    elif o.signature_policy == "listed":
        yield "virtualisation.containers.policy", _listed_policy(registries)


def _listed_policy(registries: Registries) -> dict[str, Value]:
    """Only known registries, and what is built or loaded here."""
    accept: list[Value] = [{"type": "insecureAcceptAnything"}]
    local = ("containers-storage", "dir", "docker-archive", "docker-daemon", "oci", "oci-archive", "tarball")
    return {
        "default": [{"type": "reject"}],
        "transports": {
            "docker": dict.fromkeys(places(registries), accept),
            **{transport: {"": accept} for transport in local},
        },
    }


def findings(o: Security, registries: Registries) -> Findings:
    if o.profile and not o.seccomp:
        yield Finding(
            "seccomp-off",
            "there is a seccomp profile, but seccomp is off",
            at="security.profile",
            help="take out `profile`, or set `seccomp = true`",
        )
    if not o.rootless and o.user_namespace_size != ORDINARY_IDS:
        yield Finding(
            "rootless-only",
            "`userNamespaceSize` is about containers without root, and those are off",
            severity="warning",
            at="security.userNamespaceSize",
            help="take it out, or set `rootless = true`",
        )
    if isinstance(o.signature_policy, dict) and "default" not in o.signature_policy:
        yield Finding(
            "policy-without-default",
            "the signature policy does not say what holds for images that it does not name: Podman refuses to read it",
            at="security.signaturePolicy",
            help='add `default`, such as [ { type = "reject"; } ]',
        )
    if o.signature_policy == "listed" and not places(registries):
        yield Finding(
            "no-registries-listed",
            "only images of listed registries may be pulled, and none is listed",
            at="security.signaturePolicy",
            help="enable `registries.dockerHub` or `registries.github`, or add to `registries.custom`",
        )
