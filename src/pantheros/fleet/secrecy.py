"""Texts that are secrets by the look of them: in a fleet's files they are a mistake, and are never shown.

Issuers mark their tokens so that scanners find them; the marks here are the ones they publish (GitHub's, GitLab's,
1Password's, Tailscale's, AWS's, ... documentation of token formats). What has no mark cannot be told from other text
without false alarms, unless its name says what it is: that is `looks_random`.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from pantheros.nix.values import Override

_KINDS = {
    "a GitHub token": r"gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{22,}",
    "a GitLab token": r"gl(?:pat|ptt|dt|rt|soat|ft)-[\w-]{20,}",
    "a 1Password service account token": r"ops_eyJ[\w=-]{40,}",
    "a Tailscale key": r"tskey-(?:auth|api|client|scim|webhook)-[A-Za-z0-9]+-[A-Za-z0-9]{16,}",
    "an age identity": r"AGE-SECRET-KEY-1[0-9A-Z]{50,}",
    "a private key": r"-----BEGIN (?:[A-Z0-9]+ )*PRIVATE KEY(?: BLOCK)?-----",
    "an AWS access key": r"\b(?:AKIA|ASIA)[A-Z2-7]{16}\b",
    "a Slack token": r"xox[abeoprs]-[A-Za-z0-9-]{10,}",
    "a Stripe key": r"\b[rs]k_live_[A-Za-z0-9]{16,}",
    "an npm token": r"\bnpm_[A-Za-z0-9]{36}\b",
    "a PyPI token": r"\bpypi-AgE[\w-]{50,}",
    "a Docker Hub token": r"\bdckr_pat_[\w-]{20,}",
    "a DigitalOcean token": r"\bdo[opr]_v1_[a-f0-9]{64}\b",
    "a Hugging Face token": r"\bhf_[A-Za-z0-9]{30,}",
    "an Anthropic key": r"\bsk-ant-[\w-]{20,}",
    "an OpenAI key": r"\bsk-(?:proj-|svcacct-)?[A-Za-z0-9_-]{32,}",
    "a SendGrid key": r"\bSG\.[\w-]{16,}\.[\w-]{16,}",
    "a Google API key": r"\bAIza[\w-]{35}\b",
    "a Grafana token": r"\bglsa_[A-Za-z0-9]{32}_[a-f0-9]{8}\b",
    "a JSON web token": r"\beyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}",
    "a password in an address": r"(?<=://)[^\s/:@\"'$%<{]+:[^\s/:@\"'$%<{]{4,}(?=@)",
}
_MARKED = re.compile("|".join(f"(?P<k{i}>{pattern})" for i, pattern in enumerate(_KINDS.values())))
_NAMES = list(_KINDS)
_SHOWN = 4
_PASSWORD_HASH = re.compile(r"\$(?:1|2[abxy]?|5|6|7|y|gy|argon2\w*|sha1)\$")
_WHOLE_HASH = re.compile(rf"(?:{_PASSWORD_HASH.pattern})[\w./$,=+-]{{8,}}")
_WORDS = r"(?:pass(?:word|phrase|wd)|secret|token|(?:api|access|auth|private|secret)[_-]?key|psk)"
_SLIPS = r"(?:pas*s*w\w{0,3}d)"
_TELLING = re.compile(rf"(?:^|[_.-]|(?<=[a-z])){_WORDS}$", re.IGNORECASE)
_MISSPELT = re.compile(rf"{_SLIPS}$", re.IGNORECASE)
_ASSIGNED = re.compile(rf"""((?:{_WORDS}|{_SLIPS})["']?\s*[=:]\s*\[?\s*)("[^"]*"|'[^']*'|[\w.-]+)""", re.IGNORECASE)


class Marked(NamedTuple):
    """A secret in a text."""

    start: int
    end: int
    kind: str


def marked(text: str) -> Iterator[Marked]:
    """The secrets in a text that carry their issuer's mark."""
    for found in _MARKED.finditer(text):
        index = next(i for i, _ in enumerate(_NAMES) if found[f"k{i}"] is not None)
        yield Marked(found.start(), found.end(), _NAMES[index])


def masked(text: str) -> str:
    """A text for all eyes: of a secret that carries a mark, the beginning of the mark is left, of a password's hash
    the part that says how it was made."""
    text = _WHOLE_HASH.sub(lambda found: f"{_how_hashed(found[0])}…", text)
    return _MARKED.sub(lambda found: f"{found[0][:_SHOWN]}…", text)


def _how_hashed(text: str) -> str:
    found = _PASSWORD_HASH.match(text)
    return found[0] if found else ""


def masked_line(line: str, start: int, end: int) -> str:
    """A line of a file for all eyes, as long as it was: what is written for a name that tells of a secret is hidden,
    unless it is what the line is shown for, from `start` to `end`; and so is the rest of a secret that carries a
    mark."""
    hidden = _ASSIGNED.sub(lambda found: found[1] + "•" * len(found[2]), line)
    hidden = hidden[:start] + line[start:end] + hidden[max(start, end) :]
    hidden = _WHOLE_HASH.sub(lambda found: _how_hashed(found[0]).ljust(len(found[0]), "•"), hidden)
    return _MARKED.sub(lambda found: found[0][:_SHOWN] + "•" * (len(found[0]) - _SHOWN), hidden)


def hidden(value: Any, name: str = "") -> Any:
    """A setting's value for all eyes: what lies under a name that tells of a secret is not shown, unless it is a
    place or an expression."""
    if isinstance(value, dict):
        return {key: hidden(below, key) for key, below in value.items()}
    if isinstance(value, list):
        return [hidden(below, name) for below in value]
    if isinstance(value, Override):
        return Override(value.priority, hidden(value.value, name))
    if isinstance(value, str):
        plain = not value or "\0" in value or value.startswith(("/", "op://"))
        if not plain and (names_a_secret(name) or names_its_file(name) or _MISSPELT.search(name)):
            return "(hidden)"
        return masked(_ASSIGNED.sub(lambda found: f"{found[1]}(hidden)", value))
    return value


def names_a_secret(name: str) -> bool:
    """Whether what is called so is a secret itself: `password`, `authToken`; not `passwordFile`."""
    return _TELLING.search(name) is not None


def names_its_file(name: str) -> bool:
    """Whether what is called so is the file that a secret lies in: `passwordFile`."""
    return any(name.endswith(end) and names_a_secret(name.removesuffix(end)) for end in ("File", "_file", "Path"))


def looks_random(text: str) -> bool:
    """Whether a text is one that nobody would think up: long, of mixed characters, in no order.

    The entropy of its characters is at least 3.2 bits each, as in random hexadecimal digits; hashes of passwords,
    which may be told, are not meant.
    """
    if len(text) < 16 or any(c.isspace() for c in text) or _PASSWORD_HASH.match(text):
        return False
    if text.startswith(("/", "./", "op://", "http:", "https:", "ssh-", "file:")) or not any(map(str.isdigit, text)):
        return False
    counts = Counter(text)
    return -sum(n / len(text) * math.log2(n / len(text)) for n in counts.values()) >= 3.2
