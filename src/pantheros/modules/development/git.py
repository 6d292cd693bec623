"""Git for everyone on the host: identity, signing, SSH keys, hooks that block, a workflow, and the forges in use.

Everything lies in the person's home, through home-manager. The system gets only what a home cannot bring: the agent
that GnuPG asks for passphrases, and the host keys of well-known forges.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

from pantheros.findings import nearest
from pantheros.module import (
    Finding,
    Findings,
    Group,
    Host,
    ModuleOptions,
    Person,
    Resources,
    SecretUse,
    Settings,
    State,
    Value,
    file,
    key,
    pkg,
    raw,
    secret,
)

# Options ------------------------------------------------------------------------------------------------------

KeyPath = Annotated[
    str, Field(pattern=r"^(~/|/)[\w.@+/-]+$", description="a path that begins with `~/` or `/`, without spaces")
]
BranchName = Annotated[str, Field(pattern=r"^[\w][\w./-]*$", description="the name of a branch")]
BranchPattern = Annotated[
    str, Field(pattern=r"^[\w*?\[][\w*?\[\]./!-]*$", description="a branch, or a pattern such as `release/*`")
]
HostName = Annotated[str, Field(pattern=r"^[A-Za-z0-9]([A-Za-z0-9.-]*[A-Za-z0-9])?$", description="the name of a host")]
Check = Annotated[str, Field(min_length=1, description="the name of a check, or a command")]
VariableName = Annotated[
    str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$", description="the name of an environment variable")
]
GitScalar = str | bool | int
GitValue = Annotated[
    GitScalar | list[GitScalar], Field(description="a string, a whole number, true, false, or a list of such")
]
GitSection = Annotated[dict[str, GitValue | dict[str, GitValue]], Field(description="a table of Git's configuration")]


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


class Signing(Group):
    enable: bool = False
    """Sign every commit and tag."""
    format: Literal["gpg", "ssh"] | None = None
    """What signs. Left out, the key's looks decide; without a key, SSH where `ssh.enable` is set, else GnuPG."""
    key: str | None = None
    """The same as `user.signingKey`. With neither, GnuPG picks one by e-mail address,
    and SSH takes `ssh.keyPath`."""
    allowed_signers: dict[str, list[str]] = {}
    """Public SSH keys by e-mail address whose signatures are good, besides those of the people on this host."""


class SshHost(Group):
    hostname: HostName
    """Where the alias leads."""
    user: str = "git"
    """User to log in as; forges want `git`."""
    port: Annotated[int, Field(ge=1, le=65535)] | None = None
    """Port, where it is not 22."""
    key_path: KeyPath | None = None
    """Private key for this host, where it is not `ssh.keyPath`."""


class Ssh(Group):
    enable: bool = False
    """Write the SSH client's configuration for the hosts below and for the forges in use."""
    key_path: KeyPath | None = None
    """Private key to log in with. Left out: `~/.ssh/id_` and the type, as OpenSSH names it."""
    key_type: Literal["ed25519", "ed25519-sk", "ecdsa", "ecdsa-sk", "rsa"] = "ed25519"
    """Type of the key; those in `-sk` live on a security key. RSA keys get 4096 bits."""
    generate: bool = False
    """Make each key named here that does not exist yet, when the person logs in, without a passphrase. One that
    exists is never touched."""
    hosts: dict[str, HostName | SshHost] = {}
    """Hosts by alias: with `github = "github.com"` both `github:me/repo` and `git@github.com:me/repo` use the key."""
    agent: bool | Literal["openssh", "gpg", "1password"] = True
    """What keeps unlocked keys: OpenSSH's agent (`true`), GnuPG's, 1Password's, or none (`false`)."""


class Hooks(Group):
    pre_commit: list[Check] = []
    """Checks before a commit, and before a merge commit: `lint`, `format`, `test`, `secrets-scan`, or a command."""
    pre_push: list[Check] = []
    """Checks before a push: those of `preCommit`, and `conventional-commits` for the commits that go out."""
    commit_msg: list[Check] = []
    """Checks of the message: `conventional-commits`, or a command, which gets the message's file as `$1`."""
    custom: dict[str, list[Check]] = {}
    """Commands for any other hook, by Git's name for it (`post-merge`); the hook's arguments are `$1` and on."""
    timeout: Annotated[int, Field(ge=1, le=86400)] = 300
    """Seconds that one check may take before it counts as failed."""


class Merge(Group):
    tool: str | None = None
    """What `git mergetool` opens (`vimdiff`, `nvimdiff`, `meld`, `kdiff3`, `vscode`, ...); known ones are installed."""
    conflict_style: Literal["merge", "diff3", "zdiff3"] = "zdiff3"
    """How conflicts are marked; `zdiff3` shows the common ancestor too, without the lines that both sides share."""


class Diff(Group):
    tool: str | None = None
    """What `git difftool` opens; as `merge.tool`, and `difftastic`."""
    algorithm: Literal["myers", "minimal", "patience", "histogram"] = "histogram"
    """How lines are matched; `histogram` keeps moved blocks and braces together better than Git's own `myers`."""
    pager: Literal["delta", "difftastic", "diff-so-fancy", "diff-highlight"] | None = None
    """What colours diffs. Left out: Git itself."""


class Pull(Group):
    rebase: bool | Literal["merges", "interactive"] | None = None
    """Whether `git pull` rebases. Left out, Git stops and asks where histories differ; `trunk` rebases."""


class Push(Group):
    auto_setup_remote: bool = True
    """The first push of a branch sets its upstream."""
    default: Literal["nothing", "current", "upstream", "simple", "matching"] | None = None
    """What a bare `git push` pushes. Left out: Git's own choice, `simple`."""


class Credentials(Group):
    helper: Literal["cache", "store", "libsecret", "oauth"] | None = None
    """What remembers passwords for HTTPS: memory, a plain file, the desktop's keyring, or a login in the browser."""
    cache_timeout: Annotated[int, Field(ge=60, le=2592000)] = 3600
    """Seconds that `cache` (and `oauth`, which caches) keeps a password."""


class Forge(Group):
    enable: bool = False
    """Set up for this forge."""
    cli: bool = True
    """Install its command-line program."""
    token: str | None = None
    """Name, under `[secrets]`, of an access token: Git logs in with it over HTTPS."""


class GitHub(Forge):
    host: HostName = "github.com"
    """github.com, or the company's GitHub Enterprise Server. The program is `gh`, the shorthand `gh:owner/repo`."""


class GitLab(Forge):
    host: HostName = "gitlab.com"
    """gitlab.com, or one's own GitLab. The program is `glab`, the shorthand `gl:group/repo`."""


class Gitea(Forge):
    host: HostName = "gitea.com"
    """Where Gitea or Forgejo runs, such as codeberg.org. The program is `tea`, the shorthand `gt:owner/repo`."""


class Integrations(Group):
    github: GitHub = GitHub()
    """GitHub."""
    gitlab: GitLab = GitLab()
    """GitLab."""
    gitea: Gitea = Gitea()
    """Gitea and Forgejo."""


class Lfs(Group):
    enable: bool = False
    """Keep large files outside the history, with Git LFS."""
    skip_smudge: bool = False
    """Leave pointers on checkout; `git lfs pull` fetches the files."""


class Maintenance(Group):
    enable: bool = False
    """Keep repositories fast, in the background."""
    schedule: Literal["hourly", "daily", "weekly"] = "daily"
    """How often at most. `hourly` also fetches ahead every hour, as `git maintenance start` would."""
    repositories: list[str] = []
    """Directories of the repositories."""


class Options(ModuleOptions):
    user: User = User()
    """Who commits."""
    identities: dict[str, Identity] = {}
    """Other identities by name, for some directories or remotes: work and private."""
    signing: Signing = Signing()
    """Signatures on commits and tags."""
    ssh: Ssh = Ssh()
    """SSH keys and the hosts they are for."""
    hooks: Hooks = Hooks()
    """Checks in every repository, before the repository's own hooks."""
    aliases: dict[str, str] = {}
    """Short names for Git commands; one that begins with `!` is a shell command."""
    merge: Merge = Merge()
    """Merging."""
    diff: Diff = Diff()
    """Comparing."""
    pull: Pull = Pull()
    """Pulling."""
    push: Push = Push()
    """Pushing."""
    default_branch: BranchName = "main"
    """Name of a new repository's first branch; the workflows take it for the branch that everything ends up in."""
    protected_branches: list[BranchPattern] = []
    """Branches that nobody pushes to directly, nor forces, nor deletes: names or patterns such as `release/*`. One
    that the remote does not have yet may be pushed, or no repository could begin."""
    protected_branches_bypass: VariableName = "GIT_PUSH_PROTECTED"
    """Environment variable that lets a push through: `1` a plain one, `force` any."""
    workflow: Literal["trunk", "github-flow", "git-flow"] | None = None
    """A way of working: aliases for its steps, a template for messages, and settings that suit it."""
    commit_template: str | None = None
    """Text that a new message begins with; lines that begin with `#` are hints. Left out: the workflow's."""
    ignores: list[str] = []
    """Patterns to ignore in every repository, as in `.gitignore`."""
    attributes: list[str] = []
    """Attributes in every repository, as in `.gitattributes`: `*.pdf diff=pdf`."""
    credentials: Credentials = Credentials()
    """Passwords for HTTPS."""
    integrations: Integrations = Integrations()
    """Forges in use."""
    lfs: Lfs = Lfs()
    """Git LFS."""
    maintenance: Maintenance = Maintenance()
    """Background maintenance."""
    extra_config: dict[str, GitSection] = {}
    """Anything else in Git's configuration, by section; it wins over what the options above come to."""


