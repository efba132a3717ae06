"""Work that is shared out: a task makes the shares, and a task is mapped over each."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from ckpt_ops.pipeline.result_json import to_json
from ckpt_ops_airflow.operators import StepOperator

T = TypeVar("T")


def shares_in_xcom(shares: Sequence[Any]) -> list[dict[str, Any]]:
    """A list: Airflow maps a task over each."""
    return [to_json(share) for share in shares]


class ShareOperator(StepOperator[T]):
    """Does one share.

    Args:
        share: one of what the task before made, as XCom has it.
    """

    template_fields = ("share",)  # so that the UI shows it

    def __init__(self, *, share: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.share = share
