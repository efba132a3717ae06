"""The results of a run's steps, as values.

Steps return them; only the edges turn them into JSON, by `result_json`. Names of fields and texts of enums
are keys and values there, and so an interface: users' DAGs and scripts read them.

`Evaluated` and `Trained` here are what a step returns; the records of that name in `lineage.records` are what
the log keeps of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from ckpt_ops.evaluation import Evaluation
from ckpt_ops.lineage import Action
from ckpt_ops.lineage.state import VersionStatus
from ckpt_ops.validation import Outcome

OMIT: dict[str, Any] = {"omit": True}
"""For a field: while it has its default, JSON does not have its key."""


@dataclass(frozen=True, kw_only=True)
class Pulled:
    """`pull`: the slice's revision is in the store."""

    key: str
    revision: str
    rows: int


@dataclass(frozen=True, kw_only=True)
class Share:
    """`share_out`: which parts of a slice one task pulls: every `of`-th, from the `share`-th on, from 0."""

    key: str
    share: int
    of: int


@dataclass(frozen=True, kw_only=True)
class PulledShare:
    """`pull_share`: how many parts it pulled, and their rows."""

    parts: int
    rows: int


@dataclass(frozen=True, kw_only=True)
class RowShare:
    """`share_out_rows`: which part of a slice one task validates: the `share`-th of `of`, from 0.

    Attributes:
        revision: the one that is evaluated.
        of: 1 for a slice that is not cut, because it is small, or has its verdict.
    """

    key: str
    revision: str
    share: int
    of: int


@dataclass(frozen=True, kw_only=True)
class ValidatedShare:
    """`validate_share`: how many rows it evaluated by how many expectations; 0: there was nothing to do.

    Attributes:
        cut_differently: the slice would be cut into other parts by now, so this one was left out.
    """

    rows: int
    expectations: int
    cut_differently: bool = field(default=False, metadata=OMIT)


@dataclass(frozen=True, kw_only=True)
class Validated:
    """`validate`: the verdict on a slice.

    Attributes:
        revision, rows: of what is accepted, or was looked at.
        set_aside: bad rows that are not in it.
        reasons: what does not hold, or a person's reason.
        summary: a line on the verdict.
        report: address of the report; "" for none.
    """

    key: str
    revision: str
    rows: int
    set_aside: int
    outcome: Outcome
    reasons: tuple[str, ...]
    summary: str = ""
    report: str = ""

    @property
    def trainable(self) -> bool:
        """Some of the slice may be trained on."""
        return self.outcome.trainable


@dataclass(frozen=True, kw_only=True)
class Decided:
    """`decide`: whether the run trains.

    Attributes:
        action: the planner's.
        train: the run goes on; a policy may say no though the action is to append.
        promoted: the version that was promoted first, as nobody answered in time.
        changed_at_source: keys of consumed slices that have changed at their source.
    """

    key: str
    action: Action
    why: str
    train: bool
    promoted: int | None = field(default=None, metadata=OMIT)
    changed_at_source: tuple[str, ...] = field(default=(), metadata=OMIT)


class Training(StrEnum):
    """How the step `train` ended."""

    TRAINED = "trained"  # there is a version to evaluate
    DEFERRED = "deferred"  # the policy, told the champion's score, found no update due
    SHADOW = "shadow"  # a candidate is in shadow, and is not to be evaluated yet
    SKIP = "skip"  # nothing is to be trained


@dataclass(frozen=True, kw_only=True)
class Trained:
    """`train`.

    Attributes:
        version: the candidate; None when nothing is to be trained.
        step: steps since the parent.
        stopped_by: the bound of the budget that was met first.
        checkpoints: how many were committed. These three are set only after a training.
    """

    key: str
    version: int | None
    outcome: Training
    why: str
    step: int | None = field(default=None, metadata=OMIT)
    stopped_by: str | None = field(default=None, metadata=OMIT)
    checkpoints: int | None = field(default=None, metadata=OMIT)

    @property
    def to_evaluate(self) -> int | None:
        """The version that the run goes on with; None: it ends here."""
        return self.version if self.outcome is Training.TRAINED else None


@dataclass(frozen=True, kw_only=True)
class Helped:
    """A worker of `train` other than the first.

    Attributes:
        version: the candidate that it trained with the others; None when there was nothing to train.
    """

    key: str
    worker: int
    version: int | None


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """`evaluate`: the gates' verdicts on a version.

    Attributes:
        passed: by the log; None when the version was not evaluated now.
        message: the verdict in a sentence.
        evaluation: every gate's answer; None when the version was not evaluated now.
        report: object name of the report; "" for none.
    """

    version: int
    passed: bool | None = None
    message: str = ""
    evaluation: Evaluation | None = None
    report: str = ""


