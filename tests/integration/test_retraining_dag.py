"""A pipeline as a DAG: cheap to parse, cut by data intervals, and run in the order of time."""

from __future__ import annotations

import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from airflow_process import PROJECT, eventually, in_a_fresh_process, in_a_process

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import Settings

TASKS = ["pull", "validate", "wait_for_earlier", "decide", "train", "evaluate", "promote"]

PARSE = """
import json, sys, time
began = time.process_time()
import airflow.sdk
import airflow.providers.standard.utils.skipmixin
of_airflow = time.process_time() - began
import numpy, pyarrow.compute  # a quarter of a second, once per process and not per DAG
began = time.process_time()
from flight_delay.dag import dag
seconds = time.process_time() - began

import pendulum
from airflow.serialization.serialized_objects import DagSerialization
from airflow.timetables.base import TimeRestriction
loaded = sorted({name.partition(".")[0] for name in sys.modules})
serialized = DagSerialization.from_dict(DagSerialization.to_dict(dag))
intervals = serialized.iter_dagrun_infos_between(
    pendulum.datetime(2013, 1, 6), pendulum.datetime(2013, 2, 24)
)
tasks = {task.task_id: task for task in dag.topological_sort()}

import importlib, os
import flight_delay.dag as module
from ckpt_ops_airflow.operators import PredictOperator

def queues():
    parsed = importlib.reload(module)
    both = [(each.dag_id, task) for each in (parsed.dag, parsed.rebase) for task in each.tasks]
    found = {f"{dag_id} {task.task_id}": task.queue for dag_id, task in both}
    for name, more in {"predict": {}, "elsewhere": {"queue": "elsewhere"}}.items():
        found[name] = PredictOperator(task_id=name, pipeline=parsed.flight_delay, **more).queue
    return found

queues_without = queues()
os.environ["AIRFLOW__CKPT_OPS__TRAINING_QUEUE"] = "training"
queues_with = queues()
print(json.dumps({
    "share": seconds / of_airflow,
    "loaded": loaded,
    "tasks": list(tasks),
    "upstream": {name: sorted(task.upstream_task_ids) for name, task in tasks.items()},
    "one_at_a_time": [name for name, task in tasks.items() if task.max_active_tis_per_dag == 1],
    "retries": sorted({task.retries for task in tasks.values()}),
    "catchup": dag.catchup,
    "queues": {"without": queues_without, "with": queues_with},
    "intervals": [[str(i.data_interval.start.date()), str(i.data_interval.end.date())] for i in intervals],
}))
"""

REFUSED = """
import json, os, sys
sys.path.append(os.environ["SECOND"])
from ckpt_ops.errors import BadInput
from flight_delay.dag import dag
try:
    import second_delay.dag
    said = "nothing"
except BadInput as error:
    said = error.what
print(json.dumps({"first": dag.dag_id, "second": said}))
"""

