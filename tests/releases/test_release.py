from __future__ import annotations

import subprocess
import sys
from datetime import date

import pytest

from pantheros.releases.release import CURRENT, Release


def test_order() -> None:
    names = ["24.11", "25.05", "25.11", "26.05", "unstable"]
    assert [release.name for release in Release.all()] == names
    assert sorted(map(Release, reversed(names))) == list(map(Release, names))
    assert Release("26.05") == CURRENT


def test_compares_with_names() -> None:
    release = Release("25.11")
    assert release >= "25.11" and release > "25.05" and release < "unstable" and release <= "26.05"
    assert not release >= "26.05"
    assert release == "25.11" and release not in {"25.05", 25.11}
    assert {release: 1}["25.11"] == 1  # type: ignore[index]


def test_a_slip_in_a_module_is_an_error() -> None:
    with pytest.raises(ValueError, match=r"25\.13.*nearest: 25\.11"):
        assert CURRENT >= "25.13"


@pytest.mark.parametrize(
    ("text", "nearest"),
    [("25.10", "25.11"), ("25.06", "25.05"), ("23.05", "24.11"), ("27.11", "26.05"), ("unstabel", "unstable"),
     ("nixos-25.06", "25.05"), ("", "26.05"), ("latest", "26.05")],
)  # fmt: skip
def test_parse_names_the_nearest(text: str, nearest: str) -> None:
    with pytest.raises(ValueError, match=rf"nearest: {nearest}"):
        Release.parse(text)


def test_parse() -> None:
    assert Release.parse(" 25.05 ") is not None
    assert Release.parse("unstable").name == "unstable"
    assert str(Release.parse("24.11")) == "24.11"


def test_end_of_life() -> None:
    assert Release("24.11").end_of_life == date(2025, 6, 30)
    assert not Release("25.05").past_end_of_life(date(2025, 12, 31))
    assert Release("25.05").past_end_of_life(date(2026, 1, 1))
    assert not Release("unstable").past_end_of_life(date(2099, 1, 1))


def test_no_data_is_loaded() -> None:
    code = "import sys, pantheros.releases.release; print(any('releases.index' in name for name in sys.modules))"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert run.stdout == "False\n"
