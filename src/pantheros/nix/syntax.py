"""Nix text as a tree, and what its syntax errors most likely mean.

tree-sitter reads on after an error and shows where it stumbled, which is seldom where the mistake is: after a
missing semicolon it stumbles over the next line's `=`. So the tokens around it are asked first.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import tree_sitter_nix
from tree_sitter import Language, Node, Query, QueryCursor

from pantheros.findings import Finding, Origin, Related
from pantheros.source import Source, origin_at

LANGUAGE = Language(tree_sitter_nix.language())
_FORMALS = Query(LANGUAGE, "(formals) @formals")
_WHOLE = frozenset({"string_expression", "indented_string_expression", "path_expression", "uri_expression"})
_NAMES = frozenset({"identifier", "string_expression", "interpolation"})
_OPENS = frozenset({"{", "${", "[", "(", "let", "with", "assert"})
_OPENERS = {"}": "{", "]": "[", ")": "("}
_CLOSERS = {"{": "}", "${": "}", "[": "]", "(": ")"}
_MOST = 5
_LOOKED_AT = 50
"""Of a text that is no Nix at all, the parser's errors from the first on: each is compared with all tokens."""


def parse(file: str, text: str) -> Source:
    """The tree of a Nix text. A NUL character, which would end the text for the parser, counts as a blank."""
    text = text.replace("\0", " ").replace("\ufeff", " ")
    source = Source(file, text, LANGUAGE)
    while source.root.has_error and (commas := _last_commas(source)):
        content = bytearray(source.encoded)
        for at in commas:
            content[at : at + 1] = b" "
        source = Source(file, content.decode(), LANGUAGE)
    return source


def _last_commas(source: Source) -> list[int]:
    """Where a comma ends a function's arguments (`{ lib, pkgs, }: …`), which Nix allows and the grammar does not."""
    found = []
    formals = QueryCursor(_FORMALS).captures(source.root).get("formals", [])
    for node in (child for each in formals if each.has_error for child in each.children):
        if not (node.is_error or (node.type == "formal" and any(c.is_error or c.is_missing for c in node.children))):
            continue
        comma = node if node.is_error and node.text == b"," else node.prev_sibling
        while comma is not None and comma.type == "comment":
            comma = comma.prev_sibling
        following = node.next_sibling
        while following is not None and following.type == "comment":
            following = following.next_sibling
        before = comma.prev_named_sibling if comma is not None else None
        if comma is None or before is None or before.start_byte == before.end_byte:
            continue
        if comma.text == b"," and following is not None and following.type == "}":
            found.append(comma.start_byte)
    return found


def syntax_findings(source: Source, text: str) -> list[Finding]:
    """What is wrong with the syntax of `text`, at most a handful: one mistake makes many."""
    found = _strange_characters(source.file, text)
    if source.root.has_error:
        tokens = _tokens(source.root)
        # Where the tokens tell what is wrong, tree-sitter's own errors are only echoes of it.
        found += _telling(source, tokens) or _stumbles(source, tokens)
        if not found:
            found.append(_error("this is not Nix", source.origin(tokens[0]) if tokens else _start(source.file)))
    return sorted(found, key=lambda finding: finding.origin or _start(source.file))[:_MOST]


def _start(file: str) -> Origin:
    return Origin(file, 1, 1, 1, 1)


def _error(message: str, origin: Origin, advice: str = "", *related: Related) -> Finding:
    return Finding("nix-syntax", message, help=advice, origin=origin, related=related)


def _strange_characters(file: str, text: str) -> list[Finding]:
    found = []
    if "\ufeff" in text:
        origin = origin_at(file, text, text.index("\ufeff"))
        found.append(
            _error(
                "the file holds a byte order mark, which Nix does not know",
                origin,
                "save it as UTF-8 without BOM",
            )
        )
    if "\0" in text:
        found.append(_error("a NUL character", origin_at(file, text, text.index("\0")), "delete it"))
    return found


