"""Shadow with a real model on real weeks: what both predict is what they say of rows they have not seen.

Trainings are called as functions; the process that predicts is started, as a run does.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import pyarrow.compute as pc
import pytest
from steady_weeks import land, week

from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.lineage.records import SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline, Shadow, load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.shadow import predictions
from ckpt_ops.slices import pull
from ckpt_ops.store import LocalStore

pytestmark = pytest.mark.slow

W1, W2, W3 = KEYS = ["2013-01-06", "2013-01-13", "2013-01-20"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    for name in ("landing", "store"):
        (tmp_path / name).mkdir()
    landing, store = LocalStore(tmp_path / "landing"), LocalStore(tmp_path / "store")
    monkeypatch.setenv("CKPT_OPS_LANDING", landing.url)
    for key in KEYS:
        land(landing, key, week(key))
    return store


@pytest.fixture
def steady() -> Pipeline:
    """Its short form. By this name, workers run it where TensorFlow is imported already."""
    brief = load_pipeline("brief", Path(__file__).parents[1] / "dags")
    return replace(brief, shadow=Shadow(slices=1))


def test_a_candidate_is_promoted_for_what_it_says_of_the_next_week(
    steady: Pipeline, store: LocalStore, training_here: Callable[[], AbstractContextManager[None]]
) -> None:
    log = ModelLog(store, "brief")

    def run(key: str) -> str:
        """A run of the slice, accepted as it is: importing Great Expectations takes seconds."""
        pulled = pull(store, steady.source, key)
        accepted = SliceAccepted(slice=SliceRef(key=key, revision=pulled.revision, rows=pulled.rows))
        log.decide(lambda state: None if key in state.slices else accepted)
        assert steps.decide(steady, store, key).train
        trained = steps.train(steady, store, key, lambda line: None)
        if trained.outcome != "trained":
            return str(trained.outcome)
        steps.evaluate(steady, store, trained.version)
        return str(steps.promote(steady, store, trained.version).decision)

    with training_here():
        assert [run(key) for key in KEYS] == ["promoted", "shadow", "promoted"]
        # what was scored is pending: run again, it is learned by the next, whose champion says what it said
        assert run(W3) == "shadow"

    state = log.state()
    assert state.head == 2
    evaluated = state.versions[2].evaluated
    assert evaluated is not None
    assert [ref.key for ref in evaluated.slices] == [W3]
    whole = pc.sum(pc.is_valid(week(W3)["arr_delay"])).as_py()
    (scored,) = state.scored.values()
    assert scored.rows == predictions.read(store, scored.predictions).count == whole
    assert [ref.key for ref in state.versions[3].slices] == [W3]
    said = CandidateLog(store, "brief", 3).progress().result
    assert said is not None
    same_rows = pytest.approx(said["scores"][W3], abs=1e-5)  # asked in other batches
    assert evaluated.metrics["candidate"] == same_rows
    assert evaluated.metrics["champion"] != evaluated.metrics["candidate"]
    assert any(message.startswith("Servable") for message in evaluated.verdicts)