OPERATORS = """
import json, types
from airflow.sdk import Asset
from ckpt_ops import errors
from ckpt_ops.lineage import Action
from ckpt_ops.runs import steps
from ckpt_ops.runs import validate as validating
from ckpt_ops.pipeline.step_results import (Decided, Trained, Training, Validated)
from ckpt_ops.validation import Outcome
from ckpt_ops_airflow import operators

class Ti:
    def __init__(self, **results): self.results, self.pushed = results, {}
    def xcom_pull(self, task_ids): return self.results.get(task_ids)
    def xcom_push(self, key, value): self.pushed[key] = value

def run(kind, raises=None, returns=None, **results):
    def step(*args, **kwargs):
        if raises: raise raises
        return returns
    validating.validate = step
    for name in ("decide", "train", "evaluate", "promote"):
        setattr(steps, name, step)
    operators._run_name = lambda: "dag/run"
    pipeline = types.SimpleNamespace(name="p", folder=__import__("pathlib").Path("/dags/p"))
    more = {"announces": Asset("model://p")} if kind is operators.DecideOperator else {}
    task = kind(task_id=kind.__name__, pipeline=pipeline, **more)
    skipped = []
    task.get_direct_relatives = lambda upstream: []
    task.skip = lambda ti, tasks: skipped.append(True)
    ti = Ti(**results)
    try:
        task.execute({"ti": ti})
        state = "skips the rest" if skipped else "goes on"
    except Exception as error:
        state = type(error).__name__
    return [state, ti.pushed["message"]]

pulled = {"pull": {"key": "a", "revision": "r", "rows": 1234}, "validate": {"key": "a"}}

def verdict(outcome, *reasons):
    return Validated(key="a", revision="r", rows=1234, set_aside=0, outcome=Outcome(outcome), reasons=reasons,
                     report="file:///r")

def decision(train, why):
    return Decided(key="a", action=Action.APPEND, train=train, why=why)

def training(outcome):
    return Trained(key="a", version=2, why="w", outcome=Training(outcome))

print(json.dumps({
    "quarantined": run(operators.ValidateOperator, returns=verdict("quarantined", "x", "y"), **pulled),
    "accepted": run(operators.ValidateOperator, returns=verdict("accepted"), **pulled),
    "nothing due": run(operators.DecideOperator, returns=decision(False, "w"), **pulled),
    "due": run(operators.DecideOperator, returns=decision(True, "newer"), **pulled),
    "held": run(operators.DecideOperator, raises=errors.ModelOnHold("held", next="release"), **pulled),
    "deferred": run(operators.TrainOperator, returns=training("deferred"), **pulled),
    "trained": run(operators.TrainOperator, returns=training("trained"), **pulled),
    "malformed": run(operators.ValidateOperator, pull={"key": "a", "revision": 3}),
    "died": run(operators.TrainOperator, raises=errors.TrainingDied("died"), **pulled),
}))
"""


@pytest.mark.slow
class TestFlightDelay:
    @pytest.fixture(scope="class")
    @staticmethod
    def parsed(
        tmp_path_factory: pytest.TempPathFactory,
        settings_in: Callable[[Path], Settings],
        clean_environment: dict[str, str],
    ) -> Any:
        settings = settings_in(tmp_path_factory.mktemp("parse"))
        return in_a_fresh_process(PARSE, settings, clean_environment)

    def test_parsing_costs_less_than_airflow_itself(self, parsed: Any) -> None:
        """A share of one process's own time: it does not hang on the machine, or on what else runs there."""
        assert parsed["share"] < 1

    def test_parsing_imports_no_training_and_no_validation_library(self, parsed: Any) -> None:
        assert not {"tensorflow", "keras", "great_expectations", "pandas"} & set(parsed["loaded"])

    def test_the_tasks_are_one_chain(self, parsed: Any) -> None:
        assert parsed["tasks"] == TASKS
        assert list(parsed["upstream"].values()) == [[], *([name] for name in TASKS[:-1])]

    def test_training_runs_one_at_a_time_and_is_retried(self, parsed: Any) -> None:
        assert parsed["one_at_a_time"] == ["train"]
        assert parsed["retries"] == [3]
        assert parsed["catchup"] is False

    def test_what_loads_tensorflow_waits_in_the_training_queue_where_there_is_one(self, parsed: Any) -> None:
        queues = dict(parsed["queues"]["with"])
        assert queues.pop("elsewhere") == "elsewhere", "a DAG may name another"
        assert {name for name, queue in queues.items() if queue == "training"} == {
            *("flight_delay train", "flight_delay evaluate", "predict"),
            *("flight_delay_rebase replay", "flight_delay_rebase evaluate"),
        }
        assert {*queues.values()} == {"training", "default"}

    def test_without_one_every_task_waits_in_the_same(self, parsed: Any) -> None:
        queues = dict(parsed["queues"]["without"])
        assert queues.pop("elsewhere") == "elsewhere"
        assert {*queues.values()} == {"default"}

    def test_each_run_has_the_data_interval_of_one_week(self, parsed: Any) -> None:
        assert len(parsed["intervals"]) == 8
        assert parsed["intervals"][0] == ["2013-01-06", "2013-01-13"]
        assert parsed["intervals"][-1] == ["2013-02-24", "2013-03-03"]


