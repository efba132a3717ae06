"""The DAG whose training is a gang of two tasks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops_airflow import retraining_dag
from shared.pipeline import shared

dag = retraining_dag(
    shared,
    schedule="0 0 * * 0",
    start_date=datetime(2013, 1, 6, tzinfo=UTC),
    end_date=datetime(2013, 1, 6, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
)
