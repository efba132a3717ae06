"""A person is asked in Airflow before a version goes into production: yes, no, too late, no answer.

What is asked about needs no training here: the versions that the runs would train are in the log already,
by the ids that they would get, and the runs find them.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from airflow_process import PROJECT, eventually, in_a_process

from ckpt_ops.candidates.proposal import candidate_of
from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.evaluation import EvaluatedRows
from ckpt_ops.lineage import LineageState, ModelLog, VersionStatus
from ckpt_ops.lineage.production import How, production
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Promoted,
    Record,
    Rejected,
    SliceAccepted,
    SliceRef,
)
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.rebase.progress import next_step
from ckpt_ops.runs.approve import approve
from ckpt_ops.slices import pull
from ckpt_ops.store import Store, open_store
from demo.flights import weeks

pytestmark = pytest.mark.slow

_PATIENCE = 240.0  # seconds

KEYS = ["2013-01-13", "2013-01-20"]

OPERATORS = """
import json, os, types
from datetime import datetime
from pathlib import Path
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CandidateStarted, CandidateTrained, Evaluated, SliceAccepted, SliceRef
from ckpt_ops.store import open_store
from airflow.sdk.exceptions import TaskAwaitingInput
from ckpt_ops_airflow import operators
from airflow.providers.standard.operators import hitl
from asking.dag import dag
from hasty.dag import dag as rebase

operators._run_name = lambda: "asking/run"
hitl.upsert_hitl_detail = lambda **said: asked.append(said)
HERE = os.environ["CKPT_OPS_STORE"]
log, recorded = ModelLog(open_store(HERE), "asking"), []
ref = SliceRef(key="2013-01-13", revision="0" * 16, rows=10)
def say(*records):
    for record in records:
        log.append(record, after=log.state())

def candidate(version, passed):
    say(CandidateStarted(version=version, candidate=f"c{version}", parent=None, slices=(ref,)),
        CandidateTrained(version=version, step=3, stopped_by="max_steps", checkpoints=1, manifest="m",
                         artifacts={}),
        Evaluated(version=version, champion=None, passed=passed, metrics={}, verdicts=()))

asked, results = [], {}
class Ti:
    id = "0"
    def xcom_pull(self, task_ids): return results.get(task_ids)
    def xcom_push(self, key, value): pass

class Events(dict):
    def __missing__(self, key): return types.SimpleNamespace(add=lambda asset, extra: None)

dag.get_task("approve").params["why"] = "why the run was triggered"
context = {"ti": Ti(), "task_instance": Ti(), "params": {}, "outlet_events": Events()}
def approve():
    asked.clear()
    try:
        return dag.get_task("approve").execute(dict(context))
    except TaskAwaitingInput as waits:
        said = asked[0]
        fields = {name: field["value"] for name, field in said["params"].items()}
        return [waits.method_name, waits.timeout.total_seconds(), said["defaults"], fields]

def event(option, user, **params):
    return {"chosen_options": [option], "params_input": params, "responded_at": datetime.now(),
            "responded_by_user": user and {"id": user, "name": user}, "timedout": user is None}

def answered(version, given, store=HERE):
    results.update(train=trained(version))
    os.environ["CKPT_OPS_STORE"] = store
    results["approve"] = dag.get_task("approve").execute_complete(dict(context), given)
    os.environ["CKPT_OPS_STORE"] = HERE
    recorded.append(log.state().version(version).status.value)
    done = dag.get_task("promote").execute(dict(context))
    said = log.state().version(version).decided
    return [results["approve"]["answer"], done["decision"], said.actor, said.reason,
            getattr(said, "by_person", None), getattr(said, "expired", None)]

say(SliceAccepted(slice=ref))
candidate(1, True); candidate(2, False); candidate(3, True); candidate(4, True); candidate(5, True)
def trained(version):
    return {"key": "2013-01-13", "version": version, "outcome": "trained", "why": "newer"}

