"""What is written to suppliers, and when: decided here, queued by `watch`, never said twice.

A chaser asks for what is late, once for each level and at most `max_per_period` times. A receipt
says what was accepted, a rejection what was not and why; each once for a batch or refused file.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from wharf.alerts.message import say_time
from wharf.alerts.notice import Attachment, Notice
from wharf.alerts.safe_text import one_line
from wharf.contracts.feed import Feed
from wharf.spreadsheet import guard

MOST_BAD_ROWS = 500
_LONGEST_ATTACHMENT = 100_000
_LONGEST_CELL = 2_000
_MOST_LINES = 50
_STILL_WAITING = {"NONE", "SEEN", "PARTIAL", "WITHDRAWN"}


@dataclass(frozen=True)
class SupplierMail:
    """A mail for a supplier, and the key under which it is queued once and for all."""

    key: str
    notice: Notice


@dataclass(frozen=True)
class File:
    """A file as we got it."""

    name: str
    size: int
    sha256: str


@dataclass(frozen=True)
class BadRow:
    """A row that could not be read, as the quarantine keeps it."""

    file: str
    line: int
    column: str
    reason: str
    raw: str


@dataclass(frozen=True)
class Received:
    """What came of one delivery: a batch, or a file that could not be read at all."""

    subject: str
    """The batch, or the refused file and its version: a mail is written once for each."""
    period: str
    at: datetime
    due_at: datetime
    accepted: bool
    arrived_at: datetime | None = None
    files: tuple[File, ...] = ()
    rows: int = 0
    rows_bad: int = 0
    reasons: tuple[str, ...] = ()
    bad_rows: tuple[BadRow, ...] = ()


def mails_for(
    notice: Notice, feed: Feed, sent_before: Collection[str], last_good: str = ""
) -> list[SupplierMail]:
    """The chaser that a notice of lateness calls for, if any.

    Args:
        notice: What was decided about the feed's delivery.
        feed: Its contract; without contacts nobody is written to.
        sent_before: Keys of the mails that were queued for this feed and period before.
        last_good: The last period that was published.

    Returns:
        One mail, or none: nothing is late, it is not loud enough, it was said at this level, or the
        supplier was written to often enough.
    """
    contacts = feed.supplier.contacts
    waits = notice.numbers.get("delivery", "NONE") in _STILL_WAITING
    is_news = notice.kind == "late" and notice.action in {"open", "raise"}
    if contacts is None or not is_news or not waits or notice.level < contacts.after:
        return []
    start = f"supplier:{notice.feed}:{notice.period}:"
    key = f"{start}{notice.level}"
    chasers = [each for each in sent_before if each.startswith(f"{start}L")]
    if key in sent_before or len(chasers) >= contacts.max_per_period:
        return []
    due = say_time(notice.due_at, notice.tz) if notice.due_at else "as agreed"
    late = f", {notice.late_minutes} minutes ago" if notice.late_minutes else ""
    told = {
        "due": due + late,
        "so_far": _so_far(notice),
        "last_good": last_good or "none yet",
        "most": contacts.max_per_period,
    }
    mail = _mail(feed, notice.env, notice.period, notice.at, "chaser", told, len(chasers) + 1)
    return [SupplierMail(key, replace(mail, level=notice.level, tz=notice.tz))]


def mail_about(
    received: Received, feed: Feed, env: str, sent_before: Collection[str], last_good: str = ""
) -> list[SupplierMail]:
    """The receipt or rejection that a delivery calls for, if the contract asks for one.

    Args:
        received: What came, and what became of it.
        feed: Its contract.
        env: Name of the installation.
        sent_before: Keys of the mails that were queued for this feed and period before.
        last_good: The last period that was published.
    """
    contacts = feed.supplier.contacts
    kind = "receipt" if received.accepted else "rejection"
    key = f"supplier:{feed.feed}:{received.period}:{kind}:{received.subject}"
    if contacts is None or not getattr(contacts, kind) or key in sent_before:
        return []
    tz = feed.terms_for(feed.parse_period(received.period)).tz
    hides = bool(feed.sensitive)
    good = "" if received.accepted else f", {received.rows_bad:,} of them cannot be used"
    told = {
        "due": say_time(received.due_at, tz),
        "arrived": say_time(received.arrived_at, tz) if received.arrived_at else "unknown",
        "rows": f"{received.rows:,}{good}" if received.rows else "none could be read",
        "last_good": last_good or "none yet",
        "has_rows": bool(received.bad_rows) and not received.accepted,
        "hides": hides,
    }
    mail = _mail(feed, env, received.period, received.at, kind, told, 1)
    said = replace(
        mail,
        lines=_limited([*map(_file_line, received.files), *received.reasons]),
        thread=f"{mail.thread}:{kind}:{received.subject}",
        tz=tz,
    )
    if told["has_rows"]:
        rows = Attachment("rows.csv", bad_rows_csv(received.bad_rows, hides=hides))
        said = replace(said, attachments=(rows,))
    return [SupplierMail(key, said)]


def bad_rows_csv(rows: Iterable[BadRow], *, hides: bool) -> str:
    """Bad rows as CSV, limited in size.

    Args:
        rows: What could not be read.
        hides: Whether the rows' own text is left out, as where a column is sensitive.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\r\n")
    writer.writerow(["file", "line", "column", "reason", *([] if hides else ["row"])])
    for number, row in enumerate(rows):
        cells = [row.file, row.line, row.column, row.reason, *([] if hides else [row.raw])]
        line = io.StringIO()
        csv.writer(line, lineterminator="\r\n").writerow([_cell(each) for each in cells])
        if number >= MOST_BAD_ROWS or written.tell() + line.tell() > _LONGEST_ATTACHMENT:
            writer.writerow(["and more"])
            break
        written.write(line.getvalue())
    return written.getvalue()


def _mail(
    feed: Feed,
    env: str,
    period: str,
    at: datetime,
    action: str,
    told: dict[str, object],
    number: int,
) -> Notice:
    contacts = feed.supplier.contacts
    assert contacts is not None
    thread = f"supplier:{feed.feed}:{period}"
    return Notice(
        key=thread,
        number=number,
        env=env,
        action=action,
        kind="supplier_mail",
        level="L1",
        supplier=feed.supplier_id,
        feed=feed.feed,
        period=period,
        at=at,
        what=f"{action} for {feed.feed} {period}",
        numbers={**told, "supplier_name": feed.supplier.name or feed.supplier_id},
        to=tuple(each.strip() for each in contacts.late.split(",") if each.strip()),
        thread=thread,
    )


def _so_far(notice: Notice) -> str:
    present, expected = (notice.numbers.get(f"parts_{n}") for n in ("present", "expected"))
    if isinstance(present, int) and isinstance(expected, int) and present and expected > 1:
        return f"{present} of {expected} parts"
    return (
        "something that is not complete" if notice.numbers.get("delivery") == "SEEN" else "nothing"
    )


def _file_line(file: File) -> str:
    return f"{one_line(file.name, 200)}: {file.size:,} bytes, sha256 {file.sha256}"


def _limited(lines: Sequence[str]) -> tuple[str, ...]:
    if len(lines) <= _MOST_LINES:
        return tuple(lines)
    return (*lines[:_MOST_LINES], f"and {len(lines) - _MOST_LINES} more")


def _cell(value: object) -> str:
    """A cell of one line that a spreadsheet takes for text and nothing else."""
    return guard(one_line(value, _LONGEST_CELL))
