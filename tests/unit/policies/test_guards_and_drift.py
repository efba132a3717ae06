"""Guards and drift: what holds an update back, and what of the data asks for one."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.policies import (
    AllOf,
    AnyOf,
    ColumnDrift,
    Cooldown,
    CostBudget,
    Decision,
    Drift,
    DriftNeed,
    Every,
    Facts,
    MetricDrop,
    Rows,
    decide,
    drift_needed,
)
from ckpt_ops.policies.drift import MOST_RECORDED

DAY = 86_400


def facts(**changes: object) -> Facts:
    known: dict[str, object] = {
        "pending_rows": 6_000,
        "pending_slices": 1,
        "seconds_since_update": 30.0 * DAY,
        "has_champion": True,
        "champion_metrics_at_promotion": {"auc": 0.7},
    }
    return Facts(**(known | changes))


def drifted(**psi: float) -> dict[str, ColumnDrift]:
    return {
        name: ColumnDrift(psi=value, psi_noise=0.01, ks=0.1, ks_noise=0.01) for name, value in psi.items()
    }


# --- Cooldown ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "known", "due", "message"),
    [
        (
            Cooldown(seconds=DAY),
            {"seconds_since_training": 3_600.0},
            False,
            "3,600 s since the last training <",
        ),
        (Cooldown(seconds=DAY), {"seconds_since_training": 1.0 * DAY}, True, ">= 86,400"),
        (Cooldown(slices=2), {"slices_since_training": 1}, False, "1 new slices since the last training < 2"),
        (Cooldown(slices=2), {"slices_since_training": 2}, True, ">= 2"),
        (Cooldown(slices=2), {}, True, "no training is on record"),
        (Cooldown(seconds=DAY), {}, True, "no training is on record"),
    ],
)
def test_a_cooldown_counts_from_the_last_training(policy, known, due, message):
    decision = decide(policy, facts(**known))
    assert decision.due is due
    assert message in decision.message


@given(st.integers(0, 9), st.integers(1, 9), st.integers(0, 9))
def test_a_cooldown_that_is_over_stays_over(passed, slices, more):
    now = decide(Cooldown(slices=slices), facts(slices_since_training=passed)).due
    later = decide(Cooldown(slices=slices), facts(slices_since_training=passed + more)).due
    assert later or not now


def test_a_guard_holds_back_what_asks_but_never_a_first_version():
    guarded = AllOf(Rows(at_least=5_000), Cooldown(slices=2))
    hot = facts(slices_since_training=1)
    assert decide(Rows(at_least=5_000), hot).due is True
    assert decide(guarded, hot).due is False
    first = facts(has_champion=False, seconds_since_update=None, slices_since_training=0)
    assert decide(guarded, first).due is True


# --- CostBudget --------------------------------------------------------------------------------

trainings = st.lists(st.tuples(st.integers(0, 100), st.integers(0, 50)), max_size=8).map(tuple)


def test_a_cost_budget_counts_what_ended_within_the_window_and_says_what_is_left():
    policy = CostBudget(training_seconds=600, within_seconds=7 * DAY)
    some = facts(trainings=((2.0 * DAY, 250.0), (6.0 * DAY, 300.0), (8.0 * DAY, 9_999.0)))
    decision = decide(policy, some)
    assert decision.due is True
    assert decision.numbers["training_seconds_used"] == 550
    assert decision.numbers["training_seconds_left"] == 50
    assert "frees_in_seconds" not in decision.numbers


def test_a_budget_that_is_used_up_says_when_the_window_frees():
    policy = CostBudget(training_seconds=600, within_seconds=7 * DAY)
    decision = decide(policy, facts(trainings=((2.0 * DAY, 350.0), (6.0 * DAY, 300.0))))
    assert decision.due is False
    assert decision.numbers["training_seconds_left"] == 0
    assert decision.numbers["frees_in_seconds"] == 1 * DAY
    assert decision.message.endswith("the budget of 600 s is used up; the window frees in 86,400 s")


@given(trainings, st.integers(1, 120), st.integers(1, 100))
def test_it_frees_exactly_when_it_says_so(ended, budget, window):
    policy = CostBudget(training_seconds=budget, within_seconds=window)

    def due_in(seconds):
        aged = tuple((float(ago + seconds), float(cost)) for ago, cost in ended)
        return decide(policy, facts(trainings=aged))

    now = due_in(0)
    if now.due:
        assert now.numbers["training_seconds_used"] < budget
        return
    frees = int(now.numbers["frees_in_seconds"])
    assert frees > 0
    assert due_in(frees).due is True
    assert due_in(frees - 1).due is False


@given(trainings, st.integers(1, 120), st.integers(1, 100), st.integers(0, 50))
def test_a_larger_budget_never_makes_an_update_wait(ended, budget, window, more):
    known = facts(trainings=tuple((float(ago), float(cost)) for ago, cost in ended))
    small = decide(CostBudget(training_seconds=budget, within_seconds=window), known).due
    large = decide(CostBudget(training_seconds=budget + more, within_seconds=window), known).due
    assert large or not small


# --- Drift -------------------------------------------------------------------------------------

sizes = st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 2), min_size=1)


def test_drift_waits_until_it_is_measured():
    decision = decide(Drift(columns=("distance", "carrier"), psi=0.25), facts())
    assert decision.due is None
    assert decision.message == "undecided: needs the drift of distance, carrier on the new slice"


def test_columns_that_drifted_are_due_and_all_that_were_compared_are_recorded():
    decision = decide(
        Drift(columns=("distance", "carrier"), psi=0.25), facts(drift=drifted(distance=0.31, carrier=0.02))
    )
    assert decision.due is True
    assert decision.message == "due: 1 drifted of 2 columns >= 1: PSI distance 0.31, limit 0.25"
    assert decision.numbers == {
        "psi_at_least": 0.25,
        "columns_at_least": 1,
        "psi:distance": 0.31,
        "psi_noise:distance": 0.01,
        "psi:carrier": 0.02,
        "psi_noise:carrier": 0.01,
        "columns_compared": 2,
        "columns_drifted": 1,
    }


def test_chance_excuses_what_so_few_rows_would_show_anyway():
    few = {"distance": ColumnDrift(psi=0.4, psi_noise=0.6, ks=0.3, ks_noise=0.5)}
    for policy in (Drift(columns=("distance",), psi=0.25), Drift(ks=0.2)):
        decision = decide(policy, facts(drift=few))
        assert decision.due is False
        assert "chance alone reaches" in decision.message


def test_a_column_that_cannot_be_compared_has_not_drifted_and_says_why():
    nothing = {"carrier": ColumnDrift(psi=None, number=False, not_compared="was int64")}
    for policy in (Drift(psi=0.01), Drift(columns=["carrier"], psi=0.01)):
        decision = decide(policy, facts(drift=nothing))
        assert decision.due is False
        assert decision.message.endswith("not compared: carrier (was int64)")


def test_ks_looks_at_numbers_and_refuses_text_that_was_named():
    both = {
        "distance": ColumnDrift(psi=0.1, ks=0.3),
        "carrier": ColumnDrift(psi=0.9, number=False),
    }
    assert decide(Drift(ks=0.2), facts(drift=both)).numbers["columns_compared"] == 1
    with pytest.raises(BadInput, match=r"Drift.columns='carrier'.*numbers, for ks"):
        decide(Drift(columns=("carrier",), ks=0.2), facts(drift=both))


def test_a_column_that_is_not_there_is_refused_with_those_that_are():
    with pytest.raises(BadInput, match=r"Drift.columns='distanec'.*columns of the slice: distance, carrier"):
        decide(Drift(columns=("distanec",), psi=0.25), facts(drift=drifted(distance=0.1, carrier=0.1)))


def test_of_very_many_columns_that_nobody_named_the_farthest_are_recorded():
    wide = drifted(**{f"c{number:03d}": number / 100 for number in range(100)})
    recorded = [name for name in decide(Drift(psi=5), facts(drift=wide)).numbers if name.startswith("psi:")]
    assert recorded == [f"psi:c{number:03d}" for number in range(99, 99 - MOST_RECORDED, -1)]


@given(sizes, st.floats(0.01, 1), st.floats(0, 1), st.integers(1, 4), st.integers(0, 3))
def test_stricter_settings_never_make_an_update_due(found, limit, more, columns, further):
    known = facts(drift=drifted(**found))
    loose = decide(Drift(psi=limit, at_least_columns=columns), known).due
    strict = decide(Drift(psi=limit + more, at_least_columns=columns + further), known).due
    assert loose or not strict


@given(sizes, st.dictionaries(st.sampled_from("abcdef"), st.floats(0, 1)), st.floats(0.01, 1))
def test_farther_columns_never_take_an_update_back(found, further, limit):
    before = decide(Drift(psi=limit), facts(drift=drifted(**found))).due
    grown = {name: size + further.get(name, 0) for name, size in found.items()}
    assert decide(Drift(psi=limit), facts(drift=drifted(**grown))).due or not before


# --- what is not known yet ---------------------------------------------------------------------


def combined() -> st.SearchStrategy[object]:
    leaves = st.sampled_from(
        [
            Drift(psi=0.25),
            Drift(columns=("a",), ks=0.1),
            Cooldown(slices=2),
            CostBudget(training_seconds=10, within_seconds=100),
            MetricDrop("auc", by=0.01),
            Every(slices=2),
        ]
    )
    return st.recursive(
        leaves,
        lambda inner: st.builds(
            lambda kind, members: kind(*members),
            st.sampled_from([AnyOf, AllOf]),
            st.lists(inner, min_size=1, max_size=3),
        ),
        max_leaves=6,
    )


@given(
    combined(),
    st.fixed_dictionaries({"a": st.floats(0, 1)}, optional={"b": st.floats(0, 1)}),
    st.floats(0.5, 0.9),
    st.integers(0, 3),
)
def test_what_is_learned_later_never_changes_an_answer_that_was_given(policy, found, auc, slices):
    known: dict[str, object] = {"slices_since_training": slices, "trainings": ((5.0, float(slices * 5)),)}
    answers = [decide(policy, facts(**known)).due]
    known["drift"] = drifted(**found)
    answers.append(decide(policy, facts(**known)).due)
    known["champion_on_slice"] = {"auc": auc}
    answers.append(decide(policy, facts(**known)).due)
    assert answers[-1] is not None, "all is known"
    for earlier in answers:
        assert earlier in (None, answers[-1])


@dataclass(frozen=True)
class Mine:
    """A policy of a user that reads drift itself."""

    def drift_needed(self) -> DriftNeed:
        return DriftNeed(columns=("mine",), reference_slices=4)

    def decide(self, facts: Facts) -> Decision:
        return Decision(due=None, message="undecided: looks at it")


def test_a_policy_says_which_columns_have_to_be_measured_however_it_is_nested():
    named = AnyOf(
        Every(slices=4), AllOf(Drift(columns=("a", "b"), psi=0.2), Drift(columns=("b", "c"), ks=0.2))
    )
    assert drift_needed(named) == DriftNeed(columns=("a", "b", "c"), reference_slices=4)
    assert drift_needed(AnyOf(named, Drift(psi=0.2))) == DriftNeed(columns=(), reference_slices=4)
    assert drift_needed(AllOf(Mine(), Rows(at_least=1))) == DriftNeed(columns=("mine",), reference_slices=4)
    assert drift_needed(AllOf(Every(slices=4), MetricDrop("auc", by=0.01))) is None


# --- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Cooldown(), r"Cooldown.seconds, Cooldown.slices=\(None, None\).*exactly one"),
        (lambda: Cooldown(seconds=60, slices=2), r"Cooldown.seconds, Cooldown.slices=\(60, 2\)"),
        (lambda: Cooldown(seconds=0), "Cooldown.seconds=0.*above 0"),
        (lambda: Cooldown(slices=1.5), "Cooldown.slices=1.5.*whole number"),
        (lambda: CostBudget(training_seconds=-1, within_seconds=DAY), "CostBudget.training_seconds=-1"),
        (
            lambda: CostBudget(training_seconds=1, within_seconds=float("nan")),
            "CostBudget.within_seconds=nan",
        ),
        (lambda: Drift(columns=("a",)), r"Drift.psi, Drift.ks=\(None, None\).*exactly one"),
        (lambda: Drift(psi=0.2, ks=0.2), r"Drift.psi, Drift.ks=\(0.2, 0.2\)"),
        (lambda: Drift(columns="distance", psi=0.2), "Drift.columns='distance'.*names of columns"),
        (lambda: Drift(columns=("a", 2), psi=0.2), "Drift.columns="),
        (lambda: Drift(psi=0), "Drift.psi=0"),
        (lambda: Drift(ks=1.5), "Drift.ks=1.5.*at most 1"),
        (lambda: Drift(columns=("a", "b"), psi=0.2, at_least_columns=3), "at_least_columns=3.*at most the 2"),
        (lambda: Drift(psi=0.2, reference_slices=0), "Drift.reference_slices=0"),
        (
            lambda: AnyOf(Drift(psi=0.2), AllOf(Drift(ks=0.2, reference_slices=8))),
            r"Drift.reference_slices=\[4, 8\].*one number",
        ),
        (lambda: facts(trainings=((-1.0, 2.0),)), "Facts.trainings=-1.0"),
        (lambda: facts(slices_since_training=-1), "Facts.slices_since_training=-1"),
    ],
)
def test_settings_are_refused_at_the_door(build, said):
    with pytest.raises(BadInput, match=said):
        build()
