"""The `podman` command, with what Podman's own settings cannot say: a script in front of the real one."""

from __future__ import annotations

from pantheros.module import Settings, key, pkg, raw, script
from pantheros.modules.development._containers.security import Security

SCANNED_PULL = "/etc/containers/scanned-pull"


def settings(security: Security, jobs: int | None, names: list[str]) -> Settings:
    """`jobs` is how many stages of a build run at a time, `names` what the command is called by."""
    if security.scan_on_pull:
        yield f"environment.etc.{key('containers/scanned-pull')}.source", script(__file__, "scripts/scanned-pull")
        yield "environment.systemPackages", [pkg("trivy")]
    cases = _cases(security, jobs)
    if not cases:
        return
    front = script(__file__, "scripts/podman-front", cases="\n  ".join(cases))
    yield f"environment.etc.{key('containers/podman-front')}.source", front
    call = 'exec /etc/containers/podman-front ${config.virtualisation.podman.package}/bin/podman "$@"'
    for name in names:
        yield "environment.systemPackages", [raw(f"lib.hiPrio (pkgs.writeShellScriptBin \"{name}\" ''{call}'')")]


def _cases(security: Security, jobs: int | None) -> list[str]:
    """What is added to which of Podman's subcommands."""
    start, rest = 'exec "$podman" "${command[@]}"', '"${@:words + 1}"'
    cases = []
    if jobs:
        cases.append(f"build) {start} --jobs={jobs} {rest} ;;")
    if security.no_new_privileges:
        cases.append(f"run | create) {start} --security-opt=no-new-privileges {rest} ;;")
    if security.scan_on_pull:
        cases.append(f'pull) exec {SCANNED_PULL} "$podman" {rest} ;;')
    return cases
