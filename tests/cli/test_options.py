from __future__ import annotations

import json
import socket
import sys
from pathlib import Path
from typing import Any

import pytest

from pantheros.releases.index import Index
from pantheros.releases.release import Release


@pytest.fixture
def listed(tmp_path: Path) -> Path:
    """A list of NixOS's options, as long as one has to be."""
    options = {f"services.invented{number}.enable": {"type": "boolean"} for number in range(5000)}
    options |= {
        "system.stateVersion": {"type": "string"},
        "services.brandNew.openFirewall": {
            "type": "boolean",
            "default": {"_type": "literalExpression", "text": "config.services.brandNew.enable"},
        },
    }
    file = tmp_path / "options.json"
    file.write_text(json.dumps(options))
    return file


def names(answer: Any) -> list[str]:
    return [option["name"] for option in answer.json["options"]]


# Search -------------------------------------------------------------------------------------------------------


def test_search_finds_the_words_of_a_name_best_first(panther: Any) -> None:
    found = names(panther("options", "search", "open", "firewall", "openssh", "--json"))
    assert found == ["services.openssh.openFirewall"]
    found = names(panther("options", "search", "git enable", "--scope", "home", "--json"))
    assert found[0] == "programs.git.enable"
    assert found.index("programs.git.lfs.enable") < found.index("programs.gitui.enable")


def test_search_ranks_the_last_part_whole_words_parts_of_words_and_old_names(panther: Any) -> None:
    answer = panther("options", "search", "allowedTCPPorts", "--json")
    assert names(answer)[0].endswith(".allowedTCPPorts")
    options = panther("options", "search", "permitrootlogin", "--json").json["options"]
    assert [(option["name"], option["old"], option["to"]) for option in options] == [
        ("pantherOS.security.ssh.permitRootLogin", False, None),
        ("services.openssh.settings.PermitRootLogin", False, None),
        ("services.openssh.permitRootLogin", True, "services.openssh.settings.PermitRootLogin"),
    ]
    last = [option["old"] for option in panther("options", "search", "openssh", "--json").json["options"]]
    assert last == sorted(last)


def test_search_finds_options_of_pantheros_and_of_the_fleets_own_modules(panther: Any, box: Path) -> None:
    (box / "modules").mkdir()
    (box / "modules" / "wiki.py").write_text(
        '"""A wiki."""\nfrom pantheros.module import ModuleOptions\n\n'
        'class Options(ModuleOptions):\n    front_page: str = "Home"\n'
        '    """The page to begin with. There is one."""\n'
    )
    (box / "modules" / "broken.py").write_text("1 / 0\n")
    options = panther("options", "search", "wiki front page", "--fleet", box, "--json").json["options"]
    assert options == [
        {
            "name": "pantherOS.wiki.frontPage",
            "type": "a string",
            "scope": "pantherOS",
            "old": False,
            "to": None,
            "text": "The page to begin with.",
        }
    ]
    assert panther("options", "search", "frontPage", "wiki", "--fleet", box).out.splitlines() == [
        "option                    type      scope      what it does",
        "pantherOS.wiki.frontPage  a string  pantherOS  The page to begin with.",
    ]
    assert panther("options", "search", "frontPage", "wiki", "--json").status == 1


def test_search_shows_fifty_and_counts_the_rest(panther: Any) -> None:
    answer = panther("options", "search", "enable")
    lines = answer.out.splitlines()
    assert len(lines) == 52
    assert lines[-1].startswith("and ")
    assert answer.status == 0


def test_search_finds_nothing(panther: Any) -> None:
    answer = panther("options", "search", "gibberish", "words")
    assert (answer.status, answer.out) == (1, "no option of 26.05 has gibberish and words in its name\n")
    assert panther("options", "search", " ").status == 2


