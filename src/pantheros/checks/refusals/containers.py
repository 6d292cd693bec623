"""Containers and clusters."""

from __future__ import annotations

from pantheros.checks.refusals.rule import Rule, given, has, off, on, unset
from pantheros.checks.settings import Wrong

RULES: tuple[Rule, ...] = (
    Rule(
        "virtualisation/podman/default.nix",
        Wrong(
            "docker-and-podman",
            "Podman cannot be called `docker` while Docker is there",
            "set `virtualisation.docker.enable = false`, or leave out `virtualisation.podman.dockerCompat`",
        ),
        (
            on("virtualisation.podman.dockerCompat"),
            on("virtualisation.docker.enable"),
            on("virtualisation.podman.enable"),
        ),
    ),
    Rule(
        "virtualisation/podman/default.nix",
        Wrong(
            "docker-and-podman",
            "Docker and Podman cannot both serve Docker's socket",
            "set `virtualisation.docker.enable = false`, or leave out `virtualisation.podman.dockerSocket`",
        ),
        (
            on("virtualisation.podman.dockerSocket.enable"),
            on("virtualisation.docker.enable"),
            on("virtualisation.podman.enable"),
        ),
    ),
    Rule(
        "virtualisation/oci-containers.nix",
        Wrong(
            "container-image-twice",
            "the image of the container {name} is given both as a file and as a stream",
            "set one of `imageFile` and `imageStream`",
        ),
        (
            given("virtualisation.oci-containers.containers.*.imageFile"),
            given("virtualisation.oci-containers.containers.*.imageStream"),
        ),
    ),
    Rule(
        "virtualisation/incus.nix",
        Wrong(
            "incus-without-nftables",
            "Incus does not work with a firewall made with iptables",
            "set `networking.nftables.enable = true`",
        ),
        (
            on("virtualisation.incus.enable"),
            on("networking.firewall.enable"),
            off("networking.nftables.enable"),
            unset("networking.firewall.backend"),
        ),
    ),
    Rule(
        "services/cluster/k3s/default.nix",
        Wrong(
            "k3s-agent-without-server",
            "an agent of k3s has to know its server",
            "set `services.k3s.serverAddr` to the server's address",
        ),
        (
            has(lambda value: value == "agent", "services.k3s.role"),
            on("services.k3s.enable"),
            off("services.k3s.serverAddr", "services.k3s.configPath"),
        ),
        last="24.11",
    ),
    Rule(
        "services/cluster/k3s/default.nix",
        Wrong(
            "k3s-agent-without-token",
            "an agent of k3s needs the token by which its server knows it",
            "set `services.k3s.tokenFile` to a file on the host",
        ),
        (
            has(lambda value: value == "agent", "services.k3s.role"),
            on("services.k3s.enable"),
            off("services.k3s.token", "services.k3s.tokenFile", "services.k3s.configPath"),
        ),
        last="24.11",
    ),
)
