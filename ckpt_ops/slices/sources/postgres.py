"""Rows of a PostgreSQL table, a slice per period of its time column."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import pyarrow as pa

from ckpt_ops import checks
from ckpt_ops.column_times import ColumnTimes
from ckpt_ops.errors import UNTOUCHED, BadInput, SliceUnreadable, SourceRefused
from ckpt_ops.slices.declared import check_column_times, declared_at
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.periods import Period, check_period, no_rows
from ckpt_ops.slices.sources.database_types import as_declared
from ckpt_ops.slices.sources.postgres_snapshot import Patience, Snapshot, snapshot

_BATCH_ROWS = 20_000
# by type OID: what comes of a column; text, and every type that is not here, comes as text
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
_TEXT = {19, 25, 1042, 1043}  # what "::text" would change: it cuts the blanks of char(n)
_PRIMARY_KEY = """
    select a.attname from pg_index i
    join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey)
    where i.indisprimary and i.indrelid = %s::regclass
    order by array_position(i.indkey::int2[], a.attnum)
"""


@dataclass(frozen=True, kw_only=True)
class PostgresTable:
    """A `SliceSource` over a table or view.

    * `keys`: the periods that have a row, by one query on the time column: index it.
    * `fingerprint`: of the slice's rows, made by the server, which reads them and sends none. With
      `changed_by`, only of their number and its newest value: an index will do, and a row that is
      deleted while another comes, or edited without a new `changed_by`, is not noticed.
    * `read`: the declared columns that exist, in one order, through a cursor of the server, 20,000 rows at
      a time, in one read-only snapshot: rows that come meanwhile are not read.

    A column that is not declared is not asked for. A column of another kind than declared comes as it is,
    for validation to evaluate. Types without an Arrow counterpart (json, arrays, uuid, intervals, enums) come
    as the text that PostgreSQL writes. `infinity` as a time comes as 9999-12-31, the latest that Python has.

    Attributes:
        connection: id of an Airflow connection.
        table: its name, with its schema if need be: `public.flights`. A query is a view.
        time_column: `timestamptz`, or `timestamp` or `date` taken as UTC.
        order_by: columns that put a slice's rows in order; the primary key when there are none. Rows that
            these do not tell apart are ordered by a hash of the declared columns.
        period: how long a slice is.
        changed_by: a column that every change of a row moves on, such as `updated_at`.
        connect_timeout, statement_timeout: whole seconds. A server that is silent for both is given up.
        column_times: columns that came or went with a slice, each with what readers see in the others:
            `{"weather": Since("2013-02-01", default="none")}`.
    """

    name: str
    schema: pa.Schema
    connection: str
    table: str
    time_column: str
    order_by: tuple[str, ...] = ()
    period: Period = Period.DAY
    changed_by: str = ""
    connect_timeout: int = 10
    statement_timeout: int = 600
    column_times: ColumnTimes = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        check_period(self.period)
        if not isinstance(self.order_by, tuple):
            raise BadInput("order_by", self.order_by, "a tuple of columns, such as ('id',)")
        for name in ("connection", "table", "time_column"):
            if not isinstance(getattr(self, name), str) or not all(getattr(self, name).split(".")):
                raise BadInput(name, getattr(self, name), "a name")
        for name in ("connect_timeout", "statement_timeout"):
            # 0 would be "for ever" to PostgreSQL
            checks.whole(name, getattr(self, name), allowed="whole seconds, at least 1")
        check_column_times(self)

    @property
    def cheap_fingerprint(self) -> bool:
        """Without `changed_by` the server reads every row."""
        return bool(self.changed_by)

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Keys of the periods that have rows and begin in [start, end), or at `start` if both are equal."""
        starts = self.period.starts(start, end)
        if not starts:
            return []
        first = "date_trunc(%s, {time}::timestamp)"
        asked = f"select distinct {first} from {{table}} where {{time}} >= %s and {{time}} < %s"
        with self._snapshot() as seen:
            rows = seen.rows(self._sql(asked), (self.period.value, starts[0], self.period.end(starts[-1])))
        return sorted(self.period.key(first) for (first,) in rows)

    def fingerprint(self, key: str) -> str:
        """See the class. Raises `SliceMissing` when no row is there."""
        bounds = self.period.bounds(key)
        with self._snapshot() as seen:
            if self.changed_by:
                what = self._sql("max({changed})::text")
            else:  # a sum does not depend on the order of rows: a table has none
                what = self._sql(
                    "sum(('x' || substr({hash}, 1, 16))::bit(64)::bigint::numeric)",
                    hash=self._hash(self._columns(key, seen)),
                )
            asked = "select count(*), {what} from {table} where {time} >= %s and {time} < %s"
            ((count, digest),) = seen.rows(self._sql(asked, what=what), bounds)
        if not count:
            raise no_rows(self.name, key, self.table)
        return f"{count}-{digest}"

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """See the class. Raises `SliceMissing`; `SliceUnreadable` naming a column whose values do not fit."""
        return self._read(key, self.period.bounds(key))

    def _read(self, key: str, bounds: tuple[datetime, datetime]) -> Iterator[pa.RecordBatch]:
        asked = "select {columns} from {table} where {time} >= %s and {time} < %s order by {order}"
        with self._snapshot() as seen:
            columns = self._columns(key, seen)
            schema = self._schema(columns)
            statement = self._sql(asked, columns=self._values(columns), order=self._order(seen, columns))
            some = False
            try:
                for rows in seen.batches(statement, bounds, size=_BATCH_ROWS):
                    some = True
                    arrays = [
                        self._array(field, values)
                        for field, values in zip(schema, zip(*rows, strict=True), strict=True)
                    ]
                    yield pa.RecordBatch.from_arrays(arrays, schema=schema)
            except (ValueError, OverflowError) as error:  # of the driver: Python's years are 1 to 9999
                raise self._bad(f"{self.table} has a value that Python cannot hold: {error}") from error
            if not some:
                raise no_rows(self.name, key, self.table)

    def _array(self, field: pa.Field, values: Sequence[Any]) -> pa.Array:
        if pa.types.is_floating(field.type):
            values = [None if value is None else float(value) for value in values]
        try:
            return pa.array(values, field.type)
        except (pa.ArrowException, OverflowError, TypeError, ValueError) as error:
            what = f"column {field.name} of {self.table} has a value that is no {field.type}: {error}"
            raise self._bad(what) from error

    def _bad(self, what: str) -> SliceUnreadable:
        return SliceUnreadable(
            what,
            safe=UNTOUCHED,
            next=f"declare a type that holds it in source {self.name!r}, or fix the row",
        )

    def _snapshot(self) -> AbstractContextManager[Snapshot]:
        patience = Patience(connect=self.connect_timeout, statement=self.statement_timeout)
        return snapshot(self.name, self.connection, patience)

    def _columns(self, key: str, seen: Snapshot) -> dict[str, int]:
        """The declared columns that exist, in declared order, with the OID of each one's type."""
        found = seen.columns(self._sql("select * from {table} limit 0"))
        declared = {name: found[name] for name in declared_at(self, key).names if name in found}
        if not declared:
            raise SliceUnreadable(
                f"{self.table} is a different table: none of its columns ({', '.join(found)}) is declared by "
                f"source {self.name!r}",
                safe=UNTOUCHED,
                next="fix the table's name or the declared columns",
            )
        return declared

    def _schema(self, columns: dict[str, int]) -> pa.Schema:
        return pa.schema(
            [
                pa.field(name, as_declared(_NATURAL.get(oid, pa.string()), self.schema.field(name).type))
                for name, oid in columns.items()
            ]
        )

    def _order(self, seen: Snapshot, columns: dict[str, int]) -> Any:
        from psycopg2 import sql

        table = self._sql("{table}").as_string(seen.opened)
        primary = [name for (name,) in seen.rows(_PRIMARY_KEY, (table,))]
        order = self.order_by or tuple(primary)
        if not order:
            raise SourceRefused(
                f"{self.table} has no primary key, and source {self.name!r} does not say how to order rows",
                safe=UNTOUCHED,
                next="give the source order_by=, columns that tell the rows of a slice apart",
            )
        names = [sql.Identifier(name) for name in order]
        whole = primary and set(primary) <= set(order)
        return sql.SQL(", ").join(names if whole else [*names, self._hash(columns)])

    def _sql(self, text: str, **parts: Any) -> Any:
        """`text` with quoted names for {table}, {time} and {changed}, and `parts`."""
        from psycopg2 import sql

        return sql.SQL(text).format(
            table=sql.Identifier(*self.table.split(".")),
            time=sql.Identifier(self.time_column),
            changed=sql.Identifier(self.changed_by or "-"),
            **parts,
        )

    def _hash(self, columns: dict[str, int]) -> Any:
        from psycopg2 import sql

        return sql.SQL("md5(row({})::text)").format(sql.SQL(", ").join(map(sql.Identifier, columns)))

    def _values(self, columns: dict[str, int]) -> Any:
        from psycopg2 import sql

        return sql.SQL(", ").join(
            sql.SQL("{}" if oid in _NATURAL or oid in _TEXT else "{}::text").format(sql.Identifier(name))
            for name, oid in columns.items()
        )
