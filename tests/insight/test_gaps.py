"""What is there and what is missing: over two repositories, over small ones, and what is recommended about it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Mapping
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import networkx as nx
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pantheros.insight.capabilities import Model, read_model
from pantheros.insight.gaps import Gap, Status, assess, lacks
from pantheros.insight.proposals import Recommended, recommend
from pantheros.insight.standing import Standing, standing
from pantheros.insight.survey import Change
from pantheros.specs.metadata import Planning

HERE = Path(__file__).parent
COUNTS = tomllib.loads((HERE / "counts.toml").read_text(encoding="utf-8"))
MODEL, _ = read_model(HERE / "nowhere")


@pytest.fixture(scope="module")
def plain() -> Standing:
    return standing(HERE / "plain")


@pytest.fixture(scope="module")
def fleet() -> Standing:
    return standing(HERE / "fleet")


def gap(found: Standing, id: str) -> Gap:
    return next(each for each in found.gaps if each.capability.id == id)


def seen_on(found: Standing, id: str) -> set[str]:
    return {evidence.host for evidence in gap(found, id).evidence if evidence.host}


# The two repositories -----------------------------------------------------------------------------------------------

ABSENT = {
    "backup": "backup.jobs",
    "tailscale": "networking.vpn-mesh",
    "wireguard": "networking.vpn-mesh",
    "neovim": "editors.neovim",
    "vscode": "editors.vscode",
}


def test_what_only_looks_as_if_it_were_there(plain: Standing) -> None:
    for name, id in ABSENT.items():
        assert name in COUNTS["plain"]["absent"]
        assert gap(plain, id).status != "present", name
        assert not seen_on(plain, id), name
    for id in ("monitoring.metrics", "monitoring.exporters", "networking.dns"):
        assert not seen_on(plain, id), id


def test_what_is_there_is_seen_on_the_hosts_that_have_it(plain: Standing) -> None:
    present = COUNTS["plain"]["present"]
    assert seen_on(plain, "containers.runtime") == set(present["containers"])
    assert {"alder", "birch", "rescue"} == set(present["firewall"])
    settings = {each.host for each in gap(plain, "security.firewall").evidence if each.what != "NixOS's own default"}
    assert settings == set(present["firewall"])
    assert seen_on(plain, "security.ssh") == set(present["ssh_hardening"]) & {"alder", "birch", "rescue"}  # the servers
    on = {
        name: {host.name for host in plain.survey.hosts for seen in host.settings if seen.path == path and seen.sure}
        for name, path in (("desktop", "programs.sway.enable"), ("helix", "programs.helix.enable"))
    }
    assert on["desktop"] == set(present["desktop"])
    assert on["helix"] == set(present["helix"])


def test_what_a_fleet_has(fleet: Standing) -> None:
    present = COUNTS["fleet"]["present"]
    assert seen_on(fleet, "containers.runtime") == set(present["containers"])
    assert seen_on(fleet, "shell.git") == set(present["git"])
    assert seen_on(fleet, "filesystems.impermanence") == set(present["impermanence"])
    assert seen_on(fleet, "filesystems.encryption") == set(present["encryption"])
    assert seen_on(fleet, "networking.vpn-mesh") == set(present["tailscale"])
    for id in ("backup.jobs", "monitoring.metrics", "desktop.compositor", "testing.framework", "testing.ci"):
        assert gap(fleet, id).status != "present", id
        assert not seen_on(fleet, id), id
    assert gap(fleet, "backup.jobs").proposed_by == "add-backup"


def test_hosts_lack_what_was_counted(plain: Standing, fleet: Standing) -> None:
    for found, counted in ((plain, COUNTS["plain"]), (fleet, COUNTS["fleet"])):
        for host, said in zip(found.survey.hosts, counted["hosts"], strict=True):
            parts = [part for part in ("hardware", "disks", "users", "home") if not said[part]]
            parts += [] if said["in_flake"] else ["flake"]
            assert [part for part in lacks(host, found.gaps) if "." not in part] == parts


def test_evidence_lies_where_it_is_said_to(plain: Standing, fleet: Standing) -> None:
    for found in (plain, fleet):
        for each in found.gaps:
            for evidence in each.evidence:
                path = found.survey.repository.root / evidence.place.file
                if found.survey.is_fleet and evidence.place.file == "flake.nix":
                    continue  # it is made of the fleet
                assert path.is_file(), evidence
                assert evidence.place.line <= len(path.read_text(encoding="utf-8").splitlines())


def test_nothing_is_recommended_that_is_there_or_proposed(plain: Standing, fleet: Standing) -> None:
    for found in (plain, fleet):
        for proposal in found.recommended.proposals:
            assert proposal.id not in {change.name for change in found.survey.changes}
            for each in proposal.gaps:
                assert each.status != "present" and not each.proposed_by


# Small repositories -------------------------------------------------------------------------------------------------

FLAKE = """{ outputs = { nixpkgs, ... }: let
  mk = n: nixpkgs.lib.nixosSystem { modules = [ (./hosts + "/${n}") ]; }; in {
  nixosConfigurations = { a = mk "servers/a"; b = mk "servers/b"; };
}; }"""
SWITCH = """{ config, lib, ... }: {
  options.my.cage.enable = lib.mkEnableOption "it";
  config = lib.mkIf config.my.cage.enable { services.fail2ban.enable = true; security.auditd.enable = true; };
}"""
Small = Callable[..., Standing]


@pytest.fixture
def small(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Small:
    """A repository with two servers, whose modules say `a` and `b`, and other files."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))

    def small(a: str = "", b: str = "", files: Mapping[str, str] | None = None) -> Standing:
        module = '{{ lib, ... }}: {{ system.stateVersion = "24.11"; {} }}'
        for name, text in {
            "flake.nix": FLAKE,
            "hosts/servers/a/default.nix": module.format(a),
            "hosts/servers/b/default.nix": module.format(b),
            **(files or {}),
        }.items():
            path = tmp_path / "repository" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        return standing(tmp_path / "repository")

    return small


