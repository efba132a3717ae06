"""Days in New York, of which one has 25 hours. Nothing starts by itself: its end is past."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops_airflow import intake_dag
from new_york.pipeline import new_york

dag = intake_dag(
    new_york,
    schedule="@daily",
    timezone="America/New_York",
    start_date=datetime(2025, 10, 1, tzinfo=UTC),
    end_date=datetime(2025, 12, 1, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    tags=("test",),
)
