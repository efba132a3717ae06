"""Which checkpoints of a version stay."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.checkpoints import Keep
from ckpt_ops.errors import BadInput


@dataclass(frozen=True)
class Commit:
    step: int
    metrics: dict[str, float] = field(default_factory=dict)


def commits(*losses: float) -> list[Commit]:
    return [Commit(10 * number, {"loss": loss}) for number, loss in enumerate(losses, start=1)]


def test_by_default_all_stay() -> None:
    assert Keep().kept(commits(3, 2, 1)) == {10, 20, 30}


def test_latest_only_keeps_one() -> None:
    assert Keep(last=1).kept(commits(1, 2, 3)) == {30}


def test_the_best_stay_beside_the_last() -> None:
    assert Keep(last=1, best=2).kept(commits(0.5, 0.1, 0.9, 0.2, 0.7)) == {20, 40, 50}
    assert Keep(last=1, best=1, larger_is_better=True).kept(commits(0.5, 0.9, 0.1)) == {20, 30}


def test_of_equals_the_newer_is_the_better_and_what_has_no_number_is_the_worst() -> None:
    assert Keep(last=1, best=1).kept(commits(0.1, 0.1, 0.9)) == {20, 30}
    assert Keep(last=1, best=1).kept(commits(float("nan"), 0.4, 0.9)) == {20, 30}
    assert Keep(last=1, best=1, metric="auc").kept(commits(1, 2, 3)) == {30}


def test_each_so_many_th_is_an_anchor() -> None:
    assert Keep(last=1, every=3).kept(commits(*range(8))) == {30, 60, 80}


@given(
    losses=st.lists(st.floats(allow_nan=True), min_size=1, max_size=30),
    last=st.integers(1, 5),
    best=st.integers(0, 5),
    every=st.integers(0, 5),
)
def test_the_newest_always_stays_and_dropping_as_one_goes_takes_nothing_that_a_later_look_keeps(
    losses: list[float], last: int, best: int, every: int
) -> None:
    keep = Keep(last=last, best=best, every=every)
    made = commits(*losses)
    kept = keep.kept(made)
    assert made[-1].step in kept
    assert kept <= {commit.step for commit in made}
    assert len(kept) <= last + best + (len(made) // every if every else 0)
    if len(made) > 1:
        assert kept - {made[-1].step} <= keep.kept(made[:-1])


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"last": 0}, "Keep.last"),
        ({"last": 1, "best": -1}, "Keep.best"),
        ({"last": 1, "every": -2}, "Keep.every"),
        ({"best": 1}, "Keep.last"),
        ({"every": 4}, "Keep.last"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(settings: dict[str, int], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        Keep(**settings)  # type: ignore[arg-type]
