"""Google's own client against recorded answers of BigQuery's API: what is asked, and what comes of it."""

from __future__ import annotations

import gzip
import json
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, date, datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from ckpt_ops.column_times import Since
from ckpt_ops.errors import BadInput, SliceMissing, SliceUnreadable, SourceRefused, SourceUnavailable
from ckpt_ops.slices import BigQueryTable, Period
from ckpt_ops.slices.sources.bigquery_client import EMULATOR, client

SCHEMA = pa.schema(
    [
        ("id", pa.int32()),
        ("at", pa.timestamp("us", tz="UTC")),
        ("x", pa.float64()),
        ("money", pa.decimal128(10, 2)),
        ("day", pa.date32()),
        ("gone", pa.string()),
    ]
)
FIELDS = [
    {"name": "id", "type": "INTEGER", "mode": "REQUIRED"},
    {"name": "at", "type": "TIMESTAMP", "mode": "NULLABLE"},
    {"name": "x", "type": "FLOAT", "mode": "NULLABLE"},
    {"name": "money", "type": "NUMERIC", "mode": "NULLABLE"},
    {"name": "day", "type": "DATE", "mode": "NULLABLE"},
]
SOURCE = BigQueryTable(name="bq", schema=SCHEMA, table="p.d.rows", time_column="at", order_by=("id",))
JOB = {"projectId": "p", "jobId": "job-1", "location": "EU"}
KEY = "2013-01-06"


def row(*values: Any) -> dict[str, Any]:
    return {"f": [{"v": value} for value in values]}


class BigQuery(BaseHTTPRequestHandler):
    """Answers as recorded; what each test changes is in `query`."""

    asked: ClassVar[list[dict[str, Any]]] = []
    fields: ClassVar[list[dict[str, Any]]] = FIELDS
    failed: ClassVar[dict[str, str] | None] = None
    query: ClassVar[Callable[[dict[str, Any]], tuple[int, dict[str, Any]]]]

    def do_GET(self) -> None:
        if "/tables/rows" in self.path:
            extra = {"name": "undeclared", "type": "STRING", "mode": "NULLABLE"}
            reference = {"projectId": "p", "datasetId": "d", "tableId": "rows"}
            self.send(200, {"tableReference": reference, "schema": {"fields": [*self.fields, extra]}})
        elif "/jobs/job-1" in self.path:
            result = {"projectId": "p", "datasetId": "_hidden", "tableId": "anon"}
            config = {"jobType": "QUERY", "query": {"query": "SELECT", "destinationTable": result}}
            status = {"state": "DONE"} | (
                {"errorResult": self.failed, "errors": [self.failed]} if self.failed else {}
            )
            done = {"jobReference": JOB, "configuration": config, "status": status}
            self.send(200, done | {"statistics": {"query": {"statementType": "SELECT"}}})
        elif "/queries/job-1" in self.path:
            second = (
                [row("2", None, "Infinity", "-7.5", "1970-01-01")] if "pageToken=more" in self.path else []
            )
            self.send(200, complete(FIELDS, second) | {"totalRows": "2"})
        else:
            self.send(404, refusal(404, "notFound", f"Not found: {self.path}"))

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        if "/jobs/job-1/cancel" in self.path:  # which the client does with a job that did not end well
            self.send(200, {"kind": "bigquery#jobCancelResponse", "job": {"jobReference": JOB}})
            return
        body = json.loads(gzip.decompress(data) if self.headers["Content-Encoding"] == "gzip" else data)
        BigQuery.asked.append(body)
        self.send(*BigQuery.query(body))

    def send(self, status: int, body: dict[str, Any]) -> None:
        data = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        pass


def complete(fields: list[dict[str, Any]], rows: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "jobComplete": True,
        "jobReference": JOB,
        "schema": {"fields": fields},
        "rows": rows,
        "totalRows": str(len(rows)),
        "totalBytesProcessed": "1000",
    }


def refusal(status: int, reason: str, message: str) -> dict[str, Any]:
    return {"error": {"code": status, "message": message, "errors": [{"reason": reason, "message": message}]}}


def answers(body: dict[str, Any]) -> tuple[int, dict[str, Any]]:
    if "COUNT(*)" in body["query"]:
        fields = [{"name": "f0_", "type": "INTEGER"}, {"name": "f1_", "type": "BIGNUMERIC"}]
        return 200, complete(fields, [row("2", "-123")])
    if "DISTINCT" in body["query"]:
        times = [row("1357516800000000"), row("1357430400000000")]
        return 200, complete([{"name": "f0_", "type": "TIMESTAMP"}], times)
    first = [row("1", "1357430400000000", "0.1", "1.25", "2013-01-06")]
    return 200, complete(FIELDS, first) | {"totalRows": "2", "pageToken": "more"}


