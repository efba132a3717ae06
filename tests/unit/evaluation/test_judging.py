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
    Basis,
    Evaluation,
    NoSegmentWorse,
    NotWorseThan,
    Past,
    PastSlice,
    Servable,
    Verdict,
    evaluate_all,
    metrics_of,
)

finite = st.floats(allow_nan=False, allow_infinity=False)
numbers = st.dictionaries(st.text(), finite, max_size=3)
verdicts = st.builds(
    Verdict, gate=st.text(), passed=st.sampled_from([True, False, None]), message=st.text(), numbers=numbers
)
evaluations = st.builds(
    Evaluation,
    passed=st.booleans(),
    message=st.text(),
    verdicts=st.lists(verdicts, max_size=3).map(tuple),
    candidate=numbers,
    champion=st.none() | numbers,
    slice_key=st.text(),
    rows=st.text(),
    count=st.integers(0),
    seed=st.integers(0),
    basis=st.sampled_from(Basis),
    past=st.dictionaries(
        st.text(),
        st.builds(PastSlice, rows=st.integers(0), candidate=numbers, champion=st.none() | numbers),
        max_size=2,
    ),
)


@dataclass(frozen=True)
class Says:
    """A gate of a user: answers what it was told to."""

    answer: bool | None
    name: str = "Says"
    absolute: bool = True

    def evaluate(self, evaluated, *, seed):
        return Verdict(gate=repr(self), passed=self.answer, message=f"says {self.answer}")


@settings(deadline=None)
@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5))
def test_passed_means_nobody_refused_and_somebody_passed(flights, answers):
    evaluation = evaluate_all([Says(answer) for answer in answers], flights(count=10, noise=0.1))
    assert evaluation.passed is (False not in answers and True in answers)
    assert [verdict.passed for verdict in evaluation.verdicts] == answers


def test_no_gates_is_an_error_and_never_a_pass(flights):
    with pytest.raises(BadInput, match="at least one gate"):
        evaluate_all([], flights())


@pytest.mark.parametrize("gates", [[NotWorseThan()], [NoSegmentWorse("carrier"), Servable()]])
def test_a_first_version_needs_an_absolute_gate(gates, flights):
    with pytest.raises(BadInput, match=r"at least one absolute gate for a first version[\s\S]*add AtLeast"):
        evaluate_all(gates, flights(champion=None))


@pytest.mark.parametrize("threshold", [0.1, 0.99])
def test_the_first_version_is_decided_by_its_absolute_gates(threshold, flights):
    evaluation = evaluate_all([NotWorseThan(), AtLeast("auc", threshold)], flights(champion=None))
    assert evaluation.passed is (threshold == 0.1)
    assert evaluation.champion is None
    assert evaluation.verdicts[0].passed is None


def test_where_no_gate_applies_the_candidate_is_refused(flights):
    evaluation = evaluate_all([NoSegmentWorse("carrier", min_rows=10_000)], flights(noise=0.1))
    assert (evaluation.passed, evaluation.message) == (
        False,
        f"rejected: no gate could be applied. Evaluated on {Basis.HOLDOUT.message}",
    )


def test_everyone_who_refused_is_in_the_words(flights):
    gates = [AtLeast("auc", 0.99), AtMost("log_loss", 0.01), Servable()]
    evaluation = evaluate_all(gates, flights())
    assert evaluation.message.startswith("rejected by AtLeast: auc ")
    assert "AtMost: log_loss" in evaluation.message
    assert "Servable" not in evaluation.message


def test_a_pass_counts_what_passed_and_what_did_not_apply(flights):
    gates = [AtLeast("auc", 0.5), NoSegmentWorse("carrier", min_rows=10_000)]
    evaluation = evaluate_all(gates, flights(noise=0.1))
    assert evaluation.message.startswith(
        "passed: 1 of 2 gates passed, 1 not applicable. Evaluated on held-out rows"
    )


