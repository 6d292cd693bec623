"""What shows that a repository has something: settings in force, files, options, names."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Sequence
from functools import cached_property, lru_cache
from typing import NamedTuple

from pantheros.insight.documents import Documents, is_document
from pantheros.insight.survey import Survey
from pantheros.nix.values import split_path
from pantheros.scan.host import Host, Place, Seen
from pantheros.scan.hosts import at_home
from pantheros.scan.repository import is_sample

_COMPUTED = 2
"""How many parts of a path may lie within something that is computed, for it to be taken for what is looked for; and
how many have to be known at least."""


class Evidence(NamedTuple):
    """Something seen, and where. `host` is the machine that it is in force on, "" where it is on none."""

    what: str
    place: Place
    host: str = ""


class _Paths:
    """Settings by their paths, to be asked for by patterns."""

    def __init__(self, settings: Iterable[Seen]) -> None:
        self._below: dict[str, _Paths] = {}
        self._here: list[Seen] = []
        settings = list(settings)
        off = {seen.path.removesuffix(".enable") for seen in settings if _is_off(seen)}
        off -= {
            seen.path.removesuffix(".enable")
            for seen in settings
            if seen.path.endswith(".enable") and not _is_off(seen)
        }
        for seen in settings:
            if not (off and any(seen.path.startswith(f"{each}.") and seen.path != f"{each}.enable" for each in off)):
                self._add(seen)

    def _add(self, seen: Seen) -> None:
        node = self
        for part in _parts(seen.path):
            node = node._below.setdefault(part, _Paths(()))
        node._here.append(seen)

    def find(self, pattern: str) -> Seen | None:
        """What is set at a pattern or below it; what is sure, rather than what only may be in force. Of an `….enable`,
        and where the pattern ends with `=true`, what is switched off does not count; where it ends with `=false`,
        nothing else does."""
        path, _, value = pattern.partition("=")
        found = [
            seen
            for seen in self._at(_parts(path))
            if seen.value not in _NOTHING
            and (
                seen.value == value
                if value not in ("", "true")
                else not (seen.value == "false" and (value or seen.path.endswith(".enable")))
            )
        ]
        return next((seen for seen in found if seen.sure), found[0] if found else None)

    def _at(self, parts: tuple[str, ...], depth: int = 0) -> Iterator[Seen]:
        if not parts:
            yield from self._here
            for below in self._below.values():
                yield from below._at(())
            return
        if len(parts) <= _COMPUTED <= depth:
            # `users.users = lib.mapAttrs …`: what is asked for may be in it.
            yield from (seen._replace(sure=False) for seen in self._here if not seen.value)
        first, *rest = parts
        for name, below in self._below.items():
            if first in ("*", name) or name == "*":
                yield from below._at(tuple(rest), depth + 1)


@lru_cache(maxsize=100_000)
def _parts(path: str) -> tuple[str, ...]:
    try:
        return tuple(split_path(path))
    except ValueError:
        return tuple(path.split("."))


def _is_off(seen: Seen) -> bool:
    return seen.value == "false" and seen.path.endswith(".enable")


_NOTHING = frozenset({"null", "[ ]", "{ }"})
"""Values that set nothing."""


class Witness:
    """Answers what a repository shows."""

    def __init__(self, found: Survey, switches: Collection[str] = ()) -> None:
        """`switches` are services and programs that are off unless their `enable` is set: what else is set of one
        counts where that is."""
        self._needed = frozenset(switches)
        self.survey = found
        self.repository = found.repository
        self._hosts = {host.name: _Paths(host.settings) for host in found.hosts}
        self.documents = Documents(found.repository)
        self._packages = {host.name: {seen.path: seen for seen in reversed(host.packages)} for host in found.hosts}

    def on_host(self, host: Host, settings: Iterable[str], packages: Iterable[str]) -> Evidence | None:
        """A setting or a package that is in force on a host."""
        doubtful: Seen | None = None
        for pattern in settings:
            service = ".".join(_parts(pattern.partition("=")[0])[:2])
            part = service in self._needed and not pattern.partition("=")[0].endswith(".enable")
            if part and self._hosts[host.name].find(f"{service}.enable") is None:
                continue
            seen = self._hosts[host.name].find(pattern)
            if seen is not None and seen.sure:
                return Evidence(seen.path, seen.place, host.name)
            doubtful = doubtful or seen
        for name in packages:
            seen = self._packages[host.name].get(name)
            if seen is not None and seen.sure:
                return Evidence(f"pkgs.{name}", seen.place, host.name)
            doubtful = doubtful or seen
        if doubtful is not None:
            return Evidence(f"{doubtful.path}, of which only Nix can tell the rest", doubtful.place)
        return None

    def by_default(self, host: Host, unless: Iterable[str]) -> Evidence | None:
        """What a host has of itself, unless it sets something against that."""
        if not host.whole or any(self._hosts[host.name].find(pattern) is not None for pattern in unless):
            return None
        own = next((path for path in host.files if path.startswith(f"{host.directory}/")), "flake.nix")
        return Evidence("NixOS's own default", Place(own, 0), host.name)

    def written(self, settings: Iterable[str]) -> Evidence | None:
        """A setting that is written somewhere, though no host is seen to have it."""
        for pattern in settings:
            seen = self._everywhere.find(pattern)
            if seen is not None:
                return Evidence(f"{seen.path}, which no host is seen to have", seen.place)
        return None

    @cached_property
    def _everywhere(self) -> _Paths:
        return _Paths(
            Seen(at_home(setting.path), setting.value, Place(path, setting.line), True)
            for path, facts in self.repository.nix.items()
            if not is_sample(path)
            for setting in facts.settings
        )

    def file(self, patterns: Iterable[str], containing: Sequence[str] = ()) -> tuple[Evidence, bool] | None:
        """A file that one of some patterns fits, and whether that is all it takes: a document may say nothing yet, and
        a module may be in force nowhere."""
        begun: Evidence | None = None
        for pattern in patterns:
            for path in _line_pattern(pattern).findall(self._all_files):
                if containing and not any(word in self.documents.text(path).lower() for word in containing):
                    continue
                if path in self._modules:
                    begun = begun or Evidence(f"the module {path}", Place(path, 0))
                elif is_document(path) and not self.documents.says_something(path):
                    begun = begun or Evidence(f"{path}, which says nothing yet", Place(path, 0))
                else:
                    return Evidence(path, Place(path, 0)), True
        return (begun, False) if begun is not None else None

    @cached_property
    def _all_files(self) -> str:
        return "\n".join(self.repository.files)

    @cached_property
    def _modules(self) -> frozenset[str]:
        return frozenset(module.path for module in self.repository.modules)

    def output(self, names: Iterable[str]) -> Evidence | None:
        """An output of the flake."""
        wanted = set(names)
        for output in self.survey.flake.outputs:
            if output.name in wanted:
                return Evidence(f"the flake's output {output.name}", Place("flake.nix", output.line))
        return None

    def call(self, names: Iterable[str]) -> Evidence | None:
        """A call of one of some functions."""
        wanted = set(names)
        for path, facts in self.repository.nix.items() if wanted else ():
            for each in facts.calls:
                if each.name in wanted:
                    return Evidence(f"{each.name} is called", Place(path, each.line))
        return None

    def input(self, names: Iterable[str]) -> Evidence | None:
        """An input of the flake, by its name or its repository's."""
        wanted = {name.lower() for name in names}
        for each in self.survey.flake.inputs:
            # `github:owner/repository/branch?dir=x`
            parts = each.url.partition(":")[2].partition("?")[0].split("/")
            if {each.name.lower(), *(part.lower() for part in parts[1:2])} & wanted:
                return Evidence(f"the flake's input {each.name}", Place("flake.nix", each.line))
        return None

    def switched_on(self, host: Host, words: Iterable[str]) -> Evidence | None:
        """A module of the repository's own that has one of some words at the end of its name, and is on on a host."""
        wanted = _phrases(words)
        for name, seen in self._switches[host.name].items():
            ending = _words(name.rpartition(".")[2])
            if _has(ending, wanted) or any(_words(name)[-len(phrase) :] == phrase for phrase in wanted):
                return Evidence(seen.path, seen.place, host.name)
        return None

    @cached_property
    def _switches(self) -> dict[str, dict[str, Seen]]:
        """By host: the repository's own `….enable` that are on, by what they switch."""
        own = {option.path for facts in self.repository.nix.values() for option in facts.options}
        own = {path for path in own if path.endswith(".enable")}
        return {
            host.name: {
                seen.path.removesuffix(".enable"): seen
                for seen in host.settings
                if seen.path in own and seen.value == "true" and seen.sure
            }
            for host in self.survey.hosts
        }

    def named(self, words: Iterable[str]) -> Evidence | None:
        """A module, or what one switches, or a spec, whose name has one of some words."""
        wanted = _phrases(words)
        found = [
            each
            for phrase in wanted
            for each in self._names.get(phrase[0], ())
            if len(phrase) == 1 or _has(each[1], [phrase])
        ]
        return min(found, key=lambda each: each[0])[2] if found else None

    @cached_property
    def _names(self) -> dict[str, list[tuple[int, tuple[str, ...], Evidence]]]:
        """What modules, switches and specs are called, by each word: the name's number, its words, the evidence."""
        found: dict[str, list[tuple[int, tuple[str, ...], Evidence]]] = {}
        for number, (name, evidence) in enumerate(self._named_things()):
            words = _words(name)
            for word in dict.fromkeys(words):
                found.setdefault(word, []).append((number, words, evidence))
        return found

    def _named_things(self) -> Iterator[tuple[str, Evidence]]:
        for module in self.repository.modules:
            if not (module.facts.broken or module.facts.options or module.facts.settings):
                continue
            broken = f", which is broken ({module.facts.broken})" if module.facts.broken else ""
            yield module.path, Evidence(f"the module {module.path}{broken}", Place(module.path, 0))
            for option in module.facts.options:
                if option.path.endswith(".enable"):
                    yield option.path, Evidence(f"the option {option.path}", Place(module.path, option.line))
        for capability in self.survey.specs:
            yield capability, Evidence(f"the spec {capability}", Place(f"openspec/specs/{capability}/spec.md", 0))

    def change(self, words: Iterable[str]) -> str:
        """An open change that is not done yet and is about one of some words, or "": by its name, or by the
        capabilities that it has deltas for. The words have to make up half of such a name: `boot-splash-logo` is not
        about boot."""
        wanted = _phrases(words)
        pending = [each for each in self.survey.changes if each.status != "complete"]
        for each in pending:
            if any(_is_about(name, wanted) for name in (each.name, *each.about)):
                return each.name
        return ""


