"""From a pipeline to a DAG: one slice per data interval, in order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable

from ckpt_ops_airflow.operators import (
    DecideOperator,
    EvaluateOperator,
    PromoteOperator,
    PullOperator,
    TrainOperator,
    ValidateOperator,
)
from ckpt_ops_airflow.ordering import WaitForEarlierRuns

if TYPE_CHECKING:
    from ckpt_ops.pipeline import Pipeline


def production_asset(model: str) -> Asset:
    """The asset that gets an event when a version of `model` is promoted: schedule other DAGs on it."""
    return Asset(f"ckpt-ops://{model}/production")


def retraining_dag(
    pipeline: Pipeline,
    *,
    schedule: str = "@weekly",
    start_date: datetime,
    end_date: datetime | None = None,
    timezone: str = "UTC",
    max_active_runs: int = 16,
    retries: int = 3,
    retry_delay: timedelta = timedelta(seconds=10),
    train_timeout: timedelta | None = None,
    poll_seconds: float = 1.0,
    tags: tuple[str, ...] = (),
) -> DAG:
    """The DAG that keeps the pipeline's model fresh.

    `pull -> validate -> wait_for_earlier -> decide -> train -> evaluate -> promote`, a run for each
    data interval of `schedule`, so that backfills from the UI, the command line and REST work.
    Pulling and validating run side by side; from `decide` on, runs take their turn in time order.

    Args:
        pipeline: what to keep fresh; its name is the DAG's id.
        schedule: a cron expression or preset; its intervals cut time into slices.
        start_date: begin of the first interval.
        end_date: no run is scheduled for an interval that begins after it. When it is in the past,
            nothing starts by itself and every run is asked for; without one, an unpaused DAG begins
            with the newest interval that is over.
        timezone: in which the cron expression is read.
        max_active_runs: of this DAG at once; runs that wait for their turn count, and hold no worker.
        retries: of a task that fails for now. What fails for good is never retried.
        retry_delay: between tries.
        train_timeout: ends a training that runs longer; its committed checkpoints are kept and a
            retry resumes. The pipeline's own budget is the usual bound.
        poll_seconds: how often a waiting run looks whether the earlier ones have ended.
        tags: besides "ckpt-ops".
    """
    with DAG(
        dag_id=pipeline.name,
        description=f"Keeps {pipeline.name} fresh from slices of {pipeline.source.name}",
        schedule=CronDataIntervalTimetable(schedule, timezone=timezone),
        start_date=start_date,
        end_date=end_date,
        catchup=False,
        max_active_runs=max_active_runs,
        default_args={"retries": retries, "retry_delay": retry_delay},
        tags=["ckpt-ops", *tags],
    ) as dag:
        pull = PullOperator(task_id="pull", pipeline=pipeline)
        validate = ValidateOperator(task_id="validate", pipeline=pipeline)
        wait = WaitForEarlierRuns(task_id="wait_for_earlier", poll_seconds=poll_seconds)
        decide = DecideOperator(task_id="decide", pipeline=pipeline)
        train = TrainOperator(
            task_id="train", pipeline=pipeline, max_active_tis_per_dag=1, execution_timeout=train_timeout
        )
        evaluate = EvaluateOperator(task_id="evaluate", pipeline=pipeline)
        promote = PromoteOperator(
            task_id="promote", pipeline=pipeline, announces=production_asset(pipeline.name)
        )
        pull >> validate >> wait >> decide >> train >> evaluate >> promote
    return dag
