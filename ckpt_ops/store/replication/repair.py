"""Make every store of a `ReplicatedStore` hold what any of them holds.

Stores are compared by listing. What is missing is copied; a chunk whose bytes do not have the hash in
its name is replaced by an intact copy. Nothing else is ever overwritten: objects that differ although
their name is written once are reported, and nothing is copied of a log in which two stores differ,
because later entries would continue the wrong history.

It may run beside writers, because they write the same bytes. It must not run beside a rollback or a
sweep, whose deletes it could undo.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial

from ckpt_ops.store.base import Entry
from ckpt_ops.store.content import digest_in, is_intact, is_log_entry, logs_in
from ckpt_ops.store.replication import ReplicatedStore
from ckpt_ops.store.replication.replica import Replica, Use, get_or_none

_SIDE_BY_SIDE = 8


@dataclass(frozen=True, kw_only=True)
class Conflict:
    """An object whose name is written once, and whose bytes differ between stores.

    Attributes:
        urls: one store for each content.
    """

    name: str
    urls: tuple[str, ...]

    def __str__(self) -> str:
        why = ": each has acted as the primary" if is_log_entry(self.name) else ""
        return f"{self.name} differs between {' and '.join(self.urls)}{why}"


@dataclass(kw_only=True)
class ReplicaRepair:
    """What was found at one store and done to it.

    Attributes:
        missing, damaged: objects that it lacked, and chunks that were not what their names say.
        copied, nbytes: objects that were written to it, and their bytes; what would be, in a dry run.
    """

    url: str
    missing: int = 0
    damaged: int = 0
    copied: int = 0
    nbytes: int = 0


@dataclass(kw_only=True)
class Repair:
    """The outcome.

    Attributes:
        lost: chunks that no store holds intact.
    """

    replicas: list[ReplicaRepair]
    objects: int = 0
    conflicts: list[Conflict] = field(default_factory=list)
    lost: list[str] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What one object needs: `data` at the stores that lack it or hold it damaged.

    Attributes:
        conflict: one store's number for each content, if there is more than one.
        lost: a chunk that nobody holds intact.
    """

    name: str
    missing: frozenset[int] = frozenset()
    damaged: frozenset[int] = frozenset()
    data: bytes | None = None
    conflict: tuple[int, ...] = ()
    lost: bool = False


def repair(
    store: ReplicatedStore,
    *,
    deep: bool = False,
    dry_run: bool = False,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> Repair:
    """Compare all stores, and fix unless `dry_run`.

    Args:
        deep: read every object of every store, not only those whose sizes differ and log entries.
        progress: called with the number of objects looked at, and of all.

    Raises:
        StoreUnavailable: a store does not answer. What was copied until then stays; run it again.
    """
    listings = store.listings("", of_all=True).values
    names = sorted({name for listing in listings.values() for name in listing})
    outcome = Repair(
        replicas=[ReplicaRepair(url=replica.url) for replica in store.replicas], objects=len(names)
    )
    left_alone = set(_diverged(store.replicas, listings, names, outcome))
    rest = [name for name in names if name not in left_alone]
    examine = partial(_examine, store.replicas, listings, deep)
    with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
        # in batches: what was read for copying must not wait in memory for thousands of others
        for start in range(0, len(rest), _SIDE_BY_SIDE):
            for finding in pool.map(examine, rest[start : start + _SIDE_BY_SIDE]):
                _settle(store.replicas, finding, outcome, dry_run)
            progress(min(start + _SIDE_BY_SIDE, len(rest)), len(rest))
    return outcome


def evaluate(name: str, copies: Mapping[int, bytes], missing: frozenset[int]) -> Finding:
    """What follows from the bytes under `name` at the stores that hold it."""
    good = {number: data for number, data in copies.items() if is_intact(name, data)}
    damaged = frozenset(copies) - good.keys()
    if not good:
        if not any(copies.values()):  # deleted meanwhile; or garbage, which a local server can only empty
            return Finding(name=name)
        return Finding(name=name, damaged=damaged, lost=True)
    conflict = _differing(good)
    data = None if conflict else next(iter(good.values()))
    return Finding(name=name, missing=missing, damaged=damaged, data=data, conflict=conflict)


Listings = Mapping[int, Mapping[str, Entry]]


def _diverged(
    replicas: tuple[Replica, ...], listings: Listings, names: list[str], outcome: Repair
) -> Iterator[str]:
    """Every entry of each log that differs between stores; its first difference is a conflict."""
    for entries in logs_in(names).values():
        in_order = [entries[number] for number in sorted(entries)]
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            read = partial(_copies, replicas)
            compared = pool.map(read, in_order, (_holders(listings, name) for name in in_order))
            for name, copies in zip(in_order, compared, strict=True):
                differing = _differing(copies)
                if differing:
                    outcome.conflicts.append(_conflict(replicas, name, differing))
                    yield from in_order
                    break


def _examine(replicas: tuple[Replica, ...], listings: Listings, deep: bool, name: str) -> Finding:
    holders = _holders(listings, name)
    missing = frozenset(range(len(replicas))) - holders.keys()
    sizes = _differing({number: entry.size for number, entry in holders.items()})
    if sizes and digest_in(name) is None:
        return Finding(name=name, missing=missing, conflict=sizes)
    if not (missing or sizes or deep):
        return Finding(name=name)
    first = min(holders)
    finding = evaluate(name, _copies(replicas, name, holders if sizes or deep else [first]), missing)
    if finding.lost:  # at the first holder, if that is all that was read
        finding = evaluate(name, _copies(replicas, name, holders), missing)
    return finding


def _holders(listings: Listings, name: str) -> dict[int, Entry]:
    return {number: listing[name] for number, listing in listings.items() if name in listing}


def _settle(replicas: tuple[Replica, ...], finding: Finding, outcome: Repair, dry_run: bool) -> None:
    for number in finding.missing:
        outcome.replicas[number].missing += 1
    for number in finding.damaged:
        outcome.replicas[number].damaged += 1
    if finding.lost:
        outcome.lost.append(finding.name)
    if finding.conflict:
        outcome.conflicts.append(_conflict(replicas, finding.name, finding.conflict))
    elif finding.data is not None:
        for number in sorted(finding.missing | finding.damaged):
            if not dry_run:
                _write(replicas[number], finding.name, finding.data)
            outcome.replicas[number].copied += 1
            outcome.replicas[number].nbytes += len(finding.data)


def _write(replica: Replica, name: str, data: bytes) -> None:
    if is_log_entry(name):
        replica.ask(lambda store: store.put_if_absent(name, data), Use.WRITE)
    else:
        replica.ask(lambda store: store.put(name, data), Use.WRITE)


def _copies(replicas: tuple[Replica, ...], name: str, numbers: Iterable[int]) -> dict[int, bytes]:
    """The bytes at these stores, where they still are."""
    copies = {n: replicas[n].ask(partial(get_or_none, name), Use.READ) for n in numbers}
    return {number: data for number, data in copies.items() if data is not None}


def _differing(values: Mapping[int, Hashable]) -> tuple[int, ...]:
    """The first number of each different value, in order; empty when there is only one."""
    first: dict[Hashable, int] = {}
    for number in sorted(values):
        first.setdefault(values[number], number)
    return tuple(first.values()) if len(first) > 1 else ()


def _conflict(replicas: tuple[Replica, ...], name: str, numbers: tuple[int, ...]) -> Conflict:
    return Conflict(name=name, urls=tuple(replicas[number].url for number in numbers))
