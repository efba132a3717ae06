"""`ckpt-ops new source` and `ckpt-ops check source`: tables, JSON, exit codes; errors on standard error."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from ckpt_ops.cli.main import app

PROJECT = Path(__file__).parents[3]


@pytest.fixture
def ckpt_ops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Result]:
    """Runs the command in a project with an empty dags/ and two days of CSV in landing/."""
    (tmp_path / "dags").mkdir()
    (tmp_path / "landing").mkdir()
    for day in ("2013-01-06", "2013-01-07"):
        (tmp_path / "landing" / f"{day}.csv").write_text("n,word\n1,a\n2,b\n")
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("CKPT_OPS_DAGS", raising=False)
    monkeypatch.setenv("CKPT_OPS_HOME", str(tmp_path / "no-platform"))

    def invoke(*arguments: str) -> Result:
        return CliRunner().invoke(app, arguments)

    return invoke


def test_a_source_is_written_and_then_checked(ckpt_ops: Callable[..., Result], tmp_path: Path) -> None:
    done = ckpt_ops("new", "source", "cli_made", "--from", "landing")
    assert done.exit_code == 0, done.stderr
    for message in (
        "source.py",
        "expectations.json",
        "Next: ckpt-ops check source dags/cli_made",
        "pytest dags/cli_made",
    ):
        assert message in done.stdout
    assert "reading 2013-01-06, 2013-01-07" in done.stderr

    checked = ckpt_ops("check", "source", "dags/cli_made")
    assert checked.exit_code == 0, checked.output
    assert "All 13 promises are kept" in checked.stdout

    (tmp_path / "landing" / "2013-01-07.csv").write_text("n,word\none,a\n")
    broken = ckpt_ops("check", "source", "dags/cli_made", "--slice", "2013-01-07")
    assert broken.exit_code == 1
    assert "BROKEN" in broken.stdout
    assert "no int64" in re.sub(r"[\s│]+", " ", broken.stdout), "wherever its table breaks lines"
    only = ckpt_ops("check", "source", "dags/cli_made", "--slice", "2013-01-06", "--json")
    assert only.exit_code == 0
    assert {one["passed"] for one in json.loads(only.stdout)} == {True}


def test_a_column_that_comes_later_is_declared_in_what_was_written(
    ckpt_ops: Callable[..., Result], tmp_path: Path
) -> None:
    assert ckpt_ops("new", "source", "cli_timed", "--from", "landing").exit_code == 0
    path = tmp_path / "dags" / "cli_timed" / "source.py"
    text = path.read_text().replace('"word", pa.string()),', '"word", pa.string()), ("wet", pa.int64()),')
    text = text.replace("import Csv, Files", "import Csv, Files, Since")
    times = 'column_times={"wet": Since("2013-01-07", default=0)}'
    path.write_text(text.replace("    schema=SCHEMA,", f"    schema=SCHEMA,\n    {times},"))
    (tmp_path / "landing" / "2013-01-07.csv").write_text("n,word,wet\n1,a,7\n2,b,8\n")

    checked = ckpt_ops("check", "source", "dags/cli_timed")
    assert checked.exit_code == 0, checked.output
    assert "All 14 promises are kept" in checked.stdout
    said = re.sub(r"[\s│]+", " ", checked.stdout)
    assert "wet since slice 2013-01-07; wet = 0 in 2013-01-06" in said

    (tmp_path / "store").mkdir()
    planned = ckpt_ops("plan", "cli_timed", "--store", (tmp_path / "store").as_uri())
    assert planned.exit_code == 0, planned.output
    assert (
        "Column wet is declared since slice 2013-01-07: 1 of these slices are without it (2013-01-06), "
        "and models see 0 in them." in planned.stdout
    )

    # the test that was written beside it, on the sample of before
    chosen = ["dags/cli_timed", "-k", "suite and 2013-01-06"]
    ran = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), *chosen],
        env={**os.environ, "PYTHONPATH": os.pathsep.join([str(PROJECT), str(tmp_path / "dags")])},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, "1 passed" in ran.stdout) == (0, True), ran.stdout


def test_what_was_written_as_json(ckpt_ops: Callable[..., Result], tmp_path: Path) -> None:
    done = ckpt_ops("new", "source", "cli_json", "--from", "landing", "--schedule", "daily", "--json")
    said = json.loads(done.stdout)
    assert said["folder"] == str(tmp_path / "dags" / "cli_json")
    assert "sample/2013-01-06.csv" in said["files"]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["new", "source", "Bad", "--from", "landing"], "NAME='Bad'"),
        (["new", "source", "cli_bad", "--from", "nowhere"], "--from='nowhere'"),
        (["new", "source", "cli_bad", "--from", "landing", "--template", "x/{key}.csv"], "--template="),
        (["new", "source", "cli_bad", "--from", "landing", "--schedule", "often"], "--schedule="),
        (["new", "source", "cli_bad"], "--from"),
        (["check", "source", "dags/nothing"], "ckpt-ops new source nothing --from URL"),
    ],
)
def test_what_is_refused_has_exit_code_2_and_writes_nothing(
    ckpt_ops: Callable[..., Result], tmp_path: Path, arguments: list[str], message: str
) -> None:
    done = ckpt_ops(*arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert "Traceback" not in done.output
    assert list((tmp_path / "dags").iterdir()) == []


def test_code_that_cannot_be_imported_is_named(ckpt_ops: Callable[..., Result], tmp_path: Path) -> None:
    folder = tmp_path / "dags" / "cli_typo"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "pipeline.py").write_text("from ckpt_ops.pipeline import Intaek\n")
    done = ckpt_ops("check", "source", "dags/cli_typo")
    assert done.exit_code == 2
    assert "Intaek" in done.stderr
    assert "Traceback" not in done.output
