"""Views that were computed, kept in the store: `models/{model}/views/{kind}/{sequence}-{made of}.json`.

They are derived: whoever deletes them loses nothing but time. One is used only if its name says that it was
made of the very entry with which the log ends now, of the pipeline's description of now, and by code with
this schema; and if its bytes have the hash that they name and are such a view. Anything else is as if it
were not there.
"""

from __future__ import annotations

import json
import logging
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import TypeVar

import blake3

from ckpt_ops.documents import BadDocument, parse, read_as
from ckpt_ops.errors import CkptOpsError
from ckpt_ops.printable import printable
from ckpt_ops.store import Store
from ckpt_ops.views.description import Description
from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.model import ModelView
from ckpt_ops.views.plain import plain
from ckpt_ops.views.schema import json_schema

# Goes up whenever the same records come to a different view.
COMPUTED = 4
KEPT = 2
KINDS = {"summary": Summary, "model": ModelView}

_NAME = re.compile(r"((?!0{12})[0-9]{12})-([0-9a-f]{16})\.json")
_HEAD = re.compile(rb'\{"blake3": "([0-9a-f]{64})", "payload": ')
_log = logging.getLogger(__name__)
V = TypeVar("V", Summary, ModelView)


@dataclass(frozen=True, kw_only=True)
class MadeOf:
    """What a view was made of.

    Attributes:
        sequence: the number of the log's last entry; `entry`: blake3 of its bytes.
        description: the digest of the pipeline's description.
    """

    sequence: int
    entry: str
    description: str

    @classmethod
    def of(cls, sequence: int, entry: bytes, description: Description) -> MadeOf:
        digest = blake3.blake3(entry).hexdigest()
        return cls(sequence=sequence, entry=digest, description=description.digest)

    @property
    def name(self) -> str:
        """Without folder; another schema gives another name."""
        digest = blake3.blake3(f"{_schema()} {self.entry} {self.description}".encode()).hexdigest()[:16]
        return f"{self.sequence:012d}-{digest}.json"


class KeptViews:
    """The kept views of `model` in `store`."""

    def __init__(self, store: Store, model: str) -> None:
        self._store, self._model = store, model

    def sequences(self, kind: type[V]) -> Iterator[int]:
        """The entries at which there is one of that kind, the newest first."""
        yield from dict.fromkeys(int(name[:12]) for name in reversed(self._names(kind)))

    def read(self, kind: type[V], made_of: MadeOf) -> V | None:
        """The view; None: there is none that can be used."""
        name = f"{self._folder(kind)}{made_of.name}"
        try:
            data = self._store.get(name)
            found = decode(kind, data)
        except CkptOpsError:
            return None
        except (BadDocument, ValueError) as error:
            _log.warning("the kept view %s is ignored: %s", name, printable(str(error)))
            return None
        named = found.model if isinstance(found, Summary) else found.summary.model
        return found if named == self._model else None

    def write(self, view: V, made_of: MadeOf) -> None:
        """Keep it, and the one before it. That this fails is no error: the view is computed again."""
        kind = type(view)
        try:
            self._store.put(f"{self._folder(kind)}{made_of.name}", encode(view))
            for name in self._names(kind)[:-KEPT]:
                self._store.delete(f"{self._folder(kind)}{name}")
        except CkptOpsError as error:
            _log.warning("could not keep a view of %s: %s", self._model, printable(error.what))

    def _names(self, kind: type[V]) -> list[str]:
        """The newest last."""
        folder = self._folder(kind)
        found = [(one.name.removeprefix(folder), one.updated) for one in self._store.list(folder)]
        named = [(name[:12], updated, name) for name, updated in found if _NAME.fullmatch(name)]
        return [name for _, _, name in sorted(named)]

    def _folder(self, kind: type[V]) -> str:
        short = next(name for name, known in KINDS.items() if known is kind)
        return f"models/{self._model}/views/{short}/"


def encode(view: Summary | ModelView) -> bytes:
    """The view as bytes that name their hash."""
    body = json.dumps(plain(view), separators=(",", ":"), allow_nan=False).encode()
    return f'{{"blake3": "{blake3.blake3(body).hexdigest()}", "payload": '.encode() + body + b"}"


def decode(kind: type[V], data: bytes) -> V:
    """The inverse of `encode`. Raises `BadDocument`: damaged, or no such view."""
    head = _HEAD.match(data)
    body = data[head.end() : -1] if head else b""
    if head is None or data[-1:] != b"}" or blake3.blake3(body).hexdigest().encode() != head[1]:
        raise BadDocument("its bytes do not have the hash that they name")
    return read_as(kind, parse(body))


@cache
def _schema() -> str:
    return f"{COMPUTED} {blake3.blake3(json.dumps(json_schema(), sort_keys=True).encode()).hexdigest()}"
