"""Rows that do not parse are left out, counted with the other bad rows, and kept to be looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ckpt_ops.errors import SliceUnreadable
from ckpt_ops.pipeline import Intake
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.validate import validate
from ckpt_ops.slices import Files, SliceManifest, load_manifest, read_slice
from ckpt_ops.slices.formats import Csv, Format
from ckpt_ops.slices.pull import pulled_revision
from ckpt_ops.slices.removal import objects_of
from ckpt_ops.slices.unread import unread_rows
from ckpt_ops.store import LocalStore
from ckpt_ops.validation import Validation

KEY = "2013-01-06"
POSITIVE: dict[str, Any] = {
    "type": "expect_column_values_to_be_between",
    "kwargs": {"column": "n", "min_value": 0},
    "meta": {"bad_rows": "set aside"},
}


class Days(Intake):
    """An intake whose folder is the test's."""

    @property
    def folder(self) -> Path:
        return Path(self.source.url.removeprefix("file://"))


class Place:
    def __init__(
        self, folder: Path, ending: str, form: Format | None = None, rate: float | None = 0.1
    ) -> None:
        self.folder, self.ending = folder, ending
        meta = {} if rate is None else {"bad_rows_at_most": rate}
        asked = POSITIVE if rate is not None else {**POSITIVE, "meta": {}}
        suite = {"name": "days", "meta": meta, "expectations": [asked]}
        (folder / "e.json").write_text(json.dumps(suite))
        (folder / "store").mkdir()
        schema = pa.schema([("n", pa.int64()), ("x", pa.float64())])
        template = "{key}" + ending
        source = Files(name="days", url=folder.as_uri(), schema=schema, template=template, format=form)
        self.intake = Days(name="days", source=source, expectations="e.json")
        self.store = LocalStore(folder / "store")

    def run(self, text: str) -> dict[str, Any]:
        (self.folder / f"{KEY}{self.ending}").write_text(text)
        self.pulled = pull(self.intake, self.store, KEY).revision
        return validate(self.intake, self.store, KEY, self.pulled)

    @property
    def manifest(self) -> SliceManifest:
        return load_manifest(self.store, "days", KEY, self.pulled)

    def kept(self) -> list[tuple[int, str, str, str]]:
        rows = unread_rows(self.store, self.manifest.unread, at_most=100)
        return [(row.line, row.column, row.value, row.why) for row in rows]


def csv(*rows: str) -> str:
    return "\n".join(["n,x", *rows, *(f"{n},1.5" for n in range(100)), ""])


def jsonl(*rows: str) -> str:
    return "\n".join([*rows, *(json.dumps({"n": n, "x": 1.5}) for n in range(100)), ""])


def test_bad_cells_and_lines_of_csv_are_left_out_and_kept(tmp_path: Path) -> None:
    place = Place(tmp_path, ".csv")
    result = place.run(csv("1,2.5", "many,2.5", '2,"1,50"', "3", "4,5,6", '5,"6'))
    assert (result.outcome, result.rows) == ("accepted", 101)
    assert place.kept() == [
        (3, "n", "many", "no int64"),
        (4, "x", "1,50", "no double"),
        (5, "", "3", "Expected 2 columns, got 1"),
        (6, "", "4,5,6", "Expected 2 columns, got 3"),
        (7, "x", "6", "no double"),
    ]
    assert place.manifest.unread[0].rows == 5
    assert read_slice(place.store, place.manifest)["n"].to_pylist() == [1, *range(100)]
    (message,) = result.reasons
    assert message.startswith(
        "5 of 106 rows (4.7 %) do not parse, and are left out: slices/days/2013-01-06/unread/"
    )
    report = place.store.get(result.report.removeprefix(f"{place.store.url}/"))
    verdict = Validation.from_json(report, url="")
    assert (verdict.unread, verdict.rows, verdict.set_aside) == (5, 101, 0)
    assert verdict.reasons[0].examples[0] == "line 3 of 2013-01-06.csv, column n: no int64 ('many')"


