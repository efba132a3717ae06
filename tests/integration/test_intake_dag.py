"""The tasks of an intake, and what each answer of a source makes of them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from airflow_process import in_a_process

from ckpt_ops.embedded.settings import Settings

pytestmark = pytest.mark.slow

SHAPE = """
import json, sys, time, types
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
    # described where a DAG's pipeline has to be
    sys.modules.setdefault(f"{intake.name}.pipeline", types.ModuleType(f"{intake.name}.pipeline"))
    sys.modules[f"{intake.name}.pipeline"].__dict__.update({"__file__": f"/dags/{intake.name}/pipeline.py",
                                                            intake.name: intake})
    try:
        return make(intake, start_date=datetime(2020, 1, 1, tzinfo=UTC), **settings)
    except BadInput as error:
        return str(error)

def tasks(dag):
    return {t.task_id: sorted(t.upstream_task_ids) for t in dag.topological_sort()}

def predicting(dag):
    last = dag.get_task("predict")
    around = [sorted(last.upstream_task_ids), sorted(last.downstream_task_ids)]
    return [*around, last.trigger_rule, list(tasks(dag))]

from airflow.providers.smtp.notifications.smtp import SmtpNotifier
from ckpt_ops_airflow import alerts_dag
telling = SmtpNotifier(to="a@example.com", subject="{{ alert.title }}")

def told(dag):
    tell = dag.get_task("tell")
    return [sorted(tell.upstream_task_ids), tell.is_teardown, tell.on_failure_fail_dagrun, tell.retries]

def refusing(notify):
    try:
        alerts_dag(notify=notify)
    except BadInput as error:
        return str(error)

nameless = [Intake(name="nameless", source=Nameless(), expectations="e.json") for _ in range(2)]
print(json.dumps({
    "seconds": seconds,
    "parts": tasks(dag),
    "one task": tasks(made(max_parallel_pulls=1)),
    "one part": tasks(made(replace(incoming, source=flight_delay.source))),
    "validated in parts": tasks(made(replace(incoming, max_parallel_validations=3))),
    "trained, in parts": list(tasks(made(replace(flight_delay, max_parallel_validations=3), retraining_dag))),
    "side by side": made(replace(incoming, max_parallel_validations=3)).get_task("validate_part")
                    .partial_kwargs["max_active_tis_per_dagrun"],
    "training": list(tasks(made(replace(flight_delay, source=incoming.source), retraining_dag))),
    "predicting": predicting(made(flight_delay, retraining_dag, predict=True)),
    "timeouts": {t.task_id: t.execution_timeout and t.execution_timeout.total_seconds() for t in dag.tasks},
    "backoff": {t.task_id: t.retry_exponential_backoff for t in dag.tasks},
    "stable": len({json.dumps(DagSerialization.to_dict(made(one)), sort_keys=True) for one in nameless}),
    "told": [told(made(notify=[telling])), told(made(flight_delay, retraining_dag, predict=True,
                                                    notify=[telling]))],
    "stable with notifiers": len({json.dumps(DagSerialization.to_dict(made(nameless[0], notify=[SmtpNotifier(
        to="a@example.com", subject="{{ alert.title }}")])), sort_keys=True) for _ in range(2)}),
    "notifiers": [made(notify="Slack"), made(notify=[print]), refusing([]),
                  refusing([SmtpNotifier(to="a@example.com", subject="Task {{ ti.task_id }}")])],
    "refused": [made(**{name: value}) for name, value in
                (("wait_for_slice", timedelta(0)), ("poke_interval", timedelta(seconds=9)),
                 ("pull_timeout", timedelta(seconds=-1)), ("max_parallel_pulls", 0))],
}))
"""

PULLING = """
import json, os
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from airflow.sdk.exceptions import TaskDeferred
from ckpt_ops.errors import SourceUnavailable
from ckpt_ops.pipeline import EmptySlices
from ckpt_ops.pipeline.step_results import Validated
from ckpt_ops.runs import sweep, validate
from ckpt_ops.slices import Files
from ckpt_ops.validation import Outcome
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
    task = kind(task_id="pull", pipeline=intake, poke_interval=timedelta(minutes=5), **settings)
    interval = {"data_interval_start": start, "data_interval_end": start + hours * HOUR}
    left = {}
    try:
        push = lambda key, value: left.update({key: value})
        result = task.execute({"ti": SimpleNamespace(xcom_push=push), **interval})
    except TaskDeferred as waits:
        return ["waits", f"{type(waits.trigger).__name__}, then {waits.method_name}", left.get("message", "")]
    except Exception as error:
        return [type(error).__name__, str(error), left.get("message", "")]
    return ["goes on", json.dumps(result), left.get("message", "")]

