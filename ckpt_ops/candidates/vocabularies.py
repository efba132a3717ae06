"""The vocabularies of a candidate: its parent's, grown by the slices that it consumes. Where they are kept.

They lie below the version's folder, as they hold values of rows: what removes the version removes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.candidates.slice_rows import SliceRows, StoredRows
from ckpt_ops.checkpoints import Manifest, load_manifest
from ckpt_ops.checkpoints.chunks import digest_of
from ckpt_ops.documents import read_as, reading
from ckpt_ops.errors import SliceUnreadable
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named, read_named
from ckpt_ops.vocabularies.document import decode, encode
from ckpt_ops.vocabularies.growth import Grown, Token, advance, empty

KEY = "vocabularies"
"""Of them in `Manifest.structure`: name and hash of the object. Manifests of models without any have none."""

Vocabularies = Mapping[str, Grown]


def grown_for(
    pipeline: Pipeline, store: Store, state: LineageState, parent: int | None, slices: Iterable[SliceRef]
) -> dict[str, Grown]:
    """By column, the vocabularies of a candidate that goes on from `parent` and consumes `slices`.

    A column that has one for the first time is counted in all slices of the parent's ancestry.
    """
    if not pipeline.vocabularies:
        return {}
    rows = StoredRows(pipeline, store)
    before = _of_parent(store, state, parent)
    found: dict[str, Grown] = {}
    for settings in pipeline.vocabularies:
        grown = before.get(settings.column)
        if grown is None:
            grown = empty(settings)
            for ref in (ref for one in state.ancestry(parent) for ref in one.slices):
                grown = advance(grown, settings, _counts(rows, ref, settings.column))
        for ref in slices:
            grown = advance(grown, settings, _counts(rows, ref, settings.column))
        found[settings.column] = grown
    return found


def keep(store: Store, model: str, version: int, vocabularies: Vocabularies) -> Named | None:
    """Write them below the version's folder; None: there are none. The same ones are the same object."""
    if not vocabularies:
        return None
    data = encode(model, vocabularies)
    digest = digest_of(data)
    named = Named(name=f"models/{model}/v{version}/vocabularies-{digest[:16]}.json", digest=digest)
    store.put(named.name, data)
    return named


def in_structure(named: Named | None) -> dict[str, dict[str, str]]:
    """What a manifest says of where they are."""
    return {} if named is None else {KEY: {"name": named.name, "digest": named.digest}}


def of_manifest(store: Store, manifest: Manifest) -> dict[str, Grown]:
    """Those that the model of a checkpoint was built with.

    Raises:
        ObjectNotFound: they are gone.
        Corrupt: they are not what was kept, or another model's.
    """
    kept = manifest.structure.get(KEY)
    if kept is None:
        return {}
    with reading(f"the manifest of {manifest.model} v{manifest.version}", "manifest"):
        named = read_as(Named, kept, at=f"structure.{KEY}")
    return decode(read_named(store, named), name=f"{store.url}/{named.name}", model=manifest.model)


def values_by_row(vocabularies: Vocabularies) -> dict[str, dict[int, Token]]:
    """By column, the value of each row that has one."""
    return {column: grown.by_row for column, grown in vocabularies.items()}


def _of_parent(store: Store, state: LineageState, parent: int | None) -> dict[str, Grown]:
    trained = None if parent is None else state.versions[parent].trained
    return {} if trained is None else of_manifest(store, load_manifest(store, trained.final))


def _counts(rows: SliceRows, ref: SliceRef, column: str) -> dict[Token, int]:
    """In how many rows of the slice each value is; missing ones are not counted."""
    total: Counter[Token] = Counter()
    for table, _ in rows.groups(ref.key, ref.revision, [column]):
        if column not in table.column_names:
            raise SliceUnreadable(
                f"slice {ref.key} has no column {column}, whose values are in a vocabulary",
                safe="nothing was trained; the champion serves on",
                next=f"remove Vocabulary({column!r}, ...) from the pipeline, or withdraw the slice",
            )
        counted = pc.value_counts(_plain(table[column]))
        values, counts = counted.field("values").to_pylist(), counted.field("counts").to_pylist()
        for value, count in zip(values, counts, strict=True):
            if value is not None:
                total[value] += count
    return dict(total)


def _plain(column: pa.ChunkedArray) -> pa.Array:
    joined = column.combine_chunks()
    return joined.dictionary_decode() if pa.types.is_dictionary(joined.type) else joined
