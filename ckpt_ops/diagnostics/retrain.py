"""Training a version again without a trace: nothing is recorded, and nothing is written to the store.

The weights of a version follow from its lineage: its slices and its parent's, and its candidate id, from
which the batches and the replay are drawn. Where code, settings and libraries are the same too, the result
is the same to the bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from ckpt_ops.candidates.attempt import print_progress
from ckpt_ops.candidates.data import (
    TrainingData,
    batch_order,
    running_average,
)
from ckpt_ops.candidates.early_stopping import lookout
from ckpt_ops.candidates.prepared import loaded
from ckpt_ops.candidates.proposal import candidate_of
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.candidates.settings import in_one_process
from ckpt_ops.checkpoints import Manifest, Position, load_manifest
from ckpt_ops.errors import CkptOpsError, ObjectNotFound, TrainingDied
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import CandidateTrained
from ckpt_ops.pipeline.code.digests import Digests, digests_of, installed
from ckpt_ops.pipeline.code.own import is_code_of_today
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.training import Budget, Trainer
from ckpt_ops.training.trainer import Trained
from ckpt_ops.worker import Ended

NOTHING_WRITTEN = "nothing was written to the store; the champion serves on"


def died_without_a_trace(what: str) -> Callable[[Ended], CkptOpsError]:
    """For `run_work`: the error for a process that writes nothing and ended without an answer."""

    def died(ended: Ended) -> CkptOpsError:
        return TrainingDied(
            f"{what} {ended.message}", safe=NOTHING_WRITTEN, next=f"the whole log is {ended.log}"
        )

    return died


def retrain(
    session: TrainingSession, state: LineageState, version: VersionState, *, transferred: bool = False
) -> Trained:
    """Train `version` from the model's current values, which have to be its parent's.

    A trained version takes its recorded number of steps, whatever ended them; one that was never trained
    takes the pipeline's budget.

    Args:
        transferred: it begins with a transfer, though its record says nothing of one.

    Raises:
        ObjectNotFound: a slice revision that it consumed is gone.
        ModelCodeError: the user's functions did not take the slices.
    """
    if version.trained is not None:
        transferred = transferred or "transfer" in version.trained.artifacts
    pipeline, data = loaded(session, state, version, transferred=transferred)
    budget = pipeline.budget if version.trained is None else steps_of(version.trained)
    return fit(session, version, data, budget, pipeline)


def steps_of(trained: CandidateTrained) -> Budget:
    """The recorded steps, whatever ended them: only the number of steps is the same on every machine."""
    return Budget(max_steps=trained.step, max_seconds=math.inf)


def fit(
    session: TrainingSession,
    version: VersionState,
    data: TrainingData,
    budget: Budget,
    pipeline: Pipeline | None = None,
) -> Trained:
    """Train `version` on loaded data, from the model's current values, and save nothing.

    Args:
        pipeline: with the settings that the version is trained with; None: the session's.
    """
    pipeline = pipeline or session.pipeline
    if version.parent is not None:
        session.assign(
            session.rates
        )  # as for every candidate: its parent may have ended with a different rate
    session.begin()
    order = batch_order(pipeline, version, data)
    return Trainer(
        model=session.model,
        examples=data.learn,
        order=order,
        budget=budget,
        checkpoints=_Unsaved(),
        progress=print_progress,
        average=running_average(pipeline, session.variables, order),
        lookout=lookout(pipeline, session.model, session.variables, data, session.replicas),
        step=session.step,
        replicas=session.replicas,
    ).train()


def kept_checkpoint(store: Store, state: LineageState, version: VersionState) -> Manifest | None:
    """The checkpoint that the version ended with; None when retention removed it, or there never was one."""
    if version.trained is None or version.version in state.dropped:
        return None
    try:
        return load_manifest(store, version.trained.final)
    except ObjectNotFound:
        return None


def changed(
    pipeline: Pipeline, state: LineageState, version: VersionState, manifest: Manifest | None
) -> dict[str, str]:
    """What would change the version's weights today; empty when it would be the same candidate.

    Args:
        manifest: of one of its checkpoints, which records the code and libraries that trained it.

    Returns:
        Texts, by "code", "libraries", "settings" and "workers"; by "any" what cannot be told apart.
    """
    now = digests_of(pipeline)
    if _id_of(pipeline, state, version, now) == version.candidate:
        return _by_several(manifest)
    if manifest is None:
        return {"any": "its code, settings or libraries; the manifest that records them is not kept"}
    found = {}
    if not is_code_of_today(pipeline, manifest.code_digest):
        found["code"] = f"the model's code (digest {manifest.code_digest} then, {now.code} now)"
    if manifest.lock_digest != now.lock:
        found["libraries"] = _libraries(manifest, now)
    then = Digests(code=manifest.code_digest, lock=manifest.lock_digest)
    if _id_of(pipeline, state, version, then) != version.candidate:
        names = ", ".join(sorted(pipeline.training_config()))
        found["settings"] = (
            f"a setting of the pipeline that shapes weights (one of {names}), or the log's record"
        )
    return found | _by_several(manifest)


def _by_several(manifest: Manifest | None) -> dict[str, str]:
    """What is trained again is so in one process: equal to what several trained within rounding."""
    placement = None if manifest is None else manifest.placement
    if placement is None or placement.strategy != "MultiWorkerMirroredStrategy":
        return {}
    return {"workers": f"the number of processes ({placement.replicas} replicas then, one process now)"}


def _id_of(pipeline: Pipeline, state: LineageState, version: VersionState, digests: Digests) -> str:
    """The id that the version would have with today's settings and this code."""
    again = version.started.again
    if again is not None or version.started.replaces is not None:
        pipeline = in_one_process(pipeline)
    return candidate_of(pipeline, state, version.parent, version.slices, digests=digests, again=again)


def _libraries(manifest: Manifest, now: Digests) -> str:
    """Which of them are different, where the manifest says which there were."""
    then, today = (dict(one.split("==", 1) for one in each) for each in (manifest.libraries, installed()))
    apart = [
        f"{name} {then.get(name, 'absent')} then, {today.get(name, 'absent')} now"
        for name in sorted(then.keys() | today.keys())
        if then.get(name) != today.get(name)
    ]
    if not manifest.libraries or not apart:
        return f"Python or its libraries (digest {manifest.lock_digest} then, {now.lock} now)"
    return f"Python or its libraries ({'; '.join(apart)})"


class _Unsaved:
    """Takes the place of a checkpointer, and saves nothing."""

    stopping = False
    saved_step = -1
    stall_seconds = 0.0
    save_every = None

    def __init__(self) -> None:
        self.at = Position()

    def after_step(
        self, step: int, *, seconds: float, cursor: Mapping[str, int], metrics: Mapping[str, Any]
    ) -> None:
        self.at = Position(step=step, seconds=seconds, cursor=cursor, metrics=metrics)

    def finish(self) -> None:
        """Nothing is kept."""
