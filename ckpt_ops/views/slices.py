"""The slices of a model, and one of them with all that was ever decided on it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ckpt_ops.views.shapes import Choice


@dataclass(frozen=True, kw_only=True)
class SliceRow:
    """A slice in its newest known revision, and what a run of it would do.

    Attributes:
        status: as `SliceStatus` has it; `reason`: why, and `time`: of that verdict or decision.
        report: object name of validation's verdict, or "".
        origin: the revision that was pulled, if this one was made of it, else "".
        set_aside: rows in quarantine of a slice that is accepted without them.
        released: a person let it pass.
        consumed_by: the version in the ancestry of production that was trained on it, in any revision.
        seen_by: every version that was trained on it, in any revision and whatever became of the version.
        action: what a run would do, as the planner says, and `why`.
        repeats: the version with the same parent and slices that came to nothing; None: there is none.
        suspect: why nothing trains on it, though validation accepted it; None: it is no suspect.
        late: it came after newer ones were consumed, and waits for a person.
        changed_at_source: since when its source has had a different content; None: it has not, as far as
            anybody looked.
        tainted: why it is, in this revision or the one that was consumed; None: it is not.
    """

    key: str
    revision: str
    rows: int
    status: str
    reason: str
    consumed_by: int | None
    action: str
    why: str
    changed_at_source: str | None
    repeats: int | None
    time: str = ""
    report: str = ""
    origin: str = ""
    set_aside: int = 0
    released: bool = False
    seen_by: tuple[int, ...] = ()
    suspect: str | None = None
    late: bool = False
    tainted: str | None = None


@dataclass(frozen=True, kw_only=True)
class Acknowledged:
    """That a person said why a slice has not come.

    Attributes:
        key: of the slice.
        reason, actor, time: why, who said so, and when.
        arrived: it has come since, all the same.
    """

    key: str
    reason: str
    actor: str
    time: str
    arrived: bool = False


@dataclass(frozen=True, kw_only=True)
class SlicesView:
    """Slices of a model, the newest first, some at a time.

    Attributes:
        found: how many there are that the question fits; `rows` are some of them.
        older: the key to ask for the slices before, as `before`; None: there are none.
        counts: by status, and by "pending", "suspect", "late", "set aside", "changed at source",
            "consumed": how many of all slices.
        missing: keys that should be there by the spacing of the newest 1,000 slices, and are not; at most
            200, and `missing_in_all` of them. Those that a person acknowledged are among them.
        acknowledged: of missing slices, also of those that are due later; at most 200, the newest last, and
            `acknowledged_in_all` of them.
    """

    model: str
    rows: tuple[SliceRow, ...]
    found: int
    older: str | None
    counts: Mapping[str, int]
    missing: tuple[str, ...] = ()
    missing_in_all: int = 0
    acknowledged: tuple[Acknowledged, ...] = ()
    acknowledged_in_all: int = 0


@dataclass(frozen=True, kw_only=True)
class Said:
    """A record of the log on a slice.

    Attributes:
        number: of the record in the log; `what`: its type.
        set_aside: rows that it left out.
    """

    number: int
    what: str
    time: str
    actor: str
    run: str
    reason: str
    revision: str
    rows: int
    set_aside: int = 0
    report: str = ""


@dataclass(frozen=True, kw_only=True)
class RevisionRow:
    """A revision of a slice that the store holds.

    Attributes:
        how: "as pulled", or what was done to which other one.
        roles: "newest", "consumed", "in quarantine".
        made: when; UTC, ISO 8601.
    """

    revision: str
    rows: int
    made: str
    how: str
    roles: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ReasonRow:
    """One thing that validation found. See `validation.verdict.Reason`."""

    kind: str
    severity: str
    column: str
    message: str
    expectation: str = ""
    unexpected_count: int = 0
    examples: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class VerdictView:
    """What validation said of the newest revision.

    Attributes:
        outcome: "accepted", "accepted, bad rows set aside" or "quarantined".
        drift: by column, the population stability index that its expectations measured.
    """

    outcome: str
    summary: str
    rows: int
    set_aside: int
    unread: int
    expectations: int
    seconds: float
    suite: str
    reasons: tuple[ReasonRow, ...]
    drift: Mapping[str, float]


@dataclass(frozen=True, kw_only=True)
class SliceView:
    """One slice.

    Attributes:
        history: all that the log says of it, the newest first; `whole` is false where only the newest
            records of a long log were looked through.
        revisions: those that the store still holds; empty where nobody knows the source's name.
        verdict: the latest; None where it is gone.
        inherited_by: versions that descend from one that was trained on it, and were not themselves.
        scores: of production on it, before anything trained on it.
        may: by action ("release", "discard", "withdraw", "taint", "lift-taint", "resolve"): whether a
            person may do that now.
        acknowledged: that it was missing before it came; None: nobody did.
    """

    model: str
    slice: SliceRow
    history: tuple[Said, ...]
    whole: bool
    revisions: tuple[RevisionRow, ...]
    verdict: VerdictView | None
    inherited_by: tuple[int, ...]
    scores: Mapping[str, float | None]
    may: Mapping[str, Choice]
    acknowledged: Acknowledged | None = None


@dataclass(frozen=True, kw_only=True)
class MissingView:
    """A slice that should have come, and has not. It has no row: nobody has seen it.

    Attributes:
        key: of the slice.
        missing: what it is, for those who tell this view from `SliceView`; always true.
        after: key of the newest slice before it, `before` of the oldest after it; None: there is none.
        newer: how many consumed slices are newer: so late it would be.
        acknowledged: by a person; None: nobody did.
        history, whole: as `SliceView`.
        may: by action ("acknowledge-missing", "lift-acknowledgement"): whether a person may do that now.
    """

    model: str
    key: str
    missing: bool = True
    after: str | None
    before: str | None
    newer: int
    acknowledged: Acknowledged | None
    history: tuple[Said, ...]
    whole: bool
    may: Mapping[str, Choice]
