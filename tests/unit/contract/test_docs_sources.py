"""What docs/reference/sources.md shows can be built as it stands; its custom source keeps the contract."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from zipfile import ZipFile

import pytest

from ckpt_ops.contract import check_source
from ckpt_ops.slices import SliceSource

PAGE = Path(__file__).parents[3] / "docs/reference/sources.md"
EXAMPLES = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
Run = Callable[[str], ModuleType]
GIVEN = """
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zipfile import ZipFile, ZipInfo
import pyarrow as pa
from pyarrow import csv
from ckpt_ops.errors import SliceMissing
from ckpt_ops.slices import BigQueryTable, Files, HttpPages, Period, PostgresTable
from ckpt_ops.slices.formats import Csv
from ckpt_ops.slices.sources.paging import NextLink
"""


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch) -> Run:
    """Runs an example as a module of its own: what it defines can be pickled, as in a `source.py`."""

    def as_module(example: str) -> ModuleType:
        module = ModuleType("docs_sources")
        monkeypatch.setitem(sys.modules, "docs_sources", module)
        exec(compile(GIVEN + example, str(PAGE), "exec"), module.__dict__)
        return module

    return as_module


@pytest.mark.parametrize("example", [one for one in EXAMPLES if "\nsource = " in one])
def test_an_example_builds_a_source_and_connects_to_nothing(example: str, run: Run) -> None:
    assert isinstance(run(example).source, SliceSource)


def test_the_source_of_one_s_own_keeps_the_contract(tmp_path: Path, run: Run) -> None:
    (example,) = (one for one in EXAMPLES if "class ZippedDays" in one)
    path = tmp_path / "days.zip"

    def write(last: float) -> None:
        with ZipFile(path, "w") as archive:
            archive.writestr("2025-11-01.csv", f"id,price\n1,1.5\n2,{last}\n")
            archive.writestr("2025-11-02.csv", "id,price\n3,2.5\n")

    write(last=2.5)
    days = run(example).ZippedDays(path=str(path))
    checks = check_source(days, ["2025-11-01", "2025-11-02"], change=lambda: write(last=9.5))
    assert {check.name: check.message for check in checks if not check.passed} == {}
    assert len(checks) >= 9


def test_every_kind_of_source_has_an_example() -> None:
    shown = {found[1] for example in EXAMPLES if (found := re.search(r"^source = (\w+)\(", example, re.M))}
    assert {"PostgresTable", "BigQueryTable", "HttpPages"} <= shown
