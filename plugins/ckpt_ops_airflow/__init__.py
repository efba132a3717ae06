"""The Airflow side: a pipeline becomes a DAG.

`from ckpt_ops_airflow import retraining_dag` in `dags/{pipeline}/dag.py`.
"""

from ckpt_ops_airflow.factory import retraining_dag
from ckpt_ops_airflow.ordering import WaitForEarlierRuns

__all__ = ["WaitForEarlierRuns", "retraining_dag"]
