"""Removing what nothing refers to, beside writers that may be about to refer to something.

Two things are garbage once they are older than a grace period: manifests that no log commits or whose
version was refused for good, and chunks that no remaining manifest names. Why that takes nothing from
a writer at work:

* what it uploads is younger than the grace period, which is far longer than any save;
* what it counts on without uploading is named by its last committed checkpoint. Its manifest is
  there, because retention removes a manifest only after the next one is committed. If one vanishes
  while the manifests are read, they are read again until none does;
* a chunk that was garbage and that it puts once more was written anew since it was listed, and
  `delete_unchanged` leaves it alone.

What a promoted version needs is never looked at: its last manifest stays, and so do its chunks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ckpt_ops.checkpoints.manifest import Manifest
from ckpt_ops.errors import BadInput, ObjectNotFound
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionStatus
from ckpt_ops.store import Entry, Store

DAY = 24 * 3600.0
_THREADS = 8
_REFUSED = (VersionStatus.REJECTED, VersionStatus.DEFERRED)


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """What would be removed, and what stays.

    Attributes:
        manifests, results, requests, chunks: objects that nothing needs: checkpoints' manifests,
            intermediate results of refused versions, old asks and answers, payload.
        kept_manifests, kept_chunks, kept_bytes: what remains referred to, or is too young to judge.
    """

    manifests: tuple[Entry, ...]
    results: tuple[Entry, ...]
    requests: tuple[Entry, ...]
    chunks: tuple[Entry, ...]
    kept_manifests: int
    kept_chunks: int
    kept_bytes: int

    @property
    def entries(self) -> tuple[Entry, ...]:
        """In the order of removal: what refers before what is referred to."""
        return self.manifests + self.results + self.requests + self.chunks

    @property
    def nbytes(self) -> int:
        return sum(entry.size for entry in self.entries)


def find_garbage(store: Store, *, grace: float = DAY) -> Garbage:
    """Look through the whole store; change nothing.

    Args:
        grace: seconds that an object stays whatever refers to it. Longer than a save may take.

    Raises:
        Corrupt: a manifest cannot be read. Nothing may be judged garbage then.
    """
    if grace < 0:
        raise BadInput("grace", grace, "a number of seconds, at least 0")
    old = time.time() - grace
    while True:
        listed = list(store.list("models/"))
        manifests, results = _refused_or_uncommitted(store, listed, old)
        gone = {entry.name for entry in manifests}
        remaining = [entry.name for entry in listed if _is_manifest(entry.name) and entry.name not in gone]
        named = _chunks_named(store, remaining)
        if named is not None:
            break
    chunks, kept, kept_bytes = [], 0, 0
    for entry in store.list("chunks/"):
        if entry.name.rpartition("/")[2] in named or entry.updated >= old:
            kept, kept_bytes = kept + 1, kept_bytes + entry.size
        elif entry.size:  # an empty one was removed, as far as its server can
            chunks.append(entry)
    return Garbage(
        manifests=manifests,
        results=results,
        requests=tuple(entry for entry in listed if "/requests/" in entry.name and entry.updated < old),
        chunks=tuple(chunks),
        kept_manifests=len(remaining),
        kept_chunks=kept,
        kept_bytes=kept_bytes,
    )


def remove_garbage(
    store: Store, garbage: Garbage, progress: Callable[[Entry], None] = lambda entry: None
) -> tuple[Entry, ...]:
    """Remove `garbage`; what was written anew since it was found stays. Returns what was removed."""
    removed = []
    with ThreadPoolExecutor(_THREADS) as pool:
        for group in (garbage.manifests, garbage.results + garbage.requests, garbage.chunks):
            for entry, done in zip(group, pool.map(store.delete_unchanged, group), strict=True):
                progress(entry)
                if done:
                    removed.append(entry)
    return tuple(removed)


def _refused_or_uncommitted(
    store: Store, listed: list[Entry], old: float
) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Old manifests that nobody can resume from, and old intermediate results of refused versions."""
    manifests, results = [], []
    for model, version, entries in _by_version(listed):
        state = ModelLog(store, model).state()
        refused = _is_refused(state, version)
        committed = {commit.manifest for commit in CandidateLog(store, model, version).progress().commits}
        for entry in entries:
            if entry.updated >= old:
                continue
            if _is_manifest(entry.name) and (refused or entry.name not in committed):
                manifests.append(entry)
            elif refused and "/intermediate_results/" in entry.name:
                results.append(entry)
    return tuple(manifests), tuple(results)


def _by_version(listed: list[Entry]) -> Iterator[tuple[str, int, list[Entry]]]:
    found: dict[tuple[str, int], list[Entry]] = {}
    for entry in listed:
        match entry.name.split("/"):
            case ["models", model, folder, step, *_] if step.startswith("iter_num="):
                found.setdefault((model, int(folder.removeprefix("v"))), []).append(entry)
    for (model, version), entries in sorted(found.items()):
        yield model, version, entries


def _is_manifest(name: str) -> bool:
    return "/iter_num=" in name and name.rpartition("/")[2].startswith("manifest-")


def _is_refused(state: LineageState, version: int) -> bool:
    return version in state.versions and state.versions[version].status in _REFUSED


def _chunks_named(store: Store, manifests: list[str]) -> set[str] | None:
    """Digests that `manifests` name; None when one of them has vanished since it was listed."""

    def read(name: str) -> tuple[str, ...]:
        return Manifest.decode(store.get(name), name=f"{store.url}/{name}").chunks

    try:
        with ThreadPoolExecutor(_THREADS) as pool:
            return {chunk for chunks in pool.map(read, manifests) for chunk in chunks}
    except ObjectNotFound:
        return None
