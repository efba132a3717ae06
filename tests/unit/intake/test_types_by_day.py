"""Types that follow the values of a day: accepted in the declared types, or the value is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import SliceAccepted
from ckpt_ops.pipeline import Intake
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.validate import validate
from ckpt_ops.slices import Files, load_manifest, read_slice
from ckpt_ops.store import LocalStore

KEY = "2013-01-06"
SUITE = """{"name": "days", "meta": {"bad_rows_at_most": 0.5}, "expectations": [
  {"type": "expect_column_values_to_be_between", "kwargs": {"column": "n", "min_value": 0},
   "meta": {"bad_rows": "set aside"}}]}"""


class Days(Intake):
    """An intake whose folder is the test's."""

    @property
    def folder(self) -> Path:
        return Path(self.source.url.removeprefix("file://"))


class Place:
    def __init__(self, folder: Path, declared: pa.DataType) -> None:
        self.folder = folder
        (folder / "e.json").write_text(SUITE)
        schema = pa.schema([("n", pa.int64()), ("x", declared)])
        source = Files(name="days", url=folder.as_uri(), schema=schema, template="{key}.parquet")
        self.intake = Days(name="days", source=source, expectations="e.json")
        (folder / "store").mkdir()
        self.store = LocalStore(folder / "store")

    def run(self, numbers: list[int], x: pa.Array) -> dict[str, Any]:
        pq.write_table(pa.table({"n": numbers, "x": x}), self.folder / f"{KEY}.parquet")
        self.pulled = pull(self.intake, self.store, KEY).revision
        return validate(self.intake, self.store, KEY, self.pulled)

    def table(self, revision: str) -> pa.Table:
        return read_slice(self.store, load_manifest(self.store, "days", KEY, revision))


@pytest.mark.parametrize(
    ("came", "declared"),
    [
        (pa.array([1, 2, 2**60]), pa.float64()),
        (pa.array([1.0, None, 3.0]), pa.int64()),
        (pa.array([1_000, None, 3_000], pa.timestamp("ns")), pa.timestamp("us")),
    ],
)
def test_an_accepted_slice_has_the_declared_types(
    tmp_path: Path, came: pa.Array, declared: pa.DataType
) -> None:
    place = Place(tmp_path, declared)
    result = place.run([1, 2, 3], came)
    assert (result.outcome, result.set_aside) == ("accepted", 0)
    assert place.table(result.revision)["x"].combine_chunks().equals(came.cast(declared, safe=False))
    assert place.table(place.pulled)["x"].type == came.type, "as it was pulled, it stays"
    (record,) = ModelLog(place.store, "days").records()
    assert isinstance(record, SliceAccepted)
    assert (record.origin, record.set_aside) == (place.pulled, 0)
    again = place.run([1, 2, 3], came)
    assert again.revision == result.revision
    assert len(ModelLog(place.store, "days").records()) == 1, "the same again says nothing new"


def test_bad_rows_are_set_aside_from_it_as_well(tmp_path: Path) -> None:
    place = Place(tmp_path, pa.float64())
    result = place.run([1, -2, 3], pa.array([1, 2, 3]))
    assert (result.outcome, result.set_aside) == ("accepted, bad rows set aside", 1)
    assert place.table(result.revision)["x"].to_pylist() == [1.0, 3.0]


def test_a_type_that_fits_by_itself_is_the_revision_that_it_always_was(tmp_path: Path) -> None:
    place = Place(tmp_path, pa.float64())
    result = place.run([1, 2, 3], pa.array([1, 2, 3], pa.int32()))
    assert (result.outcome, result.revision) == ("accepted", place.pulled)
    assert place.pulled == "148c450cf8b79a1c"


@pytest.mark.parametrize(
    ("came", "declared", "said"),
    [
        (
            pa.array([1, 2, 2**53 + 1]),
            pa.float64(),
            "declared double, came int64; its value 9007199254740993 is",
        ),
        (pa.array([1.0, 2.5, 3.0]), pa.int64(), "declared int64, came double; its value 2.5 is not int64"),
    ],
)
def test_a_value_that_is_none_of_the_declared_type_is_named(
    tmp_path: Path, came: pa.Array, declared: pa.DataType, said: str
) -> None:
    result = Place(tmp_path, declared).run([1, 2, 3], came)
    assert result.outcome == "quarantined"
    assert said in result.reasons[0]
