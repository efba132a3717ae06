"""A column that comes or goes: old revisions stay, and every reader sees the declared columns."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.csv as arrow_csv
import pytest
from landed import parquet

from ckpt_ops.column_times import ColumnTimes, Since, Until
from ckpt_ops.contract import check_source
from ckpt_ops.errors import BadInput, SliceUnreadable
from ckpt_ops.pipeline import Intake
from ckpt_ops.slices import Files, HttpPages, Period, pull, read_slice
from ckpt_ops.slices.declared import columns_of, declared_at, in_words_for
from ckpt_ops.slices.pull import pulled_revision
from ckpt_ops.slices.reading import staged, staged_as_declared
from ckpt_ops.store import LocalStore

W1, W2, W3 = "2013-01-06", "2013-01-13", "2013-01-20"
BEFORE = pa.schema([("n", pa.int64()), ("tail", pa.string())])
SCHEMA = pa.schema([("n", pa.int64()), ("weather", pa.string()), ("tail", pa.string())])
TIMES: ColumnTimes = {"weather": Since(W2, default="none"), "tail": Until(W3, default=None)}
LANDED = {
    W1: pa.table({"n": [1, 2], "tail": ["a", "b"]}),
    W2: pa.table({"n": [3, 4], "tail": ["c", None], "weather": ["rain", None]}),
    W3: pa.table({"weather": ["sun"], "n": [5]}),
}
SEEN = {
    W1: [(1, "none", "a"), (2, "none", "b")],
    W2: [(3, "rain", "c"), (4, None, None)],
    W3: [(5, "sun", None)],
}


def csv(table: pa.Table) -> bytes:
    sink = pa.BufferOutputStream()
    arrow_csv.write_csv(table, sink)
    return bytes(sink.getvalue())


def jsonlines(table: pa.Table) -> bytes:
    return b"".join(json.dumps(row).encode() + b"\n" for row in table.to_pylist())


WRITERS = {".parquet": parquet, ".csv": csv, ".jsonl": jsonlines}


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "store").mkdir()
    return LocalStore(tmp_path / "store")


def files(tmp_path: Path, ending: str = ".parquet", **settings: Any) -> Files:
    (tmp_path / "landing").mkdir(exist_ok=True)
    for key, table in LANDED.items():
        (tmp_path / "landing" / f"{key}{ending}").write_bytes(WRITERS[ending](table))
    url = (tmp_path / "landing").as_uri()
    given = {"schema": SCHEMA, "column_times": TIMES, **settings}
    return Files(name="weeks", template="{key}" + ending, url=url, **given)


def seen(store: LocalStore, source: Any, key: str, columns: list[str] | None = None) -> list[tuple[Any, ...]]:
    with staged_as_declared(store, source, pull(store, source, key)) as rows:
        names = columns or SCHEMA.names
        assert {*SCHEMA.names} <= {*rows.schema.names}
        table = pa.Table.from_batches(rows.batches(columns), rows.schema if columns is None else None)
        return [tuple(row[name] for name in names) for row in table.to_pylist()]


@pytest.mark.parametrize("ending", WRITERS)
def test_readers_see_the_declared_columns_of_every_slice(
    store: LocalStore, tmp_path: Path, ending: str
) -> None:
    source = files(tmp_path, ending)
    assert {key: seen(store, source, key) for key in LANDED} == SEEN
    # what is stored is what came
    assert read_slice(store, pull(store, source, W1)).column_names == ["n", "tail"]


def test_one_column_alone_stored_or_not(store: LocalStore, tmp_path: Path) -> None:
    source = files(tmp_path)
    assert seen(store, source, W1, ["weather"]) == [("none",), ("none",)]
    assert seen(store, source, W3, ["tail", "n"]) == [(None, 5)]
    with staged_as_declared(store, source, pull(store, source, W1)) as rows:
        assert sum(batch.num_rows for batch in rows.batches(["weather"])) == rows.rows
        with pytest.raises(SliceUnreadable, match="no column 'wind'"):
            list(rows.batches(["wind"]))


@pytest.mark.parametrize("ending", WRITERS)
def test_a_declaration_makes_no_new_revision_of_an_older_slice(
    store: LocalStore, tmp_path: Path, ending: str
) -> None:
    source = files(tmp_path, ending)
    before = replace(source, schema=BEFORE, column_times={})
    revision = pull(store, before, W1).revision
    assert pull(store, source, W1).revision == revision
    assert pulled_revision(store, source, W1) == revision
    # another default changes nothing of what is stored, and nothing is read again for it
    other = replace(source, column_times={**TIMES, "weather": Since(W2, default="")})
    assert pulled_revision(store, other, W1) == revision
    assert seen(store, other, W1)[0] == (1, "", "a")


def test_json_that_names_a_column_before_its_time_is_as_without_it(store: LocalStore, tmp_path: Path) -> None:
    """JSON has no columns: a writer of today writes nulls into the weeks of then, too."""
    source = files(tmp_path, ".jsonl")
    revision = pull(store, source, W1).revision
    rows = [{"n": 1, "tail": "a", "weather": None}, {"n": 2, "tail": "b", "weather": None}]
    (tmp_path / "landing" / f"{W1}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert pull(store, source, W1).revision == revision


def test_a_slice_that_came_with_the_column_before_it_was_declared_has_its_values(
    store: LocalStore, tmp_path: Path
) -> None:
    source = files(tmp_path)
    manifest = pull(store, replace(source, schema=BEFORE, column_times={}), W2)
    with staged(store, manifest) as rows:
        assert rows.schema.names == ["n", "tail", "weather"]
    assert seen(store, source, W2) == SEEN[W2]


class Own:
    """A source of one's own: it says when its columns are there, and no more."""

    name = "own"
    schema = SCHEMA

    def __init__(self, **times: Any) -> None:
        self.column_times = times

    def keys(self, start: datetime, end: datetime) -> list[str]:
        return [key for key in LANDED if start.isoformat()[:10] <= key < end.isoformat()[:10]]

    def fingerprint(self, key: str) -> str:
        if key not in LANDED:
            raise BadInput("slice key", key, "a week")
        return key

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        self.fingerprint(key)
        yield from LANDED[key].to_batches()


