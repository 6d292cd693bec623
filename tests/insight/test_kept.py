"""Parts of pages that are kept between marks: all around them stays as it is."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pantheros.findings import PantherError
from pantheros.insight.kept import read_part, write_part

BEGIN, END = b"<!-- panther context: begin, day=2026-01-31, at=abc -->", b"<!-- panther context: end -->"
MADE = {"day": "2026-02-01", "at": "def"}
_PIECES = [*"ab #\n\t-é—😀|`", "\r\n", "\n\n", "<!--", "-->", "$1", "\\1", "# Mine"]
_AROUND = st.lists(st.sampled_from(_PIECES), max_size=12).map("".join)
_BODY = st.lists(st.sampled_from(["# A", "", "b é", "| c |", "\\1 $2", "<!-- d -->"]), max_size=6).map("\n".join)
anew = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])


@anew
@given(before=_AROUND, after=_AROUND, old=_BODY, new=_BODY, newline=st.sampled_from(["\n", "\r\n"]))
def test_what_stands_around_stays_byte_for_byte(
    tmp_path: Path, before: str, after: str, old: str, new: str, newline: str
) -> None:
    page = tmp_path / "page.md"
    head, tail = before.encode(), after.encode()
    page.write_bytes(head + BEGIN + f"\n{old}\n".replace("\n", newline).encode() + END + tail)
    write_part(page, "context", MADE, new)
    now = page.read_bytes()
    assert now.startswith(head + b"<!-- panther context: begin, day=2026-02-01, at=def -->")
    assert now.endswith(END + tail)
    part = read_part(page, "context")
    assert part is not None
    assert (part.made_from, part.body.strip()) == (MADE, new.strip())
    assert not write_part(page, "context", MADE, new)
    assert page.read_bytes() == now


@anew
@given(text=_AROUND, body=_BODY)
def test_a_page_without_marks_keeps_its_text(tmp_path: Path, text: str, body: str) -> None:
    page = tmp_path / "page.md"
    page.write_bytes(text.encode())
    assert write_part(page, "context", MADE, body)
    now = page.read_bytes().decode()
    assert now.startswith(text.rstrip("\r\n") if text.strip() else "<!-- panther context: begin")
    assert not write_part(page, "context", MADE, body)


@anew
@given(body=_BODY)
def test_a_page_that_was_not_there(tmp_path: Path, body: str) -> None:
    page = tmp_path / "new" / "page.md"
    page.unlink(missing_ok=True)
    assert read_part(page, "context") is None
    assert write_part(page, "context", {}, body)
    assert not write_part(page, "context", {}, body)
    part = read_part(page, "context")
    assert part is not None and part.made_from == {} and part.body.strip() == body.strip()


@pytest.mark.parametrize(
    "text",
    [
        BEGIN, END, END + b"\n" + BEGIN, BEGIN + END + BEGIN + END, BEGIN + BEGIN + END, BEGIN + END + END,
        BEGIN + b"\n<!-- panther roadmap: end -->",
    ],
)  # fmt: skip
def test_marks_that_do_not_match_are_an_error_and_nothing_is_written(tmp_path: Path, text: bytes) -> None:
    page = tmp_path / "page.md"
    page.write_bytes(text)
    with pytest.raises(PantherError, match="marks"):
        read_part(page, "context")
    with pytest.raises(PantherError, match="marks"):
        write_part(page, "context", MADE, "x")
    assert page.read_bytes() == text


def test_the_marks_of_another_part_are_text(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    write_part(page, "roadmap", {}, "way")
    write_part(page, "context", {}, "where")
    write_part(page, "roadmap", {}, "other way")
    first, second = read_part(page, "roadmap"), read_part(page, "context")
    assert first is not None and second is not None
    assert (first.body, second.body) == ("other way\n", "where\n")


def test_a_link_is_written_through(tmp_path: Path) -> None:
    (tmp_path / "real.md").write_text("Mine.\n")
    (tmp_path / "page.md").symlink_to("real.md")
    write_part(tmp_path / "page.md", "context", {}, "x")
    assert (tmp_path / "page.md").is_symlink()
    assert (tmp_path / "real.md").read_text().startswith("Mine.\n")


def test_the_mode_of_a_page_stays(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("Mine.\n")
    page.chmod(0o640)
    write_part(page, "context", {}, "x")
    assert page.stat().st_mode & 0o777 == 0o640


@pytest.mark.parametrize("content", [b"\xff\xfe", b"caf\xe9"])
def test_a_page_that_is_no_text_is_an_error(tmp_path: Path, content: bytes) -> None:
    page = tmp_path / "page.md"
    page.write_bytes(content)
    with pytest.raises(PantherError, match="UTF-8"):
        write_part(page, "context", {}, "x")
    assert page.read_bytes() == content


def test_a_page_that_is_a_directory_or_below_a_file_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for page in (tmp_path, tmp_path / "file" / "page.md"):
        with pytest.raises(PantherError):
            write_part(page, "context", {}, "x")