def _tokens(root: Node) -> list[Node]:
    """The leaves of the tree in order, sound strings and paths in one piece, without comments."""
    tokens = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node.type == "comment" or node.is_missing:
            continue
        if not node.child_count or (node.type in _WHOLE and not node.has_error):
            if node.end_byte > node.start_byte:
                tokens.append(node)
        else:
            stack.extend(reversed(node.children))
    return tokens


@dataclass(slots=True)
class _Open:
    """A bracket, `let` or `with` that is not closed yet; `bound` when a binding in it wants its semicolon."""

    token: Node
    mark: str
    bound: bool = False


def _telling(source: Source, tokens: list[Node]) -> list[Finding]:
    """Mistakes that show in the tokens: no semicolon after a binding, a comma or colon instead, no `]`."""
    found: list[Finding] = []
    around: list[_Open] = []
    for index, token in enumerate(tokens):
        mark = source.of(token) if token.type not in _WHOLE else ""
        before = tokens[index - 1] if index else None
        innermost = around[-1] if around else None
        if mark in _OPENS:
            around.append(_Open(token, mark))
        elif mark == "=":
            found += _assignment(source, tokens, index)
            if innermost:
                innermost.bound = True
        elif mark == "inherit" and innermost:
            innermost.bound = True
        elif mark == ":":
            found += _colon(source, tokens, index)
        elif innermost is None or before is None:
            continue
        elif innermost.mark == "[" and mark in (";", "}", ")"):
            found.append(_unclosed(source, innermost.token, "]", before))
            around.pop()
            if mark == "}" and around:
                around.pop()
        elif mark == ";":
            if innermost.mark in ("with", "assert"):
                around.pop()
            innermost.bound = False
        elif mark in ("}", "in") and innermost.mark in ("{", "let"):
            if innermost.bound and source.of(before) not in (";", "{"):
                found.append(_semicolon(source, before, mark))
            around.pop()
        elif mark in _OPENERS:
            around.pop()
    return found


def _assignment(source: Source, tokens: list[Node], index: int) -> Iterator[Finding]:
    """What is wrong before the name that `=` follows: nothing, where the binding before it has its end."""
    name = index - 1
    while name >= 2 and tokens[name - 1].type == "." and tokens[name - 2].type in _NAMES:
        name -= 2
    if name < 0 or tokens[name].type not in _NAMES:
        return
    if name == 0:
        yield _error(
            "the file must be one set of values: `{` is missing",
            source.origin(tokens[0]),
            "put `{` before the first value and `}` after the last",
        )
        return
    before = tokens[name - 1]
    mark = source.of(before)
    if mark == ",":
        yield _error("`,` where a value ends: Nix wants `;`", source.origin(before), "write `;`")
    elif mark not in ("{", ";", "let"):
        yield _semicolon(source, before, source.of(tokens[name]))


def _colon(source: Source, tokens: list[Node], index: int) -> Iterator[Finding]:
    if index > 1 and tokens[index - 1].type in _NAMES and source.of(tokens[index - 2]) in ("{", ";"):
        name = source.of(tokens[index - 1])
        yield _error(
            f"`:` after `{name}`: a value is assigned with `=`",
            source.origin(tokens[index]),
            f"write `{name} = …;`",
        )


def _unclosed(source: Source, opener: Node, closer: str, before: Node) -> Finding:
    return _error(
        f"`{closer}` is missing",
        source.span(before.end_point, before.end_point),
        f"close the `{source.of(opener)}`",
        Related("opened here", source.origin(opener)),
    )


def _semicolon(source: Source, before: Node, following: str = "") -> Finding:
    where = f" (before `{following}`)" if following else ""
    origin = source.span(before.end_point, before.end_point)
    return _error(f"a semicolon is missing{where}", origin, "every value ends with `;`, the last one too")


