"""What steps of DAGs have in common that run when a person asks for it, and never by a schedule."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk import DAG, Param

from ckpt_ops.errors import BadInput
from ckpt_ops_airflow.operators import R, StepOperator

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.pipeline import Pipeline


DRY_RUN = Param(
    True, type="boolean", title="Dry run", description="Only show what would be done. Off: do it."
)

WAS_DRY_RUN = (
    "this was a dry run: nothing was trained. To carry it out, trigger the DAG again "
    "with a reason and without dry_run"
)


def why_param(kept: str) -> Param:
    """The reason that a person gives; `kept`: where it stays, in a sentence."""
    return Param(
        None,
        type=["null", "string"],
        title="Why",
        description=f"The reason, needed unless it is a dry run. {kept}",
    )


def dag_asked_for(
    dag_id: str,
    *,
    description: str,
    params: dict[str, Any],
    retries: int,
    retry_delay: timedelta,
    tags: tuple[str, ...],
) -> DAG:
    """A DAG that has no schedule: a person triggers it, and one run of it goes at a time."""
    return DAG(
        dag_id=dag_id,
        description=description,
        schedule=None,
        catchup=False,
        max_active_runs=1,
        params=params,
        default_args={"retries": retries, "retry_delay": retry_delay},
        tags=["ckpt-ops", *tags],
    )


class AskedFor(StepOperator[R]):
    """A step that a person asked for: the records carry that name."""

    pipeline: Pipeline

    def actor(self, context: Context) -> str:
        """Who triggered the run."""
        return context["dag_run"].triggering_user_name or super().actor(context)

    def asked(self, context: Context) -> tuple[bool, str]:
        """Whether this is a dry run, and the reason. Raises `BadInput`: only a dry run needs no reason."""
        if context["params"]["dry_run"]:
            return True, _why(context)
        return False, self.reason(context, ", or as a dry run")

    def reason(self, context: Context, instead: str = "") -> str:
        """The reason. Raises `BadInput`: none is given.

        Args:
            instead: what a person may do without one.
        """
        why = _why(context)
        if not why:
            raise BadInput(
                "why",
                why,
                "a reason, for those who read the log later",
                next=f"trigger {self.dag_id} again with one{instead}",
            )
        return why


def _why(context: Context) -> str:
    return (context["params"]["why"] or "").strip()