def test_both_models_metrics_are_recorded_where_they_have_a_value(flights):
    evaluation = evaluate_all([Servable()], flights(candidate=np.full(2_000, np.nan)))
    assert evaluation.candidate == {}
    binary = {"auc", "log_loss", "accuracy", "brier", "average_precision", "f1", "balanced_accuracy", "ece"}
    numbers = {"rmse", "mae", "r2"}
    assert set(evaluation.champion) == binary | numbers
    regression = flights(label=np.linspace(-50, 200, 2_000))
    assert set(evaluate_all([Servable()], regression).champion) == numbers


def test_the_same_seed_gives_the_same_evaluation(flights):
    gates = [NotWorseThan(), AtLeast("auc", 0.5)]
    assert evaluate_all(gates, flights(noise=0.1), seed=4) == evaluate_all(gates, flights(noise=0.1), seed=4)


@pytest.mark.parametrize("not_a_gate", [AtLeast, "auc >= 0.6", None])
def test_what_is_not_a_gate_is_refused(not_a_gate, flights):
    with pytest.raises(BadInput, match="gates="):
        evaluate_all([not_a_gate], flights())


@settings(max_examples=60, deadline=None)
@given(evaluations)
def test_an_evaluation_survives_strict_json(evaluation):
    assert Evaluation.from_json(json.loads(json.dumps(evaluation.to_json(), allow_nan=False))) == evaluation


def test_json_with_something_missing_is_refused_by_name():
    with pytest.raises(BadInput, match="missing: words, numbers"):
        Verdict.from_json({"gate": "AtLeast('auc', 0.6)", "passed": True})


@pytest.mark.parametrize("passed", [1, "yes", np.True_])
def test_passed_is_true_false_or_none_and_nothing_like_it(passed):
    with pytest.raises(BadInput, match="True, False or None"):
        Verdict(gate="g", passed=passed, message="w")


def test_a_number_without_a_value_is_no_number():
    with pytest.raises(BadInput, match="finite"):
        Verdict(gate="g", passed=True, message="w", numbers={"auc": float("nan")})


@pytest.mark.parametrize("basis", Basis)
def test_the_words_say_whether_the_rows_favour_the_candidate(basis, flights):
    for threshold in (0.1, 0.99):
        evaluation = evaluate_all([AtLeast("auc", threshold)], flights(basis=basis))
        assert evaluation.basis is basis
        assert evaluation.message.endswith(f". Evaluated on {basis.message}")


def test_both_models_metrics_on_each_past_slice_are_recorded(flights):
    one, other = flights(count=60, seed=1), flights(count=40, seed=2)
    past = Past(
        slice=["w2"] * 60 + ["w1"] * 40,
        label=np.concatenate([one.label, other.label]),
        candidate=np.concatenate([one.candidate, other.candidate]),
        champion=np.concatenate([one.champion, other.champion]),
    )
    found = evaluate_all([AtLeast("auc", 0.1)], flights(past=past)).past
    assert list(found) == ["w2", "w1"]
    assert found["w1"].rows == 40
    assert found["w2"].candidate == metrics_of(one.label, one.candidate)
    assert found["w1"].champion == metrics_of(other.label, other.champion)
    assert evaluate_all([AtLeast("auc", 0.1)], flights()).past == {}


def test_several_classes_and_rankings_are_recorded_with_their_own_metrics(flights):
    label = np.arange(12) % 3
    classes = flights(label=label, candidate=np.eye(3)[label], champion=None, segments={})
    found = evaluate_all([AtLeast("top1_accuracy", 0.5)], classes)
    assert set(found.candidate) == {"top1_accuracy", "cross_entropy", "macro_f1"}
    ranked = flights(count=100, groups=np.repeat(np.arange(20), 5))
    assert {"ndcg", "mrr", "auc"} <= set(evaluate_all([AtLeast("auc", 0.1)], ranked).champion)


def test_an_evaluation_from_before_it_had_a_basis_is_read_as_what_it_was(flights):
    written = evaluate_all([AtLeast("auc", 0.1)], flights()).to_json()
    del written["basis"], written["past"]
    found = Evaluation.from_json(written)
    assert (found.basis, found.past) == (Basis.HOLDOUT, {})
