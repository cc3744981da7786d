"""What the contracts let go is let go: each night, or by hand with a dry run first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime

from wharf import products
from wharf.batches.erase import Cause, erase_batch, erase_delivery, erase_rows
from wharf.batches.keep import RETENTION, batches_over, deliveries_over, periods_over, rows_over
from wharf.contracts import Feed
from wharf.errors import WharfError
from wharf.intake import Intake
from wharf.ledger import batches, deliveries, erasures
from wharf.ledger.rows import BatchRow, Delivery


@dataclass(frozen=True)
class Over:
    """What of one feed is kept no longer."""

    feed: Feed
    periods: tuple[str, ...]
    batches: tuple[BatchRow, ...]
    set_aside: tuple[BatchRow, ...]
    """Batches of which only the rows in quarantine go."""
    deliveries: tuple[Delivery, ...]

    @property
    def files(self) -> list[list[Delivery]]:
        """The deliveries by the file they share."""
        found: dict[str, list[Delivery]] = {}
        for each in self.deliveries:
            found.setdefault(each.uri, []).append(each)
        return list(found.values())

    def describe(self) -> str:
        """One line for a person."""
        counts = {
            "periods": len(self.periods),
            "batches": len(self.batches),
            "rows in quarantine": sum(row.rows_quarantined for row in self.set_aside),
            "delivered files": len(self.files),
        }
        said = ", ".join(f"{count:,} {what}" for what, count in counts.items() if count)
        return f"{self.feed.feed}: {said or 'nothing'} kept no longer"


def over(ctx: Intake, feed: Feed, now: datetime) -> Over:
    """What of a feed its contract lets go now; nothing is touched."""
    current = ctx.batches.current(feed.table)
    with ctx.ledger.read() as tx:
        rows = batches.batches_for(tx, feed.feed)
        anchored = products.anchored_batches(tx, now).get(feed.table, set())
        released = products.released_batches(tx).get(feed.table, set())
        gone = erasures.erased_batches(tx, feed.table)
        gone_rows = gone | erasures.erased_batches(tx, feed.table, erasures.QUARANTINE)
        by_period = deliveries.deliveries_by_period(tx, feed.feed)
        landed = [each for some in by_period.values() for each in some]
        lost = erasures.erased_deliveries(tx, [each.seq for each in landed])
    ended = set(periods_over(feed, {row.period for row in rows}, now.date()))
    # What a product was made of is kept, but not beyond the end of the period itself.
    made_of = {row.batch_id for row in rows if row.period not in ended} & released
    held = {*anchored, *made_of, *current.values()}
    whole = batches_over(feed.retention, rows, held=held, gone=gone, now=now)
    gone_rows |= {row.batch_id for row in whole}
    return Over(
        feed,
        tuple(sorted(each for each in ended & set(current) if current[each] not in anchored)),
        tuple(whole),
        tuple(rows_over(feed.retention, rows, gone=gone_rows, now=now)),
        tuple(deliveries_over(feed.retention, landed, gone=lost, now=now)),
    )


def let_go(ctx: Intake, feeds: Iterable[Feed], now: datetime) -> Iterator[str]:
    """Erase what the contracts let go; gives one line for each feed of which something went.

    A period that is over is first taken from readers, by an audited publish like any other; its
    batches then wait as `retention.replaced` says.
    """
    for feed in feeds:
        found = over(ctx, feed, now)
        if not (found.periods or found.batches or found.set_aside or found.deliveries):
            continue
        freed = 0
        try:
            for period in found.periods:
                reason = f"retention.periods of {feed.feed}"
                ctx.batches.rollback(
                    feed.table, period, to=None, by=RETENTION, reason=reason, now=now
                )
            for row in found.batches:
                word = "quarantine" if row.status == "QUARANTINED" else "replaced"
                cause = Cause("retention", RETENTION, f"retention.{word} of {feed.feed}", now)
                freed += erase_batch(ctx.lake, ctx.ledger, row, cause).bytes
            cause = Cause("retention", RETENTION, f"retention.quarantine of {feed.feed}", now)
            for row in found.set_aside:
                freed += erase_rows(ctx.lake, ctx.ledger, row, cause).bytes
            cause = Cause("retention", RETENTION, f"retention.landing of {feed.feed}", now)
            for same in found.files:
                freed += erase_delivery(ctx.landing, ctx.ledger, feed.table, same, cause).bytes
        except WharfError as error:
            yield f"{feed.feed}: retention stopped: {error}"
            continue
        yield f"{found.describe()}; {freed / 1e6:,.1f} MB freed"
