"""The DAG in which a model sees its history again: `plan -> retrain -> evaluate -> promote`.

With `approval=` in the pipeline, `approve` asks a person before `promote`. What is trained follows from the
run's parameters and the log, so a retry goes on with the candidate that was stopped.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param
from airflow.sdk.exceptions import AirflowSkipException

from ckpt_ops.errors import TerminalError
from ckpt_ops.pipeline.step_results import Evaluated, Retrained, RetrainPlanned, Settled, Settlement
from ckpt_ops.printable import printable
from ckpt_ops.runs import messages
from ckpt_ops_airflow.asked_for import DRY_RUN, WAS_DRY_RUN, AskedFor, dag_asked_for, why_param
from ckpt_ops_airflow.factory import asked_after, check_described, production_asset
from ckpt_ops_airflow.operators import EvaluateOperator, PromoteOperator, TrainingOperator
from ckpt_ops_airflow.pods import give
from ckpt_ops_airflow.results import RETRAIN, version_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.pipeline import Pipeline
    from ckpt_ops.retrain.proposal import Asked
    from ckpt_ops.store import Store
    from ckpt_ops_airflow.resources import Resources

SUFFIX = "_retrain"

PARAMS: dict[str, Any] = {
    "dry_run": DRY_RUN,
    "begin": Param(
        "scratch",
        enum=["scratch", "champion"],
        title="Begin with",
        description="scratch: initial weights. champion: the version in production.",
    ),
    "slices": Param(
        None,
        type=["null", "string"],
        title="Slices",
        description="FROM:TO, a range of consumed slices. Empty: all, or the newest.",
    ),
    "newest": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Newest",
        description="How many of the newest consumed slices. Empty: all, or the range.",
    ),
    "max_steps": Param(
        None,
        type=["null", "integer"],
        minimum=1,
        title="Steps",
        description="How many steps to train. Empty: the pipeline's budget.",
    ),
    "why": why_param("The log keeps it."),
}


def retrain_dag(
    pipeline: Pipeline,
    *,
    retries: int = 3,
    retry_delay: timedelta = timedelta(seconds=10),
    retrain_timeout: timedelta | None = None,
    tags: tuple[str, ...] = (),
    resources: Mapping[str, Resources] | None = None,
) -> DAG:
    """The DAG `{pipeline.name}_retrain`. It has no schedule: it is triggered, at first as a dry run.

    Args:
        pipeline: whose model.
        retries: of a task that fails for now, such as a training whose process was killed.
        retry_delay: between tries.
        retrain_timeout: ends a training that runs longer; what it committed is kept and a retry goes on.
        tags: besides "ckpt-ops" and "retrain".
        resources: what tasks need where Kubernetes runs them, by task id, or by "*" for all without an entry
            (docs/how-to/kubernetes.md).

    Raises:
        BadInput: a pipeline, or a source's name, that is described twice; a task of `resources` that is none.
        ExtraMissing: `resources` need the extra "kubernetes".
    """
    check_described(pipeline)
    with dag_asked_for(
        f"{pipeline.name}{SUFFIX}",
        description=f"Trains a version of {pipeline.name} that sees its history again",
        params=PARAMS,
        retries=retries,
        retry_delay=retry_delay,
        tags=("retrain", *tags),
    ) as dag:
        plan = PlanRetrainOperator(task_id="plan", pipeline=pipeline)
        retrain = RetrainOperator(task_id=RETRAIN, pipeline=pipeline, execution_timeout=retrain_timeout)
        evaluate = EvaluateRetrainedOperator(task_id="evaluate", pipeline=pipeline)
        promote = PromoteRetrainedOperator(
            task_id="promote", pipeline=pipeline, announces=production_asset(pipeline.name)
        )
        plan >> retrain >> evaluate
        asked_after(evaluate, pipeline=pipeline, made_by=RETRAIN) >> promote
    give(dag, resources)
    return dag


def asked_in(context: Context, why: str) -> Asked:
    """What the run's parameters ask for. Raises `BadInput`: one of them does not fit."""
    from ckpt_ops.lineage.retraining import Begin, Selection
    from ckpt_ops.retrain.proposal import Asked

    params = context["params"]
    return Asked(
        begin=Begin(params["begin"]),
        selection=Selection.of(params["slices"] or None, newest=params["newest"]),
        max_steps=params["max_steps"],
        why=why,
    )


class PlanRetrainOperator(AskedFor[RetrainPlanned]):
    """Shows what would be trained; a dry run ends here, and so does a run that another one has done."""

    def step(self, store: Store, context: Context) -> RetrainPlanned:
        """Plan, and log the plan."""
        from ckpt_ops.retrain.view import retrain_lines, retrain_view
        from ckpt_ops.runs import retrain as retraining

        dry_run, why = self.asked(context)
        view = retrain_view(self.pipeline, *retraining.plan(self.pipeline, store, asked_in(context, why)))
        for line in retrain_lines(view):
            self.log.info("%s", printable(line))
        return RetrainPlanned(
            dry_run=dry_run,
            why=why,
            head=view["head"],
            version=view["version"],
            message=view["message"],
            slices=tuple(ref["key"] for ref in view["slices"]),
            without=tuple(ref["key"] for ref in view["without"]),
            rows=view["rows"],
            max_steps=view["max_steps"],
        )

    def message(self, result: RetrainPlanned) -> list[str]:
        """What would be trained, and why the run ends here if it does."""
        why = self.why_stop(result)
        return [*messages.retrain_planned(result), *([why] if why else [])]

    def why_stop(self, result: RetrainPlanned) -> str | None:
        """This was a dry run."""
        return WAS_DRY_RUN if result.dry_run else None


class RetrainOperator(AskedFor[Retrained], TrainingOperator[Retrained]):
    """Trains the candidate. A retry goes on with the one that was stopped."""

    def train(self, store: Store, context: Context) -> Retrained:
        """Plan again, and train."""
        from ckpt_ops.runs import retrain as retraining

        dry_run, why = self.asked(context)
        if dry_run:  # `plan` ends a dry run, unless a person marked it a success
            raise AirflowSkipException("this is a dry run: nothing is trained")
        return retraining.train(self.pipeline, store, asked_in(context, why), report=self.report)

    def message(self, result: Retrained) -> list[str]:
        """The version, and what it was trained on."""
        return messages.retrained(result)


class EvaluateRetrainedOperator(AskedFor[Evaluated], EvaluateOperator):
    """Evaluates the candidate against the champion; `promote` acts on the verdict, either way."""

    made_by = RETRAIN


class PromoteRetrainedOperator(AskedFor[Settled], PromoteOperator):
    """Promotes the candidate. Whoever triggered the run wanted that: anything else fails the task."""

    def settle(self, store: Store, context: Context) -> Settled:
        """Promote it.

        Raises:
            TerminalError: the gates rejected it, or the head moved meanwhile.
        """
        from ckpt_ops.runs import retrain as retraining

        self.take_answer(store, context)
        version = version_of(RETRAIN, self.pipeline, store, context)
        settled = retraining.conclude(self.pipeline, store, version).settled
        if settled.promoted:
            return settled
        name = self.pipeline.name
        raise TerminalError(
            f"version {version}, which was retrained, is {settled.decision}: {settled.why}",
            safe="the champion serves on; nothing that was consumed is pending again",
            next=f"pause the DAG {name}, then trigger {self.dag_id} again"
            if settled.decision is Settlement.SUPERSEDED
            else f"ckpt-ops show {name} {version} has the verdicts; ckpt-ops promote {name} {version} "
            "--approve --despite-gates --why TEXT overrides them",
        )
