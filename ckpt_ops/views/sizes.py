"""How much a model holds in the store, and the store as a whole, as it was measured last.

`models/{model}/size/{time}.json` is written after a promotion, at most once a day, and by `ckpt-ops gc`;
`sizes/{time}.json`, of the whole store, by `ckpt-ops gc`. The last one counts, and older ones are removed.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import CkptOpsError, Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState
from ckpt_ops.printable import printable
from ckpt_ops.store import Store

SIZE = DocumentKind(
    what="size in the store",
    safe="nothing depends on it but what pages show",
    next="nothing to do: ckpt-ops gc measures it again",
)
EVERY = timedelta(days=1)
_STORE = "sizes/"
_FORM = "%Y%m%dT%H%M%S"
_log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class Size:
    """What was measured.

    Attributes:
        nbytes: of a model: all objects below `models/{model}/`, and what was uploaded for the checkpoints
            of versions that still have theirs. Of the store: all of its objects.
        objects: how many were listed.
        time: when; UTC, ISO 8601.
    """

    nbytes: int
    objects: int
    time: str


def measure(store: Store, state: LineageState, *, now: datetime | None = None) -> Size:
    """List the model's objects, and write the result."""
    sizes = [entry.size for entry in store.list(f"models/{state.model}/")]
    uploaded = (
        version.trained.uploaded or 0
        for number, version in state.versions.items()
        if version.trained is not None and number not in state.dropped
    )
    found = Size(nbytes=sum(sizes) + sum(uploaded), objects=len(sizes), time=_text(now))
    _write(store, _folder(state.model), found)
    return found


def measure_store(store: Store, *, now: datetime | None = None) -> Size:
    """List all objects, and write the result."""
    sizes = [entry.size for entry in store.list("")]
    found = Size(nbytes=sum(sizes), objects=len(sizes), time=_text(now))
    _write(store, _STORE, found)
    return found


def measure_if_due(store: Store, state: LineageState, *, now: datetime | None = None) -> None:
    """Once a day. It never fails the step that asks for it."""
    try:
        known = read_size(store, state.model)
        moment = now or datetime.now(UTC)
        if known is None or moment - datetime.fromisoformat(known.time) >= EVERY:
            measure(store, state, now=now)
    except CkptOpsError as error:
        _log.warning("could not measure %s: %s", state.model, printable(error.what))


def read_size(store: Store, model: str) -> Size | None:
    """Of a model; None: nobody measured it, or it cannot be read."""
    return _newest(store, _folder(model))


def read_store_size(store: Store) -> Size | None:
    """Of the whole store; None as `read_size`."""
    return _newest(store, _STORE)


def _newest(store: Store, folder: str) -> Size | None:
    names = [entry.name for entry in store.list(folder)]
    for name in reversed(names):
        try:
            found = SIZE.read(Size, store.get(name), name=name)
            datetime.fromisoformat(found.time)
        except (ObjectNotFound, Corrupt, ValueError) as error:
            _log.warning("%s is ignored: %s", name, printable(str(error)))
        else:
            return found
    return None


def _write(store: Store, folder: str, size: Size) -> None:
    name = f"{folder}{datetime.fromisoformat(size.time).strftime(_FORM)}.json"
    before = [entry.name for entry in store.list(folder)]
    store.put(name, SIZE.encode(size))
    for old in before:
        if old != name:
            store.delete(old)


def _text(now: datetime | None) -> str:
    return (now or datetime.now(UTC)).astimezone(UTC).isoformat(timespec="milliseconds")


def _folder(model: str) -> str:
    return f"models/{model}/size/"
