"""A model that changes in the midst of its history, through Airflow: the next run promotes a new generation.

A platform of its own, as nothing else may see its dags folder change: `make soak`.
"""

from __future__ import annotations

import io
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from urllib.parse import quote

import pyarrow.parquet as pq
import pytest
from airflow_process import eventually
from evolving_weeks import SUITE
from test_evolving_model import COLUMNS, MODEL, ORIGIN, PIPELINE, W1, W2, W3

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE, Settings
from ckpt_ops.lineage import ModelLog
from ckpt_ops.promotion import rollback
from ckpt_ops.store import open_store
from ckpt_ops.transfer.document import TransferDocument
from demo.flights import weeks

pytestmark = [pytest.mark.slow, pytest.mark.soak]

DAG = """
from datetime import UTC, datetime, timedelta

from ckpt_ops_airflow import retraining_dag
from evolving.pipeline import evolving

dag = retraining_dag(
    evolving,
    schedule="0 0 * * 0",
    start_date=datetime(2013, 1, 6, tzinfo=UTC),
    end_date=datetime(2013, 1, 27, tzinfo=UTC),
    retry_delay=timedelta(seconds=1),
    tags=("test",),
)
"""
GROWN = (*ORIGIN, ("WIDTH, UNITS = 6, 16", "WIDTH, UNITS = 6, 24"))


class Running:
    """A platform that runs the pipeline `evolving`, three weeks of which have landed."""

    def __init__(self, platform: Platform) -> None:
        self.platform = platform
        self.store = open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")
        self.log = ModelLog(self.store, "evolving")
        landing = open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")
        for key in (W1, W2, W3):
            sink = io.BytesIO()
            pq.write_table(weeks()[key].select(COLUMNS), sink)
            landing.put(f"weeks/{key}.parquet", sink.getvalue())
        eventually(lambda: platform.api("GET", "dags?tags=test")["dags"], seconds=180)

    def run(self, key: str) -> dict[str, str]:
        """A run of the week has ended: the state of each of its tasks."""
        end = datetime.strptime(key, "%Y-%m-%d").replace(tzinfo=UTC) + timedelta(days=7)
        run = self.platform.api("POST", "dags/evolving/dagRuns", {"logical_date": end.isoformat()})
        path = f"dags/evolving/dagRuns/{quote(run['dag_run_id'])}"

        def over() -> bool:
            return self.platform.api("GET", path)["state"] not in ("queued", "running")

        eventually(over, seconds=400)
        tasks = self.platform.api("GET", f"{path}/taskInstances")["task_instances"]
        return {one["task_id"]: one["state"] for one in tasks}


@pytest.fixture
def running(
    session_home: Path, settings_in: Callable[[Path], Settings], clean_environment: dict[str, str]
) -> Iterator[Running]:
    folder = session_home / "changed-model" / "dags" / "evolving"
    folder.mkdir(parents=True)
    texts = {"__init__.py": "", "model.py": MODEL, "pipeline.py": PIPELINE, "dag.py": DAG}
    for name, text in {**texts, "expectations.json": SUITE}.items():
        (folder / name).write_text(text)
    settings = replace(settings_in(session_home / "changed-model" / "home"), dags_dir=folder.parent)
    with Platform(settings, environ=clean_environment) as platform:
        yield Running(platform)


def test_the_run_behind_a_change_promotes_a_generation_and_the_roll_back_is_gone_on_from(
    running: Running,
) -> None:
    assert running.run(W1)["promote"] == "success"
    state = running.log.state()
    assert (state.head, state.generation(1)) == (1, 1)

    model = running.platform.settings.dags_dir / "evolving" / "model.py"
    text = model.read_text()
    for before, after in GROWN:
        assert before in text
        text = text.replace(before, after)
    model.write_text(text)
    assert set(running.run(W2).values()) == {"success"}
    state = running.log.state()
    assert (state.head, state.generation(2)) == (2, 2)
    second = state.versions[2]
    assert second.trained is not None
    assert second.evaluated is not None
    named = second.trained.artifact("transfer")
    document = TransferDocument.decode(running.store.get(named.name), name=named.name)
    assert document.parent == 1
    grown = {one.name for one in document.variables if one.move == "grown"}
    assert {"model/hidden/kernel", "model/hidden/bias", "model/late/kernel"} <= grown
    assert document.agreement is not None
    assert document.agreement.max_abs_difference < 1e-6, "it began as what is served"
    assert second.evaluated.metrics["champion"]["auc"] > 0.5, "by its own code, in a task"

    rollback(running.store, "evolving", 1, "the new feature is not there at night")
    assert set(running.run(W3).values()) == {"success"}
    state = running.log.state()
    assert state.head == 3
    third = state.versions[3]
    assert (third.parent, state.generation(3)) == (1, 2)
    assert [ref.key for ref in third.slices] == [W2, W3], "what the version that was rolled back consumed"
    assert third.trained is not None
    assert "transfer" in third.trained.artifacts
