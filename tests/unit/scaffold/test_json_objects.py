"""Nested JSON: fields of objects become columns, read as such; what no row can hold is refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ckpt_ops.contract import check_source
from ckpt_ops.errors import BadInput, SliceUnreadable
from ckpt_ops.pipeline import load_intake
from ckpt_ops.scaffold import Asked, new_source
from ckpt_ops.slices import Files
from ckpt_ops.slices.formats import JsonLines

DAYS = ["2025-01-01", "2025-01-02"]


def made(tmp_path: Path, name: str, *days: list[dict[str, Any]], **options: Any) -> Files:
    for folder in ("landing", "dags"):
        (tmp_path / folder).mkdir(exist_ok=True)
    for day, rows in zip(DAYS, days, strict=True):
        (tmp_path / "landing" / f"{day}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    new_source(Asked(name=name, origin=str(tmp_path / "landing"), **options), tmp_path / "dags")
    source = load_intake(name, tmp_path / "dags").source
    assert isinstance(source, Files)
    return source


def row(n: int, **more: Any) -> dict[str, Any]:
    at = {"city": f"c{n % 3}", "pos": {"lat": n / 10, "tags": ["a", "b"]}}
    return {"id": n, "user": at, "since": {"day": "2024-05-06"}, **more}


def test_fields_of_objects_become_columns_in_their_types(tmp_path: Path) -> None:
    first = [row(n) for n in range(60)]
    second = [row(n) if n % 2 else {"id": n, "user": None, "more": {}} for n in range(60)]
    source = made(tmp_path, "made_nested", first, second)
    assert source.format == JsonLines(flatten=True)
    assert source.schema == pa.schema(
        [
            ("id", pa.int64()),
            ("user.city", pa.string()),
            ("user.pos.lat", pa.float64()),
            ("user.pos.tags", pa.list_(pa.string())),
            ("since.day", pa.date32()),
        ]
    )
    assert [check for check in check_source(source) if not check.passed] == []
    rows = pa.Table.from_batches(list(source.read(DAYS[1]))).to_pylist()
    assert rows[0] == {
        "id": 0, "user.city": None, "user.pos.lat": None, "user.pos.tags": None, "since.day": None,
    }  # fmt: skip
    assert rows[1]["user.pos.lat"] == 0.1


def test_plain_objects_are_read_as_before(tmp_path: Path) -> None:
    rows = [{"a.b": n, "c": [n]} for n in range(5)]
    source = made(tmp_path, "made_plain", rows, rows)
    assert source.format is None
    assert source.schema.names == ["a.b", "c"]
    assert repr(JsonLines()) == "JsonLines()"


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([row(1, items=[{"sku": 1}, {"sku": 2}])], "--without items"),
        ([row(1, cart={"items": [{"sku": 1}]})], "--without cart.items"),
        ([row(1, deep=[[{"a": 1}]])], "--without deep"),
        ([row(1), {"id": 2, "user": "anna"}], "an object in all lines, or in none"),
        ([row(1, **{"user.city": "x"})], "a name without '.' beside objects"),
        ([row(n, by={f"k{n}-{m}": m for m in range(400)}) for n in range(4)], "--without FIELD"),
    ],
)
def test_what_no_row_can_hold_is_refused_with_what_to_do(
    tmp_path: Path, rows: list[dict[str, Any]], message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        made(tmp_path, "made_badly", rows, rows)
    assert message in f"{caught.value} {caught.value.next}"
    assert list((tmp_path / "dags").iterdir()) == []


def test_a_field_that_is_left_out_is_no_column_and_has_to_be_there(tmp_path: Path) -> None:
    rows = [row(n, cart={"items": [{"sku": 1}], "n": 1}) for n in range(9)]
    source = made(tmp_path, "made_without", rows, rows, without=["cart.items", "user"])
    assert source.schema.names == ["id", "since.day", "cart.n"]
    assert next(iter(source.read(DAYS[0])), None) is not None
    with pytest.raises(BadInput, match="--without='basket'"):
        made(tmp_path, "made_without_it", rows, rows, without=["basket"])


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"id": 7, "user": "anna"}', 'no string in line 3, column user.city: "anna"'),
        ('{"id": 7, "user": {"city": 5}}', "no string in line 3, column user.city: 5"),
        ('{"id": 7, "user": {"pos": {"lat": "x"}}}', 'no double in line 3, column user.pos.lat: "x"'),
        ('{"id": 7, "user": [1]}', "no string in line 3, column user.city: [1]"),
    ],
)
def test_a_line_that_does_not_fit_is_named_by_its_column(tmp_path: Path, line: str, message: str) -> None:
    rows = [row(n) for n in range(2)]
    source = made(tmp_path, "made_then_bad", rows, rows)
    with (tmp_path / "landing" / f"{DAYS[0]}.jsonl").open("a") as file:
        file.write(line + "\n")
    with pytest.raises(SliceUnreadable) as caught:
        list(source.read(DAYS[0]))
    assert message in str(caught.value)
