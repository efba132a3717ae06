"""What several listings add up to, and when they contradict each other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from functools import partial

from ckpt_ops.errors import Corrupt, StoreUnavailable
from ckpt_ops.store.base import Entry, Store
from ckpt_ops.store.content import first_gap, is_log_entry, logs_in
from ckpt_ops.store.replication.quorum import PRIMARY
from ckpt_ops.store.replication.replica import Replica, Use, get_or_none

Listing = Mapping[str, Entry]


@dataclass(frozen=True, kw_only=True)
class ReplicatedEntry(Entry):
    """An object in a listing of several stores; size, fingerprint and time are the first holder's.

    Attributes:
        copies: each store's own entry, in the order of the stores; None where it was absent.
        unseen: numbers of the stores that did not answer.
    """

    copies: tuple[Entry | None, ...]
    unseen: tuple[int, ...]


def listing_of(prefix: str, start: str, store: Store) -> dict[str, Entry]:
    return {entry.name: entry for entry in store.list(prefix, start=start)}


def log_names(listing: Listing) -> set[str]:
    return {name for name in listing if is_log_entry(name)}


def merged(replicas: Sequence[Replica], found: Mapping[int, Listing]) -> list[ReplicatedEntry]:
    """Every object that any store lists, in name order."""
    numbers = range(len(replicas))
    unseen = tuple(number for number in numbers if number not in found)
    entries = []
    for name in sorted({name for listing in found.values() for name in listing}):
        copies = tuple(found[number].get(name) if number in found else None for number in numbers)
        first = next(copy for copy in copies if copy is not None)
        entries.append(
            ReplicatedEntry(
                name=name,
                size=first.size,
                fingerprint=first.fingerprint,
                updated=first.updated,
                copies=copies,
                unseen=unseen,
            )
        )
    return entries


def missing_entries(logs: Mapping[int, Set[str]]) -> list[tuple[str, set[int]]]:
    """Log entries that some store lists and others do not, with those others; the newest first.

    A log that lacks its last entries looks complete; one that lacks earlier ones does not.
    """
    every = set[str]().union(*logs.values())
    lacking = ((name, {n for n, names in logs.items() if name not in names}) for name in every)
    return sorted(((name, numbers) for name, numbers in lacking if numbers), reverse=True)


def refuse_gap(replicas: Sequence[Replica], logs: Mapping[int, Set[str]], *, start: str = "") -> None:
    """Raises `StoreUnavailable` when the stores that answer lack an entry between others, from `start` on."""
    gap = first_gap(set[str]().union(*logs.values()), start=start)
    if gap:
        asked = " and ".join(replicas[number].url for number in sorted(logs))
        raise StoreUnavailable(
            f"{gap} is not at {asked}, later entries are; "
            f"the primary {replicas[PRIMARY].url} does not answer",
            safe="nothing was written; the entry is at the primary",
            next="try again when the primary answers, then `ckpt-ops repair`",
        )


def refuse_divergence(replicas: Sequence[Replica], logs: Mapping[int, Set[str]]) -> None:
    """Raises `Corrupt` when entries after the primary's last continue a different history.

    Two histories that diverged at some entry differ in every entry after it, so comparing one is enough:
    the primary's last.
    """
    own = logs_in(logs[PRIMARY])
    for number, names in logs.items():
        for log, entries in logs_in(names).items():
            last = max(own.get(log, {}), default=None)
            if last is None or last not in entries or max(entries) <= last:
                continue
            name = entries[last]
            held = {
                each: replicas[each].ask(partial(get_or_none, name), Use.READ) for each in (PRIMARY, number)
            }
            require_same(replicas, name, {each: data for each, data in held.items() if data is not None})


def require_same(replicas: Sequence[Replica], name: str, held: Mapping[int, bytes]) -> None:
    """Raises `Corrupt`, naming both, when two stores hold different bytes under a contested name."""
    numbers = sorted(held)
    for number in numbers[1:]:
        if held[number] != held[numbers[0]]:
            one, other = replicas[numbers[0]].url, replicas[number].url
            raise Corrupt(
                f"{name} differs between {one} and {other}: both have acted as the primary",
                safe="neither copy was changed",
                next="decide which history is true (writers built on the primary's, "
                f"{replicas[PRIMARY].url}); delete the other's entries from this one on; `ckpt-ops repair`",
            )
