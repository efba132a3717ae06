"""Which objects go when versions are removed for good: their checkpoints, and all that was made of them.

Chunks are shared, and no manifest names those of checkpoints that retention dropped on the way to a version.
So every chunk goes that no manifest names once those of the versions are gone, as garbage collection finds
it (`garbage`), and that was written before the versions had ended. Beside writers at work:

* a training that begins now writes later than that;
* one that runs already may have uploaded a chunk and not yet the manifest that names it. While there is
  one, chunks younger than a day are spared, and left to garbage collection;
* `delete_unchanged` leaves a chunk alone that somebody writes again after it was listed.
"""

from __future__ import annotations

import time
from collections.abc import Collection
from dataclasses import dataclass

from ckpt_ops.checkpoints.garbage import DAY, find_garbage
from ckpt_ops.checkpoints.requests import ANSWER
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.lineage.candidate_log import with_logs
from ckpt_ops.store import Entry, Store


@dataclass(frozen=True, kw_only=True)
class OfVersions:
    """What would be removed, in order: what refers before what is referred to.

    Attributes:
        objects: served files, manifests, intermediate results, predictions, exports, answers to requests.
        chunks: payload that nobody else names.
        spared: such chunks that may belong to a save under way; left to garbage collection.
    """

    objects: tuple[Entry, ...]
    chunks: tuple[Entry, ...]
    spared: tuple[Entry, ...]


def objects_of(store: Store, model: str, versions: Collection[int]) -> OfVersions:
    """What goes with `versions` of a model. Their logs stay: they show what happened, and hold no weights.

    Raises:
        Corrupt: a manifest that stays cannot be read. Then nobody can tell which chunks it needs.
    """
    root = f"models/{model}/"
    listed = list(store.list(root)) if versions else []
    going = [entry for entry in listed if _belongs(store, entry.name, root, versions)]
    # checked first: a training that begins later writes later than all of these versions did
    at_work = bool(versions) and _somebody_trains(store, model, versions)
    ended = max((entry.updated for entry in listed if _version_of(entry.name, root) in versions), default=0.0)
    unnamed: list[Entry] = []
    if versions:
        left = find_garbage(store, grace=0.0, without={entry.name for entry in going})
        unnamed = [entry for entry in left.chunks if entry.updated <= ended]
    old = time.time() - DAY
    return OfVersions(
        objects=tuple(sorted(going, key=lambda entry: "/serving/" not in entry.name)),
        chunks=tuple(entry for entry in unnamed if entry.updated < old or not at_work),
        spared=tuple(entry for entry in unnamed if entry.updated >= old and at_work),
    )


def _somebody_trains(store: Store, model: str, versions: Collection[int]) -> bool:
    """Another version has an attempt that has not ended, as far as its log says."""
    found = with_logs(entry.name for entry in store.list("models/"))
    for name, number in sorted(found - {(model, version) for version in versions}):
        progress = CandidateLog(store, name, number).progress()
        if progress.attempts and progress.result is None:
            return True
    return False


def _version_of(name: str, root: str) -> int | None:
    folder = name.removeprefix(root).partition("/")[0]
    return int(folder[1:]) if folder[:1] == "v" and folder[1:].isdigit() else None


def _belongs(store: Store, name: str, root: str, versions: Collection[int]) -> bool:
    match name.removeprefix(root).split("/"):
        case ["serving", number, *_] if number.isdigit():
            return int(number) in versions
        case ["requests", answer] if answer.endswith(".answer.json"):
            return ANSWER.decode(store.get(name), name=name).get("version") in versions
        case [_, kind, *_]:
            return _version_of(name, root) in versions and kind != "log"
    return False
