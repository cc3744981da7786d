"""The way of a batch: STAGED, AUDITED or QUARANTINED, PUBLISHED, SUPERSEDED or ROLLED_BACK."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime

from wharf.batches.recording import follow, newer
from wharf.errors import PublishRefused
from wharf.lake import Batch, Lake
from wharf.ledger import Ledger, expected
from wharf.ledger import batches as rows
from wharf.ledger.rows import BatchRow

AUDIT = "audit"
"""Kind of the findings that an audit leaves on a batch's row."""


Audit = Callable[[Batch], Sequence[str]]
"""Says what is wrong with a batch, in words; nothing when it may be read."""


class _TwinStands(Exception):
    """A batch of the same deliveries, read under the same contract, is what readers see."""

    def __init__(self, snapshot_id: int) -> None:
        self.snapshot_id = snapshot_id
        super().__init__(f"snapshot {snapshot_id}")


class Batches:
    """Moves batches of any table: a feed's, a dbt model's, a table of scores."""

    def __init__(self, lake: Lake, ledger: Ledger) -> None:
        self.lake = lake
        self.ledger = ledger

    def stage(
        self,
        batch: Batch,
        *,
        subject: str,
        now: datetime,
        version: int = 1,
        rows_in_file: int | None = None,
        findings: Sequence[object] = (),
        run_id: str = "",
    ) -> Batch:
        """Finish a batch whose files lie in its folder: its record, then its ledger row.

        Args:
            batch: The batch; a second time with the same id changes nothing.
            subject: The feed or product it belongs to.
            now: When it was staged.
            version: The delivery version it was made from; a higher one is newer.
            rows_in_file: Rows the delivered files hold; staged plus quarantined when None.
            findings: Remarks of the reading, shown with the batch.
            run_id: The run that staged it.

        Returns:
            The batch as recorded.

        Raises:
            LakeError: Another batch stands under this id, or the lake cannot be reached.
        """
        known = {"subject": subject, "version": version}
        batch = self.lake.write_batch(batch.with_origin({**batch.origin, **known}))
        delivered = batch.rows + batch.rows_quarantined if rows_in_file is None else rows_in_file
        row = BatchRow(
            batch_id=batch.batch_id,
            table=batch.table,
            period=batch.period,
            subject=subject,
            status="STAGED",
            staged_at=now,
            status_at=now,
            version=version,
            rows_in_file=delivered,
            rows_staged=batch.rows,
            rows_quarantined=batch.rows_quarantined,
            run_id=run_id,
            findings=list(findings),
            origin=dict(batch.origin),
        )
        with self.ledger.write() as tx:
            rows.record_batch(tx, row)
        return batch

    def audited(
        self,
        batch_id: str,
        *,
        passed: bool,
        now: datetime,
        findings: Sequence[object] = (),
        results: str = "",
    ) -> None:
        """Note how a batch's audit ended. What was published before stays published.

        Args:
            batch_id: The batch.
            passed: Whether nothing critical failed.
            now: When the audit ended.
            findings: What it found, in words or as objects with a message.
            results: Where the results can be read.

        Raises:
            PublishRefused: The ledger has no such batch.
        """
        verdict = "AUDITED" if passed else "QUARANTINED"
        with self.ledger.write() as tx:
            row = _known(rows.batch(tx, batch_id), batch_id)
            status = verdict if row.status in {"STAGED", "AUDITED", "QUARANTINED"} else row.status
            earlier = [each for each in row.findings if not _is_audit(each)]
            rows.set_status(
                tx,
                batch_id,
                status,
                now,
                findings=[*earlier, *(_finding(each) for each in findings)],
                results=results or row.results,
            )

    def publish(
        self, batch_id: str, *, now: datetime, by: str, reason: str = "", force: bool = False
    ) -> int:
        """Let readers of its period see a batch; safe to repeat after any failure.

        Args:
            batch_id: An audited batch.
            now: When it is published.
            by: Who publishes: a run id or a person.
            reason: Why; required with `force`.
            force: A person's word: publishes what is in quarantine, was rolled back, or is older
                than what stands. Structure checks hold all the same.

        Returns:
            The table's snapshot id.

        Raises:
            PublishRefused: The batch was not audited, is in quarantine, was rolled back or
                replaced, or a newer one stands.
            LakeError: The lake cannot be reached; try again.

        Two runs may stage the same deliveries at once: the one that publishes second finds its
        twin standing and ends well, without a commit.
        """
        if force and not reason:
            raise PublishRefused("publishing against the rules needs a reason: add --reason ...")
        row = self._row(batch_id)
        batch = self.lake.read_batch(row.table, row.period, batch_id)

        def may_replace(standing: str | None) -> bool:
            follow(self.lake, self.ledger, row.table)
            if not force:
                self._refuse_unless_next(batch_id, standing)
            return True

        properties = _properties(now, by, reason, action="publish", version=row.version)
        try:
            snapshot = self.lake.publish(batch, properties, may_replace=may_replace)
        except _TwinStands as twin:
            with self.ledger.write() as tx:
                rows.set_status(tx, batch_id, "SUPERSEDED", now)
            return twin.snapshot_id
        follow(self.lake, self.ledger, row.table)
        return snapshot

    def rollback(
        self,
        table: str,
        period: str,
        *,
        to: str | None,
        by: str,
        reason: str,
        now: datetime,
        audit: Audit | None = None,
        force: bool = False,
    ) -> int | None:
        """Let readers of a period see an earlier batch again, or nothing.

        What stood before is not published again by any run: only by a person, with `force`.
        What comes back is audited as it would be if it came today.

        Args:
            table: The table.
            period: The period key.
            to: A batch that was published before; None leaves the period without any.
            by: Who decides.
            reason: Why; kept in the audit trail.
            now: When.
            audit: Says what is wrong with the earlier batch; its structure is checked in any case.
            force: A person's word: rolls back although the audit fails.

        Returns:
            The snapshot that readers see; None for a table to which nothing was ever published.

        Raises:
            PublishRefused: No reason is given, the batch was never published, is damaged, or does
                not pass its audit.
        """
        if not reason:
            raise PublishRefused("a rollback needs a reason: add --reason ...")
        follow(self.lake, self.ledger, table)
        properties = _properties(now, by, reason, action="rollback")
        if to is not None:
            batch = self._published_before(table, period, to)
            failed = list(audit(batch)) if audit else []
            if failed and not force:
                raise PublishRefused(
                    f"batch {to} does not pass its audit of today: {'; '.join(failed)}. Nothing "
                    f"was changed. Read it all the same: add --force to `wharf batch rollback`."
                )
            if failed:
                properties["failed_audit"] = "; ".join(failed)
            snapshot: int | None = self.lake.publish(batch, properties)
        elif period in self.current(table):
            snapshot = self.lake.remove(table, period, {**properties, "action": "remove"})
        else:
            snapshot = self.lake.snapshot_id(table)
        follow(self.lake, self.ledger, table)
        self._evaluate_soon(table, period, now)
        return snapshot

    def previous(self, table: str, period: str) -> str | None:
        """The batch that a rollback of a period returns to by default; None for nothing."""
        with self.ledger.read() as tx:
            events = rows.publishes_of(tx, table, period)
            status = {row.batch_id: row.status for row in rows.batches_of(tx, table, period)}
        standing = events[-1].batch_id if events else None
        for event in reversed(events):
            found = event.batch_id
            if found and found != standing and status.get(found) != "ROLLED_BACK":
                return found
        return None

    def current(self, table: str) -> dict[str, str]:
        """The batch in each period of a table, as the lake says; none for an unknown table."""
        return self.lake.current(table) if self.lake.has(table) else {}

    def repair(self, table: str) -> int:
        """Record what was published but never noted, after a crash between lake and ledger.

        Returns:
            How many movements were missing.
        """
        return follow(self.lake, self.ledger, table)

    def _evaluate_soon(self, table: str, period: str, now: datetime) -> None:
        """Have the next tick look at a feed's period again, since its readers see another batch."""
        with self.ledger.write() as tx:
            subjects = {row.subject for row in rows.batches_of(tx, table, period)}
            for feed in sorted(each for each in subjects if "." in each):
                expected.make_due(tx, feed, [period], now)

    def _row(self, batch_id: str) -> BatchRow:
        with self.ledger.read() as tx:
            return _known(rows.batch(tx, batch_id), batch_id)

    def _refuse_unless_next(self, batch_id: str, standing: str | None) -> None:
        """Hold a batch back unless it is audited, never stood before, and is newer."""
        row = self._row(batch_id)
        accept = f"Accept: `wharf batch publish {batch_id} --reason ...`."
        match row.status:
            case "STAGED":
                raise PublishRefused(f"batch {batch_id} was not audited; audit it first")
            case "QUARANTINED":
                raise PublishRefused(
                    f"batch {batch_id} is in quarantine. Read: `wharf batch show {batch_id}`. "
                    + accept
                )
            case "ROLLED_BACK":
                raise PublishRefused(f"batch {batch_id} was rolled back by a person. {accept}")
            case "SUPERSEDED" | "PUBLISHED":
                raise PublishRefused(f"batch {batch_id} was published and replaced. {accept}")
        with self.ledger.read() as tx:
            stands = rows.batch(tx, standing) if standing else None
            events = rows.publishes_of(tx, row.table, row.period)
        if stands is not None and _made_of_the_same(row, stands):
            raise _TwinStands(events[-1].snapshot_id)
        if not newer(row, stands):
            raise PublishRefused(
                f"{row.table} {row.period}: batch {standing} of delivery version "
                f"{stands.version if stands else 0} stands and is newer than {batch_id} "
                f"of version {row.version}. {accept}"
            )

    def _published_before(self, table: str, period: str, batch_id: str) -> Batch:
        with self.ledger.read() as tx:
            events = rows.publishes_of(tx, table, period)
        published = list(dict.fromkeys(event.batch_id for event in events if event.batch_id))
        if batch_id not in published:
            raise PublishRefused(
                f"batch {batch_id} was never published to {table} {period}; "
                f"published were: {', '.join(published) or 'none'}"
            )
        batch = self.lake.read_batch(table, period, batch_id)
        if problems := self.lake.check(batch):
            raise PublishRefused(f"batch {batch_id} cannot be read again: {'; '.join(problems)}")
        return batch


def _known(row: BatchRow | None, batch_id: str) -> BatchRow:
    if row is None:
        raise PublishRefused(f"the ledger knows no batch {batch_id!r}; see `wharf batch list`")
    return row


def _made_of_the_same(left: BatchRow, right: BatchRow) -> bool:
    key = left.origin.get("key")
    return key is not None and key == right.origin.get("key")


def _properties(
    now: datetime, by: str, reason: str, *, action: str, version: int = 0
) -> dict[str, str]:
    return {
        "action": action,
        "by": by,
        "reason": reason,
        "at": now.astimezone(UTC).isoformat(),
        "delivery_version": str(version) if version else "",
    }


def _is_audit(finding: object) -> bool:
    return isinstance(finding, Mapping) and finding.get("kind") == AUDIT


def _finding(finding: object) -> Mapping[str, object]:
    said = dict(finding) if isinstance(finding, Mapping) else {"message": str(finding)}
    return {**said, "kind": AUDIT}
