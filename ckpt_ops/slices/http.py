"""Rows from a JSON API, page by page, a slice per period."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

import pyarrow as pa
from blake3 import blake3

from ckpt_ops.errors import (
    BadInput,
    CkptOpsError,
    SliceMissing,
    SliceUnreadable,
    SourceRefused,
    SourceUnavailable,
)
from ckpt_ops.slices.connections import connection
from ckpt_ops.slices.formats.jsonlines import parse
from ckpt_ops.slices.identity import check_key
from ckpt_ops.slices.paging import Answer, OnePage, Paging, at_path
from ckpt_ops.slices.periods import Period

_SAFE = "the log and the champion are untouched; nothing was written"
_TRIES = 4
_LONGEST_PAUSE = 60.0
_CHUNK = 2**16


@dataclass(frozen=True, kw_only=True)
class HttpPages:
    """A `SliceSource` over a JSON API that gives the rows of a period.

    * `keys`: every period of the interval: an API is not asked which exist. One that answers 404 has no
      slice yet; one that answers without items has an empty one.
    * `fingerprint`: of all pages, which are read for it: an API promises nothing cheaper that would be sure
      to change. With `trust_etag`, the ETag or Last-Modified of the first page.
    * `read`: the items of all pages in order, as the declared columns; fields that are not declared are
      left out, absent ones are null. Memory is bounded by a page.

    A page that fails for now (no connection, 429, 5xx, cut off) is asked for four times, with pauses that
    double or that Retry-After says, a minute at most.

    Attributes:
        url: with `{start}`, `{end}` (ISO 8601, UTC) and `{key}` where the API wants them.
        items: path of the list of rows in a page: `data.items`; "" when the page is the list.
        paging: how a page names the next one.
        period: how long a slice is.
        connection: id of an Airflow connection: its password as a bearer token, or with a login as basic
            authentication; its `extra` `{"headers": {...}}` as headers.
        connect_timeout, read_timeout: seconds until a connection is there, and between two bytes.
        page_timeout: seconds for one page, however slowly it drips.
        max_page_bytes, max_pages: bounds; beyond them the slice is refused.
        other_hosts: hosts that a next link may lead to, besides the url's own.
        trust_etag: see `fingerprint`.
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

    def __post_init__(self) -> None:
        check_key(self.name, field="source name")
        if urlsplit(self.url).scheme not in ("http", "https") or not urlsplit(self.url).hostname:
            raise BadInput("url", self.url, "an address such as https://api.example.com/flights?from={start}")
        if urlsplit(self.url).password:
            raise BadInput("url", "(not shown)", "no password: put it into an Airflow connection")
        try:
            self.url.format(start="", end="", key="")
        except (KeyError, IndexError, ValueError) as error:
            raise BadInput("url", self.url, "no placeholders but {start}, {end} and {key}") from error

    def keys(self, start: datetime, end: datetime) -> list[str]:
        """Keys of the periods that begin in [start, end), or at `start` if both are equal."""
        return [self.period.key(first) for first in self.period.starts(start, end)]

    def fingerprint(self, key: str) -> str:
        """See the class. Raises `SliceMissing`; `SourceUnavailable`, `SourceRefused`."""
        hasher = blake3()
        for body, headers, _ in self._pages(key):
            if self.trust_etag:
                found = headers.get("ETag") or headers.get("Last-Modified")
                if found:
                    return str(found)
                raise self._bad("trust_etag", "sends neither ETag nor Last-Modified", "set trust_etag=False")
            hasher.update(body)
        return hasher.hexdigest()[:16]

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        """See the class. Raises as `fingerprint`; `SliceUnreadable` when a page is not what it should be."""
        self.period.bounds(key)
        return self._read(key)

    def _read(self, key: str) -> Iterator[pa.RecordBatch]:
        yield pa.RecordBatch.from_pylist([], schema=self.schema.remove_metadata())
        for _, _, answer in self._pages(key):
            found = at_path(answer.body, self.items)
            lines = b"".join(json.dumps(item).encode() + b"\n" for item in found)
            if lines:
                try:
                    yield from parse(lines, self.schema.remove_metadata()).to_batches()
                except pa.ArrowException as error:
                    raise self._bad(answer.url, f"does not fit the declared columns: {error}") from error

    def _pages(self, key: str) -> Iterator[tuple[bytes, Any, Answer]]:
        """Body, headers and answer of each page in turn."""
        import requests

        start, end = self.period.bounds(key)
        said = {"start": f"{start:%Y-%m-%dT%H:%M:%SZ}", "end": f"{end:%Y-%m-%dT%H:%M:%SZ}", "key": key}
        url: str | None = self.url.format(**said)
        seen: set[str] = set()
        with requests.Session() as session:
            self._log_in(session)
            while url is not None:
                if url in seen:
                    raise self._bad(url, "leads back to itself: its pages go round in a circle")
                if len(seen) == self.max_pages:
                    raise self._bad(url, f"is more than max_pages={self.max_pages:,} pages")
                seen.add(url)
                body, headers, link = self._page(session, url, key)
                answer = self._answer(url, body, link)
                yield body, headers, answer
                url = self._allowed(url, self.paging.after(answer))

    def _answer(self, url: str, body: bytes, link: str) -> Answer:
        try:
            value = json.loads(body)
        except ValueError as error:
            raise self._bad(url, f"is no JSON ({error}): it begins with {body[:60]!r}") from error
        items = at_path(value, self.items)
        if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
            where = f"at {self.items!r}" if self.items else "as a whole"
            raise self._bad(url, f"holds {where} no list of objects", "mend items= of the source")
        return Answer(url=url, body=value, items=len(items), link=link)

    def _page(self, session: Any, url: str, key: str) -> tuple[bytes, Any, str]:
        pause = 1.0
        for left in reversed(range(_TRIES)):
            try:
                return self._once(session, url, key)
            except _Later as later:
                if not left:
                    raise SourceUnavailable(
                        f"{_shown(url)} does not answer source {self.name!r}: {later}",
                        safe=_SAFE,
                        next="nothing: the pull is tried again",
                    ) from later.__cause__
                time.sleep(min(_LONGEST_PAUSE, later.after if later.after is not None else pause))
                pause *= 2
        raise AssertionError("unreachable")

    def _once(self, session: Any, url: str, key: str) -> tuple[bytes, Any, str]:
        import requests

        began = time.monotonic()
        try:
            with session.get(
                url, stream=True, timeout=(self.connect_timeout, self.read_timeout), allow_redirects=False
            ) as answer:
                self._check_status(answer, url, key)
                body = bytearray()
                for chunk in answer.iter_content(_CHUNK):
                    body += chunk
                    if len(body) > self.max_page_bytes:
                        raise self._bad(url, f"is more than max_page_bytes={self.max_page_bytes:,}")
                    if time.monotonic() - began > self.page_timeout:
                        raise _Later(f"the page took more than {self.page_timeout:g} s")
                return bytes(body), answer.headers, answer.links.get("next", {}).get("url", "")
        except (
            requests.ConnectionError,
            requests.Timeout,
            requests.exceptions.ChunkedEncodingError,
        ) as error:
            raise _Later(f"{type(error).__name__} ({_first_line(error)})") from error

    def _check_status(self, answer: Any, url: str, key: str) -> None:
        status = answer.status_code
        if status == 404:
            raise SliceMissing(
                f"source {self.name!r} has no slice {key}: {_shown(url)} answers 404",
                safe=_SAFE,
                next="wait for it to come: the pull is tried again; or mend the source's url",
            )
        if status == 429 or status >= 500:
            after = answer.headers.get("Retry-After", "")
            raise _Later(f"it answers {status}", after=float(after) if after.isdigit() else None)
        if status in (401, 403):
            raise SourceRefused(
                f"{_shown(url)} refuses source {self.name!r}: {status}",
                safe=_SAFE,
                next=f"mend the Airflow connection {self.connection!r}"
                if self.connection
                else "give the source a connection=",
            )
        if status != 200:
            leads = f" to {answer.headers['Location']}" if "Location" in answer.headers else ""
            raise self._bad(url, f"answers {status}{leads}, where 200 was expected", "mend the source's url")

    def _allowed(self, url: str, following: str | None) -> str | None:
        if following is None:
            return None
        host = urlsplit(following).hostname
        if host not in (urlsplit(url).hostname, *self.other_hosts):
            raise self._bad(url, f"leads to another host, {host}", "name it in other_hosts of the source")
        return following

    def _log_in(self, session: Any) -> None:
        if not self.connection:
            return
        to = connection(self.connection)
        session.headers.update(to.extra.get("headers", {}))
        if to.login:
            session.auth = (to.login, to.password)
        elif to.password:
            session.headers["Authorization"] = f"Bearer {to.password}"

    def _bad(self, url: str, what: str, next: str = "") -> CkptOpsError:
        return SliceUnreadable(
            f"{_shown(url)} {what}",
            safe=_SAFE,
            next=next or f"mend what source {self.name!r} reads, then clear the pull task",
        )