# Settings -----------------------------------------------------------------------------------------------------


def nixos(o: Options, host: Host) -> Settings:
    used = [options for _, options in _users(host)]
    if any(_uses_gpg(options) for options in used):
        yield "programs.gnupg.agent.enable", True
    if any(options.ssh.enable and options.ssh.agent == "gpg" for options in used):
        yield "programs.gnupg.agent.enableSSHSupport", True
    for name, public_key in HOST_KEYS.items():
        if any(name == hostname for options in used for hostname in _hosts_used(options)):
            yield f"programs.ssh.knownHosts.{key(name)}.publicKey", public_key


def home(o: Options, host: Host, person: Person) -> Settings:
    yield "programs.git.enable", True
    place = "settings" if host.release >= "25.11" else "extraConfig"
    for path, value in _config(o, host, person).items():
        yield f"programs.git.{place}.{path}", value
    if _signs(o):
        yield from _signing(o, host)
    includes = list[Value](_includes(o))
    if includes:
        yield "programs.git.includes", includes
    if o.ignores:
        yield "programs.git.ignores", list[Value](o.ignores)
    if o.attributes:
        yield "programs.git.attributes", list[Value](o.attributes)
    if _has_hooks(o):
        yield from _hooks(o)
    if o.diff.pager:
        yield from _pager(o.diff.pager, host)
    if o.lfs.enable:
        yield "programs.git.lfs.enable", True
        if o.lfs.skip_smudge:
            yield "programs.git.lfs.skipSmudge", True
    if o.maintenance.enable:
        yield from _maintenance(o, person)
    if o.credentials.helper:
        yield from _credentials(o.credentials.helper)
    if o.ssh.enable:
        yield from _ssh(o, host, person)
    for _, forge in _forges(o):
        if forge.cli:
            yield from _cli(forge, o)
    packages = _packages(o)
    if packages:
        yield "home.packages", packages


def resources(o: Options, host: Host) -> Resources:
    for person, options in _users(host):
        yield from _state(options, person)
        for name, forge in _forges(options):
            if forge.token:
                at = f"integrations.{type(forge).__name__.lower()}.token"
                yield SecretUse(forge.token, f"Git's login at {name}", person=person.name, at=at)


def _state(o: Options, person: Person) -> Iterator[State]:
    """What Git and its programs keep in a home."""

    def directory(path: str, mode: str = "0700") -> State:
        return State(path, user=person.name, group="users", mode=mode, person=person.name)

    if o.ssh.enable:
        yield directory(".ssh")
    if _uses_gpg(o):
        yield directory(".gnupg")
    if o.credentials.helper == "store":
        yield directory(".local/share/git")
    if o.credentials.helper == "libsecret":
        yield directory(".local/share/keyrings")
    for _, forge in _forges(o):
        if forge.cli:
            yield directory(f".config/{_CLI[type(forge)].state}")


def _users(host: Host) -> list[tuple[Person, Options]]:
    """Those on the host who use this module, each with the options that hold for them."""
    return [(person, options) for person in host.people if (options := person[Options]).enable]


# Git's configuration ------------------------------------------------------------------------------------------


def _config(o: Options, host: Host, person: Person) -> dict[str, Value]:
    """Git's configuration by dotted name; what the user wrote as such comes last."""
    config: dict[str, Value] = {}
    config |= _identity(o, person)
    config |= _aliases(o)
    config |= _habits(o)
    config |= _tools(o)
    config |= _signers(o, host)
    config |= _helpers(o, person)
    config |= _shorthands(o)
    config |= dict(_leaves(o.extra_config))
    return config


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Value]]:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key(name)}.")
        else:
            yield f"{prefix}{key(name)}", value


def _identity(o: Options, person: Person) -> dict[str, Value]:
    name, email = o.user.name or person.full_name, o.user.email or person.email
    config: dict[str, Value] = {}
    if name:
        config["user.name"] = name
    if email:
        config["user.email"] = email
    if not (name and email):
        # Git would make up an address from the account and the host, and commit with it.
        config["user.useConfigOnly"] = True
    return config


def _aliases(o: Options) -> dict[str, Value]:
    aliases = (_workflow_aliases(o) if o.workflow else {}) | o.aliases
    return {f"alias.{key(name)}": command for name, command in aliases.items()}


def _habits(o: Options) -> dict[str, Value]:
    config: dict[str, Value] = {
        "init.defaultBranch": o.default_branch,
        "merge.conflictStyle": o.merge.conflict_style,
        "diff.algorithm": o.diff.algorithm,
    }
    if o.push.auto_setup_remote:
        config["push.autoSetupRemote"] = True
    if o.push.default:
        config["push.default"] = o.push.default
    if o.pull.rebase is not None:
        config["pull.rebase"] = o.pull.rebase
    elif o.workflow == "trunk":
        config["pull.rebase"] = True
    if o.workflow == "trunk":
        config["rebase.autoStash"] = True
    if o.workflow:
        config["fetch.prune"] = True
    template = o.commit_template if o.commit_template is not None else _workflow_template(o)
    if template:
        config["commit.template"] = f"{file('commit-template', template.rstrip() + chr(10))}"
    return config


_TOOLS = {
    "gvimdiff": "vim-full",
    "kdiff3": "kdiff3",
    "meld": "meld",
    "nvimdiff": "neovim",
    "tkdiff": "tkdiff",
    "vimdiff": "vim",
    "xxdiff": "xxdiff",
}
"""Packages of the tools that Git knows how to call."""
_MERGE_COMMANDS = {"vscode": 'code --wait --merge "$REMOTE" "$LOCAL" "$BASE" "$MERGED"'}
_DIFF_COMMANDS = {"vscode": 'code --wait --diff "$LOCAL" "$REMOTE"', "difftastic": 'difft "$LOCAL" "$REMOTE"'}
_OTHER_TOOLS = ("araxis", "bc", "codecompare", "deltawalker", "diffmerge", "diffuse", "ecmerge", "emerge", "guiffy")
_MORE_TOOLS = ("kompare", "p4merge", "smerge", "tortoisemerge", "vimdiff1", "vimdiff2", "vimdiff3", "winmerge")


def _tools(o: Options) -> dict[str, Value]:
    config: dict[str, Value] = {}
    if o.merge.tool:
        config["merge.tool"] = o.merge.tool
        if o.merge.tool in _MERGE_COMMANDS:
            config[f"mergetool.{o.merge.tool}.cmd"] = _MERGE_COMMANDS[o.merge.tool]
            config[f"mergetool.{o.merge.tool}.trustExitCode"] = True
    if o.diff.tool:
        config["diff.tool"] = o.diff.tool
        if o.diff.tool in _DIFF_COMMANDS:
            config[f"difftool.{o.diff.tool}.cmd"] = _DIFF_COMMANDS[o.diff.tool]
    return config


def _packages(o: Options) -> list[Value]:
    """Programs to install. Tools that Git calls give way to one's own: a configured Vim wins over the plain one."""
    tools = [_TOOLS[tool] for tool in (o.merge.tool, o.diff.tool) if tool in _TOOLS]
    if o.diff.tool == "difftastic" and o.diff.pager != "difftastic":
        tools.append("difftastic")
    packages: list[Value] = [raw(f"lib.lowPrio pkgs.{tool}") for tool in dict.fromkeys(tools)]
    packages += [
        pkg(_CLI[type(forge)].package) for _, forge in _forges(o) if forge.cli and not isinstance(forge, GitHub)
    ]
    if o.credentials.helper == "libsecret":
        packages.append(pkg("gcr"))  # asks for the keyring's password
    return packages


def _pager(pager: str, host: Host) -> Settings:
    if host.release < "25.11":
        yield f"programs.git.{pager}.enable", True
        return
    yield f"programs.{pager}.enable", True
    yield f"programs.{pager}.{'git.enable' if pager == 'difftastic' else 'enableGitIntegration'}", True


