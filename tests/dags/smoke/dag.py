"""The smallest DAG: shows that a platform parses, schedules and runs."""

from __future__ import annotations

from airflow.sdk import dag, task


@dag(dag_id="smoke", schedule=None, tags=["test"])
def smoke() -> None:
    @task
    def store_address() -> str:
        import os

        return os.environ["CKPT_OPS_STORE"]

    store_address()


smoke()
