"""A stored slice that lacks a declared column: who reads it says which slice, which column, and what next."""

from __future__ import annotations

from dataclasses import replace

import pytest
from stand_in import ADA, W1, Place

from ckpt_ops.candidates.slice_rows import StoredRows, holdout_of, split
from ckpt_ops.column_times import Until
from ckpt_ops.errors import BadInput, ModelCodeError, SliceUnreadable
from ckpt_ops.intake.quarantine import release
from ckpt_ops.lineage.records import SliceQuarantined, SliceRef
from ckpt_ops.serving.rows import every_row
from ckpt_ops.slices import load_manifest, pull, staged
from ckpt_ops.training import Collected

MODEL = """
import numpy as np
from ckpt_ops.training import Examples

def examples(table):
    n = table["n"].to_numpy().astype(np.float32)
    return Examples(inputs={"n": n}, labels=n)
"""


@pytest.fixture
def lacking(place: Place) -> SliceRef:
    """A week of which column `n` did not come, accepted nevertheless, as older code let pass."""
    (place.folder / "dags/people/model.py").write_text(MODEL)
    place.landing.put(f"people/{W1}.csv", b"person\np-1\np-2\np-3\np-4\n")
    return place.take_in(W1)


@pytest.mark.parametrize(
    "read",
    [
        lambda place, rows, ref: split(place.pipeline, rows, ref, train=Collected(4), holdout=Collected(4)),
        lambda place, rows, ref: list(holdout_of(place.pipeline, rows, ref)),
        lambda place, rows, ref: list(every_row(place.pipeline, rows, ref)),
    ],
    ids=["to train", "to evaluate", "to predict"],
)
def test_the_users_function_failing_for_it_is_told_by_slice_and_column(place, lacking, read) -> None:
    with pytest.raises(ModelCodeError) as failed:
        read(place, StoredRows(place.pipeline, place.store), lacking)
    assert (
        f"slice {W1} of source 'people' cannot be read as declared: column n is missing" in failed.value.what
    )
    assert "people.model:examples raised KeyError" in failed.value.what
    assert f"ckpt-ops withdraw people --slice {W1} --why TEXT" in failed.value.next


def test_a_function_that_does_without_the_column_may(place: Place, lacking: SliceRef) -> None:
    text = MODEL.replace('table["n"].to_numpy()', "np.arange(table.num_rows)")
    (place.folder / "dags/people/model.py").write_text(text)
    collected = Collected(4), Collected(4)
    split(
        place.pipeline,
        StoredRows(place.pipeline, place.store),
        lacking,
        train=collected[0],
        holdout=collected[1],
    )
    assert collected[0].rows + collected[1].rows == 4


def test_a_column_that_is_asked_for_by_name(place: Place, lacking: SliceRef) -> None:
    manifest = load_manifest(place.store, "people", W1, lacking.revision)
    with staged(place.store, manifest) as rows, pytest.raises(SliceUnreadable) as failed:
        list(rows.batches(["person", "n"]))
    assert (
        f"slice {W1} of source 'people', revision {lacking.revision}, has no column 'n'" in failed.value.what
    )
    assert "it has person" in failed.value.what


def test_what_cannot_be_read_as_declared_is_not_released(place: Place) -> None:
    place.landing.put(f"people/{W1}.csv", b"person\np-1\n")
    manifest = pull(place.store, place.pipeline.source, W1)
    ref = SliceRef(key=W1, revision=manifest.revision, rows=1)
    place.say(
        SliceQuarantined(slice=ref, report=f"{manifest.prefix}/quarantine/report.json", reason="n is gone")
    )
    with pytest.raises(BadInput, match="column n is missing: declared as int64") as refused:
        release(place.store, "people", W1, "we know", source=place.pipeline.source)
    for said in ("people/source.py", f"ckpt-ops run people --slice {W1}", f"discard people {W1}"):
        assert said in refused.value.next
    assert place.state().pending() == ()

    place.land(W1, (ADA, -1))
    manifest = pull(place.store, place.pipeline.source, W1)
    ref = SliceRef(key=W1, revision=manifest.revision, rows=1)
    place.say(SliceQuarantined(slice=ref, report=f"{manifest.prefix}/quarantine/report.json", reason="n < 0"))
    release(place.store, "people", W1, "we know", source=place.pipeline.source)
    assert [one.key for one in place.state().pending()] == [W1], "its columns are those declared"


def test_what_came_outside_its_time_may_be_released_and_is_read_as_without_it(place: Place) -> None:
    source = replace(place.pipeline.source, column_times={"n": Until(W1, default=0)})
    place.land(W1, (ADA, 7))
    manifest = pull(place.store, source, W1)
    ref = SliceRef(key=W1, revision=manifest.revision, rows=1)
    report = f"{manifest.prefix}/quarantine/report.json"
    place.say(SliceQuarantined(slice=ref, report=report, reason="n came outside its time"))
    released = release(place.store, "people", W1, "we know", source=source)
    rows = StoredRows(replace(place.pipeline, source=source), place.store)
    ((table, _),) = rows.groups(W1, released.revision)
    assert table.to_pylist() == [{"person": ADA, "n": 0}]
