"""The DAG of `four_weeks`. Nothing starts by itself; a fifth week is there to go on with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops_airflow import retraining_dag
from four_weeks.pipeline import four_weeks

dag = retraining_dag(
    four_weeks,
    schedule="0 0 * * 0",
    start_date=datetime(2013, 1, 6, tzinfo=UTC),
    end_date=datetime(2013, 2, 3, tzinfo=UTC),
    retries=5,
    retry_delay=timedelta(seconds=1),
)
