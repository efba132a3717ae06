"""Which slices a candidate in shadow is evaluated on, and that nothing else trains meanwhile."""

from __future__ import annotations

from dataclasses import replace

import pytest
from histories import (
    KEYS,
    accepted,
    evaluated,
    histories,
    in_shadow_from,
    promoted,
    ref,
    scored,
    started,
    state_after,
)
from hypothesis import HealthCheck, given, settings

from ckpt_ops.lineage import Action, LineageState, fold, plan
from ckpt_ops.lineage.forecast import Arrival, forecast
from ckpt_ops.lineage.records import (
    Held,
    Promoted,
    Record,
    Rejected,
    RolledBack,
    SliceQuarantined,
    SliceTainted,
    SliceWithdrawn,
)
from ckpt_ops.lineage.shadow import InShadow, in_shadow, superseded

W1, W2, W3, W4, W5, W6 = KEYS[:6]

# the champion learned week 2, the candidate week 3
WAITS = [*promoted(1, ref(W2)), *in_shadow_from(2, ref(W3), champion=1, of=2)]


def found(*records: Record | list[Record]) -> InShadow:
    shadow = in_shadow(state_after(WAITS, *records))
    assert shadow is not None
    assert shadow.version.version == 2
    return shadow


def keys_of(shadow: InShadow) -> list[str]:
    return [each.key for each in shadow.counted]


def actions(state: LineageState, *keys: str) -> list[Action]:
    return [plan(state, key, late_within=9).action for key in keys]


def test_a_candidate_is_in_shadow_from_the_end_of_its_training_until_it_is_settled() -> None:
    assert in_shadow(state_after(WAITS[:-1])) is None, "it is still trained"
    assert not found().complete
    both_scored = [accepted(W4), accepted(W5), scored(2, ref(W4)), scored(2, ref(W5))]
    assert found(*both_scored).complete
    verdict = replace(evaluated(2, champion=1, passed=True), slices=(ref(W4), ref(W5)))
    assert found(*both_scored, verdict).complete
    for settled in (Promoted(version=2, champion=1), Rejected(version=2, champion=1)):
        assert in_shadow(state_after(WAITS, *both_scored, verdict, settled)) is None


def test_a_candidate_that_was_opened_without_is_never_in_shadow() -> None:
    plain = [*promoted(1, ref(W2)), *in_shadow_from(2, ref(W3), champion=1, of=0)]
    assert in_shadow(state_after(plain)) is None


def test_a_run_scores_what_is_newer_and_whatever_an_earlier_run_left_out() -> None:
    shadow = found(accepted(W4), accepted(W5), accepted(W6))
    assert [each.key for each in shadow.to_score(W4)] == [W4]
    assert [each.key for each in shadow.to_score(W6)] == [W4, W5], "no more than it is evaluated on"
    shadow = found(accepted(W4), accepted(W5), accepted(W6), scored(2, ref(W5)))
    assert [each.key for each in shadow.to_score(W6)] == [W4]


@pytest.mark.parametrize("key", [W1, W3])
def test_what_is_not_newer_than_all_that_was_learned_is_no_shadow_slice(key: str) -> None:
    waits = [*promoted(1, ref(W2)), *in_shadow_from(2, ref(W4), champion=1, of=1), accepted(key)]
    shadow = in_shadow(state_after(waits))
    assert shadow is not None
    assert shadow.waiting == ()
    assert plan(state_after(waits), key, late_within=9).action is Action.SHADOW, "it waits"


@pytest.mark.parametrize(
    "record",
    [
        accepted(W4, 2),
        SliceWithdrawn(slice=ref(W4)),
        SliceQuarantined(slice=ref(W4, 2), report="r"),
        SliceTainted(slice=ref(W4)),
    ],
    ids=["corrected", "withdrawn", "quarantined", "tainted"],
)
def test_a_scored_slice_counts_only_as_it_stands(record: Record) -> None:
    before = [accepted(W4), accepted(W5), scored(2, ref(W4)), scored(2, ref(W5))]
    assert keys_of(found(*before)) == [W4, W5]
    shadow = found(*before, record)
    assert keys_of(shadow) == [W5]
    again = found(*before, record, accepted(W4, 2), scored(2, ref(W4, 2)))
    assert [each.revision for each in again.counted] == [ref(W4, 2).revision, ref(W5).revision]
    other = found(*before, record, accepted(W6), scored(2, ref(W6)))
    assert keys_of(other) == [W5, W6], "another takes its place"


