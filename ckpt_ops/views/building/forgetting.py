"""What later versions forgot: a metric by version and past slice, from the reports of evaluations.

A report holds the lines of the versions before it, so that few of them are read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ckpt_ops.documents import DocumentKind
from ckpt_ops.errors import Corrupt, ObjectNotFound
from ckpt_ops.lineage import LineageState
from ckpt_ops.store import Store
from ckpt_ops.views.building.numbers import only_finite
from ckpt_ops.views.model import Heatmap

MOST_VERSIONS, MOST_SLICES = 40, 40
_REPORT = DocumentKind(what="report", indent=None)


def forgetting(store: Store, state: LineageState) -> tuple[Heatmap, ...]:
    """One heatmap, of the metric that the reports are about; none where none of them looks at past slices."""
    lines: dict[int, dict[str, float]] = {}
    metric, higher = "", None
    for one in reversed(state.ancestry(state.head)):
        if len(lines) >= MOST_VERSIONS:
            break
        if one.version in lines or one.evaluated is None or not one.evaluated.report:
            continue
        report = read_report(store, one.evaluated.report)
        if report is None or (metric and report.get("metric") != metric):
            continue
        metric, higher = str(report.get("metric", "")), report.get("higher_is_better")
        for version, on in _lines(report):
            lines.setdefault(version, on)
    keys = sorted({key for on in lines.values() for key in on})[-MOST_SLICES:]
    versions = sorted(lines)[-MOST_VERSIONS:]
    if not any(len(on) > 1 for on in lines.values()):
        return ()
    return (
        Heatmap(
            metric=metric,
            versions=tuple(versions),
            slices=tuple(keys),
            values=tuple(tuple(lines[version].get(key) for key in keys) for version in versions),
            better="" if higher is None else "higher" if higher else "lower",
        ),
    )


def read_report(store: Store, name: str) -> dict[str, Any] | None:
    """The values of an evaluation's report; None where it is gone or cannot be read."""
    try:
        return _REPORT.decode(store.get(name), name=name)
    except (ObjectNotFound, Corrupt):
        return None


def _lines(report: Mapping[str, Any]) -> list[tuple[int, dict[str, float]]]:
    """(version, metric by slice). A report is anybody's bytes: what does not fit is left out."""
    found = report.get("forgetting")
    if not isinstance(found, list):
        return []
    return [
        (one["version"], only_finite(one["on"]))
        for one in found
        if isinstance(one, dict) and isinstance(one.get("version"), int) and isinstance(one.get("on"), dict)
    ]
