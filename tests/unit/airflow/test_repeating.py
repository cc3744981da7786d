"""Repeating inside a minute: often enough, never into the next one, not stopped by a failure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from wharf.airflow.repeating import repeat_within
from wharf.errors import SourceError

START = datetime(2026, 11, 20, 12, 0, 3, tzinfo=UTC)
END = datetime(2026, 11, 20, 12, 0, 58, tzinfo=UTC)


class Clock:
    """A clock that only sleeping and working move."""

    def __init__(self, at: datetime = START) -> None:
        self.at = at

    def __call__(self) -> datetime:
        return self.at

    def pass_by(self, seconds: float) -> None:
        self.at += timedelta(seconds=seconds)


def calls_at(every: float, works: float, clock: Clock | None = None) -> list[float]:
    clock = clock or Clock()
    found: list[float] = []

    def body(at: datetime) -> None:
        found.append((at - START).total_seconds())
        clock.pass_by(works)

    repeat_within(body, every=timedelta(seconds=every), until=END, clock=clock, sleep=clock.pass_by)
    return found


def test_it_calls_again_every_so_often() -> None:
    assert calls_at(every=10, works=1) == [0, 10, 20, 30, 40, 50]


def test_a_slow_call_is_followed_at_once_but_not_past_the_end() -> None:
    assert calls_at(every=10, works=25) == [0, 25, 50]


def test_once_a_minute_means_once() -> None:
    assert calls_at(every=60, works=1) == [0]


def test_a_run_that_began_late_still_calls_once() -> None:
    late = Clock(END + timedelta(minutes=5))
    assert len(calls_at(every=10, works=1, clock=late)) == 1


def test_a_failed_call_does_not_stop_the_others() -> None:
    clock = Clock()
    calls = 0

    def body(_: datetime) -> None:
        nonlocal calls
        calls += 1
        if calls == 2:
            raise SourceError("unreachable")

    done = repeat_within(
        body, every=timedelta(seconds=20), until=END, clock=clock, sleep=clock.pass_by
    )
    assert done == calls == 3


def test_a_failure_in_the_last_call_is_the_outcome() -> None:
    clock = Clock()

    def body(_: datetime) -> None:
        raise SourceError("unreachable")

    with pytest.raises(SourceError, match="unreachable"):
        repeat_within(
            body, every=timedelta(seconds=20), until=END, clock=clock, sleep=clock.pass_by
        )