def _maintenance(o: Options, person: Person) -> Settings:
    yield "programs.git.maintenance.enable", True
    repositories = [_expanded(path, person) for path in o.maintenance.repositories]
    yield "programs.git.maintenance.repositories", list[Value](repositories)
    # What a rarer run does includes what a more frequent one would have done.
    timers = {"daily": "Tue..Sun *-*-* 0:53:00", "weekly": "Mon 0:53:00"}
    if o.maintenance.schedule == "daily":
        yield "programs.git.maintenance.timers", dict[str, Value](timers)
    elif o.maintenance.schedule == "weekly":
        yield "programs.git.maintenance.timers", {"weekly": timers["weekly"]}
    # Fetching ahead needs ssh, which a user's services do not find by themselves.
    yield f"systemd.user.services.{key('git-maintenance@')}.Service.Environment", [f"PATH={pkg('openssh')}/bin"]


def _expanded(path: str, person: Person) -> str:
    """A path in a person's home, for programs that do not know `~`."""
    return person.home + path[1:] if path == "~" or path.startswith("~/") else path


# Identities and signatures ------------------------------------------------------------------------------------


def _includes(o: Options) -> Iterator[dict[str, Value]]:
    for name, identity in o.identities.items():
        contents = _identity_contents(o, identity)
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
        yield f"hasconfig:remote.*.url:https://{host}/{below}"
        yield f"hasconfig:remote.*.url:git@{host}:{below}"
        yield f"hasconfig:remote.*.url:ssh://git@{host}/{below}"


def _identity_contents(o: Options, identity: Identity) -> dict[str, Value]:
    contents: dict[str, Value] = {}
    user = {"name": identity.name, "email": identity.email}
    about: dict[str, Value] = {name: value for name, value in user.items() if value is not None}
    if identity.signing_key is not None:
        about["signingKey"] = _written_key(identity.signing_key)
        contents["gpg"] = {"format": "ssh" if _is_ssh_key(identity.signing_key) else "openpgp"}
    if about:
        contents["user"] = about
    if identity.sign is not None and identity.sign != o.signing.enable:
        contents["commit"] = {"gpgSign": identity.sign}
        contents["tag"] = {"gpgSign": identity.sign}
    if identity.ssh_key is not None:
        contents["core"] = {"sshCommand": f"ssh -i {identity.ssh_key} -o IdentitiesOnly=yes"}
    return contents


def _signing_key(o: Options) -> str | None:
    """The key that signs: the one named, else with SSH the public half of the key that logs in."""
    named = o.signing.key if o.signing.key is not None else o.user.signing_key
    if named is None and _signing_format(o) == "ssh" and o.ssh.enable:
        return f"{_key_path(o)}.pub"
    return named


def _signing_format(o: Options) -> Literal["gpg", "ssh"]:
    if o.signing.format is not None:
        return o.signing.format
    named = o.signing.key if o.signing.key is not None else o.user.signing_key
    if named is not None:
        return "ssh" if _is_ssh_key(named) else "gpg"
    return "ssh" if o.ssh.enable else "gpg"


_SSH_KEY_TYPES = ("ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-")


def _is_ssh_key(text: str) -> bool:
    return text.startswith(("~", "/", "key::", *_SSH_KEY_TYPES)) or text.endswith(".pub")


def _written_key(text: str) -> str:
    """A key as Git wants it: a public key itself is marked as one."""
    return f"key::{text}" if text.startswith(_SSH_KEY_TYPES) else text


def _signs(o: Options) -> bool:
    return o.signing.enable or o.signing.key is not None or o.user.signing_key is not None


def _uses_gpg(o: Options) -> bool:
    others = [identity.signing_key for identity in o.identities.values() if identity.signing_key is not None]
    return (_signs(o) and _signing_format(o) == "gpg") or any(not _is_ssh_key(other) for other in others)


def _uses_ssh_signatures(o: Options) -> bool:
    others = [identity.signing_key for identity in o.identities.values() if identity.signing_key is not None]
    signs = _signs(o) and _signing_format(o) == "ssh"
    return signs or bool(o.signing.allowed_signers) or any(map(_is_ssh_key, others))


def _signing(o: Options, host: Host) -> Settings:
    signing_key = _signing_key(o)
    if signing_key is not None and _signing_format(o) == "ssh":
        signing_key = _written_key(signing_key)
    if host.release >= "25.05":
        yield "programs.git.signing.format", "openpgp" if _signing_format(o) == "gpg" else "ssh"
        if signing_key is not None:
            yield "programs.git.signing.key", signing_key
        if o.signing.enable:
            yield "programs.git.signing.signByDefault", True
    elif _signing_format(o) == "gpg":
        yield "programs.git.signing.key", signing_key
        if o.signing.enable:
            yield "programs.git.signing.signByDefault", True


def _signers(o: Options, host: Host) -> dict[str, Value]:
    """Whose SSH signatures are good; and for 24.11, whose home-manager signs with GnuPG alone, how to sign with SSH."""
    config: dict[str, Value] = {}
    if host.release < "25.05" and _signs(o) and _signing_format(o) == "ssh":
        config["gpg.format"] = "ssh"
        signing_key = _signing_key(o)
        if signing_key is not None:
            config["user.signingKey"] = _written_key(signing_key)
        if o.signing.enable:
            config["commit.gpgSign"] = True
            config["tag.gpgSign"] = True
    if _uses_ssh_signatures(o):
        signers = _allowed_signers(o, host)
        if signers:
            config["gpg.ssh.allowedSignersFile"] = f"{file('allowed-signers', signers)}"
    return config


def _allowed_signers(o: Options, host: Host) -> str:
    """The file that Git checks SSH signatures against: the host's people, and those named besides."""
    good = [(person.email, public_key) for person in host.people if person.email for public_key in person.keys]
    good += [(email, public_key) for email, keys in o.signing.allowed_signers.items() for public_key in keys]
    lines = [f'{email} namespaces="git" {" ".join(public_key.split()[:2])}\n' for email, public_key in good]
    return "".join(dict.fromkeys(lines))


# Workflows ----------------------------------------------------------------------------------------------------


def _workflow_aliases(o: Options) -> dict[str, str]:
    main = o.default_branch
    match o.workflow:
        case "trunk":
            return {
                "start": _steps("git fetch origin", f'git switch --create "$1" --no-track origin/{main}'),
                "sync": f"!git fetch --prune origin && git rebase --autostash origin/{main}",
                "ship": f"!git sync && git push origin HEAD:{main}",
            }
        case "github-flow":
            aliases = {
                "start": _steps("git fetch origin", f'git switch --create "$1" --no-track origin/{main}'),
                "sync": f"!git fetch --prune origin && git rebase --autostash origin/{main}",
                "publish": "push --set-upstream origin HEAD",
                "tidy": "!git fetch --prune origin && git for-each-ref --format='%(refname:short)'"
                f' --merged=origin/{main} refs/heads | grep -vxF -e {main} -e "$(git branch --show-current)"'
                " | xargs -r git branch -D",
            }
            forges = o.integrations
            if forges.github.enable and forges.github.cli:
                aliases["pr"] = "!gh pr create --fill"
            elif forges.gitlab.enable and forges.gitlab.cli:
                aliases["pr"] = "!glab mr create --fill"
            return aliases
        case _:
            return {
                "flow-init": f"!git branch develop {main} && git switch develop",
                "feature-start": _flow_start("feature", "develop"),
                "feature-finish": _flow_finish("feature", ["develop"]),
                "release-start": _flow_start("release", "develop"),
                "release-finish": _flow_finish("release", [main, "develop"], tag=True),
                "hotfix-start": _flow_start("hotfix", main),
                "hotfix-finish": _flow_finish("hotfix", [main, "develop"], tag=True),
            }


def _steps(*commands: str) -> str:
    """A shell alias of several commands, with arguments."""
    return f"!f() {{ {' && '.join(commands)}; }}; f"


def _flow_start(kind: str, base: str) -> str:
    return _steps(f'git switch --create "{kind}/$1" {base}')


def _flow_finish(kind: str, targets: list[str], *, tag: bool = False) -> str:
    commands = []
    for target in targets:
        commands += [f"git switch {target}", f'git merge --no-ff --no-edit "{kind}/$1"']
        if tag and target == targets[0]:
            commands.append('git tag --annotate --message "$1" "v$1"')
    return _steps(*commands, f'git branch -d "{kind}/$1"')


def _workflow_template(o: Options) -> str:
    if o.workflow is None:
        return ""
    hint = {
        "trunk": "# Small enough to go to the trunk today? If not, put it behind a switch or split it.",
        "github-flow": "# Closes #",
        "git-flow": "# Belongs to: feature, release or hotfix",
    }[o.workflow]
    if "conventional-commits" in o.hooks.commit_msg:
        subject = f"# type(scope): what this commit does\n# types: {', '.join(_COMMIT_TYPES)}"
    else:
        subject = "# What this commit does, as an order, in up to 50 characters"
    return f"\n{subject}\n#\n# Why, and what a reader has to know; lines of up to 72 characters\n#\n{hint}\n"


