"""Order does not matter: whatever arrives when, is corrected, withdrawn, said twice, or dies at any write.

The log, the store, the planner, the rebase, the gates and the promotion are the real ones. Training is a
hash over the parent's weights and what is learned, in the place of the process that would import
TensorFlow; tests/integration/test_rebase.py does the same to a real model.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from blake3 import blake3
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.evaluation import AtLeast, Judged
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionState
from ckpt_ops.lineage.rebase import plan_rebase
from ckpt_ops.lineage.records import CandidateStarted, Record, SliceAccepted, SliceRef
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline import Pipeline, load_pipeline, steps
from ckpt_ops.pipeline.attempt import final_manifest
from ckpt_ops.pipeline.candidate import open_candidate, proposed
from ckpt_ops.pipeline.rebase import rebasing
from ckpt_ops.pipeline.rebase.way import next_step
from ckpt_ops.pipeline.recording import record_result
from ckpt_ops.serving import resolve, withdraw
from ckpt_ops.store import Entry, Store

KEYS = ["a", "b", "c", "d", "e"]


class Killed(BaseException):
    """The process is gone: nothing that catches errors sees it."""


@dataclass
class Mortal:
    """A store in memory whose process is killed at chosen writes: right before one, or right behind it."""

    deaths: dict[int, bool] = field(default_factory=dict)
    objects: dict[str, bytes] = field(default_factory=dict)
    writes: int = 0
    said: dict[str, bytes] = field(default_factory=dict)
    url: str = "memory://"

    @contextmanager
    def _writing(self) -> Iterator[None]:
        self.writes += 1
        behind = self.deaths.get(self.writes)
        if behind is False:
            raise Killed
        yield
        if behind:
            raise Killed

    def put(self, name: str, data: bytes | memoryview) -> None:
        with self._writing():
            self.objects[name] = bytes(data)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        with self._writing():
            if name in self.objects:
                return False
            self.objects[name] = self.said[name] = data
            return True

    def delete(self, name: str) -> None:
        with self._writing():
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
        for name in sorted(self.objects):
            if name.startswith(prefix) and name >= start:
                yield Entry(name=name, size=len(self.objects[name]), fingerprint="", updated=0.0)


# --- training, as a hash ------------------------------------------------------------------------


def _trained(pipeline: Pipeline, store: Store, wanted: CandidateStarted, propose: Callable[..., Any]) -> int:
    """What `Bench.attempt` does, with a hash in the place of a model."""
    log = ModelLog(store, pipeline.name)
    state = log.state()
    version = state.versions.get(wanted.version) or VersionState.opened(wanted)
    if CandidateLog(store, pipeline.name, version.version).progress().result is not None:
        return version.version
    version = open_candidate(log, wanted, propose)
    folder = f"models/{pipeline.name}/v{version.version}"
    attempt = CandidateLog(store, pipeline.name, version.version).start_attempt()
    parent = final_manifest(state, version.parent)
    learned = blake3(store.get(parent) if parent else b"nothing")
    learned.update(version.candidate.encode())
    for ref in version.slices:
        learned.update(f"{ref.key} {ref.revision}".encode())
    manifest = f"{folder}/iter_num=1/manifest-{attempt.token:06d}.json"
    store.put(manifest, learned.digest())
    attempt.commit(step=1, manifest=manifest)
    label = np.array([0.0, 1.0, 0.0, 1.0])
    judged = Judged(label=label, candidate=label, champion=label, slice_key=version.slices[-1].key, rows="x")
    sink = io.BytesIO()
    pq.write_table(judged.to_table(), sink)
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


@pytest.fixture(scope="module", autouse=True)
def training_as_a_hash() -> Iterator[None]:
    def train(pipeline: Pipeline, store: Store, version: int, key: str, report: object) -> int:
        propose = partial(proposed, pipeline, key=key)
        wanted = propose(ModelLog(store, pipeline.name).state())
        assert wanted is not None
        return _trained(pipeline, store, wanted, propose)

    def replay(pipeline: Pipeline, store: Store, version: int, report: object) -> list[int]:
        propose = partial(next_step, pipeline)
        log, trained = ModelLog(store, pipeline.name), []
        while (wanted := propose(log.state())) is not None:
            trained.append(_trained(pipeline, store, wanted, propose))
            record_result(log, store, trained[-1])
        return trained

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(steps, "run_training_process", train)
        patch.setattr(rebasing, "run_replay_process", replay)
        yield


@pytest.fixture(scope="module")
def hashed() -> Pipeline:
    brief = load_pipeline("brief", Path(__file__).parents[2] / "dags")
    return replace(brief, gates=[AtLeast("auc", 0.5)])


# --- what may happen ----------------------------------------------------------------------------


def _accept(pipeline: Pipeline, store: Store, key: str, content: int) -> None:
    ref = SliceRef(key=key, revision=f"{key}{content}", rows=10)

    def choose(state: LineageState) -> Record | None:
        known = state.slices.get(key)
        if ref.id in state.settled or (known is not None and known.ref == ref):
            return None
        return SliceAccepted(slice=ref)

    ModelLog(store, pipeline.name).decide(choose)


def _run(pipeline: Pipeline, store: Store, key: str) -> None:
    """What a run of the slice does after its validation; a hold and a fork are left to a person."""
    planned = steps.plan_slice(pipeline, ModelLog(store, pipeline.name).state(), key)
    if planned.action.value in ("hold", "fork") or not steps.decide(pipeline, store, key)["train"]:
        return
    trained = steps.train(pipeline, store, key, lambda line: None)
    steps.evaluate(pipeline, store, trained["version"])
    assert steps.promote(pipeline, store, trained["version"])["decision"] == "promoted"


def _rebase(pipeline: Pipeline, store: Store) -> None:
    found = plan_rebase(ModelLog(store, pipeline.name).state())
    if found is not None and not found.empties:
        assert rebasing.rebase(pipeline, store, lambda line: None)["decision"] == "promoted"


def _happen(pipeline: Pipeline, store: Store, what: str, key: str, content: int) -> None:
    if what == "arrives":
        _accept(pipeline, store, key, content)
        _run(pipeline, store, key)
    elif what == "is rebased":
        _rebase(pipeline, store)
    elif key in ModelLog(store, pipeline.name).state().slices:
        withdraw(store, pipeline.name, key, "wrong")


def _settle(pipeline: Pipeline, store: Store) -> None:
    """A person resolves what is held, every slice is run once more, and what is due is rebased."""
    state = ModelLog(store, pipeline.name).state()
    for ref in state.pending():
        if ref.key < (state.newest_consumed or ""):
            resolve(store, pipeline.name, ref.key, "it belongs there", fork=True)
    _rebase(pipeline, store)
    for key in sorted(state.slices):
        _run(pipeline, store, key)
    _rebase(pipeline, store)


def _until_done(store: Mortal, do: Callable[[], None]) -> None:
    """Airflow's retries: the same again, by a process that knows nothing of the one before."""
    for _ in range(100):
        try:
            do()
        except Killed:
            continue
        return
    raise AssertionError("it dies for ever")


