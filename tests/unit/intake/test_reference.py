"""What a slice is compared with: the consumed slices, read from the store, but never itself."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.intake.reference import reference_for
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CandidateStarted, Promoted
from ckpt_ops.pipeline import Intake
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.validate import validate
from ckpt_ops.slices import Files, load_manifest
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema([("id", pa.int64()), ("word", pa.string())])
SUITE = {
    "name": "weeks",
    "meta": {"bad_rows_at_most": 0.5},
    "expectations": [
        {
            "type": "expect_compound_columns_to_be_new",
            "kwargs": {"column_list": ["id"]},
            "meta": {"bad_rows": "set aside", "why": "a row counts once"},
        },
        {"type": "expect_column_values_to_be_in_reference", "kwargs": {"column": "word", "mostly": 0.5}},
    ],
}


@pytest.fixture
def intake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Intake]:
    for name in ("dags/weeks", "landing", "store"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "dags/weeks/__init__.py").touch()
    (tmp_path / "dags/weeks/e.json").write_text(json.dumps(SUITE))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "dags"), *sys.path])
    url = (tmp_path / "landing").as_uri()
    source = Files(name="weeks", schema=SCHEMA, template="{key}.csv", url=url)
    yield Intake(name="weeks", source=source, expectations="e.json")
    sys.modules.pop("weeks", None)


@pytest.fixture
def store(tmp_path: Path, intake: Intake) -> LocalStore:
    return LocalStore(tmp_path / "store")


def evaluated(intake: Intake, store: LocalStore, key: str, rows: str) -> dict[str, object]:
    assert isinstance(intake.source, Files)
    assert intake.source.url is not None
    Path(intake.source.url.removeprefix("file://"), f"{key}.csv").write_text(f"id,word\n{rows}")
    return validate(intake, store, key, pull(intake, store, key).revision)


def consumed(store: LocalStore, version: int, *keys: str) -> None:
    log = ModelLog(store, "weeks")
    slices = tuple(log.state().slices[key].ref for key in keys)
    parent = log.state().head
    for record in (
        CandidateStarted(version=version, candidate=f"c{version}", parent=parent, slices=slices),
        Promoted(version=version, champion=parent),
    ):
        log.append(record, after=log.state())


def test_nothing_is_compared_before_anything_was_consumed(intake: Intake, store: LocalStore) -> None:
    result = evaluated(intake, store, "2013-01-06", "1,a\n2,b\n")
    assert result.outcome == "accepted"
    said = " ".join(result.reasons)
    assert "no reference yet: nothing was consumed" in said
    assert "no other slice was accepted yet" in said


def test_rows_that_were_accepted_are_set_aside_and_a_corrected_slice_is_not_its_own_duplicate(
    intake: Intake, store: LocalStore
) -> None:
    evaluated(intake, store, "2013-01-06", "1,a\n2,b\n")
    before = evaluated(intake, store, "2013-01-27", "2,a\n8,b\n9,a\n")
    assert before.set_aside == 1, "of what was accepted, and nothing was consumed yet"
    consumed(store, 1, "2013-01-06")
    again = evaluated(intake, store, "2013-01-27", "2,a\n8,b\n9,a\n")
    assert again.set_aside == 1
    result = evaluated(intake, store, "2013-01-13", "2,b\n3,a\n4,b\n")
    assert (result.outcome, result.set_aside) == ("accepted, bad rows set aside", 1)
    strange = evaluated(intake, store, "2013-01-20", "5,x\n6,y\n7,a\n")
    assert strange.outcome == "quarantined"
    corrected = evaluated(intake, store, "2013-01-06", "1,a\n2,b\n10,a\n")
    assert corrected.set_aside == 0


def test_only_the_columns_asked_for_are_read_and_each_slice_once(intake: Intake, store: LocalStore) -> None:
    for number, key in enumerate(("2013-01-06", "2013-01-13"), start=1):
        evaluated(intake, store, key, f"{10 * number},a\n")
        consumed(store, number, key)
    state = ModelLog(store, "weeks").state()
    manifest = load_manifest(store, "weeks", "2013-01-13", state.slices["2013-01-13"].pulled)
    with reference_for(store, intake, state, manifest) as reference:
        assert reference.slices == ["2013-01-06"], "not the slice itself"
        assert reference.pulled_at.isoformat(timespec="milliseconds") == manifest.pulled_at
        for _ in range(2):
            (batch,) = reference.batches("2013-01-06", ["word", "nothing"])
            assert batch.to_pylist() == [{"word": "a"}]
