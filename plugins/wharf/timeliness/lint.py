"""What is doubtful in valid contracts: times out of order, calendars that end, secrets, edges.

A file that breaks its own form is refused when it is read; here valid files are held against each
other, their calendars and what the ledger measured.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Literal

from wharf.contracts import ContractFile, Feed, Period, Product, Project
from wharf.contracts.alerts import loose_ends
from wharf.errors import ContractError
from wharf.timeliness.calendars import OpenDays, calendar_problems, open_days
from wharf.timeliness.horizon import expected_points, is_expected, overlap, product_periods
from wharf.timeliness.matching import path_problems
from wharf.timeliness.points import clock_points, product_points

ENDS_SOON = timedelta(days=60)
A_YEAR = timedelta(days=366)
# Beyond this many, waiting runs are a load of their own on Airflow's triggerer.
MANY_RUNS = 100
_SECRET = re.compile(
    r"""(?ix)
    (?P<key>\b(?:password|passwd|secret|token|api_?key|access_key|private_key)\b\s*[:=]\s*
        (?!["']?\s*(?:[{\[]|null\b|~|$)) \S+)
    | (?P<address>\b[a-z][a-z0-9+.-]*://[^\s/:@"']+:[^\s/@"']+@)
    | (?P<signed>[?&](?:sig|token|key|signature|x-amz-signature)=[^\s"'&]{6,})
    | (?P<aws>\b(?:AKIA|ASIA)[0-9A-Z]{16}\b)
    | (?P<slack>hooks\.slack\.com/services/\S+)
    | (?P<pem>-----BEGIN\ [A-Z ]*PRIVATE\ KEY)
    """
)


@dataclass(frozen=True)
class Finding:
    """One doubt about one file; an error stops a deployment, a warning asks for a look."""

    level: Literal["error", "warning"]
    file: str
    text: str

    def __str__(self) -> str:
        return f"{self.file}: {self.text}"


Said = Iterator[tuple[Literal["error", "warning"], str]]


def lint(
    project: Project, now: datetime, processing: Mapping[str, timedelta] | None = None
) -> list[Finding]:
    """What is doubtful in a project's valid files, in the order of their paths.

    Args:
        project: As its files say, calendars combined.
        now: Calendars must cover the days from here on.
        processing: How long it takes from complete to published, by feed, where it was measured.
    """
    found: list[Finding] = []

    def collect(name: str, said: Said) -> None:
        file = project.files[name].path
        found.extend(Finding(level, file, text) for level, text in said)

    for name, file in project.files.items():
        collect(name, _secrets(file))
    for calendar in project.calendars.values():
        collect(f"calendars/{calendar.calendar}", _calendar(project, calendar.calendar, now))
    for feed in project.feeds.values():
        collect(feed.feed, _guarded(_feed(project, feed, now)))
    for text in loose_ends(project.routing, project.feeds.values()):
        found.append(Finding("warning", "dags/alerts.yaml", text))
    for product in project.products.values():
        collect(product.product, _guarded(_product(project, product, now, processing or {})))
    return sorted(set(found), key=lambda each: (each.file, each.level, each.text))


def secrets_in(text: str) -> list[int]:
    """Numbers of the lines that seem to hold a password, token or key."""
    lines = enumerate(text.splitlines(), 1)
    return [number for number, line in lines if _SECRET.search(line)]


def _guarded(said: Said) -> Said:
    """What is said, but for what hangs on a calendar whose days cannot be computed."""
    try:
        yield from said
    except ContractError:
        return  # The calendar's own finding names it.


def _secrets(file: ContractFile) -> Said:
    for number in secrets_in(file.text):
        yield (
            "error",
            f"line {number} seems to hold a password, token or key; keep it in an Airflow "
            "connection and name that connection here",
        )


def _calendar(project: Project, name: str, now: datetime) -> Said:
    calendar, today = project.calendars[name], now.date()
    for problem in calendar_problems(calendar, today.year):
        yield "error", problem
    ends = open_days(calendar).ends
    what = "until" if calendar.until else "holidays"
    if ends is not None and ends < today:
        yield "error", f"{what}: the calendar ended on {ends}; add the days after it"
    elif ends is not None and ends - today < ENDS_SOON:
        left = (ends - today).days
        yield (
            "warning",
            f"{what}: the calendar ends on {ends}, in {left} days; add the next year's days",
        )


def _feed(project: Project, feed: Feed, now: datetime) -> Said:
    yield from (("error", problem) for problem in path_problems(feed))
    yield from _terms(feed)
    for old in feed.formerly:
        if old in project.feeds:
            yield "error", f"formerly names {old!r}, which has a file of its own; remove one"
    days = _days(project, feed)
    yield from _clock(feed, days, now)
    yield from _half_days(feed, days, now.date())
    yield from _overlap(feed, days, now)


def _terms(feed: Feed) -> Said:
    starts = [
        feed.parse_period(terms.from_).first if terms.from_ else None for terms in feed.timeliness
    ]
    dated = [start for start in starts if start]
    if dated != sorted(set(dated)) or None in starts[1:]:
        yield "error", "timeliness: write the terms in the order of their `from`, each once"
    elif starts[0] and starts[0] > feed.parse_period(feed.active.from_).first:
        yield (
            "warning",
            f"timeliness.0.from is {feed.timeliness[0].from_!r}, after active.from "
            f"{feed.active.from_!r}: these terms hold for the earlier periods too",
        )


def _clock(feed: Feed, days: OpenDays, now: datetime) -> Said:
    firsts = [feed.parse_period(terms.from_) for terms in feed.timeliness if terms.from_]
    dated = ((period, clock_points(feed, period, days)) for period in firsts)
    told: set[str] = set()
    for period, points in (*dated, *expected_points(feed, days, now)):
        for sentence in points.disorder():
            what = re.sub(r" \(.*?\)", "", sentence)
            if what not in told:
                told.add(what)
                yield "error", f"timeliness: for {period}, {sentence}; move one of the two"


def _half_days(feed: Feed, days: OpenDays, today: date) -> Said:
    ahead = (today + timedelta(days=n) for n in range(A_YEAR.days))
    first = next((day for day in ahead if days.is_half(day)), None)
    has_terms = any(terms.on_half_day for terms in feed.timeliness)
    if first and not has_terms:
        yield (
            "warning",
            f"period.calendar: {first} is a half-day in {days.name}, and nothing changes on it; "
            "say what does in timeliness.on_half_day",
        )
    if has_terms and not first:
        yield (
            "warning",
            f"timeliness.on_half_day: {days.name} has no half-day in the coming year; add "
            "half_days to the calendar",
        )


def _overlap(feed: Feed, days: OpenDays, now: datetime) -> Said:
    open_at_once = overlap([points for _, points in expected_points(feed, days, now)])
    if open_at_once > MANY_RUNS:
        yield (
            "warning",
            f"timeliness.cutoff: {open_at_once} periods are open at once, each with a run that "
            f"waits; an earlier cutoff keeps them below {MANY_RUNS}",
        )


def _product(
    project: Project, product: Product, now: datetime, processing: Mapping[str, timedelta]
) -> Said:
    for name, edge in product.inputs.items():
        field = f"inputs.{name}"
        if not edge.on_missing:
            yield "error", f"{field}.on_missing is empty; write [wait, fail] or other policies"
        elif "on_missing" not in edge.model_fields_set:
            yield (
                "warning",
                f"{field}: no on_missing is written, so [wait, fail] holds; write what is wanted",
            )
        source = project.feeds.get(name) or project.products.get(name)
        if source and edge.read == "same" and _kind(source) != _kind(product):
            yield (
                "error",
                f"{field}.read is 'same', but its periods are {source.period.kind}s and this "
                f"product's are {product.period.kind}s; use latest",
            )
        elif isinstance(source, Feed) and product.tier == 1 and edge.read == "same":
            yield from _decides(project, product, source, now, processing.get(name))


def _decides(
    project: Project,
    product: Product,
    feed: Feed,
    now: datetime,
    processing: timedelta | None,
) -> Said:
    """Whether a product of tier 1 decides before its supplier has to be there."""
    own, theirs = _days(project, product), _days(project, feed)
    for period in product_periods(product, own, now):
        given = Period.containing(feed.period.kind, period.first)
        if not feed.is_active(given) or not is_expected(feed, given, theirs):
            continue
        decides = product_points(product.timeliness, period, own).decide_at
        due = clock_points(feed, given, theirs).due_at
        told = f"timeliness.decide_at: for {period} it is {decides:%Y-%m-%d %H:%M}Z"
        if decides < due:
            by = f"{due:%Y-%m-%d %H:%M}Z"
            yield "error", f"{told}, before {feed.feed} is due ({by}); decide later"
            return
        if processing and decides < due + processing:
            minutes = round(processing.total_seconds() / 60)
            yield (
                "warning",
                f"{told}; {feed.feed} is due {due:%H:%M}Z and then takes up to {minutes} min to be "
                "published; decide later",
            )
            return


def _days(project: Project, spec: Feed | Product) -> OpenDays:
    name = spec.period.calendar
    if name and name not in project.calendars:
        raise ContractError(name, ["has no valid file"])
    return open_days(project.calendars.get(name or ""), spec.period.kind)


def _kind(spec: Feed | Product) -> str:
    """The period kind; a business day's key is a day's."""
    return "day" if spec.period.kind == "business_day" else spec.period.kind
