"""The Airflow side: a pipeline becomes a DAG.

`from ckpt_ops_airflow import retraining_dag` in `dags/{pipeline}/dag.py`; `intake_dag` as long as there is
no model.
"""

from ckpt_ops_airflow.factory import intake_dag, retraining_dag
from ckpt_ops_airflow.ordering import WaitForEarlierRuns

__all__ = ["WaitForEarlierRuns", "intake_dag", "retraining_dag"]
