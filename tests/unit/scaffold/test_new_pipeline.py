"""A pipeline from a look at files: its code is as its owner would have written it, or nothing is written."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from first_rows import of_day
from typer.testing import CliRunner

from ckpt_ops.cli.main import app
from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.scaffold import Asked, new_source
from ckpt_ops.scaffold.model.label import Task
from ckpt_ops.scaffold.new_pipeline import AskedModel, WrittenPipeline, new_pipeline

PROJECT = Path(__file__).parents[3]
DAYS = ["2024-03-04", "2024-03-05", "2024-03-06"]


LABELS = {
    "made_binary": ("sold", {}),
    "made_classes": ("class", {}),
    "made_number": ("price", {}),
    "made_ranking": ("grade", {"group": "query"}),
    "made_text_alone": (
        "sold",
        {"without": ["at", "since", "size", "Größe in m²", "shop_id", "floor", "new"]},
    ),
    "made_number_of_codes": (
        "price",
        {"without": ["at", "since", "size", "Größe in m²", "new", "kind", "a/b"]},
    ),
    "made_days": ("price", {"without": ["size", "Größe in m²", "new", "kind", "a/b", "shop_id", "floor"]}),
}
OTHERS = ("sold", "class", "price", "grade", "query")


@dataclass(frozen=True)
class Made:
    dags: Path
    written: dict[str, WrittenPipeline]


@pytest.fixture(scope="module")
def landing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("landing")
    for seed, day in enumerate(DAYS):
        pq.write_table(of_day(day, seed), folder / f"{day}.parquet")
    return folder


@pytest.fixture(scope="module")
def made(landing: Path, tmp_path_factory: pytest.TempPathFactory) -> Made:
    project = tmp_path_factory.mktemp("project")
    dags = project / "dags"
    dags.mkdir()
    for package in ("ckpt_ops", "plugins"):
        (project / package).symlink_to(PROJECT / package)
    shutil.copy(PROJECT / "pyproject.toml", project)
    written = {}
    for name, (label, options) in LABELS.items():
        without = [each for each in OTHERS if each not in (label, options.get("group"))]
        model = AskedModel(
            label=label, group=options.get("group", ""), without=[*options.get("without", ()), *without]
        )
        written[name] = new_pipeline(Asked(name=name, origin=str(landing), label=label), model, dags)
    return Made(dags, written)


def test_what_is_predicted_is_told_from_the_label(made: Made) -> None:
    tasks = {name: one.target.task for name, one in made.written.items()}
    assert tasks["made_binary"] is Task.BINARY
    assert tasks["made_classes"] is Task.CLASSES
    assert tasks["made_number"] is Task.NUMBER
    assert tasks["made_ranking"] is Task.RANKING


@pytest.mark.parametrize("arguments", [["check"], ["format", "--check", "--diff"]])
def test_every_line_is_laid_out_as_this_projects_own(made: Made, arguments: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "ruff", *arguments, "--no-cache", "dags"],
        cwd=made.dags.parent,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.slow
def test_every_line_has_the_types_that_it_says(made: Made) -> None:
    """Strict, as all of this project; with the cache that `make types` leaves, in seconds."""
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "mypy",
            "--config-file",
            PROJECT / "pyproject.toml",
            "--explicit-package-bases",
        ]
        + [made.dags / name / "model.py" for name in made.written]
        + [made.dags / name / "pipeline.py" for name in made.written]
        + [made.dags / name / "dag.py" for name in made.written]
        + [made.dags / name / f"test_{name}.py" for name in made.written],
        cwd=PROJECT,
        env={"MYPYPATH": f"{PROJECT}:{PROJECT / 'plugins'}:{made.dags}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("name", LABELS)
def test_the_description_is_one_and_its_gates_begin_with_an_absolute_one(made: Made, name: str) -> None:
    pipeline = load_pipeline(name, made.dags)
    assert pipeline.gates[0].__class__.__name__ in ("AtLeast", "AtMost")
    assert [type(gate).__name__ for gate in pipeline.gates[1:]] == ["NotWorseThan", "Servable"]
    suite = json.loads((made.dags / name / "expectations.json").read_text())
    assert "not_asked" not in suite["meta"]
    drift = [line for line in suite["expectations"] if line["type"] == "expect_column_psi_to_be_at_most"]
    assert [line["kwargs"]["column"] for line in drift] == [pipeline_label(made, name)]


def pipeline_label(made: Made, name: str) -> str:
    return made.written[name].target.column


def test_the_command_says_what_each_column_becomes(
    landing: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "dags").mkdir()
    monkeypatch.chdir(tmp_path)
    arguments = ["init", "made_told", "--from", str(landing), "--label", "sold", "--without", "price"]
    done = CliRunner().invoke(app, [*arguments, "--json"])
    assert done.exit_code == 0, done.output
    told = json.loads(done.stdout)
    columns = {each["column"]: each for each in told["columns"]}
    assert told["label"] == {
        "column": "sold", "task": "binary", "why": "two values: False and True", "group": "",
    }  # fmt: skip
    assert columns["at"]["becomes"] == "hour and weekday"
    assert columns["row"]["why"] == "an identifier: nearly all rows have a number of their own"
    assert columns["price"]["why"] == "--without says so"
    assert (tmp_path / "dags" / "made_told" / "model.py").is_file()
    again = CliRunner().invoke(app, arguments)
    assert again.exit_code != 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label": "solt"}, "--label sold"),
        ({"label": "row", "task": Task.BINARY}, "two values for --task binary"),
        ({"label": "sold", "without": ["no"]}, "--without"),
        ({"label": "grade", "group": "no"}, "--group"),
    ],
)
def test_what_cannot_be_leaves_nothing_behind(
    landing: Path, tmp_path: Path, options: dict[str, Any], message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        new_pipeline(
            Asked(name="made_badly", origin=str(landing), label=options["label"]),
            AskedModel(**options),
            tmp_path,
        )
    assert message in f"{caught.value} {caught.value.next}"
    assert list(tmp_path.iterdir()) == []


def test_a_source_whose_label_is_known_watches_its_drift(landing: Path, tmp_path: Path) -> None:
    new_source(Asked(name="made_labelled", origin=str(landing), label="sold"), tmp_path)
    suite = json.loads((tmp_path / "made_labelled" / "expectations.json").read_text())
    drift = [line for line in suite["expectations"] if line["type"] == "expect_column_psi_to_be_at_most"]
    assert [(line["kwargs"]["column"], line["severity"]) for line in drift] == [("sold", "warning")]
    with pytest.raises(BadInput) as caught:
        new_source(Asked(name="made_other", origin=str(landing), label="solt"), tmp_path)
    assert caught.value.next == "--label sold"
    with pytest.raises(BadInput, match="a field of JSON lines"):
        new_source(Asked(name="made_other", origin=str(landing), without=["sold"]), tmp_path)


def test_a_first_slice_of_one_class_is_said(tmp_path: Path) -> None:
    for folder in ("landing", "dags"):
        (tmp_path / folder).mkdir()
    for seed, day in enumerate(DAYS):
        rows = of_day(day, seed)
        if not seed:
            rows = rows.set_column(rows.column_names.index("sold"), "sold", pa.array([False] * rows.num_rows))
        pq.write_table(rows, tmp_path / "landing" / f"{day}.parquet")
    asked = Asked(name="made_of_one", origin=str(tmp_path / "landing"), label="sold")
    written = new_pipeline(asked, AskedModel(label="sold"), tmp_path / "dags")
    assert any(f"begin with {DAYS[1]}" in note for note in written.notes), written.notes
