"""The parts of a slice, and the receipt that a part leaves when it is pulled.

A receipt, `slices/{source}/{key}/parts/{name}.json`, names the data files that hold a part's rows. Its id
is a hash of the part's name, its fingerprint and how the source reads: so a pull that was killed goes on
where it was, and a part that has changed, or whose reader was fixed, is read again. A receipt is no
commit: `slice.json` is.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pyarrow as pa
from blake3 import blake3

from ckpt_ops.column_times import absent
from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.slices.again import pull_again
from ckpt_ops.slices.datafiles import is_there
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.slices.identity import check_key, digest
from ckpt_ops.slices.manifest import Column, DataFile, without_unread
from ckpt_ops.slices.source import PartedSource, SliceSource, SparingSource
from ckpt_ops.slices.unread import Unread, UnreadFile
from ckpt_ops.store import Store

WHOLE = ""
"""The one part of a slice whose source tells no parts apart."""

FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What was pulled of a part. `columns` is None when the source gave no batch at all.

    `unread` says where rows that do not parse are kept.
    """

    part: str
    fingerprint: str
    columns: tuple[Column, ...] | None
    files: tuple[DataFile, ...]
    unread: tuple[UnreadFile, ...] = ()

    @property
    def rows(self) -> int:
        return sum(file.rows for file in self.files)

    def to_json(self) -> bytes:
        """UTF-8 with sorted keys."""
        return _DOCUMENT.encode(without_unread(self))

    @classmethod
    def from_json(cls, data: bytes, *, url: str) -> Receipt:
        """The inverse of `to_json`. Raises `Corrupt`, naming `url`."""
        return _DOCUMENT.read(cls, data, name=url)


_DOCUMENT = DocumentKind(
    what="receipt of a pulled part",
    schema=FORMAT,
    numbered_by="format",
    next=f"delete the object, then {pull_again()}",
)


def parts_of(source: SliceSource, key: str) -> dict[str, str]:
    """By part, its fingerprint, in row order; one part, `WHOLE`, when the source tells none apart."""
    if isinstance(source, PartedSource):
        return source.parts(key)
    return {WHOLE: source.fingerprint(key)}


def worth_sharing(source: SliceSource) -> bool:
    """Slices may have several parts: the source tells them apart and does not say `several = False`.

    Reads nothing: a DAG file calls it.
    """
    return isinstance(source, PartedSource) and bool(getattr(source, "several", True))


def read_part(source: SliceSource, key: str, part: str, unread: Unread) -> Iterator[pa.RecordBatch]:
    """The rows of one of `parts_of`; of a source that can leave out rows that do not parse, without those."""
    if isinstance(source, SparingSource) and _covers_read_part(type(source)):
        return source.read_sparing(key, part, unread)
    return source.read_part(key, part) if isinstance(source, PartedSource) else source.read(key)


def _covers_read_part(kind: type) -> bool:
    """No subclass reads parts in a way of its own, which `read_sparing` would bypass."""
    defined = {
        name: next((at for at, one in enumerate(kind.__mro__) if name in vars(one)), len(kind.__mro__))
        for name in ("read_sparing", "read_part")
    }
    return defined["read_sparing"] <= defined["read_part"]


def receipt_name(source: SliceSource, key: str, part: str, fingerprint: str) -> str:
    """Where the part's receipt lies, or will."""
    without = absent(columns_of(source, key))  # some sources do not read them
    name = digest(part, fingerprint, repr(source), _reader_digest(_readers(source)), str(FORMAT), *without)
    return f"slices/{check_key(source.name, field='source name')}/{check_key(key)}/parts/{name}.json"


def find_receipt(store: Store, source: SliceSource, key: str, part: str, fingerprint: str) -> Receipt | None:
    """The part's receipt, when it is there and so are the data files that it names."""
    name = receipt_name(source, key, part, fingerprint)
    try:
        receipt = Receipt.from_json(store.get(name), url=f"{store.url.rstrip('/')}/{name}")
    except ObjectNotFound:
        return None
    there = all(is_there(store, file) for file in receipt.files)
    return receipt if there and all(_kept(store, file) for file in receipt.unread) else None


def _kept(store: Store, file: UnreadFile) -> bool:
    return any(entry.name == file.name for entry in store.list(file.name))


def _readers(source: SliceSource) -> tuple[type, ...]:
    """Its class, and that of the source that it reads through, where there is one."""
    through = getattr(source, "source", None)
    return (type(source), *(_readers(through) if isinstance(through, SliceSource) else ()))


@cache
def _reader_digest(readers: tuple[type, ...]) -> str:
    """Over the code that decides how a source reads: this package, and the classes it is made of.

    Some fifty files, read once: a plan asks for it with every slice, and the code that reads is the one that
    was imported.
    """
    paths = set(Path(__file__).parent.rglob("*.py"))
    for kind in (kind for reader in readers for kind in reader.__mro__):
        try:
            path = inspect.getsourcefile(kind)
        except TypeError:  # a builtin
            continue
        if path is not None and Path(path).is_file():
            paths.add(Path(path))
    hasher = blake3()
    for each in sorted(paths):
        hasher.update(each.read_bytes())
    return hasher.hexdigest()
