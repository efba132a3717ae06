"""A slice of four million rows through Airflow itself: its parts are validated by mapped tasks."""

from __future__ import annotations

import io
from collections import Counter
from urllib.parse import quote

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from airflow_process import eventually

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import SliceAccepted
from ckpt_ops.store import open_store

pytestmark = [pytest.mark.soak, pytest.mark.slow]

KEY, ROWS = "2020-01-01-04", 4_000_001


def test_two_mapped_tasks_validate_a_slice_and_one_makes_the_verdict(platform: Platform) -> None:
    n = np.arange(ROWS)
    n[999_999::1_000_000] *= -1
    landed = io.BytesIO()
    pq.write_table(pa.table({"n": n}), landed)
    landing = open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")
    landing.put(f"parted/{KEY}.parquet", landed.getvalue())
    eventually(lambda: {"parted"} & {dag["dag_id"] for dag in platform.api("GET", "dags?tags=test")["dags"]})
    run = platform.api("POST", "dags/parted/dagRuns", {"logical_date": "2020-01-01T05:00:00+00:00"})
    path = f"dags/parted/dagRuns/{quote(run['dag_run_id'])}"

    def ended() -> str | None:
        state: str = platform.api("GET", path)["state"]
        return state if state not in ("queued", "running") else None

    state = eventually(ended, seconds=300)
    tasks = platform.api("GET", f"{path}/taskInstances")["task_instances"]
    assert state == "success", [(task["task_id"], task["state"]) for task in tasks]
    assert Counter((task["task_id"], task["state"]) for task in tasks) == {
        ("pull", "success"): 1,
        ("share_out", "success"): 1,
        ("validate_part", "success"): 2,
        ("validate", "success"): 1,
    }
    (record,) = ModelLog(open_store(f"{STORE}?endpoint={platform.gcs_endpoint}"), "parted").records()
    assert isinstance(record, SliceAccepted)
    assert (record.slice.rows, record.set_aside) == (ROWS - 4, 4)
