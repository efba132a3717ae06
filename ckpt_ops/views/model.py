"""One model: how good production was, its versions, its periods, drift, forgetting and cost."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.shapes import Decision, Series


@dataclass(frozen=True, kw_only=True)
class VersionRow:
    """A version in a table, and a mark on the chart.

    Attributes:
        status: as `VersionStatus` has it; `head`: it is in production.
        slices: keys of what it consumed; `rows`: of all of them.
        metrics: by name, of the candidate on the rows that it was evaluated on; `champion_metrics`: of the
            champion on the same rows.
        decided: the decision, None while there is none; `approved_by`, `approved_why`: of its approval.
        seconds, step, stopped_by: of its training; None before its end.
        nbytes: what its checkpoints added to the store; None: it was not recorded.
        again: it is a retraining, or a step of a rebase: "retraining", "rebase" or "".
    """

    version: int
    status: str
    head: bool
    parent: int | None
    generation: int
    started: str
    slices: tuple[str, ...]
    rows: int
    metrics: Mapping[str, float]
    champion_metrics: Mapping[str, float]
    decided: Decision | None = None
    approved_by: str = ""
    approved_why: str = ""
    seconds: float | None = None
    step: int | None = None
    stopped_by: str = ""
    nbytes: int | None = None
    again: str = ""
    late: bool = False
    shadow: bool = False


@dataclass(frozen=True, kw_only=True)
class PeriodRow:
    """How long one version was in production. See `lineage.production.Period`."""

    version: int
    since: str
    until: str | None
    how: str
    actor: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Mark:
    """Something that happened, at a slice of the chart.

    Attributes:
        what: "promoted", "rejected", "rolled back", "quarantined", "deferred", "retrained", "rebase".
    """

    at: str
    what: str
    message: str
    version: int | None = None


@dataclass(frozen=True, kw_only=True)
class DriftRow:
    """A column's drift over slices; its values are of the population stability index."""

    column: str
    series: Series


@dataclass(frozen=True, kw_only=True)
class Heatmap:
    """A metric by version and past slice: what later versions forgot.

    Attributes:
        versions, slices: the rows and the columns.
        values: a row for each version; None where it was not measured.
    """

    metric: str
    versions: tuple[int, ...]
    slices: tuple[str, ...]
    values: tuple[tuple[float | None, ...], ...]
    better: str = ""


@dataclass(frozen=True, kw_only=True)
class ModelView:
    """The page of a model.

    Attributes:
        scores: each metric as production scored each slice before anything trained on it.
        versions: the newest first; at most 1,000, `summary.versions` has how many there are.
        periods: the newest first; at most 200.
        forgetting: by metric; empty where no gate looks at past slices.
    """

    summary: Summary
    scores: tuple[Series, ...]
    marks: tuple[Mark, ...]
    versions: tuple[VersionRow, ...]
    periods: tuple[PeriodRow, ...]
    drift: tuple[DriftRow, ...] = ()
    forgetting: tuple[Heatmap, ...] = ()
