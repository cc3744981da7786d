"""The tables of a rehearsal, as CSV files that a spreadsheet and a program can read."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from pathlib import Path

from wharf.ledger.rows import Outgoing
from wharf.spreadsheet import guard
from wharf.watch.rehearse.outcome import Change, Expected, Outcome
from wharf.watch.rehearse.supplied import Stray

Row = Mapping[str, object]
EXPECTED = (
    "feed", "period", "state", "due_utc", "late_at_utc", "cutoff_utc", "submitted_utc",
    "first_seen_utc", "arrived_utc", "late_by_submitted_s", "late_by_arrived_s",
    "late_by_submission", "late_by_arrival", "versions", "withdrawals",
)  # fmt: skip
CHANGES = (
    "at_utc", "kind", "feed", "period", "supplier", "action", "was", "now", "level", "what",
)  # fmt: skip
MESSAGES = (
    "queued_utc", "sent_utc", "channel", "action", "level", "kind", "supplier", "feed", "period",
    "what", "incident", "number", "key", "status",
)  # fmt: skip
STRAYS = (
    "line", "feed", "period", "file", "submitted_utc", "arrived_utc", "status", "why",
)  # fmt: skip


def write_tables(outcome: Outcome, folder: Path) -> list[Path]:
    """Write the tables of an outcome: times in UTC, flags 1 or 0, empty where nothing is known."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {
        "expected_deliveries.csv": (EXPECTED, map(_expected, outcome.expected)),
        "transitions.csv": (CHANGES, map(_change, outcome.changes)),
        "notifications.csv": (MESSAGES, map(_message, outcome.messages)),
        "not_counted.csv": (STRAYS, map(_stray, outcome.strays)),
    }
    for name, (columns, rows) in tables.items():
        _write(folder / name, columns, rows)
    return [folder / name for name in tables]


def say_time(at: datetime | None) -> str:
    """An instant as the tables write it."""
    return at.astimezone(UTC).isoformat().replace("+00:00", "Z") if at else ""


def _write(path: Path, columns: Iterable[str], rows: Iterable[Row]) -> None:
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(columns), extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def _expected(each: Expected) -> Row:
    row = each.row
    return {
        "feed": row.feed,
        "period": row.period,
        "state": row.timeliness,
        "due_utc": say_time(row.due_at),
        "late_at_utc": say_time(row.late_at),
        "cutoff_utc": say_time(row.cutoff_at),
        "submitted_utc": say_time(row.submitted_at),
        "first_seen_utc": say_time(each.first_seen_at),
        "arrived_utc": say_time(row.complete_at),
        "late_by_submitted_s": _seconds(row.late_by_submitted_s),
        "late_by_arrived_s": _seconds(row.late_by_arrived_s),
        "late_by_submission": _flag(each.is_late_by_submission),
        "late_by_arrival": _flag(each.is_late_by_arrival),
        "versions": each.versions,
        "withdrawals": each.withdrawals,
    }


def _change(each: Change) -> Row:
    return {**vars(each), "at_utc": say_time(each.at), "what": guard(each.what)}


def _message(each: Outgoing) -> Row:
    notice = each.notice
    return {
        **{name: notice.get(name, "") for name in MESSAGES},
        "what": guard(str(notice.get("what", ""))),
        "queued_utc": say_time(each.queued_at),
        "sent_utc": say_time(each.sent_at),
        "channel": each.channel,
        "incident": each.incident_id or "",
        "number": each.number,
        "key": each.key,
        "status": each.status,
    }


def _stray(each: Stray) -> Row:
    line = each.line
    return {
        "line": line.number,
        "feed": guard(line.feed),
        "period": guard(line.period),
        "file": guard(line.file),
        "submitted_utc": say_time(line.submitted_at),
        "arrived_utc": say_time(line.arrived_at),
        "status": line.status,
        "why": each.why,
    }


def _seconds(span: float | None) -> str:
    return "" if span is None else f"{span:.6f}".rstrip("0").rstrip(".")


def _flag(value: bool | None) -> str:
    return "" if value is None else str(int(value))
