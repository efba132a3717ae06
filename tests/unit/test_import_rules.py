"""What import-linter cannot see: folders that are no packages of ours, and what an import costs.

Inside `ckpt_ops` the contracts in pyproject.toml hold the order (`make lint`).
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).parents[2]
HEAVY = ("tensorflow", "keras", "great_expectations", "airflow")


def packages(folder: str) -> set[str]:
    return {path.name for path in (PROJECT / folder).iterdir() if any(path.glob("*.py"))}


def imported(folder: str) -> dict[str, set[str]]:
    """By imported top-level package, the files below `folder` that import it."""
    found: dict[str, set[str]] = {}
    for path in (PROJECT / folder).rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            names = []
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
                names = [node.module]
            for name in names:
                found.setdefault(name.partition(".")[0], set()).add(str(path.relative_to(PROJECT)))
    return found


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("ckpt_ops", {"airflow", "demo", "dags", "plugins"} | packages("plugins") | packages("dags")),
        ("plugins", {"demo", "dags", "tests"} | packages("dags")),
        ("dags", {"demo", "tests"}),
    ],
)
def test_imports_go_from_dags_to_plugins_to_the_core(folder: str, forbidden: set[str]) -> None:
    found = imported(folder)
    assert {name: found[name] for name in forbidden & found.keys()} == {}


@pytest.mark.parametrize("name", sorted(packages("dags")))
def test_a_pipeline_imports_no_other_pipeline(name: str) -> None:
    found = imported(f"dags/{name}")
    others = packages("dags") - {name}
    assert {other: found[other] for other in others & found.keys()} == {}


@pytest.mark.parametrize(
    "module",
    [
        "ckpt_ops.lineage",
        "ckpt_ops.slices",
        "ckpt_ops.store",
        "ckpt_ops.pipeline",
        "ckpt_ops.pipeline.steps",
        "ckpt_ops.embedded.platform",
        "ckpt_ops.cli.main",
        "flight_delay.pipeline",
    ],
)
def test_what_a_dag_file_imports_is_light(module: str) -> None:
    """TensorFlow takes 4-9 s to import, Great Expectations 2: neither may sit in the way of a DAG file."""
    code = (
        f"import {module}, json, sys; print(json.dumps([name for name in {HEAVY!r} if name in sys.modules]))"
    )
    paths = ":".join(str(PROJECT / part) for part in ("", "dags", "plugins"))
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={"PYTHONPATH": paths, "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == []
