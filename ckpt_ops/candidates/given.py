"""What `build_model()` is given for a candidate: vocabularies, grown from its slices, and adapted values.

Both hold values of rows. So they are kept below the version's folder: what removes the version removes them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

import pyarrow as pa
import pyarrow.compute as pc

from ckpt_ops.candidates.slice_rows import SliceRows, StoredRows, split_tables
from ckpt_ops.checkpoints import Manifest
from ckpt_ops.checkpoints.chunks import digest_of
from ckpt_ops.documents import read_as, reading
from ckpt_ops.errors import SliceUnreadable
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline import given as adapted_values
from ckpt_ops.pipeline.given import Adapted, Given
from ckpt_ops.pipeline.of_version import of_given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import call
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named, read_named
from ckpt_ops.training.list_values import is_list
from ckpt_ops.vocabularies import document as vocabularies
from ckpt_ops.vocabularies.growth import Grown, Token, advance, empty

VOCABULARIES, ADAPTED = "vocabularies", "adapted"
"""Keys in `Manifest.structure` for name and hash of their objects; missing for models without any."""

Kept = Mapping[str, Named]
"""The objects of a version, by `VOCABULARIES` and `ADAPTED`."""


def given_for(
    pipeline: Pipeline,
    store: Store,
    state: LineageState,
    parent: int | None,
    slices: Iterable[SliceRef],
    *,
    before: Given | None = None,
    rows: SliceRows | None = None,
) -> Given:
    """What `build_model()` is given for a candidate that goes on from `parent` and trains on `slices`.

    A column that has a vocabulary for the first time is counted in all slices of the parent's ancestry. A
    slice that is seen again is not counted again. Adapted values come from the parent; if it has none,
    `adapt()` is called on the rows to train on.

    Args:
        before: what the parent was given, where the store does not have it.
        rows: where slices are read; None: in the store.

    Raises:
        ModelCodeError: `adapt()` raised, or returned something else.
        SliceUnreadable: a slice lacks the column of a vocabulary.
    """
    if not (pipeline.vocabularies or pipeline.adapt):
        return Given()
    refs = tuple(slices)
    rows = rows or StoredRows(pipeline, store)
    if before is None:
        before = Given() if parent is None else of_version(store, pipeline.name, state.versions[parent])
    earlier = tuple(ref for one in state.ancestry(parent) for ref in one.slices)
    return Given(
        vocabularies=_grown(
            pipeline, rows, before.vocabularies, earlier, tuple(ref for ref in refs if ref not in earlier)
        ),
        adapted=(before.adapted or _adapted(pipeline, rows, refs)) if pipeline.adapt else {},
    )


def keep(store: Store, model: str, version: int, given: Given) -> dict[str, Named]:
    """Write them below the version's folder. The same values are the same object."""
    documents: dict[str, bytes] = {}
    if given.vocabularies:
        documents[VOCABULARIES] = vocabularies.encode(model, given.vocabularies)
    if given.adapted:
        documents[ADAPTED] = adapted_values.encode(model, given.adapted)
    found = {}
    for kind, data in documents.items():
        digest = digest_of(data)
        found[kind] = Named(name=f"models/{model}/v{version}/{kind}-{digest[:16]}.json", digest=digest)
        store.put(found[kind].name, data)
    return found


def in_structure(kept: Kept) -> dict[str, dict[str, str]]:
    """What a manifest says of these objects: their names and hashes."""
    return {kind: {"name": named.name, "digest": named.digest} for kind, named in kept.items()}


def of_version(store: Store, model: str, version: VersionState) -> Given:
    """What the model of a trained version was built with. It stays as long as the version's export does.

    Raises:
        ObjectNotFound: it is gone.
        Corrupt: it is not what was kept, or another model's.
    """
    trained = version.trained
    kinds = [kind for kind in (VOCABULARIES, ADAPTED) if trained is not None and kind in trained.artifacts]
    return _read(store, model, {kind: trained.artifact(kind) for kind in kinds} if trained else {})


def pipeline_of(pipeline: Pipeline, store: Store, version: VersionState) -> Pipeline:
    """The pipeline as the version has it, to make rows for its model. Raises as `of_version`."""
    return of_given(pipeline, of_version(store, pipeline.name, version))


def of_manifest(store: Store, manifest: Manifest) -> Given:
    """What the model of a checkpoint was built with. Raises as `of_version`."""
    kept = {}
    for kind in (VOCABULARIES, ADAPTED):
        if kind in manifest.structure:
            with reading(f"the manifest of {manifest.model} v{manifest.version}", "manifest"):
                kept[kind] = read_as(Named, manifest.structure[kind], at=f"structure.{kind}")
    return _read(store, manifest.model, kept)


def _read(store: Store, model: str, kept: Kept) -> Given:
    grown: dict[str, Grown] = {}
    adapted: Adapted = {}
    for kind, named in kept.items():
        data, name = read_named(store, named), f"{store.url}/{named.name}"
        if kind == VOCABULARIES:
            grown = vocabularies.decode(data, name=name, model=model)
        else:
            adapted = adapted_values.decode(data, name=name, model=model)
    return Given(vocabularies=grown, adapted=adapted)


def values_by_row(given: Given) -> dict[str, dict[int, Token]]:
    """The value of each row that has one, by the column of the vocabulary."""
    return {column: grown.by_row for column, grown in given.vocabularies.items()}


def _grown(
    pipeline: Pipeline,
    rows: SliceRows,
    before: Mapping[str, Grown],
    earlier: tuple[SliceRef, ...],
    slices: tuple[SliceRef, ...],
) -> dict[str, Grown]:
    found: dict[str, Grown] = {}
    for settings in pipeline.vocabularies:
        grown = before.get(settings.column)
        for ref in slices if grown is not None else (*earlier, *slices):
            counts = _counts(rows, ref, settings.column)
            grown = advance(empty(settings) if grown is None else grown, settings, counts)
        found[settings.column] = empty(settings) if grown is None else grown
    return found


def _adapted(pipeline: Pipeline, rows: SliceRows, slices: tuple[SliceRef, ...]) -> Adapted:
    tables = [train for ref in slices for train, _ in split_tables(pipeline, rows, ref)]
    table = pa.concat_tables(tables, promote_options="permissive")
    return adapted_values.checked(pipeline.adapt, call(pipeline.adapt, table))


def _counts(rows: SliceRows, ref: SliceRef, column: str) -> dict[Token, int]:
    """The number of rows of the slice that have each value; missing values are not counted."""
    total: Counter[Token] = Counter()
    for table, _ in rows.groups(ref.key, ref.revision, [column]):
        if column not in table.column_names:
            raise SliceUnreadable(
                f"slice {ref.key} has no column {column}, for which the pipeline has a vocabulary",
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
    """The values of rows; of lists, those that are in the list of a row, each once."""
    joined = column.combine_chunks()
    if is_list(joined.type):
        values = {"row": pc.list_parent_indices(joined), "value": pc.list_flatten(joined)}
        joined = pa.table(values).group_by(["row", "value"]).aggregate([])["value"].combine_chunks()
    return joined.dictionary_decode() if pa.types.is_dictionary(joined.type) else joined
