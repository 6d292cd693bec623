from __future__ import annotations

import os
import shutil
import stat
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pantheros.module import Finding, State
from pantheros.modules.development import _git
from pantheros.modules.development._git.forges import HOST_KEYS
from pantheros.nix.values import File, Package, Raw, parts, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

MODULE = "development.git"
SCRIPTS = Path(*_git.__path__) / "scripts"
RELEASES = [release.name for release in Release.all()]
ON = "[pantherOS.development.git]\nenable = true\n"
SEED = """
# As the proposal for this module had it.
{
  people = [ "ada" ];
  pantherOS.development.git = {
    enable = true;

    user = {
      name = "Developer Name";
      email = "dev@example.com";
      signingKey = "GPG_KEY_ID";
    };

    ssh = {
      enable = true;
      keyPath = "~/.ssh/id_ed25519";
      hosts = {
        github = "github.com";
        gitlab = "gitlab.com";
      };
    };

    hooks = {
      preCommit = [ "lint" "format" "test" ];
      commitMsg = [ "conventional-commits" ];
    };

    aliases = {
      st = "status -sb";
      co = "checkout";
      ci = "commit";
      br = "branch";
      lg = "log --oneline --graph";
    };

    merge = {
      tool = "vimdiff";
      conflictStyle = "diff3";
    };

    integrations = {
      github.enable = true;
      gitlab.enable = false;
    };

    lfs.enable = true;
  };
}
"""
EVERYTHING = """
[pantherOS.development.git]
enable = true
aliases = { st = "status -sb", "undo-last" = "reset --soft HEAD~1", yell = "!f() { echo \\"$1\\"; }; f" }
defaultBranch = "trunk"
protectedBranches = ["trunk", "release/*"]
protectedBranchesBypass = "PUSH_ANYWAY"
workflow = "git-flow"
commitTemplate = "\\n# why\\n"
ignores = [".direnv/", "result"]
attributes = ["*.pdf diff=pdf"]

[pantherOS.development.git.user]
name = "Ada Example"
email = "ada@example.org"
signingKey = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ4U"

[pantherOS.development.git.identities.work]
directories = ["~/work"]
remotes = ["github.com/acme", "https://git.example.com/**"]
name = "Ada at Acme"
email = "ada@acme.example"
signingKey = "0xB0B0B0B0B0B0B0B0"
sign = false
sshKey = "~/.ssh/id_acme"

[pantherOS.development.git.signing]
enable = true
format = "ssh"
[pantherOS.development.git.signing.allowedSigners]
"bob@example.org" = ["ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIE0c6dZQY4kH5sfUOqbcl1ZT4rXyEdZJOxMxgFzqkQ5V bob"]

[pantherOS.development.git.ssh]
enable = true
keyPath = "~/.ssh/id_rsa"
keyType = "rsa"
generate = true
agent = "openssh"
[pantherOS.development.git.ssh.hosts]
github = "github.com"
acme = { hostname = "github.com", keyPath = "~/.ssh/id_acme" }
build = { hostname = "build.example.org", user = "ada", port = 2222 }

[pantherOS.development.git.hooks]
preCommit = ["lint", "format", "secrets-scan", "make 'it so'"]
prePush = ["test", "conventional-commits"]
commitMsg = ["conventional-commits"]
custom = { post-merge = ["echo merged"], prepare-commit-msg = ["true"] }
timeout = 60

[pantherOS.development.git.merge]
tool = "nvimdiff"
conflictStyle = "diff3"
[pantherOS.development.git.diff]
tool = "difftastic"
algorithm = "patience"
pager = "delta"
[pantherOS.development.git.pull]
rebase = "merges"
[pantherOS.development.git.push]
autoSetupRemote = false
default = "current"
[pantherOS.development.git.credentials]
helper = "oauth"
cacheTimeout = 7200
[pantherOS.development.git.integrations]
github = { enable = true, host = "github.acme.example", cli = true }
gitlab = { enable = true, host = "gitlab.acme.example" }
gitea = { enable = true, host = "codeberg.org", cli = true }
[pantherOS.development.git.lfs]
enable = true
skipSmudge = true
[pantherOS.development.git.maintenance]
enable = true
schedule = "weekly"
repositories = ["~/src/big", "/srv/repository"]
[pantherOS.development.git.extraConfig]
rerere.enabled = true
url."https://mirror.example.org/".insteadOf = ["https://a.example/", "https://b.example/"]
"""
OTHERS = [
    ON + 'credentials.helper = "libsecret"\ndiff.pager = "difftastic"\nsigning.enable = true\n',
    ON + 'credentials.helper = "store"\ndiff.pager = "diff-so-fancy"\nssh = { enable = true, agent = "gpg" }\n',
    ON + 'credentials.helper = "cache"\ndiff.pager = "diff-highlight"\nssh = { enable = true, agent = "1password" }\n',
    ON + 'workflow = "trunk"\nmaintenance = { enable = true, repositories = ["~/a"] }\nssh.agent = false\n',
]


# A home that Git reads ----------------------------------------------------------------------------------------


class Home:
    """A home directory with the configuration that the module makes, as home-manager lays it out; and what happens
    when somebody works there."""

    def __init__(self, root: Path, settings: dict[str, Any]) -> None:
        self.root = root
        self._store = root / "store"
        self.config = root / "home/.config/git/config"
        self.config.parent.mkdir(parents=True)
        self.config.touch()
        self.variables: dict[str, str] = {}
        self._write(settings)

    def _write(self, settings: dict[str, Any]) -> None:
        for path, value in settings.items():
            names = split_path(path)
            if names[:3] == ("programs", "git", "settings"):
                section, *sub, name = names[3:]
                for one in value if isinstance(value, list) else [value]:
                    self._add(self.config, ".".join([section, *sub, name]), one)
            elif names[:3] == ("programs", "git", "hooks"):
                link = self.root / "hooks" / names[3]
                link.parent.mkdir(exist_ok=True)
                link.symlink_to(self._placed(value))
                self._add(self.config, "core.hooksPath", str(link.parent), once=True)
            elif names == ("programs", "git", "signing", "key"):
                self._add(self.config, "user.signingKey", value)
            elif names == ("programs", "git", "signing", "format"):
                self._add(self.config, "gpg.format", value)
            elif names == ("programs", "git", "signing", "signByDefault"):
                self._add(self.config, "commit.gpgSign", value)
                self._add(self.config, "tag.gpgSign", value)
        for number, include in enumerate(settings.get("programs.git.includes", [])):
            file = self.root / f"include-{number}"
            for section, table in include["contents"].items():
                for name, value in table.items():
                    self._add(file, f"{section}.{name}", value)
            self._add(self.config, f"includeIf.{include['condition']}.path", str(file))

    def _add(self, file: Path, name: str, value: Any, *, once: bool = False) -> None:
        written = {True: "true", False: "false"}.get(value, value) if isinstance(value, bool) else value
        text = "".join(p if isinstance(p, str) else self._expression(p) for p in parts(str(written)))
        how = ["--replace-all"] if once else ["--add"]
        subprocess.run(["git", "config", "--file", str(file), *how, name, text], check=True)

    def _expression(self, value: Any) -> str:
        if isinstance(value, File):
            return str(self._placed(value))
        if isinstance(value, Package):
            return f"/packages/{value.name}"
        assert isinstance(value, Raw)
        return f"/secrets/{value.code.rsplit('.', 1)[1]}"

    def _placed(self, file: File) -> Path:
        """Every file by itself, as in the Nix store."""
        path = self._store / f"{abs(hash(file.text))}-{file.name}"
        if not path.exists():
            path.parent.mkdir(exist_ok=True)
            path.write_text(file.text, encoding="utf-8")
            path.chmod(0o555 if file.executable else 0o444)
        return path

    def run(self, *command: str, cwd: Path, **variables: str) -> subprocess.CompletedProcess[str]:
        environment = {
            "PATH": os.environ["PATH"],
            "HOME": str(self.root / "home"),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_EDITOR": "true",
            "LC_ALL": "C.UTF-8",
            **self.variables,
            **variables,
        }
        done = subprocess.run(
            command, cwd=cwd, env=environment, check=False, capture_output=True, text=True, stdin=subprocess.DEVNULL
        )
        done.stderr += done.stdout
        return done

    def repository(self, name: str = "repository") -> Repository:
        path = self.root / "home" / name
        path.mkdir(parents=True)
        made = Repository(self, path)
        made.git("init", "--quiet")
        return made

    def program(self, name: str, script: str) -> None:
        """A program on PATH."""
        path = self.root / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/usr/bin/env bash\n{script}\n", encoding="utf-8")
        path.chmod(0o755)
        self.variables["PATH"] = f"{path.parent}:{os.environ['PATH']}"


