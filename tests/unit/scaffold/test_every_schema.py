"""Whatever columns files have: what `new source` writes is imported, keeps its contract, accepts them."""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_ops.contract import check_source
from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline import load_intake
from ckpt_ops.runs.steps import run_slice
from ckpt_ops.scaffold import Asked, new_source
from ckpt_ops.scaffold.type_code import column_code
from ckpt_ops.store import LocalStore

DAYS = ["2013-01-06", "2013-01-07", "2013-01-08"]
ROWS = 8
Drawn = tuple[pa.DataType, st.SearchStrategy[Any]]
NUMBERS = itertools.count()
MOMENT = st.datetimes(datetime(1990, 1, 1), datetime(2020, 1, 1)).map(lambda at: at.replace(microsecond=0))


def utc(at: datetime) -> datetime:
    return at.replace(tzinfo=UTC)


PLAIN: list[Drawn] = [
    *((kind, st.integers(0, 100)) for kind in (pa.int8(), pa.int64(), pa.uint8(), pa.uint32())),
    *((kind, st.floats(-1e6, 1e6, width=32)) for kind in (pa.float32(), pa.float64())),
    (pa.bool_(), st.booleans()),
    *((kind, st.text("abcé\"'\\", max_size=4)) for kind in (pa.string(), pa.large_string())),
    *((kind, st.binary(max_size=4)) for kind in (pa.binary(), pa.large_binary())),
    (pa.binary(3), st.binary(min_size=3, max_size=3)),
    *((pa.timestamp(unit), MOMENT) for unit in ("ms", "us", "ns")),
    *((pa.timestamp("us", tz=zone), MOMENT.map(utc)) for zone in ("UTC", "+00:00", "Europe/Berlin")),
    (pa.date32(), st.dates(date(1990, 1, 1), date(2020, 1, 1))),
    (pa.time64("us"), st.times()),
    (pa.time32("ms"), st.integers(0, 86_399).map(lambda s: time(s // 3600, s // 60 % 60, s % 60))),
    *((pa.duration(unit), st.integers(0, 9999).map(lambda s: timedelta(seconds=s))) for unit in ("ms", "ns")),
    (pa.decimal128(10, 2), st.integers(-(10**6), 10**6).map(lambda cents: Decimal(cents) / 100)),
    (pa.decimal256(50, 3), st.integers(0, 10**9).map(lambda mills: Decimal(mills) / 1000)),
    (pa.dictionary(pa.int32(), pa.string()), st.sampled_from(["a", "b"])),
    (pa.null(), st.none()),
]
# Not null within others: Arrow reads broken arrays of it back from Parquet.
INNER = [each for each in PLAIN if not pa.types.is_dictionary(each[0]) and not pa.types.is_null(each[0])]
PLAIN.append((pa.list_(pa.null()), st.just([])))


def nested(inner: st.SearchStrategy[Drawn]) -> st.SearchStrategy[Drawn]:
    def of_parts(parts: list[Drawn]) -> Drawn:
        names = ["first", 'with "quotes"', "and space"][: len(parts)]
        kind = pa.struct([(name, part) for name, (part, _) in zip(names, parts, strict=True)])
        return kind, st.fixed_dictionaries({n: v for n, (_, v) in zip(names, parts, strict=True)})

    lists = inner.map(lambda one: (pa.list_(one[0]), st.lists(one[1], max_size=3)))
    large = inner.map(lambda one: (pa.large_list(one[0]), st.lists(one[1], max_size=3)))
    maps = inner.map(
        lambda one: (
            pa.map_(pa.string(), one[0]),
            st.dictionaries(st.text("kl", max_size=2), one[1]).map(list_of),
        )
    )
    return st.one_of(lists, large, maps, st.lists(inner, min_size=1, max_size=3).map(of_parts))


def list_of(pairs: dict[str, Any]) -> list[tuple[str, Any]]:
    return list(pairs.items())


# Not within others: Arrow cannot read those back from Parquet where one is null.
SIZED = st.sampled_from(INNER).map(
    lambda one: (pa.list_(one[0], 2), st.lists(one[1], min_size=2, max_size=2))
)
TYPES = st.one_of(
    st.sampled_from(PLAIN), SIZED, nested(st.recursive(st.sampled_from(INNER), nested, max_leaves=3))
)


@st.composite
def tables(draw: st.DrawFn) -> list[pa.Table]:
    """A day's rows each; the same columns, with nulls here and there, or nowhere."""
    columns = draw(st.lists(TYPES, min_size=1, max_size=5))
    some_null = draw(st.booleans())
    days = []
    for _ in DAYS:
        first = ROWS * len(days)  # the same rows on two days would be one delivery under two keys
        arrays = {"id": pa.array(range(first, first + ROWS), pa.int64())}
        for at, (kind, values) in enumerate(columns):
            value = st.none() | values if some_null else values
            drawn = draw(st.lists(value, min_size=ROWS, max_size=ROWS))
            arrays[f"c{at}"] = pa.array(drawn, kind)
        days.append(pa.table(arrays))
    return days


@pytest.fixture(scope="module")
def place() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as folder:
        yield Path(folder)


examples = partial(settings, deadline=None, suppress_health_check=list(HealthCheck))


@examples(max_examples=8)
@given(days=tables())
def test_what_is_written_accepts_what_was_seen(place: Path, days: list[pa.Table]) -> None:
    accepts_what_was_seen(place, days)


@pytest.mark.soak
@examples(max_examples=200)
@given(days=tables())
def test_what_is_written_for_many_schemas_accepts_what_was_seen(place: Path, days: list[pa.Table]) -> None:
    accepts_what_was_seen(place, days)


def accepts_what_was_seen(place: Path, days: list[pa.Table]) -> None:
    name = f"every_schema_{next(NUMBERS)}"
    root = place / name
    for folder in ("landing", "dags", "store"):
        (root / folder).mkdir(parents=True)
    for key, table in zip(DAYS, days, strict=True):
        pq.write_table(table, root / "landing" / f"{key}.parquet")
    new_source(Asked(name=name, origin=str(root / "landing")), root / "dags")
    intake = load_intake(name, root / "dags")
    failed = [check for check in check_source(intake.source) if not check.passed]
    assert not failed, failed
    for key in DAYS:
        done = run_slice(intake, LocalStore(root / "store"), key, report=lambda line: None)
        assert done.decision.startswith("accepted"), (done, days[0].schema)
        assert done.validated.rows == ROWS, "no row that was looked at is a bad one"


@given(drawn=TYPES)
def test_a_type_is_read_back_from_its_code(drawn: Drawn) -> None:
    assert eval(column_code("c", drawn[0]), {"pa": pa}) == drawn[0]


def test_a_type_that_no_code_stands_for_is_refused_by_its_column(tmp_path: Path) -> None:
    (tmp_path / "dags").mkdir()
    (tmp_path / "landing").mkdir()
    odd = pa.array(["{}"] * 3, pa.json_(pa.string()))
    for key in DAYS:
        pq.write_table(pa.table({"id": [1, 2, 3], "odd": odd}), tmp_path / "landing" / f"{key}.parquet")
    with pytest.raises(BadInput, match=r"column 'odd'='extension<arrow\.json>'"):
        new_source(Asked(name="made_odd", origin=str(tmp_path / "landing")), tmp_path / "dags")
    assert list((tmp_path / "dags").iterdir()) == []
