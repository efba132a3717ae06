"""Are exports, kept predictions and what is served still what was written when their version was trained?

Each file that a version's record names is read and hashed again. What is served is compared with the record,
too: a folder of a version that is not in the head's line would be served in the head's place, if its number
is larger. Older records name no files: the export is read, and only what is served is compared, with the
export.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from ckpt_ops.checkpoints.exports import COMPLETE, ExportFile, export_digest, export_files, export_folder
from ckpt_ops.checkpoints.verify import Condition
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.store import Store
from ckpt_ops.store.named import check_named, read_named


@dataclass(frozen=True, kw_only=True)
class CheckedFiles:
    """Files of a version, and how they were found.

    Attributes:
        kind: "export", "served", or what an artifact that is one object is called, such as "predictions".
        folder: where they lie, or the object.
        files, nbytes: how many were read, and what they hold together.
        hashed: the record names them by hash; False: it is older than hashes.
        problems: what is wrong and in which object, a line each.
    """

    version: int
    kind: str
    folder: str
    condition: Condition
    files: int = 0
    nbytes: int = 0
    hashed: bool = True
    problems: tuple[str, ...] = ()


def verify_files(store: Store, state: LineageState, versions: Iterable[int]) -> tuple[CheckedFiles, ...]:
    """What was written for `versions` beside their checkpoints, and what is served of them, in order.

    Raises:
        BadInput: there is no such version.
        StoreUnavailable, StoreForbidden: the store could not be read; no file has a result.
    """
    purged = {number for one in state.purged.values() for number in one.versions}
    line = {version.version for version in state.ancestry(state.head)}
    asked = [state.version(number) for number in versions]
    found: list[CheckedFiles] = []
    for version in asked:
        found += _artifacts(store, version, gone=version.version in purged)
        found += _served(store, state, version, in_line=version.version in line)
    return (*found, *_unknown(store, state))


def _artifacts(store: Store, version: VersionState, *, gone: bool) -> Iterator[CheckedFiles]:
    trained = version.trained
    if trained is None:
        return
    files, folder = export_files(store, version), export_folder(version)
    if files and folder is not None:
        promoted = version.promoted.export_digest if version.promoted else ""
        problems = (
            [] if promoted in ("", export_digest(trained)) else [_not_promoted(version.version, folder)]
        )
        yield _checked(store, version.version, "export", folder, files, gone=gone, problems=problems)
    for kind, name in trained.artifacts.items():
        named = trained.artifact(kind)
        if kind != "export" and named.digest:
            file = ExportFile(path="", object=named)
            yield _checked(store, version.version, kind, name, [file], gone=gone)


def _checked(
    store: Store,
    version: int,
    kind: str,
    folder: str,
    files: Sequence[ExportFile],
    *,
    gone: bool,
    problems: Sequence[str] = (),
) -> CheckedFiles:
    wrong, missing, nbytes = list(problems), [], 0
    for file in files:
        try:
            nbytes += len(read_named(store, file.object))
        except ObjectNotFound as error:
            missing.append(error.what)
        except Corrupt as error:
            wrong.append(error.what)
    purged = gone and len(missing) == len(files) and not wrong
    condition = Condition.OK
    if purged or missing or wrong:
        condition = Condition.PRUNED if purged else Condition.DAMAGED
    return CheckedFiles(
        version=version,
        kind=kind,
        folder=folder,
        condition=condition,
        files=len(files) - len(missing),
        nbytes=nbytes,
        hashed=all(file.object.digest for file in files),
        problems=() if purged else (*wrong, *missing),
    )


def _served(
    store: Store, state: LineageState, version: VersionState, *, in_line: bool
) -> Iterator[CheckedFiles]:
    """One result if something is below `serving/N/`, or has to be: for the head."""
    folder = f"models/{state.model}/serving/{version.version}"
    there = {entry.name.removeprefix(f"{folder}/") for entry in store.list(f"{folder}/")}
    files = {file.path: file for file in export_files(store, version)}
    is_head = version.version == state.head and COMPLETE in files
    if not there and not is_head:
        return
    problems, nbytes = [], 0
    if not in_line:
        problems.append(f"{store.url}/{folder}/ is served, but v{version.version} is not in the head's line")
    for path in sorted(files.keys() - there):
        problems.append(f"no object {store.url}/{folder}/{path}")
    for path in sorted(there):
        name = f"{folder}/{path}"
        data = store.get(name)
        nbytes += len(data)
        problem = _unlike(store, name, data, files.get(path)) if files else ""
        problems += [problem] if problem else []
    yield CheckedFiles(
        version=version.version,
        kind="served",
        folder=folder,
        condition=Condition.DAMAGED if problems else Condition.OK,
        files=len(there),
        nbytes=nbytes,
        hashed=bool(files) and all(file.object.digest for file in files.values()),
        problems=tuple(problems),
    )


def _unknown(store: Store, state: LineageState) -> Iterator[CheckedFiles]:
    """Folders that a model server takes for versions although there are no such versions."""
    root = f"models/{state.model}/serving/"
    folders = {entry.name.removeprefix(root).partition("/")[0] for entry in store.list(root)}
    for name in sorted(folders):
        if name.isdecimal() and (int(name) not in state.versions or name != str(int(name))):
            yield CheckedFiles(
                version=int(name),
                kind="served",
                folder=f"{root}{name}",
                condition=Condition.DAMAGED,
                problems=(f"{store.url}/{root}{name}/ is served, but there is no such version",),
            )


def _unlike(store: Store, name: str, data: bytes, file: ExportFile | None) -> str:
    """How a served file differs from the export's; "" when it does not."""
    if file is None:
        return f"{store.url}/{name} is not a file of the export"
    try:
        if file.object.digest:
            check_named(store, file.object, data)
        elif data != store.get(file.object.name):
            return f"{store.url}/{name} differs from {file.object.name}"
    except Corrupt:
        return f"{store.url}/{name} is not the {file.path} that was recorded for the export"
    except ObjectNotFound as error:
        return error.what
    return ""


def _not_promoted(version: int, folder: str) -> str:
    return f"the promotion of v{version} names a different export than its training left in {folder}"
