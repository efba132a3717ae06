"""Rows of a BigQuery table, a slice per period of its time column, by Google's own client.

What was run: the official client, in the tests against recorded answers of the REST API, and by hand against
an emulator on DuckDB, which executed these queries. Nothing here was run against Google's service: its
permissions, quotas, billing and pruning are as its documentation says.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, ClassVar

import pyarrow as pa

from ckpt_ops import checks
from ckpt_ops.column_times import ColumnTimes
from ckpt_ops.errors import UNTOUCHED, BadInput, SliceUnreadable, SourceRefused
from ckpt_ops.slices.declared import check_column_times, declared_at
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.periods import Period, check_period, no_rows
from ckpt_ops.slices.sources.bigquery_client import client, errors, retry
from ckpt_ops.slices.sources.database_types import as_declared

_PAGE_ROWS = 20_000
_TIMES = ("TIMESTAMP", "DATETIME", "DATE")


@dataclass(frozen=True, kw_only=True)
class BigQueryTable:
    """A `SliceSource` over a table or view of BigQuery.

    * `keys`: the periods that have a row, by one query on the time column.
    * `fingerprint`: of the slice's rows, made by BigQuery, which bills the declared columns of the slice for
      it. Partition the table by its time column: the filter lets BigQuery skip partitions.
    * `read`: the declared columns that exist, in one order, a page of 20,000 rows at a time.

    A pull asks for the fingerprint three times and reads once: four times the slice's bytes are billed, each
    query `maximum_bytes_billed` at most. A result may have 10 GB, says Google; cut larger slices
    by a shorter `period`.

    RECORD comes as a struct and REPEATED as a list; JSON and GEOGRAPHY come as text. A column of another
    kind than declared comes as it is, for validation to evaluate.

    Attributes:
        table: `project.dataset.table`.
        time_column: TIMESTAMP, or DATETIME or DATE taken as UTC.
        order_by: columns that put a slice's rows in order. Rows that these do not tell apart are ordered by
            a hash of the declared columns.
        period: how long a slice is.
        connection: id of an Airflow connection of the type Google Cloud; Application Default Credentials
            when there is none.
        project: which project pays; the table's by default.
        location: where the queries run; BigQuery finds it by default.
        maximum_bytes_billed: a query that would read more is refused; 100 GB by default.
        timeout: seconds that a query may take.
        column_times: columns that came or went with a slice, each with what readers see in the others:
            `{"weather": Since("2013-02-01", default="none")}`.
    """

    cheap_fingerprint: ClassVar[bool] = False  # it is billed

    name: str
    schema: pa.Schema
    table: str
    time_column: str
    order_by: tuple[str, ...]
    period: Period = Period.DAY
    connection: str = ""
    project: str = ""
    location: str | None = None
    maximum_bytes_billed: int = 100_000_000_000
    timeout: float = 600.0
    column_times: ColumnTimes = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        check_period(self.period)
        if self.table.count(".") != 2 or not all(self.table.split(".")) or "`" in self.table:
            raise BadInput("table", self.table, "project.dataset.table")
        if not self.order_by or not isinstance(self.order_by, tuple):
            raise BadInput("order_by", self.order_by, "a tuple of columns that put the rows in order")
        for column in (self.time_column, *self.order_by, *self.schema.names):
            if not column or "`" in column:
                raise BadInput("column", column, "a name without '`'")
        for limit in ("maximum_bytes_billed", "timeout"):
            checks.number(limit, getattr(self, limit), above=0, endless=True, allowed="more than 0")
        check_column_times(self)

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Keys of the periods that have rows and begin in [start, end), or at `start` if both are equal."""
        starts = self.period.starts(start, end)
        if not starts:
            return []
        unit = "WEEK(MONDAY)" if self.period is Period.WEEK else self.period.name
        first = f"TIMESTAMP_TRUNC(TIMESTAMP(`{self.time_column}`), {unit})"
        kind = self._time_type(self._fields())
        rows = self._query(
            f"SELECT DISTINCT {first} FROM {self._where}", kind, starts[0], self.period.end(starts[-1])
        )
        return sorted(self.period.key(row[0]) for row in rows)

    def fingerprint(self, key: str) -> str:
        """See the class. Raises `SliceMissing` when no row is there."""
        bounds = self.period.bounds(key)
        fields = self._fields()
        hashed = f"SUM(CAST({self._hash(key, fields)} AS BIGNUMERIC))"
        asked = f"SELECT COUNT(*), {hashed} FROM {self._where}"
        ((count, digest),) = self._query(asked, self._time_type(fields), *bounds)
        if not count:
            raise no_rows(self.name, key, self.table)
        return f"{count}-{digest}"

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """See the class. Raises `SliceMissing`; `SliceUnreadable` naming a column whose values do not fit."""
        return self._read(key, *self.period.bounds(key))

    def _read(self, key: str, start: datetime, end: datetime) -> Iterator[pa.RecordBatch]:
        fields = self._fields()
        order = f"{_quoted(self.order_by)}, {self._hash(key, fields)}"
        asked = f"SELECT {_quoted(self._declared(key, fields))} FROM {self._where} ORDER BY {order}"
        rows = self._query(asked, self._time_type(fields), start, end)
        if not rows.total_rows:
            raise no_rows(self.name, key, self.table)
        with errors(self.name, self.table):
            for batch in rows.to_arrow_iterable(bqstorage_client=None):
                yield self._as_declared(batch)

    def _as_declared(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        columns, fields = [], []
        for found in batch.schema:
            field = pa.field(found.name, as_declared(found.type, self.schema.field(found.name).type))
            try:
                columns.append(batch.column(found.name).cast(field.type))
            except pa.ArrowException as error:
                raise SliceUnreadable(
                    f"column {found.name} of {self.table} has a value that is no {field.type}: {error}",
                    safe=UNTOUCHED,
                    next=f"declare a type that holds it in source {self.name!r}, or fix the row",
                ) from error
            fields.append(field)
        return pa.RecordBatch.from_arrays(columns, schema=pa.schema(fields))

    def _fields(self) -> dict[str, str]:
        """By column of the table, its BigQuery type. Costs nothing."""
        with errors(self.name, self.table):
            table = self._client().get_table(self.table, timeout=self.timeout, retry=retry(self.timeout))
        return {field.name: field.field_type for field in table.schema}

    def _declared(self, key: str, fields: dict[str, str]) -> list[str]:
        names = [name for name in declared_at(self, key).names if name in fields]
        if not names:
            raise SliceUnreadable(
                f"{self.table} is a different table: none of its columns ({', '.join(sorted(fields))}) is "
                f"declared by source {self.name!r}",
                safe=UNTOUCHED,
                next="fix the table's name or the declared columns",
            )
        return names

    def _time_type(self, fields: dict[str, str]) -> str:
        kind = fields.get(self.time_column, "")
        if kind not in _TIMES:
            found = f"{self.time_column} is {kind}" if kind else f"there is no {self.time_column}"
            raise SourceRefused(
                f"source {self.name!r} tells slices apart by a column of {', '.join(_TIMES)}; "
                f"in {self.table} {found}",
                safe=UNTOUCHED,
                next="fix time_column of the source",
            )
        return kind

    def _query(self, text: str, kind: str, start: datetime, end: datetime) -> Any:
        from google.cloud import bigquery

        config = bigquery.QueryJobConfig(
            query_parameters=[
                bigquery.ScalarQueryParameter("start", kind, _bound(kind, start)),
                bigquery.ScalarQueryParameter("end", kind, _bound(kind, end)),
            ],
            maximum_bytes_billed=self.maximum_bytes_billed,
        )
        with errors(self.name, self.table):
            return self._client().query_and_wait(
                text,
                job_config=config,
                location=self.location,
                page_size=_PAGE_ROWS,
                api_timeout=self.timeout,
                wait_timeout=self.timeout,
                retry=retry(self.timeout),
                job_retry=None,
            )

    @property
    def _where(self) -> str:
        # the bare column, with parameters of its own type: a function around it would read all partitions
        return f"`{self.table}` WHERE `{self.time_column}` >= @start AND `{self.time_column}` < @end"

    def _hash(self, key: str, fields: dict[str, str]) -> str:
        return f"FARM_FINGERPRINT(TO_JSON_STRING(STRUCT({_quoted(self._declared(key, fields))})))"

    def _client(self) -> Any:
        return client(self.project or self.table.split(".")[0], self.connection)


def _quoted(names: Sequence[str]) -> str:
    return ", ".join(f"`{name}`" for name in names)


def _bound(kind: str, time: datetime) -> datetime | date:
    """The first value of the column's type that is not before `time`."""
    if kind == "DATE":
        return (time + timedelta(days=1, microseconds=-1)).date()
    return time.replace(tzinfo=None) if kind == "DATETIME" else time
