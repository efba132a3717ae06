"""A source from a look at a real PostgreSQL and at a real HTTP server."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, quote, urlsplit

import psycopg2
import pyarrow as pa
import pytest

from ckpt_ops.contract import check_source
from ckpt_ops.embedded.postgres import DATABASE, SUPERUSER, Postgres
from ckpt_ops.errors import BadInput, SourceRefused, SourceUnavailable
from ckpt_ops.pipeline import load_intake
from ckpt_ops.scaffold import Asked, new_source
from ckpt_ops.slices import HttpPages, Period, PostgresTable
from ckpt_ops.slices.sources.paging import Cursor, LinkHeader, NextLink, OnePage, PageNumber
from ckpt_ops.validation import TableRows, load_suite, validate

pytestmark = pytest.mark.slow


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    return tmp_path / "dags"


def accepts(dags: Path, name: str) -> bool:
    """The suite accepts what the source gives of each of the days that the sample has."""
    source, suite = load_intake(name, dags).source, load_suite(dags / name / "expectations.json")
    for path in (dags / name / "sample").glob("*.parquet"):
        rows = pa.Table.from_batches(list(source.read(path.stem)))
        if not validate(TableRows(table=rows), suite, source.schema).validation.accepted:
            return False
    return True


# --- PostgreSQL ---------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def server() -> Iterator[Postgres]:
    home = Path(tempfile.mkdtemp(prefix="ckpt-ops-pg-"))
    running = Postgres(home)
    running.start()
    run(
        running,
        "create type state as enum ('new', 'paid'); create schema shop; "
        "create table shop.orders (id bigint primary key, placed timestamptz not null, state state, "
        "price numeric(10, 2), weight numeric, n int, note varchar(20), more jsonb); "
        "insert into shop.orders select i, timestamptz '2013-01-06 00:00+00' + i * interval '10 minutes', "
        "(array['new', 'paid'])[1 + i % 2]::state, 1.5 + i % 90, 0.25 * i, i % 7, 'n' || i, '{}' "
        "from generate_series(0, 719) i; "
        "create table shop.loose (a int, at timestamptz, also_at date); "
        "insert into shop.loose values (1, '2013-01-06 05:00+00', '2013-01-06'); "
        "create table shop.timeless (a int primary key); "
        "create table shop.empty (a int primary key, at date)",
    )
    yield running
    running.stop()
    shutil.rmtree(home, ignore_errors=True)


def run(server: Postgres, statement: str) -> None:
    with psycopg2.connect(host=str(server.socket_dir), user=SUPERUSER, dbname=DATABASE) as connection:
        connection.cursor().execute(statement)
    connection.close()


def address(server: Postgres, table: str, password: str = "") -> str:
    socket = quote(str(server.socket_dir), safe="")
    user = f"{SUPERUSER}:{password}" if password else SUPERUSER
    return f"postgres://{user}@/{DATABASE}?host={socket}" + (f"&table={table}" if table else "")


def test_a_table_is_found_with_its_key_and_no_password_is_written(
    server: Postgres, dags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    origin = address(server, "shop.orders", password="hunter2")
    written = new_source(Asked(name="pg_orders", origin=origin), dags)
    for path in (dags / "pg_orders").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path
    assert any("AIRFLOW_CONN_PG_ORDERS_DB" in note for note in written.found.notes)
    assert any("more" in note for note in written.found.notes)

    source = load_intake("pg_orders", dags).source
    assert source == PostgresTable(
        name="pg_orders",
        schema=pa.schema(
            [
                ("id", pa.int64()),
                ("placed", pa.timestamp("us", tz="UTC")),
                ("state", pa.string()),
                ("price", pa.decimal128(10, 2)),
                ("weight", pa.float64()),
                ("n", pa.int32()),
                ("note", pa.string()),
            ]
        ),
        connection="pg_orders_db",
        table="shop.orders",
        time_column="placed",
        order_by=("id",),
        period=Period.DAY,
    )
    monkeypatch.setenv("AIRFLOW_CONN_PG_ORDERS_DB", address(server, ""))
    days = ["2013-01-06", "2013-01-07"]

    def change() -> None:
        run(server, "update shop.orders set note = 'other' where id = 7")

    assert [check for check in check_source(source, days, change=change) if not check.passed] == []
    assert accepts(dags, "pg_orders")


def test_the_connection_of_the_environment_is_used_when_it_is_there(
    server: Postgres, dags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_SHOP", address(server, ""))
    origin = "postgres://nobody@127.0.0.1:9/nothing?table=shop.orders"
    asked = Asked(name="pg_weeks", origin=origin, connection="shop", schedule="weekly")
    found = new_source(asked, dags).found
    assert found.spacing.cron == "0 0 * * 1"
    assert 'connection="shop"' in (dags / "pg_weeks" / "source.py").read_text()


@pytest.mark.parametrize(
    ("table", "options", "message"),
    [
        ("shop.loose", {}, "at, also_at"),
        ("shop.loose", {"time_column": "a"}, "at, also_at"),
        ("shop.loose", {"time_column": "at"}, "--order-by a"),
        ("shop.loose", {"time_column": "at", "order_by": "b"}, "columns of the table: a, at, also_at"),
        ("shop.timeless", {}, "the table has none"),
        ("shop.empty", {}, "rows of a day that has ended"),
        ("shop.orders", {"schedule": "*/5 * * * *"}, "hourly, daily, weekly, monthly"),
        ("", {}, "postgres://USER@HOST:5432/DATABASE?table=SCHEMA.TABLE"),
    ],
)
def test_what_a_table_does_not_say_is_asked(
    server: Postgres, dags: Path, table: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        new_source(Asked(name="pg_asked", origin=address(server, table, "hunter2"), **options), dags)
    assert message in str(caught.value)
    assert "hunter2" not in str(caught.value)
    assert list(dags.iterdir()) == []


def test_options_settle_it(server: Postgres, dags: Path) -> None:
    asked = Asked(
        name="pg_loose",
        origin=address(server, "shop.loose"),
        time_column="at",
        order_by="a,at",
        schedule="hourly",
    )
    assert new_source(asked, dags).found.sample_keys == ["2013-01-06T05"]


def test_a_table_that_is_not_there_and_a_server_that_is_not(server: Postgres, dags: Path) -> None:
    with pytest.raises(SourceRefused, match=r"shop\.nothing"):
        new_source(Asked(name="pg_no", origin=address(server, "shop.nothing")), dags)
    with pytest.raises(SourceUnavailable):
        new_source(Asked(name="pg_no", origin="postgres://a@127.0.0.1:9/b?table=c"), dags)
    assert list(dags.iterdir()) == []


# --- HTTP ---------------------------------------------------------------------------------------

ROWS = [{"id": n, "at": f"2013-01-06T{n % 24:02}:00:00Z", "word": ("a", "b")[n % 2]} for n in range(60)]
SIZE = 25


class Api(BaseHTTPRequestHandler):
    """60 rows of a day in pages of 25; other days answer 404. The path says the style of its pages."""

    token: ClassVar[str] = ""

    def do_GET(self) -> None:
        parts = urlsplit(self.path)
        query = {name: values[0] for name, values in parse_qs(parts.query).items()}
        if self.token and self.headers.get("Authorization") != f"Bearer {self.token}":
            return self.send({}, status=401)
        if not query.get("from", "").startswith(("2013-01-06", "2013-01-05")):
            return self.send({}, status=404)
        page = int(query.get("page") or query.get("cursor") or 1)
        rows, more = ROWS[(page - 1) * SIZE : page * SIZE], page * SIZE < len(ROWS)
        following = f"{parts.path}?from={query['from']}&page={page + 1}"
        if parts.path == "/link":
            return self.send(rows, link=f'<{following}>; rel="next"' if more else "")
        if parts.path == "/next":
            return self.send({"data": rows, "next": following if more else None})
        if parts.path == "/cursor":
            return self.send({"data": {"rows": rows}, "next_cursor": str(page + 1) if more else None})
        if parts.path == "/two":
            return self.send({"a": rows, "b": rows})
        return self.send(rows if parts.path == "/numbered" else ROWS)

    def send(self, body: Any, *, status: int = 200, link: str = "") -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Length", str(len(data)))
        if link:
            self.send_header("Link", link)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def api(
    monkeypatch: pytest.MonkeyPatch,
    serving: Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]],
) -> Iterator[str]:
    monkeypatch.setattr(Api, "token", "")
    with serving(Api) as address:
        yield address


@pytest.mark.parametrize(
    ("name", "address", "items", "paging"),
    [
        ("http_link", "/link?from={start}", "", LinkHeader()),
        ("http_next", "/next?from={start}", "data", NextLink(path="next")),
        ("http_cursor", "/cursor?from={start}", "data.rows", Cursor(path="next_cursor", parameter="cursor")),
        ("http_numbered", "/numbered?from={start}&page=1", "", PageNumber(parameter="page", first=1)),
        ("http_whole", "/whole?from={key}", "", OnePage()),
    ],
)
def test_each_style_of_paging_is_found_and_every_row_read(
    api: str, dags: Path, name: str, address: str, items: str, paging: object
) -> None:
    new_source(Asked(name=name, origin=api + address, at="2013-01-06"), dags)
    source = load_intake(name, dags).source
    assert isinstance(source, HttpPages)
    assert (source.items, source.paging) == (items, paging)
    assert source.schema == pa.schema(
        [("id", pa.int64()), ("at", pa.timestamp("us", tz="UTC")), ("word", pa.string())]
    )
    assert sum(batch.num_rows for batch in source.read("2013-01-06")) == 60
    assert [check for check in check_source(source, ["2013-01-06"]) if not check.passed] == []
    assert accepts(dags, name)


def test_a_token_comes_from_the_connection_and_is_not_written(
    api: str, dags: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Api, "token", "hunter2")
    asked = Asked(name="http_token", origin=f"{api}/whole?from={{start}}", at="2013-01-06")
    with pytest.raises(SourceRefused, match="401"):
        new_source(asked, dags)
    monkeypatch.setenv("AIRFLOW_CONN_SHOP_API", "http://:hunter2@api")
    new_source(Asked(name="http_token", origin=asked.origin, at=asked.at, connection="shop_api"), dags)
    for path in (dags / "http_token").rglob("*"):
        assert path.is_dir() or b"hunter2" not in path.read_bytes(), path


@pytest.mark.parametrize(
    ("address", "options", "message"),
    [
        ("/whole", {}, "from={start}&to={end}"),
        ("/whole?from={start}", {}, "--at"),
        ("/two?from={start}", {"at": "2013-01-06"}, "'a', 'b'"),
        ("/two?from={start}", {"at": "2013-01-06", "items": "c"}, "'a', 'b'"),
        ("/whole?from={start}", {"at": "yesterday"}, "yesterday"),
    ],
)
def test_what_an_api_does_not_say_is_asked(
    api: str, dags: Path, address: str, options: dict[str, str], message: str
) -> None:
    with pytest.raises(BadInput) as caught:
        new_source(Asked(name="http_asked", origin=api + address, **options), dags)
    assert message in str(caught.value)
    assert list(dags.iterdir()) == []
