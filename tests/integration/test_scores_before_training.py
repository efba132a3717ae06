"""Test, then train, with a real model: what the champion says of each slice is kept, whatever comes of it."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from steady_weeks import land, week

from ckpt_ops.evaluation import metrics_of
from ckpt_ops.lineage import ModelLog, VersionStatus
from ckpt_ops.lineage.records import SliceAccepted, SliceRef, UpdateDeferred
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.policies import AllOf, AnyOf, Drift, Every, MetricDrop
from ckpt_ops.runs import steps
from ckpt_ops.slices import pull
from ckpt_ops.store import LocalStore

pytestmark = pytest.mark.slow

W1, W2, W3, W4 = KEYS = ["2013-01-06", "2013-01-13", "2013-01-20", "2013-01-27"]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    for name in ("landing", "store"):
        (tmp_path / name).mkdir()
    landing = LocalStore(tmp_path / "landing")
    monkeypatch.setenv("CKPT_OPS_LANDING", landing.url)
    for key in KEYS:
        land(landing, key, table(key))
    return LocalStore(tmp_path / "store")


def table(key: str) -> pa.Table:
    return week(key).slice(0, 1_500)


def accept(pipeline: Pipeline, store: LocalStore, key: str) -> None:
    manifest = pull(store, pipeline.source, key)
    log = ModelLog(store, pipeline.name)
    ref = SliceRef(key=key, revision=manifest.revision, rows=manifest.rows)
    log.append(SliceAccepted(slice=ref), after=log.state())


def test_each_slice_is_scored_before_anything_trains_on_it(
    store: LocalStore, training_here: Callable[[], AbstractContextManager[None]]
) -> None:
    import tensorflow as tf

    brief = load_pipeline("brief", Path(__file__).parents[1] / "dags")
    with training_here():
        accept(brief, store, W1)
        steps.train(brief, store, W1)
        steps.evaluate(brief, store, 1)
        steps.promote(brief, store, 1)
        accept(brief, store, W2)
        accept(brief, store, W3)
        never = replace(brief, update_when=AllOf(Every(slices=2), MetricDrop("auc", by=0.9)))
        deferred = steps.train(never, store, W3)
        accept(brief, store, W4)
        drift = Drift(columns=("hour",), psi=9.0)
        always = replace(brief, update_when=AnyOf(drift, MetricDrop("log_loss", by=0.9), Every(slices=3)))
        trained = steps.train(always, store, W4)

    state = ModelLog(store, brief.name).state()
    first = state.version(1).trained
    assert first is not None
    assert first.decision["words"] == "due: first version, there is no champion yet"
    assert first.scores == {}, "there was no champion to score"

    assert deferred.outcome == "deferred"
    waiting = state.version(2)
    assert waiting.status is VersionStatus.DEFERRED
    assert isinstance(waiting.decided, UpdateDeferred)
    assert list(waiting.decided.scores) == [W2, W3]
    assert waiting.decided.numbers["auc_on_slice"] == waiting.decided.scores[W3]["auc"]

    assert (trained.outcome, trained.version) == ("trained", 3)
    version = state.version(3).trained
    assert version is not None
    assert version.decision["words"] == "due: 3 pending slices >= 3"
    assert list(version.scores) == [W2, W3, W4]
    for key in (W2, W3):
        assert version.scores[key] == waiting.decided.scores[key], "the same champion on the same rows"

    from steady.model import examples

    export = store.root / first.artifacts["export"]
    champion = tf.saved_model.load(str(export))
    for key in (W2, W3, W4):
        rows = examples(table(key))  # every one, held out or not
        said = np.asarray(champion.serve(dict(rows.inputs)), np.float64).reshape(-1)
        expected = metrics_of(np.asarray(rows.labels, np.float64), said)
        assert version.scores[key] == pytest.approx(expected, rel=1e-4)
