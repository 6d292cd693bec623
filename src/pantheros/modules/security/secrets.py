"""Secrets from 1Password: fetched by OpNix when the machine is up, never in a file of the fleet or the Nix store.

`fleet.toml` maps names to 1Password (`[secrets]`); modules use the names; and each machine gets those that something
on it uses, no others. All a machine needs beforehand is the token of a 1Password service account, which
`sudo opnix token set` puts in place once.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from pantheros.module import (
    Finding,
    Findings,
    Host,
    Input,
    Layer,
    ModuleOptions,
    Person,
    Resources,
    SecretUse,
    Settings,
    State,
    Value,
    key,
    raw,
)
from pantheros.releases.release import Release

Entry = dict[str, Value]
"""A secret as OpNix describes it."""


def _opnix(release: Release) -> str:
    # From 0.10 on OpNix wants Go 1.25, which NixOS has since 25.11.
    return "github:brizzbuzz/opnix" if release >= "25.11" else "github:brizzbuzz/opnix/v0.9.0"


INPUTS = (
    Input(
        "opnix",
        _opnix,
        follows=("nixpkgs",),
        nixos=("nixosModules.default",),
        home=("homeManagerModules.default",),
    ),
)


def _outside_the_store(path: str) -> str:
    if path.startswith("/nix/"):
        raise ValueError("everybody can read the Nix store; keep the token elsewhere")
    return path


class Options(ModuleOptions):
    token_file: Annotated[str, Field(pattern=r"^/\S+$"), AfterValidator(_outside_the_store)] = "/etc/opnix-token"
    """Where the token of the 1Password service account lies. Give each machine an account of its own, which may read
    only the vaults that the machine needs."""
    expose: list[str] = []
    """Secrets to fetch though no module asks for them: names under `[secrets]`. Raw modules find their paths in
    `config.services.onepassword-secrets.secretPaths`."""
    personal: list[str] = []
    """Secrets to fetch for a person though no module there asks for them; to be set in a person's own options. The
    paths are in `config.programs.onepassword-secrets.secretPaths` of that person's home."""
    people_through: Literal["system", "home-manager"] = "system"
    """Who fetches what belongs to people. `system`: the machine's own service, which waits for the network and tries
    again, into files that only the person can read. `home-manager`: OpNix's module there, while the home is activated;
    then people can read the token, and so all it opens, and a start without network gets no secrets."""
    users: list[str] = []
    """Accounts that may read the token (they join the group `onepassword-secrets`), and so every secret that it
    opens: for the command `opnix` in their hands."""
    storage: Literal["disk", "memory"] = "disk"
    """Where fetched secrets lie: `disk` (`/var/lib/opnix`) still has them when the machine starts without a network;
    `memory` (`/run/opnix`) forgets them whenever it goes down."""
    refresh: Annotated[str, Field(pattern=r"^\d+(min|h|d|w)$")] | None = None
    """How often to ask 1Password for new values, such as `6h`; left out, at every start and every change of the
    configuration. Counts against the service account's rate limit. From NixOS 25.11 on."""


def defaults(host: Host) -> Layer:
    return {"enable": bool(host.fleet.secrets)}


def nixos(o: Options, host: Host) -> Settings:
    secrets = {**_system_secrets(o, host), **_people_secrets(o, host)}
    users = _token_users(o, host)
    if not secrets and not users:
        return
    root = "services.onepassword-secrets"
    if secrets:
        yield f"{root}.enable", True
        yield from _places(o, root)
        for name in sorted(secrets):
            yield from _written(f"{root}.secrets.{key(name)}", secrets[name])
        if o.refresh and host.release >= "25.11":
            yield f"{root}.systemdIntegration.polling", {"enable": True, "interval": o.refresh}
        if host.release < "25.11":
            yield from _mend_opnix_0_9()
    if users and secrets:
        yield f"{root}.users", users
    elif users:
        yield from _token_group(o, users)


def home(o: Options, host: Host, person: Person) -> Settings:
    names = [name for name in _names_of(o, person) if name in host.fleet.secrets]
    if not names:
        return
    root = "programs.onepassword-secrets"
    system = host[Options]
    if o.people_through == "system":
        for name in names:
            yield f"{root}.secretPaths.{key(name)}", f"{_directory(system)}/secrets/{_personal_name(name, person)}"
        return
    yield f"{root}.enable", True
    if system.token_file != _TOKEN_FILE:
        yield f"{root}.tokenFile", system.token_file
    for name in names:
        table = host.fleet.secrets[name]
        # OpNix runs as the owner there, who has to write the file anew each time.
        mode = _private(table.mode, also=0o200)
        entry: Entry = {"reference": table.reference, "path": f"{_IN_HOME}/{name}", "mode": mode}
        yield from _written(f"{root}.secrets.{key(name)}", entry)
    # OpNix ends the activation where it has no token or no network. The rest of the home comes first, so that it does
    # not go with it.
    yield (
        "home.activation.retrieveOpnixSecrets",
        {"data": raw('lib.mkIf false ""'), "after": ["linkGeneration", "installPackages"], "before": []},
    )


