"""Messages between two workers of a gang: lines of JSON over TCP, each signed.

The key is a secret of the meeting, which only those know that may read the store, together with a number that
the one who listens draws for each connection. Nothing is encrypted: what is said is in the store as well.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import secrets
import socket
import threading
import time
from collections.abc import Mapping
from typing import Any

from ckpt_ops.documents import BadDocument, parse

BEAT_SECONDS = 2.0
"""Between two signs of life."""
SILENT_SECONDS = 20.0
"""Who says nothing for so long is gone."""
_LARGEST = 1 << 20
_SALT = 32  # hex digits


class Closed(Exception):
    """The other side is gone, or is none of the gang."""


class Channel:
    """One connection. `send` may be called by any thread, `receive` by one.

    Attributes:
        heard: seconds, by the monotonic clock, when the other side said something last.
    """

    def __init__(self, connection: socket.socket, secret: str, *, listens: bool) -> None:
        self._socket, self._rest, self._lock = connection, b"", threading.Lock()
        self._sent = self._received = 0
        self._mine, self._theirs = (b"listens", b"asks") if listens else (b"asks", b"listens")
        connection.settimeout(SILENT_SECONDS)
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        try:
            if listens:
                salt = secrets.token_hex(_SALT // 2).encode()
                connection.sendall(salt + b"\n")
            else:
                salt = self._line()
        except OSError as error:
            raise Closed(str(error)) from error
        self._key = hmac.digest(secret.encode(), salt, hashlib.sha256)
        self.heard = time.monotonic()

    def send(self, kind: str, **body: Any) -> None:
        """Raises `Closed`."""
        with self._lock:
            text = json.dumps({"kind": kind, **body})
            line = json.dumps({"body": text, "mac": self._mac(self._mine, self._sent, text)}).encode() + b"\n"
            self._sent += 1
            try:
                self._socket.sendall(line)
            except OSError as error:
                raise Closed(str(error)) from error

    def receive(self) -> Mapping[str, Any]:
        """The next message, which has a `kind`. Raises `Closed`, also when nothing came in time."""
        try:
            line = parse(self._line())
            text, mac = str(line.get("body")), str(line.get("mac"))
            if not hmac.compare_digest(mac, self._mac(self._theirs, self._received, text)):
                raise Closed("a message is not signed by this gang")
            self._received += 1
            message = parse(text.encode())
        except (OSError, BadDocument) as error:
            raise Closed(str(error)) from error
        self.heard = time.monotonic()
        return message

    def close(self) -> None:
        self._socket.close()

    def _mac(self, who: bytes, number: int, text: str) -> str:
        return hmac.new(self._key, b"%s %d %s" % (who, number, text.encode()), hashlib.sha256).hexdigest()

    def _line(self) -> bytes:
        while b"\n" not in self._rest:
            if len(self._rest) > _LARGEST:
                raise Closed("a message is too long")
            more = self._socket.recv(1 << 16)
            if not more:
                raise Closed("the connection was closed")
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        return line
