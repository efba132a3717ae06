"""Slices from a real PostgreSQL: types, order, snapshots; a server that refuses, hangs or dies."""

from __future__ import annotations

import math
import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg2
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some
from psycopg2.extras import execute_values

from ckpt_ops.column_times import Since
from ckpt_ops.contract import check_source
from ckpt_ops.embedded.postgres import DATABASE, SUPERUSER, Postgres
from ckpt_ops.errors import BadInput, SliceMissing, SliceUnreadable, SourceRefused, SourceUnavailable
from ckpt_ops.slices import Period, PostgresTable, list_slices, pull, read_slice
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema(
    [
        ("id", pa.int64()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("x", pa.float64()),
        ("word", pa.string()),
        ("flag", pa.bool_()),
        ("day", pa.date32()),
        ("money", pa.decimal128(10, 2)),
    ]
)
SOURCE = PostgresTable(
    name="rows",
    schema=SCHEMA,
    connection="test_pg",
    table="odd schema.Rows",
    time_column="at",
    order_by=("id",),
)
ROWS: list[tuple[Any, ...]] = [
    (2, datetime(2013, 1, 6, 23, 59, tzinfo=UTC), math.inf, "ключ", True, date(2013, 1, 6), Decimal("1.25")),
    (1, datetime(2013, 1, 6, tzinfo=UTC), 0.1, "a'b", None, None, None),
    (3, datetime(2013, 1, 7, tzinfo=UTC), None, None, False, date(1970, 1, 1), Decimal("-7")),
]
KEY = "2013-01-06"


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    home = Path(tempfile.mkdtemp(prefix="ckpt-ops-pg-"))
    running = Postgres(home)
    running.start()
    yield running
    running.stop()
    shutil.rmtree(home, ignore_errors=True)


@pytest.fixture
def source(server: Postgres, monkeypatch: pytest.MonkeyPatch) -> PostgresTable:
    monkeypatch.setenv(
        "AIRFLOW_CONN_TEST_PG",
        f"postgres://{SUPERUSER}@/{DATABASE}?host={quote(str(server.socket_dir), safe='')}",
    )
    run(
        server,
        'drop schema if exists "odd schema" cascade; create schema "odd schema"; '
        'create table "odd schema"."Rows" (id bigint primary key, at timestamptz, x double precision, '
        "word text, flag boolean, day date, money numeric(10, 2), undeclared int)",
    )
    for row in ROWS:
        run(server, 'insert into "odd schema"."Rows" values (%s, %s, %s, %s, %s, %s, %s, 1)', row)
    return SOURCE


def run(server: Postgres, statement: str, values: tuple[Any, ...] = ()) -> None:
    opened = psycopg2.connect(host=str(server.socket_dir), user=SUPERUSER, dbname=DATABASE)
    with opened, opened.cursor() as cursor:
        cursor.execute(statement, values)
    opened.close()


def rows(source: PostgresTable, key: str = KEY) -> list[tuple[Any, ...]]:
    table = pa.Table.from_batches(source.read(key))
    return [tuple(row.values()) for row in table.to_pylist()]


def test_rows_come_in_their_order_with_the_declared_types(source: PostgresTable) -> None:
    assert rows(source) == [ROWS[1], ROWS[0]]
    assert pa.Table.from_batches(source.read(KEY)).schema == SCHEMA
    assert rows(source, "2013-01-07") == [ROWS[2]]


def test_keys_are_the_periods_that_have_rows(source: PostgresTable) -> None:
    assert source.keys(datetime(2013, 1, 1), datetime(2013, 2, 1)) == [KEY, "2013-01-07"]
    assert source.keys(datetime(2013, 1, 6), datetime(2013, 1, 6)) == [KEY]
    assert source.keys(datetime(2014, 1, 1), datetime(2014, 2, 1)) == []
    hours = replace(source, period=Period.HOUR)
    assert hours.keys(datetime(2013, 1, 6), datetime(2013, 1, 7)) == ["2013-01-06T00", "2013-01-06T23"]
    weeks = replace(source, period=Period.WEEK)
    assert weeks.keys(datetime(2012, 12, 31), datetime(2013, 2, 1)) == ["2012-12-31", "2013-01-07"]
    with pytest.raises(BadInput, match="the start of a week as %Y-%m-%d, such as '2013-01-07'"):
        weeks.read("2013-01-08")


def test_a_fingerprint_changes_iff_the_rows_of_the_slice_do(source: PostgresTable, server: Postgres) -> None:
    first = source.fingerprint(KEY)
    run(server, 'update "odd schema"."Rows" set word = %s where id = 3', ("another slice",))
    run(server, 'update "odd schema"."Rows" set undeclared = 2 where id = 1')
    assert source.fingerprint(KEY) == first
    run(server, 'update "odd schema"."Rows" set x = 0.2 where id = 1')
    second = source.fingerprint(KEY)
    run(server, 'update "odd schema"."Rows" set x = 0.1 where id = 1')
    assert second != first == source.fingerprint(KEY)
    with pytest.raises(SliceMissing, match="has no row of it"):
        source.fingerprint("2013-01-09")
    by_time = replace(source, changed_by="at")
    assert by_time.fingerprint(KEY) == by_time.fingerprint(KEY)


def test_a_column_that_the_table_got_is_asked_of_the_slices_of_its_time(
    source: PostgresTable, server: Postgres, tmp_path: Path
) -> None:
    store, before = LocalStore(tmp_path), source.fingerprint(KEY)
    revision = pull(store, source, KEY).revision
    run(server, 'alter table "odd schema"."Rows" add column weather text')
    grown = replace(
        source,
        schema=SCHEMA.append(pa.field("weather", pa.string())),
        column_times={"weather": Since("2013-01-07", default="none")},
    )
    assert grown.fingerprint(KEY) == before
    assert pull(store, grown, KEY).revision == revision
    assert pa.Table.from_batches(grown.read("2013-01-07")).column_names[-1] == "weather"
    assert grown.fingerprint("2013-01-07") != source.fingerprint("2013-01-07")


def test_a_slice_that_grows_while_it_is_read_is_whole_and_is_not_taken(
    source: PostgresTable, server: Postgres, tmp_path: Path
) -> None:
    batches = source.read(KEY)
    first = next(batches)
    run(server, 'insert into "odd schema"."Rows" values (9, %s)', (ROWS[0][1],))
    assert first.num_rows + sum(batch.num_rows for batch in batches) == 2, "one snapshot"
    manifest = pull(LocalStore(tmp_path), source, KEY)
    assert manifest.rows == 3


def test_it_keeps_the_contract_of_a_source(source: PostgresTable, server: Postgres) -> None:
    checks = check_source(
        source,
        [KEY, "2013-01-07"],
        change=lambda: run(server, 'update "odd schema"."Rows" set flag = not flag where id = 2'),
    )
    assert {check.name: check.message for check in checks if not check.passed} == {}


def test_pulled_twice_and_corrected(source: PostgresTable, server: Postgres, tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    first = pull(store, source, KEY)
    assert pull(store, source, KEY) == first
    run(server, 'update "odd schema"."Rows" set word = %s where id = 1', ("mended",))
    second = pull(store, source, KEY)
    assert read_slice(store, second)["word"].to_pylist() == ["mended", "ключ"]
    assert list_slices(store, "rows") == [first, second]


# PostgreSQL's text holds no NUL, and its numeric(10, 2) these
TEXT = some.text(some.characters(codec="utf-8", exclude_characters="\x00"))
VALUES = some.tuples(
    *(
        some.none() | one
        for one in (
            some.floats(),
            TEXT,
            some.booleans(),
            some.dates(),
            some.decimals(places=2, min_value=-99_999_999, max_value=99_999_999),
        )
    )
)
TIMES = some.datetimes(
    datetime(2020, 1, 1), datetime(2020, 1, 1, 23, 59, 59, 999_999), timezones=some.just(UTC)
)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(written=some.lists(some.tuples(TIMES, VALUES), min_size=1, max_size=20))
def test_what_was_written_is_what_is_read(
    source: PostgresTable, server: Postgres, written: list[tuple[datetime, tuple[Any, ...]]]
) -> None:
    expected = [(number, at, *values) for number, (at, values) in enumerate(written)]
    opened = psycopg2.connect(host=str(server.socket_dir), user=SUPERUSER, dbname=DATABASE)
    with opened, opened.cursor() as cursor:
        cursor.execute('truncate "odd schema"."Rows"')
        execute_values(
            cursor,
            'insert into "odd schema"."Rows" (id, at, x, word, flag, day, money) values %s',
            # x as text: the driver would write -0.0 as a decimal, which has no such zero
            [(*row[:2], row[2] if row[2] is None else repr(row[2]), *row[3:]) for row in reversed(expected)],
        )
    opened.close()
    # NaN is no equal of itself, and Arrow tells 0.0 from -0.0
    assert [*map(repr, rows(source, "2020-01-01"))] == [
        repr(tuple(row.values()))
        for row in pa.Table.from_pylist(
            [dict(zip(SCHEMA.names, row, strict=True)) for row in expected], SCHEMA
        ).to_pylist()
    ]


def test_rows_that_the_order_does_not_tell_apart_come_in_one_order(
    source: PostgresTable, server: Postgres
) -> None:
    run(server, 'alter table "odd schema"."Rows" drop constraint "Rows_pkey"')
    run(
        server,
        'insert into "odd schema"."Rows" select 7, %s, n from generate_series(1, 500) n',
        (ROWS[1][1],),
    )
    first = rows(source)
    run(server, 'update "odd schema"."Rows" set undeclared = 3 where mod(x::int, 2) = 0 and id = 7')
    assert rows(source) == first, "the table's own order is another now"
    with pytest.raises(SourceRefused, match=r"has no primary key.*does not say how to order"):
        list(replace(source, order_by=()).read(KEY))


def test_the_primary_key_is_the_order_when_none_is_said(source: PostgresTable) -> None:
    assert rows(replace(source, order_by=())) == [ROWS[1], ROWS[0]]


def test_types_that_arrow_has_no_like_of_come_as_text(source: PostgresTable, server: Postgres) -> None:
    written = {
        "json": '{"a": 1}',
        "jsonb": '{"a": [1]}',
        "int[]": "{1,2}",
        "interval": "1 day 02:00:00",
        "time": "03:04:05",
        "uuid": "6b9d3a0e-0000-0000-0000-000000000001",
        "char(5)": "ab   ",
    }
    columns = ", ".join(f'"{kind}" {kind}' for kind in written)
    run(server, f'create table "odd schema".others (at timestamptz, {columns})')
    run(
        server,
        f'insert into "odd schema".others values (%s{", %s" * len(written)})',
        (KEY, *written.values()),
    )
    others = replace(
        source,
        table="odd schema.others",
        schema=pa.schema([(kind, pa.string()) for kind in written]),
        order_by=("at",),
    )
    assert pa.Table.from_batches(others.read(KEY)).to_pylist() == [written]


def test_a_time_that_python_does_not_have_is_said(source: PostgresTable, server: Postgres) -> None:
    run(server, 'update "odd schema"."Rows" set day = %s where id = 1', ("20000-01-01",))
    with pytest.raises(
        SliceUnreadable, match=r"odd schema\.Rows has a value that Python cannot hold: year 20000"
    ):
        rows(source)
    assert rows(source, "2013-01-07") == [ROWS[2]], "the next slice is unharmed"


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("statement_timeout", 0),
        ("connect_timeout", -1),
        ("period", "day"),
        ("table", "a..b"),
        ("order_by", "id"),
        ("name", "a/b"),
    ],
)
def test_settings_are_refused_by_name(field: str, value: Any) -> None:
    with pytest.raises(BadInput, match=f"{field.replace('name', 'source name')}="):
        replace(SOURCE, **{field: value})


