"""When what we see is our own doing: connections that fail, and time without ticks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

from hypothesis import given
from hypothesis import strategies as st

from wharf.timeliness.inhibition import Looks, Trouble, troubles, unwatched_until

NOW = datetime(2026, 11, 20, 7, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
HOSTS = {"a": "host", "b": "host", "c": "other"}


def failing(name: str, minutes: float) -> Looks:
    return Looks(name, NOW, NOW - timedelta(minutes=minutes), "no route")


def good(name: str, in_a_row: int = 2) -> Looks:
    return Looks(name, NOW, good_in_a_row=in_a_row)


def test_a_connection_is_in_trouble_after_ten_minutes_of_failing_and_not_before() -> None:
    assert troubles([failing("a", 10)], HOSTS, {}, MINUTE) == ({}, {})
    new, _ = troubles([failing("a", 10.1)], HOSTS, {}, MINUTE)
    assert new["host"].connections == ("a",)


def test_slow_looks_take_two_of_them() -> None:
    assert troubles([failing("a", 29)], HOSTS, {}, 15 * MINUTE) == ({}, {})
    assert "host" in troubles([failing("a", 31)], HOSTS, {}, 15 * MINUTE)[0]


def test_connections_of_one_host_are_one_trouble() -> None:
    looks = [failing("a", 11), failing("b", 2), failing("c", 11)]
    new, over = troubles(looks, HOSTS, {}, MINUTE)
    assert {host: each.connections for host, each in new.items()} == {
        "host": ("a", "b"),
        "other": ("c",),
    }
    assert new["host"].since == NOW - 11 * MINUTE
    assert over == {}


def test_a_trouble_is_over_after_two_good_looks_at_all_its_connections() -> None:
    known = {"host": Trouble("host", ("a", "b"), NOW - 60 * MINUTE)}
    assert troubles([good("a"), failing("b", 1)], HOSTS, known, MINUTE) == ({}, {})
    assert troubles([good("a"), good("b", 1)], HOSTS, known, MINUTE) == ({}, {})
    assert troubles([good("a"), good("b")], HOSTS, known, MINUTE) == ({}, known)
    assert troubles([good("a")], HOSTS, known, MINUTE) == ({}, known), "b has no feeds any more"


def test_a_trouble_that_is_known_is_told_again_only_when_it_grows() -> None:
    known = {"host": Trouble("host", ("a",), NOW - 60 * MINUTE)}
    assert troubles([failing("a", 60)], HOSTS, known, MINUTE) == ({}, {})
    new, _ = troubles([failing("a", 60), failing("b", 11)], HOSTS, known, MINUTE)
    assert new["host"].connections == ("a", "b")


def test_a_gap_of_more_than_ten_minutes_was_unwatched_until_shortly_before_it_ended() -> None:
    ticks = [NOW - 30 * MINUTE, NOW - 5 * MINUTE, NOW - MINUTE]
    assert unwatched_until(ticks, NOW, is_first=False) == NOW - 7 * MINUTE
    assert unwatched_until([NOW - 10 * MINUTE], NOW, is_first=False) is None
    assert unwatched_until([NOW - 11 * MINUTE], NOW, is_first=False) == NOW - 2 * MINUTE


def test_before_the_first_tick_nobody_watched() -> None:
    assert unwatched_until([], NOW, is_first=True) == NOW - 2 * MINUTE
    assert unwatched_until([NOW - MINUTE], NOW, is_first=True) == NOW - 3 * MINUTE
    assert unwatched_until([NOW - 20 * MINUTE, NOW - 16 * MINUTE, NOW - 9 * MINUTE], NOW,
                           is_first=True) is None  # fmt: skip


@given(st.lists(st.integers(1, 600), max_size=30))
def test_steady_ticks_leave_no_gap_and_any_pause_does(seconds: list[int]) -> None:
    ticks = [NOW - timedelta(seconds=sum(seconds[i:])) for i in range(len(seconds))]
    assert unwatched_until(ticks, NOW, is_first=False) is None
    late = [*ticks, NOW + 11 * MINUTE]
    assert any(b - a > 10 * MINUTE for a, b in pairwise(late)) or not ticks
    if ticks:
        assert unwatched_until(late[:-1], late[-1], is_first=False) == late[-1] - 2 * MINUTE
