"""What steps of DAGs have in common that run when a person asks for it, and never by a schedule."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ckpt_ops.errors import BadInput
from ckpt_ops_airflow.operators import R, StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.pipeline import Pipeline


class AskedFor(StepOperator[R]):
    """A step that a person asked for: the records carry that name."""

    pipeline: Pipeline

    def actor(self, context: Context) -> str:
        """Who triggered the run."""
        return context["dag_run"].triggering_user_name or super().actor(context)

    def asked(self, context: Context) -> tuple[bool, str]:
        """Whether this is a dry run, and the reason. Raises `BadInput`: only a dry run needs no reason."""
        dry_run, why = bool(context["params"]["dry_run"]), (context["params"]["why"] or "").strip()
        if not dry_run and not why:
            raise BadInput(
                "why",
                why,
                "a reason, for those who read the log later",
                next=f"trigger {self.dag_id} again with one, or as a dry run",
            )
        return dry_run, why