def resources(o: Options, host: Host) -> Resources:
    for name in o.expose:
        yield SecretUse(name, "the list `expose`", at="expose")
    for person in host.people:
        for name in person[Options].personal:
            yield SecretUse(name, f"the list `personal` of {person.name}", person=person.name, at="personal")
    yield State(o.token_file, kind="file", mode="0640", backup=False)
    if o.storage == "disk":
        yield State(_directory(o), backup=False)
    if o.people_through == "home-manager":
        for person in host.people:
            yield State(_IN_HOME, user=person.name, group="users", mode="0700", person=person.name, backup=False)


def findings(o: Options, host: Host) -> Findings:
    uses = host.resources(SecretUse)
    for use in uses:
        yield from _use_findings(use, host)
    for name in sorted({use.name for use in uses if use.name in host.fleet.secrets}):
        yield from _secret_findings(name, [use for use in uses if use.name == name], host)
    for user in o.users:
        if user not in _people(host):
            yield Finding(
                "token-for-nobody",
                f"{user} is to read the 1Password token, but has no account on {host.name}",
                at="users",
                help=f'add "{user}" to the host\'s `people`, or take the name out',
            )
    if o.refresh and host.release < "25.11":
        yield Finding(
            "refresh-unavailable",
            f"OpNix for NixOS {host.release} cannot ask for new values by itself",
            severity="warning",
            at="refresh",
            help="take `refresh` out, or move to NixOS 25.11; `systemctl restart opnix-secrets` fetches by hand",
        )


# Who uses what ------------------------------------------------------------------------------------------------

_TOKEN_FILE = "/etc/opnix-token"
_IN_HOME = ".local/share/opnix"


def _system_secrets(o: Options, host: Host) -> dict[str, Entry]:
    """OpNix's entries for what the system uses, by name."""
    services: dict[str, dict[str, None]] = {}
    for use in host.resources(SecretUse):
        if use.person is None and use.name in host.fleet.secrets:
            found = services.setdefault(use.name, dict.fromkeys(map(_unit, host.fleet.secrets[use.name].services)))
            if use.service:
                found[_unit(use.service)] = None
    return {name: _entry(name, host, list(found)) for name, found in services.items()}


def _people_secrets(o: Options, host: Host) -> dict[str, Entry]:
    """OpNix's entries for what the system's service fetches for people."""
    return {
        _personal_name(name, person): {
            "reference": host.fleet.secrets[name].reference,
            "owner": person.name,
            "mode": _private(host.fleet.secrets[name].mode),
        }
        for person in host.people
        if person[Options].people_through == "system"
        for name in _names_of(person[Options], person)
        if name in host.fleet.secrets
    }


def _names_of(o: Options, person: Person) -> list[str]:
    """The secrets that a person's home uses; `o` as it holds for that person."""
    used = {use.name for use in person.host.resources(SecretUse) if use.person == person.name}
    return sorted({*used, *o.personal})


def _token_users(o: Options, host: Host) -> list[str]:
    """Those who read the token: as listed, and whoever's home fetches by itself."""
    fetching = [
        person.name
        for person in host.people
        if person[Options].people_through == "home-manager" and _names_of(person[Options], person)
    ]
    return sorted({*o.users, *fetching})


# OpNix's settings ---------------------------------------------------------------------------------------------


def _written(path: str, entry: Entry) -> Settings:
    for field, value in entry.items():
        yield f"{path}.{field}", value


def _entry(name: str, host: Host, services: list[str]) -> Entry:
    table = host.fleet.secrets[name]
    entry: Entry = {
        "reference": table.reference,
        "owner": table.owner,
        "group": table.group,
        "mode": table.mode,
    }
    return entry | ({"services": [*services]} if services else {})


def _private(mode: str, also: int = 0) -> str:
    """What of a mode concerns the owner, for the copy of one person."""
    return f"{int(mode, 8) & 0o700 | also:04o}"


def _unit(service: str) -> str:
    """A service as NixOS names it, without the unit's suffix."""
    return service.removesuffix(".service")


def _personal_name(name: str, person: Person) -> str:
    """What OpNix calls a person's copy of a secret; it takes letters and digits only."""
    words = re.split(r"[^A-Za-z0-9]+", person.name)
    return f"{name}For{''.join(word.capitalize() for word in words)}"


