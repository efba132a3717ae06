"""A model's log: compare-and-append."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from itertools import islice

from ckpt_ops.errors import Corrupt, LineageMoved, ObjectNotFound
from ckpt_ops.lineage.encoding import decode, encode, type_name
from ckpt_ops.lineage.fold import fold
from ckpt_ops.lineage.numbered import NumberedEntries
from ckpt_ops.lineage.records import Record
from ckpt_ops.lineage.snapshot import EVERY, Snapshot, Snapshots
from ckpt_ops.lineage.state import LineageState
from ckpt_ops.printable import printable
from ckpt_ops.store import Store

_ATTEMPTS = 64
_NAMES_OF_A_MODEL = 64  # read by `model_names` before it goes on with the next model
_FEW, _MANY = 8, 512  # entries read at once, going back
_log = logging.getLogger(__name__)


def model_names(store: Store, *, beginning: str = "") -> list[str]:
    """The models that have a log, and whose names begin so, sorted.

    Not every name below `models/` is read: of a model that has many, the rest is passed over.
    """
    found: list[str] = []
    prefix, model, names = f"models/{beginning}", "", 0
    start = prefix
    while start:
        listing, start = store.list(prefix, start=start), ""
        for entry in listing:
            parts = entry.name.split("/")
            if len(parts) < 3:
                continue
            if parts[1] != model:
                model, names = parts[1], 0
            names += 1
            known = found[-1:] == [model]
            if not known and len(parts) == 4 and parts[2] == "log":
                found.append(model)
            elif names == _NAMES_OF_A_MODEL:
                if not known and any(len(name.split("/")) == 4 for name in _log_names(store, model)):
                    found.append(model)
                start = f"models/{model}0"  # "0" comes after "/": behind every name of the model
                break
    return sorted(found)


def _log_names(store: Store, model: str) -> Iterator[str]:
    return (entry.name for entry in store.list(f"models/{model}/log/"))


class ModelLog:
    """The lineage of `model` in `store`.

    Truth changes only by `append`. Whoever decides something reads the state, decides, and appends
    at the sequence number the state was read at; if another writer was first, the decision is void.

    The state is read from the newest usable snapshot and the entries after it. What was read stays in
    memory: reading again costs a listing of those entries' names, and the new entries. A gap among the
    entries before a snapshot is therefore found by `records` and not by `state`.
    """

    def __init__(self, store: Store, model: str) -> None:
        self.model = model
        self._entries = NumberedEntries(store, f"models/{model}/log", digits=12)
        self._snapshots = Snapshots(store, model)
        self._base = 0  # the entry of the snapshot that the state was read from, or that was written since
        self._state: LineageState | None = None

    def records(self) -> list[Record]:
        """Every record, first to last. Raises `Corrupt` when one is missing between others."""
        return self._decoded(self._entries.read(), first=1)

    def tail(self, count: int, *, of: LineageState | None = None) -> list[tuple[int, Record]]:
        """The last `count` records with their numbers, first to last; fewer when there are no more.

        Args:
            of: as the log was at this state; None: as it is now.
        """
        return list(islice(self.backwards(of=of), count))[::-1]

    def backwards(self, *, of: LineageState | None = None) -> Iterator[tuple[int, Record]]:
        """Every record with its number, last to first. No more of the log is read than is asked for.

        Args:
            of: as the log was at this state; None: as it is now.

        Raises:
            Corrupt: a record is missing or cannot be read.
        """
        last, together = (of or self.state()).sequence, _FEW
        while last > 0:
            first = max(1, last - together + 1)
            try:
                found = self._decoded(self._entries.read_between(first, last), first=first)
            except ObjectNotFound:
                self._entries.read()  # says which one is missing, if that is why
                raise
            yield from zip(range(last, first - 1, -1), reversed(found), strict=True)
            last, together = first - 1, min(2 * together, _MANY)

    def state(self) -> LineageState:
        """The state after all records so far. The same object as before, if there is no new record."""
        if self._state is None:
            self._base, self._state, entries = self._newest_snapshot()
        else:
            entries = self._entries.read(first=max(1, self._base))
        known = self._state.sequence
        new = entries[known + 1 - max(1, self._base) :]
        if new:
            self._state = fold(self.model, self._decoded(new, first=known + 1), after=self._state)
        return self._state

    def now(self) -> LineageState:
        """As `state`, but only the next entry is asked for: one request where there is none.

        For readers that ask often. A gap among new entries looks like the end of the log until `state` is
        called.
        """
        if self._state is None or self._entries.get(self._state.sequence + 1) is not None:
            return self.state()
        return self._state

    def entry(self, number: int) -> bytes | None:
        """The bytes of entry `number`; None: there is none."""
        return self._entries.known(number) or self._entries.get(number)

    def known(self, number: int) -> bytes | None:
        """The bytes of entry `number`, if they were read before: the store is not asked."""
        return self._entries.known(number)

    def append(self, record: Record, *, after: LineageState) -> None:
        """Append after the state `after`. Raises `LineageMoved` when another writer was first."""
        number, data = after.sequence + 1, encode(record)
        if not self._entries.append(number, data):
            raise LineageMoved(
                f"the log of {self.model} has moved: another writer appended entry {number} "
                f"while {type_name(record)} was decided on {after.sequence} entries",
                safe="the other writer's entry stands; this one was not written",
                next="read the state again and decide again (a retry of the task does that)",
            )
        if after is self._state and number >= self._base + EVERY:
            self._take_snapshot(data, after)

    def decide(
        self, choose: Callable[[LineageState], Record | None], *, read: LineageState | None = None
    ) -> LineageState:
        """Append what `choose` makes of the current state, choosing again whenever the log moved.

        `choose` returns None when there is nothing to record: that makes a step idempotent.
        Returns the state that includes the record.

        Args:
            read: a state that was read from this log: `choose` is called with it first, and the log is read
                again only once something was appended. None: the log is read now.
        """
        for _ in range(_ATTEMPTS):
            state, read = self.state() if read is None else read, None
            record = choose(state)
            if record is None:
                return state
            try:
                self.append(record, after=state)
            except LineageMoved:
                continue
            return self.state()
        raise LineageMoved(
            f"the log of {self.model} moved {_ATTEMPTS} times in a row",
            safe="nothing of this step was written",
            next="look for a runaway writer with `ckpt-ops log` and run the step again",
        )

    def _newest_snapshot(self) -> tuple[int, LineageState, list[bytes]]:
        """The number and state of the newest usable snapshot, and the entries from that number on.

        Without any: 0, the empty state, and all entries.
        """
        for number in self._snapshots.numbers():
            entries = self._entries.read(first=number)
            if not entries:
                why = f"the log of {self.model} ends before entry {number}"
            else:
                try:
                    found = self._snapshots.read(number)
                except (Corrupt, ObjectNotFound) as error:
                    why = error.what
                else:
                    if found.is_at(entries[0]):
                        return number, found.state, entries
                    why = f"entry {number} of {self.model} is not the one that it was taken at"
            _log.warning("the snapshot %s is ignored: %s", self._snapshots.name(number), printable(why))
        return 0, LineageState(model=self.model), self._entries.read()

    def _take_snapshot(self, data: bytes, after: LineageState) -> None:
        """Snapshot the state after the appended entry `data`. The entry stands, whatever goes wrong."""
        number = after.sequence + 1
        try:
            state = fold(self.model, self._decoded([data], first=number), after=after)
            self._snapshots.write(Snapshot.at(data, state))
            self._base, self._state = number, state
            self._snapshots.remove_older(than=number)
        except Exception as error:  # noqa: BLE001 - an append must not be reported as failed once it has won
            what = self._snapshots.name(number)
            _log.warning(
                "could not write snapshot %s, or could not remove older ones: %s", what, printable(str(error))
            )

    def _decoded(self, entries: list[bytes], *, first: int) -> list[Record]:
        return [
            decode(data, name=self._entries.name(number)) for number, data in enumerate(entries, start=first)
        ]
