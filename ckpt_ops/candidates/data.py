"""The rows of a candidate: new ones, replayed ones, and those held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from ckpt_ops.candidates.evaluated_on import evaluated_on
from ckpt_ops.candidates.made_rows import MadeRows, made_rows
from ckpt_ops.candidates.scored_rows import RowNumbers
from ckpt_ops.candidates.slice_rows import SliceRows, StoredRows
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import BatchOrder, Collected, Examples, Latest, RunningAverage
from ckpt_ops.training.replay import draw

_BLOCK = 1 << 20


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """The rows of one candidate.

    Attributes:
        train: new and replayed rows, none of them held out.
        learn: those of `train` that steps draw from: all but those that `stop_early` sets apart.
        apart: the rows set apart; None without `stop_early`.
        holdout: held-out rows of the candidate's slices, on which it is evaluated.
        held_out: every held-out row; those of `holdout`, unless they are so many that it is a draw.
        slices: by key, where each of its slices lies in `train` and in `held_out`: the champion scores
            every row of it before anything trains on it.
        drawn: by key, which rows of the slice in `held_out` are in `holdout`; a slice that is not there has
            all of them in it.
        by_slice: rows are too many to be numbered in memory: see `settings.draws_by_slice`.
    """

    train: Examples
    holdout: Examples
    held_out: Examples
    slices: Mapping[str, tuple[slice, slice]]
    learn: Examples
    apart: Examples | None = None
    by_slice: bool = False
    drawn: Mapping[str, RowNumbers] = field(default_factory=dict)


def load_data(
    pipeline: Pipeline,
    store: Store,
    version: VersionState,
    consumed: Mapping[str, str],
    *,
    rows: SliceRows | None = None,
    code: str = "",
    by_slice: bool = False,
    counted: Mapping[str, int] | None = None,
) -> TrainingData:
    """Read and split the candidate's slices, and draw the replay from `consumed` (key to revision).

    A slice is read a row group at a time, and `examples()` makes columns of it, which lie in files of the
    scratch folder where they are large.

    Args:
        rows: where slices are read; None: in the store.
        code: digest of the pipeline's code as it was imported; with it, what was made of a slice before is
            used again, and kept. "": neither.
        by_slice: as `settings.draws_by_slice` says of the version.
        counted: rows of what was consumed, by key, as the log has them; None: the store is asked.
    """
    made = made_rows(pipeline, rows or StoredRows(pipeline, store), code=code)
    sizes = replay_sizes(made, consumed, counted or {})
    at_most = pipeline.replay.rows(new=version.rows, consumed=sum(sizes.values()))
    train, holdout = Collected(version.rows + at_most), Collected(version.rows)
    slices = {}
    for ref in version.slices:
        before = (train.rows, holdout.rows)
        made.split(ref, train=train, holdout=holdout)
        slices[ref.key] = (slice(before[0], train.rows), slice(before[1], holdout.rows))
    if not train.rows or not holdout.rows:
        keys = ", ".join(ref.key for ref in version.slices)
        raise ModelCodeError(
            f"{pipeline.examples} left {train.rows} rows of slice {keys} to train on and "
            f"{holdout.rows} to evaluate on",
            safe="nothing was trained; the champion serves on",
            next=_what_to_look_at(pipeline),
        )
    wanted = pipeline.replay.rows(new=train.rows, consumed=sum(sizes.values()))
    drawn = draw(sizes=sizes, rows=wanted, seed=_seed(version), by_slice=by_slice)
    for key, chosen in drawn.items():
        for part in made.drawn(key, consumed[key], chosen):
            train.add(part)
    pa.default_memory_pool().release_unused()  # training has no use for what reading needed
    whole = train.examples()
    learn, apart = whole, None
    if pipeline.stop_early is not None:
        looked_at = pipeline.stop_early.set_apart(whole, seed=_seed(version), keyed=by_slice)
        learn, apart = _where(whole, ~looked_at), _where(whole, looked_at)
    held_out = holdout.examples()
    counts = [held.stop - held.start for _, held in slices.values()]
    evaluated = evaluated_on(held_out, list(zip(version.slices, counts, strict=True)))
    return TrainingData(
        train=whole,
        holdout=evaluated.examples,
        held_out=held_out,
        slices=slices,
        learn=learn,
        apart=apart,
        by_slice=by_slice,
        drawn={key: rows for key, rows in zip(slices, evaluated.by_slice, strict=True) if rows is not None},
    )


def replay_sizes(made: MadeRows, consumed: Mapping[str, str], counted: Mapping[str, int]) -> dict[str, int]:
    """By key, how many rows of what was consumed may be drawn again: those that are not held out."""
    return {key: made.trainable(key, of, rows=counted.get(key)) for key, of in consumed.items()}


def _where(examples: Examples, chosen: npt.NDArray[np.bool_]) -> Examples:
    """The rows where `chosen`, shape (rows,), is True."""
    found = Collected(examples.rows)
    for start in range(0, examples.rows, _BLOCK):
        found.add(examples.take(start + np.flatnonzero(chosen[start : start + _BLOCK])))
    return found.examples()


def consumed_before(state: LineageState, version: VersionState) -> Mapping[str, str]:
    """Revisions by key of what the parent's ancestry consumed."""
    return {ref.key: ref.revision for one in state.ancestry(version.parent) for ref in one.slices}


def counted_before(state: LineageState, version: VersionState) -> Mapping[str, int]:
    """Rows by key of what the parent's ancestry consumed."""
    return {ref.key: ref.rows for one in state.ancestry(version.parent) for ref in one.slices}


def batch_order(pipeline: Pipeline, version: VersionState, data: TrainingData) -> BatchOrder:
    """The order in which the candidate's training draws from `data.learn`."""
    return BatchOrder(
        rows=data.learn.rows, batch_size=pipeline.batch_size, seed=_seed(version), keyed=data.by_slice
    )


def running_average(
    pipeline: Pipeline, variables: Mapping[str, Any], order: BatchOrder, *, at: int = 0
) -> RunningAverage | None:
    """The average that becomes the candidate at the end of its training, or None.

    Args:
        at: the step at which training resumes.
    """
    if pipeline.average is None:
        return None
    last = pipeline.budget.last_step(steps_per_epoch=order.steps_per_epoch)
    return RunningAverage(pipeline.average, variables, last=last, at=at)


def _what_to_look_at(pipeline: Pipeline) -> str:
    drops = "check which rows examples() drops"
    if isinstance(pipeline.holdout, Latest):
        by = pipeline.holdout.by
        return f"{drops}, and column {by}: where all rows have the same value, or none, no row is the newest"
    return drops


def _seed(version: VersionState) -> int:
    return int(version.candidate[:8], 16)
