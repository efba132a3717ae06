"""A model with real checkpoints, small enough to need no TensorFlow: version 1 promoted, 2 refused."""

from __future__ import annotations

from typing import Any

import numpy as np

from ckpt_ops.checkpoints import BackgroundWriter, Manifest, Snapshot
from ckpt_ops.checkpoints.manifest import Segment
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Promoted,
    Rejected,
    SliceAccepted,
    SliceRef,
)
from ckpt_ops.store import LocalStore

MODEL = "flight_delay"
STEPS = (50, 100)
FROZEN = np.arange(500_000, dtype=np.float32)  # large enough to have a chunk of its own


def tensors(version: int, step: int) -> dict[str, np.ndarray[Any, Any]]:
    return {"model/frozen": FROZEN, "model/w": np.full(3, version * 1000 + step, np.float32)}


def manifest_name(version: int, step: int) -> str:
    return f"models/{MODEL}/v{version}/iter_num={step}/manifest-000001.json"


def save_history(store: LocalStore) -> None:
    """Two versions with checkpoints at `STEPS`, and a third that has just been started."""
    log = ModelLog(store, MODEL)
    for number, settled in ((1, Promoted), (2, Rejected), (3, None)):
        ref = SliceRef(key=f"2013-01-{6 + 7 * number:02}", revision=f"{number:016x}", rows=100)
        parent = None if number == 1 else 1
        log.append(SliceAccepted(slice=ref), after=log.state())
        started = CandidateStarted(
            version=number, candidate=f"{number:016x}", parent=parent, slices=(ref,), reason="newer"
        )
        log.append(started, after=log.state())
        if settled is None:
            return
        save_checkpoints(store, number)
        trained = CandidateTrained(
            version=number,
            step=STEPS[-1],
            stopped_by="max_steps",
            checkpoints=len(STEPS),
            manifest=manifest_name(number, STEPS[-1]),
            artifacts={},
        )
        log.append(trained, after=log.state())
        evaluated = Evaluated(version=number, champion=parent, passed=number == 1, metrics={}, verdicts=())
        log.append(evaluated, after=log.state())
        log.append(settled(version=number, champion=parent, reason="the gates"), after=log.state())


def save_checkpoints(store: LocalStore, number: int) -> None:
    attempt = CandidateLog(store, MODEL, number).start_attempt()

    def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
        return Manifest(
            model=MODEL,
            version=number,
            step=snapshot.step,
            parent=None,
            cursor={},
            slices=(),
            segments=segments,
        )

    with BackgroundWriter(
        store,
        describe=describe,
        name=lambda step: manifest_name(number, step),
        commit=lambda saved: attempt.commit(step=saved.step, manifest=saved.manifest),
    ) as writer:
        for step in STEPS:
            writer.submit(Snapshot(step=step, tensors=tensors(number, step)))
