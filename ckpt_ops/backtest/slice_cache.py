"""Slices that are read again and again: fetched from the store once, then read from the local disk.

They lie there uncompressed, as Arrow's IPC streams, and are mapped into memory: only what is
being read takes memory, however many there are and however large.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pyarrow as pa

from ckpt_ops.candidates.slice_rows import StoredRows


class SliceCache:
    """The same tables as `stored` gives, from files in `folder`, which has to exist."""

    def __init__(self, stored: StoredRows, folder: Path) -> None:
        self._stored, self._folder = stored, folder
        self._counts: dict[tuple[str, str], int] = {}

    def count(self, key: str, revision: str) -> int:
        known = (key, revision)
        if known not in self._counts:
            self._counts[known] = self._stored.count(key, revision)
        return self._counts[known]

    def groups(
        self, key: str, revision: str, columns: Sequence[str] | None = None
    ) -> Iterator[tuple[pa.Table, int]]:
        start = 0
        with pa.memory_map(str(self._file(key, revision))) as source:
            for batch in pa.ipc.open_stream(source):
                table = pa.Table.from_batches([batch])
                names = table.column_names if columns is None else columns
                yield table.select([name for name in names if name in table.column_names]), start
                start += batch.num_rows

    def _file(self, key: str, revision: str) -> Path:
        path = self._folder / f"{key}@{revision}.arrow"
        if not path.exists():
            part = path.with_suffix(".part")
            with part.open("wb") as file:
                writer = None
                for table, _ in self._stored.groups(key, revision):
                    writer = writer or pa.ipc.new_stream(file, table.schema)
                    writer.write_table(table)
                if writer is not None:
                    writer.close()
            part.replace(path)
        return path
