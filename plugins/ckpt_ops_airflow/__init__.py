"""The Airflow side: a description of slices, or of a model kept fresh from them, becomes a DAG.

`from ckpt_ops_airflow import retraining_dag` in `dags/{pipeline}/dag.py`.
"""

from ckpt_ops_airflow.factory import intake_dag, retraining_dag
from ckpt_ops_airflow.ordering import WaitForEarlierRuns

__all__ = ["WaitForEarlierRuns", "intake_dag", "retraining_dag"]
