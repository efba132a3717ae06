"""From a folder of files to a source whose own test passes, and whose slice is pulled and evaluated."""

from __future__ import annotations

import gzip
import io
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pytest
from typer.testing import CliRunner

from ckpt_ops.cli.main import app
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.lineage import ModelLog
from ckpt_ops.store import LocalStore, open_store
from demo.flights import flights

PROJECT = Path(__file__).parents[2]
NAME = "january_flights"
DAYS = [f"2013-01-{day:02}" for day in range(1, 6)]

pytestmark = pytest.mark.slow


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with an empty dags/ beside this one's packages and settings."""
    root = tmp_path / "project"
    (root / "dags").mkdir(parents=True)
    for name in ("ckpt_ops", "plugins"):
        (root / name).symlink_to(PROJECT / name)
    shutil.copy(PROJECT / "pyproject.toml", root)
    for name in (".airflowignore", "conftest.py"):
        shutil.copy(PROJECT / "dags" / name, root / "dags")
    return root


def land(url: str) -> None:
    """Real days of flights as gzipped CSV, as a feed would."""
    store, table = open_store(url), flights()
    for day in DAYS:
        rows = table.filter(pc.and_(pc.equal(table["month"], 1), pc.equal(table["day"], int(day[-2:]))))
        sink = io.BytesIO()
        pa.csv.write_csv(rows, sink)
        store.put(f"flights/{day}/part-0.csv.gz", gzip.compress(sink.getvalue()))


def run(project: Path, *arguments: str) -> str:
    paths = os.pathsep.join(str(project / part) for part in ("", "plugins", "dags"))
    done = subprocess.run(
        [sys.executable, *arguments],
        cwd=project,
        env={**os.environ, "PYTHONPATH": paths, "CKPT_OPS_HOME": str(project / "home")},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture
def ckpt_ops(project: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """Runs the command in the project, in this process, which imports Great Expectations once for all."""
    monkeypatch.chdir(project)
    monkeypatch.setenv("CKPT_OPS_HOME", str(project / "home"))
    monkeypatch.setattr(sys, "path", [str(project / "dags"), *sys.path])

    def invoke(*arguments: str) -> str:
        done = CliRunner().invoke(app, arguments)
        assert done.exit_code == 0, done.output
        return done.stdout

    return invoke


@pytest.mark.parametrize("place", [pytest.param("directory", marks=pytest.mark.soak), "bucket"])
def test_from_files_to_an_accepted_slice(
    project: Path, ckpt_ops: Callable[..., str], tmp_path: Path, place: str, gcs_server: GcsServer
) -> None:
    (tmp_path / "landing").mkdir()
    url = (tmp_path / "landing").as_uri() if place == "directory" else "gs://ckpt-ops-landing/scaffolded"
    land(url)
    ckpt_ops("new", "source", NAME, "--from", url)
    folder = project / "dags" / NAME
    checks = json.loads(ckpt_ops("check", "source", f"dags/{NAME}", "--json"))
    assert all(check["passed"] for check in checks)

    passed = run(project, "-m", "pytest", "-q", "-p", "no:cacheprovider", f"dags/{NAME}")
    assert "4 passed" in passed
    run(project, "-m", "ruff", "check", "--no-cache", f"dags/{NAME}")
    run(project, "-m", "ruff", "format", "--no-cache", "--check", f"dags/{NAME}")

    (tmp_path / "store").mkdir()
    store = LocalStore(tmp_path / "store")
    said = ckpt_ops("run", NAME, "--slice", DAYS[1], "--store", store.url)
    assert "accepted" in said
    state = ModelLog(store, NAME).state()
    assert state.slices[DAYS[1]].ref.rows == 943
    assert (folder / "sample" / "flights" / DAYS[0] / "part-0.csv.gz").is_file()
