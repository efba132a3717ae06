"""One delivery under two keys is one slice: the second is quarantined by the name of the first."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ckpt_ops.errors import BadInput, LineageMoved
from ckpt_ops.intake.quarantine import release
from ckpt_ops.intake.same_content import check_no_new_twin, twin_of
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline import Intake, SameContent
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.validate import validate
from ckpt_ops.slices import Files, load_manifest
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema([("n", pa.int64())])
FIRST, SECOND, THIRD = "2013-01-06", "2013-01-07", "2013-01-08"
SAME, OTHER = "n\n1\n2\n", "n\n3\n4\n"


class Here(Intake):
    """An intake whose suite lies where the test put it."""

    @property
    def folder(self) -> Path:
        assert isinstance(self.source, Files)
        assert self.source.url is not None
        return Path(self.source.url.removeprefix("file://"))


class Place:
    def __init__(self, folder: Path) -> None:
        (folder / "store").mkdir()
        self.store = LocalStore(folder / "store")
        suite = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "n"}}
        (folder / "e.json").write_text(json.dumps({"name": "days", "expectations": [suite]}))
        source = Files(name="days", schema=SCHEMA, url=folder.as_uri(), template="{key}.csv")
        self.folder, self.intake = folder, Here(name="days", source=source, expectations="e.json")

    def run(self, key: str, text: str, **changes: Any) -> dict[str, Any]:
        (self.folder / f"{key}.csv").write_text(text)
        intake = replace(self.intake, **changes)
        return validate(intake, self.store, key, pull(intake, self.store, key).revision)


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


def test_the_second_of_two_keys_with_the_same_rows_is_quarantined_by_name(place: Place) -> None:
    first = place.run(FIRST, SAME)
    second = place.run(SECOND, SAME)
    assert (first.outcome, second.outcome) == ("accepted", "quarantined")
    assert second.reasons == (
        f"all 2 rows are those of slice {FIRST}, which was accepted: one delivery came under two keys",
    )
    assert first.revision == second.revision
    assert place.run(THIRD, OTHER).outcome == "accepted"
    assert place.run(FIRST, SAME).outcome == "accepted", "no slice is its own twin"


def test_a_person_may_release_it_and_a_description_may_allow_it(place: Place) -> None:
    place.run(FIRST, SAME)
    place.run(SECOND, SAME)
    release(place.store, "days", SECOND, "two quiet days")
    assert ModelLog(place.store, "days").state().slices[SECOND].released
    assert place.run(THIRD, SAME, same_content=SameContent.ALLOW).outcome == "accepted"
    with pytest.raises(BadInput, match=r"same_content.*SameContent\.QUARANTINE"):
        replace(place.intake, same_content="allow")


def test_once_the_first_is_corrected_the_second_is_judged_anew(place: Place) -> None:
    place.run(FIRST, SAME)
    assert place.run(SECOND, SAME).outcome == "quarantined"
    place.run(FIRST, OTHER)
    assert place.run(SECOND, SAME).outcome == "accepted"


def test_of_two_that_are_judged_at_the_same_time_one_is_judged_again(place: Place) -> None:
    log = ModelLog(place.store, "days")
    before = log.state()
    place.run(FIRST, SAME)
    revision = pull(replace(place.intake), place.store, FIRST).revision
    manifest = replace(load_manifest(place.store, "days", FIRST, revision), key=SECOND)
    assert twin_of(place.intake, log.state(), manifest) == FIRST
    with pytest.raises(LineageMoved, match=f"slice {FIRST}, which has the content of {SECOND}"):
        check_no_new_twin(place.intake, before, log.state(), manifest)
    check_no_new_twin(place.intake, log.state(), log.state(), manifest)


def test_what_is_seen_before_is_judged_for_an_intake_which_consumes_nothing(place: Place) -> None:
    again = {"type": "expect_compound_columns_to_be_new", "kwargs": {"column_list": ["n"]}}
    (place.folder / "e.json").write_text(json.dumps({"name": "days", "expectations": [again]}))
    assert place.run(FIRST, SAME).outcome == "accepted"
    second = place.run(SECOND, "n\n2\n5\n")
    assert second.outcome == "quarantined"
    assert second.reasons == (f"n: 1 of 2 rows (50.0 %) are in accepted slices already; 1 in {FIRST}",)
