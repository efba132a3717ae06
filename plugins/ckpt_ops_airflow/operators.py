"""One operator per step of a pipeline: call the step, log and hand on its small result, translate its errors.

Nothing here decides anything. A step takes its state from the store and may run again at any time.
"""

from __future__ import annotations

import logging
import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from airflow.providers.standard.utils.skipmixin import SkipMixin
from airflow.sdk import Asset, AssetAlias, BaseOperator
from airflow.sdk.exceptions import AirflowFailException, AirflowSkipException

from ckpt_ops.errors import (
    BadInput,
    CkptOpsError,
    NoResult,
    TerminalError,
    TrainingDied,
    ValidationDied,
)
from ckpt_ops.pipeline.result_json import to_json
from ckpt_ops.pipeline.step_results import (
    Answered,
    Decided,
    Evaluated,
    Helped,
    PredictedSlice,
    Settled,
    Trained,
    Validated,
)
from ckpt_ops.printable import printable
from ckpt_ops.runs import messages
from ckpt_ops.slices import connections
from ckpt_ops_airflow import stats
from ckpt_ops_airflow.answers import record_answer
from ckpt_ops_airflow.links import DataDocsLink, EvaluationLink, SliceReportLink
from ckpt_ops_airflow.queues import training_queue
from ckpt_ops_airflow.results import MESSAGE, TRAIN, has_result, pulled, result_of, slice_key, version_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.pipeline import Intake, Pipeline
    from ckpt_ops.store import Store


R = TypeVar("R")


