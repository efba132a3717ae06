"""Predictions for each position of a row: metrics count positions, resamples draw rows."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops import AtLeast, Calibrated, FairRates, NoSegmentWorse, NotWorseThan
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import METRICS, EvaluatedRows, evaluate_all, metrics_of, paired_bootstrap
from ckpt_ops.evaluation.errors import UndefinedMetric
from ckpt_ops.evaluation.past import Past
from ckpt_ops.lists import cells_of
from ckpt_ops.outputs import cut_to, differences, each, form, formed, lengths, not_a_number, together
from ckpt_ops.serving.comparison import Compared

LENGTHS = st.lists(st.integers(0, 4), min_size=2, max_size=9).filter(lambda found: sum(found) > 2)


def rows_of(lengths: list[int], seed: int) -> tuple[np.ndarray[Any, Any], ...]:
    """Labels, candidate and champion of rows that have so many positions, as cells."""
    draw = np.random.default_rng(seed)
    count = sum(lengths)
    label = (np.arange(count) % 2).astype(float)
    return tuple(cells_of(one, np.array(lengths)) for one in (label, draw.random(count), draw.random(count)))


def evaluated(lengths: list[int], seed: int = 0, **beside: Any) -> EvaluatedRows:
    label, candidate, champion = rows_of(lengths, seed)
    return EvaluatedRows(
        label=label,
        candidate=candidate,
        champion=champion,
        slice_key="2013-01-06",
        rows="holdout",
        segments={"origin": np.array(["JFK", "EWR"] * len(lengths))[: len(lengths)]},
        **beside,
    )


@given(LENGTHS, st.integers(0, 99))
def test_a_metric_is_that_of_all_positions(lengths: list[int], seed: int) -> None:
    label, candidate, _ = rows_of(lengths, seed)
    found = metrics_of(label, candidate)
    assert found == metrics_of(np.concatenate(label), np.concatenate(candidate))
    assert "log_loss" in found


def test_a_resample_draws_rows_with_all_their_positions() -> None:
    """Rows of one answer are one piece of evidence, however many positions they have."""
    label, candidate, champion = rows_of([20] * 30, 3)
    repeated = [cells_of(np.repeat([one[0] for one in cells], 20), np.full(30, 20)) for cells in (label,)]
    for cells, value in ((candidate, 0.4), (champion, 0.3)):
        noise = np.random.default_rng(int(value * 10)).random(30)
        repeated.append(cells_of(np.repeat(noise, 20), np.full(30, 20)))
        assert len(cells) == 30
    y, ours, theirs = repeated
    plain = [np.array([one[0] for one in cells]) for cells in repeated]
    metric = METRICS["rmse"]
    of_positions = paired_bootstrap(metric, y, ours, theirs, seed=1)
    of_rows = paired_bootstrap(metric, *plain, seed=1)  # type: ignore[arg-type]
    assert of_positions.delta == pytest.approx(of_rows.delta)
    assert (of_positions.low, of_positions.high) == pytest.approx((of_rows.low, of_rows.high))
    assert metric.units(y) == 30


def test_classes_and_labels_of_positions() -> None:
    sizes = np.array([2, 0, 1])
    probabilities = cells_of(np.array([[0.8, 0.1, 0.1], [0.2, 0.2, 0.6], [0.1, 0.8, 0.1]]), sizes)
    assert metrics_of(cells_of(np.array([0.0, 2.0, 0.0]), sizes), probabilities)["top1_accuracy"] == 2 / 3
    tags = cells_of(np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [0.0, 1.0, 0.0]]), sizes)
    assert metrics_of(tags, probabilities)["auc"] > 0.5
    assert form(tags) == {"": (None, 3)}
    assert formed(tags) == "3 numbers a position"


@given(LENGTHS, st.integers(0, 99))
def test_a_table_gives_back_what_was_put_in(lengths: list[int], seed: int) -> None:
    rows = evaluated(lengths, seed)
    again = EvaluatedRows.from_table(rows.to_table())
    for ours, theirs in ((rows.label, again.label), (rows.candidate, again.candidate)):
        assert [one.tolist() for one in ours] == [one.tolist() for one in theirs]
    past = Past(slice=np.array(["w"] * rows.count), label=rows.label, candidate=rows.candidate)
    assert [one.tolist() for one in Past.from_table(past.to_table()).label] == [
        one.tolist() for one in rows.label
    ]


def test_gates_take_positions() -> None:
    rows = evaluated([3, 1, 2, 4] * 60, seed=5)
    gates = [
        AtLeast("auc", 0.99),
        NotWorseThan(metric="auc", margin=0.9),
        NoSegmentWorse("origin", metric="log_loss", margin=9.0, min_rows=10),
        Calibrated(at_most=0.9),
        FairRates("origin", max_gap=0.9, min_rows=10),
    ]
    found = evaluate_all(gates, rows)
    passed = [verdict.passed for verdict in found.verdicts]
    assert passed[:5] == [False, True, True, True, True]
    assert found.count == 240


def test_one_answer_for_all_positions_is_a_constant() -> None:
    label, *_ = rows_of([3, 1, 2], 0)
    rows = EvaluatedRows(
        label=label, candidate=cells_of(np.full(6, 0.5), np.array([3, 1, 2])), slice_key="w", rows="r"
    )
    found = evaluate_all([AtLeast("auc", 0.1)], rows)
    assert "predicts 0.5 for each of 3 rows" in found.message


def test_other_positions_than_the_labels_are_refused() -> None:
    label, candidate, _ = rows_of([3, 1], 0)
    other = cells_of(np.concatenate(candidate), np.array([2, 2]))
    with pytest.raises(BadInput, match=r"predictions of 2 positions in row 0.*labels: 3"):
        EvaluatedRows(label=label, candidate=other, slice_key="w", rows="r")
    with pytest.raises(BadInput, match="1 number"):
        EvaluatedRows(label=label, candidate=np.zeros(2), slice_key="w", rows="r")
    with pytest.raises(UndefinedMetric, match="for each position"):
        METRICS["rmse"](label, other)


def test_several_outputs_may_be_of_rows_and_of_positions() -> None:
    label, candidate, champion = rows_of([3, 1, 2], 0)
    ours, theirs = (together({"liked": one, "all": np.arange(3.0)}) for one in (candidate, champion))
    assert form(ours) == {"all": (), "liked": (None,)}
    assert lengths(ours)["liked"].tolist() == [3, 1, 2]
    assert len(differences(ours, theirs)) == 9
    assert np.isnan(np.concatenate(not_a_number(ours)["liked"])).all()
    found = metrics_of(together({"liked": label, "all": np.array([1.0, 0.0, 1.0])}), ours)
    assert {"liked:auc", "all:rmse"} <= found.keys()
    assert Compared().and_then(ours, ours, binary=False).max_abs_difference == 0
    assert Compared().and_then(ours, theirs, binary=False).max_abs_difference > 0
    assert Compared().and_then(ours, ours[:2], binary=False).max_abs_difference == np.inf
    assert each(ours).keys() == {"all", "liked"}


def test_predictions_of_a_fixed_length_are_cut_to_the_labels() -> None:
    whole = cells_of(np.arange(6.0), np.array([3, 3]))
    assert [one.tolist() for one in cut_to(whole, {"": np.array([2, 0])})] == [[0.0, 1.0], []]
    ragged = cells_of(np.arange(6.0), np.array([4, 2]))
    assert cut_to(ragged, {"": np.array([2, 0])}) is not whole
    assert [len(one) for one in cut_to(ragged, {"": np.array([2, 0])})] == [4, 2]