# Forges and credentials ---------------------------------------------------------------------------------------

HOST_KEYS = {
    "github.com": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIOMqqnkVzrm0SdG6UOoqKLsabgH5C9okWi0dh2l9GKJl",
    "gitlab.com": "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAfuCHKVTjquxvt6CM6tdG4SLp1Btn/nOeHHE5UOzRdf",
}
"""Public host keys, as GitHub and GitLab publish them: no first connection is on trust alone."""


class _Program:
    def __init__(self, package: str, shorthand: str, login: str, state: str) -> None:
        self.package = package
        self.shorthand = shorthand
        """Begins the short form of a URL: `gh:owner/repo`."""
        self.login = login
        """User name that goes with a token."""
        self.state = state
        """Where, below ~/.config, the program keeps its login."""


_CLI: dict[type[Forge], _Program] = {
    GitHub: _Program("gh", "gh:", "x-access-token", "gh"),
    GitLab: _Program("glab", "gl:", "oauth2", "glab-cli"),
    Gitea: _Program("tea", "gt:", "token", "tea"),
}


def _forges(o: Options) -> list[tuple[str, GitHub | GitLab | Gitea]]:
    """The forges in use, by host."""
    all_of_them = (o.integrations.github, o.integrations.gitlab, o.integrations.gitea)
    return [(forge.host, forge) for forge in all_of_them if forge.enable]


def _shorthands(o: Options) -> dict[str, Value]:
    config: dict[str, Value] = {}
    for host, forge in _forges(o):
        base = f"git@{host}:" if o.ssh.enable else f"https://{host}/"
        config[f"url.{key(base)}.insteadOf"] = _CLI[type(forge)].shorthand
    return config


def _helpers(o: Options, person: Person) -> dict[str, Value]:
    """What Git asks for passwords: one program in general, and the forges' own for theirs."""
    config: dict[str, Value] = {}
    cache = f"cache --timeout {o.credentials.cache_timeout}"
    match o.credentials.helper:
        case "cache" | "oauth":  # oauth's own part comes after, from its module
            config["credential.helper"] = [cache]
        case "store":
            config["credential.helper"] = [f"store --file {person.home}/{_STORE}"]
        case "libsecret":
            config["credential.helper"] = [f"{pkg('gitFull')}/bin/git-credential-libsecret"]
    for host, forge in _forges(o):
        name = f"credential.{key(f'https://{host}')}.helper"
        if forge.token:
            # The empty one takes out the helpers above: nothing but the token is asked, and nothing stores it.
            config[name] = ["", _token_helper(_CLI[type(forge)].login, forge.token)]
        elif isinstance(forge, GitLab) and forge.cli:
            config[name] = ["", f"{pkg('glab')}/bin/glab auth git-credential"]
    return config


def _token_helper(login: str, token: str) -> str:
    answer = f"printf 'username={login}\\npassword=%s\\n' \"$(cat '{secret(token)}')\""
    return f'!f() {{ test "$1" = get && {answer}; }}; f'


_STORE = ".local/share/git/credentials"


def _credentials(helper: str) -> Settings:
    if helper == "oauth":
        yield "programs.git-credential-oauth.enable", True
    elif helper == "store":
        yield "systemd.user.tmpfiles.rules", ["d %h/.local/share/git 0700"]
    elif helper == "libsecret":
        yield "services.gnome-keyring.enable", True
        yield "services.gnome-keyring.components", ["secrets"]


def _cli(forge: GitHub | GitLab | Gitea, o: Options) -> Settings:
    if isinstance(forge, GitLab) and forge.host != GitLab().host:
        yield "home.sessionVariables.GITLAB_HOST", forge.host
    if not isinstance(forge, GitHub):
        return
    yield "programs.gh.enable", True
    if o.ssh.enable:
        yield "programs.gh.settings.git_protocol", "ssh"
    if forge.token:
        yield "programs.gh.gitCredentialHelper.enable", False
    elif forge.host != GitHub().host:
        yield "programs.gh.gitCredentialHelper.hosts", [f"https://{forge.host}"]
    if forge.host != GitHub().host:
        yield "home.sessionVariables.GH_HOST", forge.host


# SSH ----------------------------------------------------------------------------------------------------------


def _key_path(o: Options) -> str:
    return o.ssh.key_path or f"~/.ssh/id_{o.ssh.key_type.replace('-', '_')}"


def _ssh_hosts(o: Options) -> dict[str, SshHost]:
    """The hosts by alias: those named, and the forges in use."""
    hosts = {
        alias: SshHost(hostname=entry) if isinstance(entry, str) else entry for alias, entry in o.ssh.hosts.items()
    }
    named = {entry.hostname for entry in hosts.values()}
    for hostname, _ in _forges(o):
        if hostname not in named and hostname not in hosts:
            hosts[hostname] = SshHost(hostname=hostname)
    return hosts


def _hosts_used(o: Options) -> list[str]:
    """Names of the hosts that repositories come from over SSH."""
    return [entry.hostname for entry in _ssh_hosts(o).values()] if o.ssh.enable else [host for host, _ in _forges(o)]


_OLD_NAMES = {
    "HostName": "hostname",
    "User": "user",
    "Port": "port",
    "IdentityFile": "identityFile",
    "IdentitiesOnly": "identitiesOnly",
    "AddKeysToAgent": "addKeysToAgent",
    "IdentityAgent": "identityAgent",
}
"""What home-manager called ssh's own words before 26.05."""


def _ssh(o: Options, host: Host, person: Person) -> Settings:
    yield "programs.ssh.enable", True
    if host.release >= "25.11":
        # The defaults that home-manager wrote until then are ssh's own, and it warns that they will go.
        yield "programs.ssh.enableDefaultConfig", False
    hosts = _ssh_hosts(o)
    for alias, entry in hosts.items():
        patterns = [alias] if alias == entry.hostname else [alias, entry.hostname]
        if alias != _owner(entry.hostname, o, hosts):
            patterns = [alias]
        block: dict[str, Value] = {"HostName": entry.hostname, "User": entry.user}
        if entry.port is not None:
            block["Port"] = entry.port
        block["IdentityFile"] = entry.key_path or _key_path(o)
        block["IdentitiesOnly"] = True
        yield from _ssh_block(" ".join(patterns), block, host)
    yield from _agent(o, host, person)
    if o.ssh.generate:
        yield from _generate(o, host, person)


def _owner(hostname: str, o: Options, hosts: Mapping[str, SshHost]) -> str:
    """Of several aliases for one host, the one that its own name stands for too: the first plain one."""
    aliases = [alias for alias, entry in hosts.items() if entry.hostname == hostname]
    plain = [alias for alias in aliases if alias == hostname or isinstance(o.ssh.hosts.get(alias), str)]
    return (plain or aliases)[0]


def _ssh_block(pattern: str, block: dict[str, Value], host: Host) -> Settings:
    for name, value in block.items():
        if host.release >= "26.05":
            yield f"programs.ssh.settings.{key(pattern)}.{name}", value
        else:
            yield f"programs.ssh.matchBlocks.{key(pattern)}.{_OLD_NAMES[name]}", value


def _agent(o: Options, host: Host, person: Person) -> Settings:
    if o.ssh.agent in (True, "openssh"):
        yield "services.ssh-agent.enable", True
        if host.release < "25.11":
            yield "programs.ssh.addKeysToAgent", "yes"
        else:
            yield from _ssh_block("*", {"AddKeysToAgent": "yes"}, host)
    elif o.ssh.agent == "1password":
        socket = "~/.1password/agent.sock"
        if host.release < "25.05":
            yield 'programs.ssh.matchBlocks."*".extraOptions.IdentityAgent', socket
        else:
            yield from _ssh_block("*", {"IdentityAgent": socket}, host)
        # ssh-keygen, which signs commits, does not read ssh's configuration.
        yield "home.sessionVariables.SSH_AUTH_SOCK", _expanded(socket, person)


def _generate(o: Options, host: Host, person: Person) -> Settings:
    keys = [_key_path(o), *(entry.key_path for entry in _ssh_hosts(o).values())]
    keys += [identity.ssh_key for identity in o.identities.values()]
    paths = [path.replace("~/", "%h/", 1) for path in dict.fromkeys(keys) if path is not None]
    script = file("generate-ssh-key", _GENERATE_SSH_KEY, executable=True)
    service = "systemd.user.services.git-ssh-key"
    yield f"{service}.Unit.Description", "Make the SSH keys that Git uses, where they are missing"
    yield f"{service}.Install.WantedBy", ["default.target"]
    yield f"{service}.Service.Type", "oneshot"
    yield f"{service}.Service.RemainAfterExit", True
    yield f"{service}.Service.Environment", [f"PATH={pkg('openssh')}/bin:{pkg('coreutils')}/bin"]
    yield (
        f"{service}.Service.ExecStart",
        f"{pkg('bash')}/bin/bash {script} {o.ssh.key_type} {person.name}@{host.name} {' '.join(paths)}",
    )


