"""The DAG that tells model registries what was promoted: one task, `register`.

It runs after each promotion by a run, and every quarter of an hour: what commands and pages do starts no DAG.
So a registry that does not answer delays no training and no promotion; it is told later.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, AssetOrTimeSchedule, CronTriggerTimetable

from ckpt_ops.errors import BadInput
from ckpt_ops_airflow.factory import check_described, production_asset
from ckpt_ops_airflow.operators import StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.pipeline import Pipeline
    from ckpt_ops.registries import Registration
    from ckpt_ops.store import Store

SUFFIX = "_register"


def register_dag(
    pipeline: Pipeline,
    *,
    every: str = "*/15 * * * *",
    retries: int = 5,
    retry_delay: timedelta = timedelta(seconds=30),
    tags: tuple[str, ...] = (),
) -> DAG:
    """The DAG `{pipeline.name}_register`: it makes the pipeline's registries match the log.

    Args:
        pipeline: with `registries=`.
        every: when it runs besides, a cron expression.
        retries: of the task, where a registry does not answer.
        retry_delay: before the first; doubled each time.
        tags: besides "ckpt-ops" and "register".

    Raises:
        BadInput: a pipeline without registries, or one that is described twice.
    """
    check_described(pipeline)
    if not pipeline.registries:
        raise BadInput(
            "registries", (), "one registry or more", next="Pipeline(registries=(MLflow(uri=...),))"
        )
    with DAG(
        dag_id=f"{pipeline.name}{SUFFIX}",
        description=f"Tells model registries which version of {pipeline.name} is in production",
        schedule=AssetOrTimeSchedule(
            timetable=CronTriggerTimetable(every, timezone="UTC"), assets=[production_asset(pipeline.name)]
        ),
        start_date=datetime(2020, 1, 1, tzinfo=UTC),
        catchup=False,
        max_active_runs=1,
        default_args={"retries": retries, "retry_delay": retry_delay, "retry_exponential_backoff": 2},
        tags=["ckpt-ops", "register", *tags],
    ) as dag:
        RegisterOperator(task_id="register", pipeline=pipeline)
    return dag


class RegisterOperator(StepOperator["Sequence[Registration]"]):
    """Tells each registry what it lacks. One that fails does not keep the others from being told."""

    pipeline: Pipeline

    def step(self, store: Store, context: Context) -> Sequence[Registration]:
        """Tell them. Raises the first error once all were asked."""
        from ckpt_ops.errors import CkptOpsError
        from ckpt_ops.registries import register

        done, failed = [], []
        for registry in self.pipeline.registries:
            try:
                done.append(register(store, self.pipeline.name, registry, report=self.log.info))
            except CkptOpsError as error:
                failed.append(error)
        if failed:
            raise failed[0]
        return done

    def message(self, result: Sequence[Registration]) -> list[str]:
        """What each has now."""
        return [
            f"{one.registry}: versions added: {', '.join(map(str, one.added)) or 'none'}; "
            f"production: {one.production or 'none'}"
            for one in result
        ]

    def in_xcom(self, result: Sequence[Registration]) -> Any:
        """By registry, the version in production."""
        return {one.registry: one.production for one in result}
