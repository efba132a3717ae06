"""From a source into the store: data files first, `slice.json` last.

`slice.json` is the commit. A pull that dies leaves data files that nothing refers to; the next pull
of the same content writes the same names again and commits. Parts are staged on the local disk,
because the revision, which names their folder, is known only after the last row.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from blake3 import blake3

from ckpt_ops.errors import BadInput, Corrupt, ObjectNotFound, SliceChanging, SliceUnreadable
from ckpt_ops.slices.content import ContentHash
from ckpt_ops.slices.identity import check_key, revision_of
from ckpt_ops.slices.manifest import Column, DataFile, SliceManifest, prefix_of
from ckpt_ops.slices.source import SliceSource
from ckpt_ops.store import Store

ROWS_PER_PART = 1_000_000
_ROWS_PER_GROUP = 125_000


def pull(store: Store, source: SliceSource, key: str, *, rows_per_part: int = ROWS_PER_PART) -> SliceManifest:
    """Copy a slice into the store and return its manifest.

    The same content again writes nothing and returns the manifest of the first pull. Changed content
    becomes a new revision beside the old one. Memory is bounded by a row group of 125,000 rows, local
    disk by the slice.

    Raises:
        BadInput: no slice of the source will ever have this key.
        SliceMissing, SliceChanging: try again later.
        SliceUnreadable: the source's bytes are not what it says they are, or it has no rows.
    """
    check_key(key)
    check_key(source.name, field="source name")
    if rows_per_part < 1:
        raise BadInput("rows_per_part", rows_per_part, "at least 1")
    before = source.fingerprint(key)
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-pull-") as folder:
        schema, files = _stage(source, key, Path(folder), rows_per_part)
        after = source.fingerprint(key)
        if after != before:
            raise SliceChanging(
                f"slice {key} of source {source.name!r} changed while it was read: "
                f"fingerprint {before}, then {after}",
                safe="nothing was written",
                next="let its writer finish: the pull is tried again",
            )
        revision = revision_of(schema, [(file.name, file.content, file.rows) for file in files])
        known = _known(store, source.name, key, revision)
        if known is not None:
            return known
        manifest = SliceManifest(
            source=source.name,
            key=key,
            revision=revision,
            fingerprint=before,
            pulled_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
            rows=sum(file.rows for file in files),
            columns=tuple(
                Column(name=field.name, type=str(field.type), nullable=field.nullable) for field in schema
            ),
            files=tuple(files),
        )
        for file in files:
            store.put(f"{manifest.prefix}/{file.name}", (Path(folder) / file.name).read_bytes())
    if store.put_if_absent(f"{manifest.prefix}/slice.json", manifest.to_json()):
        return manifest
    return load_manifest(store, source.name, key, revision)


def load_manifest(store: Store, source: str, key: str, revision: str) -> SliceManifest:
    """The manifest of a pulled slice. Raises `ObjectNotFound`; `Corrupt` when it does not fit its name."""
    prefix = prefix_of(source, key, revision)
    url = _url(store, f"{prefix}/slice.json")
    manifest = SliceManifest.from_json(store.get(f"{prefix}/slice.json"), url=url)
    if manifest.prefix != prefix:
        raise Corrupt(
            f"{url} describes another slice: {manifest.prefix}",
            safe="nothing was changed",
            next="restore the object from the bucket's versions, or delete it and clear the pull task",
        )
    return manifest


def read_slice(store: Store, manifest: SliceManifest) -> pa.Table:
    """All rows in order, with the columns as they came. Raises `Corrupt` when a file's bytes changed."""
    return pa.concat_tables(_tables(store, manifest))


def list_slices(store: Store, source: str, key: str | None = None) -> list[SliceManifest]:
    """The committed slices of a source, or of one key, by key and then by the time of their first pull."""
    prefix = f"slices/{check_key(source, field='source name')}/" + (f"{check_key(key)}/" if key else "")
    found = []
    for entry in store.list(prefix):
        parts = entry.name.split("/")
        if len(parts) == 5 and parts[4] == "slice.json":
            found.append(load_manifest(store, *parts[1:4]))
    return sorted(found, key=lambda manifest: (manifest.key, manifest.pulled_at))


def _tables(store: Store, manifest: SliceManifest) -> Iterator[pa.Table]:
    for file in manifest.files:
        name = f"{manifest.prefix}/{file.name}"
        data = store.get(name)
        found = blake3(data).hexdigest()
        if found != file.blake3:
            raise Corrupt(
                f"{_url(store, name)} was written with hash {file.blake3} and has {found} now "
                f"({len(data):,} bytes, written with {file.size:,})",
                safe="nothing was trained on it",
                next=f"delete {_url(store, manifest.prefix)}/slice.json, then clear its pull task",
            )
        yield pq.read_table(pa.BufferReader(data), use_threads=False).replace_schema_metadata(None)