# Hooks --------------------------------------------------------------------------------------------------------

BUILT_IN_CHECKS = ("lint", "format", "test", "conventional-commits", "secrets-scan")
_COMMIT_TYPES = ("build", "chore", "ci", "docs", "feat", "fix", "perf", "refactor", "revert", "style", "test")
GIT_HOOKS = (
    "applypatch-msg",
    "commit-msg",
    "post-applypatch",
    "post-checkout",
    "post-commit",
    "post-index-change",
    "post-merge",
    "post-receive",
    "post-rewrite",
    "post-update",
    "pre-applypatch",
    "pre-auto-gc",
    "pre-commit",
    "pre-merge-commit",
    "pre-push",
    "pre-rebase",
    "pre-receive",
    "prepare-commit-msg",
    "proc-receive",
    "reference-transaction",
    "sendemail-validate",
    "update",
)
"""Git's hooks, all of which a global hooks directory takes from the repositories. Left out is push-to-checkout, whose
mere presence changes what Git does."""
_OWN_ONLY = {
    "proc-receive": "it talks with Git while it runs",
    "push-to-checkout": "where there is one, Git leaves the work tree to it",
}


def _has_hooks(o: Options) -> bool:
    return bool(_checks(o))


def _checks(o: Options) -> dict[str, list[str]]:
    """The checks of each hook that has any."""
    checks = {
        "pre-commit": [*o.hooks.pre_commit, *o.hooks.custom.get("pre-commit", [])],
        "pre-merge-commit": [*o.hooks.pre_commit, *o.hooks.custom.get("pre-merge-commit", [])],
        "commit-msg": [*o.hooks.commit_msg, *o.hooks.custom.get("commit-msg", [])],
        "pre-push": [
            *(["protected-branches"] if o.protected_branches else []),
            *o.hooks.pre_push,
            *o.hooks.custom.get("pre-push", []),
        ],
    }
    checks |= {hook: commands for hook, commands in o.hooks.custom.items() if hook not in checks}
    return {hook: commands for hook, commands in checks.items() if commands}


def _hooks(o: Options) -> Settings:
    """Every hook is the same script, which looks at the name it is called by; the checks lie beside it."""
    hook = file("hook", _hook_script(o), executable=True)
    for name in GIT_HOOKS:
        yield f"programs.git.hooks.{name}", hook
    used = {check for checks in _checks(o).values() for check in checks}
    scripts = {
        "project-check": _PROJECT_CHECK if used & {"lint", "format", "test"} else "",
        "conventional-commits": _CONVENTIONAL_COMMITS if "conventional-commits" in used else "",
        "secrets-scan": _SECRETS_SCAN if "secrets-scan" in used else "",
        "protected-branches": _PROTECTED_BRANCHES if "protected-branches" in used else "",
    }
    for name, text in scripts.items():
        if text:
            yield f"programs.git.hooks.{name}", file(name, text, executable=True)


def _hook_script(o: Options) -> str:
    hooks_by_checks: dict[tuple[str, ...], list[str]] = {}
    for name, checks in _checks(o).items():
        hooks_by_checks.setdefault(tuple(checks), []).append(name)
    cases = [
        f"  {' | '.join(names)}) checks=({' '.join(map(shlex.quote, checks))}) ;;\n"
        for checks, names in hooks_by_checks.items()
    ]
    return (
        _HOOK.replace("@timeout@", str(o.hooks.timeout))
        .replace("@protected@", " ".join(map(shlex.quote, o.protected_branches)))
        .replace("@bypass@", o.protected_branches_bypass)
        .replace("@lfs@", "1" if o.lfs.enable else "0")
        .replace("@checks@", "".join(cases))
    )


# What can't work ----------------------------------------------------------------------------------------------


def findings(o: Options, host: Host) -> Findings:
    if o.enable and not host.people:
        yield Finding(
            "git-without-people",
            "Git is configured in people's homes, and nobody has an account here",
            severity="warning",
            at="enable",
            help="name somebody under `people` in the host's file, or take the option out",
        )
    users = _users(host)
    for person, options in users:
        if not ((options.user.name or person.full_name) and (options.user.email or person.email)):
            yield Finding(
                "git-without-identity",
                f"{person.name} has no name or no e-mail address, so Git will refuse to commit",
                severity="warning",
                at="user",
                help=f"set `name` and `email` under `[people.{person.name}]` in fleet.toml",
            )
    if not o.enable and any(_uses_gpg(options) for _, options in users):
        yield Finding(
            "no-gnupg-agent",
            "somebody here signs with GnuPG, whose agent belongs to the system, where this module is not enabled",
            severity="warning",
            at="enable",
            help="enable `pantherOS.development.git` for the host, or sign with SSH",
        )
    judged: list[Options] = []
    for options in [options for _, options in users] or [o]:
        if options not in judged:
            judged.append(options)
            yield from _judge_signing(options)
            yield from _judge_identities(options)
            yield from _judge_ssh(options)
            yield from _judge_hooks(options)
            yield from _judge_aliases(options)
            yield from _judge_tools(options)
            yield from _judge_rest(options, host)


def _judge_signing(o: Options) -> Findings:
    if None not in (o.signing.key, o.user.signing_key) and o.signing.key != o.user.signing_key:
        yield Finding(
            "two-signing-keys",
            "`signing.key` and `user.signingKey` are the same thing, and differ",
            at="signing.key",
            help="keep one of them",
        )
    if o.signing.enable and _signing_format(o) == "ssh" and _signing_key(o) is None:
        yield Finding(
            "signing-without-key",
            "commits are to be signed with SSH, but no key is named",
            at="signing.format",
            help='set `signing.key = "~/.ssh/id_ed25519.pub"`, or `ssh.enable` to sign with the key that logs in',
        )
    if _signs(o) and _signing_format(o) == "gpg" and _is_ssh_key(_signing_key(o) or ""):
        yield Finding(
            "signing-key-of-other-format",
            f"the signing key {_signing_key(o)} is an SSH key, and GnuPG is to sign with it",
            at="signing.format",
            help='set `signing.format = "ssh"`, or leave it out',
        )


def _judge_identities(o: Options) -> Findings:
    for name, identity in o.identities.items():
        at = f"identities.{key(name)}"
        if not identity.directories and not identity.remotes:
            yield Finding(
                "identity-without-place",
                f"the identity {name} applies nowhere",
                at=at,
                help='set its `directories = ["~/work"]` or `remotes = ["github.com/acme"]`',
            )
        if not _identity_contents(o, identity):
            yield Finding(
                "empty-identity",
                f"the identity {name} changes nothing",
                at=at,
                help="set its `email`, `name`, `signingKey` or `sshKey`",
            )


def _judge_ssh(o: Options) -> Findings:
    if not o.ssh.enable and (o.ssh.hosts or o.ssh.generate or o.ssh.key_path):
        yield Finding(
            "ssh-not-enabled",
            "SSH hosts or keys are set up for Git, but `ssh.enable` is not set, so nothing comes of it",
            severity="warning",
            at="ssh",
            help="set `ssh.enable = true`",
        )
    if o.ssh.generate and o.ssh.key_type.endswith("-sk"):
        yield Finding(
            "key-needs-touch",
            f"a key of type {o.ssh.key_type} is made on a security key that wants a touch, which no service can give",
            at="ssh.generate",
            help=f"leave `generate` out and run `ssh-keygen -t {o.ssh.key_type}` by hand",
        )


def _judge_hooks(o: Options) -> Findings:
    lists = {"preCommit": o.hooks.pre_commit, "prePush": o.hooks.pre_push, "commitMsg": o.hooks.commit_msg}
    for name, checks in lists.items():
        for check in checks:
            guess = nearest(check, BUILT_IN_CHECKS)
            if check not in BUILT_IN_CHECKS and guess and not any(c in check for c in " /"):
                yield Finding(
                    "unknown-check",
                    f"`{check}` is no check of ours, so it is run as a command",
                    severity="warning",
                    at=f"hooks.{name}",
                    help=f"did you mean `{guess}`?",
                )
    if "conventional-commits" in o.hooks.pre_commit:
        yield Finding(
            "check-before-message",
            "`conventional-commits` looks at the message, and before a commit there is none yet",
            at="hooks.preCommit",
            help="put it into `hooks.commitMsg`",
        )
    for hook in o.hooks.custom:
        if hook in _OWN_ONLY:
            yield Finding(
                "hook-of-one-repository",
                f"`{hook}` works only as a repository's own hook: {_OWN_ONLY[hook]}",
                at=f"hooks.custom.{key(hook)}",
                help="put it into the repository's .git/hooks",
            )
        elif hook not in GIT_HOOKS:
            guess = nearest(hook, GIT_HOOKS)
            yield Finding(
                "unknown-hook",
                f"Git has no hook `{hook}`",
                at=f"hooks.custom.{key(hook)}",
                help=f"did you mean `{guess}`?" if guess else f"there are: {', '.join(GIT_HOOKS)}",
            )
    if _has_hooks(o) and any(name.lower() == "hookspath" for name in o.extra_config.get("core", {})):
        yield Finding(
            "hooks-path-taken",
            "`extraConfig` sets `core.hooksPath`, which is where the hooks here are",
            at="extraConfig.core",
            help="leave it out, or leave out `hooks` and `protectedBranches`",
        )
    if o.workflow == "trunk" and o.default_branch in o.protected_branches:
        yield Finding(
            "trunk-is-protected",
            f"the workflow `trunk` pushes to {o.default_branch}, which is protected",
            severity="warning",
            at="protectedBranches",
            help=f"take {o.default_branch} out, or choose the workflow `github-flow`",
        )


