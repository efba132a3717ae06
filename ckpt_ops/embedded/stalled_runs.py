"""Runs that make no progress although every process is healthy.

A scheduler can send heartbeats and yet wait for a lock that is never released; it then starts no task.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from ckpt_ops.embedded.rest import Rest

AFTER = timedelta(minutes=3)
"""A scheduler gives a running run its next task within seconds."""
_MOST = 50
_BUSY = frozenset(
    {"running", "queued", "scheduled", "deferred", "up_for_retry", "up_for_reschedule", "restarting"}
)


def stalled_runs(rest: Rest, *, now: datetime | None = None) -> list[str]:
    """Running runs that for three minutes had no task that runs, waits or is to be retried, as `DAG RUN`.

    Raises:
        CkptOpsError: the API did not answer.
    """
    before = (now or datetime.now(UTC)) - AFTER
    runs = rest.call("GET", f"dags/~/dagRuns?state=running&order_by=start_date&limit={_MOST}")["dag_runs"]
    return [f"{run['dag_id']} {run['dag_run_id']}" for run in runs if _stalled(rest, run, before)]


def _stalled(rest: Rest, run: dict[str, Any], before: datetime) -> bool:
    if not run["start_date"] or datetime.fromisoformat(run["start_date"]) > before:
        return False
    path = f"dags/{run['dag_id']}/dagRuns/{run['dag_run_id']}/taskInstances?limit=1000"
    tasks = rest.call("GET", path)["task_instances"]
    moved = [task[when] for task in tasks for when in ("start_date", "end_date") if task[when]]
    return not any(task["state"] in _BUSY for task in tasks) and all(
        datetime.fromisoformat(each) <= before for each in moved
    )
