"""pantherOS.development.containers: what each option comes to, in every release, and what cannot work."""

from __future__ import annotations

import json
import os
import shutil
import socket as sockets
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pantheros.module import Package, Port, SecretUse, State
from pantheros.modules.development import containers
from pantheros.modules.development._containers import docker, registries
from pantheros.nix.values import Raw, parts
from pantheros.releases.index import Index
from pantheros.releases.release import Release

MODULE = "development.containers"
TABLE = "pantherOS.development.containers"
RELEASES = ["24.11", "25.05", "25.11", "26.05", "unstable"]

FLEET = (Path(__file__).parent / "fleet.toml").read_text()
EVERYTHING = (Path(__file__).parent / "everything.toml").read_text()


ROOTFUL = """\
people = ["ada"]
[pantherOS.development.containers]
enable = true
runtime = "docker-compat"
compose.enable = true
optimization = { storageDriver = "btrfs", storageSize = "20G", layerCaching = false, buildCache = false }
networking = { ipv6 = true }
[pantherOS.development.containers.security]
rootless = false
seccomp = false
dropCapabilities = ["ALL"]
signaturePolicy = { default = [{ type = "insecureAcceptAnything" }] }
"""

Make = Callable[..., Any]


def codes(found: Any) -> list[str]:
    """The module's own findings."""
    found.expansions("box")
    return [f.code for f in found.findings if f.option.startswith(TABLE)]


def resources(found: Any, kind: type[Any]) -> list[Any]:
    host = found.model.resolver.host("box")
    options = found.model.resolver.resolved(host, found.model.resolver.library.modules[MODULE])
    return [r for r in containers.resources(options, host) if isinstance(r, kind)]


