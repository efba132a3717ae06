"""What a run came to stands in words in a note on it, and is told; a task marked a success is no dead end.

What the runs would train is in the log already, by the ids that they would get, and the runs find it.
"""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import quote, urlsplit

import numpy as np
import pyarrow.parquet as pq
import pytest
from airflow_process import PROJECT, eventually, in_a_process
from mail_server import Mailbox, mail_server

from ckpt_ops.candidates.proposal import candidate_of
from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.evaluation import EvaluatedRows
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CandidateStarted, CandidateTrained, Held, SliceAccepted, SliceRef
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.slices import pull
from ckpt_ops.store import open_store
from demo.flights import weeks

pytestmark = pytest.mark.slow

MISSING, REJECTED, MARKED = KEYS = ["2013-01-06", "2013-01-13", "2013-01-20"]

NOTES = """
import json
from ckpt_ops_airflow.run_notes import LONGEST, TaskResult, beside, compose

def said(task_id, message="", state="success"):
    return TaskResult(task_id=task_id, state=state, message=message)

order = [said("promote", "version 3 is rejected: auc is low"), said("pull", "slice w1: 9 rows"),
         said("wait_for_earlier"), said("train", "version 3 is trained\\n30 steps")]
data = "![x](http://evil) `code` <b> \\x00 " + "é" * 5000
print(json.dumps({
    "rejected": compose(order),
    "skipped": compose([said("pull", "no slice\\nNext: clear", "skipped"), said("train", state="skipped")]),
    "failed": compose([*order[1:], said("evaluate", "no verdict", "failed")]),
    "died": compose([said("pull", "slice w1: 9 rows"), said("train", state="failed")]),
    "shares": compose([said("list_parts"), said("pull_part", state="upstream_failed"), said("pull", "x")]),
    "nothing": compose([said("a"), said("b")]),
    "about": [compose(order, subject="slice w1"), compose(order[1:2], subject="slice w1"),
              compose([said("train", state="failed")], subject="slice w1")],
    "gates": compose([said("promote", "rejected"),
                      said("evaluate", "no\\nA: rejected: low\\nB: passed: high\\nreport: x")]),
    "data": compose([said("pull", data), *(said(f"t{at}", data) for at in range(9))]),
    "theirs": [beside("mine", "ours"), beside(beside("mine", "ours"), "other"), beside("m" * LONGEST, "ours"),
               beside("m" * 900, "o" * 200)],
}))
"""

MARKS = """
import json, os, types
from datetime import UTC, datetime
from ckpt_ops.errors import TerminalError
from ckpt_ops_airflow import operators
from noted.dag import dag
from brief.dag import rebase

operators._run_name = lambda: "noted/run"
start, end = datetime(2013, 1, 6, tzinfo=UTC), datetime(2013, 1, 13, tzinfo=UTC)

def run(of, task_id, **params):
    ti = types.SimpleNamespace(xcom_pull=lambda task_ids: None, xcom_push=lambda key, value: None)
    context = {"ti": ti, "data_interval_start": start, "data_interval_end": end, "outlet_events": {},
               "params": {"dry_run": False, "why": "w", **params},
               "dag_run": types.SimpleNamespace(triggering_user_name="jo")}
    task = of.get_task(task_id)
    task.skip = lambda ti, tasks: None
    try:
        return ["goes on", task.execute(context)]
    except Exception as error:
        return [type(error).__name__, str(error)]

print(json.dumps({
    **{task: run(dag, task) for task in ("validate", "decide", "train", "evaluate", "promote")},
    **{f"rebase {task}": run(rebase, task) for task in ("replay", "evaluate", "promote")},
    "rebase replay, dry run": run(rebase, "replay", dry_run=True),
    "rebase replay, no reason": run(rebase, "replay", why=""),
}))
"""


