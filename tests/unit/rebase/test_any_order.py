"""Order does not matter: whatever arrives when, is corrected, withdrawn, said twice, or dies at any write.

The log, the store, the planner, the rebase, the gates and the promotion are the real ones. Training is a
hash over the parent's weights and what is learned, in the place of the process that would import
TensorFlow; tests/integration/test_rebase.py does the same to a real model.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moments import each_write, moments
from mortal import Mortal, accept, training_as_a_hash, until_done, weights_of

from ckpt_ops.candidates.proposal import plan_slice
from ckpt_ops.intake.decisions import resolve, withdraw
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.rebase import plan_rebase
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import steps
from ckpt_ops.store import Store

KEYS = ["a", "b", "c", "d", "e"]


@pytest.fixture(scope="module", autouse=True)
def trainings() -> Iterator[None]:
    with training_as_a_hash():
        yield


# --- what may happen ----------------------------------------------------------------------------


def _run(pipeline: Pipeline, store: Store, key: str) -> None:
    """What a run of the slice does after its validation; a hold and a fork are left to a person."""
    planned = plan_slice(pipeline, ModelLog(store, pipeline.name).state(), key)
    if planned.action.value in ("hold", "fork") or not steps.decide(pipeline, store, key).train:
        return
    trained = steps.train(pipeline, store, key, lambda line: None)
    steps.evaluate(pipeline, store, trained.version)
    assert steps.promote(pipeline, store, trained.version).decision == "promoted"


def _rebase(pipeline: Pipeline, store: Store) -> None:
    found = plan_rebase(ModelLog(store, pipeline.name).state())
    if found is not None and not found.empties:
        assert rebasing.rebase(pipeline, store, lambda line: None).settled.decision == "promoted"


def _happen(pipeline: Pipeline, store: Store, what: str, key: str, content: int) -> None:
    if what == "arrives":
        accept(pipeline, store, key, content)
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


happenings = st.lists(
    st.tuples(
        st.sampled_from(["arrives", "arrives", "arrives", "arrives", "is withdrawn", "is rebased"]),
        st.sampled_from(KEYS),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=10,
)


thorough = partial(settings, deadline=None, suppress_health_check=[HealthCheck.too_slow])
deaths_at = st.dictionaries(st.integers(1, 150), st.booleans(), max_size=8)


@thorough(max_examples=20)
@given(happenings, deaths_at)
@example([("arrives", key, 1) for key in "edcba"], {})
@example([("arrives", key, 1) for key in "abcde"] + [("arrives", "b", 2), ("is withdrawn", "d", 1)], {})
@example(
    [("arrives", key, at) for key, at in (("a", 1), ("a", 2), ("b", 1))]
    + [("is rebased", "a", 1), ("arrives", "a", 1), ("arrives", "c", 1)],
    {},
)
@example([("arrives", key, 1) for key in "abc"], {at: at % 2 == 0 for at in range(1, 60, 3)})
def test_what_comes_out_is_the_history_in_order(
    hashed: Pipeline, what: list[tuple[str, str, int]], deaths: dict[int, bool]
) -> None:
    comes_out_in_order(hashed, what, deaths)


@pytest.mark.soak
@thorough(max_examples=300)
@given(happenings, deaths_at)
def test_what_comes_out_of_many_histories_is_each_in_order(
    hashed: Pipeline, what: list[tuple[str, str, int]], deaths: dict[int, bool]
) -> None:
    comes_out_in_order(hashed, what, deaths)


def comes_out_in_order(hashed: Pipeline, what: list[tuple[str, str, int]], deaths: dict[int, bool]) -> None:
    store = Mortal(deaths)
    for kind, key, content in what:
        until_done(lambda kind=kind, key=key, content=content: _happen(hashed, store, kind, key, content))
    for _ in range(2):
        until_done(lambda: _settle(hashed, store))

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
    consumed = [version.slices for version in state.ancestry(state.head)]
    flat = [ref for slices in consumed for ref in slices]
    assert flat == standing, "each slice once, in order, in the revision that stands"

    straight = Mortal()
    for slices in consumed:  # slices that were pending together are learned together
        for ref in slices:
            accept(hashed, straight, ref.key, int(ref.revision[1:]))
        _run(hashed, straight, slices[-1].key)
    assert weights_of(store, state) == weights_of(straight, ModelLog(straight, hashed.name).state())


@each_write
def test_a_kill_at_a_single_write_changes_nothing(hashed: Pipeline, each: bool) -> None:
    what = [("arrives", key, 1) for key in "acb"] + [("arrives", "a", 2), ("is withdrawn", "c", 1)]

    def end(deaths: dict[int, bool]) -> tuple[list[str], bytes, list[str]]:
        store = Mortal(deaths)
        for kind, key, content in what:
            until_done(lambda kind=kind, key=key, content=content: _happen(hashed, store, kind, key, content))
        until_done(lambda: _settle(hashed, store))
        state = ModelLog(store, hashed.name).state()
        kinds = [type(record).__name__ for record in ModelLog(store, hashed.name).records()]
        return store.kinds, weights_of(store, state), kinds

    writes, weights, kinds = end({})
    for nth, at in enumerate(moments(writes, each=each)):
        for behind in (False, True) if each else (nth % 2 == 0,):
            _, got, said = end({at: behind})
            assert (got, said) == (weights, kinds), f"killed {'behind' if behind else 'before'} write {at}"
