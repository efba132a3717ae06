"""A history is corrected in Airflow: the plan is looked at, a person decides, a rebase is rehearsed and done.

Of three weeks the second comes too late and the third is corrected after it was model.
"""

from __future__ import annotations

import json
import os
import re
import signal
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import jwt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from airflow_process import eventually, in_a_process

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.rest import Rest
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
from ckpt_ops_airflow import planning
from ckpt_ops_airflow.intervals import Range

folder, store = Path(os.environ["BROKEN_DAGS"]), os.environ["CKPT_OPS_STORE"]
days = Range(start=datetime(2013, 1, 13, tzinfo=UTC), end=datetime(2013, 1, 27, tzinfo=UTC), expected=None)

def asked(name, code, seconds=30.0):
    (folder / name).mkdir()
    (folder / name / "pipeline.py").write_text(code)
    try:
        return planning.plans(name, folder, store, days, seconds=seconds)
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


ORIGINS = """
import json
from fastapi import Request
from ckpt_ops_airflow.csrf import _from_here

def said(**headers):
    named = [(name.encode(), value.encode()) for name, value in {"host": "af:8080", **headers}.items()]
    scope = {"type": "http", "scheme": "http", "path": "/", "query_string": b"", "headers": named}
    return _from_here(Request(scope))

print(json.dumps([said(), said(origin="null"), said(referer="/x"), said(origin="http://af:8080")]))
"""


def land(landing: Store, key: str, table: pa.Table) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(table, sink)
    landing.put(f"steady/{key}.parquet", sink.getvalue().to_pybytes())


def ask(
    url: str, headers: Mapping[str, str], form: Mapping[str, str] | None = None
) -> tuple[int, str, Mapping[str, str]]:
    """Status, text and headers of the answer, redirects followed."""
    data = None if form is None else urlencode(form).encode()
    try:
        reply = urllib.request.urlopen(urllib.request.Request(url, data, dict(headers)), timeout=60)
    except urllib.error.HTTPError as error:
        reply = error
    with reply:
        return reply.status, reply.read().decode(), reply.headers


def actions(page: str) -> dict[str, str]:
    """By slice of the page, what a run would do with it."""
    return dict(re.findall(r'<tr id="slice-(\S+)">.*?<span class="(\w+)">', page, re.DOTALL))


