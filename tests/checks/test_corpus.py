"""A corpus of small fleets: of those with a mistake, exactly that is found, and where it is; the others have no error.

A case is a text file: a line that says what it is about, a line `expect: CODE FILE:LINE` for each error, then the
fleet's files, each below a line `=== PATH`. A fleet of which no `fleet.toml` is given has that of `base.toml`.
"""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path
from typing import NamedTuple

import pytest

from pantheros.checks.run import check
from pantheros.checks.verdict import judged

CORPUS = Path(__file__).parents[1] / "corpus"
CASES = sorted(CORPUS.rglob("*.txt"))
_EXPECTED = re.compile(r"expect: (\S+ \S+:\d+)")
_FILE = re.compile(r"^=== (\S+)\n", re.MULTILINE)


class Case(NamedTuple):
    """A fleet, and the errors that it has."""

    about: str
    expected: list[str]
    files: dict[str, str]

    @classmethod
    def read(cls, path: Path) -> Case:
        head, *files = _FILE.split(path.read_text(encoding="utf-8"))
        about, *expected = head.strip().splitlines()
        wanted = [found[1] for line in expected if (found := _EXPECTED.fullmatch(line))]
        assert len(wanted) == len(expected), "after the first line, only what is expected"
        base = {"fleet.toml": (CORPUS / "base.toml").read_text(encoding="utf-8")}
        return cls(about, wanted, base | dict(zip(files[::2], files[1::2], strict=True)))

    def write(self, root: Path) -> None:
        for name, text in self.files.items():
            (root / name).parent.mkdir(parents=True, exist_ok=True)
            (root / name).write_text(text, encoding="utf-8")


def _name(path: Path) -> str:
    return path.relative_to(CORPUS).with_suffix("").as_posix()


@pytest.mark.parametrize("path", CASES, ids=_name)
def test_the_errors_are_those_expected(path: Path, tmp_path: Path) -> None:
    case = Case.read(path)
    case.write(tmp_path)
    checked = check(tmp_path)
    errors = {
        f"{finding.code} {finding.origin.file}:{finding.origin.line}" if finding.origin else finding.code: finding
        for finding in judged(checked.model.declared, checked.findings, date(2026, 11, 1)).findings
        if finding.severity == "error"
    }
    assert sorted(errors) == sorted(case.expected), [finding.message for finding in errors.values()]


def test_the_corpus_is_what_it_should_be() -> None:
    wrong, right = ([path for path in CASES if path.is_relative_to(CORPUS / part)] for part in ("wrong", "right"))
    assert len(wrong) >= 120
    assert len(right) >= 40
    assert all(Case.read(path).expected for path in wrong)
    assert not any(Case.read(path).expected for path in right)
