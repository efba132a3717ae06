"""The page of a model and the graph of its versions."""

from __future__ import annotations

from collections.abc import Iterator

from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.moves import rollbacks
from ckpt_ops.lineage.records import Promoted, Rejected
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.store import Store
from ckpt_ops.views.building.drift import drift_of, drift_rows
from ckpt_ops.views.building.forgetting import forgetting
from ckpt_ops.views.building.numbers import better, ordered, production_scores
from ckpt_ops.views.building.summary import summary
from ckpt_ops.views.building.version_rows import again, edges, period_rows, version_rows
from ckpt_ops.views.description import Description
from ckpt_ops.views.lineage import LineageView
from ckpt_ops.views.model import Mark, ModelView
from ckpt_ops.views.shapes import Point, Series

MOST_VERSIONS = 1_000
MOST_PERIODS = 200
MOST_IN_GRAPH = 300


def model_view(store: Store, state: LineageState, description: Description) -> ModelView:
    """Of the state and, for what was forgotten, of reports that versions name."""
    return ModelView(
        summary=summary(store, state, description),
        scores=scores(state, description),
        marks=tuple(sorted(marks(state), key=lambda one: one.at)),
        versions=version_rows(state, last=MOST_VERSIONS),
        periods=period_rows(state, last=MOST_PERIODS),
        drift=drift_rows(drift_of(store, state)),
        forgetting=forgetting(store, state),
    )


def lineage_view(state: LineageState) -> LineageView:
    """The last versions and what they came of."""
    rows = version_rows(state, last=MOST_IN_GRAPH)[::-1]
    shown = {row.version: row for row in rows}
    return LineageView(
        model=state.model,
        head=state.head,
        versions=rows,
        edges=tuple(edges(state, shown)),
        left_out=len(state.versions) - len(rows),
    )


def scores(state: LineageState, description: Description) -> tuple[Series, ...]:
    """Each metric over every known slice; None where production was not asked."""
    found = production_scores(state)
    names = ordered((name for values in found.values() for name in values), description.metric)
    keys = sorted({*state.slices, *found})
    return tuple(
        Series(
            metric=name,
            points=tuple(Point(at=key, value=found.get(key, {}).get(name)) for key in keys),
            better=better(name),
        )
        for name in names
    )


def marks(state: LineageState) -> Iterator[Mark]:
    """What happened to versions and slices, each at a slice."""
    for one in state.versions.values():
        yield from _of_version(one)
    for record in rollbacks(state.moves):
        left = state.versions.get(record.champion or 0)
        if not record.rebase and left is not None:
            message = f"from version {left.version} back to version {record.version}: {record.reason}"
            yield Mark(at=_at(left), what="rolled back", message=message, version=record.version)
    for key, entry in state.slices.items():
        if entry.status is SliceStatus.QUARANTINED:
            yield Mark(at=key, what="quarantined", message=entry.reason)
    for key, deferred in state.deferred.items():
        yield Mark(at=key, what="deferred", message=deferred.reason, version=deferred.version)


def _of_version(one: VersionState) -> Iterator[Mark]:
    if not one.slices:
        return
    if one.promoted is not None:
        kind = {"retraining": "retrained", "rebase": "rebase", "": "promoted"}[again(one)]
        yield Mark(at=_at(one), what=kind, message=one.promoted.reason, version=one.version)
    elif isinstance(one.decided, Rejected):
        yield Mark(at=_at(one), what="rejected", message=one.decided.reason, version=one.version)
    elif isinstance(one.decided, Promoted) and again(one):  # a step on the way to a rebase's result
        yield Mark(at=_at(one), what="rebase", message=one.decided.reason, version=one.version)


def _at(one: VersionState) -> str:
    return max((ref.key for ref in one.slices), default="")
