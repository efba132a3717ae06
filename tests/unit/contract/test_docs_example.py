"""The source that docs/how-to/add-a-source.md shows keeps the contract, on a real database."""

from __future__ import annotations

import itertools
import re
import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

import pyarrow as pa
import pytest

from ckpt_ops.contract import check_source
from ckpt_ops.errors import SliceMissing

PAGE = Path(__file__).parents[3] / "docs/how-to/add-a-source.md"


@pytest.fixture
def example(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The page's Python as a module, with the names that it takes for granted."""
    (code,) = re.findall(r"```python\n(.*?)```", PAGE.read_text(), re.DOTALL)
    module = ModuleType("docs_example")
    for name, value in {
        "Any": Any,
        "Iterator": Iterator,
        "SliceMissing": SliceMissing,
        "closing": closing,
        "dataclass": dataclass,
        "datetime": datetime,
        "itertools": itertools,
        "pa": pa,
        "sqlite3": sqlite3,
        "timedelta": timedelta,
    }.items():
        setattr(module, name, value)
    monkeypatch.setitem(sys.modules, "docs_example", module)
    exec(compile(code, str(PAGE), "exec"), module.__dict__)
    return module


def test_the_example_keeps_every_promise(example: ModuleType, tmp_path: Path) -> None:
    path = tmp_path / "orders.db"
    days = ["2025-11-01", "2025-11-02"]
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("CREATE TABLE orders (id INTEGER, day TEXT, price REAL)")
        rows = [(n, days[n % 2], n * 0.5) for n in range(120_000)]
        connection.executemany("INSERT INTO orders VALUES (?, ?, ?)", rows)
        connection.commit()

        def change() -> None:
            connection.execute("UPDATE orders SET price = 9 WHERE id = 7")
            connection.execute("UPDATE orders SET price = 9 WHERE id = 8")
            connection.commit()

        checks = check_source(example.SqliteDays(path=str(path)), change=change)
    assert [check for check in checks if not check.passed] == []
