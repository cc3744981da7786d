"""A person's rows are forgotten everywhere: in every version, delivered file, page and table."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from wharf import products
from wharf.batches.erase import Cause, erase_delivery
from wharf.batches.forget import Found, find_key, forget_key
from wharf.contracts import Feed
from wharf.intake import Intake
from wharf.ledger import deliveries, erasures
from wharf.ledger.fixes import FixedFile, fixes_for
from wharf.ledger.rows import BatchRow, Delivery, ReleaseRow
from wharf.products.successors import follow_successors
from wharf.watch.promises import Promises

QUOTING = ("batch", "batch_audit", "check_outcome")
"""Tables of the ledger whose rows may quote values of a batch: findings, figures, outcomes."""
Progress = Callable[[str], None]


@dataclass(frozen=True)
class Traces:
    """Where rows of a key lie, and where nobody can look."""

    found: tuple[Found, ...]
    files: tuple[tuple[Delivery, ...], ...]
    """Delivered files that batches with such rows were read from."""
    corrections: tuple[FixedFile, ...]
    """Files of corrected rows that people handed in for those."""
    unread: tuple[Delivery, ...]
    """Delivered files that no batch was read from: what they hold is not known."""
    unsearched: tuple[str, ...]
    """Tables made of this feed that lack a column of the key."""

    @property
    def rows(self) -> int:
        """Rows in all versions of all tables."""
        return sum(each.staged + each.quarantined for each in self.found)


@dataclass
class Forgotten:
    """What was done."""

    successors: dict[str, str] = field(default_factory=dict)
    """Batch -> the one that holds its other rows."""
    files: int = 0
    releases: list[ReleaseRow] = field(default_factory=list)


def traces(ctx: Intake, promises: Promises, feed: Feed, key: Mapping[str, str]) -> Traces:
    """Find every row of a key that was ever taken in for a feed; nothing is touched.

    Args:
        ctx: The installation.
        promises: The contracts in force.
        feed: The feed it was delivered for.
        key: Column -> value, as text.

    Raises:
        LakeError: The feed's table has no such column.
    """
    found = find_key(ctx.batches, feed.table, key) if ctx.lake.has(feed.table) else []
    unsearched: list[str] = []
    for table in sorted(_made_of(ctx, feed)):
        if set(key) <= {column.name for column in ctx.lake.schema(table)}:
            found += find_key(ctx.batches, table, key)
        else:
            unsearched.append(table)
    read = {seq for each in found for seq in _deliveries_of(each.row)}
    with ctx.ledger.read() as tx:
        by_period = deliveries.deliveries_by_period(tx, feed.feed)
        landed = [each for some in by_period.values() for each in some]
        gone = erasures.erased_deliveries(tx, [each.seq for each in landed])
    files: dict[str, list[Delivery]] = {}
    for each in landed:
        files.setdefault(each.uri, []).append(each)
    holding = [
        tuple(each for each in same if each.seq not in gone)
        for same in files.values()
        if read & {each.seq for each in same}
    ]
    unread = [
        same[-1]
        for same in files.values()
        if not any(each.outcome in {"loaded", "quarantined"} for each in same)
        and same[-1].seq not in gone
    ]
    still = tuple(filter(None, holding))
    with ctx.ledger.read() as tx:
        corrections = {
            each.decision: each
            for same in still
            for each in fixes_for(tx, feed.feed, same[0].period, same)
        }
    return Traces(
        tuple(found), still, tuple(corrections.values()), tuple(unread), tuple(unsearched)
    )


def forget(
    ctx: Intake,
    promises: Promises,
    feed: Feed,
    key: Mapping[str, str],
    cause: Cause,
    progress: Progress = lambda _: None,
) -> Forgotten:
    """Forget every row of a key; a retry after any failure goes on where the first try stopped.

    Raises:
        LakeError: An anchor's tag holds a batch with such rows, or the lake cannot be reached.
    """
    seen = traces(ctx, promises, feed, key)
    done = Forgotten()
    for number, each in enumerate(seen.found, 1):
        progress(f"batch {number} of {len(seen.found)}: {each.row.table} {each.row.period}")
        done.successors[each.row.batch_id] = forget_key(ctx.batches, each, key, cause)
        _erase_results(ctx, each.row)
    place = products.Context.of(ctx, promises.project)
    done.releases = follow_successors(place, done.successors, by=cause.by, now=cause.at)
    for correction in seen.corrections:
        ctx.landing.erase(correction.uri, cause.sentence)
    for same in seen.files:
        progress(f"delivered file of {same[0].period}")
        erase_delivery(ctx.landing, ctx.ledger, feed.table, same, cause)
        done.files += 1
    for table in {each.row.table for each in seen.found}:
        ctx.lake.eraser.sweep(table)
    ctx.ledger.scrub(QUOTING)
    return done


def _made_of(ctx: Intake, feed: Feed) -> Iterator[str]:
    """Tables whose standing releases were made of a feed's table."""
    with ctx.ledger.read() as tx:
        made = products.released_tables(tx, feed.table)
    return (table for table in made if table != feed.table and ctx.lake.has(table))


def _deliveries_of(row: BatchRow) -> Iterator[int]:
    yield from (int(each["delivery"]) for each in row.origin.get("deliveries", ()))


def _erase_results(ctx: Intake, row: BatchRow) -> None:
    """Delete what an audit wrote about a batch: it quotes rows."""
    if not row.results:
        return
    page = Path(row.results)
    if page.is_relative_to(ctx.settings.results):
        for file in page.parent.glob(f"{page.stem}.*"):
            file.unlink(missing_ok=True)
