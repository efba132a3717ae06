"""The smallest DAGs: they show that a platform parses, schedules, runs and stops tasks."""

from __future__ import annotations

from airflow.sdk import dag, task


@dag(dag_id="smoke", schedule=None, tags=["test"])
def smoke() -> None:
    @task(retries=2, retry_delay=0)
    def store_address() -> str:
        import os

        return os.environ["CKPT_OPS_STORE"]

    store_address()


@dag(dag_id="smoke_long", schedule=None, tags=["test"])
def smoke_long() -> None:
    @task(retries=1, retry_delay=0)
    def busy() -> None:
        """Runs, with a process of its own session below it, until it is stopped."""
        import subprocess

        subprocess.run(["sleep", "1234"], start_new_session=True, check=True)

    busy()


smoke()
smoke_long()
