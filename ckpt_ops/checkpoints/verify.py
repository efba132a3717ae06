"""Do the committed checkpoints still hold the bytes that they were committed with?

Every chunk that a kept manifest names is read and hashed again, each once, however many checkpoints
share it. A committed checkpoint without a manifest was pruned by retention, which deletes the manifest
first; only the final checkpoint of a promoted version must never be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum

from ckpt_ops.checkpoints.chunks import read_chunk
from ckpt_ops.checkpoints.committed import committed
from ckpt_ops.checkpoints.manifest import Manifest
from ckpt_ops.checkpoints.restore import load_manifest
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState, VersionState, VersionStatus
from ckpt_ops.store import Store

_READS = 8


class Condition(Enum):
    """How a committed checkpoint was found."""

    OK = "ok"
    PRUNED = "pruned"
    DAMAGED = "damaged"


@dataclass(frozen=True, kw_only=True)
class Checked:
    """A committed checkpoint, and how it was found.

    Attributes:
        manifest: its object name.
        chunks: how many it names; 0 when its manifest cannot be read.
        nbytes: of its tensors; 0 when its manifest cannot be read.
        problems: what is wrong and in which object, a line each; empty unless it is damaged.
    """

    version: int
    step: int
    manifest: str
    condition: Condition
    chunks: int = 0
    nbytes: int = 0
    problems: tuple[str, ...] = ()


def verify(
    store: Store,
    state: LineageState,
    versions: Iterable[int],
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[Checked, ...]:
    """Every committed checkpoint of `versions`, in order.

    Args:
        state: of the model; says which versions are promoted.
        progress: told after each chunk how many of how many are done; from this thread.

    Raises:
        BadInput: there is no such version.
        StoreUnavailable, StoreForbidden: the store did not let us read; nothing is said of any checkpoint.
    """
    commits = [commit for number in versions for commit in _commits(store, state, state.version(number))]
    loaded = [_load(store, commit.manifest) for commit in commits]
    manifests = [each for each in loaded if isinstance(each, Manifest)]
    digests = dict.fromkeys(digest for manifest in manifests for digest in manifest.chunks)
    problems = _hash_again(store, tuple(digests), progress)
    return tuple(_judged(store, commit, each, problems) for commit, each in zip(commits, loaded, strict=True))


@dataclass(frozen=True, kw_only=True)
class _Committed:
    """A checkpoint that a log commits.

    Attributes:
        stays: whether it is the final one of a promoted version.
    """

    version: int
    step: int
    manifest: str
    stays: bool


def _commits(store: Store, state: LineageState, version: VersionState) -> list[_Committed]:
    steps = {commit.manifest: commit.step for commit in committed(store, state.model, version.version)}
    final = None
    if version.trained is not None:
        final = version.trained.manifest
        steps.setdefault(final, version.trained.step)
    promoted = version.status is VersionStatus.PROMOTED
    return [
        _Committed(version=version.version, step=step, manifest=name, stays=promoted and name == final)
        for name, step in steps.items()
    ]


def _load(store: Store, name: str) -> Manifest | ObjectNotFound | Corrupt:
    try:
        return load_manifest(store, name)
    except (ObjectNotFound, Corrupt) as error:
        return error


def _hash_again(store: Store, digests: Sequence[str], progress: Callable[[int, int], None]) -> dict[str, str]:
    """By digest, what is wrong with the chunk; those that are right are left out."""

    def check(digest: str) -> str:
        try:
            read_chunk(store, digest)
        except (ObjectNotFound, Corrupt) as error:
            return error.what
        return ""

    wrong: dict[str, str] = {}
    with ThreadPoolExecutor(_READS) as pool:
        try:
            for done, (digest, problem) in enumerate(
                zip(digests, pool.map(check, digests), strict=True), start=1
            ):
                if problem:
                    wrong[digest] = problem
                progress(done, len(digests))
        finally:
            pool.shutdown(cancel_futures=True)  # when the store fails, the rest is not waited for
    return wrong


def _judged(
    store: Store,
    commit: _Committed,
    loaded: Manifest | ObjectNotFound | Corrupt,
    problems: Mapping[str, str],
) -> Checked:
    checked = Checked(
        version=commit.version, step=commit.step, manifest=commit.manifest, condition=Condition.OK
    )
    if isinstance(loaded, Corrupt):
        return replace(checked, condition=Condition.DAMAGED, problems=(loaded.what,))
    if isinstance(loaded, ObjectNotFound):
        if not commit.stays:
            return replace(checked, condition=Condition.PRUNED)
        gone = f"{loaded.what}: the final checkpoint of a promoted version, which is never pruned"
        return replace(checked, condition=Condition.DAMAGED, problems=(gone,))
    found = tuple(problems[digest] for digest in loaded.chunks if digest in problems)
    if found and isinstance(again := _load(store, commit.manifest), ObjectNotFound):
        return _judged(store, commit, again, problems)  # pruned while its chunks were read
    return replace(
        checked,
        condition=Condition.DAMAGED if found else Condition.OK,
        chunks=len(loaded.chunks),
        nbytes=loaded.nbytes,
        problems=found,
    )
