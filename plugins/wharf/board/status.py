"""`status.json`: the board for machines. Fields are only ever added; docs/board.md lists them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from wharf.board.current import Current
from wharf.board.marks import ALL
from wharf.board.promised import Promised
from wharf.board.pulse import Pulse

VERSION = 1


def describe(promised: Promised, pulse: Pulse, feeds: Sequence[Current]) -> dict[str, Any]:
    """The state of every feed and of the watching as a JSON object."""
    counts: dict[str, int] = {}
    for each in feeds:
        for tone in ALL[each.code].tones:
            counts[tone] = counts.get(tone, 0) + 1
    return {
        "version": VERSION,
        "at": pulse.at.isoformat(),
        "watched": pulse.is_watched,
        "last_look_at": _text(pulse.looked_at),
        "last_look_age": pulse.look_age_s,
        "last_tick_at": _text(pulse.ticked_at),
        "last_tick_age": pulse.tick_age_s,
        "blind": [
            {"connection": each.connection, "since": _text(each.good_at), "error": each.error}
            for each in pulse.blind
        ],
        "broken_contracts": dict(promised.problems),
        "orphaned_contracts": dict(promised.orphaned),
        "counts": dict(sorted(counts.items())),
        "feeds": [_feed(each) for each in feeds],
    }


def _feed(each: Current) -> dict[str, Any]:
    stands = each.standing
    return {
        "feed": each.feed.feed,
        "supplier": each.feed.supplier_id,
        "trial": each.feed.active.trial,
        "period": stands.row.period if stands else None,
        "timeliness": stands.timeliness if stands else "SCHEDULED",
        "delivery": stands.delivery if stands else "NONE",
        "reason": stands.reason if stands else "nothing was expected yet",
        "late_by_s": stands.late_by_s if stands else None,
        "opens_at": _text(stands.row.opens_at if stands else None),
        "due_at": _text(stands.row.due_at if stands else None),
        "cutoff_at": _text(stands.row.cutoff_at if stands else None),
        "last_complete_at": _text(each.last_complete_at),
        "level": each.level or None,
        "contract_broken": each.is_broken,
        "contract_gone": bool(each.orphaned),
    }


def _text(at: datetime | None) -> str | None:
    return at.isoformat() if at else None
