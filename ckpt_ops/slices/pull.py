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

from ckpt_ops import checks
from ckpt_ops.errors import ObjectNotFound, SliceChanging, SliceEmpty
from ckpt_ops.slices.again import TRIED_AGAIN, pull_again
from ckpt_ops.slices.committed import commit_manifest, load_manifest
from ckpt_ops.slices.datafiles import ROWS_PER_FILE, as_stored, stage, upload
from ckpt_ops.slices.declared import columns_of
from ckpt_ops.slices.identity import check_key, digest, revision_of
from ckpt_ops.slices.joining import find_joined, join
from ckpt_ops.slices.manifest import Column, SliceManifest
from ckpt_ops.slices.parts import WHOLE, Receipt, find_receipt, parts_of, read_part, receipt_name
from ckpt_ops.slices.source import SliceSource
from ckpt_ops.slices.unread import Unread, mark_of
from ckpt_ops.store import Store


def pull(store: Store, source: SliceSource, key: str, *, rows_per_file: int = ROWS_PER_FILE) -> SliceManifest:
    """Copy a slice into the store and return its manifest.

    The same content again writes nothing and returns the manifest of the first pull; the same
    fingerprint again is not even read. Changed content becomes a new revision beside the old one.
    Memory is bounded by a row group of 125,000 rows or 128 MiB, local disk by the largest part.

    Raises:
        BadInput: no slice of the source will ever have this key.
        SliceMissing, SliceChanging, SourceUnavailable: try again later.
        SliceUnreadable: the source's bytes are not what it says they are.
        SliceEmpty: it has no rows.
    """
    _checked_names(source, key)
    for part, fingerprint in parts_of(source, key).items():
        _pull(store, source, key, part, fingerprint, rows_per_file)
    return commit(store, source, key, rows_per_file=rows_per_file)


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
        raise _changing(source, key, f"part {part!r} is gone")
    return _pull(store, source, key, part, fingerprint, rows_per_file)


def commit(
    store: Store, source: SliceSource, key: str, *, rows_per_file: int = ROWS_PER_FILE
) -> SliceManifest:
    """Make the pulled parts of a slice a revision of it.

    Parts that differ in types or in column order are written in types that stand for all (`joining`).

    Raises:
        SliceChanging: a part came, went or changed since it was pulled.
        SliceUnreadable: the parts have columns that do not go together.
        SliceEmpty: none of them has a row.
    """
    _checked_names(source, key)
    parts = parts_of(source, key)
    receipts = {}
    for part, fingerprint in parts.items():
        receipt = find_receipt(store, source, key, part, fingerprint)
        if receipt is None:
            raise _changing(source, key, f"{part or 'its content'} differs from what was pulled")
        receipts[part] = receipt
    one = _alike(receipts) or find_joined(store, source.name, key, receipts)
    one = one or join(store, source.name, key, receipts, rows_per_file=rows_per_file)
    columns, files = one.columns, one.files
    if columns is None or not files:
        raise SliceEmpty(
            f"slice {key} of source {source.name!r} has no rows",
            safe="the log and the champion are untouched",
            next=f"fix the slice where it comes from, then {pull_again(key)}; or skip empty slices: "
            "empty_slices=EmptySlices.SKIP",
        )
    revision = revision_of(columns, files, mark=mark_of(one.unread))
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
        unread=one.unread,
    )
    return commit_manifest(store, manifest)


def pulled_revision(store: Store, source: SliceSource, key: str) -> str | None:
    """The revision that a pull would find without reading a row; None when it would have to read.

    Raises:
        As `pull`, where the source looks a key up.
    """
    _checked_names(source, key)
    receipts = {}
    for part, fingerprint in parts_of(source, key).items():
        receipt = find_receipt(store, source, key, part, fingerprint)
        if receipt is None:
            return None
        receipts[part] = receipt
    one = _alike(receipts) or find_joined(store, source.name, key, receipts)
    if one is None or one.columns is None or not one.files:
        return None
    return revision_of(one.columns, one.files, mark=mark_of(one.unread))


def _checked_names(source: SliceSource, key: str) -> None:
    check_key(key)
    check_key(source.name, field="source name")
    columns_of(source, key)  # raises for times in another form than the key


def _pull(store: Store, source: SliceSource, key: str, part: str, before: str, rows_per_file: int) -> Receipt:
    checks.whole("rows_per_file", rows_per_file, allowed="at least 1")
    known = find_receipt(store, source, key, part, before)
    if known is not None:
        return known
    of = f"slice {key} of source {source.name!r}" + (f", part {part!r}," if part else "")
    prefix, unread = f"slices/{source.name}/{key}", Unread()
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-pull-") as folder:
        schema, files = stage(
            as_stored(read_part(source, key, part, unread), of=of),
            Path(folder),
            prefix=prefix,
            rows_per_file=rows_per_file,
        )
        after = parts_of(source, key).get(part)
        if after != before:
            raise _changing(source, key, f"fingerprint {before}, then {after}")
        upload(store, Path(folder), files)
    columns = None if schema is None else Column.of_schema(schema)
    kept = unread.put(store, prefix)
    receipt = Receipt(part=part, fingerprint=before, columns=columns, files=tuple(files), unread=kept)
    store.put(receipt_name(source, key, part, before), receipt.to_json())
    return receipt


def _alike(receipts: Mapping[str, Receipt]) -> Receipt | None:
    """What the parts come to, in row order, when all have the same columns; None: they have to be joined."""
    files = tuple(file for receipt in receipts.values() for file in receipt.files)
    columns = {receipt.columns for receipt in receipts.values() if receipt.columns is not None}
    if len(columns) > 1 and files:
        return None
    unread = tuple(file for receipt in receipts.values() for file in receipt.unread)
    return Receipt(part=WHOLE, fingerprint="", columns=next(iter(columns), None), files=files, unread=unread)


def _changing(source: SliceSource, key: str, what: str) -> SliceChanging:
    return SliceChanging(
        f"slice {key} of source {source.name!r} changed while it was read: {what}",
        safe="nothing was committed",
        next=f"let its writer finish: {TRIED_AGAIN}",
    )
