"""The page of a feed's audits: each expectation batch after batch, and what was unusual."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

from fastapi import Request, Response
from fastapi.responses import FileResponse, PlainTextResponse
from markupsafe import Markup

from wharf.batches.first_audit import points_of
from wharf.board.views import Views
from wharf.ledger import Transaction, audits, batches
from wharf.ledger.audits import BatchAudit, CheckOutcome
from wharf.quality.trend import failing_since
from wharf.quality.trend_chart import figure_line, outcome_strip

BATCHES = 60


@dataclass(frozen=True)
class CheckedOverTime:
    """One expectation of a suite, over the last batches."""

    last: CheckOutcome
    held: int
    count: int
    since: str
    """The period since which it fails; empty while it holds."""
    strip: Markup


class Checked:
    """Answers about audits, from the same installation that the board shows."""

    def __init__(self, views: Views) -> None:
        self.views = views

    def history(self, request: Request, supplier: str, feed: str) -> Response:
        """How a feed's expectations came out over its last batches."""
        with self.views.reading() as (tx, promised, pulse):
            found = audits.audits_of(tx, feed, BATCHES)
            checks = _checks(tx, feed)
        if not found and feed not in promised.feeds:
            return self.views.absent(f"Nobody knows a feed {feed}.", "../../../")
        return self.views.html(
            request, "checked.html", feed=feed, supplier=supplier, audits=found, checks=checks,
            rows=_rows(found), pulse=pulse, up="../../../",
        )  # fmt: skip

    def rows(self, batch_id: str) -> Response:
        """The rows of a batch that break an expectation, as the CSV beside its audit page."""
        with self.views.ledger.read() as tx:
            row = batches.batch(tx, batch_id)
        page = self.views.kept(row.results) if row else None
        file = page.with_suffix(".csv") if page else None
        if file is None or not file.is_file():
            return PlainTextResponse("not found", status_code=404)
        headers = {"Content-Disposition": f'attachment; filename="{file.name}"'}
        return FileResponse(file, media_type="text/csv", headers=headers)


def _checks(tx: Transaction, feed: str) -> list[CheckedOverTime]:
    by_check: defaultdict[str, list[CheckOutcome]] = defaultdict(list)
    for each in audits.outcomes_of(tx, feed, batches=BATCHES):
        by_check[each.check].append(each)
    found = [_over_time(each) for each in by_check.values()]
    return sorted(found, key=lambda each: (not each.since, each.last.number))


def _over_time(outcomes: list[CheckOutcome]) -> CheckedOverTime:
    last = outcomes[-1]
    points = points_of(outcomes).of(last.check)
    since = failing_since(points)
    held = sum(each.success for each in points)
    label = f"{held} of {len(points)} batches held"
    return CheckedOverTime(
        last, held, len(points), since.period if since else "", outcome_strip(points, label)
    )


def _rows(found: Sequence[BatchAudit]) -> Markup:
    counts = [float(each.profile["rows"]) for each in found if each.profile]
    return figure_line(counts, f"rows of the last {len(counts)} batches")
