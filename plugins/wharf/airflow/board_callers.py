"""Who asks the board: Airflow's signed-in user, with Airflow's word on what they may do."""

from functools import cache
from typing import Any

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.configuration import conf
from airflow.models.dag import DagModel

from wharf.board.actions_guard import Caller


def caller(user: GetUserDep) -> Caller:
    """The caller of a request, as the board knows them."""

    @cache
    def may_change(dag_id: str) -> bool:
        return _may_run(user, dag_id)

    return Caller(user.get_name(), has_login=not _lets_everybody_in(), may_change=may_change)


def _may_run(user: Any, dag_id: str) -> bool:
    """Whether Airflow lets a user start runs of a DAG."""
    has_teams = conf.getboolean("core", "multi_team", fallback=False)
    team = DagModel.get_team_name(dag_id) if has_teams else None
    details = DagDetails(id=dag_id, team_name=team)
    return bool(
        get_auth_manager().is_authorized_dag(
            method="POST", access_entity=DagAccessEntity.RUN, details=details, user=user
        )
    )


def _lets_everybody_in() -> bool:
    """Whether Airflow takes everybody for an administrator, without asking for a name."""
    return conf.getboolean("core", "simple_auth_manager_all_admins", fallback=False)
