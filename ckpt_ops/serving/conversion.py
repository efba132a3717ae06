"""The process that converts a version and compares it."""

from __future__ import annotations

import platform
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import version as version_of
from pathlib import Path
from typing import Any

from blake3 import blake3

from ckpt_ops.candidates.as_served.exported import exported, served
from ckpt_ops.checkpoints.exports import export_folder
from ckpt_ops.checkpoints.saved_model import positions_in
from ckpt_ops.errors import CkptOpsError, ConversionRefused
from ckpt_ops.lineage import ModelLog, VersionState
from ckpt_ops.lineage.records import now_as_text
from ckpt_ops.outputs import flat, names_of
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.pipeline.code.then import code_of_version
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.serving.comparison import Compared
from ckpt_ops.serving.formats import Format
from ckpt_ops.serving.objects import CONVERSION, conversion_folder, exported_version
from ckpt_ops.serving.onnx_format import ask_onnx, to_onnx
from ckpt_ops.serving.rows import held_out
from ckpt_ops.serving.tflite_format import ask_tflite, to_tflite
from ckpt_ops.short_errors import in_short
from ckpt_ops.store import Store
from ckpt_ops.worker import Ended

_FORMATS = {Format.TFLITE: (to_tflite, ask_tflite), Format.ONNX: (to_onnx, ask_onnx)}


@dataclass(frozen=True, kw_only=True)
class ConversionRequest(ModelRequest):
    """Convert `version`, which may differ by `tolerance`."""

    format: Format
    tolerance: float


@dataclass(frozen=True, kw_only=True)
class ConversionReport:
    """The result, as it is kept in the store: see `convert`."""

    report: Mapping[str, Any]


def run_conversion(
    pipeline: Pipeline,
    store: Store,
    number: int,
    format: Format,
    tolerance: float,
    report: Callable[[str], None],
) -> dict[str, Any]:
    """As `convert`, in a process of its own.

    Raises:
        ConversionRefused: the process ended without an answer.
        CkptOpsError: what it raised, as it raised it.
    """

    def died(ended: Ended) -> CkptOpsError:
        return ConversionRefused(
            f"the process that converts {pipeline.name} v{number} into {format.value} {ended.message}",
            safe="no such file is kept, and nothing was recorded; the version serves on as it was",
            next=f"if it was killed, run the command again; the whole log is {ended.log}",
        )

    request = ConversionRequest(
        pipeline=pipeline.name, store=store.url, version=number, format=format, tolerance=tolerance
    )
    version = exported_version(ModelLog(store, pipeline.name).state(), number)
    with code_of_version(pipeline, store, version) as code:
        found = run_work(
            convert_apart, request, pipeline, named="convert", code=code, report=report, died=died
        )
    return dict(found.report)


def convert_apart(request: ConversionRequest) -> ConversionReport:
    """As `convert`."""
    pipeline, store = request.opened()
    made = convert(pipeline, store, request.version, request.format, request.tolerance)
    return ConversionReport(report=made)


def convert(
    pipeline: Pipeline, store: Store, number: int, format: Format, tolerance: float
) -> dict[str, Any]:
    """Convert the export of version `number`, compare both on the held-out rows, keep what agrees.

    Returns:
        The report: `object` is the converted model's name, "" when it was refused, and `error` then why.
        What was refused leaves nothing in the store. The report is written last: it is the commit.

    Raises:
        BadInput, ObjectNotFound: as `exported_version`; or a slice or the export is gone.
    """
    version = exported_version(ModelLog(store, pipeline.name).state(), number)
    data, compared, error = b"", Compared(), ""
    with exported(store, version) as folder:
        try:
            to_format, ask = _FORMATS[format]
            data = to_format(folder)
            compared = _compare(pipeline, store, version, folder, ask(data, positions_in(folder)))
            error = refusal(compared, tolerance)
        except ConversionRefused as refused:
            error = in_short(refused)
    target = conversion_folder(pipeline.name, number, format.value)
    report = {
        "model": pipeline.name,
        "version": number,
        "candidate": version.candidate,
        "format": format.value,
        "object": "" if error else f"{target}/model.{format.value}",
        "error": error,
        "converted_from": export_folder(version),
        "slices": [{"key": ref.key, "revision": ref.revision} for ref in version.slices],
        "rows": compared.rows,
        "max_abs_difference": compared.max_abs_difference if _finite(compared) else None,
        "equal_decisions": compared.equal_decisions,
        "tolerance": tolerance,
        "bytes": len(data),
        "blake3": blake3(data).hexdigest(),
        "code_digest": code_digest(pipeline),
        "with": _libraries(format),
        "time": now_as_text(),
    }
    if not error:
        exported_version(ModelLog(store, pipeline.name).state(), number)  # a purge may have begun meanwhile
        store.put(f"{target}/model.{format.value}", data)
        store.put(f"{target}/report.json", CONVERSION.encode(report))
    return report


def refusal(compared: Compared, tolerance: float) -> str:
    """Why the converted model is not kept; "" when it is."""
    if not compared.rows:
        return "there is no row to compare it on: examples() drops every held-out one"
    if compared.max_abs_difference <= tolerance:
        return ""
    apart = f"by up to {compared.max_abs_difference:.3g}" if _finite(compared) else "beyond any number"
    return f"on {compared.rows:,} rows it differs from the original {apart}; the tolerance is {tolerance:g}"


def _compare(
    pipeline: Pipeline, store: Store, version: VersionState, folder: Path, converted: Any
) -> Compared:
    original, compared = served(folder), Compared()
    for part in held_out(pipeline, store, version):
        try:
            predicted = converted(part.inputs)
        except Exception as error:
            raise ConversionRefused(f"it was converted, but does not predict: {in_short(error)}") from error
        compared = compared.and_then(
            original(part.inputs),
            predicted,
            binary=not names_of(part.labels) and set(flat(part.labels).ravel()) <= {0, 1},
        )
    return compared


def _finite(compared: Compared) -> bool:
    return bool(compared.rows) and compared.max_abs_difference != float("inf")


def _libraries(format: Format) -> dict[str, str]:
    names = ("tensorflow", *format.packages)
    return {"python": platform.python_version(), **{name: version_of(name) for name in names}}
