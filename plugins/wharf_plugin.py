"""wharf's one plugin file: the board, the period timetable and the deadline reference.

Airflow executes this file in every process, tasks included, so nothing of wharf is imported
before Airflow asks for it.
"""

from __future__ import annotations

from typing import Any

from airflow.plugins_manager import AirflowPlugin


class LazyBoard:
    """The supplier board as an ASGI application that is built on its first request."""

    def __init__(self) -> None:
        self._app: Any = None

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Answer one request."""
        if self._app is None:
            from wharf.airflow.board_app import build_guarded_board

            self._app = build_guarded_board()
        await self._app(scope, receive, send)


class WharfPlugin(AirflowPlugin):
    """What Airflow learns from wharf."""

    name = "wharf"
    external_views = [  # noqa: RUF012 - Airflow edits this list
        {
            "name": "Suppliers",
            "href": "wharf/",
            "url_route": "suppliers",
            "destination": "nav",
            "nav_top_level": True,
        }
    ]

    @property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The board, below `/wharf`."""
        return [{"app": LazyBoard(), "url_prefix": "/wharf", "name": "wharf"}]

    @property
    def timetables(self) -> list[type]:  # type: ignore[override]
        """The one timetable of feeds and products."""
        from wharf.airflow.timetable import PeriodTimetable

        return [PeriodTimetable]

    @property
    def deadline_references(self) -> list[type]:  # type: ignore[override]
        """The one deadline reference of feeds and products."""
        from wharf.airflow.deadlines import PeriodDeadline

        return [PeriodDeadline]