ON = "security.auditd.enable = true;"
IMPORT = "imports = [ ../../../modules/cage.nix ];"


@pytest.mark.parametrize(
    ("a", "b", "status", "lacking"),
    [
        (ON, ON, "present", ()),
        (ON, "", "partial", ("b",)),
        ("", "", "missing", ("a", "b")),
        ("security.auditd = { enable = true; };", "security.auditd.enable = true;", "present", ()),
        ("security.auditd.enable = false;", "", "missing", ("a", "b")),
        ("security.auditd.enable = lib.mkForce true;", ON, "present", ()),
        ("# security.auditd.enable = true;\n", 'environment.etc.x.text = "security.auditd.enable = true;";',
         "missing", ("a", "b")),
        (f"{IMPORT} my.cage.enable = true;", ON, "present", ()),
        (f"{IMPORT} my.cage.enable = true;", f"{IMPORT} my.cage.enable = false;", "partial", ("b",)),
        (IMPORT, IMPORT, "partial", ("a", "b")),
    ],
)  # fmt: skip
def test_what_every_server_is_to_have(small: Small, a: str, b: str, status: str, lacking: tuple[str, ...]) -> None:
    files = {"modules/cage.nix": SWITCH} if "cage" in a + b else {}
    found = gap(small(a, b, files), "security.audit")
    assert (found.status, found.lacking) == (status, lacking)
    assert found.count == (2 - len(lacking), 2)


