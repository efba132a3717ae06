"""A version in another format, on request: converted, compared on real rows, recorded.

A repeated request finds what is there. A refused conversion is recorded, too, and tried again on request.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ckpt_ops import checks
from ckpt_ops.errors import ConversionRefused, ObjectNotFound
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import Converted, Record
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.serving.conversion import run_conversion
from ckpt_ops.serving.formats import Format, check_installed
from ckpt_ops.serving.objects import (
    CONVERSION,
    conversion_folder,
    exported_version,
    is_leaving,
    remove_if_leaving,
)
from ckpt_ops.store import Store

TOLERANCE = 1e-4
"""For predictions in float32: an operator's rounding, summed over a network, stays well below it."""


def convert(
    pipeline: Pipeline,
    store: Store,
    number: int,
    format: Format,
    *,
    tolerance: float = TOLERANCE,
    why: str = "",
    report: Callable[[str], None] = print,
) -> dict[str, Any]:
    """Convert version `number`, unless that is done, and record it in the model's log.

    Args:
        why: the reason, where a person gave one; the log keeps it.

    Returns:
        The report, as `conversion.convert` made it; `found`: whether it was there before.

    Raises:
        BadInput: no such version, or it has no export; packages that the format needs are missing; or the
            tolerance is not a number of at least 0.
        ConversionRefused: it cannot be converted, or not within the tolerance. The log has the reason.
    """
    checks.number("tolerance", tolerance, at_least=0, allowed="a number of at least 0, such as 1e-4")
    log = ModelLog(store, pipeline.name)
    state = log.state()
    remove_if_leaving(store, state, number, conversion_folder(pipeline.name, number, format.value))
    exported_version(state, number)
    made = _find(store, pipeline.name, number, format)
    found = made is not None
    if made is None:
        check_installed(format)
        made = run_conversion(pipeline, store, number, format, tolerance, report)
    record = Converted(
        version=number,
        format=format.value,
        object=made["object"],
        rows=made["rows"],
        max_abs_difference=made["max_abs_difference"],
        error=made["error"],
        reason=why,
    )
    _record(log, store, record)
    error = made["error"]
    if found and made["max_abs_difference"] > tolerance:
        error = f"it is kept, but differs by {made['max_abs_difference']:.3g}; the tolerance is {tolerance:g}"
    if error:
        raise ConversionRefused(
            f"{pipeline.name} v{number} as {format.value}: {error}",
            safe="what is kept stays as it was" if found else "no such file is kept; the version serves on",
            next=f"ckpt-ops log {pipeline.name} has the record; "
            "docs/how-to/serve.md lists what can be converted",
        )
    return {**made, "found": found}


def _find(store: Store, model: str, number: int, format: Format) -> dict[str, Any] | None:
    name = f"{conversion_folder(model, number, format.value)}/report.json"
    try:
        data = store.get(name)
    except ObjectNotFound:
        return None
    return CONVERSION.decode(data, name=name)


def _record(log: ModelLog, store: Store, record: Converted) -> None:
    """Record it once. When a purge of the version began meanwhile, it may not know the files: remove them."""

    def choose(state: LineageState) -> Record | None:
        if is_leaving(state, record.version):
            return None
        known = state.converted.get(f"{record.version} {record.format}")
        return None if known is not None and record.object and known.object == record.object else record

    state = log.decide(choose)
    if is_leaving(state, record.version):
        folder = conversion_folder(log.model, record.version, record.format)
        remove_if_leaving(store, state, record.version, folder)
        exported_version(state, record.version)
