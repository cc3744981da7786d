"""The page of disk use: the last measure, and how it grew."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import httpx
from board_server import LocalServer, everybody
from board_world import HOSTILE, NOW, BoardWorld

from wharf.board import build_app
from wharf.board.room import read_room
from wharf.ledger import disk
from wharf.ledger.disk import DiskUse

NIGHT = datetime(2026, 11, 20, 3, 17, tzinfo=UTC)


def measured(days_ago: int, **sizes: int) -> list[DiskUse]:
    at = NIGHT - timedelta(days=days_ago)
    return [DiskUse(at, what, "raw.acme", 1, size) for what, size in sizes.items()]


def test_the_last_measure_counts_and_growth_is_against_thirty_days_before() -> None:
    rows = measured(40, read=5) + measured(31, read=100) + measured(1, read=7) + measured(
        0, read=300, replaced=50
    )  # fmt: skip
    room = read_room(rows)
    [line] = room.lines
    assert (room.at, line.total, line.grew) == (NIGHT, 350, 250)
    assert (room.total.total, room.total.grew) == (350, 250)
    assert [size for _, size in room.days] == [5, 100, 7, 350]


def test_growth_is_not_told_where_nobody_measured_then() -> None:
    assert read_room(measured(29, read=1) + measured(0, read=2)).total.grew is None


def test_what_is_new_since_then_grew_by_all_of_itself() -> None:
    rows = measured(30, read=10)
    rows += [*measured(0, read=10), DiskUse(NIGHT, "landing", "acme.new", 2, 4)]
    assert {line.name: line.grew for line in read_room(rows).lines} == {
        "raw.acme": 0,
        "acme.new": 4,
    }


def test_the_page_shows_each_table_and_escapes_its_name(world: BoardWorld) -> None:
    with world.ledger.write() as tx:
        disk.record_disk_use(tx, measured(31, read=10**9))
        disk.record_disk_use(tx, [*measured(0, read=2 * 10**9)])
        disk.record_disk_use(tx, [DiskUse(NIGHT, "landing", HOSTILE, 1, 5)])
    with LocalServer(build_app(world.settings, everybody, lambda: NOW)) as server:
        page = httpx.get(f"{server.url}/disk").text
    assert HOSTILE not in page
    for said in (
        "raw.acme",
        "2.0\N{NO-BREAK SPACE}GB",
        "+1.0\N{NO-BREAK SPACE}GB",
        "landing",
        "Bytes by day",
    ):
        assert said in page


def test_an_installation_that_was_never_measured_says_who_measures(client: httpx.Client) -> None:
    assert "Nobody measured yet" in client.get("/disk").text
