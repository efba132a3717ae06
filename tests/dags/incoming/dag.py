"""An intake of several files an hour that waits for them. Nothing starts by itself: its end is past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops_airflow import intake_dag
from incoming.pipeline import incoming

dag = intake_dag(
    incoming,
    schedule="@hourly",
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    end_date=datetime(2020, 1, 2, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    wait_for_slice=timedelta(days=36_500),  # Airflow runs nothing after the end, so a test cannot use today
    poke_interval=timedelta(seconds=10),
    pull_timeout=timedelta(seconds=12),
    max_parallel_pulls=2,
    tags=("test",),
)
