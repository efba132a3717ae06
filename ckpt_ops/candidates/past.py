"""Held-out rows of slices that were consumed before: what a candidate may have forgotten.

No model of the pipeline ever trained on them, so they evaluate champion and candidate alike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from ckpt_ops.candidates.evaluated_on import evaluated_on
from ckpt_ops.candidates.scored_rows import RowNumbers
from ckpt_ops.candidates.slice_rows import SliceRows, StoredRows, holdout_of
from ckpt_ops.evaluation import past_slices
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import Collected, Examples


@dataclass(frozen=True, kw_only=True, eq=False)
class PastExamples:
    """Held-out rows of some slices, one after the other; where they are very many, a draw of them.

    Attributes:
        refs: those slices, in that order.
        rows: how many rows of each there are.
        held_out: how many rows are held out of all slices.
        drawn: which of those there are, ascending; None: all of them.
    """

    examples: Examples
    refs: tuple[SliceRef, ...]
    rows: tuple[int, ...]
    held_out: int
    drawn: RowNumbers | None = None

    @property
    def slices(self) -> npt.NDArray[np.str_]:
        """The key of the slice that each row belongs to, shape (rows,)."""
        return np.repeat(np.array([ref.key for ref in self.refs], np.str_), self.rows)


def load_past(
    pipeline: Pipeline,
    store: Store,
    state: LineageState,
    version: VersionState,
    *,
    rows: SliceRows | None = None,
) -> PastExamples | None:
    """The rows that gates which look back ask for; None when no gate does, or nothing was consumed before.

    Args:
        rows: where slices are read; None: in the store.
    """
    rows = rows or StoredRows(pipeline, store)
    count = past_slices(pipeline.gates)
    chosen = choose(_both_consumed(state, version), count)
    collected, counts = Collected(0), []
    for ref in chosen:
        before = collected.rows
        for part in holdout_of(pipeline, rows, ref):
            collected.add(part)
        counts.append(collected.rows - before)
    if not collected.rows:
        return None
    evaluated = evaluated_on(collected.examples(), list(zip(chosen, counts, strict=True)))
    return PastExamples(
        examples=evaluated.examples,
        refs=tuple(chosen),
        rows=evaluated.counts,
        held_out=evaluated.held_out,
        drawn=evaluated.numbers,
    )


def _both_consumed(state: LineageState, version: VersionState) -> list[SliceRef]:
    """What candidate and champion were both trained on, in the order they were consumed.

    Of an ordinary candidate's own slices the champion knows nothing. It knows those of a retraining.
    """
    line = [ref for one in state.ancestry(version.parent) for ref in one.slices]
    if version.started.again is None:
        own = {ref.key for ref in version.slices}
        return [ref for ref in line if ref.key not in own]
    seen = {ref.key for one in state.ancestry(version.champion) for ref in one.slices}
    return list({ref.key: ref for ref in (*line, *version.slices) if ref.key in seen}.values())


def choose(consumed: Sequence[SliceRef], count: int) -> list[SliceRef]:
    """At most `count` slices, in the order they were consumed: half the newest, the others spread evenly.

    The first slice ever consumed is among them when `count` is two or more.
    """
    if count >= len(consumed):
        return list(consumed)
    newest = (count + 1) // 2
    spread = count - newest
    older = len(consumed) - newest
    at = np.unique(np.linspace(0, older - 1, spread).astype(int)) if spread else np.empty(0, int)
    return [consumed[place] for place in [*at.tolist(), *range(older, len(consumed))]] if count else []
