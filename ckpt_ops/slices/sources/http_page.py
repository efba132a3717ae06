"""One page over HTTP: bounded in time and size, asked for again when it fails for now."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

from ckpt_ops.slices.connections import Connection

TRIES = 4
LONGEST_PAUSE = 60.0
_CHUNK = 2**16
_DEFAULT_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True, kw_only=True)
class Limits:
    """See `HttpPages`: seconds, and bytes after decompression."""

    connect: float
    read: float
    page: float
    size: int


@dataclass(frozen=True, kw_only=True)
class Login:
    """A request's headers and credentials."""

    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    basic: tuple[bytes, bytes] | None = field(default=None, repr=False)


@dataclass(frozen=True, kw_only=True)
class Page:
    """What came: a body for status 200 alone, and the Link header's `next`, or ""."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    link: str


class NoAnswer(Exception):
    """A page that may come on a retry, `after` so many seconds if the server says."""

    def __init__(self, what: str, *, after: float | None = None) -> None:
        self.after = after
        super().__init__(what)


class Unusable(Exception):
    """A page that a retry would not change."""


def get_page(session: Any, url: str, login: Login, limits: Limits) -> Page:
    """The page, after up to four tries. Redirects are not followed. Raises `NoAnswer`, `Unusable`."""
    pause = 1.0
    for left in reversed(range(TRIES)):
        try:
            return _once(session, url, login, limits)
        except NoAnswer as error:
            if not left:
                raise
            time.sleep(min(LONGEST_PAUSE, pause if error.after is None else error.after))
            pause *= 2
    raise AssertionError("the last try returns or raises")


def _once(session: Any, url: str, login: Login, limits: Limits) -> Page:
    import requests
    from urllib3.exceptions import DecodeError, HTTPError

    began = time.monotonic()
    try:
        with session.get(
            url,
            headers=dict(login.headers),
            auth=login.basic,
            stream=True,
            timeout=(limits.connect, limits.read),
            allow_redirects=False,
        ) as answer:
            if answer.status_code == 429 or answer.status_code >= 500:
                after = retry_after(answer.headers.get("Retry-After", ""), now=datetime.now(UTC))
                raise NoAnswer(f"it answers {answer.status_code}", after=after)
            body = bytearray()
            # `read1` returns what is there: a page that drips is checked against its limits as it drips
            while answer.status_code == 200 and (chunk := answer.raw.read1(_CHUNK, decode_content=True)):
                body += chunk
                if len(body) > limits.size:
                    raise Unusable(f"has more than max_page_bytes={limits.size:,}")
                if time.monotonic() - began > limits.page:
                    raise NoAnswer(f"the page took more than {limits.page:g} s")
            link = str(answer.links.get("next", {}).get("url", ""))
            return Page(status=answer.status_code, body=bytes(body), headers=answer.headers, link=link)
    except DecodeError:
        raise Unusable("is not compressed as its Content-Encoding says") from None
    except (requests.ConnectionError, requests.Timeout, HTTPError) as error:
        # without the cause: its text quotes the address, and with it what may be a key
        raise NoAnswer(_root(error)) from None
    except requests.RequestException as error:
        raise Unusable(f"cannot be requested: {type(error).__name__}") from None


def retry_after(value: str, *, now: datetime) -> float | None:
    """Seconds, from a number or an HTTP date; None for anything else."""
    if value.isascii() and value.isdecimal():
        return float(value)
    try:
        at = parsedate_to_datetime(value)
    except ValueError:
        return None
    return max(0.0, (at.replace(tzinfo=at.tzinfo or UTC) - now).total_seconds())


def login_of(to: Connection) -> Login:
    """A password with a login as basic authentication, without one as a bearer token; `extra.headers`.

    Raises `ValueError` for what HTTP cannot carry.
    """
    headers = to.extra.get("headers", {})
    if not isinstance(headers, dict):
        raise ValueError("headers")
    headers = {str(name): str(value) for name, value in headers.items()}
    if to.password and not to.login:
        headers["Authorization"] = f"Bearer {to.password}"
    if any(
        not (name + value).isascii() or not (name + value).isprintable() for name, value in headers.items()
    ):
        raise ValueError("characters")
    return Login(headers=headers, basic=(to.login.encode(), to.password.encode()) if to.login else None)


def origin(url: str) -> tuple[str, str, int]:
    """Scheme, host and port. Raises `ValueError` for what is no address of a web server."""
    parts = urlsplit(url)
    if parts.scheme not in _DEFAULT_PORTS or not parts.hostname:
        raise ValueError("no http address")
    return parts.scheme, parts.hostname, parts.port or _DEFAULT_PORTS[parts.scheme]


def shown(url: str) -> str:
    """Without the user and the query's values, one of which may be a key."""
    parts = urlsplit(url)
    names = "&".join(f"{pair.partition('=')[0]}=..." for pair in parts.query.split("&") if pair)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}" + (f"?{names}" if names else "")


def _root(error: BaseException) -> str:
    """What the system said, below the errors of requests and urllib3, which quote the address."""
    while (below := error.__cause__ or error.__context__) is not None:
        error = below
    return str(error) or type(error).__name__
