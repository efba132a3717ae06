"""One of several stores, and how several are asked side by side.

A store that is down answers only after its whole deadline. Nobody should wait for that twice: what
failed is skipped for `SKIP_SECONDS`, then one call tries it again. And nobody should wait for it even
once if enough others have answered: stragglers get `PATIENCE_SECONDS`, or as long again as the others
took, and go on in a thread of their own.
"""

from __future__ import annotations

import logging
import queue
import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from typing import Any, Generic, TypeVar

from ckpt_ops.errors import BadInput, CkptOpsError, ObjectNotFound, StoreUnavailable, TerminalError
from ckpt_ops.printable import printable
from ckpt_ops.store.base import Store

SKIP_SECONDS = 30.0
PATIENCE_SECONDS = 2.0

T = TypeVar("T")
_log = logging.getLogger(__name__)


class Use(Enum):
    """A store that is slow to read from is not skipped by writes, nor the reverse."""

    READ = "read"
    WRITE = "write"


class Circuit:
    """Remembers that calls failed. Safe to use from several threads."""

    def __init__(
        self, *, skip_seconds: float = SKIP_SECONDS, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self.skip_seconds, self._clock = skip_seconds, clock
        self._lock = threading.Lock()
        self._skip_until: float | None = None

    def may_ask(self) -> bool:
        """False while it is skipped. After that, True for one caller in each `skip_seconds`."""
        with self._lock:
            if self._skip_until is None:
                return True
            if self._clock() < self._skip_until:
                return False
            self._skip_until = self._clock() + self.skip_seconds
            return True

    def failed(self) -> bool:
        """Skip it from now on. True: it was not skipped before."""
        with self._lock:
            first, self._skip_until = self._skip_until is None, self._clock() + self.skip_seconds
            return first

    def succeeded(self) -> None:
        with self._lock:
            self._skip_until = None


class Replica:
    """A store that may be down, or that cannot even be opened.

    Attributes:
        url: where it is.
    """

    def __init__(self, url: str, open_it: Callable[[], Store]) -> None:
        self.url, self._open = url, open_it
        self._opened: Store | None = None
        self.circuits = {use: Circuit() for use in Use}

    @classmethod
    def of(cls, store: Store) -> Replica:
        return cls(store.url, lambda: store)

    @property
    def store(self) -> Store:
        """Raises what opening it raises, such as `BucketNotFound`."""
        if self._opened is None:
            self._opened = self._open()
        return self._opened

    def ask(self, verb: Callable[[Store], T], use: Use) -> T:
        """The result of `verb` on the store; its circuit notes whether that failed."""
        try:
            value = verb(self.store)
        except BadInput:
            raise
        except CkptOpsError as error:
            self.failed(use, error.what)
            raise
        self.circuits[use].succeeded()
        return value

    def skipped(self) -> StoreUnavailable:
        return StoreUnavailable("it failed a moment ago and is skipped")

    def failed(self, use: Use, why: str) -> None:
        if self.circuits[use].failed():
            _log.warning(
                "%s: %s; each %s skips it for %g s",
                self.url,
                printable(str(why)),
                use.value,
                self.circuits[use].skip_seconds,
            )


@dataclass(kw_only=True)
class Answers(Generic[T]):
    """Results and errors of replicas, by their number, in order."""

    values: dict[int, T] = field(default_factory=dict)
    errors: dict[int, CkptOpsError] = field(default_factory=dict)


Outcome = tuple[int, Any, BaseException | None]


def start(
    number: int,
    replica: Replica,
    verb: Callable[[Store], T],
    use: Use,
    outcomes: queue.SimpleQueue[Outcome],
) -> None:
    """Ask in a thread of its own, which does not keep the process from ending."""

    def run() -> None:
        try:
            outcomes.put((number, replica.ask(verb, use), None))
        except BaseException as error:  # noqa: BLE001 - raised again by whoever takes it
            outcomes.put((number, None, error))

    threading.Thread(target=run, name=f"replica-{number}", daemon=True).start()


def side_by_side(
    replicas: Mapping[int, Replica],
    verb: Callable[[Store], T],
    use: Use,
    *,
    enough: Callable[[Collection[int]], bool],
) -> Answers[T]:
    """Ask all of `replicas` at once.

    Args:
        enough: whether the answers of these numbers suffice; from then on stragglers get little time.
    """
    outcomes: queue.SimpleQueue[Outcome] = queue.SimpleQueue()
    answers: Answers[T] = Answers()
    began = time.monotonic()
    until = began + PATIENCE_SECONDS if enough(()) else None
    for number, replica in replicas.items():
        start(number, replica, verb, use, outcomes)
    while len(answers.values) + len(answers.errors) < len(replicas):
        try:
            outcome = outcomes.get(timeout=None if until is None else max(0.0, until - time.monotonic()))
        except queue.Empty:
            break
        take(outcome, answers)
        now = time.monotonic()
        if until is None and enough(answers.values.keys()):
            until = now + max(PATIENCE_SECONDS, now - began)
    for number, replica in replicas.items():
        if number not in answers.values and number not in answers.errors:
            why = f"{replica.url} gave no answer for {time.monotonic() - began:.1f} s"
            replica.failed(use, why)
            answers.errors[number] = StoreUnavailable(why)
    answers.values = dict(sorted(answers.values.items()))
    return answers


def take(outcome: Outcome, answers: Answers[T]) -> None:
    """Add an outcome to the answers; a bug or a refused input is raised at once."""
    number, value, error = outcome
    if error is None:
        answers.values[number] = value
    elif isinstance(error, CkptOpsError) and not isinstance(error, BadInput):
        answers.errors[number] = error
    else:
        raise error


def whole(name: str, store: Store) -> bytes:
    return store.get(name)


def get_or_none(name: str, store: Store) -> bytes | None:
    try:
        return store.get(name)
    except ObjectNotFound:
        return None


def failure(
    doing: str, replicas: Sequence[Replica], errors: Mapping[int, CkptOpsError], *, needed: str
) -> CkptOpsError:
    """The error when too few stores answered: which failed, and why each of them did."""
    kinds = {type(error) for error in errors.values()}
    first = next(iter(errors.values()))
    if isinstance(first, TerminalError) and len(kinds) == 1 and len(errors) == len(replicas):
        return first  # such as no bucket anywhere: waiting does not help
    reasons = "".join(f"\n  {replicas[n].url}: {error.what}" for n, error in sorted(errors.items()))
    return StoreUnavailable(
        f"{doing}: {len(errors)} of {len(replicas)} stores failed, needed: {needed}{reasons}",
        safe="what was acknowledged before is kept",
        next="try again when they answer; then `ckpt-ops repair`",
    )
