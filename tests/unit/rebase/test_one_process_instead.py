"""A rebase and a retraining train in one process, also where several workers train the model: ids tell.

The weights differ in their last bits. Training is a sum (`stand_in`), all else is real.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from stand_in import BOB, EVE, W1, W2, W3, W4, Place

from ckpt_ops.candidates.proposal import candidate_of
from ckpt_ops.candidates.together import Shared
from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.diagnostics.retrain import changed
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.retraining import Begin
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.retrain.proposal import Asked
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import retrain as retraining
from ckpt_ops.store import Store
from ckpt_ops.training import Workers


def quiet(line: str) -> None:
    pass


def rebase(place: Place) -> str:
    return str(rebasing.rebase(place.pipeline, place.store, quiet).settled.decision)


@pytest.fixture
def shared(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Three weeks learned by two workers."""

    def lead(
        pipeline: Pipeline, store: Store, workers: Workers, work: Shared, report: Callable[[str], None]
    ) -> int:
        return place._train(pipeline, store, work.version, work.key, report)

    monkeypatch.setattr("ckpt_ops.runs.train.lead", lead)
    place.pipeline = replace(place.pipeline, distribution=Workers(count=2))
    for key, rows in ((W1, [(BOB, 1)]), (W2, [(BOB, 20)]), (W3, [(EVE, 200)])):
        place.take_in(key, *rows)
        place.learn(key)
    return place


def as_one(place: Place, version: VersionState) -> bool:
    """Whether the id says that one process trained it; if not, it says that two workers did."""
    pipelines = (replace(place.pipeline, distribution=None), place.pipeline)
    state, again = place.state(), version.started.again
    alone, together = (
        candidate_of(
            one, state, version.parent, version.slices, digests=digests_of(place.pipeline), again=again
        )
        for one in pipelines
    )
    assert version.candidate in (alone, together)
    return version.candidate == alone


def test_the_steps_of_a_rebase_have_the_ids_of_what_one_process_trains(shared: Place) -> None:
    shared.take_in(W2, (BOB, 21))
    assert rebase(shared) == "promoted"
    shared.take_in(W4, (BOB, 2000))
    shared.learn(W4)
    versions = shared.state().versions.values()
    assert [as_one(shared, one) for one in versions] == [False, False, False, True, True, False]
    assert [one.parent for one in versions] == [None, 1, 2, 1, 4, 5]
    assert shared.knows() == (4, 1 + 21 + 200 + 2000)


def test_so_has_a_retraining(shared: Place) -> None:
    asked = Asked(begin=Begin.CHAMPION, why="to see them again")
    assert retraining.retrain(shared.pipeline, shared.store, asked, quiet).decision == "promoted"
    assert as_one(shared, shared.state().versions[4])


def test_both_are_found_unchanged_when_they_are_to_be_reproduced(shared: Place) -> None:
    shared.take_in(W2, (BOB, 21))
    assert rebase(shared) == "promoted"
    asked = Asked(begin=Begin.CHAMPION, why="to see them again")
    assert retraining.retrain(shared.pipeline, shared.store, asked, quiet).decision == "promoted"
    state = shared.state()
    for version in state.versions.values():
        assert version.trained is not None
        manifest = load_manifest(shared.store, version.trained.final)
        assert changed(shared.pipeline, state, version, manifest) == {}


def test_what_workers_trained_is_not_trained_again_when_a_correction_is_taken_back(shared: Place) -> None:
    shared.take_in(W2, (BOB, 21))
    assert rebase(shared) == "promoted"
    shared.take_in(W2, (BOB, 20))
    replayed = rebasing.replay(shared.pipeline, shared.store, quiet)
    assert (replayed.version, replayed.steps, replayed.trained) == (3, (2, 3), ())