@pytest.mark.parametrize(
    ("a", "files", "status"),
    [
        ("services.fail2ban.enable = true;", {}, "present"),
        ("services.fail2ban.enable = lib.mkIf something true;", {}, "partial"),
        ("services.fail2ban.enable = false;", {}, "missing"),
        ("", {"modules/cage.nix": SWITCH}, "partial"),
        (f"{IMPORT} my.cage.enable = true;", {"modules/cage.nix": SWITCH}, "present"),
        (IMPORT, {"modules/cage.nix": SWITCH}, "partial"),
        ("", {"examples/x.nix": "{ services.fail2ban.enable = true; }"}, "missing"),
        ("", {"modules/broken.nix": "{ services.fail2ban.enable = true; "}, "missing"),
    ],
)
def test_what_is_to_be_somewhere(small: Small, a: str, files: dict[str, str], status: str) -> None:
    assert gap(small(a, "", files), "security.login-limits").status == status


def test_a_pattern_may_ask_for_what_is_switched_off(small: Small) -> None:
    own = (
        '[[capability]]\nid = "security.passwords-off"\ntitle = "x"\nwhy = "x"\npriority = "low"\n'
        'settings = ["services.openssh.settings.PasswordAuthentication=false"]\n'
    )
    files = {"capabilities.toml": own}
    off = "services.openssh.settings.PasswordAuthentication = false;"
    assert gap(small(off, "", files), "security.passwords-off").status == "present"
    assert gap(small(off.replace("false", "true"), "", files), "security.passwords-off").status == "missing"


@pytest.mark.parametrize(
    ("a", "status"),
    [
        ("nix.gc.automatic = true;", "partial"),
        ("nix.gc.automatic = lib.mkDefault true;", "partial"),
        ("nix.gc.automatic = some.value;", "partial"),
        ("nix.gc.automatic = false;", "missing"),
    ],
)
def test_what_is_switched_off_does_not_count(small: Small, a: str, status: str) -> None:
    assert gap(small(a), "system.garbage-collection").status == status


def test_a_document_that_says_nothing_yet_is_only_begun(small: Small) -> None:
    name = "docs/troubleshooting.md"
    assert gap(small(), "documentation.troubleshooting").status == "missing"
    stub = small(files={name: "# Troubleshooting\n\nTo be written.\n"})
    assert gap(stub, "documentation.troubleshooting").status == "partial"
    whole = small(files={name: "# Troubleshooting\n\n" + "Look at the journal first. " * 20})
    assert gap(whole, "documentation.troubleshooting").status == "present"


def change(name: str, tasks: str, what: str = "x") -> dict[str, str]:
    directory = f"openspec/changes/{name}"
    proposal = f"# {name}\n\n## Why\nBecause.\n\n## What Changes\n- {what}\n"
    return {f"{directory}/proposal.md": proposal, f"{directory}/tasks.md": tasks}


def test_what_an_open_change_is_about_is_not_recommended(small: Small) -> None:
    assert "private-network" in {each.id for each in small().recommended.proposals}
    found = small(files=change("join-tailscale", "- [ ] 1.1 Join\n"))
    assert gap(found, "networking.vpn-mesh").proposed_by == "join-tailscale"
    mentioned = [each.capability.id for proposal in found.recommended.proposals for each in proposal.gaps]
    assert "networking.vpn-mesh" not in mentioned


@pytest.mark.parametrize("name", ["private-network", "add-private-network", "private-networks"])
def test_a_proposal_that_is_open_already_is_not_recommended_again(small: Small, name: str) -> None:
    found = small(files=change(name, "- [ ] 1.1 Go\n"))
    assert "private-network" not in {each.id for each in found.recommended.proposals}


def test_a_capability_that_is_not_wanted_is_no_gap(small: Small) -> None:
    found = small(files={"capabilities.toml": '[[capability]]\nid = "editors.zed"\nwanted = false\n'})
    assert "editors.zed" not in {each.capability.id for each in found.gaps}


# What is recommended ------------------------------------------------------------------------------------------------