class Model:
    """`brief` on the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.store = open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")
        self.landing = open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")
        self.plan = f"{platform.ui_url}/ckpt-ops/models/brief/plan"
        self.post = f"{platform.ui_url}/ckpt-ops/models/brief/slices/{LATE}/resolve"
        self.user = {"Cookie": f"_token={platform.token()}"}
        wanted = {"brief", "brief_rebase"}
        eventually(lambda: wanted <= {d["dag_id"] for d in platform.api("GET", "dags?tags=test")["dags"]})

    def state(self) -> LineageState:
        return ModelLog(self.store, "brief").state()

    def page(self, query: str = RANGE) -> str:
        status, text, _ = ask(f"{self.plan}?{query}", self.user)
        assert status == 200, text
        return text

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
def missing(model: Model, runs: object) -> str:
    """The page while the week is missing."""
    return model.page()


@pytest.fixture(scope="module")
def spoiled(model: Model, runs: dict[str, str], missing: str) -> dict[str, dict[str, str]]:
    """The missing week has come, the newest was corrected, and both were run: the states of their tasks."""
    table = weeks()[CORRECTED].select(COLUMNS)
    land(model.landing, LATE, weeks()[LATE].select(COLUMNS))
    land(model.landing, CORRECTED, table.filter(pc.not_equal(table["carrier"], "UA")))
    return dict(zip((LATE, CORRECTED), model.clear(runs[LATE], runs[CORRECTED]), strict=True))


@pytest.fixture(scope="module")
def page(model: Model, spoiled: object) -> str:
    """The page then."""
    return model.page()


@pytest.fixture(scope="module")
def form(page: str) -> dict[str, str]:
    """A form of the page, filled in."""
    token = re.search(r'name="token" value="(\w+)"', page)
    assert token is not None
    return {"token": token[1], "how": "fork", "why": "it belongs there", "from": FIRST, "to": CORRECTED}


@pytest.fixture(scope="module")
def decided(model: Model, form: dict[str, str]) -> str:
    """The page that answers when a person has chosen to fork for the late week."""
    status, page, _ = ask(model.post, {**model.user, "Origin": model.platform.ui_url}, form)
    assert status == 200, page
    return page


@pytest.fixture(scope="module")
def rehearsed(model: Model, decided: str) -> str:
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
    def test_a_slice_that_the_schedule_expects_and_the_source_lacks_is_missing(self, missing: str) -> None:
        assert actions(missing) == {FIRST: "skip", LATE: "missing", CORRECTED: "skip"}

    def test_a_late_slice_and_a_corrected_one_fail_their_runs_for_good(
        self, spoiled: dict[str, dict[str, str]]
    ) -> None:
        assert {key: (tasks["validate"], tasks["decide"]) for key, tasks in spoiled.items()} == {
            LATE: ("success", "failed"),
            CORRECTED: ("success", "failed"),
        }

    def test_the_page_says_what_a_run_would_do_and_what_a_rebase_would(self, model: Model, page: str) -> None:
        assert actions(page) == {FIRST: "skip", LATE: "hold", CORRECTED: "fork"}
        assert "<h2>A rebase is due</h2>" in page
        assert "Forks from the checkpoint of version 1." in page
        assert f'href="{model.platform.ui_url}/dags/brief_rebase"' in page
        assert re.findall(r"/models/brief/slices/(\S+)/resolve", page) == [LATE]

    def test_it_is_a_tab_on_the_page_of_a_dag(self, model: Model) -> None:
        plugins = model.platform.api("GET", "plugins")["plugins"]
        (view,) = next(one for one in plugins if one["name"] == "ckpt_ops")["external_views"]
        assert (view["destination"], view["href"]) == ("dag", "/ckpt-ops/models/{DAG_ID}/plan")

    def test_nobody_sees_it_without_a_login(self, model: Model) -> None:
        assert ask(model.plan, {})[0] == 401
        assert ask(model.plan, {"Cookie": "_token=forged"})[0] in (401, 403)

    def test_only_airflow_may_frame_it_and_only_its_own_script_runs(self, model: Model) -> None:
        policies = [ask(model.plan, model.user)[2]["Content-Security-Policy"] for _ in range(2)]
        for policy in policies:
            assert policy.startswith("default-src 'none';")
            assert "frame-ancestors 'self'" in policy
            assert "form-action 'self'" in policy
            assert "unsafe" not in policy
        assert policies[0] != policies[1], "a nonce was used twice"

    def test_a_rebase_dag_shows_the_page_of_its_model(self, model: Model) -> None:
        page = ask(model.plan.replace("brief", "brief_rebase"), model.user)[1]
        assert "<h1>brief</h1>" in page

    @pytest.mark.parametrize(
        ("dag", "message"), [("incoming", "nothing trains on them"), ("smoke", "is no retraining DAG")]
    )
    def test_a_dag_without_a_model_is_told_so(self, model: Model, dag: str, message: str) -> None:
        status, page, _ = ask(model.plan.replace("brief", dag), model.user)
        assert (status, message in page) == (200, True)

    @pytest.mark.parametrize(
        "query",
        ["from=soon", "from=2014-01-01&to=2013-01-01", "from=1900-01-01&to=2013-01-27", "from=0001-01-01"],
    )
    def test_a_range_that_cannot_be_is_refused(self, model: Model, query: str) -> None:
        status, page, _ = ask(f"{model.plan}?{query}", model.user)
        assert (status, "is not allowed" in page) == (400, True)


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
    @pytest.fixture
    def headers(self, model: Model) -> dict[str, str]:
        return {**model.user, "Origin": model.platform.ui_url}

    def viewer(self, platform: Platform) -> dict[str, str]:
        """The cookie of a user who may look at everything and change nothing."""
        secret = json.loads((platform.settings.home / "secrets.json").read_text())["jwt_secret"]
        token = platform.token()
        claims = jwt.decode(token, options={"verify_signature": False}) | {"role": "viewer"}
        algorithm = jwt.get_unverified_header(token)["alg"]
        return {"Cookie": f"_token={jwt.encode(claims, secret, algorithm)}"}

    def refused(self, model: Model, headers: Mapping[str, str], form: Mapping[str, str], status: int) -> str:
        """The words of the refusal."""
        before = model.state().sequence
        found, text, _ = ask(model.post, headers, form)
        assert (found, model.state().sequence) == (status, before), text
        return text

    def test_who_is_not_logged_in_or_may_only_look_decides_nothing(
        self, model: Model, form: dict[str, str], headers: dict[str, str]
    ) -> None:
        self.refused(model, {"Origin": headers["Origin"]}, form, 401)
        viewer = self.viewer(model.platform)
        assert ask(model.plan, viewer)[0] == 200
        self.refused(model, headers | viewer, form, 403)

    @pytest.mark.parametrize(
        "spoken",
        [
            {"Origin": "https://evil.example"},
            {"Origin": "null"},
            {"Origin": ""},
            {"Origin": "", "Referer": "https://evil.example/ckpt-ops/models/brief/plan"},
            {"Sec-Fetch-Site": "cross-site"},
            {"Sec-Fetch-Site": "same-site"},
        ],
        ids=str,
    )
    def test_a_request_that_another_page_made_the_browser_send_is_refused(
        self, model: Model, form: dict[str, str], headers: dict[str, str], spoken: dict[str, str]
    ) -> None:
        text = self.refused(model, {k: v for k, v in (headers | spoken).items() if v}, form, 403)
        assert "did not come from Airflow" in text

    def test_a_form_of_no_page_or_of_another_login_is_refused(
        self, model: Model, form: dict[str, str], headers: dict[str, str]
    ) -> None:
        self.refused(model, headers, form | {"token": ""}, 403)
        platform = model.platform
        again = Rest(platform.ui_url, platform.user, platform.password).token()
        self.refused(model, headers | {"Cookie": f"_token={again}"}, form, 403)

    def test_nor_does_silence_on_where_it_comes_from_help_where_airflow_has_no_address_configured(
        self, tmp_path: Path, settings_in: Callable[[Path], Settings], clean_environment: dict[str, str]
    ) -> None:
        environment = {**clean_environment, "AIRFLOW__API__BASE_URL": "/"}
        found = in_a_process(ORIGINS, settings_in(tmp_path), environment)
        assert found == [False, False, False, True]

    @pytest.mark.parametrize("wrong", [{"why": "  "}, {"how": "both"}], ids=str)
    def test_a_decision_without_a_reason_or_that_is_none_is_refused(
        self, model: Model, form: dict[str, str], headers: dict[str, str], wrong: dict[str, str]
    ) -> None:
        assert "is not allowed" in self.refused(model, headers, form | wrong, 400)

    def test_it_is_recorded_in_the_name_of_who_is_logged_in(self, model: Model, decided: str) -> None:
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
        assert [event["extra"] for event in events] == [{"version": promotions[-1].version}]

    def test_then_nothing_is_left_to_do(self, model: Model, rebased: str) -> None:
        page = model.page()
        assert actions(page) == dict.fromkeys(KEYS, "skip")
        assert "A rebase is due" not in page
