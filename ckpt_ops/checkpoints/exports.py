"""A version's export, read back as it was written: the SavedModel that was evaluated, file by file.

The record of a training names each file by hash and size, and the promotion names all of them by one hash.
Whoever serves, queries or copies an export reads it here, and gets what was recorded or an error. Older
records name only a folder: the files that are there are read, and nobody can tell whether they are the
right ones.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import blake3

from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.lineage import VersionState
from ckpt_ops.lineage.records import CandidateTrained
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named, read_named

COMPLETE = "saved_model.pb"
"""Without this file, no model server takes a folder for a model: it is read, and so written, last."""


@dataclass(frozen=True, kw_only=True)
class ExportFile:
    """A file of an export.

    Attributes:
        path: below the export's folder.
        size: bytes; None where an older record does not hold it.
    """

    path: str
    object: Named
    size: int | None = None


def export_folder(version: VersionState) -> str | None:
    """The folder of the export; None for a version without one."""
    return version.trained.artifacts.get("export") if version.trained else None


def export_digest(trained: CandidateTrained) -> str:
    """One hash over all files of the export, by path, size and content; "" for older records."""
    folder = f"{trained.artifacts.get('export')}/"
    files = sorted((one for one in trained.files if one.name.startswith(folder)), key=lambda one: one.name)
    lines = [f"{one.name.removeprefix(folder)}\0{one.size}\0{one.digest}\n" for one in files]
    return blake3.blake3("".join(lines).encode()).hexdigest() if lines else ""


def export_files(store: Store, version: VersionState) -> tuple[ExportFile, ...]:
    """The files that the version's record names; if it names none, those that are there.

    `COMPLETE` is the last. Empty: the version has no export, or none could be made of it.
    """
    trained, folder = version.trained, export_folder(version)
    if trained is None or folder is None:
        return ()
    prefix = f"{folder}/"
    found = [
        ExportFile(path=one.name.removeprefix(prefix), object=one.named, size=one.size)
        for one in trained.files
        if one.name.startswith(prefix)
    ]
    if not trained.files:
        found = [
            ExportFile(path=entry.name.removeprefix(prefix), object=Named(name=entry.name))
            for entry in store.list(prefix)
        ]
    return tuple(sorted(found, key=lambda one: (one.path == COMPLETE, one.path)))


def read_file(store: Store, file: ExportFile) -> bytes:
    """The bytes that were written there.

    Raises:
        ObjectNotFound: the file is gone.
        Corrupt: its bytes differ from what was written.
    """
    try:
        return read_named(store, file.object)
    except ObjectNotFound as error:
        raise _gone(f"{store.url.rstrip('/')}/{file.object.name}, a file of an export, is missing") from error


def read_export(store: Store, version: VersionState) -> Iterator[tuple[str, bytes]]:
    """Path and bytes of each file, `COMPLETE` last; one at a time, each compared with the record.

    Raises:
        ObjectNotFound, Corrupt: as `read_file`; or there is no SavedModel.
    """
    files = export_files(store, version)
    if not any(file.path == COMPLETE for file in files):
        folder = export_folder(version) or f"version {version.version}"
        raise _gone(f"{store.url.rstrip('/')}/{folder} holds no SavedModel")
    for file in files:
        yield file.path, read_file(store, file)


def fetch_export(store: Store, version: VersionState, folder: Path) -> None:
    """Copy the export into a folder on this machine.

    Raises:
        ObjectNotFound, Corrupt: as `read_export`. What was copied before that is no complete SavedModel.
    """
    for path, data in read_export(store, version):
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(data)


def _gone(what: str) -> ObjectNotFound:
    return ObjectNotFound(
        what,
        safe="nothing was made from it; the champion serves on",
        next="restore it from a replica or from the bucket's versions, or choose a version with an export",
    )
