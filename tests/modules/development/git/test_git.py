"""The module as a whole: what is set arrives, in every release, and what cannot work is told."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pantheros.module import Finding, State
from pantheros.nix.values import Package, split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

MODULE = "development.git"
ON = "[pantherOS.development.git]\nenable = true\n"
EVERYTHING = (Path(__file__).parent / "everything.toml").read_text()
RELEASES = [release.name for release in Release.all()]
OTHERS = [
    ON + 'credentials.helper = "libsecret"\ndiff.pager = "difftastic"\nsigning.enable = true\n',
    ON + 'credentials.helper = "store"\ndiff.pager = "diff-so-fancy"\nssh = { enable = true, agent = "gpg" }\n',
    ON + 'credentials.helper = "cache"\ndiff.pager = "diff-highlight"\nssh = { enable = true, agent = "1password" }\n',
    ON + 'workflow = "trunk"\nmaintenance = { enable = true, repositories = ["~/a"] }\nssh.agent = false\n',
]
SEED = (Path(__file__).parent / "seed.nix").read_text()


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


def test_extra_config_is_compared_as_git_does(fleet):
    found = config(fleet(ON + 'extraConfig = { Merge = { conflictstyle = "merge" } }\n').home(module=MODULE))
    assert [name for name in found if "onflict" in name] == ["merge.conflictStyle"]
    assert found["merge.conflictStyle"] == "merge"


@pytest.mark.parametrize(
    ("option", "extra", "path"),
    [
        ('diff.pager = "delta"', 'core.pager = "less"', "core.pager"),
        ('diff.pager = "difftastic"', 'diff.external = "x"', "diff.external"),
        ('signing.key = "ABCDEF0123456789"', 'user.signingkey = "B"', "user.signingKey"),
        ("lfs.enable = true", "filter.lfs.required = false", "filter.lfs.required"),
        ('credentials.helper = "oauth"', 'credential.helper = "cache"', "credential.helper"),
        ("integrations.github.enable = true", 'credential."https://github.com".helper = "x"', None),
    ],
)
def test_extra_config_wins_over_home_manager_too(fleet, option, extra, path):
    # Evaluated with home-manager 24.11: in `extraConfig` each of these has "conflicting definition values".
    with_both = fleet(f"{ON}{option}\n[pantherOS.development.git.extraConfig]\n{extra}\n", release="24.11")
    settings = with_both.home(module=MODULE)
    path = path or 'credential."https://github.com".helper'
    assert settings[f"programs.git.iniContent.{path}"].priority == 50
    assert path not in config(settings, "24.11")
    alone = fleet(f"{ON}[pantherOS.development.git.extraConfig]\n{extra}\n", release="24.11").home(module=MODULE)
    assert not any("iniContent" in name for name in alone)


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


def test_what_is_kept(fleet):
    found = fleet(EVERYTHING)
    host = found.model.resolver.host("box")
    kept = {state.path: state for state in host.resources(State) if state.person == "ada"}
    assert {".ssh", ".gnupg", ".config/gh", ".config/glab-cli", ".config/tea"} <= set(kept)
    assert kept[".ssh"].mode == "0700"
    assert kept[".ssh"].user == "ada"


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
