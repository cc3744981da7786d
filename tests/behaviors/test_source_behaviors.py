"""What every kind of source must do, run against a folder and against a real web server."""

from __future__ import annotations

import hashlib
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from wharf.errors import SettingsError, SourceError, Transient, UnsafePath
from wharf.settings import Connection
from wharf.sources import SOURCES, Source, open_source

AT = datetime(2026, 11, 20, 6, 4, 12, tzinfo=UTC)


@dataclass
class Supplier:
    """A supplier's side: a folder, and the connection that reaches it."""

    folder: Path
    connection: Connection

    def put(self, path: str, content: bytes = b"some bytes", at: datetime = AT) -> Path:
        file = self.folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)
        os.utime(file, (at.timestamp(), at.timestamp()))
        return file

    @property
    def source(self) -> Source:
        return open_source(self.connection)


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *args: object) -> None:
        """Tests print nothing."""


@pytest.fixture(params=sorted(SOURCES))
def supplier(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Supplier]:
    folder = tmp_path / "supplier" / "root"
    folder.mkdir(parents=True)
    if request.param == "local":
        extra = {"root": str(folder), "max_bytes": 1000}
        yield Supplier(folder, Connection("acme_inbox", "local", extra=extra))
        return
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(folder)))
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    # A folder without index.html is listed by this server: that is the index page.
    connection = Connection(
        "acme_web",
        "http",
        host="127.0.0.1",
        port=server.server_port,
        extra={"index": "out", "max_bytes": 1000},
    )
    yield Supplier(folder, connection)
    server.shutdown()
    server.server_close()
    thread.join()


def test_a_file_that_is_there_is_seen_with_size_time_and_fingerprint(supplier: Supplier) -> None:
    supplier.put("out/pos_20261120.csv", b"12345")
    (seen,) = supplier.source.list(["out/pos_20261120.csv"])
    assert (seen.path, seen.size, seen.source_ts) == ("out/pos_20261120.csv", 5, AT)
    assert seen.fingerprint


def test_a_file_that_is_not_there_is_absent_without_error(supplier: Supplier) -> None:
    assert supplier.source.list(["out/pos_20261120.csv", "no/such/folder/a.csv"]) == []


def test_a_new_time_changes_the_fingerprint(supplier: Supplier) -> None:
    supplier.put("a.csv", b"12345")
    (before,) = supplier.source.list(["a.csv"])
    supplier.put("a.csv", b"54321", at=AT.replace(hour=7))
    (after,) = supplier.source.list(["a.csv"])
    assert before.fingerprint != after.fingerprint


def test_looking_twice_at_the_same_file_gives_the_same_answer(supplier: Supplier) -> None:
    supplier.put("a.csv")
    assert supplier.source.list(["a.csv"]) == supplier.source.list(["a.csv", "a.csv"])


def test_an_empty_file_is_seen_as_empty(supplier: Supplier) -> None:
    supplier.put("a.csv", b"")
    (seen,) = supplier.source.list(["a.csv"])
    assert seen.size == 0


def test_one_listing_answers_for_the_patterns_of_all_feeds(supplier: Supplier) -> None:
    for name in ("out/a_1.csv", "out/a_2.csv", "out/b_1.csv", "c_1.csv"):
        supplier.put(name)
    found = supplier.source.list(["out/b_1.csv", "out/a_*.csv", "c_1.csv", "c_2.csv"])
    assert [seen.path for seen in found] == ["c_1.csv", "out/a_1.csv", "out/a_2.csv", "out/b_1.csv"]


def test_a_star_stays_within_one_segment(supplier: Supplier) -> None:
    supplier.put("out/deep/a_1.csv")
    supplier.put("out/a_1.csv")
    assert [seen.path for seen in supplier.source.list(["out/*.csv"])] == ["out/a_1.csv"]


def test_signs_other_than_the_star_stand_for_themselves(supplier: Supplier) -> None:
    supplier.put("out/a[1]+.csv")
    supplier.put("out/a1.csv")
    assert [seen.path for seen in supplier.source.list(["out/a[1]+*.csv"])] == ["out/a[1]+.csv"]


