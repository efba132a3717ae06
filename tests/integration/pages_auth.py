"""Airflow's simple users, of whom some may see one DAG only, as where permissions are by DAG."""

from __future__ import annotations

from typing import Any

from airflow.api_fastapi.auth.managers.models.resource_details import DagDetails
from airflow.api_fastapi.auth.managers.simple.simple_auth_manager import SimpleAuthManager

CONFINED = {"otto": "elsewhere"}
"""By user, the one DAG that is theirs."""


class ByDag(SimpleAuthManager):
    """A user in `CONFINED` has no permission on any other DAG, nor on DAGs in general."""

    def is_authorized_dag(self, *, user: Any, details: DagDetails | None = None, **asked: Any) -> bool:
        own = CONFINED.get(user.get_name())
        if own is not None and (details is None or details.id != own):
            return False
        return super().is_authorized_dag(user=user, details=details, **asked)
