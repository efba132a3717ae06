"""Forks are exact: what comes out is, bit for bit, what a history without the mistake gives.

Real weeks of flights, a real model. The processes that train are called as functions, but for the last
test, which starts and kills them.
"""

from __future__ import annotations

import json
import os
import random
import shutil
import signal
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from steady_weeks import land, week, weights

from ckpt_ops.candidates import prepared, session
from ckpt_ops.candidates.opening import open_candidate, proposed
from ckpt_ops.candidates.progress_document import is_report
from ckpt_ops.checkpoints import EveryVersions, load_manifest, read_tensors
from ckpt_ops.errors import BadInput, ForkNeeded, ModelOnHold, TrainingDied
from ckpt_ops.evaluation import AtLeast
from ckpt_ops.intake.decisions import resolve, taint, withdraw
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionState, VersionStatus
from ckpt_ops.lineage.rebase import plan_rebase
from ckpt_ops.lineage.records import CandidateStarted, Rejected
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.pipeline.given import Given
from ckpt_ops.promotion import rollback
from ckpt_ops.rebase import replay as replaying
from ckpt_ops.rebase.replay import replay, run_replay_process
from ckpt_ops.rebase.view import plan_lines, plan_view
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import steps
from ckpt_ops.runs.prune import prune
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.views.training import training_now

pytestmark = pytest.mark.slow

W1, W2, W3, W4 = KEYS = ["2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27"]


@pytest.fixture(scope="module")
def brief() -> Pipeline:
    return load_pipeline("brief", Path(__file__).parents[1] / "dags")