_GIT_COMMANDS = {
    "add",
    "am",
    "apply",
    "archive",
    "bisect",
    "blame",
    "branch",
    "bundle",
    "cat-file",
    "checkout",
    "cherry-pick",
    "clean",
    "clone",
    "commit",
    "config",
    "describe",
    "diff",
    "difftool",
    "fetch",
    "format-patch",
    "gc",
    "grep",
    "init",
    "log",
    "ls-files",
    "merge",
    "mergetool",
    "mv",
    "notes",
    "pull",
    "push",
    "range-diff",
    "rebase",
    "reflog",
    "remote",
    "reset",
    "restore",
    "rev-list",
    "rev-parse",
    "revert",
    "rm",
    "shortlog",
    "show",
    "sparse-checkout",
    "stash",
    "status",
    "submodule",
    "switch",
    "tag",
    "worktree",
}


def _judge_aliases(o: Options) -> Findings:
    for name in o.aliases:
        if not name.replace("-", "").isalnum() or not name.isascii() or not name[:1].isalpha():
            yield Finding(
                "invalid-alias",
                f"Git takes no alias `{name}`",
                at=f"aliases.{key(name)}",
                help="use letters, digits and hyphens, a letter first",
            )
        elif name in _GIT_COMMANDS:
            yield Finding(
                "alias-without-effect",
                f"`{name}` is a command of Git's, so Git ignores the alias",
                severity="warning",
                at=f"aliases.{key(name)}",
                help="choose another name",
            )


def _judge_tools(o: Options) -> Findings:
    known = {*_TOOLS, *_MERGE_COMMANDS, *_OTHER_TOOLS, *_MORE_TOOLS}
    for at, tool, section in (("merge.tool", o.merge.tool, "mergetool"), ("diff.tool", o.diff.tool, "difftool")):
        names = known | (set(_DIFF_COMMANDS) if section == "difftool" else set())
        if tool is not None and tool not in names and tool not in o.extra_config.get(section, {}):
            guess = nearest(tool, names)
            yield Finding(
                "unknown-tool",
                f"neither Git nor this module knows how to call `{tool}`",
                severity="warning",
                at=at,
                help=f"did you mean `{guess}`?" if guess else f"say how in `extraConfig.{section}.{key(tool)}.cmd`",
            )


def _judge_rest(o: Options, host: Host) -> Findings:
    if o.maintenance.enable and not o.maintenance.repositories:
        yield Finding(
            "maintenance-without-repositories",
            "Git maintenance is enabled, but for no repository",
            severity="warning",
            at="maintenance.enable",
            help='set `maintenance.repositories = ["~/src/project"]`',
        )
    if o.credentials.helper == "libsecret" and host.kind == "server":
        yield Finding(
            "keyring-on-server",
            "`libsecret` keeps passwords in a desktop's keyring, and a server has no desktop",
            severity="warning",
            at="credentials.helper",
            help='use "cache", or a `token` of the forge',
        )


# Scripts ------------------------------------------------------------------------------------------------------

_HOOK = r"""#!/usr/bin/env bash
# Git looks for hooks here and nowhere else. So this script, called by the hook's
# name, runs the checks for that hook, and then the repository's own hook.
set -euo pipefail

hook=${0##*/}
here=${0%/*}
limit=@timeout@
lfs=@lfs@
protected=(@protected@)
checks=()
# shellcheck disable=SC2016 # what is quoted is for the shell that runs the check
case $hook in
@checks@esac

common=${GIT_COMMON_DIR:-${GIT_DIR:-}}
if [[ -z $common || -e $common/commondir ]]; then
  common=$(git rev-parse --git-common-dir)
fi
own=$common/hooks/$hook
if [[ ! -f $own || ! -x $own || $own -ef $0 ]]; then
  own=
fi

case $hook in
  pre-push | post-checkout | post-commit | post-merge)
    # Git LFS has hooks of its own; a repository that has them installed runs them itself.
    if [[ ! -d $common/lfs ]] || { [[ -n $own ]] && grep -q 'git lfs' "$own"; }; then
      lfs=0
    fi
    ;;
  *) lfs=0 ;;
esac

if [[ ${#checks[@]} -eq 0 && $lfs == 0 ]]; then
  [[ -z $own ]] || exec "$own" "$@"
  exit 0
fi

# Several programs want to read what Git writes to the hook.
input=
case $hook in
  pre-push | post-rewrite | pre-receive | post-receive | reference-transaction)
    IFS= read -r -d '' input || true
    ;;
esac

with_input() {
  if [[ -n $input ]]; then
    "$@" <<<"${input%$'\n'}"
  else
    "$@" </dev/null
  fi
}

say() {
  printf 'git %s: %s\n' "$hook" "$*" >&2
}

# What is pushed, for checks to hand to git log: new commits, without what the remote has.
outgoing() {
  local remote=$1 new old fresh=() known=()
  while read -r _ new _ old; do
    [[ $new =~ ^0*$ ]] || fresh+=("$new")
    if [[ ! $old =~ ^0*$ ]] && git cat-file -e "$old" 2>/dev/null; then
      known+=("$old")
    fi
  done
  if [[ ${#fresh[@]} -gt 0 ]]; then
    printf '%s ' "${fresh[@]}" --not ${known[0]+"${known[@]}"} "--remotes=$remote"
  fi
}

PANTHER_HOOK=$hook
PANTHER_OUTGOING=
export PANTHER_HOOK PANTHER_OUTGOING
if [[ $hook == pre-push ]]; then
  PANTHER_OUTGOING=$(with_input outgoing "$1")
fi

running=
trap 'if [[ -n $running ]]; then kill "$running" 2>/dev/null || true; fi; exit 130' INT TERM HUP

check() {
  local name=$1 status=0 command
  shift
  case $name in
    lint | format | test) command=("$here/project-check" "$name") ;;
    conventional-commits | secrets-scan) command=("$here/$name" "$@") ;;
    protected-branches) command=("$here/$name" @bypass@ "${protected[@]}") ;;
    *) command=(bash -c "$name" "$hook" "$@") ;;
  esac
  if [[ -n $input ]]; then
    exec 3<<<"${input%$'\n'}"
  else
    exec 3</dev/null
  fi
  timeout --kill-after=5 "$limit" "${command[@]}" <&3 3<&- &
  running=$!
  wait "$running" || status=$?
  running=
  exec 3<&-
  case $status in
    0) return 0 ;;
    124 | 137) say "'$name' did not finish within $limit s" ;;
    127) say "'$name' is neither a known check nor a command on PATH" ;;
    *) say "'$name' failed (exit status $status)" ;;
  esac
  case $hook in
    pre-commit | commit-msg) say "nothing was committed; to skip the checks once: git commit --no-verify" ;;
    pre-merge-commit) say "nothing was merged; to skip the checks once: git merge --no-verify" ;;
    pre-push)
      if [[ $name == protected-branches ]]; then
        say "nothing was pushed"
      else
        say "nothing was pushed; to skip the checks once: git push --no-verify"
      fi
      ;;
    post-*) return 0 ;;
  esac
  exit 1
}

for name in ${checks[0]+"${checks[@]}"}; do
  if [[ $hook == pre-push ]]; then
    [[ -n $input ]] || continue
    # A push that only deletes brings nothing to look at.
    [[ -n $PANTHER_OUTGOING || $name == protected-branches ]] || continue
  fi
  check "$name" "$@"
done

unset PANTHER_HOOK PANTHER_OUTGOING
if [[ $lfs == 1 ]]; then
  with_input git lfs "$hook" "$@"
fi
if [[ -n $own ]]; then
  with_input "$own" "$@"
fi
"""

