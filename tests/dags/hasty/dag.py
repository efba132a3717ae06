"""The rebase in which somebody is asked, and does not answer."""

from __future__ import annotations

from datetime import timedelta

from ckpt_ops_airflow import rebase_dag
from hasty.pipeline import hasty

dag = rebase_dag(hasty, retry_delay=timedelta(seconds=1), tags=("test",))
