"""A back-test makes the history that production would have made, and asks for nothing twice.

The planner, the facts, the policies, the gates and the fold are the real ones; training is a hash of what a
candidate stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from blake3 import blake3
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.backtest.policies_file import pipelines_under
from ckpt_ops.backtest.recorded import Arrival
from ckpt_ops.backtest.sharing import Shared, side_by_side
from ckpt_ops.backtest.simulation import History, Result
from ckpt_ops.backtest.tally import Tally, compared_keys, dominated, frontier_message, tally
from ckpt_ops.evaluation import AtLeast, EvaluatedRows, NotWorseThan, evaluate_all
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.policies import (
    Age,
    AllOf,
    Always,
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
    Policy,
    Rows,
)

START = datetime(2013, 1, 6, tzinfo=UTC)
LABEL = np.tile([0.0, 1.0], 20)


def coming(count: int, *, rows: int = 100) -> list[Arrival]:
    """A slice a day."""
    days = [START + timedelta(days=at) for at in range(count)]
    return [
        Arrival(ref=SliceRef(key=day.strftime("%Y-%m-%d"), revision=f"{at:04x}", rows=rows), time=day)
        for at, day in enumerate(days)
    ]


@dataclass
class Hashed:
    """Models that do as their candidate id hashes; those whose newest slice is in `bad` are useless."""

    pipeline: Pipeline
    bad: frozenset[str] = frozenset()
    trained: list[str] = field(default_factory=list)
    consumed: list[tuple[str, ...]] = field(default_factory=list)
    scored: list[tuple[str, str]] = field(default_factory=list)
    compared: list[tuple[tuple[str, ...], str]] = field(default_factory=list)
    drifted: frozenset[str] = frozenset()
    there: set[str] = field(default_factory=set)

    def score(self, candidate: str, ref: SliceRef) -> Mapping[str, float]:
        assert candidate in self.there, "a model that was let go is asked"
        self.scored.append((candidate, ref.key))
        return {"auc": 0.5 + blake3(f"{candidate}{ref.key}".encode()).digest()[0] / 1000}

    def drift(self, state: LineageState, ref: SliceRef, need: DriftNeed) -> Mapping[str, ColumnDrift]:
        consumed = tuple(state.consumed)[-need.reference_slices :]
        self.compared.append((consumed, ref.key))
        return {name: ColumnDrift(psi=1.0 if ref.key in self.drifted else 0.0) for name in need.columns}

    def train(self, state: LineageState, version: VersionState) -> Result:
        parent = None if version.parent is None else state.versions[version.parent].candidate
        assert parent is None or parent in self.there, "training goes on from a model that was let go"
        self.trained.append(version.candidate)
        self.consumed.append(tuple(ref.key for ref in version.slices))
        self.there.add(version.candidate)
        right = version.slices[-1].key not in self.bad
        evaluated = EvaluatedRows(
            label=LABEL,
            candidate=LABEL if right else 1 - LABEL,
            champion=LABEL if parent else None,
            slice_key=version.slices[-1].key,
            rows="stand-ins",
        )
        seconds = 1 + blake3(version.candidate.encode()).digest()[0] / 256
        evaluation = evaluate_all(self.pipeline.gates, evaluated, seed=0)
        return Result(steps=30, seconds=seconds, stopped_by="max_steps", evaluation=evaluation)

    def only(self, candidates: Iterable[str]) -> None:
        self.there &= set(candidates)


@pytest.fixture(scope="module")
def pipeline() -> Pipeline:
    brief = load_pipeline("brief", Path(__file__).parents[2] / "dags")
    return replace(brief, gates=[AtLeast("auc", 0.6)], max_rejections=3)


def outcomes(history: History) -> list[str]:
    return [event.outcome.value for event in history.events]


def under(pipeline: Pipeline, **policies: Policy) -> dict[str, Pipeline]:
    return pipelines_under(pipeline, policies)


def one(
    pipeline: Pipeline, policy: Policy, slices: list[Arrival], *, bad: Iterable[str] = ()
) -> tuple[History, Hashed]:
    models = Hashed(pipeline, bad=frozenset(bad))
    return side_by_side(under(pipeline, it=policy), slices, models)[0], models


# --- what each policy would have done -----------------------------------------------------------------


def test_always_makes_a_version_of_each_slice_and_every_second_one_of_two(pipeline: Pipeline) -> None:
    slices = coming(7)
    keys = [one.ref.key for one in slices]

    always, models = one(pipeline, Always(), slices)
    assert outcomes(always) == ["promoted"] * 7
    assert models.consumed == [(key,) for key in keys]

    second, models = one(pipeline, Every(slices=2), slices)
    assert outcomes(second) == ["promoted", *["deferred", "promoted"] * 3]
    assert models.consumed == [(keys[0],), *zip(keys[1::2], keys[2::2], strict=True)]


def test_each_slice_is_scored_by_the_head_before_anything_trains_on_it(pipeline: Pipeline) -> None:
    slices = coming(4)
    history, models = one(pipeline, Every(slices=2), slices)
    first, second = models.trained
    keys = [one.ref.key for one in slices]
    assert models.scored == [(first, keys[1]), (first, keys[2]), (second, keys[3])]
    assert [event.scored is None for event in history.events] == [True, False, False, False]


def test_a_policy_sees_the_time_of_the_slices_and_not_of_the_replay(pipeline: Pipeline) -> None:
    history, _ = one(pipeline, Age(at_least_seconds=3 * 86_400), coming(8))
    assert outcomes(history) == [
        "promoted", "deferred", "deferred", "promoted", "deferred", "deferred", "promoted", "deferred",
    ]  # fmt: skip


def test_a_policy_that_asks_for_the_score_gets_that_of_the_new_slice(pipeline: Pipeline) -> None:
    """Promoted at an AUC of 1, every champion does worse on what comes."""
    drop, _ = one(pipeline, MetricDrop("auc", by=0.001), coming(5))
    assert outcomes(drop) == ["promoted"] * 5
    assert "auc went from 1.000 at promotion to 0." in drop.events[1].why
    never, _ = one(pipeline, MetricDrop("auc", by=0.9), coming(5))
    assert outcomes(never) == ["promoted"] + ["deferred"] * 4


def test_a_policy_that_asks_for_drift_gets_that_from_what_its_own_champion_learned(
    pipeline: Pipeline,
) -> None:
    slices = coming(5)
    keys = [one.ref.key for one in slices]
    models = Hashed(pipeline, drifted=frozenset(keys[3:4]))
    drift = Drift(columns=("hour",), psi=0.2, reference_slices=2)
    named = under(pipeline, drift=drift, same=drift, always=AnyOf(Always(), drift))
    histories = side_by_side(named, slices, Shared(models))
    assert outcomes(histories[0]) == ["promoted", "deferred", "deferred", "promoted", "deferred"]
    assert models.compared == [
        ((keys[0],), keys[1]),
        ((keys[0],), keys[2]),
        ((keys[0],), keys[3]),
        ((keys[2], keys[3]), keys[4]),
    ], "once for both, and not where the answer does not hang on it"


def test_guards_count_refused_candidates_and_the_seconds_that_trainings_took(pipeline: Pipeline) -> None:
    slices = coming(5)
    calm = AllOf(Always(), Cooldown(seconds=2 * 86_400))
    history, _ = one(pipeline, calm, slices, bad=[slices[2].ref.key])
    assert outcomes(history) == ["promoted", "deferred", "refused", "deferred", "promoted"]
    # a training takes a second or two
    cheap = AllOf(Always(), CostBudget(training_seconds=1.0, within_seconds=4 * 86_400))
    assert outcomes(one(pipeline, cheap, slices)[0]) == [
        "promoted", "deferred", "deferred", "deferred", "promoted",
    ]  # fmt: skip


def test_a_policy_that_stays_undecided_defers_as_in_production(pipeline: Pipeline) -> None:
    class Unsure:
        def decide(self, facts: Facts) -> Decision:
            return Decision(due=None, message="undecided: for ever")

    history, _ = one(pipeline, Unsure(), coming(3))
    assert outcomes(history) == ["promoted", "deferred", "deferred"]


def test_refused_slices_are_pending_again_and_learned_with_the_next(pipeline: Pipeline) -> None:
    slices = coming(4)
    keys = [one.ref.key for one in slices]
    history, models = one(pipeline, Always(), slices, bad=[keys[1]])
    assert outcomes(history) == ["promoted", "refused", "promoted", "promoted"]
    assert models.consumed == [(keys[0],), (keys[1],), (keys[1], keys[2]), (keys[3],)]
    assert "rejected by AtLeast: auc 0.000 is below 0.600" in history.events[1].why


def test_refused_too_often_the_model_is_held_and_stays_so(pipeline: Pipeline) -> None:
    slices = coming(8)
    keys = [one.ref.key for one in slices]
    history, models = one(pipeline, Always(), slices, bad=keys[2:])
    assert outcomes(history) == ["promoted"] * 2 + ["refused"] * 3 + ["held"] * 3
    held = tally(history, "auc", keys).held
    assert held is not None
    assert held[0] == keys[5]
    assert f"3 candidates with slice {keys[2]} were rejected" in held[1]
    assert all(event.scored for event in history.events[1:]), "the champion serves on, and is scored"
    assert models.scored[-1] == (models.trained[1], keys[-1])


def test_candidates_are_compared_with_the_champion_of_their_own_history(pipeline: Pipeline) -> None:
    strict = replace(pipeline, gates=[AtLeast("auc", 0.0), NotWorseThan(metric="auc", margin=0.01)])
    slices = coming(3)
    history, _ = one(strict, Always(), slices, bad=[slices[0].ref.key, slices[2].ref.key])
    assert outcomes(history) == ["promoted", "promoted", "refused"]
    assert "NotWorseThan" in history.events[2].why


# --- what policies share ------------------------------------------------------------------------------


def test_policies_that_decide_the_same_share_everything(pipeline: Pipeline) -> None:
    models = Hashed(pipeline)
    shared = Shared(models)
    same = under(pipeline, a=Every(slices=2), b=Rows(at_least=200), c=Every(slices=2))
    histories = side_by_side(same, coming(9), shared)
    assert (shared.asked, shared.trained) == (15, 5)
    assert len(models.trained) == 5
    assert len(set(models.scored)) == len(models.scored) == 8
    tallies = [tally(history, "auc", compared_keys(histories, "auc")) for history in histories]
    assert replace(tallies[1], name="a") == tallies[0]
    assert dominated(tallies, "auc") == {}, "none of equals beats another"


def test_policies_part_where_their_decisions_do(pipeline: Pipeline) -> None:
    """Three large slices and three small ones: who counts rows waits from the fourth on."""
    slices = coming(3, rows=300) + coming(6)[3:]
    days = [one.ref.key[-2:] for one in slices]
    models = Hashed(pipeline)
    shared = Shared(models)
    side_by_side(under(pipeline, always=Always(), rows=Rows(at_least=300)), slices, shared)
    consumed = [tuple(key[-2:] for key in keys) for keys in models.consumed]
    assert consumed == [*((day,) for day in days), tuple(days[3:])]
    assert shared.asked == 6 + 4


@st.composite
def policies(draw: st.DrawFn) -> Policy:
    simple = st.one_of(
        st.just(Always()),
        st.integers(1, 5).map(lambda slices: Every(slices=slices)),
        st.integers(1, 500).map(lambda rows: Rows(at_least=rows)),
        st.integers(1, 9).map(lambda days: Age(at_least_seconds=days * 86_400)),
        st.floats(0.1, 0.7).map(lambda by: MetricDrop("auc", by=by)),
    )
    return AnyOf(*draw(st.lists(simple, min_size=1, max_size=2)))


@settings(max_examples=60, deadline=None)
@given(
    st.lists(policies(), min_size=1, max_size=4),
    st.sets(st.integers(0, 8)),
    st.integers(2, 9),
)
def test_side_by_side_each_policy_fares_as_alone(
    pipeline: Pipeline, chosen: list[Policy], bad: set[int], count: int
) -> None:
    slices = coming(count)
    spoiled = frozenset(slices[at].ref.key for at in bad if at < count)
    models = Hashed(pipeline, bad=spoiled)
    shared = Shared(models)
    named = {f"p{at}": policy for at, policy in enumerate(chosen)}
    histories = side_by_side(under(pipeline, **named), slices, shared)

    for history in histories:
        alone, only = one(pipeline, history.pipeline.update_when, slices, bad=spoiled)
        assert history.events == alone.events
        # each slice is learned once at most, in order, and the rest is pending
        consumed = [ref for version in history.state.ancestry(history.state.head) for ref in version.slices]
        assert consumed == [one.ref for one in slices][: len(consumed)]
        assert list(history.state.pending()) == [one.ref for one in slices][len(consumed) :]
        assert set(only.trained) <= set(models.trained)
    assert len(models.trained) == len(set(models.trained)) == shared.trained
    assert shared.asked == sum(event.candidate != "" for one in histories for event in one.events)
    assert len(models.scored) == len(set(models.scored))
    assert models.there == {one.head for one in histories if one.head}


# --- what it adds up to -------------------------------------------------------------------------------


def test_the_mean_is_over_the_slices_that_every_policy_scored(pipeline: Pipeline) -> None:
    """One policy's first candidate is refused: it has no champion yet on the second slice."""
    slices = coming(5)
    keys = [one.ref.key for one in slices]
    fine, _ = one(pipeline, Always(), slices)
    late, _ = one(pipeline, Always(), slices, bad=keys[:1])
    both = [fine, late]
    assert compared_keys([fine], "auc") == keys[1:]
    assert compared_keys(both, "auc") == keys[2:]
    added = tally(fine, "auc", keys[2:])
    values = {event.key: (event.scored or {})["auc"] for event in fine.events[2:]}
    assert added.mean == pytest.approx(sum(values.values()) / 3)
    assert added.worst == (min(values, key=lambda key: values[key]), min(values.values()))
    assert (added.updates, added.refused, added.deferred, added.steps) == (5, 0, 0, 150)
    assert compared_keys(both, "rmse") == []
    assert tally(fine, "rmse", []).mean is None