def leaves(value: Any, path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every path that a setting comes to."""
    if isinstance(value, dict) and value:
        for name, below in value.items():
            yield from leaves(below, (*path, name))
    else:
        yield path, value


# Every release ------------------------------------------------------------------------------------------------


def known(found: Any, release: str) -> None:
    index = Index.of(Release.parse(release))
    for host in found.model.declared.hosts:
        for expansion in found.expansions(host):
            if expansion.module.name != MODULE:
                continue
            for scope, _, settings in expansion.scopes():
                for setting in settings:
                    for path, _ in leaves(setting.value, setting.path):
                        status = index.status(scope, path)
                        assert status.kind in {"known", "doubtful", "group"}, (path, status)
                        if release == "24.11" or scope == "home":
                            assert status.kind == "known", (path, status)


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("body", [EVERYTHING, ROOTFUL], ids=["everything", "rootful"])
def test_settings_exist_in_every_release(box: Make, release: str, body: str) -> None:
    found = box(body, whole=True, release=release)
    known(found, release)
    assert not [f for f in found.findings if f.severity == "error"]


# Options ------------------------------------------------------------------------------------------------------


def test_rootless_podman_is_the_default(box: Make) -> None:
    found = box("", people='["ada", "bob"]')
    settings = found.nixos(module=MODULE)
    assert settings["virtualisation.podman.enable"] is True
    assert settings["users.users.ada.autoSubUidGidRange"] is True
    assert settings["users.users.bob.autoSubUidGidRange"] is True
    assert settings["virtualisation.podman.defaultNetwork.settings"] == {"dns_enabled": True}
    assert "virtualisation.podman.dockerCompat" not in settings
    assert "environment.extraInit" not in settings
    assert "environment.systemPackages" not in settings
    assert found.home(module=MODULE) == {}
    assert codes(found) == []


def test_users(box: Make) -> None:
    body = 'users = ["bob"]\nregistries.github = { enable = true, username = "x", secret = "githubToken" }\n'
    found = box(body, people='["ada", "bob"]')
    settings = found.nixos(module=MODULE)
    assert settings["users.users.ada.autoSubUidGidRange"] is False
    assert settings["users.users.bob.autoSubUidGidRange"] is True
    assert found.home(person="ada", module=MODULE) == {}
    assert "systemd.user.services.registry-login-ghcr-io" in found.home(person="bob", module=MODULE)
    assert {use.person for use in resources(found, SecretUse)} == {"bob"}


def test_larger_user_namespaces_do_not_overlap(box: Make) -> None:
    settings = box("security.userNamespaceSize = 131072\n", people='["ada", "bob"]').nixos(module=MODULE)
    for kind in ("Uid", "Gid"):
        ada, bob = (settings[f"users.users.{name}.sub{kind}Ranges"][0] for name in ("ada", "bob"))
        assert ada["count"] == bob["count"] == 131072
        assert ada[f"start{kind}"] + ada["count"] == bob[f"start{kind}"]
    assert settings["users.users.ada.autoSubUidGidRange"] is False


def test_docker_compat_without_root(box: Make) -> None:
    settings = box('runtime = "docker-compat"\n').nixos(module=MODULE)
    assert settings["virtualisation.podman.dockerCompat"] is True
    assert "virtualisation.podman.dockerSocket.enable" not in settings
    assert "DOCKER_HOST" in settings["environment.extraInit"]


def test_docker_compat_with_root(box: Make) -> None:
    settings = box('runtime = "docker-compat"\nsecurity.rootless = false\n').nixos(module=MODULE)
    assert settings["virtualisation.podman.dockerSocket.enable"] is True
    assert settings["users.users.ada.extraGroups"] == ["podman"]
    assert settings["environment.sessionVariables.CONTAINER_HOST"] == "unix:///run/podman/podman.sock"
    assert "environment.extraInit" not in settings


@pytest.mark.parametrize("shell", ["bash", "dash"])
def test_docker_host_is_the_session_s_own_socket(tmp_path: Path, shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    socket = tmp_path / "podman/podman.sock"
    script = docker.USE_OWN_SOCKET + '\necho "$DOCKER_HOST"'

    def run(**environment: str) -> str:
        env = {"XDG_RUNTIME_DIR": str(tmp_path), **environment}
        return subprocess.run([shell, "-c", script], env=env, capture_output=True, text=True, check=True).stdout.strip()

    assert run() == ""
    socket.parent.mkdir()
    with sockets.socket(sockets.AF_UNIX) as listening:
        listening.bind(os.path.relpath(socket))
        assert run() == f"unix://{socket}"
        assert run(DOCKER_HOST="tcp://elsewhere") == "tcp://elsewhere"


def test_search_order(box: Make) -> None:
    place = "virtualisation.containers.registries.search"
    assert place not in box("").nixos(module=MODULE)
    assert place not in box("registries.github.enable = true\n").nixos(module=MODULE)
    assert box("registries.dockerHub.enable = true\n").nixos(module=MODULE)[place] == ["docker.io"]
    body = 'registries.dockerHub.enable = true\nregistries.searchOrder = ["quay.io"]\n'
    assert box(body).nixos(module=MODULE)[place] == ["quay.io"]


def test_logins_of_a_session(box: Make) -> None:
    home = box(EVERYTHING, whole=True).home(module=MODULE)
    unit = home["systemd.user.services.registry-login-registry-company-com"]
    service = unit["Service"]
    command = parts(service["ExecStart"])
    assert command[0] == Package("skopeo")
    assert command[1] == "/bin/skopeo login --username robot$$ada --password-stdin registry.company.com"
    source = parts(service["StandardInput"])
    assert source[0] == "file:"
    assert isinstance(source[1], Raw) and source[1].home and source[1].home.endswith("secretPaths.companyToken")
    assert service["Restart"] == "on-failure"
    assert unit["Install"]["WantedBy"] == ["default.target"]
    assert "systemd.user.services.registry-login-docker-io" in home


def test_login_of_one_person(fleet: Make) -> None:
    person = '[people.ada.pantherOS.development.containers.registries.github]\nusername = "a"\nsecret = "githubToken"\n'
    host = f'people = ["ada", "bob"]\n[{TABLE}]\nenable = true\nregistries.github.enable = true\n'
    found = fleet({"fleet.toml": FLEET + person, "hosts/box/host.toml": host})
    assert "systemd.user.services.registry-login-ghcr-io" in found.home(person="ada", module=MODULE)
    assert found.home(person="bob", module=MODULE) == {}
    assert codes(found) == []
    assert [(use.name, use.person) for use in resources(found, SecretUse)] == [("githubToken", "ada")]


@pytest.mark.parametrize(
    ("written", "word"),
    [("ada", "ada"), ("a b", '"a b"'), ("robot$x", "robot$$x"), ("50%", "50%%"), ('say "a"', '"say \\"a\\""')],
)
def test_names_survive_systemd(written: str, word: str) -> None:
    assert registries._unit_word(written) == word


def test_kubernetes(box: Make) -> None:
    found = box('kubernetes = { enable = true, defaultNamespace = "dev", localCluster = "k3d" }\n')
    settings = found.nixos(module=MODULE)
    names = [p.name for p in settings["environment.systemPackages"]]
    assert names == ["kubectl", "kubernetes-helm", "k9s", "k3d"]
    assert settings['systemd.services."user@".serviceConfig.Delegate'] == "cpu cpuset io memory pids"
    assert "DOCKER_SOCK" in settings["environment.extraInit"]
    assert "environment.sessionVariables.KIND_EXPERIMENTAL_PROVIDER" not in settings
    home = found.home(module=MODULE)
    assert home["systemd.user.paths.kube-default-namespace"]["Path"] == {"PathChanged": "%h/.kube/config"}
    kind = box('kubernetes = { enable = true, localCluster = "kind" }\n').nixos(module=MODULE)
    assert kind["environment.sessionVariables.KIND_EXPERIMENTAL_PROVIDER"] == "podman"


def test_kernel_modules_of_a_cluster_by_release(box: Make) -> None:
    body = 'kubernetes = { enable = true, localCluster = "kind" }\n'
    assert "boot.kernelModules" in box(body, release="25.11").nixos(module=MODULE)
    assert "boot.kernelModules" not in box(body, release="26.05").nixos(module=MODULE)


@pytest.mark.parametrize("provider", ["podman-compose", "docker-compose"])
def test_compose(box: Make, provider: str) -> None:
    settings = box(f'compose = {{ enable = true, provider = "{provider}" }}\n').nixos(module=MODULE)
    assert settings["environment.systemPackages"] == [Package(provider)]
    (found,) = settings["virtualisation.containers.containersConf.settings.engine.compose_providers"]
    assert parts(found) == [Package(provider), f"/bin/{provider}"]
    assert ("environment.extraInit" in settings) == (provider == "docker-compose")


def test_dev_containers(box: Make) -> None:
    settings = box("devContainers.enable = true\n").nixos(module=MODULE)
    assert settings["virtualisation.podman.dockerCompat"] is True
    assert settings["environment.systemPackages"] == [Package("devcontainer")]
    assert "environment.extraInit" in settings
    settings = box("devContainers = { enable = true, cli = false }\n").nixos(module=MODULE)
    assert "environment.systemPackages" not in settings


def test_optimization(box: Make) -> None:
    settings = box(ROOTFUL, whole=True).nixos(module=MODULE)
    assert settings["environment.variables.BUILDAH_LAYERS"] == "false"
    assert "systemd.tmpfiles.rules" not in settings
    storage = "virtualisation.containers.storage.settings.storage"
    assert settings[f"{storage}.driver"] == "btrfs"
    assert settings[f"{storage}.options.btrfs.size"] == "20G"
    settings = box("").nixos(module=MODULE)
    assert settings["environment.variables.BUILDAH_LAYERS"] == "true"
    assert settings["systemd.tmpfiles.rules"] == ["x /var/tmp/buildah-cache-*"]


def test_pruning(box: Make) -> None:
    found = box('optimization.autoPrune = { enable = true, schedule = "daily", keep = "3d" }\n')
    assert found.nixos(module=MODULE)["virtualisation.podman.autoPrune.flags"] == ["--filter=until=72h"]
    home = found.home(module=MODULE)
    assert home["systemd.user.services.podman-prune"]["Service"]["ExecStart"].endswith("--force --filter=until=72h")
    assert home["systemd.user.timers.podman-prune"]["Timer"]["OnCalendar"] == "daily"
    alone = box("optimization.autoPrune.enable = true\nsecurity.rootless = false\n")
    assert alone.home(module=MODULE) == {}


def test_storage_driver_follows_the_disk(box: Make) -> None:
    place = "virtualisation.containers.storage.settings.storage.driver"
    disk = '[pantherOS.filesystems.disks]\nenable = true\ndevice = "/dev/disk/by-id/x"\n'
    assert box("").nixos(module=MODULE)[place] == "overlay"
    assert box(disk).nixos(module=MODULE)[place] == "btrfs"
    assert box(disk + 'filesystem = "ext4"\n').nixos(module=MODULE)[place] == "overlay"
    assert box('optimization.storageDriver = "overlay"\n' + disk).nixos(module=MODULE)[place] == "overlay"


def test_storage_path(box: Make) -> None:
    found = box('storage.path = "/data/c"\n')
    settings = found.nixos(module=MODULE)
    storage = "virtualisation.containers.storage.settings.storage"
    assert settings[f"{storage}.graphroot"] == "/data/c/storage"
    assert settings[f"{storage}.rootless_storage_path"] == "/data/c/$USER/storage"
    assert "d /data/c/ada 0700 ada users -" in settings["systemd.tmpfiles.rules"]
    states = resources(found, State)
    assert State("/data/c", backup=False, copy_on_write=False) in states
    assert not [s for s in states if s.person]


def test_state(box: Make) -> None:
    states = resources(box(""), State)
    assert State("/var/lib/containers", backup=False, copy_on_write=False) in states
    (home,) = [s for s in states if s.person]
    assert (home.path, home.person, home.backup, home.copy_on_write) == (".local/share/containers", "ada", False, False)
    assert [s for s in states if s.path == "/var/tmp/buildah-cache-1000"]
    assert all(s.copy_on_write for s in resources(box("storage.btrfsNoCow = false\n"), State))


def test_networking(box: Make) -> None:
    conf = "virtualisation.containers.containersConf.settings"
    settings = box('networking = { dns = ["9.9.9.9"], subnet = "10.90.0.0/16" }\n').nixos(module=MODULE)
    assert settings[f"{conf}.containers.dns_servers"] == ["9.9.9.9"]
    assert settings[f"{conf}.network.default_subnet"] == "10.90.0.0/16"
    network = settings["virtualisation.podman.defaultNetwork.settings"]
    assert network["subnets"] == [{"subnet": "10.90.0.0/16", "gateway": "10.90.0.1"}]
    network = box("networking.ipv6 = true\n").nixos(module=MODULE)["virtualisation.podman.defaultNetwork.settings"]
    assert network["ipv6_enabled"] is True
    assert [subnet["subnet"][:2] for subnet in network["subnets"]] == ["10", "fd"]


def test_default_network_of_another_name(box: Make) -> None:
    settings = box('networking.defaultNetwork = "dev"\n').nixos(module=MODULE)
    assert "virtualisation.podman.defaultNetwork.settings" not in settings
    written = json.loads(settings['environment.etc."containers/networks/dev.json".text'])
    assert (written["name"], written["dns_enabled"], len(written["id"])) == ("dev", True, 64)
    assert settings["networking.firewall.interfaces.podman0.allowedUDPPorts"] == [53]


@pytest.mark.parametrize(
    ("system", "wanted", "emulated"),
    [
        ("x86_64-linux", None, ["aarch64-linux"]),
        ("aarch64-linux", None, ["x86_64-linux"]),
        ("x86_64-linux", '["linux/amd64", "linux/386", "linux/arm/v7"]', ["armv7l-linux"]),
        ("x86_64-linux", '["linux/amd64"]', None),
    ],
)
def test_other_processors(box: Make, system: str, wanted: str | None, emulated: list[str] | None) -> None:
    more = f", platforms = {wanted}" if wanted else ""
    body = f'people = ["ada"]\nsystem = "{system}"\n[{TABLE}]\nenable = true\nmultiArch = {{ enable = true{more} }}\n'
    settings = box(body, whole=True).nixos(module=MODULE)
    assert settings.get("boot.binfmt.emulatedSystems") == emulated
    assert settings.get("boot.binfmt.preferStaticEmulators") == (True if emulated else None)


def test_security(box: Make) -> None:
    conf = "virtualisation.containers.containersConf.settings.containers"
    settings = box(ROOTFUL, whole=True).nixos(module=MODULE)
    assert settings[f"{conf}.seccomp_profile"] == "unconfined"
    assert settings[f"{conf}.default_capabilities"] == []
    assert settings["virtualisation.containers.policy"] == {"default": [{"type": "insecureAcceptAnything"}]}
    settings = box(EVERYTHING, whole=True).nixos(module=MODULE)
    kept = settings[f"{conf}.default_capabilities"]
    assert "CAP_SETFCAP" not in kept and "CAP_NET_BIND_SERVICE" not in kept and "CAP_CHOWN" in kept
    assert "registry.lan:5000" in settings["virtualisation.containers.policy"]["transports"]["docker"]
    assert settings["virtualisation.containers.containersConf.settings.engine.pull_policy"] == "never"


# Services -----------------------------------------------------------------------------------------------------


def test_services(box: Make) -> None:
    found = box(EVERYTHING.replace("scanOnPull = true", ""), whole=True)
    settings = found.nixos(module=MODULE)
    base = "virtualisation.oci-containers.containers"
    assert settings[f"{base}.web.image"] == "registry.company.com/team/web:1.2"
    assert settings[f"{base}.web.cmd"] == ["serve", "--port=80"]
    assert settings[f"{base}.web.autoStart"] is False
    assert settings[f"{base}.web.dependsOn"] == ["db"]
    assert settings[f"{base}.web.environment"] == {"MODE": "production"}
    assert settings[f"{base}.db.ports"] == ["127.0.0.1:5432:5432"]
    login = settings[f"{base}.db.login"]
    assert (login["registry"], login["username"]) == ("docker.io", "ada")
    # NixOS 24.11 would have the shell expand this one's username.
    assert f"{base}.web.login" not in settings
    assert parts(settings["systemd.services.podman-web-image.serviceConfig"]["ExecStart"])[-1] == (
        " registry.company.com/team/web:1.2 podman pull"
    )
    assert "--health-cmd=pg_isready -U postgres" in settings[f"{base}.db.extraOptions"]
    assert "--security-opt=no-new-privileges" in settings[f"{base}.web.extraOptions"]
    assert settings[f"{base}.db.podman.sdnotify"] == "healthy"
    assert "d /srv/web :0755 :root :root -" in settings["systemd.tmpfiles.rules"]
    assert not any("localtime" in rule for rule in settings["systemd.tmpfiles.rules"])
    older = box(EVERYTHING, whole=True, release="24.11").nixos(module=MODULE)
    assert f"{base}.db.podman.sdnotify" not in older


def test_resources_of_services(box: Make) -> None:
    found = box(EVERYTHING.replace("scanOnPull = true", ""), whole=True)
    uses = {(use.name, use.service) for use in resources(found, SecretUse) if use.service}
    assert uses == {
        ("hubToken", "podman-db"),
        ("dbPassword", "podman-db"),
        ("companyToken", "podman-web-image"),
        ("webEnvironment", "podman-web"),
    }
    ports = {(p.number, p.last, p.protocol, p.exposure) for p in resources(found, Port)}
    assert ports == {
        (5432, None, "tcp", "local"),
        (8080, None, "tcp", "tailnet"),
        (8443, 8445, "tcp", "tailnet"),
        (5353, None, "udp", "tailnet"),
    }
    kept = {s.path for s in resources(found, State) if s.backup}
    assert kept == {"/srv/web", "/srv/containers/storage/volumes/db"}


def test_scanned_services_have_their_image_first(box: Make) -> None:
    found = box(EVERYTHING, whole=True)
    settings = found.nixos(module=MODULE)
    assert "virtualisation.oci-containers.containers.web.login" not in settings
    unit = "systemd.services.podman-web-image"
    assert settings[f"{unit}.environment"]["REGISTRY"] == "registry.company.com"
    assert settings[f"{unit}.serviceConfig"]["ExecStart"].endswith("/scanned-pull podman")
    assert ("companyToken", "podman-web-image") in {(u.name, u.service) for u in resources(found, SecretUse)}


@pytest.mark.parametrize(
    ("image", "registry"),
    [
        ("postgres:17", "docker.io"),
        ("library/postgres", "docker.io"),
        ("docker.io/library/postgres", "docker.io"),
        ("registry.company.com/x", "registry.company.com"),
        ("registry.company.com/team/x", "registry.company.com/team"),
        ("registry.company.com.evil/x", None),
        ("localhost/x", None),
    ],
)
def test_login_by_image(image: str, registry: str | None) -> None:
    account = {"username": "u", "secret": "s"}
    hub = registries.Registry(enable=True, **account)
    custom = [
        registries.CustomRegistry(url="registry.company.com", **account),
        registries.CustomRegistry(url="registry.company.com/team", **account),
    ]
    known = registries.Registries.model_validate({"dockerHub": hub, "custom": custom})
    found = registries.login_of(registries.logins(known), image)
    assert (found and found.registry) == registry


# Findings -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "code", "at"),
    [
        ('users = ["eve"]\n', "user-not-here", "users"),
        ('registries.github = { enable = true, username = "a" }\n', "registry-without-secret", "registries.github"),
        (
            'registries.github = { enable = true, secret = "hubToken" }\n',
            "registry-without-username",
            "registries.github",
        ),
        ("registries.github.enable = true\n", "registry-without-login", "registries.github.enable"),
        (
            'registries.github = { enable = true, username = "a", secret = "gone" }\n',
            "unknown-secret",
            "registries.github.secret",
        ),
        (
            'registries.custom = [{ url = "r.example", username = "a", secret = "gone" }]\n',
            "unknown-secret",
            "registries.custom",
        ),
        (
            'registries.searchOrder = ["quay.io"]\nregistries.blocked = ["quay.io"]\n',
            "registry-blocked",
            "registries.searchOrder",
        ),
        (
            'registries.custom = [{ url = "m.example", mirrorOf = "quay.io" }]\nregistries.blocked = ["quay.io"]\n',
            "registry-blocked",
            "registries.custom",
        ),
        ('kubernetes.localCluster = "kind"\n', "cluster-without-kubernetes", "kubernetes.localCluster"),
        (
            'kubernetes = { enable = true, localCluster = "kind" }\nsecurity.rootless = false\n',
            "rootless-only",
            "kubernetes.localCluster",
        ),
        (
            "security = { rootless = false, userNamespaceSize = 131072 }\n",
            "rootless-only",
            "security.userNamespaceSize",
        ),
        ('networking.subnet = "10.90.0.0"\n', "subnet-not-a-network", "networking.subnet"),
        ('networking.subnet = "10.90.0.1/16"\n', "subnet-not-a-network", "networking.subnet"),
        ('networking.dns = ["dns.example"]\n', "dns-not-an-address", "networking.dns"),
        ('multiArch = { enable = true, platforms = ["linux/vax"] }\n', "unknown-platform", "multiArch.platforms"),
        ('optimization.storageSize = "20G"\n', "quota-without-root", "optimization.storageSize"),
        ('security = { seccomp = false, profile = "x.json" }\n', "seccomp-off", "security.profile"),
        ('security.signaturePolicy = "listed"\n', "no-registries-listed", "security.signaturePolicy"),
        ("security.signaturePolicy.transports = {}\n", "policy-without-default", "security.signaturePolicy"),
        ('services.a = { image = "a", dependsOn = ["b"] }\n', "unknown-service", "services.a.dependsOn"),
        (
            'services.a = { image = "a", dependsOn = ["b"] }\nservices.b = { image = "b", dependsOn = ["a"] }\n',
            "dependency-circle",
            "services.a.dependsOn",
        ),
        ('services.a = { image = "a", secrets = [{ secret = "gone" }] }\n', "unknown-secret", "services.a.secrets"),
        (
            'services.a = { image = "a", ports = ["80-90:80-90"] }\nservices.b = { image = "b", ports = ["85:1"] }\n',
            "duplicate-port",
            "services.b.ports",
        ),
        ('services."a b" = { image = "a" }\n', "service-name", 'services."a b"'),
        ('services.a = { image = "a", ports = ["70000:1"] }\n', "port-out-of-range", "services.a.ports"),
    ],
)
def test_findings(box: Make, body: str, code: str, at: str) -> None:
    found = box(body, release="24.11")
    assert code in codes(found)
    finding = next(f for f in found.findings if f.code == code)
    assert finding.option.startswith(f"{TABLE}.{at}")
    assert finding.origin and finding.origin.file == "hosts/box/host.toml"


def test_one_registry_has_one_account(box: Make) -> None:
    entry = 'registries.custom = [{{ url = "r.lan:5000", username = "ada", secret = "hubToken" }}, {{ {} }}]\n'
    twice = box(entry.format('url = "r.lan:5000", username = "robot", secret = "companyToken"'))
    assert codes(twice) == ["registry-twice"]
    same = box(entry.format('url = "r.lan:5000", username = "ada", secret = "hubToken"'))
    assert codes(same) == []
    assert len([path for path in same.home(module=MODULE) if "registry-login" in path]) == 1


def test_registries_whose_units_would_have_one_name(box: Make) -> None:
    entry = '{{ url = "{}", username = "ada", secret = "hubToken" }}'
    names = ", ".join(entry.format(url) for url in ("r.lan:5000", "r-lan.5000", "r.lan/5000"))
    found = box(f"registries.custom = [{names}]\n")
    assert codes(found) == []
    assert [path for path in found.home(module=MODULE) if "registry-login" in path] == [
        "systemd.user.services.registry-login-r-lan-5000",
        "systemd.user.services.registry-login-r-lan-5000-2",
        "systemd.user.services.registry-login-r-lan-5000-2-2",
    ]


def test_an_unknown_secret_is_told_once(box: Make) -> None:
    body = """\
registries.github = { enable = true, username = "a", secret = "gone" }
services.a = { image = "ghcr.io/a/a", secrets = [{ secret = "lost" }] }
"""
    found = box(body, people='["ada", "bob"]')
    assert found.codes().count("unknown-secret") == 2


@pytest.mark.parametrize(
    ("disk", "body", "code"),
    [
        ("ext4", 'optimization.storageDriver = "btrfs"\n', "storage-driver-without-btrfs"),
        ("ext4", 'optimization.storageSize = "9G"\nsecurity.rootless = false\n', "quota-without-xfs"),
        ("btrfs", 'optimization.storageSize = "9G"\nsecurity.rootless = false\n', None),
        ("xfs", 'optimization.storageSize = "9G"\nsecurity.rootless = false\n', None),
    ],
)
def test_findings_about_disks(box: Make, disk: str, body: str, code: str | None) -> None:
    layout = f'[pantherOS.filesystems.disks]\nenable = true\ndevice = "/dev/disk/by-id/x"\nfilesystem = "{disk}"\n'
    assert codes(box(body + layout)) == ([code] if code else [])


def test_same_port_on_other_addresses_is_fine(box: Make) -> None:
    body = """\
services.a = { image = "a", ports = ["127.0.0.1:80:80"] }
services.b = { image = "b", ports = ["127.0.0.2:80:80", "80:80/udp"] }
"""
    assert "duplicate-port" not in codes(box(body))


@pytest.mark.parametrize(
    "body",
    [
        'registries.custom = [{ url = "https://registry.company.com" }]\n',
        'services.a = { image = "a", ports = ["80"] }\n',
        'services.a = { image = "a", volumes = ["data"] }\n',
        'services.a = { image = "a", health.interval = "soon" }\n',
        'optimization.autoPrune.keep = "a while"\n',
        "optimization.parallelBuilds = 0\n",
        'security.dropCapabilities = ["net_raw"]\n',
        "security.userNamespaceSize = 1000\n",
        'storage.path = "containers"\n',
    ],
)
def test_values_of_the_wrong_form(box: Make, body: str) -> None:
    found = box(body)
    found.expansions("box")
    assert {"pattern-mismatch", "out-of-range"} & {f.code for f in found.findings if f.severity == "error"}


def test_old_machines_do_without_nixos_s_own_containers(fleet):
    text = '[pantherOS.system]\nstateVersion = "%s"\n[pantherOS.development.containers]\nenable = true\n'
    path = "boot.enableContainers"
    assert fleet(text % "21.11").nixos(module="development.containers")[path] is False
    assert path not in fleet(text % "22.05").nixos(module="development.containers")
