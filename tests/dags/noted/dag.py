"""The DAG whose runs have notes. Nothing starts by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops_airflow import retraining_dag
from noted.pipeline import noted

dag = retraining_dag(
    noted,
    schedule="0 0 * * 0",
    start_date=datetime(2013, 1, 6, tzinfo=UTC),
    end_date=datetime(2013, 2, 3, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    tags=("test",),
)
