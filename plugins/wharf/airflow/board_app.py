"""The supplier board inside Airflow: every route behind Airflow's own login and permission."""

from __future__ import annotations

from fastapi import FastAPI


def build_guarded_board() -> FastAPI:
    """Build the board of this installation for people who may see Airflow's plugin pages."""
    from airflow.api_fastapi.auth.managers.models.resource_details import AccessView
    from airflow.api_fastapi.core_api.security import requires_access_view

    from wharf.board import build_app
    from wharf.settings import read_settings

    return build_app(read_settings(), guard=requires_access_view(AccessView.PLUGINS))
