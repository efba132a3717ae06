"""The DAG that writes a version in another format: its shape, its parameters, what becomes of each case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow_process import in_a_process

from ckpt_ops.embedded.settings import Settings
from ckpt_ops.serving.on_request import FORMATS

pytestmark = pytest.mark.slow

OPERATORS = """
import json, os, time, types
from datetime import UTC, datetime, timedelta
from pathlib import Path
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CandidateStarted, CandidateTrained, Promoted, SliceAccepted, SliceRef
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.serving import on_request
from ckpt_ops.store import open_store
from ckpt_ops.runs import export as exporting
from ckpt_ops_airflow import export_dag, operators

operators._run_name = lambda: "brief_export/run"
dag = export_dag(load_pipeline("brief", Path("tests/dags")))
log = ModelLog(open_store(os.environ["CKPT_OPS_STORE"]), "brief")
ref = SliceRef(key="2013-01-06", revision="0" * 16, rows=1000)
for record in (
    SliceAccepted(slice=ref),
    CandidateStarted(version=1, candidate="c", parent=None, slices=(ref,)),
    CandidateTrained(
        version=1, step=3, stopped_by="x", checkpoints=1, manifest="m", artifacts={"export": "e"}
    ),
    Promoted(version=1, champion=None),
    CandidateStarted(version=2, candidate="d", parent=1, slices=(ref,)),
):
    log.append(record, after=log.state())
time.sleep(0.01)  # times of records are in ms
started = datetime.now(UTC)
time.sleep(0.01)
for record in (
    CandidateStarted(version=3, candidate="e", parent=1, slices=(ref,)),
    CandidateTrained(version=3, step=6, stopped_by="x", checkpoints=1, manifest="m", artifacts={}),
    Promoted(version=3, champion=1),
):
    log.append(record, after=log.state())
open_store(os.environ["CKPT_OPS_STORE"]).put("m", b"the checkpoint of both")
records = len(log.records())

def kept(pipeline, store, number, format, *, step, why, note):
    raise RuntimeError(f"export {number} {format.value} {step} {why} {os.environ['CKPT_OPS_ACTOR']}")
def converted(pipeline, store, number, format, *, tolerance, why, report):
    return {"object": "o", "bytes": 9, "found": False, "rows": 4, "max_abs_difference": tolerance / 2}
exporting.export_to_store, exporting.convert = kept, converted
on_request.missing = lambda extra: ["tf2onnx"]

def run(start=started, **params):
    task = dag.get_task("export")
    defaults = {name: dag.params[name] for name in dag.params}
    told = []
    ti = types.SimpleNamespace(xcom_push=lambda key, value: told.append(value))
    context = {"ti": ti, "params": {**defaults, **params},
               "dag_run": types.SimpleNamespace(triggering_user_name="jo", start_date=start)}
    try:
        return ["done", task.execute(context), told]
    except Exception as error:
        return [type(error).__name__, str(error), told]

print(json.dumps({
    "tasks": [task.task_id for task in dag.tasks],
    "queue": dag.get_task("export").queue,
    "schedule": type(dag.timetable).__name__,
    "formats": dag.params.get_param("format").schema["enum"],
    "head": run(why="for the shop"),
    "later head": run(start=datetime.now(UTC), why="w"),
    "no head": run(start=started - timedelta(hours=1), why="w"),
    "step": run(why="w", version=1, format="keras", step=2),
    "converted": run(why="w", version=1, format="tflite", tolerance=0.5),
    "no reason": run(version=1),
    "no version": run(version=9, why="w"),
    "not trained": run(version=2, why="w"),
    "not installed": run(version=1, format="onnx", why="w"),
    "records": len(log.records()) - records,
}))
"""


@pytest.fixture(scope="module")
def found(
    tmp_path_factory: pytest.TempPathFactory,
    settings_in: Callable[[Path], Settings],
    clean_environment: dict[str, str],
) -> Any:
    folder = tmp_path_factory.mktemp("operators")
    environment = {**clean_environment, "CKPT_OPS_STORE": f"file://{folder}"}
    return in_a_process(OPERATORS, settings_in(folder), environment)


def test_it_is_one_task_on_the_training_queue_that_starts_by_hand(found: Any) -> None:
    assert (found["tasks"], found["schedule"]) == (["export"], "NullTimetable")
    assert found["queue"]


def test_its_formats_are_those_of_both_commands(found: Any) -> None:
    assert found["formats"] == list(FORMATS)


def test_it_exports_the_head_of_when_the_run_started_or_the_version_that_was_asked_for(
    found: Any,
) -> None:
    assert found["head"][:2] == ["RuntimeError", "export 1 saved-model None for the shop jo"]
    assert found["later head"][:2] == ["RuntimeError", "export 3 saved-model None w jo"]
    assert found["step"][:2] == ["RuntimeError", "export 1 keras 2 w jo"]


def test_a_conversion_says_how_far_it_is_off(found: Any) -> None:
    state, result, (told,) = found["converted"]
    assert (state, result["object"], result["nbytes"], result["rows"]) == ("done", "o", 9, 4)
    assert "differs by at most 0.25 on 4 rows" in told


@pytest.mark.parametrize(
    ("case", "says"),
    [
        ("no reason", "why"),
        ("no version", "a version of brief: 1, 2, 3"),
        ("no head", "the number of a version of brief"),
        ("not trained", "It was not trained to its end: it is started."),
        ("not installed", "Not installed: tf2onnx"),
    ],
)
def test_what_cannot_be_is_refused_at_the_door_for_good(found: Any, case: str, says: str) -> None:
    state, message, _ = found[case]
    assert (state, says in message) == ("AirflowFailException", True), message
    assert found["records"] == 0


def test_the_project_has_one_for_each_example() -> None:
    for name in ("flight_delay", "movie_ratings", "rain"):
        assert f"export_dag({name})" in (Path("dags") / name / "dag.py").read_text()
