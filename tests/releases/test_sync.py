"""Lists of options, fetched from a server on this machine that answers as channels.nixos.org and releases.nixos.org do;
and the index afterwards."""

from __future__ import annotations

import gzip
import hashlib
import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import brotli
import pytest

from pantheros.findings import PantherError
from pantheros.nix.values import Scope, split_path
from pantheros.releases import sync as syncing
from pantheros.releases import synced
from pantheros.releases.index import UNKNOWN, Index, Status
from pantheros.releases.release import Release
from pantheros.releases.sync import Fetched, sync

RELEASE = "/nixos/25.11/nixos-25.11.1234.abcdef012345"
LIST = f"{RELEASE}/options.json.br"
CHANNEL = "/nixos-25.11/options.json.br"


def option(kind: str, **more: Any) -> dict[str, Any]:
    return {"type": kind, "readOnly": False, "description": "What it does.", "declarations": [], **more}


def code(text: str) -> dict[str, str]:
    return {"_type": "literalExpression", "text": text}


def nixos(**more: dict[str, Any]) -> dict[str, Any]:
    """A list as long as it has to be to pass for NixOS's; `__` in a keyword stands for a dot."""
    listed = {f"services.invented{number}.enable": option("boolean", default=code("false")) for number in range(5000)}
    listed |= {
        "system.stateVersion": option("string"),
        "services.openssh.enable": option("boolean", default=code("false")),
        "services.openssh.settings": option("open submodule of attribute set of (anything)"),
        "services.brandNew.openFirewall": option("boolean", default=code("config.services.brandNew.enable")),
        "services.brandNew.package": option("package", default=code("pkgs.brandNew"), readOnly=True),
        'boot.kernel.sysctl."net.core.rmem_max"': option(
            "null or string", loc=["boot", "kernel", "sysctl", "net.core.rmem_max"]
        ),
        "users.users": option("attribute set of (submodule)", loc=["users", "users"]),
        "users.users.<name>.shell": option("package", loc=["users", "users", "<name>", "shell"]),
    }
    return listed | {name.replace("__", "."): found for name, found in more.items()}


def home() -> dict[str, Any]:
    listed = {f"programs.invented{number}.enable": option("boolean") for number in range(1000)}
    return listed | {"home.stateVersion": option("string"), "programs.atHome.enable": option("boolean")}


def packed(listed: Any) -> bytes:
    return brotli.compress(json.dumps(listed).encode(), quality=1)


def page(body: bytes, *, size: int | None = None, sha256: str | None = None) -> bytes:
    """A release's page, in the form that the script which publishes channels gives it."""
    rows = "".join(
        f"<tr><td><a href='{RELEASE}/{name}'>{name}</a></td>"
        f"<td align='right'>{length}</td><td><tt>{digest}</tt></td></tr>"
        for name, length, digest in [
            ("nixexprs.tar.xz", 12, "0" * 64),
            ("options.json.br", size or len(body), sha256 or hashlib.sha256(body).hexdigest()),
            ("packages.json.br", 34, "1" * 64),
        ]
    )
    head = "<th>File name</th><th>Size</th><th>SHA-256 hash</th>"
    title = "nixos-25.11 release"
    return (
        f"<html><head><title>{title}</title></head><body><h1>{title}</h1><table><thead><tr>{head}</tr></thead>"
        f"<tbody>{rows}</tbody></table></body></html>"
    ).encode()


Handler = BaseHTTPRequestHandler
Route = Callable[[Handler], None]


class Server:
    """`routes` answer by path; a path that has none is not there. `asked` are the paths, in order."""

    def __init__(self) -> None:
        self.url = ""
        self.routes: dict[str, Route] = {}
        self.asked: list[str] = []

    def channel(self, body: bytes, **about: Any) -> str:
        """Publish a list; its address in the channel."""
        self.routes[CHANNEL] = redirect(self.url + LIST)
        self.routes[LIST] = answer(body)
        self.routes[RELEASE] = answer(page(body, **about))
        return self.url + CHANNEL


