"""The DAG in which somebody is asked. Nothing starts by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from asking.pipeline import asking
from ckpt_ops_airflow import retraining_dag

dag = retraining_dag(
    asking,
    schedule="0 0 * * 0",
    start_date=datetime(2013, 1, 6, tzinfo=UTC),
    end_date=datetime(2013, 1, 27, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    tags=("test",),
)
