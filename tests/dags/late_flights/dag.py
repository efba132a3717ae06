"""The DAGs of an operator's week. Nothing starts by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from ckpt_ops_airflow import export_dag, rebase_dag, retraining_dag
from late_flights.pipeline import late_flights

dag = retraining_dag(
    late_flights,
    schedule="0 0 * * 0",
    start_date=datetime(2013, 1, 6, tzinfo=UTC),
    end_date=datetime(2013, 3, 31, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    tags=("test",),
)

rebase = rebase_dag(late_flights, retry_delay=timedelta(seconds=1), tags=("test",))

export = export_dag(late_flights, retry_delay=timedelta(seconds=1), tags=("test",))
