"""The records of a model's log: small and immutable.

A record is written once and never edited; the log is their order. `encoding` makes bytes of them.
"""

from __future__ import annotations

import getpass
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from ckpt_ops.store.named import Named, Written


@dataclass(frozen=True, kw_only=True)
class SliceRef:
    """One revision of one slice.

    Attributes:
        key: the slice's key; keys sort in time.
        revision: hash of its content.
        rows: how many rows it holds.
    """

    key: str
    revision: str
    rows: int

    @property
    def id(self) -> str:
        """Key and revision: two slices may have the same content, and so the same revision."""
        return slice_id(self.key, self.revision)


def slice_id(key: str, revision: str) -> str:
    """What names one revision of one slice; no key holds an '@'."""
    return f"{key}@{revision}"


def now_as_text() -> str:
    """The time of a record: UTC, ISO 8601."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


_acting: ContextVar[str | None] = ContextVar("acting", default=None)


@contextmanager
def acting_as(name: str | None) -> Iterator[None]:
    """While the block runs, what this thread records carries this name: one of those that a process serves.

    Args:
        name: of the person; None: as without the block.
    """
    token = _acting.set(name)
    try:
        yield
    finally:
        _acting.reset(token)


def actor_of_now() -> str:
    """Who acts: as `acting_as` says, else CKPT_OPS_ACTOR, else the user of the operating system."""
    return _acting.get() or os.environ.get("CKPT_OPS_ACTOR") or getpass.getuser()


@dataclass(frozen=True, kw_only=True)
class Record:
    """What every record carries.

    Attributes:
        reason: why, as text.
        actor: who caused it (see `actor_of_now`).
        run: the Airflow run or the command that caused it (CKPT_OPS_RUN).
        time: when, UTC, ISO 8601.
        nonce: makes each record's bytes unique, so that a writer knows its own.
    """

    reason: str = ""
    actor: str = field(default_factory=actor_of_now)
    run: str = field(default_factory=lambda: os.environ.get("CKPT_OPS_RUN", ""))
    time: str = field(default_factory=now_as_text)
    nonce: str = field(default_factory=lambda: uuid.uuid4().hex)


@dataclass(frozen=True, kw_only=True)
class SliceAccepted(Record):
    """The slice passed validation and is pending until a promoted version consumes it.

    Attributes:
        origin: the revision that was pulled, when the accepted one was made of it: bad rows were set
            aside, or a person released it. Else "".
        set_aside: rows of `origin` that the accepted revision lacks.
        released: a person let it pass, whatever validation says of it.
        report: object name of the verdict; "" in older records.
    """

    slice: SliceRef
    origin: str = ""
    set_aside: int = 0
    released: bool = False
    report: str = ""


@dataclass(frozen=True, kw_only=True)
class SliceQuarantined(Record):
    """The slice failed validation: nothing trains on it."""

    slice: SliceRef
    report: str


@dataclass(frozen=True, kw_only=True)
class SliceDiscarded(Record):
    """A person gave up on what is in quarantine: the whole slice, or the rows set aside from it."""

    slice: SliceRef


@dataclass(frozen=True, kw_only=True)
class SliceWithdrawn(Record):
    """A person took the slice back."""

    slice: SliceRef


@dataclass(frozen=True, kw_only=True)
class SliceTainted(Record):
    """A person decided that nothing may be built on a version trained on this revision."""

    slice: SliceRef


@dataclass(frozen=True, kw_only=True)
class SourceChanged(Record):
    """Consumed slices were rewritten at their source, as far as fingerprints tell.

    Attributes:
        slices: all of them as of now, in the revision as it was pulled; empty when none differs any more.
    """

    slices: tuple[SliceRef, ...]


@dataclass(frozen=True, kw_only=True)
class TaintLifted(Record):
    """A person took a taint back; other decisions on the slice stand."""

    slice: SliceRef


@dataclass(frozen=True, kw_only=True)
class LateSliceResolved(Record):
    """A person decided on a slice that came too late to be appended by itself.

    Attributes:
        fork: a rebase trains on it where it belongs; else it is appended after what was consumed.
    """

    slice: SliceRef
    fork: bool


@dataclass(frozen=True, kw_only=True)
class MissingAcknowledged(Record):
    """A person said why a slice has not come: a holiday, a shop that was closed.

    Nobody is asked about it again, and it is missing still. If it comes all the same, it is taken as any
    other.

    Attributes:
        key: of the slice; it has no revision.
    """

    key: str


@dataclass(frozen=True, kw_only=True)
class AcknowledgementLifted(Record):
    """A person took that back: somebody has to look after the missing slice again."""

    key: str


@dataclass(frozen=True, kw_only=True)
class UpdateDeferred(Record):
    """The update policy found no update due; the slices stay pending.

    Attributes:
        version: the candidate that ended so, if the champion had to score the slice first.
        scores, scored_rows: see `CandidateTrained`; empty if the champion did not have to score.
    """

    slice: SliceRef
    numbers: dict[str, float]
    version: int | None = None
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    scored_rows: dict[str, int] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Again:
    """A retraining: the candidate sees slices that were consumed before, and nothing is drawn beside them.

    Attributes:
        max_steps: of its training; None: the pipeline's budget.
        without: slices consumed before that a model which is trained from scratch does without, as they were
            consumed. They do not become pending.
    """

    max_steps: int | None = None
    without: tuple[SliceRef, ...] = ()


@dataclass(frozen=True, kw_only=True)
class CandidateStarted(Record):
    """A version number was given to a candidate.

    Attributes:
        parent: the promoted version it resumes from; None for the first, and from scratch.
        slices: what it consumes, in order; in a retraining, what it sees again.
        replaces: the head that it is to replace where it does not go on from it. The parent is then a
            version from before a rebase's fork, or the rebase's step before this one; a retraining from
            scratch has none. None: it goes on from the head.
        shadow: how many of the next slices it is evaluated on before it may be promoted; 0: it is
            evaluated on held-out rows of its own.
        again: it is a retraining, or a rebase's step in the place of one; None: it is not.
    """

    version: int
    candidate: str
    parent: int | None
    slices: tuple[SliceRef, ...]
    late: bool = False
    replaces: int | None = None
    shadow: int = 0
    again: Again | None = None

    @property
    def retrains(self) -> bool:
        """It is a retraining itself, and no step of a rebase in the place of one, which has a parent.

        A rebase that begins in the place of a retraining from scratch cannot be told from one.
        """
        return self.again is not None and (self.replaces is None or self.parent is None)


@dataclass(frozen=True, kw_only=True)
class CandidateTrained(Record):
    """Training ended within its budget.

    Attributes:
        step: steps since the parent.
        stopped_by: the bound of the budget that was reached first.
        checkpoints: how many were committed.
        manifest: object name of the final checkpoint's manifest.
        artifacts: object names of predictions, export and so on, by kind.
        manifest_digest: blake3 of the manifest's bytes; "" in older records.
        files: every object that `artifacts` names or that lies below it; none in older records.
        uploaded: bytes that were written for its checkpoints, those of earlier attempts too: what was in the
            store before is not written again. None in older records.
        seconds: spent in steps, over all attempts; 0 in older records.
        decision: why the update policy let it go ahead: "words" and "numbers"; empty where it was not
            asked: in a rebase, and in older records.
        scores: by slice key, the champion's metrics on every row of each slice that it was not trained
            on, before anything trained on it: test, then train. Empty for a first version.
        scored_rows: by slice key, how many rows its scores are of, where it has more rows than a champion is
            scored on; they are drawn evenly. None in older records, which scored every row.
    """

    version: int
    step: int
    stopped_by: str
    checkpoints: int
    manifest: str
    artifacts: dict[str, str]
    seconds: float = 0.0
    decision: dict[str, Any] = field(default_factory=dict)
    scores: dict[str, dict[str, float]] = field(default_factory=dict)
    manifest_digest: str = ""
    files: tuple[Written, ...] = ()
    uploaded: int | None = None
    scored_rows: dict[str, int] = field(default_factory=dict)

    @property
    def final(self) -> Named:
        """The manifest of the checkpoint that it ended with."""
        return Named(name=self.manifest, digest=self.manifest_digest)

    def artifact(self, kind: str) -> Named:
        """The object that holds an artifact which is one object. Raises `KeyError`: there is no such kind."""
        name = self.artifacts[kind]
        known = (one.named for one in self.files if one.name == name)
        return next(known, Named(name=name))


@dataclass(frozen=True, kw_only=True)
class ShadowScored(Record):
    """A candidate in shadow and its champion have predicted every row of a slice that neither trained on.

    Attributes:
        predictions: object name of what both predicted.
        rows: how many were predicted; with none, the slice does not count.
    """

    version: int
    slice: SliceRef
    predictions: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Evaluated(Record):
    """Every gate gave its verdict.

    Attributes:
        champion: the version the candidate was compared with; None for the first.
        metrics: by metric name, for candidate and champion on the same rows.
        verdicts: of every gate, a sentence each; the reason quotes those that rejected it.
        report: object name of all that was found, as JSON; its page lies beside it. "" in older records.
        slices: those it was evaluated on in shadow, all their rows; empty: held-out rows of its own slices.
        waits: it did not pass only because nobody can tell whether it is better: it is not rejected.
        suspects: by key, why a slice that it was trained on is to blame; empty when it passed.
        below_floor: for "candidate" or "champion", how it misses a floor on those rows, in a sentence each.
    """

    version: int
    champion: int | None
    passed: bool
    metrics: dict[str, dict[str, float]]
    verdicts: tuple[str, ...]
    report: str = ""
    slices: tuple[SliceRef, ...] = ()
    waits: bool = False
    suspects: dict[str, str] = field(default_factory=dict)
    below_floor: dict[str, str] = field(default_factory=dict)

    @property
    def rejecting(self) -> tuple[str, ...]:
        """Verdicts that rejected it; where none did, as no gate applied, all of them. () when it passed."""
        if self.passed:
            return ()
        found = (one for one in self.verdicts if f": {gate_and_message(one)[1]}" in self.reason)
        return tuple(found) or self.verdicts


def gate_and_message(verdict: str) -> tuple[str, str]:
    """The two parts of a verdict in the log: the gate as code would write it, and its sentence."""
    gate, found, message = verdict.partition("): ")
    if found:
        return f"{gate})", message
    gate, _, message = verdict.partition(": ")
    return gate, message


@dataclass(frozen=True, kw_only=True)
class Approved(Record):
    """A person approved the promotion of the version, or nobody objected in time.

    Attributes:
        despite_gates: the gates did not let it pass; the person overrides them.
        expired: nobody answered within the deadline, and that counts as a yes.
    """

    version: int
    despite_gates: bool = False
    expired: bool = False


@dataclass(frozen=True, kw_only=True)
class Promoted(Record):
    """The version is in production and the parent of what comes next.

    Attributes:
        manifest_digest: blake3 of the manifest of the checkpoint that it ended with.
        export_digest: blake3 over its export: `checkpoints.exports`. Both "" in older records.
    """

    version: int
    champion: int | None
    manifest_digest: str = ""
    export_digest: str = ""


@dataclass(frozen=True, kw_only=True)
class Rejected(Record):
    """The version was rejected; its slices are pending again.

    Attributes:
        superseded: not by a gate: the champion it was compared with is no longer the head, or a slice
            that it was trained on was tainted, corrected or withdrawn.
        by_person: not by a gate: a person rejected it.
        expired: not by a gate: nobody answered within the deadline, and that counts as a no.
    """

    version: int
    champion: int | None
    superseded: bool = False
    by_person: bool = False
    expired: bool = False


@dataclass(frozen=True, kw_only=True)
class RolledBack(Record):
    """Production went back to an earlier promoted version; versions built on the later ones are marked.

    Attributes:
        rebase: it is the result of a rebase: the history that should have been ends with that version.
    """

    version: int
    champion: int
    rebase: bool = False


@dataclass(frozen=True, kw_only=True)
class CheckpointsDropped(Record):
    """Retention pruned the checkpoints of old versions: nothing can be trained from them any more."""

    versions: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Forgotten(Record):
    """A person asked to forget rows, or whole slices. It holds for what is pulled later, too.

    Attributes:
        request: names it; 12 hex digits.
        rows: which rows of every slice, as `slices.predicate` reads it; "" for whole slices.
        keys: the whole slices; none when rows are meant.
        revisions: (key, revision) that held them at the time of the request: what has to be purged.
        grace_hours: how long they stay after the rebase is promoted.
    """

    request: str
    rows: str
    keys: tuple[str, ...]
    revisions: tuple[tuple[str, str], ...]
    grace_hours: float


@dataclass(frozen=True, kw_only=True)
class Purged(Record):
    """What `Forgotten` asked for is done: revisions and checkpoints are gone.

    Attributes:
        versions: whose checkpoints, predictions and exports are gone.
        certificate: object name of the signed-off record.
        digest: blake3 of its bytes.
    """

    request: str
    versions: tuple[int, ...]
    certificate: str
    digest: str


@dataclass(frozen=True, kw_only=True)
class Converted(Record):
    """The version was converted into another format, and compared with what it was converted from.

    Attributes:
        format: "tflite" or "onnx".
        object: object name of the converted model; "" when it was refused: then nothing is kept.
        rows: how many were compared.
        max_abs_difference: the largest between two predictions; None when none were compared.
        error: why it was refused; "" when it was not.
    """

    version: int
    format: str
    object: str
    rows: int
    max_abs_difference: float | None
    error: str = ""


@dataclass(frozen=True, kw_only=True)
class Exported(Record):
    """A checkpoint of the version was written to the store in a format of another library.

    Attributes:
        format: as `ckpt-ops export --format` names it.
        step: of the checkpoint.
        object: name of the object, or of the folder.
        files: how many objects it has; `nbytes`: of all of them.
    """

    version: int
    format: str
    step: int
    object: str
    files: int
    nbytes: int

    @property
    def key(self) -> str:
        """What names it in the state."""
        return f"{self.version} {self.format} {self.step}"


@dataclass(frozen=True, kw_only=True)
class Predicted(Record):
    """The version's predictions on a slice are kept.

    Attributes:
        object: object name of the Parquet file.
        rows: how many were predicted: those that the model's code turns into inputs.
    """

    version: int
    slice: SliceRef
    object: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Held(Record):
    """Nothing trains until a person has decided."""


@dataclass(frozen=True, kw_only=True)
class Released(Record):
    """A person ended the hold."""
