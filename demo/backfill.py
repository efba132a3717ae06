"""A backfill over Airflow's REST API: request it, follow its runs, read their results."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from ckpt_ops.embedded.rest import Rest
from ckpt_ops.errors import CkptOpsError, TerminalError

ENDED = ("success", "failed")
_OTHER_BACKFILL_SECONDS = 90.0


@dataclass(frozen=True, kw_only=True)
class Run:
    """One run: its slice, its state and its tasks' states."""

    key: str
    run_id: str
    state: str
    tasks: Mapping[str, str]


@dataclass(frozen=True, kw_only=True)
class Backfill:
    """The runs of one DAG for some weeks."""

    rest: Rest
    dag: str
    keys: tuple[str, ...]

    @classmethod
    def create(cls, rest: Rest, dag: str, keys: Sequence[str], *, wait: Callable[[str], None]) -> Backfill:
        """Request a run for each week; runs that have ended already are planned again.

        Raises:
            TerminalError: Airflow refused.
        """
        body = {
            "dag_id": dag,
            "from_date": f"{keys[0]}T00:00:00Z",
            "to_date": f"{keys[-1]}T00:00:00Z",
            "reprocess_behavior": "completed",
            "max_active_runs": len(keys),
        }
        deadline, told = time.monotonic() + _OTHER_BACKFILL_SECONDS, False
        while True:
            try:
                rest.call("POST", "backfills", body)
            except TerminalError as error:
                if "HTTP 409" not in str(error) or time.monotonic() > deadline:
                    raise
                if not told:
                    wait("Airflow has not closed the previous backfill yet; waiting for it")
                told = True
                time.sleep(2)
            else:
                return cls(rest=rest, dag=dag, keys=tuple(keys))

    def runs(self) -> dict[str, Run]:
        """By week, as it is now."""
        dates = f"logical_date_gte={self.keys[0]}T00:00:00Z&logical_date_lte={self.keys[-1]}T00:00:00Z"
        runs = self.rest.call("GET", f"dags/{self.dag}/dagRuns?{dates}&limit=100")["dag_runs"]
        instances = self.rest.call("GET", f"dags/{self.dag}/dagRuns/~/taskInstances?{dates}&limit=1000")
        tasks: dict[str, dict[str, str]] = {}
        for one in instances["task_instances"]:
            tasks.setdefault(one["dag_run_id"], {})[one["task_id"]] = one["state"] or ""
        found = [
            Run(
                key=run["logical_date"][:10],
                run_id=run["dag_run_id"],
                state=run["state"],
                tasks=tasks.get(run["dag_run_id"], {}),
            )
            for run in runs
        ]
        return {run.key: run for run in sorted(found, key=lambda run: run.key)}

    def result(self, run: Run, task: str) -> dict[str, Any]:
        """The result of a task of the run; empty if it has not run."""
        path = f"dags/{self.dag}/dagRuns/{run.run_id}/taskInstances/{task}/xcomEntries/return_value"
        try:
            value = self.rest.call("GET", path)["value"]
        except CkptOpsError:
            return {}
        return value if isinstance(value, dict) else {}

    def failure(self, run: Run, *, lines: int = 25) -> str:
        """The last lines of the log of the task that failed."""
        failed = [task for task, state in run.tasks.items() if state == "failed"]
        if not failed:
            return f"run {run.run_id} is {run.state}; tasks: {dict(run.tasks)}"
        path = f"dags/{self.dag}/dagRuns/{run.run_id}/taskInstances/{failed[0]}"
        try:
            number = self.rest.call("GET", path)["try_number"]
            content = self.rest.call("GET", f"{path}/logs/{number}?full_content=true")["content"]
        except CkptOpsError as error:
            return f"task {failed[0]} failed, and its log could not be read: {error}"
        entries = [_line(entry) for entry in content]
        return "\n".join([f"task {failed[0]}, try {number}:", *entries[-lines:]])


def month_and_day(key: str) -> str:
    """`01-06` of `2013-01-06`: for tables whose title has the year."""
    return key.partition("-")[2]


def _line(entry: Any) -> str:
    if not isinstance(entry, dict):
        return str(entry)
    errors = [f"{one.get('exc_type')}: {one.get('exc_value')}" for one in entry.get("error_detail") or ()]
    return "\n".join([f"{entry.get('level', ''):<8}{entry.get('event', '')}", *errors])
