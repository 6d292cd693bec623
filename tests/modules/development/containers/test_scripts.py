"""The scripts as they run, and what Podman's own tools say of the settings."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from pantheros.modules.development import _containers
from pantheros.modules.development._containers import docker
from pantheros.nix.values import File, parts, split_path

MODULE = "development.containers"
EVERYTHING = (Path(__file__).parent / "everything.toml").read_text()
SCRIPTS = Path(*_containers.__path__) / "scripts"
Make = Callable[..., Any]


def script(settings: dict[str, Any], setting: str, name: str) -> str:
    """The text of a file that a setting refers to."""

    def files(value: Any) -> Iterator[File]:
        if isinstance(value, File):
            yield value
        elif isinstance(value, str):
            yield from (part for part in parts(value) if isinstance(part, File))
        elif isinstance(value, dict | list):
            for item in value.values() if isinstance(value, dict) else value:
                yield from files(item)

    return next(f.text for f in files(settings[setting]) if f.name == name)


def executable(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o755)
    return path


FRONTS = [
    "security.scanOnPull = true\n",
    "security.noNewPrivileges = true\n",
    "optimization.parallelBuilds = 4\n",
    "security = { scanOnPull = true, noNewPrivileges = true }\noptimization.parallelBuilds = 4\n",
]


@pytest.mark.parametrize("body", FRONTS)
def test_shellcheck(box: Make, tmp_path: Path, body: str) -> None:
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    settings = box(body).nixos(module=MODULE)
    front = script(settings, 'environment.etc."containers/podman-front".source', "podman-front")
    for path in (executable(tmp_path / "podman-front", front), *SCRIPTS.iterdir()):
        subprocess.run(["shellcheck", str(path)], check=True)
    init = tmp_path / "init"
    init.write_text(docker.USE_OWN_SOCKET)
    subprocess.run(["shellcheck", "--shell=sh", str(init)], check=True)


@pytest.mark.parametrize(
    ("given", "called"),
    [
        ([], []),
        (["ps", "-a"], ["ps", "-a"]),
        (["build", "."], ["build", "--jobs=4", "."]),
        (["build", "--jobs=2", "."], ["build", "--jobs=4", "--jobs=2", "."]),
        (["image", "build", "my dir"], ["image", "build", "--jobs=4", "my dir"]),
        (["buildx", "build", "."], ["buildx", "build", "--jobs=4", "."]),
        (["run", "--rm", "x", "build"], ["run", "--security-opt=no-new-privileges", "--rm", "x", "build"]),
        (["container", "create", "x"], ["container", "create", "--security-opt=no-new-privileges", "x"]),
        (["image", "ls"], ["image", "ls"]),
        (["push", "build"], ["push", "build"]),
    ],
)
def test_command_in_front_of_podman(box: Make, tmp_path: Path, given: list[str], called: list[str]) -> None:
    settings = box(FRONTS[-1]).nixos(module=MODULE)
    text = script(settings, 'environment.etc."containers/podman-front".source', "podman-front")
    front = executable(tmp_path / "front", text)
    fake = executable(tmp_path / "podman", '#!/bin/bash\nprintf "%s\\n" "$@"\n')
    done = subprocess.run([front, fake, *given], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines() == (called or [""])


FAKE_PODMAN = """\
#!/bin/bash
echo "$*" >>"$LOG"
case $1 in
  images) printf '%s\\n' "$BEFORE" ;;
  pull) echo sha256:new ;;
  save) touch "${4#--output=}" ;;
