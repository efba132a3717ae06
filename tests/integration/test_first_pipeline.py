"""From data to a promoted version by what `init` writes, also when later slices are different."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from first_rows import of_day
from typer.testing import CliRunner

from ckpt_ops.cli.main import app
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs.steps import run_slice
from ckpt_ops.store import LocalStore

DAYS = ["2024-03-04", "2024-03-05", "2024-03-06", "2024-03-07"]
TASKS = {
    "sold": ["price", "class", "grade", "query"],
    "class": ["sold", "price", "grade", "query"],
    "price": ["sold", "class", "grade", "query"],
    "grade": ["sold", "price", "class"],
}

LENIENT = {
    "name": "lenient",
    "expectations": [{"type": "expect_table_row_count_to_be_between", "kwargs": {"min_value": 1}}],
}

pytestmark = pytest.mark.slow


def different(table: pa.Table) -> pa.Table:
    """A new category, a code that no slice had, and values that are missing here and there."""
    at = np.arange(table.num_rows)
    kind = pc.if_else(pa.array(at % 9 == 0), "new ∅", table["kind"])
    shop = pc.if_else(pa.array(at % 8 == 0), 4_000, table["shop_id"])
    size = pc.if_else(pa.array(at % 10 == 0), None, table["size"])
    for name, column in (("kind", kind), ("shop_id", shop), ("size", size)):
        table = table.set_column(table.column_names.index(name), name, column)
    return table


@pytest.mark.parametrize(
    ("label", "days"),
    [("sold", 2), *(pytest.param(label, 4, marks=pytest.mark.soak) for label in TASKS)],
)
def test_a_first_version_is_promoted_and_the_next_slices_may_be_different(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training_here: Callable[[], AbstractContextManager[None]],
    label: str,
    days: int,
) -> None:
    for folder in ("dags", "landing", "store"):
        (tmp_path / folder).mkdir()
    for seed, day in enumerate(DAYS[:3]):
        pq.write_table(of_day(day, seed), tmp_path / "landing" / f"{day}.parquet")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [str(tmp_path / "dags"), *sys.path])
    name = f"first_{label}"
    options = [option for column in TASKS[label] for option in ("--without", column)]
    if label == "grade":
        options += ["--group", "query"]
    done = CliRunner().invoke(app, ["init", name, "--from", "landing", "--label", label, *options])
    assert done.exit_code == 0, done.output
    suite = tmp_path / "dags" / name / "expectations.json"
    for day, seed in zip(DAYS[1:days], range(1, days), strict=True):
        path = tmp_path / "landing" / f"{day}.parquet"
        pq.write_table(different(of_day(day, seed)), path)
    pipeline, store = load_pipeline(name, tmp_path / "dags"), LocalStore(tmp_path / "store")
    with training_here():
        runs = [run_slice(pipeline, store, DAYS[0], lambda line: None)]
        suite.write_text(json.dumps(LENIENT))  # it would have a person look at the others
        runs += [run_slice(pipeline, store, day, lambda line: None) for day in DAYS[1:days]]
    decisions = [str(run.decision) for run in runs]
    assert decisions[0] == decisions[-1] == "promoted", runs  # one between may be noise of few rows
    assert set(decisions) <= {"promoted", "rejected"}
    state = ModelLog(store, name).state()
    evaluated = state.version(state.head or 0).evaluated
    assert evaluated is not None
    better = {"sold": ("auc", 0.7, 1), "class": ("cross_entropy", 0.9, -1), "price": ("r2", 0.2, 1)}
    metric, bound, sign = better.get(label, ("ndcg", 0.85, 1))
    assert sign * evaluated.metrics["candidate"][metric] > sign * bound, evaluated.metrics["candidate"]
