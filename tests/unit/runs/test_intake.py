"""An intake pulls and evaluates: three verdicts, and a person's word on what is in quarantine."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import Result
from taken_in import BAD, GOOD, KEY, WORSE, Days

from ckpt_ops.errors import BadInput, SliceEmpty
from ckpt_ops.intake.quarantine import discard, release
from ckpt_ops.lineage import Action, plan
from ckpt_ops.lineage.quarantined import in_quarantine
from ckpt_ops.lineage.records import SliceAccepted, SliceDiscarded, SliceQuarantined
from ckpt_ops.pipeline import EmptySlices, Intake, load_pipeline
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.steps import run_slice
from ckpt_ops.runs.validate import validate

SCHEMA = pa.schema([("n", pa.int64()), ("word", pa.string())])


@pytest.fixture
def place(days: Days) -> Days:
    return days


def test_accepted_as_it_came(place: Days) -> None:
    result = place.run(GOOD)
    assert (result.outcome, result.trainable, result.set_aside) == ("accepted", True, 0)
    (record,) = place.log.records()
    assert isinstance(record, SliceAccepted)
    assert (record.slice.rows, record.origin, record.reason) == (4, "", "2 expectations hold")
    place.run(GOOD)
    assert len(place.log.records()) == 1, "the same content again says nothing new"


def test_bad_rows_are_set_aside_and_the_rest_is_the_accepted_revision(place: Days) -> None:
    pulled = place.run(BAD)
    again = place.run(BAD)
    assert pulled.outcome == again.outcome == "accepted, bad rows set aside"
    (record,) = place.log.records()
    assert isinstance(record, SliceAccepted)
    assert (record.slice.rows, record.set_aside) == (3, 1)
    assert record.reason == (
        "1 of 4 rows set aside; 1 of 2 expectations hold; n: 1 of 4 values (25.0 %) are not >= 0, e.g. -2"
    )
    assert place.rows(record.slice.revision) == [1, 3, 4]
    assert place.rows(record.origin) == [1, -2, 3, 4]
    state = place.log.state()
    assert plan(state, KEY, late_within=4).slices == (record.slice,)
    (found,) = in_quarantine(state)
    assert (found.rows, found.of_rows, found.whole, found.source) == (1, 4, False, "days")


def test_a_slice_whose_bad_rows_were_mended_at_the_source_is_what_it_would_have_been(place: Days) -> None:
    place.run(BAD)
    place.run(GOOD)
    one, two = place.log.records()
    assert (one.slice.rows, two.slice.rows, two.origin) == (3, 4, "")


def test_quarantined_whole_above_the_rate_then_released_then_left_in_peace(place: Days) -> None:
    assert place.run(WORSE).outcome == "quarantined"
    assert place.log.state().pending() == ()
    ref = release(place.store, "days", KEY, "the counter ran backwards, we know")
    state = place.log.state()
    assert state.pending() == (ref,)
    quarantined = place.log.records()[0]
    assert isinstance(quarantined, SliceQuarantined)
    assert ref.revision != quarantined.slice.revision, "a release is a new revision"
    assert place.rows(ref.revision) == [-1, -2, 3]
    result = place.run(WORSE)
    assert (result.outcome, result.revision) == ("accepted", ref.revision)
    assert result.reasons == ("released: the counter ran backwards, we know",)
    assert len(place.log.records()) == 2
    with pytest.raises(BadInput, match=r"a slice in quarantine \(this one is accepted\): there is none"):
        release(place.store, "days", KEY, "again")


def test_a_released_slice_is_late_when_the_lineage_has_moved_on(place: Days) -> None:
    from ckpt_ops.lineage.records import CandidateStarted, Promoted

    place.run(WORSE)
    place.run(GOOD, "2013-01-13")
    newer = place.log.state().slices["2013-01-13"].ref
    for record in (
        CandidateStarted(version=1, candidate="c", parent=None, slices=(newer,)),
        Promoted(version=1, champion=None),
    ):
        place.log.append(record, after=place.log.state())
    ref = release(place.store, "days", KEY, "we know")
    planned = plan(place.log.state(), KEY, late_within=4)
    assert (planned.action, planned.slices) == (Action.LATE, (ref,))


def test_discarded_stays_discarded_until_other_content_comes(place: Days) -> None:
    place.run(WORSE)
    discard(place.store, "days", KEY, "nobody needs that day")
    assert in_quarantine(place.log.state()) == []
    assert place.run(WORSE).reasons == ("discarded: nobody needs that day",)
    assert isinstance(place.log.records()[-1], SliceDiscarded)
    assert place.run(GOOD).trainable


def test_what_a_person_said_stands_when_the_source_goes_back_and_forth(place: Days) -> None:
    from ckpt_ops.intake.decisions import withdraw

    place.run(BAD)
    withdraw(place.store, "days", KEY, "a test of the meter")
    for _ in range(2):
        result = place.run(BAD)
        assert (result.trainable, result.reasons) == (False, ("withdrawn: a test of the meter",))
    assert place.log.state().pending() == ()
    assert place.run(GOOD).trainable
    assert len(place.log.state().pending()) == 1
    assert not place.run(BAD).trainable, "the source went back to what was withdrawn"
    assert place.log.state().pending() == ()

    place.run(WORSE, "2013-01-13")
    ref = release(place.store, "days", "2013-01-13", "we know")
    place.run(GOOD, "2013-01-13")
    assert place.run(WORSE, "2013-01-13").revision == ref.revision
    assert place.log.state().slices["2013-01-13"].ref == ref


def test_rows_set_aside_may_be_released_or_given_up(place: Days) -> None:
    place.run(BAD)
    (accepted,) = place.log.records()
    discard(place.store, "days", KEY, "one row of four")
    state = place.log.state()
    assert (in_quarantine(state), state.pending()) == ([], (accepted.slice,))
    place.run(BAD)
    assert place.log.state().sequence == 2

    place.run(BAD, "2013-01-13")
    ref = release(place.store, "days", "2013-01-13", "minus two it was")
    assert place.rows(ref.revision, "2013-01-13") == [1, -2, 3, 4]


def test_drift_is_accepted_by_declaring_it_and_by_nothing_else(place: Days) -> None:
    came = pa.table({"n": [1.5, 2.0], "word": ["a", "b"]})
    sink = pa.BufferOutputStream()
    pq.write_table(came, sink)
    place.landing.put(f"days/{KEY}.parquet", bytes(sink.getvalue()))
    source = replace(place.intake.source, template="days/{key}.parquet")

    def run(**changes: Any) -> dict[str, Any]:
        intake = replace(place.intake, source=replace(source, **changes))
        return validate(intake, place.store, KEY, pull(intake, place.store, KEY).revision)

    for _ in range(2):
        result = run()
        assert result.outcome == "quarantined"
        assert result.reasons[0].startswith("column n changed its type: declared int64, came double")
    result = run(schema=SCHEMA.set(0, pa.field("n", pa.float64())))
    assert result.outcome == "accepted"
    assert len(place.log.records()) == 2


def test_a_slice_that_lacks_a_declared_column_is_not_released(
    place: Days, ckpt_ops: Callable[..., Result], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place.run("n\n1\n2\n")
    before = place.log.records()
    for dags in (tmp_path / "dags", tmp_path / "nothing"):  # also where the pipeline's code is not at hand
        monkeypatch.setenv("CKPT_OPS_DAGS", str(dags))
        refused = ckpt_ops("quarantine", "release", "days", KEY, "--why", "we know")
        assert refused.exit_code == 2
        assert "column word is missing: declared as string" in refused.stderr
        assert f"ckpt-ops quarantine discard days {KEY}" in refused.stderr
    assert place.log.records() == before


def test_a_slice_without_rows_is_refused_as_such(place: Days) -> None:
    with pytest.raises(SliceEmpty, match="empty_slices=EmptySlices"):
        place.run("n,word\n")
    with pytest.raises(BadInput, match="empty_slices"):
        Intake(name="days", source=place.intake.source, expectations="e.json", empty_slices="skip")
    assert replace(place.intake, empty_slices=EmptySlices.SKIP).empty_slices is EmptySlices.SKIP


def test_an_intake_runs_without_a_model_and_is_no_pipeline(place: Days) -> None:
    place.landing.put(f"days/{KEY}.csv", BAD.encode())
    assert run_slice(place.intake, place.store, KEY, lambda line: None).decision.startswith("accepted")
    with pytest.raises(BadInput, match=r"describe a Pipeline in days/pipeline\.py"):
        load_pipeline("days")


def test_the_commands(place: Days, ckpt_ops: Callable[..., Result]) -> None:
    place.run(BAD)
    place.run(WORSE, "2013-01-13")
    listed = json.loads(ckpt_ops("quarantine", "list", "days", "--json").stdout)
    assert [(one["key"], one["rows"], one["of_rows"], one["whole"]) for one in listed] == [
        (KEY, 1, 4, False),
        ("2013-01-13", 3, 3, True),
    ]
    table = ckpt_ops("quarantine", "list", "days").stdout
    assert "1 of 4" in table
    assert "rows set aside; the rest is accepted" in table
    shown = json.loads(ckpt_ops("quarantine", "show", "days", KEY, "--json").stdout)
    assert shown["bad_rows"] == [
        {"row": 1, "reasons": ["n: is not >= 0"], "values": {"n": "-2", "word": "b"}}
    ]
    assert "nothing is counted below zero" in ckpt_ops("quarantine", "show", "days", KEY).stdout

    page = ckpt_ops("report", "days", KEY).stdout.strip()
    assert "accepted, bad rows set aside" in Path(page).read_text()
    there = place.suite.with_name("docs.html")
    assert ckpt_ops("report", "days", "2013-01-13", "--data-docs", "--output", str(there)).exit_code == 0
    assert "Expectation Suite" in there.read_text()
    assert ckpt_ops("report", "days", "2013-02-03").exit_code == 1

    done = ckpt_ops("quarantine", "release", "days", "2013-01-13", "--why", "we know")
    assert "would append: newer than everything consumed" in done.stdout
    assert "ckpt-ops run days --slice 2013-01-13" in done.stdout
    assert (
        "stays without the 1 rows"
        in ckpt_ops("quarantine", "discard", "days", KEY, "--why", "one row").stdout
    )
    assert "Nothing of days is in quarantine" in ckpt_ops("quarantine", "list", "days").stdout
    assert len(place.log.records()) == 4

    for arguments, said in (
        (
            ("release", "days", KEY, "--why", "x"),
            "a slice in quarantine (this one is accepted): there is none",
        ),
        (("release", "days", "2013-09-09", "--why", "x"), "slice='2013-09-09'"),
        (("discard", "days", "2013-01-13", "--why", " "), "why=' '"),
        (("show", "weeks", KEY), "one of days"),
    ):
        refused = ckpt_ops("quarantine", *arguments)
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.stderr
    assert len(place.log.records()) == 4
