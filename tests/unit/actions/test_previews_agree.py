"""A preview calls an action possible exactly where the function that decides would write a record."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

from histories import histories
from hypothesis import given, settings

from ckpt_ops.actions import Asked, preview
from ckpt_ops.errors import BadInput
from ckpt_ops.intake.decisions import check_late, check_tainted, taint_of
from ckpt_ops.lineage import LineageState, fold
from ckpt_ops.lineage.quarantined import one_in_quarantine
from ckpt_ops.lineage.records import Record
from ckpt_ops.promotion.approval import approval_of, rejection_of
from ckpt_ops.promotion.decisions import rollback_of

ON_SLICES: dict[str, Callable[[LineageState, str], object]] = {
    "resolve": check_late,
    "release-slice": one_in_quarantine,
    "discard-slice": one_in_quarantine,
    "taint": partial(taint_of, why="w"),
    "lift-taint": check_tainted,
}
ON_VERSIONS: dict[str, Callable[[LineageState, int], object]] = {
    "approve": partial(approval_of, why="w", despite_gates=False),
    "promote-despite-gates": partial(approval_of, why="w", despite_gates=True),
    "reject": partial(rejection_of, why="w"),
    "rollback": partial(rollback_of, why="w"),
}


@settings(max_examples=40, deadline=None)
@given(histories())
def test_on_every_slice_and_version_of_any_history(records: list[Record]) -> None:
    state = fold("m", records)
    for key in state.slices:
        for action, decide in ON_SLICES.items():
            seen = preview(state, action, Asked(key=key))
            assert seen.possible is _decides(decide, state, key), (action, key, seen)
            assert seen.possible is not bool(seen.why_not)
    for number in state.versions:
        for action, decide_on in ON_VERSIONS.items():
            seen = preview(state, action, Asked(version=number))
            finishing = "approve" in action and state.versions[number].approved is not None
            if not finishing:  # of what is approved, the promotion is left to do
                assert seen.possible is _decides(decide_on, state, number), (action, number, seen)
            assert seen.possible is not bool(seen.why_not)
    assert preview(state, "release-hold", Asked()).possible is (state.held is not None)


def _decides(decide: Callable[[LineageState, object], object], state: LineageState, about: object) -> bool:
    """Whether a record would be written, or the check lets it pass: those return None."""
    try:
        found = decide(state, about)
    except BadInput:
        return False
    return found is not None or decide in (check_late, check_tainted)
