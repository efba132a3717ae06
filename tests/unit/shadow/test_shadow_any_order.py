"""A candidate in shadow, whatever arrives, is corrected, withdrawn, rolled back, or dies at any write.

It is evaluated on slices that neither model has trained on, each said once; nothing trains beside it; it is
never kept waiting for ever; and what was scored is learned once, in order.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import partial

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from moments import each_write, moments
from mortal import Mortal, accept, training_as_a_hash, until_done, weights_of

from ckpt_ops.candidates.proposal import plan_slice
from ckpt_ops.intake.decisions import withdraw
from ckpt_ops.lineage import LineageState, ModelLog, VersionStatus, fold
from ckpt_ops.lineage.rebase import plan_rebase
from ckpt_ops.lineage.records import (
    CandidateStarted,
    Evaluated,
    Promoted,
    Record,
    ShadowScored,
    SliceQuarantined,
    SliceRef,
)
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline import Append, Pipeline, Shadow, Slices
from ckpt_ops.promotion import rollback
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import steps

KEYS = ["a", "b", "c", "d", "e"]
LATER = ["p", "q", "r", "s", "t", "u", "v", "w"]


@pytest.fixture(scope="module", autouse=True)
def trainings() -> Iterator[None]:
    with training_as_a_hash():
        yield


@pytest.fixture(scope="module")
def shadowed(hashed: Pipeline) -> Pipeline:
    """Nothing is too late for it: no run waits for a person."""
    return replace(hashed, shadow=Shadow(slices=2), late_slices=Append(within=Slices(99)))


def state_of(pipeline: Pipeline, store: Mortal) -> LineageState:
    return ModelLog(store, pipeline.name).state()


def run(pipeline: Pipeline, store: Mortal, key: str) -> str:
    """A run of the slice after its validation, each step retried by itself, as Airflow does."""
    if plan_slice(pipeline, state_of(pipeline, store), key).action.value in ("hold", "fork"):
        return "held"
    decided = until_done(lambda: steps.decide(pipeline, store, key))
    if not decided.train:
        return str(decided.action)
    trained = until_done(lambda: steps.train(pipeline, store, key, lambda line: None))
    if trained.outcome != "trained":
        return str(trained.outcome)
    until_done(lambda: steps.evaluate(pipeline, store, trained.version))
    return str(until_done(lambda: steps.promote(pipeline, store, trained.version)).decision)


def rebase(pipeline: Pipeline, store: Mortal) -> None:
    found = plan_rebase(state_of(pipeline, store))
    if found is not None and not found.empties:
        until_done(lambda: rebasing.rebase(pipeline, store, lambda line: None))


def happen(pipeline: Pipeline, store: Mortal, what: str, key: str, content: int) -> None:
    state = state_of(pipeline, store)
    match what:
        case "arrives":
            until_done(lambda: accept(pipeline, store, key, content))
            run(pipeline, store, key)
        case "is run again" if key in state.slices:
            run(pipeline, store, key)
        case "is quarantined":
            ref = SliceRef(key=key, revision=f"{key}q{content}", rows=10)
            said = SliceQuarantined(slice=ref, report="")
            until_done(
                lambda: ModelLog(store, pipeline.name).decide(
                    lambda state: None if state.slices.get(key, said) == said else said
                )
            )
        case "is withdrawn" if key in state.slices:
            until_done(lambda: withdraw(store, pipeline.name, key, "wrong"))
        case "is rolled back" if state.restorable:
            until_done(lambda: go_back(pipeline, store, state.restorable[content % len(state.restorable)]))
        case "is rebased":
            rebase(pipeline, store)


def go_back(pipeline: Pipeline, store: Mortal, to: int) -> None:
    state = state_of(pipeline, store)
    if state.head != to and all(state.standing(ref) for one in state.ancestry(to) for ref in one.slices):
        rollback(store, pipeline.name, to, "complaints")


def check(records: list[Record]) -> None:
    """What holds of every log that these runs have written."""
    after = LineageState(model="model")
    for record in records:
        before, after = after, fold("model", [record], after=after)
        shadow = in_shadow(before)
        if isinstance(record, CandidateStarted) and record.replaces is None:
            assert shadow is None, "nothing else trains on that parent"
        if isinstance(record, ShadowScored | Evaluated | Promoted):
            version = before.versions[record.version]
            if not version.started.shadow:
                continue
            consumed = {ref.key for one in before.ancestry(version.version) for ref in one.slices}
            if isinstance(record, ShadowScored):
                assert record.slice.key > max(consumed)
            if isinstance(record, Evaluated):
                assert len(record.slices) == 2
                assert min(ref.key for ref in record.slices) > max(consumed)
                assert [ref.key for ref in record.slices] == sorted({ref.key for ref in record.slices})
            if isinstance(record, Promoted):
                assert version.evaluated is not None
                assert set(version.evaluated.slices) <= set(before.pending()), "as it stands"
    said = Counter(
        (record.version, record.slice.id) for record in records if isinstance(record, ShadowScored)
    )
    assert set(said.values()) <= {1}, "each revision is scored once"


KINDS = ["is run again", "is quarantined", "is withdrawn", "is rolled back", "is rebased"]
happenings = st.lists(
    st.tuples(
        st.sampled_from(["arrives"] * 6 + KINDS),
        st.sampled_from(KEYS),
        st.integers(1, 2),
    ),
    min_size=1,
    max_size=14,
)
in_order = [("arrives", key, 1) for key in KEYS]


thorough = partial(settings, deadline=None, suppress_health_check=[HealthCheck.too_slow])
deaths_at = st.dictionaries(st.integers(1, 200), st.booleans(), max_size=8)


@thorough(max_examples=12)
@given(happenings, deaths_at)
@example(in_order, {})
@example([*in_order[:3], ("arrives", "b", 2), *in_order[3:]], {})
@example([*in_order[:3], ("is withdrawn", "c", 1), *in_order[3:]], {})
@example([*in_order[:4], ("is rolled back", "a", 1), *in_order[4:]], {})
@example([("arrives", key, 1) for key in "edcba"], {at: at % 2 == 0 for at in range(1, 90, 3)})
def test_it_is_judged_fairly_and_everything_is_learned_once_in_the_end(
    shadowed: Pipeline, what: list[tuple[str, str, int]], deaths: dict[int, bool]
) -> None:
    is_fair_and_learned_once(shadowed, what, deaths)


@pytest.mark.soak
@thorough(max_examples=200)
@given(happenings, deaths_at)
def test_in_many_histories_it_is_judged_fairly_and_everything_is_learned_once(
    shadowed: Pipeline, what: list[tuple[str, str, int]], deaths: dict[int, bool]
) -> None:
    is_fair_and_learned_once(shadowed, what, deaths)


def is_fair_and_learned_once(
    shadowed: Pipeline, what: list[tuple[str, str, int]], deaths: dict[int, bool]
) -> None:
    store = Mortal(deaths)
    for kind, key, content in what:
        happen(shadowed, store, kind, key, content)
    rebase(shadowed, store)
    for key in LATER:
        happen(shadowed, store, "arrives", key, 1)
    rebase(shadowed, store)

    records = ModelLog(store, shadowed.name).records()
    check(records)
    state = state_of(shadowed, store)
    for name, data in store.said.items():
        assert store.get(name) == data, f"{name} was lost or changed"
    found = in_shadow(state)
    kept_waiting = [
        number
        for number, version in state.versions.items()
        if version.started.shadow
        and version.status in (VersionStatus.TRAINED, VersionStatus.EVALUATED)
        and (found is None or found.version.version != number)
    ]
    assert not kept_waiting
    consumed = Counter(ref.id for one in state.ancestry(state.head) for ref in one.slices)
    assert set(consumed.values()) <= {1}
    standing = [entry.ref for entry in state.slices.values() if entry.status is SliceStatus.ACCEPTED]
    by_now = [ref for ref in standing if ref.key <= LATER[2]]
    assert {ref.id for ref in by_now} <= set(consumed), "whatever waited was learned in its time"


def test_a_backfill_trains_scores_settles_and_trains_on_what_was_scored(shadowed: Pipeline) -> None:
    store = Mortal()
    for key in "abcdefgh":
        accept(shadowed, store, key, 1)
    assert [run(shadowed, store, key) for key in "abcdefgh"] == [
        "promoted",  # the first version has no champion: it is evaluated at once
        "shadow",
        "shadow",
        "promoted",  # version 2, on c and d
        "shadow",  # version 3 learned c, d and e
        "shadow",
        "promoted",  # on f and g
        "shadow",
    ]
    state = state_of(shadowed, store)
    assert [[ref.key for ref in one.slices] for one in state.versions.values()] == [
        ["a"],
        ["b"],
        ["c", "d", "e"],
        ["f", "g", "h"],
    ]
    evaluated = [one.evaluated.slices for one in state.versions.values() if one.evaluated]
    assert [[ref.key for ref in slices] for slices in evaluated] == [[], ["c", "d"], ["f", "g"]]


@each_write
def test_a_kill_at_a_single_write_changes_nothing(shadowed: Pipeline, each: bool) -> None:
    def end(deaths: dict[int, bool]) -> tuple[list[str], bytes, list[str]]:
        store = Mortal(deaths)
        for kind, key, content in [*in_order[:3], ("arrives", "c", 2), *in_order[3:]]:
            happen(shadowed, store, kind, key, content)
        records = ModelLog(store, shadowed.name).records()
        kinds = [f"{type(one).__name__} {getattr(one, 'version', '')}" for one in records]
        return store.kinds, weights_of(store, state_of(shadowed, store)), kinds

    writes, weights, kinds = end({})
    assert sum(kind.startswith("ShadowScored") for kind in kinds) >= 3
    for nth, at in enumerate(moments(writes, each=each)):
        for behind in (False, True) if each else (nth % 2 == 0,):
            _, got, said = end({at: behind})
            assert (got, said) == (weights, kinds), f"killed {'behind' if behind else 'before'} write {at}"
