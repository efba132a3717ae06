"""Where a gang meets: an object in the store that says on which address the first worker listens.

`models/MODEL/gangs/TIME-NONCE.json`. Each meeting has one of its own; it is removed when the gang has ended,
and the next meeting for the model removes what a killed one left. The candidate is not in the name: a worker
with other code has another one in mind, and has to be found to be told so.
"""

from __future__ import annotations

import os
import socket
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import BadInput, CkptOpsError, Corrupt, ObjectNotFound
from ckpt_ops.store import Store
from ckpt_ops.wire_names import wire

LOOPBACK = "127.0.0.1"
_VARIABLE = "CKPT_OPS_WORKERS_ADDRESS"
_DOCUMENT = DocumentKind(what="meeting of a gang")


@wire("Meeting")
@dataclass(frozen=True, kw_only=True)
class Meeting:
    """An invitation.

    Attributes:
        address, port: where the first worker listens.
        host: tells hosts, and network namespaces of one, apart.
        secret: signs all messages.
    """

    address: str
    port: int
    host: str
    secret: str


def announce(store: Store, model: str, meeting: Meeting) -> str:
    """Put it into the store, and remove older ones; the object's name."""
    folder = _folder(model)
    older = [entry.name for entry in store.list(folder)]
    name = f"{folder}{int(time.time() * 1000):015d}-{uuid.uuid4().hex[:8]}.json"
    store.put(name, _DOCUMENT.encode(meeting))
    for one in older:
        remove(store, one)
    return name


def remove(store: Store, name: str) -> None:
    """Remove a meeting that is over. What cannot be removed now is removed by the next meeting."""
    try:
        store.delete(name)
    except CkptOpsError:
        return


def meetings(store: Store, model: str) -> Iterator[tuple[str, Meeting]]:
    """Those in the store, the newest first, each with its name."""
    for entry in sorted(store.list(_folder(model)), key=lambda one: one.name, reverse=True):
        try:
            yield entry.name, _DOCUMENT.read(Meeting, store.get(entry.name), name=entry.name)
        except (ObjectNotFound, Corrupt):
            continue


def own_address() -> str:
    """The address at which other workers reach this host: loopback, unless it is set.

    Raises:
        BadInput: it is no address of this host.
    """
    given = os.environ.get(_VARIABLE, LOOPBACK)
    try:
        address = socket.gethostbyname(socket.gethostname() if given == "auto" else given)
        with socket.socket() as trial:
            trial.bind((address, 0))
    except OSError:
        raise BadInput(
            _VARIABLE,
            given,
            "an IPv4 address of this host, or auto: that of its name; not set: all workers are on one host",
        ) from None
    return address


def free_port(address: str) -> int:
    """A port that nothing listens on now."""
    with socket.socket() as trial:
        trial.bind((address, 0))
        return int(trial.getsockname()[1])


def own_host() -> str:
    """The same for two processes if they reach each other by the loopback address."""
    try:
        booted = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        return f"{booted} {Path('/proc/self/ns/net').readlink()}"
    except OSError:
        return socket.gethostname()


def _folder(model: str) -> str:
    return f"models/{model}/gangs/"