class TestNotes:
    @pytest.fixture(scope="class")
    @staticmethod
    def notes(
        tmp_path_factory: pytest.TempPathFactory,
        settings_in: Callable[[Path], Settings],
        clean_environment: dict[str, str],
    ) -> Any:
        return in_a_process(NOTES, settings_in(tmp_path_factory.mktemp("notes")), clean_environment)

    def test_the_last_task_s_words_come_first_then_a_line_for_each_in_order(self, notes: Any) -> None:
        assert notes["rejected"].splitlines() == [
            "`version 3 is rejected: auc is low`",
            "- pull: `slice w1: 9 rows`",
            "- train: `version 3 is trained`",
        ]
        assert notes["skipped"].splitlines() == ["`no slice`", "- `Next: clear`"]

    def test_what_failed_comes_first_and_is_named(self, notes: Any) -> None:
        assert notes["failed"].splitlines()[0] == "evaluate failed: `no verdict`"
        assert notes["died"].splitlines() == [
            "train failed: `it left no message: its log says why`",
            "- pull: `slice w1: 9 rows`",
        ]

    def test_parts_that_nobody_shared_out_name_the_task_to_clear(self, notes: Any) -> None:
        assert "clear list_parts" in notes["shares"]

    def test_tasks_that_say_nothing_make_no_note(self, notes: Any) -> None:
        assert notes["nothing"] == ""

    def test_the_slice_stands_in_the_first_words_once(self, notes: Any) -> None:
        assert [note.splitlines()[0] for note in notes["about"]] == [
            "slice w1: `version 3 is rejected: auc is low`",
            "`slice w1: 9 rows`",
            "slice w1: train failed: `it left no message: its log says why`",
        ]

    def test_of_the_gates_those_are_named_that_rejected(self, notes: Any) -> None:
        assert notes["gates"].splitlines() == ["`rejected`", "- evaluate: `no`", "  - `A: rejected: low`"]

    def test_words_of_data_neither_format_nor_overflow_nor_break_the_database(self, notes: Any) -> None:
        note = notes["data"]
        assert len(note) <= 1000
        assert "\x00" not in note
        for line in note.splitlines():
            assert line.count("`") in (0, 2), "a code span for each, and each is closed"
            assert not line or line.startswith(("`", "- ", "  - "))

    def test_what_a_person_wrote_stays_above(self, notes: Any) -> None:
        once, again, full, crowded = notes["theirs"]
        assert once == "mine\n\n---\n\nours"
        assert again == "mine\n\n---\n\nother"
        assert full == "m" * 1000
        assert crowded == "m" * 900


class TestMarkedASuccess:
    """Each task, where the one before it has no result and the store knows nothing."""

    @pytest.fixture(scope="class")
    @staticmethod
    def marks(
        tmp_path_factory: pytest.TempPathFactory,
        settings_in: Callable[[Path], Settings],
        clean_environment: dict[str, str],
    ) -> Any:
        folder = tmp_path_factory.mktemp("marks")
        places = {"CKPT_OPS_STORE": folder / "store", "CKPT_OPS_LANDING": folder / "landing"}
        for place in places.values():
            place.mkdir()
        (places["CKPT_OPS_LANDING"] / "noted").mkdir()
        (places["CKPT_OPS_LANDING"] / "noted" / f"{MISSING}.parquet").touch()
        environment = {name: f"file://{place}" for name, place in places.items()}
        return in_a_process(MARKS, settings_in(folder), {**clean_environment, **environment})

    @pytest.mark.parametrize(
        ("task", "named"),
        [
            ("validate", "pull"),
            ("decide", "validate"),
            ("evaluate", "train"),
            ("promote", "train"),
            ("rebase evaluate", "replay"),
            ("rebase promote", "replay"),
        ],
    )
    def test_the_next_one_fails_once_and_names_the_task_to_clear(
        self, marks: Any, task: str, named: str
    ) -> None:
        kind, message = marks[task]
        assert kind == "AirflowFailException"
        assert f"task {named} of this run was marked a success" in message
        assert f"Next: clear task {named} of this run" in message

    def test_a_task_that_plans_for_itself_needs_nobody(self, marks: Any) -> None:
        assert marks["train"][0] == "goes on"
        assert marks["train"][1]["outcome"] == "skip"

    def test_a_dry_run_stays_one_and_a_rebase_needs_its_reason(self, marks: Any) -> None:
        assert marks["rebase replay, dry run"][0] == "AirflowSkipException"
        assert "why=''" in marks["rebase replay, no reason"][1]


