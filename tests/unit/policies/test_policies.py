"""When to update: each policy's rule, its words, and the logic that joins them."""

from __future__ import annotations

import json
from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import METRICS
from ckpt_ops.policies import (
    Age,
    AllOf,
    Always,
    AnyOf,
    Cooldown,
    CostBudget,
    Decision,
    Drift,
    Every,
    Facts,
    MetricDrop,
    Policy,
    Rows,
    decide,
)
from ckpt_ops.policies.metric_drop import HIGHER_IS_BETTER

DAY = 86_400


def facts(**changes: object) -> Facts:
    known: dict[str, object] = {
        "pending_rows": 6_123,
        "pending_slices": 2,
        "seconds_since_update": 3.0 * DAY,
        "has_champion": True,
        "champion_metrics_at_promotion": {"auc": 0.684, "log_loss": 0.45},
        "champion_on_slice": None,
    }
    return Facts(**(known | changes))


@dataclass(frozen=True)
class Says:
    """A policy of a user: answers what it was told to."""

    answer: bool | None

    def decide(self, facts: Facts) -> Decision:
        return Decision(due=self.answer, message=f"says {self.answer}")


answers = st.sampled_from([True, False, None])
several = st.lists(answers, min_size=1, max_size=4)
every_policy = [
    Always(),
    Every(slices=4),
    Rows(at_least=5_000),
    Age(at_least_seconds=DAY),
    MetricDrop("auc", by=0.01),
    Cooldown(slices=2),
    CostBudget(training_seconds=600, within_seconds=7 * DAY),
    Drift(columns=("distance", "carrier"), psi=0.25),
    AnyOf(Rows(at_least=9_000), MetricDrop("auc", by=0.01)),
    AllOf(Rows(at_least=5_000), Every(slices=9)),
]


@pytest.mark.parametrize("policy", every_policy, ids=repr)
class TestEveryPolicy:
    def test_is_due_when_there_is_no_champion_yet(self, policy):
        nothing = facts(
            has_champion=False, pending_rows=0, seconds_since_update=None, champion_metrics_at_promotion={}
        )
        decision = decide(policy, nothing)
        assert decision.due is True
        assert decision.message == "due: first version, there is no champion yet"

    def test_says_what_it_decided_first(self, policy):
        decision = decide(policy, facts())
        prefix = {True: "due: ", False: "not due: ", None: "undecided: "}[decision.due]
        assert decision.message.startswith(prefix)

    def test_writes_itself_as_code(self, policy):
        assert isinstance(policy, Policy)
        assert eval(repr(policy)) == policy
        assert hash(eval(repr(policy))) == hash(policy)

    def test_records_finite_numbers_that_json_can_carry(self, policy):
        decision = decide(policy, facts())
        assert decision.numbers
        assert Decision.from_json(json.loads(json.dumps(decision.to_json(), allow_nan=False))) == decision


@pytest.mark.parametrize(
    ("policy", "due", "message"),
    [
        (Always(), True, "due: always"),
        (Rows(at_least=5_000), True, "due: 6,123 pending rows >= 5,000"),
        (Rows(at_least=6_123), True, "due: 6,123 pending rows >= 6,123"),
        (Rows(at_least=10_000), False, "not due: 6,123 pending rows < 10,000"),
        (Every(slices=2), True, "due: 2 pending slices >= 2"),
        (Every(slices=4), False, "not due: 2 pending slices < 4"),
        (Age(at_least_seconds=2 * DAY), True, "due: 259,200 s since the last update >= 172,800 s"),
        (Age(at_least_seconds=4 * DAY), False, "not due: 259,200 s since the last update < 345,600 s"),
    ],
    ids=repr,
)
def test_counting_policies_compare_and_say_both_sides(policy, due, message):
    decision = decide(policy, facts())
    assert (decision.due, decision.message) == (due, message)


def test_age_without_an_update_on_record_is_due():
    assert decide(Age(at_least_seconds=DAY), facts(seconds_since_update=None)).due is True


# --- MetricDrop --------------------------------------------------------------------------------


def test_a_metric_drop_waits_for_the_score():
    decision = decide(MetricDrop("auc", by=0.01), facts())
    assert (decision.due, decision.message) == (None, "undecided: needs the champion's auc on the new slice")


@pytest.mark.parametrize(
    ("policy", "on_slice", "due", "ending"),
    [
        (MetricDrop("auc", by=0.01), {"auc": 0.655}, True, "worse by 0.029, at least 0.010"),
        (MetricDrop("auc", by=0.01), {"auc": 0.674}, True, "worse by 0.010, at least 0.010"),
        (MetricDrop("auc", by=0.01), {"auc": 0.680}, False, "worse by 0.004, less than 0.010"),
        (MetricDrop("auc", by=0.01), {"auc": 0.6741}, False, "worse by 0.0099, less than 0.0100"),
        (MetricDrop("auc", by=0.01), {"auc": 0.700}, False, "better by 0.016"),
        (MetricDrop("auc", by=0.01), {"auc": 0.684}, False, "unchanged"),
        (MetricDrop("log_loss", by=0.01), {"log_loss": 0.50}, True, "worse by 0.050, at least 0.010"),
        (MetricDrop("log_loss", by=0.01), {"log_loss": 0.30}, False, "better by 0.150"),
    ],
)
def test_a_drop_follows_the_metrics_own_direction(policy, on_slice, due, ending):
    decision = decide(policy, facts(champion_on_slice=on_slice))
    assert decision.due is due
    assert decision.message.endswith(ending)


