"""Git for everyone on the host: identity, signing, SSH keys, hooks that block, a workflow, and the forges in use.

Everything lies in the person's home, through home-manager. The system gets only what a home cannot bring: the agent
that GnuPG asks for passphrases, and the host keys of well-known forges.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any, Literal

from pydantic import Field

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
    force,
    key,
    split_path,
)
from pantheros.modules.development._git import (
    aliases,
    credentials,
    diff_merge,
    forges,
    hooks,
    identities,
    maintenance,
    signing,
    ssh,
    workflow,
)
from pantheros.modules.development._git.credentials import Credentials
from pantheros.modules.development._git.diff_merge import Diff, Merge
from pantheros.modules.development._git.forges import Integrations
from pantheros.modules.development._git.hooks import BranchPattern, Hooks, VariableName
from pantheros.modules.development._git.identities import Identity, User
from pantheros.modules.development._git.maintenance import Maintenance
from pantheros.modules.development._git.signing import Signing
from pantheros.modules.development._git.ssh import Ssh
from pantheros.modules.development._git.workflow import Workflow

BranchName = Annotated[str, Field(pattern=r"^[\w][\w./-]*$", description="the name of a branch")]
GitScalar = str | bool | int
GitValue = Annotated[
    GitScalar | list[GitScalar], Field(description="a string, a whole number, true, false, or a list of such")
]
GitSection = Annotated[dict[str, GitValue | dict[str, GitValue]], Field(description="a table of Git's configuration")]


class Pull(Group):
    rebase: bool | Literal["merges", "interactive"] | None = None
    """Whether `git pull` rebases. Left out, Git stops and asks where histories differ; `trunk` rebases."""


class Push(Group):
    auto_setup_remote: bool = True
    """The first push of a branch sets its upstream."""
    default: Literal["nothing", "current", "upstream", "simple", "matching"] | None = None
    """What a bare `git push` pushes. Left out: Git's own choice, `simple`."""


class Lfs(Group):
    enable: bool = False
    """Keep large files outside the history, with Git LFS."""
    skip_smudge: bool = False
    """Leave pointers on checkout; `git lfs pull` fetches the files."""


# Each file of `_git/` is one subject: its options, what they become, what cannot work. Here they come together.


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
    workflow: Workflow | None = None
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


def nixos(o: Options, host: Host) -> Settings:
    used = [options for _, options in _users(host)]
    if any("gpg" in _signature_formats(options) for options in used):
        yield "programs.gnupg.agent.enable", True
    if any(options.ssh.enable and options.ssh.agent == "gpg" for options in used):
        yield "programs.gnupg.agent.enableSSHSupport", True
    for name, public_key in forges.HOST_KEYS.items():
        if any(name in _hosts(options) for options in used):
            yield f"programs.ssh.knownHosts.{key(name)}.publicKey", public_key


def home(o: Options, host: Host, person: Person) -> Settings:
    yield "programs.git.enable", True
    place = "settings" if host.release >= "25.11" else "extraConfig"
    config = {_folded(path): (path, value) for path, value in _config(o, host, person)}
    theirs = {_folded(path): path for path in _written_by_home_manager(o, host)}
    forced: dict[str, Value] = {}
    for path, value in _leaves(o.extra_config):
        name = _folded(path)
        ours, _ = config.pop(name, (path, None))
        if name in theirs:
            forced[theirs[name]] = force(value)
        else:
            config[name] = ours, value
    for path, value in config.values():
        yield f"programs.git.{place}.{path}", value
    for path, value in forced.items():
        # Beside home-manager's own value in `extraConfig` or `settings`, it would be a conflict.
        yield f"programs.git.iniContent.{path}", value
    if signature := _signature(o):
        yield from signing.settings(signature, host)
    if includes := list[Value](identities.includes(o.identities, o.signing.enable)):
        yield "programs.git.includes", includes
    if o.ignores:
        yield "programs.git.ignores", list[Value](o.ignores)
    if o.attributes:
        yield "programs.git.attributes", list[Value](o.attributes)
    yield from hooks.settings(o.hooks, o.protected_branches, o.protected_branches_bypass, o.lfs.enable)
    yield from diff_merge.settings(o.diff, host)
    if o.lfs.enable:
        yield "programs.git.lfs.enable", True
        if o.lfs.skip_smudge:
            yield "programs.git.lfs.skipSmudge", True
    yield from maintenance.settings(o.maintenance, person)
    yield from credentials.settings(o.credentials)
    if o.ssh.enable:
        more_keys = [identity.ssh_key for identity in o.identities.values() if identity.ssh_key is not None]
        yield from ssh.settings(o.ssh, _forge_hosts(o), more_keys, host, person)
    yield from forges.settings(o.integrations, o.ssh.enable)
    packages = [
        *diff_merge.packages(o.merge, o.diff),
        *forges.packages(o.integrations),
        *credentials.packages(o.credentials),
    ]
    if packages:
        yield "home.packages", packages


