"""An intake whose slices are validated in parts. Nothing starts by itself: its end is past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops_airflow import intake_dag
from parted.pipeline import parted

dag = intake_dag(
    parted,
    schedule="@hourly",
    start_date=datetime(2020, 1, 1, tzinfo=UTC),
    end_date=datetime(2020, 1, 2, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    tags=("test",),
)