def _stumbles(source: Source, tokens: list[Node]) -> list[Finding]:
    """Where tree-sitter stumbled: what it put in, and what it could not place."""
    found = []
    for node in _errors(source.root)[:_LOOKED_AT]:
        if node.is_missing:
            before = [token for token in tokens if token.end_byte <= node.start_byte]
            opener = node.parent.child(0) if node.parent else None
            if node.type == ";" and before:
                found.append(_semicolon(source, before[-1]))
            elif node.type in _OPENERS and opener is not None:
                found.append(
                    _error(
                        f"`{node.type}` is missing",
                        source.origin(node),
                        f"close the `{_OPENERS[node.type]}`",
                        Related("opened here", source.origin(opener)),
                    )
                )
            elif node.type == "identifier":
                what = "a value" if before and source.of(before[-1]) == "=" else "a name"
                help = "a value is assigned as `name = value;`"
                found.append(_error(f"{what} is missing", source.origin(node), help))
            else:
                found.append(_error(f"`{node.type}` is missing", source.origin(node)))
        else:
            found.append(_unplaced(source, node, tokens))
    return found


def _never_closed(source: Source, tokens: list[Node]) -> Node | None:
    """The innermost bracket that is still open where the text ends; None where something else is wrong, too."""
    around: list[Node] = []
    for token in tokens:
        mark = source.of(token)
        if token.type in _WHOLE:
            continue
        if mark in ('"', "''"):
            return None  # what looks like brackets behind it may be text
        if mark in _CLOSERS:
            around.append(token)
        elif mark in _OPENERS and (not around or _CLOSERS[source.of(around.pop())] != mark):
            return None
    return around[-1] if around else None


def _errors(root: Node) -> list[Node]:
    errors = []
    stack = [root]
    while stack:
        node = stack.pop()
        if node.is_error or node.is_missing:
            errors.append(node)
        elif node.has_error:
            stack.extend(reversed(node.children))
    return errors


def _unplaced(source: Source, error: Node, tokens: list[Node]) -> Finding:
    inside = [t for t in tokens if error.start_byte <= t.start_byte < max(error.end_byte, error.start_byte + 1)]
    first = inside[0] if inside else error
    text = source.of(first).strip()
    origin = source.origin(first)
    for token in tokens:
        if token.start_byte >= first.start_byte:
            break
        if token.type == "string_expression" and token.end_point.row > token.start_point.row:
            return _error(
                f'this text goes on to line {token.end_point.row + 1}: is its closing `"` missing?',
                source.span(token.start_point, token.start_point),
                "text of several lines is written between `''` and `''`",
                Related("reading stopped here", origin),
            )
    around = error.parent.type if error.parent else ""
    if around == "let_attrset_expression":
        return _error("`in` is missing after the values of `let`", origin, "write `let … in { … }`")
    if around == "formals":
        return _error("the arguments are not separated by commas", origin, "write `{ lib, pkgs, ... }:`")
    if text in _CLOSERS and (never := _never_closed(source, tokens)) is not None:
        return _unclosed(source, never, _CLOSERS[source.of(never)], tokens[-1])
    if text == "{":
        return _error("this set cannot be read", origin, "each of its values is `name = value;`")
    if text == "'":
        return _error("text in single quotes", origin, 'Nix wants double quotes: "…"')
    if text in ('"', "''"):
        return _error("a text that is never closed", origin, f"end it with `{text}`")
    if text == ",":
        return _error("a comma", origin, "a list's elements are separated by blanks; values end with `;`")
    if text == "-":
        return _error("a negative number in a list needs parentheses", origin, "write `(-1)`")
    if text in _OPENERS:
        return _error(f"`{text}` without a `{_OPENERS[text]}` before it", origin)
    following = next((token for token in tokens if token.start_byte >= first.end_byte), None)
    if first.type in _NAMES and following is not None and following.type not in (*_OPENERS, "=", ".", ";", ":"):
        return _error(f"`=` is missing after `{text}`", origin, f"write `{text} = …;`")
    shown = text.splitlines()[0][:40] if text else ""
    return _error(f"`{shown}` is not expected here" if shown else "something is missing here", origin)
