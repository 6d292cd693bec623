"""What a repository's documents say, and which of them are about its modules."""

from __future__ import annotations

import re
from functools import cached_property

from pantheros.scan.repository import Module, Repository

_STUB_WORDS = 25
"""A document of fewer words, headings aside, says nothing yet."""
_LONGEST = 1_000_000
"""Bytes that are read of a document."""
_DOTTED = re.compile(r"[\w-]+(?:[./][\w-]+)+", re.UNICODE)
_FENCE = re.compile(r"^\s*(```|~~~)", re.MULTILINE)
_OF_MODULES = frozenset({"modules", "options", "reference", "nixos", "home-manager"})
"""Directories whose documents are about the module that they are called after."""


class Documents:
    """The documents, each read once."""

    def __init__(self, repository: Repository) -> None:
        self._repository = repository
        self._texts: dict[str, str] = {}

    def text(self, path: str) -> str:
        """A document's text, "" where it cannot be read."""
        if path not in self._texts:
            try:
                with (self._repository.root / path).open("rb") as file:
                    self._texts[path] = file.read(_LONGEST).decode(errors="replace")
            except OSError:
                self._texts[path] = ""
        return self._texts[path]

    def says_something(self, path: str) -> bool:
        """Whether a document has more than its headings."""
        lines = [line for line in self.text(path).splitlines() if not line.lstrip().startswith(("#", "<!--", "="))]
        return len(" ".join(lines).split()) >= _STUB_WORDS

    def has_example(self, path: str) -> bool:
        """Whether a document shows code."""
        return bool(_FENCE.search(self.text(path)))

    def page(self, module: Module) -> str:
        """The document about a module, or "": one that has its name, or speaks of its file or its options."""
        stem = module.path.removesuffix("/default.nix").removesuffix(".nix").rpartition("/")[2].lower()
        names = [
            module.path,
            *(option.path.rpartition(".")[0] for option in module.facts.options if "." in option.path),
        ]
        return self._by_name.get(stem) or next((self._mentions[name] for name in names if name in self._mentions), "")

    @cached_property
    def _telling(self) -> list[str]:
        return [path for path in self._repository.docs if is_document(path) and self.says_something(path)]

    @cached_property
    def _by_name(self) -> dict[str, str]:
        """Documents by their own name: `docs/modules/users.md`, and not `docs/holiday/users.md`."""
        found: dict[str, str] = {}
        for path in self._telling:
            directory, _, name = path.rpartition("/")
            if directory == "docs" or _OF_MODULES & set(directory.split("/")):
                found.setdefault(name.rpartition(".")[0].lower(), path)
        return found

    @cached_property
    def _mentions(self) -> dict[str, str]:
        """Documents by the paths and options that they mention."""
        found: dict[str, str] = {}
        for path in self._telling:
            for word in _DOTTED.findall(self.text(path)):
                found.setdefault(word.strip("./"), path)
                parts = word.strip("./").split(".")
                for length in range(2, len(parts)):
                    found.setdefault(".".join(parts[:length]), path)
        return found


def is_document(path: str) -> bool:
    """Whether a file is prose."""
    return path.lower().endswith((".md", ".txt", ".rst", ".org", ".adoc", ".mdx"))
