"""One feed due at 06:30 UTC with 20 minutes of grace; incidents kept as the ledger keeps them."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime

from wharf.timeliness.facts import ArrivalFact, BatchFact, Facts
from wharf.timeliness.incidents import Incident, Need, Row, Transition, decide
from wharf.timeliness.points import ClockPoints
from wharf.timeliness.states import evaluate


def at(clock: str, day: int = 20) -> datetime:
    hour, minute = clock.split(":")
    return datetime(2026, 11, day, int(hour), int(minute), tzinfo=UTC)


POINTS = ClockPoints(
    opens_at=at("22:00", 19),
    warn_at=at("06:30"),
    due_at=at("06:30"),
    late_at=at("06:50"),
    cutoff_at=at("18:00", 22),
)
NOTHING = Facts(points=POINTS)
RISK = Need("risk_daily", tier=1, decide_at=at("07:30"), has_fallback=False)

RISK_CAN_WAIT = replace(RISK, has_fallback=True)


def seen(
    clock: str, seq: int = 1, *, day: int = 20, refused: bool = False, sent: str = ""
) -> ArrivalFact:
    source_ts = at(sent) if sent else None
    return ArrivalFact(seq, "", "p.csv", 10, source_ts, at(clock, day), refused=refused)


def published(clock: str, day: int = 20) -> BatchFact:
    return BatchFact("b1", "PUBLISHED", at(clock, day))


class Ledger:
    """Keeps what is decided as the real one does."""

    def __init__(self, facts: Facts = NOTHING, *needs: Need, notifies: bool = True) -> None:
        self.facts, self.needs, self.notifies = facts, needs, notifies
        self.known: dict[str, Incident] = {}

    @property
    def open(self) -> dict[str, Incident]:
        return {key: each for key, each in self.known.items() if each.resolved_at is None}

    def add(self, **facts: tuple[object, ...]) -> None:
        known = {name: (*getattr(self.facts, name), *new) for name, new in facts.items()}
        self.facts = replace(self.facts, **known)  # type: ignore[arg-type]

    def tick(self, now: datetime, unwatched_until: datetime | None = None) -> list[Transition]:
        row = Row(
            feed="acme.positions",
            period="2026-11-20",
            supplier="acme",
            points=self.facts.points,
            state=evaluate(self.facts, now),
            notifies=self.notifies,
            needs=self.needs,
        )
        found = self._decide(row, now, unwatched_until)
        for each in found:
            kept = self.open.get(each.key)
            self.known[each.key] = Incident(
                key=each.key,
                kind=each.kind,
                feed=each.feed,
                period=each.period,
                level=each.level,
                condition=each.condition,
                summary=kept.summary if kept else each.summary,
                loudest=each.loudest,
                resolved_at=now if each.action == "resolve" else None,
            )
        assert self._decide(row, now, unwatched_until) == []
        return found

    def _decide(self, row: Row, now: datetime, until: datetime | None) -> list[Transition]:
        return decide(self.known.values(), [row], now, env="prod", unwatched_until=until)
