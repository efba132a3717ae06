"""What the footers of a slice's data files say, read without their rows.

Nothing here is checked against the files' hashes: whoever reads their rows does that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

from ckpt_ops.errors import Corrupt
from ckpt_ops.slices.again import pull_again
from ckpt_ops.slices.formats.chunks import column_chunks
from ckpt_ops.slices.formats.pages import MOST_FOOTER_BYTES
from ckpt_ops.slices.formats.thrift import BadThrift
from ckpt_ops.slices.manifest import DataFile, SliceManifest
from ckpt_ops.store import Store

T = TypeVar("T")

_TAIL = 64 * 2**10
_END = 8  # the footer's length and the magic


def columns_with_nulls(
    store: Store, manifest: SliceManifest, columns: Collection[str]
) -> frozenset[str] | None:
    """The ones of `columns`, none of them nested, with a null in some row; None: footers do not tell.

    Raises `Corrupt`.
    """
    left, found = set(columns), set[str]()
    for file in manifest.files if left else ():
        tail = _footer(store, file, at_most=MOST_FOOTER_BYTES)
        if tail is None:
            return None
        for chunk in _read(store, file, tail, column_chunks):
            if chunk.column not in left:
                continue
            if chunk.nulls is None:
                return None
            if chunk.nulls:
                found.add(chunk.column)
        left -= found
    return frozenset(found)


def _footer(store: Store, file: DataFile, *, at_most: int) -> bytes | None:
    """Without its length and the magic; None: it is longer than that."""
    tail = _last(store, file, _TAIL)
    length = int.from_bytes(tail[-_END:-4], "little")
    if len(tail) - _END < length <= file.size:
        if length > at_most:
            return None
        tail = _last(store, file, length + _END)
    return tail[-_END - length : -_END]


def _read(store: Store, file: DataFile, footer: bytes, read: Callable[[bytes], Iterable[T]]) -> list[T]:
    try:
        return list(read(footer))
    except BadThrift as error:
        url = f"{store.url.rstrip('/')}/{file.name}"
        raise Corrupt(
            f"{url} has no footer of Parquet any more: {error}",
            safe="nothing was trained on it",
            next=f"delete {url}, then {pull_again(file.name.split('/')[2])}",
        ) from error


def _last(store: Store, file: DataFile, length: int) -> bytes:
    length = min(length, file.size)
    return store.get_range(file.name, file.size - length, length)
