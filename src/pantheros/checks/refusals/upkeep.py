"""Backups, tunnels and upgrades."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from pantheros.checks.refusals.rule import Refused, Rule, Said, given, has, off, on
from pantheros.checks.settings import Wrong

RULES: tuple[Rule, ...] = (
    *(
        Rule(
            "services/backup/restic.nix",
            Wrong(
                "restic-repository",
                "the backup {name} needs one of a repository and a file that names it",
                "set either `repository` or `repositoryFile`",
            ),
            conditions,
        )
        for conditions in (
            (given("services.restic.backups.*.repository"), given("services.restic.backups.*.repositoryFile")),
            (
                given("services.restic.backups.*.paths", "services.restic.backups.*.passwordFile"),
                off(
                    *(
                        f"services.restic.backups.*.{name}"
                        for name in ("repository", "repositoryFile", "environmentFile")
                    )
                ),
            ),
        )
    ),
    Rule(
        "services/backup/borgbackup.nix",
        Wrong(
            "borg-without-passphrase",
            "the backup {name} is to be encrypted, but there is no passphrase",
            "set `encryption.passCommand` to a command that prints it",
        ),
        (
            has(lambda v: isinstance(v, str) and v != "none", "services.borgbackup.jobs.*.encryption.mode"),
            off(
                "services.borgbackup.jobs.*.encryption.passCommand",
                "services.borgbackup.jobs.*.encryption.passphrase",
            ),
        ),
    ),
    *(
        Rule(
            "services/backup/borgbackup.nix",
            Wrong(
                "borg-source",
                "the backup {name} needs one of paths and a command whose output to keep",
                "set either `paths` or `dumpCommand`",
            ),
            conditions,
        )
        for conditions in (
            (given("services.borgbackup.jobs.*.paths"), given("services.borgbackup.jobs.*.dumpCommand")),
            (
                given("services.borgbackup.jobs.*.repo"),
                off("services.borgbackup.jobs.*.paths", "services.borgbackup.jobs.*.dumpCommand"),
            ),
        )
    ),
    *(
        Rule(
            "services/networking/wireguard.nix",
            Wrong(
                "wireguard-private-key",
                "the tunnel {name} needs one of a private key and a file with the key",
                "set `privateKeyFile` to a file on the host, and leave out `privateKey`",
            ),
            conditions,
        )
        for conditions in (
            (
                given("networking.wireguard.interfaces.*.privateKeyFile"),
                given("networking.wireguard.interfaces.*.privateKey"),
            ),
            (
                given(*(f"networking.wireguard.interfaces.*.{name}" for name in ("ips", "listenPort", "peers"))),
                off(
                    "networking.wireguard.interfaces.*.privateKeyFile",
                    "networking.wireguard.interfaces.*.privateKey",
                ),
                has(lambda value: value is not False, "networking.wireguard.enable"),
            ),
        )
    ),
    Rule(
        "services/networking/wireguard.nix",
        Wrong(
            "wireguard-private-key",
            "the tunnel {name} has a private key, and is to make a new one",
            "set `privateKeyFile` to a file on the host, and leave out `privateKey`",
        ),
        (
            on("networking.wireguard.interfaces.*.generatePrivateKeyFile"),
            given("networking.wireguard.interfaces.*.privateKey"),
            has(lambda value: value is not False, "networking.wireguard.enable"),
        ),
    ),
    Rule(
        "tasks/auto-upgrade.nix",
        Wrong(
            "upgrade-from-two-places",
            "automatic upgrades have a channel and a flake to come from",
            "leave out `system.autoUpgrade.channel`",
        ),
        (given("system.autoUpgrade.channel"), given("system.autoUpgrade.flake"), on("system.autoUpgrade.enable")),
    ),
)


def keys_of_peers(said: Said) -> Iterator[Refused]:
    """`services/networking/wireguard.nix`: the key that one shares with a peer is given once."""
    tunnels = ("networking", "wireguard", "interfaces")
    for name in said.names(tunnels):
        path = (*tunnels, name, "peers")
        peers = said.value(path)
        for at, peer in enumerate(peers) if isinstance(peers, list) else ():
            if isinstance(peer, dict) and all(peer.get(key) for key in ("presharedKey", "presharedKeyFile")):
                message = f"the key shared with a peer of the tunnel {name} is given as a text and as a file"
                wrong = Wrong("wireguard-shared-key", message, "keep `presharedKeyFile`")
                yield Refused(wrong, (path,), inside=(at, "presharedKeyFile"))


FUNCTIONS: tuple[Callable[[Said], Iterator[Refused]], ...] = (keys_of_peers,)
