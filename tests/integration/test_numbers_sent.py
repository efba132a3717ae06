"""Numbers leave a task's process through Airflow's own stats, whichever it is configured for."""

from __future__ import annotations

import gzip
import socket
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from importlib.util import find_spec
from pathlib import Path
from typing import Any, ClassVar

import pytest
from airflow_process import in_a_process
from opentelemetry.proto.collector.metrics.v1.metrics_service_pb2 import ExportMetricsServiceRequest

from ckpt_ops.embedded.settings import Settings
from ckpt_ops.telemetry import METRICS, Kind

pytestmark = pytest.mark.slow

TASKS = """
import json, os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.observability import stats
from airflow.sdk.observability.metrics.stats_utils import get_stats_factory
from ckpt_ops_airflow import operators
from ckpt_ops_airflow.pulling import PullOperator
from incoming.pipeline import incoming

stats.initialize(factory=get_stats_factory(), export_legacy_names=True)  # as Airflow's task runner
operators._run_name = lambda: "dag/run"
landing = Path(os.environ["CKPT_OPS_LANDING"].removeprefix("file://")) / "incoming" / "2020-01-01-01"
landing.mkdir(parents=True)
for part, value in ("a", 1), ("b", 2):
    (landing / f"{part}.csv").write_text(f"n\\n{value}\\n")
left = {}
start = datetime(2020, 1, 1, 1, tzinfo=UTC)
interval = {"data_interval_start": start, "data_interval_end": start + timedelta(hours=1)}

def run(task, tries=1):
    ti = SimpleNamespace(xcom_push=lambda key, value: None, xcom_pull=lambda task_ids: left.get(task_ids),
                         task_id=task.task_id, try_number=tries)
    try:
        left[task.task_id] = task.execute({"ti": ti, **interval})
    except AirflowFailException as error:
        return str(error)

run(PullOperator(task_id="pull", pipeline=incoming, poke_interval=timedelta(minutes=5)), tries=2)
run(operators.ValidateOperator(task_id="validate", pipeline=incoming))
del left["pull"]
failed = operators.ValidateOperator(task_id="again", pipeline=incoming)
failed.step = lambda store, context: (_ for _ in ()).throw(operators.BadInput("field", 1, "another"))
run(failed)
print(json.dumps(left["validate"]))
"""


class Collector(BaseHTTPRequestHandler):
    """Takes what OpenTelemetry exports: name and tags to the last value."""

    found: ClassVar[dict[str, dict[tuple[tuple[str, str], ...], float]]] = {}

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if self.headers.get("Content-Encoding") == "gzip":
            data = gzip.decompress(data)
        for resource in ExportMetricsServiceRequest.FromString(data).resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self._take(metric)
        self.send_response(200)
        self.end_headers()

    def _take(self, metric: Any) -> None:
        which = metric.WhichOneof("data")
        for point in getattr(metric, which).data_points:
            tags = tuple(sorted((one.key, one.value.string_value) for one in point.attributes))
            value = point.sum if "histogram" in which else (point.as_double or float(point.as_int))
            self.found.setdefault(metric.name, {})[tags] = value

    def log_message(self, *_: object) -> None:
        """Not into the output of the tests."""


def run_tasks(folder: Path, settings_in: Callable[[Path], Settings], environment: dict[str, str]) -> None:
    places = {"CKPT_OPS_STORE": folder / "store", "CKPT_OPS_LANDING": folder / "landing"}
    for place in places.values():
        place.mkdir()
    named = {name: f"file://{place}" for name, place in places.items()}
    assert in_a_process(TASKS, settings_in(folder), {**environment, **named})["outcome"] == "accepted"


def test_through_opentelemetry(
    tmp_path: Path,
    settings_in: Callable[[Path], Settings],
    clean_environment: dict[str, str],
    serving: Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]],
) -> None:
    with serving(Collector) as address:
        otel = {
            "AIRFLOW__METRICS__OTEL_ON": "True",
            "OTEL_EXPORTER_OTLP_PROTOCOL": "http/protobuf",
            "OTEL_EXPORTER_OTLP_METRICS_ENDPOINT": f"{address}/v1/metrics",
        }
        run_tasks(tmp_path, settings_in, {**clean_environment, **otel})
    model = ("model", "incoming")
    found = {name.removeprefix("airflow.ckpt_ops."): one for name, one in Collector.found.items()}
    ours = {name: one for name, one in found.items() if name in METRICS}
    assert ours["pulled_rows"] == {(model,): 2}
    assert ours["verdicts"] == {(model, ("outcome", "accepted")): 1}
    assert ours["retries"] == {(model, ("task", "pull")): 1}
    assert ours["errors"] == {(("error", "BadInput"), model, ("task", "again")): 1}
    assert ours["step_milliseconds"].keys() == {(model, ("task", one)) for one in ("pull", "validate")}
    assert ours["readable"] == {(model,): 1}
    assert ours["slices"][(model, ("status", "pending"))] == 1
    for name, one in ours.items():
        for tags in one:
            assert {label for label, _ in tags} == {"model", *METRICS[name].labels}


@pytest.mark.skipif(find_spec("statsd") is None, reason="the package statsd is in no lock")
def test_through_statsd(
    tmp_path: Path, settings_in: Callable[[Path], Settings], clean_environment: dict[str, str]
) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as listening:
        listening.bind(("127.0.0.1", 0))
        listening.settimeout(1.0)
        statsd = {
            "AIRFLOW__METRICS__STATSD_ON": "True",
            "AIRFLOW__METRICS__STATSD_HOST": "127.0.0.1",
            "AIRFLOW__METRICS__STATSD_PORT": str(listening.getsockname()[1]),
        }
        run_tasks(tmp_path, settings_in, {**clean_environment, **statsd})
        heard = list(_datagrams(listening))
    prefix = "airflow.ckpt_ops.incoming."
    ours = [one.removeprefix(prefix) for one in heard if one.startswith(prefix)]
    for expected in ("pulled_rows:2|c", "verdicts.accepted:1|c", "retries.pull:1|c", "slices.pending:1|g"):
        assert expected in ours
    kinds = {Kind.GAUGE: "g", Kind.COUNTER: "c", Kind.TIMING: "ms"}
    for one in ours:
        name, _, kind = one.partition(":")
        assert kind.rpartition("|")[2] == kinds[METRICS[name.partition(".")[0]].kind]


def _datagrams(listening: socket.socket) -> Iterator[str]:
    while True:
        try:
            yield listening.recv(65_536).decode()
        except TimeoutError:
            return
