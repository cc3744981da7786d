"""What an installation says of its REST catalog reaches the server: token, scope, its own name."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from wharf.errors import LakeError
from wharf.lake import open_lake
from wharf.settings import read_settings


class Desk(BaseHTTPRequestHandler):
    """Hands out a token for the right credential, and answers whoever shows it."""

    asked: list[tuple[str, dict[str, list[str]], str]]
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"])).decode()
        said = parse_qs(body)
        self.asked.append((self.path, said, self.headers.get("Authorization", "")))
        if said.get("client_secret") != ["s3cret"]:
            self._answer(401, {"error": "invalid_client", "error_description": "unknown client"})
            return
        self._answer(200, {"access_token": "tok", "token_type": "bearer", "expires_in": 3600})

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        shown = self.headers.get("Authorization", "")
        self.asked.append((parts.path, parse_qs(parts.query), shown))
        if shown not in {"Bearer tok", "Bearer given"}:
            self._answer(
                401, {"error": {"message": "no token", "type": "NotAuthorized", "code": 401}}
            )
        elif parts.path == "/v1/config":
            self._answer(200, {"defaults": {}, "overrides": {}})
        else:
            self._answer(200, {"namespaces": []})

    def _answer(self, status: int, said: object) -> None:
        body = json.dumps(said).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        return


@contextmanager
def running() -> Iterator[tuple[str, list[tuple[str, dict[str, list[str]], str]]]]:
    asked: list[tuple[str, dict[str, list[str]], str]] = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), type("OneDesk", (Desk,), {"asked": asked}))
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_address[1]}", asked
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def environ(root: Path, address: str, **said: str) -> dict[str, str]:
    home = {"WHARF_HOME": str(root), "WHARF_PROJECT": str(root)}
    return {**home, "WHARF_CATALOG_URL": f"rest+{address}", **said}


def test_a_credential_is_changed_for_a_token_where_the_settings_say(tmp_path: Path) -> None:
    with running() as (address, asked):
        lake = open_lake(
            read_settings(
                environ(
                    tmp_path,
                    address,
                    WHARF_CATALOG_CREDENTIAL="wharf:s3cret",
                    WHARF_CATALOG_SCOPE="lake:write",
                    WHARF_CATALOG_OAUTH_URL=f"{address}/login/tokens",
                    WHARF_CATALOG_WAREHOUSE="main",
                )
            )
        )
        assert lake.tables() == []
    path, said, _ = asked[0]
    assert path == "/login/tokens"
    assert said["client_id"] == ["wharf"]
    assert said["scope"] == ["lake:write"]
    assert {shown for path, _, shown in asked if path.startswith("/v1/")} == {"Bearer tok"}
    [config] = [said for path, said, _ in asked if path == "/v1/config"]
    assert config["warehouse"] == ["main"]


def test_a_token_of_the_settings_is_shown_as_it_is(tmp_path: Path) -> None:
    with running() as (address, asked):
        said = environ(tmp_path, address, WHARF_CATALOG_TOKEN="given")
        assert open_lake(read_settings(said)).tables() == []
    assert {shown for _, _, shown in asked} == {"Bearer given"}


def test_a_credential_that_is_refused_is_an_error_of_the_lake(tmp_path: Path) -> None:
    with running() as (address, _):
        said = environ(
            tmp_path,
            address,
            WHARF_CATALOG_CREDENTIAL="wharf:wrong",
            WHARF_CATALOG_OAUTH_URL=f"{address}/login/tokens",
        )
        with pytest.raises(LakeError, match="opening the catalog") as refused:
            open_lake(read_settings(said)).tables()
        assert "wrong" not in str(refused.value)