def test_a_source_of_ones_own_declares_it_by_an_attribute(store: LocalStore) -> None:
    own = Own(**TIMES)
    assert {key: seen(store, own, key) for key in LANDED} == SEEN
    found = {check.name: check for check in check_source(own, [W1, W2, W3])}
    assert found["types match the declared schema"].passed
    times = found["columns have their times"]
    assert times.passed
    assert times.message == (
        f"weather since slice {W2}, tail until slice {W3}; weather = 'none' in {W1}; tail = null in {W3}"
    )
    assert "columns have their times" not in {check.name for check in check_source(Own(), [W2])}


def test_a_check_of_a_source_finds_a_slice_that_is_not_as_declared(tmp_path: Path) -> None:
    late = files(tmp_path, column_times={**TIMES, "weather": Since(W3, default="none")})
    early = replace(late, column_times={**TIMES, "weather": Since(W1, default="none")})
    for source, said in (
        (
            late,
            f"slice {W2}: column weather came as string outside its time: it is declared since slice {W3}",
        ),
        (early, f"slice {W1}: column weather is missing: declared as string since slice {W1}"),
    ):
        found = {check.name: check for check in check_source(source, list(LANDED))}
        assert said in found["types match the declared schema"].message
        assert not found["types match the declared schema"].passed


@pytest.mark.parametrize(
    ("times", "field"),
    [
        ({"weather": Since("2013-1-6", default=None)}, "column_times['weather'].key"),
        ({"weather": Since("20130106", default=None)}, "column_times['weather'].key"),
        ({"weather": Until("later/..", default=None)}, "column_times['weather'].key"),
        ({"weather": Since(W1, until="2013-02", default=None)}, "column_times['weather'].until"),
        ({"weather": Since(W1, default=7)}, "column_times['weather'].default"),
        ({"wind": Since(W1, default=None)}, "column_times"),
    ],
)
def test_bad_times_are_refused_when_the_source_is_made(
    tmp_path: Path, times: dict[str, Any], field: str
) -> None:
    kinds: list[Any] = [
        lambda: files(tmp_path, column_times=times),
        lambda: HttpPages(name="api", schema=SCHEMA, url="http://h/x", period=Period.DAY, column_times=times),
    ]
    for make in kinds:
        with pytest.raises(BadInput) as refused:
            make()
        assert refused.value.field == field


def test_bad_times_of_a_source_of_ones_own_are_refused_before_anything_is_pulled(store: LocalStore) -> None:
    with pytest.raises(BadInput, match=r"column_times\['weather'\]\.default=7"):
        Intake(name="own", source=Own(weather=Since(W1, default=7)), expectations="e.json")
    with pytest.raises(BadInput, match="a key as source own writes them, such as '2013-01-06'"):
        pull(store, Own(weather=Since("20130106", default="none")), W1)
    assert list(store.list("slices/")) == []


def test_a_plan_says_which_slices_are_without_a_column(tmp_path: Path) -> None:
    source = files(tmp_path)
    assert in_words_for(source, [W3, W1, W2]) == [
        f"Column weather is declared since slice {W2}: 1 of these slices are without it ({W1}), "
        "and models see 'none' in them.",
        f"Column tail is declared until slice {W3}: 1 of these slices are without it ({W3}), "
        "and models see null in them.",
    ]
    assert in_words_for(replace(source, column_times={}), [W1]) == []
    assert declared_at(source, W1).names == ["n", "tail"]
    assert columns_of(source, W1)["tail"].here
