"""Answers for machines: `status.json`, metrics, and a badge for each feed."""

from fastapi import Response
from fastapi.responses import JSONResponse

from wharf.board import metrics
from wharf.board.badge import draw_badge, unknown_badge
from wharf.board.current import current_states
from wharf.board.status import describe
from wharf.board.views import Views

BADGE_HEADERS = {"Cache-Control": "private, max-age=60"}


class Machines:
    """Answers from the same installation that the pages show."""

    def __init__(self, views: Views) -> None:
        self.views = views

    def status(self) -> Response:
        """The state of every feed, and whether anybody watches."""
        with self.views.reading() as (tx, promised, pulse):
            feeds = current_states(tx, promised, pulse)
        return JSONResponse(describe(promised, pulse, feeds))

    def metrics(self) -> Response:
        """The same as numbers over time."""
        with self.views.reading() as (tx, promised, pulse):
            feeds = current_states(tx, promised, pulse)
            counted = metrics.count(tx, pulse)
        text = metrics.write_metrics(promised, pulse, feeds, counted)
        return Response(text, media_type=metrics.MEDIA_TYPE)

    def badge(self, name: str) -> Response:
        """One feed's state as a picture."""
        feed = name.removesuffix(".svg")
        with self.views.reading() as (tx, promised, pulse):
            found = current_states(tx, promised, pulse, [feed])
        text = draw_badge(found[0]) if found else unknown_badge(feed)
        status = 200 if found else 404
        media = "image/svg+xml"
        return Response(text, status_code=status, media_type=media, headers=BADGE_HEADERS)
