"""How far a slice has drifted from what the champion consumed last, for policies that ask. Needs no model."""

from __future__ import annotations

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.intake.reference import reference_for
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.policies import ColumnDrift, DriftNeed
from ckpt_ops.slices import StagedSlice, load_manifest
from ckpt_ops.slices.reading import staged_as_declared
from ckpt_ops.store import Store
from ckpt_ops.validation.custom import Reference
from ckpt_ops.validation.custom.columns import is_category, is_number
from ckpt_ops.validation.custom.comparing import binned, gap
from ckpt_ops.validation.custom.findings import NotEvaluated
from ckpt_ops.validation.custom.reference import MOST_ROWS, Reading
from ckpt_ops.validation.custom.thinning import thinned

BINS = 10
"""Usual with PSI's limits, and validation's default."""


def measure_drift(
    intake: Intake, store: Store, state: LineageState, ref: SliceRef, need: DriftNeed
) -> dict[str, ColumnDrift]:
    """By column, how far slice `ref` is from the newest slices that the champion consumed.

    Both sides are sampled as validation samples them, a column at a time: memory holds one column. Both are
    as models see them: a column that a slice lacks by its time has its default.

    Raises:
        BadInput: a column is not there, or holds neither numbers, text nor booleans.
    """
    manifest = load_manifest(store, intake.source.name, ref.key, ref.revision)
    with (
        staged_as_declared(store, intake.source, manifest) as rows,
        reference_for(store, intake, state, manifest, fill=True) as reference,
    ):
        return {
            name: column_drift(name, rows, reference, last=need.reference_slices)
            for name in _columns(rows.schema, ref, need)
        }


def column_drift(name: str, rows: StagedSlice, reference: Reference, *, last: int) -> ColumnDrift:
    """One column of a slice against the `last` newest slices of a reference."""
    kind = _plain(rows.schema.field(name).type)
    try:
        if not rows.rows:
            raise NotEvaluated("the slice has no rows")
        expected = Reading(reference).sample(name, last).values
        arrays, _ = thinned((_decoded(batch.column(0)) for batch in rows.batches([name])), most=MOST_ROWS)
        found = pa.chunked_array(arrays, kind)
        if not _comparable(expected.type):
            raise NotEvaluated(f"{name} was {expected.type} in the consumed slices")
        counted = binned(name, expected, found, bins=BINS)
    except NotEvaluated as reason:
        return ColumnDrift(psi=None, number=_is_number(kind), not_compared=str(reason))
    psi, noise = counted.psi(), counted.noise()
    if not (_is_number(kind) and _is_number(expected.type)):
        return ColumnDrift(psi=psi, psi_noise=noise, number=_is_number(kind))
    try:
        apart = gap(name, expected, found)
    except NotEvaluated:  # one side is all null: what PSI sees, D leaves out
        return ColumnDrift(psi=psi, psi_noise=noise)
    return ColumnDrift(psi=psi, psi_noise=noise, ks=apart.d, ks_noise=apart.noise)


def _columns(schema: pa.Schema, ref: SliceRef, need: DriftNeed) -> list[str]:
    able = [field.name for field in schema if _comparable(field.type)]
    for name in need.columns:
        if name not in able:
            what = "holds neither numbers, text nor booleans" if name in schema.names else "is not there"
            raise BadInput(
                "Drift.columns",
                name,
                f"columns of slice {ref.key} that can be compared: {', '.join(able) or 'none'}; it {what}",
                next="name other columns in Drift(columns=...) of the pipeline's update_when",
            )
    return list(need.columns) or able


def _comparable(kind: pa.DataType) -> bool:
    return _is_number(kind) or is_category(pa.array([], _plain(kind)))


def _is_number(kind: pa.DataType) -> bool:
    return is_number(pa.array([], _plain(kind)))


def _plain(kind: pa.DataType) -> pa.DataType:
    """The type of the values, whether or not they are encoded by a dictionary."""
    return kind.value_type if pa.types.is_dictionary(kind) else kind


def _decoded(array: pa.Array) -> pa.Array:
    return array.dictionary_decode() if pa.types.is_dictionary(array.type) else array
