"""One file read by a feed's contract and audited on a throw-away place."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Final

from wharf.contracts import Feed
from wharf.reading import Limits, Terms, Trial, parts_of, try_all, try_file

WARM: Final = ("wharf.quality", "great_expectations")
"""Imported before a file is tried, so that the file does not pay for them."""


def attempt(file: Path, feed: Feed, project: Path, now: datetime) -> Trial:
    """Read one file by a feed's contract and audit what was read, in a process of its own.

    Args:
        file: The file.
        feed: Its contract.
        project: The folder of the feed's expectation suite.
        now: The instant that the audit is noted with; it is not kept.
    """
    [trial] = try_all([file], None, try_and_audit, feed, project, now, preload=WARM)
    return trial


def try_and_audit(
    file: Path, work: Path, limits: Limits, feed: Feed, project: Path, now: datetime
) -> Trial:
    """Read one file by a feed's contract and audit what was read, in this process."""
    arrival = feed.on_arrival
    terms = Terms(feed.format, feed.columns, arrival.schema_, arrival.max_quarantined)
    trial = try_file(file, work, limits, terms)
    return trial.with_failures(_audit(feed, trial, work, project, now))


def stage_sample(file: Path, feed: Feed, work: Path) -> list[Path]:
    """Read a file by a feed's contract into Parquet files; none when no row of it is good."""
    arrival = feed.on_arrival
    terms = Terms(feed.format, feed.columns, arrival.schema_, arrival.max_quarantined)
    trial = try_file(file, work, Limits(), terms)
    return list(parts_of(work / "good.parquet")) if trial.rows_staged else []


def _audit(feed: Feed, trial: Trial, work: Path, project: Path, now: datetime) -> tuple[str, ...]:
    from wharf import quality

    if not trial.rows_staged:
        return ()
    audit = quality.audit(
        parts_of(work / "good.parquet"),
        suite=quality.suite_path(project, feed.feed),
        batch_id="try",
        table=feed.table,
        period="try",
        results=work / "results",
        rows=trial.rows_staged,
        now=now,
        sensitive=feed.sensitive,
    )
    return tuple(audit.failed_critical)
