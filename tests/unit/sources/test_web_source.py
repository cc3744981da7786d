"""A web server as a source: what servers really answer, and what hostile ones try."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from wharf.errors import SettingsError, SourceError
from wharf.settings import Connection, parse_connection
from wharf.sources import open_source
from wharf.sources.web import WebFolder

Answer = tuple[int, dict[str, str], bytes]


class Server(ThreadingHTTPServer):
    """Answers each path with what a test says; remembers what it was asked."""

    def __init__(self) -> None:
        self.answers: dict[str, Answer | Callable[[BaseHTTPRequestHandler], None]] = {}
        self.asked: list[tuple[str, str, dict[str, str]]] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    def source(self, **extra: Any) -> WebFolder:
        extra = {"timeout": 5, **extra}
        connection = Connection("acme_web", "http", "127.0.0.1", self.server_port, extra=extra)
        source = open_source(connection)
        assert isinstance(source, WebFolder)
        return source


class _Handler(BaseHTTPRequestHandler):
    server: Server

    def _answer(self) -> None:
        self.server.asked.append((self.command, self.path, dict(self.headers.items())))
        answer = self.server.answers.get(self.path, (404, {}, b"nothing here"))
        if callable(answer):
            return answer(self)
        status, headers, body = answer
        self.send_response(status)
        for name, value in {"Content-Length": str(len(body)), **headers}.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)
        return None

    do_GET = do_HEAD = _answer

    def log_message(self, *args: object) -> None:
        """Tests print nothing."""


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def test_the_etag_is_the_fingerprint_before_time_and_length(server: Server) -> None:
    told = {"ETag": '"v1"', "Last-Modified": "Fri, 20 Nov 2026 06:04:12 GMT"}
    server.answers["/a.csv"] = (200, told, b"12345")
    server.answers["/b.csv"] = (200, {"Last-Modified": told["Last-Modified"]}, b"12345")
    server.answers["/c.csv"] = (200, {}, b"12345")
    found = server.source().list(["a.csv", "b.csv", "c.csv"])
    assert [seen.fingerprint for seen in found] == ['"v1"', told["Last-Modified"], "5"]
    assert found[0].source_ts == datetime(2026, 11, 20, 6, 4, 12, tzinfo=UTC)


def test_a_time_that_cannot_be_read_is_no_time(server: Server) -> None:
    server.answers["/a.csv"] = (200, {"Last-Modified": "yesterday evening"}, b"12345")
    (seen,) = server.source().list(["a.csv"])
    assert seen.source_ts is None


def test_only_expected_paths_are_asked_for_and_only_their_heads(server: Server) -> None:
    server.answers["/a.csv"] = (200, {}, b"12345")
    server.source().list(["a.csv", "b.csv"])
    assert [(verb, path) for verb, path, _ in server.asked] == [
        ("HEAD", "/a.csv"),
        ("HEAD", "/b.csv"),
    ]


def test_a_server_without_head_is_read_through(server: Server) -> None:
    def no_head(request: BaseHTTPRequestHandler) -> None:
        request.send_response(405 if request.command == "HEAD" else 200)
        request.send_header("Content-Length", "0" if request.command == "HEAD" else "5")
        request.end_headers()
        if request.command == "GET":
            request.wfile.write(b"12345")

    server.answers["/a.csv"] = no_head
    (seen,) = server.source().list(["a.csv"])
    assert seen.size == 5


def test_a_server_that_tells_no_length_is_read_through_and_hashed(server: Server) -> None:
    server.answers["/a.csv"] = (200, {"Content-Length": ""}, b"12345")
    (before,) = server.source().list(["a.csv"])
    server.answers["/a.csv"] = (200, {"Content-Length": ""}, b"54321")
    (after,) = server.source().list(["a.csv"])
    assert before.size == after.size == 5
    assert before.fingerprint != after.fingerprint


@pytest.mark.parametrize("status", [401, 403])
def test_refused_access_names_the_login(server: Server, status: int) -> None:
    server.answers["/a.csv"] = (status, {}, b"")
    with pytest.raises(SourceError, match=rf"access refused \({status}\); check the connection's"):
        server.source().list(["a.csv"])


def test_a_server_fault_is_a_failed_look_not_an_absent_file(server: Server) -> None:
    server.answers["/a.csv"] = (503, {}, b"")
    with pytest.raises(SourceError, match=r"acme_web: 'a\.csv': the server answered 503"):
        server.source().list(["a.csv"])


def test_a_server_that_is_down_is_a_failed_look(server: Server) -> None:
    connection = Connection("acme_web", "http", "127.0.0.1", 1)
    with pytest.raises(SourceError, match=r"acme_web: http://127\.0\.0\.1:1/ failed"):
        open_source(connection).list(["a.csv"])


def test_a_server_that_does_not_answer_is_given_up(server: Server) -> None:
    gate = threading.Event()
    server.answers["/a.csv"] = lambda request: (gate.wait(5), None)[1]
    with pytest.raises(SourceError, match=r"did not answer within 0\.2 s"):
        server.source(timeout=0.2).list(["a.csv"])
    gate.set()


def test_a_body_that_ends_early_is_refused_and_leaves_nothing(
    server: Server, tmp_path: Path
) -> None:
    server.answers["/a.csv"] = (200, {"Content-Length": "100"}, b"only this")
    with pytest.raises(SourceError, match="acme_web"):
        server.source().fetch("a.csv", tmp_path / "work" / "copy")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_body_that_trickles_forever_is_given_up(server: Server, tmp_path: Path) -> None:
    def trickle(request: BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.end_headers()
        for _ in range(100):
            request.wfile.write(b"x" * 10)
            request.wfile.flush()
            if gate.wait(0.05):
                return

    gate = threading.Event()
    server.answers["/a.csv"] = trickle
    with pytest.raises(SourceError, match=r"took longer than 0\.2 s"):
        server.source(max_seconds=0.2).fetch("a.csv", tmp_path / "copy")
    gate.set()


def test_a_gz_file_called_gzip_encoded_is_kept_as_it_is(server: Server, tmp_path: Path) -> None:
    packed = gzip.compress(b"a,b\n1,2\n", mtime=0)
    server.answers["/a.csv.gz"] = (200, {"Content-Encoding": "gzip"}, packed)
    server.answers["/a.csv"] = (200, {"Content-Encoding": "gzip"}, packed)
    server.source().fetch("a.csv.gz", tmp_path / "packed")
    server.source().fetch("a.csv", tmp_path / "plain")
    assert (tmp_path / "packed").read_bytes() == packed
    assert (tmp_path / "plain").read_bytes() == b"a,b\n1,2\n"


def test_a_packed_bomb_stops_at_the_size_limit(server: Server, tmp_path: Path) -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    server.answers["/a.csv"] = (200, {"Content-Encoding": "gzip"}, bomb)
    with pytest.raises(SourceError, match="larger than 1,000,000 bytes"):
        server.source(max_bytes=1_000_000).fetch("a.csv", tmp_path / "copy")


def test_a_redirect_on_the_same_server_is_followed(server: Server) -> None:
    server.answers["/a.csv"] = (302, {"Location": "/real/a.csv"}, b"")
    server.answers["/real/a.csv"] = (200, {}, b"12345")
    (seen,) = server.source().list(["a.csv"])
    assert (seen.path, seen.size) == ("a.csv", 5)


def test_a_redirect_to_another_server_is_refused_by_name(server: Server) -> None:
    server.answers["/a.csv"] = (302, {"Location": "http://169.254.169.254/latest/meta-data"}, b"")
    with pytest.raises(SourceError, match=r"sends us on to 'http://169\.254\.169\.254/latest"):
        server.source().list(["a.csv"])


def test_a_redirect_in_a_circle_is_a_failed_look(server: Server) -> None:
    server.answers["/a.csv"] = (302, {"Location": "/a.csv"}, b"")
    with pytest.raises(SourceError, match="redirects"):
        server.source().list(["a.csv"])


def test_login_token_and_headers_are_sent_but_never_shown(server: Server) -> None:
    server.answers["/a.csv"] = (500, {}, b"")
    source = open_source(
        Connection(
            "acme_web", "http", "127.0.0.1", server.server_port, "me", "s3cret",
            extra={"headers": {"X-Key": "k3y"}},
        )
    )  # fmt: skip
    with pytest.raises(SourceError) as caught:
        source.list(["a.csv"])
    sent = {name.lower(): value for name, value in server.asked[0][2].items()}
    assert sent["authorization"].startswith("Basic ")
    assert sent["x-key"] == "k3y"
    assert "s3cret" not in str(caught.value)
    assert "k3y" not in str(caught.value)
    server.source(token="t0ken").list(["b.csv"])
    assert {"Bearer t0ken"} <= set(server.asked[-1][2].values())


def test_a_password_in_the_address_is_used_and_not_shown(server: Server) -> None:
    root = f"http://me:s3cret@127.0.0.1:{server.server_port}/out"
    server.answers["/out/a.csv"] = (500, {}, b"")
    with pytest.raises(SourceError) as caught:
        open_source(Connection("acme_web", "http", extra={"root": root})).list(["a.csv"])
    assert "s3cret" not in str(caught.value)
    assert any("Basic" in value for value in server.asked[0][2].values())


@pytest.mark.parametrize(
    ("connection", "base"),
    [
        (
            Connection("c", "http", "https://files.example.com/out/"),
            "https://files.example.com/out/",
        ),
        (
            Connection("c", "http", "files.example.com", schema="https"),
            "https://files.example.com/",
        ),
        (Connection("c", "https", "files.example.com", 8443), "https://files.example.com:8443/"),
        (Connection("c", "http", "http://h.example", 81), "http://h.example:81/"),
        (parse_connection("c", "http://h.example:82"), "http://h.example:82/"),
    ],
    ids=["address", "schema", "https kind", "port apart", "airflow address"],
)
def test_the_base_address_is_read_as_airflow_writes_it(connection: Connection, base: str) -> None:
    assert WebFolder(connection)._base == base


@pytest.mark.parametrize("root", ["", "ftp://h/x", "http://", "http://h/x?y=1"])
def test_a_connection_without_web_address_is_refused(root: str) -> None:
    with pytest.raises(SettingsError, match="needs a web address"):
        WebFolder(Connection("acme_web", "http", extra={"root": root}))


def test_a_star_without_index_page_says_what_to_write(server: Server) -> None:
    with pytest.raises(
        SourceError, match=r"cannot be asked for 'out/\*\.csv'; write `source.index`"
    ):
        server.source().list(["out/*.csv"])


def test_an_index_page_lists_the_files_and_hostile_links_are_refused(server: Server) -> None:
    page = """<a href="../">up</a> <a href="?C=M;O=D">sort</a> <a href="a_1.csv">one</a>
    <a href=/out/a_2.csv>two</a> <A HREF="/out/sub/a_3.csv">deeper</A> <a>none</a>
    <a href="../../etc/a_4.csv">up</a> <a href="%2e%2e/a_5.csv">up</a>
    <a href="https://evil.example/out/a_6.csv">away</a> <a href="//evil.example/a_7.csv">away</a>
    <a href="a_8.csv?download=1">query</a> <a href="javascript:a_9.csv">script</a>
    <a href="a_%0a10.csv">line</a> <a href="about.html">page</a> <a href="http://[bad/a_11.csv">bad</a>"""
    server.answers["/out/"] = (200, {"Content-Type": "text/html"}, page.encode())
    for name in ("a_1", "a_2", "sub/a_3"):
        server.answers[f"/out/{name}.csv"] = (200, {}, b"12345")
    server.answers["/out"] = (301, {"Location": "/out/"}, b"")
    root = f"http://127.0.0.1:{server.server_port}/out"
    source = open_source(Connection("acme_web", "http", extra={"root": root}), index="index")
    server.answers["/out/index"] = (200, {}, page.encode())
    assert [seen.path for seen in source.list(["a_*.csv"])] == ["a_1.csv", "a_2.csv"]
    refused = {one.path for one in source.refused}
    assert {
        "'../../etc/a_4.csv'", "'%2e%2e/a_5.csv'", "'https://evil.example/out/a_6.csv'",
        "'//evil.example/a_7.csv'", "'a_8.csv?download=1'", "'a_%0a10.csv'",
    } <= refused  # fmt: skip
    assert "'about.html'" not in refused
    assert not any(one == "../" for one in refused)


def test_an_index_page_that_is_missing_is_a_failed_look(server: Server) -> None:
    with pytest.raises(SourceError, match="answered 404"):
        server.source(index="index.html").list(["a_*.csv"])


def test_an_index_page_without_end_is_given_up(server: Server) -> None:
    server.answers["/index"] = (200, {}, b"x" * (11 * 1024**2))
    with pytest.raises(SourceError, match="is larger than 10,485,760 bytes"):
        server.source(index="index").list(["a_*.csv"])
