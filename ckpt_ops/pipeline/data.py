"""The rows of a candidate: new ones, replayed ones, and those held out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.user_code import make_examples
from ckpt_ops.slices import load_manifest, staged
from ckpt_ops.store import Store
from ckpt_ops.training import BatchOrder, Collected, Examples, holdout_mask
from ckpt_ops.training.replay import draw


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """What one candidate sees.

    Attributes:
        train: new and replayed rows, none of them held out.
        holdout: held-out rows of the candidate's slices, on which it is judged.
        newest: every row of its newest slice, in views of the above: the champion scores them before
            anything trains on them.
    """

    train: Examples
    holdout: Examples
    newest: tuple[Examples, ...]


def load_data(
    pipeline: Pipeline, store: Store, version: VersionState, consumed: Mapping[str, str]
) -> TrainingData:
    """Read and split the candidate's slices, and draw the replay from `consumed` (key to revision).

    A slice is read a row group at a time, and `examples()` makes arrays of it: what is held is the
    examples, not the slices.
    """
    old = _trainable(pipeline, store, consumed)
    sizes = {key: len(rows) for key, rows in old.items()}
    at_most = pipeline.replay.rows(new=version.rows, consumed=sum(sizes.values()))
    train, holdout = Collected(version.rows + at_most), Collected(version.rows)
    begun = (0, 0)
    for ref in version.slices:
        begun = (train.rows, holdout.rows)
        held = holdout_mask(revision=ref.revision, rows=ref.rows, share=pipeline.holdout)
        for table, start in _groups(pipeline, store, ref.key, ref.revision):
            mask = pa.array(held[start : start + table.num_rows])
            train.add(make_examples(pipeline, table.filter(pc.invert(mask))))
            holdout.add(make_examples(pipeline, table.filter(mask)))
    if not train.rows or not holdout.rows:
        keys = ", ".join(ref.key for ref in version.slices)
        raise ModelCodeError(
            f"{pipeline.examples} left {train.rows} rows of slice {keys} to train on and "
            f"{holdout.rows} to judge by",
            safe="nothing was trained; the champion serves on",
            next="look at which rows examples() drops",
        )
    newest = (slice(begun[0], train.rows), slice(begun[1], holdout.rows))
    wanted = pipeline.replay.rows(new=train.rows, consumed=sum(sizes.values()))
    for key, chosen in draw(sizes=sizes, rows=wanted, seed=_seed(version)).items():
        for part in _replayed(pipeline, store, key, consumed[key], rows=old[key][chosen]):
            train.add(part)
    pa.default_memory_pool().release_unused()  # what reading needed, training has no use for
    trained, judged = train.examples(), holdout.examples()
    return TrainingData(
        train=trained, holdout=judged, newest=(trained.take(newest[0]), judged.take(newest[1]))
    )


def consumed_before(state: LineageState, version: VersionState) -> dict[str, str]:
    """Revisions by key of what the parent's ancestry consumed."""
    return {ref.key: ref.revision for one in state.ancestry(version.parent) for ref in one.slices}


def batch_order(pipeline: Pipeline, version: VersionState, data: TrainingData) -> BatchOrder:
    """The order in which the candidate's training draws from `data.train`."""
    return BatchOrder(rows=data.train.rows, batch_size=pipeline.batch_size, seed=_seed(version))


def _seed(version: VersionState) -> int:
    return int(version.candidate[:8], 16)


def _trainable(
    pipeline: Pipeline, store: Store, consumed: Mapping[str, str]
) -> dict[str, npt.NDArray[np.int64]]:
    """By key, the numbers of the rows that were not held out."""
    trainable = {}
    for key, revision in consumed.items():
        rows = load_manifest(store, pipeline.source.name, key, revision).rows
        mask = holdout_mask(revision=revision, rows=rows, share=pipeline.holdout)
        trainable[key] = (~mask).nonzero()[0]
    return trainable


def _replayed(
    pipeline: Pipeline, store: Store, key: str, revision: str, *, rows: npt.NDArray[np.int64]
) -> Iterator[Examples]:
    """The rows, whose numbers ascend, of one slice."""
    for table, start in _groups(pipeline, store, key, revision):
        first, last = np.searchsorted(rows, (start, start + table.num_rows))
        if last > first:
            yield make_examples(pipeline, table.take(pa.array(rows[first:last] - start)))


def _groups(pipeline: Pipeline, store: Store, key: str, revision: str) -> Iterator[tuple[pa.Table, int]]:
    """The slice's rows, a row group at a time, each with the number of its first row."""
    start = 0
    with staged(store, load_manifest(store, pipeline.source.name, key, revision)) as rows:
        for batch in rows.batches():
            yield pa.Table.from_batches([batch]), start
            start += batch.num_rows
