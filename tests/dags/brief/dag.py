"""The DAG whose history tests correct, and the one that corrects it. Nothing starts by itself."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from brief.pipeline import brief
from ckpt_ops_airflow import export_dag, rebase_dag, retraining_dag

dag = retraining_dag(
    brief,
    schedule="0 0 * * 0",
    start_date=datetime(2013, 1, 6, tzinfo=UTC),
    end_date=datetime(2013, 1, 27, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    tags=("test",),
)

rebase = rebase_dag(brief, retry_delay=timedelta(seconds=1), tags=("test",))

export = export_dag(brief, retry_delay=timedelta(seconds=1), tags=("test",))
