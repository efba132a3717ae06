"""The DAG that corrects a model's history when a person asks for it: `plan -> replay -> evaluate -> promote`.

With `approval=` in the pipeline, `approve` asks a person before `promote`.

What is due follows from the log alone, so a run only says "now", and one that was stopped can go on: a retry
finds the steps that are trained, and so does a new run.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG
from airflow.sdk.exceptions import AirflowSkipException

from ckpt_ops.errors import TerminalError
from ckpt_ops.pipeline.step_results import Evaluated, RebasePlanned, Replayed, Settled, Settlement
from ckpt_ops.printable import printable
from ckpt_ops.runs import messages
from ckpt_ops_airflow.asked_for import DRY_RUN, WAS_DRY_RUN, AskedFor, dag_asked_for, why_param
from ckpt_ops_airflow.factory import asked_after, check_described, production_asset
from ckpt_ops_airflow.links import EvaluationLink
from ckpt_ops_airflow.operators import PromoteOperator, TensorFlowOperator, TrainingOperator
from ckpt_ops_airflow.pods import give
from ckpt_ops_airflow.results import REPLAY, version_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.pipeline import Pipeline
    from ckpt_ops.store import Store
    from ckpt_ops_airflow.resources import Resources

SUFFIX = "_rebase"

PARAMS: dict[str, Any] = {
    "dry_run": DRY_RUN,
    "why": why_param("The run keeps it, and the rebase's records name the run."),
}


def rebase_dag(
    pipeline: Pipeline,
    *,
    retries: int = 3,
    retry_delay: timedelta = timedelta(seconds=10),
    replay_timeout: timedelta | None = None,
    tags: tuple[str, ...] = (),
    resources: Mapping[str, Resources] | None = None,
) -> DAG:
    """The DAG `{pipeline.name}_rebase`. It has no schedule: it is triggered, at first as a dry run.

    Args:
        pipeline: whose model.
        retries: of a task that fails for now, such as a replay whose process was killed.
        retry_delay: between tries.
        replay_timeout: ends a replay that runs longer; what it committed is kept and a retry goes on.
        tags: besides "ckpt-ops" and "rebase".
        resources: what tasks need where Kubernetes runs them, by task id, or by "*" for all without an entry
            (docs/how-to/kubernetes.md).

    Raises:
        BadInput: a pipeline, or a source's name, that is described twice; a task of `resources` that is none.
        ExtraMissing: `resources` need the extra "kubernetes".
    """
    check_described(pipeline)
    with dag_asked_for(
        f"{pipeline.name}{SUFFIX}",
        description=f"Trains {pipeline.name} again from where its history should differ, and swaps the head",
        params=PARAMS,
        retries=retries,
        retry_delay=retry_delay,
        tags=("rebase", *tags),
    ) as dag:
        plan = PlanOperator(task_id="plan", pipeline=pipeline)
        replay = ReplayOperator(task_id="replay", pipeline=pipeline, execution_timeout=replay_timeout)
        evaluate = EvaluateRebaseOperator(task_id="evaluate", pipeline=pipeline)
        promote = SwapOperator(
            task_id="promote", pipeline=pipeline, announces=production_asset(pipeline.name)
        )
        plan >> replay >> evaluate
        asked_after(evaluate, pipeline=pipeline, made_by="replay") >> promote
    give(dag, resources)
    return dag


class PlanOperator(AskedFor[RebasePlanned]):
    """Shows what is due; a dry run ends here, and so does a run with nothing to do."""

    def step(self, store: Store, context: Context) -> RebasePlanned:
        """Plan, and log the plan."""
        from ckpt_ops.lineage import ModelLog
        from ckpt_ops.rebase.view import plan_lines, plan_view

        dry_run, why = self.asked(context)
        state = ModelLog(store, self.pipeline.name).state()
        view = plan_view(self.pipeline, state)
        if view is None:
            return RebasePlanned(due=False, dry_run=dry_run, why=why, head=state.head)
        for line in plan_lines(view):
            self.log.info("%s", printable(line))
        return RebasePlanned(
            due=True,
            dry_run=dry_run,
            why=why,
            head=state.head,
            fork=view["fork"],
            steps=len(view["replay"]),
            done=sum(step["done_by"] is not None for step in view["replay"]),
            replaced=tuple(view["replaced"]),
            changed=tuple(change["key"] for change in view["changes"]),
        )

    def message(self, result: RebasePlanned) -> list[str]:
        """What is due, and why the run ends here if it does."""
        why = self.why_stop(result)
        return [*messages.replanned(result), *([why] if why else [])]

    def why_stop(self, result: RebasePlanned) -> str | None:
        """Nothing is due, or this was a dry run."""
        if not result.due:
            return f"version {result.head} consumed what it should have: nothing to rebase"
        return WAS_DRY_RUN if result.dry_run else None


class ReplayOperator(AskedFor[Replayed], TrainingOperator[Replayed]):
    """Trains the steps that are left, in one process. A retry goes on with the step that was stopped."""

    def train(self, store: Store, context: Context) -> Replayed:
        """Replay; the version that would become the head."""
        from ckpt_ops.runs import rebase as rebasing

        dry_run, _ = self.asked(context)
        if dry_run:  # `plan` ends a dry run, unless a person marked it a success
            raise AirflowSkipException("this is a dry run: nothing is trained")
        return rebasing.replay(self.pipeline, store, report=self.report)

    def message(self, result: Replayed) -> list[str]:
        """What the rebase comes to."""
        return messages.replayed(result)


class EvaluateRebaseOperator(AskedFor[Evaluated], TensorFlowOperator[Evaluated]):
    """Evaluates the result against the champion; `promote` acts on the verdict, either way."""

    operator_extra_links = (EvaluationLink(),)

    def step(self, store: Store, context: Context) -> Evaluated:
        """Evaluate, unless the result was in production before: it was evaluated then."""
        from ckpt_ops.lineage import ModelLog
        from ckpt_ops.runs import steps

        version = version_of(REPLAY, self.pipeline, store, context)
        if ModelLog(store, self.pipeline.name).state().version(version).promoted is not None:
            return Evaluated(version=version, message="it was in production before, and was evaluated then")
        return steps.evaluate(self.pipeline, store, version)

    def message(self, result: Evaluated) -> list[str]:
        """What each gate answered."""
        return messages.evaluated(result)


class SwapOperator(AskedFor[Settled], PromoteOperator):
    """Makes the result the head. Whoever triggered the run wanted that: anything else fails the task."""

    def settle(self, store: Store, context: Context) -> Settled:
        """Swap the head.

        Raises:
            TerminalError: the gates rejected the result, or the head moved meanwhile.
        """
        from ckpt_ops.runs import rebase as rebasing

        self.take_answer(store, context)
        version = version_of(REPLAY, self.pipeline, store, context)
        settled = rebasing.conclude(self.pipeline, store, version).settled
        if settled.promoted:
            return settled
        moved = settled.decision is Settlement.SUPERSEDED
        raise TerminalError(
            f"version {version}, the result of the rebase, is {settled.decision}: {settled.why}",
            safe="the champion serves on; every step that was trained is kept",
            next=f"trigger {self.dag_id} again: it finds the steps that are trained and goes on from there"
            if moved
            else f"ckpt-ops show {self.pipeline.name} {version} has the verdicts; with other gates, trigger "
            f"{self.dag_id} again; ckpt-ops promote {self.pipeline.name} {version} --approve --despite-gates "
            "--why TEXT overrides them",
        )