def _weights(store: Store, state: LineageState) -> bytes:
    manifest = final_manifest(state, state.head)
    return store.get(manifest) if manifest else b""


happenings = st.lists(
    st.tuples(
        st.sampled_from(["arrives", "arrives", "arrives", "arrives", "is withdrawn", "is rebased"]),
        st.sampled_from(KEYS),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=10,
)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
@given(happenings, st.dictionaries(st.integers(1, 150), st.booleans(), max_size=8))
@example([("arrives", key, 1) for key in "edcba"], {})
@example([("arrives", key, 1) for key in "abcde"] + [("arrives", "b", 2), ("is withdrawn", "d", 1)], {})
@example([("arrives", key, 1) for key in "abc"], {at: at % 2 == 0 for at in range(1, 60, 3)})
def test_what_comes_out_is_the_history_in_order(
    hashed: Pipeline, what: list[tuple[str, str, int]], deaths: dict[int, bool]
) -> None:
    store = Mortal(deaths)
    for kind, key, content in what:
        _until_done(
            store, lambda kind=kind, key=key, content=content: _happen(hashed, store, kind, key, content)
        )
    for _ in range(2):
        _until_done(store, lambda: _settle(hashed, store))

    state = ModelLog(store, hashed.name).state()
    standing = [
        entry.ref for _, entry in sorted(state.slices.items()) if entry.status is SliceStatus.ACCEPTED
    ]
    for name, data in store.said.items():
        assert store.get(name) == data, f"{name} was lost or changed"
    if not standing:
        found = plan_rebase(state)
        assert state.head is None or (found is not None and found.empties)
        return
    learned = [version.slices for version in state.ancestry(state.head)]
    flat = [ref for slices in learned for ref in slices]
    assert flat == standing, "each slice once, in order, in the revision that stands"

    straight = Mortal()
    for slices in learned:  # slices that were pending together are learned together
        for ref in slices:
            _accept(hashed, straight, ref.key, int(ref.revision[1:]))
        _run(hashed, straight, slices[-1].key)
    assert _weights(store, state) == _weights(straight, ModelLog(straight, hashed.name).state())


def test_a_kill_at_each_single_write_changes_nothing(hashed: Pipeline) -> None:
    what = [("arrives", key, 1) for key in "acb"] + [("arrives", "a", 2), ("is withdrawn", "c", 1)]

    def end(deaths: dict[int, bool]) -> tuple[int, bytes, list[str]]:
        store = Mortal(deaths)
        for kind, key, content in what:
            _until_done(
                store, lambda kind=kind, key=key, content=content: _happen(hashed, store, kind, key, content)
            )
        _until_done(store, lambda: _settle(hashed, store))
        state = ModelLog(store, hashed.name).state()
        kinds = [type(record).__name__ for record in ModelLog(store, hashed.name).records()]
        return store.writes, _weights(store, state), kinds

    writes, weights, kinds = end({})
    for at in range(1, writes + 1):
        for behind in (False, True):
            _, got, said = end({at: behind})
            assert (got, said) == (weights, kinds), f"killed {'behind' if behind else 'before'} write {at}"