def test_a_slice_that_gives_the_metric_no_value_is_no_evidence_of_a_drop():
    for on_slice in ({}, {"auc": float("nan")}):
        assert decide(MetricDrop("auc", by=0.01), facts(champion_on_slice=on_slice)).due is False


def test_a_promotion_that_recorded_no_such_metric_is_mended_by_another():
    decision = decide(MetricDrop("brier", by=0.01), facts())
    assert decision.due is True
    assert "promotion recorded no brier" in decision.message


def test_the_directions_are_those_of_the_evaluation():
    assert {name: metric.higher_is_better for name, metric in METRICS.items()} == HIGHER_IS_BETTER


# --- AnyOf, AllOf: Kleene's three-valued logic -------------------------------------------------


def any_of(values):
    return AnyOf(*map(Says, values)).decide(facts()).due


def all_of(values):
    return AllOf(*map(Says, values)).decide(facts()).due


def negated(value):
    return None if value is None else not value


@given(several)
def test_without_an_undecided_member_they_are_python_s_any_and_all(values):
    known = [bool(value) for value in values]
    assert any_of(known) is any(known)
    assert all_of(known) is all(known)


@given(several)
def test_undecided_exactly_when_the_undecided_members_could_tip_it(values):
    worlds = [[world if value is None else value for value in values] for world in (True, False)]
    for logic in (any_of, all_of):
        outcomes = {logic(world) for world in worlds}
        assert logic(values) is (outcomes.pop() if len(outcomes) == 1 else None)


@given(several)
def test_de_morgan(values):
    assert negated(any_of(values)) is all_of([negated(value) for value in values])


@given(several, st.randoms())
def test_order_and_repetition_do_not_matter(values, random):
    mixed = [*values, *values]
    random.shuffle(mixed)
    assert any_of(mixed) is any_of(values)
    assert all_of(mixed) is all_of(values)


@given(several, several)
def test_nesting_does_not_matter(some, others):
    nested = AnyOf(AnyOf(*map(Says, some)), *map(Says, others))
    assert nested.decide(facts()).due is any_of([*some, *others])


def test_the_words_are_those_of_the_members_that_decided():
    both = [Rows(at_least=5_000), Every(slices=4), MetricDrop("auc", by=0.01)]
    assert decide(AnyOf(*both), facts()).message == "due: 6,123 pending rows >= 5,000"
    assert decide(AllOf(*both), facts()).message == "not due: 2 pending slices < 4"
    waiting = AnyOf(Every(slices=4), MetricDrop("auc", by=0.01))
    assert decide(waiting, facts()).message == "undecided: needs the champion's auc on the new slice"


def test_numbers_of_all_members_are_kept_also_under_one_name():
    policy = AnyOf(Rows(at_least=9_000), AllOf(Rows(at_least=5_000), Every(slices=2)))
    assert decide(policy, facts()).numbers == {
        "pending_rows": 6_123,
        "rows_at_least": 9_000,
        "rows_at_least#2": 5_000,
        "pending_slices": 2,
        "slices_at_least": 2,
    }


# --- settings ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Every(slices=0), "Every.slices=0.*at least 1"),
        (lambda: Every(slices=2.5), "Every.slices=2.5.*whole number"),
        (lambda: Rows(at_least=True), "Rows.at_least=True"),
        (lambda: Rows(at_least="5000"), "Rows.at_least='5000'"),
        (lambda: Age(at_least_seconds=0), "Age.at_least_seconds=0.*above 0"),
        (lambda: Age(at_least_seconds=float("inf")), "Age.at_least_seconds=inf"),
        (lambda: MetricDrop("lift", by=0.1), "MetricDrop.metric='lift'.*one of auc, log_loss"),
        (lambda: MetricDrop("auc", by=0), "MetricDrop.by=0.*above 0"),
        (lambda: MetricDrop("auc", by=-0.1), "MetricDrop.by=-0.1"),
        (lambda: AnyOf(), "AnyOf.policies=.*at least one policy"),
        (lambda: AllOf(Always), "AllOf.policies=.*expected policies"),
        (lambda: AnyOf([Always()]), "AnyOf.policies="),
        (lambda: facts(pending_rows=-1), "Facts.pending_rows=-1.*0 or more"),
    ],
)
def test_settings_are_refused_at_the_door(build, said):
    with pytest.raises(BadInput, match=said):
        build()
