"""Of more held-out rows than are evaluated some are drawn: the same for both models and whoever checks."""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest
from steady_weeks import land, week

from ckpt_ops.candidates import scored_rows
from ckpt_ops.candidates.champion import labels_of
from ckpt_ops.candidates.data import consumed_before, load_data
from ckpt_ops.diagnostics.audit import Audit, audit
from ckpt_ops.diagnostics.drill import drill
from ckpt_ops.evaluation import AtLeast, EvaluatedRows, NoForgetting, Past, Servable
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.serving.recheck import asked_again
from ckpt_ops.store import LocalStore

pytestmark = pytest.mark.slow

W1, W2, W3 = KEYS = ["2013-01-06", "2013-01-13", "2013-01-20"]
MOST = 500


@pytest.fixture(scope="module")
def brief() -> Pipeline:
    found = load_pipeline("brief", Path(__file__).parents[1] / "dags")
    return replace(found, gates=[AtLeast("auc", 0.3), NoForgetting(metric="auc", margin=0.9), Servable()])


@pytest.fixture(scope="module")
def store(
    brief: Pipeline,
    tmp_path_factory: pytest.TempPathFactory,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[LocalStore]:
    """Three weeks, of which each candidate is evaluated on no more than `MOST` held-out rows. Not changed."""
    landing, found = (LocalStore(tmp_path_factory.mktemp(name)) for name in ("landing", "store"))
    for key in KEYS:
        land(landing, key, week(key))
    with pytest.MonkeyPatch.context() as patch, training_here(), without_pictures():
        patch.setenv("CKPT_OPS_LANDING", landing.url)
        patch.setattr(scored_rows, "MOST_ROWS", MOST)
        for key in KEYS:
            assert steps.run_slice(brief, found, key, lambda line: None).decision == "promoted"
        yield found


@pytest.fixture
def state(brief: Pipeline, store: LocalStore) -> LineageState:
    return ModelLog(store, brief.name).state()


def evaluated(store: LocalStore, state: LineageState, number: int) -> EvaluatedRows:
    trained = state.versions[number].trained
    assert trained is not None
    table, past = (
        pq.read_table(io.BytesIO(store.get(trained.artifacts[name]))) for name in ("predictions", "past")
    )
    return EvaluatedRows.from_table(table, past=Past.from_table(past))


def test_both_models_are_evaluated_on_the_rows_that_are_drawn_by_the_slices_revision(
    brief: Pipeline, store: LocalStore, state: LineageState
) -> None:
    rows = evaluated(store, state, 2)
    data = load_data(brief, store, state.versions[2], consumed_before(state, state.versions[2]))
    held_out = data.held_out.rows
    assert held_out > 2 * MOST
    assert (rows.count, rows.drawn_from) == (MOST, held_out)
    (ref,) = state.versions[2].slices
    (drawn,) = scored_rows.evaluated_rows([(ref.revision, held_out)])
    np.testing.assert_array_equal(rows.label, labels_of(data.held_out.take(drawn)))
    assert rows.champion is not None
    assert not np.array_equal(rows.champion, rows.candidate)

    said = state.versions[2].evaluated
    assert said is not None
    assert f"Drawn: {MOST} of {held_out:,} rows" in said.reason


def test_of_slices_consumed_before_so_many_are_drawn_in_all(
    brief: Pipeline, store: LocalStore, state: LineageState
) -> None:
    past = evaluated(store, state, 3).past
    assert past is not None
    held_out = [load_data(brief, store, state.versions[one], {}).held_out.rows for one in (1, 2)]
    assert (past.count, past.drawn_from) == (MOST, sum(held_out))
    shares = [int((past.slice == key).sum()) for key in (W1, W2)]
    np.testing.assert_allclose(shares, [MOST * one / sum(held_out) for one in held_out], atol=1)
    assert past.champion is not None
    assert np.isfinite(past.champion).all()


def test_the_champion_predicts_what_it_said_of_these_rows_as_a_candidate(
    brief: Pipeline, store: LocalStore, state: LineageState
) -> None:
    """Rows of one slice, drawn by its revision: for its own candidate, and for the one that came after."""
    then, now = evaluated(store, state, 1), evaluated(store, state, 2).past
    assert now is not None
    assert now.champion is not None
    np.testing.assert_array_equal(now.label, then.label)
    np.testing.assert_allclose(now.champion, then.candidate, rtol=0, atol=1e-6)


def test_whoever_checks_draws_the_same(
    brief: Pipeline, store: LocalStore, state: LineageState, tmp_path: Path
) -> None:
    for number in (1, 3):
        again = asked_again(brief, store, number)
        assert (again.rows, again.differs) == (MOST, False), again.message
    trained = state.versions[3].trained
    assert trained is not None
    drilled = drill(brief, store, 3, trained.step).predictions
    assert drilled is not None
    assert (drilled.rows, drilled.differs) == (MOST, False), drilled.message
    assert audit(brief, store, Audit(newest=2, epochs=1)).rows == MOST
