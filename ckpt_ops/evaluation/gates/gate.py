"""What a gate is, and which rows a list of gates needs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Protocol, runtime_checkable

from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.verdicts import Verdict


@runtime_checkable
class Gate(Protocol):
    """What a gate has to provide; users may write their own as frozen dataclasses.

    A gate that looks at rows group by group names their column in an attribute `column`; one that needs rows
    of slices consumed before has their number in an attribute `past_slices`. One that does not measure what
    the model learned, such as how fast its export is, has an attribute `on_quality` that is False: no slice
    is blamed when it rejects.

    One with an attribute `output` is shown that output of the model, or the only one where it is None; one
    without gets all of them, as `ckpt_ops.outputs` has them. One that does not take k labels of a row
    together has an attribute `one_label` that is True.
    """

    @property
    def name(self) -> str:
        """The gate's kind, as summaries show it."""
        ...

    @property
    def absolute(self) -> bool:
        """Whether it bounds the candidate's own quality: a first version needs a gate that does."""
        ...

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        """Pass, reject, or report that the gate does not apply. The same input gives the same verdict."""
        ...


def segment_columns(gates: Iterable[Gate]) -> tuple[str, ...]:
    """The columns that the gates look at group by group, each once, in the order of the gates."""
    columns = (getattr(gate, "column", None) for gate in gates)
    return tuple(dict.fromkeys(column for column in columns if isinstance(column, str)))


def past_slices(gates: Iterable[Gate]) -> int:
    """How many past slices the gates need rows of; 0: none."""
    return max((int(getattr(gate, "past_slices", 0)) for gate in gates), default=0)
