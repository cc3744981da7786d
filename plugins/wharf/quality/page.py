"""The page of one audit: one file, nothing loaded from elsewhere, every value escaped."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from wharf.quality.words import number, plural

if TYPE_CHECKING:
    from jinja2 import Template

    from wharf.quality.audit import Audit
    from wharf.quality.checks import Check

_TEMPLATE = Path(__file__).with_name("page.html.j2")
_ORDER = {"critical": 0, "warning": 1, "info": 2}


def render_page(audit: Audit) -> str:
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
        return (
            f"In quarantine: {blocking} critical {plural(blocking, 'expectation')} did not hold. "
            "The batch published before is still read."
        )
    if noted:
        return f"Passed, with {noted} {plural(noted, 'thing')} noted."
    return "Passed: every expectation held."


def _tone(audit: Audit) -> str:
    if not audit.passed:
        return "bad"
    return "noted" if audit.failed_warnings else "good"


def _mark(check: Check) -> str:
    if check.success:
        return "held"
    return "not evaluated" if check.error else "did not hold"
