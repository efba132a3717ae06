"""Airflow connections, for sources that need an address and a password.

A source names a connection; its code, errors and `repr` hold nothing secret. Outside of
Airflow the connection is read from the environment variable that Airflow reads, too: AIRFLOW_CONN_NAME,
as a URI or as JSON. Inside, the Airflow side installs a lookup (`use`) that knows connections made in the
UI and secret backends as well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from ckpt_ops.errors import BadInput, SourceRefused

Lookup = Callable[[str], "str | None"]


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What Airflow keeps under a connection's id."""

    id: str
    kind: str = ""
    host: str = ""
    port: int | None = None
    login: str = ""
    password: str = field(default="", repr=False)
    schema: str = ""
    extra: dict[str, Any] = field(default_factory=dict, repr=False)

    def __str__(self) -> str:
        return f"connection {self.id!r} ({self.kind}://{self.host}{f':{self.port}' if self.port else ''})"


def variable(name: str) -> str:
    """The environment variable of a connection."""
    return f"AIRFLOW_CONN_{name.upper()}"


def in_environment(name: str) -> str | None:
    """The value of that connection's variable: the lookup outside of Airflow."""
    return os.environ.get(variable(name))


_lookup: Lookup = in_environment


def use(lookup: Lookup) -> None:
    """Look connections up by `lookup` from now on, for this process: a URI or JSON, or None."""
    global _lookup
    _lookup = lookup


def connection(name: str) -> Connection:
    """The connection of that id.

    Raises:
        SourceRefused: there is none.
        BadInput: it is neither a URI nor JSON.
    """
    found = _lookup(name)
    if not found:
        raise SourceRefused(
            f"there is no Airflow connection {name!r}",
            safe="nothing was read or written",
            next=f"add it in Airflow's UI (Admin, Connections), or set {variable(name)}",
        )
    try:
        return _from_json(name, found) if found.lstrip().startswith("{") else _from_uri(name, found)
    except (ValueError, TypeError, AttributeError):
        # without the cause: it may quote a part of the password, and Airflow logs causes
        raise BadInput(
            variable(name),
            "(not shown)",
            "a URI such as postgres://USER:PASSWORD@HOST:5432/DATABASE, its parts percent-encoded, or JSON",
        ) from None


def _from_uri(name: str, uri: str) -> Connection:
    """As Airflow reads it, `http://https://HOST` with two schemes included."""
    kind, separator, rest = uri.partition("://")
    protocol, inner, without = rest.partition("://")
    if not separator or not kind or (inner and not protocol.isalnum()):
        raise ValueError("no scheme")
    parts = urlsplit(f"//{without if inner else rest}")
    extra = dict(parse_qsl(parts.query, keep_blank_values=True))
    host = unquote(_host(parts.netloc))
    return Connection(
        id=name,
        kind=_kind(kind),
        host=f"{protocol}://{host}" if inner else host,
        port=parts.port,
        login=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        schema=unquote(parts.path.removeprefix("/")),
        extra=_object(extra.get("__extra__", extra)),
    )


def _from_json(name: str, text: str) -> Connection:
    fields = json.loads(text)
    return Connection(
        id=name,
        kind=_kind(str(fields.get("conn_type") or "")),
        host=str(fields.get("host") or ""),
        port=int(fields["port"]) if fields.get("port") else None,
        login=str(fields.get("login") or ""),
        password=str(fields.get("password") or ""),
        schema=str(fields.get("schema") or ""),
        extra=_object(fields.get("extra") or {}),
    )


def _kind(written: str) -> str:
    return "postgres" if written == "postgresql" else written.replace("-", "_")


def _host(netloc: str) -> str:
    """In its own case, which the directory of a socket needs and `urlsplit` does not keep."""
    host = netloc.rpartition("@")[2]
    return host[1:].partition("]")[0] if host.startswith("[") else host.partition(":")[0]


def _object(extra: Any) -> dict[str, Any]:
    found = json.loads(extra) if isinstance(extra, str) else extra
    if not isinstance(found, dict):
        raise ValueError("extra is no JSON object")
    return found


@contextmanager
def standing_in(name: str, uri: str) -> Iterator[None]:
    """Let `uri` be the connection `name` while the block runs."""
    global _lookup
    before = _lookup
    _lookup = {name: uri}.get
    try:
        yield
    finally:
        _lookup = before
