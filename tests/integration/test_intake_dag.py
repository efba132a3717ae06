"""Slices come in by a DAG: several parts side by side, waited for, and refused or skipped when empty."""

from __future__ import annotations

import os
import signal
from collections import Counter
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from airflow_process import eventually, in_a_fresh_process

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.slices import list_slices, read_slice
from ckpt_ops.store import Store, open_store

pytestmark = pytest.mark.slow

SHAPE = """
import json, time
import airflow.sdk, airflow.providers.standard.utils.skipmixin, numpy, pyarrow.compute
began = time.process_time()
from datetime import UTC, datetime, timedelta
from ckpt_ops.errors import BadInput
from ckpt_ops_airflow import intake_dag
from ckpt_ops_airflow.factory import retraining_dag
from incoming.dag import dag
seconds = time.process_time() - began
from airflow.serialization.serialized_objects import DagSerialization
from ckpt_ops.pipeline import Intake
from incoming.pipeline import incoming
from flight_delay.pipeline import flight_delay
from dataclasses import replace

class Nameless:  # its repr is another one in each process
    name, schema = "nameless", incoming.source.schema
    def keys(self, start, end): return []
    def fingerprint(self, key): return key
    def read(self, key): return iter(())
    def parts(self, key): return {}
    def read_part(self, key, part): return iter(())

def made(intake=incoming, make=intake_dag, **settings):
    try:
        return make(intake, start_date=datetime(2020, 1, 1, tzinfo=UTC), **settings)
    except BadInput as error:
        return str(error)

def tasks(dag):
    return {t.task_id: sorted(t.upstream_task_ids) for t in dag.topological_sort()}

nameless = [Intake(name="nameless", source=Nameless(), expectations="e.json") for _ in range(2)]
print(json.dumps({
    "seconds": seconds,
    "parts": tasks(dag),
    "one task": tasks(made(pull_side_by_side=1)),
    "one part": tasks(made(replace(incoming, source=flight_delay.source))),
    "training": list(tasks(made(replace(flight_delay, source=incoming.source), retraining_dag))),
    "timeouts": {t.task_id: t.execution_timeout and t.execution_timeout.total_seconds() for t in dag.tasks},
    "backoff": {t.task_id: t.retry_exponential_backoff for t in dag.tasks},
    "stable": len({json.dumps(DagSerialization.to_dict(made(one)), sort_keys=True) for one in nameless}),
    "refused": [made(**{name: value}) for name, value in
                (("wait_for_slice", timedelta(0)), ("look_every", timedelta(0)),
                 ("pull_timeout", timedelta(seconds=-1)), ("pull_side_by_side", 0))],
}))
"""

PULLING = """
import json, os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from airflow.sdk.exceptions import TaskDeferred
from ckpt_ops.errors import SourceUnavailable
from ckpt_ops.pipeline import EmptySlices
from ckpt_ops.slices import Files
from ckpt_ops_airflow import operators
from ckpt_ops_airflow.pulling import ListPartsOperator, PullOperator
from incoming.pipeline import incoming

operators._run_name = lambda: "dag/run"
landing = Path(os.environ["CKPT_OPS_LANDING"].removeprefix("file://"))
HOUR = timedelta(hours=1)

class Down(type(incoming.source)):
    def keys(self, start, end): raise SourceUnavailable("no answer")

def land(key, **files):
    (landing / "incoming" / key).mkdir(parents=True)
    for name, text in files.items():
        (landing / "incoming" / key / f"{name}.csv").write_text(text)

def run(start, hours=1, kind=PullOperator, intake=incoming, **settings):
    task = kind(task_id="pull", pipeline=intake, look_every=timedelta(minutes=5), **settings)
    try:
        result = task.execute({"data_interval_start": start, "data_interval_end": start + hours * HOUR})
    except TaskDeferred as waits:
        last = waits.trigger.moment == start + hours * HOUR + settings["wait_for_slice"]
        return ["waits", f"{type(waits.trigger).__name__}, {waits.method_name}" + (" at the deadline" * last)]
    except Exception as error:
        return [type(error).__name__, str(error)]
    return ["goes on", json.dumps(result)]

def at(hour): return datetime(2020, 1, 1, hour, tzinfo=UTC)
just_over = datetime.now(UTC) - HOUR
land("2020-01-01-01", a="n\\n1\\n", b="n\\n2\\n")
land("2020-01-01-02", a="n\\n")
land("2020-01-01-03", a="n\\n")
down = replace(incoming, source=Down())
skip = replace(incoming, empty_slices=EmptySlices.SKIP)
print(json.dumps({
    "there": run(at(1)),
    "shared out": run(at(1), kind=ListPartsOperator, side_by_side=9),
    "two in one interval": run(at(2), hours=2),
    "not there": run(just_over),
    "may still land": run(just_over, wait_for_slice=2 * HOUR),
    "lands soon or never": run(just_over, wait_for_slice=HOUR / 60),
    "too late": run(at(9), wait_for_slice=2 * HOUR),
    "source down": run(just_over, intake=down),
    "source down, may still land": run(just_over, intake=down, wait_for_slice=2 * HOUR),
    "source down, too late": run(at(9), intake=down, wait_for_slice=2 * HOUR),
    "empty": run(at(2)),
    "empty, may be": run(at(2), intake=skip),
}))
"""


