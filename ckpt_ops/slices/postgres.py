"""Rows of a PostgreSQL table, a slice per period of its time column."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ckpt_ops.errors import BadInput, SliceMissing, SliceUnreadable, SourceRefused, SourceUnavailable
from ckpt_ops.slices.connections import connection
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.periods import Period
from ckpt_ops.slices.types import as_declared

_BATCH_ROWS = 20_000
_SAFE = "the log and the champion are untouched; nothing was written"
# by type OID: what comes of columns that are not of the declared family
_NATURAL = {
    16: pa.bool_(),
    17: pa.binary(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    700: pa.float32(),
    701: pa.float64(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
    1700: pa.decimal128(38, 9),
}


@dataclass(frozen=True, kw_only=True)
class PostgresTable:
    """A `SliceSource` over a table or view.

    * `keys`: the periods that have a row, by one query on the time column: index it.
    * `fingerprint`: of the slice's rows, made by the server, which reads them and sends none. With
      `changed_by`, only of their number and its newest value: an index will do, and a row that is
      deleted while another comes, or edited without a new `changed_by`, is not noticed.
    * `read`: the declared columns that exist, in the order of `order_by`, through a cursor of the server,
      20,000 rows at a time, in one read-only snapshot: rows that come meanwhile are not half in.

    A column that is not declared is not asked for. A column of another kind than declared comes as it is,
    for validation to judge.

    Attributes:
        connection: id of an Airflow connection.
        table: its name, with its schema if need be: `public.flights`.
        time_column: `timestamptz`, or `timestamp` or `date` taken as UTC.
        order_by: columns that put a slice's rows in one order: the primary key, say.
        period: how long a slice is.
        changed_by: a column that every change of a row moves on, such as `updated_at`.
        connect_timeout, statement_timeout: seconds.
    """

    name: str
    schema: pa.Schema
    connection: str
    table: str
    time_column: str
    order_by: tuple[str, ...]
    period: Period = Period.DAY
    changed_by: str = ""
    connect_timeout: int = 10
    statement_timeout: int = 600

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        if not self.order_by:
            raise BadInput(
                "order_by", self.order_by, "columns that put the rows in one order: the primary key"
            )
        for field in ("connection", "table", "time_column"):
            if not getattr(self, field):
                raise BadInput(field, getattr(self, field), "a name")

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Keys of the periods that have rows and begin in [start, end), or at `start` if both are equal."""
        starts = self.period.starts(start, end)
        if not starts:
            return []
        with self._cursor() as cursor:
            cursor.execute(
                self._sql(
                    "select distinct date_trunc(%s, {time}::timestamp) from {table} "
                    "where {time} >= %s and {time} < %s"
                ),
                (self.period.value, starts[0], self.period.end(starts[-1])),
            )
            return sorted(self.period.key(row[0]) for row in cursor.fetchall())

    def fingerprint(self, key: str) -> str:
        """See the class. Raises `SliceMissing` when no row is there."""
        start, end = self.period.bounds(key)
        with self._cursor() as cursor:
            if self.changed_by:
                what = "count(*), max({changed})::text"
            else:
                self._columns(cursor)
                # a sum does not hang on the order of rows, which a table has none of
                what = (
                    "count(*), "
                    "sum(('x' || substr(md5(row({columns})::text), 1, 16))::bit(64)::bigint::numeric)"
                )
            cursor.execute(
                self._sql(f"select {what} from {{table}} where {{time}} >= %s and {{time}} < %s", cursor),
                (start, end),
            )
            count, digest = cursor.fetchone()
        if not count:
            raise self._missing(key)
        return f"{count}-{digest}"

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """See the class. Raises `SliceMissing`; `SliceUnreadable` naming a column whose values do not fit."""
        start, end = self.period.bounds(key)
        return self._read(key, start, end)

    def _read(self, key: str, start: datetime, end: datetime) -> Iterator[pa.RecordBatch]:
        with self._cursor(name="ckpt_ops") as cursor, cursor.connection.cursor() as plain:
            schema = self._columns(plain)
            cursor.itersize = _BATCH_ROWS
            cursor.execute(
                self._sql(
                    "select {columns} from {table} where {time} >= %s and {time} < %s order by {order}", plain
                ),
                (start, end),
            )
            rows = cursor.fetchmany(_BATCH_ROWS)
            if not rows:
                raise self._missing(key)
            while rows:
                columns = zip(*rows, strict=True)
                arrays = [self._array(field, values) for field, values in zip(schema, columns, strict=True)]
                yield pa.RecordBatch.from_arrays(arrays, schema=schema)
                rows = cursor.fetchmany(_BATCH_ROWS)

    def _missing(self, key: str) -> SliceMissing:
        return SliceMissing(
            f"source {self.name!r} has no slice {key}: {self.table} has no row of it",
            safe=_SAFE,
            next="wait for it to come: the pull is tried again",
        )

    def _array(self, field: pa.Field, values: tuple[Any, ...]) -> pa.Array:
        if pa.types.is_floating(field.type):
            values = tuple(None if value is None else float(value) for value in values)
        try:
            return pa.array(values, field.type)
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            raise SliceUnreadable(
                f"column {field.name} of {self.table} has a value that is no {field.type}: {error}",
                safe=_SAFE,
                next=f"declare a type that holds it in source {self.name!r}, or mend the row",
            ) from error

    def _columns(self, cursor: Any) -> pa.Schema:
        """The declared columns that exist, with the declared type where it is of the same family."""
        cursor.execute(self._sql("select * from {table} limit 0"))
        found = {column.name: column.type_code for column in cursor.description}
        fields = [
            pa.field(field.name, as_declared(_NATURAL.get(found[field.name], pa.string()), field.type))
            for field in self.schema
            if field.name in found
        ]
        if not fields:
            raise SliceUnreadable(
                f"{self.table} is another table: none of its columns ({', '.join(found)}) is declared by "
                f"source {self.name!r}",
                safe=_SAFE,
                next="mend the table's name or the declared columns",
            )
        return pa.schema(fields)

    def _sql(self, text: str, cursor: Any = None) -> Any:
        """`text` with quoted names: {table}, {time}, {order}, {changed} and, asking `cursor`, {columns}."""
        from psycopg2 import sql

        names = [sql.Identifier(name) for name in (self._columns(cursor).names if cursor else ())]
        return sql.SQL(text).format(
            table=sql.Identifier(*self.table.split(".")),
            time=sql.Identifier(self.time_column),
            order=sql.SQL(", ").join(map(sql.Identifier, self.order_by)),
            changed=sql.Identifier(self.changed_by or "-"),
            columns=sql.SQL(", ").join(names),
        )

    @contextmanager
    def _cursor(self, name: str | None = None) -> Iterator[Any]:
        import psycopg2
        from psycopg2 import errors

        to = connection(self.connection)
        try:
            opened = psycopg2.connect(
                host=to.host or to.extra.get("host"),
                port=to.port,
                user=to.login or None,
                password=to.password or None,
                dbname=to.schema or None,
                sslmode=to.extra.get("sslmode"),
                connect_timeout=self.connect_timeout,
                options=f"-c statement_timeout={1000 * self.statement_timeout} -c timezone=UTC",
                tcp_user_timeout=1000 * self.statement_timeout,
            )
            try:
                opened.set_session(isolation_level="REPEATABLE READ", readonly=True)
                with opened.cursor(name=name) as cursor:
                    yield cursor
            finally:
                opened.close()
        except (errors.InsufficientPrivilege, errors.UndefinedTable, errors.UndefinedColumn) as error:
            raise self._refused(to, error) from error
        except psycopg2.OperationalError as error:
            said = str(error)
            if any(words in said for words in ("authentication failed", "does not exist", "no pg_hba.conf")):
                raise self._refused(to, error) from error
            raise SourceUnavailable(
                f"PostgreSQL does not answer source {self.name!r} at {to}: {_first_line(error)}",
                safe=_SAFE,
                next="nothing: the pull is tried again",
            ) from error
        except psycopg2.DatabaseError as error:
            raise SliceUnreadable(
                f"PostgreSQL could not give source {self.name!r} its rows: {_first_line(error)}",
                safe=_SAFE,
                next=f"mend {self.table} or the source's settings",
            ) from error

    def _refused(self, to: object, error: Exception) -> SourceRefused:
        return SourceRefused(
            f"PostgreSQL refuses source {self.name!r} at {to}: {_first_line(error)}",
            safe=_SAFE,
            next=f"mend the connection {self.connection!r}, its user's rights, or the names in the source",
        )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
