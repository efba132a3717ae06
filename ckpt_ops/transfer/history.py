"""What a model of a new structure sees again of its history: a setting of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops import checks
from ckpt_ops.wire_names import wire


@wire("History")
@dataclass(frozen=True, kw_only=True)
class History:
    """Consumed slices that a candidate sees again when it begins with a transfer, beside its new ones.

    What `replay` asks for, and at most `max_steps` x `batch_size` rows more, are drawn evenly from these
    slices, none of them held out. The training's budget is larger by as many steps.

    Attributes:
        slices: how many, the newest; None: all.
        max_steps: besides those of the pipeline's budget.
    """

    slices: int | None = None
    max_steps: int

    def __post_init__(self) -> None:
        if self.slices is not None:
            checks.whole("History.slices", self.slices, allowed="a number of slices, 1 or more, or None: all")
        checks.whole("History.max_steps", self.max_steps)
