"""The demo's weeks: real ones pass the pipeline's own suite, a spoiled one is quarantined in words."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.slices import LANDING, pull, read_slice
from ckpt_ops.store import LocalStore
from ckpt_ops.validation import Kind, Outcome, Suite, TableRows, Validation, load_suite
from ckpt_ops.validation import validate as evaluate
from demo.flights import damaged, land, weeks
from flight_delay.source import SCHEMA, FlightWeeks

ROOT = Path(__file__).parents[3]


def validate(table: pa.Table, suite: Suite, declared: pa.Schema) -> Validation:
    """The verdict, without what could not be evaluated: nothing was consumed."""
    found = evaluate(TableRows(table=table), suite, declared).validation
    return replace(found, reasons=tuple(one for one in found.reasons if one.kind is not Kind.NOT_EVALUATED))


@pytest.fixture(scope="module")
def found() -> dict[str, pa.Table]:
    return weeks()


@pytest.fixture(scope="module")
def suite() -> Suite:
    return load_suite(ROOT / "dags" / "flight_delay" / "expectations.json")


def test_the_weeks_are_whole_and_as_declared(found: dict[str, pa.Table]) -> None:
    assert (len(found), min(found), max(found)) == (53, "2012-12-30", "2013-12-29")
    assert list(found) == sorted(found)
    assert sum(week.num_rows for week in found.values()) == 336_776
    assert all(week.schema.equals(SCHEMA) for week in found.values())
    for key, days in {"2012-12-30": {1, 2, 3, 4, 5}, "2013-01-06": set(range(6, 13))}.items():
        assert set(found[key]["day"].to_pylist()) == days


@pytest.mark.parametrize("key", ["2012-12-30", "2013-02-03", "2013-07-07", "2013-12-29"])
def test_real_weeks_pass(found: dict[str, pa.Table], suite: Suite, key: str) -> None:
    assert validate(found[key], suite, SCHEMA).reasons == ()


def test_a_damaged_week_is_quarantined_by_column(found: dict[str, pa.Table], suite: Suite) -> None:
    verdict = validate(damaged(found["2013-01-27"]), suite, SCHEMA)
    assert verdict.outcome is Outcome.QUARANTINED
    assert {reason.column for reason in verdict.reasons} == {"dep_time", "carrier", "origin", "distance"}


def test_a_week_delivered_twice_or_without_labels_is_quarantined(
    found: dict[str, pa.Table], suite: Suite
) -> None:
    week = found["2013-01-06"]
    twice = validate(pa.concat_tables([week, week]), suite, SCHEMA)
    assert "12,236 rows" in " ".join(reason.message for reason in twice.reasons)
    at = week.schema.get_field_index("arr_delay")
    unlabelled = validate(
        week.set_column(at, "arr_delay", pa.nulls(week.num_rows, pa.int64())), suite, SCHEMA
    )
    assert [reason.column for reason in unlabelled.reasons] == ["arr_delay"]


def test_landing_writes_each_week_once_and_pulls_as_it_was(
    tmp_path: Path, found: dict[str, pa.Table], monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "landing").mkdir()
    (tmp_path / "store").mkdir()
    landing, store = LocalStore(tmp_path / "landing"), LocalStore(tmp_path / "store")
    monkeypatch.setenv(LANDING, landing.url)
    keys = ["2013-01-20", "2013-01-27"]
    said: list[tuple[str, int, int]] = []
    assert land(landing, keys=keys, progress=lambda *step: said.append(step)) == keys
    assert said == [("2013-01-20", 1, 2), ("2013-01-27", 2, 2)]
    assert land(landing, keys=keys) == []

    source = FlightWeeks()
    assert source.keys(datetime(2013, 1, 20), datetime(2013, 1, 27)) == ["2013-01-20"]
    good = pull(store, source, "2013-01-27")
    assert read_slice(store, good).equals(found["2013-01-27"])

    assert land(landing, keys=keys, damage={"2013-01-27": damaged}) == ["2013-01-27"]
    assert pull(store, source, "2013-01-27").revision != good.revision
    assert land(landing, keys=keys) == ["2013-01-27"]
    assert pull(store, source, "2013-01-27") == good


def test_a_day_that_begins_no_week_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="a Sunday from 2012-12-30 to 2013-12-29"):
        land(LocalStore(tmp_path), keys=["2013-01-07"])
