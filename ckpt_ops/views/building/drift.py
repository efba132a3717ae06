"""How far columns drifted, as update policies measured it."""

from __future__ import annotations

from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import UpdateDeferred
from ckpt_ops.views.building.numbers import drift_in
from ckpt_ops.views.model import DriftRow
from ckpt_ops.views.shapes import Drifted, Point, Series

MOST = 3
POINTS = 60


def measured(state: LineageState) -> dict[str, dict[str, float]]:
    """By slice key, in key order: by column, the index that an update policy measured on the slice."""
    found: dict[str, dict[str, float]] = {}
    records = [one.decided for one in state.versions.values() if isinstance(one.decided, UpdateDeferred)]
    for record in (*records, *state.deferred.values()):
        if numbers := drift_in(record.numbers):
            found[record.slice.key] = numbers
    for version in state.versions.values():
        said = version.trained.decision.get("numbers", {}) if version.trained is not None else {}
        if version.slices and isinstance(said, dict) and (numbers := drift_in(said)):
            found[version.slices[-1].key] = numbers
    return {key: found[key] for key in sorted(found)}


def newest_drift(state: LineageState) -> tuple[Drifted, ...]:
    """Of the newest slice on which it was measured, the columns that drifted most."""
    found = measured(state)
    if not found:
        return ()
    newest = found[max(found)]
    largest = sorted(newest, key=lambda name: (-newest[name], name))[:MOST]
    return tuple(Drifted(column=name, psi=newest[name]) for name in largest)


def drift_rows(found: dict[str, dict[str, float]]) -> tuple[DriftRow, ...]:
    """A row for each column, the one that drifted most at the end first; the last slices of it."""
    keys = sorted(found)[-POINTS:]
    columns = dict.fromkeys(name for key in keys for name in found[key])
    newest = {
        name: next(found[key][name] for key in reversed(keys) if name in found[key]) for name in columns
    }
    return tuple(
        DriftRow(
            column=name,
            series=Series(
                metric="psi",
                points=tuple(Point(at=key, value=found[key].get(name)) for key in keys),
                better="lower",
            ),
        )
        for name in sorted(columns, key=lambda name: (-newest[name], name))
    )
