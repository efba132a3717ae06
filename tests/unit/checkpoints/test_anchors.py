"""Anchors: how much more than it has to a rebase replays, and how many checkpoints that costs."""

from __future__ import annotations

import math
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.checkpoints import Anchors, Doubling, EveryVersions, Keep
from ckpt_ops.errors import BadInput

policies = st.builds(EveryVersions, versions=st.integers(1, 9), newest=st.integers(1, 5)) | st.builds(
    Doubling, newest=st.integers(2, 9)
)


def replay(kept: frozenset[int], line: list[int], first_changed: int) -> int:
    """Candidates to train when version `first_changed` and all later ones have to be learned again."""
    fork = max((version for version in kept if version < first_changed), default=0)
    return line[-1] - fork


@given(policies, st.integers(1, 200))
@settings(deadline=None)
def test_the_head_stays_and_what_was_let_go_is_never_wanted_back(policy: Anchors, length: int) -> None:
    line = list(range(1, length + 1))
    kept = policy.kept(line)
    assert length in kept
    assert kept <= set(line)
    assert policy.kept([*line, length + 1]) - {length + 1} <= kept


@given(st.integers(1, 9), st.integers(1, 5), st.integers(1, 120), st.data())
@settings(deadline=None)
def test_every_so_many_bounds_the_replay_by_a_number(
    versions: int, newest: int, length: int, data: st.DataObject
) -> None:
    line = list(range(1, length + 1))
    changed = data.draw(st.sampled_from(line))
    kept = EveryVersions(versions=versions, newest=newest).kept(line)
    assert replay(kept, line, changed) <= (length - changed + 1) + versions - 1


@given(st.integers(2, 9), st.integers(1, 300), st.data())
@settings(deadline=None)
def test_doubling_bounds_the_replay_by_a_share_of_what_is_due_anyway(
    newest: int, length: int, data: st.DataObject
) -> None:
    line = list(range(1, length + 1))
    changed = data.draw(st.sampled_from(line))
    kept = Doubling(newest=newest).kept(line)
    due = length - changed + 1
    assert replay(kept, line, changed) <= due * newest / (newest - 1)
    assert len(kept) <= newest * (2 + math.log2(length))


def test_what_is_kept_of_a_short_history() -> None:
    line = list(range(1, 21))
    assert sorted(EveryVersions(versions=4, newest=2).kept(line)) == [4, 8, 12, 16, 19, 20]
    assert sorted(Doubling(newest=2).kept(line)) == [8, 12, 14, 16, 17, 18, 19, 20]


@pytest.mark.parametrize(
    ("make", "field"),
    [
        (lambda: EveryVersions(versions=0), "EveryVersions.versions"),
        (lambda: EveryVersions(versions=2, newest=0), "EveryVersions.newest"),
        (lambda: Doubling(newest=1), "Doubling.newest"),
    ],
)
def test_what_bounds_nothing_is_refused_by_its_field(make: Callable[[], object], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        make()


def test_by_default_every_version_is_an_anchor() -> None:
    assert Keep().anchors is None
