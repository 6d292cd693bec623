"""security.secrets: what is fetched where, for whom, and what cannot be."""

from __future__ import annotations

import pytest

from pantheros.module import Raw, State
from pantheros.modules.security import secrets
from pantheros.nix.values import split_path
from pantheros.releases.index import Index
from pantheros.releases.release import Release

RELEASES = ["24.11", "25.05", "25.11", "26.05", "unstable"]
MODULE = "security.secrets"
HEAD = "[pantherOS.security.secrets]\n"
SYSTEM = "services.onepassword-secrets."
HOME = "programs.onepassword-secrets."
FLEET = """\
name = "test"
release = "26.05"
[people.ada]
[people.bob-b]

[secrets.webKey]
reference = "op://Fleet/web/key"
owner = "nginx"
group = "nginx"
mode = "0440"
services = ["nginx.service"]
[secrets.githubToken]
reference = "op://Personal/github/token"
[secrets.unused]
reference = "op://Fleet/unused/password"
"""
MODULES = {
    "modules/test/web.py": '''
"""A web server."""
from pantheros.module import *
class Options(ModuleOptions):
    secret: str = "webKey"
    needed: str = "running"
def nixos(o, host):
    yield "environment.variables.KEY", secret(o.secret)
def resources(o, host):
    yield SecretUse(o.secret, "the web server", service="web-front.service", needed=o.needed)
''',
    "modules/test/tool.py": '''
"""A tool at home."""
from pantheros.module import *
class Options(ModuleOptions):
    pass
def home(o, host, person):
    yield "home.sessionVariables.TOKEN_FILE", secret("githubToken")
def resources(o, host):
    for person in host.people:
        yield SecretUse("githubToken", "the tool", person=person.name)
''',
}
WEB = "[pantherOS.test.web]\nenable = true\n"
TOOL = "[pantherOS.test.tool]\nenable = true\n"
EVERYTHING = f"""\
{HEAD}tokenFile = "/var/lib/opnix-token"
expose = ["unused"]
personal = ["webKey"]
users = ["ada"]
storage = "memory"
refresh = "6h"
"""


def built(fleet, text, *, more_fleet="", **how):
    files = {
        **MODULES,
        "fleet.toml": FLEET + more_fleet,
        "hosts/box/host.toml": f'people = ["ada", "bob-b"]\n{text}',
    }
    return fleet(files, **how)


def system(found):
    return entries(found.nixos(module=MODULE), SYSTEM)


def entries(made, root):
    """Settings below `root`, those of one secret together."""
    found = {}
    for path, value in made.items():
        short = path.removeprefix(root)
        if short.startswith("secrets."):
            name, _, field = short.rpartition(".")
            found.setdefault(name, {})[field] = value
        else:
            found[short] = value
    return found


def own(found):
    found.codes()
    return [finding for finding in found.findings if finding.option.startswith((f"pantherOS.{MODULE}", "secrets."))]


@pytest.mark.parametrize("text", ["", HEAD + 'refresh = "1h"\n'])
def test_nothing_where_nothing_is_used(fleet, text):
    found = built(fleet, text)
    assert not found.nixos(module=MODULE)
    assert not found.home(module=MODULE)


def test_off_in_a_fleet_without_secrets(fleet):
    found = fleet("")
    assert MODULE not in [expansion.module.name for expansion in found.expansions("box")]


def test_what_is_used_is_fetched(fleet):
    found = built(fleet, WEB)
    assert system(found) == {
        "enable": True,
        "secrets.webKey": {
            "reference": "op://Fleet/web/key",
            "owner": "nginx",
            "group": "nginx",
            "mode": "0440",
            "services": ["nginx", "web-front"],
        },
    }
    assert not own(found)


def test_no_value_and_no_secret_of_others(fleet):
    found = built(fleet, HEAD + 'expose = ["unused"]\n')
    assert [path for path in system(found) if path.startswith("secrets.")] == ["secrets.unused"]