class StepOperator(BaseOperator, SkipMixin, Generic[R]):
    """Runs one step, whose result is an `R`: a dataclass, which XCom has as JSON.

    A `TerminalError` fails the task without a retry; anything else that is raised is retried.

    Args:
        pipeline: whose step; pulling and validating need only an intake.
        timezone: whose clocks say which slice is in an interval; the DAG gives it to all.

    Attributes:
        changes_state: after it, the numbers of the model's log are told.
    """

    changes_state = False

    def __init__(self, *, pipeline: Intake, timezone: str = "UTC", **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.pipeline, self.timezone = pipeline, timezone

    def step(self, store: Store, context: Context) -> R:
        """Call the step."""
        raise NotImplementedError

    def why_stop(self, result: R) -> str | None:
        """Why what comes after this task is to be skipped; None to go on."""
        return None

    def actor(self, context: Context) -> str:
        """Whose name the records of this step carry."""
        return "airflow"

    def message(self, result: R) -> list[str]:
        """The result as lines for a person: for the task's log and the run's note."""
        return [f"{name}: {value}" for name, value in to_json(result).items()]

    def in_xcom(self, result: R) -> Any:
        """The result as Airflow keeps it, and as other DAGs read it: JSON."""
        return to_json(result)

    def execute(self, context: Context) -> Any:
        """Run the step and log its result; skip the tasks after it when the result says so."""
        try:
            with stats.worked(context, self.pipeline.name):
                store = self.open_store(context)
                result = self.step(store, context)
        except CkptOpsError as error:
            self.tell(context, [*str(error).splitlines(), *getattr(error, "__notes__", ())])
            if isinstance(error, TerminalError):
                raise AirflowFailException(str(error)) from error
            raise
        except AirflowSkipException as skipped:
            self.tell(context, str(skipped).splitlines())
            raise
        lines = self.message(result)
        for line in lines:
            self.log.info("%s", printable(line))
        self.tell(context, lines)
        stats.tell_result(store, self.pipeline.name, result, of_state=self.changes_state)
        why = self.why_stop(result)
        if why is not None:
            self.log.info("Nothing more to do")
            context["ti"].xcom_push(key="return_value", value=self.in_xcom(result))
            after = [task for task in self.get_direct_relatives(upstream=False) if not task.is_teardown]
            self.skip(ti=context["ti"], tasks=after)
        return self.in_xcom(result)

    def tell(self, context: Context, lines: list[str]) -> None:
        """Leave the lines beside the result: in the UI's XCom, and for the note on the run."""
        context["ti"].xcom_push(key=MESSAGE, value=messages.text(lines))

    def open_store(self, context: Context) -> Store:
        """The store of this task's environment; from now on records say that this run caused them."""
        from ckpt_ops.store import open_store

        self._set_actor(self.actor(context))
        connections.use(connection_of)
        return open_store(store_address())

    def _set_actor(self, actor: str) -> None:
        # The task has this process for itself. Records in the log carry who and why; the training
        # process inherits it, and finds the pipeline in the folder that this DAG was read from.
        os.environ["CKPT_OPS_ACTOR"] = actor
        os.environ["CKPT_OPS_RUN"] = _run_name()
        os.environ.setdefault("CKPT_OPS_DAGS", str(self.pipeline.folder.parent))
        if "AIRFLOW_IS_K8S_EXECUTOR_POD" in os.environ:
            os.environ["CKPT_OPS_STANDBY"] = "off"  # it would end with this pod, and nothing would take it


class TensorFlowOperator(StepOperator[R]):
    """A step that loads TensorFlow: it waits in the training queue, unless the DAG names another.

    A mapped one has to be given the queue: Airflow's `partial(queue=training_queue())`.
    """

    def __init__(self, *, queue: str | None = None, **kwargs: Any) -> None:
        super().__init__(queue=queue or training_queue(), **kwargs)


class ValidateOperator(StepOperator[Validated]):
    """Evaluates the slice; a quarantined one ends the run."""

    changes_state = True
    operator_extra_links = (SliceReportLink(), DataDocsLink())
    _changed: Sequence[str] = ()
    _validating = False

    def step(self, store: Store, context: Context) -> Validated:
        """Validate what `pull` brought."""
        from ckpt_ops.runs.standing_by import validate_soon
        from ckpt_ops.runs.sweep import look_at_source

        # its hundreds of lines on what it registers would hide the verdict in the task's log
        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        slice_ = pulled(self.pipeline, store, context)
        self._validating = True
        try:
            result = validate_soon(self.pipeline, store, slice_.key, slice_.revision, report=self.report)
        finally:
            self._validating = False
        # of a slice that is accepted, `decide` looks
        self._changed = () if result.trainable else look_at_source(self.pipeline, store)
        return result

    def on_kill(self) -> None:
        """End the process that validates, too: Airflow calls this on SIGTERM, while `step` runs."""
        if self._validating:
            raise ValidationDied(
                "Airflow asked the task to end",
                safe="what it had not recorded is not recorded",
                next="a retry, or clearing the task, validates the slice",
            )

    def report(self, line: str) -> None:
        """A line of the process that validates."""
        self.log.info("%s", line)

    def message(self, result: Validated) -> list[str]:
        """The verdict and its reasons."""
        return [*messages.validated(result), *self._changed]

    def why_stop(self, result: Validated) -> str | None:
        """The reasons of the quarantine and where the report is."""
        if result.trainable:
            return None
        why = "; ".join(result.reasons)
        return f"slice {result.key} is {result.outcome}: {why}. Report: {result.report}"


class PromotionEventOperator(StepOperator[R]):
    """A step that may promote a version. Only a promotion emits an event.

    Args:
        announces: the asset that gets the event. It is not an outlet: an outlet gets an event
            whenever its task succeeds, and rejecting a candidate is a success as well.
    """

    changes_state = True

    pipeline: Pipeline

    def __init__(self, *, announces: Asset, outlets: Sequence[Any] = (), **kwargs: Any) -> None:
        alias = AssetAlias(announces.name)
        super().__init__(outlets=[*outlets, alias], **kwargs)
        self.announces, self.alias = announces, alias

    def announce(self, store: Store, context: Context, version: int) -> None:
        """The version is in production."""
        from ckpt_ops.promotion.announcement import announced

        extra = announced(store, self.pipeline.name, version)
        context["outlet_events"][self.alias].add(self.announces, extra=extra)


class DecideOperator(PromotionEventOperator[Decided]):
    """Asks the planner and the update policy; settles a version that nobody answered for in time."""

    def step(self, store: Store, context: Context) -> Decided:
        """Decide on the run's slice."""
        from ckpt_ops.runs import recovering, steps
        from ckpt_ops.runs.standing_by import expect_validation

        key = slice_key(self.pipeline, store, context)
        if not has_result("validate", context):
            recovering.check_validated(self.pipeline, store, key)
        result = steps.decide(self.pipeline, store, key)
        if not result.train:
            expect_validation(self.pipeline)  # of the next run
        if result.promoted is not None:
            self.announce(store, context, result.promoted)
        return result

    def message(self, result: Decided) -> list[str]:
        """What becomes of the slice, and why."""
        return [*messages.decided(result), *messages.changed(self.pipeline.name, result.changed_at_source)]

    def why_stop(self, result: Decided) -> str | None:
        """The planner's or the policy's reason."""
        return None if result.train else result.why


class TrainingOperator(TensorFlowOperator[R]):
    """A step that trains in a process of its own; a retry resumes at the last committed checkpoint."""

    pipeline: Pipeline

    _training = False

    def train(self, store: Store, context: Context) -> R:
        """Train until the process ends."""
        raise NotImplementedError

    def step(self, store: Store, context: Context) -> R:
        """Train, and let a training end when Airflow asks this task to end."""
        self._training = True
        try:
            return self.train(store, context)
        finally:
            self._training = False

    def on_kill(self) -> None:
        """End the training process, too: Airflow calls this on SIGTERM, while `step` runs."""
        if self._training:
            raise TrainingDied(
                "Airflow asked the task to end",
                safe="every committed checkpoint is kept; the champion serves on",
                next="a retry, or clearing the task, resumes at the last committed checkpoint",
            )

    def report(self, line: str) -> None:
        """A line of the training process."""
        self.log.info("%s", line)


class TrainOperator(TrainingOperator[Trained]):
    """Trains a candidate on what is pending up to the run's slice."""

    def train(self, store: Store, context: Context) -> Trained:
        """Plan again, and train what the planner says."""
        from ckpt_ops.runs import steps

        key = slice_key(self.pipeline, store, context)
        return steps.train(self.pipeline, store, key, report=self.report)

    def message(self, result: Trained) -> list[str]:
        """The version, or why there is none."""
        return messages.trained(result)

    def why_stop(self, result: Trained) -> str | None:
        """Why there is no candidate to evaluate."""
        return None if result.to_evaluate is not None else f"{result.outcome}: {result.why}"


class TrainWorkerOperator(TrainingOperator[Helped]):
    """A worker of the training that `train` leads: it takes its share of every step.

    Args:
        worker: which one, from 1.
    """

    def __init__(self, *, worker: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.worker = worker

    def train(self, store: Store, context: Context) -> Helped:
        """Meet the others, and train with them what the planner says."""
        from ckpt_ops.runs import steps

        key = slice_key(self.pipeline, store, context)
        return steps.help_train(self.pipeline, store, key, self.worker, report=self.report)


class EvaluateOperator(TensorFlowOperator[Evaluated]):
    """Evaluates the candidate against the champion; `promote` acts on the verdict, either way.

    Attributes:
        made_by: the task whose result names the version.
    """

    operator_extra_links = (EvaluationLink(),)
    made_by = TRAIN

    pipeline: Pipeline

    def step(self, store: Store, context: Context) -> Evaluated:
        """Evaluate the version that was made."""
        from ckpt_ops.runs import steps

        return steps.evaluate(self.pipeline, store, version_of(self.made_by, self.pipeline, store, context))

    def message(self, result: Evaluated) -> list[str]:
        """What each gate answered."""
        return messages.evaluated(result)


class PromoteOperator(PromotionEventOperator[Settled]):
    """Promotes or rejects the version."""

    def settle(self, store: Store, context: Context) -> Settled:
        """Promote or reject the version that `train` made."""
        from ckpt_ops.runs import recovering, steps
        from ckpt_ops.runs.standing_by import expect_validation

        self.take_answer(store, context)
        version = version_of(TRAIN, self.pipeline, store, context)
        if not has_result("evaluate", context):
            recovering.check_evaluated(self.pipeline, store, version)
        result = steps.promote(self.pipeline, store, version)
        expect_validation(self.pipeline)  # of the next run
        return result

    def take_answer(self, store: Store, context: Context) -> None:
        """Record what a person has answered, where one was asked."""
        if self.pipeline.approval is not None:
            record_answer(self.pipeline, store, result_of(Answered, "approve", context))

    def step(self, store: Store, context: Context) -> Settled:
        """Settle what was evaluated; announce a promotion."""
        result = self.settle(store, context)
        if result.promoted:
            self.announce(store, context, result.version)
        return result

    def message(self, result: Settled) -> list[str]:
        """What became of the version, and why."""
        return messages.promoted(result)


class PredictOperator(TensorFlowOperator[PredictedSlice]):
    """Predicts the run's slice with the version in production, however the run ended; skipped without one."""

    pipeline: Pipeline

    def step(self, store: Store, context: Context) -> PredictedSlice:
        """Predict, in a process of its own, unless that is done."""
        from ckpt_ops.serving import predict as predicting

        try:
            key = slice_key(self.pipeline, store, context)
        except NoResult as error:  # it was skipped, or marked a success: either way there is no slice
            raise AirflowSkipException("no slice was pulled") from error
        why = predicting.why_not(store, self.pipeline.name, key)
        if why is not None:
            raise AirflowSkipException(why)
        return predicting.predict(self.pipeline, store, key, report=self.report)

    def message(self, result: PredictedSlice) -> list[str]:
        """How many rows, by which version."""
        return messages.predicted(result)

    def report(self, line: str) -> None:
        """A line of the process that predicts."""
        self.log.info("%s", line)


def connection_of(name: str) -> str | None:
    """The connection as JSON, from wherever Airflow keeps it: the UI, a secrets backend, the environment."""
    from airflow.sdk import Connection
    from airflow.sdk.exceptions import AirflowNotFoundException

    try:
        # as JSON: Airflow's URI puts the password of a host such as https://api.example.com elsewhere
        return str(Connection.get(name).as_json())
    except AirflowNotFoundException:
        return None


def _run_name() -> str:
    from airflow.sdk import get_current_context

    ti = get_current_context()["ti"]
    return f"{ti.dag_id}/{ti.run_id}"


def store_address() -> str:
    """The store of this task's environment. Raises `BadInput`: it has none."""
    try:
        return os.environ["CKPT_OPS_STORE"]
    except KeyError:
        raise BadInput(
            "CKPT_OPS_STORE",
            None,
            "the address of a store in the tasks' environment",
            next="set CKPT_OPS_STORE, for example CKPT_OPS_STORE=gs://my-bucket/ckpt-ops",
        ) from None