def test_a_star_finds_no_hidden_file_and_no_unfinished_upload(supplier: Supplier) -> None:
    for name in ("out/.a.csv", "out/a.csv.part", "out/a.csv.tmp", "out/a.csv.filepart"):
        supplier.put(name)
    supplier.put("out/a.csv")
    assert [seen.path for seen in supplier.source.list(["out/*"])] == ["out/a.csv"]


def test_names_with_spaces_percent_and_other_scripts_are_found_and_fetched(
    supplier: Supplier, tmp_path: Path
) -> None:
    names = ["out/a b%20c#d?.csv", "out/prüfung_数据.csv"]
    for name in names:
        supplier.put(name, name.encode())
    assert [seen.path for seen in supplier.source.list(["out/*.csv"])] == names
    for name in names:
        supplier.source.fetch(name, tmp_path / "copy")
        assert (tmp_path / "copy").read_bytes() == name.encode()


@pytest.mark.parametrize(
    "path",
    [
        "../secret",
        "out/../../secret",
        "/etc/passwd",
        "",
        "out//a",
        "./a",
        "a\\..\\b",
        "a\nb",
        "a\x00b",
    ],
    ids=["up", "up inside", "absolute", "empty", "double", "dot", "backslash", "line", "nul"],
)
def test_a_path_that_leaves_the_root_is_refused(
    supplier: Supplier, tmp_path: Path, path: str
) -> None:
    supplier.put("../secret", b"not for you")
    with pytest.raises(UnsafePath, match="not followed"):
        supplier.source.list([path])
    with pytest.raises(UnsafePath, match="not followed"):
        supplier.source.fetch(path, tmp_path / "copy")
    assert not (tmp_path / "copy").exists()


def test_fetching_copies_the_bytes_unchanged_with_their_hash(
    supplier: Supplier, tmp_path: Path
) -> None:
    content = bytes(range(256)) * 3
    supplier.put("out/a.csv.gz", content)
    (seen,) = supplier.source.list(["out/a.csv.gz"])
    fetched = supplier.source.fetch("out/a.csv.gz", tmp_path / "work" / "copy")
    assert (tmp_path / "work" / "copy").read_bytes() == content
    assert fetched.sha256 == hashlib.sha256(content).hexdigest()
    assert (fetched.size, fetched.source_ts) == (len(content), AT)
    assert fetched.fingerprint == seen.fingerprint


def test_fetching_a_file_that_is_gone_says_so_and_may_be_retried(
    supplier: Supplier, tmp_path: Path
) -> None:
    with pytest.raises(SourceError, match=r"out/a\.csv' is gone") as caught:
        supplier.source.fetch("out/a.csv", tmp_path / "copy")
    assert isinstance(caught.value, Transient)
    assert list(tmp_path.glob("*copy*")) == []


def test_a_file_over_the_size_limit_is_refused_and_leaves_nothing(
    supplier: Supplier, tmp_path: Path
) -> None:
    supplier.put("a.csv", b"x" * 1001)
    with pytest.raises(SourceError, match=r"larger than 1,000 bytes; raise `max_bytes`"):
        supplier.source.fetch("a.csv", tmp_path / "work" / "copy")
    assert list((tmp_path / "work").iterdir()) == []


def test_a_refused_fetch_leaves_an_earlier_copy_alone(supplier: Supplier, tmp_path: Path) -> None:
    (tmp_path / "copy").write_bytes(b"earlier")
    supplier.put("a.csv", b"x" * 1001)
    with pytest.raises(SourceError):
        supplier.source.fetch("a.csv", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b"earlier"


def test_a_limit_that_is_no_number_is_refused_by_name(supplier: Supplier) -> None:
    extra = {**supplier.connection.extra, "max_bytes": "lots"}
    with pytest.raises(SettingsError, match=r"`max_bytes` in extra is 'lots'; write a number"):
        open_source(Connection("x", supplier.connection.kind, host="127.0.0.1", extra=extra))