def test_a_persons_secret_is_fetched_by_the_system(fleet):
    found = built(fleet, TOOL)
    assert system(found) == {
        "enable": True,
        "secrets.githubTokenForAda": {
            "reference": "op://Personal/github/token",
            "owner": "ada",
            "mode": "0400",
        },
        "secrets.githubTokenForBobB": {
            "reference": "op://Personal/github/token",
            "owner": "bob-b",
            "mode": "0400",
        },
    }
    for person, name in (("ada", "githubTokenForAda"), ("bob-b", "githubTokenForBobB")):
        home = found.home(person=person)
        assert home[f"{HOME}secretPaths.githubToken"] == f"/var/lib/opnix/secrets/{name}"
        # what a module's `secret` refers to there
        token = home["home.sessionVariables.TOKEN_FILE"]
        assert isinstance(token, Raw)
        assert token.home == f"config.{HOME}secretPaths.githubToken"
    assert not own(found)


def test_a_person_may_have_one_that_no_module_uses(fleet):
    text = 'people.ada.pantherOS.security.secrets.personal = ["webKey"]\npeople.bob-b = {}\n'
    found = fleet({**MODULES, "fleet.toml": FLEET, "hosts/box/host.toml": text})
    # the group's rights are for the system's file, not for one person's copy
    assert system(found)["secrets.webKeyForAda"] == {
        "reference": "op://Fleet/web/key",
        "owner": "ada",
        "mode": "0400",
    }
    assert found.home()[f"{HOME}secretPaths.webKey"] == "/var/lib/opnix/secrets/webKeyForAda"
    assert not found.home(person="bob-b")


def test_a_home_may_fetch_by_itself(fleet):
    found = built(fleet, f'{TOOL}{HEAD}peopleThrough = "home-manager"\ntokenFile = "/etc/token"\n')
    assert found.nixos(module=MODULE) == {
        "users.groups.onepassword-secrets.members": ["ada", "bob-b"],
        "systemd.tmpfiles.rules": ["z /etc/token 0640 root onepassword-secrets -"],
    }
    home = entries(found.home(module=MODULE), HOME)
    assert home["enable"] is True
    assert home["tokenFile"] == "/etc/token"
    assert home["secrets.githubToken"] == {
        "reference": "op://Personal/github/token",
        "path": ".local/share/opnix/githubToken",
        # the owner writes it anew each time
        "mode": "0600",
    }
    assert home["home.activation.retrieveOpnixSecrets"]["after"] == ["linkGeneration", "installPackages"]
    state = found.model.resolver.host("box").resources(State)
    assert [s.path for s in state if s.person == "ada"] == [".local/share/opnix"]


def test_homes_and_the_system_together(fleet):
    found = system(built(fleet, f'{TOOL}{WEB}{HEAD}peopleThrough = "home-manager"\n'))
    assert found["users"] == ["ada", "bob-b"]
    assert [path for path in found if path.startswith("secrets.")] == ["secrets.webKey"]


def test_everything(fleet):
    found = system(built(fleet, EVERYTHING + WEB + TOOL))
    assert found["tokenFile"] == "/var/lib/opnix-token"
    assert found["outputDir"] == "/run/opnix/secrets"
    assert found["systemdIntegration.changeDetection.hashFile"] == "/run/opnix/secret-hashes.json"
    assert found["systemdIntegration.polling"] == {"enable": True, "interval": "6h"}
    assert found["users"] == ["ada"]
    assert sorted(path for path in found if path.startswith("secrets.")) == [
        "secrets.githubTokenForAda",
        "secrets.githubTokenForBobB",
        "secrets.unused",
        "secrets.webKey",
        "secrets.webKeyForAda",
        "secrets.webKeyForBobB",
    ]


