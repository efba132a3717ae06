"""Every format gives the rows that went in, from one file or several."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from landed import ENDINGS, GOOD, KEY, SCHEMA, Landed, written

from ckpt_ops.errors import BadInput, SliceChanging
from ckpt_ops.slices import Files
from ckpt_ops.slices.formats import Csv
from ckpt_ops.store import LocalStore

ROW = st.fixed_dictionaries(
    {
        "n": st.none() | st.integers(-(2**63), 2**63 - 1),
        "x": st.none() | st.floats(allow_nan=False),
        "word": st.none()
        | st.text("aé,;\"'\\\n\r\t ", max_size=4)
        | st.sampled_from(["NA", "null", "{", "nan"]),
        "flag": st.none() | st.booleans(),
        "at": st.none() | st.datetimes(datetime(1970, 1, 1), datetime(2999, 1, 1), timezones=st.just(UTC)),
        "day": st.none() | st.dates(date(1970, 1, 1), date(2999, 1, 1)),
    }
)


@settings(max_examples=120, deadline=None)
@given(st.sampled_from(ENDINGS), st.lists(st.lists(ROW, min_size=1, max_size=4), min_size=1, max_size=3))
def test_rows_in_rows_out_from_one_file_or_several(ending: str, rows: list[list[dict[str, object]]]) -> None:
    tables = [pa.Table.from_pylist(part, schema=SCHEMA) for part in rows]
    with TemporaryDirectory() as folder:
        landing = LocalStore(Path(folder))
        source = Files(
            name="made",
            url=landing.url,
            template="{key}/part *" + ending,
            schema=SCHEMA,
            format=Csv(newlines_in_values=True) if "csv" in ending else None,
        )
        for at, table in enumerate(tables):
            landing.put(f"{KEY}/part {at} ключ{ending}", written(ending, table))
        whole = pa.concat_tables(tables)
        assert pa.Table.from_batches(source.read(KEY)).equals(whole)
        parts = list(source.parts(KEY))
        assert [name.split("/")[1] for name in parts] == [
            f"part {at} ключ{ending}" for at in range(len(rows))
        ]
        by_part = [batch for part in parts for batch in source.read_part(KEY, part)]
        assert pa.Table.from_batches(by_part).equals(whole)


@pytest.mark.parametrize("ending", ENDINGS)
def test_nan_infinities_and_the_future_come_through_as_they_are(tmp_path: Path, ending: str) -> None:
    nan, later = float("nan"), datetime(2999, 1, 1, tzinfo=UTC)
    rows = [{"x": nan, "at": later}, {"x": float("inf"), "day": date(2999, 1, 1)}, {"x": float("-inf")}]
    came = Landed(tmp_path, ending, written(ending, pa.Table.from_pylist(rows, schema=SCHEMA))).rows()
    assert [str(row["x"]) for row in came] == ["nan", "inf", "-inf"]
    assert (came[0]["at"], came[1]["day"]) == (later, date(2999, 1, 1))


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_column_of_nothing_but_nan_stays_one(tmp_path: Path, ending: str) -> None:
    table = pa.table({"x": pa.array([float("nan")] * 3)})
    full = pa.Table.from_pylist(table.to_pylist(), schema=SCHEMA)
    assert Landed(tmp_path, ending, written(ending, full)).table()["x"].null_count == 0


@pytest.mark.parametrize("ending", ENDINGS)
def test_a_file_that_is_written_anew_while_it_is_read_is_tried_again(tmp_path: Path, ending: str) -> None:
    landed = Landed(tmp_path, ending, written(ending, GOOD))
    batches = landed.source.read(KEY)
    half = written(ending, GOOD)[:-9]
    landed.store.put(
        f"made/{KEY}{ending}", half + (b"" if ".gz" in ending or "parquet" in ending else b",,,{")
    )
    with pytest.raises(SliceChanging, match="was rewritten while it was read"):
        list(batches)
    landed.store.put(f"made/{KEY}{ending}", written(ending, GOOD))
    assert landed.table().equals(GOOD)


@pytest.mark.parametrize("ending", ENDINGS)
def test_nothing_at_all_is_no_file(tmp_path: Path, ending: str) -> None:
    Landed(tmp_path, ending, b"").refused("is empty: 0 bytes")


@pytest.mark.parametrize("ending", [ending for ending in ENDINGS if "json" not in ending])
def test_a_header_alone_is_a_table_without_rows(tmp_path: Path, ending: str) -> None:
    table = Landed(tmp_path, ending, written(ending, GOOD.slice(0, 0))).table()
    assert (table.num_rows, table.schema) == (0, SCHEMA), "whether a slice may be empty is the pull's to say"


def test_settings_are_refused_by_name() -> None:
    with pytest.raises(BadInput, match=r"a name that ends with \.parquet, \.csv"):
        Files(name="made", template="{key}.xlsx", schema=SCHEMA)
    for template in ("../{key}.csv", "a//{key}.csv", "/{key}.csv", "a/../{key}.csv", "a\n/{key}.csv"):
        with pytest.raises(BadInput, match="template"):
            Files(name="made", template=template, schema=SCHEMA)
    with pytest.raises(BadInput, match="max_expansion"):
        Files(name="made", template="{key}.csv.gz", schema=SCHEMA, max_expansion=0.5)