@pytest.fixture(autouse=True)
def server(
    monkeypatch: pytest.MonkeyPatch,
    serving: Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]],
) -> Iterator[None]:
    BigQuery.asked, BigQuery.query, BigQuery.failed = [], answers, None
    with serving(BigQuery) as address:
        monkeypatch.setenv(EMULATOR, address)
        yield


def test_rows_come_page_by_page_with_the_declared_types() -> None:
    table = pa.Table.from_batches(SOURCE.read(KEY))
    assert table.schema == pa.schema([field for field in SCHEMA if field.name != "gone"])
    assert [tuple(found.values()) for found in table.to_pylist()] == [
        (1, datetime(2013, 1, 6, tzinfo=UTC), 0.1, Decimal("1.25"), date(2013, 1, 6)),
        (2, None, float("inf"), Decimal("-7.50"), date(1970, 1, 1)),
    ]
    (asked,) = BigQuery.asked
    assert asked["query"] == (
        "SELECT `id`, `at`, `x`, `money`, `day` FROM `p.d.rows` WHERE `at` >= @start AND `at` < @end "
        "ORDER BY `id`, FARM_FINGERPRINT(TO_JSON_STRING(STRUCT(`id`, `at`, `x`, `money`, `day`)))"
    )
    assert asked["maximumBytesBilled"] == "100000000000"
    bounds = [given["parameterValue"]["value"] for given in asked["queryParameters"]]
    assert [bound[:10] for bound in bounds] == ["2013-01-06", "2013-01-07"]


def test_a_column_is_asked_of_the_slices_of_its_time() -> None:
    """So the fingerprint and the rows of older slices stay what they were before the table had it."""
    source = replace(SOURCE, column_times={"money": Since("2013-01-07", default=None)})
    source.fingerprint(KEY)
    assert "TO_JSON_STRING(STRUCT(`id`, `at`, `x`, `day`))" in BigQuery.asked[-1]["query"]
    next(iter(source.read(KEY)))
    assert BigQuery.asked[-1]["query"].startswith("SELECT `id`, `at`, `x`, `day` FROM")
    source.fingerprint("2013-01-07")
    assert "STRUCT(`id`, `at`, `x`, `money`, `day`)" in BigQuery.asked[-1]["query"]


def test_keys_and_fingerprint() -> None:
    assert SOURCE.keys(datetime(2013, 1, 1), datetime(2013, 2, 1)) == [KEY, "2013-01-07"]
    weeks = replace(SOURCE, period=Period.WEEK)
    weeks.keys(datetime(2013, 1, 1), datetime(2013, 2, 1))
    assert "TIMESTAMP_TRUNC(TIMESTAMP(`at`), WEEK(MONDAY))" in BigQuery.asked[-1]["query"]
    assert SOURCE.fingerprint(KEY) == "2--123"
    fields = [{"name": "f0_", "type": "INTEGER"}, {"name": "f1_", "type": "BIGNUMERIC"}]
    BigQuery.query = lambda body: (200, complete(fields, [row("0", None)]))
    with pytest.raises(SliceMissing, match=r"p\.d\.rows has no row of it"):
        SOURCE.fingerprint(KEY)
    BigQuery.query = lambda body: (200, complete(FIELDS, []))
    with pytest.raises(SliceMissing, match=r"p\.d\.rows has no row of it"):
        list(SOURCE.read(KEY))


