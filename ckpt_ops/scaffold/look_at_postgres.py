"""A look at a PostgreSQL table: its columns and keys from the catalog, and the rows of a few slices."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.catalog import Catalog, catalog_of
from ckpt_ops.scaffold.found import Asked, Code, Found
from ckpt_ops.scaffold.literals import repr_of
from ckpt_ops.scaffold.periods import found_in, period_of
from ckpt_ops.slices import Period, PostgresTable, connections

FORM = "postgres://USER@HOST:5432/DATABASE?table=SCHEMA.TABLE"


def look_at_postgres(asked: Asked, progress: Callable[[str], object]) -> Found:
    """Look at the table that `asked.origin` names, as `FORM`.

    The password may be in the URL, in PGPASSWORD, in ~/.pgpass or in the connection's AIRFLOW_CONN_...; it
    is used to look, and written nowhere: what is written names an Airflow connection.

    Raises:
        BadInput: the table has no time column or no key, or several times, with the option to give.
        SourceRefused, SourceUnavailable, SliceUnreadable.
    """
    uri, table = _split(asked.origin)
    name = asked.connection or f"{asked.name}_db"
    variable = connections.variable(name)
    with connections.standing_in(name, os.environ.get(variable) or uri):
        progress(f"looking at {table}")
        catalog = catalog_of(name, table)
        time_column = _time_column(asked, catalog)
        order_by = _order_by(asked, catalog)
        period = period_of(asked.schedule)
        source = PostgresTable(
            name=asked.name,
            schema=_without(catalog.schema),
            connection=name,
            table=table,
            time_column=time_column,
            order_by=order_by,
            period=period,
        )
        progress(f"looking for slices by {time_column}")
        keys = _complete(source, period, catalog.span_of(name, table, time_column))
        if not keys:
            raise BadInput("--from", table, f"a table with rows of a {period.value} that has ended")
        return found_in(
            source,
            keys,
            period,
            what=f"rows of {table}, a PostgreSQL table, by {time_column}",
            code=_code(source),
            notes=_notes(name, variable, catalog, time_column),
            progress=progress,
        )


def _split(origin: str) -> tuple[str, str]:
    """The connection as a URI, and the table."""
    parts = urlsplit(origin)
    query = dict(parse_qsl(parts.query))
    table = query.pop("table", "")
    if not table or not parts.path.strip("/"):
        shown = urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))
        raise BadInput("--from", shown, FORM)
    return urlunsplit(parts._replace(query=urlencode(query))), table


def _time_column(asked: Asked, catalog: Catalog) -> str:
    if asked.time_column in catalog.times:
        return asked.time_column
    if asked.time_column is None and len(catalog.times) == 1:
        return catalog.times[0]
    there = ", ".join(catalog.times) or "the table has none"
    raise BadInput(
        "--time-column",
        asked.time_column,
        f"the column that says which slice a row belongs to: {there}",
        next=f"--time-column {catalog.times[0]}" if catalog.times else "write a source of your own",
    )


def _order_by(asked: Asked, catalog: Catalog) -> tuple[str, ...]:
    order = tuple(asked.order_by.split(",")) if asked.order_by else catalog.key
    columns = ", ".join(catalog.names)
    if not order:
        raise BadInput(
            "--order-by",
            None,
            "columns that put a slice's rows in one order: the table has no primary key and no unique index; "
            f"its columns are {columns}",
            next=f"--order-by {catalog.names[0]}, or several, separated by commas",
        )
    if not set(order) <= set(catalog.names):
        raise BadInput("--order-by", asked.order_by, f"columns of the table: {columns}")
    return order


def _complete(source: PostgresTable, period: Period, span: tuple[datetime, datetime] | None) -> list[str]:
    """Keys of the periods that have rows and have ended."""
    if span is None:
        return []
    now = datetime.now(UTC)
    keys = source.keys(period.floor(span[0]), period.end(period.floor(span[1])))
    return [key for key in keys if period.bounds(key)[1] <= now]


def _without(columns: Sequence[tuple[str, pa.DataType | None]]) -> pa.Schema:
    return pa.schema([(name, kind) for name, kind in columns if kind is not None])


def _code(source: PostgresTable) -> Code:
    order = ", ".join(repr_of(name) for name in source.order_by)
    return Code(
        kind="PostgresTable",
        imports=("Period", "PostgresTable"),
        arguments={
            "connection": repr_of(source.connection),
            "table": repr_of(source.table),
            "time_column": repr_of(source.time_column),
            "order_by": f"({order}{',' if len(source.order_by) == 1 else ''})",
            "period": f"Period.{source.period.name}",
        },
        comments={
            "connection": "an Airflow connection: address and password are in there, never here",
            "order_by": "what tells rows apart: they come in the same order each time",
        },
    )


def _notes(name: str, variable: str, catalog: Catalog, time_column: str) -> list[str]:
    notes = [
        f"connection {name!r}: add it in Airflow's UI (Admin, Connections), or before `make up` and for this "
        f"command: export {variable}='postgres://USER:PASSWORD@HOST:5432/DATABASE'",
        f"every pull asks for a period of {time_column}: index it",
    ]
    left_out = [name for name, kind in catalog.schema if kind is None]
    if left_out:
        notes.append(f"left out, as no model or suite can use their types: {', '.join(left_out)}")
    return notes
