"""A look at a JSON API: where the rows are in a page, how pages follow each other, and a few slices."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pyarrow as pa

from ckpt_ops.errors import BadInput, SliceMissing
from ckpt_ops.scaffold.found import Asked, Code, Found
from ckpt_ops.scaffold.heads import schema_of_objects
from ckpt_ops.scaffold.literals import repr_of
from ckpt_ops.scaffold.periods import found_in, period_of
from ckpt_ops.slices import HttpPages, Period
from ckpt_ops.slices.connections import variable
from ckpt_ops.slices.sources.http import first_page
from ckpt_ops.slices.sources.paging import (
    Answer,
    Cursor,
    LinkHeader,
    NextLink,
    OnePage,
    PageNumber,
    Paging,
    at_path,
)

_LOOK_BACK = 7
_SLICES = 3
_LINKS = ("next", "next_url", "next_page_url", "links.next", "_links.next.href", "paging.next", "meta.next")
_TOKENS = {
    "next_cursor": "cursor",
    "meta.next_cursor": "cursor",
    "next_page_token": "page_token",
    "nextPageToken": "pageToken",
}


def look_at_http(asked: Asked, progress: Callable[[str], object]) -> Found:
    """Look at what answers at `asked.origin`, an address with `{start}`, `{end}` or `{key}`.

    The style of paging is told from the first page of a slice, and the next page is requested to check it.

    Raises:
        BadInput: something cannot be told, with the option to give.
        SourceRefused, SourceUnavailable, SliceUnreadable.
    """
    if not re.search(r"\{(start|end|key)\}", asked.origin):
        raise BadInput(
            "--from",
            asked.origin.partition("?")[0],
            "an address that asks for a period: with {start} and {end} (ISO 8601, UTC), or {key}",
            next="--from 'https://api.example.com/orders?from={start}&to={end}'",
        )
    period = period_of(asked.schedule)
    bare = HttpPages(
        name=asked.name,
        schema=pa.schema([]),
        url=asked.origin,
        period=period,
        connection=asked.connection or "",
    )
    key, page = _one_that_is_there(bare, asked, period, progress)
    items = _items(page, asked.items)
    rows = at_path(page.body, items)
    paging, seen = _paging(bare, page, rows)
    source = HttpPages(
        name=asked.name,
        schema=schema_of_objects(rows, asked.origin),
        url=asked.origin,
        items=items,
        paging=paging,
        period=period,
        connection=asked.connection or "",
    )
    keys = [period.key(start) for start in _back_from(period, period.bounds(key)[0], _SLICES)][::-1]
    there = [one for one in keys if _is_there(source, one)]
    return found_in(
        source,
        there,
        period,
        what=f"pages of {urlsplit(asked.origin).hostname}, a JSON API",
        code=_code(source),
        notes=[
            seen,
            "SCHEMA is from one page: a field that only other pages have is not in it yet",
            *_about_connection(asked.connection),
        ],
        progress=progress,
    )


def _about_connection(name: str | None) -> list[str]:
    if not name:
        return []
    return [f"connection {name!r}: add it in Airflow's UI too, or set {variable(name)} before `make up`"]


def _one_that_is_there(
    bare: HttpPages, asked: Asked, period: Period, progress: Callable[[str], object]
) -> tuple[str, Answer]:
    """The newest of the last seven periods with rows, or the one that a person named."""
    last = period.floor(datetime.now(UTC)) - timedelta(hours=1)
    keys = [asked.at] if asked.at else [period.key(start) for start in _back_from(period, last, _LOOK_BACK)]
    for key in keys:
        progress(f"asking for {key}")
        try:
            page = first_page(bare, key)
        except SliceMissing:
            continue
        if any(at_path(page.body, path) for path in _lists(page.body)):
            return key, page
    raise BadInput(
        "--at",
        asked.at,
        f"the key of a slice that is there, as {period.form}; {', '.join(keys)} have no rows",
        next=f"--at {keys[-1]}, with the start of a {period.value} that has rows",
    )


def _back_from(period: Period, last: datetime, count: int) -> Iterator[datetime]:
    at = period.floor(last)
    for _ in range(count):
        yield at
        at = period.floor(at - timedelta(hours=1))


def _is_there(source: HttpPages, key: str) -> bool:
    try:
        return any(batch.num_rows for batch in source.read(key))
    except SliceMissing:
        return False


def _lists(body: Any) -> list[str]:
    """Paths of lists of objects, at most two names deep; "" for the page itself."""

    def is_rows(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(item, dict) for item in value)

    if is_rows(body):
        return [""]
    found = []
    for name, value in body.items() if isinstance(body, dict) else ():
        if is_rows(value):
            found.append(name)
        elif isinstance(value, dict):
            found += [f"{name}.{inner}" for inner, deeper in value.items() if is_rows(deeper)]
    return found


def _items(page: Answer, given: str | None) -> str:
    found = _lists(page.body)
    if given is not None and given in found:
        return given
    if given is None and len(found) == 1:
        return found[0]
    raise BadInput(
        "--items",
        given,
        f"where the rows are in a page: {', '.join(map(repr, found)) or 'it has no list of objects'}",
    )


def _paging(bare: HttpPages, page: Answer, rows: list[Any]) -> tuple[Paging, str]:
    """How the page names the next, and what was seen of it."""
    counted = Answer(url=page.url, body=page.body, items=len(rows), link=page.link)
    for paging in _styles(page):
        try:
            following = paging.after(counted)
        except ValueError:  # the place is there, and what it holds is no address
            continue
        if following is None:
            return paging, f"paging: {paging!r}, as the page has a place for it; there was one page only"
        second = first_page(bare, url=following)
        if second.body != page.body:
            return paging, f"paging: {paging!r}; the second page was requested, and it differs"
    return OnePage(), "paging: none was seen. If there are more pages, set paging= in source.py"


def _styles(page: Answer) -> Iterator[Paging]:
    if page.link:
        yield LinkHeader()
    for path in _LINKS:
        if _has(page.body, path) and isinstance(at_path(page.body, path), str | None):
            found = at_path(page.body, path)
            if found is None or found.startswith(("http", "/", "?")):
                yield NextLink(path=path)
    for path, parameter in _TOKENS.items():
        if _has(page.body, path):
            yield Cursor(path=path, parameter=parameter)
    for parameter, values in parse_qs(urlsplit(page.url).query).items():
        if parameter in ("page", "page_number", "pageNumber") and values[0].isdigit():
            yield PageNumber(parameter=parameter, first=int(values[0]))


def _has(body: Any, path: str) -> bool:
    above, _, name = path.rpartition(".")
    found = at_path(body, above)
    return isinstance(found, dict) and name in found


def _code(source: HttpPages) -> Code:
    imports = ["HttpPages", "Period"]
    arguments = {"url": repr_of(source.url), "items": repr_of(source.items)}
    if not isinstance(source.paging, OnePage):
        given = ", ".join(f"{name}={repr_of(value)}" for name, value in vars(source.paging).items())
        arguments["paging"] = f"{type(source.paging).__name__}({given})"
        imports.append(type(source.paging).__name__)
    arguments["period"] = f"Period.{source.period.name}"
    comments = {"url": "{start} and {end} are ISO 8601, UTC"}
    if source.connection:
        arguments["connection"] = repr_of(source.connection)
        comments["connection"] = "an Airflow connection: its password is the token, never written here"
    return Code(kind="HttpPages", imports=imports, arguments=arguments, comments=comments)