def answer(body: bytes, *, length: int | None = None) -> Route:
    """A body; of another length than the server says, where `length` is given."""

    def route(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", str(len(body) if length is None else length))
        handler.end_headers()
        handler.wfile.write(body)

    return route


def endless(handler: Handler) -> None:
    handler.send_response(200)
    handler.end_headers()
    for _ in range(10_000):
        handler.wfile.write(b"0" * 65536)


def hang(handler: Handler) -> None:
    time.sleep(1)


def stall(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "100")
    handler.end_headers()
    handler.wfile.write(b"some")
    handler.wfile.flush()
    time.sleep(1)


def nonsense(handler: Handler) -> None:
    handler.wfile.write(b"this is not HTTP\r\n\r\n")


def redirect(to: str) -> Route:
    def route(handler: Handler) -> None:
        handler.send_response(301)
        handler.send_header("Location", to)
        handler.send_header("Content-Length", "0")
        handler.end_headers()

    return route


@contextmanager
def serving() -> Iterator[Server]:
    server = Server()

    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            server.asked.append(self.path)
            route = server.routes.get(self.path)
            if route is None:
                self.send_error(404)
                return
            with suppress(OSError):  # who asked has heard enough
                route(self)

        def log_message(self, *_: Any) -> None:
            pass

    http = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    http.daemon_threads = True
    http.block_on_close = False
    server.url = f"http://127.0.0.1:{http.server_port}"
    thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        http.shutdown()
        http.server_close()
        thread.join()


R = Release("25.11")
FAST = 0.2
"""Seconds to wait for a server that does not answer."""
LISTED = packed(nixos())


@pytest.fixture
def server() -> Iterator[Server]:
    with serving() as server:
        yield server


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    return tmp_path / "cache" / "pantheros" / "releases"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file that is kept of the good list: to have it there without fetching it each time."""
    with pytest.MonkeyPatch.context() as patch, serving() as server:
        patch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.mktemp("good")))
        patch.setenv("no_proxy", "127.0.0.1")
        (fetched,) = sync(R, source=server.channel(LISTED))
        return fetched.file.read_bytes()


@pytest.fixture
def kept(cache: Path, good: bytes) -> Path:
    """The good list, fetched before."""
    cache.mkdir(parents=True)
    file = cache / "nixos-25.11.txt.gz"
    file.write_bytes(good)
    return file


def refused(server: Server, cache: Path, source: str = "", **more: Any) -> PantherError:
    """What is said when a list cannot be had; nothing may have been changed by it."""
    before = {file.name: file.read_bytes() for file in cache.glob("*")}
    with pytest.raises(PantherError) as raised:
        sync(R, source=source or server.url + CHANNEL, timeout=FAST, **more)
    assert {file.name: file.read_bytes() for file in cache.glob("*")} == before
    return raised.value


def status(name: str, release: Release = R, scope: Scope = "nixos") -> Status:
    return Index.of(release).status(scope, split_path(name))


# Fetching -----------------------------------------------------------------------------------------------------


def test_a_list_is_found_through_the_channel_and_checked_against_the_page_of_its_release(
    server: Server, cache: Path
) -> None:
    heard: list[tuple[int, int | None]] = []
    found = sync(R, source=server.channel(LISTED), progress=lambda _, done, total: heard.append((done, total)))
    source = synced.Source(server.url + LIST, hashlib.sha256(LISTED).hexdigest())
    assert found == [Fetched("nixos", source, len(nixos()), True, cache / "nixos-25.11.txt.gz")]
    assert server.asked == [CHANNEL, LIST, RELEASE]
    assert heard[-1] == (len(LISTED), len(LISTED))
    assert [file.name for file in cache.iterdir()] == ["nixos-25.11.txt.gz"]
    assert Index.of(R).fetched("nixos") == source


def test_the_channel_of_each_release() -> None:
    assert syncing.channel(R) == "https://channels.nixos.org/nixos-25.11/options.json.br"
    assert syncing.channel(Release("unstable")) == "https://channels.nixos.org/nixos-unstable/options.json.br"


def test_a_directory_stands_for_its_list(server: Server, cache: Path) -> None:
    server.channel(LISTED)
    assert sync(R, source=f"{server.url}/nixos-25.11", write=False)[0].source.url == server.url + LIST
    assert not cache.exists()


@pytest.mark.parametrize("directory", ["/nixos/25.05/nixos-25.05.1.abc", "/nixos/unstable/nixos-25.11pre1.abc"])
def test_a_list_of_another_release(server: Server, cache: Path, directory: str) -> None:
    server.channel(LISTED)
    server.routes[CHANNEL] = redirect(f"{server.url}{directory}/options.json.br")
    server.routes[f"{directory}/options.json.br"] = answer(LISTED)
    assert "not of 25.11" in refused(server, cache).message


@pytest.mark.parametrize(
    ("route", "said"),
    [
        (answer(LISTED[:-100], length=len(LISTED)), "broke off after"),
        (answer(LISTED[:-100]), f"has {len(LISTED) - 100:,} bytes, not {len(LISTED):,}"),
        (answer(LISTED[:-1] + b"?"), "has SHA-256"),
        (hang, "did not answer in time"),
        (stall, "did not answer in time"),
        (nonsense, "is not HTTP"),
        (redirect("http://example.org/options.json.br"), "only https is fetched from"),
        (redirect("file:///etc/passwd"), "file:///etc/passwd: not an address"),
        (redirect(LIST), "redirected in a circle, or more than 5 times"),
    ],
)
def test_a_list_that_does_not_come_as_it_should(
    server: Server, cache: Path, kept: Path, route: Route, said: str
) -> None:
    server.channel(LISTED)
    server.routes[LIST] = route
    error = refused(server, cache)
    assert said in error.message
    assert error.help == "nothing was changed: the list of NixOS fetched before goes on being used"


def test_many_redirects(server: Server, cache: Path) -> None:
    server.channel(LISTED)
    for number in range(7):
        server.routes[f"/{number}.br"] = redirect(f"{server.url}/{number + 1}.br")
    server.routes["/7.br"] = answer(LISTED)
    assert "more than 5 times" in refused(server, cache, f"{server.url}/0.br").message


def test_no_such_channel(server: Server, cache: Path) -> None:
    error = refused(server, cache)
    assert "the server answers 404" in error.message
    assert error.help == "nothing was changed: the packaged index goes on being used"


def test_no_network(server: Server, cache: Path) -> None:
    with serving() as gone:
        source = gone.channel(LISTED)
    error = refused(server, cache, source)
    assert "127.0.0.1 cannot be reached (connection refused)" in error.message
    assert "the packaged index goes on being used" in error.help


@pytest.mark.parametrize(
    "source", ["http://example.org/options.json.br", "ftp://localhost/x.br", "https://", "http://["]
)
def test_an_address_that_nothing_is_fetched_from(server: Server, cache: Path, source: str) -> None:
    refused(server, cache, source)
    assert server.asked == []


def test_a_huge_body_is_not_waited_for(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "_LARGEST", 1_000_000)
    server.channel(LISTED)
    server.routes[LIST] = endless
    assert "more than 1 MB" in refused(server, cache).message
    server.routes[LIST] = answer(b"", length=1_000_001)
    assert "more than 1 MB" in refused(server, cache).message


def test_a_body_that_unpacks_to_something_huge(server: Server, cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(syncing, "_LARGEST_UNPACKED", 1_000_000)
    server.channel(brotli.compress(b" " * 50_000_000, quality=1))
    assert "unpacks to more than 1 MB" in refused(server, cache).message


def test_no_page_to_check_with(server: Server, cache: Path) -> None:
    source = server.channel(LISTED)
    server.routes[RELEASE] = answer(b"<html>nothing here</html>")
    assert "has no SHA-256 of options.json.br" in refused(server, cache).message
    del server.routes[RELEASE]
    error = refused(server, cache)
    assert "the list cannot be checked" in error.message
    assert "#sha256=" in error.help
    assert sync(R, source=f"{source}#sha256={hashlib.sha256(LISTED).hexdigest()}", write=False)[0].verified
    assert "has SHA-256" in refused(server, cache, f"{source}#sha256={'0' * 64}").message


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b"garbage", "not compressed with brotli"),
        (gzip.compress(b"{}", mtime=0), "compressed"),
        (LISTED[: len(LISTED) // 2], "breaks off"),
        (packed([]), "has no object"),
        (packed({}), "this has 0 options"),
        (packed({"a": option("boolean")}), "this has 1 options"),
        (brotli.compress(b"{", quality=1), "not JSON"),
        (brotli.compress(b"[" * 100_000, quality=1), "not JSON"),
        (brotli.compress(b"\xff\xfe", quality=1), "not JSON"),
        (packed(nixos(a={"description": "no type"})), "'a' has no type"),
        (packed(nixos(a=option(""))), "'a' has no type"),
        (packed(nixos() | {"": option("string")}), "'' is no name of one"),
        (packed({**nixos(), "a\x85b": option("string")}), "is no name of one"),
        (packed({f"a{number}": option("string") for number in range(5000)}), "it has no `system.stateVersion`"),
    ],
)
def test_what_is_no_list_of_options(server: Server, cache: Path, kept: Path, body: bytes, said: str) -> None:
    server.channel(body)  # the hash is right: what is published is wrong
    assert said in refused(server, cache).message


def test_a_cache_that_cannot_be_written(server: Server, cache: Path) -> None:
    cache.parent.mkdir(parents=True)
    cache.write_text("in the way")
    with pytest.raises(PantherError, match="cannot be written"):
        sync(R, source=server.channel(LISTED))


def test_home_manager_s_list_is_taken_from_where_one_is_told(server: Server, tmp_path: Path) -> None:
    file = tmp_path / "options.json"  # as `nix build home-manager#docs-json` makes it
    file.write_text(json.dumps(home()))
    nixos_list, home_list = sync(R, source=server.channel(LISTED), home=str(file))
    assert (nixos_list.verified, home_list.verified) == (True, False)
    assert status("programs.atHome.enable", scope="home").kind == "known"
    assert status("programs.invented.enable", scope="home").kind == "unknown"
    assert status("programs.onepassword-secrets.enable", scope="home").kind == "known"
    assert status("home.persistence", scope="home").kind == "known"
    assert status("programs.git.enable", scope="home").kind == "removed"
    assert not status("programs.git.enable", scope="home").certain


def test_both_lists_or_none(server: Server, cache: Path, tmp_path: Path) -> None:
    error = refused(server, cache, server.channel(LISTED), home=str(tmp_path / "nothing.json"))
    assert "no such file" in error.message


# The index afterwards -----------------------------------------------------------------------------------------


def test_names_are_known_whole_for_that_release_and_no_other(kept: Path) -> None:
    new = "services.brandNew.openFirewall"
    found = status(new)
    assert found.kind == "known"
    assert found.option is not None
    assert (found.option.type, found.option.default_text) == ("boolean", "config.services.brandNew.enable")
    assert status("services.brandOld.enable").kind == "unknown"
    assert status("services.brandNew.package").option.read_only  # type: ignore[union-attr]
    for other in ("25.05", "26.05"):
        assert status(new, Release(other)).kind == "doubtful"
        assert status("services.brandOld.enable", Release(other)).kind == "doubtful"
    assert Index.packaged(R).status("nixos", split_path(new)).kind == "doubtful"
    assert status("programs.git.enable", scope="home").kind == "known"


def test_names_are_spelt_as_in_the_index(kept: Path) -> None:
    assert status('boot.kernel.sysctl."net.core.rmem_max"').kind == "known"
    assert status("users.users.ada.shell").kind == "known"
    assert status("users.users.ada.shel").kind == "unknown"
    assert Index.of(R).nearest("nixos", split_path("users.users.ada.shel")) == "users.users.ada.shell"
    assert status("services.openssh.settings.X11Forwarding").kind == "known"  # a part of what is listed


def test_what_lists_leave_out_stays_known(kept: Path) -> None:
    for name in (
        "disko.devices.disk",
        "services.onepassword-secrets.enable",
        "environment.persistence",
        "facter.report",
    ):
        assert status(name).kind == "known", name
    assert status("services.openssh.permitRootLogin").kind == "renamed"
    assert status("services.openssh.permitRootLogin").to == "services.openssh.settings.PermitRootLogin"
    internal = status("assertions")
    assert internal.kind == "known"
    assert internal.option is not None
    assert internal.option.internal


def test_what_an_earlier_release_had_was_renamed_or_removed(kept: Path) -> None:
    silent = status("services.nginx.enable")  # nothing is known but that this list lacks it
    assert (silent.kind, silent.certain) == ("removed", False)
    told = status("hardware.pulseaudio.enable")  # changes.json knows more
    assert (told.kind, told.to, told.since, told.certain) == ("renamed", "services.pulseaudio.enable", "25.05", True)


def test_defaults_are_the_packaged_ones_so_that_a_build_is_the_same_on_every_machine(kept: Path) -> None:
    for name in ("networking.firewall.enable", "services.openssh.enable", "services.brandNew.openFirewall"):
        path = split_path(name)
        assert Index.of(R).default("nixos", path) == Index.packaged(R).default("nixos", path)
    assert Index.of(R).default("nixos", ("services", "brandNew", "openFirewall")) is UNKNOWN


def _other_format(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data).replace(b'"format": 1', b'"format": 0', 1))


def _other_release(data: bytes) -> bytes:
    return gzip.compress(gzip.decompress(data).replace(b'"release": "25.11"', b'"release": "25.05"', 1))


@pytest.mark.parametrize(
    "damage",
    [
        lambda data: b"",
        lambda data: b"garbage",
        lambda data: data[: len(data) // 2],
        lambda data: data[:9000] + bytes([data[9000] ^ 1]) + data[9001:],
        lambda data: gzip.compress(b"# {}\n[]\nno tab\n"),
        lambda data: gzip.compress(b"\xff\xfe"),
        _other_format,
        _other_release,
    ],
)
def test_a_damaged_file_counts_as_none(kept: Path, damage: Callable[[bytes], bytes]) -> None:
    kept.write_bytes(damage(kept.read_bytes()))
    assert Index.of(R).fetched("nixos") is None
    assert status("services.openssh.enable").kind == "known"
    assert status("services.brandNew.openFirewall").kind == "doubtful"


def test_a_list_that_changes_is_read_anew(kept: Path) -> None:
    assert status("services.brandNew.openFirewall").kind == "known"
    assert Index.of(R) is Index.of(R)
    kept.unlink()
    assert status("services.brandNew.openFirewall").kind == "doubtful"