_PROJECT_CHECK = r"""#!/usr/bin/env bash
# project-check lint|format|test: does so in the way that the project itself has,
# its task runner first, else what its languages bring. Looks at the working tree.
set -euo pipefail

task=$1
hook=${PANTHER_HOOK:-pre-commit}
found=0

say() {
  printf '%s: %s\n' "$task" "$*" >&2
}

if [[ $(git rev-parse --is-bare-repository) == true ]]; then
  say "nothing to run in a bare repository"
  exit 0
fi
cd "$(git rev-parse --show-toplevel)"
common=$(git rev-parse --git-common-dir)

# The files that the commit changes; before a push, all of them.
if [[ $hook == pre-push ]]; then
  mapfile -d '' -t files < <(git ls-files -z)
else
  mapfile -d '' -t files < <(git diff --cached --name-only -z --diff-filter=ACMR)
fi

if [[ $task == test ]]; then
  # Tests that use Git are to find their own repositories, not this one.
  while read -r name; do
    unset "$name"
  done < <(git rev-parse --local-env-vars)
fi

# matching REGEX: those of the files, into `some`.
matching() {
  local name
  some=()
  for name in ${files[0]+"${files[@]}"}; do
    if [[ -f $name && $name =~ $1 ]]; then
      some+=("./$name")
    fi
  done
  [[ ${#some[@]} -gt 0 ]]
}

# tool PROGRAM REASON: the program, from the project's virtual environment or from PATH.
tool() {
  if [[ -x .venv/bin/$1 ]]; then
    program=.venv/bin/$1
  elif command -v "$1" >/dev/null; then
    program=$1
  else
    say "$2, but $1 is not on PATH; enter the project's development shell"
    exit 1
  fi
}

worktree() {
  git diff --no-ext-diff --no-textconv --binary | git hash-object --stdin
}

# run COMMAND...: one that rewrites files has found something to format.
run() {
  local before='' after=''
  found=1
  say "$*"
  if [[ $task == format ]]; then
    before=$(worktree)
  fi
  "$@" || exit 1
  if [[ $task == format ]]; then
    after=$(worktree)
    if [[ $before != "$after" ]]; then
      say "files were reformatted; look at them, git add them, and try again"
      exit 1
    fi
  fi
}

case $task in
  format) names=(format-check fmt-check check-format format:check fmt:check format fmt) ;;
  *) names=("$task") ;;
esac

pre_commit() {
  [[ $task != test && -e .pre-commit-config.yaml ]] || return 1
  found=1
  if [[ $hook == pre-commit && -x $common/hooks/pre-commit ]] && grep -q pre_commit "$common/hooks/pre-commit"; then
    say "left to the repository's own hook, which runs pre-commit"
    return 0
  fi
  tool pre-commit "the project has .pre-commit-config.yaml"
  if [[ $hook == pre-push ]]; then
    run "$program" run --all-files
  else
    run "$program" run
  fi
}

just_recipe() {
  local file name
  for file in justfile Justfile .justfile; do
    [[ -f $file ]] || continue
    for name in "${names[@]}"; do
      if grep -Eq "^@?$name([[:space:]][^:]*)?:([^=]|\$)" "$file"; then
        tool just "the project has a $file"
        run "$program" "$name"
        return 0
      fi
    done
  done
  return 1
}

make_target() {
  local file name
  for file in GNUmakefile makefile Makefile; do
    [[ -f $file ]] || continue
    for name in "${names[@]}"; do
      if grep -Eq "^([^:=#[:space:]]+[[:space:]]+)*$name([[:space:]][^:=#]*)?::?([^=:]|\$)" "$file"; then
        tool make "the project has a $file"
        run "$program" "$name"
        return 0
      fi
    done
  done
  return 1
}

package_script() {
  local scripts name
  [[ -f package.json ]] || return 1
  scripts=$(tr '\n' ' ' <package.json | sed -n 's/.*"scripts"[[:space:]]*:[[:space:]]*{\([^}]*\).*/\1/p')
  for name in "${names[@]}"; do
    if grep -Eq "\"$name\"[[:space:]]*:" <<<"$scripts"; then
      if grep -Eq "\"$name\"[[:space:]]*:[[:space:]]*\"echo .{0,4}Error: no test specified" <<<"$scripts"; then
        continue
      fi
      if [[ -f pnpm-lock.yaml ]]; then
        tool pnpm "the project has pnpm-lock.yaml"
      elif [[ -f yarn.lock ]]; then
        tool yarn "the project has yarn.lock"
      elif [[ -f bun.lock || -f bun.lockb ]]; then
        tool bun "the project has a lock file of bun's"
      else
        tool npm "the project has package.json"
      fi
      run env CI=true "$program" run "$name"
      return 0
    fi
  done
  return 1
}

nix_formatter() {
  [[ $task == format ]] || return 1
  if [[ -f treefmt.toml || -f .treefmt.toml ]]; then
    tool treefmt "the project has a configuration of treefmt"
    run "$program" --fail-on-change
    return 0
  fi
  if [[ -f flake.nix ]] && grep -q formatter flake.nix; then
    found=1
    matching '\.nix$' || return 0
    tool nix "the project's flake has a formatter"
    run "$program" --extra-experimental-features 'nix-command flakes' fmt -- "${some[@]}"
    return 0
  fi
  return 1
}

mentions() {
  local name
  for name in "${@:2}"; do
    if [[ -f $name ]] && grep -q "$1" "$name"; then
      return 0
    fi
  done
  return 1
}

python_check() {
  if [[ $task == format ]] && mentions '^\[tool\.black' pyproject.toml; then
    found=1
    matching '\.pyi?$' || return 0
    tool black "the project uses Black"
    run "$program" --quiet --check -- "${some[@]}"
  elif [[ -f ruff.toml || -f .ruff.toml ]] || mentions '^\[tool\.ruff' pyproject.toml; then
    found=1
    matching '\.pyi?$' || return 0
    tool ruff "the project uses Ruff"
    if [[ $task == format ]]; then
      run "$program" format --check -- "${some[@]}"
    else
      run "$program" check -- "${some[@]}"
    fi
  fi
}

python_test() {
  local status=0 command=()
  if ! { mentions '^\[tool\.pytest' pyproject.toml || mentions '^\[pytest\]' pytest.ini tox.ini ||
    mentions '^\[tool:pytest\]' setup.cfg || [[ -f pytest.ini || -f conftest.py || -f tests/conftest.py ]] ||
    compgen -G 'tests/test_*.py' >/dev/null; }; then
    return 0
  fi
  if [[ -f uv.lock ]]; then
    tool uv "the project has uv.lock"
    command=("$program" run pytest -q)
  elif [[ -f poetry.lock ]]; then
    tool poetry "the project has poetry.lock"
    command=("$program" run pytest -q)
  else
    tool pytest "the project has tests for pytest"
    command=("$program" -q)
  fi
  found=1
  say "${command[*]}"
  "${command[@]}" || status=$?
  # pytest's own word for: there are no tests.
  [[ $status == 0 || $status == 5 ]] || exit 1
}

rust() {
  [[ -f Cargo.toml ]] || return 0
  tool cargo "the project has Cargo.toml"
  case $task in
    lint) run "$program" clippy --quiet --all-targets -- -D warnings ;;
    format) run "$program" fmt --all -- --check ;;
    test) run "$program" test --quiet ;;
  esac
}

go_check() {
  local listed
  [[ -f go.mod ]] || return 0
  case $task in
    lint)
      if compgen -G '.golangci.*' >/dev/null; then
        tool golangci-lint "the project has a configuration of golangci-lint"
        run "$program" run
      else
        tool go "the project has go.mod"
        run "$program" vet ./...
      fi
      ;;
    test)
      tool go "the project has go.mod"
      run "$program" test ./...
      ;;
    format)
      found=1
      matching '\.go$' || return 0
      tool gofmt "the project has go.mod"
      listed=$("$program" -l -- "${some[@]}")
      if [[ -n $listed ]]; then
        say "gofmt would change:"
        printf '%s\n' "$listed" >&2
        exit 1
      fi
      ;;
  esac
}

if pre_commit || just_recipe || make_target || package_script || nix_formatter; then
  exit 0
fi
if [[ $task == test ]]; then
  python_test
else
  python_check
fi
rust
go_check
if [[ $found == 0 ]]; then
  say "nothing to run: no '$task' in a justfile, Makefile or package.json, and no tool known here is configured"
fi
"""

