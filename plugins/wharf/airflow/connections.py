"""Airflow connections as values of ours; nothing below this room asks Airflow for credentials."""

from __future__ import annotations

import json
from typing import Any

from wharf.errors import SettingsError
from wharf.settings import Connection


def resolve(connection_id: str) -> Connection:
    """Find an Airflow connection, in a task or (off its event loop) in the triggerer.

    Raises:
        SettingsError: Airflow has no such connection, or its extra is not a JSON object.
    """
    from airflow.sdk import Connection as AirflowConnection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        found = AirflowConnection.get(connection_id)
    except AirflowNotFoundException as error:
        raise SettingsError(
            f"Airflow has no connection {connection_id!r}; add it under Admin, Connections, "
            f"or as the variable AIRFLOW_CONN_{connection_id.upper()}"
        ) from error
    return Connection(
        id=connection_id,
        kind=str(found.conn_type or ""),
        host=str(found.host or ""),
        port=found.port,
        login=str(found.login or ""),
        password=str(found.password or ""),
        schema=str(found.schema or ""),
        extra=_extra(connection_id, found.extra),
    )


def _extra(connection_id: str, text: str | None) -> dict[str, Any]:
    try:
        extra = json.loads(text or "{}")
    except json.JSONDecodeError:
        extra = None
    if not isinstance(extra, dict):
        raise SettingsError(f"the extra of connection {connection_id!r} must be a JSON object")
    return extra