def at(hour): return datetime(2020, 1, 1, hour, tzinfo=UTC)
just_over = datetime.now(UTC) - HOUR
land("2020-01-01-01", a="n\\n1\\n", b="n\\n2\\n")
land("2020-01-01-02", a="n\\n")
land("2020-01-01-03", a="n\\n")
down = replace(incoming, source=Down())
skip = replace(incoming, empty_slices=EmptySlices.SKIP)

def predicting(pulled):
    try:
        ti = SimpleNamespace(xcom_pull=lambda task_ids: pulled if task_ids == "pull" else "of another task",
                             xcom_push=lambda key, value: None)
        task = operators.PredictOperator(task_id="predict", pipeline=incoming)
        interval = {"data_interval_start": at(9), "data_interval_end": at(10)}
        return ["goes on", task.execute({"ti": ti, **interval})]
    except Exception as error:
        return [type(error).__name__, str(error)]

def validating(outcome):
    left = {}
    verdict = Validated(key="k", revision="r", rows=1, set_aside=0, outcome=outcome, reasons=("n is null",))
    validate.validate = lambda *_: verdict
    ti = SimpleNamespace(xcom_pull=lambda task_ids: {"key": "k", "revision": "r", "rows": 1},
                         xcom_push=lambda key, value: left.update({key: value}))
    task = operators.ValidateOperator(task_id="validate", pipeline=incoming)
    task.skip, task.get_direct_relatives = (lambda ti, tasks: None), (lambda upstream: [])
    task.execute({"ti": ti})
    return ["goes on", "", left["message"]]

def looked():  # as a pipeline with a model: what it consumed has changed meanwhile
    sweep.look_at_source = lambda intake, store: ["slice w0 has changed"]
    return {
        "looked, not there": run(just_over),
        "looked, empty, may be": run(at(2), intake=skip),
        "looked, quarantined": validating(Outcome.QUARANTINED),
        "accepted, decide looks": validating(Outcome.ACCEPTED),
    }