class Runs:
    """Runs of `noted` on the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.pipeline = load_pipeline("noted", PROJECT / "tests" / "dags")
        self.store = open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")
        self.landing = open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")
        self.log = ModelLog(self.store, "noted")
        eventually(lambda: {"noted"} & {d["dag_id"] for d in platform.api("GET", "dags?tags=test")["dags"]})

    def land(self, key: str) -> None:
        sink = io.BytesIO()
        pq.write_table(weeks()[key].select(["carrier", "hour", "distance", "arr_delay"]), sink)
        self.landing.put(f"noted/{key}.parquet", sink.getvalue())

    def trained(self, version: int, key: str, *, auc: float) -> None:
        """The slice is pulled and accepted by a person, and a candidate trained on it that ranks so well."""
        found = pull(self.store, self.pipeline.source, key)
        ref = SliceRef(key=key, revision=found.revision, rows=found.rows)
        self.say(SliceAccepted(slice=ref, released=True))
        state = self.log.state()
        refs = state.pending(up_to=key)
        wanted = candidate_of(self.pipeline, state, state.head, refs, digests=digests_of(self.pipeline))
        label = np.array([0.0, 1.0, 0.0, 1.0])
        ranks = label if auc else 1 - label
        evaluated = EvaluatedRows(
            label=label, candidate=ranks, champion=None, segments={}, slice_key=key, rows="stand-ins"
        )
        buffer, name = io.BytesIO(), f"models/noted/v{version}/predictions.parquet"
        pq.write_table(evaluated.to_table(), buffer)
        self.store.put(name, buffer.getvalue())
        self.say(
            CandidateStarted(version=version, candidate=wanted, parent=state.head, slices=refs),
            CandidateTrained(
                version=version,
                step=30,
                stopped_by="max_steps",
                checkpoints=1,
                manifest=f"models/noted/v{version}/none",
                artifacts={"predictions": name},
            ),
        )

    def say(self, *records: Any) -> None:
        for record in records:
            self.log.append(record, after=self.log.state())

    def start(self, key: str) -> str:
        """The path in the REST API of a run for the slice."""
        days = {"from_date": f"{key}T00:00:00Z", "to_date": f"{key}T00:00:00Z"}
        eventually(
            lambda: all(b["completed_at"] for b in self.api("GET", "backfills?dag_id=noted")["backfills"])
        )
        self.api("POST", "backfills", {"dag_id": "noted", **days})
        query = f"logical_date_gte={days['from_date']}&logical_date_lte={days['to_date']}"
        (run,) = eventually(lambda: self.api("GET", f"dags/noted/dagRuns?{query}")["dag_runs"])
        return f"dags/noted/dagRuns/{quote(run['dag_run_id'])}"

    def ended(self, run: str) -> dict[str, Any]:
        def over() -> dict[str, Any] | None:
            found: dict[str, Any] = self.api("GET", run)
            return found if found["state"] not in ("queued", "running") else None

        found: dict[str, Any] = eventually(over, seconds=200)
        return found

    def tasks(self, run: str) -> dict[str, str]:
        return {
            one["task_id"]: one["state"] for one in self.api("GET", f"{run}/taskInstances")["task_instances"]
        }

    def log_of(self, run: str, task: str) -> list[dict[str, Any]]:
        lines: list[dict[str, Any]] = self.api("GET", f"{run}/taskInstances/{task}/logs/1")["content"]
        return lines

    def api(self, method: str, path: str, body: object = None) -> Any:
        return self.platform.api(method, path, body)


@pytest.fixture(scope="module")
def mailbox() -> Iterator[Mailbox]:
    with mail_server() as box:
        yield box


@pytest.fixture(scope="module")
def hook(serving: Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]]) -> Iterator[Hooked]:
    with serving(Hooked) as address:
        Hooked.address = address
        yield Hooked


class Hooked(BaseHTTPRequestHandler):
    """Takes alerts as JSON."""

    address = ""
    taken: ClassVar[list[dict[str, Any]]] = []

    def do_POST(self) -> None:
        self.taken.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Not into the output of the tests."""


@pytest.fixture(scope="module")
def runs(platform: Platform, mailbox: Mailbox, hook: type[Hooked]) -> Iterator[Runs]:
    plain = {"disable_tls": True, "disable_ssl": True, "from_email": "ckpt-ops@example.com"}
    for name, kind, port, extra in (
        ("noted_mail", "smtp", mailbox.port, plain),
        ("noted_hook", "http", urlsplit(hook.address).port, {}),
    ):
        made = {"connection_id": name, "conn_type": kind, "host": "127.0.0.1", "port": port}
        platform.api("POST", "connections", {**made, "extra": json.dumps(extra)})
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKPT_OPS_LANDING", f"{LANDING}?endpoint={platform.gcs_endpoint}")
        yield Runs(platform)


@pytest.fixture(scope="module")
def missing(runs: Runs) -> str:
    run = runs.start(MISSING)
    assert runs.ended(run)["state"] == "success"
    return run


@pytest.fixture(scope="module")
def rejected(runs: Runs, missing: str) -> str:
    runs.land(REJECTED)
    runs.trained(1, REJECTED, auc=0.0)
    run = runs.start(REJECTED)
    assert runs.ended(run)["state"] == "success"
    return run


