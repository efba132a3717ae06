"""A real model sees real weeks again: exact under kills, in a rebase and when it is reproduced.

What trains is called as a function here; one test starts its process, and kills it.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import signal
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
from steady_weeks import land, week, weights

from ckpt_ops.candidates import checkpoints
from ckpt_ops.candidates.data import batch_order, consumed_before, load_data
from ckpt_ops.candidates.progress_document import is_report
from ckpt_ops.candidates.settings import trained_as
from ckpt_ops.candidates.slice_rows import StoredRows, split_tables
from ckpt_ops.diagnostics.reproduce import reproduce
from ckpt_ops.errors import TrainingDied
from ckpt_ops.evaluation import AtLeast, NoForgetting, NotWorseThan, Servable
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog
from ckpt_ops.lineage.retraining import Begin, Selection
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.pipeline.user_code import make_examples
from ckpt_ops.retrain.process import run_retrain_process
from ckpt_ops.retrain.proposal import Asked
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import retrain as retraining
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.views.training import training_now
from ckpt_ops.worker import CheckpointSaved

pytestmark = pytest.mark.slow

W1, W2, W3 = KEYS = ["2013-01-06", "2013-01-13", "2013-01-20"]
ROWS, STEPS = 900, 40


def quiet(line: str) -> None:
    pass


@pytest.fixture(scope="module")
def brief() -> Pipeline:
    found = load_pipeline("brief", Path(__file__).parents[1] / "dags")
    return replace(found, gates=[AtLeast("auc", 0.3), NoForgetting(metric="auc", margin=0.3), Servable()])


@pytest.fixture(scope="module", autouse=True)
def in_this_process(
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[None]:
    with training_here(), without_pictures():
        yield


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LocalStore]:
    store = LocalStore(tmp_path_factory.mktemp("landed"))
    for key in KEYS:
        land(store, key, week(key).slice(0, ROWS))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKPT_OPS_LANDING", store.url)
        yield store


@pytest.fixture(scope="module")
def two_weeks(brief: Pipeline, landing: LocalStore, tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """Two weeks in order, a version each. Not to be changed: `store` is a copy of it."""
    store = LocalStore(tmp_path_factory.mktemp("learned"))
    learn(brief, store, W1, W2)
    return store


@pytest.fixture(scope="module")
def retrained(
    brief: Pipeline, two_weeks: LocalStore, tmp_path_factory: pytest.TempPathFactory
) -> dict[Begin, LocalStore]:
    """By what it began with, those weeks seen again, undisturbed. Not to be changed."""
    folder, found = tmp_path_factory.mktemp("retrained"), {}
    for begin in Begin:
        found[begin] = LocalStore(shutil.copytree(two_weeks.root, folder / begin))
        again(brief, found[begin], begin)
    return found


@pytest.fixture
def store(two_weeks: LocalStore, tmp_path: Path) -> LocalStore:
    return LocalStore(shutil.copytree(two_weeks.root, tmp_path / "store"))


def learn(pipeline: Pipeline, store: Store, *keys: str) -> LineageState:
    for key in keys:
        assert steps.run_slice(pipeline, store, key, quiet).decision == "promoted"
    return state_of(store)


def again(pipeline: Pipeline, store: Store, begin: Begin, **which: Any) -> LineageState:
    asked = Asked(begin=begin, selection=Selection(**which), max_steps=STEPS, why="a fresh start")
    settled = retraining.retrain(pipeline, store, asked, quiet)
    assert settled.decision == "promoted", settled.why
    return state_of(store)


def state_of(store: Store) -> LineageState:
    return ModelLog(store, "brief").state()


@pytest.mark.parametrize("begin", list(Begin))
def test_each_row_that_is_not_held_out_is_trained_on_in_an_order_of_the_candidates_id(
    brief: Pipeline, retrained: dict[Begin, LocalStore], begin: Begin
) -> None:
    store = retrained[begin]
    state = state_of(store)
    version = state.versions[3]
    assert version.trained is not None
    assert (version.trained.step, version.trained.stopped_by) == (STEPS, "max_steps")
    pipeline = trained_as(brief, version.started.again)
    data = load_data(pipeline, store, version, consumed_before(state, version))
    taken = [0, 0]
    for ref in version.slices:
        for parts in split_tables(brief, StoredRows(brief, store), ref):
            for kind, table in enumerate(parts):
                taken[kind] += make_examples(brief, table, of=ref.key).rows
    assert (data.train.rows, data.holdout.rows) == tuple(taken), "each row once, and no held-out one"
    assert data.train.rows + data.holdout.rows <= STEPS * brief.batch_size
    order = batch_order(pipeline, version, data)
    assert order.seed == int(version.candidate[:8], 16)
    drawn = np.concatenate([order.indices(step) for step in range(STEPS)])
    assert len(np.unique(drawn)) >= 0.99 * data.train.rows


@pytest.mark.parametrize("begin", list(Begin))
def test_it_is_compared_with_the_champion_on_what_both_were_trained_on(
    retrained: dict[Begin, LocalStore], begin: Begin
) -> None:
    version = state_of(retrained[begin]).versions[3]
    assert version.trained is not None
    assert version.evaluated is not None
    table = pq.read_table(io.BytesIO(retrained[begin].get(version.trained.artifacts["past"])))
    assert sorted(set(table["slice"].to_pylist())) == [W1, W2]
    assert version.evaluated.champion == 2
    assert {"candidate", "champion"} <= version.evaluated.metrics.keys()
    assert not version.trained.scores, "what was consumed is not scored as if it were new"


def test_one_that_is_worse_than_the_champion_is_rejected_by_the_gate_that_every_candidate_meets(
    brief: Pipeline, store: LocalStore
) -> None:
    strict = replace(brief, gates=[NotWorseThan(metric="auc", margin=0.0), *brief.gates])
    asked = Asked(begin=Begin.SCRATCH, max_steps=15, why="too few steps")
    settled = retraining.retrain(strict, store, asked, quiet)
    assert settled.decision == "rejected"
    assert "NotWorseThan: auc fell" in settled.why
    state = state_of(store)
    assert (state.head, sorted(state.consumed), state.pending()) == (2, [W1, W2], ())


@pytest.mark.parametrize("begin", list(Begin))
def test_it_is_reproduced_to_the_bit(
    brief: Pipeline, retrained: dict[Begin, LocalStore], begin: Begin
) -> None:
    found = reproduce(brief, retrained[begin], 3, from_scratch=True)
    assert not found.different
    assert not found.changes
    assert [one.version for one in found.trained] == ([3] if begin is Begin.SCRATCH else [1, 2, 3])


@pytest.mark.parametrize("begin", list(Begin))
def test_a_retry_after_a_crash_ends_with_the_weights_of_an_undisturbed_one(
    brief: Pipeline,
    store: LocalStore,
    retrained: dict[Begin, LocalStore],
    begin: Begin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def crash(saved: CheckpointSaved) -> None:
        if saved.step == 20:
            raise RuntimeError("out of memory")

    with monkeypatch.context() as patch:
        patch.setattr(checkpoints, "tell", crash)
        with pytest.raises(RuntimeError, match="out of memory"):
            again(brief, store, begin)
    commits = CandidateLog(store, "brief", 3).progress().commits
    assert 0 < commits[-1].step < STEPS
    assert state_of(store).head == 2, "the champion serves on"

    state = again(brief, store, begin)

    assert CandidateLog(store, "brief", 3).progress().attempts == 2
    assert weights(store, state) == weights(retrained[begin], state_of(retrained[begin]))


def test_killed_the_real_process_goes_on_where_it_was(
    brief: Pipeline,
    store: LocalStore,
    retrained: dict[Begin, LocalStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(retraining, "run_retrain_process", run_retrain_process)
    brief = replace(brief, gates=load_pipeline("brief", brief.folder.parent).gates)  # the process reads these
    asked = Asked(begin=Begin.SCRATCH, max_steps=STEPS, why="a fresh start")
    moments = ["checkpoint at step 10:"]

    def report(line: str) -> None:
        if moments and line.startswith(moments[0]):
            moments.pop(0)
            for pid in _retraining(store):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(TrainingDied, match="was killed by signal 9"):
        retraining.retrain(brief, store, asked, report)
    assert not moments
    assert state_of(store).head == 2
    over = training_now(store, "brief", state_of(store))
    assert over is not None
    assert (over.version, over.attempt, over.phase) == (3, 1, "ended")

    assert retraining.retrain(brief, store, asked, report).decision == "promoted"
    assert not [entry for entry in store.list("models/") if is_report(entry.name)]

    expected = retrained[Begin.SCRATCH]
    assert state_of(store).versions[3].candidate == state_of(expected).versions[3].candidate
    assert weights(store, state_of(store)) == weights(expected, state_of(expected))


@pytest.mark.parametrize("begin", [Begin.CHAMPION, pytest.param(Begin.SCRATCH, marks=pytest.mark.soak)])
def test_a_rebase_across_it_is_bitwise_the_history_without_the_mistake(
    brief: Pipeline,
    retrained: dict[Begin, LocalStore],
    landing: LocalStore,
    tmp_path: Path,
    begin: Begin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = LocalStore(shutil.copytree(retrained[begin].root, tmp_path / "corrected"))
    learn(brief, store, W3)
    corrected = LocalStore(shutil.copytree(landing.root, tmp_path / "landing"))
    land(corrected, W2, week(W2).slice(0, ROWS - 100))
    monkeypatch.setenv("CKPT_OPS_LANDING", corrected.url)
    pulled = steps.pull(brief, store, W2)
    assert steps.validate(brief, store, W2, pulled.revision).trainable

    assert rebasing.rebase(brief, store, quiet).settled.decision == "promoted"

    (tmp_path / "straight").mkdir()
    straight = LocalStore(tmp_path / "straight")
    learn(brief, straight, W1, W2)
    again(brief, straight, begin)
    expected = learn(brief, straight, W3)
    state = state_of(store)
    ids = [[one.candidate for one in line] for line in (state.ancestry(state.head), expected.ancestry(4))]
    assert ids[0] == ids[1]
    assert weights(store, state) == weights(straight, expected)


def _retraining(store: Store) -> list[int]:
    """Process ids of the retrainings that write to `store`."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            message = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
            if message[3:5] != [b"ckpt_ops.worker", b"retrain"]:
                continue
            asked = json.loads((folder / "cwd" / "request.json").read_text())
            if asked["request"]["store"] == store.url:
                found.append(int(folder.name))
    return found
