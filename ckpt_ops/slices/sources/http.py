"""Rows from a JSON API, page by page, a slice per period."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urljoin, urlsplit

import pyarrow as pa
from blake3 import blake3

from ckpt_ops import checks
from ckpt_ops.column_times import ColumnTimes
from ckpt_ops.errors import (
    UNTOUCHED,
    BadInput,
    SliceMissing,
    SliceUnreadable,
    SourceRefused,
    SourceUnavailable,
)
from ckpt_ops.slices.again import TRIED_AGAIN, pull_again
from ckpt_ops.slices.connections import connection
from ckpt_ops.slices.declared import check_column_times, declared_at
from ckpt_ops.slices.formats.jsonlines import parse
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.periods import Period, check_period
from ckpt_ops.slices.sources.http_page import (
    Limits,
    Login,
    NoAnswer,
    Page,
    Unusable,
    get_page,
    login_of,
    origin,
    shown,
)
from ckpt_ops.slices.sources.paging import Answer, OnePage, Paging, at_path

_SECRET = re.compile(r"api_?key|access_?key|token|secret|signature|passw|^key$|^sig$|^auth$", re.IGNORECASE)


@dataclass(frozen=True, kw_only=True)
class HttpPages:
    """A `SliceSource` over a JSON API that gives the rows of a period.

    * `keys`: every period of the interval: an API is not asked which exist. One that answers 404 has no
      slice yet; one that answers without items has an empty one.
    * `fingerprint`: of the declared fields of all items, which are read for it: an API promises nothing
      cheaper that would be sure to change. With `trust_etag`, the ETag or Last-Modified of the first page.
    * `read`: the items of all pages in order, as the declared columns; fields that are not declared are
      left out, absent ones are null. Memory is bounded by a page.

    A page that fails for now (no connection, 429, 5xx, cut off) is asked for four times, with pauses that
    double or that Retry-After says, a minute at most. Redirects are not followed.

    Attributes:
        url: with `{start}`, `{end}` (ISO 8601, UTC) and `{key}` where the API wants them.
        items: path of the list of rows in a page: `data.items`; "" when the page is the list.
        paging: how a page names the next one.
        period: how long a slice is.
        connection: id of an Airflow connection: its password as a bearer token, or with a login as basic
            authentication; its `extra` `{"headers": {...}}` as headers.
        connect_timeout, read_timeout: seconds until a connection is there, and between two bytes.
        page_timeout: seconds for the body of one page, however slowly it drips.
        max_page_bytes, max_pages: bounds; beyond them the slice is refused.
        other_hosts: hosts that a next link may lead to, besides the url's own scheme, host and port. They
            get no credentials, and a link from https to http is never followed.
        trust_etag: see `fingerprint`.
        column_times: columns that came or went with a slice, each with what readers see in the others:
            `{"weather": Since("2013-02-01", default="none")}`.
    """

    name: str
    schema: pa.Schema
    url: str
    items: str = ""
    paging: Paging = field(default_factory=OnePage)
    period: Period = Period.DAY
    connection: str = ""
    connect_timeout: float = 10.0
    read_timeout: float = 60.0
    page_timeout: float = 600.0
    max_page_bytes: int = 64 * 2**20
    max_pages: int = 10_000
    other_hosts: tuple[str, ...] = ()
    trust_etag: bool = False
    column_times: ColumnTimes = field(default_factory=dict, repr=False, hash=False)

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        check_period(self.period)
        if urlsplit(self.url).password:
            raise BadInput("url", "(not shown)", "no password: put it into an Airflow connection")
        for name, value in parse_qsl(urlsplit(self.url).query):
            if _SECRET.search(name) and not value.startswith("{"):
                raise BadInput(
                    f"url's parameter {name}",
                    "(not shown)",
                    "no secret: others read the source's code",
                    next="put it into an Airflow connection: its password, or headers in its extra",
                )
        try:
            origin(self.url.format(start="", end="", key=""))
        except (KeyError, IndexError, ValueError):
            allowed = "https://HOST/PATH with no placeholders but {start}, {end} and {key}"
            raise BadInput("url", self.url, allowed) from None
        for limit in ("connect_timeout", "read_timeout", "page_timeout", "max_page_bytes", "max_pages"):
            checks.number(limit, getattr(self, limit), above=0, endless=True, allowed="more than 0")
        check_column_times(self)

    @property
    def cheap_fingerprint(self) -> bool:
        """One page, or all of them."""
        return self.trust_etag

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Keys of the periods that begin in [start, end), or at `start` if both are equal."""
        return [self.period.key(first) for first in self.period.starts(start, end)]

    def fingerprint(self, key: str) -> str:
        """See the class. Raises `SliceMissing`; `SourceUnavailable`, `SourceRefused`."""
        hasher, names = blake3(), declared_at(self, key).names
        for page, answer in self._pages(key):
            if self.trust_etag:
                found = page.headers.get("ETag") or page.headers.get("Last-Modified")
                if found:
                    return str(found)
                raise self._bad(answer.url, "sends neither ETag nor Last-Modified", "set trust_etag=False")
            for item in self._rows(answer, names):
                hasher.update(json.dumps(item).encode() + b"\n")
        return hasher.hexdigest()[:16]

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """See the class. Raises as `fingerprint`; `SliceUnreadable` when a page is not what it should be."""
        self.period.bounds(key)
        return self._read(key)

    def _read(self, key: str) -> Iterator[pa.RecordBatch]:
        wanted = declared_at(self, key).remove_metadata()
        yield pa.RecordBatch.from_pylist([], schema=wanted)
        known: bool | None = None
        for _, answer in self._pages(key):
            if rows := self._rows(answer, wanted.names):
                known = known or any(rows)
                lines = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
                try:
                    yield from parse(lines, wanted).to_batches()
                except pa.ArrowException as error:
                    raise self._bad(answer.url, f"does not fit the declared columns: {error}") from error
        if known is False:
            raise self._bad(answer.url, "holds other rows: no item has any of the declared fields")

    def _rows(self, answer: Answer, names: Sequence[str]) -> list[dict[str, Any]]:
        """The declared fields of each item: what changes beside them changes no row."""
        return [
            {name: item[name] for name in names if name in item} for item in at_path(answer.body, self.items)
        ]

    def _pages(self, key: str) -> Iterator[tuple[Page, Answer]]:
        import requests

        first = self._address(key)
        url: str | None = first
        login = self._login()
        seen: set[str] = set()
        with requests.Session() as session:
            while url is not None:
                if url in seen:
                    raise self._bad(url, "leads back to itself: its pages form a loop")
                if len(seen) == self.max_pages:
                    raise self._bad(url, f"has more than max_pages={self.max_pages:,} pages")
                page = self._page(session, url, login if origin(url) == origin(first) else Login())
                self._check_status(page, url, key, first=not seen)
                seen.add(url)
                answer = self._answer(url, page)
                yield page, answer
                url = self._following(answer, first)

    def _address(self, key: str) -> str:
        start, end = self.period.bounds(key)
        return self.url.format(start=f"{start:%Y-%m-%dT%H:%M:%SZ}", end=f"{end:%Y-%m-%dT%H:%M:%SZ}", key=key)

    def _page(self, session: Any, url: str, login: Login) -> Page:
        limits = Limits(
            connect=self.connect_timeout,
            read=self.read_timeout,
            page=self.page_timeout,
            size=self.max_page_bytes,
        )
        try:
            return get_page(session, url, login, limits)
        except NoAnswer as error:
            raise SourceUnavailable(
                f"{shown(url)} does not answer source {self.name!r}: {error}",
                safe=UNTOUCHED,
                next=f"no action is needed: {TRIED_AGAIN}",
            ) from None
        except Unusable as error:
            raise self._bad(url, str(error)) from None

    def _check_status(self, page: Page, url: str, key: str, *, first: bool) -> None:
        if page.status == 404 and first:
            raise SliceMissing(
                f"source {self.name!r} has no slice {key}: {shown(url)} answers 404",
                safe=UNTOUCHED,
                next=f"wait for it to come: {TRIED_AGAIN}; or fix the source's url",
            )
        if page.status in (401, 403):
            raise SourceRefused(
                f"{shown(url)} refuses source {self.name!r}: {page.status}",
                safe=UNTOUCHED,
                next=f"fix the Airflow connection {self.connection!r}"
                if self.connection
                else "give the source a connection=",
            )
        if page.status != 200:
            leads = (
                f" to {shown(urljoin(url, page.headers['Location']))}" if "Location" in page.headers else ""
            )
            fix = "fix the source's url" if first else "fix the source's paging"
            raise self._bad(url, f"answers {page.status}{leads}, where 200 was expected", fix)

    def _answer(self, url: str, page: Page) -> Answer:
        value = self._json(url, page.body)
        items = at_path(value, self.items)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            where = f"at {self.items!r}" if self.items else "as a whole"
            raise self._bad(url, f"holds no list of objects {where}", "fix items= of the source")
        return Answer(url=url, body=value, items=len(items), link=page.link)

    def _json(self, url: str, body: bytes) -> Any:
        try:
            return json.loads(body)
        except (ValueError, RecursionError) as error:
            raise self._bad(url, f"is not JSON ({error}): it begins with {body[:60]!r}") from error

    def _following(self, answer: Answer, first: str) -> str | None:
        try:
            url = self.paging.after(answer)
            if url is None:
                return None
            (scheme, host, _), (own, _, _) = origin(url), origin(first)
        except ValueError:
            raise self._bad(
                answer.url, "names a next page that is no address", "fix paging= of the source"
            ) from None
        named = host in self.other_hosts and (scheme, own) != ("http", "https")
        if origin(url) == origin(first) or named:
            return url
        raise self._bad(
            answer.url,
            f"leads to another server, {shown(url)}",
            "name its host in other_hosts of the source, if you trust it",
        )

    def _login(self) -> Login:
        if not self.connection:
            return Login()
        try:
            return login_of(connection(self.connection))
        except (ValueError, TypeError) as error:
            if isinstance(error, BadInput):
                raise
            raise BadInput(
                "connection",
                self.connection,
                'one whose token and extra {"headers": {"Name": "value"}} are of printable ASCII',
                next="fix it in Airflow (Admin, Connections)",
            ) from None

    def _bad(self, url: str, what: str, next: str = "") -> SliceUnreadable:
        return SliceUnreadable(
            f"{shown(url)} {what}",
            safe=UNTOUCHED,
            next=next or f"fix what source {self.name!r} reads, then {pull_again()}",
        )


def first_page(source: HttpPages, key: str = "", *, url: str = "") -> Answer:
    """One page, whatever it holds: of a slice, or at an address that a page led to. Raises as `read`."""
    import requests

    url = url or source._address(key)
    own = source.url.format(start="", end="", key="")
    with requests.Session() as session:
        page = source._page(session, url, source._login() if origin(url) == origin(own) else Login())
    source._check_status(page, url, key, first=True)
    return Answer(url=url, body=source._json(url, page.body), items=0, link=page.link)
