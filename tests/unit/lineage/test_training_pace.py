"""A training is called slower only beside enough others of its kind."""

from __future__ import annotations

from dataclasses import replace

import pytest
from histories import KEYS, promoted, ref

from ckpt_ops.lineage import LineageState, fold
from ckpt_ops.lineage.records import Again, CandidateStarted, CandidateTrained, Record
from ckpt_ops.lineage.training_pace import slower_training


def after(*paces: float, seconds: float = 100.0, last: dict[str, object] | None = None) -> LineageState:
    """A version of each pace, in steps a second, on top of each other."""
    records: list[Record] = []
    for number, pace in enumerate(paces, start=1):
        for record in promoted(number, ref(KEYS[0], number), champion=number - 1 or None):
            if isinstance(record, CandidateTrained):
                record = replace(record, seconds=seconds, step=round(pace * seconds))
                if number == len(paces) and last:
                    record = replace(record, **last)  # type: ignore[arg-type]
            records.append(record)
    return fold("m", records)


def test_the_newest_is_compared_with_the_median_of_those_before_it() -> None:
    found = slower_training(after(100, 90, 110, 95, 500, 40))
    assert found is not None
    assert (found.version, found.steps_per_second, found.usual, found.of) == (6, 40.0, 100.0, 5)
    assert found.message == "Version 6 trained at 40 steps a second, the 5 before it at 100."


@pytest.mark.parametrize(
    "state",
    [
        after(),
        after(100, 100, 100, 10),
        after(100, 100, 100, 100, 70),
        after(40, 100, 100, 100, 100, 100),
        after(100, 100, 100, 100, 10, seconds=9.0),
        after(100, 100, 100, 100, 10, last={"artifacts": {"transfer": "t"}}),
        after(100, 100, 100, 100, 10, last={"seconds": 0.0}),
    ],
    ids=["none", "too few", "hardly", "an older one", "too short", "another structure", "unknown"],
)
def test_what_is_no_slower_training(state: LineageState) -> None:
    assert slower_training(state) is None


def test_a_retraining_is_not_compared() -> None:
    slow = {"seconds": 100.0, "step": 1}
    records: list[Record] = []
    for one in promoted(6, ref(KEYS[1]), champion=5):
        if isinstance(one, CandidateStarted):
            records.append(replace(one, again=Again()))
        else:
            records.append(replace(one, **slow) if isinstance(one, CandidateTrained) else one)
    assert slower_training(fold("m", records, after=after(100, 100, 100, 100, 100))) is None
