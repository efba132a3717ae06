"""With which settings a candidate is trained: a retraining has a budget and rows of its own."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from ckpt_ops.checkpoints import EverySteps
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import Again, SliceRef
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.training import Budget, NoReplay, Replay, Workers


def trained_as(pipeline: Pipeline, again: Again | None) -> Pipeline:
    """The pipeline as a candidate is trained with it.

    A retraining sees every row of its slices that is not held out, so nothing is replayed beside them. A
    number of steps that a person asked for is all that ends it, so that it can be reproduced to the bit.

    Raises:
        BadInput: the pipeline cannot be trained for so few steps.
    """
    if again is None:
        return pipeline
    budget, save = pipeline.budget, pipeline.save
    if again.max_steps is not None:
        budget = Budget(max_steps=again.max_steps, max_seconds=math.inf)
        if isinstance(save, EverySteps):  # the last step is saved in any case
            save = EverySteps(min(save.steps, again.max_steps))
    return replace(pipeline, replay=NoReplay(), budget=budget, save=save)


def in_one_process(pipeline: Pipeline) -> Pipeline:
    """The pipeline as a rebase or a retraining trains with it: in one process, where others are `Workers`.

    Sums are taken in another order then, so the weights are others in their last bits: ids tell.
    """
    return replace(pipeline, distribution=None) if isinstance(pipeline.distribution, Workers) else pipeline


def seeing_history(pipeline: Pipeline, consumed: Mapping[str, str]) -> tuple[Pipeline, Mapping[str, str]]:
    """The pipeline, and what is replayed from, as a candidate that begins with a transfer is trained.

    Args:
        consumed: revisions by key of what its ancestors consumed.
    """
    history = pipeline.evolve.retrain
    if history is None:
        return pipeline, consumed
    budget = replace(pipeline.budget, max_steps=pipeline.budget.max_steps + history.max_steps)
    replay = _AndHistory(replay=pipeline.replay, at_most=history.max_steps * pipeline.batch_size)
    newest = sorted(consumed)[-(history.slices or len(consumed)) :]
    return replace(pipeline, budget=budget, replay=replay), {key: consumed[key] for key in newest}


_NUMBERED = 1 << 25
"""Rows whose numbers and order are arrays in memory: half a gigabyte while they are drawn."""


@dataclass(frozen=True, kw_only=True)
class _AndHistory:
    """So many rows besides those of `replay`. It is in no id: `Evolve.retrain` is."""

    replay: Replay
    at_most: int

    def rows(self, *, new: int, consumed: int) -> int:
        return min(consumed, self.replay.rows(new=new, consumed=consumed) + self.at_most)


def steps_of_a_pass(pipeline: Pipeline, slices: Sequence[SliceRef]) -> int:
    """How many steps a retraining takes at least.

    Held-out rows count as well: they are in memory beside the others, so that there are never more rows in
    memory than the steps of a retraining take.
    """
    return math.ceil(sum(ref.rows for ref in slices) / pipeline.batch_size)


def drawn_by_slice(pipeline: Pipeline, *, new: int, consumed: int) -> bool:
    """Whether a candidate has too many rows to number them in memory: they are drawn, and put into their
    order, row by row. Other rows are drawn then, so candidates' ids tell.

    Args:
        new: rows of its slices.
        consumed: rows of what its ancestors consumed. Held-out rows count in both.
    """
    return max(consumed, new + pipeline.replay.rows(new=new, consumed=consumed)) > _NUMBERED


def draws_by_slice(pipeline: Pipeline, state: LineageState, version: VersionState) -> bool:
    """As `drawn_by_slice`, of a version, as its id has it."""
    pipeline = trained_as(pipeline, version.started.again)
    return drawn_by_slice(pipeline, new=version.rows, consumed=rows_consumed(state, version.parent))


def rows_consumed(state: LineageState, parent: int | None) -> int:
    """Rows of what a version's ancestors consumed."""
    if parent == state.head:
        return state.line.rows
    return sum(ref.rows for one in state.ancestry(parent) for ref in one.slices)


def training_config(
    pipeline: Pipeline, again: Again | None, *, new: int = 0, consumed: int = 0
) -> dict[str, Any]:
    """What shapes the candidate's weights, as its id holds it: of an ordinary one, only the pipeline's.

    Args:
        new, consumed: rows, as `drawn_by_slice` takes them.
    """
    config = _training_config(pipeline, again)
    if drawn_by_slice(trained_as(pipeline, again), new=new, consumed=consumed):
        config["draws"] = "by slice"
    return config


def _training_config(pipeline: Pipeline, again: Again | None) -> dict[str, Any]:
    if again is None:
        return pipeline.training_config()
    config = replace(pipeline, replay=NoReplay()).training_config()
    if again.max_steps is not None:
        del config["budget"]  # it ends nothing
    return {**config, "again": {"max_steps": again.max_steps}}
