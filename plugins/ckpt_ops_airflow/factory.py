"""From a pipeline to a DAG: one slice per data interval, in order."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Required, TypedDict, Unpack

from airflow.sdk import DAG, Asset, CronDataIntervalTimetable

from ckpt_ops.slices import PartedSource
from ckpt_ops_airflow.intake import ListPartsOperator, PullOperator, PullPartsOperator, ValidateOperator
from ckpt_ops_airflow.operators import DecideOperator, EvaluateOperator, PromoteOperator, TrainOperator
from ckpt_ops_airflow.ordering import WaitForEarlierRuns

if TYPE_CHECKING:
    from ckpt_ops.pipeline import Intake, Pipeline


class Settings(TypedDict, total=False):
    """What both kinds of DAG take.

    Attributes:
        schedule: a cron expression or preset, "@weekly" by default; its intervals cut time into slices.
        start_date: begin of the first interval.
        end_date: no run is scheduled for an interval that begins after it. When it is in the past,
            nothing starts by itself and every run is asked for; without one, an unpaused DAG begins
            with the newest interval that is over.
        timezone: in which the cron expression is read; UTC by default.
        max_active_runs: of this DAG at once, 16 by default; runs that wait hold no worker.
        retries: of a task that fails for now, 3 by default. What fails for good is never retried.
        retry_delay: before the first retry, 10 s by default; twice as long before each next one.
        wait_for_slice: so long after the end of its interval a run waits for a slice that has not landed;
            then it is skipped. None, the default: it is skipped at once.
        look_every: while waiting, 5 minutes by default.
        pull_timeout: ends a pull that takes longer, for a retry; 1 hour by default. A source that hangs
            holds a worker no longer than that.
        pull_side_by_side: tasks that pull the parts of a slice of several parts; 4 by default.
        tags: besides "ckpt-ops".
    """

    schedule: str
    start_date: Required[datetime]
    end_date: datetime | None
    timezone: str
    max_active_runs: int
    retries: int
    retry_delay: timedelta
    wait_for_slice: timedelta | None
    look_every: timedelta
    pull_timeout: timedelta
    pull_side_by_side: int
    tags: tuple[str, ...]


def production_asset(model: str) -> Asset:
    """The asset that gets an event when a version of `model` is promoted: schedule other DAGs on it."""
    return Asset(f"ckpt-ops://{model}/production")


def intake_dag(intake: Intake, **settings: Unpack[Settings]) -> DAG:
    """The DAG that takes slices in, without a model: `pull -> validate`. See `Settings`."""
    dag, _ = _begun(intake, f"Takes in slices of {intake.source.name}", **settings)
    return dag


def retraining_dag(
    pipeline: Pipeline,
    *,
    train_timeout: timedelta | None = None,
    poll_seconds: float = 1.0,
    **settings: Unpack[Settings],
) -> DAG:
    """The DAG that keeps the pipeline's model fresh.

    `pull -> validate -> wait_for_earlier -> decide -> train -> evaluate -> promote`, a run for each
    data interval of `schedule`, so that backfills from the UI, the command line and REST work.
    Pulling and validating run side by side; from `decide` on, runs take their turn in time order.

    Args:
        pipeline: what to keep fresh; its name is the DAG's id.
        train_timeout: ends a training that runs longer; its committed checkpoints are kept and a
            retry resumes. The pipeline's own budget is the usual bound.
        poll_seconds: how often a waiting run looks whether the earlier ones have ended.
        settings: see `Settings`.
    """
    about = f"Keeps {pipeline.name} fresh from slices of {pipeline.source.name}"
    dag, validate = _begun(pipeline, about, **settings)
    with dag:
        wait = WaitForEarlierRuns(task_id="wait_for_earlier", poll_seconds=poll_seconds)
        decide = DecideOperator(task_id="decide", pipeline=pipeline)
        train = TrainOperator(
            task_id="train", pipeline=pipeline, max_active_tis_per_dag=1, execution_timeout=train_timeout
        )
        evaluate = EvaluateOperator(task_id="evaluate", pipeline=pipeline)
        promote = PromoteOperator(
            task_id="promote", pipeline=pipeline, announces=production_asset(pipeline.name)
        )
        validate >> wait >> decide >> train >> evaluate >> promote
    return dag


def _begun(
    intake: Intake,
    description: str,
    *,
    schedule: str = "@weekly",
    start_date: datetime,
    end_date: datetime | None = None,
    timezone: str = "UTC",
    max_active_runs: int = 16,
    retries: int = 3,
    retry_delay: timedelta = timedelta(seconds=10),
    wait_for_slice: timedelta | None = None,
    look_every: timedelta = timedelta(minutes=5),
    pull_timeout: timedelta = timedelta(hours=1),
    pull_side_by_side: int = 4,
    tags: tuple[str, ...] = (),
) -> tuple[DAG, ValidateOperator]:
    """A DAG with its first tasks, and the last of them."""
    with DAG(
        dag_id=intake.name,
        description=description,
        schedule=CronDataIntervalTimetable(schedule, timezone=timezone),
        start_date=start_date,
        end_date=end_date,
        catchup=False,
        max_active_runs=max_active_runs,
        default_args={
            "retries": retries,
            "retry_delay": retry_delay,
            "retry_exponential_backoff": 2.0,
            "max_retry_delay": timedelta(minutes=30),
        },
        tags=["ckpt-ops", *tags],
    ) as dag:
        waiting: dict[str, Any] = {"wait": wait_for_slice, "look_every": look_every}
        reading: dict[str, Any] = {"pipeline": intake, "execution_timeout": pull_timeout}
        pull = PullOperator(task_id="pull", **waiting, **reading)
        validate = ValidateOperator(task_id="validate", pipeline=intake)
        source = intake.source
        if isinstance(source, PartedSource) and source.several and pull_side_by_side > 1:
            dealt = ListPartsOperator(
                task_id="list_parts", side_by_side=pull_side_by_side, **waiting, **reading
            )
            PullPartsOperator.partial(task_id="pull_parts", **reading).expand(of=dealt.output) >> pull
        pull >> validate
    return dag, validate
