"""Which DAG files are parsed again after an edit."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from ckpt_ops.embedded.airflow import DAG_BUNDLE, file_token
from ckpt_ops.embedded.edited import EditedDags

DAG = "from ckpt_ops_airflow import retraining_dag  # of Airflow\n"


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    for name in ("flights", "ratings"):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "dag.py").write_text(DAG)
        (folder / "pipeline.py").write_text("steps = 1\n")
    return tmp_path


def test_nothing_was_edited(dags: Path) -> None:
    assert EditedDags(dags).look() == []


def test_what_a_dag_file_imports_from_its_folder_asks_for_that_file_once(dags: Path) -> None:
    edited = EditedDags(dags)
    (dags / "flights" / "pipeline.py").write_text("steps = 22\n")
    assert edited.look() == ["flights/dag.py"]
    assert edited.look() == []


def test_a_file_of_the_same_size_is_told_by_its_time(dags: Path) -> None:
    edited = EditedDags(dags)
    path = dags / "ratings" / "pipeline.py"
    path.write_text("steps = 2\n")
    os.utime(path, ns=(1, 1))
    assert edited.look() == ["ratings/dag.py"]


def test_a_new_and_a_removed_file_count(dags: Path) -> None:
    edited = EditedDags(dags)
    (dags / "flights" / "expectations.json").write_text("{}")
    assert edited.look() == ["flights/dag.py"]
    (dags / "flights" / "expectations.json").unlink()
    assert edited.look() == ["flights/dag.py"]


def test_a_file_beside_the_folders_may_matter_to_all(dags: Path) -> None:
    edited = EditedDags(dags)
    (dags / "shared.py").write_text("rate = 1\n")
    assert edited.look() == ["flights/dag.py", "ratings/dag.py"]


def test_bytecode_and_logs_do_not_count(dags: Path) -> None:
    edited = EditedDags(dags)
    (dags / "flights" / "__pycache__").mkdir()
    (dags / "flights" / "__pycache__" / "pipeline.py").write_text("")
    (dags / "flights" / "notes.log").write_text("")
    assert edited.look() == []


def test_a_file_is_named_to_airflow_as_airflow_names_it() -> None:
    from itsdangerous import URLSafeSerializer

    named = URLSafeSerializer("secret").loads(file_token("flights/dag.py", "secret"))
    assert named == {"bundle_name": DAG_BUNDLE, "relative_fileloc": "flights/dag.py"}
