"""Types in words: what is told of a type is what it takes."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import pytest
from pydantic import Field

from pantheros.fleet.words import describe

Port = Annotated[int, Field(ge=1, le=65535)]


@pytest.mark.parametrize(
    ("annotation", "words"),
    [
        (bool, "true or false"),
        (list[str], "a list of strings"),
        (list[Port], "a list of whole numbers from 1 to 65535"),
        (Annotated[list[Port], Field(min_length=1)], "a list, not empty, of whole numbers from 1 to 65535"),
        (
            Annotated[list[Literal["a", "b"]], Field(min_length=1)],
            'a list, not empty, whose elements are each one of "a", "b"',
        ),
        (Annotated[str, Field(min_length=1)], "a string that is not empty"),
        (Annotated[str, Field(pattern="^a$")], "a string that matches `^a$`"),
        (Annotated[str, Field(pattern="^a$", description="an a")], "an a"),
        (dict[str, Annotated[str, Field(description="an a")]], "a table whose elements are each an a"),
    ],
)
def test_types(annotation: Any, words: str) -> None:
    assert describe(annotation) == words