def test_drift_comes_as_it_is(source: PostgresTable, server: Postgres) -> None:
    run(server, 'alter table "odd schema"."Rows" alter x type text, drop column flag')
    table = pa.Table.from_batches(source.read(KEY))
    assert table.schema.field("x").type == pa.string()
    assert "flag" not in table.schema.names


def test_a_value_that_the_declared_type_does_not_hold_is_named(source: PostgresTable) -> None:
    narrow = replace(
        source,
        schema=pa.schema(
            [("id", pa.int64()), ("money", pa.decimal128(3, 2)), ("at", SCHEMA.field("at").type)]
        ),
    )
    assert pa.Table.from_batches(narrow.read(KEY)).num_rows == 2
    tiny = replace(source, schema=pa.schema([("money", pa.decimal128(2, 2))]))
    with pytest.raises(
        SliceUnreadable, match=r"column money of odd schema\.Rows has a value that is no decimal128"
    ):
        list(tiny.read(KEY))


def test_who_and_what_is_refused_without_a_word_of_the_password(
    source: PostgresTable, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    for changed, said in (
        ({"table": "nothing"}, 'relation "nothing" does not exist'),
        ({"order_by": ("nothing",)}, 'column "nothing" does not exist'),
    ):
        with pytest.raises(SourceRefused, match=said):
            list(replace(source, **changed).read(KEY))
    monkeypatch.setenv(
        "AIRFLOW_CONN_TEST_PG", f"postgres://nobody:s3cret@/x?host={quote(str(server.socket_dir), safe='')}"
    )
    with pytest.raises(SourceRefused) as refused:
        source.keys(datetime(2013, 1, 1), datetime(2013, 2, 1))
    assert "s3cret" not in f"{refused.value} {source!r}"
    monkeypatch.delenv("AIRFLOW_CONN_TEST_PG")
    with pytest.raises(SourceRefused, match="set AIRFLOW_CONN_TEST_PG"):
        source.fingerprint(KEY)
    monkeypatch.setenv("AIRFLOW_CONN_TEST_PG", "s3cret")
    with pytest.raises(BadInput, match="AIRFLOW_CONN_TEST_PG") as bad:
        source.fingerprint(KEY)
    assert "s3cret" not in str(bad.value)


def test_a_server_that_hangs_or_is_not_there_is_unavailable_for_now(
    source: PostgresTable, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = replace(source, statement_timeout=1)
    run(
        server,
        'create view "odd schema".slow as select id, at, pg_sleep(30)::text as word from "odd schema"."Rows"',
    )
    with pytest.raises(SourceUnavailable, match="statement timeout"):
        list(
            replace(
                slow, table="odd schema.slow", schema=pa.schema([("id", pa.int64()), ("word", pa.string())])
            ).read(KEY)
        )
    assert rows(source) == [ROWS[1], ROWS[0]], "the next one is unharmed"

    with socket.create_server(("127.0.0.1", 0)) as mute:
        port = mute.getsockname()[1]
        monkeypatch.setenv("AIRFLOW_CONN_TEST_PG", f"postgres://a:s3cret@127.0.0.1:{port}/x")
        with pytest.raises(SourceUnavailable, match="timeout") as hanging:
            replace(source, connect_timeout=2).fingerprint(KEY)
        assert "s3cret" not in str(hanging.value)
    with pytest.raises(SourceUnavailable, match="refused"):
        source.fingerprint(KEY)


def test_rights_that_are_not_there_are_refused_for_good(
    source: PostgresTable, server: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(
        server,
        "drop role if exists reader, outsider; create role reader login; create role outsider",
    )
    for user, said in (("reader", "permission denied"), ("outsider", "not permitted to log in")):
        address = f"postgres://{user}@/{DATABASE}?host={quote(str(server.socket_dir), safe='')}"
        monkeypatch.setenv("AIRFLOW_CONN_TEST_PG", address)
        with pytest.raises(SourceRefused, match=said):
            source.fingerprint(KEY)


def backend(server: Postgres) -> int:
    """The server's process that reads for the source."""
    opened = psycopg2.connect(host=str(server.socket_dir), user=SUPERUSER, dbname=DATABASE)
    with opened, opened.cursor() as cursor:
        cursor.execute(
            "select pid from pg_stat_activity where query ilike '%fetch%' and pid <> pg_backend_pid()"
        )
        (pid,) = cursor.fetchone()
    opened.close()
    return int(pid)


def test_a_server_that_freezes_in_the_middle_is_given_up(source: PostgresTable, server: Postgres) -> None:
    """Frozen, it cannot keep its own `statement_timeout`."""
    run(server, 'insert into "odd schema"."Rows" select n, \'2013-01-08\' from generate_series(100, 60000) n')
    batches = replace(source, connect_timeout=1, statement_timeout=1).read("2013-01-08")
    next(batches)
    next(batches)
    frozen = backend(server)
    os.kill(frozen, signal.SIGSTOP)
    try:
        with pytest.raises(SourceUnavailable, match="no reply for 2 s"):
            list(batches)
    finally:
        os.kill(frozen, signal.SIGCONT)
    assert rows(source) == [ROWS[1], ROWS[0]], "the next slice is unharmed"


def test_a_server_that_dies_in_the_middle_is_unavailable_for_now(
    source: PostgresTable, server: Postgres
) -> None:
    run(server, 'insert into "odd schema"."Rows" select n, \'2013-01-08\' from generate_series(100, 60000) n')
    batches = source.read("2013-01-08")
    next(batches)
    next(batches)
    os.kill(backend(server), signal.SIGTERM)
    with pytest.raises(SourceUnavailable):
        list(batches)
    assert sum(batch.num_rows for batch in source.read("2013-01-08")) == 59_901