@pytest.fixture(scope="module")
def landed(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """The four weeks as they landed. Not to be changed: `landing` is a copy of it."""
    store = LocalStore(tmp_path_factory.mktemp("landed"))
    for key in KEYS:
        land(store, key, week(key))
    return store


@pytest.fixture
def landing(landed: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    store = LocalStore(shutil.copytree(landed.root, tmp_path / "landing"))
    monkeypatch.setenv("CKPT_OPS_LANDING", store.url)
    return store


@pytest.fixture
def new_store(tmp_path: Path) -> Callable[[str], LocalStore]:
    def make(name: str) -> LocalStore:
        (tmp_path / name).mkdir()
        return LocalStore(tmp_path / name)

    return make


@pytest.fixture(scope="module", autouse=True)
def in_this_process(
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[None]:
    with training_here(), without_pictures():
        yield


@pytest.fixture(scope="module")
def learned_until(
    brief: Pipeline, landed: LocalStore, tmp_path_factory: pytest.TempPathFactory
) -> dict[str, LocalStore]:
    """By key, the store once the weeks until it were learned in order, a version each. Not to be changed."""
    folder, stores = tmp_path_factory.mktemp("learned"), {}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKPT_OPS_LANDING", landed.url)
        store = LocalStore(tmp_path_factory.mktemp("learning"))
        for key in KEYS:
            learn(brief, store, key)
            stores[key] = LocalStore(shutil.copytree(store.root, folder / key))
    return stores


@pytest.fixture(scope="module")
def consumed(learned_until: dict[str, LocalStore]) -> LocalStore:
    """Four weeks in order, a version each. Not to be changed: `store` is a copy of it."""
    return learned_until[W4]


@pytest.fixture
def goes_on(learned_until: dict[str, LocalStore], tmp_path: Path) -> Callable[[str], LocalStore]:
    """Makes a store in which the weeks until a key are learned in order, and nothing else has happened."""
    return lambda key: LocalStore(shutil.copytree(learned_until[key].root, tmp_path / f"until-{key}"))


@pytest.fixture(scope="module")
def never_second(
    brief: Pipeline,
    landed: LocalStore,
    learned_until: dict[str, LocalStore],
    tmp_path_factory: pytest.TempPathFactory,
) -> LocalStore:
    """A history that never saw the second week. Not to be changed."""
    store = LocalStore(shutil.copytree(learned_until[W1].root, tmp_path_factory.mktemp("never") / "store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKPT_OPS_LANDING", landed.url)
        learn(brief, store, W3, W4)
    return store


@pytest.fixture
def store(consumed: LocalStore, landing: LocalStore, tmp_path: Path) -> LocalStore:
    return LocalStore(shutil.copytree(consumed.root, tmp_path / "store"))


def learn(pipeline: Pipeline, store: Store, *keys: str) -> LineageState:
    for key in keys:
        assert steps.run_slice(pipeline, store, key, lambda line: None).decision == "promoted"
    return ModelLog(store, pipeline.name).state()


def rebased(pipeline: Pipeline, store: Store) -> LineageState:
    done = rebasing.rebase(pipeline, store, lambda line: None)
    assert done.settled.decision == "promoted", done.settled.why
    return ModelLog(store, pipeline.name).state()


def without(key: str, carrier: str) -> pa.Table:
    table = week(key)
    return table.filter(pc.not_equal(table["carrier"], carrier))


def judged_again(pipeline: Pipeline, store: Store, key: str) -> None:
    pulled = steps.pull(pipeline, store, key)
    assert steps.validate(pipeline, store, key, pulled.revision).trainable


def test_without_a_slice_is_bitwise_the_model_that_never_saw_it(
    brief: Pipeline, store: LocalStore, never_second: LocalStore
) -> None:
    withdraw(store, "brief", W2, "the carrier column was shifted")

    state = rebased(brief, store)

    assert sorted(state.consumed) == [W1, W3, W4]
    assert [version.version for version in state.ancestry(state.head)] == [1, 5, 6]
    assert [state.versions[number].status for number in (2, 3, 4)] == [VersionStatus.REPLACED] * 3
    assert state.versions[5].status is VersionStatus.REPLAYED
    assert {entry.name.split("/")[3] for entry in store.list("models/brief/serving/")} == {"1", "6"}
    straight = ModelLog(never_second, "brief").state()
    assert [version.candidate for version in state.ancestry(state.head)] == [
        version.candidate for version in straight.ancestry(straight.head)
    ]
    assert weights(store, state) == weights(never_second, straight)
    again = rebasing.rebase(brief, store, lambda line: None)
    assert (again.settled.version, again.replayed.trained) == (6, ()), "it is done, and asking again says so"


def test_a_correction_gives_bitwise_what_the_corrected_slice_in_order_gives(
    brief: Pipeline, landing: LocalStore, store: LocalStore, goes_on: Callable[[str], LocalStore]
) -> None:
    land(landing, W3, without(W3, "UA"))
    with pytest.raises(ForkNeeded, match="has to fork"):
        learn(brief, store, W3)

    state = rebased(brief, store)

    straight = goes_on(W2)
    assert weights(store, state) == weights(straight, learn(brief, straight, W3, W4))

    land(landing, W3, week(W3))  # it was right after all
    judged_again(brief, store, W3)
    trained = len(state.versions)
    back = rebased(brief, store)
    assert (back.head, len(back.versions)) == (4, trained), "what was trained before is not trained again"


def test_the_first_slice_corrected_is_a_rebuild_from_the_initial_weights(
    brief: Pipeline, landing: LocalStore, store: LocalStore, new_store: Callable[[str], LocalStore]
) -> None:
    land(landing, W1, without(W1, "DL"))
    judged_again(brief, store, W1)
    for key in (W3, W4):
        withdraw(store, "brief", key, "to make it short")
    found = plan_rebase(ModelLog(store, "brief").state())
    assert found is not None
    assert found.fork is None

    state = rebased(brief, store)

    straight = new_store("straight")
    assert weights(store, state) == weights(straight, learn(brief, straight, W1, W2))


def test_from_an_older_anchor_it_replays_more_and_comes_to_the_same(
    brief: Pipeline, store: LocalStore, learned_until: dict[str, LocalStore]
) -> None:
    sparse = replace(brief, keep=replace(brief.keep, anchors=EveryVersions(versions=2, newest=1)))
    assert prune(sparse, store) == (1, 3)
    kept = {entry.name.split("/")[2] for entry in store.list("models/brief/v") if "/manifest-" in entry.name}
    assert kept == {"v2", "v4"}
    with pytest.raises(BadInput, match="once promoted, kept, not tainted: 2"):
        rollback(store, "brief", 3, "its checkpoint is gone")
    withdraw(store, "brief", W4, "wrong")
    view = plan_view(sparse, ModelLog(store, "brief").state())
    assert view is not None
    assert (view["nearest"], view["fork"], view["anchor_cost"]["candidates"]) == (3, 2, 1)
    assert "its checkpoint is not kept: 1 training" in "\n".join(plan_lines(view))

    state = rebased(sparse, store)

    straight = learned_until[W3]
    assert weights(store, state) == weights(straight, ModelLog(straight, "brief").state())


def test_the_newest_slice_withdrawn_swaps_the_head_without_training(
    brief: Pipeline, store: LocalStore
) -> None:
    withdraw(store, "brief", W4, "wrong")
    state = rebased(brief, store)
    assert (state.head, len(state.versions)) == (3, 4)
    assert state.pending() == ()


def test_a_head_that_moves_meanwhile_is_replayed_too(
    brief: Pipeline, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = "2013-02-03"
    land(LocalStore(store.root.parent / "landing"), key, week(key))
    withdraw(store, "brief", W3, "wrong")
    evaluate = rebasing.evaluate
    moved: list[str] = []

    def meanwhile(pipeline: Pipeline, store: Store, version: int) -> dict[str, Any]:
        if not moved:
            moved.append(key)
            learn(pipeline, store, key)
        return evaluate(pipeline, store, version)

    monkeypatch.setattr(rebasing, "evaluate", meanwhile)

    state = rebased(brief, store)

    assert moved == [key]
    assert sorted(state.consumed) == [W1, W2, W4, key]
    (superseded,) = (one for one in ModelLog(store, "brief").records() if isinstance(one, Rejected))
    assert superseded.superseded
    line = [version.version for version in state.ancestry(state.head)]
    assert superseded.version in line, "what was trained is a step now, and not trained again"


def test_a_refused_result_changes_nothing_and_is_judged_again_by_other_gates(
    brief: Pipeline, store: LocalStore
) -> None:
    strict = replace(brief, gates=[AtLeast("auc", 0.99)])
    withdraw(store, "brief", W3, "wrong")

    done = rebasing.rebase(strict, store, lambda line: None)

    assert done.settled.decision == "rejected"
    state = ModelLog(store, "brief").state()
    assert (state.head, state.rejections) == (4, {})
    assert rebased(brief, store).head == 6


def test_a_tainted_champion_trains_nothing_until_the_rebase(
    brief: Pipeline, landing: LocalStore, store: LocalStore
) -> None:
    key = "2013-02-03"
    land(landing, key, week(key))
    taint(store, "brief", W4, "poisoned")
    with pytest.raises(ModelOnHold, match=f"tainted by slice {W4}: poisoned"):
        learn(brief, store, key)
    assert rebased(brief, store).head == 3
    assert sorted(learn(brief, store, key).consumed) == [W1, W2, W3, key]


def test_late_slices_in_any_order_end_as_the_weeks_in_order(
    brief: Pipeline,
    landing: LocalStore,
    learned_until: dict[str, LocalStore],
    new_store: Callable[[str], LocalStore],
) -> None:
    store = new_store("shuffled")
    for key in (W3, W1, W2):
        try:
            learn(brief, store, key)
        except ModelOnHold:
            resolve(store, "brief", key, "it belongs there", fork=True)
            rebased(brief, store)
    in_order = learned_until[W3]
    assert weights(store, ModelLog(store, "brief").state()) == weights(
        in_order, ModelLog(in_order, "brief").state()
    )


def test_an_edited_learning_rate_is_that_of_the_candidates_that_come(
    brief: Pipeline, landing: LocalStore, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    import steady.model as module

    built = module.build_model

    def faster() -> Any:
        model = built()
        model.optimizer.learning_rate = 0.004
        return model

    key = "2013-02-03"
    land(landing, key, week(key))
    monkeypatch.setattr(module, "build_model", faster)
    trained = learn(brief, store, key).versions[5].trained
    assert trained is not None
    tensors = read_tensors(store, load_manifest(store, trained.manifest))
    assert tensors["optimizer/adam/learning_rate"] == pytest.approx(0.004)


# --- two writers at once --------------------------------------------------------------------------


def corrected_and_one_more(pipeline: Pipeline, landing: LocalStore, store: LocalStore) -> str:
    """The third week was corrected, and a fifth has come: its key."""
    key = "2013-02-03"
    for one, table in ((W3, without(W3, "UA")), (key, week(key))):
        land(landing, one, table)
        judged_again(pipeline, store, one)
    return key


def test_a_candidate_opened_by_a_run_while_the_rebase_builds_its_model_is_left_alone(
    brief: Pipeline, landing: LocalStore, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = corrected_and_one_more(brief, landing, store)
    build, log = session.build_model, ModelLog(store, "brief")

    def slowly(pipeline: Pipeline, given: Given, **beside: Any) -> Any:
        def propose(state: LineageState) -> CandidateStarted | None:
            return proposed(brief, state, key)

        wanted = propose(log.state())
        assert wanted is not None
        opened = open_candidate(log, wanted, propose)
        assert opened.version == 5, "the number that the rebase has seen as free"
        return build(pipeline, given, **beside)

    loaded: list[tuple[int, list[str]]] = []
    load = prepared.load_data

    def seen(
        pipeline: Pipeline, store: Store, version: VersionState, consumed: Mapping[str, str], **beside: Any
    ) -> Any:
        loaded.append((version.version, [ref.key for ref in version.slices]))
        return load(pipeline, store, version, consumed, **beside)

    monkeypatch.setattr(session, "build_model", slowly)
    monkeypatch.setattr(prepared, "load_data", seen)

    state = rebased(brief, store)

    assert loaded == [(6, [W3]), (7, [W4])]
    for number, keys in loaded:
        assert [ref.key for ref in state.versions[number].slices] == keys, "it learned what the log says"


def test_a_step_that_the_rebase_trains_while_a_run_builds_its_model_is_not_promoted_by_the_run(
    brief: Pipeline, landing: LocalStore, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    key = corrected_and_one_more(brief, landing, store)
    build, begun = session.build_model, []

    def slowly(pipeline: Pipeline, given: Given, **beside: Any) -> Any:
        model = build(pipeline, given, **beside)
        if not begun:
            begun.append(True)
            replay(brief, store)
        return model

    monkeypatch.setattr(session, "build_model", slowly)

    done = steps.run_slice(brief, store, key, lambda line: None)

    state = ModelLog(store, "brief").state()
    assert done.decision == "promoted"
    assert [ref.key for ref in state.versions[state.head or 0].slices] == [key]
    assert sorted(state.consumed) == [*KEYS, key]
    assert state.versions[5].started.replaces == 4, "the rebase had that number"
    assert state.head == 7


def test_a_first_slice_lost_while_the_first_step_trains_still_ends_as_if_it_was_never_seen(
    brief: Pipeline,
    store: LocalStore,
    new_store: Callable[[str], LocalStore],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    withdraw(store, "brief", W2, "wrong")
    record, said = replaying.record_result, []

    def meanwhile(log: ModelLog, store: Store, number: int) -> LineageState:
        state = record(log, store, number)
        if not said:
            said.append(withdraw(store, "brief", W1, "wrong, too"))
        return state

    monkeypatch.setattr(replaying, "record_result", meanwhile)

    state = rebased(brief, store)

    never = new_store("never")
    assert state.ancestry(state.head)[0].parent is None
    assert weights(store, state) == weights(never, learn(brief, never, W3, W4))


def test_killed_at_any_moment_the_real_process_goes_on_where_it_was(
    brief: Pipeline,
    store: LocalStore,
    never_second: LocalStore,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(rebasing, "run_replay_process", run_replay_process)
    withdraw(store, "brief", W2, "wrong")
    moments = [random.choice(["checkpoint at step 10:", "step 2 of 2:"])]

    def report(line: str) -> None:
        if moments and line.startswith(moments[0]):
            moments.pop(0)
            for pid in _replaying(store):
                os.kill(pid, signal.SIGKILL)

    with pytest.raises(TrainingDied, match="was killed by signal 9"):
        rebasing.rebase(brief, store, report)
    assert not moments
    assert ModelLog(store, "brief").state().head == 4, "the champion serves on"
    over = training_now(store, "brief", ModelLog(store, "brief").state())
    assert over is None or (over.version, over.phase) in {(5, "ended"), (6, "ended")}

    assert rebasing.rebase(brief, store, report).settled.decision == "promoted"
    assert not [entry for entry in store.list("models/") if is_report(entry.name)]

    state = ModelLog(store, "brief").state()
    assert [version.version for version in state.ancestry(state.head)] == [1, 5, 6], "no step began again"
    assert sum(CandidateLog(store, "brief", number).progress().attempts for number in (5, 6)) >= 2
    assert weights(store, state) == weights(never_second, ModelLog(never_second, "brief").state())


def _replaying(store: Store) -> list[int]:
    """Process ids of the rebases that write to `store`."""
    found = []
    for folder in Path("/proc").iterdir():
        with suppress(OSError):
            message = (folder / "cmdline").read_bytes().split(b"\0") if folder.name.isdigit() else []
            if message[3:5] != [b"ckpt_ops.worker", b"rebase"]:
                continue
            asked = json.loads((folder / "cwd" / "request.json").read_text())
            if asked["request"]["store"] == store.url:
                found.append(int(folder.name))
    return found
