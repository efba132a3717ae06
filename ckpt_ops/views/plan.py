"""What a backfill of a range would do with each slice, and the rebase that is due."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class PlannedSlice:
    """What a run would do with one slice. See `runs.backfill.SlicePlan`.

    Attributes:
        action: one of the words in `PlanView.actions`.
        status: None where it was never validated.
        undecided: it came too late, and a person may resolve it.
    """

    key: str
    action: str
    why: str
    status: str | None = None
    revision: str | None = None
    rows: int | None = None
    consumed_by: int | None = None
    undecided: bool = False


@dataclass(frozen=True, kw_only=True)
class ChangedSlice:
    """A slice that should have been consumed differently.

    Attributes:
        was, now: revisions; None: it was not consumed, or nothing takes its place.
    """

    key: str
    what: str
    why: str
    was: str | None
    now: str | None
    rows: int


@dataclass(frozen=True, kw_only=True)
class RebaseStep:
    """One training of a rebase.

    Attributes:
        stands_for: the version whose place it takes; None: a late slice's.
        done_by: the version that has trained it already.
    """

    slices: tuple[str, ...]
    rows: int
    stands_for: int | None
    done_by: int | None


@dataclass(frozen=True, kw_only=True)
class RebaseView:
    """The rebase that is due.

    Attributes:
        fork: the version that it starts from; None: initial weights.
        fork_message, estimate, anchor: in a sentence each; the last says what the lack of a checkpoint
            costs, and is "" where there is no such lack.
        replaced: versions whose place is taken.
        dag: id of the DAG that carries it out, None where Airflow knows none.
        command: that carries it out in a terminal.
    """

    changes: tuple[ChangedSlice, ...]
    fork: int | None
    fork_message: str
    steps: tuple[RebaseStep, ...]
    replaced: tuple[int, ...]
    estimate: str
    anchor: str
    dag: str | None
    command: str


@dataclass(frozen=True, kw_only=True)
class Tainted:
    """Why nothing may be built on the version in production."""

    version: int
    slice: str
    why: str
    by: str
    time: str


@dataclass(frozen=True, kw_only=True)
class RangeView:
    """The range that is shown, by the clocks of the DAG's time zone.

    Attributes:
        first, last: as the route takes them again: dates, or times such as 2013-01-06T08:30.
        by_time: they are times, since intervals are shorter than a day.
        earlier, later: the ends of the ranges of the same length before and after it.
        known: Airflow knows the DAG; else missing slices are inferred from the spacing of the others.
        intervals: how many data intervals of the schedule it has; None where the DAG is not known.
        cut: the range that was asked for was longer: it ends at `last`, and `later` goes on from there.
        backfill_from, backfill_to: the ends as Airflow's backfill takes them: UTC, ISO 8601; "" where there
            is nothing to fill.
    """

    first: str
    last: str
    by_time: bool
    earlier: tuple[str, str]
    later: tuple[str, str]
    timezone: str
    known: bool
    intervals: int | None
    cut: bool = False
    backfill_from: str = ""
    backfill_to: str = ""


@dataclass(frozen=True, kw_only=True)
class PlanView:
    """The page before a backfill or a rebase. Nothing on it trains anything.

    Attributes:
        source: name of the pipeline's source.
        held: why the model is on hold; None: it is not.
        slices: None where the source could not be asked: `problem` says why.
        counts: how many slices have each action.
        actions: what each word means: "a run would ...".
        rebase: None: nothing is due.
        retrain_dag: id of the DAG that retrains, None where Airflow knows none.
    """

    model: str
    source: str
    head: int | None
    held: str | None
    tainted: Tainted | None
    range: RangeView
    slices: tuple[PlannedSlice, ...] | None
    problem: str
    counts: Mapping[str, int]
    actions: Mapping[str, str]
    rebase: RebaseView | None
    retrain_dag: str | None = None


@dataclass(frozen=True, kw_only=True)
class TransferRowView:
    """One variable of the model. See `candidates.transfer_preview.TransferRow`."""

    name: str
    move: str
    source: str
    before: str
    after: str
    nbytes: int
    kept: float
    note: str


@dataclass(frozen=True, kw_only=True)
class TransferView:
    """What becomes of the variables of the version in production, where the model's code has changed.

    Attributes:
        parent: the version that training would go on from.
        same: no variable differs.
        message: how many go which way.
        rows: every variable; optimizer slots that are carried over are left out.
        changed: by place, what else differs.
        objections: why no candidate would be trained as things are; `next`: what to write so that one would.
    """

    parent: int
    same: bool
    message: str
    rows: tuple[TransferRowView, ...]
    changed: Mapping[str, str]
    objections: tuple[str, ...]
    next: str
