"""What a model of a new structure sees again of its history: a setting of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops import checks
from ckpt_ops.wire_names import wire


@wire("History")
@dataclass(frozen=True, kw_only=True)
class History:
    """Consumed slices that a candidate sees again, beside its new ones, when it begins with a transfer.

    The rows that `replay` asks for, and at most `max_steps` x `batch_size` more, are drawn evenly from these
    slices. None of them is held out. The training's budget grows by `max_steps`.

    Attributes:
        slices: the number of slices, the newest ones; None: all.
        max_steps: steps beyond those of the pipeline's budget.
    """

    slices: int | None = None
    max_steps: int

    def __post_init__(self) -> None:
        if self.slices is not None:
            checks.whole("History.slices", self.slices, allowed="a number of slices, 1 or more, or None: all")
        checks.whole("History.max_steps", self.max_steps)