def _known(store: Store, source: str, key: str, revision: str) -> SliceManifest | None:
    try:
        return load_manifest(store, source, key, revision)
    except ObjectNotFound:
        return None


def _stage(
    source: SliceSource, key: str, folder: Path, rows_per_part: int
) -> tuple[pa.Schema, list[DataFile]]:
    batches = _as_stored(source, key)
    first = next(batches, None)
    if first is None:
        raise SliceUnreadable(
            f"slice {key} of source {source.name!r} has no rows",
            safe="the log and the champion are untouched; nothing was written",
            next="mend the slice where it comes from, then clear the pull task",
        )
    files: list[DataFile] = []
    left = _Rows(first, batches)
    while left:
        name = f"data-{len(files):05d}.parquet"
        files.append(_write_part(left, first.schema, folder / name, rows_per_part))
    return first.schema, files


class _Rows:
    """A stream of batches that gives out as many rows as one asks for, however they were cut."""

    def __init__(self, first: pa.RecordBatch, rest: Iterator[pa.RecordBatch]) -> None:
        self._batch: pa.RecordBatch | None = first
        self._rest = rest

    def __bool__(self) -> bool:
        return self._batch is not None

    def take(self, rows: int) -> pa.Table | None:
        """Up to `rows` rows as one chunk, fewer at the end of the stream; None after it."""
        taken: list[pa.RecordBatch] = []
        missing = rows
        while missing and self._batch is not None:
            piece = self._batch.slice(0, missing)
            missing -= piece.num_rows
            taken.append(piece)
            if piece.num_rows < self._batch.num_rows:
                self._batch = self._batch.slice(piece.num_rows)
            else:
                self._batch = next(self._rest, None)
        return pa.Table.from_batches(taken).combine_chunks() if taken else None


def _write_part(rows: _Rows, schema: pa.Schema, path: Path, limit: int) -> DataFile:
    content = ContentHash()
    # Every option that shapes the bytes is spelled out: a retry must write the same object.
    with pq.ParquetWriter(
        path,
        schema,
        version="2.6",
        data_page_version="1.0",
        compression="zstd",
        compression_level=3,
        use_dictionary=True,
        write_statistics=True,
        store_schema=True,
    ) as writer:
        while content.rows < limit:
            table = rows.take(min(_ROWS_PER_GROUP, limit - content.rows))
            if table is None:
                break
            for batch in table.to_batches():
                content.update(batch)
            writer.write_table(table, row_group_size=_ROWS_PER_GROUP)
    with path.open("rb") as file:
        digest = blake3(file.read()).hexdigest()
    return DataFile(
        name=path.name,
        rows=content.rows,
        size=path.stat().st_size,
        blake3=digest,
        content=content.hexdigest(),
    )


def _as_stored(source: SliceSource, key: str) -> Iterator[pa.RecordBatch]:
    """The source's non-empty batches in the types that Parquet gives back (timestamp[s] becomes [ms])."""
    came: pa.Schema | None = None
    stored: pa.Schema | None = None
    for batch in source.read(key):
        if came is None:
            came = batch.schema.remove_metadata()
            stored = _stored_schema(source, key, came)
        elif batch.schema.remove_metadata() != came:
            raise SliceUnreadable(
                f"source {source.name!r} gave slice {key} in batches of different schemas: "
                f"{came.to_string(show_field_metadata=False)!r}, then "
                f"{batch.schema.to_string(show_field_metadata=False)!r}",
                safe="the log and the champion are untouched; nothing was written",
                next=f"mend read() of source {source.name!r}: one schema per slice",
            )
        if batch.num_rows:
            yield batch.replace_schema_metadata(None).cast(stored)


def _stored_schema(source: SliceSource, key: str, came: pa.Schema) -> pa.Schema:
    sink = pa.BufferOutputStream()
    try:
        pq.write_table(came.empty_table(), sink)
    except pa.ArrowException as error:
        raise SliceUnreadable(
            f"slice {key} of source {source.name!r} has a type that Parquet cannot keep: {error}",
            safe="the log and the champion are untouched; nothing was written",
            next=f"cast the column in read() of source {source.name!r}",
        ) from error
    return pq.read_schema(pa.BufferReader(sink.getvalue())).remove_metadata()


def _url(store: Store, name: str) -> str:
    return f"{store.url.rstrip('/')}/{name}"
