"""Handing in a file that came another way, and trying out what would become of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import IO, TYPE_CHECKING

from wharf import intake
from wharf.contracts import Feed, Period, StartRun
from wharf.decisions.desk import Desk, Person
from wharf.decisions.wishes import plain
from wharf.errors import DecisionRefused, PeriodError, WharfError
from wharf.intake import Intake
from wharf.lake.names import safe_name
from wharf.ledger import decisions, expected, facts
from wharf.ledger.rows import Decision, Delivery

if TYPE_CHECKING:
    from wharf.reading import Trial

CHUNK = 1024**2


@dataclass(frozen=True)
class Handed:
    """What became of a file that was handed in."""

    name: str
    verdict: str
    version: int
    sha256: str
    size: int
    next_step: str
    """What happens now, in words."""


@dataclass(frozen=True)
class Tried:
    """What would become of a file; nothing of it was kept."""

    name: str
    outcome: str
    reason: str
    rows_in_file: int
    rows_staged: int
    rows_quarantined: int
    notes: Sequence[str]


def hand_in(
    place: Intake,
    desk: Desk,
    feed_name: str,
    period_key: str,
    part: str,
    file_name: str,
    content: IO[bytes],
    folder: Path,
    person: Person,
    now: datetime,
    start_run: StartRun | None,
    reason: str = "",
) -> Handed:
    """Land a file as if it had come from the supplier, and have a run take it in.

    Args:
        place: The installation.
        desk: The contracts in force.
        feed_name: The feed.
        period_key: One of its periods, for which something is or was expected.
        part: The part that the file is; empty where the feed has none.
        file_name: What somebody called it; only a harmless form of it becomes a path.
        content: Its bytes; read once, in pieces.
        folder: An empty folder, for as long as it takes.
        person: Who hands it in.
        now: The instant that it counts as arrived at.
        start_run: Starts a run where the delivery is whole; without it the next tick does.
        reason: How it came to be handed in.

    Raises:
        DecisionRefused: There is no such feed, part or expected delivery, or the file is empty.
        LakeError: The landing area cannot be reached.
    """
    feed = desk.feed(feed_name)
    try:
        period = feed.parse_period(period_key)
    except PeriodError as error:
        raise DecisionRefused("period", str(error)) from None
    if part not in feed.source.expected_parts:
        choices = ", ".join(feed.source.parts) or "none: leave it empty"
        raise DecisionRefused("part", f"{feed.feed} has no part {part!r}; parts: {choices}")
    with desk.ledger.read() as tx:
        if expected.find_expected(tx, feed.feed, period.key) is None:
            raise DecisionRefused("period", f"nothing is expected of {feed.feed} for {period}")
    file = keep_upload(content, folder, file_name)
    landed = intake.hand_in(place, feed, period, part, file, now=now)
    note_handed_in(desk, landed, person, now, reason)
    return Handed(
        name=file.name,
        verdict=landed.verdict,
        version=landed.version,
        sha256=landed.sha256,
        size=landed.size,
        next_step=_go_on(desk, feed, period, landed, start_run, now),
    )


def note_handed_in(
    desk: Desk, landed: Delivery, person: Person, now: datetime, reason: str = ""
) -> Decision:
    """Keep who handed a file in."""
    detail = {"delivery": landed.seq, "sha256": landed.sha256, "via": person.via}
    why = plain(reason) or f"version {landed.version}, {landed.verdict.lower()}"
    row = Decision(
        landed.feed, landed.period, "hand_in", None, person.name, why, now, detail=detail
    )
    with desk.ledger.write() as tx:
        return decisions.record_decision(tx, row)


def try_out(
    desk: Desk,
    feed_name: str,
    file_name: str,
    content: IO[bytes],
    folder: Path,
    project: Path,
    now: datetime,
) -> Tried:
    """Read and audit a file as a delivery of a feed, and keep nothing of it.

    Raises:
        DecisionRefused: There is no such feed, or the file is empty.
    """
    from wharf.decisions.trial import attempt

    file = keep_upload(content, folder, file_name)
    trial: Trial = attempt(file, desk.feed(feed_name), project, now)
    return Tried(
        name=file.name,
        outcome=trial.outcome,
        reason=trial.reason.replace(f"{file.parent}/", ""),
        rows_in_file=trial.rows_in_file,
        rows_staged=trial.rows_staged,
        rows_quarantined=trial.rows_quarantined,
        notes=trial.notes,
    )


def keep_upload(content: IO[bytes], folder: Path, file_name: str) -> Path:
    """Copy the bytes of what somebody sent into a file of a harmless name.

    Raises:
        DecisionRefused: There are none.
    """
    last = file_name.replace("\\", "/").rpartition("/")[2]
    file = folder / safe_name(plain(last))
    with file.open("wb") as writing:
        shutil.copyfileobj(content, writing, CHUNK)
    if not file.stat().st_size:
        raise DecisionRefused("file", f"{file.name} is empty; an empty file is no delivery")
    return file


def _go_on(
    desk: Desk,
    feed: Feed,
    period: Period,
    landed: Delivery,
    start_run: StartRun | None,
    now: datetime,
) -> str:
    """Start a run where there is something to take in; say what happens now."""
    if landed.verdict == "DUPLICATE":
        return "These bytes are the version that counts already; nothing is left to do."
    with desk.ledger.read() as tx:
        row = expected.find_expected(tx, feed.feed, period.key)
        state = facts.state_of(tx, feed, row, now) if row else None
    if state is None or state.complete_at is None:
        return "It is taken in when the delivery is whole."
    if start_run is None:
        return "The next tick starts a run that takes it in."
    cause = f"delivery-{landed.seq}-{landed.version}"
    try:
        start_run(feed.dag_id, period.key, cause)
    except WharfError as error:
        return f"The next tick starts a run that takes it in; now it could not be: {error}"
    with desk.ledger.write() as tx:
        decisions.record_run(tx, feed.dag_id, period.key, cause, now)
    return "A run was started that takes it in."
