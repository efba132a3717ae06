"""Versions as rows of a table and nodes of a graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.moves import rollbacks
from ckpt_ops.lineage.production import periods
from ckpt_ops.views.building.decided import decision_of
from ckpt_ops.views.building.numbers import finite, only_finite
from ckpt_ops.views.lineage import Edge
from ckpt_ops.views.model import PeriodRow, VersionRow


def version_rows(state: LineageState, *, last: int) -> tuple[VersionRow, ...]:
    """The last versions, the newest first."""
    numbers = list(state.versions)[-last:]
    generations = _generations(state)
    return tuple(
        version_row(state, state.versions[number], generations[number]) for number in reversed(numbers)
    )


def version_row(state: LineageState, one: VersionState, generation: int) -> VersionRow:
    """One of them."""
    trained, evaluated, approved = one.trained, one.evaluated, one.approved
    metrics = evaluated.metrics if evaluated is not None else {}
    return VersionRow(
        version=one.version,
        status=one.status.value,
        head=state.head == one.version,
        parent=one.parent,
        generation=generation,
        started=one.started.time,
        slices=tuple(ref.key for ref in one.slices),
        rows=one.rows,
        metrics=only_finite(metrics.get("candidate", {})),
        champion_metrics=only_finite(metrics.get("champion", {})),
        decided=decision_of(one.decided, one) if one.decided is not None else None,
        approved_by=approved.actor if approved is not None else "",
        approved_why=approved.reason if approved is not None else "",
        seconds=finite(trained.seconds) if trained is not None else None,
        step=trained.step if trained is not None else None,
        stopped_by=trained.stopped_by if trained is not None else "",
        nbytes=trained.uploaded if trained is not None else None,
        again=again(one),
        late=one.started.late,
        shadow=one.started.shadow > 0,
    )


def again(one: VersionState) -> str:
    """ "retraining", "rebase" or ""."""
    if one.ordinary:
        return ""
    if one.started.retrains:
        return "retraining"
    return "rebase" if one.started.replaces is not None else ""


def edges(state: LineageState, shown: Mapping[int, VersionRow]) -> Iterator[Edge]:
    """Between the versions that are shown."""
    for number in shown:
        one = state.versions[number]
        if one.parent is not None and one.parent in shown:
            yield Edge(source=one.parent, target=number, what="trained from")
        replaces = one.started.replaces
        if replaces is not None and replaces in shown:
            yield Edge(source=replaces, target=number, what="replaces")
    for record in rollbacks(state.moves):
        if not record.rebase and record.champion in shown and record.version in shown:
            yield Edge(source=record.champion, target=record.version, what="rolled back to")


def period_rows(state: LineageState, *, last: int) -> tuple[PeriodRow, ...]:
    """The last periods, the newest first."""
    return tuple(
        PeriodRow(
            version=one.version,
            since=one.since,
            until=one.until,
            how=one.how.value,
            actor=one.actor,
            why=one.why,
        )
        for one in reversed(periods(state, last=last))
    )


def _generations(state: LineageState) -> dict[int, int]:
    """As `LineageState.generation`, of every version at once: parents come first."""
    found: dict[int, int] = {}
    for number, one in state.versions.items():
        before = found[one.parent] if one.parent is not None else 1
        found[number] = before + one.transferred
    return found
