"""The task that asks a person, with Airflow's own human-in-the-loop: it waits without a worker or a trigger.

An answer must not get lost: Airflow keeps it only as long as the try that asked, and also ends that try when
a person answers so fast that its scheduler takes the task for a killed one. So the answer is recorded before
the task ends, and a second try finds it. If the store does not answer then, the task ends well all the same,
and `promote` records what is in its result, retried as often as it takes.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.standard.operators.hitl import HITLOperator
from airflow.sdk import Param
from airflow.sdk.definitions.param import ParamsDict

from ckpt_ops.errors import BadInput, CkptOpsError
from ckpt_ops.pipeline import Otherwise
from ckpt_ops.pipeline.result_json import to_json
from ckpt_ops.pipeline.step_results import Answer, Answered
from ckpt_ops.runs import messages
from ckpt_ops_airflow.answers import record_answer
from ckpt_ops_airflow.links import on_this_host
from ckpt_ops_airflow.operators import StepOperator
from ckpt_ops_airflow.results import made_version, version_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.pipeline import Pipeline
    from ckpt_ops.store import Store


def _why() -> Param:
    """The field of the form, empty."""
    return Param(
        None,
        type=["null", "string"],
        title="Why",
        description="Your reason, for those who read the log later.",
        source="task",
    )


class ApproveOperator(StepOperator[Answered], HITLOperator):
    """Asks a person whether a version may be promoted, if it waits for approval.

    Its result has the `answer`: "Approve", "Reject", or None when nobody was asked; who gave it and why; and
    whether it `expired`: nobody answered within the deadline, and the answer is the pipeline's.

    Args:
        made_by: the task whose result names the version.
    """

    pipeline: Pipeline
    template_fields = ()  # what is shown contains data, and none of it is a template

    def __init__(self, *, pipeline: Pipeline, made_by: str, **kwargs: Any) -> None:
        approval = pipeline.approval
        if approval is None:
            raise BadInput("approval", None, "a pipeline with approval=Approval(...)")
        kwargs["params"] = {"why": _why()}  # instead of the DAG's own, which nobody is asked for
        super().__init__(
            pipeline=pipeline,
            subject=f"Promote a version of {pipeline.name}?",
            options=[answer.value for answer in Answer],
            defaults=(Answer.APPROVE if approval.otherwise is Otherwise.PROMOTE else Answer.REJECT).value,
            response_timeout=approval.within,
            **kwargs,
        )
        self.made_by, self.within = made_by, approval.within

    def step(self, store: Store, context: Context) -> Answered:
        """Ask and wait, if there is something to ask."""
        from ckpt_ops.promotion.question import question

        version = version_of(self.made_by, self.pipeline, store, context)
        until = datetime.now(UTC) + self.within
        page = on_this_host(f"models/{quote(self.pipeline.name)}/versions/{version}/evaluation")
        asked = question(self.pipeline, store, version, until=until, page=page)
        if asked is not None:
            self.subject, self.body = asked.subject, asked.body
            # Airflow puts what the run was triggered with into it: why somebody began is no reason to approve
            self.params = ParamsDict({"why": _why()})
            HITLOperator.execute(self, context)  # does not return: execute_complete goes on
        return Answered(version=version, answer=None)

    def execute_complete(self, context: Context, event: dict[str, Any]) -> dict[str, Any]:
        """What was answered. Nothing in it makes the task fail: it would ask again."""
        if "error" in event:
            self.process_trigger_event_error(event)
        user, given = event["responded_by_user"], event["params_input"] or {}
        answered = Answered(
            version=self._version(context),
            answer=Answer(event["chosen_options"][0]),
            by=user["name"] if user else None,
            why=str(given.get("why") or "").strip(),
            expired=user is None,
        )
        try:
            record_answer(self.pipeline, self.open_store(context), answered)
        except CkptOpsError as error:
            self.log.warning("The answer is not recorded yet; the task promote will record it: %s", error)
        self.tell(context, self.message(answered))
        return to_json(answered)

    def message(self, result: Answered) -> list[str]:
        """Who answered what."""
        return messages.answered(result)

    def _version(self, context: Context) -> int:
        made = made_version(self.made_by, context)
        if made is not None:  # the answer is kept in the result even if the store does not answer now
            return made
        return version_of(self.made_by, self.pipeline, self.open_store(context), context)
