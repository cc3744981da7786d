"""The supplier board inside Airflow: every route behind Airflow's own login and permission."""

from __future__ import annotations

import hashlib
import hmac
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from fastapi import FastAPI


def build_guarded_board() -> FastAPI:
    """Build the board of this installation.

    Who sees Airflow's plugin pages may read it; who may start runs of a DAG may decide about its
    deliveries.
    """
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view

    from wharf.airflow.board_callers import caller
    from wharf.airflow.connections import resolve
    from wharf.airflow.runs import RunsByConnection
    from wharf.board import build_app
    from wharf.board.actions_guard import Powers
    from wharf.settings import read_settings

    settings = read_settings()
    powers = Powers(
        caller=caller,
        start_run=RunsByConnection(resolve),
        resolve=resolve,
        secret=_secret(),
        host=urlsplit(settings.airflow_url).hostname or "",
    )
    return build_app(settings, requires_access_view(AccessView.PLUGINS), powers=powers)


def _secret() -> bytes:
    """A key of our own, the same in every process of the API server."""
    from airflow.configuration import conf

    base = conf.get_mandatory_value("api", "secret_key")
    return hmac.new(base.encode(), b"wharf board", hashlib.sha256).digest()
