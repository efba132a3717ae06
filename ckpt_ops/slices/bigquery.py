"""Rows of a BigQuery table, a slice per period of its time column, by Google's own client.

What was run: the official client against recorded answers of the REST API, on this machine. Nothing here
was run against Google's service: its permissions, quotas and billing are as its documentation says.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import pyarrow as pa

from ckpt_ops.errors import BadInput, SliceMissing, SliceUnreadable, SourceRefused, SourceUnavailable
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.periods import Period
from ckpt_ops.slices.types import as_declared

EMULATOR = "BIGQUERY_EMULATOR_HOST"
_PAGE_ROWS = 20_000
_SAFE = "the log and the champion are untouched; nothing was written"


@dataclass(frozen=True, kw_only=True)
class BigQueryTable:
    """A `SliceSource` over a table or view of BigQuery, with Application Default Credentials.

    * `keys`: the periods that have a row, by one query on the time column.
    * `fingerprint`: of the slice's rows, made by BigQuery, which bills the declared columns of the slice for
      it. Partition the table by its time column.
    * `read`: the declared columns that exist, in the order of `order_by`, a page of 20,000 rows at a time.

    A pull asks for the fingerprint three times and reads once: four times the slice's bytes are billed, each
    query `maximum_bytes_billed` at most.

    Attributes:
        table: `project.dataset.table`.
        time_column: TIMESTAMP, or DATETIME or DATE taken as UTC.
        order_by: columns that put a slice's rows in one order.
        period: how long a slice is.
        project: which project pays; the table's by default.
        location: where the queries run; BigQuery finds it by default.
        maximum_bytes_billed: a query that would read more is refused; 100 GB by default.
        timeout: seconds that a query may take.
    """

    name: str
    schema: pa.Schema
    table: str
    time_column: str
    order_by: tuple[str, ...]
    period: Period = Period.DAY
    project: str = ""
    location: str | None = None
    maximum_bytes_billed: int = 100_000_000_000
    timeout: float = 600.0

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        if self.table.count(".") != 2 or "`" in self.table:
            raise BadInput("table", self.table, "project.dataset.table")
        if not self.order_by:
            raise BadInput("order_by", self.order_by, "columns that put the rows in one order")
        for column in (self.time_column, *self.order_by, *self.schema.names):
            if not column or "`" in column:
                raise BadInput("column", column, "a name without '`'")

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Keys of the periods that have rows and begin in [start, end), or at `start` if both are equal."""
        starts = self.period.starts(start, end)
        if not starts:
            return []
        unit = "WEEK(MONDAY)" if self.period is Period.WEEK else self.period.name
        asked = f"SELECT DISTINCT TIMESTAMP_TRUNC({self._time}, {unit}) FROM `{self.table}` {self._where}"
        rows = self._query(asked, starts[0], self.period.end(starts[-1]))
        return sorted(self.period.key(row[0]) for row in rows)

    def fingerprint(self, key: str) -> str:
        """See the class. Raises `SliceMissing` when no row is there."""
        start, end = self.period.bounds(key)
        asked = (
            "SELECT COUNT(*), SUM(CAST(FARM_FINGERPRINT(TO_JSON_STRING(t)) AS BIGNUMERIC)) FROM "
            f"(SELECT {self._columns(self._found())} FROM `{self.table}` {self._where}) AS t"
        )
        ((count, digest),) = self._query(asked, start, end)
        if not count:
            raise self._missing(key)
        return f"{count}-{digest}"

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """See the class. Raises `SliceUnreadable` naming the column whose values are not of their type."""
        start, end = self.period.bounds(key)
        return self._read(key, start, end)

    def _read(self, key: str, start: datetime, end: datetime) -> Iterator[pa.RecordBatch]:
        names = self._found()
        order = self._columns(list(self.order_by))
        asked = f"SELECT {self._columns(names)} FROM `{self.table}` {self._where} ORDER BY {order}"
        rows = self._query(asked, start, end)
        if not rows.total_rows:
            raise self._missing(key)
        with self._errors():
            for batch in rows.to_arrow_iterable(bqstorage_client=None):
                schema = pa.schema(
                    [
                        pa.field(field.name, as_declared(field.type, self.schema.field(field.name).type))
                        for field in batch.schema
                    ]
                )
                try:
                    yield batch.cast(schema)
                except pa.ArrowException as error:
                    raise SliceUnreadable(
                        f"{self.table} has a value that its declared type does not hold: {error}",
                        safe=_SAFE,
                        next=f"declare a type that holds it in source {self.name!r}, or mend the row",
                    ) from error

    def _missing(self, key: str) -> SliceMissing:
        return SliceMissing(
            f"source {self.name!r} has no slice {key}: {self.table} has no row of it",
            safe=_SAFE,
            next="wait for it to come: the pull is tried again",
        )

    def _found(self) -> list[str]:
        """The declared columns that exist."""
        with self._errors():
            table = self._client().get_table(self.table, timeout=self.timeout, retry=self._retry)
        there = {field.name for field in table.schema}
        names = [name for name in self.schema.names if name in there]
        if not names:
            raise SliceUnreadable(
                f"{self.table} is another table: none of its columns ({', '.join(sorted(there))}) is "
                f"declared by source {self.name!r}",
                safe=_SAFE,
                next="mend the table's name or the declared columns",
            )
        return names

    def _query(self, text: str, start: datetime, end: datetime) -> Any:
        from google.cloud import bigquery

        config = bigquery.QueryJobConfig(
            query_parameters=[
                bigquery.ScalarQueryParameter("start", "TIMESTAMP", start),
                bigquery.ScalarQueryParameter("end", "TIMESTAMP", end),
            ],
            maximum_bytes_billed=self.maximum_bytes_billed,
        )
        with self._errors():
            return self._client().query_and_wait(
                text,
                job_config=config,
                location=self.location,
                page_size=_PAGE_ROWS,
                api_timeout=self.timeout,
                wait_timeout=self.timeout,
                retry=self._retry,
                job_retry=None,
            )

    @property
    def _retry(self) -> Any:
        from google.cloud import bigquery

        return bigquery.DEFAULT_RETRY.with_timeout(min(self.timeout, 60.0))

    @property
    def _time(self) -> str:
        return f"TIMESTAMP(`{self.time_column}`)"

    @property
    def _where(self) -> str:
        return f"WHERE {self._time} >= @start AND {self._time} < @end"

    @staticmethod
    def _columns(names: list[str]) -> str:
        return ", ".join(f"`{name}`" for name in names)

    def _client(self) -> Any:
        from google.auth.credentials import AnonymousCredentials
        from google.cloud import bigquery

        credentials = AnonymousCredentials() if os.environ.get(EMULATOR) else None
        return bigquery.Client(project=self.project or self.table.split(".")[0], credentials=credentials)

    @contextmanager
    def _errors(self) -> Iterator[None]:
        import requests
        from google.api_core import exceptions
        from google.auth.exceptions import DefaultCredentialsError, TransportError

        later = (
            exceptions.ServerError,
            exceptions.TooManyRequests,
            exceptions.RetryError,
            requests.ConnectionError,
            requests.Timeout,
            TransportError,
            TimeoutError,
        )
        try:
            yield
        except later as error:
            raise SourceUnavailable(
                f"BigQuery does not answer source {self.name!r}: {_first_line(error)}",
                safe=_SAFE,
                next="nothing: the pull is tried again",
            ) from error
        except (exceptions.ClientError, DefaultCredentialsError) as error:
            raise SourceRefused(
                f"BigQuery refuses source {self.name!r}, table {self.table}: {_first_line(error)}",
                safe=_SAFE,
                next="mend the rights of the credentials, the names in the source, or maximum_bytes_billed",
            ) from error


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300]
