"""A step that needs a connection, as `pull` does when a source names one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG
from incoming.pipeline import incoming

from ckpt_ops.slices.connections import connection
from ckpt_ops_airflow.operators import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.store import Store


@dataclass(frozen=True, kw_only=True)
class Found:
    """What Airflow says of a connection."""

    host: str
    login: str
    password: str
    extra: Mapping[str, Any]


class Connect(StepOperator[Found]):
    """Says what it found, and of the password a hash."""

    def step(self, store: Store, context: Context) -> Found:
        """Look the connection up."""
        found = connection("made_in_airflow")
        return Found(
            host=found.host,
            login=found.login,
            password=sha256(found.password.encode()).hexdigest(),
            extra=found.extra,
        )


with DAG(dag_id="connected", schedule=None, tags=["test"]):
    Connect(task_id="connect", pipeline=incoming, retries=0)