@pytest.mark.slow
def test_a_folder_that_uses_another_one_s_pipeline_is_refused_when_its_dag_is_read(
    tmp_path: Path, settings_in: Callable[[Path], Settings], clean_environment: dict[str, str]
) -> None:
    folder = tmp_path / "dags" / "second_delay"
    folder.mkdir(parents=True)
    (folder / "__init__.py").touch()
    (folder / "pipeline.py").write_text("from flight_delay.pipeline import flight_delay\n")
    dag = (PROJECT / "dags" / "flight_delay" / "dag.py").read_text()
    (folder / "dag.py").write_text(dag.replace("flight_delay.pipeline", "second_delay.pipeline"))
    environment = {**clean_environment, "SECOND": str(folder.parent)}
    found = in_a_process(REFUSED, settings_in(tmp_path), environment)
    assert found["second"].startswith("second_delay/dag.py='flight_delay' is not allowed")
    assert "flight_delay/pipeline.py" in found["second"]
    assert found["first"] == "flight_delay"


@pytest.mark.slow
def test_what_a_step_says_becomes_a_state_of_its_task(
    tmp_path: Path, settings_in: Callable[[Path], Settings], clean_environment: dict[str, str]
) -> None:
    environment = {**clean_environment, "CKPT_OPS_STORE": f"file://{tmp_path}"}
    found = in_a_process(OPERATORS, settings_in(tmp_path), environment)
    assert {case: state for case, (state, _) in found.items()} == {
        "quarantined": "skips the rest",
        "accepted": "goes on",
        "nothing due": "skips the rest",
        "due": "goes on",
        "held": "AirflowFailException",
        "deferred": "skips the rest",
        "trained": "goes on",
        "malformed": "AirflowFailException",
        "died": "TrainingDied",
    }
    assert {case: message for case, (_, message) in found.items()} == {
        "quarantined": "slice a is quarantined: 1,234 rows, revision r\nx\ny\nreport: file:///r",
        "accepted": "slice a is accepted: 1,234 rows, revision r\nreport: file:///r",
        "nothing due": "slice a: nothing is trained: w",
        "due": "slice a: train on it: newer",
        "held": "held\nNext: release",
        "deferred": "slice a: nothing to evaluate, version 2 is deferred: w",
        "trained": "slice a: version 2 is trained: w",
        "malformed": "the result of task pull is no Pulled: revision is 3, not text\n"
        "Safe: nothing was written; the champion serves on\n"
        "Next: clear task pull of this run: it gives its result again",
        "died": "died",
    }


