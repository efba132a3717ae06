"""Five million rows of twenty columns, from landing to promotion: no step takes 1.5 GB.

Each step runs in a process of its own, whose peak of memory the kernel tells at its end; for training that
is the process with TensorFlow. The slice lies in five files on the real GCS API; bad rows are among them, and
the champion that scores it was trained on an earlier slice.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ckpt_ops.embedded.gcs_server import GcsServer

pytestmark = pytest.mark.soak

PROJECT = Path(__file__).parents[2]
MOST_MEGABYTES = 1500
FIRST, LARGE = "2013-01-06", "2013-01-13"

LAND = """
import io, sys
import numpy as np, pyarrow as pa, pyarrow.parquet as pq
from ckpt_ops.store import open_store
from large.pipeline import COUNTS, NUMBERS, SCHEMA, WORDS

key, files, rows, first = sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
landing = open_store(__import__("os").environ["CKPT_OPS_LANDING"])
random = np.random.default_rng(first)
for at in range(files):
    columns = {"id": np.arange(first + at * rows, first + (at + 1) * rows)}
    columns |= {name: random.normal(size=rows) for name in NUMBERS}
    columns |= {name: random.integers(0, 100, rows) for name in COUNTS}
    for word in WORDS:
        names = np.array([f"{word}{n}" for n in range(50)])
        columns[word] = names[random.integers(0, 50, rows)]
    columns["bought"] = columns["x0"] + columns["x1"] + random.normal(size=rows) > 0
    columns["x2"][:rows // 1000] = 99.0  # one row of a thousand is to be set aside
    sink = io.BytesIO()
    pq.write_table(pa.table(columns, schema=SCHEMA), sink, row_group_size=100_000)
    landing.put(f"large/{key}/part-{at}.parquet", sink.getvalue())
"""

STEP = """
import json, os, sys
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.pipeline.result_json import to_json
from ckpt_ops.store import open_store

step, *arguments = json.loads(sys.argv[1])
pipeline, store = load_pipeline("large"), open_store(os.environ["CKPT_OPS_STORE"])
run = getattr(steps, step)
print(json.dumps(to_json(run(pipeline, store, *arguments))))
"""


@pytest.fixture
def run(gcs_server: GcsServer) -> Callable[..., tuple[str, float]]:
    """Runs Python in a process of its own; the last line it wrote, and the peak of its memory in MB."""
    dags = Path(__file__).parent / "dags"
    environment = os.environ | {
        "STORAGE_EMULATOR_HOST": gcs_server.endpoint,
        "CKPT_OPS_STORE": "gs://ckpt-ops/large",
        "CKPT_OPS_LANDING": "gs://ckpt-ops-landing/large",
        "CKPT_OPS_DAGS": str(dags),
        "PYTHONPATH": f"{PROJECT}:{dags}",
        "TF_CPP_MIN_LOG_LEVEL": "2",
    }

    def run(code: str, *arguments: str) -> tuple[str, float]:
        command = [sys.executable, "-c", code, *arguments]
        process = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        said = process.stdout.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        assert process.returncode == 0, said
        return said.strip().splitlines()[-1] if said.strip() else "", usage.ru_maxrss / 1000

    return run


def test_five_million_rows_are_pulled_judged_trained_on_and_promoted(
    run: Callable[..., tuple[str, float]], capsys: pytest.CaptureFixture[str]
) -> None:
    run(LAND, FIRST, "1", "200000", "0")
    run(LAND, LARGE, "5", "1000000", "1000000")
    peaks: dict[str, float] = {}

    def step(name: str, *arguments: object) -> dict[str, object]:
        said, peaks[name] = run(STEP, json.dumps([name, *arguments]))
        result: dict[str, object] = json.loads(said)
        return result

    for key in (FIRST, LARGE):
        pulled = step("pull", key)
        evaluated = step("validate", key, pulled["revision"])
        trained = step("train", key)
        step("evaluate", trained["version"])
        decided = step("promote", trained["version"])
        assert decided["decision"] == "promoted", decided
    with capsys.disabled():
        for name, megabytes in peaks.items():
            print(f"\n{name:10} {megabytes:6,.0f} MB", end="")
    assert pulled["rows"] == 5_000_000
    assert (evaluated["outcome"], evaluated["set_aside"]) == ("accepted, bad rows set aside", 5_000)
    assert max(peaks.values()) < MOST_MEGABYTES, peaks
