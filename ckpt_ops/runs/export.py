"""`export`: a version in another format, in the store, because a person asked for it."""

from __future__ import annotations

from collections.abc import Callable

from ckpt_ops.checkpoints.export import Format as Exports
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import ExportedVersion
from ckpt_ops.serving.convert import TOLERANCE, convert
from ckpt_ops.serving.exporting import export_to_store
from ckpt_ops.serving.formats import Format as Conversions
from ckpt_ops.serving.in_store import let_in
from ckpt_ops.serving.on_request import CONVERSIONS
from ckpt_ops.store import Store


def export(
    pipeline: Pipeline,
    store: Store,
    version: int,
    format: str,
    *,
    why: str,
    step: int | None = None,
    tolerance: float = TOLERANCE,
    report: Callable[[str], None] = print,
) -> ExportedVersion:
    """Export the version, or convert it, unless that is done.

    Args:
        format: one of `serving.on_request.FORMATS`.
        why: the reason; the log keeps it.
        step: of the checkpoint that is exported; None: the last. A conversion is always of the last.
        tolerance: of a conversion: the largest difference that a prediction may have.
        report: called with each line that the work tells.

    Raises:
        BadInput: the version cannot be written so.
        ExportFailed, ConversionRefused: the format cannot hold it.
    """
    let_in(store, ModelLog(store, pipeline.name).state(), version, format, step=step)
    if format in CONVERSIONS:
        made = convert(
            pipeline, store, version, Conversions(format), tolerance=tolerance, why=why, report=report
        )
        return ExportedVersion(
            model=pipeline.name,
            version=version,
            format=format,
            object=made["object"],
            nbytes=made["bytes"],
            found=made["found"],
            rows=made["rows"],
            max_abs_difference=made["max_abs_difference"],
        )
    kept = export_to_store(pipeline, store, version, Exports(format), step=step, why=why, note=report)
    return ExportedVersion(
        model=pipeline.name,
        version=version,
        format=format,
        object=kept.report.object,
        nbytes=kept.report.nbytes,
        found=kept.found,
    )