@pytest.fixture
def airflow_command(platform: Platform, clean_environment: dict[str, str]) -> Callable[[str], None]:
    """Runs Airflow's own command line in a shell of its own."""

    def run(command: str) -> None:
        script = f"""
            set -e
            eval "$('{sys.executable}' -m ckpt_ops.embedded env --home '{platform.settings.home}')"
            exec '{sys.executable}' -m airflow {command}
        """
        done = subprocess.run(
            ["sh", "-c", script],
            env=clean_environment,
            cwd=PROJECT,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, textwrap.indent(done.stdout + done.stderr, "  ")

    return run


@pytest.mark.slow
class TestOrder:
    @pytest.fixture
    def trained(self, platform: Platform) -> Callable[[], list[str]]:
        """The lines that the DAG's `train` has written since the test began."""
        path = platform.settings.home / "ordering.txt"
        path.unlink(missing_ok=True)
        eventually(
            lambda: {"ordering"} & {d["dag_id"] for d in platform.api("GET", "dags?tags=test")["dags"]}
        )
        # a backfill is closed some time after its last run has ended; until then there is no other
        eventually(
            lambda: all(
                b["completed_at"] for b in platform.api("GET", "backfills?dag_id=ordering")["backfills"]
            )
        )
        return lambda: path.read_text().splitlines() if path.exists() else []

    def backfill(self, platform: Platform, first: str, last: str, **settings: Any) -> None:
        body = {"dag_id": "ordering", "from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        platform.api("POST", "backfills", {**body, **settings})

    def ended(self, platform: Platform, first: str, last: str, count: int) -> dict[str, str]:
        """State by day, once all runs of the days have ended."""
        query = f"logical_date_gte={first}T00:00:00Z&logical_date_lte={last}T00:00:00Z"

        def states() -> dict[str, str] | None:
            runs = platform.api("GET", f"dags/ordering/dagRuns?{query}")["dag_runs"]
            found = {run["logical_date"][:10]: run["state"] for run in runs}
            return found if len(found) == count and not {"queued", "running"} & set(found.values()) else None

        found: dict[str, str] = eventually(states, seconds=150)
        for day, state in found.items():
            if state == "failed":
                print(f"{day} failed:\n{self.told(platform, day)}")  # pytest shows it when the test fails
        return found

    def told(self, platform: Platform, day: str) -> str:
        """State and log of each task of a day's run."""
        query = f"logical_date_gte={day}T00:00:00Z&logical_date_lte={day}T00:00:00Z"
        (run,) = platform.api("GET", f"dags/ordering/dagRuns?{query}")["dag_runs"]
        where = f"dags/ordering/dagRuns/{quote(run['dag_run_id'])}/taskInstances"
        lines = []
        for task in platform.api("GET", where)["task_instances"]:
            lines.append(f"{task['task_id']}: {task['state']}, try {task['try_number']}")
            if task["state"] not in ("success", "upstream_failed"):
                log = platform.api("GET", f"{where}/{task['task_id']}/logs/{task['try_number']}")
                lines.extend(f"  {line}" for line in log["content"])
        return "\n".join(lines)

    def test_runs_created_backwards_train_in_order_and_never_two_at_once(
        self, platform: Platform, trained: Callable[[], list[str]]
    ) -> None:
        days = ["2020-01-05", "2020-01-12", "2020-01-19", "2020-01-26"]
        self.backfill(platform, days[0], days[-1], run_backwards=True, max_active_runs=4)
        states = self.ended(platform, days[0], days[-1], 4)
        assert trained() == [f"{what} {day}" for day in days for what in ("begin", "end")]
        assert states == dict.fromkeys(days, "success") | {"2020-01-19": "failed"}

    def test_waiting_runs_that_fill_every_slot_do_not_wait_for_ever(
        self, platform: Platform, trained: Callable[[], list[str]]
    ) -> None:
        days = ["2020-02-02", "2020-02-09", "2020-02-16"]
        self.backfill(platform, days[0], days[-1], run_backwards=True, max_active_runs=2)
        states = self.ended(platform, days[0], days[-1], 3)
        assert states == dict.fromkeys(days, "success")
        assert sorted(trained()) == sorted(f"{what} {day}" for day in days for what in ("begin", "end"))

    def test_a_backfill_from_the_command_line_trains_in_order(
        self, platform: Platform, trained: Callable[[], list[str]], airflow_command: Callable[[str], None]
    ) -> None:
        days = ["2020-03-01", "2020-03-08"]
        airflow_command("backfill create --dag-id ordering --from-date 2020-03-01 --to-date 2020-03-08")
        assert self.ended(platform, days[0], days[-1], 2) == dict.fromkeys(days, "success")
        runs = platform.api("GET", "dags/ordering/dagRuns?logical_date_gte=2020-03-08T00:00:00Z")["dag_runs"]
        named = {run["logical_date"][:10]: run["dag_run_id"] for run in runs}
        assert "2020-03-15" in named["2020-03-08"], "a run is named after the end of its interval"
        assert trained() == [f"{what} {day}" for day in days for what in ("begin", "end")]
