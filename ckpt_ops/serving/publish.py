"""Promoted versions where a model server looks: `models/{model}/serving/{version}/`.

The layout is TensorFlow Serving's own: a folder a version, the highest number is served. Publishing
follows the log and may be repeated: it copies the head's export and takes away the folders of
versions that are no longer in the head's ancestry, so that after a rollback the highest is the head.
`saved_model.pb`, without which a server ignores the folder, is copied last.
"""

from __future__ import annotations

from ckpt_ops.lineage import LineageState
from ckpt_ops.store import Store


def publish(store: Store, model: str, state: LineageState) -> None:
    """Make the serving folder what the log says."""
    root = f"models/{model}/serving/"
    present = {entry.name for entry in store.list(root)}
    kept = {str(version.version) for version in state.ancestry(state.head)}
    for name in sorted(present):
        if name.removeprefix(root).partition("/")[0] not in kept:
            store.delete(name)
    if state.head is None:
        return
    trained = state.versions[state.head].trained
    export = trained.artifacts.get("export") if trained else None
    if export is None:
        return
    names = [entry.name for entry in store.list(f"{export}/")]
    for name in sorted(names, key=lambda name: name.endswith("saved_model.pb")):
        target = f"{root}{state.head}/{name.removeprefix(f'{export}/')}"
        if target not in present:
            store.put(target, store.get(name))
