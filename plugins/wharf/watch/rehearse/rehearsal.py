"""Rehearse contracts on a past: what these terms would have cost."""

from __future__ import annotations

import tempfile
from dataclasses import dataclass, replace
from datetime import date, datetime
from pathlib import Path

from wharf.batches import Batches
from wharf.contracts import Feed, Project
from wharf.errors import ArrivalsError
from wharf.intake import Intake, open_intake
from wharf.ledger import Ledger
from wharf.settings import Connection, Settings
from wharf.timeliness import calendars, horizon, points
from wharf.watch.promises import Promises, read_promises
from wharf.watch.rehearse import outcome, terms
from wharf.watch.rehearse.past import Past, read_past
from wharf.watch.rehearse.player import Player, Tell
from wharf.watch.rehearse.supplied import Supplied, sort_out


@dataclass(frozen=True)
class Wish:
    """What to rehearse."""

    feeds: Path
    arrivals: Path
    until: datetime
    since: date | None = None
    """Take every promise to hold from this day on, instead of from its `active.from`."""


def rehearse(wish: Wish, settings: Settings, tell: Tell) -> outcome.Outcome:
    """Play a past under contracts, on a throw-away ledger.

    Args:
        wish: Contracts, arrivals and the end.
        settings: Those of the installation; only its intervals and its name count here.
        tell: Hears of each stop of the clock.

    Raises:
        ContractError: A contract is broken.
        ArrivalsError: The file of arrivals is, or it has nothing to do with the contracts.
    """
    with tempfile.TemporaryDirectory(prefix="wharf-rehearse-") as folder:
        root = Path(folder)
        project = terms.gather_contracts(wish.feeds, root / "project")
        past = read_past(wish.arrivals)
        start = _start(project, wish.since)
        if start >= wish.until:
            told = f"nothing is expected by {wish.until:%Y-%m-%d %H:%M}Z; see active.from"
            raise ArrivalsError(wish.arrivals.name, [told])
        place = _open(_throw_away(settings, root))
        promises = _as_if(read_promises(place.ledger, root / "project", start), wish.since)
        supplied = sort_out(past, promises.feeds, wish.until, wish.arrivals.name)
        try:
            return _play(place, promises, past, supplied, start, wish.until, tell)
        finally:
            place.ledger.engine.dispose()


def _play(
    place: Intake,
    promises: Promises,
    past: Past,
    supplied: Supplied,
    start: datetime,
    until: datetime,
    tell: Tell,
) -> outcome.Outcome:
    events = supplied.events
    seen = [e for e in events if e.is_seen and e.feed.is_active(e.period)]
    played = Player(place, promises, seen).play(start, until, tell)
    rows = tuple(outcome.read_expected(place.ledger, supplied.events))
    messages, opened = outcome.read_messages(place.ledger)
    wanted = {(each.row.feed, each.row.period) for each in rows}
    never = [event for event in supplied.events if event.key not in wanted]
    strays = [*supplied.strays, *map(outcome.why_never_expected, never)]
    times = [line.arrived_at for line in past.lines]
    return outcome.Outcome(
        start=start,
        until=until,
        feeds=tuple(feed for _, feed in sorted(promises.feeds.items())),
        days={name: _days(promises.project, feed) for name, feed in promises.feeds.items()},
        expected=rows,
        changes=tuple(outcome.read_changes(place.ledger)),
        messages=messages,
        incidents=opened,
        strays=tuple(sorted(strays, key=lambda stray: stray.line.number)),
        lines=len(past.lines),
        duplicates=len(past.duplicates),
        unlike=sum(not event.is_named_so for event in supplied.events),
        first_line_at=min(times, default=None),
        last_line_at=max(times, default=None),
        has_no_channels=promises.project.routing is terms.EVERYTHING,
        stops=played.stops,
        ticks=played.ticks,
        calendars=promises.project.calendars,
    )


def _open(settings: Settings) -> Intake:
    """An installation whose ledger is gone with its folder, so that it may be quick."""
    place = open_intake(settings, _connection)
    ledger = Ledger.open(settings.ledger_url, throw_away=True)
    return replace(place, ledger=ledger, batches=Batches(place.lake, ledger))


def _start(project: Project, since: date | None) -> datetime:
    """When the first row is made: the horizon's reach before the first opening."""
    return min(_opens_at(project, feed, since) for feed in project.feeds.values()) - horizon.AHEAD


def _opens_at(project: Project, feed: Feed, since: date | None) -> datetime:
    feed = terms.active_since(feed, since) if since else feed
    first = feed.parse_period(feed.active.from_)
    return points.clock_points(feed, first, _days(project, feed)).opens_at


def _days(project: Project, feed: Feed) -> calendars.OpenDays:
    calendar = project.calendars.get(feed.period.calendar or "")
    return calendars.open_days(calendar, feed.period.kind)


def _as_if(promises: Promises, since: date | None) -> Promises:
    """The promises under rehearsal: with one channel at least, and in force since a day."""
    feeds = dict(promises.feeds)
    if since is not None:
        feeds = {name: terms.active_since(feed, since) for name, feed in feeds.items()}
    project = replace(terms.with_channels(promises.project), feeds=feeds)
    return replace(promises, project=project, feeds=feeds)


def _throw_away(settings: Settings, root: Path) -> Settings:
    """Settings whose every store lies below one folder; messages are made as outside."""
    return replace(
        settings,
        home=root,
        project=root / "project",
        env=settings.env if settings.sends_outside else "prod",
        ledger_url=f"sqlite:///{root}/ledger.db",
        catalog_url=f"sqlite:///{root}/catalog.db",
        warehouse=f"file://{root}/lake",
        landing=f"file://{root}/landing",
        s3={},
    )


def _connection(connection_id: str) -> Connection:
    """A rehearsal reaches nobody, so any connection will do."""
    return Connection(connection_id, "rehearsal")