_CONVENTIONAL_COMMITS = (
    r"""#!/usr/bin/env bash
# conventional-commits FILE: whether a commit's message follows conventionalcommits.org.
# Before a push: whether those of all commits that go out do.
set -euo pipefail

types='@types@'
form="^($types)(\([^()]+\))?!?: [^[:space:]].*\$"
made_by_git='^((fixup|squash|amend)! |Merge |Revert ")'

say() {
  printf 'conventional-commits: %s\n' "$*" >&2
}

explain() {
  say "write 'type: what it does' or 'type(scope): what it does', with '!' before the colon when it breaks something"
  say "types: ${types//|/, }"
}

if [[ ${PANTHER_HOOK:-commit-msg} == pre-push ]]; then
  read -r -a revisions <<<"${PANTHER_OUTGOING:-}"
  bad=0
  while read -r commit subject; do
    if [[ ! $subject =~ $made_by_git && ! $subject =~ $form ]]; then
      say "$commit $subject"
      bad=1
    fi
  done < <(git log --no-merges --format='%h %s' "${revisions[@]}" --)
  [[ $bad == 0 ]] || explain
  exit "$bad"
fi

if git rev-parse --quiet --verify MERGE_HEAD >/dev/null; then
  exit 0
fi
# What is below the scissors, and comments, will not be part of the message.
message=$(sed '/^[^[:alnum:]]* -\{24\} >8 -\{24\}$/,$d' -- "$1" | git stripspace --strip-comments)
mapfile -t lines <<<"$message"
subject=${lines[0]}
if [[ -z $subject || $subject =~ $made_by_git ]]; then
  exit 0
fi
if [[ ! $subject =~ $form ]]; then
  say "this is not the form of a conventional commit: $subject"
  explain
  exit 1
fi
if [[ -n ${lines[1]:-} ]]; then
  say "the line after the subject has to be empty"
  exit 1
fi
"""
).replace("@types@", "|".join(_COMMIT_TYPES))

_SECRETS_SCAN = r"""#!/usr/bin/env bash
# Looks for private keys and tokens in what is about to be committed or pushed.
# gitleaks does it where it is on PATH. Never prints what it finds, only where.
set -euo pipefail
export LC_ALL=C

say() {
  printf 'secrets-scan: %s\n' "$*" >&2
}

push=0
revisions=()
if [[ ${PANTHER_HOOK:-pre-commit} == pre-push ]]; then
  push=1
  read -r -a revisions <<<"${PANTHER_OUTGOING:-}"
fi

if command -v gitleaks >/dev/null; then
  if gitleaks git --help >/dev/null 2>&1; then
    staged=(gitleaks git --pre-commit --staged)
    pushed=(gitleaks git)
  else
    staged=(gitleaks protect --staged)
    pushed=(gitleaks detect)
  fi
  if [[ $push == 1 ]]; then
    exec "${pushed[@]}" --redact --no-banner --log-opts="${revisions[*]}"
  fi
  exec "${staged[@]}" --redact --no-banner --verbose
fi

# name<space>regular expression, of the forms that the issuers document
kinds=(
  'private-key -----BEGIN ([A-Z0-9]+ )*PRIVATE KEY( BLOCK)?-----'
  'age-key AGE-SECRET-KEY-1[0-9A-Z]{58}'
  'AWS-key (A3T[A-Z0-9]|AKIA|ASIA)[A-Z0-9]{16}'
  'GitHub-token (gh[pousr]_[A-Za-z0-9]{36}|github_pat_[A-Za-z0-9_]{22})'
  'GitLab-token gl(pat|dt|rt|soat|ptt)-[A-Za-z0-9_-]{20}'
  'Slack-token xox[abeoprs]-[A-Za-z0-9-]{10}'
  'Stripe-key [rs]k_live_[A-Za-z0-9]{20}'
  'Google-key AIza[A-Za-z0-9_-]{35}'
  'API-key sk-(ant|proj|svcacct)-[A-Za-z0-9_-]{20}'
  'npm-token npm_[A-Za-z0-9]{36}'
  'PyPI-token pypi-AgE[A-Za-z0-9_-]{50}'
  'DigitalOcean-token do[opr]_v1_[a-f0-9]{64}'
  'Vault-token hv[sb]\.[A-Za-z0-9_-]{24}'
  'Tailscale-key tskey-[a-z]+-[A-Za-z0-9]+'
  '1Password-token ops_eyJ[A-Za-z0-9+/=_-]{60}'
)
any=
for kind in "${kinds[@]}"; do
  any+="${any:+|}${kind#* }"
done
key_files='(^|/)(id_(rsa|dsa|ecdsa|ed25519)(_sk)?|[^/]*\.(p12|pfx|jks|kdbx))$'

plain=(--no-color --no-ext-diff --no-textconv --src-prefix=a/ --dst-prefix=b/ --submodule=short)
changes() {
  if [[ $push == 1 ]]; then
    git -c core.quotePath=false log --format= --patch --unified=0 "${plain[@]}" "${revisions[@]}" --
  else
    git -c core.quotePath=false diff --cached --unified=0 "${plain[@]}"
  fi
}
names() {
  if [[ $push == 1 ]]; then
    git log --format= --name-only -z --diff-filter=ACMR "${revisions[@]}" --
  else
    git diff --cached --name-only -z --diff-filter=ACMR
  fi
}

bad=0
while IFS= read -r -d '' name; do
  if [[ $name =~ $key_files ]]; then
    say "$name: a file of keys, by its name"
    bad=1
  fi
done < <(names)

# Most changes hold nothing of the sort, which grep finds out fast.
if changes | grep -aE -- "^\+.*($any)" >/dev/null; then
  file='' line=0 left=0
  while IFS= read -r text; do
    if [[ $left -gt 0 && $text == [+-]* ]]; then
      left=$((left - 1))
      [[ $text == +* ]] || continue
      if [[ $text =~ $any && $text != *gitleaks:allow* ]]; then
        for kind in "${kinds[@]}"; do
          if [[ $text =~ ${kind#* } ]]; then
            say "$file:$line: ${kind%% *}"
            bad=1
          fi
        done
      fi
      line=$((line + 1))
    elif [[ $text =~ ^@@\ -[0-9]+(,([0-9]+))?\ \+([0-9]+)(,([0-9]+))?\ @@ ]]; then
      line=${BASH_REMATCH[3]}
      removed=1 added=1
      [[ -z ${BASH_REMATCH[1]} ]] || removed=${BASH_REMATCH[2]}
      [[ -z ${BASH_REMATCH[4]} ]] || added=${BASH_REMATCH[5]}
      left=$((removed + added))
    elif [[ $text == '+++ '* ]]; then
      file=${text#+++ }
      file=${file#b/}
      file=${file%$'\t'}
    fi
  done < <(changes | tr -d '\000')
fi

if [[ $bad == 1 ]]; then
  say "take it out (and if it ever left this machine, replace it); a line that holds no secret may say gitleaks:allow"
fi
exit "$bad"
"""

_PROTECTED_BRANCHES = r"""#!/usr/bin/env bash
# protected-branches VARIABLE PATTERN...: refuses a push to one of these branches.
# Reads what Git tells a pre-push hook: local ref and commit, remote ref and commit.
set -euo pipefail

variable=$1
shift
allowed=${!variable:-}

is_protected() {
  local branch=$1 pattern
  shift
  for pattern in "$@"; do
    # shellcheck disable=SC2053 # a pattern is meant
    if [[ $branch == $pattern ]]; then
      return 0
    fi
  done
  return 1
}

bad=0
while read -r _ new ref old; do
  branch=${ref#refs/heads/}
  if [[ $branch == "$ref" ]] || ! is_protected "$branch" "$@"; then
    continue
  fi
  if [[ $old =~ ^0*$ ]]; then
    continue # the remote has no such branch yet
  fi
  if [[ $new =~ ^0*$ ]]; then
    what='deleting it' way=force
  elif git merge-base --is-ancestor "$old" "$new" 2>/dev/null; then
    what='pushing to it directly' way=1
  else
    what='forcing it to another history' way=force
  fi
  if [[ $allowed == force || ($allowed == 1 && $way == 1) ]]; then
    continue
  fi
  printf 'protected-branches: %s is protected against %s\n' "$branch" "$what" >&2
  printf 'protected-branches: push a branch of your own and open a pull request; if it must be: %s=%s git push ...\n' \
    "$variable" "$way" >&2
  bad=1
done
exit "$bad"
"""

_GENERATE_SSH_KEY = r"""#!/usr/bin/env bash
# generate-ssh-key TYPE COMMENT FILE...: makes each key that does not exist; never touches one that does.
set -euo pipefail
umask 077

options=(-t "$1")
if [[ $1 == rsa ]]; then
  options+=(-b 4096)
fi
comment=$2
shift 2

new=
trap '[[ -z $new ]] || rm -rf -- "$new"' EXIT
for key in "$@"; do
  if [[ -e $key || -L $key || -e $key.pub || -L $key.pub ]]; then
    continue
  fi
  mkdir -p -- "${key%/*}"
  new=$(mktemp -d -- "${key%/*}/.new-key.XXXXXX")
  ssh-keygen -q "${options[@]}" -N '' -C "$comment" -f "$new/key"
  # A link fails where somebody made a key in the meantime; a move would replace it.
  ln -- "$new/key" "$key"
  ln -- "$new/key.pub" "$key.pub"
  rm -rf -- "$new"
  new=
  printf 'made %s; register %s.pub where you push to\n' "$key" "$key"
done
"""