class TestDag:
    @pytest.fixture(scope="class")
    @staticmethod
    def shape(
        tmp_path_factory: pytest.TempPathFactory,
        settings_in: Callable[[Path], Settings],
        clean_environment: dict[str, str],
    ) -> Any:
        settings = settings_in(tmp_path_factory.mktemp("shape"))
        return in_a_fresh_process(SHAPE, settings, clean_environment)

    def test_parses_in_under_half_a_second_of_processor_time(self, shape: Any) -> None:
        assert shape["seconds"] < 0.5

    def test_several_parts_are_shared_out_before_the_pull(self, shape: Any) -> None:
        assert shape["parts"] == {
            "list_parts": [],
            "pull_part": ["list_parts"],
            "pull": ["pull_part"],
            "validate": ["pull"],
        }

    def test_one_part_or_one_at_a_time_is_one_task(self, shape: Any) -> None:
        assert shape["one task"] == shape["one part"] == {"pull": [], "validate": ["pull"]}

    def test_a_retraining_dag_takes_slices_in_the_same_way(self, shape: Any) -> None:
        assert shape["training"][:5] == ["list_parts", "pull_part", "pull", "validate", "wait_for_earlier"]
        assert shape["training"][-1] == "promote"

    def test_what_asks_a_source_ends_in_time_and_backs_off(self, shape: Any) -> None:
        asking = ["list_parts", "pull", "pull_part"]
        assert sorted(task for task, seconds in shape["timeouts"].items() if seconds == 3600) == asking
        assert sorted(task for task, factor in shape["backoff"].items() if factor == 2) == asking

    def test_a_source_without_a_repr_does_not_make_each_parse_a_new_version_of_the_dag(
        self, shape: Any
    ) -> None:
        assert shape["stable"] == 1

    def test_settings_that_cannot_be_are_refused_by_name(self, shape: Any) -> None:
        names = ["wait_for_slice", "look_every", "pull_timeout", "pull_side_by_side"]
        assert [words.partition("=")[0] for words in shape["refused"]] == names


class TestPulling:
    @pytest.fixture(scope="class")
    @staticmethod
    def found(
        tmp_path_factory: pytest.TempPathFactory,
        settings_in: Callable[[Path], Settings],
        clean_environment: dict[str, str],
    ) -> Any:
        """By case, what the task says: its state, and the words."""
        folder = tmp_path_factory.mktemp("pulling")
        places = {"CKPT_OPS_STORE": folder / "store", "CKPT_OPS_LANDING": folder / "landing"}
        for place in places.values():
            place.mkdir()
        environment = {name: f"file://{place}" for name, place in places.items()}
        return in_a_fresh_process(PULLING, settings_in(folder), {**clean_environment, **environment})

    def test_each_answer_of_a_source_becomes_a_state_of_the_task(self, found: Any) -> None:
        assert {case: state for case, (state, _) in found.items()} == {
            "there": "goes on",
            "shared out": "goes on",
            "two in one interval": "AirflowFailException",
            "not there": "AirflowSkipException",
            "may still land": "waits",
            "lands soon or never": "waits",
            "too late": "AirflowSkipException",
            "source down": "SourceUnavailable",
            "source down, may still land": "waits",
            "source down, too late": "SourceUnavailable",
            "empty": "AirflowFailException",
            "empty, may be": "AirflowSkipException",
        }

    def test_airflows_own_clock_wakes_the_task_to_look_again_but_not_after_the_deadline(
        self, found: Any
    ) -> None:
        assert found["may still land"][1] == "DateTimeTrigger, resume"
        assert found["lands soon or never"][1] == "DateTimeTrigger, resume at the deadline"

    def test_the_words_say_what_to_do(self, found: Any) -> None:
        assert "clear this run when the slice has landed" in found["too late"][1]
        assert "2020-01-01-02, 2020-01-01-03" in found["two in one interval"][1]
        assert "Next: mend the slice where it comes from" in found["empty"][1]
        assert "empty slices are skipped" in found["empty, may be"][1]

    def test_no_more_shares_than_parts(self, found: Any) -> None:
        key = '"key": "2020-01-01-01"'
        assert found["shared out"][1] == f'[{{{key}, "share": 0, "of": 2}}, {{{key}, "share": 1, "of": 2}}]'