class TestOnThePlatform:
    def test_a_run_without_a_slice_says_so_though_it_is_green(self, runs: Runs, missing: str) -> None:
        run, found = missing, runs.api("GET", missing)
        assert found["state"] == "success"
        tasks = runs.tasks(run)
        assert tasks.pop("tell") == "success"
        assert set(tasks.values()) == {"skipped"}
        assert found["note"].startswith(
            "no slice for the interval from 2013-01-06 00:00 UTC: `source 'noted' has no slice between "
            "2013-01-06 00:00 and 2013-01-13 00:00 UTC"
        )
        assert "clear this run when the slice has landed" in found["note"]

    def test_that_is_told_though_one_notifier_fails_which_costs_the_run_nothing(
        self, runs: Runs, mailbox: Mailbox, hook: type[Hooked], missing: str
    ) -> None:
        assert [one["what"] for one in hook.taken[:1]] == ["slice is missing"]
        assert mailbox.subjects[:1] == ["noted: slice is missing: 2013-01-06 00:00"]
        mail = mailbox.mails[0]
        assert (mail["To"], mail["From"]) == ("operators@example.com", "ckpt-ops@example.com")
        body = mail.get_body()
        assert body is not None
        assert "has no slice between 2013-01-06 00:00 and 2013-01-13 00:00 UTC" in body.get_content()
        assert f"{runs.platform.ui_url}/dags/noted/plugin/model" in body.get_content()
        note = runs.api("GET", missing)["note"]
        assert "- tell: `not told, the next look tries again: Hook: noted: slice is missing" in note

    def test_a_run_whose_candidate_was_rejected_says_which_and_why(self, runs: Runs, rejected: str) -> None:
        note = runs.api("GET", rejected)["note"].splitlines()
        assert note[0].startswith(f"slice {REJECTED}: `version 1 is rejected: ")
        assert "auc" in note[0]
        assert note[2].startswith(f"- pull: `slice {REJECTED}: ")
        gates = [line for line in note if line.startswith("  - `AtLeast")]
        assert len(gates) == 1
        assert [line.split(":")[0] for line in note[1:] if line not in gates] == [
            f"- {task}" for task in ("tell", "pull", "validate", "decide", "train", "evaluate")
        ]

    def test_the_task_logs_have_a_line_for_each_gate_and_no_dictionary(
        self, runs: Runs, rejected: str
    ) -> None:
        for task in ("pull", "validate", "decide", "train", "evaluate", "promote"):
            lines = [str(line["event"]) for line in runs.log_of(rejected, task) if "event" in line]
            assert not [line for line in lines if "{'" in line], task
            assert max(map(len, lines)) < 1500, task
        evaluate = [str(line["event"]) for line in runs.log_of(rejected, "evaluate")]
        assert [line for line in evaluate if line.startswith("AtLeast")], evaluate

    def test_a_note_of_a_person_stays_when_the_run_is_cleared(self, runs: Runs, rejected: str) -> None:
        runs.api("PATCH", rejected, {"note": "looked at by Ada"})
        run = runs.api("GET", rejected)["dag_run_id"]
        body = {"dry_run": False, "only_failed": False, "dag_run_id": run, "task_ids": ["promote"]}
        runs.api("POST", "dags/noted/clearTaskInstances", body)
        note = runs.ended(rejected)["note"]
        assert note.startswith(f"looked at by Ada\n\n---\n\nslice {REJECTED}: `version 1 is rejected: ")

    def test_a_pull_that_was_marked_a_success_is_found_in_the_store(self, runs: Runs, rejected: str) -> None:
        runs.land(MARKED)
        runs.trained(2, MARKED, auc=0.0)
        runs.landing.put(f"noted/{MARKED}.parquet", b"no parquet any more")
        run = runs.start(MARKED)
        found = runs.ended(run)
        assert found["state"] == "failed"
        assert found["note"].startswith("pull failed: ")
        runs.api("PATCH", f"{run}/taskInstances/pull", {"new_state": "success"})
        eventually(lambda: runs.api("GET", run)["state"] != "failed")
        found = runs.ended(run)
        assert found["state"] == "success", runs.tasks(run)
        assert set(runs.tasks(run).values()) == {"success"}
        assert found["note"].startswith(f"slice {MARKED}: `version 2 is rejected: ")

    def test_a_rejection_is_told_once_however_often_tasks_run(
        self, runs: Runs, mailbox: Mailbox, hook: type[Hooked], rejected: str
    ) -> None:
        for told in (mailbox.subjects, [one["title"] for one in hook.taken]):
            assert told.count("noted: last candidate rejected: version 1") == 1
        (alert,) = [one for one in hook.taken if one["version"] == 1]
        assert "auc" in alert["message"]
        assert alert["next"] == "ckpt-ops show noted 1"
        assert "serves on" in alert["safe"]

    def test_what_a_command_did_is_told_by_a_look_and_once(
        self, runs: Runs, mailbox: Mailbox, hook: type[Hooked], rejected: str
    ) -> None:
        runs.say(Held(reason="a person looks <at> it"))
        eventually(lambda: runs.api("GET", "dags/noted_alerts"))
        for _ in range(2):
            run = runs.api("POST", "dags/noted_alerts/dagRuns", {"logical_date": None})["dag_run_id"]
            assert runs.ended(f"dags/noted_alerts/dagRuns/{quote(run)}")["state"] == "success"
        assert mailbox.subjects.count("noted: on hold") == 1
        assert [one["what"] for one in hook.taken].count("on hold") == 1
        body = mailbox.mails[mailbox.subjects.index("noted: on hold")].get_body()
        assert body is not None
        assert "a person looks &lt;at&gt; it" in body.get_content()
