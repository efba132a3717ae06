"""How far columns drifted: as update policies measured it, else as validation's expectations did."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

from ckpt_ops.documents import BadDocument, parse
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import UpdateDeferred
from ckpt_ops.store import Store
from ckpt_ops.views.building.numbers import drift_in, only_finite
from ckpt_ops.views.model import DriftRow
from ckpt_ops.views.shapes import Drifted, Point, Series

MOST = 3
_READ, _TRIED = 30, 3
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


def drift_of(store: Store, state: LineageState) -> dict[str, dict[str, float]]:
    """As `measured`; where no policy measures it, by the verdicts on the newest slices."""
    found = measured(state)
    if found:
        return found
    reports = [(key, entry.report) for key, entry in sorted(state.slices.items()) if entry.report]
    newest = reports[-_TRIED:]
    found = _verdicts(store, newest)
    if found:  # else no expectation measures it: the others are not read
        found |= _verdicts(store, reports[-_READ:-_TRIED])
    return {key: found[key] for key in sorted(found)}


def _verdicts(store: Store, reports: list[tuple[str, str]]) -> dict[str, dict[str, float]]:
    def read(report: str) -> dict[str, float]:
        try:
            drift = parse(store.get(report)).get("drift")
        except (ObjectNotFound, Corrupt, BadDocument):
            return {}
        return only_finite(drift) if isinstance(drift, dict) else {}

    with ThreadPoolExecutor(8) as pool:
        drifts = pool.map(read, (report for _, report in reports))
        return {key: drift for (key, _), drift in zip(reports, drifts, strict=True) if drift}


def newest_drift(found: dict[str, dict[str, float]]) -> tuple[Drifted, ...]:
    """Of the newest slice on which it was measured, the columns that drifted most."""
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
