"""Pages about what is in quarantine: every batch of it, and the rows of one."""

from functools import cached_property
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import FileResponse
from starlette.background import BackgroundTask

from wharf.board.views import Views
from wharf.contracts import Feed
from wharf.decisions.quarantine import describe_kept, export, opened, quarantined
from wharf.errors import DecisionRefused, Erased, LakeError, PeriodError
from wharf.lake import Lake, open_lake
from wharf.ledger import Transaction, batches
from wharf.ledger.rows import BatchRow
from wharf.reading.export_rows import KINDS
from wharf.reading.quarantine_rows import Filter
from wharf.reading.unpack import remove

PAGE = 50
FILTERS = ("reason", "column", "file")


class KeptPages:
    """Answers about quarantine, from the same installation that the board shows.

    Args:
        views: The board's pages.
    """

    def __init__(self, views: Views) -> None:
        self.views = views
        self.panel: Any = None
        """Gives what the caller may do, where the board takes writes."""

    @cached_property
    def lake(self) -> Lake:
        """The lake, opened when the first person looks at rows."""
        return open_lake(self.views.settings)

    def overview(self, request: Request) -> Response:
        """Every batch of which something is in quarantine, newest first."""
        everything = request.query_params.get("all") == "yes"
        with self.views.reading() as (tx, _, pulse):
            found = quarantined(tx, everything=everything)
        return self.views.html(
            request, "quarantine.html", found=found, everything=everything, pulse=pulse, up=""
        )

    def rows(self, request: Request, feed: str, period: str) -> Response:
        """The quarantined rows of a delivery, page by page."""
        return self.page(request, feed, period)

    def page(
        self, request: Request, feed: str, period: str, code: int = 200, **more: Any
    ) -> Response:
        """The same, with something to say."""
        asked = request.query_params
        wanted = Filter(**{name: asked.get(name, "")[:500] for name in FILTERS})
        at = int(asked["page"]) if asked.get("page", "").isdecimal() else 1
        at = min(max(at, 1), 10**6)
        with self.views.reading() as (tx, promised, _):
            spec = promised.feeds.get(feed)
            row, others = _batch(tx, spec, period, asked.get("batch", ""))
            kept = describe_kept(tx, row) if row else None
            acts = self.panel(spec, request) if self.panel and spec else None
        if row is None or kept is None:
            return self.views.absent(f"No batch of {feed} {period} was made.", "../../../")
        values = {**self._look(row, spec, wanted, at), "acts": acts, **more}
        text = self.views.templates.get_template("held.html").render(
            kept=kept, row=row, others=others, feed=spec, wanted=wanted, page=at, kinds=KINDS,
            here=_address(wanted, row), up="../../../", problem=values.pop("problem", ""),
            said=values.pop("said", ""), **values,
        )  # fmt: skip
        return Response(text, status_code=code, media_type="text/html")

    def _look(self, row: BatchRow, feed: Feed | None, wanted: Filter, page: int) -> dict[str, Any]:
        nothing = {"rows": [], "count": 0, "tallies": {}, "pages": 1, "lost": ""}
        if not row.rows_quarantined:
            return nothing
        try:
            with opened(self.lake, row, feed) as found:
                if found is None:
                    return nothing
                count = found.count(wanted)
                return {
                    "rows": list(found.rows(wanted, start=(page - 1) * PAGE, most=PAGE)),
                    "count": count,
                    "tallies": {by: found.tally(by) for by in FILTERS},
                    "pages": max(1, -(-count // PAGE)),
                    "lost": "",
                }
        except (Erased, LakeError) as error:
            return {**nothing, "lost": str(error)}

    def download(self, request: Request, feed: str, period: str, kind: str) -> Response:
        """Quarantined rows as a table to correct; sensitive values are hidden."""
        asked = request.query_params
        with self.views.ledger.read() as tx:
            spec = self.views.reader.read(tx).feeds.get(feed)
            row, _ = _batch(tx, spec, period, asked.get("batch", ""))
        if row is None or spec is None or kind not in KINDS:
            return self.views.absent("There is no such table.", "../../../../")
        self.views.settings.work.mkdir(parents=True, exist_ok=True)
        folder = Path(mkdtemp(prefix="export-", dir=self.views.settings.work))
        gone = BackgroundTask(remove, folder)
        wanted = Filter(**{name: asked.get(name, "")[:500] for name in FILTERS})
        name = f"{spec.feed}_{row.period}_quarantine.{kind}"
        try:
            export(self.lake, row, spec, folder / name, kind, wanted)
        except (DecisionRefused, Erased, LakeError) as error:
            remove(folder)
            return self.views.absent(str(error), "../../../../")
        return FileResponse(folder / name, filename=name, background=gone)


def _batch(
    tx: Transaction, feed: Feed | None, period: str, batch_id: str
) -> tuple[BatchRow | None, list[BatchRow]]:
    """A batch of a delivery, the newest by default; and all that have rows in quarantine."""
    if feed is None:
        return None, []
    try:
        key = feed.parse_period(period).key
    except PeriodError:
        return None, []
    rows = batches.batches_for(tx, feed.feed, key)
    found = [row for row in rows if batch_id in {"", row.batch_id}]
    held = [row for row in rows if row.rows_quarantined or row.status == "QUARANTINED"]
    return (found[-1] if found else None), held


def _address(wanted: Filter, row: BatchRow) -> Any:
    """Gives the query of a page with some of its filters changed."""

    def query(**changed: Any) -> str:
        given = {name: getattr(wanted, name) for name in FILTERS} | {"batch": row.batch_id}
        given = {name: value for name, value in {**given, **changed}.items() if value}
        return "?" + urlencode(given)

    return query
