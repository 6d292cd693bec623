"""Getting a file over HTTPS: whole, from where it may come from, and of a size that we want. Imported only to fetch."""

from __future__ import annotations

import ipaddress
import time
from collections.abc import Callable
from http.client import HTTPException
from typing import Any, NamedTuple
from urllib.error import HTTPError, URLError
from urllib.parse import urljoin, urlsplit
from urllib.request import HTTPRedirectHandler, Request, build_opener

import pantheros
from pantheros.findings import PantherError

_REDIRECTS = 5
_PIECE = 1 << 16
_AT_MOST = 20
"""A fetch may take this many times as long as a single answer, so that a server cannot keep us with a trickle."""

Progress = Callable[[str, int, int | None], None]
"""Told the address, and how many bytes have come of how many; None where the server did not say."""


class Answer(NamedTuple):
    """What a server sent: the address that it was at in the end, and the body as it came (still compressed)."""

    url: str
    body: bytes


def fetch(url: str, *, limit: int, timeout: float, progress: Progress | None = None) -> Answer:
    """What is at an address. Takes at most `limit` bytes, and waits `timeout` seconds for a connection or more data.

    `PantherError` says why it cannot be had: no network, an HTTP error, redirects that do not end or lead off HTTPS, a
    body that is too large or breaks off. Plain HTTP is for this machine alone.
    """
    _allowed(url)
    host = urlsplit(url).hostname
    began = time.monotonic()
    try:
        request = Request(url, headers={"User-Agent": f"pantherOS/{pantheros.__version__}"})
        with build_opener(_Redirects()).open(request, timeout=timeout) as response:
            total = _length(response)
            if total is not None and total > limit:
                raise _too_large(url, limit)
            body = bytearray()
            while piece := response.read1(_PIECE):
                body += piece
                if len(body) > limit:
                    raise _too_large(url, limit)
                if time.monotonic() - began > timeout * _AT_MOST:
                    raise TimeoutError
                if progress:
                    progress(url, len(body), total)
            if total is not None and len(body) < total:
                raise PantherError(f"{url}: the answer broke off after {len(body):,} of {total:,} bytes")
            return Answer(response.url.partition("#")[0], bytes(body))
    except HTTPError as error:
        to = error.headers.get("Location") if 300 <= error.code < 400 else None
        if to is not None:
            _allowed(urljoin(url, to))
            raise PantherError(f"{url}: redirected in a circle, or more than {_REDIRECTS} times") from error
        raise PantherError(f"{url}: the server answers {error.code} {error.reason}") from error
    except TimeoutError as error:
        raise PantherError(f"{url}: {host} did not answer in time") from error
    except URLError as error:
        if isinstance(error.reason, TimeoutError):
            raise PantherError(f"{url}: {host} did not answer in time") from error
        raise PantherError(f"{url}: {host} cannot be reached ({_reason(error.reason)})") from error
    except HTTPException as error:
        what = str(error) or type(error).__name__
        raise PantherError(f"{url}: the answer broke off, or is not HTTP ({what})") from error
    except (OSError, ValueError) as error:
        raise PantherError(f"{url}: {host} cannot be reached ({_reason(error)})") from error


class _Redirects(HTTPRedirectHandler):
    max_redirections = _REDIRECTS
    max_repeats = 1

    def redirect_request(self, req: Request, fp: Any, code: int, msg: str, headers: Any, newurl: str) -> Request | None:
        _allowed(newurl)
        return super().redirect_request(req, fp, code, msg, headers, newurl)


def _allowed(url: str) -> None:
    """`PantherError` unless the address is one on HTTPS, or on this machine."""
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if not host:
        raise PantherError(f"{url}: not an address")
    if parts.scheme != "https" and not (parts.scheme == "http" and _this_machine(host)):
        raise PantherError(f"{url}: only https is fetched from")


def _this_machine(host: str) -> bool:
    try:
        return host == "localhost" or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def _length(response: Any) -> int | None:
    text = response.headers.get("Content-Length") or ""
    return int(text) if text.isdecimal() else None


def _too_large(url: str, limit: int) -> PantherError:
    return PantherError(f"{url}: more than {limit / 1e6:,.0f} MB, which no list of options has")


def _reason(error: object) -> str:
    return str(getattr(error, "strerror", None) or error).lower()
