"""What the history of a model should have been, and the way there: a pure decision over the state.

A consumed slice that was corrected, withdrawn or tainted, or a late one that a person wants where it
belongs, makes the head's history different from what it should be. The way there is a **fork**: what comes
after the nearest kept checkpoint before the first difference is retrained in order. No plan is recorded: it
follows from the log, so a run that was stopped in the middle plans again and finds the same plan, with the
steps that are done.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ckpt_ops.lineage.records import Again, SliceRef
from ckpt_ops.lineage.state import LineageState, SliceState, VersionState


@dataclass(frozen=True, kw_only=True)
class Change:
    """Why the history should have been different.

    Attributes:
        what: "corrected", "withdrawn", "tainted" or "late".
        was, now: the revision that was consumed, and the one to train on instead; None for none.
    """

    key: str
    what: str
    why: str
    was: SliceRef | None
    now: SliceRef | None


@dataclass(frozen=True, kw_only=True)
class Unit:
    """What one candidate is trained on: one step of a history.

    Attributes:
        slices: in key order.
        stands_for: the version that it replaces; None for a slice that no version consumed.
    """

    slices: tuple[SliceRef, ...]
    stands_for: VersionState | None = None

    @property
    def rows(self) -> int:
        return sum(ref.rows for ref in self.slices)

    @property
    def again(self) -> Again | None:
        """It stands for a retraining, and is trained as that was; None: it is an ordinary step."""
        return None if self.stands_for is None else self.stands_for.started.again


@dataclass(frozen=True, kw_only=True)
class Cost:
    """What training on some units would take, by the records of the versions that they stand for.

    Attributes:
        candidates: trainings.
        steps: optimizer steps.
        seconds: spent in steps; 0 when no record says how long a step takes.
    """

    candidates: int
    rows: int
    steps: int
    seconds: float


@dataclass(frozen=True, kw_only=True)
class RebasePlan:
    """The way to the history that should have been.

    Attributes:
        changes: why, in key order.
        nearest: the last version whose whole history is as it should have been; None: there is none.
        fork: the nearest one at or before it whose checkpoint is kept; None: a full rebuild.
        replay: what is retrained from there, in order. Empty: `fork` itself becomes the head, as it was
            before. A step of an earlier rebase was never evaluated by itself: it is retrained.
        replaced: versions of the head's ancestry that are replaced.
        cost: of `replay`.
        anchor_cost: the part of it that is due only because the checkpoint of `nearest` is not kept.
        rebuild: the cost of retraining the whole history from scratch.
    """

    changes: tuple[Change, ...]
    nearest: int | None
    fork: int | None
    replay: tuple[Unit, ...]
    replaced: tuple[int, ...]
    cost: Cost
    anchor_cost: Cost
    rebuild: Cost

    @property
    def empties(self) -> bool:
        """No slice would be left to train on."""
        return self.fork is None and not self.replay


def plan_rebase(state: LineageState) -> RebasePlan | None:
    """The way to the history that should have been; None when the head already has it."""
    changes = _changes(state)
    if not changes:
        return None
    line = state.ancestry(state.head)
    wanted = history(state)
    same = 0
    for version, unit in zip(line, wanted, strict=False):
        if unit.stands_for is not version or unit.slices != version.slices:
            break
        same += 1
    forks = [
        at
        for at in range(same)
        if line[at].version not in state.dropped and (at + 1 < len(wanted) or line[at].promoted)
    ]
    begins = forks[-1] + 1 if forks else 0
    lacking = same > 0 and line[same - 1].version in state.dropped
    return RebasePlan(
        changes=changes,
        nearest=line[same - 1].version if same else None,
        fork=line[begins - 1].version if begins else None,
        replay=wanted[begins:],
        replaced=tuple(version.version for version in line[begins:]),
        cost=cost(state, wanted[begins:]),
        anchor_cost=cost(state, wanted[begins:same] if lacking else ()),
        rebuild=cost(state, wanted),
    )


def history(state: LineageState) -> tuple[Unit, ...]:
    """What the head's ancestry should have been trained on, one unit per candidate, in order.

    Versions keep their order and their slices, in the revisions that count now; a version without a slice
    left is dropped; when no version is left, the pending slices start again. A late slice joins the version
    that was trained on slices before and after it; else it is a unit of its own before the first version
    that was trained only on later ones.
    """
    units = []
    for version in state.ancestry(state.head):
        slices = tuple(now for ref in version.slices if (now := state.standing(ref)) is not None)
        if slices:
            units.append(Unit(slices=slices, stands_for=version))
    if not units and state.head is not None:
        return tuple(Unit(slices=(ref,)) for ref in state.pending())
    for ref in _late(state):
        _insert(units, ref)
    return tuple(units)


def cost(state: LineageState, units: Sequence[Unit]) -> Cost:
    """What training on `units` would take. Steps follow rows, unless a bound on steps ended the training."""
    known = [one.trained for one in state.versions.values() if one.trained is not None and one.trained.step]
    timed = [trained for trained in known if trained.seconds]
    pace = sum(one.seconds for one in timed) / sum(one.step for one in timed) if timed else 0.0
    rows = sum(state.versions[one.version].rows for one in known)
    per_row = sum(one.step for one in known) / rows if rows else 0.0
    steps, seconds = 0, 0.0
    for unit in units:
        before = unit.stands_for
        trained = before.trained if before else None
        if before is None or trained is None:
            more = round(per_row * unit.rows)
        elif trained.stopped_by == "max_steps" or not before.rows:
            more = trained.step
        else:
            more = round(trained.step * unit.rows / before.rows)
        own = trained.seconds / trained.step if trained and trained.step and trained.seconds else pace
        steps, seconds = steps + more, seconds + more * own
    return Cost(candidates=len(units), rows=sum(unit.rows for unit in units), steps=steps, seconds=seconds)


def _late(state: LineageState) -> list[SliceRef]:
    """Late slices that a person wants where they belong, by a fork."""
    newest = state.newest_consumed
    return [
        ref
        for ref in state.pending()
        if state.resolved.get(ref.id) and newest is not None and ref.key < newest
    ]


def _insert(units: list[Unit], ref: SliceRef) -> None:
    for at, unit in enumerate(units):
        keys = [one.key for one in unit.slices]
        if min(keys) < ref.key < max(keys):
            slices = tuple(sorted((*unit.slices, ref), key=lambda one: one.key))
            units[at] = Unit(slices=slices, stands_for=unit.stands_for)
            return
        if ref.key < min(keys):
            units.insert(at, Unit(slices=(ref,)))
            return
    units.append(Unit(slices=(ref,)))


def _reason(entry: SliceState | None) -> str:
    """A person's reason; what validation found in a corrected slice explains nothing."""
    return "" if entry is None or entry.by_validation else entry.reason


def _changes(state: LineageState) -> tuple[Change, ...]:
    found = []
    for key, was in state.consumed.items():
        now, entry = state.standing(was), state.slices.get(key)
        if now == was:
            continue
        taint = state.tainted.get(was.id)
        what = "tainted" if taint is not None else "withdrawn" if now is None else "corrected"
        why = taint.reason if taint is not None else _reason(entry)
        found.append(Change(key=key, what=what, why=why, was=was, now=now))
    found += [
        Change(key=ref.key, what="late", why="a person chose to fork for it", was=None, now=ref)
        for ref in _late(state)
    ]
    return tuple(sorted(found, key=lambda change: change.key))