def test_a_slice_of_which_no_row_could_be_judged_does_not_count_and_is_not_asked_again() -> None:
    shadow = found(accepted(W4), scored(2, ref(W4), rows=0))
    assert (shadow.counted, shadow.waiting) == ((), ())


@pytest.mark.parametrize(
    ("records", "why"),
    [
        ([accepted(W3, 2)], "was corrected or withdrawn"),
        ([SliceWithdrawn(slice=ref(W3))], "was corrected or withdrawn"),
        ([SliceTainted(slice=ref(W3), reason="wrong clock")], "tainted: wrong clock"),
        ([started(3, ref(W4), parent=1), Promoted(version=3, champion=1)], "the champion is now version 3"),
    ],
    ids=["corrected", "withdrawn", "tainted", "another was promoted"],
)
def test_one_that_may_not_be_promoted_any_more_holds_nothing_up(records: list[Record], why: str) -> None:
    state = state_after(WAITS, records, accepted(W5))
    assert in_shadow(state) is None
    assert why in str(superseded(state, state.versions[2]))
    assert actions(state, W5) == [Action.APPEND]


def test_a_rollback_ends_it() -> None:
    first = [*promoted(1, ref(W1)), *promoted(2, ref(W2), champion=1)]
    waits = in_shadow_from(3, ref(W3), champion=2, of=1)
    assert in_shadow(state_after(first, waits)) is not None
    assert in_shadow(state_after(first, waits, RolledBack(version=1, champion=2))) is None


def test_a_hold_goes_before_it() -> None:
    assert actions(state_after(WAITS, accepted(W4), Held(reason="wait")), W4) == [Action.HOLD]


def test_the_words_say_how_far_it_is_and_what_becomes_of_a_slice() -> None:
    state = state_after(WAITS, accepted(W1), accepted(W4), scored(2, ref(W4)), accepted(W5))
    why = {key: plan(state, key, late_within=9).why for key in (W1, W3, W4, W5)}
    assert all(
        "version 2 is evaluated on the next 2 slices, 1 of 2 scored" in message for message in why.values()
    )
    assert "stays pending" in why[W1]
    assert "a candidate in shadow was trained on it" in why[W3]
    assert "this one among them" in why[W4]
    assert "it and version 1 predict this one" in why[W5]


@settings(max_examples=150, deadline=None, suppress_health_check=list(HealthCheck))
@given(histories())
def test_whatever_happened_it_is_judged_on_what_neither_model_learned(records: list[Record]) -> None:
    for at, record in enumerate(records):
        before = fold("model", records[:at])
        shadow = in_shadow(before)
        if shadow is not None:
            consumed = [each.key for one in before.ancestry(shadow.version.version) for each in one.slices]
            for each in (*shadow.counted, *shadow.waiting):
                assert each.key > max(consumed)
                assert each in before.pending()
            assert shadow.version.parent == before.head
            planned = actions(before, *before.slices)
            assert not {Action.APPEND, Action.LATE} & set(planned), "nothing else trains on that parent"
        if isinstance(record, Promoted) and before.versions[record.version].started.shadow:
            assert shadow is not None
            assert shadow.complete


# --- what a backfill would do -------------------------------------------------------------------


def forecast_of(state: LineageState, *keys: str, shadow: int = 2) -> list[str]:
    arrivals = [Arrival(key=key) for key in keys]
    plans = forecast(state, arrivals, late_within=9, max_rejections=3, shadow=shadow)
    return [each.action.value for each in plans]


def test_a_backfill_trains_then_scores_then_trains_on_what_was_scored() -> None:
    nothing = LineageState(model="model")
    assert forecast_of(nothing, *KEYS) == [
        "append",  # the first version is evaluated at once
        "append",
        "shadow",
        "shadow",
        "append",
        "shadow",
        "shadow",
        "append",
    ]
    assert forecast_of(nothing, *KEYS[:4], shadow=0) == ["append"] * 4


def test_a_backfill_begins_where_the_candidate_in_shadow_is() -> None:
    state = state_after(WAITS, accepted(W4), scored(2, ref(W4)))
    assert forecast_of(state, W5, W6) == ["shadow", "append"]