class Settlement(StrEnum):
    """What `promote` made of a version."""

    PROMOTED = "promoted"
    REJECTED = "rejected"
    SUPERSEDED = "superseded"  # rejected, but by no gate: what it was compared with has changed
    DEFERRED = "deferred"  # it cannot be told whether it is better: its slices are pending again
    WAITING = "waiting"  # for a person's approval
    SHADOW = "shadow"  # it stays in shadow
    ROLLED_BACK = "rolled back"  # this and those below: settled before, and no longer the head
    REPLAYED = "replayed"
    REPLACED = "replaced"


@dataclass(frozen=True, kw_only=True)
class Settled:
    """`promote`: what became of a version, and why."""

    version: int
    decision: Settlement
    why: str

    @property
    def promoted(self) -> bool:
        """The version is in production."""
        return self.decision is Settlement.PROMOTED


@dataclass(frozen=True, kw_only=True)
class Replayed:
    """`replay` of a rebase.

    Attributes:
        version: what would become the head.
        steps: versions of all its steps, in order.
        trained: those of them that were trained now.
    """

    version: int
    steps: tuple[int, ...]
    trained: tuple[int, ...]


@dataclass(frozen=True, kw_only=True)
class Concluded:
    """The end of a rebase.

    Attributes:
        evaluated: None for a version that was in production before, and was evaluated then.
    """

    evaluated: Evaluated | None
    settled: Settled


@dataclass(frozen=True, kw_only=True)
class Rebased:
    """A rebase from its first step to its end."""

    replayed: Replayed
    concluded: Concluded

    @property
    def settled(self) -> Settled:
        """What became of its result."""
        return self.concluded.settled


@dataclass(frozen=True, kw_only=True)
class RebasePlanned:
    """`plan` of a rebase DAG.

    Attributes:
        due: there is something to rebase; if not, the fields after `head` are not set.
        why: the reason that was given.
        fork: the version that it forks from; None: from scratch.
        steps, done: how many there are, and how many of them are trained already.
        replaced: versions whose place is taken.
        changed: keys of the slices that changed.
    """

    due: bool
    dry_run: bool
    why: str
    head: int | None
    fork: int | None = None
    steps: int = 0
    done: int = 0
    replaced: tuple[int, ...] = ()
    changed: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class RetrainPlanned:
    """`plan` of a retraining.

    Attributes:
        message: what the version would be: retrained from what, on which slices.
        slices: keys of what is seen again.
        without: keys of what it would not know any more.
    """

    dry_run: bool
    why: str
    head: int | None
    version: int
    message: str
    slices: tuple[str, ...]
    without: tuple[str, ...]
    rows: int
    max_steps: int


@dataclass(frozen=True, kw_only=True)
class Retrained:
    """`retrain`: the candidate of a retraining is trained.

    Attributes:
        message: retrained from what, on which slices.
        trained: it was trained now, and not by an earlier try.
    """

    version: int
    message: str
    step: int
    stopped_by: str
    trained: bool


class Answer(StrEnum):
    """The answers to the question whether a version may be promoted."""

    APPROVE = "Approve"
    REJECT = "Reject"


@dataclass(frozen=True, kw_only=True)
class Answered:
    """`approve`: what was answered.

    Attributes:
        answer: None when nobody had to be asked.
        by: who answered; None when nobody did.
        expired: nobody answered within the deadline, and the answer is the pipeline's.
    """

    version: int
    answer: Answer | None
    by: str | None = field(default=None, metadata=OMIT)
    why: str = field(default="", metadata=OMIT)
    expired: bool = field(default=False, metadata=OMIT)


@dataclass(frozen=True, kw_only=True)
class ExportedVersion:
    """`export`: a version is in the store in another format.

    Attributes:
        format: as the command line names it.
        object: name of the object, or of the folder.
        nbytes: of all of it.
        rows, max_abs_difference: of a conversion: how many rows were compared, and how far it is off at most.
        found: it was there before.
    """

    model: str
    version: int
    format: str
    object: str
    nbytes: int
    found: bool
    rows: int | None = field(default=None, metadata=OMIT)
    max_abs_difference: float | None = field(default=None, metadata=OMIT)


@dataclass(frozen=True, kw_only=True)
class PredictedSlice:
    """`predict`: the predictions of a version on a slice are kept.

    Attributes:
        object: object name of the Parquet file.
        rows: how many are predicted, of the `slice_rows`.
        found: they were there before.
    """

    model: str
    version: int
    slice: str
    revision: str
    object: str
    rows: int
    slice_rows: int
    found: bool


def settlement_of(status: VersionStatus, *, superseded: bool) -> Settlement:
    """How a version was settled, if it was decided on; one that is open stays in shadow."""
    if superseded:
        return Settlement.SUPERSEDED
    if status in (VersionStatus.STARTED, VersionStatus.TRAINED, VersionStatus.EVALUATED):
        return Settlement.SHADOW
    return Settlement(status.value)
