"""From a source into the store: data files first, then the parts' receipts, `slice.json` last.

`slice.json` is the commit. A pull that dies leaves files that nothing refers to; the next pull of the same
content finds them and goes on. Parts are staged on the local disk, one at a time per process; several
processes may pull the parts of one slice side by side (`pull_part`), and one then commits (`commit`).
"""

from __future__ import annotations

import itertools
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path

from ckpt_ops.errors import UNTOUCHED, BadInput, ObjectNotFound, SliceChanging, SliceEmpty, SliceUnreadable
from ckpt_ops.slices.again import TRIED_AGAIN, pull_again
from ckpt_ops.slices.committed import commit_manifest, load_manifest
from ckpt_ops.slices.datafiles import ROWS_PER_FILE, as_stored, stage, upload
from ckpt_ops.slices.identity import check_key, digest, revision_of
from ckpt_ops.slices.manifest import Column, DataFile, SliceManifest
from ckpt_ops.slices.parts import WHOLE, Receipt, find_receipt, parts_of, read_part, receipt_name
from ckpt_ops.slices.source import SliceSource
from ckpt_ops.store import Store


def pull(store: Store, source: SliceSource, key: str, *, rows_per_file: int = ROWS_PER_FILE) -> SliceManifest:
    """Copy a slice into the store and return its manifest.

    The same content again writes nothing and returns the manifest of the first pull; the same
    fingerprint again is not even read. Changed content becomes a new revision beside the old one.
    Memory is bounded by a row group of 125,000 rows, local disk by the largest part.

    Raises:
        BadInput: no slice of the source will ever have this key.
        SliceMissing, SliceChanging, SourceUnavailable: try again later.
        SliceUnreadable: the source's bytes are not what it says they are.
        SliceEmpty: it has no rows.
    """
    _checked_names(source, key)
    for part, fingerprint in parts_of(source, key).items():
        _pull(store, source, key, part, fingerprint, rows_per_file)
    return commit(store, source, key)


def pull_part(
    store: Store, source: SliceSource, key: str, part: str, *, rows_per_file: int = ROWS_PER_FILE
) -> Receipt:
    """Copy one part of a slice into the store; a part that was pulled before is not read again.

    Raises:
        As `pull`; `SliceChanging` also when the part is not there any more.
    """
    _checked_names(source, key)
    fingerprint = parts_of(source, key).get(part)
    if fingerprint is None:
        raise _changing(source, key, f"part {part!r} went away")
    return _pull(store, source, key, part, fingerprint, rows_per_file)


def commit(store: Store, source: SliceSource, key: str) -> SliceManifest:
    """Make the pulled parts of a slice a revision of it.

    Raises:
        SliceChanging: a part came, went or changed since it was pulled.
        SliceUnreadable: the parts have different columns.
        SliceEmpty: none of them has a row.
    """
    _checked_names(source, key)
    parts = parts_of(source, key)
    receipts = {}
    for part, fingerprint in parts.items():
        receipt = find_receipt(store, source, key, part, fingerprint)
        if receipt is None:
            raise _changing(source, key, f"{part or 'its content'} is not what was pulled")
        receipts[part] = receipt
    columns, files = _contents(source, key, receipts)
    if columns is None or not files:
        raise SliceEmpty(
            f"slice {key} of source {source.name!r} has no rows",
            safe="the log and the champion are untouched",
            next=f"mend the slice where it comes from, then {pull_again(key)}; or let empty slices pass: "
            "empty_slices=EmptySlices.SKIP",
        )
    revision = revision_of(columns, files)
    try:
        return load_manifest(store, source.name, key, revision)
    except ObjectNotFound:
        pass
    manifest = SliceManifest(
        source=source.name,
        key=key,
        revision=revision,
        fingerprint=parts[WHOLE] if WHOLE in parts else digest(*itertools.chain(*parts.items())),
        pulled_at=datetime.now(UTC).isoformat(timespec="milliseconds"),
        rows=sum(file.rows for file in files),
        columns=columns,
        files=files,
    )
    return commit_manifest(store, manifest)


def pulled_revision(store: Store, source: SliceSource, key: str) -> str | None:
    """The revision that a pull would find without reading a row; None when it would have to read.

    Raises:
        As `pull`, of what a source says of its keys.
    """
    _checked_names(source, key)
    receipts = {}
    for part, fingerprint in parts_of(source, key).items():
        receipt = find_receipt(store, source, key, part, fingerprint)
        if receipt is None:
            return None
        receipts[part] = receipt
    columns, files = _contents(source, key, receipts)
    return revision_of(columns, files) if columns is not None and files else None


def _checked_names(source: SliceSource, key: str) -> None:
    check_key(key)
    check_key(source.name, field="source name")


def _pull(store: Store, source: SliceSource, key: str, part: str, before: str, rows_per_file: int) -> Receipt:
    if rows_per_file < 1:
        raise BadInput("rows_per_file", rows_per_file, "at least 1")
    known = find_receipt(store, source, key, part, before)
    if known is not None:
        return known
    of = f"slice {key} of source {source.name!r}" + (f", part {part!r}," if part else "")
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-pull-") as folder:
        schema, files = stage(
            as_stored(read_part(source, key, part), of=of),
            Path(folder),
            prefix=f"slices/{source.name}/{key}",
            rows_per_file=rows_per_file,
        )
        after = parts_of(source, key).get(part)
        if after != before:
            raise _changing(source, key, f"fingerprint {before}, then {after}")
        upload(store, Path(folder), files)
    columns = None if schema is None else Column.of_schema(schema)
    receipt = Receipt(part=part, fingerprint=before, columns=columns, files=tuple(files))
    store.put(receipt_name(source, key, part, before), receipt.to_json())
    return receipt


def _contents(
    source: SliceSource, key: str, receipts: Mapping[str, Receipt]
) -> tuple[tuple[Column, ...] | None, tuple[DataFile, ...]]:
    """What the parts come to: the columns, None when no part has any, and the data files in row order."""
    files = tuple(file for receipt in receipts.values() for file in receipt.files)
    return _one_schema(source, key, receipts), files


def _one_schema(source: SliceSource, key: str, receipts: Mapping[str, Receipt]) -> tuple[Column, ...] | None:
    named = [(part, receipt.columns) for part, receipt in receipts.items() if receipt.columns is not None]
    if not named:
        return None
    first, columns = named[0]
    for part, others in named[1:]:
        if others != columns:
            ours, theirs = ({f"{c.name}: {c.type}" for c in one} for one in (columns, others))
            raise SliceUnreadable(
                f"the parts of slice {key} of source {source.name!r} have different columns: "
                f"{first!r} alone has {_some(ours - theirs)}, {part!r} alone has {_some(theirs - ours)}",
                safe=UNTOUCHED,
                next=f"write {part!r} or {first!r} anew, then {pull_again(key)}",
            )
    return columns


def _some(columns: set[str]) -> str:
    return ", ".join(sorted(columns)[:8]) or "the same in another order or nullability"


def _changing(source: SliceSource, key: str, what: str) -> SliceChanging:
    return SliceChanging(
        f"slice {key} of source {source.name!r} changed while it was read: {what}",
        safe="nothing was committed",
        next=f"let its writer finish: {TRIED_AGAIN}",
    )
