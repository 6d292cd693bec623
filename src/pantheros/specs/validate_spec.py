"""What is wrong with a main spec."""

from __future__ import annotations

from collections.abc import Iterator

from pantheros.specs.delta import Block, body, has_keyword
from pantheros.specs.issues import Issue, Level
from pantheros.specs.main_spec import NotASpec, misplaced, parts, placeholder, read_main_spec
from pantheros.specs.text import length

BRIEF = 50
LONG = 500
_EXPECTED = """\
A main spec has these parts:

## Purpose
What the capability is for

## Requirements
### Requirement: A short name
The system SHALL ...

#### Scenario: A short name
- **WHEN** ...
- **THEN** ..."""
_SCENARIO = """\
a scenario has a header of the fourth level:

#### Scenario: A short name
- **WHEN** ...
- **THEN** ..."""


def spec_issues(text: str) -> list[Issue]:
    """What is wrong with a main spec, in the reference's order."""
    return list(_issues(text))


def _issues(text: str) -> Iterator[Issue]:
    try:
        spec = read_main_spec(text)
    except NotASpec as error:
        yield Issue("ERROR", "file", f"{error}. {_EXPECTED}")
        return
    if not spec.requirements:
        yield Issue("ERROR", "requirements", "there are no requirements")
    for at, requirement in enumerate(spec.requirements):
        if not requirement.text:
            yield Issue("ERROR", f"requirements.{at}.text", "the requirement has neither a name nor a text")
        if not requirement.scenarios:
            yield Issue("ERROR", f"requirements.{at}.scenarios", f"{_named(requirement.title)} has no scenario")
    for slip in misplaced(text):
        yield Issue("ERROR", "file", slip.message, slip.line)
    waiting = placeholder(spec.purpose, text)
    if waiting is not None:
        message = "nobody has written the purpose yet: say here what the capability is for"
        yield Issue("WARNING", "overview", message, waiting.line)
    elif length(spec.purpose) < BRIEF:
        yield Issue("WARNING", "overview", f"the purpose is shorter than {BRIEF} characters")
    for at, requirement in enumerate(spec.requirements):
        if length(requirement.text) > LONG:
            message = f"the text of {_named(requirement.title)} is longer than {LONG} characters: take it apart"
            yield Issue("INFO", f"requirements[{at}]", message)
        if not requirement.scenarios:
            yield Issue("WARNING", f"requirements[{at}].scenarios", f"{_named(requirement.title)}: {_SCENARIO}")
    for at, block in enumerate(parts(text).blocks):
        text_of_it = body(block.lines[1:])
        if not text_of_it or not has_keyword(text_of_it):
            level: Level = "WARNING" if text_of_it else "ERROR"
            yield Issue(level, f"requirements[{at}]", without_keyword(f'requirement "{block.name}"', block))


def _named(title: str) -> str:
    return f'"{title}"' if title else "the requirement"


def without_keyword(what: str, block: Block) -> str:
    """What to say of a requirement that has no text, or none with a word that makes a requirement of it."""
    if has_keyword(block.name):
        return f"{what} says SHALL or MUST in its header only: say what it demands in the line below"
    if not body(block.lines[1:]):
        return f"{what} has no text: it has to say what SHALL or MUST be"
    return f"{what} says neither SHALL nor MUST (RFC 2119)"
