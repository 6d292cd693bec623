from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from pantheros.releases.make_index import DATA, texts

LISTS = Path(__file__).parents[3] / "shared" / "data"


@pytest.mark.skipif(not LISTS.is_dir(), reason="the lists that the index is made from are not at hand")
def test_the_packaged_index_is_what_the_lists_make() -> None:
    made = texts(LISTS)
    assert {path.name for path in DATA.iterdir()} == {
        "README.md",
        "units-24.11.json",
        "brought-24.11.json",
        "required-24.11.json",
        "refused-24.11.txt.gz",
        *made,
    }
    for name, text in made.items():
        # what is in the archive counts: another zlib may pack the same text into other bytes
        data = (DATA / name).read_bytes()
        assert (gzip.decompress(data) if name.endswith(".gz") else data).decode() == text, name