def _config(o: Options, host: Host, person: Person) -> Settings:
    """Git's own configuration, by dotted name. Of two values for one name the later counts."""
    yield from identities.config(o.user, person)
    steps = workflow.aliases(o.workflow, o.default_branch, o.integrations) if o.workflow else {}
    yield from aliases.config(steps | o.aliases)
    yield "init.defaultBranch", o.default_branch
    yield "merge.conflictStyle", o.merge.conflict_style
    yield "diff.algorithm", o.diff.algorithm
    if o.push.auto_setup_remote:
        yield "push.autoSetupRemote", True
    if o.push.default:
        yield "push.default", o.push.default
    if o.pull.rebase is not None:
        yield "pull.rebase", o.pull.rebase
    elif o.workflow == "trunk":
        yield "pull.rebase", True
    if o.workflow:
        yield from workflow.config(o.workflow)
    if template := _template(o):
        yield "commit.template", f"{file('commit-template', template.rstrip() + chr(10))}"
    yield from diff_merge.config(o.merge, o.diff)
    yield from signing.config(o.signing, _signature(o), _signature_formats(o), host)
    yield from credentials.config(o.credentials, person)
    yield from forges.helpers(o.integrations)
    yield from forges.shorthands(o.integrations, o.ssh.enable)


def _written_by_home_manager(o: Options, host: Host) -> Iterator[str]:
    """What home-manager itself puts into Git's configuration for the options that are in use."""
    yield from diff_merge.written_by_home_manager(o.diff)
    if signature := _signature(o):
        yield from signing.written_by_home_manager(signature, host)
    if o.lfs.enable:
        yield from (f"filter.lfs.{name}" for name in ("clean", "process", "required", "smudge"))
    if o.maintenance.enable:
        yield "maintenance.repo"
    if o.credentials.helper == "oauth":
        yield "credential.helper"
    yield from forges.written_by_home_manager(o.integrations)


def _folded(path: str) -> tuple[str, ...]:
    """A name of Git's configuration as Git compares it: only a subsection's capitals count."""
    section, *subsection, name = split_path(path)
    return (section.lower(), *subsection, name.lower())


def _template(o: Options) -> str:
    if o.commit_template is not None or o.workflow is None:
        return o.commit_template or ""
    return workflow.template(o.workflow, "conventional-commits" in o.hooks.commit_msg)


def _leaves(table: Mapping[str, Any], prefix: str = "") -> Settings:
    for name, value in table.items():
        if isinstance(value, dict):
            yield from _leaves(value, f"{prefix}{key(name)}.")
        else:
            yield f"{prefix}{key(name)}", value


def resources(o: Options, host: Host) -> Resources:
    for person, options in _users(host):
        for path in _kept(options):
            yield State(path, user=person.name, group="users", mode="0700", person=person.name)
        for name, forge in forges.in_use(options.integrations).items():
            if forge.token:
                at = f"integrations.{name}.token"
                yield SecretUse(forge.token, f"Git's login at {forge.host}", person=person.name, at=at)


def _kept(o: Options) -> Iterator[str]:
    """Directories of a home in which Git and its programs keep something."""
    if o.ssh.enable:
        yield ".ssh"
    if "gpg" in _signature_formats(o):
        yield ".gnupg"
    if o.credentials.helper in credentials.STORES:
        yield credentials.STORES[o.credentials.helper]
    for forge in forges.in_use(o.integrations).values():
        if forge.cli:
            yield f".config/{forge.state}"


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
        yield from identities.person_findings(options.user, person)
    if not o.enable and any("gpg" in _signature_formats(options) for _, options in users):
        yield Finding(
            "no-gnupg-agent",
            "somebody here signs with GnuPG, whose agent belongs to the system, where this module is not enabled",
            severity="warning",
            at="enable",
            help="enable `pantherOS.development.git` for the host, or sign with SSH",
        )
    judged: list[Options] = []
    for options in [options for _, options in users] or [o]:
        if options not in judged:  # people mostly share their options
            judged.append(options)
            yield from signing.findings(options.signing, options.user.signing_key, _signature(options))
            yield from identities.findings(options.identities, options.signing.enable)
            yield from ssh.findings(options.ssh)
            yield from hooks.findings(options.hooks)
            yield from aliases.findings(options.aliases)
            yield from diff_merge.findings(options.merge, options.diff, options.extra_config)
            yield from maintenance.findings(options.maintenance)
            yield from credentials.findings(options.credentials, host)
            yield from _at_odds(options)


def _at_odds(o: Options) -> Findings:
    has_hooks = bool(hooks.checks(o.hooks, o.protected_branches))
    if has_hooks and any(name.lower() == "hookspath" for name in o.extra_config.get("core", {})):
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


# What several subjects go by ----------------------------------------------------------------------------------


def _users(host: Host) -> list[tuple[Person, Options]]:
    """Those on the host who use this module, each with the options that hold for them."""
    return [(person, options) for person in host.people if (options := person[Options]).enable]


def _signature(o: Options) -> signing.Signature | None:
    login_key = f"{ssh.login_key(o.ssh)}.pub" if o.ssh.enable else None
    return signing.signature(o.signing, o.user.signing_key, login_key)


def _signature_formats(o: Options) -> list[signing.Format]:
    """What makes somebody's signatures, in all identities."""
    main = _signature(o)
    keys = [identity.signing_key for identity in o.identities.values() if identity.signing_key is not None]
    return [*([main.format] if main else []), *map(signing.format_of, keys)]


def _forge_hosts(o: Options) -> list[str]:
    return [forge.host for forge in forges.in_use(o.integrations).values()]


def _hosts(o: Options) -> list[str]:
    """Names of the hosts that repositories come from over SSH."""
    known = _forge_hosts(o)
    return [entry.hostname for entry in ssh.hosts(o.ssh, known).values()] if o.ssh.enable else known