class Repository:
    def __init__(self, home: Home, path: Path) -> None:
        self.home = home
        self.path = path

    def attempt(self, *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.home.run("git", *arguments, cwd=self.path, **variables)

    def git(self, *arguments: str, **variables: str) -> str:
        done = self.attempt(*arguments, **variables)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def write(self, name: str, text: str = "text\n", *, executable: bool = False) -> None:
        path = self.path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        if executable:
            path.chmod(0o755)

    def add(self, name: str, text: str = "text\n") -> None:
        self.write(name, text)
        self.git("add", "--", name)

    def own_hook(self, name: str, script: str) -> None:
        self.write(f".git/hooks/{name}", f"#!/usr/bin/env bash\n{script}\n", executable=True)

    def commit(self, message: str = "a commit", *arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
        return self.attempt("commit", "--message", message, *arguments, **variables)

    def commits(self) -> int:
        done = self.attempt("rev-list", "--count", "HEAD")
        return int(done.stdout) if done.returncode == 0 else 0

    def remote(self, name: str = "remote.git") -> Path:
        path = self.home.root / name
        done = self.home.run("git", "init", "--bare", "--quiet", str(path), cwd=self.home.root)
        assert done.returncode == 0, done.stderr
        self.git("remote", "add", "origin", str(path))
        return path


@pytest.fixture
def home(fleet: Callable[..., Any], tmp_path: Path) -> Callable[[str], Home]:
    def home(text: str) -> Home:
        settings = fleet(ON + text).home(module=MODULE)
        return Home(tmp_path / "machine", settings)

    return home


@pytest.fixture
def hooked(home: Callable[[str], Home]) -> Callable[[str], Repository]:
    """A repository whose owner has these hooks."""

    def hooked(hooks: str) -> Repository:
        return home(f"[pantherOS.development.git.hooks]\n{hooks}\n").repository()

    return hooked


# Settings -----------------------------------------------------------------------------------------------------


def ours(found: Any) -> list[Finding]:
    found.expansions("box")
    return [finding for finding in found.findings if finding.option.startswith(f"pantherOS.{MODULE}")]


def config(settings: dict[str, Any], release: str = "26.05") -> dict[str, Any]:
    place = "programs.git.settings." if Release.parse(release) >= "25.11" else "programs.git.extraConfig."
    return {path.removeprefix(place): value for path, value in settings.items() if path.startswith(place)}


def test_the_seed_works_as_it_stands(fleet):
    found = fleet({"hosts/box/host.nix": SEED})
    settings = found.home(module=MODULE)
    assert ours(found) == []
    git_config = config(settings)
    assert git_config["user.name"] == "Developer Name"
    assert git_config["user.email"] == "dev@example.com"
    assert settings["programs.git.signing.key"] == "GPG_KEY_ID"
    assert settings["programs.git.signing.format"] == "openpgp"
    assert "programs.git.signing.signByDefault" not in settings
    assert git_config["alias.lg"] == "log --oneline --graph"
    assert (git_config["merge.tool"], git_config["merge.conflictStyle"]) == ("vimdiff", "diff3")
    assert settings['programs.ssh.settings."github github.com".IdentityFile'] == "~/.ssh/id_ed25519"
    assert settings["programs.gh.enable"] is True
    assert settings["programs.git.lfs.enable"] is True
    assert "lint format test" in settings["programs.git.hooks.pre-commit"].text


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize("text", [EVERYTHING, *OTHERS], ids=["everything", "keyring", "store", "cache", "trunk"])
def test_only_settings_that_the_release_has(fleet, text, release):
    found = fleet(text, release=release)
    index = Index.of(Release.parse(release))
    for scope, settings in (("nixos", found.nixos(module=MODULE)), ("home", found.home(module=MODULE))):
        for path in settings:
            assert index.status(scope, split_path(path)).kind in {"known", "group", "doubtful"}, path
    assert [f for f in found.findings if f.severity == "error"] == []


@pytest.mark.parametrize("release", RELEASES)
def test_all_that_is_set_arrives(fleet, release):
    settings = fleet(EVERYTHING, release=release).home(module=MODULE)
    found = config(settings, release)
    assert found["init.defaultBranch"] == "trunk"
    assert found["pull.rebase"] == "merges"
    assert found["push.default"] == "current"
    assert "push.autoSetupRemote" not in found
    assert found["diff.algorithm"] == "patience"
    assert found["difftool.difftastic.cmd"] == 'difft "$LOCAL" "$REMOTE"'
    assert found["rerere.enabled"] is True
    assert found["alias.undo-last"] == "reset --soft HEAD~1"
    assert found["alias.feature-start"].startswith("!f() {")
    assert found["credential.helper"] == ["cache --timeout 7200"]
    assert settings["programs.git-credential-oauth.enable"] is True
    assert settings["programs.git.ignores"] == [".direnv/", "result"]
    assert settings["programs.git.attributes"] == ["*.pdf diff=pdf"]
    assert settings["programs.git.lfs.skipSmudge"] is True
    assert settings["programs.git.maintenance.repositories"] == ["/home/ada/src/big", "/srv/repository"]
    assert list(settings["programs.git.maintenance.timers"]) == ["weekly"]
    assert settings["home.sessionVariables.GH_HOST"] == "github.acme.example"
    assert settings["home.sessionVariables.GITLAB_HOST"] == "gitlab.acme.example"
    assert settings["programs.gh.gitCredentialHelper.hosts"] == ["https://github.acme.example"]
    assert found['url."git@codeberg.org:".insteadOf'] == "gt:"


def test_who_commits_is_the_person(fleet):
    people = """
name = "t"
release = "26.05"
[people.ada]
name = "Ada Example"
email = "ada@example.org"
[people.bob]
name = "Bob Example"
email = "bob@example.org"
"""
    host = ON + '[people.ada]\n[people.bob.pantherOS.development.git.user]\nemail = "robert@example.org"\n'
    found = fleet({"fleet.toml": people, "hosts/box/host.toml": host})
    ada, bob = (config(found.home(person=person, module=MODULE)) for person in ("ada", "bob"))
    assert (ada["user.name"], ada["user.email"]) == ("Ada Example", "ada@example.org")
    assert (bob["user.name"], bob["user.email"]) == ("Bob Example", "robert@example.org")


def test_one_person_alone(fleet):
    host = "[people.ada.pantherOS.development.git]\nenable = true\nssh.enable = true\n"
    found = fleet({"hosts/box/host.toml": host})
    assert found.home(module=MODULE)["programs.git.enable"] is True
    assert found.nixos(module=MODULE) == {}
    kept = found.model.resolver.host("box").resources(State)
    assert [state.path for state in kept if state.person == "ada" and state.path == ".ssh"] == [".ssh"]
    assert ours(found) == []


def test_extra_config_wins(fleet):
    found = config(fleet(ON + 'extraConfig = { merge = { conflictStyle = "merge" } }\n').home(module=MODULE))
    assert found["merge.conflictStyle"] == "merge"


@pytest.mark.parametrize(
    ("release", "place"),
    [
        ("24.11", "programs.git.delta.enable"),
        ("25.05", "programs.git.delta.enable"),
        ("25.11", "programs.delta.enableGitIntegration"),
        ("26.05", "programs.delta.enableGitIntegration"),
    ],
)
def test_pager(fleet, release, place):
    assert fleet(ON + 'diff.pager = "delta"\n', release=release).home(module=MODULE)[place] is True


def test_difftastic_calls_its_integration_otherwise(fleet):
    settings = fleet(ON + 'diff.pager = "difftastic"\n').home(module=MODULE)
    assert settings["programs.difftastic.git.enable"] is True


@pytest.mark.parametrize("schedule", ["hourly", "daily", "weekly"])
def test_maintenance_runs_no_more_often_than_asked(fleet, schedule):
    text = ON + f'maintenance = {{ enable = true, schedule = "{schedule}", repositories = ["~/a"] }}\n'
    timers = fleet(text).home(module=MODULE).get("programs.git.maintenance.timers")
    assert timers is None if schedule == "hourly" else set(timers) == {"daily", "weekly"} - {"daily"} | {schedule}


@pytest.mark.parametrize(
    ("helper", "said"),
    [
        ("cache", "cache --timeout 3600"),
        ("store", "store --file /home/ada/.local/share/git/credentials"),
        ("libsecret", f"{Package('gitFull')}/bin/git-credential-libsecret"),
    ],
)
def test_credentials(fleet, helper, said):
    settings = fleet(ON + f'credentials.helper = "{helper}"\n').home(module=MODULE)
    assert config(settings)["credential.helper"] == [said]


def test_a_token_logs_in_over_https(fleet, tmp_path):
    text = ON + 'integrations.github = { enable = true, token = "forge" }\n'
    fleet_toml = '[secrets.forge]\nreference = "op://vault/item/field"\n'
    from_conftest = fleet(text)
    assert "unknown-secret" in from_conftest.codes()
    path = from_conftest.root / "fleet.toml"
    path.write_text(path.read_text() + fleet_toml)
    found = type(from_conftest)(from_conftest.root)
    settings = found.home(module=MODULE)
    assert "unknown-secret" not in found.codes()
    empty, helper = config(settings)['credential."https://github.com".helper']
    assert empty == ""
    assert settings["programs.gh.gitCredentialHelper.enable"] is False
    token = tmp_path / "token"
    token.write_text("not-a-token\n")
    said = "".join(p if isinstance(p, str) else str(token) for p in parts(helper))
    (tmp_path / "home").mkdir()
    ran = subprocess.run(
        ["git", "-c", f"credential.helper={said}", "credential", "fill"],
        input="protocol=https\nhost=github.com\n\n",
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path / "home"), "GIT_CONFIG_NOSYSTEM": "1"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert ran.stdout.splitlines()[-2:] == ["username=x-access-token", "password=not-a-token"]


def test_what_is_kept(fleet):
    found = fleet(EVERYTHING)
    host = found.model.resolver.host("box")
    kept = {state.path: state for state in host.resources(State) if state.person == "ada"}
    assert {".ssh", ".gnupg", ".config/gh", ".config/glab-cli", ".config/tea"} <= set(kept)
    assert kept[".ssh"].mode == "0700"
    assert kept[".ssh"].user == "ada"


def test_forges_are_known_hosts(fleet):
    settings = fleet(ON + "integrations = { github = { enable = true }, gitlab = { enable = true } }\n").nixos(
        module=MODULE
    )
    assert settings['programs.ssh.knownHosts."github.com".publicKey'].startswith("ssh-ed25519 ")
    assert settings['programs.ssh.knownHosts."gitlab.com".publicKey'].startswith("ssh-ed25519 ")


def test_the_host_keys_are_those_that_the_forges_publish(tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    published = {
        "github.com": "SHA256:+DiY3wvvV6TuJJhbpZisF/zLDA0zPMSvHdkr4UvCOqU",
        "gitlab.com": "SHA256:eUXGGm1YGsMAS7vkcx6JOJdOGHPem5gQp4taiCfCLB8",
    }
    for name, public_key in HOST_KEYS.items():
        (tmp_path / "key.pub").write_text(public_key)
        said = subprocess.run(
            ["ssh-keygen", "-lf", str(tmp_path / "key.pub")], capture_output=True, text=True, check=True
        )
        assert said.stdout.split()[1] == published[name]


# SSH ----------------------------------------------------------------------------------------------------------


def test_ssh_before_and_after_its_words_changed(fleet):
    text = ON + 'ssh = { enable = true, hosts = { github = "github.com" } }\n'
    old = fleet(text, release="24.11").home(module=MODULE)
    assert old['programs.ssh.matchBlocks."github github.com".identityFile'] == "~/.ssh/id_ed25519"
    assert old["programs.ssh.addKeysToAgent"] == "yes"
    assert "programs.ssh.enableDefaultConfig" not in old
    middle = fleet(text, release="25.11").home(module=MODULE)
    assert middle['programs.ssh.matchBlocks."*".addKeysToAgent'] == "yes"
    assert middle["programs.ssh.enableDefaultConfig"] is False
    new = fleet(text, release="26.05").home(module=MODULE)
    assert new['programs.ssh.settings."github github.com".HostName'] == "github.com"
    assert new['programs.ssh.settings."*".AddKeysToAgent'] == "yes"


def test_one_host_may_have_several_keys(fleet):
    settings = fleet(EVERYTHING).home(module=MODULE)
    assert settings['programs.ssh.settings."github github.com".IdentityFile'] == "~/.ssh/id_rsa"
    assert settings["programs.ssh.settings.acme.IdentityFile"] == "~/.ssh/id_acme"
    assert settings["programs.ssh.settings.acme.HostName"] == "github.com"
    assert settings['programs.ssh.settings."build build.example.org".Port'] == 2222


def test_ssh_reads_what_is_written(fleet, tmp_path):
    if not shutil.which("ssh"):
        pytest.skip("ssh is not installed")
    blocks: dict[str, list[str]] = {}
    for path, value in fleet(EVERYTHING).home(module=MODULE).items():
        names = split_path(path)
        if names[:3] == ("programs", "ssh", "settings"):
            said = {True: "yes", False: "no"}.get(value, value) if isinstance(value, bool) else value
            blocks.setdefault(names[3], []).append(f"  {names[4]} {said}\n")
    text = "".join(f"Host {pattern}\n{''.join(lines)}" for pattern, lines in blocks.items())
    (tmp_path / "config").write_text(text)

    def answer(host: str) -> dict[str, str]:
        said = subprocess.run(
            ["ssh", "-F", str(tmp_path / "config"), "-G", host], capture_output=True, text=True, check=True
        )
        return dict(line.split(" ", 1) for line in said.stdout.splitlines())

    assert answer("github")["hostname"] == "github.com"
    assert answer("github.com")["identityfile"] == "~/.ssh/id_rsa"
    assert answer("acme")["identityfile"] == "~/.ssh/id_acme"
    assert answer("acme")["user"] == "git"
    assert answer("build")["port"] == "2222"
    assert answer("elsewhere.example")["addkeystoagent"] == "true"


@pytest.fixture
def generate(tmp_path: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    script = SCRIPTS / "generate-ssh-key"

    def generate(kind: str, *paths: Path) -> subprocess.CompletedProcess[str]:
        command = ["bash", str(script), kind, "ada@box", *map(str, paths)]
        return subprocess.run(command, capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL)

    return generate


def test_a_missing_key_is_made(generate, tmp_path):
    private = tmp_path / "new/.ssh/id_ed25519"
    assert generate("ed25519", private).returncode == 0
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    assert stat.S_IMODE(private.parent.stat().st_mode) == 0o700
    assert private.with_suffix(".pub").read_text().split()[::2] == ["ssh-ed25519", "ada@box"]
    assert sorted(p.name for p in private.parent.iterdir()) == ["id_ed25519", "id_ed25519.pub"]


def test_a_key_is_never_replaced(generate, tmp_path):
    private, half = tmp_path / "id_ed25519", tmp_path / "id_other"
    private.write_text("mine")
    half.with_suffix(".pub").write_text("its private half is on a security key")
    dangling = tmp_path / "id_link"
    dangling.symlink_to(tmp_path / "not-mounted-yet")
    assert generate("ed25519", private, half, dangling).returncode == 0
    assert private.read_text() == "mine"
    assert not private.with_suffix(".pub").exists()
    assert not half.exists()
    assert dangling.is_symlink() and not dangling.exists()


def test_keys_are_made_when_the_person_logs_in(fleet):
    settings = fleet(EVERYTHING).home(module=MODULE)
    command = settings["systemd.user.services.git-ssh-key.Service.ExecStart"]
    assert command.endswith(" rsa ada@box %h/.ssh/id_rsa %h/.ssh/id_acme")
    assert settings["systemd.user.services.git-ssh-key.Install.WantedBy"] == ["default.target"]


@pytest.mark.parametrize("release", RELEASES)
def test_1password_as_agent(fleet, release):
    settings = fleet(ON + 'ssh = { enable = true, agent = "1password" }\n', release=release).home(module=MODULE)
    assert [value for path, value in settings.items() if path.lower().endswith("identityagent")] == [
        "~/.1password/agent.sock"
    ]
    assert settings["home.sessionVariables.SSH_AUTH_SOCK"] == "/home/ada/.1password/agent.sock"
    assert "services.ssh-agent.enable" not in settings


def test_gnupg_as_agent(fleet):
    found = fleet(ON + 'ssh = { enable = true, agent = "gpg" }\n')
    assert found.nixos(module=MODULE)["programs.gnupg.agent.enableSSHSupport"] is True


# Identities and signatures ------------------------------------------------------------------------------------


def test_identities_by_directory_and_remote(home):
    machine = home(
        "[pantherOS.development.git.identities.work]\n"
        'directories = ["~/work"]\nremotes = ["forge.example/acme"]\nemail = "ada@acme.example"\n'
        'sshKey = "~/.ssh/id_acme"\n'
    )
    private, work, cloned, over_ssh = map(machine.repository, ("private", "work/one", "cloned", "over-ssh"))
    cloned.git("remote", "add", "origin", "https://forge.example/acme/tool.git")
    over_ssh.git("remote", "add", "upstream", "git@forge.example:acme/group/tool.git")
    assert private.git("config", "user.email") == "ada@example.org"
    for repository in (work, cloned, over_ssh):
        assert repository.git("config", "user.email") == "ada@acme.example"
        assert repository.git("config", "user.name") == "Ada Example"
        assert repository.git("config", "core.sshCommand") == "ssh -i ~/.ssh/id_acme -o IdentitiesOnly=yes"
    work.add("a file")
    assert work.commit().returncode == 0
    assert work.git("log", "-1", "--format=%ae") == "ada@acme.example"


def test_an_identity_with_a_key_of_the_other_kind(fleet):
    includes = fleet(EVERYTHING).home(module=MODULE)["programs.git.includes"]
    contents = includes[0]["contents"]
    assert contents["gpg"] == {"format": "openpgp"}
    assert contents["user"]["signingKey"] == "0xB0B0B0B0B0B0B0B0"
    assert contents["commit"] == {"gpgSign": False}
    assert [include["condition"] for include in includes] == [
        "gitdir:~/work/",
        "hasconfig:remote.*.url:https://github.com/acme/**",
        "hasconfig:remote.*.url:git@github.com:acme/**",
        "hasconfig:remote.*.url:ssh://git@github.com/acme/**",
        "hasconfig:remote.*.url:https://git.example.com/**",
    ]


def test_commits_are_signed_with_ssh_and_verified(fleet, tmp_path):
    if not shutil.which("ssh-keygen"):
        pytest.skip("ssh-keygen is not installed")
    secret_key = tmp_path / "id"
    subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(secret_key)], check=True)
    public = secret_key.with_suffix(".pub").read_text().strip()
    signers = f'{{ "ada@example.org" = ["{public}"] }}'
    text = f'signing = {{ enable = true, key = "{secret_key}.pub", allowedSigners = {signers} }}\n'
    machine = Home(tmp_path / "machine", fleet(ON + text).home(module=MODULE))
    repository = machine.repository()
    repository.add("file")
    assert repository.commit().returncode == 0
    assert repository.git("log", "-1", "--format=%G? %GS") == "G ada@example.org"
    repository.git("tag", "--message", "one", "v1")
    repository.git("verify-tag", "v1")


def test_commits_are_signed_with_gnupg(fleet, tmp_path):
    if not shutil.which("gpg"):
        pytest.skip("gpg is not installed")
    machine = Home(tmp_path / "machine", fleet(ON + "signing.enable = true\n").home(module=MODULE))
    # gpg's sockets want a short path
    keyring = Path(os.environ.get("XDG_RUNTIME_DIR", "/tmp")) / f"gpg-{os.getpid()}"
    keyring.mkdir(mode=0o700)
    machine.variables["GNUPGHOME"] = str(keyring)
    try:
        made = machine.run(
            *("gpg", "--batch", "--passphrase", "", "--quick-generate-key", "Ada Example <ada@example.org>"),
            cwd=tmp_path,
        )
        if made.returncode:
            pytest.skip(f"gpg makes no key here: {made.stderr}")
        repository = machine.repository()
        repository.add("file")
        assert repository.commit().returncode == 0
        assert repository.git("log", "-1", "--format=%G?") in {"G", "U"}
    finally:
        machine.run("gpgconf", "--kill", "all", cwd=tmp_path)
        shutil.rmtree(keyring)


@pytest.mark.parametrize("release", RELEASES)
def test_signing_in_every_release(fleet, release):
    ssh = fleet(ON + 'signing = { enable = true, key = "~/.ssh/id.pub" }\n', release=release).home(module=MODULE)
    found = config(ssh, release)
    if release == "24.11":
        assert found["gpg.format"] == "ssh"
        assert found["user.signingKey"] == "~/.ssh/id.pub"
        assert found["commit.gpgSign"] is True
    else:
        assert ssh["programs.git.signing.format"] == "ssh"
        assert ssh["programs.git.signing.signByDefault"] is True
    gpg = fleet(ON + 'signing = { enable = true, key = "0xA1" }\n', release=release)
    assert gpg.home(module=MODULE)["programs.git.signing.key"] == "0xA1"
    assert gpg.nixos(module=MODULE)["programs.gnupg.agent.enable"] is True


def test_the_key_that_logs_in_signs(fleet):
    settings = fleet(ON + "signing.enable = true\nssh.enable = true\n").home(module=MODULE)
    assert settings["programs.git.signing.key"] == "~/.ssh/id_ed25519.pub"


def test_a_public_key_as_signing_key_is_marked_as_one(fleet):
    settings = fleet(EVERYTHING).home(module=MODULE)
    assert settings["programs.git.signing.key"].startswith("key::ssh-ed25519 AAAA")


def test_signers_are_the_people_and_those_named(fleet):
    found = fleet(EVERYTHING)
    signers = found.home(module=MODULE)["programs.git.settings.gpg.ssh.allowedSignersFile"]
    (signers_file,) = parts(signers)
    assert isinstance(signers_file, File)
    assert [line.split()[:3] for line in signers_file.text.splitlines()] == [
        ["ada@example.org", 'namespaces="git"', "ssh-ed25519"],
        ["bob@example.org", 'namespaces="git"', "ssh-ed25519"],
    ]


# Hooks --------------------------------------------------------------------------------------------------------


def test_nothing_of_hooks_unless_asked(fleet):
    assert not [path for path in fleet(ON).home(module=MODULE) if "hooks" in path]


@pytest.mark.parametrize("name", sorted(path.name for path in SCRIPTS.iterdir()))
def test_shellcheck_finds_nothing(fleet, tmp_path, name):
    if not shutil.which("shellcheck"):
        pytest.skip("shellcheck is not installed")
    (tmp_path / "hook").write_text(fleet(EVERYTHING).home(module=MODULE)["programs.git.hooks.pre-commit"].text)
    path = tmp_path / "hook" if name == "hook" else SCRIPTS / name
    judged = subprocess.run(["shellcheck", str(path)], capture_output=True, text=True, check=False)
    assert judged.returncode == 0, judged.stdout


def test_a_bad_commit_is_rejected(hooked):
    repository = hooked('preCommit = ["grep -q good file"]')
    repository.add("file", "bad\n")
    done = repository.commit()
    assert done.returncode != 0
    assert "git pre-commit: 'grep -q good file' failed (exit status 1)" in done.stderr
    assert "nothing was committed; to skip the checks once: git commit --no-verify" in done.stderr
    assert repository.commits() == 0
    repository.add("file", "good\n")
    assert repository.commit().returncode == 0
    repository.add("file", "bad\n")
    assert repository.commit("forced", "--no-verify").returncode == 0


def test_amending_is_checked_too(hooked):
    repository = hooked('preCommit = ["grep -q good file"]')
    repository.add("file", "good\n")
    assert repository.commit().returncode == 0
    repository.add("file", "bad\n")
    assert repository.commit("worse", "--amend").returncode != 0
    assert repository.git("show", "HEAD:file") == "good"


def test_checks_stop_at_the_first_that_fails(hooked):
    repository = hooked('preCommit = ["false", "touch later"]')
    repository.add("file")
    assert repository.commit().returncode != 0
    assert not (repository.path / "later").exists()


def test_a_command_has_the_hooks_arguments(hooked):
    repository = hooked('commitMsg = [\'grep -q "^[A-Z]" "$1"\']')
    repository.add("file")
    assert repository.commit("small").returncode != 0
    assert repository.commit("Large").returncode == 0


def test_a_check_that_takes_too_long_has_failed(hooked):
    repository = hooked('preCommit = ["sleep 60"]\ntimeout = 1')
    repository.add("file")
    done = repository.commit()
    assert done.returncode != 0
    assert "'sleep 60' did not finish within 1 s" in done.stderr


def test_an_unknown_command_says_so(hooked):
    repository = hooked('preCommit = ["no-such-command"]')
    repository.add("file")
    done = repository.commit()
    assert done.returncode != 0
    assert "'no-such-command' is neither a known check nor a command on PATH" in done.stderr


@pytest.mark.parametrize("name", ["pre-commit", "prepare-commit-msg", "commit-msg"])
def test_the_repositorys_own_hooks_still_block(hooked, name):
    repository = hooked('preCommit = ["true"]')
    repository.own_hook(name, "echo own; exit 1")
    repository.add("file")
    done = repository.commit()
    assert done.returncode != 0
    assert "own" in done.stderr
    assert repository.commits() == 0


def test_the_repositorys_own_hooks_run_after_ours(hooked):
    repository = hooked(
        'preCommit = ["echo ours >>log"]\ncommitMsg = ["true"]\ncustom.post-commit = ["echo after >>log"]'
    )
    for name in ("pre-commit", "post-commit"):
        repository.own_hook(name, f"echo own {name} >>log")
    repository.own_hook("commit-msg", 'echo "signed off" >>"$1"')
    repository.add("file")
    assert repository.commit("subject").returncode == 0
    assert (repository.path / "log").read_text().splitlines() == ["ours", "own pre-commit", "after", "own post-commit"]
    assert "signed off" in repository.git("log", "-1", "--format=%B")


def test_a_hook_that_is_not_executable_is_none(hooked):
    repository = hooked('preCommit = ["true"]')
    repository.write(".git/hooks/pre-commit", "#!/bin/sh\nexit 1\n")
    repository.add("file")
    assert repository.commit().returncode == 0


def test_linked_worktrees_use_the_repositorys_hooks(hooked):
    repository = hooked('preCommit = ["true"]')
    repository.add("file")
    assert repository.commit().returncode == 0
    repository.own_hook("pre-commit", "exit 1")
    repository.git("worktree", "add", "--quiet", "-b", "linked", "../linked tree")
    linked = Repository(repository.home, repository.path.parent / "linked tree")
    linked.add("other")
    assert linked.commit().returncode != 0


def test_hooks_of_a_bare_repository_run_too(hooked):
    repository = hooked('preCommit = ["true"]')
    remote = repository.remote()
    (remote / "hooks/pre-receive").write_text(
        '#!/bin/sh\nwhile read -r old new ref; do echo "refused $ref"; done; exit 1\n'
    )
    (remote / "hooks/pre-receive").chmod(0o755)
    repository.add("file")
    assert repository.commit().returncode == 0
    done = repository.attempt("push", "origin", "main")
    assert done.returncode != 0
    assert "refused refs/heads/main" in done.stderr


def test_hooks_that_read_their_input_get_it_whole(hooked):
    repository = hooked('prePush = ["cat >ours"]\ncustom.post-rewrite = ["cat >rewritten"]')
    repository.own_hook("pre-push", "cat >own")
    repository.remote()
    repository.add("file")
    assert repository.commit().returncode == 0
    assert repository.commit("again", "--amend").returncode == 0
    head = repository.git("rev-parse", "HEAD")
    assert (repository.path / "rewritten").read_text().split()[1] == head
    repository.git("push", "origin", "main")
    expected = f"refs/heads/main {head} refs/heads/main {'0' * 40}\n"
    assert (repository.path / "ours").read_text() == expected
    assert (repository.path / "own").read_text() == expected


def test_merges_are_checked(hooked):
    repository = hooked('preCommit = ["! grep -q bad *"]')
    repository.add("file")
    assert repository.commit().returncode == 0
    repository.git("switch", "--quiet", "--create", "side")
    repository.add("other", "bad\n")
    assert repository.commit("side", "--no-verify").returncode == 0
    repository.git("switch", "--quiet", "main")
    repository.add("third")
    assert repository.commit().returncode == 0
    done = repository.attempt("merge", "side")
    assert done.returncode != 0
    assert "nothing was merged" in done.stderr


def test_all_else_that_git_does_goes_on_as_before(hooked):
    repository = hooked('preCommit = ["true"]\nprePush = ["true"]\ncommitMsg = ["true"]')
    repository.remote()
    for name in ("one", "two", "three"):
        repository.add(name)
        assert repository.commit(name).returncode == 0
    repository.git("push", "origin", "main", "--tags")
    repository.git("switch", "--create", "side", "HEAD~1")
    repository.git("cherry-pick", "main")
    repository.add("four")
    repository.git("stash")
    repository.git("rebase", "--exec", "true", "--force-rebase", "HEAD~2")
    repository.git("stash", "pop")
    assert repository.commit("four").returncode == 0
    repository.git("format-patch", "-1", "--output-directory", "patches")
    repository.git("reset", "--quiet", "--hard", "HEAD~1")
    repository.git("am", *map(str, sorted((repository.path / "patches").iterdir())))
    repository.git("revert", "--no-edit", "HEAD")
    repository.git("notes", "add", "--message", "note")
    repository.git("gc", "--quiet")
    repository.git("fetch", "--prune", "origin")
    clone = repository.home.run("git", "clone", "--quiet", str(repository.path), "clone", cwd=repository.home.root)
    assert clone.returncode == 0, clone.stderr
    repository.git(
        "-c", "protocol.file.allow=always", "submodule", "add", str(repository.home.root / "remote.git"), "sub"
    )
    assert repository.commit("sub").returncode == 0


def test_custom_hooks_after_the_fact_do_not_block(hooked):
    repository = hooked('custom.post-checkout = ["echo $3 >>switched; false"]')
    repository.add("file")
    assert repository.commit().returncode == 0
    done = repository.attempt("switch", "--create", "side")
    assert done.returncode == 0
    assert (repository.path / "switched").read_text() == "1\n"
    assert "failed" in done.stderr


def test_a_detached_head_is_no_matter(hooked):
    repository = hooked('preCommit = ["secrets-scan", "lint"]\ncommitMsg = ["conventional-commits"]')
    repository.add("file")
    assert repository.commit("feat: one").returncode == 0
    repository.git("switch", "--quiet", "--detach")
    repository.add("other")
    assert repository.commit("feat: two").returncode == 0


# The checks ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("message", "accepted"),
    [
        ("feat: a thing", True),
        ("fix(parser)!: read quotes", True),
        ("fixup! feat: a thing", True),
        ('Revert "feat: a thing"', True),
        ("docs: a\n\nMore, at length.", True),
        ("a thing", False),
        ("feature: a thing", False),
        ("feat:a thing", False),
        ("feat(): a thing", False),
        ("feat: a\nno empty line", False),
    ],
)
def test_conventional_commits(hooked, message, accepted):
    repository = hooked('commitMsg = ["conventional-commits"]')
    repository.add("file")
    done = repository.commit(message)
    assert (done.returncode == 0) == accepted, done.stderr
    assert repository.commits() == int(accepted)


def test_conventional_commits_disregards_comments_and_scissors(hooked):
    repository = hooked('commitMsg = ["conventional-commits"]')
    repository.add("file")
    repository.home.program("editor", 'printf "# hint\\nfeat: a thing\\n" | cat - "$1" >new && cat new >"$1" && rm new')
    done = repository.attempt("commit", "--verbose", GIT_EDITOR="editor")
    assert done.returncode == 0, done.stderr


def test_merge_commits_need_not_be_conventional(hooked):
    repository = hooked('commitMsg = ["conventional-commits"]')
    repository.add("file")
    assert repository.commit("feat: one").returncode == 0
    repository.git("switch", "--quiet", "--create", "side")
    repository.add("file", "side\n")
    assert repository.commit("feat: side").returncode == 0
    repository.git("switch", "--quiet", "main")
    repository.add("file", "main\n")
    assert repository.commit("feat: main").returncode == 0
    assert repository.attempt("merge", "side").returncode != 0
    repository.add("file", "both\n")
    assert repository.commit("both sides").returncode == 0


def test_conventional_commits_before_a_push(hooked):
    repository = hooked('prePush = ["conventional-commits"]')
    repository.remote()
    repository.add("file")
    assert repository.commit("feat: one").returncode == 0
    repository.git("push", "origin", "main")
    repository.add("other")
    assert repository.commit("what is this").returncode == 0
    done = repository.attempt("push", "origin", "main")
    assert done.returncode != 0
    assert "what is this" in done.stderr
    assert "nothing was pushed" in done.stderr
    assert "feat: one" not in done.stderr


SECRETS = {
    "private-key": "-----BEGIN OPENSSH " + "PRIVATE KEY-----",
    "GitHub-token": "gh" + "p_" + "a1B2" * 9,
    "AWS-key": "AK" + "IA" + "Q" * 16,
    "GitLab-token": "glp" + "at-" + "x" * 20,
    "Slack-token": "xo" + "xb-" + "1" * 12,
    "Tailscale-key": "tsk" + "ey-auth-" + "k1CNTRL" * 3,
    "1Password-token": "op" + "s_eyJ" + "z" * 80,
    "age-key": "AGE-SECRET-" + "KEY-1" + "Q" * 58,
}


@pytest.fixture
def scanned(hooked: Callable[[str], Repository]) -> Repository:
    if shutil.which("gitleaks"):
        pytest.skip("gitleaks is on PATH, and would do the work")
    return hooked('preCommit = ["secrets-scan"]\nprePush = ["secrets-scan"]')


@pytest.mark.parametrize("kind", SECRETS)
def test_secrets_are_found(scanned, kind):
    scanned.add("a dir/a file.txt", f"one\ntwo\nvalue = {SECRETS[kind]}\n")
    done = scanned.commit()
    assert done.returncode != 0
    assert f"secrets-scan: a dir/a file.txt:3: {kind}\n" in done.stderr
    assert SECRETS[kind] not in done.stderr
    assert scanned.commits() == 0


def test_the_place_of_a_secret_in_a_change(scanned):
    lines = [f"line {number}" for number in range(20)]
    scanned.add("file", "\n".join(lines) + "\n")
    assert scanned.commit().returncode == 0
    del lines[2]
    lines[4] = "++ looks like a header"
    lines[15] = SECRETS["AWS-key"]
    scanned.add("file", "\n".join(lines))
    assert "secrets-scan: file:16: AWS-key" in scanned.commit().stderr


def test_what_is_no_secret_may_stay(scanned):
    scanned.add("file", f"{SECRETS['AWS-key']} # gitleaks:allow\n")
    assert scanned.commit().returncode == 0


def test_taking_a_secret_out_is_allowed(scanned):
    scanned.add("file", SECRETS["AWS-key"] + "\n")
    scanned.add("gone", SECRETS["AWS-key"] + "\n")
    assert scanned.commit("oh", "--no-verify").returncode == 0
    scanned.add("file", "nothing\n")
    scanned.git("rm", "--quiet", "gone")
    assert scanned.commit("out").returncode == 0


def test_only_what_is_staged_is_scanned(scanned):
    scanned.add("file")
    scanned.write("file", SECRETS["AWS-key"])
    scanned.write("untracked", SECRETS["AWS-key"])
    assert scanned.commit().returncode == 0
    assert scanned.commit("all", "--all").returncode != 0


def test_settings_of_diff_do_not_hide_a_secret(scanned):
    scanned.git("config", "diff.noprefix", "true")
    scanned.git("config", "color.ui", "always")
    scanned.git("config", "diff.external", "true")
    scanned.add("ünïcode \t name", SECRETS["AWS-key"] + "\n")
    done = scanned.commit()
    assert done.returncode != 0
    assert "AWS-key" in done.stderr


def test_key_files_are_found_by_name(scanned):
    scanned.add("deploy/id_ed25519", "whatever\n")
    scanned.add("client.p12", "whatever\n")
    done = scanned.commit()
    assert "secrets-scan: deploy/id_ed25519: a file of keys" in done.stderr
    assert "secrets-scan: client.p12: a file of keys" in done.stderr


def test_secrets_that_got_into_history_are_not_pushed(scanned):
    scanned.remote()
    scanned.add("file")
    assert scanned.commit().returncode == 0
    scanned.git("push", "origin", "main")
    scanned.add("key", SECRETS["AWS-key"] + "\n")
    assert scanned.commit("oh", "--no-verify").returncode == 0
    scanned.git("rm", "--quiet", "key")
    assert scanned.commit("hidden").returncode == 0
    done = scanned.attempt("push", "origin", "main")
    assert done.returncode != 0
    assert "key:1: AWS-key" in done.stderr
    scanned.git("reset", "--quiet", "--hard", "origin/main")
    scanned.add("fine")
    assert scanned.commit().returncode == 0
    scanned.git("push", "origin", "main:refs/heads/new")


def test_gitleaks_scans_where_it_is(hooked):
    repository = hooked('preCommit = ["secrets-scan"]')
    repository.home.program("gitleaks", 'echo "leaks: $*"; [[ $2 == --help ]]')
    repository.add("file")
    done = repository.commit()
    assert done.returncode != 0
    assert "leaks: git --pre-commit --staged --redact" in done.stderr


@pytest.fixture
def project(hooked: Callable[[str], Repository]) -> Repository:
    return hooked('preCommit = ["lint", "format", "test"]')


def test_an_empty_project_has_nothing_to_run(project):
    project.add("file")
    done = project.commit()
    assert done.returncode == 0
    for check in ("lint", "format", "test"):
        assert f"{check}: nothing to run: no '{check}' in a justfile" in done.stderr


@pytest.mark.parametrize("rule", ["lint:", "lint: needed", "a lint b: c", ".PHONY: lint\nlint::"])
def test_targets_of_make_are_run(project, rule):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    project.add("Makefile", f"{rule}\n\t@test ! -e bad\n\nneeded c:\n")
    assert "lint: make lint" in project.commit().stderr
    assert project.commits() == 1
    project.add("bad")
    done = project.commit()
    assert done.returncode != 0
    assert "git pre-commit: 'lint' failed" in done.stderr


def test_a_variable_of_make_is_no_target(project):
    project.add("Makefile", "lint := x\n# lint: not\nall:\n\techo lint: no\n")
    assert "lint: nothing to run" in project.commit().stderr


def test_recipes_of_just_are_run(project):
    project.home.program("just", 'echo "just $*" >>log; [[ $1 != test ]]')
    project.add("justfile", "lint *args:\n  x\n@fmt:\n  x\ntest target='a':\n  x\n")
    done = project.commit()
    assert done.returncode != 0
    assert (project.path / "log").read_text().splitlines() == ["just lint", "just fmt", "just test"]
    assert "'test' failed" in done.stderr


@pytest.mark.parametrize("layout", ['{{"scripts": {{{}}}}}', '{{\n "name": "x",\n "scripts": {{\n  {}\n }}\n}}\n'])
def test_scripts_of_a_package_json_are_run(project, layout):
    project.home.program("npm", 'echo "npm $* $CI" >>log')
    scripts = '"lint": "x", "format": "y", "test": "echo \\\\"Error: no test specified\\\\" && exit 1"'
    project.add("package.json", layout.format(scripts))
    done = project.commit()
    assert done.returncode == 0, done.stderr
    assert (project.path / "log").read_text().splitlines() == ["npm run lint true", "npm run format true"]
    assert "test: nothing to run" in done.stderr


def test_a_tool_that_is_missing_blocks(project):
    project.add("ruff.toml", "")
    project.add("a b.py", "x = 1\n")
    if shutil.which("ruff"):
        pytest.skip("ruff is on PATH")
    done = project.commit()
    assert done.returncode != 0
    assert "lint: the project uses Ruff, but ruff is not on PATH" in done.stderr


def test_ruff_looks_at_the_files_of_the_commit(project):
    project.home.program("ruff", 'printf "<%s>" "$@" >>log; echo >>log')
    project.add("pyproject.toml", "[tool.ruff]\nline-length = 100\n")
    project.add("a b.py", "x = 1\n")
    project.add("-odd.py", "x = 1\n")
    project.write("other.py", "x = 1\n")
    assert project.commit().returncode == 0
    assert (project.path / "log").read_text().splitlines() == [
        "<check><--><./-odd.py><./a b.py>",
        "<format><--check><--><./-odd.py><./a b.py>",
    ]
    project.git("rm", "--quiet", "a b.py")
    assert project.commit("gone").returncode == 0
    assert len((project.path / "log").read_text().splitlines()) == 2


def test_a_formatter_that_rewrites_has_found_something(project):
    if not shutil.which("make"):
        pytest.skip("make is not installed")
    project.add("Makefile", "format:\n\t@sed -i 's/  */ /g' text\n")
    project.add("text", "too   wide\n")
    done = project.commit()
    assert done.returncode != 0
    assert "files were reformatted" in done.stderr
    project.git("add", "text")
    assert project.commit().returncode == 0


def test_pytest_runs_and_finds_its_own_repositories(project):
    project.home.program("pytest", 'echo "${GIT_DIR:-none} ${GIT_INDEX_FILE:-none}" >log; exit 5')
    project.add("pyproject.toml", "[tool.pytest.ini_options]\n")
    done = project.commit()
    assert done.returncode == 0, done.stderr
    assert (project.path / "log").read_text() == "none none\n"
    project.home.program("pytest", "exit 1")
    project.add("file")
    assert project.commit().returncode != 0


@pytest.mark.parametrize(
    ("files", "program", "said"),
    [
        (
            {"Cargo.toml": ""},
            "cargo",
            ["clippy --quiet --all-targets -- -D warnings", "fmt --all -- --check", "test --quiet"],
        ),
        ({"go.mod": ""}, "go", ["vet ./...", "test ./..."]),
        ({"treefmt.toml": ""}, "treefmt", ["--fail-on-change"]),
        (
            {"flake.nix": "{ outputs = _: { formatter = { }; }; }", "a b.nix": "{ }"},
            "nix",
            ["--extra-experimental-features nix-command flakes fmt -- ./a b.nix ./flake.nix"],
        ),
        ({".pre-commit-config.yaml": "repos: []\n"}, "pre-commit", ["run", "run"]),
        ({"pyproject.toml": "[tool.black]\n", "x.py": ""}, "black", ["--quiet --check -- ./x.py"]),
    ],
)
def test_what_languages_bring(project, files, program, said):
    project.home.program(program, 'echo "$*" >>log')
    project.home.program("gofmt", "exit 0")
    for name, text in files.items():
        project.add(name, text)
    done = project.commit()
    assert done.returncode == 0, done.stderr
    assert (project.path / "log").read_text().splitlines() == said


def test_checks_before_a_push_look_at_everything(hooked):
    repository = hooked('prePush = ["lint"]')
    repository.home.program("ruff", 'echo "$*" >>log')
    repository.remote()
    repository.add("ruff.toml", "")
    repository.add("a.py", "")
    assert repository.commit().returncode == 0
    repository.add("b.py", "")
    assert repository.commit().returncode == 0
    repository.git("push", "origin", "main")
    assert (repository.path / "log").read_text() == "check -- ./a.py ./b.py\n"
    repository.git("push", "origin", "main")
    repository.git("push", "origin", "main:side")
    repository.git("push", "origin", "--delete", "side")
    # nothing new went out after the first push but the side branch, whose commits the remote had
    assert len((repository.path / "log").read_text().splitlines()) == 2


# Protected branches -------------------------------------------------------------------------------------------


@pytest.fixture
def protected(home: Callable[[str], Home]) -> Repository:
    repository = home('protectedBranches = ["main", "release/*"]\n').repository()
    repository.remote()
    repository.add("file")
    assert repository.commit().returncode == 0
    repository.git("push", "origin", "main", "main:release/1", "main:refs/heads/feature")
    repository.add("other")
    assert repository.commit().returncode == 0
    return repository


@pytest.mark.parametrize("target", ["main", "main:release/1", "HEAD:refs/heads/main", "+main", ":main", ":release/1"])
def test_protected_branches_refuse(protected, target):
    before = protected.git("ls-remote", "origin")
    done = protected.attempt("push", "origin", target)
    assert done.returncode != 0
    assert "protected-branches:" in done.stderr
    assert "GIT_PUSH_PROTECTED=" in done.stderr
    assert protected.git("ls-remote", "origin") == before


@pytest.mark.parametrize("target", ["main:feature", "main:release/2", ":feature", "main:refs/tags/v1"])
def test_other_pushes_go_through(protected, target):
    protected.git("push", "origin", target)


def test_one_protected_branch_stops_the_whole_push(protected):
    assert protected.attempt("push", "origin", "main:feature", "main").returncode != 0
    assert protected.git("ls-remote", "origin", "feature") != ""
    assert protected.git("rev-parse", "main") not in protected.git("ls-remote", "origin")


def test_a_protected_branch_may_be_pushed_when_it_must(protected):
    protected.git("push", "origin", "main", GIT_PUSH_PROTECTED="1")
    protected.git("commit", "--amend", "--message", "another history")
    done = protected.attempt("push", "--force", "origin", "main", GIT_PUSH_PROTECTED="1")
    assert done.returncode != 0
    assert "main is protected against forcing it to another history" in done.stderr
    protected.git("push", "--force", "origin", "main", GIT_PUSH_PROTECTED="force")
    protected.home.run("git", "symbolic-ref", "HEAD", "refs/heads/feature", cwd=protected.home.root / "remote.git")
    assert protected.attempt("push", "origin", ":main", GIT_PUSH_PROTECTED="1").returncode != 0
    protected.git("push", "origin", ":main", GIT_PUSH_PROTECTED="force")


def test_a_history_that_is_not_known_here_counts_as_forced(protected):
    elsewhere = protected.home.root / "home/elsewhere"
    protected.home.run(
        "git", "clone", "--quiet", str(protected.home.root / "remote.git"), str(elsewhere), cwd=protected.path
    )
    other = Repository(protected.home, elsewhere)
    other.add("theirs")
    assert other.commit().returncode == 0
    other.git("push", "origin", "main", GIT_PUSH_PROTECTED="1")
    done = protected.attempt("push", "--force", "origin", "main", GIT_PUSH_PROTECTED="1")
    assert "forcing" in done.stderr
    assert done.returncode != 0


# Workflows ----------------------------------------------------------------------------------------------------


@pytest.fixture
def working(home: Callable[[str], Home]) -> Callable[[str], Repository]:
    def working(workflow: str) -> Repository:
        repository = home(f'workflow = "{workflow}"\n').repository()
        repository.remote()
        repository.add("file")
        assert repository.commit().returncode == 0
        repository.git("push", "origin", "main")
        return repository

    return working


def test_trunk(working):
    repository = working("trunk")
    repository.git("start", "thing")
    repository.add("thing")
    assert repository.commit().returncode == 0
    repository.write("file", "not committed yet\n")
    repository.git("ship")
    assert repository.git("rev-parse", "HEAD") in repository.git("ls-remote", "origin", "main")
    assert repository.git("config", "pull.rebase") == "true"


def test_github_flow(working):
    repository = working("github-flow")
    repository.git("start", "thing")
    repository.add("thing")
    assert repository.commit().returncode == 0
    repository.git("publish")
    repository.git("push", "origin", "thing:main")
    repository.git("switch", "main")
    repository.git("sync")
    assert repository.git("rev-parse", "HEAD") == repository.git("rev-parse", "thing")
    repository.git("branch", "unmerged")
    repository.git("tidy")
    assert repository.git("branch", "--format=%(refname:short)") == "main"


def test_git_flow(working):
    repository = working("git-flow")
    repository.git("flow-init")
    repository.git("feature-start", "thing")
    assert repository.git("branch", "--show-current") == "feature/thing"
    repository.add("thing")
    assert repository.commit().returncode == 0
    repository.git("feature-finish", "thing")
    repository.git("release-start", "1.0")
    repository.add("version")
    assert repository.commit().returncode == 0
    repository.git("release-finish", "1.0")
    repository.git("hotfix-start", "1.0.1")
    repository.add("fix")
    assert repository.commit().returncode == 0
    repository.git("hotfix-finish", "1.0.1")
    assert repository.git("tag", "--list").split() == ["v1.0", "v1.0.1"]
    assert repository.git("branch", "--format=%(refname:short)").split() == ["develop", "main"]
    assert repository.git("ls-tree", "--name-only", "develop").split() == ["file", "fix", "thing", "version"]
    assert repository.git("describe", "main") == "v1.0.1"


def test_the_template_leaves_nothing_in_the_message(home):
    repository = home('workflow = "trunk"\nhooks.commitMsg = ["conventional-commits"]\n').repository()
    template = Path(repository.git("config", "commit.template")).read_text()
    assert "# type(scope): what this commit does" in template
    repository.add("file")
    repository.home.program("editor", 'sed -i "1s/.*/feat: a thing/" "$1"')
    assert repository.attempt("commit", GIT_EDITOR="editor").returncode == 0
    assert repository.git("log", "-1", "--format=%B") == "feat: a thing"


# Git LFS ------------------------------------------------------------------------------------------------------


def test_lfs_uploads_before_a_push(home):
    repository = home("lfs.enable = true\nhooks.preCommit = ['true']\n").repository()
    repository.home.program("git-lfs", 'echo "lfs $*: $(cat)" >>log')
    repository.remote()
    repository.add("file")
    assert repository.commit().returncode == 0
    repository.git("push", "origin", "main")
    assert not (repository.path / "log").exists()
    (repository.path / ".git/lfs").mkdir()
    repository.git("push", "origin", "main:side")
    (line,) = (repository.path / "log").read_text().splitlines()
    assert line.startswith("lfs pre-push origin ")
    assert "refs/heads/side" in line
    repository.own_hook("pre-push", 'command -v git-lfs >/dev/null && git lfs pre-push "$@"')
    repository.git("push", "origin", "main:another")
    assert len((repository.path / "log").read_text().splitlines()) == 2


# What can't work ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ('signing = { key = "A" }\nuser.signingKey = "B"\n', "two-signing-keys"),
        ('signing = { enable = true, format = "ssh" }\n', "signing-without-key"),
        ('signing = { format = "gpg", key = "~/.ssh/id.pub" }\n', "signing-key-of-other-format"),
        ('identities.work = { email = "a@example.org" }\n', "identity-without-place"),
        ('identities.work = { directories = ["~/work"] }\n', "empty-identity"),
        ('ssh.hosts = { github = "github.com" }\n', "ssh-not-enabled"),
        ('ssh = { enable = true, generate = true, keyType = "ed25519-sk" }\n', "key-needs-touch"),
        ('hooks.preCommit = ["linnt"]\n', "unknown-check"),
        ('hooks.preCommit = ["conventional-commits"]\n', "check-before-message"),
        ('hooks.custom = { post-merg = ["true"] }\n', "unknown-hook"),
        ('hooks.custom = { push-to-checkout = ["true"] }\n', "hook-of-one-repository"),
        ('hooks.preCommit = ["lint"]\nextraConfig.core.hooksPath = "/x"\n', "hooks-path-taken"),
        ('workflow = "trunk"\nprotectedBranches = ["main"]\n', "trunk-is-protected"),
        ('aliases = { "a b" = "status" }\n', "invalid-alias"),
        ('aliases = { status = "status -sb" }\n', "alias-without-effect"),
        ('merge.tool = "vimdif"\n', "unknown-tool"),
        ("maintenance.enable = true\n", "maintenance-without-repositories"),
        ('integrations.gitea = { enable = true, token = "forge" }\n', "unknown-secret"),
    ],
)
def test_findings(fleet, text, code):
    found = fleet(ON + text)
    assert code in found.codes()
    (finding,) = [f for f in found.findings if f.code == code]
    assert finding.help
    assert finding.origin is not None and finding.origin.file == "hosts/box/host.toml"


@pytest.mark.parametrize("text", [ON, EVERYTHING, *OTHERS])
def test_a_sane_configuration_has_no_findings(fleet, text):
    assert ours(fleet(text)) == []


def test_nobody_there(fleet):
    assert "git-without-people" in fleet({"hosts/box/host.toml": ON}).codes()


def test_gnupg_for_one_person_alone_lacks_its_agent(fleet):
    host = "[people.ada.pantherOS.development.git]\nenable = true\nsigning.enable = true\n"
    assert "no-gnupg-agent" in fleet({"hosts/box/host.toml": host}).codes()


def test_without_an_address_git_asks_rather_than_guesses(fleet):
    files = {
        "fleet.toml": 'name = "t"\nrelease = "26.05"\n[people.bob]\n',
        "hosts/box/host.toml": 'people = ["bob"]\n' + ON,
    }
    found = fleet(files)
    assert "git-without-identity" in found.codes()
    assert config(found.home(person="bob", module=MODULE))["user.useConfigOnly"] is True


def test_a_keyring_on_a_server(fleet):
    found = fleet('kind = "server"\n' + ON + 'credentials.helper = "libsecret"\n')
    assert "keyring-on-server" in found.codes()
