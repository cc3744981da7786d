"""Replaying what is in quarantine: corrected rows, or the same rows under a contract that changed.

A correction is kept beside the delivery and stays in force until it is taken back, so every later
reading of the same bytes has it too. What it makes is a batch like any other: read by the same
rules, audited by the same suite, published by the same decision.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from tempfile import mkdtemp
from typing import IO

from wharf import intake
from wharf.contracts import Feed, Period, StartRun
from wharf.decisions.desk import Desk, Person
from wharf.decisions.handing_in import keep_upload
from wharf.decisions.wishes import LONGEST_REASON, plain
from wharf.errors import DecisionRefused, PeriodError, WharfError
from wharf.intake import Intake
from wharf.ledger import batches, decisions, deliveries, expected
from wharf.ledger.fixes import REPLAY
from wharf.ledger.rows import BatchRow, Decision, Delivery
from wharf.reading.fixed_file import Fix, read_fixes
from wharf.reading.fixes import unmet
from wharf.reading.shapes import Shape

PART = "corrections"
"""Names the folder of corrected rows in the landing area."""
_MOST_NAMED = 5


@dataclass(frozen=True)
class Replayed:
    """What a replay came to."""

    batch: BatchRow
    decision: int | None
    is_new: bool
    """Whether anything was to be done."""
    snapshot: int | None = None

    @property
    def rows_dropped(self) -> int:
        """Rows that are left out for good."""
        return int(self.batch.origin.get("read", {}).get("rows_dropped", 0))


@dataclass(frozen=True)
class Noted:
    """A correction that was kept, and what happens now."""

    decision: Decision
    is_new: bool
    next_step: str


def replay(
    place: Intake,
    desk: Desk,
    feed: Feed,
    period: Period,
    person: Person,
    now: datetime,
    reason: str,
) -> Replayed:
    """Read a delivery again with its corrections and its contract of now; audit and publish it.

    Raises:
        DeliveryMissing: A part was never landed.
        DeliveryRefused: A file cannot be read as the contract says.
        AuditFailed: The batch failed its audit and is in quarantine.
        PublishRefused: A person must approve it, or a newer batch stands.
    """
    why = _reason(reason)
    batch_id = intake.stage_batch(place, feed, period, now=now, run_id=f"replay:{person.name}")
    row, standing = _row(place, batch_id), _standing(place, feed, period)
    decision = _note(desk, feed, period, row, person, now, why) if batch_id != standing else None
    if batch_id == standing:
        return Replayed(row, decision, is_new=False)
    if row.status in intake.UNFINISHED | {"QUARANTINED"}:
        intake.audit_batch(place, feed, batch_id, now=now)
    snapshot = intake.publish_batch(place, feed, batch_id, now=now, by=person.name)
    return Replayed(_row(place, batch_id), decision, is_new=True, snapshot=snapshot)


def keep_corrections(
    place: Intake,
    desk: Desk,
    feed_name: str,
    period_key: str,
    file_name: str,
    content: IO[bytes],
    folder: Path,
    person: Person,
    now: datetime,
    reason: str,
) -> tuple[Decision, bool]:
    """Keep a file of corrected rows beside the delivery that they belong to.

    Returns:
        The decision, and whether it is new: the same bytes are kept once.

    Raises:
        DecisionRefused: The rows are not those in quarantine, or no reason is given.
        DeliveryRefused: The file cannot be read.
    """
    why = _reason(reason)
    feed = desk.feed(feed_name)
    period = _period(feed, period_key)
    file = keep_upload(content, folder, file_name)
    with file.open("rb") as handle:
        sha256 = hashlib.file_digest(handle, "sha256").hexdigest()
    if known := _known(desk, feed, period, sha256):
        return known, False
    base, landed = _base(place, feed, period)
    fixes = _checked(place, feed, base, file, folder)
    uri = place.landing.store(
        file, feed=feed.feed, period=period.key, part=PART, sha256=sha256, name=file.name
    )
    drops = sum(fix.drop for fix in fixes)
    detail = {
        "via": person.via, "sha256": sha256, "uri": uri, "name": file.name, "batch": base.batch_id,
        "rows": len(fixes) - drops, "dropped": drops,
        "files": [{"part": d.part, "path": d.path, "sha256": d.sha256} for d in landed],
    }  # fmt: skip
    row = Decision(feed.feed, period.key, REPLAY, None, person.name, why, now, detail=detail)
    with desk.ledger.write() as tx:
        row = decisions.record_decision(tx, row)
        expected.make_due(tx, feed.feed, [period.key], now)
    return row, True


def read_anew(
    desk: Desk, feed_name: str, period_key: str, person: Person, now: datetime, reason: str
) -> Decision:
    """Keep the wish to read a delivery again under the contract of now; `ask_for_run` starts it.

    Raises:
        DecisionRefused: No reason is given, or nothing was delivered.
    """
    why = _reason(reason)
    feed = desk.feed(feed_name)
    period = _period(feed, period_key)
    with desk.ledger.write() as tx:
        if not deliveries.current_versions(tx, feed.feed, period.key):
            raise DecisionRefused("period", f"nothing was delivered of {feed.feed} for {period}")
        detail = {"via": person.via}
        row = Decision(feed.feed, period.key, REPLAY, None, person.name, why, now, detail=detail)
        row = decisions.record_decision(tx, row)
        expected.make_due(tx, feed.feed, [period.key], now)
    return row


def ask_for_run(desk: Desk, row: Decision, start_run: StartRun | None, now: datetime) -> str:
    """Have a run read the delivery again with its corrections; says what happens now."""
    feed = desk.feed(row.feed)
    if start_run is None or row.period is None:
        return "The next tick starts a run that reads it again."
    try:
        start_run(feed.dag_id, row.period, cause_of(row))
    except WharfError as error:
        return f"The next tick starts a run that reads it again; now it could not be: {error}"
    with desk.ledger.write() as tx:
        decisions.record_run(tx, feed.dag_id, row.period, cause_of(row), now)
    return "A run was started that reads it again, audits and publishes it."


def cause_of(row: Decision) -> str:
    """The cause of the run that a correction asks for: it is started once."""
    return f"replay-{row.seq}"


def discard(
    desk: Desk, feed_name: str, batch_id: str, person: Person, now: datetime, reason: str
) -> Decision:
    """Settle that a batch in quarantine is not published, whatever a later audit says of it.

    Raises:
        DecisionRefused: It is no batch in quarantine, it was discarded before, or no reason.
    """
    why = _reason(reason)
    feed = desk.feed(feed_name)
    with desk.ledger.write() as tx:
        row = batches.batch(tx, batch_id)
        if row is None or row.subject != feed.feed or row.status != "QUARANTINED":
            raise DecisionRefused("batch", f"{batch_id!r} is no batch of {feed.feed} in quarantine")
        if decisions.discarded(tx, row):
            raise DecisionRefused("batch", f"{batch_id} was discarded already")
        detail = {"batch_id": batch_id, "via": person.via}
        made = Decision(
            feed.feed, row.period, "discard", None, person.name, why, now, detail=detail
        )
        made = decisions.record_decision(tx, made)
        expected.make_due(tx, feed.feed, [row.period], now)
    return made


def _checked(place: Intake, feed: Feed, base: BatchRow, file: Path, folder: Path) -> Sequence[Fix]:
    """The corrections of a file, each of a row that is in quarantine."""
    shapes = {shape.file: shape for shape in map(Shape.read, base.origin.get("shapes", ()))}
    new = {name for shape in shapes.values() for name in shape.columns if name}
    fixes = read_fixes(file, file.name, [*feed.columns, *sorted(new - {*feed.columns})], folder)
    batch = place.lake.read_batch(base.table, base.period, base.batch_id)
    held = place.lake.eraser.rows_of(batch)
    if held is None or not fixes:
        raise DecisionRefused(
            "file", f"{file.name} corrects nothing; see `wharf quarantine export`"
        )
    local = Path(mkdtemp(dir=folder)) / "held.parquet"
    with place.lake.storage.open(held.uri) as reading, local.open("wb") as writing:
        shutil.copyfileobj(reading, writing)
    if wrong := unmet(local, fixes, shapes):
        told = "; ".join(f"line {fix.line} {why}" for fix, why in wrong[:_MOST_NAMED])
        more = f"; and {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
        raise DecisionRefused(
            "file", f"{told}{more}. Export {feed.feed} {base.period} again, and correct that"
        )
    return fixes


def _base(place: Intake, feed: Feed, period: Period) -> tuple[BatchRow, list[Delivery]]:
    """The newest batch of what is delivered now, which holds the rows to correct."""
    with place.ledger.read() as tx:
        current = deliveries.current_versions(tx, feed.feed, period.key)
        rows = batches.batches_for(tx, feed.feed, period.key)
    wanted = {each.seq for each in current.values()}
    for row in reversed(rows):
        if {int(each["delivery"]) for each in row.origin.get("deliveries", ())} == wanted:
            return row, list(current.values())
    raise DecisionRefused(
        "period",
        f"no batch of {feed.feed} {period} was made of what is delivered now; run it first",
    )


def _known(desk: Desk, feed: Feed, period: Period, sha256: str) -> Decision | None:
    with desk.ledger.read() as tx:
        rows = decisions.decisions_of(tx, feed.feed, period.key)
    same = [
        row
        for row in rows
        if row.kind == REPLAY and row.revoked_at is None and row.detail.get("sha256") == sha256
    ]
    return same[-1] if same else None


def _note(
    desk: Desk,
    feed: Feed,
    period: Period,
    row: BatchRow,
    person: Person,
    now: datetime,
    reason: str,
) -> int:
    """Keep who had a delivery read again; a correction in force says it already."""
    fixed = [int(each["decision"]) for each in row.origin.get("fixes", ())]
    with desk.ledger.write() as tx:
        known = decisions.find_decision(tx, fixed[-1]) if fixed else None
        if known is not None and "batch_id" not in known.detail:
            decisions.add_detail(tx, known, batch_id=row.batch_id)
            return known.seq
        detail = {"via": person.via, "batch_id": row.batch_id}
        made = Decision(
            feed.feed, period.key, REPLAY, None, person.name, reason, now, detail=detail
        )
        return decisions.record_decision(tx, made).seq


def _row(place: Intake, batch_id: str) -> BatchRow:
    with place.ledger.read() as tx:
        row = batches.batch(tx, batch_id)
    assert row is not None  # it was staged just now
    return row


def _standing(place: Intake, feed: Feed, period: Period) -> str | None:
    with place.ledger.read() as tx:
        return batches.current(tx, feed.table, period.key, period.key).get(period.key)


def _period(feed: Feed, key: str) -> Period:
    try:
        return feed.parse_period(key)
    except PeriodError as error:
        raise DecisionRefused("period", str(error)) from None


def _reason(text: str) -> str:
    reason = plain(text)
    if not reason:
        raise DecisionRefused("reason", "is missing: say why, for whoever reads it later")
    if len(reason) > LONGEST_REASON:
        raise DecisionRefused("reason", f"is longer than {LONGEST_REASON} characters")
    return reason
