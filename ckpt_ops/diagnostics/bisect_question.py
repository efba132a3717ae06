"""Which slice broke it: the question, its rows, and the answer of a bisect.

`bisect` measures; it restores or trains a model for each point, and writes nothing to the store.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import metric_of_key
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import SliceRef


@dataclass(frozen=True, kw_only=True)
class Question:
    """When a version counts as wrong.

    Attributes:
        metric: by the name that gates give it; of an output `click:auc`.
        below, above: wrong is a value below, or above, this one; exactly one of the two.
        on: key of the slice on whose held-out rows it is measured; None: the newest that the head consumed.
    """

    metric: str
    below: float | None = None
    above: float | None = None
    on: str | None = None

    def __post_init__(self) -> None:
        better = "larger" if metric_of_key(self.metric).higher_is_better else "smaller"
        right, other = ("below", "above") if better == "larger" else ("above", "below")
        if getattr(self, other) is not None or getattr(self, right) is None:
            options = {"--below": self.below, "--above": self.above}
            given = ", ".join(f"{name} {value:g}" for name, value in options.items() if value is not None)
            allowed = f"--{right} X and no --{other}: {self.metric} is better when it is {better}"
            raise BadInput("bound", given or None, allowed)
        checks.number(right, self.bound, allowed="a number")

    @property
    def bound(self) -> float:
        bound = self.above if self.below is None else self.below
        return math.nan if bound is None else bound

    @property
    def side(self) -> str:
        """On which side of the bound it is wrong: "below" or "above"."""
        return "above" if self.below is None else "below"

    def wrong(self, value: float | None) -> bool:
        """Whether a value is on the wrong side; None, for no number, is."""
        if value is None:
            return True
        return value > self.bound if self.below is None else value < self.bound


def measured_on(state: LineageState, question: Question) -> SliceRef:
    """The slice whose held-out rows are measured: no version of the head's history trained on them.

    Raises:
        BadInput: the model has no head, or there is no such slice.
    """
    if state.head is None:
        raise BadInput("model", state.model, "a model with a version in production")
    key = state.newest_consumed if question.on is None else question.on
    if key is not None and key in state.consumed:
        return state.consumed[key]
    pending = {ref.key: ref for ref in state.pending()}
    if key is None or key not in pending:
        known = ", ".join(sorted({*state.consumed, *pending}))
        raise BadInput("on", key, f"a slice that the head consumed, or that is pending: {known}")
    return pending[key]


@dataclass(frozen=True, kw_only=True)
class Found:
    """Where it went wrong.

    Attributes:
        version: the first version on the wrong side; `parent`: the one before it, or None.
        consumed: every slice that `version` consumed.
        culprit: the slice after which it went wrong.
        before, after: the metric without and with `culprit`; None for no number, or for `before` also when
            there was nothing before.
    """

    version: int
    parent: int | None
    consumed: tuple[SliceRef, ...]
    culprit: SliceRef
    before: float | None
    after: float | None

    def message(self, question: Question, on: SliceRef) -> str:
        """The verdict."""
        measured = f"{question.metric} on the held-out rows of {on.key}"
        after, number = describe(self.after), self.consumed.index(self.culprit)
        of = f"slice {self.culprit.key}, revision {self.culprit.revision}"
        if number == 0 and self.parent is None:
            text = f"{measured} was {after} from the start: after version {self.version}, the first, "
            return text + (
                f"which consumed {of}" if len(self.consumed) == 1 else f"as soon as it consumed {of}"
            )
        before = describe(self.before)
        if len(self.consumed) == 1:
            return (
                f"{measured} was {before} after version {self.parent} and {after} after version "
                f"{self.version}, which consumed {of}"
            )
        last = f"version {self.parent}" if number == 0 else f"{number} of its {len(self.consumed)} slices"
        return (
            f"{measured} first went wrong in version {self.version}, which consumed {len(self.consumed)} "
            f"slices at once: it was {before} after {last} and {after} with the next, {of}"
        )


def describe(value: float | None) -> str:
    """A metric's value for people."""
    return "no number" if value is None else f"{value:.4f}"
