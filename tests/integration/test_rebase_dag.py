"""A history is corrected in Airflow: the plan is looked at, a person decides, a rebase is rehearsed and done.

Of three weeks the second comes too late and the third is corrected after it was model.
"""

from __future__ import annotations

import json
import os
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from airflow_process import eventually, in_a_process

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog
from ckpt_ops.lineage.records import LateSliceResolved, Promoted
from ckpt_ops.store import Store, open_store
from demo.flights import weeks

pytestmark = pytest.mark.slow

FIRST, LATE, CORRECTED = KEYS = ["2013-01-13", "2013-01-20", "2013-01-27"]
RANGE = f"from={FIRST}&to={CORRECTED}"
COLUMNS = ["carrier", "hour", "distance", "arr_delay"]

OPERATORS = """
import json, os, sys, types
from pathlib import Path
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CandidateStarted, CandidateTrained, Promoted, SliceRef
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.pipeline.step_results import (Concluded, Settled, Settlement)
from ckpt_ops.store import open_store
from ckpt_ops_airflow import operators
from ckpt_ops_airflow.rebase import rebase_dag

operators._run_name = lambda: "brief_rebase/run"
brief = load_pipeline("brief", Path("tests/dags"))
dag = rebase_dag(brief)
log = ModelLog(open_store(os.environ["CKPT_OPS_STORE"]), "brief")
ref = SliceRef(key="2013-01-13", revision="0" * 16, rows=10)
trained = CandidateTrained(
    version=1, step=3, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts={}
)
opened = CandidateStarted(version=1, candidate="c", parent=None, slices=(ref,))
for record in (opened, trained, Promoted(version=1, champion=None)):
    log.append(record, after=log.state())

class Ti:
    def xcom_pull(self, task_ids): return {"version": 1, "steps": [1], "trained": []}
    def xcom_push(self, key, value): pass

class Events(dict):
    def __missing__(self, key): return types.SimpleNamespace(add=lambda asset, extra: said.append(asset.uri))

said = []
def run(task_id, user="jo", **params):
    said.clear()
    task = dag.get_task(task_id)
    task.skip = lambda ti, tasks: said.append("skipped")
    context = {"ti": Ti(), "params": {"dry_run": False, "why": "wrong", **params}, "outlet_events": Events(),
               "dag_run": types.SimpleNamespace(triggering_user_name=user)}
    try:
        result = task.execute(context)
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["; ".join(said) or "goes on", json.dumps(result)]

def concluded(decision):
    settled = Settled(version=1, decision=Settlement(decision), why="because")
    rebasing.conclude = lambda *args: Concluded(evaluated=None, settled=settled)
    return run("promote")

def never(*args): raise AssertionError("it was evaluated before")
steps.evaluate = never

print(json.dumps({
    "tasks": {t.task_id: sorted(t.upstream_task_ids) for t in dag.topological_sort()},
    "schedule": type(dag.timetable).__name__,
    "at once": dag.max_active_runs,
    "nothing due": run("plan"),
    "no reason": run("plan", why=" "),
    "no reason, dry run": run("plan", why=None, dry_run=True),
    "in production before": run("evaluate"),
    "promoted": concluded("promoted"),
    "superseded": concluded("superseded"),
    "rejected": concluded("rejected"),
    "actor": [run("plan", user=name) and os.environ["CKPT_OPS_ACTOR"] for name in ("jo", None)],
}))
"""

PLANNING = """
import json, os, sys
from datetime import UTC, datetime
from pathlib import Path
from ckpt_ops.errors import CkptOpsError
from ckpt_ops_airflow.api import plan
from ckpt_ops_airflow.intervals import Range

folder, store = Path(os.environ["BROKEN_DAGS"]), os.environ["CKPT_OPS_STORE"]
days = Range(start=datetime(2013, 1, 13, tzinfo=UTC), end=datetime(2013, 1, 27, tzinfo=UTC), expected=None)

def asked(name, code, seconds=30.0):
    (folder / name).mkdir()
    (folder / name / "pipeline.py").write_text(code)
    try:
        return plan.plans(name, folder, store, days, seconds=seconds).kind
    except CkptOpsError as error:
        return f"{type(error).__name__}: {error}"

print(json.dumps({
    "raises": asked("raises", "import a_library_that_is_not_there"),
    "hangs": asked("hangs", "import time\\ntime.sleep(600)", seconds=2.0),
    "dies": asked("dies", "import os\\nos._exit(3)"),
    "looks": asked("looks", "import os\\nraise ValueError([n for n in os.environ if 'AIRFLOW__' in n])"),
    "in this process": [name for name in ("raises", "hangs", "dies") if f"{name}.pipeline" in sys.modules],
}))
"""


