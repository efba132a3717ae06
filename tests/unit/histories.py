"""Histories of a model: short ways to write one, and random ones that obey the rules."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import Action, LineageState, VersionState, VersionStatus, fold, plan
from ckpt_ops.lineage.rebase import RebasePlan, plan_rebase
from ckpt_ops.lineage.records import (
    Again,
    Approved,
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    LateSliceResolved,
    Promoted,
    Record,
    Rejected,
    Released,
    RolledBack,
    ShadowScored,
    SliceAccepted,
    SliceDiscarded,
    SliceQuarantined,
    SliceRef,
    SliceTainted,
    SliceWithdrawn,
)
from ckpt_ops.lineage.retraining import Begin, Selection, choose
from ckpt_ops.lineage.shadow import in_shadow, still_pending, superseded

KEYS = [f"2013-w{week:02d}" for week in range(1, 9)]


def ref(key: str, revision: int = 1, rows: int = 10) -> SliceRef:
    return SliceRef(key=key, revision=f"{key}-r{revision}", rows=rows)


def accepted(key: str, revision: int = 1) -> SliceAccepted:
    return SliceAccepted(slice=ref(key, revision))


def started(version: int, *slices: SliceRef, parent: int | None = None) -> CandidateStarted:
    return CandidateStarted(version=version, candidate=f"c{version}", parent=parent, slices=slices)


def trained(version: int) -> CandidateTrained:
    return CandidateTrained(
        version=version, step=5, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts={}
    )


def evaluated(version: int, *, champion: int | None, passed: bool) -> Evaluated:
    return Evaluated(version=version, champion=champion, passed=passed, metrics={}, verdicts=())


def promoted(version: int, *slices: SliceRef, champion: int | None = None) -> list[Record]:
    """A version from its start to its promotion, on top of the champion."""
    return [
        *(SliceAccepted(slice=each) for each in slices),
        started(version, *slices, parent=champion),
        trained(version),
        evaluated(version, champion=champion, passed=True),
        Promoted(version=version, champion=champion),
    ]


def in_shadow_from(version: int, *slices: SliceRef, champion: int, of: int) -> list[Record]:
    """A version on top of the champion, trained, to be evaluated on the next `of` slices."""
    return [
        *(SliceAccepted(slice=each) for each in slices),
        replace(started(version, *slices, parent=champion), shadow=of),
        trained(version),
    ]


def scored(version: int, ref: SliceRef, rows: int = 10) -> ShadowScored:
    return ShadowScored(version=version, slice=ref, predictions="p", rows=rows)


def retraining(state: LineageState, begin: Begin, selection: Selection) -> CandidateStarted | None:
    """What opens a retraining of the head on slices that it knows; None: it is refused."""
    tainted = begin is Begin.CHAMPION and state.taint(state.head) is not None
    if state.head is None or state.held is not None or tainted or in_shadow(state) is not None:
        return None
    try:
        chosen = choose(state, begin, selection)
    except BadInput:
        return None
    if not chosen.slices:
        return None
    opened = started(
        state.next_version, *chosen.slices, parent=None if begin is Begin.SCRATCH else state.head
    )
    return replace(
        opened,
        replaces=state.head if begin is Begin.SCRATCH else None,
        again=Again(without=chosen.without),
    )


def through(opened: CandidateStarted, champion: int | None) -> list[Record]:
    """What opens a candidate, to its promotion."""
    return [
        opened,
        trained(opened.version),
        evaluated(opened.version, champion=champion, passed=True),
        Promoted(version=opened.version, champion=champion),
    ]


def rejected(version: int, *slices: SliceRef, champion: int | None = None) -> list[Record]:
    return [
        started(version, *slices, parent=champion),
        trained(version),
        evaluated(version, champion=champion, passed=False),
        Rejected(version=version, champion=champion),
    ]


def state_after(*records: Record | list[Record]) -> LineageState:
    flat: list[Record] = []
    for record in records:
        flat += record if isinstance(record, list) else [record]
    return fold("model", flat)


def carried_out(state: LineageState, found: RebasePlan) -> list[Record]:
    """Every step of a rebase, and the swap of the head."""
    at, number = found.fork, max(state.versions)
    records: list[Record] = []
    for unit in found.replay:
        number += 1
        step = replace(started(number, *unit.slices, parent=at), replaces=state.head, again=unit.again)
        records += [step, trained(number)]
        at = number
    if found.replay:
        records += [
            evaluated(number, champion=state.head, passed=True),
            Promoted(version=number, champion=state.head),
        ]
    elif at is not None and state.head is not None:
        records.append(RolledBack(version=at, champion=state.head))
    return records


def _choices(state: LineageState, late_within: int, max_rejections: int) -> list[Record | list[Record]]:
    """Everything that the rules allow to be said next, one of each kind and subject; a rebase whole."""
    said: list[Record | list[Record]] = []
    for key in KEYS:
        known = state.slices.get(key)
        revision = 1 if known is None else int(known.ref.revision.rpartition("r")[2])
        said += [accepted(key, revision), SliceQuarantined(slice=ref(key, revision), report="")]
        if known is not None:
            said.append(SliceWithdrawn(slice=known.ref))
            if key in state.consumed and state.consumed[key].id not in state.tainted:
                said.append(SliceTainted(slice=state.consumed[key]))
            if known.in_quarantine:
                said.append(SliceDiscarded(slice=known.ref))
            said.append(accepted(key, revision + 1))
        decision = plan(state, key, late_within=late_within, max_rejections=max_rejections)
        if decision.action in (Action.APPEND, Action.LATE):
            number = len(state.versions) + 1
            said += [started(number, *decision.slices, parent=state.head)] * 4
            said += [promoted(number, *decision.slices, champion=state.head)] * 3  # nothing came between
            if state.head is not None:
                waits = in_shadow_from(number, *decision.slices, champion=state.head, of=1 + number % 2)
                said += [waits[len(decision.slices) :]] * 4
    for number, version in state.versions.items():
        if version.status is VersionStatus.STARTED:
            said += [trained(number)] * 4
        elif version.started.shadow and version.status in (VersionStatus.TRAINED, VersionStatus.EVALUATED):
            said += _of_shadow(state, version)
        elif version.status is VersionStatus.TRAINED:
            said += [evaluated(number, champion=state.head, passed=passed) for passed in (True, False)] * 2
        elif version.status is VersionStatus.EVALUATED and version.evaluated is not None:
            # Whoever promotes compares with the champion that the candidate was trained on and evaluated by.
            passed = version.evaluated.passed or version.approved is not None
            if passed and _could_follow(state, version):
                said += [Promoted(version=number, champion=state.head)] * 8
                said += [Approved(version=number)] * 2
            else:
                said += [Rejected(version=number, champion=state.head)] * 2
        elif version.status is VersionStatus.REJECTED and _could_follow(state, version):
            said += [Approved(version=number, despite_gates=True)]
    said += [
        RolledBack(version=number, champion=state.head)
        for number in state.restorable
        if state.head is not None
    ]
    for late in state.pending():
        if late.key < (state.newest_consumed or ""):
            said += [LateSliceResolved(slice=late, fork=fork) for fork in (True, False)]
    due = plan_rebase(state)
    if due is not None and not due.empties:
        said += [carried_out(state, due)] * 12
    for begin in Begin:
        for selection in (Selection(), Selection(newest=1), Selection(newest=2)):
            opened = retraining(state, begin, selection)
            if opened is not None:
                said += [opened, through(opened, state.head), through(opened, state.head)]
    if state.held or state.rejections:
        said.append(Released(reason="looked at"))
    return said


def _could_follow(state: LineageState, version: VersionState) -> bool:
    """Whether the version was made for the head of now, and nothing is wrong with it."""
    found = version.evaluated
    at_head = found is not None and state.head == version.champion == found.champion
    stands = all(state.standing(ref) == ref for ref in version.slices)
    return at_head and stands and state.taint(version.version) is None


def _of_shadow(state: LineageState, version: VersionState) -> list[Record | list[Record]]:
    """What may be said of a version that is evaluated in shadow."""
    number, verdict = version.version, version.evaluated
    if superseded(state, version) is not None:
        return [Rejected(version=number, champion=version.champion, superseded=True)]
    found = in_shadow(state)
    if found is None or found.version != version:
        return []
    if verdict is not None and still_pending(state, verdict.slices):
        return [Promoted(version=number, champion=state.head)] * 8
    if found.complete:
        judgement = evaluated(number, champion=state.head, passed=True)
        return [replace(judgement, slices=found.counted)] * 8
    newest = max(each.key for one in state.ancestry(number) for each in one.slices)
    arrives = [ref(key) for key in KEYS if key > newest and key not in state.slices]
    lacking = found.needed - len(found.counted)
    next_ones = (*found.waiting, *arrives)[:lacking]
    whole: list[Record] = [
        record for each in next_ones for record in (SliceAccepted(slice=each), scored(number, each))
    ]
    slices = tuple(sorted((*found.counted, *next_ones), key=lambda each: each.key))
    whole += [
        replace(evaluated(number, champion=state.head, passed=True), slices=slices),
        Promoted(version=number, champion=state.head),
    ]
    said: list[Record | list[Record]] = [scored(number, each) for each in found.waiting]
    return [*said * 8, *([whole] * 12 if len(next_ones) == lacking else [])]


@st.composite
def histories(draw: st.DrawFn, *, late_within: int = 2, max_rejections: int = 2) -> list[Record]:
    """Up to 40 records in an order that the pipeline could have written."""
    records: list[Record] = []
    state = fold("model", records)
    for _ in range(draw(st.integers(0, 40))):
        said = draw(st.sampled_from(_choices(state, late_within, max_rejections)))
        more = said if isinstance(said, list) else [said]
        records += more
        state = fold("model", more, after=state)
    return records
