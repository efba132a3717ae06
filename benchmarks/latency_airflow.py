"""The weeks of `latency` through the scheduler of an embedded platform: one by one, and as a backfill."""

from __future__ import annotations

import json
import os
import statistics
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from benchmarks.latency import HISTORY, landed, plain
from benchmarks.peaks import Peaks
from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.rest import Rest
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.errors import TransientError
from ckpt_ops.lineage import ModelLog
from ckpt_ops.store import open_store
from demo.backfill import ENDED, Backfill
from demo.flights import land

DAG = "flight_delay"
_PATIENCE_SECONDS = 1800.0


def through_airflow(home: Path, *, rounds: int, backfill: int) -> dict[str, Any]:
    """What each week took, and what a backfill of `backfill` weeks took; 0 for none of either."""
    on_disk, keys = landed(home, HISTORY + max(rounds, 1) + backfill)
    found: dict[str, Any] = {}
    with _platform(home) as platform:
        land(open_store(LANDING), keys=keys)
        _wait_for_dag(platform.rest)
        weeks, before, ratios = [], "", []
        for number, key in enumerate(keys[: HISTORY + rounds]):
            week = _week(platform.rest, key)
            beside = plain(home / "plain", on_disk, key, before, _steps(key))
            before = key
            if number >= HISTORY:
                weeks.append({**week, "plain": asdict(beside)})
                ratios.append(week["seconds"] - beside.seconds)
                print(_told(key, week, beside.seconds), flush=True)
        if weeks:
            print(f"through Airflow: plain script + {statistics.median(ratios):.1f} s, median", flush=True)
            found["through Airflow"] = weeks
        if backfill:
            found["backfill"] = _backfill(platform, keys[-backfill:])
            print(
                json.dumps({k: v for k, v in found["backfill"].items() if k != "runs"}, indent=2), flush=True
            )
    return found


@contextmanager
def _platform(home: Path) -> Iterator[Platform]:
    tmp = home / "tmp"
    tmp.mkdir(parents=True)
    os.environ["TMPDIR"] = str(tmp)
    settings = replace(Settings.from_environment(home=home / "platform"), gcs_port=0, ui_port=0)
    with Platform(settings, report=lambda event: None) as platform:
        os.environ["STORAGE_EMULATOR_HOST"] = platform.gcs_endpoint
        yield platform


def _wait_for_dag(rest: Rest) -> None:
    until = time.monotonic() + 120
    while time.monotonic() < until:
        if any(one["dag_id"] == DAG for one in rest.call("GET", f"dags?dag_id_pattern={DAG}")["dags"]):
            rest.call("PATCH", f"dags/{DAG}", {"is_paused": False})
            return
        time.sleep(0.5)
    raise TransientError(f"Airflow has not found the DAG {DAG} within 120 s")


def _week(rest: Rest, key: str) -> dict[str, Any]:
    """One run, from the request to its end: seconds of its tasks, and of what lies between them."""
    asked = time.time()
    run_id = _asked_for(rest, key)
    _until_run_ended(rest, run_id)
    tasks = _tasks(rest, run_id)
    before = [asked, *(one["end"] for one in tasks)]
    return {
        "key": key,
        "seconds": before[-1] - asked,
        "until queued": sum(max(0.0, one["queued"] - end) for one, end in zip(tasks, before, strict=False)),
        "process start": sum(
            one["start"] - max(one["queued"], end) for one, end in zip(tasks, before, strict=False)
        ),
        "tasks": {one["task"]: one["end"] - one["start"] for one in tasks},
    }


def _asked_for(rest: Rest, key: str) -> str:
    """The id of a run of this week, which was asked for just now."""
    begin = datetime.fromisoformat(key).replace(tzinfo=UTC)
    end = begin + timedelta(weeks=1)
    body = {
        "logical_date": begin.isoformat(),
        "data_interval_start": begin.isoformat(),
        "data_interval_end": end.isoformat(),
    }
    return str(rest.call("POST", f"dags/{DAG}/dagRuns", body)["dag_run_id"])


def _until_run_ended(rest: Rest, run_id: str) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        state = rest.call("GET", f"dags/{DAG}/dagRuns/{run_id}")["state"]
        if state == "failed":
            raise SystemExit(f"the run {run_id} failed")
        if state in ENDED:
            return
        time.sleep(0.5)
    raise TransientError(f"the run {run_id} did not end within {_PATIENCE_SECONDS:.0f} s")


def _tasks(rest: Rest, run_id: str) -> list[dict[str, Any]]:
    """The tasks that ran, in order; times in seconds since the epoch."""
    found = rest.call("GET", f"dags/{DAG}/dagRuns/{run_id}/taskInstances")["task_instances"]
    ran = [one for one in found if one["start_date"] and one["end_date"] and one["state"] == "success"]
    return sorted(
        (
            {
                "task": one["task_id"],
                "queued": _seconds(one["queued_when"]),
                "start": _seconds(one["start_date"]),
                "end": _seconds(one["end_date"]),
            }
            for one in ran
        ),
        key=lambda one: one["start"],
    )


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def _until_ended(run: Backfill) -> None:
    until = time.monotonic() + _PATIENCE_SECONDS
    while time.monotonic() < until:
        runs = run.runs()
        if len(runs) >= len(run.keys) and all(one.state in ENDED for one in runs.values()):
            failed = [one.key for one in runs.values() if one.state == "failed"]
            if failed:
                raise SystemExit(f"the runs of {', '.join(failed)} failed")
            return
        time.sleep(0.5)
    raise TransientError(f"the runs did not end within {_PATIENCE_SECONDS:.0f} s")


def _steps(key: str) -> int:
    """The steps that the slice's training made; 0: nothing was trained on it."""
    state = ModelLog(open_store(STORE), DAG).state()
    made = [one.trained.step for one in state.versions.values() if one.trained and one.slices[-1].key == key]
    return made[-1] if made else 0


def _backfill(platform: Platform, keys: Sequence[str]) -> dict[str, Any]:
    """The weeks as one backfill: its time, that of its trainings, and the memory of each kind of process."""
    with Peaks(os.environ["TMPDIR"]) as peaks:
        began = time.time()
        run = Backfill.create(platform.rest, DAG, keys, wait=lambda text: None)
        _until_ended(run)
        seconds = time.time() - began
    state = ModelLog(open_store(STORE), DAG).state()
    ours = [one for one in state.versions.values() if one.slices[-1].key in keys and one.trained]
    training = sum(one.trained.seconds for one in ours if one.trained)
    return {
        "weeks": len(keys),
        "versions": len(ours),
        "seconds": seconds,
        "seconds of its trainings' steps": training,
        "seconds a week beyond them": (seconds - training) / len(keys),
        "peak MB": {name: round(held / 1e6) for name, held in sorted(peaks.by_name.items())},
    }


def _told(key: str, week: Mapping[str, Any], beside: float) -> str:
    tasks = ", ".join(f"{task} {seconds:.1f}" for task, seconds in week["tasks"].items())
    return (
        f"{key}: {week['seconds']:.1f} s (plain {beside:.1f}): until queued {week['until queued']:.1f}, "
        f"process start {week['process start']:.1f}, {tasks}"
    )