def land(landing: Store, key: str, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    landing.put(f"steady/{key}.parquet", sink.getvalue().to_pybytes())


def ask(url: str, headers: Mapping[str, str], body: Mapping[str, str] | None = None) -> tuple[int, Any]:
    """Status and JSON of the answer."""
    data = None if body is None else json.dumps(body).encode()
    try:
        reply = urllib.request.urlopen(urllib.request.Request(url, data, dict(headers)), timeout=60)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        return reply.status, json.loads(reply.read())


def actions(plan: Any) -> dict[str, str]:
    """By slice of the plan, what a run would do with it."""
    return {one["key"]: one["action"] for one in plan["slices"]}


class Model:
    """`brief` on the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.store = open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")
        self.landing = open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")
        self.api = f"{platform.ui_url}/ckpt-ops/api"
        self.user = {"Cookie": f"_token={platform.token()}"}
        wanted = {"brief", "brief_rebase"}
        eventually(lambda: wanted <= {d["dag_id"] for d in platform.api("GET", "dags?tags=test")["dags"]})

    def state(self) -> LineageState:
        return ModelLog(self.store, "brief").state()

    def plan(self, query: str = RANGE) -> Any:
        status, found = ask(f"{self.api}/models/brief/plan?{query}", self.user)
        assert status == 200, found
        return found

    def backfill(self, first: str, last: str) -> dict[str, str]:
        """By key, the path in the REST API of its run, once all have ended."""
        days = {"from_date": f"{first}T00:00:00Z", "to_date": f"{last}T00:00:00Z"}
        self.platform.api("POST", "backfills", {"dag_id": "brief", **days})
        query = f"logical_date_gte={days['from_date']}&logical_date_lte={days['to_date']}"
        found = eventually(lambda: self.platform.api("GET", f"dags/brief/dagRuns?{query}")["dag_runs"])
        runs = {run["logical_date"][:10]: f"dags/brief/dagRuns/{quote(run['dag_run_id'])}" for run in found}
        for run in runs.values():
            self.ended(run)
        return runs

    def clear(self, *runs: str) -> list[dict[str, str]]:
        """Run them again; the states of their tasks."""
        for run in runs:
            self.platform.api("POST", f"{run}/clear", {"dry_run": False})
        return [self.ended(run) for run in runs]

    def trigger_rebase(self, **conf: Any) -> str:
        """The path in the REST API of a run."""
        body = {"logical_date": None, "conf": conf}
        run = self.platform.api("POST", "dags/brief_rebase/dagRuns", body)
        return f"dags/brief_rebase/dagRuns/{quote(run['dag_run_id'])}"

    def ended(self, run: str) -> dict[str, str]:
        """The states of the run's tasks, once it has ended."""
        eventually(lambda: self.platform.api("GET", run)["state"] not in ("queued", "running"), seconds=300)
        return self.tasks(run)

    def tasks(self, run: str) -> dict[str, str]:
        found = self.platform.api("GET", f"{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found}

    def log(self, run: str, task: str) -> str:
        return json.dumps(self.platform.api("GET", f"{run}/taskInstances/{task}/logs/1")["content"])

    def replays(self) -> list[int]:
        """Process ids of the replays of this platform's model."""
        found = []
        for folder in Path("/proc").iterdir():
            if folder.name.isdigit():
                try:
                    message = (folder / "cmdline").read_bytes().split(b"\0")
                    environment = (folder / "environ").read_bytes()
                except OSError:
                    continue
                mine = str(self.platform.settings.home).encode() in environment
                if mine and message[3:5] == [b"ckpt_ops.worker", b"rebase"]:
                    found.append(int(folder.name))
        return found


@pytest.fixture(scope="module")
def model(platform: Platform) -> Model:
    return Model(platform)


@pytest.fixture(scope="module")
def runs(model: Model) -> dict[str, str]:
    """The runs by which two of the weeks are learned; between them one is missing."""
    for key in (FIRST, CORRECTED):
        land(model.landing, key, weeks()[key].select(COLUMNS))
    runs = model.backfill(FIRST, CORRECTED)
    assert {key: model.tasks(run)["promote"] for key, run in runs.items()} == {
        FIRST: "success",
        LATE: "skipped",
        CORRECTED: "success",
    }
    return runs


@pytest.fixture(scope="module")
def missing(model: Model, runs: object) -> Any:
    """The plan while the week is missing."""
    return model.plan()


@pytest.fixture(scope="module")
def spoiled(model: Model, runs: dict[str, str], missing: object) -> dict[str, dict[str, str]]:
    """The missing week has come, the newest was corrected, and both were run: the states of their tasks."""
    table = weeks()[CORRECTED].select(COLUMNS)
    land(model.landing, LATE, weeks()[LATE].select(COLUMNS))
    land(model.landing, CORRECTED, table.filter(pc.not_equal(table["carrier"], "UA")))
    return dict(zip((LATE, CORRECTED), model.clear(runs[LATE], runs[CORRECTED]), strict=True))


@pytest.fixture(scope="module")
def plan(model: Model, spoiled: object) -> Any:
    """The plan then."""
    return model.plan()


@pytest.fixture(scope="module")
def decided(model: Model, plan: object) -> Any:
    """The plan when a person has chosen to fork for the late week."""
    token = ask(f"{model.api}/me", model.user)[1]["csrf"]
    ours = {"Origin": model.platform.ui_url, "X-CSRF-Token": token, "Content-Type": "application/json"}
    body = {"key": LATE, "how": "fork", "why": "it belongs there"}
    status, found = ask(f"{model.api}/models/brief/actions/resolve", {**model.user, **ours}, body)
    assert (status, found.get("changed")) == (200, True), found
    return model.plan()


@pytest.fixture(scope="module")
def rehearsed(model: Model, decided: object) -> str:
    """A run of the rebase DAG as it is triggered without any settings."""
    run = model.trigger_rebase()
    model.ended(run)
    return run


@pytest.fixture(scope="module")
def rebased(model: Model, rehearsed: str) -> str:
    """The rebase, though its process was killed in the midst of it."""
    first_step = max(model.state().versions) + 1
    run = model.trigger_rebase(dry_run=False, why="a column was wrong")
    eventually(lambda: CandidateLog(model.store, "brief", first_step).progress().commits, seconds=150)
    (process,) = model.replays()
    os.kill(process, signal.SIGKILL)
    assert set(model.ended(run).values()) == {"success"}
    return run


class TestPlan:
    def test_a_slice_that_the_schedule_expects_and_the_source_lacks_is_missing(self, missing: Any) -> None:
        assert actions(missing) == {FIRST: "skip", LATE: "missing", CORRECTED: "skip"}

    def test_a_run_whose_slice_is_missing_is_counted_until_it_has_come(
        self, model: Model, missing: object, spoiled: object
    ) -> None:
        found = ask(f"{model.api}/models/brief", model.user)[1]
        assert found["airflow"]["missing_runs"] == 0, "its run was cleared, and found its slice"

    def test_a_late_slice_and_a_corrected_one_fail_their_runs_for_good(
        self, spoiled: dict[str, dict[str, str]]
    ) -> None:
        assert {key: (tasks["validate"], tasks["decide"]) for key, tasks in spoiled.items()} == {
            LATE: ("success", "failed"),
            CORRECTED: ("success", "failed"),
        }

    def test_it_says_what_a_run_would_do_and_what_a_rebase_would(self, model: Model, plan: Any) -> None:
        assert actions(plan) == {FIRST: "skip", LATE: "hold", CORRECTED: "fork"}
        assert plan["rebase"]["fork_message"] == "Forks from the checkpoint of version 1."
        assert (plan["rebase"]["dag"], plan["retrain_dag"]) == ("brief_rebase", None)
        assert [one["key"] for one in plan["slices"] if one["undecided"]] == [LATE]

    def test_the_pages_are_in_the_navigation_and_tabs_on_dags_and_runs(self, model: Model) -> None:
        plugins = model.platform.api("GET", "plugins")["plugins"]
        views = next(one for one in plugins if one["name"] == "ckpt_ops")["external_views"]
        assert {(one["destination"], one["name"], one["href"]) for one in views} == {
            ("nav", "Models", "/ckpt-ops/"),
            ("dag", "Model", "/ckpt-ops/models/{DAG_ID}"),
            ("dag", "Backfill plan", "/ckpt-ops/models/{DAG_ID}/plan"),
            ("dag_run", "Slice", "/ckpt-ops/models/{DAG_ID}/runs/{RUN_ID}"),
        }
        assert [one["name"] for one in views if one["nav_top_level"]] == ["Models"]

    def test_an_intake_has_no_plan_of_a_model(self, model: Model) -> None:
        status, found = ask(f"{model.api}/models/incoming/plan", model.user)
        assert (status, "nothing trains on them" in found["what"]) == (404, True)


@pytest.fixture(scope="module")
def planning(
    tmp_path_factory: pytest.TempPathFactory,
    settings_in: Callable[[Path], Settings],
    clean_environment: dict[str, str],
) -> Any:
    folder = tmp_path_factory.mktemp("planning")
    for name in ("dags", "store"):
        (folder / name).mkdir()
    environment = {"BROKEN_DAGS": str(folder / "dags"), "CKPT_OPS_STORE": f"file://{folder / 'store'}"}
    return in_a_process(PLANNING, settings_in(folder), {**clean_environment, **environment})


class TestCodeOfOthers:
    """A pipeline's description is code: what it does stays away from the api-server."""

    def test_what_cannot_be_imported_hangs_or_dies_is_said_in_words(self, planning: Any) -> None:
        assert "ModuleNotFoundError: No module named 'a_library_that_is_not_there'" in planning["raises"]
        assert "gave no answer within 2 s" in planning["hangs"]
        assert "ended with exit code 3" in planning["dies"]

    def test_it_sees_no_secret_of_airflow_and_is_not_imported_here(self, planning: Any) -> None:
        assert "ValueError: []" in planning["looks"]
        assert planning["in this process"] == []


class TestDeciding:
    def test_it_is_recorded_in_the_name_of_who_is_logged_in(self, model: Model, decided: Any) -> None:
        records = ModelLog(model.store, "brief").records()
        (record,) = [one for one in records if isinstance(one, LateSliceResolved)]
        assert (record.slice.key, record.fork, record.reason) == (LATE, True, "it belongs there")
        assert record.actor == model.platform.user
        assert actions(decided)[LATE] == "fork"


class TestOperators:
    @pytest.fixture(scope="class")
    @staticmethod
    def found(
        tmp_path_factory: pytest.TempPathFactory,
        settings_in: Callable[[Path], Settings],
        clean_environment: dict[str, str],
    ) -> Any:
        folder = tmp_path_factory.mktemp("operators")
        environment = {**clean_environment, "CKPT_OPS_STORE": f"file://{folder}"}
        return in_a_process(OPERATORS, settings_in(folder), environment)

    def test_the_dag_is_one_chain_that_starts_by_hand_and_once_at_a_time(self, found: Any) -> None:
        tasks = ["plan", "replay", "evaluate", "promote"]
        assert list(found["tasks"]) == tasks
        assert list(found["tasks"].values()) == [[], *([name] for name in tasks[:-1])]
        assert (found["schedule"], found["at once"]) == ("NullTimetable", 1)

    def test_each_case_becomes_a_state_of_its_task(self, found: Any) -> None:
        cases = ["nothing due", "no reason", "no reason, dry run", "in production before"]
        assert [found[case][0] for case in cases] == ["skipped", "AirflowFailException", "skipped", "goes on"]

    def test_only_a_promotion_is_announced_and_anything_else_fails_saying_how_to_go_on(
        self, found: Any
    ) -> None:
        assert found["promoted"][0] == "ckpt-ops://brief/production"
        for decision in ("superseded", "rejected"):
            state, message = found[decision]
            assert (state, "trigger brief_rebase again" in message) == ("AirflowFailException", True)

    def test_the_records_carry_the_name_of_who_triggered_the_run(self, found: Any) -> None:
        assert found["actor"] == ["jo", "airflow"]


class TestRebase:
    def test_a_dry_run_logs_the_plan_and_skips_the_rest(self, model: Model, rehearsed: str) -> None:
        tasks = model.tasks(rehearsed)
        assert tasks == {
            "plan": "success",
            "replay": "skipped",
            "evaluate": "skipped",
            "promote": "skipped",
        }
        log = model.log(rehearsed, "plan")
        assert "forks from the checkpoint of version 1" in log
        assert f"slice {CORRECTED} was corrected" in log
        assert "this was a dry run" in log

    def test_a_killed_replay_goes_on_and_the_head_has_learned_what_it_should_have(
        self, model: Model, rebased: str
    ) -> None:
        state = model.state()
        assert {key: ref.revision for key, ref in state.consumed.items()} == {
            key: state.slices[key].ref.revision for key in KEYS
        }
        assert [one.slices[0].key for one in state.ancestry(state.head)] == KEYS
        instance = model.platform.api("GET", f"{rebased}/taskInstances/replay")
        assert instance["try_number"] == 2

    def test_the_promotion_names_who_and_which_run_and_is_announced(self, model: Model, rebased: str) -> None:
        promotions = [one for one in ModelLog(model.store, "brief").records() if isinstance(one, Promoted)]
        run = model.platform.api("GET", rebased)
        assert promotions[-1].actor == model.platform.user
        assert promotions[-1].run == f"brief_rebase/{run['dag_run_id']}"
        events = model.platform.api("GET", "assets/events?source_dag_id=brief_rebase")["asset_events"]
        (extra,) = (event["extra"] for event in events)
        assert (extra["version"], extra["champion"]) == (promotions[-1].version, promotions[-1].champion)
        state = ModelLog(model.store, "brief").state()
        (last,) = state.versions[promotions[-1].version].slices
        assert extra["slices"] == [{"key": last.key, "revision": last.revision, "rows": last.rows}]

    def test_then_nothing_is_left_to_do(self, model: Model, rebased: str) -> None:
        plan = model.plan()
        assert actions(plan) == dict.fromkeys(KEYS, "skip")
        assert plan["rebase"] is None