print(json.dumps({
    "there": run(at(1)),
    "shared out": run(at(1), kind=ListPartsOperator, side_by_side=9),
    "two in one interval": run(at(2), hours=2),
    "not there": run(just_over),
    "may still land": run(just_over, wait_for_slice=2 * HOUR),
    "too late": run(at(9), wait_for_slice=2 * HOUR),
    "source down": run(just_over, intake=down),
    "source down, may still land": run(just_over, intake=down, wait_for_slice=2 * HOUR),
    "source down, too late": run(at(9), intake=down, wait_for_slice=2 * HOUR),
    "empty": run(at(2)),
    "empty, may be": run(at(2), intake=skip),
    "nothing to predict": predicting(None),
    "nobody to predict": predicting({"key": "2020-01-01-01", "revision": "0" * 16, "rows": 1}),
    **looked(),
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
        return in_a_process(SHAPE, settings, clean_environment)

    def test_who_is_told_is_told_after_all_else_and_no_run_fails_by_it(self, shape: Any) -> None:
        assert shape["told"] == [[["validate"], True, False, 0], [["predict"], True, False, 0]]
        assert shape["stable with notifiers"] == 1

    def test_a_notifier_that_would_say_nothing_is_refused(self, shape: Any) -> None:
        no_list, no_notifier, none, of_tasks = shape["notifiers"]
        for refused in (no_list, no_notifier, none):
            assert refused.startswith("notify=")
        assert "{{ alert.title }}" in of_tasks

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

    def test_parts_are_validated_side_by_side_where_the_intake_asks_for_it(self, shape: Any) -> None:
        assert shape["validated in parts"] == {
            **{task: before for task, before in shape["parts"].items() if task != "validate"},
            "share_out": ["pull"],
            "validate_part": ["share_out"],
            "validate": ["pull", "validate_part"],
        }
        assert shape["trained, in parts"][:4] == ["pull", "share_out", "validate_part", "validate"]
        assert shape["side by side"] == 3

    def test_a_retraining_dag_takes_slices_in_the_same_way(self, shape: Any) -> None:
        assert shape["training"][:5] == ["list_parts", "pull_part", "pull", "validate", "wait_for_earlier"]
        assert shape["training"][-1] == "promote"

    def test_predictions_come_last_and_do_not_wait_for_a_training(self, shape: Any) -> None:
        upstream, downstream, rule, tasks = shape["predicting"]
        assert (upstream, downstream, rule) == (["promote"], [], "none_failed")
        assert [task for task in tasks if task not in shape["training"]] == ["predict"]

    def test_what_asks_a_source_ends_in_time_and_backs_off(self, shape: Any) -> None:
        asking = ["list_parts", "pull", "pull_part"]
        assert sorted(task for task, seconds in shape["timeouts"].items() if seconds == 12) == asking
        assert sorted(task for task, factor in shape["backoff"].items() if factor == 2) == asking

    def test_a_source_without_a_repr_does_not_make_each_parse_a_new_version_of_the_dag(
        self, shape: Any
    ) -> None:
        assert shape["stable"] == 1

    def test_settings_that_cannot_be_are_refused_by_name(self, shape: Any) -> None:
        names = ["wait_for_slice", "poke_interval", "pull_timeout", "max_parallel_pulls"]
        assert [message.partition("=")[0] for message in shape["refused"]] == names


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
        return in_a_process(PULLING, settings_in(folder), {**clean_environment, **environment})

    def test_each_answer_of_a_source_becomes_a_state_of_the_task(self, found: Any) -> None:
        assert {case: state for case, (state, *_) in found.items()} == {
            "there": "goes on",
            "shared out": "goes on",
            "two in one interval": "AirflowFailException",
            "not there": "AirflowSkipException",
            "may still land": "waits",
            "too late": "AirflowSkipException",
            "source down": "SourceUnavailable",
            "source down, may still land": "waits",
            "source down, too late": "SourceUnavailable",
            "empty": "AirflowFailException",
            "empty, may be": "AirflowSkipException",
            "nothing to predict": "AirflowSkipException",
            "nobody to predict": "AirflowSkipException",
            "looked, not there": "AirflowSkipException",
            "looked, empty, may be": "AirflowSkipException",
            "looked, quarantined": "goes on",
            "accepted, decide looks": "goes on",
        }

    def test_airflows_own_clock_wakes_the_task_to_look_again(self, found: Any) -> None:
        assert found["may still land"][1] == "DateTimeTrigger, then resume"

    def test_the_words_say_what_to_do(self, found: Any) -> None:
        assert "clear this run when the slice has landed" in found["too late"][1]
        assert "2020-01-01-02, 2020-01-01-03" in found["two in one interval"][1]
        assert "Next: fix the slice where it comes from" in found["empty"][1]
        assert "empty slices are skipped" in found["empty, may be"][1]

    def test_a_run_that_ends_without_its_slice_leaves_the_reason_for_its_note(self, found: Any) -> None:
        ended = {case: told for case, (state, _, *told) in found.items() if told and state != "goes on"}
        for case in ("not there", "too late"):
            assert ended[case][0].startswith("source 'numbers' has no slice between "), case
        assert "empty slices are skipped" in ended["empty, may be"][0]
        assert "2020-01-01-02" in ended["empty"][0]
        for case in ("source down", "source down, too late"):
            assert ended[case][0].startswith("no answer"), f"{case}: a failure, and no missing slice"
        for case in ("may still land", "source down, may still land"):
            assert ended[case] == [""], f"{case}: the run has not ended"

    def test_and_with_it_what_has_changed_at_the_source_meanwhile(self, found: Any) -> None:
        for case in ("not there", "empty, may be", "quarantined"):
            assert found[f"looked, {case}"][2].splitlines()[-1] == "slice w0 has changed", case
        assert "w0" not in found["accepted, decide looks"][2]

    def test_no_more_shares_than_parts(self, found: Any) -> None:
        key = '"key": "2020-01-01-01"'
        assert found["shared out"][1] == f'[{{{key}, "share": 0, "of": 2}}, {{{key}, "share": 1, "of": 2}}]'
