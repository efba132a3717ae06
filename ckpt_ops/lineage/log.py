"""A model's log: compare-and-append."""

from __future__ import annotations

from collections.abc import Callable

from ckpt_ops.errors import LineageMoved
from ckpt_ops.lineage.fold import fold
from ckpt_ops.lineage.numbered import NumberedEntries
from ckpt_ops.lineage.records import Record, decode, encode
from ckpt_ops.lineage.state import LineageState
from ckpt_ops.store import Store

_ATTEMPTS = 64


class ModelLog:
    """The lineage of `model` in `store`.

    Truth changes only by `append`. Whoever decides something reads the state, decides, and appends
    at the sequence number the state was read at; if another was first, the decision is void.
    """

    def __init__(self, store: Store, model: str) -> None:
        self.model = model
        self._entries = NumberedEntries(store, f"models/{model}/log", digits=12)

    def records(self) -> list[Record]:
        """Every record, first to last."""
        return [
            decode(data, name=self._entries.name(number))
            for number, data in enumerate(self._entries.read(), start=1)
        ]

    def state(self) -> LineageState:
        """What the records so far add up to."""
        return fold(self.model, self.records())

    def append(self, record: Record, *, after: LineageState) -> None:
        """Append behind the state `after`. Raises `LineageMoved` when another writer was first."""
        number = after.sequence + 1
        if not self._entries.append(number, encode(record)):
            raise LineageMoved(
                f"the log of {self.model} has moved: entry {number} was written by another "
                f"while {type(record).__name__} was decided on {after.sequence} entries",
                safe="the other writer's entry stands; this one was not written",
                next="read the state again and decide again (a retry of the task does that)",
            )

    def decide(self, choose: Callable[[LineageState], Record | None]) -> LineageState:
        """Append what `choose` makes of the current state, choosing again whenever the log moved.

        `choose` returns None when there is nothing to say: that is what makes a step idempotent.
        Returns the state that includes the record.
        """
        for _ in range(_ATTEMPTS):
            state = self.state()
            record = choose(state)
            if record is None:
                return state
            try:
                self.append(record, after=state)
            except LineageMoved:
                continue
            return self.state()
        raise LineageMoved(
            f"the log of {self.model} moved {_ATTEMPTS} times in a row",
            safe="nothing of this step was written",
            next="look for a runaway writer with `ckpt-ops log` and run the step again",
        )
