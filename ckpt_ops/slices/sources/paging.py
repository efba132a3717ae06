"""How an HTTP API says that there is more: pure functions from one answer to the next request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit, urlunsplit


@dataclass(frozen=True, kw_only=True)
class Answer:
    """One page as it came.

    Attributes:
        url: the address that was asked.
        body: its JSON.
        items: how many it held.
        link: the Link header's `next`, or "".
    """

    url: str
    body: Any
    items: int
    link: str = ""


class Paging(Protocol):
    """A frozen dataclass: its `repr` is part of how a slice was read."""

    def after(self, answer: Answer) -> str | None:
        """What to ask next; None at the end. Raises `ValueError` when the answer names no address."""
        ...


@dataclass(frozen=True)
class OnePage:
    """Everything comes at once."""

    def after(self, answer: Answer) -> str | None:
        """Nothing."""
        return None


@dataclass(frozen=True)
class LinkHeader:
    """`Link: <...>; rel="next"`, as GitHub does."""

    def after(self, answer: Answer) -> str | None:
        """The header's address."""
        return urljoin(answer.url, answer.link) if answer.link else None


@dataclass(frozen=True, kw_only=True)
class NextLink:
    """The body names the next address.

    Attributes:
        path: where: `next`, `paging.next`.
    """

    path: str = "next"

    def after(self, answer: Answer) -> str | None:
        """The body's address."""
        found = at_path(answer.body, self.path)
        return urljoin(answer.url, _text(found)) if found else None


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The body has a token to give back.

    Attributes:
        path: where it is.
        parameter: of the query that takes it.
    """

    path: str = "next_cursor"
    parameter: str = "cursor"

    def after(self, answer: Answer) -> str | None:
        """The same address with the token."""
        found = at_path(answer.body, self.path)
        return with_parameter(answer.url, self.parameter, _text(found)) if found else None


@dataclass(frozen=True, kw_only=True)
class PageNumber:
    """Pages are counted, and the first without items is the end.

    Attributes:
        parameter: of the query.
        first: the number of the first page.
    """

    parameter: str = "page"
    first: int = 1

    def after(self, answer: Answer) -> str | None:
        """The same address with the next number."""
        if not answer.items:
            return None
        query = dict(parse_qsl(urlsplit(answer.url).query))
        return with_parameter(answer.url, self.parameter, str(int(query.get(self.parameter, self.first)) + 1))


@dataclass(frozen=True, kw_only=True)
class Offset:
    """Items are counted, and the first page without any is the end.

    Attributes:
        parameter: of the query: how many items to skip.
    """

    parameter: str = "offset"

    def after(self, answer: Answer) -> str | None:
        """The same address, past the items that came."""
        if not answer.items:
            return None
        query = dict(parse_qsl(urlsplit(answer.url).query))
        return with_parameter(
            answer.url, self.parameter, str(int(query.get(self.parameter, 0)) + answer.items)
        )


def at_path(body: Any, path: str) -> Any:
    """What lies at a dotted path of a JSON value; the value itself for ""; None where nothing is."""
    for name in path.split(".") if path else ():
        body = body.get(name) if isinstance(body, dict) else None
    return body


def with_parameter(url: str, name: str, value: str) -> str:
    """The address with one parameter of its query set."""
    parts = urlsplit(url)
    query = [pair for pair in parse_qsl(parts.query, keep_blank_values=True) if pair[0] != name]
    return urlunsplit(parts._replace(query=urlencode([*query, (name, value)])))


def _text(found: Any) -> str:
    if not isinstance(found, str | int):
        raise ValueError(f"a {type(found).__name__}")
    return str(found)
