"""An intake of days, with a landing place and a store; validation is Great Expectations' own."""

from __future__ import annotations

import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline import load_intake
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.validate import validate
from ckpt_ops.slices import load_manifest, read_slice
from ckpt_ops.store import LocalStore

SUITE = {
    "name": "days",
    "meta": {"bad_rows_at_most": 0.3},
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "n", "min_value": 0},
            "meta": {"bad_rows": "set aside", "why": "nothing is counted below zero"},
        },
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "word"}},
    ],
}
PIPELINE = """
import pyarrow as pa
from ckpt_ops.pipeline import Intake
from ckpt_ops.slices import Files

SCHEMA = pa.schema([("n", pa.int64()), ("word", pa.string())])
source = Files(name="days", schema=SCHEMA, template="days/{key}.csv")
days = Intake(name="days", source=source, expectations="e.json")
"""
KEY = "2013-01-06"
GOOD, BAD, WORSE = (
    "n,word\n1,a\n2,b\n3,c\n4,d\n",
    "n,word\n1,a\n-2,b\n3,c\n4,d\n",
    "n,word\n-1,a\n-2,b\n3,c\n",
)


class Days:
    """A folder of DAGs with one intake, a landing place and a store."""

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("dags/days", "landing", "store"):
            (folder / name).mkdir(parents=True)
        self.suite = folder / "dags/days/e.json"
        self.suite.write_text(json.dumps(SUITE))
        (folder / "dags/days/__init__.py").touch()
        (folder / "dags/days/pipeline.py").write_text(PIPELINE)
        self.landing, self.store = LocalStore(folder / "landing"), LocalStore(folder / "store")
        monkeypatch.setenv("CKPT_OPS_LANDING", self.landing.url)
        monkeypatch.setenv("CKPT_OPS_STORE", self.store.url)
        monkeypatch.setenv("CKPT_OPS_DAGS", str(folder / "dags"))
        monkeypatch.setattr(sys, "path", [str(folder / "dags"), *sys.path])
        self.intake = load_intake("days")
        self.log = ModelLog(self.store, "days")

    def run(self, text: str, key: str = KEY, **changes: Any) -> dict[str, Any]:
        self.landing.put(f"days/{key}.csv", text.encode())
        intake = replace(self.intake, **changes) if changes else self.intake
        return validate(intake, self.store, key, pull(intake, self.store, key).revision)

    def rows(self, revision: str, key: str = KEY) -> list[Any]:
        return read_slice(self.store, load_manifest(self.store, "days", key, revision))["n"].to_pylist()
