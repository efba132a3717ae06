"""All gates together: never a pass by omission, and a record that can be read back."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import (
    AtLeast,
    AtMost,
    Evaluation,
    NoSegmentWorse,
    NotWorseThan,
    Servable,
    Verdict,
    judge_all,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.dictionaries(st.text(), finite, max_size=3)
verdicts = st.builds(
    Verdict, gate=st.text(), passed=st.sampled_from([True, False, None]), words=st.text(), numbers=numbers
)
evaluations = st.builds(
    Evaluation,
    passed=st.booleans(),
    words=st.text(),
    verdicts=st.lists(verdicts, max_size=3).map(tuple),
    candidate=numbers,
    champion=st.none() | numbers,
    slice_key=st.text(),
    rows=st.text(),
    count=st.integers(0),
    seed=st.integers(0),
)


@dataclass(frozen=True)
class Says:
    """A gate of a user: answers what it was told to."""

    answer: bool | None
    name: str = "Says"
    absolute: bool = True

    def judge(self, judged, *, seed):
        return Verdict(gate=repr(self), passed=self.answer, words=f"says {self.answer}")


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5))
def test_passed_means_nobody_refused_and_somebody_passed(flights, answers):
    evaluation = judge_all([Says(answer) for answer in answers], flights(count=10))
    assert evaluation.passed is (False not in answers and True in answers)
    assert [verdict.passed for verdict in evaluation.verdicts] == answers


def test_no_gates_is_an_error_and_never_a_pass(flights):
    with pytest.raises(BadInput, match="at least one gate"):
        judge_all([], flights())


@pytest.mark.parametrize("gates", [[NotWorseThan()], [NoSegmentWorse("carrier"), Servable()]])
def test_a_first_version_needs_an_absolute_gate(gates, flights):
    with pytest.raises(BadInput, match=r"at least one absolute gate for a first version[\s\S]*add AtLeast"):
        judge_all(gates, flights(champion=None))


@pytest.mark.parametrize("threshold", [0.1, 0.99])
def test_the_first_version_is_decided_by_its_absolute_gates(threshold, flights):
    evaluation = judge_all([NotWorseThan(), AtLeast("auc", threshold)], flights(champion=None))
    assert evaluation.passed is (threshold == 0.1)
    assert evaluation.champion is None
    assert evaluation.verdicts[0].passed is None


def test_where_no_gate_applies_the_candidate_is_refused(flights):
    evaluation = judge_all([NoSegmentWorse("carrier", min_rows=10_000)], flights())
    assert (evaluation.passed, evaluation.words) == (False, "refused: no gate could be applied")


def test_everyone_who_refused_is_in_the_words(flights):
    gates = [AtLeast("auc", 0.99), AtMost("log_loss", 0.01), Servable()]
    evaluation = judge_all(gates, flights())
    assert evaluation.words.startswith("refused by AtLeast: auc ")
    assert "AtMost: log_loss" in evaluation.words
    assert "Servable" not in evaluation.words


def test_a_pass_counts_what_passed_and_what_did_not_apply(flights):
    evaluation = judge_all([AtLeast("auc", 0.5), NoSegmentWorse("carrier", min_rows=10_000)], flights())
    assert evaluation.words == "passed: 1 of 2 gates passed, 1 not applicable"


def test_both_models_metrics_are_recorded_where_they_have_a_value(flights):
    evaluation = judge_all([Servable()], flights(candidate=np.full(2_000, np.nan)))
    assert evaluation.candidate == {}
    assert set(evaluation.champion) == {"auc", "log_loss", "accuracy", "brier", "rmse", "mae"}
    regression = flights(label=np.linspace(-50, 200, 2_000))
    assert set(judge_all([Servable()], regression).champion) == {"rmse", "mae"}


def test_the_same_seed_gives_the_same_evaluation(flights):
    gates = [NotWorseThan(), AtLeast("auc", 0.5)]
    assert judge_all(gates, flights(noise=0.1), seed=4) == judge_all(gates, flights(noise=0.1), seed=4)


@pytest.mark.parametrize("not_a_gate", [AtLeast, "auc >= 0.6", None])
def test_what_is_not_a_gate_is_refused(not_a_gate, flights):
    with pytest.raises(BadInput, match="gates="):
        judge_all([not_a_gate], flights())


@settings(max_examples=60)
@given(evaluations)
def test_an_evaluation_survives_strict_json(evaluation):
    assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json(), allow_nan=False))) == evaluation


def test_json_with_something_missing_is_refused_by_name():
    with pytest.raises(BadInput, match="missing: words, numbers"):
        Verdict.from_json({"gate": "AtLeast('auc', 0.6)", "passed": True})


@pytest.mark.parametrize("passed", [1, "yes", np.True_])
def test_passed_is_true_false_or_none_and_nothing_like_it(passed):
    with pytest.raises(BadInput, match="True, False or None"):
        Verdict(gate="g", passed=passed, words="w")


def test_a_number_without_a_value_is_no_number():
    with pytest.raises(BadInput, match="finite"):
        Verdict(gate="g", passed=True, words="w", numbers={"auc": float("nan")})
