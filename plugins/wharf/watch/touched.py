"""Which product periods a change of their inputs may have touched, and what follows for each."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

from wharf import products
from wharf.contracts import Feed, Period
from wharf.errors import PeriodError
from wharf.ledger import Transaction, backfills
from wharf.ledger import products as product_rows
from wharf.ledger.backfills import Backfill
from wharf.ledger.changes import Change
from wharf.products import Rerun
from wharf.timeliness.horizon import is_expected

Pair = tuple[str, str]
"""Product and period key."""


@dataclass(frozen=True)
class Touched:
    """One product period that a change may have touched."""

    product: str
    period: str
    cause: str | None
    """What a run is started for; None where a person is asked first."""
    rerun: Rerun | None
    """What it would read otherwise; None where it would be made of the same, or never was."""
    changes: tuple[Change, ...] = ()
    """What happened to its inputs that its manifest does not know, where that is known."""


def touched_by(
    tx: Transaction,
    context: products.Context,
    feeds: Mapping[str, Feed],
    seen: Sequence[Change],
    now: datetime,
    *,
    all_open: bool = False,
) -> list[Touched]:
    """Decide again what changes may have touched.

    Open product periods follow every change. Those past their cut-off follow a backfill as its
    switch says; what else happens to their inputs is a person's to accept.

    Args:
        tx: A reading transaction.
        context: The installation.
        feeds: The feeds in force.
        seen: What happened.
        now: The instant to decide at.
        all_open: Whether every open product period is decided again, whatever happened.
    """
    search = _Search(tx, context, feeds, now)
    search.add_open(seen, all_open)
    search.add_closed(seen)
    return list(search.found())


@dataclass
class _Search:
    """What is to be decided again, gathered change by change."""

    tx: Transaction
    context: products.Context
    feeds: Mapping[str, Feed]
    now: datetime
    open: list[Pair] = field(default_factory=list)
    offers: list[Pair] = field(default_factory=list)
    follow: dict[Pair, Backfill] = field(default_factory=dict)
    """Past their cut-off, and made again when the backfill changed what they read."""
    all: dict[Pair, tuple[Backfill, list[Change]]] = field(default_factory=dict)
    """Made again whether or not the backfill changed what they read."""
    changes: dict[str, list[Change]] = field(default_factory=lambda: defaultdict(list))
    """By input."""
    known: dict[str, Backfill | None] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.names: dict[str, list[str]] = defaultdict(list)
        for name, feed in self.feeds.items():
            self.names[feed.table].append(name)
        self.readers: dict[str, list[str]] = defaultdict(list)
        for name, product in sorted(self.context.project.products.items()):
            for each in product.inputs:
                self.readers[each].append(name)

    def add_open(self, seen: Sequence[Change], all_open: bool) -> None:
        """Open periods of the products that read what changed, and those made anew meanwhile."""
        for change in seen:
            for name in self._inputs(change):
                self.changes[name].append(change)
        made = {(each.name, each.period) for each in seen if each.kind == "manifest"}
        reading = {product for name in self.changes for product in self.readers[name]}
        if all_open:
            reading = set(self.context.project.products)
        wanted = reading | {product for product, _ in made} & set(self.context.project.products)
        if not wanted:
            return
        for row in product_rows.open_periods(self.tx, wanted, self.now):
            pair = (row.product, row.period)
            if row.product in reading or pair in made:
                self.open.append(pair)

    def add_closed(self, seen: Sequence[Change]) -> None:
        """Periods past their cut-off that read what was published or released."""
        moved: dict[str, dict[Period, list[Change]]] = defaultdict(lambda: defaultdict(list))
        for change in seen:
            if change.kind not in {"publish", "release"} or change.period is None:
                continue
            backfill = self._backfill_of(change)
            if backfill is not None and backfill.follow == "none":
                continue
            for name in self._inputs(change):
                if (period := self._period_of(name, change.period)) is not None:
                    moved[name][period].append(change)
        for name, periods in moved.items():
            for product in self.readers[name]:
                self._add_readers(product, name, periods)

    def found(self) -> Iterator[Touched]:
        """All of them decided again, each once."""
        closed = [pair for pair in (*self.follow, *self.offers) if pair not in self.open]
        for product, period, rerun in self._decided([*self.open, *closed]):
            pair = (product, period)
            changes = self._changes_of(rerun)
            if pair in self.all:
                continue
            if pair in self.open or pair in self.follow:
                if rerun is not None:
                    yield Touched(product, period, self._cause(pair, rerun), rerun, changes)
            else:
                yield Touched(product, period, None, rerun, changes)
        for (product, period), (backfill, caused) in self.all.items():
            text = " ".join(sorted(f"{each.name} {each.batch_id}" for each in caused))
            digest = hashlib.sha256(text.encode()).hexdigest()[:12]
            cause = f"follow-{digest}__{backfill.cause}"
            yield Touched(product, period, cause, None, tuple(caused))

    def _decided(self, pairs: Iterable[Pair]) -> list[tuple[str, str, Rerun | None]]:
        return products.redecided(self.tx, self.context, pairs, self.now)

    def _cause(self, pair: Pair, rerun: Rerun) -> str:
        """A run that follows a backfill says so, so that what reads its release follows too."""
        if pair in self.open:
            return f"rerun-{rerun.cause}"
        return f"follow-{rerun.cause}__{self.follow[pair].cause}"

    def _changes_of(self, rerun: Rerun | None) -> tuple[Change, ...]:
        if rerun is None:
            return ()
        swapped = {swap.name for swap in rerun.swaps}
        return tuple(
            change
            for name in swapped
            for change in self.changes.get(name, ())
            if change.at > rerun.decided_at
        )

    def _add_readers(
        self, product: str, name: str, periods: Mapping[Period, Sequence[Change]]
    ) -> None:
        spec = self.context.project.products[product]
        readers = products.closed_readers(self.tx, self.context, spec, name, periods, self.now)
        for key, touching in readers.items():
            found = [self._backfill_of(change) for each in touching for change in periods[each]]
            ours = [each for each in found if each is not None]
            if ours:
                self.follow[product, key] = ours[-1]
            else:
                self.offers.append((product, key))
        days = products.days_of(self.context.project, spec)
        for period, changes in periods.items():
            own = Period.containing(spec.period.kind, period.last)
            for change in changes if is_expected(spec, own, days) and spec.is_active(own) else ():
                backfill = self._backfill_of(change)
                if backfill is not None and backfill.follow == "all":
                    self.all.setdefault((product, own.key), (backfill, []))[1].append(change)

    def _inputs(self, change: Change) -> list[str]:
        """The inputs, as products name them, that a change is about."""
        if change.kind == "publish":
            return self.names.get(change.name, [])
        return [] if change.kind == "manifest" else [change.name]

    def _period_of(self, name: str, key: str) -> Period | None:
        spec = self.feeds.get(name) or self.context.project.products.get(name)
        try:
            return spec.parse_period(key) if spec else None
        except PeriodError:
            return None

    def _backfill_of(self, change: Change) -> Backfill | None:
        cause = change.by.rpartition("__")[2]
        if cause not in self.known:
            self.known[cause] = backfills.backfill_of_run(self.tx, cause)
        return self.known[cause]