class Runs:
    """Runs of `incoming` on the platform."""

    def __init__(self, platform: Platform) -> None:
        self.platform, self.home = platform, platform.settings.home
        eventually(
            lambda: {"incoming"} & {d["dag_id"] for d in platform.api("GET", "dags?tags=test")["dags"]}
        )

    def start(self, logical_date: datetime) -> tuple[str, str]:
        """The run's path in the REST API, and the key of its slice."""
        run = self.platform.api(
            "POST", "dags/incoming/dagRuns", {"logical_date": f"{logical_date.isoformat()}"}
        )
        begin = datetime.fromisoformat(run["data_interval_start"])
        return f"dags/incoming/dagRuns/{quote(run['dag_run_id'])}", f"{begin:%Y-%m-%d-%H}"

    def ended(self, run: str) -> str:
        """The run's state, once it has ended."""

        def state() -> str | None:
            found: str = self.platform.api("GET", run)["state"]
            return found if found not in ("queued", "running") else None

        found: str = eventually(state)
        return found

    def tasks(self, run: str) -> dict[str, list[str]]:
        """By task, the state of each of its instances."""
        found: dict[str, list[str]] = {}
        for task in self.platform.api("GET", f"{run}/taskInstances")["task_instances"]:
            found.setdefault(task["task_id"], []).append(task["state"])
        return found

    def reads(self) -> list[tuple[str, int]]:
        """File and pid of each read so far."""
        path = self.home / "incoming-reads.txt"
        lines = path.read_text().splitlines() if path.exists() else []
        return [(name, int(pid)) for name, pid in map(str.split, lines)]


@pytest.fixture(scope="module")
def runs(platform: Platform) -> Runs:
    return Runs(platform)


@pytest.fixture(scope="module")
def store(platform: Platform) -> Store:
    return open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")


@pytest.fixture(scope="module")
def landing(platform: Platform) -> Store:
    return open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")


@pytest.fixture(scope="module")
def killed(runs: Runs, landing: Store) -> tuple[str, str]:
    """Run and key of four files of which one's read was killed in its middle."""
    for at, name in enumerate("abcd"):
        landing.put(f"incoming/2020-01-01-04/{name}.csv", b"n\n%d\n" % at)
    (runs.home / "incoming-hang").write_text("c.csv")
    run, key = runs.start(datetime(2020, 1, 1, 5, tzinfo=UTC))
    pid = eventually(lambda: dict(runs.reads()).get("c.csv"))
    os.kill(pid, signal.SIGKILL)
    assert runs.ended(run) == "success", runs.tasks(run)
    return run, key


class TestSeveralParts:
    def test_a_killed_read_is_tried_again_alone_and_the_slice_is_whole(
        self, runs: Runs, killed: tuple[str, str], store: Store
    ) -> None:
        run, key = killed
        assert runs.tasks(run) == {
            "list_parts": ["success"],
            "pull_part": ["success", "success"],
            "pull": ["success"],
            "validate": ["success"],
        }
        (slice_,) = list_slices(store, "numbers", key)
        assert read_slice(store, slice_)["n"].to_pylist() == [0, 1, 2, 3]

    def test_nothing_but_the_killed_part_is_read_twice(self, runs: Runs, killed: tuple[str, str]) -> None:
        assert Counter(name for name, _ in runs.reads()) == {"a.csv": 1, "b.csv": 1, "c.csv": 2, "d.csv": 1}


class TestWaiting:
    def test_a_run_waits_without_a_worker_until_its_slice_lands_and_a_late_one_is_skipped(
        self, runs: Runs, killed: tuple[str, str], landing: Store, store: Store
    ) -> None:
        waiting, key = runs.start(datetime.now(UTC))
        too_late, _ = runs.start(datetime(2020, 1, 1, 9, tzinfo=UTC))
        eventually(lambda: runs.tasks(waiting).get("list_parts") == ["deferred"])
        landing.put(f"incoming/{key}/a.csv", b"n\n7\n")
        assert runs.ended(waiting) == "success"
        assert set(sum(runs.tasks(waiting).values(), [])) == {"success"}
        assert [slice_.rows for slice_ in list_slices(store, "numbers", key)] == [1]
        runs.ended(too_late)
        assert set(sum(runs.tasks(too_late).values(), [])) == {"skipped"}
