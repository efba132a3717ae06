"""What is new, what is told again and what comes down: values in, values out."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.alerts import Alert, Board
from ckpt_ops.alerts.board import HANGS, LONGEST_RETRY, MOMENT_STAYS, MOST_MOMENTS, RETRY
from ckpt_ops.views.building.attention import MOST_KEYS
from ckpt_ops.views.shapes import Wants

NOW = datetime(2026, 1, 1, tzinfo=UTC)
SECOND = timedelta(seconds=1)


def about(*keys: str, what: Wants = Wants.QUARANTINED) -> Alert:
    return Alert(model="m", what=what, subjects=keys, message=f"In quarantine: {keys}.", slices=keys)


def told(board: Board, way: str = "mail", now: datetime = NOW) -> Board:
    """All that is due went through."""
    due = board.due(way, now)
    board = board.tried(way, due, now)
    for one in due:
        board = board.ended(way, one)
    return board


def titles(board: Board, way: str = "mail", now: datetime = NOW) -> list[str]:
    return [one.alert.title for one in board.due(way, now)]


def test_what_lasts_is_told_once_and_what_joins_it_alone() -> None:
    board = Board().seen(NOW, [about("a")])
    assert titles(board) == ["m: slice in quarantine: a"]
    board = told(board)
    assert titles(board.seen(NOW, [about("a")])) == []
    board = board.seen(NOW, [about("a", "b")])
    assert titles(board) == ["m: slice in quarantine: b"]


def test_what_was_settled_and_comes_again_is_told_again() -> None:
    board = told(Board().seen(NOW, [about("a", "b")]))
    board = board.seen(NOW, [about("b")])
    assert titles(board.seen(NOW, [about("b")])) == []
    assert titles(board.seen(NOW, [about("a", "b")])) == ["m: slice in quarantine: a"]
    assert board.seen(NOW, []).posted == ()


def test_what_was_settled_before_it_could_be_told_is_not_told() -> None:
    board = Board().seen(NOW, [about("a")]).seen(NOW, [])
    assert titles(board) == []


def test_kinds_of_one_slice_are_told_each() -> None:
    board = told(Board().seen(NOW, [about("a")]))
    board = board.seen(NOW, [about("a"), about("a", what=Wants.LATE)])
    assert titles(board) == ["m: late slice awaits a decision: a"]


def test_a_log_that_cannot_be_read_settles_nothing() -> None:
    board = told(Board().seen(NOW, [about("a")]))
    board = board.seen(NOW, [Alert(model="m", what=Wants.UNREADABLE, subjects=("log",), message="gone")])
    assert titles(board) == ["m: log cannot be read"]
    board = told(board).seen(NOW, [about("a")])
    assert titles(board) == []
    assert [one.alert.what for one in board.posted] == [Wants.QUARANTINED]


def test_slices_that_a_long_list_leaves_out_are_not_taken_for_settled() -> None:
    keys = tuple(f"k{at:03}" for at in range(MOST_KEYS + 5))
    board = told(Board().seen(NOW, [about(*keys[:MOST_KEYS])]))
    board = told(board.seen(NOW, [about(*keys[5:])]))
    assert titles(board.seen(NOW, [about(*keys[2:22])])) == []
    short = board.seen(NOW, [about(*keys[6:10])])
    assert {each for one in short.posted for each in one.subjects} == set(keys[6:10])


class TestFoundByARun:
    def test_it_is_told_once_and_not_again_when_the_spacing_tells_it_too(self) -> None:
        missing = about("w1", what=Wants.MISSING)
        board = told(Board().seen(NOW, [], [missing]))
        for later in (board.seen(NOW, []), board.seen(NOW, [], [missing]), board.seen(NOW, [missing])):
            assert titles(later) == []

    def test_it_is_kept_for_a_notifier_that_failed(self) -> None:
        board = Board().seen(NOW, [], [about("w1", what=Wants.MISSING)]).seen(NOW, [])
        assert titles(board) == ["m: slice is missing: w1"]

    def test_it_is_not_kept_for_ever(self) -> None:
        board = Board().seen(NOW, [], [about("w1", what=Wants.MISSING)])
        assert board.seen(NOW + MOMENT_STAYS - SECOND, []).posted
        assert not board.seen(NOW + MOMENT_STAYS, []).posted
        for at in range(MOST_MOMENTS + 10):
            board = board.seen(NOW, [], [about(f"x{at}", what=Wants.MISSING)])
        assert len(board.seen(NOW, []).posted) == MOST_MOMENTS


class TestTries:
    def test_a_failed_one_comes_again_later_and_ever_later(self) -> None:
        board, now, waits = Board().seen(NOW, [about("a")]), NOW, []
        for _ in range(5):
            (one,) = board.due("mail", now)
            board = board.tried("mail", [one], now).ended("mail", one, "ConnectionRefusedError")
            before = now
            while not board.due("mail", now):
                now += timedelta(minutes=1)
            waits.append(now - before)
        assert waits == [RETRY, 2 * RETRY, 4 * RETRY, LONGEST_RETRY, LONGEST_RETRY]

    def test_one_that_never_ended_counts_as_one(self) -> None:
        board = Board().seen(NOW, [about("a")])
        board = board.tried("mail", board.due("mail", NOW), NOW)
        assert titles(board, now=NOW + RETRY - SECOND) == []
        assert titles(board, now=NOW + RETRY) == ["m: slice in quarantine: a"]

    def test_a_clock_that_was_set_back_holds_up_nothing(self) -> None:
        board = Board().seen(NOW, [about("a")])
        board = board.tried("mail", board.due("mail", NOW), NOW)
        assert titles(board, now=NOW - timedelta(days=1)) == ["m: slice in quarantine: a"]

    def test_one_notifier_does_not_speak_for_another(self) -> None:
        board = told(Board().seen(NOW, [about("a")]))
        assert titles(board, "hook") == ["m: slice in quarantine: a"]
        (one,) = board.posted
        assert board.tried("hook", [one], NOW).ended("hook", one, "no").posted[0].way("mail").told

    def test_new_alerts_wait_while_their_notifier_fails_or_hangs(self) -> None:
        board = Board().seen(NOW, [about("a")])
        begun = board.tried("mail", board.due("mail", NOW), NOW)
        failed = begun.ended("mail", board.posted[0], "TimeoutError")
        both = [about("a"), about("b")]
        soon, later = NOW + SECOND, NOW + HANGS + SECOND
        assert titles(begun.seen(soon, both), now=soon) == ["m: slice in quarantine: b"], "it may go well"
        assert titles(begun.seen(later, both), now=later) == []
        assert titles(failed.seen(soon, both), now=soon) == []
        assert titles(failed.seen(soon, both), "hook", now=soon) == [
            f"m: slice in quarantine: {key}" for key in "ab"
        ]
        assert len(failed.seen(NOW + RETRY, both).due("mail", NOW + RETRY)) == 2

    def test_what_went_through_stays_so(self) -> None:
        board = told(Board().seen(NOW, [about("a")]))
        (one,) = board.posted
        assert titles(board.ended("mail", one, "a slow one that failed")) == []


KEYS = st.sets(st.sampled_from("abcde")).map(sorted)


@given(looks=st.lists(KEYS, max_size=8))
def test_each_rise_of_a_slice_is_told_exactly_once(looks: list[list[str]]) -> None:
    board, before, heard, rises = Board(), set[str](), list[str](), list[str]()
    for keys in looks:
        board = board.seen(NOW, [about(*keys)] if keys else [])
        due = board.due("mail", NOW)
        heard += [key for one in due for key in one.alert.slices]
        board = told(board)
        rises += [key for key in keys if key not in before]
        before = set(keys)
        assert {key for one in board.posted for key in one.subjects} == before
    assert heard == rises


@pytest.mark.parametrize("now", [NOW, NOW + 400 * timedelta(days=1)])
def test_a_board_does_not_change_without_a_reason(now: datetime) -> None:
    board = told(Board().seen(NOW, [about("a"), about("v", what=Wants.LATE)]))
    again = board.seen(now, [about("a"), replace(about("v", what=Wants.LATE), message="older by now")])
    assert again == board
