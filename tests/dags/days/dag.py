"""A DAG that waits for its slices, pulls their files side by side, and gives up on a file that hangs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops_airflow import intake_dag
from days.pipeline import days

dag = intake_dag(
    days,
    schedule="@daily",
    start_date=datetime(2013, 1, 6, tzinfo=UTC),
    end_date=datetime(2013, 1, 31, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    wait_for_slice=timedelta(days=365 * 99),
    look_every=timedelta(seconds=2),
    pull_timeout=timedelta(seconds=15),
)
