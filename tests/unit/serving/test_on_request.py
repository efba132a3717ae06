"""What a version may be written as: previews and the door say the same, and name what is missing."""

from __future__ import annotations

import pytest
from histories import KEYS, histories, promoted, ref, started
from hypothesis import given, settings
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.extras import install
from ckpt_ops.lineage import LineageState, fold
from ckpt_ops.lineage.records import CheckpointsDropped, Record
from ckpt_ops.serving import on_request
from ckpt_ops.serving.on_request import CONVERSIONS, EXPORTS, FORMATS, InStore, Known, check, preview, why_not
from ckpt_ops.views.building.exports import command, format_rows

ONNX = ("tf2onnx", "onnx")


def let_in(state: LineageState, number: int, format: str, there: InStore) -> bool:
    try:
        check(state, number, format, there=there)
    except BadInput:
        return False
    return True


@settings(max_examples=60, deadline=None)
@given(histories(), st.sets(st.sampled_from(FORMATS)), st.booleans())
def test_a_preview_a_row_and_the_door_agree_on_every_version_and_format(
    records: list[Record], made: set[str], checkpoint: bool
) -> None:
    state, there = fold("m", records), InStore(made=frozenset(made), checkpoint=checkpoint)
    for number in state.versions:
        for row in format_rows(state, number, there):
            absent = on_request.missing_packages(row.format)
            seen = preview(state, number, row.format, known=Known(), there=there, absent=absent)
            assert seen.possible is row.possible is let_in(state, number, row.format, there)
            assert seen.possible is not bool(seen.why_not)
            assert row.why_not == seen.why_not
            assert seen.needs_reason


@pytest.fixture
def state() -> LineageState:
    return fold("m", [*promoted(1, ref(KEYS[0])), started(2, ref(KEYS[1]), parent=1)])


def test_a_preview_says_what_where_how_large_and_how_long(state: LineageState) -> None:
    seen = preview(state, 1, "keras", known=Known(nbytes=4_200_000, seconds=13.7))
    told = " ".join(seen.will)
    step = state.version(1).trained.step  # type: ignore[union-attr]
    assert f"models/m/v1/exported/keras/step-{step}/model.keras" in told
    assert "4,200,000 bytes" in told
    assert "took 14 s" in told
    assert "no training" in told
    unknown = " ".join(preview(state, 1, "keras", known=Known()).will)
    assert "How l" not in unknown
    assert "paused" not in unknown
    assert "until somebody unpauses it" in preview(state, 1, "keras", known=Known(paused=True)).will[-1]


def test_a_format_whose_packages_are_missing_is_refused_with_the_command_that_installs_them(
    state: LineageState, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(on_request, "missing", lambda extra: list(ONNX))
    assert on_request.missing_packages("onnx") == ONNX
    assert all(on_request.missing_packages(one) == () for one in FORMATS if one != "onnx")
    reason = why_not(state, 1, "onnx", absent=ONNX)
    assert ("tf2onnx, onnx" in reason, install("onnx") in reason) == (True, True)
    with pytest.raises(BadInput, match="Not installed: tf2onnx, onnx"):
        check(state, 1, "onnx")


def test_what_there_is_nothing_of_is_refused_in_a_sentence(state: LineageState) -> None:
    assert why_not(state, 2, "keras") == "It was not trained to its end: it is started."
    assert "no export" in why_not(state, 1, "tflite"), "this training left none"
    gone = fold("m", [CheckpointsDropped(versions=(1,))], after=state)
    assert why_not(gone, 1, "saved-model") == "Its last checkpoint was pruned."
    collected = why_not(state, 1, "keras", there=InStore(checkpoint=False))
    assert collected == "Its last checkpoint is gone: the version is promoted."
    for number, wanted in ((9, "keras"), (1, "exe")):
        with pytest.raises(BadInput, match="is not allowed"):
            why_not(state, number, wanted)


def test_what_is_there_already_is_found_whatever_became_of_the_checkpoint(state: LineageState) -> None:
    gone = fold("m", [CheckpointsDropped(versions=(1,))], after=state)
    there = InStore(made=frozenset({"keras"}), checkpoint=False)
    assert why_not(gone, 1, "keras", there=there) == ""
    assert why_not(gone, 1, "safetensors", there=there) == "Its last checkpoint was pruned."
    told = " ".join(preview(gone, 1, "keras", known=Known(nbytes=5), there=there).will)
    assert "It is there already, and not made again." in told
    assert ("writes" in told, "5 bytes" in told) == (False, False)


def test_every_format_of_both_commands_is_offered_with_its_command() -> None:
    assert set(FORMATS) == {*EXPORTS, *CONVERSIONS}
    assert command("m", 1, "keras") == "ckpt-ops export m 1 --format keras m-v1.keras"
    assert command("m", 1, "onnx") == "ckpt-ops convert m 1 --format onnx"
