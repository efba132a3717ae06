"""A checkpoint in a format of another library, kept in the store on request, and recorded."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from ckpt_ops.checkpoints import read_tensors
from ckpt_ops.checkpoints.committed import committed_manifest
from ckpt_ops.checkpoints.export import Format, export_tensors
from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.file_contents import contents
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import Exported, Record
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.serving.checkpoint_export import run_export
from ckpt_ops.serving.in_store import let_in
from ckpt_ops.serving.objects import is_leaving, remove_if_leaving
from ckpt_ops.serving.on_request import check, exported_folder, place_of
from ckpt_ops.store import Store

REPORT = DocumentKind(what="report on an export")
"""`report.json` beside what was exported; written last, it says that all of it is there."""


@dataclass(frozen=True, kw_only=True)
class ExportReport:
    """What was written.

    Attributes:
        object: name of the object, or of the folder.
        files: how many objects it has, and `nbytes` of all of them.
    """

    model: str
    version: int
    format: str
    step: int
    object: str
    files: int
    nbytes: int


@dataclass(frozen=True, kw_only=True)
class Kept:
    """The report; `found`: it was there before."""

    report: ExportReport
    found: bool


def export_to_store(
    pipeline: Pipeline,
    store: Store,
    number: int,
    format: Format,
    *,
    step: int | None = None,
    why: str = "",
    note: Callable[[str], None] = print,
) -> Kept:
    """Write the committed checkpoint at `step`, by default the last, unless that is done, and record it.

    Args:
        why: the reason; the log keeps it.
        note: gets what a person should know of it.

    Raises:
        BadInput: as `on_request.check`; or no checkpoint was committed at that step.
        ExportFailed: it cannot be written in this format.
    """
    log = ModelLog(store, pipeline.name)
    step = let_in(store, log.state(), number, format.value, step=step)
    folder = exported_folder(pipeline.name, number, format.value, step)
    report = _find(store, folder)  # first: of a version that was pruned since, it is all that there is
    found = report is not None
    if report is None:
        manifest = committed_manifest(store, pipeline.name, number, step=step)
        place = place_of(pipeline.name, number, format.value, manifest.step)
        with tempfile.TemporaryDirectory(prefix="ckpt-ops-export-") as there:
            out = Path(there) / Path(place).name
            if format.needs_model:
                run_export(pipeline, store, number, manifest.step, format, out, note)
            else:
                about = {"model": pipeline.name, "version": str(number), "step": str(manifest.step)}
                export_tensors(read_tensors(store, manifest), out, about=about)
            files, nbytes = _keep(store, out, place)
        report = ExportReport(
            model=pipeline.name,
            version=number,
            format=format.value,
            step=manifest.step,
            object=place,
            files=files,
            nbytes=nbytes,
        )
        store.put(f"{folder}/report.json", REPORT.encode(report))
    _record(log, store, report, folder, why)
    return Kept(report=report, found=found)


def _keep(store: Store, out: Path, place: str) -> tuple[int, int]:
    """Copy the file, or the folder, and say how many objects of how many bytes it is."""
    paths = sorted(path for path in out.rglob("*") if path.is_file()) if out.is_dir() else [out]
    nbytes = 0
    for path in paths:
        name = place if path == out else f"{place}/{path.relative_to(out).as_posix()}"
        size = path.stat().st_size
        nbytes += size
        if size == 0:  # of an empty file there is no memory map
            store.put(name, b"")
            continue
        with contents(path) as data:
            store.put(name, data)
    return len(paths), nbytes


def _find(store: Store, folder: str) -> ExportReport | None:
    name = f"{folder}/report.json"
    try:
        return REPORT.read(ExportReport, store.get(name), name=name)
    except ObjectNotFound:
        return None


def _record(log: ModelLog, store: Store, report: ExportReport, folder: str, why: str) -> None:
    """Record it once. When a purge of the version began meanwhile, it may not know the files: remove them."""
    record = Exported(
        version=report.version,
        format=report.format,
        step=report.step,
        object=report.object,
        files=report.files,
        nbytes=report.nbytes,
        reason=why,
    )

    def choose(state: LineageState) -> Record | None:
        gone = is_leaving(state, record.version)
        return None if gone or record.key in state.exported else record

    state = log.decide(choose)
    if is_leaving(state, record.version):
        remove_if_leaving(store, state, record.version, folder)
        check(state, record.version, record.format)