@st.composite
def gaps(draw: st.DrawFn) -> list[Gap]:
    states: list[tuple[Status, str]] = [("present", ""), ("present", ""), ("partial", ""), ("missing", "")]
    some = st.sampled_from([*states, ("missing", "some-change")])
    drawn = draw(st.lists(some, min_size=len(MODEL.capabilities), max_size=len(MODEL.capabilities)))
    return [
        Gap(each, status, (), proposed_by=change)
        for each, (status, change) in zip(MODEL.capabilities.values(), drawn, strict=True)
    ]


def graph_of(found: Recommended) -> nx.DiGraph[str]:
    """What comes before what, open changes included."""
    graph: nx.DiGraph[str] = nx.DiGraph()
    graph.add_nodes_from([*(each.id for each in found.proposals), *found.pending])
    graph.add_edges_from((other, each.id) for each in found.proposals for other in each.depends_on)
    return graph


@settings(max_examples=60, deadline=None)
@given(gaps(), st.lists(st.sampled_from(sorted(MODEL.templates)), max_size=2, unique=True))
def test_what_holds_of_all_that_is_recommended(gaps: list[Gap], open_changes: list[str]) -> None:
    changes = [Change(name, 0, 1, Planning()) for name in (*open_changes, "some-change")]
    taken = {id: name for name in open_changes for id in MODEL.templates[name].capabilities}
    gaps = [
        replace(each, proposed_by=taken[each.capability.id])
        if each.status != "present" and each.capability.id in taken
        else each
        for each in gaps
    ]
    found = recommend(MODEL, gaps, changes)
    by_id = {each.id: each for each in found.proposals}
    assert not set(open_changes) & by_id.keys()
    filled = [each.capability.id for proposal in found.proposals for each in proposal.gaps]
    wanted = {each.capability.id for each in gaps if each.status != "present" and not each.proposed_by}
    assert sorted(filled) == sorted(wanted)
    graph = graph_of(found)
    assert nx.is_directed_acyclic_graph(graph)
    phases = {**found.pending, **{each.id: each.phase for each in found.proposals}}
    days = {**dict.fromkeys(found.pending, 1), **{each.id: each.days for each in found.proposals}}
    for each in found.proposals:
        assert each.id not in each.depends_on
        assert set(each.depends_on) <= phases.keys()
        assert each.phase == max((phases[other] for other in each.depends_on), default=0) + 1
        assert set(each.blocks) == {other.id for other in found.proposals if each.id in other.depends_on}
        assert 1 <= each.days <= max(1, MODEL.templates[each.id].estimate + 1)
    assert [each.phase for each in found.proposals] == sorted(each.phase for each in found.proposals)
    assert all(graph.has_edge(one, other) for one, other in pairwise(found.critical_path))
    assert found.days == sum(days[id] for id in found.critical_path)
    longest: dict[str, int] = {}
    for id in nx.topological_sort(graph):
        longest[id] = max((longest[each] for each in graph.predecessors(id)), default=0) + days[id]
    assert found.days == max(longest.values(), default=0)


def test_where_all_is_there_nothing_is_recommended(plain: Standing) -> None:
    found = recommend(MODEL, [Gap(each, "present", ()) for each in MODEL.capabilities.values()], ())
    assert (found.proposals, found.critical_path, found.days) == ((), (), 0)


def test_what_no_host_here_could_have_is_not_asked_for(small: Small) -> None:
    ids = {each.capability.id for each in small().gaps}
    assert "hardware.graphics" not in ids  # of workstations, and there are but servers
    model: Model = MODEL
    assert "hardware.graphics" in model.capabilities
    assert {each.capability.id for each in assess(model, small().survey)} == ids


def test_what_nixos_does_of_itself_is_there_unless_it_is_switched_off(small: Small) -> None:
    off = "networking.firewall.enable = false;"
    for a, b, status, lacking in (
        ("", "", "present", ()),
        (off, "", "partial", ("a",)),
        (off, off, "missing", ("a", "b")),
    ):
        found = gap(small(a, b, {}), "security.firewall")
        assert (found.status, found.lacking) == (status, lacking)