results["train"] = trained(2)
found = {
    "chains": [
        [sorted(one.get_task(name).upstream_task_ids) for name in ("approve", "promote")]
        for one in (dag, rebase)
    ],
    "templates": list(dag.get_task("approve").template_fields),
    "of rebase": list(rebase.get_task("approve").params),
    "refused": [approve(), len(asked)],
}
results["train"] = trained(1)
found |= {
    "asks": approve(),
    "no": answered(1, event("Reject", "ada", why=" the evenings ")),
    "after it": [approve(), len(asked)],
    "expired": answered(3, event("Reject", None)),
    "no store": answered(5, event("Reject", "eve", why="off"), store=f"{HERE}-which-is-not-there"),
    "strange words": answered(4, event("Approve", "bob", other=1, why=["x"])),
}
results["approve"] = None
found["recorded"] = recorded
found["by nobody"] = dag.get_task("promote").execute(dict(context))["decision"]
print(json.dumps(found))
"""


def predictions() -> bytes:
    label = np.array([0.0, 1.0, 0.0, 1.0])
    evaluated = EvaluatedRows(
        label=label, candidate=label, champion=None, segments={}, slice_key=KEYS[0], rows="stand-ins"
    )
    buffer = io.BytesIO()
    pq.write_table(evaluated.to_table(), buffer)
    return buffer.getvalue()


class Model:
    """A pipeline on the platform that asks."""

    def __init__(self, platform: Platform, name: str) -> None:
        self.platform, self.name = platform, name
        self.pipeline: Pipeline = load_pipeline(name, PROJECT / "tests" / "dags")
        self.store = open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")
        self.landing = f"{LANDING}?endpoint={platform.gcs_endpoint}"

    def state(self) -> LineageState:
        return ModelLog(self.store, self.name).state()

    def records(self) -> list[Record]:
        return ModelLog(self.store, self.name).records()

    def say(self, *records: Record) -> None:
        log = ModelLog(self.store, self.name)
        for record in records:
            log.append(record, after=log.state())

    def land(self, key: str, table: pa.Table, landing: Store) -> SliceRef:
        """Put a slice where the source finds it; what it is once a run has pulled it."""
        sink = pa.BufferOutputStream()
        pq.write_table(table.select(["carrier", "hour", "distance", "arr_delay"]), sink)
        landing.put(self.pipeline.source.template.format(key=key), sink.getvalue().to_pybytes())
        found = pull(self.store, self.pipeline.source, key)
        return SliceRef(key=key, revision=found.revision, rows=found.rows)

    def trained(self, version: int, started: CandidateStarted) -> list[Record]:
        """What stands for a training: records, and predictions to be evaluated by."""
        name = f"models/{self.name}/v{version}/predictions.parquet"
        self.store.put(name, predictions())
        return [
            started,
            CandidateTrained(
                version=version,
                step=30,
                stopped_by="max_steps",
                checkpoints=1,
                manifest=f"models/{self.name}/v{version}/none",
                artifacts={"predictions": name},
            ),
        ]

    # --- what Airflow says --------------------------------------------------------------------------

    def api(self, method: str, path: str, body: object = None) -> Any:
        return self.platform.api(method, path, body)

    def tasks(self, run: str) -> dict[str, str]:
        found = self.api("GET", f"{run}/taskInstances")["task_instances"]
        return {task["task_id"]: task["state"] for task in found}

    def is_there(self, dag: str) -> None:
        """Wait until Airflow has read it."""
        eventually(lambda: {dag} & {d["dag_id"] for d in self.api("GET", "dags?tags=test")["dags"]})

    def until(self, run: str, task: str, state: str) -> dict[str, str]:
        """The states of the run's tasks, once one of them is in this one."""
        eventually(lambda: self.tasks(run).get(task) == state, seconds=_PATIENCE)
        return self.tasks(run)

    def asked(self, run: str) -> dict[str, Any]:
        """What the run asks, once it does."""
        self.until(run, "approve", "awaiting_input")
        found: dict[str, Any] = self.api("GET", f"{run}/taskInstances/approve/-1/hitlDetails")
        return found

    def answered(self, run: str, option: str, why: str) -> dict[str, str]:
        """The states of the run's tasks, once it has ended by this answer.

        It is given again if it is asked for again: an answer this quick can come before the scheduler
        has seen the asking process end, which it then takes for one that was killed.
        """
        path = f"{run}/taskInstances/approve/-1/hitlDetails"

        def answered() -> bool:
            if self.tasks(run).get("approve") == "awaiting_input":
                self.api("PATCH", path, {"chosen_options": [option], "params_input": {"why": why}})
            return self.over(run)

        eventually(answered, seconds=_PATIENCE)
        return self.tasks(run)

    def over(self, run: str) -> bool:
        return self.api("GET", run)["state"] not in ("queued", "running")

    def ended(self, run: str) -> dict[str, str]:
        eventually(lambda: self.over(run), seconds=_PATIENCE)
        return self.tasks(run)


