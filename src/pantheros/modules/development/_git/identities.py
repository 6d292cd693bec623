"""Who commits: one identity for all repositories, and others for those of some directories or remotes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from pantheros.module import Finding, Findings, Group, Person, Settings, Value, key
from pantheros.modules.development._git import signing
from pantheros.modules.development._git.ssh import KeyPath


class User(Group):
    name: str | None = None
    """Name on commits. Left out: the person's name in `fleet.toml`."""
    email: str | None = None
    """E-mail address on commits. Left out: the person's address in `fleet.toml`."""
    signing_key: str | None = None
    """Key to sign with: the ID of a GnuPG key, the path of an SSH key, or a public SSH key itself. It signs what you
    ask to be signed (`git commit -S`); `signing.enable` asks for all."""


class Identity(Group):
    directories: list[str] = []
    """Directories whose repositories have this identity, such as `~/work`."""
    remotes: list[str] = []
    """Remotes whose repositories have it: `github.com/acme` stands for everything there, over HTTPS and SSH; anything
    with a `:` or a `*` is taken as Git's pattern for a URL."""
    name: str | None = None
    """Name on these commits, where it differs."""
    email: str | None = None
    """E-mail address on these commits, where it differs."""
    signing_key: str | None = None
    """Key that signs these commits, as in `user.signingKey`; its looks decide between GnuPG and SSH."""
    sign: bool | None = None
    """Sign every commit and tag here, or none; left out, as `signing.enable` has it."""
    ssh_key: KeyPath | None = None
    """SSH key to fetch and push with."""


def config(user: User, person: Person) -> Settings:
    name, email = _name_and_email(user, person)
    if name:
        yield "user.name", name
    if email:
        yield "user.email", email
    if not (name and email):
        # Git would make up an address from the account and the host, and commit with it.
        yield "user.useConfigOnly", True


def _name_and_email(user: User, person: Person) -> tuple[str, str]:
    return user.name or person.full_name, user.email or person.email


def includes(identities: Mapping[str, Identity], signs_all: bool) -> Iterator[dict[str, Value]]:
    """What Git reads besides its configuration, in some repositories."""
    for name, identity in identities.items():
        contents = _contents(identity, signs_all)
        for condition in _conditions(identity):
            yield {"condition": condition, "contents": contents, "contentSuffix": f"{name}.gitconfig"}


def _conditions(identity: Identity) -> Iterator[str]:
    for directory in identity.directories:
        yield f"gitdir:{directory.rstrip('/')}/"
    for remote in identity.remotes:
        if ":" in remote or "*" in remote:
            yield f"hasconfig:remote.*.url:{remote}"
            continue
        host, _, path = remote.strip("/").partition("/")
        below = f"{path}/**" if path else "**"
        for start in (f"https://{host}/", f"git@{host}:", f"ssh://git@{host}/"):
            yield f"hasconfig:remote.*.url:{start}{below}"


def _contents(identity: Identity, signs_all: bool) -> dict[str, Value]:
    contents: dict[str, Value] = {}
    user: dict[str, Value] = {}
    if identity.name is not None:
        user["name"] = identity.name
    if identity.email is not None:
        user["email"] = identity.email
    if identity.signing_key is not None:
        user["signingKey"] = signing.as_git_writes(identity.signing_key)
        contents["gpg"] = {"format": signing.PROGRAMS[signing.format_of(identity.signing_key)]}
    if user:
        contents["user"] = user
    if identity.sign is not None and identity.sign != signs_all:
        contents["commit"] = {"gpgSign": identity.sign}
        contents["tag"] = {"gpgSign": identity.sign}
    if identity.ssh_key is not None:
        contents["core"] = {"sshCommand": f"ssh -i {identity.ssh_key} -o IdentitiesOnly=yes"}
    return contents


def person_findings(user: User, person: Person) -> Findings:
    if not all(_name_and_email(user, person)):
        yield Finding(
            "git-without-identity",
            f"{person.name} has no name or no e-mail address, so Git will refuse to commit",
            severity="warning",
            option=f"people.{person.name}",
            help=f"set `name` and `email` under `[people.{person.name}]` in fleet.toml",
        )


def findings(identities: Mapping[str, Identity], signs_all: bool) -> Findings:
    for name, identity in identities.items():
        at = f"identities.{key(name)}"
        if not identity.directories and not identity.remotes:
            yield Finding(
                "identity-without-place",
                f"the identity {name} applies nowhere",
                at=at,
                help='set its `directories = ["~/work"]` or `remotes = ["github.com/acme"]`',
            )
        if not _contents(identity, signs_all):
            yield Finding(
                "empty-identity",
                f"the identity {name} changes nothing",
                at=at,
                help="set its `email`, `name`, `signingKey` or `sshKey`",
            )
