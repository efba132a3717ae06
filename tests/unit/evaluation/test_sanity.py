"""A candidate that says nothing, or nothing new, is called that and never promoted."""

from __future__ import annotations

import numpy as np
import pytest

from ckpt_ops.evaluation import AtLeast, evaluate_all
from ckpt_ops.evaluation.sanity import rejected_by_sanity

GATES = [AtLeast("auc", 0.1)]


@pytest.mark.parametrize("said", [0.3, 1.0])
def test_a_model_that_predicts_the_same_for_every_row_is_refused_in_words(flights, said):
    evaluation = evaluate_all(GATES, flights(candidate=np.full(2_000, said)))
    assert not evaluation.passed
    assert f"NotConstant: predicts {said:.4g}" in evaluation.message
    assert "it ignores its inputs" in evaluation.verdicts[-1].message
    classes = flights(
        label=np.arange(9) % 3, candidate=np.tile([0.2, 0.3, 0.5], (9, 1)), champion=None, segments={}
    )
    assert (
        "predicts [0.2, 0.3, 0.5] for each of 9 rows"
        in rejected_by_sanity(classes)[0].evaluate(classes, seed=0).message
    )


def test_a_model_that_learned_nothing_is_refused_in_words(flights):
    same = flights(noise=0.0)
    evaluation = evaluate_all(GATES, same)
    assert not evaluation.passed
    assert evaluation.message.startswith(
        "rejected by NotTheChampion: predicts the same as its champion on all 2,000 rows"
    )
    rounded = same.champion + 1e-8 * np.resize([1, -1], 2_000)
    assert not evaluate_all(GATES, flights(candidate=rounded, champion=same.champion)).passed
    nearly = same.champion.copy()
    nearly[7] += 1e-4
    assert evaluate_all(GATES, flights(candidate=nearly, champion=same.champion)).passed


def test_what_may_be_by_merit_is_left_alone(flights):
    yes_or_no = np.arange(2_000) % 2
    agreeing = flights(candidate=yes_or_no, champion=yes_or_no)
    assert rejected_by_sanity(agreeing) == ()
    assert rejected_by_sanity(flights(champion=None)) == ()
    asked = [verdict.gate.partition("(")[0] for verdict in evaluate_all(GATES, agreeing).verdicts]
    assert asked == ["AtLeast", "NoSuspectSlice"], "nothing is said of a candidate that is sane"
    alike = {"label": np.ones(5), "candidate": np.full(5, 0.9), "champion": None, "segments": {}}
    assert rejected_by_sanity(flights(**alike)) == (), "no row is known to differ"