@pytest.fixture(scope="module")
def landing(platform: Platform) -> Iterator[Store]:
    url = f"{LANDING}?endpoint={platform.gcs_endpoint}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKPT_OPS_LANDING", url)
        yield open_store(url)


@pytest.fixture(scope="module")
def unanswered(platform: Platform, landing: Store) -> tuple[Model, str]:
    """A rebase that is under way; nobody will answer. What it would train is trained."""
    model = Model(platform, "hasty")
    key = KEYS[0]
    first = model.land(key, weeks()[key], landing)
    opened = CandidateStarted(version=1, candidate="before", parent=None, slices=(first,))
    evaluated = Evaluated(version=1, champion=None, passed=True, metrics={}, verdicts=())
    promoted = Promoted(version=1, champion=None)
    model.say(SliceAccepted(slice=first), *model.trained(1, opened), evaluated, promoted)
    table = weeks()[key]
    corrected = model.land(key, table.filter(pc.not_equal(table["carrier"], "UA")), landing)
    model.say(SliceAccepted(slice=corrected))
    step = next_step(model.pipeline, model.state())
    assert step is not None
    model.say(*model.trained(2, step))
    model.is_there("hasty_rebase")
    body = {"logical_date": None, "conf": {"dry_run": False, "why": "a column was wrong"}}
    run = model.api("POST", "dags/hasty_rebase/dagRuns", body)["dag_run_id"]
    return model, f"dags/hasty_rebase/dagRuns/{quote(run)}"


@pytest.fixture(scope="module")
def asking(platform: Platform, landing: Store, unanswered: object) -> Model:
    """Two weeks have landed and are accepted by a person; what their runs would train is trained."""
    model = Model(platform, "asking")
    parent: int | None = None
    for version, key in enumerate(KEYS, start=1):
        ref = model.land(key, weeks()[key], landing)
        wanted = candidate_of(
            model.pipeline, model.state(), parent, (ref,), digests=digests_of(model.pipeline)
        )
        opened = CandidateStarted(version=version, candidate=wanted, parent=parent, slices=(ref,))
        model.say(SliceAccepted(slice=ref, released=True), *model.trained(version, opened))
        parent = version
    model.is_there("asking")
    return model


@pytest.fixture(scope="module")
def runs(asking: Model) -> list[str]:
    """The paths in the REST API of the two runs of a backfill."""
    days = {"from_date": f"{KEYS[0]}T00:00:00Z", "to_date": f"{KEYS[-1]}T00:00:00Z"}
    asking.api("POST", "backfills", {"dag_id": "asking", **days})
    query = "dags/asking/dagRuns?order_by=logical_date"
    found = eventually(lambda: asking.api("GET", query)["dag_runs"])
    return [f"dags/asking/dagRuns/{quote(run['dag_run_id'])}" for run in found]


@pytest.fixture(scope="module")
def approved(asking: Model, runs: list[str]) -> dict[str, Any]:
    """The first run's question, answered with yes; what the next run did meanwhile."""
    question = asking.asked(runs[0])
    head = asking.state().head
    meanwhile = asking.until(runs[1], "wait_for_earlier", "deferred")
    tasks = asking.answered(runs[0], "Approve", "the first one will do")
    return {"question": question, "meanwhile": meanwhile, "head": head, "tasks": tasks}


@pytest.fixture(scope="module")
def late(asking: Model, runs: list[str], approved: object) -> dict[str, Any]:
    """The second run's question, answered with no when somebody had said yes on the command line."""
    asking.asked(runs[1])
    by_hand = approve(asking.pipeline, asking.store, 2, "checked by hand")
    return {"by hand": by_hand, "tasks": asking.answered(runs[1], "Reject", "too late")}


