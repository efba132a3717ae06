"""What a training takes of memory does not grow with its rows: columns lie on disk.

Counted is anonymous memory, which no file stands behind, above what the process takes once TensorFlow has run
its first operation. Pages of mapped files are the operating system's cache: it takes them back when memory is
short.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.soak

MEASURE = Path(__file__).parent / "memory_of_training.py"
MOST = 1 << 30


@pytest.mark.parametrize(
    ("rows", "columns"),
    [(1_000_000, "numbers"), (10_000_000, "numbers"), (10_000_000, "text"), (120_000_000, "numbers")],
)
def test_a_training_takes_at_most_a_gigabyte_besides_the_model(
    rows: int, columns: str, tmp_path: Path
) -> None:
    environment = {**os.environ, "CKPT_OPS_SCRATCH": str(tmp_path / "scratch")}
    done = subprocess.run(
        [sys.executable, MEASURE, tmp_path, str(rows), columns],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr[-4_000:]
    taken = json.loads(done.stdout.splitlines()[-1])
    print(f"{rows:,} rows of {columns}:", {name: f"{size / 2**20:,.0f} MiB" for name, size in taken.items()})
    assert max(taken.values()) < MOST