def test_state(fleet):
    state = built(fleet, "").model.resolver.host("box").resources(State)
    assert State("/etc/opnix-token", kind="file", mode="0640", backup=False) in state
    assert State("/var/lib/opnix", backup=False) in state
    state = built(fleet, EVERYTHING).model.resolver.host("box").resources(State)
    assert State("/var/lib/opnix-token", kind="file", mode="0640", backup=False) in state
    assert "/var/lib/opnix" not in [found.path for found in state]


@pytest.mark.parametrize("release", RELEASES)
def test_opnix_by_release(fleet, release):
    url = secrets.INPUTS[0].url
    assert callable(url)
    old = release in ("24.11", "25.05")
    assert url(Release.parse(release)) == "github:brizzbuzz/opnix" + ("/v0.9.0" if old else "")
    made = built(fleet, WEB, release=release).nixos(module=MODULE)
    # The old one neither waits for the network nor may it wait for the services that wait for it.
    assert (made.get("systemd.services.opnix-secrets.after") == ["network-online.target"]) == old
    assert ("--no-block" in str(made.get("systemd.services.opnix-secrets.path"))) == old


@pytest.mark.parametrize(
    ("text", "code", "severity"),
    [
        (HEAD + 'expose = ["nothing"]\n', "unknown-secret", "error"),
        (WEB + 'secret = "nothing"\n', "unknown-secret", "error"),
        (WEB + 'needed = "boot"\n', "secret-needed-too-early", "error"),
        (WEB + 'needed = "activation"\n', "secret-needed-too-early", "error"),
        (HEAD + 'users = ["eve"]\n', "token-for-nobody", "error"),
        (HEAD + 'expose = ["open"]\n', "secret-open-to-all", "warning"),
        (HEAD + 'expose = ["nobodys"]\n', "secret-owner-unknown", "warning"),
        (HEAD + 'tokenFile = "/nix/store/token"\n', "invalid-value", "error"),
        (HEAD + 'refresh = "often"\n', "pattern-mismatch", "error"),
    ],
)
def test_findings(fleet, text, code, severity):
    more = """
[secrets.open]
reference = "op://Fleet/open/key"
mode = "0444"
[secrets.nobodys]
reference = "op://Fleet/nobodys/key"
owner = "eve"
"""
    (finding,) = own(built(fleet, text, more_fleet=more))
    assert (finding.code, finding.severity) == (code, severity)


def test_findings_name_the_purpose_and_the_fix(fleet):
    (finding,) = own(built(fleet, WEB + 'secret = "web-key"\n'))
    assert "the web server" in finding.message
    assert "webKey" in finding.help


def test_owners_that_are_known(fleet):
    more = "".join(
        f'\n[secrets.key{number}]\nreference = "op://Fleet/key/{number}"\nowner = "{owner}"\ngroup = "{group}"\n'
        for number, (owner, group) in enumerate([("ada", "users"), ("grafana", "grafana"), ("own", "wheel")])
    )
    more += 'services = ["own"]\n'
    found = built(fleet, HEAD + 'expose = ["key0", "key1", "key2"]\n', more_fleet=more)
    assert not own(found)


def test_refresh_is_not_for_old_releases(fleet):
    found = built(fleet, EVERYTHING, release="25.05")
    assert not any("polling" in path for path in system(found))
    assert "refresh-unavailable" in [finding.code for finding in own(found)]


@pytest.mark.parametrize("release", RELEASES)
@pytest.mark.parametrize(
    "text", [WEB + TOOL, EVERYTHING + WEB + TOOL, f'{TOOL}{WEB}{HEAD}peopleThrough = "home-manager"\n']
)
def test_settings_exist_in_every_release(fleet, release, text):
    index = Index.of(Release.parse(release))
    found = built(fleet, text, release=release)
    for path in found.nixos(module=MODULE):
        assert index.status("nixos", split_path(path)).kind in ("known", "doubtful"), path
    for path in found.home(module=MODULE):
        assert index.status("home", split_path(path)).kind in ("known", "doubtful"), path
