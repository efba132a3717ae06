"""A slice in which there is nothing to learn is suspect; one that is hard, and can be learned, is not."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import (
    AtLeast,
    Basis,
    EvaluatedRows,
    Floor,
    NoSuspectSlice,
    NotWorseThan,
    Past,
    Servable,
    evaluate_all,
)

USUAL = {"auc": [0.70, 0.66, 0.71, 0.68, 0.74, 0.69]}
SEEDS = st.integers(0, 2**32 - 1)


def rows_of(
    key: str, *, champion: float, candidate: float, seed: int, count: int = 1_200
) -> dict[str, np.ndarray]:
    """A slice on which the two models know so much of the labels: 0 is nothing, 0.7 an AUC of about .69."""
    random = np.random.default_rng(seed)
    label = (random.random(count) < 0.3).astype(float)
    noise = random.normal(size=count)
    return {
        "label": label,
        "champion": noise + champion * label,
        "candidate": noise + candidate * label,
        "slice": np.repeat(key, count),
    }


def evaluated(*parts: dict[str, np.ndarray], **changes: object) -> EvaluatedRows:
    whole = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    keys = tuple(str(part["slice"][0]) for part in parts)
    fields = {"slice_key": keys[-1], "rows": "holdout", "consumed": keys, "usual": USUAL}
    return EvaluatedRows(**{**whole, **fields, **changes})


def noise_of(key: str, seed: int) -> dict[str, np.ndarray]:
    """Shuffled labels: both models know nothing, each in its own way."""
    random = np.random.default_rng(seed)
    return {
        "label": (random.random(1_200) < 0.3).astype(float),
        "champion": random.normal(size=1_200),
        "candidate": random.normal(size=1_200),
        "slice": np.repeat(key, 1_200),
    }


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS, at=st.integers(0, 2))
def test_noise_is_found_wherever_it_stands_in_a_group(seed, at):
    parts = [rows_of(f"2013-01-{day}", champion=0.7, candidate=0.8, seed=seed + day) for day in (13, 20, 27)]
    noise = noise_of(f"2013-01-{(13, 20, 27)[at]}", seed)
    parts[at] = {**noise, "candidate": noise["champion"]}  # in one of twenty, chance alone would help
    verdict = NoSuspectSlice().evaluate(evaluated(*parts), seed=0)
    key = str(parts[at]["slice"][0])
    assert verdict.passed is False
    assert verdict.suspects.keys() == {key}
    assert f"slice {key}: the champion's auc is 0." in verdict.message
    assert "does not surely help on the rest" in verdict.message


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_a_storm_that_can_be_learned_passes(seed):
    storm = rows_of("2013-02-10", champion=0.1, candidate=0.5, seed=seed)
    before = rows_of("2013-02-03", champion=0.7, candidate=0.7, seed=seed + 1)
    verdict = NoSuspectSlice().evaluate(evaluated(storm, past=Past(**before)), seed=0)
    assert verdict.passed is True
    assert "helps on the rest" in verdict.message


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_inverted_labels_can_be_learned_and_are_refused(seed):
    inverted = rows_of("2013-02-10", champion=-0.9, candidate=-0.5, seed=seed)
    before = rows_of("2013-02-03", champion=0.7, candidate=0.7, seed=seed + 1)
    verdict = NoSuspectSlice().evaluate(evaluated(inverted, past=Past(**before)), seed=0)
    assert verdict.passed is False
    assert "helps on the rest" in verdict.message
    assert "but a constant is surely better there than the champion" in verdict.message


@settings(max_examples=8, deadline=None)
@given(seed=SEEDS)
def test_a_usual_slice_is_not_looked_at_twice(seed):
    usual = rows_of("2013-02-10", champion=0.8, candidate=0.9, seed=seed)
    verdict = NoSuspectSlice().evaluate(evaluated(usual), seed=0)
    assert verdict.passed is True
    assert verdict.suspects == {}


def test_a_hard_slice_is_named_only_when_something_else_refuses():
    storm = rows_of("2013-02-10", champion=0.1, candidate=0.5, seed=1)
    gates = [AtLeast("auc", 0.0), NotWorseThan()]
    assert evaluate_all(gates, evaluated(storm)).suspects == {}
    refused = evaluate_all([*gates, AtLeast("auc", 0.99, floor=Floor.ALWAYS)], evaluated(storm))
    assert refused.suspects.keys() == {"2013-02-10"}


def test_it_is_asked_whether_or_not_a_pipeline_lists_it():
    evaluation = evaluate_all([AtLeast("auc", 0.0)], evaluated(noise_of("2013-01-20", 3)))
    assert evaluation.passed is False
    assert "rejected by NoSuspectSlice" in evaluation.message


def test_a_slice_that_a_person_released_is_not_suspect():
    released = evaluated(noise_of("2013-01-20", 7), trusted=frozenset({"2013-01-20"}))
    assert evaluate_all([AtLeast("auc", 0.0)], released).passed is True


@pytest.mark.parametrize("label", [0.0, 1.0])
def test_labels_that_are_all_the_same_are_suspect_where_others_differ(label):
    one = rows_of("2013-01-20", champion=0.7, candidate=0.7, seed=1)
    other = rows_of("2013-01-27", champion=0.7, candidate=0.7, seed=2)
    verdict = NoSuspectSlice().evaluate(evaluated({**one, "label": np.full(1_200, label)}, other), seed=0)
    assert verdict.passed is False
    assert verdict.suspects.keys() == {"2013-01-20"}
    assert f"all 1,200 labels are {label:g}" in verdict.message


def test_a_slice_alone_is_compared_with_the_labels_of_the_past():
    one = rows_of("2013-01-20", champion=0.7, candidate=0.7, seed=1)
    past = Past(
        slice=np.repeat("2013-01-13", 1_200),
        label=one["label"],
        candidate=one["candidate"],
        champion=one["champion"],
    )
    poisoned = evaluated({**one, "label": np.zeros(1_200)}, past=past)
    evaluation = evaluate_all([AtLeast("auc", 0.6)], poisoned)
    assert evaluation.suspects.keys() == {"2013-01-20"}


def test_a_rare_label_that_does_not_occur_is_chance():
    rare = rows_of("2013-01-27", champion=0.7, candidate=0.7, seed=2)
    one = {**rows_of("2013-01-20", champion=0.7, candidate=0.7, seed=1, count=300), "label": np.zeros(300)}
    few = {**rare, "label": (np.arange(1_200) % 400 == 0).astype(float)}
    verdict = NoSuspectSlice().evaluate(evaluated(one, few), seed=0)
    assert "2013-01-20" not in verdict.suspects


def test_one_slice_alone_is_blamed_for_harm_and_for_nothing_else(flights):
    alone = flights(noise=2.0, consumed=("2013-01-06",))
    assert evaluate_all([NotWorseThan(), AtLeast("auc", 0.5)], alone).suspects.keys() == {"2013-01-06"}
    slow = flights(noise=0.0, consumed=("2013-01-06",), servable=None)
    refused = evaluate_all([NotWorseThan(), AtLeast("auc", 0.5), Servable()], slow)
    assert (refused.passed, refused.suspects) == (False, {})


def test_of_several_slices_none_is_blamed_without_evidence(flights):
    several = flights(noise=2.0, consumed=("2013-01-06", "2013-01-13"))
    assert evaluate_all([NotWorseThan(), AtLeast("auc", 0.5)], several).suspects == {}


def test_with_few_earlier_scores_the_sampling_error_counts():
    few = {"auc": [0.70]}
    assert NoSuspectSlice().evaluate(evaluated(noise_of("2013-01-20", 3), usual=few), seed=0).passed is False
    usual = rows_of("2013-01-20", champion=0.7, candidate=0.7, seed=3)
    assert NoSuspectSlice().evaluate(evaluated(usual, usual=few), seed=0).passed is True


def test_without_earlier_scores_or_a_champion_nothing_is_low():
    noise = noise_of("2013-01-20", 3)
    assert NoSuspectSlice().evaluate(evaluated(noise, usual={}), seed=0).passed is True
    assert NoSuspectSlice().evaluate(evaluated(noise, champion=None), seed=0).passed is None


def test_in_shadow_the_rows_are_of_no_slice_that_was_learned():
    noise = evaluated(noise_of("2013-01-20", 3), basis=Basis.SHADOW)
    assert NoSuspectSlice().evaluate(noise, seed=0).passed is None


def test_a_lower_error_is_not_low():
    """For a metric where lower is better, low is high."""
    random = np.random.default_rng(0)
    label = random.normal(size=1_200)
    rows = {"label": label, "champion": label + 5 * random.normal(size=1_200), "slice": np.repeat("k", 1_200)}
    usual = {"rmse": [1.0, 1.1, 0.9, 1.0]}
    noise = evaluated({**rows, "candidate": rows["champion"]}, usual=usual)
    assert NoSuspectSlice(metric="rmse").evaluate(noise, seed=0).passed is False
    good = evaluated({**rows, "champion": label + 0.1, "candidate": label + 0.1}, usual=usual)
    assert NoSuspectSlice(metric="rmse").evaluate(good, seed=0).passed is True


def test_its_settings_are_checked():
    with pytest.raises(BadInput, match="deviations"):
        NoSuspectSlice(deviations=0)
    with pytest.raises(BadInput, match="metric"):
        NoSuspectSlice(metric="charm")