def test_bad_lines_of_json_are_left_out_and_kept(tmp_path: Path) -> None:
    place = Place(tmp_path, ".jsonl")
    result = place.run(jsonl('{"n": 1}', '{"n": "many"}', "null", '{"n": 1', "[1]", "", '{"n": 7}'))
    assert (result.outcome, result.rows) == ("accepted", 102)
    assert [(line, column, value) for line, column, value, _ in place.kept()] == [
        (2, "n", '"many"'),
        (3, "", "null"),
        (4, "", '{"n": 1'),
        (5, "", "[1]"),
    ]


def test_rows_of_several_lines_are_left_out_whole(tmp_path: Path) -> None:
    place = Place(tmp_path, ".csv", Csv(newlines_in_values=True))
    result = place.run(csv('1,"2\n3"', '"4",1.5', '"5\n6",1'))
    assert (result.outcome, result.rows) == ("accepted", 101)
    assert [(line, column, value) for line, column, value, _ in place.kept()] == [
        (2, "x", "2\n3"),
        (5, "n", "5\n6"),
    ]


def test_they_count_together_with_the_rows_that_fail_an_expectation(tmp_path: Path) -> None:
    place = Place(tmp_path, ".csv", rate=0.03)
    fine = place.run(csv("many,1", "-1,1", "-2,1"))
    assert (fine.outcome, fine.set_aside, fine.rows) == ("accepted, bad rows set aside", 2, 100)
    above = place.run(csv("many,1", "few,1", "-1,1", "-2,1"))
    assert above.outcome == "quarantined"
    assert "4 of 104 rows (3.8 %) fail expectations on single rows, and at most 3 %" in " ".join(
        above.reasons
    )


def test_too_many_alone_quarantine_the_slice(tmp_path: Path) -> None:
    place = Place(tmp_path, ".csv", rate=0.01)
    assert place.run(csv("many,1")).outcome == "accepted"
    assert place.run(csv("many,1", "few,1")).outcome == "quarantined"


def test_a_suite_without_a_rate_lets_none_be_left_out(tmp_path: Path) -> None:
    result = Place(tmp_path, ".csv", rate=None).run(csv("many,1"))
    assert result.outcome == "quarantined"
    assert "the suite has no meta.bad_rows_at_most, so none is allowed" in result.reasons[0]


@pytest.mark.parametrize("rows", [3, 20_000])
@pytest.mark.parametrize(("ending", "row"), [(".csv", "a,b\n"), (".jsonl", '{"n": "a"}\n')])
def test_a_file_of_which_most_does_not_parse_is_refused_as_such(
    tmp_path: Path, ending: str, row: str, rows: int
) -> None:
    head = "n,x\n1,1\n" if ending == ".csv" else '{"n": 1}\n'
    with pytest.raises(
        SliceUnreadable, match=r"line [23] .*n: no int64|has no int64 in line [^,]*,?\d*, column n"
    ):
        Place(tmp_path, ending).run(head + row * rows)


def test_the_same_rows_are_another_revision_when_others_did_not_parse(tmp_path: Path) -> None:
    place = Place(tmp_path, ".csv")
    place.run(csv())
    whole, keys = place.pulled, json.loads(place.manifest.to_json())
    assert "unread" not in keys, "as it always was"
    place.run(csv("many,1"))
    assert place.pulled != whole
    assert pulled_revision(place.store, place.intake.source, KEY) == place.pulled
    assert SliceManifest.from_json(place.manifest.to_json(), url="") == place.manifest


def test_what_is_kept_of_them_goes_with_the_last_revision_that_names_it(tmp_path: Path) -> None:
    place = Place(tmp_path, ".csv")
    place.run(csv("many,1"))
    going = objects_of(place.store, "days", [(KEY, place.pulled)])
    assert place.manifest.unread[0].name in [entry.name for entry in going.data]


def test_who_reads_without_leaving_out_is_told_the_first(tmp_path: Path) -> None:
    place = Place(tmp_path, ".csv")
    place.run(csv("many,1"))
    with pytest.raises(SliceUnreadable, match="has no int64 in line 2, column n: invalid value 'many'"):
        list(place.intake.source.read(KEY))
