"""The DAG in which a model sees its history again: its shape, its parameters, what becomes of each case."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow_process import in_a_process

from ckpt_ops.embedded.settings import Settings

pytestmark = pytest.mark.slow

OPERATORS = """
import json, os, types
from pathlib import Path
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CandidateStarted, CandidateTrained, Held, Promoted
from ckpt_ops.lineage.records import SliceAccepted, SliceRef
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import retrain as retraining
from ckpt_ops.pipeline.step_results import Concluded, Settled, Settlement
from ckpt_ops.store import open_store
from ckpt_ops_airflow import operators, retrain_dag

operators._run_name = lambda: "brief_retrain/run"
brief = load_pipeline("brief", Path("tests/dags"))
dag = retrain_dag(brief)
asking = retrain_dag(load_pipeline("hasty", Path("tests/dags")))
log = ModelLog(open_store(os.environ["CKPT_OPS_STORE"]), "brief")
refs = [SliceRef(key=f"2013-01-{day:02}", revision="0" * 16, rows=1000) for day in (6, 13, 20)]
for ref in refs:
    log.append(SliceAccepted(slice=ref), after=log.state())
for number, ref in enumerate(refs, start=1):
    parent = number - 1 or None
    for record in (
        CandidateStarted(version=number, candidate=f"c{number}", parent=parent, slices=(ref,)),
        CandidateTrained(
            version=number, step=3, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts={}
        ),
        Promoted(version=number, champion=parent),
    ):
        log.append(record, after=log.state())
records = len(log.records())

class Ti:
    def __init__(self, version): self.version = version
    def xcom_pull(self, task_ids):
        found = {"version": self.version, "message": "m", "step": 3, "stopped_by": "x", "trained": True}
        return found if task_ids == "retrain" and self.version else None
    def xcom_push(self, key, value): pass

class Events(dict):
    def __missing__(self, key): return types.SimpleNamespace(add=lambda asset, extra: said.append(asset.uri))

said = []
def run(task_id, user="jo", version=3, **params):
    said.clear()
    task = dag.get_task(task_id)
    task.skip = lambda ti, tasks: said.append("skipped")
    defaults = {name: dag.params[name] for name in dag.params}
    context = {"ti": Ti(version), "params": {**defaults, **params}, "outlet_events": Events(),
               "dag_run": types.SimpleNamespace(triggering_user_name=user)}
    try:
        result = task.execute(context)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["; ".join(said) or "goes on", result]

def concluded(decision):
    settled = Settled(version=3, decision=Settlement(decision), why="because")
    retraining.conclude = lambda *args: Concluded(evaluated=None, settled=settled)
    return run("promote", dry_run=False, why="x")

def process(pipeline, store, version, asked, report):
    raise RuntimeError(f"{version} {asked.begin} {asked.selection.first} {asked.selection.newest} "
                       f"{asked.max_steps} {asked.why} {os.environ['CKPT_OPS_ACTOR']}")
retraining.run_retrain_process = process

print(json.dumps({
    "tasks": {t.task_id: sorted(t.upstream_task_ids) for t in dag.topological_sort()},
    "asking": [t.task_id for t in asking.topological_sort()],
    "queues": {t.task_id: t.queue for t in dag.tasks},
    "schedule": type(dag.timetable).__name__,
    "at once": dag.max_active_runs,
    "params": sorted(dag.params),
    "dry run": run("plan"),
    "some": run("plan", begin="champion", slices="2013-01-06:2013-01-13", max_steps=40),
    "no reason": run("plan", dry_run=False, why=" "),
    "both": run("plan", slices="2013-01-06:2013-01-13", newest=1),
    "no range": run("plan", slices="2013-01-06"),
    "too few": run("plan", max_steps=2),
    "goes on": run("plan", dry_run=False, why="x"),
    "retrain dry": run("retrain"),
    "retrain": run("retrain", dry_run=False, why="x", newest=2, max_steps=50),
    "no result": run("evaluate", version=None, dry_run=False, why="x"),
    "promoted": concluded("promoted"),
    "superseded": concluded("superseded"),
    "rejected": concluded("rejected"),
    "records": len(log.records()) - records,
    "held": [log.append(Held(reason="three rejections"), after=log.state()) and "", run("plan")][1],
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


def test_it_is_one_chain_that_starts_by_hand_and_once_at_a_time(found: Any) -> None:
    tasks = ["plan", "retrain", "evaluate", "promote"]
    assert list(found["tasks"]) == tasks
    assert list(found["tasks"].values()) == [[], *([name] for name in tasks[:-1])]
    assert (found["schedule"], found["at once"]) == ("NullTimetable", 1)
    assert found["params"] == ["begin", "dry_run", "max_steps", "newest", "slices", "why"]


def test_where_the_pipeline_asks_a_person_so_does_the_dag(found: Any) -> None:
    assert found["asking"] == ["plan", "retrain", "evaluate", "approve", "promote"]


def test_it_begins_as_a_dry_run_that_says_what_would_be_trained(found: Any) -> None:
    state, result = found["dry run"]
    assert state == "skipped"
    assert (result["head"], result["version"], result["rows"]) == (3, 4, 3000)
    assert result["message"] == "retrained from scratch on 2013-01-06, 2013-01-13, 2013-01-20"
    state, result = found["some"]
    assert (state, result["max_steps"], result["without"]) == ("skipped", 40, [])
    assert result["message"] == "retrained from the champion, version 3, on 2013-01-06, 2013-01-13"


@pytest.mark.parametrize(
    ("case", "error"),
    [
        ("no reason", "a reason"),
        ("both", "one of them"),
        ("no range", "FROM:TO"),
        ("too few", "at least 24"),
        ("held", "brief is on hold: three rejections"),
    ],
)
def test_what_does_not_fit_fails_for_good_and_records_nothing(found: Any, case: str, error: str) -> None:
    state, message = found[case]
    assert (state, error in message) == ("AirflowFailException", True), message
    assert found["records"] == 0


def test_with_a_reason_it_trains_what_was_asked_for_under_the_name_of_who_asked(found: Any) -> None:
    assert found["goes on"][0] == "goes on"
    assert found["retrain"] == ["RuntimeError", "4 scratch None 2 50 x jo"]
    assert found["retrain dry"][0] == "AirflowSkipException"


def test_a_task_that_was_marked_a_success_without_a_result_is_named(found: Any) -> None:
    state, message = found["no result"]
    assert (state, "task retrain" in message) == ("AirflowFailException", True)


def test_only_a_promotion_is_announced_and_anything_else_fails_saying_how_to_go_on(found: Any) -> None:
    assert found["promoted"][0] == "ckpt-ops://brief/production"
    for decision, says in (("superseded", "trigger brief_retrain again"), ("rejected", "--despite-gates")):
        state, message = found[decision]
        assert (state, says in message) == ("AirflowFailException", True)


def test_the_project_has_one_for_each_example() -> None:
    for name in ("flight_delay", "movie_ratings", "rain"):
        assert f"retrain_dag({name})" in (Path("dags") / name / "dag.py").read_text()