def first_page(source: HttpPages, key: str = "", *, url: str = "") -> Answer:
    """One page, whatever it holds: of a slice, or at an address that a page led to. Raises as `read`."""
    import requests

    if not url:
        start, end = source.period.bounds(key)
        url = source.url.format(start=f"{start:%Y-%m-%dT%H:%M:%SZ}", end=f"{end:%Y-%m-%dT%H:%M:%SZ}", key=key)
    with requests.Session() as session:
        source._log_in(session)
        body, _, link = source._page(session, url, key)
    try:
        return Answer(url=url, body=json.loads(body), items=0, link=link)
    except ValueError as error:
        raise source._bad(url, f"is no JSON ({error}): it begins with {body[:60]!r}") from error


class _Later(Exception):
    """A page that may come when it is asked for again."""

    def __init__(self, what: str, *, after: float | None = None) -> None:
        self.after = after
        super().__init__(what)


def _shown(url: str) -> str:
    """Without the query's values, among which may be a key."""
    parts = urlsplit(url)
    names = "&".join(f"{pair.partition('=')[0]}=..." for pair in parts.query.split("&") if pair)
    return f"{parts.scheme}://{parts.hostname}{f':{parts.port}' if parts.port else ''}{parts.path}" + (
        f"?{names}" if names else ""
    )


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [""])[0][:200]
