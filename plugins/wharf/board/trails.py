"""Pages of the audit trail: a period's versions, what changed between two, and where things go."""

from functools import cached_property
from typing import Any

from fastapi import Request, Response

from wharf.batches.changes import changes
from wharf.batches.versions import pair_to_compare, versions_of
from wharf.board.views import Views
from wharf.errors import PeriodError, WharfError
from wharf.lake import Lake, Landing, open_lake, open_landing
from wharf.ledger import Transaction, batches, deliveries, products, trail

MOST_COMPARED = 2_000_000
"""Rows above which a page compares nothing: the command line has the time for it."""
SHORTEST_HASH = 8


class TrailPages:
    """Answers about where things come from, from the same installation that the board shows."""

    def __init__(self, views: Views) -> None:
        self.views = views

    @cached_property
    def lake(self) -> Lake:
        """The lake, opened when the first person compares."""
        return open_lake(self.views.settings)

    @cached_property
    def landing(self) -> Landing:
        """The landing area."""
        return open_landing(self.views.settings)

    def versions(self, request: Request, feed: str, period: str) -> Response:
        """Every version of a period, and what changed between two of them where asked."""
        asked = request.query_params
        with self.views.reading() as (tx, promised, _):
            spec = promised.feeds.get(feed)
            try:
                key = spec.parse_period(period).key if spec else ""
            except PeriodError:
                key = ""
            found = versions_of(tx, spec, key) if spec and key else None
        if spec is None or found is None or not (found.deliveries or found.batches):
            return self.views.absent(f"Nothing was delivered of {feed} for {period}.", "../../../")
        told, pair, problem = None, None, ""
        if "now" in asked or "was" in asked:
            try:
                pair = pair_to_compare(found, asked.get("was", ""), asked.get("now", ""))
                told, problem = self._compared(spec, pair)
            except WharfError as error:
                problem = str(error)
        return self.views.html(
            request, "versions.html", found=found, feed=spec, told=told, pair=pair,
            problem=problem, up="../../../",
        )  # fmt: skip

    def _compared(self, feed: Any, pair: Any) -> tuple[Any, str]:
        if max(row.rows_staged for row in pair) > MOST_COMPARED:
            was, now = (row.batch_id for row in pair)
            command = f"wharf delivery diff {feed.feed} {pair[0].period} {was} {now}"
            return None, f"These batches are too large to compare here; run `{command}`."
        was, now = (self.lake.read_batch(r.table, r.period, r.batch_id) for r in pair)
        return changes(self.lake, was, now, feed.key, sensitive=feed.sensitive), ""

    def trace(self, request: Request) -> Response:
        """A form to ask where something comes from, and the answer."""
        what = request.query_params.get("what", "").strip()[:300]
        return self._answer(request, what, "")

    def batch(self, request: Request, batch_id: str) -> Response:
        """The trail of one batch, both ways; of one of its lines where asked."""
        return self._answer(request, batch_id, "../")

    def _answer(self, request: Request, what: str, up: str) -> Response:
        from wharf.products.trail import told

        asked = request.query_params
        with self.views.reading() as (tx, promised, _):
            steps, problem = [], ""
            try:
                steps = self._steps(tx, promised.project, what, asked) if what else []
            except WharfError as error:
                problem = str(error)
        return self.views.html(
            request, "trace.html", what=what, steps=steps, told=told, up=up, problem=problem,
            file=asked.get("file", ""), line=asked.get("line", ""),
        )  # fmt: skip

    def _steps(self, tx: Transaction, project: Any, what: str, asked: Any) -> list[Any]:
        from wharf.products import trail as steps
        from wharf.products.trail_rows import Place, trace_line

        if row := batches.batch(tx, what):
            file, line = asked.get("file", ""), asked.get("line", "")
            if file and line.isdecimal() and len(line) < 16:
                ledger, work = self.views.ledger, self.views.settings.work
                place = Place(ledger, self.lake, self.landing, project, work)
                return [trace_line(place, tx, row, file, int(line))]
            return [steps.trace_batch(tx, project, row)]
        if manifest := products.find_manifest(tx, what):
            return [steps.trace_manifest(tx, project, manifest)]
        if what in project.products:
            periods = {each.period for each in products.releases_of(tx, what)}
            step = steps.trace_product(tx, project, what, max(periods)) if periods else None
            return [step] if step else []
        if what.isdecimal() and len(what) < 16:
            landed = deliveries.delivery_by_seq(tx, int(what))
            return [steps.trace_delivery(tx, project, landed)] if landed else []
        known = what.lower()
        if len(known) >= SHORTEST_HASH and set(known) <= set("0123456789abcdef"):
            found = trail.deliveries_with_bytes(tx, known)[:20]
            return [steps.trace_delivery(tx, project, each) for each in found]
        return []
