"""What a feed's contract allows a run to publish, and what waits for a person."""

from __future__ import annotations

from collections.abc import Iterator

from wharf.contracts import Feed
from wharf.ledger import Transaction, batches, decisions, deliveries, expected
from wharf.ledger.rows import BatchRow


def held_back(tx: Transaction, feed: Feed, row: BatchRow) -> str:
    """Why a batch must not be published by a run; empty when it may.

    A first delivery is never held back. A restatement is, where `on_arrival.restatement` says
    so for its time: the one that the feed is judged by, before or after the cut-off.
    """
    if gone := decisions.discarded(tx, row):
        return (
            f"batch {row.batch_id} was discarded by {gone.by}: {gone.reason}. "
            f"Take that back: `wharf revoke {gone.seq} --reason ...`."
        )
    promise = expected.find_expected(tx, feed.feed, row.period)
    standing = batches.current(tx, row.table).get(row.period)
    is_first = row.version <= len(feed.source.expected_parts)
    if is_first or promise is None or standing in {None, row.batch_id}:
        return ""
    landed = deliveries.current_versions(tx, feed.feed, row.period).values()
    by_submission = promise.judge_by == "submission"
    came = [(each.submitted_at if by_submission else None) or each.arrived_at for each in landed]
    is_after = max(came) > promise.cutoff_at
    rules = feed.on_arrival.restatement
    policy = rules.after if is_after else rules.within_cutoff
    if policy == "auto":
        return ""
    return (
        f"{feed.feed}: {row.period} was restated {'after' if is_after else 'before'} its cut-off "
        f"and the contract says {policy!r}. Read: `wharf batch show {row.batch_id}`. "
        f"Accept: `wharf batch publish {row.batch_id} --reason ...`."
    )


def too_many_quarantined(feed: Feed, row: BatchRow) -> Iterator[str]:
    """Say so when a larger share of a batch's rows is set aside than the contract allows."""
    limit = feed.on_arrival.max_quarantined
    if row.rows_quarantined <= limit * row.rows_in_file:
        return
    share = row.rows_quarantined / row.rows_in_file
    reasons = dict(row.origin.get("read", {}).get("reasons", {}))
    most = sorted(reasons.items(), key=lambda each: -each[1])[:3]
    told = ", ".join(f"{count} for {reason!r}" for reason, count in most)
    yield (
        f"{row.rows_quarantined} of {row.rows_in_file} rows are in quarantine "
        f"({share:.0%}; on_arrival.max_quarantined allows {limit:.0%})"
        + (f", {told}" if told else "")
    )
