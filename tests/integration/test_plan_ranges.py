"""The range that a plan shows: days, and minutes where slices are that short."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow_process import in_a_process

from ckpt_ops.embedded.settings import Settings

pytestmark = pytest.mark.slow

RANGES = """
import json
from datetime import UTC, datetime
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk import DAG, Asset, CronDataIntervalTimetable, CronTriggerTimetable
from airflow.serialization.serialized_objects import DagSerialization
from ckpt_ops.errors import BadInput
from ckpt_ops_airflow.intervals import asked_for

def dag(schedule, timezone="UTC"):
    if isinstance(schedule, str):
        schedule = CronDataIntervalTimetable(schedule, timezone=timezone)
    made = DAG("d", schedule=schedule,
               start_date=datetime(2013, 1, 1, tzinfo=UTC), end_date=datetime(2013, 4, 30, tzinfo=UTC))
    return DagSerialization.from_dict(DagSerialization.to_dict(made))

def asked(schedule, start="", end="", **more):
    SerializedDagModel.get_dag = staticmethod(lambda dag_id: dag(schedule, **more))
    try:
        found = asked_for("d", start, end)
    except BadInput as error:
        return str(error)
    return {"count": len(found.expected), "as asked": found.as_asked, "earlier": found.earlier,
            "later": found.later, "times": found.by_time, "cut": found.cut, "backfill": found.backfill}

print(json.dumps({
    "weeks": asked("0 0 * * 0", "2013-01-06", "2013-01-27"),
    "clocks go forward": asked("0 0 * * *", "2013-03-01", "2013-04-10", timezone="Europe/Berlin"),
    "two minutes": asked("*/2 * * * *", "2013-01-06", "2013-01-06"),
    "minutes": asked("* * * * *", "2013-01-06", "2013-01-06"),
    "an hour": asked("* * * * *", "2013-01-06T08:00", "2013-01-06T08:59"),
    "newest": asked("*/2 * * * *"),
    "of any kind": [asked(kind, "2013-01-06", "2013-01-08") for kind in
                    (None, [Asset("a")], CronTriggerTimetable("0 0 * * *", timezone="UTC"))],
    "two days": asked("* * * * *", "2013-01-06", "2013-01-07"),
}))
"""


@pytest.fixture(scope="module")
def ranges(
    tmp_path_factory: pytest.TempPathFactory,
    settings_in: Callable[[Path], Settings],
    clean_environment: dict[str, str],
) -> Any:
    return in_a_process(RANGES, settings_in(tmp_path_factory.mktemp("ranges")), clean_environment)


def test_days_are_asked_for_by_dates(ranges: Any) -> None:
    found = ranges["weeks"]
    assert (found["count"], found["times"]) == (4, False)
    assert found["as asked"] == ["2013-01-06", "2013-01-27"]
    assert (found["earlier"], found["later"]) == (["2012-12-15", "2013-01-05"], ["2013-01-28", "2013-02-18"])
    assert not ranges["clocks go forward"]["times"], "a day of 23 hours is one"


@pytest.mark.parametrize(("schedule", "count"), [("two minutes", 720), ("minutes", 1440)])
def test_a_day_of_minutes_is_one_range(ranges: Any, schedule: str, count: int) -> None:
    found = ranges[schedule]
    assert (found["count"], found["times"]) == (count, True)
    assert found["as asked"] == ["2013-01-06T00:00", "2013-01-06T23:59"]
    assert found["later"] == ["2013-01-07T00:00", "2013-01-07T23:59"]


def test_a_part_of_a_day_stays_one_when_the_form_is_sent_again(ranges: Any) -> None:
    found = ranges["an hour"]
    assert (found["count"], found["as asked"]) == (60, ["2013-01-06T08:00", "2013-01-06T08:59"])
    assert found["earlier"] == ["2013-01-06T07:00", "2013-01-06T07:59"]
    assert ranges["newest"]["count"] in (100, 101)
    assert ranges["newest"]["as asked"][1] == "2013-04-30T00:00"


def test_a_dag_of_any_schedule_has_a_plan(ranges: Any) -> None:
    assert [found["count"] for found in ranges["of any kind"]] == [0, 0, 3]
    assert {tuple(found["as asked"]) for found in ranges["of any kind"]} == {("2013-01-06", "2013-01-08")}


def test_more_than_that_is_cut_and_the_next_range_goes_on_where_it_ends(ranges: Any) -> None:
    found = ranges["two days"]
    assert (found["count"], found["cut"], found["times"]) == (1500, True, True)
    assert found["as asked"] == ["2013-01-06T00:00", "2013-01-07T00:59"]
    assert found["later"] == ["2013-01-07T01:00", "2013-01-08T01:59"]
    assert not ranges["minutes"]["cut"]


def test_a_backfill_is_asked_for_by_the_first_and_last_interval_in_utc(ranges: Any) -> None:
    assert ranges["weeks"]["backfill"] == ["2013-01-06T00:00:00+00:00", "2013-01-27T00:00:00+00:00"]
    assert ranges["clocks go forward"]["backfill"] == [
        "2013-02-28T23:00:00+00:00",
        "2013-04-09T22:00:00+00:00",
    ]