@pytest.mark.parametrize(
    ("column", "kind", "bounds"),
    [
        ("at", "TIMESTAMP", ["2013-01-06 05:00:00+00:00", "2013-01-06 06:00:00+00:00"]),
        ("local", "DATETIME", ["2013-01-06T05:00:00.000000", "2013-01-06T06:00:00.000000"]),
        ("day", "DATE", ["2013-01-07", "2013-01-07"]),  # a date is midnight: of no other hour
    ],
)
def test_partitions_are_left_out_by_the_bare_column_and_a_parameter_of_its_type(
    column: str, kind: str, bounds: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(BigQuery, "fields", [*FIELDS, {"name": "local", "type": "DATETIME"}])
    replace(SOURCE, time_column=column, period=Period.HOUR).fingerprint("2013-01-06T05")
    asked = BigQuery.asked[-1]
    assert f"WHERE `{column}` >= @start AND `{column}` < @end" in asked["query"]
    given = asked["queryParameters"]
    assert [one["parameterType"]["type"] for one in given] == [kind, kind]
    assert [one["parameterValue"]["value"] for one in given] == bounds


def test_a_column_that_is_no_time_is_refused() -> None:
    for column, said in (("x", "x is FLOAT"), ("nothing", "there is no nothing")):
        with pytest.raises(SourceRefused, match=rf"by a column of TIMESTAMP, .* in p\.d\.rows {said}"):
            replace(SOURCE, time_column=column).keys(datetime(2013, 1, 1), datetime(2013, 2, 1))


def test_records_and_lists_come_as_structs_and_lists(monkeypatch: pytest.MonkeyPatch) -> None:
    nested: list[dict[str, Any]] = [
        {"name": "who", "type": "RECORD", "mode": "NULLABLE", "fields": [{"name": "age", "type": "INTEGER"}]},
        {"name": "marks", "type": "INTEGER", "mode": "REPEATED"},
        {"name": "said", "type": "JSON", "mode": "NULLABLE"},
    ]
    monkeypatch.setattr(BigQuery, "fields", [*FIELDS, *nested])
    values = row({"f": [{"v": "7"}]}, [{"v": "1"}, {"v": "2"}], '{"a":1}')
    BigQuery.query = lambda body: (200, complete(nested, [values]))
    declared = pa.schema(
        [("who", pa.struct([("age", pa.int64())])), ("marks", pa.list_(pa.int64())), ("said", pa.string())]
    )
    table = pa.Table.from_batches(replace(SOURCE, schema=declared).read(KEY))
    assert table.schema == declared
    assert table.to_pylist() == [{"who": {"age": 7}, "marks": [1, 2], "said": '{"a":1}'}]


def test_another_table_altogether() -> None:
    message = r"p\.d\.rows is a different table: none of its columns \(at, day"
    with pytest.raises(SliceUnreadable, match=message):
        list(replace(SOURCE, schema=pa.schema([("word", pa.string())])).read(KEY))


@pytest.mark.parametrize(
    ("reason", "expected"),
    [
        ("rateLimitExceeded", SourceUnavailable),
        ("backendError", SourceUnavailable),
        ("resourcesExceeded", SourceRefused),
        ("accessDenied", SourceRefused),
    ],
)
def test_a_job_that_fails_is_told_by_its_reason(reason: str, expected: type[Exception]) -> None:
    BigQuery.query = lambda body: (200, {"jobComplete": False, "jobReference": JOB})
    BigQuery.failed = {"reason": reason, "message": f"no: {reason}"}
    with pytest.raises(expected, match=f"no: {reason}"):
        SOURCE.fingerprint(KEY)


def test_who_asks_is_an_airflow_connection(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv(EMULATOR)
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048).private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    account = {
        "type": "service_account",
        "client_email": "me@p.iam.gserviceaccount.com",
        "token_uri": "https://oauth2.googleapis.com/token",
        "private_key": key.decode(),
    }
    (tmp_path / "key.json").write_text(json.dumps(account))
    for extra in (
        {"keyfile_dict": account},
        {"keyfile_dict": json.dumps(account)},
        {"key_path": str(tmp_path / "key.json")},
    ):
        monkeypatch.setenv(
            "AIRFLOW_CONN_GCP", json.dumps({"conn_type": "google_cloud_platform", "extra": extra})
        )
        assert client("p", "gcp")._credentials.service_account_email == account["client_email"]
    for broken in ({}, {"keyfile_dict": {**account, "private_key": "s3cret"}}, {"key_path": "/nowhere"}):
        monkeypatch.setenv(
            "AIRFLOW_CONN_GCP", json.dumps({"conn_type": "google_cloud_platform", "extra": broken})
        )
        with pytest.raises(BadInput, match="connection='gcp'") as refused:
            replace(SOURCE, connection="gcp").fingerprint(KEY)
        assert "s3cret" not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    ("status", "reason"),
    [(403, "accessDenied"), (404, "notFound"), (400, "bytesBilledLimitExceeded")],
)
def test_what_google_refuses_is_refused_for_good(status: int, reason: str) -> None:
    BigQuery.query = lambda body: (status, refusal(status, reason, f"no: {reason}"))
    with pytest.raises(SourceRefused, match=f"no: {reason}"):
        SOURCE.fingerprint(KEY)


def test_what_google_cannot_do_now_may_be_tried_again() -> None:
    BigQuery.query = lambda body: (503, refusal(503, "backendError", "try later"))
    with pytest.raises(SourceUnavailable, match="does not answer"):
        replace(SOURCE, timeout=1.0).fingerprint(KEY)


def test_a_value_that_the_declared_type_does_not_hold() -> None:
    BigQuery.query = lambda body: (200, complete(FIELDS, [row("99999999999", None, None, None, None)]))
    with pytest.raises(SliceUnreadable, match=r"column id of p\.d\.rows has a value that is no int32"):
        list(SOURCE.read(KEY))


def test_settings_are_refused_by_name() -> None:
    for changed in (
        {"table": "rows"},
        {"table": "p..rows"},
        {"order_by": ()},
        {"order_by": "id"},
        {"time_column": "a`b"},
        {"period": "day"},
        {"timeout": 0},
        {"maximum_bytes_billed": 0},
    ):
        (field,) = changed
        with pytest.raises(BadInput, match=f"{'column' if field == 'time_column' else field}="):
            replace(SOURCE, **changed)
