"""Removing what nothing refers to, beside writers that may be about to refer to something.

Two things are garbage once they are older than a grace period: manifests that no log commits or whose
version was rejected for good or dropped by retention, and chunks that no remaining manifest names. This
takes nothing from a writer at work:

* what it uploads is younger than the grace period, which is far longer than any save;
* what it counts on without uploading is named by its last committed checkpoint. The log says which one
  that is, not a listing: while one manifest is written and another removed, a listing may miss both.
  Its manifest is there, because retention removes one only after the next is committed. If one
  vanishes while the manifests are read, everything is read again until none does;
* a chunk that was garbage and that it uploads again was rewritten since it was listed, and
  `delete_unchanged` leaves it alone.

What a promoted version needs is never garbage, unless the log says that it was dropped: its last manifest
stays, and so do its chunks.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from ckpt_ops import checks
from ckpt_ops.checkpoints.restore import load_manifest
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.lineage import CandidateLog, ModelLog
from ckpt_ops.lineage.candidate_log import Commit, with_logs
from ckpt_ops.store import Entry, Store
from ckpt_ops.store.named import Named

DAY = 24 * 3600.0
_THREADS = 8


@dataclass(frozen=True, kw_only=True)
class Garbage:
    """What would be removed, and what stays.

    Attributes:
        manifests, results, requests, chunks: objects that nothing needs: checkpoints' manifests,
            intermediate results of rejected versions, old save requests, answers and reports of a
            training's progress, payload.
        kept_manifests, kept_chunks, kept_bytes: what is still referred to, or too young to be garbage.
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


def find_garbage(store: Store, *, grace: float = DAY, without: Collection[str] = ()) -> Garbage:
    """Search the whole store; change nothing.

    Args:
        grace: seconds that an object stays even if nothing refers to it. Longer than a save may take.
        without: objects to ignore, as if they were gone.

    Raises:
        Corrupt: a manifest cannot be read, or is not the one that was committed. Then nothing may be called
            garbage: it might be chunks of the right one.
    """
    checks.number("grace", grace, at_least=0, endless=True, allowed="a number of seconds, at least 0")
    old = time.time() - grace
    while True:
        listed = [entry for entry in store.list("models/") if entry.name not in without]
        versions = _versions(store, listed)
        manifests, results = _no_longer_needed(listed, versions, old)
        gone = {entry.name for entry in manifests}
        remaining = {entry.name for entry in listed if _is_manifest(entry.name)} - gone
        remaining |= {version.needed for version in versions if version.needed} - {*without}
        digests = {commit.manifest: commit.digest for version in versions for commit in version.commits}
        named, vanished = _chunks_named(
            store, [Named(name=name, digest=digests.get(name, "")) for name in sorted(remaining)]
        )
        if not vanished or not any(version.has_moved(store) for version in versions):
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
        requests=tuple(entry for entry in listed if _is_message(entry.name) and entry.updated < old),
        chunks=tuple(chunks),
        kept_manifests=len(remaining) - vanished,
        kept_chunks=kept,
        kept_bytes=kept_bytes,
    )


def remove_garbage(
    store: Store, garbage: Garbage, progress: Callable[[int, int], None] = lambda done, of: None
) -> tuple[Entry, ...]:
    """Remove `garbage`; a chunk that was rewritten since it was found stays. Returns what was removed.

    Args:
        progress: told after each object how many of how many are done; from this thread.
    """

    def remove(entry: Entry) -> bool:
        if entry in chunks:
            return store.delete_unchanged(entry)
        store.delete(entry.name)  # its name carries an id: nobody writes it again
        return True

    removed, chunks, done = [], set(garbage.chunks), 0
    with ThreadPoolExecutor(_THREADS) as pool:
        for group in (garbage.manifests, garbage.results + garbage.requests, garbage.chunks):
            for entry, gone in zip(group, pool.map(remove, group), strict=True):
                done += 1
                progress(done, len(garbage.entries))
                if gone:
                    removed.append(entry)
    return tuple(removed)


@dataclass(frozen=True, kw_only=True)
class _Version:
    """A version's checkpoints, by the logs."""

    model: str
    version: int
    spent: bool
    dropped: bool
    commits: tuple[Commit, ...]

    @property
    def prefix(self) -> str:
        return f"models/{self.model}/v{self.version}/"

    @property
    def needed(self) -> str | None:
        """The manifest that was committed last, if something may be trained from it."""
        return self.commits[-1].manifest if self.commits and not self.spent and not self.dropped else None

    def has_moved(self, store: Store) -> bool:
        """Whether something was committed since."""
        return _commits(store, self.model, self.version) != self.commits


def _versions(store: Store, listed: list[Entry]) -> list[_Version]:
    """Every version that has a log of its own."""
    found = sorted(with_logs(entry.name for entry in listed))
    states = {model: ModelLog(store, model).state() for model in {model for model, _ in found}}

    def read(model: str, number: int) -> _Version:
        return _Version(
            model=model,
            version=number,
            spent=number in states[model].versions and states[model].versions[number].spent,
            dropped=number in states[model].dropped,
            commits=_commits(store, model, number),
        )

    with ThreadPoolExecutor(_THREADS) as pool:
        return list(pool.map(read, *zip(*found, strict=True))) if found else []


def _commits(store: Store, model: str, version: int) -> tuple[Commit, ...]:
    """The commits of the version's log, in order."""
    return CandidateLog(store, model, version).progress().commits


def _no_longer_needed(
    listed: list[Entry], versions: list[_Version], old: float
) -> tuple[tuple[Entry, ...], tuple[Entry, ...]]:
    """Old manifests that nobody can resume from, and old intermediate results of rejected versions."""
    manifests, results, lying = [], [], _in_checkpoints(listed)
    for version in versions:
        committed = {commit.manifest for commit in version.commits}
        for entry in lying.get(version.prefix, ()):
            if entry.updated >= old:
                continue
            unwanted = version.spent or version.dropped or entry.name not in committed
            if _is_manifest(entry.name) and unwanted:
                manifests.append(entry)
            elif version.spent and "/intermediate_results/" in entry.name:
                results.append(entry)
    return tuple(manifests), tuple(results)


def _in_checkpoints(listed: list[Entry]) -> Mapping[str, list[Entry]]:
    """By version's prefix, in the order of the listing, what lies in the folders of its checkpoints."""
    found: dict[str, list[Entry]] = {}
    for entry in listed:
        *version, below = entry.name.split("/", 3)
        if len(version) == 3 and below.startswith("iter_num="):
            found.setdefault("/".join((*version, "")), []).append(entry)
    return found


def _is_message(name: str) -> bool:
    """To or from a running training: a request, an answer, a report of its progress."""
    match name.split("/"):
        case ["models", _, "requests", *_] | ["models", _, _, "progress", _]:
            return True
    return False


def _is_manifest(name: str) -> bool:
    return "/iter_num=" in name and name.rpartition("/")[2].startswith("manifest-")


def _chunks_named(store: Store, manifests: list[Named]) -> tuple[set[str], int]:
    """Digests that `manifests` name, and how many of them have vanished since they were listed."""

    def read(named: Named) -> tuple[str, ...] | None:
        try:
            return load_manifest(store, named).chunks
        except ObjectNotFound:
            return None

    with ThreadPoolExecutor(_THREADS) as pool:
        found = list(pool.map(read, manifests))
    return {chunk for chunks in found if chunks for chunk in chunks}, found.count(None)
