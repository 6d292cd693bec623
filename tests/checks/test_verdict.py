"""Findings as a fleet wants them: chosen, waived, of other severities."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from pantheros.checks.run import Checker, check
from pantheros.checks.verdict import Verdict, judged

TODAY = date(2026, 11, 1)
HOST = """\
kind = "server"
people = ["ada"]

[nixos]
services.openssh.enable = "yes"

[home]
programs.gti.enable = true

"""
OWN = "from pantheros.module import ModuleOptions\n\n\nclass Options(ModuleOptions):\n    pass\n"
Write = Callable[[dict[str, str]], Path]


def verdict(root: Path, **options: list[str]) -> Verdict:
    checked = check(root)
    return judged(checked.model.declared, checked.findings, TODAY, **options)


@pytest.fixture
def fleet(write: Write) -> Callable[[str], Path]:
    def fleet(checks: str = "") -> Path:
        root = write({"hosts/box/host.toml": HOST})
        with (root / "fleet.toml").open("a", encoding="utf-8") as file:
            file.write(checks)
        return root

    return fleet


def errors(found: Verdict) -> list[str]:
    return [finding.code for finding in found.findings if finding.severity == "error"]


def test_everything_counts_where_nothing_is_said(fleet: Callable[[str], Path]) -> None:
    found = verdict(fleet(""))
    assert errors(found) == ["wrong-type", "unknown-setting"]
    assert found.failed


def test_select_and_ignore_take_patterns(fleet: Callable[[str], Path]) -> None:
    root = fleet("")
    assert errors(verdict(root, select=["unknown-*"])) == ["unknown-setting"]
    assert errors(verdict(root, ignore=["wrong-type"])) == ["unknown-setting"]
    assert errors(verdict(fleet('\n[checks]\nignore = ["*-setting"]\n'))) == ["wrong-type"]


def test_severities_are_the_fleets(fleet: Callable[[str], Path]) -> None:
    found = verdict(fleet('\n[checks.severity]\nwrong-type = "info"\nunreachable = "error"\n'))
    assert "wrong-type" not in errors(found)


WAIVER = '\n[[checks.waivers]]\ncode = "wrong-type"\nreason = "known"\n'


@pytest.mark.parametrize(
    ("more", "waived", "told"),
    [
        ("", 1, []),
        ('host = "box"\n', 1, []),
        ('host = "other"\n', 0, ["unused-waiver"]),
        ('option = "services.openssh"\n', 1, []),
        ('option = "services.open"\n', 0, ["unused-waiver"]),
        ('file = "hosts/box/host.toml"\n', 1, []),
        ('expires = "2026-11-01"\n', 1, []),
        ('expires = "2026-10-31"\n', 0, ["expired-waiver"]),
        ("expires = 2026-11-01\n", 1, []),
        ("expires = 2026-10-31\n", 0, ["expired-waiver"]),
        ('expires = "2026-02-31"\n', 0, ["expired-waiver"]),
    ],
)
def test_waivers(fleet: Callable[[str], Path], more: str, waived: int, told: list[str]) -> None:
    found = verdict(fleet(WAIVER + more))
    assert len(found.waived) == waived
    assert [finding.code for finding in found.findings if finding.code.endswith("-waiver")] == told
    assert ("wrong-type" in errors(found)) == (not waived)


def test_a_waiver_needs_a_reason(fleet: Callable[[str], Path]) -> None:
    found = verdict(fleet('\n[[checks.waivers]]\ncode = "wrong-type"\n'))
    assert "missing-key" in errors(found)


def test_what_cannot_be_read_is_never_put_up_with(write: Write) -> None:
    root = write({"hosts/box/host.toml": "kind = \n"})
    with (root / "fleet.toml").open("a", encoding="utf-8") as file:
        file.write('\n[checks]\nignore = ["*"]\n[checks.severity]\ntoml-syntax = "info"\n')
    assert errors(verdict(root)) == ["toml-syntax"]


def test_checking_again_comes_to_what_checking_anew_does(write: Write) -> None:
    root = write(
        {
            "hosts/a/host.toml": HOST + "[pantherOS.own]\nenable = true\n",
            "hosts/b/host.nix": '{ kind = "server"; people = [ "ada" ]; imports = [ ./raw.nix ]; }',
            "hosts/b/raw.nix": "{ }\n",
            "modules/own.py": OWN,
        }
    )
    checker = Checker(root)

    def same() -> list[str]:
        again, anew = checker.check(), check(root)
        assert again.findings == anew.findings
        assert again.not_verified == anew.not_verified
        return [finding.code for finding in again.findings]

    before = same()
    for path, text in {
        "hosts/a/host.toml": HOST.replace('"yes"', "true") + "[pantherOS.own]\nenable = true\n",
        "hosts/b/raw.nix": '{ x = "ghp_aaaaaaaaaaaaaaaaaaaaaaaa"; }\n',
        "hosts/c/host.toml": HOST,
        "modules/own.py": "class Options:\n    pass\n",
        "hosts/b/host.nix": "{ kind = 3; }",
        "fleet.toml": (root / "fleet.toml").read_text() + "\n[profiles.none]\n",
    }.items():
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text(text, encoding="utf-8")
        after = same()
        assert after != before, path
        before = after


ANOTHER = '\n[[checks.waivers]]\ncode = "{}"\nreason = "known"\n'


def test_two_waivers_of_one_finding_are_both_of_use(fleet: Callable[[str], Path]) -> None:
    root = fleet(ANOTHER.format("wrong-type") + ANOTHER.format("wrong-*"))
    found = verdict(root)
    assert [finding.code for finding in found.waived] == ["wrong-type"]
    assert "unused-waiver" not in [finding.code for finding in found.findings]


def test_a_waiver_keeps_its_place_behind_one_that_is_refused(fleet: Callable[[str], Path]) -> None:
    root = fleet('\n[[checks.waivers]]\ncode = "wrong-type"\n' + ANOTHER.format("wrong-tipe"))
    found = next(finding for finding in verdict(root).findings if finding.code == "unknown-code")
    assert found.origin is not None
    lines = (root / "fleet.toml").read_text().splitlines()
    assert lines[found.origin.line - 1] == 'code = "wrong-tipe"'


def test_what_is_left_out_is_counted(fleet: Callable[[str], Path]) -> None:
    whole = verdict(fleet(""))
    others = [each for each in whole.findings if each.severity != "info" and each.code != "unknown-setting"]
    assert verdict(fleet(""), select=["unknown-*"]).left_out == len(others) > 0
    assert whole.left_out == 0
