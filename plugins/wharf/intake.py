"""The way of one delivery: land it unchanged, stage it as a batch, audit the batch, publish it.

Each function is one task of a feed's run and may be repeated: what was done is found in the
ledger and not done again. Readers see nothing of a batch before `publish_batch`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from wharf import __version__, quality
from wharf.batches import Batches
from wharf.batches.approval import held_back, too_many_quarantined
from wharf.batches.corrections import correct
from wharf.batches.first_audit import audit_by_suite
from wharf.contracts import Feed, Period, ResolveConnection
from wharf.errors import (
    AuditFailed,
    DeliveryMissing,
    DeliveryRefused,
    NothingNew,
    PeriodError,
    PublishRefused,
)
from wharf.lake import Batch, Lake, Landing, StagedFile, new_batch_id, open_lake, open_landing
from wharf.ledger import Ledger, arrivals, batches, contracts, decisions, deliveries, expected
from wharf.ledger.fixes import FixedFile, fixes_for
from wharf.ledger.rows import Arrival, BatchRow, Delivery
from wharf.reading import (
    Counts,
    Finding,
    Limits,
    Plan,
    SourceFile,
    parts_of,
    plan_reading,
    write_plan,
)
from wharf.reading.shapes import shape_of
from wharf.settings import Settings
from wharf.sources import open_source

# In front of a feed's own columns, so that two first batches, one with a new column, agree on ids.
RAW_SYSTEM = {"_period": "string", "_batch_id": "string", "_file": "string", "_line": "long"}
UNFINISHED = {"STAGED", "AUDITED"}
HANDED_IN = "handed-in/"  # begins the path of what no source has


@dataclass(frozen=True)
class Intake:
    """What the four steps work with."""

    settings: Settings
    ledger: Ledger
    lake: Lake
    landing: Landing
    batches: Batches
    resolve: ResolveConnection


def open_intake(settings: Settings, resolve: ResolveConnection) -> Intake:
    """Open ledger, lake and landing area of an installation."""
    ledger, lake = Ledger.open(settings.ledger_url), open_lake(settings)
    return Intake(settings, ledger, lake, open_landing(settings), Batches(lake, ledger), resolve)


def land_delivery(ctx: Intake, feed: Feed, period: Period, *, now: datetime) -> list[Delivery]:
    """Copy what arrived and was not landed yet into the landing area, and say what it is.

    Returns:
        The deliveries landed now, with their verdicts; empty when all were landed before.

    Raises:
        DeliveryMissing: Nothing ever arrived for this period.
        NothingNew: What was landed now are bytes we have: nothing is left to do.
        SourceError: The source could not be read.
    """
    with ctx.ledger.read() as tx:
        seen = arrivals.arrivals_of(tx, feed.feed, period.key)
        known = deliveries.deliveries_of(tx, feed.feed, period.key)
    if not seen and not known:
        wanted = period.fill(feed.source.path)
        raise DeliveryMissing(feed.feed, period.key, feed.source.connection, [wanted])
    landed = [_land(ctx, feed, arrival, now) for arrival in arrivals.not_landed(seen, known)]
    if landed and _is_done(ctx, feed, period, landed, now):
        raise NothingNew(
            f"{feed.feed}: {period} came again with the bytes of version {landed[-1].version}"
        )
    return landed


def hand_in(
    ctx: Intake, feed: Feed, period: Period, part: str, file: Path, *, now: datetime
) -> Delivery:
    """Land a file that a person brings, as if it had arrived at the source.

    Raises:
        PeriodError: The feed has no such part.
    """
    if part not in feed.source.expected_parts:
        choices = ", ".join(feed.source.parts) or "none: leave --part out"
        raise PeriodError(f"{feed.feed} has no part {part!r}; parts: {choices}")
    with file.open("rb") as handle:
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    seen = Arrival(
        feed=feed.feed,
        period=period.key,
        part=part,
        path=f"{HANDED_IN}{file.name}",
        size=file.stat().st_size,
        source_ts=None,
        first_seen=now,
        fingerprint=now.isoformat(),
    )
    uri = _store(ctx, seen, file, sha256)
    with ctx.ledger.write() as tx:
        # With its delivery, since no run could fetch this arrival from the source.
        [arrival] = arrivals.append_arrivals(tx, [seen])
        expected.make_due(tx, feed.feed, [period.key], now)
        return deliveries.record_landed(
            tx, arrival, uri=uri, size=arrival.size, sha256=sha256, now=now
        )


def stage_batch(ctx: Intake, feed: Feed, period: Period, *, now: datetime, run_id: str) -> str:
    """Read the current version of all parts into a new batch that no reader sees yet.

    Returns:
        The batch id; the one that stands when these versions were staged under this contract.

    Raises:
        DeliveryMissing: A part was never landed.
        DeliveryRefused: A file cannot be read as the contract says, or holds the bytes of
            another period and the contract refuses that.
    """
    current = _current_versions(ctx, feed, period, now)
    _refuse_other_periods(ctx, feed, current)
    contract, key = _stage_key(ctx, feed, current)
    for row in _staged(ctx, feed, period, key):
        if _still_fits(ctx, row):
            return row.batch_id
    batch_id = new_batch_id(now)
    with ctx.settings.workplace(batch_id) as work:
        plan, counts, fixed = _read(ctx, feed, period, current, batch_id, work)
        batch = _write(ctx, feed, period, batch_id, plan, counts, work)
    origin = {
        "key": key,
        "feed": feed.feed,
        "contract": contract,
        "wharf": __version__,
        "deliveries": [deliveries.describe(each) for each in current],
        "read": counts.describe(),
        "sniffed": [each.describe() for each in plan.sniffed],
        "shapes": [shape_of(each).describe() for each in plan.files],
        "fixes": [each.describe() for each in fixed],
        "staged_at": now.isoformat(),
    }
    ctx.batches.stage(
        batch.with_origin(origin),
        subject=feed.feed,
        version=sum(each.version for each in current),
        rows_in_file=counts.rows_in_file,
        findings=[each.describe() for each in (*_same_as_other_periods(current), *plan.findings)],
        run_id=run_id,
        now=now,
    )
    _say_outcome(ctx, (each.seq for each in current), "loaded")
    return batch_id


def audit_batch(ctx: Intake, feed: Feed, batch_id: str, *, now: datetime) -> None:
    """Check a staged batch: its structure, its quarantined share, then its expectation suite.

    Raises:
        AuditFailed: Something critical failed; the batch is in quarantine.
        SuiteError: The feed's suite is missing or names unknown expectations.
    """
    row = _batch_row(ctx, batch_id)
    batch = ctx.lake.read_batch(row.table, row.period, batch_id)
    problems = [*ctx.lake.check(batch), *too_many_quarantined(feed, row)]
    results, noted = "", list[quality.Noted]()
    if not problems:
        audit = audit_by_suite(ctx.settings, ctx.ledger, ctx.lake, feed, batch, row, now)
        results, noted = str(audit.page), list(audit.noted)
        problems = list(audit.failed_critical)
    ctx.batches.audited(
        batch_id,
        passed=not problems,
        findings=[
            *({"message": text, "severity": "critical"} for text in problems),
            *(each.describe() for each in noted),
        ],
        results=results,
        now=now,
    )
    _evaluate_soon(ctx, row, now)
    read = (int(each["delivery"]) for each in row.origin["deliveries"])
    _say_outcome(ctx, read, "quarantined" if problems else "loaded")
    if problems:
        raise AuditFailed(batch_id, problems)


def publish_batch(ctx: Intake, feed: Feed, batch_id: str, *, now: datetime, by: str) -> int:
    """Point readers at an audited batch by one commit.

    Returns:
        The table's snapshot id.

    Raises:
        PublishRefused: A newer version stands, or a person must approve a late restatement.
    """
    row = _batch_row(ctx, batch_id)
    with ctx.ledger.read() as tx:
        if reason := held_back(tx, feed, row):
            raise PublishRefused(reason)
    snapshot = ctx.batches.publish(batch_id, now=now, by=by)
    _evaluate_soon(ctx, row, now)
    return snapshot


def _land(ctx: Intake, feed: Feed, arrival: Arrival, now: datetime) -> Delivery:
    source = open_source(ctx.resolve(feed.source.connection))
    with ctx.settings.workplace(f"land-{arrival.seq}") as work:
        fetched = source.fetch(arrival.path, work / "file")
        uri = _store(ctx, arrival, work / "file", fetched.sha256, is_ours=True)
    with ctx.ledger.write() as tx:
        return deliveries.record_landed(
            tx, arrival, uri=uri, size=fetched.size, sha256=fetched.sha256, now=now
        )


def _store(ctx: Intake, arrival: Arrival, file: Path, sha256: str, *, is_ours: bool = False) -> str:
    named = {"feed": arrival.feed, "period": arrival.period, "part": arrival.part}
    name = Path(arrival.path).name
    return ctx.landing.store(file, **named, sha256=sha256, name=name, is_ours=is_ours)


def _is_done(
    ctx: Intake, feed: Feed, period: Period, landed: Sequence[Delivery], now: datetime
) -> bool:
    """Whether files that just came hold nothing but what a finished batch was made of."""
    if any(each.verdict != "DUPLICATE" for each in landed):
        return False
    _, key = _stage_key(ctx, feed, _current_versions(ctx, feed, period, now))
    return any(row.status not in UNFINISHED for row in _staged(ctx, feed, period, key))


def _current_versions(ctx: Intake, feed: Feed, period: Period, now: datetime) -> list[Delivery]:
    with ctx.ledger.read() as tx:
        current = deliveries.current_versions(tx, feed.feed, period.key)
        accepted = decisions.in_force(tx, "accept_partial", feed.feed, period.key, now)
    missing = [part or "the file" for part in feed.source.expected_parts if part not in current]
    if missing and not (accepted and current):
        raise DeliveryMissing(feed.feed, period.key, feed.source.connection, missing)
    return [current[part] for part in feed.source.expected_parts if part in current]


def _refuse_other_periods(ctx: Intake, feed: Feed, current: Sequence[Delivery]) -> None:
    if feed.on_arrival.same_as_previous != "refuse":
        return
    for each in current:
        if each.same_as_period:
            reason = f"its bytes are those of period {each.same_as_period}"
            _refuse(ctx, [each], reason)
            raise DeliveryRefused(
                each.path, reason, "Ask the supplier for the file of this period."
            )


def _same_as_other_periods(current: Sequence[Delivery]) -> Iterator[Finding]:
    for each in current:
        if each.same_as_period:
            text = f"the file has the bytes of period {each.same_as_period}"
            yield Finding("same_as_period", text, file=each.path)


def _stage_key(ctx: Intake, feed: Feed, current: Sequence[Delivery]) -> tuple[str, str]:
    """The contract in force, and what a batch of these versions under it is known by."""
    with ctx.ledger.read() as tx:
        version = contracts.current_contract(tx, feed.feed)
        fixed = fixes_for(tx, feed.feed, current[0].period, current)
    contract = version.sha256 if version else ""
    named = [[each.part, each.version, each.sha256] for each in current]
    named += [["corrected", each.decision, each.sha256] for each in fixed]
    return contract, hashlib.sha256(json.dumps([named, contract, __version__]).encode()).hexdigest()


def _staged(ctx: Intake, feed: Feed, period: Period, key: str) -> list[BatchRow]:
    with ctx.ledger.read() as tx:
        rows = batches.batches_for(tx, feed.feed, period.key)
    return [row for row in rows if row.origin.get("key") == key]


def _read(
    ctx: Intake,
    feed: Feed,
    period: Period,
    current: Sequence[Delivery],
    batch_id: str,
    work: Path,
) -> tuple[Plan, Counts, Sequence[FixedFile]]:
    files = [
        SourceFile(ctx.landing.fetch(each.uri, work / f"part-{number}"), each.path, each.part)
        for number, each in enumerate(current)
    ]
    with ctx.ledger.read() as tx:
        fixed = fixes_for(tx, feed.feed, period.key, current)
    try:
        limits = Limits(memory=ctx.settings.memory, threads=ctx.settings.threads)
        policy = feed.on_arrival.schema_
        plan = plan_reading(files, feed.format, feed.columns, policy, limits=limits)
        wanted = {**RAW_SYSTEM, **plan.columns}
        lake_columns = ctx.lake.columns_for(feed.table, wanted, feed.renamed_columns)
        target: dict[str, Any] = {
            "bad": work / "bad.parquet",
            "field_ids": {column.name: column.ids for column in lake_columns},
            "constants": {"_period": period.key, "_batch_id": batch_id},
            "work": work,
        }
        counts = write_plan(plan, good=work / "good.parquet", **target)
        counts = correct(ctx.landing, fixed, plan, counts, good=work / "fixed.parquet", **target)
    except DeliveryRefused as error:
        # A member of an archive stands behind the archive's name and a `!`.
        meant = [each for each in current if f"{error.file}!".startswith(f"{each.path}!")]
        _refuse(ctx, meant or current, error.reason)
        raise
    return plan, counts, fixed


def _write(
    ctx: Intake,
    feed: Feed,
    period: Period,
    batch_id: str,
    plan: Plan,
    counts: Counts,
    work: Path,
) -> Batch:
    folder = ctx.lake.batch_dir(feed.table, period.key, batch_id)
    good, bad = list[StagedFile](), None
    if counts.rows_staged:  # else the lake puts an empty file
        parts = enumerate([*parts_of(work / "good.parquet"), *work.glob("fixed.parquet")])
        at = f"{folder}/part"
        puts = (ctx.lake.put(path, f"{at}-{n}.parquet", is_ours=True) for n, path in parts)
        good = [each for each in puts if each.rows]
    if counts.rows_quarantined:
        bad = ctx.lake.put(work / "bad.parquet", f"{folder}/quarantine.parquet")
    return Batch(
        batch_id=batch_id,
        table=feed.table,
        period=period.key,
        files=tuple(good),
        rows=counts.rows_staged,
        columns=ctx.lake.columns_for(
            feed.table, {**RAW_SYSTEM, **plan.columns}, feed.renamed_columns
        ),
        rows_quarantined=counts.rows_quarantined,
        quarantine=bad,
    )


def _still_fits(ctx: Intake, row: BatchRow) -> bool:
    """Whether a batch staged before can go on; a table that grew meanwhile may not take it."""
    if row.status in {"STAGED", "AUDITED"}:
        return not ctx.lake.check(ctx.lake.read_batch(row.table, row.period, row.batch_id))
    return row.status != "SUPERSEDED"


def _batch_row(ctx: Intake, batch_id: str) -> BatchRow:
    with ctx.ledger.read() as tx:
        row = batches.batch(tx, batch_id)
    if row is None:
        raise PublishRefused(f"the ledger knows no batch {batch_id!r}; see `wharf batch list`")
    return row


def _evaluate_soon(ctx: Intake, row: BatchRow, now: datetime) -> None:
    with ctx.ledger.write() as tx:
        expected.make_due(tx, row.subject, [row.period], now)


def _say_outcome(ctx: Intake, read: Iterable[int], outcome: str) -> None:
    with ctx.ledger.write() as tx:
        for seq in read:
            deliveries.set_outcome(tx, seq, outcome)


def _refuse(ctx: Intake, refused: Sequence[Delivery], reason: str) -> None:
    with ctx.ledger.write() as tx:
        for each in refused:
            deliveries.set_outcome(tx, each.seq, "refused", reason)
            expected.make_due(tx, each.feed, [each.period], each.landed_at)
