"""`panther init`: a fleet to begin with, every file of it explained."""

from __future__ import annotations

import getpass
import os
import re
import socket
import sys
from pathlib import Path
from shlex import quote
from typing import Annotated, NamedTuple

import typer

from pantheros.cli.output import say
from pantheros.cli.schema import write_schemas
from pantheros.findings import PantherError
from pantheros.fleet.read import FLEET_FILE, HOST_NAME, USER_NAME
from pantheros.git import configured
from pantheros.modules.users import RESERVED
from pantheros.nix.words import shown
from pantheros.releases.release import CURRENT
from pantheros.synth.library import Library

_HARDWARE = Path("/etc/nixos/hardware-configuration.nix")
_SCHEMAS = ".schemas"
_IGNORED = ".gitignore"


class _Rule(NamedTuple):
    """What an answer has to look like."""

    shape: re.Pattern[str]
    words: str


_ACCOUNT = _Rule(
    re.compile(rf"(?!({'|'.join(sorted(RESERVED))})\Z){USER_NAME.pattern}"),
    "an account's name for a person: small letters, digits, `-` and `_`, a letter first, and none of the system's own",
)
_MACHINE = _Rule(HOST_NAME, "a machine's name: letters, digits and `-`, at most 63")
_KIND = _Rule(re.compile("laptop|workstation|server"), "one of laptop, workstation, server")
_KEY = _Rule(re.compile(r"|(ssh|ecdsa|sk)-\S+ \S+( [^\n]*)?"), "a public key, such as: ssh-ed25519 AAAA... you@home")
_DEVICE = _Rule(re.compile(r"/dev/[!-~]+"), "a disk's device, such as /dev/disk/by-id/nvme-...")


