"""k labels of a row: the mean over the labels, or one of them by name."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from sklearn.metrics import f1_score, log_loss, roc_auc_score

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import (
    METRICS,
    AtLeast,
    EvaluatedRows,
    NoSuspectSlice,
    NotWorseThan,
    Past,
    UndefinedMetric,
    evaluate_all,
    metrics_of,
    paired_bootstrap,
)
from ckpt_ops.evaluation.report import report_values
from ckpt_ops.outputs import NAMED

ROWS, LABELS = 2_000, 3


def tags(*, noise: tuple[float, ...] = (1.0, 1.0, 1.0), seed: int = 1) -> tuple[np.ndarray, np.ndarray]:
    draw = np.random.default_rng(seed)
    label = (draw.random((ROWS, LABELS)) < (0.5, 0.2, 0.05)).astype(float)
    return label, 1 / (1 + np.exp(-draw.normal(2 * label - 1, noise)))


def rows(noise: tuple[float, ...] = (1.05, 1.05, 1.05)) -> EvaluatedRows:
    label, champion = tags()
    _, candidate = tags(noise=noise)
    return EvaluatedRows(
        label=label,
        candidate=candidate,
        champion=champion,
        slice=np.full(ROWS, "w1"),
        slice_key="w1",
        rows="held out",
    )


def test_a_metric_is_the_mean_over_the_labels_as_scikit_learn_has_it() -> None:
    label, p = tags()
    assert METRICS["auc"](label, p) == pytest.approx(roc_auc_score(label, p, average="macro"), abs=1e-12)
    assert METRICS["f1"](label, p) == pytest.approx(f1_score(label, p >= 0.5, average="macro"), abs=1e-12)
    each = [log_loss(label[:, at], p[:, at]) for at in range(LABELS)]
    assert METRICS["log_loss"](label, p) == pytest.approx(np.mean(each), abs=1e-12)


@pytest.mark.parametrize("name", ["auc", "f1", "log_loss", "average_precision", "rmse"])
def test_resamples_have_the_same_mean(name: str) -> None:
    label, p = tags()
    metric = METRICS[name]
    drawn = np.random.default_rng(0).integers(0, ROWS, ROWS)
    counts = np.bincount(drawn, minlength=ROWS)[None].astype(float)
    assert metric.weighted(label, p)(counts)[0] == pytest.approx(metric(label[drawn], p[drawn]), abs=1e-9)
    assert metric.units(label) == ROWS


def test_where_one_label_has_no_value_the_mean_has_none_and_says_which() -> None:
    label, p = tags()
    label[:, 2] = 0
    with pytest.raises(UndefinedMetric, match="label 2: auc needs"):
        METRICS["auc"](label, p)
    found = metrics_of(label, p)
    assert "auc" not in found
    assert {"label:0:auc", "label:1:auc", "log_loss", "label:2:log_loss"} <= found.keys()
    with pytest.raises(UndefinedMetric, match="a prediction for each of 3 labels"):
        METRICS["auc"](label, p[:, :2])
    assert "top1_accuracy" not in found  # labels of a row are no classes


def test_a_rare_label_is_not_hidden_by_the_others_when_a_gate_names_it() -> None:
    worse = rows(noise=(1.0, 1.0, 4.0))
    mean = AtLeast("auc", 0.8)
    assert evaluate_all([mean], worse).passed
    found = evaluate_all([mean, NotWorseThan(metric="auc", output="label:2", slices=0)], worse)
    assert not found.passed
    assert "output label:2: auc fell" in found.message
    label, p = worse.label[:, 2], worse.candidate[:, 2]
    assert found.candidate["label:2:auc"] == METRICS["auc"](label, p)
    assert worse.champion is not None
    assert (
        found.verdicts[1].numbers["low"]
        == paired_bootstrap(METRICS["auc"], label, p, worse.champion[:, 2], seed=0).low
    )


def test_rows_with_k_labels_are_kept_and_reported() -> None:
    one = rows()
    again = EvaluatedRows.from_table(one.to_table())
    assert again.label.tobytes() == one.label.tobytes()
    found = evaluate_all([AtLeast("auc", 0.5), NotWorseThan(slices=0)], again)
    values = report_values(again, found, model="m", version=1, champion=None, metric="auc")
    assert values["curves"] == {"kind": "none"}
    with pytest.raises(BadInput, match="those of the labels: 3 numbers"):
        replace(one, candidate=np.zeros((ROWS, 2)), champion=None)


def test_many_labels_have_a_mean_and_the_first_of_them_metrics_of_their_own() -> None:
    draw = np.random.default_rng(0)
    label = (draw.random((200, NAMED + 4)) < 0.5).astype(float)
    found = metrics_of(label, draw.random(label.shape))
    assert f"label:{NAMED - 1}:auc" in found
    assert f"label:{NAMED}:auc" not in found


def test_a_slice_in_which_every_row_has_the_same_labels_is_suspect() -> None:
    one = rows()
    odd = one.label.copy()
    odd[:300] = (1, 0, 0)
    keys = np.where(np.arange(ROWS) < 300, "odd", "usual")
    past = Past(slice=np.full(ROWS, "w0"), label=one.label, candidate=one.candidate, champion=one.champion)
    shown = replace(one, label=odd, slice=keys, past=past, usual={"auc": [0.99] * 5})
    found = NoSuspectSlice(metric="auc").evaluate(shown, seed=0)
    assert found.passed is False
    assert "slice odd: all 300 labels are 1, 0, 0, elsewhere" in found.message
    # a low score on the other slice is compared with what the shares of labels would predict
    assert "slice usual: the champion's auc is" in found.message