class TestAsking:
    def test_the_run_waits_and_so_does_the_next_one(self, approved: dict[str, Any]) -> None:
        assert approved["head"] is None
        assert approved["meanwhile"]["decide"] is None

    def test_it_asks_what_a_person_has_to_know_and_links_the_evaluation(
        self, approved: dict[str, Any]
    ) -> None:
        asked = approved["question"]
        assert asked["subject"] == "Promote version 1 of asking?"
        assert (asked["options"], asked["defaults"]) == (["Approve", "Reject"], ["Reject"])
        assert "(/ckpt-ops/models/asking/versions/1/evaluation)" in asked["body"]
        assert "ckpt-ops promote asking 1 --approve --why TEXT" in asked["body"]
        assert list(asked["params"]) == ["why"]

    def test_a_yes_is_recorded_in_the_name_of_who_said_it_and_promotes(
        self, asking: Model, approved: dict[str, Any]
    ) -> None:
        assert set(approved["tasks"].values()) == {"success"}
        said = asking.state().versions[1].approved
        assert said is not None
        assert (said.actor, said.reason) == (asking.platform.user, "the first one will do")

    def test_an_answer_that_comes_after_one_on_the_command_line_changes_nothing_and_fails_nothing(
        self, asking: Model, late: dict[str, Any]
    ) -> None:
        assert late["by hand"].decision == "promoted"
        assert set(late["tasks"].values()) == {"success"}
        assert asking.state().head == 2
        assert not any(isinstance(record, Rejected) for record in asking.records())
        assert [period.how for period in production(asking.records())] == [How.APPROVED, How.APPROVED]

    def test_a_cleared_question_is_not_asked_again(
        self, asking: Model, runs: list[str], late: object
    ) -> None:
        before = asking.state()
        run = asking.api("GET", runs[1])["dag_run_id"]
        body = {"dry_run": False, "only_failed": False, "dag_run_id": run, "task_ids": ["approve"]}
        asking.api("POST", "dags/asking/clearTaskInstances", body)
        assert set(asking.ended(runs[1]).values()) == {"success"}
        assert asking.state() == before


def test_when_nobody_answers_the_task_does_what_the_pipeline_says(unanswered: tuple[Model, str]) -> None:
    model, run = unanswered
    assert set(model.ended(run).values()) == {"success"}
    state = model.state()
    assert (state.head, state.versions[1].status) == (2, VersionStatus.REPLACED)
    said = state.versions[2].approved
    assert said is not None
    assert said.expired
    assert "nobody answered within 1 second" in said.reason
    (_, period) = production(model.records())
    assert (period.how, period.rebase) == (How.EXPIRY, True)


class TestOperators:
    """The tasks by themselves: what each answer comes to."""

    @pytest.fixture(scope="class")
    @staticmethod
    def found(
        tmp_path_factory: pytest.TempPathFactory,
        settings_in: Callable[[Path], Settings],
        clean_environment: dict[str, str],
    ) -> Any:
        folder = tmp_path_factory.mktemp("approving")
        environment = {**clean_environment, "CKPT_OPS_STORE": f"file://{folder}"}
        return in_a_process(OPERATORS, settings_in(folder), environment)

    def test_the_question_stands_between_the_verdict_and_the_promotion(self, found: Any) -> None:
        assert found["chains"] == [[["evaluate"], ["approve"]]] * 2
        assert found["templates"] == [], "words of data could be templates"
        assert found["of rebase"] == ["why"], "what the DAG is triggered with is not asked for again"

    def test_it_asks_for_six_hours_and_takes_silence_for_a_no(self, found: Any) -> None:
        assert found["asks"] == ["execute_complete", 6 * 3600.0, ["Reject"], {"why": None}]

    def test_nobody_is_asked_about_what_the_gates_refused_nor_twice(self, found: Any) -> None:
        assert found["refused"] == [{"version": 2, "answer": None}, 0]
        assert found["after it"] == [{"version": 1, "answer": None}, 0]

    def test_a_no_is_recorded_in_the_name_of_who_said_it_with_the_reason(self, found: Any) -> None:
        assert found["no"] == ["Reject", "rejected", "ada", "the evenings", True, False]

    def test_silence_is_recorded_as_such(self, found: Any) -> None:
        message = "nobody answered within 6 hours; the pipeline sets reject for that case"
        assert found["expired"] == ["Reject", "rejected", "airflow", message, False, True]

    def test_it_is_recorded_before_the_task_ends_and_if_that_fails_by_promote(self, found: Any) -> None:
        assert found["recorded"] == ["rejected", "rejected", "evaluated", "evaluated"]
        assert found["no store"][:4] == ["Reject", "rejected", "eve", "off"]

    def test_words_that_no_form_of_ours_sends_fail_nothing(self, found: Any) -> None:
        assert found["strange words"][:2] == ["Approve", "promoted"]
        assert "approved by bob" in found["strange words"][3]

    def test_without_an_answer_what_is_settled_stays(self, found: Any) -> None:
        assert found["by nobody"] == "promoted"
