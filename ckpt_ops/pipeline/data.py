"""The rows of a candidate: new ones, replayed ones, and those held out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.errors import ModelCodeError
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.user_code import make_examples
from ckpt_ops.slices import load_manifest, read_slice
from ckpt_ops.store import Store
from ckpt_ops.training import BatchOrder, Examples, concatenate, holdout_mask
from ckpt_ops.training.replay import draw


@dataclass(frozen=True, kw_only=True, eq=False)
class TrainingData:
    """What one candidate sees.

    Attributes:
        train: new and replayed rows, none of them held out.
        holdout: held-out rows of the candidate's slices, on which it is judged.
        newest: every row of its newest slice: the champion scores them before anything trains on them.
    """

    train: Examples
    holdout: Examples
    newest: Examples


def load_data(
    pipeline: Pipeline, store: Store, version: VersionState, consumed: Mapping[str, str]
) -> TrainingData:
    """Read and split the candidate's slices, and draw the replay from `consumed` (key to revision)."""
    train, holdout = [], []
    newest = pa.table({})
    for ref in version.slices:
        newest = _table(pipeline, store, ref.key, ref.revision)
        held = pa.array(holdout_mask(revision=ref.revision, rows=newest.num_rows, share=pipeline.holdout))
        train.append(make_examples(pipeline, newest.filter(pc.invert(held))))
        holdout.append(make_examples(pipeline, newest.filter(held)))
    new_rows = sum(part.rows for part in train)
    if not new_rows or not sum(part.rows for part in holdout):
        keys = ", ".join(ref.key for ref in version.slices)
        raise ModelCodeError(
            f"{pipeline.examples} left {new_rows} rows of slice {keys} to train on and "
            f"{sum(part.rows for part in holdout)} to judge by",
            safe="nothing was trained; the champion serves on",
            next="look at which rows examples() drops",
        )
    train += _replayed(pipeline, store, consumed, new_rows=new_rows, seed=_seed(version))
    return TrainingData(
        train=concatenate(train), holdout=concatenate(holdout), newest=make_examples(pipeline, newest)
    )


def consumed_before(state: LineageState, version: VersionState) -> dict[str, str]:
    """Revisions by key of what the parent's ancestry consumed."""
    return {ref.key: ref.revision for one in state.ancestry(version.parent) for ref in one.slices}


def batch_order(pipeline: Pipeline, version: VersionState, data: TrainingData) -> BatchOrder:
    """The order in which the candidate's training draws from `data.train`."""
    return BatchOrder(rows=data.train.rows, batch_size=pipeline.batch_size, seed=_seed(version))


def _seed(version: VersionState) -> int:
    return int(version.candidate[:8], 16)


def _replayed(
    pipeline: Pipeline, store: Store, consumed: Mapping[str, str], *, new_rows: int, seed: int
) -> list[Examples]:
    trainable = {}
    for key, revision in consumed.items():
        rows = load_manifest(store, pipeline.source.name, key, revision).rows
        mask = holdout_mask(revision=revision, rows=rows, share=pipeline.holdout)
        trainable[key] = (~mask).nonzero()[0]
    sizes = {key: len(rows) for key, rows in trainable.items()}
    wanted = pipeline.replay.rows(new=new_rows, consumed=sum(sizes.values()))
    parts = []
    for key, chosen in draw(sizes=sizes, rows=wanted, seed=seed).items():
        table = _table(pipeline, store, key, consumed[key]).take(pa.array(trainable[key][chosen]))
        parts.append(make_examples(pipeline, table))
    return parts


def _table(pipeline: Pipeline, store: Store, key: str, revision: str) -> pa.Table:
    return read_slice(store, load_manifest(store, pipeline.source.name, key, revision))
