"""A DAG's time zone: its runs take the slices that its clocks name, also when they are changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from airflow_process import eventually, in_a_process

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.slices import list_slices, read_slice
from ckpt_ops.store import open_store

pytestmark = pytest.mark.slow

DAYS = [f"2025-11-{day:02}" for day in range(1, 6)]

# The intervals are those of Airflow's own timetable, as it is read from the serialized DAG.
INTERVALS = """
import json
from datetime import UTC, datetime, timedelta
from airflow.models.serialized_dag import SerializedDagModel
from airflow.sdk.exceptions import AirflowSkipException
from airflow.serialization.serialized_objects import DagSerialization
from ckpt_ops.errors import BadInput, SliceMissing
from ckpt_ops.slices import Period
from ckpt_ops.pipeline import Intake
from ckpt_ops_airflow import factory, intake_dag, intervals

factory.check_described = lambda intake: None  # what is described here has no folder

class Every:  # each day, or hour, that clocks can name
    name, schema = "every", None
    def __init__(self, step): self.step = step
    def keys(self, start, end):
        found, at = [], datetime(2025, 1, 1, tzinfo=UTC)
        while at < end:
            found += [at.strftime("%Y-%m-%dT%H" if self.step.seconds else "%Y-%m-%d")] if at >= start else []
            at += self.step
        return found
    def fingerprint(self, key): return key
    def read(self, key): return iter(())

class Utc(Every):
    period = Period.DAY

DAY, HOUR = timedelta(days=1), timedelta(hours=1)

def made(schedule, zone, source=None):
    source = source or Every(DAY if "day" in schedule or "daily" in schedule else HOUR)
    intake = Intake(name="zoned", source=source, expectations="e.json")
    begin = datetime(2025, 1, 1, tzinfo=UTC)
    try:
        return intake_dag(intake, schedule=schedule, timezone=zone, start_date=begin)
    except BadInput as error:
        return str(error)

def taken(schedule, zone, start, end):
    dag = made(schedule, zone)
    known = DagSerialization.from_dict(DagSerialization.to_dict(dag))
    first, last = (datetime.fromisoformat(text) for text in (start, end))
    found = []
    for info in known.iter_dagrun_infos_between(first, last):
        try:
            key = dag.get_task("pull")._find(info.data_interval.start, info.data_interval.end)
        except AirflowSkipException as error:
            key = str(error)
        except BadInput as error:
            key = str(error)
        found.append([info.data_interval.start.astimezone(UTC).strftime("%m-%dT%H:%M"), key])
    return found

def planned(zone, start, end):
    dag = DagSerialization.from_dict(DagSerialization.to_dict(made("@daily", zone)))
    SerializedDagModel.get_dag = classmethod(lambda cls, dag_id: dag)
    found = intervals.asked_for("zoned", start, end)
    return [found.start.isoformat(), found.end.isoformat(), found.timezone,
            [each.isoformat() for each in found.expected]]

def days(zone, start, end):
    return taken("@daily", zone, *(f"2025-{each}" for each in (start, end)))

def hours(zone, start, end):
    return taken("@hourly", zone, *(f"2025-{each}" for each in (start, end)))

zones = {"America/New_York": ("-04:00", "-05:00"), "Asia/Kolkata": ("+05:30",) * 2,
         "Australia/Lord_Howe": ("+11:00",) * 2, "Europe/Berlin": ("+01:00",) * 2, "UTC": ("+00:00",) * 2}
