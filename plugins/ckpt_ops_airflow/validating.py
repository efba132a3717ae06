"""The tasks that evaluate parts of a large slice side by side, where the intake asks for it.

    pull -> validate                                        by default
    pull -> share_out -> validate_part (mapped) -> validate    with `max_parallel_validations`

`validate` is the same task either way: it makes the verdict, and evaluates what is in no part. A part that
was evaluated is not evaluated again, so a killed task is retried alone.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ckpt_ops.pipeline.result_json import from_json
from ckpt_ops.pipeline.step_results import RowShare, ValidatedShare
from ckpt_ops.runs import messages
from ckpt_ops_airflow.operators import StepOperator
from ckpt_ops_airflow.results import pulled
from ckpt_ops_airflow.shares import ShareOperator, shares_in_xcom

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from ckpt_ops.pipeline import Intake
    from ckpt_ops.store import Store


class ShareOutRowsOperator(StepOperator[list[RowShare]]):
    """Cuts what `pull` brought into parts; one part where it is small, or has its verdict."""

    def step(self, store: Store, context: Context) -> list[RowShare]:
        """A share for each mapped task."""
        from ckpt_ops.runs.validate_parts import share_out_rows

        slice_ = pulled(self.pipeline, store, context)
        return share_out_rows(self.pipeline, store, slice_.key, slice_.revision)

    def message(self, result: list[RowShare]) -> list[str]:
        """Which parts there are."""
        return messages.shared_out_rows(result)

    def in_xcom(self, result: list[RowShare]) -> list[dict[str, Any]]:
        """The shares, for Airflow to map a task over."""
        return shares_in_xcom(result)


class ValidateShareOperator(ShareOperator[ValidatedShare]):
    """Evaluates one part of the slice; what was evaluated before is found."""

    def step(self, store: Store, context: Context) -> ValidatedShare:
        """Evaluate the part."""
        from ckpt_ops.runs.validate_parts import validate_share

        logging.getLogger("great_expectations").setLevel(logging.WARNING)  # as `ValidateOperator`
        share = from_json(RowShare, self.share, of="task share_out")
        return validate_share(self.pipeline, store, share)

    def message(self, result: ValidatedShare) -> list[str]:
        """How much the part was."""
        return messages.validated_share(result)


def validated_in_parts(pull: BaseOperator, validate: BaseOperator, *, intake: Intake) -> None:
    """Put the two tasks between `pull` and `validate`, in the DAG that is being made."""
    shares = ShareOutRowsOperator(task_id="share_out", pipeline=intake)
    pull >> shares
    (
        ValidateShareOperator.partial(
            task_id="validate_part",
            pipeline=intake,
            max_active_tis_per_dagrun=intake.max_parallel_validations,
        ).expand(share=shares.output)
        >> validate
    )
