"""A candidate's own short log: attempts, committed checkpoints, the result. And fencing.

When a worker dies, the training process it started may live on and write beside the retry. A lease
cannot stop it: it does not know that it is dead. Here every attempt begins by appending an entry,
whose number is its **fencing token**, and commits each checkpoint by appending the next number. A
zombie's append finds the newer attempt's entry in its place, is refused (`Fenced`), and the
process ends itself. What it uploaded before is unreferenced, or byte for byte what the newer
attempt writes.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

import blake3

from ckpt_ops.documents import DocumentKind, parse, read_as
from ckpt_ops.errors import Fenced, TransientError
from ckpt_ops.lineage.numbered import NumberedEntries
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named
from ckpt_ops.wire_names import wire_names


def candidate_id(
    *,
    parent: str | None,
    slices: Sequence[SliceRef],
    config: Mapping[str, Any],
    code_digest: str,
    lock_digest: str,
) -> str:
    """Names the work, not the run: the same inputs give the same id, whichever run or try asks.

    A blake3 hash over the parent's own id, ordered slice revisions, pipeline configuration, and the
    digests of the model's code and of the dependency lock; 16 hex digits. As it holds the parent's id
    and not its number, it stands for everything trained on, in order (a Merkle chain): two histories
    of the same slice revisions have the same ids, the same seeds, and so the same weights.

    Args:
        parent: candidate id of the version that training resumes from; None: it starts from scratch.
    """
    payload = {
        "parent": parent,
        "slices": [[ref.key, ref.revision] for ref in slices],
        "config": config,
        "code": code_digest,
        "lock": lock_digest,
    }
    return blake3.blake3(json.dumps(payload, sort_keys=True).encode()).hexdigest()[:16]


@dataclass(frozen=True, kw_only=True)
class Commit:
    """A committed checkpoint: `step` since the parent, and its manifest's object name.

    Attributes:
        seconds: spent in steps until then, over all attempts.
        metrics: what training reported so far; not part of the training's state.
        uploaded: bytes that were written for it.
        digest: blake3 of the manifest's bytes; "" in older entries.
    """

    step: int
    manifest: str
    token: int
    seconds: float = 0.0
    metrics: Mapping[str, float] = field(default_factory=dict)
    uploaded: int = 0
    digest: str = ""

    @property
    def named(self) -> Named:
        """Its manifest."""
        return Named(name=self.manifest, digest=self.digest)


_DOCUMENT = DocumentKind(what="entry of a candidate's log", implicit=True, indent=None, sort_keys=False)
_FIELDS = tuple(wire_names(Commit).values())


class TrainingEnd(StrEnum):
    """How a training ended: the `outcome` of its result."""

    TRAINED = "trained"
    DEFERRED = "deferred"  # the policy saw the champion's score and found no update due
    DIVERGED = "diverged"


@dataclass(frozen=True, kw_only=True)
class Progress:
    """The state of a candidate by its log.

    Attributes:
        result: of a training that has ended; its `outcome` is a `TrainingEnd`.
    """

    attempts: int
    commits: tuple[Commit, ...]
    result: Mapping[str, Any] | None


def with_logs(names: Iterable[str]) -> set[tuple[str, int]]:
    """Model and number of each version that has its own log, from the object names below `models/`."""
    found = set()
    for name in names:
        match name.split("/"):
            case ["models", model, folder, "log", _] if folder[:1] == "v" and folder[1:].isdigit():
                found.add((model, int(folder[1:])))
    return found


class CandidateLog:
    """The log of version `version` of `model`: `v{version}/log/{sequence:06d}.json`."""

    def __init__(self, store: Store, model: str, version: int) -> None:
        self.model, self.version = model, version
        self._entries = NumberedEntries(store, f"models/{model}/v{version}/log", digits=6)

    def progress(self) -> Progress:
        """Attempts so far, the commits in order, and the result if training has ended."""
        attempts, commits, result = 0, [], None
        for number, data in enumerate(self._entries.read(), start=1):
            name = self._entries.name(number)
            with _DOCUMENT.reading(name):
                entry = _DOCUMENT.upgraded(parse(data), name=name)
                match read_as(str, entry.get("type"), at="type"):
                    case "AttemptStarted":
                        attempts += 1
                    case "CheckpointCommitted":
                        fields = {name: entry[name] for name in _FIELDS if name in entry}
                        commits.append(read_as(Commit, fields))
                    case "TrainingEnded":
                        result = read_as(dict[str, Any], entry.get("result"), at="result")
        return Progress(attempts=attempts, commits=tuple(commits), result=result)

    def start_attempt(self, **about: str | int) -> Attempt:
        """Begin an attempt and fence off every earlier one."""
        while True:
            number = len(self._entries.read()) + 1
            entry = {"type": "AttemptStarted", "nonce": uuid.uuid4().hex, **about}
            if self._entries.append(number, _DOCUMENT.encode(entry)):
                return Attempt(self, self._entries, token=number)


class Attempt:
    """The right to commit to a candidate, until a newer attempt begins. Not thread-safe.

    Attributes:
        token: the fencing token: the number of this attempt's first entry.
    """

    def __init__(self, log: CandidateLog, entries: NumberedEntries, *, token: int) -> None:
        self.token = token
        self._log, self._entries, self._last = log, entries, token

    def commit(
        self,
        *,
        step: int,
        manifest: str,
        seconds: float = 0.0,
        metrics: Mapping[str, float] | None = None,
        uploaded: int = 0,
        digest: str = "",
    ) -> None:
        """Commit a checkpoint whose manifest is stored. Raises `Fenced`."""
        entry = {"step": step, "manifest": manifest, "digest": digest, "seconds": seconds}
        numbers = {"uploaded": uploaded, "metrics": dict(metrics or {})}
        self._append({"type": "CheckpointCommitted", **entry, **numbers})

    def end(self, result: Mapping[str, Any]) -> None:
        """Record the result of the training. Raises `Fenced`."""
        self._append({"type": "TrainingEnded", "result": dict(result)})

    def _append(self, entry: dict[str, Any]) -> None:
        number = self._last + 1
        data = _DOCUMENT.encode({**entry, "token": self.token, "nonce": uuid.uuid4().hex})
        while not self._entries.append(number, data):
            self._require_own(number)
            number += 1
        self._last = number

    def _require_own(self, number: int) -> None:
        """The entry may be our own: it was written, but the store only reported `CommitStateUnknown`."""
        taken = self._entries.get(number)
        if taken is None:
            raise TransientError(
                f"{self._entries.name(number)} could not be created because it exists, but it cannot be read",
                safe="earlier commits stand",
                next="run the step again",
            )
        by = _DOCUMENT.decode(taken, name=self._entries.name(number))
        if by.get("token") == self.token:
            return
        raise Fenced(
            f"attempt {self.token} at {self._log.model} v{self._log.version} is fenced off: "
            f"entry {number} is a {by.get('type')} of another attempt",
            safe="the newer attempt's commits stand; this one's last checkpoint was not committed",
            next="nothing to do: the newer attempt goes on",
        )