esac
"""


@pytest.mark.parametrize(("verdict", "before", "removed"), [(0, "", False), (1, "", True), (1, "sha256:new", False)])
def test_scanned_pull(tmp_path: Path, verdict: int, before: str, removed: bool) -> None:
    pull = executable(tmp_path / "scanned-pull", (SCRIPTS / "scanned-pull").read_text())
    podman = executable(tmp_path / "podman", FAKE_PODMAN)
    executable(tmp_path / "trivy", f"#!/bin/bash\nexit {verdict}\n")
    log = tmp_path / "log"
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    env = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "LOG": str(log),
        "BEFORE": before,
        "TMPDIR": str(temporary),
    }
    done = subprocess.run([pull, podman, "--quiet", "alpine"], env=env, capture_output=True, text=True, check=False)
    assert done.returncode == verdict, done.stderr
    calls = log.read_text().splitlines()
    assert "pull --quiet alpine" in calls
    assert ("rmi --force sha256:new" in calls) == removed
    assert done.stdout == ("sha256:new\n" if verdict == 0 else "")
    assert not list(temporary.iterdir())


FAKE_PODMAN_WITHOUT_IMAGES = """\
#!/bin/bash
echo "$*" >>"$LOG"
[ "$1 $2" != "image exists" ] || exit "$MISSING"
[ "$1" != login ] || cat >>"$LOG"
"""


def test_image_of_a_service_is_pulled_once(tmp_path: Path) -> None:
    image = executable(tmp_path / "service-image", (SCRIPTS / "service-image").read_text())
    log = tmp_path / "log"
    executable(tmp_path / "podman", FAKE_PODMAN_WITHOUT_IMAGES)
    (tmp_path / "token").write_text("hush\n")
    env = {"PATH": f"{tmp_path}:{os.environ['PATH']}", "LOG": str(log), "USERNAME": "a b"}
    env |= {"REGISTRY": "r.example", "PASSWORD_FILE": str(tmp_path / "token")}
    subprocess.run([image, "r.example/x", "podman", "pull"], env={**env, "MISSING": "0"}, check=True)
    assert log.read_text() == "image exists r.example/x\n"
    log.unlink()
    subprocess.run([image, "r.example/x", "podman", "pull"], env={**env, "MISSING": "1"}, check=True)
    assert log.read_text().splitlines() == [
        "image exists r.example/x",
        "login --username a b --password-stdin r.example",
        "hush",
        "pull r.example/x",
    ]


def test_default_namespace_leaves_others_alone(tmp_path: Path) -> None:
    if not shutil.which("kubectl"):
        pytest.skip("kubectl is not installed")
    path = executable(tmp_path / "namespace", (SCRIPTS / "kube-default-namespace").read_text())
    env = {"PATH": os.environ["PATH"], "HOME": str(tmp_path), "KUBECONFIG": str(tmp_path / "config")}

    def kubectl(*arguments: str) -> str:
        done = subprocess.run(["kubectl", "config", *arguments], env=env, capture_output=True, text=True, check=True)
        return done.stdout

    subprocess.run([path, "dev"], env=env, check=True)
    kubectl("set-context", "kind-kind", "--cluster=kind-kind")
    kubectl("set-context", "work", "--cluster=work", "--namespace=team")
    subprocess.run([path, "dev"], env=env, check=True)
    assert kubectl("view", "--output=jsonpath={.contexts[*].context.namespace}").split() == ["dev", "team"]


def test_ports_of_the_tailnet_are_guarded(box: Make) -> None:
    found = box(EVERYTHING, whole=True)
    settings = found.nixos(module=MODULE)
    needed = [
        unit
        for expansion in found.expansions("box")
        for setting in expansion.nixos
        if setting.path == ("systemd", "services", "podman-web", "requires")
        for unit in setting.value
    ]
    assert needed == ["podman-web-image.service", "container-ports.service"]
    rules = script(settings, "systemd.services.container-ports.serviceConfig", "container-ports.nft")
    assert "tcp dport { 8080, 8443-8445 } drop" in rules
    assert "udp dport { 5353 } drop" in rules
    assert "5432" not in rules
    public = box(EVERYTHING.replace('command = ["serve"', 'exposure = "public"\ncommand = ["serve"'), whole=True)
    assert "systemd.services.container-ports.serviceConfig" not in public.nixos(module=MODULE)


def test_guard_is_valid_nftables(box: Make, tmp_path: Path) -> None:
    nft = shutil.which("nft", path=f"{os.environ.get('PATH', '')}:/usr/sbin:/sbin")
    if not nft:
        pytest.skip("nft is not installed")
    settings = box(EVERYTHING, whole=True).nixos(module=MODULE)
    rules = tmp_path / "rules.nft"
    rules.write_text(script(settings, "systemd.services.container-ports.serviceConfig", "container-ports.nft"))
    done = subprocess.run([nft, "--check", "--file", str(rules)], capture_output=True, text=True, check=False)
    if "Operation not permitted" in done.stderr:
        pytest.skip("nft may not check rules without root here")
    assert done.returncode == 0, done.stderr


def toml(value: Any) -> str:
    """A table in TOML, in line: strings as JSON writes them."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(name)} = {toml(item)}" for name, item in value.items()) + " }"
    if isinstance(value, list):
        return f"[{', '.join(map(toml, value))}]"
    return json.dumps(value)


