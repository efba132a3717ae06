"""What the site is made of: pages from the code, and a check that finds what a reader would trip over."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest
import typer.main

from ckpt_ops.cli.main import app
from ckpt_ops.pipeline import Pipeline
from docs.site.api import Code, package_page, settings_table
from docs.site.checking import problems
from docs.site.commands import command_reference
from docs.site.staging import PROJECT, stage


@pytest.fixture(scope="module")
def code() -> Code:
    return Code([PROJECT, PROJECT / "plugins"])


def test_every_setting_of_a_pipeline_has_a_row_with_its_meaning_and_default(code: Code) -> None:
    rows = settings_table(code, "ckpt_ops.pipeline.Pipeline", {}).splitlines()
    for field in fields(Pipeline):
        (row,) = [row for row in rows if row.startswith(f"| `{field.name}` |")]
        assert row.split("|")[-2].strip(), f"{field.name} is not explained"
    assert any("| `batch_size` | `int` | `128` |" in row for row in rows)
    assert any("| `keep` | `Keep` | `Keep(last=3)` |" in row for row in rows)


@pytest.mark.parametrize("package", ["ckpt_ops.evaluation", "ckpt_ops.policies", "ckpt_ops_airflow"])
def test_every_public_name_of_a_package_is_on_its_page(package: str, code: Code) -> None:
    page = package_page(code, package, {})
    for name in code.public(package):
        assert f"\n## {name}\n" in f"\n{page}"


def test_a_name_in_a_docstring_leads_to_its_own_description(code: Code) -> None:
    page = package_page(code, "ckpt_ops.policies", {"Age": "policies.md#age"})
    assert "[`Age`](policies.md#age)" in page


def test_every_command_is_on_the_page_of_commands() -> None:
    page = command_reference(app)
    for name, command in typer.main.get_command(app).commands.items():  # type: ignore[attr-defined]
        for below in getattr(command, "commands", {"": None}):
            assert f" ckpt-ops {name} {below}".rstrip() + "\n" in page


def test_no_marker_is_left_on_a_staged_page(tmp_path: Path) -> None:
    stage(tmp_path / "pages")
    assert "<!-- " not in "".join(page.read_text() for page in (tmp_path / "pages").rglob("*.md"))


@pytest.mark.parametrize(
    ("body", "wrong"),
    [
        ('<script src="https://cdn.example.com/x.js"></script>', "from another host"),
        ('<img src="missing.png">', "which is not there"),
        ('<a href="other.html">', "which is not there"),
        ('<a href="#nowhere">', "no such anchor"),
        ('<link rel="stylesheet" href="//fonts.example.com/a.css">', "from another host"),
    ],
)
def test_a_page_that_needs_more_than_the_site_is_found(body: str, wrong: str, tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(f"<html><body id='top'>{body}</body></html>")
    (line,) = problems(tmp_path)
    assert wrong in line


def test_a_page_that_needs_nothing_else_is_fine(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text(
        "<h1 id='top'>x</h1><a href='page.html#top'>up</a> <a href='https://example.com'>elsewhere</a>"
    )
    assert problems(tmp_path) == []
