"""Who may send requests: a client that knows the secret, names this server, and is not a web page.

A server on 127.0.0.1 is within reach of every user of the machine and of every page that a browser on it
shows. The secret keeps both out. A foreign `Host` is a name that somebody made point here; only browsers
send `Origin` or `Sec-Fetch-Site`, and no page is a client of this server.
"""

from __future__ import annotations

import base64
import binascii
import hmac
from collections.abc import Collection, Mapping

from ckpt_ops.embedded.gcs.refusals import Refused

USER = "ckpt-ops"
"""The user of `Basic` authorization."""
SECRET_VARIABLE = "CKPT_OPS_GCS_SECRET"
"""The environment variable that gives the server its secret."""


class Guard:
    """Refuses what must not reach the objects.

    Args:
        secret: the password of user `ckpt-ops` (or a bearer token).
        hosts: the names, without ports, under which this server may be asked.
    """

    def __init__(self, secret: str, *, hosts: Collection[str]) -> None:
        if len(secret) < 16:
            raise ValueError("the secret must have at least 16 characters")
        self._secret = secret.encode()
        self._hosts = frozenset(hosts)

    def check(self, headers: Mapping[str, str], *, known: bool = False) -> None:
        """Let the request pass.

        Args:
            headers: by lower-case name.
            known: it names an upload in progress, which took the secret to start.

        Raises:
            Refused: 403 or 401; it reveals nothing of what is stored.
        """
        if _host_alone(headers.get("host", "")) not in self._hosts:
            raise Refused(403, "forbidden", "this server is not known under that Host")
        if "origin" in headers or headers.get("sec-fetch-site", "none") != "none":
            raise Refused(403, "forbidden", "web pages must not use this server")
        if not known and not hmac.compare_digest(_given(headers.get("authorization", "")), self._secret):
            # no WWW-Authenticate: a browser must not ask a person for the secret, nor keep it
            raise Refused(401, "required", "the secret of this server is missing or wrong")


def _host_alone(host: str) -> str:
    if host.startswith("["):
        return host.partition("]")[0] + "]"
    return host.partition(":")[0].lower()


def _given(authorization: str) -> bytes:
    """The secret in a header `Basic ...` of user `ckpt-ops`, or `Bearer ...`; empty if there is none."""
    kind, _, value = authorization.partition(" ")
    if kind.lower() == "bearer":
        return value.strip().encode()
    if kind.lower() != "basic":
        return b""
    try:
        user, _, secret = base64.b64decode(value.strip(), validate=True).partition(b":")
    except (binascii.Error, ValueError):
        return b""
    return secret if user == USER.encode() else b""
