"""A DAG that shows in which order runs take their turn: its only work is to say so."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from airflow.sdk import DAG, CronDataIntervalTimetable, task

from ckpt_ops_airflow import WaitForEarlierRuns

with DAG(
    dag_id="ordering",
    schedule=CronDataIntervalTimetable("0 0 * * 0", timezone="UTC"),
    start_date=datetime(2020, 1, 5, tzinfo=UTC),
    end_date=datetime(2020, 12, 27, tzinfo=UTC),
    catchup=False,
    max_active_runs=16,
    default_args={"retries": 3, "retry_delay": timedelta(seconds=1)},  # as `retraining_dag` gives them
    tags=["test"],
):

    @task
    def prepare(data_interval_start: datetime) -> None:
        """Takes longer the earlier the run is: without the wait, later runs would come first."""
        import time

        time.sleep(max(0.0, 3.0 - data_interval_start.day / 10))

    @task(max_active_tis_per_dag=1)
    def train(data_interval_start: datetime) -> None:
        """Appends a line at its begin and one at its end; fails for good on the 19th."""
        import os
        import time
        from pathlib import Path

        from airflow.sdk.exceptions import AirflowFailException

        day = f"{data_interval_start:%Y-%m-%d}"
        with (Path(os.environ["CKPT_OPS_HOME"]) / "ordering.txt").open("a") as file:
            file.write(f"begin {day}\n")
            file.flush()
            time.sleep(0.5)
            file.write(f"end {day}\n")
        if data_interval_start.day == 19:
            raise AirflowFailException("the 19th always fails")

    prepare() >> WaitForEarlierRuns(task_id="wait_for_earlier", stuck_seconds=8.0) >> train()
