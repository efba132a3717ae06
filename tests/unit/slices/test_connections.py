"""Airflow connections as sources see them: Airflow's own forms, and not a word of a password."""

from __future__ import annotations

import json
import traceback
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from ckpt_ops.errors import BadInput, SourceRefused
from ckpt_ops.slices import connections
from ckpt_ops.slices.connections import Connection, connection

WORD = some.text(some.characters(codec="utf-8", exclude_categories=("Cc", "Cs")), min_size=1, max_size=20)
HOST = some.from_regex(r"[A-Za-z][A-Za-z0-9-]{0,10}(\.[A-Za-z]{2,5})?", fullmatch=True)


@pytest.fixture(autouse=True)
def environment() -> Iterator[None]:
    """Each test looks connections up as outside of Airflow."""
    yield
    connections.use(connections.in_environment)


@pytest.fixture
def made(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Puts text where Airflow would look for the connection `a`."""
    return lambda text: monkeypatch.setenv("AIRFLOW_CONN_A", text)


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    said=some.fixed_dictionaries(
        {"conn_type": some.sampled_from(["postgres", "http", "google_cloud_platform"])},
        optional={
            "host": HOST | HOST.map("https://{}".format) | some.just("/run/PostgreSQL"),
            "port": some.integers(1, 65_535),
            "login": WORD,
            "password": WORD,
            "schema": WORD,
            "extra": some.dictionaries(WORD, WORD | some.dictionaries(WORD, WORD), max_size=3).map(
                json.dumps
            ),
        },
    )
)
def test_what_airflow_writes_is_read_as_airflow_reads_it(made: Any, said: dict[str, Any]) -> None:
    from airflow.sdk import Connection as Airflows

    airflows = Airflows(conn_id="a", **said)
    expected = Connection(
        id="a",
        kind=said["conn_type"],
        host=said.get("host", ""),
        port=said.get("port"),
        login=said.get("login", ""),
        password=said.get("password", ""),
        schema=said.get("schema", ""),
        extra=json.loads(said.get("extra", "{}")),
    )
    made(airflows.as_json())
    assert connection("a") == expected
    made(airflows.get_uri())
    assert connection("a") == expected


@pytest.mark.parametrize(
    "text",
    [
        "s3cret",
        "postgres://user:s3cret/x@host/db",  # a slash that is not percent-encoded ends the address
        '{"password": "s3cret"',
        '{"extra": "s3cret"}',
        '{"extra": ["s3cret"]}',
        '{"port": "s3cret"}',
        '["s3cret"]',
        "http://h/?__extra__=s3cret",
    ],
)
def test_what_cannot_be_read_is_refused_without_quoting_it(made: Any, text: str) -> None:
    made(text)
    with pytest.raises(BadInput, match="AIRFLOW_CONN_A") as refused:
        connection("a")
    logged = "".join(traceback.format_exception(refused.value, chain=True))
    assert "s3cret" not in logged


def test_secrets_are_in_no_repr(made: Any) -> None:
    made('{"conn_type": "http", "login": "me", "password": "s3cret", "extra": {"key": "s3cret"}}')
    found = connection("a")
    assert "s3cret" not in f"{found!r} {found}"
    assert (found.password, found.extra) == ("s3cret", {"key": "s3cret"})


def test_one_that_is_not_there_says_where_to_make_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AIRFLOW_CONN_MY_DB", raising=False)
    with pytest.raises(SourceRefused, match=r"in Airflow's UI .* or set AIRFLOW_CONN_MY_DB"):
        connection("my_db")


def test_whoever_runs_the_process_may_know_more(made: Any) -> None:
    made("http://from-the-environment")
    connections.use(lambda name: f"http://from-{name}")
    assert connection("a").host == "from-a"
