"""Slices from a JSON API on this machine: its pages, its moods, and what it must not do to us."""

from __future__ import annotations

import base64
import gzip
import json
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from typing import Any, ClassVar
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa
import pytest

from ckpt_ops.column_times import Since
from ckpt_ops.contract import check_source
from ckpt_ops.errors import (
    BadInput,
    SliceChanging,
    SliceEmpty,
    SliceMissing,
    SliceUnreadable,
    SourceRefused,
    SourceUnavailable,
)
from ckpt_ops.slices import HttpPages, Period, pull, read_slice
from ckpt_ops.slices.sources import http_page
from ckpt_ops.slices.sources.http_page import retry_after
from ckpt_ops.slices.sources.paging import Cursor, LinkHeader, NextLink, Offset, PageNumber
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema([("n", pa.int64()), ("at", pa.timestamp("us", tz="UTC")), ("word", pa.string())])
KEY = "2013-01-06"
PAGES = [[{"n": 1, "at": "2013-01-06T00:00:00Z"}, {"n": 2, "word": "b", "more": [1]}], [{"n": 3}], [{"n": 4}]]
Route = Callable[["Handler"], None]
Serving = Callable[[type[BaseHTTPRequestHandler]], AbstractContextManager[str]]


class Handler(BaseHTTPRequestHandler):
    routes: ClassVar[dict[str, Route]] = {}
    asked: ClassVar[list[str]] = []
    who: ClassVar[list[tuple[int, str | None]]] = []  # port, and what was said of who asks

    def do_GET(self) -> None:
        Handler.asked.append(self.path)
        Handler.who.append((int(self.headers["Host"].rpartition(":")[2]), self.headers["Authorization"]))
        self.query = {name: values[0] for name, values in parse_qs(urlsplit(self.path).query).items()}
        Handler.routes[urlsplit(self.path).path](self)

    def send(self, body: Any, status: int = 200, **headers: str) -> None:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        self.send_response(status)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def api(serving: Serving) -> Iterator[str]:
    Handler.routes, Handler.asked, Handler.who = {}, [], []
    with serving(Handler) as address:
        yield address


@pytest.fixture
def elsewhere(api: str, serving: Serving) -> Iterator[str]:
    """Another server on the same host: it gives the same answers."""
    with serving(Handler) as address:
        yield address


