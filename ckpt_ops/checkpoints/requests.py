"""Requests for a save by a running training, through the store, and their answers.

A request is an object `models/{model}/requests/{id}.json`; the training that serves it writes
`{id}.answer.json` beside it when the save is durable, and removes the request. Whoever asked needs no
connection to the training, and a training that dies leaves the request to the next attempt.
"""

from __future__ import annotations

import logging
import threading
import time
import uuid
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum

from ckpt_ops import checks
from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import BadInput, CkptOpsError, Corrupt, ObjectNotFound
from ckpt_ops.printable import printable
from ckpt_ops.store import Store

POLL_SECONDS = 2.0
_ANSWER = ".answer.json"
_REQUEST = DocumentKind(what="save request", implicit=True, indent=None, sort_keys=False)
ANSWER = DocumentKind(what="answer to a save request", implicit=True, indent=None, sort_keys=False)
_log = logging.getLogger(__name__)


class SaveKind(StrEnum):
    """What is asked for."""

    PARAMETERS = "parameters"
    INTERMEDIATE = "intermediate"
    BOTH = "both"


@dataclass(frozen=True, kw_only=True)
class SaveRequest:
    """A person's request for a save.

    Attributes:
        at_step: save at this step, or at once if it is past.
        after: save so many seconds after the training has seen the request.
        asked: seconds since the epoch, by the asking machine's clock.
    """

    what: SaveKind = SaveKind.PARAMETERS
    at_step: int | None = None
    after: float | None = None
    id: str = field(default_factory=lambda: uuid.uuid4().hex[:12])
    asked: float = field(default_factory=time.time)

    def __post_init__(self) -> None:
        if self.at_step is not None and self.after is not None:
            raise BadInput("--after", self.after, f"one of the two, and --at-step={self.at_step} is set")
        if self.at_step is not None:
            checks.whole("--at-step", self.at_step)
        if self.after is not None:
            checks.number("--after", self.after, at_least=0, allowed="a number of seconds, at least 0")

    @property
    def parameters(self) -> bool:
        return self.what in (SaveKind.PARAMETERS, SaveKind.BOTH)

    @property
    def intermediate(self) -> bool:
        return self.what in (SaveKind.INTERMEDIATE, SaveKind.BOTH)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What became of a request.

    Attributes:
        done: whether all that was asked for is durable.
        step: the step of the save.
        seconds: from the request until the save was durable.
        objects: names of what was written.
        why: the reason when it was not done.
    """

    id: str
    done: bool
    version: int
    step: int
    seconds: float
    objects: tuple[str, ...] = ()
    why: str = ""


def ask(store: Store, model: str, request: SaveRequest) -> None:
    """Leave `request` for the training of `model`."""
    store.put(_name(model, request.id), _REQUEST.encode(request))


def waiting_requests(store: Store, model: str) -> list[SaveRequest]:
    """The requests that nobody has answered or taken back. What cannot be read is left out."""
    prefix, found = f"models/{model}/requests/", []
    for name in (entry.name for entry in store.list(prefix)):
        if not name.endswith(_ANSWER):
            with suppress(ObjectNotFound, Corrupt):  # answered meanwhile; or nobody can answer it
                found.append(_REQUEST.read(SaveRequest, store.get(name), name=name))
    return found


def answer_to(store: Store, model: str, id: str) -> Answer | None:
    """The answer, if there is one yet."""
    try:
        name = f"models/{model}/requests/{id}{_ANSWER}"
        data = store.get(name)
    except ObjectNotFound:
        return None
    return ANSWER.read(Answer, data, name=name)


def withdraw(store: Store, model: str, id: str) -> None:
    """Take back a request that nobody has answered."""
    store.delete(_name(model, id))


class SaveRequestPoller:
    """Looks for requests in a thread of its own, and hands them to the training loop when they are due.

    A store that cannot be reached stops nothing: the poller looks again later.
    """

    def __init__(self, store: Store, model: str, version: int, *, poll: float = POLL_SECONDS) -> None:
        self._store, self._model, self._version, self._poll = store, model, version, poll
        self._lock, self._closed = threading.Lock(), threading.Event()
        self._waiting: dict[str, tuple[SaveRequest, float]] = {}
        self._taken: set[str] = set()
        self._thread = threading.Thread(target=self._watch, name="checkpoint-requests", daemon=True)
        self._thread.start()

    def due(self, step: int) -> tuple[SaveRequest, ...]:
        """Requests whose step or time has come; each is handed out once. Never blocks on the store."""
        if not self._waiting:
            return ()
        now = time.monotonic()
        with self._lock:
            chosen = [
                request
                for request, seen in self._waiting.values()
                if (request.at_step is None or step >= request.at_step)
                and (request.after is None or now - seen >= request.after)
            ]
            for request in chosen:
                del self._waiting[request.id]
        return tuple(chosen)

    def answer(self, request: SaveRequest, step: int, objects: Sequence[str], *, why: str = "") -> None:
        """Answer `request`, and remove it."""
        answer = Answer(
            id=request.id,
            done=not why,
            version=self._version,
            step=step,
            seconds=max(0.0, time.time() - request.asked),
            objects=tuple(objects),
            why=why,
        )
        self._store.put(f"models/{self._model}/requests/{request.id}{_ANSWER}", ANSWER.encode(answer))
        self._store.delete(_name(self._model, request.id))

    def close(self, step: int) -> None:
        """Training has ended at `step`: answer the requests that still wait."""
        self.stop()
        try:
            self._look()
            for request, _ in self._waiting.values():
                self.answer(request, step, (), why=f"the training ended at step {step} and saved there")
        except CkptOpsError as error:
            _log.warning("could not answer save requests: %s", printable(error.what))

    def stop(self) -> None:
        """The training stops before its end: leave the requests that wait to the next attempt."""
        self._closed.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._closed.wait(self._poll):
            try:
                self._look()
            except CkptOpsError as error:
                _log.warning("could not look for save requests: %s", printable(error.what))

    def _look(self) -> None:
        prefix = f"models/{self._model}/requests/"
        names = [entry.name for entry in self._store.list(prefix)]
        for name in names:
            known = name.removeprefix(prefix).removesuffix(".json")
            if name.endswith(_ANSWER) or known in self._taken:
                continue
            try:
                request = _REQUEST.read(SaveRequest, self._store.get(name), name=name)
            except ObjectNotFound:
                continue  # taken back meanwhile
            except Corrupt as error:
                _log.warning("save request ignored: %s", printable(error.what))
                self._taken.add(known)
                continue
            with self._lock:
                self._taken.add(known)
                self._waiting[known] = (request, time.monotonic())


def _name(model: str, id: str) -> str:
    return f"models/{model}/requests/{id}.json"