def _directory(o: Options) -> str:
    return "/var/lib/opnix" if o.storage == "disk" else "/run/opnix"


def _places(o: Options, root: str) -> Settings:
    if o.token_file != _TOKEN_FILE:
        yield f"{root}.tokenFile", o.token_file
    if o.storage == "memory":
        yield f"{root}.outputDir", f"{_directory(o)}/secrets"
        yield f"{root}.systemdIntegration.changeDetection.hashFile", f"{_directory(o)}/secret-hashes.json"


def _token_group(o: Options, users: list[str]) -> Settings:
    """Access to the token where OpNix's own service, which would see to it, has nothing to fetch."""
    yield "users.groups.onepassword-secrets.members", [*users]
    yield "systemd.tmpfiles.rules", [f"z {o.token_file} 0640 root onepassword-secrets -"]


def _mend_opnix_0_9() -> Settings:
    """What OpNix itself does from 0.10 on: wait for the network, and not for the services that wait for OpNix."""
    unit = "systemd.services.opnix-secrets"
    yield f"{unit}.wants", ["network-online.target"]
    yield f"{unit}.after", ["network-online.target"]
    yield (
        f"{unit}.path",
        [raw('pkgs.writeShellScriptBin "systemctl" "exec ${pkgs.systemd}/bin/systemctl --no-block \\"$@\\""')],
    )


# Findings -----------------------------------------------------------------------------------------------------


def _use_findings(use: SecretUse, host: Host) -> Findings:
    if use.needed != "running":
        when = "to boot" if use.needed == "boot" else "while the system is activated"
        yield Finding(
            "secret-needed-too-early",
            f"`{use.name}` is needed {when} ({use.purpose}), but 1Password is asked once the network is up",
            option=use.at,
            help="give it to the machine in another way, such as a file that the installation puts in place",
        )


def _secret_findings(name: str, uses: list[SecretUse], host: Host) -> Findings:
    table = host.fleet.secrets[name]
    purposes = ", ".join(dict.fromkeys(use.purpose for use in uses))
    if all(use.person for use in uses):
        return  # whose the files are follows from the use, and nobody else reads them
    if int(table.mode[-1]):
        yield Finding(
            "secret-open-to-all",
            f"`{name}` may be read by everybody on {host.name}: its mode is {table.mode}",
            severity="warning",
            option=f"secrets.{name}.mode",
            help="end the `mode` in 0, and name the `owner` or `group` that reads it",
        )
    services = {_unit(use.service) for use in uses if use.service} | set(map(_unit, table.services))
    for what, account, known in (
        ("owner", table.owner, {*_people(host), *services, *_SYSTEM_ACCOUNTS}),
        ("group", table.group, {*_groups(host), *services, *_SYSTEM_ACCOUNTS}),
    ):
        if account not in known:
            yield Finding(
                "secret-owner-unknown",
                f"`{name}` ({purposes}) is to belong to the {what} {account}, which {host.name} may not have",
                severity="warning",
                option=f"secrets.{name}.{what}",
                help=f"OpNix fails where the {what} does not exist: correct `{what}` under `[secrets.{name}]`,"
                " or see that a module makes the account",
            )


def _people(host: Host) -> set[str]:
    return {person.name for person in host.people}


def _groups(host: Host) -> Iterator[str]:
    """Groups that the people on the host are in; NixOS gives nobody a group of one's own."""
    yield from ("users", "wheel")
    for person in host.people:
        yield from person.groups


_SYSTEM_ACCOUNTS = frozenset(
    """
    root nobody messagebus systemd-network systemd-resolve acme adguardhome alertmanager atticd authelia borg caddy
    clickhouse collectd coturn couchdb dovecot2 elasticsearch exim fail2ban forgejo gitea gitlab gitlab-runner
    grafana grocy hass haproxy headscale hercules-ci-agent homepage-dashboard immich influxdb2 jellyfin keycloak
    lldap loki maddy mastodon matrix-synapse mealie minio miniflux mongodb mosquitto murmur mysql named netbird
    netdata nextcloud nginx nsd ntfy-sh onepassword-secrets open-webui opendkim opensearch outline paperless
    peertube photoprism plausible postfix postgres prometheus promtail qemu-libvirtd rabbitmq radicale redis restic
    rspamd rsyslog shiori sshd stalwart-mail synapse syncthing tailscale telegraf traefik transmission unbound
    unifi uwsgi vault vaultwarden vmagent wireguard wwwrun zabbix zigbee2mqtt
    """.split()  # noqa: SIM905 (a hundred quotes say no more)
)
"""Accounts that services of NixOS make for themselves."""
