"""The benchmark of the gates: damage is what it says, and what a claim is compared with is the truth.

The decisions are the product's, and so are the benchmark's histories. The model is one that learns in no
time: how often flights of an hour were late.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from benchmarks.gates_damage import DAMAGES, WORLDS
from benchmarks.gates_histories import CLEAN, Deliveries, Story, stories
from benchmarks.gates_judging import Judgement
from benchmarks.gates_models import WeekModels
from benchmarks.gates_runs import Candidate, Found, Poison, head_at, lived, position, run
from benchmarks.gates_summary import BESIDE, Share, agreement, summarize
from benchmarks.gates_ways import WAYS, Way
from ckpt_ops.evaluation import metric_named
from ckpt_ops.training import BatchOrder, Examples

AUC = metric_named("auc")
WEEKS, ROWS = 16, 1_500


@dataclass(frozen=True)
class MadeUp:
    """Weeks of flights of which the late ones leave late in the day."""

    keys: list[str]
    rows: Examples
    every: list[Any]


@pytest.fixture(scope="module")
def weeks() -> MadeUp:
    random = np.random.default_rng(0)
    count = WEEKS * ROWS
    hour = random.integers(5, 24, count).astype(np.float32)
    return MadeUp(
        keys=[f"2013-{1 + week // 4:02}-{1 + 7 * (week % 4):02}" for week in range(WEEKS)],
        rows=Examples(
            inputs={
                "hour": hour,
                "dest": random.choice(np.array(["BOS", "LAX", "MIA"], object), count),
                "carrier": random.choice(np.array(["AA", "UA"], object), count),
            },
            labels=(random.random(count) < hour / 40).astype(np.float32),
        ),
        every=[np.arange(start, stop) for start, stop in pairwise(range(0, count + 1, ROWS))],
    )


class ByHour:
    """A `FlightModel` whose weights are counts: of flights of an hour, and of the late ones among them."""

    def __init__(self, table: Examples) -> None:
        self.hour, self.labels = table.inputs["hour"].astype(int), table.labels
        self.begin(0)

    def begin(self, seed: int) -> None:
        self.counts = {"all": np.full(24, 2.0), "late": np.ones(24)}

    def assign(self, values: Mapping[str, Any]) -> None:
        self.counts = {name: value.copy() for name, value in values.items()}

    def copy_values(self) -> dict[str, Any]:
        return {name: value.copy() for name, value in self.counts.items()}

    def train(self, rows: Any, order: BatchOrder, steps: int, average: object) -> None:
        drawn = np.concatenate([rows[order.indices(step)] for step in range(steps)])
        self.counts["all"] += np.bincount(self.hour[drawn], minlength=24)
        self.counts["late"] += np.bincount(self.hour[drawn], self.labels[drawn], minlength=24)

    def predictions(self, rows: Any) -> Any:
        return (self.counts["late"] / self.counts["all"])[self.hour[rows]].astype(np.float32)


@dataclass
class Lived:
    """One way of evaluating over a few stories."""

    deliveries: Deliveries
    model: ByHour
    models: WeekModels
    found: Found
    way: Way

    def steps(self, story: Story) -> Any:
        return lived(story, [], self.way.pipeline(every=story.every, seed=0), self.models)


def live(weeks: MadeUp, way: Way, *told: Story) -> Lived:
    deliveries = Deliveries(weeks)
    for week in range(WEEKS):
        deliveries.add(week, CLEAN)
    for story in told:
        for week, what in story.delivered.items():
            deliveries.add(week, what)
    model = ByHour(deliveries.rows)
    models = WeekModels(model, deliveries, way, 0)  # type: ignore[arg-type]
    found = run(told, models, way, seed=0, tell=lambda story, message: None)
    return Lived(deliveries, model, models, found, way)


ALL = Story(kind=CLEAN, name=CLEAN, every=1, begins=0, ends=9)


def spoiled(name: str, week: int, *, every: int = 1, ends: int = 9) -> Story:
    return Story(kind="damaged", name=name, every=every, begins=week, ends=ends, delivered={week: name})


class TestDamage:
    @pytest.fixture
    def week(self, weeks: MadeUp) -> Examples:
        return weeks.rows.take(weeks.every[3])

    @pytest.fixture
    def other(self, weeks: MadeUp) -> Examples:
        return weeks.rows.take(weeks.every[4][:1000])

    def damaged(self, name: str, week: Examples, other: Examples) -> Examples:
        return DAMAGES[name].apply(week, other, np.random.default_rng(1))

    @pytest.mark.parametrize(
        ("name", "share"), [("shuffled-10", 0.1), ("shuffled-30", 0.3), ("shuffled-100", 1.0)]
    )
    def test_shuffling_moves_labels_and_makes_none(
        self, week: Examples, other: Examples, name: str, share: float
    ) -> None:
        found = self.damaged(name, week, other)
        late = week.labels.mean()
        assert found.labels.sum() == week.labels.sum()
        assert (found.labels != week.labels).mean() == pytest.approx(share * 2 * late * (1 - late), rel=0.25)
        assert found.inputs == week.inputs

    def test_constant_labels_are_all_one(self, week: Examples, other: Examples) -> None:
        assert self.damaged("all-late", week, other).labels.min() == 1
        assert self.damaged("none-late", week, other).labels.max() == 0

    def test_inverted_labels_order_the_rows_the_other_way_round(
        self, week: Examples, other: Examples
    ) -> None:
        found = self.damaged("inverted", week, other)
        score = week.inputs["hour"].astype(np.float64)
        assert AUC(found.labels.astype(float), score) == pytest.approx(
            1 - AUC(week.labels.astype(float), score)
        )

    def test_another_weeks_labels_come_from_there_however_many_there_are(
        self, week: Examples, other: Examples
    ) -> None:
        found = self.damaged("another-week", week, other)
        assert found.rows == week.rows
        np.testing.assert_array_equal(found.labels[:1000], other.labels)
        np.testing.assert_array_equal(found.labels[1000:], other.labels[: week.rows - 1000])

    def test_every_dest_is_invented_and_nothing_else(self, week: Examples, other: Examples) -> None:
        found = self.damaged("invented-dest", week, other)
        assert not set(found.inputs["dest"]) & set(week.inputs["dest"])
        assert len(set(found.inputs["dest"])) == week.rows
        assert found.inputs["dest"].dtype == week.inputs["dest"].dtype
        np.testing.assert_array_equal(found.inputs["hour"], week.inputs["hour"])
        np.testing.assert_array_equal(found.labels, week.labels)

    def test_hours_stay_hours(self, week: Examples, other: Examples) -> None:
        found = self.damaged("hours", week, other).inputs["hour"]
        np.testing.assert_array_equal((found - week.inputs["hour"]) % 24, 5)
        assert found.min() >= 0
        assert found.max() < 24

    def test_what_is_delivered_again_is_the_week_before(self, weeks: MadeUp) -> None:
        deliveries = Deliveries(weeks)
        again = deliveries.add(7, "redelivered")
        assert again.ref.key == weeks.keys[7]
        np.testing.assert_array_equal(
            deliveries.rows.take(again.rows).labels, weeks.rows.take(weeks.every[6]).labels
        )

    def test_each_kind_leaves_the_clean_week_alone_and_is_another_revision(self, weeks: MadeUp) -> None:
        deliveries = Deliveries(weeks)
        made = [deliveries.add(5, name) for name in (CLEAN, *DAMAGES)]
        assert len({one.ref.id for one in made}) == len(made)
        np.testing.assert_array_equal(deliveries.rows.labels[made[0].rows], weeks.rows.labels[weeks.every[5]])


def test_in_a_changed_world_other_flights_are_late() -> None:
    delay, carrier = np.array([10.0, 20.0, 40.0, 50.0]), np.array(["AA", "UA", "UA", "UA"])
    assert WORLDS["late-after-30"](delay, carrier).tolist() == [False, False, True, True]
    assert WORLDS["late-by-carrier"](delay, carrier).tolist() == [True, False, False, True]


class TestStories:
    def told(self, every: int, seed: int, **changed: Any) -> list[Story]:
        asked: dict[str, Any] = {
            "every": every, "seed": seed, "weeks": 45, "known": 52, "shadow": 0,
            "kinds": ("drift", "damaged", "often"), "scale": 1.0,
        }  # fmt: skip
        return list(stories(**asked | changed))

    @pytest.mark.parametrize("seed", [0, 1, 2])
    def test_each_damage_comes_early_and_late_alone_and_at_each_place_of_a_group(self, seed: int) -> None:
        for name in DAMAGES:
            alone = [one.damaged[0] for one in self.told(1, seed) if one.name == name]
            assert min(alone) in (1, 2, 3)
            assert max(alone) > 5
            grouped = [one.damaged[0] for one in self.told(3, seed) if one.name == name]
            assert sorted({(week - 1) % 3 for week in grouped}) == [0, 1, 2]

    def test_seeds_differ_in_where_it_comes(self) -> None:
        first, second = (
            [(one.name, one.damaged) for one in self.told(1, seed) if one.kind == "damaged"]
            for seed in (0, 1)
        )
        assert first != second

    def test_a_damaged_story_is_followed_for_the_weeks_that_show_the_fall(self) -> None:
        for one in self.told(1, 0):
            if one.kind == "damaged":
                assert one.ends - one.damaged[0] >= 3

    def test_in_shadow_it_is_followed_from_whom_the_damaged_week_judges(self) -> None:
        for one in self.told(1, 0, shadow=2):
            if one.kind == "damaged":
                assert one.begins == max(0, one.damaged[0] - 2)

    def test_a_changed_world_stays_and_its_weeks_are_true(self) -> None:
        [changed, _] = [one for one in self.told(1, 0) if one.kind == "drift"]
        assert changed.comes(24) == CLEAN
        assert changed.comes(25) == changed.true(25) == changed.comes(51) == changed.name
        assert not changed.damaged

    def test_damage_is_not_the_truth(self) -> None:
        one = spoiled("inverted", 4)
        assert (one.comes(4), one.true(4), one.true(5)) == ("inverted", CLEAN, CLEAN)

    def test_a_quick_run_has_fewer_of_each(self) -> None:
        quick = [one.name for one in self.told(1, 0, scale=0.1) if one.kind == "damaged"]
        assert sorted(quick) == sorted(DAMAGES)


class TestALife:
    """Clean, and with the labels of one week inverted, evaluated on held-out rows."""

    @pytest.fixture(scope="class")
    @staticmethod
    def known(weeks: MadeUp) -> Lived:
        return live(weeks, WAYS["random"], ALL, spoiled("inverted", 2))

    def test_truth_is_the_mean_difference_on_the_weeks_that_follow_as_they_were(
        self, known: Lived, weeks: MadeUp
    ) -> None:
        """Counted again by hand for the candidate that learned the inverted week."""
        [candidate] = [
            one.judgement for one in known.found.candidates if one.judgement.weeks == (2,) and one.of != CLEAN
        ]
        assert candidate.damaged == (2,)
        assert candidate.newest == 2
        story = spoiled("inverted", 2)
        steps = known.steps(story)
        known.models.follow(story, {})
        [trained] = [one for one in steps if one.judgement and one.judgement.weeks == (2,)]
        version = next(
            one for one in trained.state.versions.values() if one.candidate == trained.event.candidate
        )
        champion = trained.state.versions[version.parent].candidate
        by_hand = []
        for week in range(3, 7):
            rows, scores = weeks.every[week], []
            for name in (trained.event.candidate, champion):
                known.model.assign(known.models._weights[name])
                scores.append(
                    AUC(weeks.rows.labels[rows].astype(float), known.model.predictions(rows).astype(float))
                )
            by_hand.append(scores[0] - scores[1])
        assert candidate.truth == pytest.approx(np.mean(by_hand), abs=1e-12)

    def test_a_claim_is_made_on_the_rows_as_they_came(self, known: Lived) -> None:
        """The inverted week speaks for whoever has learned it, and the truth against it."""
        [candidate] = [
            one.judgement
            for one in known.found.candidates
            if one.of == "inverted" and one.judgement.weeks == (2,)
        ]
        assert candidate.claim > 0 > candidate.truth
        assert 0.15 * ROWS < candidate.rows < 0.25 * ROWS

    def test_a_damaged_story_begins_as_the_clean_one(self, known: Lived) -> None:
        of_clean = [one for one in known.found.candidates if one.kind == CLEAN]
        assert [one.judgement.weeks[-1] for one in of_clean] == list(range(1, 10))
        assert min(one.judgement.weeks[-1] for one in known.found.candidates if one.kind == "damaged") == 2

    def test_what_a_damaged_week_does_is_seen_beside_the_clean_history(self, known: Lived) -> None:
        [poison] = known.found.poisons
        assert (poison.of, poison.week, poison.position) == ("inverted", 2, "alone")
        with_it, without = known.steps(spoiled("inverted", 2)), known.steps(ALL)
        falls = []
        for week in range(3, 7):
            one, other = (steps[week - 1].head for steps in (with_it, without))
            falls.append(known.models.auc(one, week) - known.models.auc(other, week))
        assert min(falls) < 0
        assert (poison.fall, poison.worst) == pytest.approx((np.mean(falls), min(falls)), abs=1e-12)

    def test_who_only_inherited_damage_is_neither_good_nor_damaged(self, known: Lived) -> None:
        after = [one for one in known.found.candidates if one.judgement.inherited]
        assert {one.of for one in after} <= {"inherited"}


class TestShadow:
    def test_a_damaged_week_judges_whoever_learned_the_week_before(self, weeks: MadeUp) -> None:
        inverted = replace(spoiled("inverted", 3), begins=2)
        found = live(weeks, WAYS["shadow-1"], ALL, inverted).found
        of_clean, of_damaged = (
            [one.judgement for one in found.candidates if one.kind == kind] for kind in (CLEAN, "damaged")
        )
        misjudged, evaluated = ([one for one in of if one.newest == 3] for of in (of_damaged, of_clean))
        assert [one.truth for one in misjudged] == [one.truth for one in evaluated]
        assert [one.claim for one in misjudged] == pytest.approx([-one.claim for one in evaluated])
        assert evaluated

    def test_the_weeks_after_judge_all_of_them_and_the_truth_lies_behind(self, weeks: MadeUp) -> None:
        found = live(weeks, WAYS["shadow-2"], ALL).found
        for one in found.candidates:
            assert one.judgement.rows == 2 * ROWS
            assert one.judgement.newest == one.judgement.weeks[-1] + 2
        assert [len(one.judgement.weeks) for one in found.candidates] == [3] * len(found.candidates)

    def test_a_head_serves_once_its_slices_have_come(self, weeks: MadeUp) -> None:
        known = live(weeks, WAYS["shadow-1"], ALL)
        steps = known.steps(ALL)
        changed = [at for at, (one, other) in enumerate(pairwise(steps), start=1) if one.head != other.head]
        for at in changed:
            assert head_at(steps, at + 1, 1) == steps[at - 1].head
            assert head_at(steps, at + 2, 1) == steps[at].head
        assert head_at(steps, 0, 0) is None


def test_the_last_rows_of_a_slice_are_held_out_by_time() -> None:
    assert WAYS["latest"].held("2013-01-06", 10).tolist() == [False] * 8 + [True] * 2


def test_groups_of_three_are_judged_together(weeks: MadeUp) -> None:
    ending = replace(ALL, every=3)
    known = live(weeks, WAYS["latest"], ending, spoiled("all-late", 5, every=3))
    first = next(one for one in known.found.candidates if one.of == "all-late")
    assert first.judgement.weeks == (4, 5, 6)
    assert first.position == "middle"
    assert first.judgement.rows == 3 * ROWS * 0.2
    assert position((4, 5, 6), 6) == "last"


class TestArithmetic:
    def judgement(self, claim: float, truth: float, *, passed: bool = True) -> Judgement:
        return Judgement(
            newest=3, weeks=(3,), damaged=(), inherited=False, passed=passed, refused_by=(),
            claim=claim, truth=truth, rows=100, past_rows=50, seconds=1.0,
        )  # fmt: skip

    def candidate(self, of: str, truth: float, *, passed: bool, kind: str = "damaged") -> Candidate:
        return Candidate(
            kind=kind, every=1, of=of, position="", judgement=self.judgement(0.0, truth, passed=passed)
        )

    def test_agreement_counts_signs_and_leaves_out_what_claims_nothing(self) -> None:
        pairs = [(0.02, 0.01), (0.03, -0.01), (-0.02, -0.03), (0.0, 0.0), (math.nan, 0.5)]
        found = agreement([self.judgement(*pair) for pair in pairs])
        assert (found.candidates, found.same_sign) == (4, Share(count=3, of=4))
        assert found.claim == pytest.approx(0.0075)
        assert found.truth == pytest.approx(-0.0075)
        claim, truth = zip(*pairs[:4], strict=True)
        assert found.correlation == pytest.approx(np.corrcoef(claim, truth)[0, 1])

    def test_nothing_agrees_with_nothing(self) -> None:
        found = agreement([])
        assert (found.same_sign.value, found.correlation) == (None, None)
        assert agreement([self.judgement(0.1, 0.1)]).correlation is None

    def test_harm_is_a_truth_below_the_bound_and_only_that_has_to_be_rejected(self) -> None:
        found = Found(
            candidates=[
                self.candidate("inverted", -0.02, passed=False),
                self.candidate("inverted", -0.02, passed=True),
                self.candidate("inverted", -0.01, passed=True),
                self.candidate(CLEAN, 0.01, passed=True, kind=CLEAN),
                self.candidate(CLEAN, 0.01, passed=False, kind=CLEAN),
                self.candidate(CLEAN, 0.01, passed=True),
                self.candidate("late-after-30", -0.05, passed=False, kind="drift"),
                self.candidate("inherited", 0.01, passed=False),
            ],
            poisons=[
                Poison(
                    kind="damaged", every=1, of="inverted", week=2, position="alone",
                    consumed=fall < 0, fall=fall, worst=2 * fall, held=0,
                )
                for fall in (-0.04, 0.0)
            ],
            weeks=[],
        )  # fmt: skip
        line = summarize("random", [found], held_out=0.2, days=0)
        assert line.rejected["inverted"] == Share(count=1, of=2)
        assert line.rejected["damaged"] == Share(count=1, of=2)
        assert line.rejected["all"] == Share(count=2, of=3)
        assert line.promoted[CLEAN] == Share(count=1, of=2)
        assert line.promoted[BESIDE] == Share(count=1, of=1)
        assert line.promoted["all"] == Share(count=2, of=4)
        falls = line.falls["all"]
        assert (falls.consumed, falls.harmed) == (Share(count=1, of=2), Share(count=1, of=1))
        assert (falls.mean, falls.largest, falls.worst) == pytest.approx((-0.04, -0.04, -0.08))
