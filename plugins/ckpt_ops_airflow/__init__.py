"""The Airflow side: a description of slices, or of a model kept fresh from them, becomes a DAG.

`from ckpt_ops_airflow import retraining_dag` in `dags/{pipeline}/dag.py`.

A name is loaded when it is first used: each of Airflow's processes loads `plugin`, which is in this package,
and few of them make DAGs.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ckpt_ops_airflow.exporting import export_dag
    from ckpt_ops_airflow.factory import intake_dag, retraining_dag
    from ckpt_ops_airflow.fleet import fleet_dags
    from ckpt_ops_airflow.notifying import alerts_dag
    from ckpt_ops_airflow.ordering import WaitForEarlierRuns
    from ckpt_ops_airflow.rebase import rebase_dag
    from ckpt_ops_airflow.registering import register_dag
    from ckpt_ops_airflow.resources import Resources, Toleration
    from ckpt_ops_airflow.retrain import retrain_dag

__all__ = [
    "Resources",
    "Toleration",
    "WaitForEarlierRuns",
    "alerts_dag",
    "export_dag",
    "fleet_dags",
    "intake_dag",
    "rebase_dag",
    "register_dag",
    "retrain_dag",
    "retraining_dag",
]

_HOMES = {
    "Resources": "ckpt_ops_airflow.resources",
    "Toleration": "ckpt_ops_airflow.resources",
    "WaitForEarlierRuns": "ckpt_ops_airflow.ordering",
    "alerts_dag": "ckpt_ops_airflow.notifying",
    "intake_dag": "ckpt_ops_airflow.factory",
    "export_dag": "ckpt_ops_airflow.exporting",
    "fleet_dags": "ckpt_ops_airflow.fleet",
    "rebase_dag": "ckpt_ops_airflow.rebase",
    "register_dag": "ckpt_ops_airflow.registering",
    "retrain_dag": "ckpt_ops_airflow.retrain",
    "retraining_dag": "ckpt_ops_airflow.factory",
}

if not TYPE_CHECKING:  # a type checker that saw it would take any misspelt name for `Any`

    def __getattr__(name: str) -> Any:
        """Load the name when it is first used."""
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = globals()[name] = getattr(import_module(_HOMES[name]), name)
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
