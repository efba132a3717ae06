"""What a run does while a candidate is in shadow: both models predict its slice, and nothing trains on it.

Each step finds what an earlier run, or one that was killed, has done: predictions are in the store before
the log records them, and it records a revision once.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from ckpt_ops.candidates.proposal import plan_slice
from ckpt_ops.errors import LineageMoved
from ckpt_ops.lineage import Action, LineageState, ModelLog
from ckpt_ops.lineage.records import Record, ShadowScored, SliceRef
from ckpt_ops.lineage.shadow import InShadow, in_shadow
from ckpt_ops.lineage.state import scored_id
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Trained, Training
from ckpt_ops.shadow import predictions
from ckpt_ops.shadow.predicting import run_shadow_process
from ckpt_ops.store import Store


def score(
    pipeline: Pipeline,
    store: Store,
    log: ModelLog,
    state: LineageState,
    key: str,
    report: Callable[[str], None],
) -> InShadow | None:
    """Score what the run of slice `key` has to, and return how far the candidate in shadow has come.

    None when no candidate is in shadow, or the slice does not concern it: then the run goes on as usual.

    Args:
        state: as `log` was read.

    Raises:
        LineageMoved: a different candidate is in shadow by now, or none: a retry plans again.
        TrainingDied, ModelCodeError and more: as `run_shadow_process`.
    """
    found = in_shadow(state)
    if found is None or plan_slice(pipeline, state, key).action is not Action.SHADOW:
        return None
    number, wanted = found.version.version, found.to_score(key)
    if any(predictions.find(store, pipeline.name, number, ref) is None for ref in wanted):
        run_shadow_process(pipeline, store, number, key, report)
    for ref in wanted:
        _record(store, log, number, ref)
    now = in_shadow(log.state() if wanted else state)  # the scores were recorded after `state` was read
    if now is None or now.version.version != number:
        raise LineageMoved(
            f"version {number} of {pipeline.name} is not in shadow any more",
            safe="what was predicted is kept; the champion serves on",
            next="nothing: a retry plans again",
        )
    return now


def waiting(found: InShadow, key: str) -> Trained:
    """The result of the `train` step when the candidate stays in shadow: the run ends there."""
    return Trained(key=key, version=found.version.version, outcome=Training.SHADOW, why=found.message)


def _record(store: Store, log: ModelLog, version: int, ref: SliceRef) -> None:
    name = predictions.find(store, log.model, version, ref)
    if name is None:  # the slice was corrected as the process began, which predicted the current revision
        return
    rows = predictions.read(store, name).count
    record = ShadowScored(
        version=version, slice=ref, predictions=name, rows=rows, reason=f"{rows:,} rows of slice {ref.key}"
    )
    log.decide(partial(_once, record=record))


def _once(state: LineageState, record: ShadowScored) -> Record | None:
    return None if scored_id(record.version, record.slice) in state.scored else record
