"""The DAGs of a fleet, as Airflow's own processor reads them; and of the page's example."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from airflow_process import in_a_process
from fleet_folder import write_example, write_small

from ckpt_ops.embedded.settings import Settings

pytestmark = pytest.mark.slow

READ = """
import json, os, sys
sys.path[:0] = {folders!r}
from airflow.dag_processing.dagbag import DagBag
from airflow.serialization.serialized_objects import DagSerialization

def read(file, only=""):
    os.environ.pop("_AIRFLOW_PARSING_CONTEXT_DAG_ID", None)
    if only:
        os.environ["_AIRFLOW_PARSING_CONTEXT_DAG_ID"] = only
    bag = DagBag(file, load_op_links=False)
    return {{"errors": list(bag.import_errors.values()), "dags": {{name: {{
        "tasks": list(dag.task_ids), "tags": sorted(dag.tags), "description": dag.description,
        "schedule": DagSerialization.to_dict(dag)["dag"]["timetable"],
        "active": dag.max_active_runs, "doc": dag.doc_md,
    }} for name, dag in bag.dags.items()}}}}

print(json.dumps([read(file, *only) for file, *only in {asked!r}]))
"""
DAG_FILE = """
# Airflow looks for these words: airflow, dag
from datetime import UTC, datetime
from ckpt_ops_airflow import fleet_dags, rebase_dag
from shops.pipeline import fleet

globals().update(fleet_dags(fleet, schedule="@daily", start_date=datetime(2020, 1, 1, tzinfo=UTC), {more}))
"""
Read = list[dict[str, Any]]


def read(folder: Path, *asked: tuple[str, ...]) -> Read:
    """What a DAG processor finds in files of `folder`; with an id, what a task of that DAG does."""
    settings = Settings.from_environment({}, home=folder.parent / "home", cwd=folder.parent)
    files = [(str(folder / file), *only) for file, *only in asked]
    found: Read = in_a_process(READ.format(folders=[str(folder)], asked=files), settings, {})
    return found


@pytest.fixture
def shops(tmp_path: Path) -> Path:
    """A fleet whose DAG files differ in what they give `fleet_dags`."""
    dags = tmp_path / "dags"
    dags.mkdir()
    write_small(dags, "shops", ("a", "b", "bad"))
    for name, more in {
        "dag": "overrides={'a': {'max_active_runs': 2, 'tags': ('large',)}}",
        "refused": "overrides={'b': {'max_parallel_pulls': 0}}",
        "broken": "overrides={'b': {'poke_interval': 1}}",
        "unknown": "overrides={'nobody': {}}",
        "for_all": "max_parallel_pulls=0",
    }.items():
        (dags / "shops" / f"{name}.py").write_text(DAG_FILE.format(more=more))
    return dags


def test_the_page_s_example_is_a_dag_for_each_member(tmp_path: Path) -> None:
    write_example(tmp_path / "dags")
    (found,) = read(tmp_path / "dags", ("flights_by_carrier/dag.py",))
    assert found["errors"] == []
    assert len(found["dags"]) == 11
    american, united = (found["dags"][f"flights_by_carrier.{key}"] for key in ("AA", "UA"))
    steps = ("pull", "validate", "wait_for_earlier", "decide", "train", "evaluate", "promote")
    assert american["tasks"] == list(steps)
    assert american["tags"] == ["ckpt-ops", "flights_by_carrier"]
    assert (american["active"], united["active"]) == (16, 4)


def test_what_is_wrong_for_one_member_is_that_one_s_and_for_all_an_import_error(shops: Path) -> None:
    files = ("dag", "refused", "broken", "unknown", "for_all")
    asked = [(f"shops/{name}.py",) for name in files]
    tasks = [("shops/dag.py", only) for only in ("shops.b", "shops.bad", "shops.nobody")]
    *found, of_b, of_bad, of_nobody = read(shops, *asked, *tasks)
    whole, refused, broken, unknown, for_all = found

    assert [one["errors"] for one in (whole, refused, broken)] == [[], [], []]
    assert "overrides='nobody' is not allowed" in unknown["errors"][0]
    assert "max_parallel_pulls=0 is not allowed" in for_all["errors"][0]
    stand_ins = [
        sorted(name for name, dag in one["dags"].items() if "not-described" in dag["tags"]) for one in found
    ]
    assert stand_ins == [["shops.bad"], ["shops.b", "shops.bad"], ["shops.b", "shops.bad"], [], []]

    good, bad = whole["dags"]["shops.a"], whole["dags"]["shops.bad"]
    assert good["tasks"] == ["pull", "validate"]
    assert (good["active"], good["tags"]) == (2, ["ckpt-ops", "large", "shops"])
    assert bad["tasks"] == ["describe"]
    assert bad["schedule"] == good["schedule"]
    assert bad["schedule"]["__var"]["expression"] == "0 0 * * *"
    assert "no budget for bad" in bad["description"]
    assert "fix describe() in shops/pipeline.py for 'bad'" in bad["doc"]

    # a task makes its own DAG alone
    assert [list(one["dags"]) for one in (of_b, of_bad, of_nobody)] == [["shops.b"], ["shops.bad"], []]


PAGES = """
import json
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Released
from ckpt_ops.store import open_store
from ckpt_ops_airflow.model_pages import model_of
log = ModelLog(open_store({store!r}), "shops.b_rebase")
log.append(Released(), after=log.state())
asked = ("shops.a", "shops.a_rebase", "shops.a_retrain", "shops.b_rebase", "shops", "alone.a", "nobody.a")
print(json.dumps([model_of(name) for name in asked]))
"""


def test_a_dag_leads_to_its_member_s_page(shops: Path, tmp_path: Path) -> None:
    (tmp_path / "store").mkdir()
    (shops / "alone").mkdir()
    (shops / "alone" / "pipeline.py").write_text("")
    store = (tmp_path / "store").as_uri()
    settings = Settings.from_environment({}, home=tmp_path / "home", cwd=tmp_path)
    environment = {"CKPT_OPS_STORE": store, "CKPT_OPS_DAGS": str(shops)}
    found = in_a_process(PAGES.format(store=store), settings, environment)
    assert found == [*("shops.a", "shops.a", "shops.a", "shops.b_rebase", "shops"), None, None]
