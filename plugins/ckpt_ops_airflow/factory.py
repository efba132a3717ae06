"""From a description to a DAG: one slice per data interval, in order."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Asset, BaseOperator, CronDataIntervalTimetable, TriggerRule

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline.naming import module_of
from ckpt_ops.pipeline.one_description import check_one_description, check_one_source
from ckpt_ops.slices import worth_sharing
from ckpt_ops.training.distribution import Workers
from ckpt_ops_airflow.operators import (
    DecideOperator,
    EvaluateOperator,
    PredictOperator,
    PromoteOperator,
    TrainOperator,
    TrainWorkerOperator,
    ValidateOperator,
)
from ckpt_ops_airflow.ordering import WaitForEarlierRuns
from ckpt_ops_airflow.pods import give
from ckpt_ops_airflow.pulling import ListPartsOperator, PullOperator, PullShareOperator
from ckpt_ops_airflow.queues import training_queue
from ckpt_ops_airflow.wall_clock import check_zone

if TYPE_CHECKING:
    from airflow.sdk.bases.notifier import BaseNotifier
    from airflow.sdk.definitions.mappedoperator import MappedOperator

    from ckpt_ops.pipeline import Intake, Pipeline
    from ckpt_ops_airflow.resources import Resources

LONGEST_RETRY_DELAY = timedelta(minutes=10)

# A deferred task that is back before Airflow's scheduler has seen it leave is taken for a killed one.
SHORTEST_LOOK = timedelta(seconds=10)


def production_asset(model: str) -> Asset:
    """The asset that gets an event when a version of `model` is promoted: schedule other DAGs on it."""
    return Asset(f"ckpt-ops://{model}/production")


def intake_dag(
    intake: Intake,
    *,
    schedule: str = "@weekly",
    start_date: datetime,
    end_date: datetime | None = None,
    timezone: str = "UTC",
    max_active_runs: int = 16,
    retries: int = 3,
    retry_delay: timedelta = timedelta(seconds=10),
    wait_for_slice: timedelta | None = None,
    poke_interval: timedelta = timedelta(minutes=5),
    pull_timeout: timedelta = timedelta(hours=1),
    max_parallel_pulls: int = 4,
    tags: tuple[str, ...] = (),
    resources: Mapping[str, Resources] | None = None,
    notify: Sequence[BaseNotifier] = (),
) -> DAG:
    """The DAG that takes slices in: `pull -> validate`, and nothing trains.

    A run for each data interval of `schedule`, so that backfills from the UI, the command line and REST
    work. Where slices may have several parts, `list_parts -> pull_part` run before `pull`; where the intake
    has `max_parallel_validations`, `share_out -> validate_part` run before `validate`.

    Args:
        intake: what to take in; its name is the DAG's id.
        schedule: a cron expression or preset; its intervals cut time into slices.
        start_date: start of the first interval.
        end_date: no run is scheduled for an interval that begins after it. When it is in the past,
            nothing starts by itself and every run is asked for; without one, an unpaused DAG begins
            with the newest interval that is over.
        timezone: in which the cron expression is read, and keys are: with "America/New_York" and "@daily",
            the slice 2025-11-01 is that day in New York. Hours are best left in UTC
            (docs/how-to/intake.md).
        max_active_runs: of this DAG at once. Runs that wait, for a slice or for their turn, count, but
            hold no worker.
        retries: of a task that fails for now. What fails for good is never retried.
        retry_delay: between tries; doubled at each try where a source is asked, up to 10 minutes.
        wait_for_slice: how long after the end of its interval a slice may land; until then a run whose
            slice is not there waits, and after that it is skipped. None: skipped at once.
        poke_interval: how often a waiting run looks, at least 10 s; each look starts a task for a moment.
        pull_timeout: ends a task that asks a source for longer; it is retried, and what it copied is kept.
        max_parallel_pulls: the most tasks that copy parts of one slice at the same time. 1: `pull` copies
            all of them.
        tags: besides "ckpt-ops".
        resources: what tasks need where Kubernetes runs them, by task id, or by "*" for all without an entry
            (docs/how-to/kubernetes.md).
        notify: Airflow's notifiers, which tell people what the slices and the model want them for: a task
            `tell` at the end of each run (docs/how-to/alerts.md).

    Raises:
        BadInput: naming the argument; or a pipeline, or a source's name, that is described twice.
        ExtraMissing: `resources` need the extra "kubernetes".
    """
    if wait_for_slice is not None:
        checks.duration("wait_for_slice", wait_for_slice, allowed="more than no time, or None: no waiting")
    if poke_interval < SHORTEST_LOOK:
        raise BadInput("poke_interval", str(poke_interval), f"at least {SHORTEST_LOOK}")
    checks.duration("pull_timeout", pull_timeout, allowed="more than no time, such as timedelta(hours=1)")
    checks.whole("max_parallel_pulls", max_parallel_pulls, allowed="1 or more tasks")
    check_described(intake)
    check_zone(timezone, schedule=schedule, source=intake.source)
    with DAG(
        dag_id=intake.name,
        description=f"Takes in slices of {intake.source.name}",
        schedule=CronDataIntervalTimetable(schedule, timezone=timezone),
        start_date=start_date,
        end_date=end_date,
        catchup=False,
        max_active_runs=max_active_runs,
        default_args={"retries": retries, "retry_delay": retry_delay, "timezone": timezone},
        tags=["ckpt-ops", *tags],
    ) as dag:
        asking: dict[str, Any] = {
            "pipeline": intake,
            "execution_timeout": pull_timeout,
            "retry_exponential_backoff": 2,
            "max_retry_delay": LONGEST_RETRY_DELAY,
        }
        waiting: dict[str, Any] = {"wait_for_slice": wait_for_slice, "poke_interval": poke_interval}
        pull = PullOperator(task_id="pull", **asking, **waiting)
        if max_parallel_pulls > 1 and worth_sharing(intake.source):
            shares = ListPartsOperator(
                task_id="list_parts", side_by_side=max_parallel_pulls, **asking, **waiting
            )
            PullShareOperator.partial(task_id="pull_part", **asking).expand(share=shares.output) >> pull
        validate = ValidateOperator(task_id="validate", pipeline=intake)
        pull >> validate
        if intake.max_parallel_validations > 1:
            from ckpt_ops_airflow.validating import validated_in_parts  # only such DAGs pay for its import

            validated_in_parts(pull, validate, intake=intake)
    told_at_end(dag, intake, notify, timezone=timezone)
    give(dag, resources)
    return dag


def retraining_dag(
    pipeline: Pipeline,
    *,
    train_timeout: timedelta | None = None,
    poll_seconds: float = 1.0,
    predict: bool = False,
    resources: Mapping[str, Resources] | None = None,
    notify: Sequence[BaseNotifier] = (),
    **intake: Any,
) -> DAG:
    """The DAG that keeps the pipeline's model fresh.

    `pull -> validate -> wait_for_earlier -> decide -> train -> evaluate -> promote`. Pulling and
    validating run side by side; from `decide` on, runs take their turn in time order. With `approval=`,
    `approve` asks a person before `promote`; a run that waits for an answer is active, so later ones wait.
    With `distribution=Workers(...)`, `train` is the first worker, and `train_worker`, mapped, the others.

    Args:
        pipeline: what to keep fresh; its name is the DAG's id.
        train_timeout: ends a training that runs longer; its committed checkpoints are kept and a
            retry resumes. The pipeline's own budget is the usual bound.
        poll_seconds: how often a waiting run checks whether the earlier ones have ended.
        predict: add a task `predict` at the end: the version that is in production by then predicts the
            run's slice, also when the run trained nothing or its candidate was rejected.
        resources: as `intake_dag` takes it. The tasks `train_worker` need what `train` does, unless they have
            an entry.
        notify: as `intake_dag` takes it.
        intake: all that `intake_dag` takes: schedule, start_date, wait_for_slice and so on.
    """
    dag = intake_dag(pipeline, **intake)
    dag.description = f"Keeps {pipeline.name} fresh from slices of {pipeline.source.name}"
    with dag:
        wait = WaitForEarlierRuns(task_id="wait_for_earlier", poll_seconds=poll_seconds)
        production = production_asset(pipeline.name)
        decide = DecideOperator(task_id="decide", pipeline=pipeline, announces=production)
        train = TrainOperator(
            task_id="train", pipeline=pipeline, max_active_tis_per_dag=1, execution_timeout=train_timeout
        )
        evaluate = EvaluateOperator(task_id="evaluate", pipeline=pipeline)
        promote = PromoteOperator(task_id="promote", pipeline=pipeline, announces=production)
        dag.get_task("validate") >> wait >> decide >> train >> evaluate
        if isinstance(pipeline.distribution, Workers):
            count = pipeline.distribution.count
            decide >> workers_beside(pipeline, count, execution_timeout=train_timeout) >> evaluate
        asked_after(evaluate, pipeline=pipeline, made_by="train") >> promote
        if predict:
            promote >> PredictOperator(
                task_id="predict",
                pipeline=pipeline,
                # skipped tasks before it do not matter, failed ones do
                trigger_rule=TriggerRule.NONE_FAILED,
            )
    told_at_end(dag, pipeline, notify, timezone=intake.get("timezone", "UTC"))
    give(dag, resources)
    return dag


def told_at_end(dag: DAG, intake: Intake, notify: Sequence[BaseNotifier], *, timezone: str) -> None:
    """The task `tell`, where somebody is to be notified."""
    if notify:
        from ckpt_ops_airflow.notifying import tell_at_end  # only such DAGs pay for its imports

        tell_at_end(dag, intake, notify, timezone=timezone)


def workers_beside(pipeline: Pipeline, count: int, **settings: Any) -> MappedOperator:
    """`train_worker`, mapped: every worker but the first, which is `train`.

    They are tasks of the same run and wait for each other, so all of them have to have a slot.
    """
    return TrainWorkerOperator.partial(
        task_id="train_worker",
        pipeline=pipeline,
        queue=training_queue(),
        max_active_tis_per_dag=count - 1,
        **settings,
    ).expand(worker=list(range(1, count)))


def check_described(intake: Intake) -> None:
    """Refuse what would be found late: see `one_description`. For functions that a DAG file calls."""
    file = _dag_file()
    check_one_description(intake, file)
    check_one_source(intake, intake_folder(intake).parent)


def intake_folder(intake: Intake) -> Path:
    """The folder of the module that describes it, which is imported already."""
    return Path(str(sys.modules[module_of(intake.name)].__file__)).parent


def _dag_file() -> Path:
    """The file that called us: Airflow gives it no name that is known when a DAG is made."""
    frame = sys._getframe()
    while frame.f_back is not None and str(frame.f_globals.get("__name__")).startswith(__package__ or ""):
        frame = frame.f_back
    return Path(frame.f_code.co_filename)


def asked_after(evaluate: BaseOperator, *, pipeline: Pipeline, made_by: str) -> BaseOperator:
    """What `promote` comes after: where the pipeline asks a person, the task `approve` after `evaluate`.

    Args:
        made_by: the task whose result names the version.
    """
    if pipeline.approval is None:
        return evaluate
    from ckpt_ops_airflow.approving import ApproveOperator  # only such DAGs pay for its imports

    approve = ApproveOperator(task_id="approve", pipeline=pipeline, made_by=made_by)
    evaluate >> approve
    return approve