def tree(settings: dict[str, Any], below: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for path, value in settings.items():
        if path.startswith(below + "."):
            *above, last = split_path(path[len(below) + 1 :])
            place = found
            for name in above:
                place = place.setdefault(name, {})
            place[last] = value
    return found


def conf(settings: dict[str, Any], below: str) -> str:
    return "".join(f"{name} = {toml(value)}\n" for name, value in tree(settings, below).items())


@pytest.fixture
def podman(tmp_path: Path) -> Callable[..., dict[str, Any]]:
    """What `podman info` makes of settings. It needs rights, so it may be skipped."""

    def podman(settings: dict[str, Any]) -> dict[str, Any]:
        if not shutil.which("podman"):
            pytest.skip("podman is not installed")
        (tmp_path / "containers.conf").write_text(conf(settings, "virtualisation.containers.containersConf.settings"))
        storage = tree(settings, "virtualisation.containers.storage.settings")
        storage["storage"] |= {
            "driver": "vfs",
            "graphroot": str(tmp_path / "graph"),
            "runroot": str(tmp_path / "run"),
        }
        (tmp_path / "storage.conf").write_text("".join(f"{k} = {toml(v)}\n" for k, v in storage.items()))
        base = "virtualisation.containers.registries"
        lists = {"search": f"{base}.search", "insecure": f"{base}.insecure", "block": f"{base}.block"}
        (tmp_path / "registries.conf").write_text(
            "".join(f"[registries.{k}]\nregistries = {toml(settings.get(v, []))}\n" for k, v in lists.items())
        )
        env = {
            **os.environ,
            "CONTAINERS_CONF": str(tmp_path / "containers.conf"),
            "CONTAINERS_STORAGE_CONF": str(tmp_path / "storage.conf"),
            "CONTAINERS_REGISTRIES_CONF": str(tmp_path / "registries.conf"),
        }
        done = subprocess.run(["podman", "info", "--format=json"], env=env, capture_output=True, text=True, check=False)
        if done.returncode and re.search("permission|permitted|namespace|netavark", done.stderr):
            pytest.skip("podman does not run here: " + done.stderr.strip().splitlines()[-1])
        assert done.returncode == 0, done.stderr
        assert "Failed to decode" not in done.stderr and "nknown" not in done.stderr, done.stderr
        info: dict[str, Any] = json.loads(done.stdout)
        return info

    return podman


def test_podman_reads_the_settings(box: Make, podman: Callable[..., dict[str, Any]]) -> None:
    settings = box(EVERYTHING, whole=True).nixos(module=MODULE)
    settings = {name: value for name, value in settings.items() if "seccomp" not in name and "provider" not in name}
    settings = {name: value for name, value in settings.items() if "default_network" not in name}
    info = podman(settings)
    assert info["registries"]["search"] == ["docker.io", "quay.io"]
    assert info["registries"]["bad.example"]["Blocked"] is True
    assert info["registries"]["registry.lan:5000"]["Insecure"] is True


def test_skopeo_reads_the_mirrors(box: Make, tmp_path: Path) -> None:
    if not shutil.which("skopeo"):
        pytest.skip("skopeo is not installed")
    settings = box(EVERYTHING, whole=True).nixos(module=MODULE)
    text = settings['environment.etc."containers/registries.conf.d/mirrors.conf".text']
    closed = text.replace("registry.company.com", "127.0.0.1:1").replace("registry.lan:5000", "127.0.0.1:2")
    path = tmp_path / "registries.conf"
    path.write_text(closed.replace('"docker.io"', '"127.0.0.1:3"'))
    done = subprocess.run(
        ["skopeo", "--registries-conf", path, "inspect", "docker://127.0.0.1:3/library/alpine"],
        capture_output=True,
        text=True,
        check=False,
    )
    # All three are asked, in order: both mirrors, then the registry itself.
    assert re.findall(r"127\.0\.0\.1:([123])/v2", done.stderr)[:1] == ["1"], done.stderr
    for number in (1, 2, 3):
        assert f"127.0.0.1:{number}" in done.stderr


@pytest.mark.parametrize(("source", "allowed"), [("docker", False), ("dir", True)])
def test_listed_policy_rejects_what_is_not_listed(box: Make, tmp_path: Path, source: str, allowed: bool) -> None:
    if not shutil.which("skopeo"):
        pytest.skip("skopeo is not installed")
    settings = box(EVERYTHING, whole=True).nixos(module=MODULE)
    policy = settings["virtualisation.containers.policy"]
    if source == "docker":
        policy = {**policy, "transports": {**policy["transports"], "dir": {"/nowhere": policy["default"]}}}
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(policy))
    image = tmp_path / "image"
    image.mkdir()
    (image / "version").write_text("Directory Transport Version: 1.1\n")
    config = b"{}"
    digest = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    (image / digest).write_bytes(config)
    manifest = {
        "schemaVersion": 2,
        "mediaType": "application/vnd.docker.distribution.manifest.v2+json",
        "config": {
            "mediaType": "application/vnd.docker.container.image.v1+json",
            "size": len(config),
            "digest": f"sha256:{digest}",
        },
        "layers": [],
    }
    (image / "manifest.json").write_text(json.dumps(manifest))
    done = subprocess.run(
        ["skopeo", "--policy", path, "copy", f"dir:{image}", f"dir:{tmp_path / 'copy'}"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode == 0) is allowed, done.stderr
    if not allowed:
        assert "rejected by policy" in done.stderr
