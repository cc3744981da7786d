"""What became of expected deliveries, for scorecards and streaks; read in few queries."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Connection,
    Row,
    Select,
    and_,
    func,
    literal_column,
    or_,
    select,
)

from wharf.ledger.schema import arrival, expected_delivery, feed
from wharf.timeliness.scorecard import COUNTED, Outcome, Streak, streak_of

_AT_ONCE = 200
_SHOWN = (*COUNTED, "UNKNOWN")
_row = expected_delivery.c


def outcomes(
    tx: Connection, feed_names: Iterable[str] | None, since: date, until: date
) -> list[Outcome]:
    """What became of the expected deliveries of periods that begin within a stretch of days.

    Left out are periods that are not expected, and those neither come nor late yet.

    Args:
        tx: A transaction.
        feed_names: Of which feeds; None for all.
        since: The first day.
        until: The last day, included.

    Returns:
        By feed, oldest period first.
    """
    query = _outcomes().where(_row.period_first.between(since.isoformat(), until.isoformat()))
    if feed_names is not None:
        query = query.where(feed.c.name.in_(sorted(set(feed_names))))
    rows = tx.execute(query.order_by(feed.c.name, _row.period_first))
    return [_outcome(row, _seen_after(row)) for row in rows]


def streaks(tx: Connection, pairs: Iterable[tuple[str, str]]) -> dict[tuple[str, str], Streak]:
    """How many periods in a row are late up to each of these, that one included.

    Args:
        tx: A transaction.
        pairs: Feed names and period keys.

    Returns:
        For each pair its streak; an empty one where the period is not late.
    """
    wanted = sorted(set(pairs))
    found: dict[tuple[str, str], Streak] = {}
    for start in range(0, len(wanted), _AT_ONCE):
        found |= _streaks(tx, wanted[start : start + _AT_ONCE])
    return found


def _streaks(tx: Connection, pairs: Sequence[tuple[str, str]]) -> dict[tuple[str, str], Streak]:
    asked = [and_(feed.c.name == name, _row.period == period) for name, period in pairs]
    rows = {(row.feed, row.period): row for row in tx.execute(_plain().where(or_(*asked)))}
    first: dict[int, str] = {}
    for row in rows.values():
        first[row.feed_id] = min(row.period_first, first.get(row.feed_id, row.period_first))
    since = _last_good(tx, first)
    last = {row.feed_id: "" for row in rows.values()}
    for row in rows.values():
        last[row.feed_id] = max(last[row.feed_id], row.period_first)
    spans = [
        and_(_row.feed_id == feed_id, _row.period_first.between(since.get(feed_id, ""), until))
        for feed_id, until in last.items()
    ]
    history: dict[str, list[Outcome]] = {}
    for row in tx.execute(_plain().where(or_(*spans))) if spans else ():
        history.setdefault(row.feed, []).append(_outcome(row))
    return {pair: _streak_at(history, rows.get(pair)) for pair in pairs}


def _last_good(tx: Connection, before: dict[int, str]) -> dict[int, str]:
    """The first day of each feed's last period in time before a day; a streak begins after it."""
    if not before:
        return {}
    asked = [and_(_row.feed_id == key, _row.period_first == day) for key, day in before.items()]
    earlier = expected_delivery.alias()
    last = (
        select(func.max(earlier.c.period_first))
        .where(earlier.c.feed_id == _row.feed_id, earlier.c.period_first < _row.period_first)
        # As a literal, so that the index of rows in time serves.
        .where(earlier.c.timeliness == literal_column("'ON_TIME'"))
        .correlate(expected_delivery)
        .scalar_subquery()
    )
    query = select(_row.feed_id, last.label("day")).where(or_(*asked))
    return {row.feed_id: row.day for row in tx.execute(query) if row.day is not None}


def _streak_at(history: dict[str, list[Outcome]], row: Row[Any] | None) -> Streak:
    if row is None:
        return Streak()
    upto = (date.fromisoformat(row.period_first), row.period)
    known = [each for each in history.get(row.feed, ()) if (each.first, each.period) <= upto]
    this = next((each for each in known if each.period == row.period), None)
    return streak_of(known) if this is not None and this.is_late else Streak()


def _plain() -> Select[Any]:
    """Judged rows, without what the sources know of them."""
    return (
        select(*_columns())
        .join(feed, feed.c.id == _row.feed_id)
        .where(_row.expected.is_(True), _row.timeliness.in_(_SHOWN))
    )


def _outcomes() -> Select[Any]:
    first_file = (
        select(func.min(arrival.c.seq))
        .where(
            arrival.c.feed_id == _row.feed_id,
            arrival.c.period == _row.period,
            arrival.c.is_done_flag.is_(False),
            arrival.c.withdrawn.is_(False),
        )
        .correlate(expected_delivery)
        .scalar_subquery()
    )
    return (
        _plain()
        .add_columns(arrival.c.source_ts, arrival.c.first_seen)
        .outerjoin(arrival, and_(arrival.c.seq == first_file, arrival.c.source_ts >= _row.opens_at))
    )


def _columns() -> list[ColumnElement[Any]]:
    names = ("feed_id", "period", "period_first", "timeliness", "due_at", "late_by_s")
    return [feed.c.name.label("feed"), _row.complete_at, *(_row[name] for name in names)]


def _outcome(row: Row[Any], seen_after: timedelta | None = None) -> Outcome:
    return Outcome(
        feed=row.feed,
        period=row.period,
        first=date.fromisoformat(row.period_first),
        timeliness=row.timeliness,
        due_at=row.due_at,
        complete_at=row.complete_at,
        late_by=None if row.late_by_s is None else timedelta(seconds=row.late_by_s),
        seen_after=seen_after,
    )


def _seen_after(row: Row[Any]) -> timedelta | None:
    """How long a file lay there unseen; of files older than their period nothing is said."""
    if row.source_ts is None or row.source_ts > row.first_seen:
        return None
    seen: timedelta = row.first_seen - row.source_ts
    return seen
