"""What import-linter cannot see: folders that are no packages of ours, and what an import costs.

Inside `ckpt_ops` the contracts in pyproject.toml hold the order (`make lint`).
"""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from pathlib import Path
from typing import ClassVar

import pytest

PROJECT = Path(__file__).parents[2]
HEAVY = ("tensorflow", "keras", "great_expectations", "airflow")


def packages(folder: str) -> set[str]:
    return {path.name for path in (PROJECT / folder).iterdir() if any(path.glob("*.py"))}


def modules_of(path: Path) -> set[str]:
    """What the file imports, at its top or later."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0 and node.module:
            folder = PROJECT.joinpath(*node.module.split("."))
            for alias in node.names:
                module = (folder / alias.name).is_dir() or (folder / f"{alias.name}.py").is_file()
                found.add(f"{node.module}.{alias.name}" if module else node.module)
    return found


def imported(folder: str) -> dict[str, set[str]]:
    """By imported top-level package, the files below `folder` that import it."""
    found: dict[str, set[str]] = {}
    for path in (PROJECT / folder).rglob("*.py"):
        for name in modules_of(path):
            found.setdefault(name.partition(".")[0], set()).add(str(path.relative_to(PROJECT)))
    return found


@pytest.mark.parametrize(
    ("folder", "forbidden"),
    [
        ("ckpt_ops", {"airflow", "demo", "team", "dags", "plugins"} | packages("plugins") | packages("dags")),
        ("plugins", {"demo", "team", "dags", "tests"} | packages("dags")),
        ("dags", {"demo", "team", "tests"}),
        ("team", {"demo", "dags", "plugins", "tests"} | packages("plugins") | packages("dags")),
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
        "ckpt_ops.runs.steps",
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


def test_only_the_worker_starts_processes_for_our_own_work() -> None:
    """The embedded platform has servers to start, which is another matter."""
    starts = imported("ckpt_ops").get("subprocess", set()) | imported("ckpt_ops").get(
        "multiprocessing", set()
    )
    ours = {path for path in starts if not path.startswith("ckpt_ops/embedded/")}
    standby = {f"ckpt_ops/worker/standby/{name}.py" for name in ("keeper", "taking", "warming")}
    assert ours == {"ckpt_ops/worker/interpreter.py", *standby}
    assert "subprocess" not in imported("plugins")


class TestTheTeamsStack:
    """What `make env`, `make up-team` and the others run needs Python and nothing else."""

    HOST: ClassVar[set[str]] = {path.stem for path in (PROJECT / "team").glob("*.py")} - {
        *("__init__", "buckets", "metadata", "preflight", "stopping")  # in the image
    }
    OURS: ClassVar[set[str]] = {
        "ckpt_ops.errors",
        "ckpt_ops.printable",
        "ckpt_ops.wire_names",
        "ckpt_ops.documents",
        *(f"ckpt_ops.documents.{name}" for name in ("kinds", "parsing", "typed")),
        "ckpt_ops.embedded",
        *(
            f"ckpt_ops.embedded.{name}"
            for name in ("ports", "private_files", "rest", "secret_files", "settings")
        ),
    }

    def test_its_commands_start_without_an_installed_package(self, tmp_path: Path) -> None:
        done = subprocess.run(
            [sys.executable, "-S", "-m", "team", "env"],
            env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin", "PYTHONDONTWRITEBYTECODE": "1"},
            cwd=tmp_path,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert (tmp_path / ".env").exists()

    @pytest.mark.parametrize("name", sorted({f"team.{each}" for each in HOST} | OURS))
    def test_none_of_them_imports_one_later_on(self, name: str) -> None:
        path = PROJECT / name.replace(".", "/")
        found = modules_of(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))
        others = {each for each in found if each.partition(".")[0] not in sys.stdlib_module_names}
        allowed = self.OURS | {f"team.{each}" for each in self.HOST}
        assert others - allowed == set()


# what the core says of them: one is what it does without, the other a way out
LEGITIMATE = {("ckpt_ops/embedded/__init__.py", "docker"), ("ckpt_ops/embedded/gcs_server.py", "docker")}


@pytest.mark.parametrize("folder", ["ckpt_ops", "dags"])
def test_neither_core_nor_pipelines_know_what_runs_them(folder: str) -> None:
    """On one machine or on workers of a team: which queue a task waits in, the plugins alone say."""
    message = re.compile(
        r"celery|redis|rabbitmq|docker|podman|kubernetes|training.?queue|\bqueue=", re.IGNORECASE
    )
    found = {
        (str(path.relative_to(PROJECT)), word.lower())
        for path in (PROJECT / folder).rglob("*")
        if path.is_file() and path.suffix != ".pyc"
        for word in message.findall(path.read_text())
    }
    assert found - LEGITIMATE == set()
