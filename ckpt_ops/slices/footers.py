"""What the footers of a slice's data files say, read without their rows.

Nothing here is checked against the files' hashes: whoever reads their rows does that.
"""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.errors import Corrupt
from ckpt_ops.slices.again import pull_again
from ckpt_ops.slices.manifest import DataFile, SliceManifest
from ckpt_ops.store import Store

_TAIL = 64 * 2**10
_END = 8  # the footer's length and the magic


def schema_in_footer(store: Store, manifest: SliceManifest) -> pa.Schema:
    """The columns as they came. Raises `Corrupt`."""
    return _read(store, manifest.files[0], pq.read_schema).remove_metadata()


def columns_with_nulls(
    store: Store, manifest: SliceManifest, columns: Collection[str]
) -> frozenset[str] | None:
    """The ones of `columns`, none of them nested, with a null in some row; None: footers do not tell.

    Raises `Corrupt`.
    """
    left, found = set(columns), set[str]()
    for file in manifest.files if left else ():
        footer = _read(store, file, pq.read_metadata)
        for at in range(footer.num_row_groups):
            group = footer.row_group(at)
            for chunk in (group.column(each) for each in range(group.num_columns)):
                if chunk.path_in_schema not in left:
                    continue
                if not (chunk.is_stats_set and chunk.statistics.has_null_count):
                    return None
                if chunk.statistics.null_count:
                    found.add(chunk.path_in_schema)
        left -= found
    return frozenset(found)


def _read(store: Store, file: DataFile, read: Callable[[pa.BufferReader], Any]) -> Any:
    tail = _last(store, file, _TAIL)
    length = int.from_bytes(tail[-_END:-4], "little") + _END
    if len(tail) < length <= file.size:
        tail = _last(store, file, length)
    try:
        return read(pa.BufferReader(tail))
    except (pa.ArrowException, OSError) as error:
        url = f"{store.url.rstrip('/')}/{file.name}"
        raise Corrupt(
            f"{url} has no footer of Parquet any more: {str(error).splitlines()[0]}",
            safe="nothing was trained on it",
            next=f"delete {url}, then {pull_again(file.name.split('/')[2])}",
        ) from error


def _last(store: Store, file: DataFile, length: int) -> bytes:
    length = min(length, file.size)
    return store.get_range(file.name, file.size - length, length)