def command(
    directory: Annotated[
        Path, typer.Argument(metavar="DIR", help="Where the fleet is to be.", show_default="here")
    ] = Path(),
    person: Annotated[str | None, typer.Option("--person", metavar="NAME", help="Your account's name.")] = None,
    key: Annotated[str | None, typer.Option("--key", metavar="KEY", help="Your public SSH key.")] = None,
    host: Annotated[str | None, typer.Option("--host", metavar="NAME", help="The first machine's name.")] = None,
    kind: Annotated[
        str | None,
        typer.Option("--kind", metavar="KIND", help="What sort of machine it is: laptop, workstation, server."),
    ] = None,
    disk: Annotated[
        str | None,
        typer.Option("--disk", metavar="DEVICE", help="Its disk, /dev/disk/by-id/..., to be partitioned."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Ask nothing: take what was found.")] = False,
) -> int:
    ask = sys.stdin.isatty() and not yes
    if os.path.lexists(directory / FLEET_FILE):
        raise PantherError(
            f"{directory / FLEET_FILE} exists already",
            help="init begins a new fleet; name a directory without one",
        )
    person = _answer("Your account's name", person, _account(), ask, _ACCOUNT)
    key = _answer("Your public SSH key", key, _public_key(), ask, _KEY)
    host = _answer("The first machine's name", host, _host(), ask, _MACHINE)
    kind = _answer("Laptop, workstation or server", kind, "workstation", ask, _KIND)
    if disk is not None:
        disk = _answer("The disk", disk, "", False, _DEVICE)
    files = _files(Path(os.path.realpath(directory)).name, person, key, host, kind, disk)
    if os.path.lexists(directory / _IGNORED):
        del files[_IGNORED]
    existing = [name for name in files if os.path.lexists(directory / name)]
    if existing:
        raise PantherError(
            f"{directory / existing[0]} exists already",
            help="init begins a new fleet; name a directory without one",
        )
    try:
        for name, (text, _) in files.items():
            path = directory / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise PantherError(f"cannot write {directory}: {(error.strerror or str(error)).lower()}") from error
    write_schemas(Library(directory), directory / _SCHEMAS)
    say((f"A fleet in {directory}:", "bold"))
    for name, (_, why) in files.items():
        say((f"  {name}", "cyan"), f"\n      {why}")
    here = "" if directory == Path() else f" {quote(str(directory))}"
    anew = f"panther schema{here} --out {quote(str(directory / _SCHEMAS))}"
    say(
        (f"  {_SCHEMAS}/", "cyan"),
        f"\n      What editors complete and check these files with; `{anew}` makes it anew.",
    )
    say("\nNext:")
    steps = {
        f"panther check{here}": "finds what is wrong, without Nix",
        f"panther build{here}": f"writes the flake to {directory / 'nixos'}",
        f"panther show {host}{here}": "shows what the machine comes to",
        "panther modules": "lists what else there is to switch on",
    }
    for step, what in steps.items():
        say(f"  {step:{max(map(len, steps))}}  {what}")
    return 0


def _answer(question: str, given: str | None, found: str, ask: bool, rule: _Rule) -> str:
    """The answer to a question: given as an option, asked for, or what was found on this machine."""
    while True:
        answer = given if given is not None else (typer.prompt(question, default=found) if ask else found)
        if rule.shape.fullmatch(answer):
            return answer
        if given is not None or not ask:
            raise PantherError(f"{shown(answer)} is not {rule.words}")
        say(f"{shown(answer)} is not {rule.words}")


def _account() -> str:
    try:
        name = getpass.getuser()
    except (KeyError, OSError):
        name = ""
    return name if _ACCOUNT.shape.fullmatch(name) else "admin"


def _host() -> str:
    name = socket.gethostname().partition(".")[0]
    return name if HOST_NAME.fullmatch(name) and name != "localhost" else "machine"


def _public_key() -> str:
    for name in ("id_ed25519.pub", "id_ecdsa.pub", "id_rsa.pub"):
        path = Path(os.path.expanduser("~/.ssh")) / name
        try:
            text = path.read_text(encoding="utf-8").strip()
        except (OSError, ValueError):
            continue
        if text.startswith(("ssh-", "ecdsa-")) and "\n" not in text:
            return text
    return ""


def _identity() -> str:
    """Name and address as Git knows them here, or lines to fill in."""
    known = {option: configured(f"user.{option}") for option in ("name", "email")}
    return "\n".join(
        f"{option} = {_toml(value)}" if value else f'# {option} = "..."' for option, value in known.items()
    )


def _toml(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + "".join(c if c.isprintable() else "?" for c in escaped) + '"'


def _files(name: str, person: str, key: str, host: str, kind: str, disk: str | None) -> dict[str, tuple[str, str]]:
    """The files of the new fleet: text, and what to tell of each."""
    files = {
        FLEET_FILE: (
            _FLEET.format(
                name=_toml(name),
                release=_toml(CURRENT.name),
                person=person,
                identity=_identity(),
                keys=f"[{_toml(key)}]" if key else "[]",
                password="" if kind == "server" else _PASSWORD.format(person=person),
            ),
            "What all machines share: release, people, secrets, defaults and profiles.",
        )
    }
    host_text = _HOST.format(kind=_toml(kind), person=_toml(person), release=_toml(CURRENT.name))
    why = "The first machine. One directory and one file like this for each."
    directory = f"hosts/{host}"
    if disk is not None:
        host_text += _DISK.format(disk=_toml(disk))
    elif _HARDWARE.exists():
        try:
            hardware = _HARDWARE.read_text(encoding="utf-8")
        except (OSError, ValueError) as error:
            raise PantherError(f"cannot read {_HARDWARE}: {error}") from error
        host_text = host_text.replace("\n# imports", "\nimports", 1)
        files[f"{directory}/hardware-configuration.nix"] = (
            hardware,
            f"Copied from {_HARDWARE}: the disks and hardware of this machine.",
        )
    else:
        host_text += _NO_DISK
        why += " It still lacks its disk: the file says how to name it."
    files[f"{directory}/host.toml"] = (host_text, why)
    files[_IGNORED] = ("result\nresult-*\n", "Keeps Nix's build links out of git.")
    return files


_FLEET = """\
#:schema ./.schemas/fleet.schema.json
# What all machines of the fleet share.

name = {name}
release = {release} # the NixOS release of every machine

# People who have accounts. A host's file names those it lets in.
[people.{person}]
{identity}
keys = {keys} # public SSH keys
admin = true # may use sudo
{password}
# Secrets stay in 1Password; options use them by the names given here.
# [secrets]
# tailscaleKey = "op://vault/tailscale/auth-key"

# What holds for every machine, until a profile or the machine itself says otherwise.
[defaults.pantherOS.system]
timeZone = "UTC"

[defaults.pantherOS.security.ssh]
enable = true

# Options that some machines share: a host lists the profiles it has.
[profiles.development.pantherOS.development.git]
enable = true
"""

_PASSWORD = """
# The hash of the password, for the screen and for sudo, stays on the machine: `mkpasswd > FILE`, as root.
[people.{person}.pantherOS.users]
passwordFile = "/var/lib/passwords/{person}"
"""

_HOST = """\
#:schema ../../.schemas/host.schema.json
# One machine. Its name is that of this directory.

kind = {kind}
profiles = ["development"]
people = [{person}]
# imports = ["hardware-configuration.nix"] # raw NixOS modules, if there is need

[pantherOS.system]
stateVersion = {release} # the release it was installed with: never change it
"""

_DISK = """
[pantherOS.filesystems.disks]
enable = true
device = {disk} # everything on it is lost when the machine is installed
"""

_NO_DISK = """
# Which disk to install on (`ls /dev/disk/by-id`). Without it the machine has no file systems, and NixOS refuses it.
# [pantherOS.filesystems.disks]
# enable = true
# device = "/dev/disk/by-id/..."
"""
