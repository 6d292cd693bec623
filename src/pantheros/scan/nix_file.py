"""What one Nix file says, from its syntax alone: nothing is evaluated, and nothing outside the file is looked at.

What only an evaluation could tell (a name that is computed, a condition that is no mere switch) is marked as such, and
never guessed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from tree_sitter import Query

from pantheros.nix.syntax import LANGUAGE, parse, syntax_findings
from pantheros.scan.expressions import SELECTS, SETS, TEXTS, Expressions, Scope, bindings_of, captured
from pantheros.scan.facts import NOTHING, Facts, Input, Named, Setting
from pantheros.scan.flakes import FlakeReader
from pantheros.scan.module import ModuleReader
from pantheros.scan.paths import PathReader
from pantheros.scan.twice import assigned_twice
from pantheros.source import Source

_SECRETS = ("sops.secrets", "age.secrets", "services.onepassword-secrets.secrets", "vault.secrets")
_CALLED = Query(
    LANGUAGE,
    """[
      (apply_expression function: (variable_expression name: (identifier) @name))
      (apply_expression function: (select_expression attrpath: (attrpath attr: (identifier) @name .)))
    ]""",
)
_PATHS = Query(LANGUAGE, "[(path_expression) (hpath_expression)] @path")


def read(text: str) -> Facts:
    """What a file says; of one that Nix could not read, no more than that."""
    try:
        return _read(text)
    except RecursionError:
        return Facts(broken="line 1: it nests deeper than is read")


def _read(text: str) -> Facts:
    if text.startswith("\ufeff"):
        return Facts(broken="line 1: the file begins with a byte order mark, which Nix does not know")
    source = parse("", text)
    if source.root.has_error:
        findings = syntax_findings(source, text)
        line = findings[0].origin.line if findings and findings[0].origin else 1
        return Facts(broken=f"line {line}: {findings[0].message if findings else 'this is not Nix'}")
    top = next((node for node in source.root.named_children if node.type != "comment"), None)
    if top is None:
        return Facts(broken=NOTHING)
    refused = assigned_twice(source) or _slash_behind(source)
    if refused:
        return Facts(broken=refused)
    expressions = Expressions(source)
    module, flake, paths = ModuleReader(expressions), FlakeReader(expressions), PathReader(expressions)
    inputs: list[Input] = []
    outputs: list[Named] = []
    description = ""
    bound = bindings_of(top) if top.type in SETS else {}
    if "outputs" in bound:
        description = expressions.literal(bound.get("description")) or ""
        inputs = list(flake.inputs(top))
        outputs = list(flake.outputs(bound["outputs"], Scope()))
    else:
        module.module(top, Scope())
        for path, node, scope, line in module.configured:
            flake.configured(path, node, scope, line)
    return Facts(
        options=tuple(module.options),
        settings=tuple(module.settings),
        references=tuple(paths.references(source.root)),
        packages=tuple(module.packages),
        modules=tuple(paths.foreign_modules(source.root)),
        opaque=(*module.opaque, *([Named("the rest of a very large file", 1)] if expressions.left < 0 else ())),
        calls=tuple(_calls(expressions)),
        secrets=tuple(dict.fromkeys(_secrets(expressions, module.settings))),
        configurations=tuple(flake.configurations),
        inputs=tuple(inputs),
        outputs=tuple(outputs),
        given=tuple(flake.given),
        description=description,
    )


def _slash_behind(source: Source) -> str:
    """Where a path ends with a slash, which Nix refuses; "" where none does."""
    for path in captured(_PATHS, source.root, "path"):
        if source.of(path).endswith("/"):
            return f"line {path.start_point.row + 1}: the path `{source.of(path)}` ends with a slash"
    return ""


def _calls(expressions: Expressions) -> Iterator[Named]:
    """The functions that a file calls."""
    seen: set[str] = set()
    for node in captured(_CALLED, expressions.source.root, "name"):
        name = expressions.source.of(node)
        if name not in seen:
            seen.add(name)
            yield Named(name, node.start_point.row + 1)


def _secrets(expressions: Expressions, settings: Iterable[Setting]) -> Iterator[Named]:
    """The secrets that a file declares or reads, by name or by `op://` address."""
    for setting in settings:
        yield from _secret(setting.path, setting.line)
    for node in captured(TEXTS, expressions.source.root, "text"):
        text = expressions.source.of(node)
        if text.startswith("op://"):
            yield Named(text.split()[0], node.start_point.row + 1)
    for node in captured(SELECTS, expressions.source.root, "select"):
        yield from _secret(expressions.option(node, Scope()), node.start_point.row + 1)


def _secret(option: str, line: int) -> Iterator[Named]:
    for prefix in _SECRETS:
        if option.startswith(f"{prefix}."):
            name = option[len(prefix) + 1 :]
            yield Named(name[1:].partition('"')[0] if name.startswith('"') else name.partition(".")[0], line)
