"""Promoted versions where a model server looks: `models/{model}/serving/{version}/`.

The layout is TensorFlow Serving's own: a folder per version, the highest number is served. Publishing
follows the log and may be repeated: it copies the head's export and removes the folders of
versions that are no longer in the head's ancestry, so that after a rollback the highest is the head.
`saved_model.pb`, without which a server ignores the folder, is copied last. What is copied is what the
version's record names, by hash; an export that was overwritten is not served.
"""

from __future__ import annotations

from collections.abc import Mapping

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.exports import COMPLETE, export_files, read_file
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.store import Store


def publish(store: Store, model: str, state: LineageState, *, compare: bool = False) -> tuple[str, ...]:
    """Make the serving folder match the log; returns the names of what was written or removed.

    Args:
        compare: also read the published files of every version that is served, and replace what differs.

    Raises:
        ObjectNotFound, Corrupt: an export that has to be copied is gone, or differs from what was recorded.
    """
    root = serving_folder(model)
    present = {entry.name: entry.size for entry in store.list(root)}
    line = {str(version.version): version for version in state.ancestry(state.head)}
    changed = []
    for name in sorted(present):
        if name.removeprefix(root).partition("/")[0] not in line:
            store.delete(name)
            changed.append(name)
    for number, version in line.items():
        served = {name: size for name, size in present.items() if name.startswith(f"{root}{number}/")}
        if version.version == state.head or (compare and served):
            changed += _make_whole(store, version, f"{root}{number}/", served, compare=compare)
    return tuple(changed)


def serving_folder(model: str) -> str:
    """Where versions are served from, with a slash at its end."""
    return f"models/{model}/serving/"


def check_whole(store: Store, version: VersionState) -> None:
    """Check a version before it goes into production: its last manifest and its export are what was recorded.

    A version that older code trained has no hashes to compare with, and is taken as it is.

    Raises:
        ObjectNotFound, Corrupt: one of them is gone, or differs.
    """
    trained = version.trained
    if trained is not None and trained.manifest_digest:
        load_manifest(store, trained.final)
    if trained is not None and trained.files:
        for file in export_files(store, version):
            read_file(store, file)


def _make_whole(
    store: Store, version: VersionState, target: str, served: Mapping[str, int], *, compare: bool
) -> list[str]:
    """Copy what is missing or differs in size; returns the names of what was written or removed."""
    written, files = [], export_files(store, version)
    if not any(file.path == COMPLETE for file in files):
        return []  # it has no export; what is served of it, if anything, is all there is
    for file in files:
        name = f"{target}{file.path}"
        if name in served and file.size in (None, served[name]) and not compare:
            continue
        data = read_file(store, file)
        if name not in served or store.get(name) != data:
            store.put(name, data)
            written.append(name)
    surplus = served.keys() - {f"{target}{file.path}" for file in files} if compare else set()
    for name in sorted(surplus):
        store.delete(name)
    return [*written, *sorted(surplus)]
