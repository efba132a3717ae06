"""Twenty million rows of twenty columns from sixteen files, and one row group of 640 MB: memory is bounded.

Each task of the DAG runs in a process of its own, which says the peak of its memory (VmHWM).
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.intake import KEY, Done, Place, pulled, validated
from ckpt_ops.validation import Validation

pytestmark = pytest.mark.soak

ROWS, FILES, PARTS = 20_000_000, 16, 4
MOST_MB = {
    "share_out": 300,
    "pull_share": 700,
    "pull": 300,
    "share_out_rows": 300,
    "validate_share": 700,
    "validate": 2_000,  # uniqueness of 20 million numbers is evaluated over the whole
    "profile": 500,
}


def report_of(place: Place, verdict: dict[str, Any]) -> Validation:
    found = Validation.from_json(
        Path(verdict["report"].removeprefix("file://")).read_bytes(), url="report.json"
    )
    return replace(found, suite="", suite_digest="", seconds=0.0, parts=0, over_the_whole=())


def test_a_slice_of_twenty_million_rows_has_one_verdict_however_it_is_validated(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    place = Place(home=tmp_path)
    place.land(ROWS, FILES)
    copies, slice_ = pulled(place)
    assert slice_["rows"] == ROWS
    in_parts = validated(place, slice_["revision"], parts=PARTS, name="in_parts")
    at_once = validated(place, slice_["revision"], parts=1, name="at_once")
    profiled = place.do("profile", "in_parts", slice_["revision"])
    done = [*copies, *in_parts, *at_once, profiled]
    with capsys.disabled():
        _show(done)
    assert sum(one.step == "validate_share" for one in in_parts) == PARTS
    assert report_of(place, in_parts[-1].result) == report_of(place, at_once[-1].result)
    assert not [one for one in done if one.peak_mb > MOST_MB[one.step]]


@pytest.mark.parametrize("columns", [16])
def test_a_row_group_of_640_megabytes_is_taken_in_some_at_a_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    place = Place(home=tmp_path)
    place.land(1, 1)
    rows = 80_000_000 // columns
    random = np.random.default_rng(0)
    table = pa.table({f"x{at}": random.normal(size=rows) for at in range(columns)})
    path = place.landed / "0000.parquet"
    pq.write_table(table, path, row_group_size=rows, compression="none", use_dictionary=False)
    assert pq.read_metadata(path).row_group(0).total_byte_size > 600 * 2**20
    del table
    asked = {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "x0"}}
    place.describe("huge", 1)
    (tmp_path / "dags/huge/e.json").write_text(json.dumps({"name": "huge", "expectations": [asked]}))
    pull = place.do("pull", "huge")
    verdict = place.do("validate", "huge", pull.result["revision"])
    with capsys.disabled():
        _show([pull, verdict])
    assert (pull.result["rows"], verdict.result["outcome"]) == (rows, "accepted")
    assert pull.peak_mb < 600
    assert verdict.peak_mb < 700
    assert (tmp_path / f"store/slices/bench/{KEY}").is_dir()


def _show(done: list[Done]) -> None:
    for one in done:
        print(f"\n{one.step:16} {one.seconds:7.1f} s {one.peak_mb:8,.0f} MB", end="")
