"""Whether anybody watches: the last look, the last tick, and the connections we cannot see."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from wharf.contracts import Feed
from wharf.ledger import Transaction, decisions, looks
from wharf.ledger.looks import Sight

BLIND_AFTER = timedelta(minutes=10)


@dataclass(frozen=True)
class Pulse:
    """How looks and ticks go, as of an instant."""

    at: datetime
    looked_at: datetime | None
    ticked_at: datetime | None
    silence: timedelta
    """How long look and tick may be silent."""
    sights: Mapping[str, Sight]
    """How each connection is seen, by its name."""

    @property
    def look_age_s(self) -> float | None:
        """Seconds since the last look; None where there was none."""
        return self._age(self.looked_at)

    @property
    def tick_age_s(self) -> float | None:
        """Seconds since the last tick; None where there was none."""
        return self._age(self.ticked_at)

    @property
    def is_watched(self) -> bool:
        """Whether look and tick ran lately: otherwise silence means nothing."""
        limit = self.silence.total_seconds()
        return all(age is not None and age < limit for age in (self.look_age_s, self.tick_age_s))

    @property
    def blind(self) -> list[Sight]:
        """Connections at which our looks fail, and have for longer than a hiccup lasts."""
        return [
            each
            for each in self.sights.values()
            if not each.ok and (each.good_at is None or self.at - each.good_at > BLIND_AFTER)
        ]

    def blind_at(self, feeds: Iterable[Feed]) -> list[Sight]:
        """Those of the blind connections that some feeds come over."""
        own = {feed.source.connection for feed in feeds}
        return [each for each in self.blind if each.connection in own]

    def _age(self, at: datetime | None) -> float | None:
        return None if at is None else max((self.at - at).total_seconds(), 0.0)


def feel_pulse(tx: Transaction, feeds: Iterable[Feed], now: datetime, silence: timedelta) -> Pulse:
    """Tell how looks and ticks go.

    Args:
        tx: A reading transaction.
        feeds: Contracts in force.
        now: The instant.
        silence: For how long look and tick may leave no heartbeat.
    """
    looked, ticked = decisions.last_tick(tx, "look"), decisions.last_tick(tx, "tick")
    return Pulse(
        at=now,
        looked_at=looked.at if looked else None,
        ticked_at=ticked.at if ticked else None,
        silence=silence,
        sights=looks.sights(tx, sorted({feed.source.connection for feed in feeds})),
    )
