"""A slice that is large enough to be cut, through `ckpt-ops run`: a process evaluates each part."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from concurrent.futures import CancelledError
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops import worker
from ckpt_ops.errors import ValidationDied
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline import load_intake
from ckpt_ops.pipeline.step_results import ValidatedShare
from ckpt_ops.runs import validate_parts
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.steps import run_slice
from ckpt_ops.store import LocalStore

pytestmark = pytest.mark.slow

PIPELINE = """
import pyarrow as pa
from ckpt_ops.pipeline import Intake
from ckpt_ops.slices import Files

source = Files(name="rows", schema=pa.schema([("n", pa.int64())]), template="rows/{key}.parquet")
large = Intake(name="large", source=source, expectations="e.json", max_parallel_validations=2)
"""
SUITE = {
    "name": "large",
    "meta": {"bad_rows_at_most": 0.1},
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "n", "min_value": 0},
            "meta": {"bad_rows": "set aside"},
        },
        {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "n"}},
    ],
}
ROWS, KEY = 4_000_001, "2013-01-06"


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
    """With a slice landed, the last row of each million of which is bad."""
    for name in ("dags/large", "landing/rows", "store"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "dags/large/__init__.py").touch()
    (tmp_path / "dags/large/pipeline.py").write_text(PIPELINE)
    (tmp_path / "dags/large/e.json").write_text(json.dumps(SUITE))
    n = np.arange(ROWS)
    n[999_999::1_000_000] *= -1
    pq.write_table(pa.table({"n": n}), tmp_path / f"landing/rows/{KEY}.parquet")
    store = LocalStore(tmp_path / "store")
    monkeypatch.setenv("CKPT_OPS_LANDING", LocalStore(tmp_path / "landing").url)
    monkeypatch.setenv("CKPT_OPS_STORE", store.url)
    monkeypatch.setenv("CKPT_OPS_DAGS", str(tmp_path / "dags"))
    monkeypatch.setattr(sys, "path", [str(tmp_path / "dags"), *sys.path])
    return store


def test_each_part_has_a_process_and_the_verdict_is_one(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    intake = load_intake("large")
    lines: list[str] = []
    asked = worker.run
    titles: list[tuple[str, ...]] = []

    def titled(*arguments: Any, **more: Any) -> ValidatedShare:
        if "otherwise" not in more:  # the verdict itself is made here where no interpreter stands by
            titles.append(tuple(more["title"]))
        found: ValidatedShare = asked(*arguments, **more)
        return found

    monkeypatch.setattr(worker, "run", titled)
    ran = run_slice(intake, store, KEY, lines.append)
    assert sorted(titles) == [("validate", "large", "1-of-2"), ("validate", "large", "2-of-2")]
    assert sum("rows evaluated by 1 expectation on single rows" in line for line in lines) == 2
    assert (ran.validated.rows, ran.validated.set_aside) == (ROWS - 4, 4)
    (record,) = ModelLog(store, "large").records()
    assert record.reason.startswith(
        "4 of 4,000,001 rows set aside; 1 of 2 expectations hold; n: 4 of 4,000,001"
    )
    run_slice(intake, store, KEY, lines.append)
    assert len(titles) == 2, "the second run finds the verdict"


@pytest.mark.parametrize("end", ["a process is killed", "Ctrl-C"])
def test_what_ends_one_process_ends_the_other_and_leaves_no_verdict(
    store: LocalStore, monkeypatch: pytest.MonkeyPatch, end: str
) -> None:
    intake = load_intake("large")
    revision = pull(intake, store, KEY).revision
    asked = worker.run
    ended: list[int] = []

    def cut_short(function: Any, request: validate_parts.ShareRequest, **more: Any) -> ValidatedShare:
        watch, asked_to_end = more["watch"], threading.Event()

        def interrupting(folder: Path) -> None:
            if not asked_to_end.is_set():
                asked_to_end.set()
                os.kill(os.getpid(), signal.SIGINT)
            watch(folder)

        if request.share.share == 1 and end == "Ctrl-C":
            more["watch"] = interrupting
        elif request.share.share == 1:
            more["seconds"] = 0.5  # it is killed then, long before it has imported what it needs
        try:
            found: ValidatedShare = asked(function, request, **more)
        except CancelledError:
            ended.append(request.share.share)
            raise
        return found

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # several test processes ignore it
    with monkeypatch.context() as patched:
        patched.setattr(worker, "run", cut_short)
        with pytest.raises(KeyboardInterrupt if end == "Ctrl-C" else ValidationDied):
            validate_parts.validate_in_processes(intake, store, KEY, revision, print)
    signal.signal(signal.SIGINT, before)
    assert sorted(ended) == ([0, 1] if end == "Ctrl-C" else [0])
    assert not ModelLog(store, "large").records()
    assert run_slice(intake, store, KEY, print).validated.set_aside == 4
