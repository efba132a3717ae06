"""What may be asked of a bisect, on which rows it is measured, and how the verdict reads."""

from __future__ import annotations

from dataclasses import replace

import pytest

from ckpt_ops.diagnostics.bisect_question import Found, Question, measured_on
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState, fold
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Promoted,
    SliceAccepted,
    SliceQuarantined,
    SliceRef,
)

W1, W2, W3, W4 = (SliceRef(key=f"2013-w{week}", revision=f"r{week}", rows=10) for week in range(1, 5))


@pytest.fixture
def state() -> LineageState:
    """Version 1 learned two weeks and is the head; a corrected one and one more are there since."""
    return fold(
        "flights",
        [
            *(SliceAccepted(slice=ref) for ref in (W1, W2)),
            CandidateStarted(version=1, candidate="c1", parent=None, slices=(W1, W2)),
            CandidateTrained(
                version=1, step=5, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts={}
            ),
            Promoted(version=1, champion=None),
            SliceAccepted(slice=replace(W2, revision="r2b")),
            SliceAccepted(slice=W3),
            SliceQuarantined(slice=W4, report=""),
        ],
    )


@pytest.mark.parametrize(
    ("metric", "below", "above", "allowed"),
    [
        ("lift", 0.5, None, "one of auc, log_loss, accuracy, brier, rmse, mae"),
        ("auc", None, None, "--below X and no --above: auc is better when it is larger"),
        ("auc", None, 0.5, "--below X and no --above"),
        ("auc", 0.5, 0.6, "--below X and no --above"),
        ("rmse", 0.5, None, "--above X and no --below: rmse is better when it is smaller"),
        ("auc", float("nan"), None, "a number"),
    ],
)
def test_a_question_that_has_no_answer_is_refused(
    metric: str, below: float | None, above: float | None, allowed: str
) -> None:
    with pytest.raises(BadInput) as caught:
        Question(metric=metric, below=below, above=above)
    assert allowed in caught.value.what


def test_wrong_is_what_lies_beyond_the_bound_and_what_is_no_number() -> None:
    auc, loss = Question(metric="auc", below=0.6), Question(metric="log_loss", above=0.6)
    assert [auc.wrong(value) for value in (0.5, 0.6, 0.7, None)] == [True, False, False, True]
    assert [loss.wrong(value) for value in (0.5, 0.6, 0.7, None)] == [False, False, True, True]


@pytest.mark.parametrize(
    ("on", "revision"),
    [
        (None, "r2"),
        (W1.key, "r1"),
        (W2.key, "r2"),  # not the corrected revision: rows that it holds out were trained on in the old one
        (W3.key, "r3"),
    ],
)
def test_it_is_measured_on_rows_that_no_version_of_the_history_trained_on(
    state: LineageState, on: str | None, revision: str
) -> None:
    assert measured_on(state, Question(metric="auc", below=0.6, on=on)).revision == revision


@pytest.mark.parametrize("on", [W4.key, "2099-w1"])
def test_rows_in_quarantine_and_unknown_ones_are_refused_with_those_that_there_are(
    state: LineageState, on: str
) -> None:
    with pytest.raises(BadInput, match="2013-w1, 2013-w2, 2013-w3"):
        measured_on(state, Question(metric="auc", below=0.6, on=on))


def test_without_a_head_there_is_no_history_to_search() -> None:
    with pytest.raises(BadInput, match="in production"):
        measured_on(LineageState(model="flights"), Question(metric="auc", below=0.6))


@pytest.mark.parametrize(
    ("consumed", "culprit", "parent", "message"),
    [
        (
            (W2,),
            W2,
            5,
            "auc on the held-out rows of 2013-w3 was 0.6800 after version 5 and 0.5500 after version 6, "
            "which consumed slice 2013-w2, revision r2",
        ),
        (
            (W1, W2, W4),
            W2,
            5,
            "auc on the held-out rows of 2013-w3 first went wrong in version 6, which consumed 3 slices at "
            "once: it was 0.6800 after 1 of its 3 slices and 0.5500 with the next, slice 2013-w2, "
            "revision r2",
        ),
        (
            (W1, W2),
            W1,
            5,
            "auc on the held-out rows of 2013-w3 first went wrong in version 6, which consumed 2 slices at "
            "once: it was 0.6800 after version 5 and 0.5500 with the next, slice 2013-w1, revision r1",
        ),
        (
            (W1,),
            W1,
            None,
            "auc on the held-out rows of 2013-w3 was 0.5500 from the start: after version 6, the first, "
            "which consumed slice 2013-w1, revision r1",
        ),
        (
            (W1, W2),
            W2,
            None,
            "auc on the held-out rows of 2013-w3 first went wrong in version 6, which consumed 2 slices at "
            "once: it was 0.6800 after 1 of its 2 slices and 0.5500 with the next, slice 2013-w2, "
            "revision r2",
        ),
    ],
)
def test_the_verdict_names_the_slice_and_both_numbers(
    consumed: tuple[SliceRef, ...], culprit: SliceRef, parent: int | None, message: str
) -> None:
    found = Found(version=6, parent=parent, consumed=consumed, culprit=culprit, before=0.68, after=0.55)
    assert found.message(Question(metric="auc", below=0.6), W3) == message