def test_the_release_is_the_fleets_where_there_is_one(
    panther: Any, reference: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (reference / "fleet.toml").read_text().replace('release = "26.05"', 'release = "25.05"')
    (reference / "fleet.toml").write_text(text)
    assert panther("options", "search", "openssh", "--json").json["release"] == "26.05"
    monkeypatch.chdir(reference)
    assert panther("options", "search", "openssh", "--json").json["release"] == "25.05"
    assert panther("options", "search", "openssh", "--release", "24.11", "--json").json["release"] == "24.11"
    monkeypatch.chdir("/")
    assert panther("options", "search", "openssh", "--fleet", reference, "--json").json["release"] == "25.05"
    assert panther("options", "search", "openssh", "--fleet", "/").status == 2


# Show ---------------------------------------------------------------------------------------------------------


def test_show_tells_type_and_default(panther: Any) -> None:
    (option,) = panther("options", "show", "services.openssh.enable", "--json").json["options"]
    assert option == {
        "name": "services.openssh.enable",
        "scope": "nixos",
        "kind": "known",
        "type": "boolean",
        "default": "false",
        "read_only": False,
        "to": None,
        "since": None,
        "detail": None,
        "text": None,
        "members": [],
        "set": None,
        "not_verified": [],
    }
    both = panther("options", "show", "programs.git.enable", "--json").json["options"]
    assert [option["scope"] for option in both] == ["nixos", "home"]


def test_show_tells_what_became_of_an_option(panther: Any) -> None:
    (old,) = panther("options", "show", "hardware.pulseaudio.enable", "--release", "25.05", "--json").json["options"]
    assert (old["kind"], old["to"], old["since"]) == ("renamed", "services.pulseaudio.enable", "25.05")
    answer = panther("options", "show", "services.openssh.permitRootLogin")
    assert "an old name: it is services.openssh.settings.PermitRootLogin now" in answer.out
    assert 'null or one of "yes"' in answer.out
    (read_only,) = panther("options", "show", "system.nixos.release", "--json").json["options"]
    assert read_only["read_only"]
    assert "openFirewall" in panther("options", "show", "services.openssh").out


def test_show_names_the_nearest(panther: Any, box: Path) -> None:
    answer = panther("options", "show", "services.openssh.enabel")
    assert answer.status == 1
    assert answer.out == (
        "services.openssh.enabel: NixOS 26.05 has no such option; did you mean services.openssh.enable?\n"
    )
    unknown = panther("options", "show", "pantherOS.security.ssh.tailnetOnyl", "--json")
    assert (unknown.status, unknown.json["found"]) == (1, False)
    assert unknown.json["nearest"] == "pantherOS.security.ssh.tailnetOnly"
    assert panther("options", "show", "pantherOS.security.shs.enable", "--json").json["nearest"] == (
        "pantherOS.security.ssh.enable"
    )
    assert panther("options", "show", "a..b").status == 2


def test_show_tells_who_sets_it_and_on_which_hosts(panther: Any, reference: Path) -> None:
    (option,) = panther("options", "show", "services.openssh.enable", "--fleet", reference, "--json").json["options"]
    (found,) = option["set"]
    assert (found["value"], found["person"], len(found["hosts"])) == (True, None, 5)
    (by,) = found["by"]
    assert (by["module"], by["option"]) == ("security.ssh", "pantherOS.security.ssh.enable")
    assert by["origin"].startswith("fleet.toml:")
    text = panther("options", "show", "services.openssh.enable", "--fleet", reference).out
    assert "by pantherOS.security.ssh, for pantherOS.security.ssh.enable" in text
    assert "on contabo-vps, hetzner-vps, ovh-vps, yoga, zephyrus" in text


def test_show_tells_raw_settings_with_their_places(panther: Any, write: Any) -> None:
    fleet = write(
        {
            "hosts/a/host.toml": 'people = ["ada"]\n[nixos]\nservices.fwupd.enable = true\n',
            "hosts/b/host.toml": 'people = ["ada"]\n[home.programs.bat]\nenable = true\n',
            "hosts/c/host.toml": 'people = ["ada"]\nimports = ["raw.nix"]\n',
            "hosts/c/raw.nix": "{ services.fwupd.enable = true; }\n",
        }
    )
    (option,) = panther("options", "show", "services.fwupd.enable", "--fleet", fleet, "--json").json["options"]
    (found,) = option["set"]
    assert (found["value"], found["hosts"]) == (True, ["a"])
    assert found["by"] == [
        {
            "value": "true",
            "layer": "raw settings",
            "module": None,
            "option": None,
            "origin": "hosts/a/host.toml:3:25",
        }
    ]
    assert option["not_verified"] == [{"module": "hosts/c/raw.nix", "hosts": ["c"]}]
    answers = panther("options", "show", "programs.bat.enable", "--fleet", fleet, "--json").json["options"]
    (home,) = [answer for answer in answers if answer["scope"] == "home"]
    assert [(found["person"], found["hosts"]) for found in home["set"]] == [("ada", ["b"])]
    nowhere = panther("options", "show", "services.fprintd.enable", "--fleet", fleet)
    assert "nowhere in this fleet" in nowhere.out


def test_show_tells_the_layers_of_an_option_of_pantheros(panther: Any, reference: Path) -> None:
    name = "pantherOS.security.ssh.enable"
    (option,) = panther("options", "show", name, "--fleet", reference, "--json").json["options"]
    assert (option["type"], option["default"], option["scope"]) == ("true or false", "false", "pantherOS")
    (found,) = option["set"]
    assert (found["value"], len(found["hosts"])) == (True, 5)
    assert [by["layer"] for by in found["by"]] == ["defaults"]
    group = panther("options", "show", "pantherOS.security", "--json").json["options"]
    assert group[0]["members"] == ["firewall", "secrets", "ssh"]


# Sync ---------------------------------------------------------------------------------------------------------


def test_sync_then_search_and_show_know_it(panther: Any, listed: Path, tmp_path: Path) -> None:
    new = "services.brandNew.openFirewall"
    assert panther("options", "show", new, "--release", "25.11").status == 1
    assert panther("options", "sync", "--release", "25.11", "--from", listed, "--dry-run").status == 0
    assert panther("options", "show", new, "--release", "25.11").status == 1
    answer = panther("options", "sync", "--release", "25.11", "--from", listed, "--json")
    (found,) = answer.json["lists"]
    file = tmp_path / "cache" / "pantheros" / "releases" / "nixos-25.11.txt.gz"
    assert (found["scope"], found["options"], found["verified"], found["file"]) == ("nixos", 5002, False, str(file))
    assert file.is_file()
    (option,) = panther("options", "show", new, "--release", "25.11", "--json").json["options"]
    assert (option["type"], option["default"]) == ("boolean", "config.services.brandNew.enable")
    assert new in names(panther("options", "search", "open firewall brand", "--release", "25.11", "--json"))
    assert panther("options", "show", new, "--release", "25.05").status == 1
    assert "home-manager publishes no list" in panther("options", "sync", "--release", "25.11", "--from", listed).out


def test_check_and_build_after_a_sync(panther: Any, listed: Path, box: Path) -> None:
    host = box / "hosts" / "box" / "host.toml"
    host.write_text(host.read_text() + "\n[nixos.services.brandOld]\nenable = true\n")
    before = panther("build", box, "--out", box / "one").status
    assert "unknown-setting" not in panther("check", box, "--json").codes
    panther("options", "sync", "--release", "26.05", "--from", listed)
    assert "unknown-setting" in panther("check", box, "--json").codes
    assert panther("build", box, "--out", box / "two").status == before
    for file in (box / "one").rglob("*.nix"):
        assert file.read_text() == (box / "two" / file.relative_to(box / "one")).read_text()


def test_sync_without_a_network(panther: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def unreachable(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    for name in ("https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(socket, "getaddrinfo", unreachable)
    answer = panther("options", "sync", "--release", "25.11")
    assert answer.status == 2
    assert "channels.nixos.org cannot be reached" in answer.err
    assert "the packaged index goes on being used" in answer.err
    assert Index.of(Release("25.11")).fetched("nixos") is None


def test_other_commands_do_not_wait_for_what_fetching_needs(tmp_path: Path) -> None:
    import subprocess  # noqa: PLC0415

    code = (
        "import sys; from pantheros.cli import app; app.run(['options', 'show', 'services.openssh.enable']); "
        "sys.exit(str({'brotli', 'http.client', 'urllib.request'} & set(sys.modules)) if "
        "{'brotli', 'urllib.request'} & set(sys.modules) else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
