"""Words and numbers in sentences."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pantheros.insight.prose import percent


@given(st.integers(1, 5000), st.data())
def test_all_and_none_alone_are_a_hundred_and_no_percent(whole: int, data: st.DataObject) -> None:
    part = data.draw(st.integers(0, whole))
    told = int(percent(part, whole).removesuffix("%"))
    assert (told == 100, told == 0) == (part == whole, part == 0)
    assert abs(told - 100 * part / whole) <= 0.5 or told in (1, 99)
