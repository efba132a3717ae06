"""A retraining that is killed at any write, and run again, ends as one that was not.

The log, the store, the gates and the promotion are the real ones; training is a hash (`mortal`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest
from moments import each_write, moments
from mortal import Mortal, accept, training_as_a_hash, until_done, weights_of

from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.retraining import Begin, Selection
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.retrain.proposal import Asked
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import retrain as retraining
from ckpt_ops.runs import steps
from ckpt_ops.store import Store


@pytest.fixture(scope="module", autouse=True)
def trainings() -> Iterator[None]:
    with training_as_a_hash():
        yield


def _run(pipeline: Pipeline, store: Store, key: str) -> None:
    if not steps.decide(pipeline, store, key).train:
        return
    trained = steps.train(pipeline, store, key, lambda line: None)
    steps.evaluate(pipeline, store, trained.version)
    assert steps.promote(pipeline, store, trained.version).decision == "promoted"


def _rebase(pipeline: Pipeline, store: Store) -> None:
    assert rebasing.rebase(pipeline, store, lambda line: None).settled.decision == "promoted"


@each_write
@pytest.mark.parametrize("begin", list(Begin))
def test_a_kill_at_a_single_write_changes_nothing(hashed: Pipeline, begin: Begin, each: bool) -> None:
    pipeline = replace(hashed, batch_size=2)
    asked = Asked(begin=begin, selection=Selection(newest=2), max_steps=20, why="fresh")

    def end(deaths: dict[int, bool]) -> tuple[list[str], bytes, list[str]]:
        store = Mortal(deaths)
        for key in "abc":
            until_done(lambda key=key: accept(pipeline, store, key, 1))
            until_done(lambda key=key: _run(pipeline, store, key))
        until_done(lambda: retraining.retrain(pipeline, store, asked, lambda line: None))
        until_done(lambda: accept(pipeline, store, "d", 1))
        until_done(lambda: _run(pipeline, store, "d"))
        until_done(lambda: accept(pipeline, store, "b", 2))
        until_done(lambda: _rebase(pipeline, store))
        state = ModelLog(store, pipeline.name).state()
        kinds = [type(record).__name__ for record in ModelLog(store, pipeline.name).records()]
        assert any(f"/serving/{state.head}/" in name for name in store.objects)
        return store.kinds, weights_of(store, state), kinds

    writes, *undisturbed = end({})
    for nth, at in enumerate(moments(writes, each=each)):
        for behind in (False, True) if each else (nth % 2 == 0,):
            _, *got = end({at: behind})
            assert got == undisturbed, f"killed {'behind' if behind else 'before'} write {at}"
