"""Two or three stores as one, so that the loss of any of them loses nothing.

The first store is the **primary**. What each kind of name gets:

*Write-once names* go to all stores side by side and count when a quorum has them (`quorum.py`): two
of three; of two, the primary. So training goes on when any store but the primary is down; when the
primary is down, it goes on until it has something to commit. A store that is down is skipped
(`replica.py`); the next read that finds an object elsewhere copies it there, and so does
`ckpt-ops repair`.

*Contested names* (log entries) are decided by the primary alone. Two arbiters that cannot see each
other could each accept a different entry 7 from different writers. Hence

- the primary is asked to create an entry only while the primary and a quorum answer; otherwise the
  write is refused and the log stays as it is;
- an entry that any store holds was decided before. The stores are read first, so a primary that came
  back with an empty disk cannot decide a number again: a zombie's append is refused there, too, and
  the entry is copied back to the primary;
- a decided entry is copied to the others within the call, and by every later listing that finds it
  missing somewhere. That settles a lost reply, or a writer that died before it copied;
- two stores with different bytes under the entry, or under the one before it, have both acted as the
  primary. That is `Corrupt`, naming both; nothing is written, and `repair` does not choose either.

*Listings* are the union of what the stores hold, for two reasons. A primary that lost entries must not
make a log look shorter: a writer would decide their numbers again. And a store that missed an entry
must not leave a gap. The reverse danger, a union of two histories, is checked whenever a store holds
entries after the primary's last. While the primary does not answer, a listing is what the others hold:
complete for what counted, as long as one store at a time is down. An entry that only the primary has is
not in it: a gap is then `StoreUnavailable`, and a log that ends too early can be read but not built
upon, because fencing tokens, commits and decisions are appends, which only the primary takes.

A listing that begins at a later name finds and fixes gaps from there on only; it finds two histories
as any other listing does. `ckpt-ops log` and `ckpt-ops repair` list whole logs.

*Not found* is reported only if every write that counted would have been seen; else `StoreUnavailable`.

*Deletes* need every store, because one that missed a delete would give the object back to the others.
The primary is last: until it has deleted it, the object is listed, so an interrupted delete is repeated.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from functools import partial
from typing import TypeVar

from ckpt_ops.errors import BadInput, CkptOpsError, StoreUnavailable, TransientError
from ckpt_ops.store.base import Entry, Store, check_name, check_prefix, check_range
from ckpt_ops.store.content import digest_in, entry_before, is_log_entry
from ckpt_ops.store.replication.listing import (
    ReplicatedEntry,
    listing_of,
    log_names,
    merged,
    missing_entries,
    refuse_divergence,
    refuse_gap,
    require_same,
)
from ckpt_ops.store.replication.quorum import PRIMARY, Quorum
from ckpt_ops.store.replication.reading import first_good
from ckpt_ops.store.replication.replica import (
    Answers,
    Replica,
    T,
    Use,
    failure,
    get_or_none,
    side_by_side,
    whole,
)

_CAUGHT_UP_AT_ONCE = 32
_log = logging.getLogger(__name__)

X = TypeVar("X")
Y = TypeVar("Y")


class ReplicatedStore:
    """`stores` as one; the first is the primary. See the module's docstring for what each verb promises.

    Args:
        write_quorum: how many stores must have a write; by default two of three, or of two the primary.

    Raises:
        BadInput: fewer than two or more than three stores, one of them twice, or an impossible quorum.
    """

    def __init__(self, stores: Sequence[Store | Replica], *, write_quorum: int | None = None) -> None:
        self.replicas = tuple(each if isinstance(each, Replica) else Replica.of(each) for each in stores)
        urls = [replica.url for replica in self.replicas]
        if not 2 <= len(urls) <= 3 or len(set(urls)) < len(urls):
            raise BadInput("store", self.url, "two or three different stores, separated by commas")
        self.quorum = (
            Quorum.default(len(urls))
            if write_quorum is None
            else Quorum(stores=len(urls), writes=write_quorum)
        )

    @property
    def url(self) -> str:
        return ",".join(replica.url for replica in self.replicas)

    # --- reading --------------------------------------------------------------------------------

    def get(self, name: str) -> bytes:
        """As the protocol says; a chunk only with the right hash. Bad and missing copies are fixed.

        Raises:
            ObjectNotFound: no store that could hold it does.
            Corrupt: every copy of this chunk is damaged.
        """
        check_name(name)
        found = first_good(self.replicas, self.quorum, name, partial(whole, name))
        self._spread(name, found.data, found.holder, to=found.lacking)
        return found.data

    def get_range(self, name: str, start: int, length: int) -> bytes:
        """As `get`: a chunk is read whole, because a part of it can't be checked."""
        check_range(start, length)
        check_name(name)
        if digest_in(name):
            return self.get(name)[start : start + length]
        found = first_good(
            self.replicas, self.quorum, name, lambda store: store.get_range(name, start, length)
        )
        if found.lacking:
            data = self.replicas[found.holder].ask(partial(whole, name), Use.READ)
            self._spread(name, data, found.holder, to=found.lacking)
        return found.data

    def list(self, prefix: str, *, start: str = "") -> Iterator[Entry]:
        """As the protocol says: what any store holds. Listed log entries are copied to stores that lack them.

        Raises:
            StoreUnavailable: no store answers; or the primary does not, and a log has a gap.
            Corrupt: two stores hold histories that differ.
        """
        check_prefix(prefix)
        found = self.listings(prefix, start=start).values
        logs = {number: log_names(listing) for number, listing in found.items()}
        if PRIMARY not in found:
            refuse_gap(self.replicas, logs, start=start)
        elif any(names - logs[PRIMARY] for names in logs.values()):
            # Decided since the primary was asked, or lost by it: ask again, so that no later entry
            # is listed without the one before it.
            found[PRIMARY] = self.replicas[PRIMARY].ask(partial(listing_of, prefix, start), Use.READ)
            logs[PRIMARY] = log_names(found[PRIMARY])
            if any(names - logs[PRIMARY] for names in logs.values()):
                refuse_divergence(self.replicas, self._log_names(prefix, logs) if start else logs)
        for name, lacking in missing_entries(logs)[:_CAUGHT_UP_AT_ONCE]:
            entry = first_good(self.replicas, self.quorum, name, partial(whole, name))
            self._spread(name, entry.data, entry.holder, to=lacking)
        return iter(merged(self.replicas, found))

    def listings(self, prefix: str, *, start: str = "", of_all: bool = False) -> Answers[dict[str, Entry]]:
        """What each store that answers holds below `prefix`, from `start` on, by its number.

        Args:
            of_all: raise `StoreUnavailable` unless every store answers.
        """
        answers = self._ask(
            partial(listing_of, prefix, start),
            Use.READ,
            enough=self._all if of_all else self.quorum.sees_all,
        )
        if not answers.values or (of_all and answers.errors):
            needed = "all of them" if of_all else "one of them"
            raise failure(f"listing {prefix!r}", self.replicas, answers.errors, needed=needed)
        return answers

    def _log_names(self, prefix: str, numbers: Iterable[int]) -> dict[int, set[str]]:
        """Whole logs: the primary's last entry, where histories are compared, may be before a `start`."""
        listing = partial(listing_of, prefix, "")
        return {number: log_names(self.replicas[number].ask(listing, Use.READ)) for number in numbers}

    # --- writing --------------------------------------------------------------------------------

    def put(self, name: str, data: bytes | memoryview) -> None:
        """Returns when a quorum has it, and each other store has it too, or failed, or was too slow.

        Raises:
            StoreUnavailable: fewer have it; the message names each store that failed, and why.
        """
        check_name(name)
        kept = bytes(data)  # a straggler reads it after the caller has gone on; `bytes` are not copied
        answers = self._ask(lambda store: store.put(name, kept), Use.WRITE, enough=self.quorum.acknowledged)
        if not self.quorum.acknowledged(answers.values):
            raise failure(f"writing {name}", self.replicas, answers.errors, needed=str(self.quorum))

    def put_if_absent(self, name: str, data: bytes) -> bool:
        """As the protocol says; decided by the primary, then copied to the others.

        Raises:
            StoreUnavailable: the primary or the quorum did not answer; the name is as it was.
            CommitStateUnknown: the primary fell silent over the write itself.
            Corrupt: two stores hold different bytes under this name, or under the entry before it.
        """
        check_name(name)
        before = entry_before(name)

        def look(store: Store) -> tuple[bytes | None, bytes | None]:
            return get_or_none(name, store), get_or_none(before, store) if before else None

        answers = self._ask(look, Use.READ, enough=self._can_decide)
        if not self._can_decide(answers.values):
            raise self._undecidable(name, answers.errors)
        held = {number: found for number, (found, _) in answers.values.items() if found is not None}
        last = {number: found for number, (_, found) in answers.values.items() if found is not None}
        require_same(self.replicas, name, held)
        require_same(self.replicas, before or name, last)
        decided = next(iter(held.values()), None)
        if decided is not None and decided != data:
            if PRIMARY not in held:  # decided while we looked, or lost by the primary
                self._spread(name, decided, next(iter(held)), to={PRIMARY}, contested=True)
            return False
        primary = self.replicas[PRIMARY]
        created = primary.ask(lambda store: store.put_if_absent(name, data), Use.WRITE)
        if created:
            others = answers.values.keys() - held.keys() - {PRIMARY}
            self._spread(name, data, PRIMARY, to=others, contested=True)
        return created

    def delete(self, name: str) -> None:
        """Remove it from every store. Raises `StoreUnavailable` when one does not answer: not deleted."""
        check_name(name)
        every = dict.fromkeys(range(len(self.replicas)), name)
        self._remove(name, every, lambda name, store: store.delete(name))

    def delete_unchanged(self, entry: Entry) -> bool:
        """As the protocol says: each store removes its copy unless that was rewritten since the listing.

        A writer that puts the object again after the listing therefore keeps every copy it wrote.

        Raises:
            BadInput: `entry` is not from a listing of this store.
            StoreUnavailable: a store did not answer, now or when `entry` was listed.
        """
        if not isinstance(entry, ReplicatedEntry) or len(entry.copies) != len(self.replicas):
            raise BadInput("entry", entry.name, "an entry that this store has listed")
        if entry.unseen:
            errors = dict.fromkeys(entry.unseen, StoreUnavailable("it was not listed: its copy may be newer"))
            raise failure(f"deleting {entry.name}", self.replicas, errors, needed="all of them")
        copies = {number: copy for number, copy in enumerate(entry.copies) if copy is not None}
        return all(self._remove(entry.name, copies, lambda copy, store: store.delete_unchanged(copy)))

    # --- asking the stores ----------------------------------------------------------------------

    def _all(self, answered: Collection[int]) -> bool:
        return len(answered) == len(self.replicas)

    def _can_decide(self, answered: Collection[int]) -> bool:
        return PRIMARY in answered and self.quorum.acknowledged(answered)

    def _ask(
        self, verb: Callable[[Store], T], use: Use, *, enough: Callable[[Collection[int]], bool]
    ) -> Answers[T]:
        """Ask the stores that are not skipped; all of them if those cannot be enough."""
        everyone = dict(enumerate(self.replicas))
        asked = {number: each for number, each in everyone.items() if each.circuits[use].may_ask()}
        if not enough(asked):
            asked = everyone
        answers = side_by_side(asked, verb, use, enough=enough)
        for number in everyone.keys() - asked.keys():
            answers.errors[number] = everyone[number].skipped()
        return answers

    def _spread(
        self, name: str, data: bytes, source: int, *, to: Collection[int], contested: bool = False
    ) -> None:
        """Copy what `source` holds to stores that lack it or hold it damaged, as far as they answer soon.

        A contested object or a log entry is created and never overwritten. Raises `Corrupt`
        when a store has other bytes under it.
        """
        if not to:
            return
        creates = contested or is_log_entry(name)

        def copy(store: Store) -> bytes | None:
            if not creates:
                store.put(name, data)
            elif not store.put_if_absent(name, data):
                return get_or_none(name, store)
            return data

        asked = {number: self.replicas[number] for number in to}
        answers = side_by_side(asked, copy, Use.WRITE, enough=lambda answered: True)
        if not contested:
            level = logging.INFO if creates else logging.WARNING  # a reader may overtake a log's writer
            for number in answers.values:
                _log.log(level, "%s was missing or damaged at %s: fixed", name, self.replicas[number].url)
        held = {number: found for number, found in answers.values.items() if found is not None}
        require_same(self.replicas, name, {source: data, **held})

    def _remove(self, name: str, per_store: Mapping[int, X], verb: Callable[[X, Store], Y]) -> tuple[Y, ...]:
        """Remove from the stores, the primary last. Fails at once if one is known to be down."""
        doing = f"deleting {name}"
        down = {
            number: each.skipped()
            for number, each in enumerate(self.replicas)
            if not each.circuits[Use.WRITE].may_ask()
        }
        if down:
            raise failure(doing, self.replicas, down, needed="all of them")
        removed: dict[int, Y] = {}
        for number in sorted(per_store, reverse=True):
            try:
                removed[number] = self.replicas[number].ask(partial(verb, per_store[number]), Use.WRITE)
            except TransientError as error:
                raise failure(doing, self.replicas, {number: error}, needed="all of them") from error
        return tuple(removed.values())

    def _undecidable(self, name: str, errors: Mapping[int, CkptOpsError]) -> CkptOpsError:
        primary, reason = self.replicas[PRIMARY].url, errors.get(PRIMARY)
        if reason is None or len(errors) == len(self.replicas):
            needed = f"{self.quorum}; a log entry also the primary"
            return failure(f"deciding {name}", self.replicas, errors, needed=needed)
        return StoreUnavailable(
            f"{name} can't be decided: the primary {primary} does not answer: {reason.what}",
            safe="nothing was written, the log is what it was; reading goes on from the other stores",
            next="try again when it answers. If it is lost for good: stop every writer, put another store "
            "first in CKPT_OPS_STORE, leave the lost one out, and run `ckpt-ops repair`",
        )
