"""Kubernetes for development: tools, and clusters in containers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import Field

from pantheros.module import Finding, Findings, Group, Host, PackageName, Settings, key, pkg, script


class Kubernetes(Group):
    enable: bool = False
    """Install tools to work with Kubernetes clusters."""
    tools: list[PackageName] = ["kubectl", "helm", "k9s"]
    """The tools, by package name; `helm` is Helm."""
    default_namespace: Annotated[str, Field(pattern=r"^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$")] | None = None
    """Namespace for every context of `~/.kube/config` that names none; one that names its own keeps it."""
    local_cluster: Literal["none", "kind", "k3d"] = "none"
    """A tool to run clusters in containers here, and what the system needs for it without root."""


_PACKAGES = {"helm": "kubernetes-helm"}
"""Where a tool's package has another name."""


def packages(o: Kubernetes) -> Iterator[tuple[str, str]]:
    """Packages to install, each with the option that asks for it."""
    if o.enable:
        for tool in o.tools:
            yield _PACKAGES.get(tool, tool), "kubernetes.tools"
        if o.local_cluster != "none":
            yield o.local_cluster, "kubernetes.localCluster"


def settings(o: Kubernetes, host: Host) -> Settings:
    if not o.enable or o.local_cluster == "none":
        return
    # The nodes of a cluster set limits of their own, so their user needs all controllers.
    yield f"systemd.services.{key('user@')}.serviceConfig.Delegate", "cpu cpuset io memory pids"
    if o.local_cluster == "kind":
        yield "environment.sessionVariables.KIND_EXPERIMENTAL_PROVIDER", "podman"
    if host.release < "26.05":
        # Containers cannot load what kube-proxy needs. Later kernels need not have these; nftables loads its own.
        yield "boot.kernelModules", ["ip_tables", "iptable_nat", "ip6_tables", "ip6table_nat"]


def home(o: Kubernetes) -> Settings:
    """The default namespace, for whatever contexts come to be."""
    namespace = o.default_namespace
    if not o.enable or not namespace:
        return
    set_namespace = script(__file__, "scripts/kube-default-namespace")
    yield (
        "systemd.user.services.kube-default-namespace",
        {
            "Unit": {"Description": f"Let kubectl use the namespace {namespace} where none is given"},
            "Service": {
                "Type": "oneshot",
                "Environment": [f"PATH={pkg('kubectl')}/bin"],
                "ExecStart": f"{pkg('bash')}/bin/bash {set_namespace} {namespace}",
            },
            "Install": {"WantedBy": ["default.target"]},
        },
    )
    yield (
        "systemd.user.paths.kube-default-namespace",
        {
            "Unit": {"Description": "Watch for new Kubernetes contexts"},
            "Path": {"PathChanged": "%h/.kube/config"},
            "Install": {"WantedBy": ["default.target"]},
        },
    )


def findings(o: Kubernetes, rootless: bool) -> Findings:
    if o.local_cluster == "none":
        return
    if not o.enable:
        yield Finding(
            "cluster-without-kubernetes",
            f"a local cluster ({o.local_cluster}) is asked for, but Kubernetes is not enabled",
            at="kubernetes.localCluster",
            help="set `kubernetes.enable = true`",
        )
    elif not rootless:
        yield Finding(
            "rootless-only",
            f"{o.local_cluster} runs clusters in each person's own containers, and those are off",
            at="kubernetes.localCluster",
            help="set `security.rootless = true`",
        )