def glob(pattern: str) -> str:
    """A pattern of paths as a regular expression: `**/` for any directories, `*` within one name."""
    out = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", pattern):
        out += {"**/": "(?:.*/)?", "**": ".*", "*": "[^/\n]*", "?": "[^/\n]"}.get(part, re.escape(part))
    return out


@lru_cache(maxsize=100_000)
def _words(name: str) -> tuple[str, ...]:
    """The words of a name: parted by signs, and where small letters are followed by a large one."""
    parted = re.sub(r"(?<=[a-z0-9])(?=[A-Z])", " ", name.removesuffix(".nix"))
    return tuple(re.findall(r"[^\W_]+", parted.lower()))


def _is_about(name: str, wanted: Iterable[tuple[str, ...]]) -> bool:
    """Whether words make up half of a change's name, or of a capability's, and it does not take something away."""
    words = _words(name)
    if words[:1] and words[0] in _TAKES_AWAY:
        return False
    words = tuple(word for word in words if word not in _SAYS_LITTLE)
    return any(_has(words, [phrase]) and 2 * len(phrase) >= len(words) for phrase in wanted)


_TAKES_AWAY = frozenset({"remove", "delete", "drop", "disable", "rename", "move", "document"})
_SAYS_LITTLE = frozenset(
    {
        *("add", "enable", "setup", "set", "up", "implement", "create", "introduce", "use", "configure", "improve"),
        *("configuration", "integration", "integrate", "support", "management", "module", "modules", "new", "server"),
        *("the", "a", "an", "and", "for", "to", "on", "of", "with", "in", "system", "service", "services"),
    }
)
"""Words of names that tell nothing of what they are about."""


@lru_cache(maxsize=1000)
def _line_pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(f"^{glob(pattern)}$", re.IGNORECASE | re.MULTILINE)


def _phrases(words: Iterable[str]) -> list[tuple[str, ...]]:
    return [tuple(word.lower().split("-")) for word in words]


def _has(words: tuple[str, ...], wanted: Iterable[tuple[str, ...]]) -> bool:
    return any(
        words[at : at + len(phrase)] == phrase for phrase in wanted for at in range(len(words) - len(phrase) + 1)
    )