@pytest.fixture(autouse=True)
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Between tries; not slept."""
    found: list[float] = []
    monkeypatch.setattr(http_page.time, "sleep", found.append)
    return found


def source(url: str, **settings: Any) -> HttpPages:
    return HttpPages(name="api", schema=SCHEMA, url=url, **{"read_timeout": 5.0, **settings})


def numbers(source: HttpPages) -> list[int]:
    return pa.Table.from_batches(source.read(KEY))["n"].to_pylist()


def link(handler: Handler) -> None:
    at = int(handler.query.get("at", 0))
    more = {"Link": f'</link?at={at + 1}>; rel="next"'} if at < 2 else {}
    handler.send(PAGES[at], **more)


def following(handler: Handler) -> None:
    at = int(handler.query.get("at", 0))
    handler.send({"data": {"items": PAGES[at]}, "paging": {"next": f"?at={at + 1}" if at < 2 else None}})


def cursor(handler: Handler) -> None:
    at = int(handler.query.get("cursor", 0))
    handler.send({"rows": PAGES[at], "next_cursor": str(at + 1) if at < 2 else ""})


def counted(handler: Handler) -> None:
    at = int(handler.query.get("page", 1))
    handler.send(PAGES[at - 1] if at <= 3 else [])


def left_out(handler: Handler) -> None:
    rows = [row for page in PAGES for row in page]
    at = int(handler.query.get("offset", 0))
    handler.send(rows[at : at + 2])


@pytest.mark.parametrize(
    ("route", "settings"),
    [
        (left_out, {"paging": Offset()}),
        (link, {"paging": LinkHeader()}),
        (following, {"items": "data.items", "paging": NextLink(path="paging.next")}),
        (cursor, {"items": "rows", "paging": Cursor()}),
        (counted, {"paging": PageNumber()}),
    ],
)
def test_every_way_of_paging(api: str, route: Route, settings: dict[str, Any]) -> None:
    path = f"/{route.__name__}"
    Handler.routes[path] = route
    table = pa.Table.from_batches(source(f"{api}{path}?from={{start}}&to={{end}}", **settings).read(KEY))
    assert table.schema == SCHEMA
    assert table.to_pylist()[0] == {
        "n": 1,
        "at": datetime.fromisoformat("2013-01-06T00:00:00+00:00"),
        "word": None,
    }
    assert table["n"].to_pylist() == [1, 2, 3, 4]
    assert Handler.asked[0] == f"{path}?from=2013-01-06T00:00:00Z&to=2013-01-07T00:00:00Z"


def test_a_field_is_asked_of_the_slices_of_its_time(api: str) -> None:
    Handler.routes["/n"] = lambda handler: handler.send([{"n": 1, "word": "b"}])
    plain = replace(source(f"{api}/n"), schema=pa.schema([SCHEMA.field("n"), SCHEMA.field("at")]))
    later = source(f"{api}/n", column_times={"word": Since("2013-01-07", default="-")})
    assert later.fingerprint(KEY) == plain.fingerprint(KEY)
    assert pa.Table.from_batches(later.read(KEY)) == pa.Table.from_batches(plain.read(KEY))
    assert pa.Table.from_batches(later.read("2013-01-07"))["word"].to_pylist() == ["b"]
    assert later.fingerprint("2013-01-07") != plain.fingerprint("2013-01-07")


def test_it_keeps_the_contract_of_a_source(api: str) -> None:
    days = {KEY: [{"n": 1}, {"n": 2}], "2013-01-07": [{"n": 3}]}
    Handler.routes["/days"] = lambda h: h.send(
        days.get(h.query["day"], b"none"), 200 if h.query["day"] in days else 404
    )
    checks = check_source(
        source(f"{api}/days?day={{key}}"), list(days), change=lambda: days[KEY].append({"n": 9})
    )
    assert {check.name: check.message for check in checks if not check.passed} == {}


def test_pulled_and_pulled_again_when_any_page_changed(api: str, tmp_path: Path) -> None:
    pages = [list(page) for page in PAGES]
    Handler.routes["/p"] = lambda h: h.send(
        pages[int(h.query["page"]) - 1] if int(h.query["page"]) <= 3 else []
    )
    asked = source(f"{api}/p?page=1", paging=PageNumber())
    store = LocalStore(tmp_path)
    first = pull(store, asked, KEY)
    assert pull(store, asked, KEY) == first
    pages[2] = [{"n": 5}]
    assert read_slice(store, pull(store, asked, KEY))["n"].to_pylist() == [1, 2, 3, 5]


def test_a_slice_that_grows_while_it_is_read_is_not_taken(api: str, tmp_path: Path) -> None:
    Handler.routes["/p"] = lambda h: h.send([{"n": len(Handler.asked)}])
    with pytest.raises(SliceChanging):
        pull(LocalStore(tmp_path), source(f"{api}/p"), KEY)


def test_keys_are_periods_and_missing_or_empty_is_said_when_asked(api: str, tmp_path: Path) -> None:
    weeks = source(f"{api}/none", period=Period.WEEK)
    assert weeks.keys(datetime(2013, 1, 1), datetime(2013, 1, 15)) == ["2013-01-07", "2013-01-14"]
    assert weeks.keys(datetime(2013, 1, 7), datetime(2013, 1, 7)) == ["2013-01-07"]
    Handler.routes["/none"] = lambda h: h.send(b"gone", 404)
    with pytest.raises(SliceMissing, match="answers 404"):
        source(f"{api}/none").fingerprint(KEY)
    Handler.routes["/empty"] = lambda h: h.send([])
    with pytest.raises(SliceEmpty):
        pull(LocalStore(tmp_path), source(f"{api}/empty"), KEY)


def test_a_server_that_flaps_is_asked_again_when_it_says(api: str, pauses: list[float]) -> None:
    moods = [(503, {}), (429, {"Retry_After": "7"}), (500, {"Retry_After": "9999"})]
    Handler.routes["/flaps"] = lambda h: (
        h.send(b"later", moods[len(Handler.asked) - 1][0], **moods[len(Handler.asked) - 1][1])
        if len(Handler.asked) <= 3
        else h.send([{"n": 1}])
    )
    assert numbers(source(f"{api}/flaps")) == [1]
    assert pauses == [1.0, 7.0, 60.0]


def cut_off(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000")
    handler.end_headers()
    handler.wfile.write(b'[{"n": 1}')
    handler.close_connection = True


def hangs(handler: Handler) -> None:
    threading.Event().wait(2.0)


def drips(handler: Handler) -> None:
    handler.send_response(200)
    handler.send_header("Content-Length", "1000000")
    handler.end_headers()
    try:
        for _ in range(400):  # for longer than a page may take, and never longer than a read may
            handler.wfile.write(b" ")
            threading.Event().wait(0.05)
    except OSError:
        pass


@pytest.mark.parametrize("route", [cut_off, hangs, drips])
def test_what_fails_for_now_is_tried_four_times_and_said(api: str, route: Route) -> None:
    Handler.routes["/x"] = route
    asked = source(f"{api}/x?who=s3cret", read_timeout=0.3 if route is hangs else 5.0, page_timeout=0.5)
    with pytest.raises(SourceUnavailable, match=r"/x\?who=\.\.\. does not answer") as unavailable:
        numbers(asked)
    assert len(Handler.asked) == 4
    assert ("the page took more than 0.5 s" in str(unavailable.value)) == (route is drips)
    assert "s3cret" not in str(unavailable.value)
    Handler.routes["/good"] = lambda h: h.send([{"n": 1}])
    assert numbers(source(f"{api}/good")) == [1], "the next slice is unharmed"


def test_nobody_at_home() -> None:
    asked = source("http://127.0.0.1:1/x?who=s3cret")
    with pytest.raises(SourceUnavailable, match=r"does not answer source 'api': .*refused") as unavailable:
        asked.fingerprint(KEY)
    assert "s3cret" not in "".join(traceback.format_exception(unavailable.value))


@pytest.mark.parametrize(
    ("said", "seconds"),
    [
        ("7", 7.0),
        ("Wed, 21 Oct 2026 07:28:30 GMT", 30.0),
        ("Wed, 21 Oct 2025 07:28:30 GMT", 0.0),
        ("", None),
        ("soon", None),
        ("\u00b2", None),
        ("-1", None),
    ],
)
def test_when_to_come_again_is_a_number_or_a_date(said: str, seconds: float | None) -> None:
    assert retry_after(said, now=datetime(2026, 10, 21, 7, 28, tzinfo=UTC)) == seconds


def test_what_changes_beside_the_declared_fields_changes_no_slice(api: str) -> None:
    Handler.routes["/x"] = lambda h: h.send(
        {"i": [{"n": 1, "seen": len(Handler.asked)}], "made_at": len(Handler.asked)}
    )
    asked = source(f"{api}/x", items="i")
    assert asked.fingerprint(KEY) == asked.fingerprint(KEY)


@pytest.mark.parametrize("trusted", [False, True])
def test_another_server_is_followed_when_it_is_named_and_is_not_told_who_asks(
    api: str, elsewhere: str, trusted: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_API", json.dumps({"conn_type": "http", "password": "s3cret"}))
    Handler.routes["/x"] = lambda h: h.send([{"n": 1}], Link=f'<{elsewhere}/y>; rel="next"')
    Handler.routes["/y"] = lambda h: h.send([{"n": 2}], Link=f'<{api}/z>; rel="next"')
    Handler.routes["/z"] = lambda h: h.send([{"n": 3}])
    ports = [int(address.rpartition(":")[2]) for address in (api, elsewhere)]
    asked = source(
        f"{api}/x", connection="my_api", paging=LinkHeader(), other_hosts=("127.0.0.1",) if trusted else ()
    )
    if not trusted:
        with pytest.raises(SliceUnreadable, match="leads to another server"):
            numbers(asked)
        assert Handler.who == [(ports[0], "Bearer s3cret")]
        return
    assert numbers(asked) == [1, 2, 3]
    assert Handler.who == [(ports[0], "Bearer s3cret"), (ports[1], None), (ports[0], "Bearer s3cret")]


@pytest.mark.parametrize(
    ("answer", "settings", "said"),
    [
        (lambda h: h.send(b"<html>log in</html>"), {}, r"is not JSON .* begins with b'<html>log in"),
        (lambda h: h.send({"error": "x"}), {}, "holds no list of objects as a whole"),
        (lambda h: h.send({"a": [1, 2]}), {"items": "a"}, "holds no list of objects at 'a'"),
        (lambda h: h.send([{"n": "many"}]), {}, "does not fit the declared columns"),
        (
            lambda h: h.send(b"[" + b" " * 5000 + b"]"),
            {"max_page_bytes": 4000},
            "more than max_page_bytes=4,000",
        ),
        (lambda h: h.send([], Link='</x>; rel="next"'), {"paging": LinkHeader()}, "its pages form a loop"),
        (
            lambda h: h.send([{"n": 1}], Link=f'</x?{time.monotonic_ns()}>; rel="next"'),
            {"paging": LinkHeader(), "max_pages": 5},
            "more than max_pages=5",
        ),
        (
            lambda h: h.send([], Link='<http://elsewhere.example/x>; rel="next"'),
            {"paging": LinkHeader()},
            "leads to another server, http://elsewhere.example/x",
        ),
        (
            lambda h: h.send(b"", 302, Location="http://elsewhere.example/?key=s3cret"),
            {},
            r"answers 302 to http://elsewhere.example/\?key=\.\.\., where",
        ),
        (
            lambda h: h.send(b"", 302, Location="/login"),
            {},
            "answers 302 to http://127.0.0.1:.*/login, where",
        ),
        (
            lambda h: h.send(b"plain text", Content_Encoding="gzip"),
            {},
            "not compressed as its Content-Encoding says",
        ),
        (
            lambda h: h.send(gzip.compress(b" " * 10_000_000), Content_Encoding="gzip"),
            {"max_page_bytes": 1_000_000},
            "more than max_page_bytes=1,000,000",
        ),
        (lambda h: h.send(b"[" * 100_000), {}, "is not JSON"),
        (lambda h: h.send(b'[{"word": "\xe9"}]'), {}, "is not JSON"),
        (lambda h: h.send([{"other": 1}]), {}, "no item has any of the declared fields"),
        (
            lambda h: h.send(
                [{"n": 1}] if len(Handler.asked) == 1 else b"", 200 if len(Handler.asked) == 1 else 404
            ),
            {"paging": PageNumber()},
            "answers 404, where 200 was expected",
        ),
        (
            lambda h: h.send({"i": [], "next": "http://[bad"}),
            {"items": "i", "paging": NextLink()},
            "next page that is no address",
        ),
        (
            lambda h: h.send({"i": [], "next": {"a": 1}}),
            {"items": "i", "paging": NextLink()},
            "next page that is no address",
        ),
        (
            lambda h: h.send({"i": [], "next": "file:///etc/passwd"}),
            {"items": "i", "paging": NextLink()},
            "next page that is no address",
        ),
    ],
)
def test_answers_that_are_none(api: str, answer: Route, settings: dict[str, Any], said: str) -> None:
    Handler.routes["/x"] = answer
    with pytest.raises(SliceUnreadable, match=said):
        numbers(source(f"{api}/x", **settings))


def test_who_asks_is_an_airflow_connection(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Handler.routes["/x"] = lambda h: (
        h.send([{"n": 1}])
        if h.headers["Authorization"] == "Bearer s3cret" and h.headers["X-Team"] == "a"
        else h.send(b"", 401)
    )
    with pytest.raises(SourceRefused, match="give the source a connection="):
        numbers(source(f"{api}/x"))
    monkeypatch.setenv(
        "AIRFLOW_CONN_MY_API",
        json.dumps({"conn_type": "http", "password": "s3cret", "extra": {"headers": {"X-Team": "a"}}}),
    )
    asked = source(f"{api}/x", connection="my_api")
    assert numbers(asked) == [1]
    assert "s3cret" not in repr(asked)
    monkeypatch.setenv("AIRFLOW_CONN_MY_API", "http://user:wrong@h")
    with pytest.raises(SourceRefused, match="fix the Airflow connection 'my_api'"):
        numbers(asked)


@pytest.mark.parametrize(
    "said",
    [
        {"password": "s3\ncret"},
        {"password": "s3cretä"},
        {"extra": {"headers": "s3cret"}},
        {"extra": {"headers": {"X-Key": "s3cret\r\nX-Other: 1"}}},
    ],
)
def test_what_http_cannot_carry_is_refused_without_quoting_it(
    api: str, monkeypatch: pytest.MonkeyPatch, said: dict[str, Any]
) -> None:
    monkeypatch.setenv("AIRFLOW_CONN_MY_API", json.dumps({"conn_type": "http", **said}))
    with pytest.raises(BadInput, match=r"connection='my_api'.*printable ASCII") as refused:
        numbers(source(f"{api}/x", connection="my_api"))
    assert "cret" not in str(refused.value)
    assert Handler.asked == []


def test_a_login_may_have_any_letters(api: str, monkeypatch: pytest.MonkeyPatch) -> None:
    Handler.routes["/x"] = lambda h: h.send([{"n": 1}])
    monkeypatch.setenv(
        "AIRFLOW_CONN_MY_API", json.dumps({"conn_type": "http", "login": "ü", "password": "€"})
    )
    assert numbers(source(f"{api}/x", connection="my_api")) == [1]
    assert Handler.who[0][1] == f"Basic {base64.b64encode('ü:€'.encode()).decode()}"


def test_an_etag_may_be_trusted(api: str) -> None:
    Handler.routes["/x"] = lambda h: h.send(PAGES[0], ETag='"v1"', Link='</x?2>; rel="next"')
    trusted = source(f"{api}/x", paging=LinkHeader(), trust_etag=True)
    assert trusted.fingerprint(KEY) == '"v1"'
    assert len(Handler.asked) == 1
    Handler.routes["/y"] = lambda h: h.send(PAGES[0])
    with pytest.raises(SliceUnreadable, match=r"/y sends neither ETag"):
        replace(trusted, url=f"{api}/y").fingerprint(KEY)


@pytest.mark.parametrize(
    "parameter", ["api_key", "apikey", "token", "access_token", "key", "sig", "password"]
)
def test_a_secret_in_the_address_is_refused(parameter: str) -> None:
    with pytest.raises(BadInput, match=f"parameter {parameter}") as refused:
        source(f"http://127.0.0.1/x?{parameter}=s3cret&from={{start}}")
    assert "s3cret" not in str(refused.value)
    source("http://127.0.0.1/x?key={key}")


def test_settings_are_refused_by_name() -> None:
    for url in ("ftp://x/y", "http://", "http://u:p@h/x", "http://h/{day}"):
        with pytest.raises(BadInput, match="url") as refused:
            source(url)
        assert ":p@" not in str(refused.value)
    for limit in ("connect_timeout", "read_timeout", "page_timeout", "max_page_bytes", "max_pages"):
        with pytest.raises(BadInput, match=f"{limit}=0 is not allowed: expected more than 0"):
            source("http://h/x", **{limit: 0})
    with pytest.raises(BadInput, match=r"period='day' .* one of Period\.HOUR"):
        source("http://h/x", period="day")
