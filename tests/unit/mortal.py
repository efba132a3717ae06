"""A store whose process is killed at chosen writes, and a training that is a hash: histories in milliseconds.

The log, the planner, the rebase, the gates and the promotion are the real ones.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from typing import Any, TypeVar

import numpy as np
import pyarrow.parquet as pq
import pytest
from blake3 import blake3
from moments import kind_of

from ckpt_ops.candidates.opening import open_candidate, proposed
from ckpt_ops.candidates.recording import record_result
from ckpt_ops.candidates.session import final_manifest
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.evaluation import Basis, EvaluatedRows
from ckpt_ops.evaluation.report import plots
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionState
from ckpt_ops.lineage.records import CandidateStarted, Record, SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.rebase.progress import next_step
from ckpt_ops.retrain.process import proposed as retraining_proposed
from ckpt_ops.retrain.proposal import Asked
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import retrain as retraining
from ckpt_ops.shadow import predictions, scoring
from ckpt_ops.shadow.predicting import left_to_predict
from ckpt_ops.store import Entry, Store

T = TypeVar("T")


class Killed(BaseException):
    """The process is gone: nothing that catches errors sees it."""


@dataclass
class Mortal:
    """A store in memory whose process is killed at chosen writes: right before one, or right behind it."""

    deaths: dict[int, bool] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    kinds: list[str] = field(default_factory=list)
    said: dict[str, bytes] = field(default_factory=dict)
    url: str = "memory://"

    @contextmanager
    def _writing(self, name: str, data: bytes | memoryview = b"") -> Iterator[None]:
        self.kinds.append(kind_of(name, data))
        behind = self.deaths.get(len(self.kinds))
        if behind is False:
            raise Killed
        yield
        if behind:
            raise Killed

    def put(self, name: str, data: bytes | memoryview) -> None:
        with self._writing(name):
            self.objects[name] = bytes(data)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        with self._writing(name, data):
            if name in self.objects:
                return False
            self.objects[name] = self.said[name] = data
            return True

    def delete(self, name: str) -> None:
        with self._writing(name):
            self.objects.pop(name, None)

    def delete_unchanged(self, entry: Entry) -> bool:
        raise NotImplementedError

    def get(self, name: str) -> bytes:
        try:
            return self.objects[name]
        except KeyError:
            raise ObjectNotFound(f"no object {name}") from None

    def get_range(self, name: str, start: int, length: int) -> bytes:
        return self.get(name)[start : start + length]

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        for name in sorted(name for name in self.objects if name.startswith(prefix) and name >= start):
            yield Entry(name=name, size=len(self.objects[name]), fingerprint="", updated=0.0)


# --- training, as a hash ------------------------------------------------------------------------


def trained_as_a_hash(
    pipeline: Pipeline, store: Store, wanted: CandidateStarted, propose: Callable[..., Any]
) -> int:
    """What `TrainingSession.attempt` does, with a hash in the place of a model."""
    log = ModelLog(store, pipeline.name)
    state = log.state()
    version = state.versions.get(wanted.version) or VersionState.opened(wanted)
    if CandidateLog(store, pipeline.name, version.version).progress().result is not None:
        return version.version
    version = open_candidate(log, wanted, propose)
    folder = f"models/{pipeline.name}/v{version.version}"
    attempt = CandidateLog(store, pipeline.name, version.version).start_attempt()
    parent = final_manifest(state, version.parent)
    consumed = blake3(store.get(parent.name) if parent else b"nothing")
    consumed.update(version.candidate.encode())
    for ref in version.slices:
        consumed.update(f"{ref.key} {ref.revision}".encode())
    manifest = f"{folder}/iter_num=1/manifest-{attempt.token:06d}.json"
    store.put(manifest, consumed.digest())
    attempt.commit(step=1, manifest=manifest)
    sink = io.BytesIO()
    pq.write_table(perfect(version.slices[-1]).to_table(), sink)
    store.put(f"{folder}/attempt={attempt.token:06d}/predictions.parquet", sink.getvalue())
    store.put(f"{folder}/attempt={attempt.token:06d}/export/saved_model.pb", b"x")
    attempt.end(
        {
            "outcome": "trained",
            "step": 1,
            "stopped_by": "max_steps",
            "artifacts": {
                "predictions": f"{folder}/attempt={attempt.token:06d}/predictions.parquet",
                "export": f"{folder}/attempt={attempt.token:06d}/export",
            },
        }
    )
    return version.version


def perfect(ref: SliceRef, **more: Any) -> EvaluatedRows:
    """Predictions that pass every gate."""
    label = np.array([0.0, 1.0, 0.0, 1.0])
    return EvaluatedRows(label=label, candidate=label, champion=label, slice_key=ref.key, rows="x", **more)


@contextmanager
def training_as_a_hash() -> Iterator[None]:
    """While a block runs, no process starts: trainings are hashes, predictions perfect ones."""

    def train(pipeline: Pipeline, store: Store, version: int, key: str, report: object) -> int:
        propose = partial(proposed, pipeline, key=key)
        wanted = propose(ModelLog(store, pipeline.name).state())
        assert wanted is not None
        return trained_as_a_hash(pipeline, store, wanted, propose)

    def replay(pipeline: Pipeline, store: Store, version: int, report: object) -> list[int]:
        propose = partial(next_step, pipeline)
        log, trained = ModelLog(store, pipeline.name), []
        while (wanted := propose(log.state())) is not None:
            trained.append(trained_as_a_hash(pipeline, store, wanted, propose))
            record_result(log, store, trained[-1])
        return trained

    def retrain(pipeline: Pipeline, store: Store, version: int, asked: Asked, report: object) -> int:
        propose = partial(retraining_proposed, pipeline, asked)
        return trained_as_a_hash(pipeline, store, propose(ModelLog(store, pipeline.name).state()), propose)

    def predict(pipeline: Pipeline, store: Store, version: int, key: str, report: object) -> list[str]:
        state = ModelLog(store, pipeline.name).state()
        due = left_to_predict(store, state, version, key)
        for ref in due:
            predictions.write(store, pipeline.name, version, ref, perfect(ref, basis=Basis.SHADOW))
        return [ref.key for ref in due]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(plots, "_png", lambda draw, *, width, height: b"")  # takes most of an evaluation
        patch.setattr("ckpt_ops.runs.train.run_training_process", train)
        patch.setattr(rebasing, "run_replay_process", replay)
        patch.setattr(retraining, "run_retrain_process", retrain)
        patch.setattr(scoring, "run_shadow_process", predict)
        yield


def accept(pipeline: Pipeline, store: Store, key: str, content: int) -> None:
    ref = SliceRef(key=key, revision=f"{key}{content}", rows=10)

    def choose(state: LineageState) -> Record | None:
        known = state.slices.get(key)
        if ref.id in state.settled or (known is not None and known.ref == ref):
            return None
        return SliceAccepted(slice=ref)

    ModelLog(store, pipeline.name).decide(choose)


def until_done(do: Callable[[], T]) -> T:
    """Airflow's retries: the same again, by a process that knows nothing of the one before."""
    for _ in range(100):
        try:
            return do()
        except Killed:
            continue
    raise AssertionError("it dies for ever")


def weights_of(store: Store, state: LineageState) -> bytes:
    manifest = final_manifest(state, state.head)
    return store.get(manifest.name) if manifest else b""
