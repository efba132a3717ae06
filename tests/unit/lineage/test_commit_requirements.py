"""What has to hold for a candidate to be promoted: each requirement says itself what is not as it was."""

from __future__ import annotations

import pytest
from histories import KEYS, accepted, histories, promoted, ref, started, state_after, trained
from hypothesis import HealthCheck, given, settings

from ckpt_ops.lineage import LineageState, VersionStatus, fold
from ckpt_ops.lineage.awaiting import waits
from ckpt_ops.lineage.records import Promoted, Record, SliceTainted, SliceWithdrawn
from ckpt_ops.lineage.requirements import (
    HeadIs,
    NotTainted,
    Requirement,
    SlicesPending,
    SlicesUnchanged,
    first_unmet,
    to_be_promoted,
)

W1, W2, W3 = KEYS[:3]
BEFORE: list[Record] = [
    *promoted(1, ref(W1)),
    accepted(W2),
    started(2, ref(W2), parent=1),
    trained(2),
]


def test_all_hold_while_nothing_happened() -> None:
    state = state_after(BEFORE)
    assert first_unmet(state, to_be_promoted(state.versions[2])) is None


@pytest.mark.parametrize(
    ("then", "requirement", "reason"),
    [
        ([SliceTainted(slice=ref(W1), reason="poison")], NotTainted(version=2), f"{W1}, which is tainted"),
        ([accepted(W2, revision=2)], SlicesUnchanged(version=2), f"superseded: slice {W2} was corrected"),
        ([SliceWithdrawn(slice=ref(W2))], SlicesUnchanged(version=2), f"slice {W2} was corrected or"),
        (
            promoted(3, ref(W3), champion=1),
            HeadIs(version=1),
            "now version 3; it was compared with version 1",
        ),
    ],
)
def test_the_first_that_does_not_hold_is_named(
    then: list[Record], requirement: Requirement, reason: str
) -> None:
    state = state_after(BEFORE, then)
    unmet = first_unmet(state, to_be_promoted(state.versions[2]))
    assert unmet is not None
    assert unmet.requirement == requirement
    assert reason in unmet.reason


def test_slices_that_were_scored_in_shadow_have_to_be_pending_as_they_were() -> None:
    scored = SlicesPending(slices=(ref(W2), ref(W3)))
    assert scored.unmet(state_after(BEFORE, [accepted(W3)])) is None
    unmet = scored.unmet(state_after(BEFORE, [accepted(W3, revision=2)]))
    assert unmet is not None
    assert unmet.reason == f"slice {W3} was corrected, withdrawn or consumed after it was scored in shadow"


# --- properties of any history ------------------------------------------------------------------

many = settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@many
@given(histories())
def test_whatever_was_promoted_met_them_and_so_does_what_waits_for_a_person(records: list[Record]) -> None:
    state = LineageState(model="model")
    for record in records:
        if isinstance(record, Promoted):
            version = state.versions[record.version]
            assert first_unmet(state, to_be_promoted(version)) is None
            assert record.champion == version.champion == state.head
        state = fold("model", [record], after=state)
    for version in state.versions.values():
        if waits(state, version):
            assert version.status is VersionStatus.EVALUATED
            assert first_unmet(state, to_be_promoted(version)) is None
