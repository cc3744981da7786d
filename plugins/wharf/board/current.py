"""How each feed stands now, in one row: what machines ask for and a badge shows."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from wharf.board.marks import ALL, code_of
from wharf.board.promised import Promised
from wharf.board.pulse import Pulse
from wharf.board.standing import Standing, evaluate_unsure
from wharf.contracts import Feed
from wharf.ledger import Transaction, heat, tallies

LOOKED_BACK = timedelta(days=35)
WEIGHTS = {name: ALL[letter].weight for name, letter in heat.MARKS.items()}


@dataclass(frozen=True)
class Current:
    """The delivery that says most about a feed now.

    That is the worst one before its cut-off, else the newest.
    """

    feed: Feed
    standing: Standing | None
    """None where nothing was expected yet."""
    last_complete_at: datetime | None
    """When something whole came last, within the days looked back on."""
    level: str
    """The highest level of its open incidents; empty without any."""
    is_broken: bool
    orphaned: str

    @property
    def code(self) -> str:
        """Its letter; `s`, scheduled, where nothing was expected yet."""
        stands = self.standing
        return "s" if stands is None else code_of(
            stands.timeliness, stands.delivery, stands.row.expected
        )  # fmt: skip


def current_states(
    tx: Transaction, promised: Promised, pulse: Pulse, names: Iterable[str] | None = None
) -> list[Current]:
    """How feeds stand now, by name.

    Args:
        tx: A reading transaction.
        promised: Contracts in force.
        pulse: How looks and ticks go.
        names: Of which feeds; all by default.
    """
    now, feeds = pulse.at, promised.feeds
    wanted = sorted(feeds if names is None else set(names) & set(feeds))
    fresh = evaluate_unsure(tx, feeds, pulse.sights, now)
    best: dict[str, Standing] = {}
    rows = [*fresh.rows, *heat.worst_open(tx, WEIGHTS, now)]
    idle = set(wanted) - {row.feed for row in rows}
    for row in (*rows, *heat.last_opened(tx, idle, now, 1)):
        stands = fresh.stand(row, now)
        if row.feed not in best or _rank(stands, now) > _rank(best[row.feed], now):
            best[row.feed] = stands
    complete = heat.last_complete(tx, now - LOOKED_BACK)
    levels = tallies.levels_by_feed(tx)
    return [
        _current(promised, feeds[name], best.get(name), complete, levels.get(name, ""))
        for name in wanted
    ]


def _rank(stands: Standing, now: datetime) -> tuple[int, datetime]:
    open_ = now < stands.row.cutoff_at
    code = code_of(stands.timeliness, stands.delivery, stands.row.expected)
    return (ALL[code].weight if open_ else 0), stands.row.opens_at


def _current(
    promised: Promised,
    feed: Feed,
    standing: Standing | None,
    complete: Mapping[str, datetime],
    level: str,
) -> Current:
    return Current(
        feed=feed,
        standing=standing,
        last_complete_at=complete.get(feed.feed),
        level=level,
        is_broken=feed.feed in promised.broken,
        orphaned=promised.orphaned.get(feed.feed, ""),
    )