def _tallied(**costs: tuple[float, float]) -> list[Tally]:
    empty = Tally(
        name="", updates=1, refused=0, deferred=0, steps=1, seconds=1, mean=None, worst=None, held=None
    )
    return [replace(empty, name=name, seconds=seconds, mean=mean) for name, (seconds, mean) in costs.items()]


def test_the_frontier_is_what_no_other_policy_beats() -> None:
    found = _tallied(cheap=(1, 0.6), dear=(9, 0.7), bad=(5, 0.55), slow=(12, 0.7), twin=(9, 0.7))
    assert dominated(found, "auc") == {"bad": ["cheap"], "slow": ["dear", "twin"]}
    message = frontier_message(found, "auc")
    assert message.startswith("on the frontier, cheapest first: cheap, dear, twin; dominated")
    assert message.endswith("bad (by cheap), slow (by dear, twin)")
    assert set(dominated(found, "log_loss")) == {"dear", "slow", "twin"}, "less is better there"
    assert frontier_message(found[:2], "auc").endswith("no policy is dominated")


def test_a_frontier_without_a_score_says_so() -> None:
    found = [replace(one, mean=None) for one in _tallied(only=(1, 0.5))]
    assert frontier_message(found, "auc") == "no slice has auc under every policy: there is no frontier"