new_york, lord_howe, utc = "America/New_York", "Australia/Lord_Howe", Utc(DAY)
print(json.dumps({
    "november": {zone: days(zone, f"11-01T00:00{first}", f"11-03T00:00{last}")
                 for zone, (first, last) in zones.items()},
    "lord howe, set back": days(lord_howe, "04-05T00:00+11:00", "04-07T00:00+10:30"),
    "lord howe, set on": days(lord_howe, "10-04T00:00+10:30", "10-06T00:00+11:00"),
    "beirut, set on at midnight": days("Asia/Beirut", "03-28T00:00+02:00", "03-31T00:00+03:00"),
    "havana, midnight twice": days("America/Havana", "11-01T00:00-04:00", "11-03T00:00-05:00"),
    "hours, set back": hours(new_york, "11-02T00:00-04:00", "11-02T03:00-05:00"),
    "hours, set on": hours(new_york, "03-09T00:00-05:00", "03-09T04:00-04:00"),
    "hours": hours("Asia/Kolkata", "11-01T23:00+05:30", "11-02T01:00+05:30"),
    "refused": [made("@hourly", lord_howe), made("@daily", new_york, utc),
                made("@daily", "Mars/Olympus"), made("@daily", "America"), made("@daily", None)],
    "taken": [type(made("@daily", zone, utc)).__name__ for zone in ("Etc/UTC", "UTC")],
    "planned": [planned(new_york, "2025-11-01", "2025-11-03"),
                planned("Asia/Kolkata", "2025-11-01", "2025-11-02")],
}))
"""


class TestIntervals:
    @pytest.fixture(scope="class")
    @staticmethod
    def found(
        tmp_path_factory: pytest.TempPathFactory,
        settings_in: Callable[[Path], Settings],
        clean_environment: dict[str, str],
    ) -> Any:
        return in_a_process(INTERVALS, settings_in(tmp_path_factory.mktemp("zones")), clean_environment)

    @pytest.mark.parametrize(
        "zone", ["America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "Europe/Berlin", "UTC"]
    )
    def test_the_runs_of_three_days_take_the_slices_of_these_days(self, found: Any, zone: str) -> None:
        assert [key for _, key in found["november"][zone]] == DAYS[:3]

    def test_a_day_is_a_slice_also_when_clocks_are_changed(self, found: Any) -> None:
        assert found["november"]["America/New_York"] == [
            ["11-01T04:00", "2025-11-01"],
            ["11-02T04:00", "2025-11-02"],  # of 25 hours
            ["11-03T05:00", "2025-11-03"],
        ]
        assert [key for _, key in found["lord howe, set back"]] == ["2025-04-05", "2025-04-06", "2025-04-07"]
        assert [key for _, key in found["lord howe, set on"]] == ["2025-10-04", "2025-10-05", "2025-10-06"]
        assert [key for _, key in found["beirut, set on at midnight"]][-3:] == [
            "2025-03-29",
            "2025-03-30",
            "2025-03-31",
        ]
        assert [key for _, key in found["havana, midnight twice"]] == DAYS[:3]

    def test_an_hour_that_comes_twice_is_taken_when_it_has_come_twice(self, found: Any) -> None:
        runs = found["hours, set back"]
        assert [at for at, _ in runs] == [f"11-02T{hour:02}:00" for hour in range(4, 9)]
        keys = [key for _, key in runs]
        assert [keys[0], *keys[2:]] == [f"2025-11-02T{hour:02}" for hour in range(4)]
        assert "clocks in America/New_York are set back to 01:00" in keys[1]

    def test_an_hour_that_never_comes_is_in_the_interval_after_it(self, found: Any) -> None:
        keys = [key for _, key in found["hours, set on"]]
        assert keys[:2] + keys[3:] == ["2025-03-09T00", "2025-03-09T01", "2025-03-09T04"]
        assert "2025-03-09T02, 2025-03-09T03" in keys[2], "a source that lists each hour says two"

    def test_hours_are_those_of_the_clock(self, found: Any) -> None:
        assert [key for _, key in found["hours"]] == ["2025-11-01T23", "2025-11-02T00", "2025-11-02T01"]

    def test_what_cannot_be_cut_is_refused(self, found: Any) -> None:
        halves, utc, *none = found["refused"]
        assert "timezone='Australia/Lord_Howe'" in halves
        assert "changed by half an hour" in halves
        assert "cuts its slices in UTC" in utc
        assert all("a name of the IANA database" in message for message in none)
        assert found["taken"] == ["DAG", "DAG"]

    def test_a_plan_looks_at_the_days_of_the_zone(self, found: Any) -> None:
        new_york, kolkata = found["planned"]
        assert new_york == [
            "2025-11-01T00:00:00+00:00",
            "2025-11-03T23:59:59.999999+00:00",
            "America/New_York",
            [f"{day}T00:00:00+00:00" for day in DAYS[:3]],
        ]
        assert kolkata[3] == [f"{day}T00:00:00+00:00" for day in DAYS[:2]]


def test_a_backfill_of_three_days_in_new_york_takes_these_three(platform: Platform) -> None:
    landing = open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")
    store = open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")
    for number, day in enumerate(DAYS, start=1):
        landing.put(f"local-days/{day}.csv", b"day\n%d\n" % number)
    eventually(lambda: {"new_york"} & {d["dag_id"] for d in platform.api("GET", "dags?tags=test")["dags"]})
    days = {"from_date": "2025-11-01T00:00:00-04:00", "to_date": "2025-11-03T00:00:00-05:00"}
    platform.api("POST", "backfills", {"dag_id": "new_york", "max_active_runs": 3, **days})

    def ended() -> Any:
        runs = platform.api("GET", "dags/new_york/dagRuns")["dag_runs"]
        return len(runs) == 3 and all(run["state"] in ("success", "failed") for run in runs) and runs

    taken = {}
    for run in eventually(ended, seconds=240):
        assert run["state"] == "success"
        path = f"dags/new_york/dagRuns/{quote(run['dag_run_id'])}/taskInstances/pull/xcomEntries/return_value"
        taken[run["logical_date"][:16]] = platform.api("GET", path)["value"]["key"]
    assert taken == {
        "2025-11-01T04:00": "2025-11-01",
        "2025-11-02T04:00": "2025-11-02",
        "2025-11-03T05:00": "2025-11-03",
    }
    slices = {each.key: each for each in list_slices(store, "local_days")}
    assert sorted(slices) == DAYS[:3]
    assert [read_slice(store, slices[day])["day"].to_pylist() for day in DAYS[:3]] == [[1], [2], [3]]
