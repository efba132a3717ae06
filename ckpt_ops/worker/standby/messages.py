"""What the two ends of a keeper's socket say to each other: a line of JSON each.

| asked | answered |
|---|---|
| `{"ask": "status", "of": FINGERPRINT}` | `{"same": true, "ready": ...}`; `{"same": false}`, and it ends |
| `{"ask": "end"}` | `{}`, and it ends |
| `{"ask": "take", "of": FINGERPRINT, "job": {...}}` | `{"pid": PID}` when ready; `{"pid": null}`: it ends |
| `{"go": true}` | `{"gone": true}`: the job runs. Until then nothing does |
| | `{"code": CODE}`: how the process ended |
| `{"kill": true}` | | it and what it started are killed |

Whoever closes the connection before `go` has taken back the job. After it, the job runs on by itself.
"""

from __future__ import annotations

import json
import os
import socket
import struct
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

_LONGEST = 2**22
ANSWER_SECONDS = 5.0
"""A keeper that says nothing for longer, though it has nothing to wait for, is taken for wedged."""


class Line:
    """A connection that carries lines of JSON.

    `receive` gives None at the end of the connection. Raises `TimeoutError` when no line comes in time.
    """

    def __init__(self, connection: socket.socket) -> None:
        self.socket, self._rest = connection, b""

    def send(self, message: Mapping[str, Any]) -> bool:
        """Whether the other end was there to send it to."""
        with suppress(OSError):
            self.socket.settimeout(ANSWER_SECONDS)
            self.socket.sendall(json.dumps(message).encode() + b"\n")
            return True
        return False

    def receive(self, within: float | None) -> dict[str, Any] | None:
        """The next message; within so many seconds, or None: however long it takes."""
        self.socket.settimeout(within)
        while b"\n" not in self._rest:
            try:
                more = self.socket.recv(65_536)
            except (ConnectionError, BrokenPipeError):
                more = b""
            if not more or len(self._rest) > _LONGEST:
                return None
            self._rest += more
        line, _, self._rest = self._rest.partition(b"\n")
        try:
            found = json.loads(line)
        except ValueError:
            return None
        return found if isinstance(found, dict) else None

    def close(self) -> None:
        self.socket.close()


def peer(connection: socket.socket) -> tuple[int, int]:
    """The process id and the user at the other end, as they were when it connected or began to listen."""
    raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
    pid, uid, _ = struct.unpack("3i", raw)
    return pid, uid


def is_ours(connection: socket.socket) -> bool:
    """Whether the other end belongs to this user."""
    return peer(connection)[1] == os.getuid()
