"""A folder as a source: links, odd names, files that change while they are read."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from wharf.errors import SettingsError, SourceError, UnsafePath
from wharf.settings import Connection, parse_connection
from wharf.sources import Source, open_source
from wharf.sources.local import _written_at, open_below


@pytest.fixture
def root(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    (tmp_path / "secret.csv").write_text("not for you")
    return folder


def source(root: Path) -> Source:
    return open_source(Connection("acme_inbox", "local", extra={"root": str(root)}))


def test_a_link_out_of_the_root_is_neither_listed_nor_read(root: Path, tmp_path: Path) -> None:
    (root / "a.csv").symlink_to(tmp_path / "secret.csv")
    folder = source(root)
    assert folder.list(["a.csv"]) == []
    assert [one.reason for one in folder.refused] == ["a link that leaves the connection's root"]
    with pytest.raises(UnsafePath, match="leaves the connection's root; it was not read"):
        folder.fetch("a.csv", tmp_path / "copy")


def test_a_linked_folder_out_of_the_root_is_not_entered(root: Path, tmp_path: Path) -> None:
    (root / "out").symlink_to(tmp_path)
    folder = source(root)
    assert folder.list(["out/*.csv"]) == []
    assert [one.path for one in folder.refused] == ["out"]
    with pytest.raises(UnsafePath):
        folder.fetch("out/secret.csv", tmp_path / "copy")


def test_a_link_that_stays_inside_the_root_is_followed(root: Path, tmp_path: Path) -> None:
    (root / "store").mkdir()
    (root / "store" / "x").write_text("inside")
    (root / "latest").symlink_to(root / "store")
    assert [seen.path for seen in source(root).list(["latest/*"])] == ["latest/x"]
    source(root).fetch("latest/x", tmp_path / "copy")
    assert (tmp_path / "copy").read_text() == "inside"


def test_links_that_lead_nowhere_or_in_a_circle_are_absent(root: Path, tmp_path: Path) -> None:
    (root / "a.csv").symlink_to(root / "b.csv")
    (root / "b.csv").symlink_to(root / "a.csv")
    (root / "c.csv").symlink_to(root / "nowhere")
    assert source(root).list(["*.csv"]) == []
    with pytest.raises(SourceError):
        source(root).fetch("a.csv", tmp_path / "copy")


def test_a_folder_swapped_for_a_link_after_the_check_is_not_read(
    root: Path, tmp_path: Path
) -> None:
    (root / "out").symlink_to(tmp_path)
    with pytest.raises(OSError, match="Not a directory"), open_below(root, ["out", "secret.csv"]):
        pass


def test_a_pipe_is_refused_and_does_not_block(root: Path, tmp_path: Path) -> None:
    os.mkfifo(root / "a.csv")
    folder = source(root)
    assert folder.list(["a.csv"]) == []
    assert [one.reason for one in folder.refused] == ["not a regular file"]
    with pytest.raises(SourceError, match="not a regular file"):
        folder.fetch("a.csv", tmp_path / "copy")


def test_a_folder_with_the_name_of_a_file_is_not_a_file(root: Path) -> None:
    (root / "a.csv").mkdir()
    assert source(root).list(["a.csv", "*.csv"]) == []


def test_names_that_cannot_be_shown_are_refused_by_their_escaped_name(root: Path) -> None:
    (root / "a\n\x1b[31mERROR.csv").write_text("")
    (root / "gnp\u202evsc.csv").write_text("")
    (root / os.fsdecode(b"\xff.csv")).write_text("")
    folder = source(root)
    assert folder.list(["*.csv"]) == []
    assert sorted(one.path for one in folder.refused) == [
        r"'\udcff.csv'",
        r"'a\n\x1b[31mERROR.csv'",
        r"'gnp\u202evsc.csv'",
    ]


def test_refusals_are_those_of_the_last_listing(root: Path) -> None:
    (root / "a.csv").symlink_to("/etc/hostname")
    folder = source(root)
    folder.list(["a.csv"])
    (root / "a.csv").unlink()
    folder.list(["a.csv"])
    assert folder.refused == ()


def test_a_file_that_changes_while_it_is_read_is_refused(root: Path, tmp_path: Path) -> None:
    grown = root / "a.csv"
    grown.write_bytes(b"x" * (20 << 20))
    stop = threading.Event()

    def append() -> None:
        while not stop.is_set():
            with grown.open("ab") as file:
                file.write(b"more")

    writer = threading.Thread(target=append)
    writer.start()
    try:
        with pytest.raises(SourceError, match="changed while it was read; it will be read again"):
            source(root).fetch("a.csv", tmp_path / "copy")
    finally:
        stop.set()
        writer.join()
    assert not (tmp_path / "copy").exists()


def test_a_root_that_is_not_mounted_is_a_failed_look_not_an_empty_one(tmp_path: Path) -> None:
    with pytest.raises(SourceError, match="is it mounted"):
        source(tmp_path / "nowhere").list(["a.csv"])


def test_a_root_that_is_a_file_is_a_failed_look(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SourceError, match="is not a folder"):
        source(tmp_path / "file").list(["a.csv"])


@pytest.mark.parametrize("root", ["", "inbox"], ids=["none", "relative"])
def test_a_root_must_be_an_absolute_path(root: str) -> None:
    with pytest.raises(SettingsError, match="needs `root` in its extra: the folder's absolute"):
        open_source(Connection("acme_inbox", "local", extra={"root": root}))


def test_a_time_beyond_the_calendar_is_no_time() -> None:
    assert _written_at(os.stat_result((0,) * 8 + (10**15, 0))) is None


def test_overlapping_patterns_of_folders_find_all_their_files(root: Path) -> None:
    for path in ("2026/a.csv", "2026/b.csv", "2025/a.csv"):
        (root / path).parent.mkdir(exist_ok=True)
        (root / path).write_text("x")
    found = source(root).list(["2026/a.csv", "20*/b.csv", "*/a.csv"])
    assert [seen.path for seen in found] == ["2025/a.csv", "2026/a.csv", "2026/b.csv"]


def test_a_connection_written_as_airflow_does_opens_the_folder(root: Path) -> None:
    (root / "a.csv").write_text("x")
    text = f'{{"conn_type": "fs", "extra": {{"path": "{root}"}}}}'
    assert len(open_source(parse_connection("acme_inbox", text)).list(["a.csv"])) == 1


def test_an_unknown_kind_is_refused_with_the_choices() -> None:
    with pytest.raises(SettingsError, match="has kind 'ftp'; use http, local"):
        open_source(Connection("acme_inbox", "ftp"))
