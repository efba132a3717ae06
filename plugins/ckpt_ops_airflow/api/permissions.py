"""Who may see and do what, by Airflow's own permissions."""

from __future__ import annotations

from collections.abc import Iterable

from airflow.api_fastapi.app import get_auth_manager
from airflow.api_fastapi.auth.managers.models.base_user import BaseUser
from airflow.api_fastapi.auth.managers.models.batch_apis import IsAuthorizedDagRequest
from airflow.api_fastapi.auth.managers.models.resource_details import DagAccessEntity, DagDetails
from airflow.api_fastapi.core_api.security import requires_access_dag
from airflow.models.dag import DagModel

may_read = requires_access_dag("GET", DagAccessEntity.TASK_LOGS)
"""A dependency of every route on a DAG. The logs of its tasks show what our pages do: values of the data."""

may_trigger = requires_access_dag("POST", DagAccessEntity.RUN)
"""A dependency of every route that changes something: whoever may start a run may decide on its result."""


def readable(names: Iterable[str], user: BaseUser) -> set[str]:
    """Those of the models whose DAG the user may read.

    A model whose DAG Airflow does not know is asked for by its name all the same: who may read every DAG sees
    it, and so does who was given that name.
    """
    asked = list(names)
    teams = DagModel.get_dag_id_to_team_name_mapping(asked) if asked else {}
    requests = [_request(name, teams.get(name)) for name in asked]
    manager = get_auth_manager()
    if manager.batch_is_authorized_dag(requests, user=user):  # one question, where the manager can ask one
        return set(asked)
    return {
        name
        for name, request in zip(asked, requests, strict=True)
        if manager.batch_is_authorized_dag([request], user=user)
    }


def may_trigger_runs(dag_id: str, user: BaseUser) -> bool:
    """Whether the user may trigger a run of the DAG."""
    return bool(
        get_auth_manager().is_authorized_dag(
            method="POST",
            access_entity=DagAccessEntity.RUN,
            details=DagDetails(id=dag_id, team_name=DagModel.get_team_name(dag_id)),
            user=user,
        )
    )


def _request(name: str, team: str | None) -> IsAuthorizedDagRequest:
    return {
        "method": "GET",
        "access_entity": DagAccessEntity.TASK_LOGS,
        "details": DagDetails(id=name, team_name=team),
    }
