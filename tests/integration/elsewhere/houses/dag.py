"""The DAG of `pipeline.py`."""

from __future__ import annotations

from datetime import UTC, datetime

from ckpt_ops_airflow import retraining_dag
from houses.pipeline import houses

dag = retraining_dag(houses, schedule="@daily", start_date=datetime(2026, 1, 1, tzinfo=UTC))
