"""What PostgreSQL's catalog says about a table: columns, times, what tells rows apart."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, date, datetime

import pyarrow as pa

from ckpt_ops.errors import SourceRefused, SourceUnavailable
from ckpt_ops.slices.sources.postgres_snapshot import Patience, Snapshot, snapshot

_PATIENCE = Patience(connect=10, statement=60)
_TYPES = {
    16: pa.bool_(),
    17: pa.binary(),
    19: pa.string(),
    20: pa.int64(),
    21: pa.int16(),
    23: pa.int32(),
    25: pa.string(),
    700: pa.float32(),
    701: pa.float64(),
    1042: pa.string(),
    1043: pa.string(),
    1082: pa.date32(),
    1114: pa.timestamp("us"),
    1184: pa.timestamp("us", tz="UTC"),
    2950: pa.string(),
}
_NUMERIC = 1700


@dataclass(frozen=True, kw_only=True)
class Catalog:
    """A table.

    Attributes:
        schema: by column, its Arrow type; None where there is none that a model or a suite could use.
        key: columns of the primary key, else of a unique index; or none.
    """

    schema: Sequence[tuple[str, pa.DataType | None]]
    key: tuple[str, ...]

    @property
    def names(self) -> list[str]:
        """All columns."""
        return [name for name, _ in self.schema]

    @property
    def times(self) -> list[str]:
        """Columns of dates and times."""
        return [
            name
            for name, kind in self.schema
            if kind is not None and (pa.types.is_timestamp(kind) or pa.types.is_date(kind))
        ]

    @staticmethod
    def span_of(connection_id: str, table: str, column: str) -> tuple[datetime, datetime] | None:
        """The first and the last time in a column; None without a row."""
        from psycopg2 import sql

        asked = sql.SQL("select min({column}), max({column}) from {table}").format(
            column=sql.Identifier(column), table=sql.Identifier(*table.split("."))
        )
        with _seen(connection_id) as seen:
            ((first, last),) = seen.rows(asked)
        return None if first is None else (_time(first), _time(last))


def catalog_of(connection_id: str, table: str) -> Catalog:
    """Raises `SourceRefused`: no such table, or no right to see it; `SourceUnavailable`."""
    with _seen(connection_id) as seen:
        from psycopg2 import sql

        quoted = sql.Identifier(*table.split(".")).as_string(seen.opened)
        found = seen.rows(
            "select a.attname, a.atttypid, a.atttypmod, t.typtype from pg_attribute a "
            "join pg_type t on t.oid = a.atttypid "
            "where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped order by a.attnum",
            (quoted,),
        )
        columns = [(name, _type(oid, modifier, sort)) for name, oid, modifier, sort in found]
        keys = seen.rows(
            "select array_agg(a.attname::text order by array_position(i.indkey::int2[], a.attnum)) "
            "from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = any(i.indkey) "
            "where i.indrelid = %s::regclass and i.indisunique and i.indpred is null and i.indexprs is null "
            "group by i.indexrelid, i.indisprimary order by i.indisprimary desc, count(*) limit 1",
            (quoted,),
        )
    return Catalog(schema=columns, key=tuple(keys[0][0]) if keys else ())


def _type(oid: int, modifier: int, sort: str) -> pa.DataType | None:
    if oid == _NUMERIC:
        if modifier < 0:
            return pa.float64()  # as many digits as you like
        precision, scale = (modifier - 4) >> 16 & 0xFFFF, (modifier - 4) & 0x7FF
        return pa.decimal128(precision, scale) if precision <= 38 and scale <= precision else pa.float64()
    return pa.string() if sort == "e" else _TYPES.get(oid)


def _time(value: datetime | date) -> datetime:
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    return value.replace(tzinfo=UTC) if value.tzinfo is None else value


@contextmanager
def _seen(connection_id: str) -> Iterator[Snapshot]:
    try:
        with snapshot(connection_id, connection_id, _PATIENCE) as seen:
            yield seen
    except SourceRefused as error:
        raise SourceRefused(
            error.what,
            safe="nothing was written",
            next="fix the address, the user or the table's name; the password may be in PGPASSWORD",
        ) from error
    except SourceUnavailable as error:
        raise SourceUnavailable(error.what, safe="nothing was written", next="try again") from error
