"""Do the committed checkpoints still hold the bytes that they were committed with?

Every manifest is compared with the hash that its commit names, and with what the commit says of it. Every
chunk that a kept manifest names is read and hashed again, each once, however many checkpoints share it.
Nobody can tell whether a manifest that was committed before hashes were kept is still the same.

A committed checkpoint without a manifest was pruned by retention, which deletes the manifest first; only the
final checkpoint of a promoted version must never be.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from enum import Enum

from ckpt_ops.checkpoints.chunks import read_chunk
from ckpt_ops.checkpoints.committed import committed
from ckpt_ops.checkpoints.manifest import Manifest
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState, VersionState, VersionStatus
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named, check_named

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
        hashed: the log names its manifest by hash; False: it was committed before hashes were kept.
        problems: what is wrong and in which object, a line each; empty unless it is damaged.
    """

    version: int
    step: int
    manifest: str
    condition: Condition
    chunks: int = 0
    nbytes: int = 0
    hashed: bool = True
    problems: tuple[str, ...] = ()


def verify(
    store: Store,
    state: LineageState,
    versions: Iterable[int],
    progress: Callable[[int, int], None] = lambda done, of: None,
) -> tuple[Checked, ...]:
    """Every committed checkpoint of `versions`, in order.

    Args:
        state: the model's, for which versions are promoted.
        progress: told after each chunk how many of how many are done; from this thread.

    Raises:
        BadInput: there is no such version.
        StoreUnavailable, StoreForbidden: the store could not be read; no checkpoint has a result.
    """
    commits = [commit for number in versions for commit in _commits(store, state, state.version(number))]
    loaded = [_load(store, state.model, commit) for commit in commits]
    manifests = [each for each in loaded if isinstance(each, Manifest)]
    digests = dict.fromkeys(digest for manifest in manifests for digest in manifest.chunks)
    problems = _hash_again(store, tuple(digests), progress)
    return tuple(
        _evaluated(store, state.model, commit, each, problems)
        for commit, each in zip(commits, loaded, strict=True)
    )


@dataclass(frozen=True, kw_only=True)
class _Committed:
    """A checkpoint that a log commits.

    Attributes:
        digests: of its manifest, by its commit, the training's record and the promotion.
        stays: whether it is the final one of a promoted version.
    """

    version: int
    step: int
    manifest: str
    digests: frozenset[str]
    stays: bool


def _commits(store: Store, state: LineageState, version: VersionState) -> list[_Committed]:
    found = {one.manifest: one for one in committed(store, state.model, version.version)}
    steps = {name: commit.step for name, commit in found.items()}
    digests = {name: {commit.digest} for name, commit in found.items()}
    final = None
    if version.trained is not None:
        final = version.trained.manifest
        steps.setdefault(final, version.trained.step)
        digests.setdefault(final, set()).add(version.trained.manifest_digest)
        if version.promoted is not None:
            digests[final].add(version.promoted.manifest_digest)
    promoted = version.status is VersionStatus.PROMOTED
    return [
        _Committed(
            version=version.version,
            step=step,
            manifest=name,
            digests=frozenset(digests[name] - {""}),
            stays=promoted and name == final,
        )
        for name, step in steps.items()
    ]


def _load(store: Store, model: str, commit: _Committed) -> Manifest | ObjectNotFound | Corrupt:
    try:
        data = store.get(commit.manifest)
        for digest in commit.digests:
            check_named(store, Named(name=commit.manifest, digest=digest), data)
        found = Manifest.decode(data, name=f"{store.url}/{commit.manifest}")
    except (ObjectNotFound, Corrupt) as error:
        return error
    identity = (found.model, found.version, found.step)
    if identity != (model, commit.version, commit.step):
        return Corrupt(f"{store.url}/{commit.manifest} is of {identity[0]} v{identity[1]} step {identity[2]}")
    return found


def _hash_again(store: Store, digests: Sequence[str], progress: Callable[[int, int], None]) -> dict[str, str]:
    """By digest, what is wrong with the chunk; sound ones are left out."""

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
            pool.shutdown(cancel_futures=True)  # when the store fails, do not wait for the rest
    return wrong


def _evaluated(
    store: Store,
    model: str,
    commit: _Committed,
    loaded: Manifest | ObjectNotFound | Corrupt,
    problems: Mapping[str, str],
) -> Checked:
    checked = Checked(
        version=commit.version,
        step=commit.step,
        manifest=commit.manifest,
        condition=Condition.OK,
        hashed=bool(commit.digests),
    )
    if isinstance(loaded, Corrupt):
        return replace(checked, condition=Condition.DAMAGED, problems=(loaded.what,))
    if isinstance(loaded, ObjectNotFound):
        if not commit.stays:
            return replace(checked, condition=Condition.PRUNED)
        gone = f"{loaded.what}: the final checkpoint of a promoted version, which is never pruned"
        return replace(checked, condition=Condition.DAMAGED, problems=(gone,))
    found = tuple(problems[digest] for digest in loaded.chunks if digest in problems)
    if found and isinstance(again := _load(store, model, commit), ObjectNotFound):
        return _evaluated(store, model, commit, again, problems)  # pruned while its chunks were read
    return replace(
        checked,
        condition=Condition.DAMAGED if found else Condition.OK,
        chunks=len(loaded.chunks),
        nbytes=loaded.nbytes,
        problems=found,
    )
