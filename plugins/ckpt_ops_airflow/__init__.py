"""The Airflow side: a description of slices, or of a model kept fresh from them, becomes a DAG.

`from ckpt_ops_airflow import retraining_dag` in `dags/{pipeline}/dag.py`.
"""

from ckpt_ops_airflow.factory import intake_dag, retraining_dag
from ckpt_ops_airflow.ordering import WaitForEarlierRuns
from ckpt_ops_airflow.rebase import rebase_dag

__all__ = ["WaitForEarlierRuns", "intake_dag", "rebase_dag", "retraining_dag"]
