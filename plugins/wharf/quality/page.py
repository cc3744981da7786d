"""The page of one audit: one file, nothing loaded from elsewhere, every value escaped."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from wharf.quality.failing import CSV_ROWS
from wharf.quality.trend import failing_since
from wharf.quality.trend_chart import outcome_strip
from wharf.quality.words import number, plural

if TYPE_CHECKING:
    from jinja2 import Template

    from wharf.quality.audit import Audit
    from wharf.quality.checks import Check
    from wharf.quality.results import ResultPaths
    from wharf.quality.trend import Point

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_ORDER = {"critical": 0, "warning": 1, "info": 2}


def render_page(audit: Audit, where: ResultPaths) -> str:
    """The audit as an HTML page."""
    failed = sorted(
        (check for check in audit.checks if not check.success),
        key=lambda check: _ORDER.get(check.severity, 0),
    )
    return _template().render(
        audit=audit,
        verdict=_verdict(audit),
        tone=_tone(audit),
        failed=failed,
        passed=[check for check in audit.checks if check.success],
        number=number,
        plural=plural,
        mark=_mark,
        rows_file=where.rows.name,
        csv_rows=CSV_ROWS,
        past=lambda check: _past(audit, check),
        strip=lambda check: outcome_strip(audit.outcomes.of(check.id), "outcomes before"),
    )


@cache
def _template() -> Template:
    """Compiled once: that takes 40 ms, a page 1 ms."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True)
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))


def _verdict(audit: Audit) -> str:
    blocking, noted = len(audit.failed_critical), len(audit.failed_warnings)
    if blocking:
        return f"In quarantine: {_blocking(audit)}. The batch published before is still read."
    if noted:
        return f"Passed, with {noted} {plural(noted, 'thing')} noted."
    return "Passed: every expectation held."


def _blocking(audit: Audit) -> str:
    unusual = sum(odd.severity == "critical" for odd in audit.odd)
    broken = len(audit.failed_critical) - unusual
    said = [f"{broken} critical {plural(broken, 'expectation')} did not hold"] if broken else []
    if unusual:
        said.append(
            f"{unusual} critical {plural(unusual, 'figure')} is out of what is usual"
            if unusual == 1
            else f"{unusual} critical figures are out of what is usual"
        )
    return ", and ".join(said)


def _past(audit: Audit, check: Check) -> str:
    """Since when an expectation fails; empty where it holds, or was never seen before."""
    points = audit.outcomes.of(check.id)
    if check.success or not points:
        return ""
    since = failing_since(points)
    if since is None:
        return f"it held for the batch before, and for {_held(points)} of the last {len(points)}"
    return f"it has failed since period {since.period}"


def _held(points: Sequence[Point]) -> int:
    return sum(each.success for each in points)


def _tone(audit: Audit) -> str:
    if not audit.passed:
        return "bad"
    return "noted" if audit.failed_warnings else "good"


def _mark(check: Check) -> str:
    if check.success:
        return "held"
    return "not evaluated" if check.error else "did not hold"
