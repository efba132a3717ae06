"""Runs of one DAG take their turn in the order of their dates, whatever order they were started in.

`max_active_tis_per_dag=1` lets one task run at a time, but whichever. This wait makes it the earliest:
a run waits until every run of its DAG with an earlier logical date that is queued or running has
ended. Each run waits only for earlier ones, so no two wait for each other. How the earlier runs
ended does not matter: after a failure the next slice is planned on what the log says.

The wait holds no worker: a task looks (only a task may ask for "the run before this date"), and the
triggerer watches the runs that the task has found. Both ask Airflow's API, never its database.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.sdk import BaseOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

ACTIVE = ("running", "queued")


class WaitForEarlierRuns(BaseOperator):
    """Succeeds when no run with an earlier logical date is queued or running.

    Args:
        poll_seconds: how often the triggerer looks.
        stuck_seconds: earlier runs that are queued for so long while none of them runs cannot start:
            the waiting runs themselves take up `max_active_runs` (a backfill that runs backwards), or
            their backfill is paused. Then this run goes on; the planner decides whether its slice is late.
    """

    def __init__(self, *, poll_seconds: float = 1.0, stuck_seconds: float = 60.0, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.poll_seconds = poll_seconds
        self.stuck_seconds = stuck_seconds

    def execute(self, context: Context) -> None:
        """Look; go on, or wait in the triggerer."""
        self._look(context, go_on_if=frozenset())

    def resume(self, context: Context, event: dict[str, Any]) -> None:
        """Look again: other earlier runs may have been started meanwhile."""
        self._look(context, go_on_if=frozenset(event["stuck"]))

    def _look(self, context: Context, *, go_on_if: frozenset[str]) -> None:
        ti = context["ti"]
        found = {
            state: run.run_id for state in ACTIVE if (run := ti.get_previous_dagrun(state=state)) is not None
        }
        waited_for = set(found.values())
        if not waited_for:
            self.log.info("No earlier run is active: it is this run's turn")
            return
        if waited_for <= go_on_if:
            self.log.warning(
                "Going on before %s: queued for %.0f s while no earlier run was running, so it cannot start",
                ", ".join(sorted(waited_for)),
                self.stuck_seconds,
            )
            return
        from ckpt_ops_airflow.triggers import EarlierRunsEnded  # its imports would slow down each parse

        self.log.info("Waiting for %s", ", ".join(f"{run} ({state})" for state, run in found.items()))
        self.defer(
            trigger=EarlierRunsEnded(
                dag_id=ti.dag_id,
                run_ids=sorted(waited_for),
                poll_seconds=self.poll_seconds,
                stuck_seconds=self.stuck_seconds,
            ),
            method_name="resume",
        )
