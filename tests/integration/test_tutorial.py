"""The tutorial, followed to the letter up to a first model, and its damaged day."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
BLOCKS = re.findall(r"```python\n(.*?)```", (PROJECT / "docs/tutorial.md").read_text(), re.DOTALL)


@pytest.mark.slow
def test_the_tutorial_gives_a_model_and_stops_a_damaged_day(tmp_path: Path) -> None:
    days, model, pipeline = BLOCKS
    (tmp_path / "make_days.py").write_text(days)
    for folder in ("dags", "store"):
        (tmp_path / folder).mkdir()
    environment = {**os.environ, "CKPT_OPS_STORE": f"file://{tmp_path}/store", "PYTHONPATH": str(PROJECT)}
    environment.pop("CKPT_OPS_DAGS", None)

    def run(*message: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, *message],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    def ckpt_ops(*message: str) -> subprocess.CompletedProcess[str]:
        return run("-c", "from ckpt_ops.cli.main import main; main()", *message)

    assert run("make_days.py").returncode == 0
    written = ckpt_ops("new", "source", "visits", "--from", "landing")
    assert written.returncode == 0, written.stderr
    (tmp_path / "dags/visits/model.py").write_text(model)
    (tmp_path / "dags/visits/pipeline.py").write_text(pipeline)

    first = ckpt_ops("run", "visits", "--slice", "2025-11-03")
    assert first.returncode == 0, first.stdout + first.stderr
    assert "promoted" in first.stdout

    damaged = tmp_path / "landing/2025-11-06.csv"
    lines = damaged.read_text().splitlines(keepends=True)
    damaged.write_text("".join(lines[:2000] + [line.replace("phone", "watch", 1) for line in lines[2000:]]))
    assert ckpt_ops("run", "visits", "--slice", "2025-11-06").returncode == 4
