"""What the scheduler imports for the tasks that are forked from it."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("airflow")

PROJECT = Path(__file__).parents[3]

FORKS = """
import os, sys
from pathlib import Path
from ckpt_ops_airflow.imported_ahead import import_ahead

def in_a_fork(code):
    if not (child := os.fork()):
        exec(code)
        sys.stdout.flush()
        os._exit(0)
    os.waitpid(child, 0)

import_ahead()
heavy = {"tensorflow", "keras", "great_expectations"} & sys.modules.keys()
print("heavy", sorted(heavy))
in_a_fork("print('has', 'ckpt_ops.runs.steps' in sys.modules, 'pyarrow' in sys.modules)")
edited = Path(sys.argv[1]) / "ckpt_ops" / "duration.py"
edited.write_text(edited.read_text() + "\\nEDITED = True\\n")
in_a_fork("import ckpt_ops.duration as one; print('fresh', hasattr(one, 'EDITED'), 'pyarrow' in sys.modules)")
"""


def test_a_fork_has_it_and_forgets_what_was_edited_since(tmp_path: Path) -> None:
    for folder, inside in (("ckpt_ops", ""), ("plugins/ckpt_ops_airflow", "ckpt_ops_airflow")):
        kept = shutil.ignore_patterns("static")
        shutil.copytree(PROJECT / folder, tmp_path / (inside or folder), ignore=kept)
    done = subprocess.run(
        [sys.executable, "-c", FORKS, str(tmp_path)],
        env={**os.environ, "PYTHONPATH": str(tmp_path), "AIRFLOW_HOME": str(tmp_path / "airflow")},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.split("\n")[:3] == ["heavy []", "has True True", "fresh True True"], done.stderr
