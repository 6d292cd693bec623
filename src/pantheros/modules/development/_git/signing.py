"""Signatures on commits and tags: what makes them, and whose are good."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from pantheros.module import Finding, Findings, Group, Host, Settings, file

Format: TypeAlias = Literal["gpg", "ssh"]


class Signing(Group):
    enable: bool = False
    """Sign every commit and tag."""
    format: Format | None = None
    """What signs. Left out, the key's looks decide; without a key, SSH where `ssh.enable` is set, else GnuPG."""
    key: str | None = None
    """The same as `user.signingKey`. With neither, GnuPG picks one by e-mail address,
    and SSH takes `ssh.keyPath`."""
    allowed_signers: dict[str, list[str]] = {}
    """Public SSH keys by e-mail address whose signatures are good, besides those of the people on this host."""


PROGRAMS = {"gpg": "openpgp", "ssh": "ssh"}
"""Git's names for what signs."""
_PUBLIC_KEY = ("ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")


def format_of(key: str) -> Format:
    """What signs with a key, by its looks."""
    path_or_public = key.startswith(("~", "/", "key::", *_PUBLIC_KEY)) or key.endswith(".pub")
    return "ssh" if path_or_public else "gpg"


def as_git_writes(key: str) -> str:
    """A public key itself is marked as one."""
    return f"key::{key}" if key.startswith(_PUBLIC_KEY) else key


@dataclass(frozen=True)
class Signature:
    """How somebody signs."""

    format: Format
    key: str | None
    every: bool
    """Whether all commits and tags are signed, or those alone that are asked for."""


def signature(o: Signing, user_key: str | None, login_key: str | None) -> Signature | None:
    """How somebody signs, if at all. `login_key` is the public half of the SSH key that logs in, if one does."""
    key = o.key if o.key is not None else user_key
    if key is None and not o.enable:
        return None
    by_looks: Format = format_of(key) if key is not None else "ssh" if login_key else "gpg"
    form = o.format or by_looks
    if key is None and form == "ssh":
        key = login_key
    return Signature(form, as_git_writes(key) if key and form == "ssh" else key, o.enable)


def settings(signature: Signature, host: Host) -> Settings:
    if host.release < "25.05":
        if signature.format == "ssh":
            return  # home-manager signs with GnuPG alone; `config` has it
        yield "programs.git.signing.key", signature.key
    else:
        yield "programs.git.signing.format", PROGRAMS[signature.format]
        if signature.key is not None:
            yield "programs.git.signing.key", signature.key
    if signature.every:
        yield "programs.git.signing.signByDefault", True


def config(o: Signing, signature: Signature | None, formats: list[Format], host: Host) -> Settings:
    if host.release < "25.05" and signature and signature.format == "ssh":
        yield "gpg.format", "ssh"
        if signature.key is not None:
            yield "user.signingKey", signature.key
        if signature.every:
            yield "commit.gpgSign", True
            yield "tag.gpgSign", True
    if ("ssh" in formats or o.allowed_signers) and (signers := _signers(o.allowed_signers, host)):
        yield "gpg.ssh.allowedSignersFile", f"{file('allowed-signers', signers)}"


def written_by_home_manager(signature: Signature, host: Host) -> Iterator[str]:
    """What it puts into Git's configuration for signatures."""
    if host.release < "25.05" and signature.format == "ssh":
        return
    yield from ("user.signingKey", "commit.gpgSign", "tag.gpgSign", "gpg.format", "gpg.program")
    yield from (f"gpg.{program}.program" for program in PROGRAMS.values())


def _signers(named: Mapping[str, list[str]], host: Host) -> str:
    """The file that Git checks SSH signatures against: the host's people, and those named besides."""
    good = [(person.email, public_key) for person in host.people if person.email for public_key in person.keys]
    good += [(email, public_key) for email, keys in named.items() for public_key in keys]
    lines = [f'{email} namespaces="git" {" ".join(public_key.split()[:2])}\n' for email, public_key in good]
    return "".join(dict.fromkeys(lines))


def findings(o: Signing, user_key: str | None, signature: Signature | None) -> Findings:
    if None not in (o.key, user_key) and o.key != user_key:
        yield Finding(
            "two-signing-keys",
            "`signing.key` and `user.signingKey` are the same thing, and differ",
            at="signing.key",
            help="keep one of them",
        )
    if signature and signature.format == "ssh" and signature.key is None:
        yield Finding(
            "signing-without-key",
            "commits are to be signed with SSH, but no key is named",
            at="signing.format",
            help='set `signing.key = "~/.ssh/id_ed25519.pub"`, or `ssh.enable` to sign with the key that logs in',
        )
    if signature and signature.format == "gpg" and format_of(signature.key or "") == "ssh":
        yield Finding(
            "signing-key-of-other-format",
            f"the signing key {signature.key} is an SSH key, and GnuPG is to sign with it",
            at="signing.format",
            help='set `signing.format = "ssh"`, or leave it out',
        )
