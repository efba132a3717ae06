"""Every metric: its name, kind, labels and meaning. The reference page and the dashboard are held to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

PREFIX = "ckpt_ops"


class Kind(StrEnum):
    """How values of a metric belong together."""

    GAUGE = "gauge"  # the last one counts
    COUNTER = "counter"  # they add up
    TIMING = "timing"  # each is one of many; milliseconds


@dataclass(frozen=True, kw_only=True)
class Metric:
    """One metric, of each model.

    Attributes:
        name: with the unit at its end; without `PREFIX`.
        labels: besides the model.
        of_state: it follows from the model's log; else the step of a run tells it, and only Airflow's stats
            have it.
    """

    name: str
    meaning: str
    kind: Kind = Kind.GAUGE
    labels: tuple[str, ...] = ()
    of_state: bool = True

    @property
    def in_prometheus(self) -> str:
        """Its name in `ckpt-ops metrics`."""
        return f"{PREFIX}_{self.name}"


@dataclass(frozen=True, kw_only=True)
class Sample:
    """A value of a metric.

    Attributes:
        metric: its name.
        labels: without the model.
    """

    metric: str
    value: float
    labels: Mapping[str, str] = field(default_factory=dict)


_STATE = (
    Metric(name="readable", meaning="1: the model's log can be read; 0: it cannot, and all else is missing"),
    Metric(
        name="freshness_seconds",
        meaning="how long ago the newest slice in production came there",
    ),
    Metric(name="freshness_objective_seconds", meaning="the pipeline's `freshness`, where it has one"),
    Metric(name="production_version", meaning="number of the version in production"),
    Metric(name="production_age_seconds", meaning="how long that version has been in production"),
    Metric(
        name="production_score",
        labels=("metric",),
        meaning="its metrics on the rows that it was evaluated on",
    ),
    Metric(
        name="new_slice_score",
        labels=("metric",),
        meaning="the first metric of production on the newest slice, before anything trained on it",
    ),
    Metric(
        name="update_latency_seconds",
        meaning="of the newest slice in production: from its pull to the promotion of the version with it",
    ),
    Metric(
        name="slices",
        labels=("status",),
        meaning="slices that need something: pending, late, quarantined, set_aside, suspects, missing, "
        "acknowledged, changed_at_source, rebase_due",
    ),
    Metric(name="versions", labels=("status",), meaning="versions by their status"),
    Metric(
        name="attention",
        labels=("what",),
        meaning="how many things a person is wanted for, 0 too; `what` as in alerts, with _ for spaces",
    ),
    Metric(name="log_records", meaning="records of the model's log"),
    Metric(name="store_bytes", meaning="what the model holds in the store, where it was measured"),
    Metric(
        name="training_seconds", meaning="seconds in steps of the last training that ended, over all attempts"
    ),
    Metric(name="training_steps_per_second", meaning="of the same"),
    Metric(name="training_uploaded_bytes", meaning="bytes written for its checkpoints, new to the store"),
    Metric(name="training_attempts", meaning="attempts that it took; above 1: it was resumed"),
    Metric(name="running_step", meaning="step of the training that runs now; missing where none does"),
    Metric(name="running_steps_per_second", meaning="its pace over the last ten seconds"),
    Metric(name="running_stall_seconds", meaning="how long its saves have kept it waiting, in all"),
)

_RUNS = (
    Metric(
        name="verdicts",
        kind=Kind.COUNTER,
        labels=("outcome",),
        of_state=False,
        meaning="slices validated",
    ),
    Metric(name="pulled_rows", kind=Kind.COUNTER, of_state=False, meaning="rows of the slices pulled"),
    Metric(
        name="settled",
        kind=Kind.COUNTER,
        labels=("decision",),
        of_state=False,
        meaning="candidates promoted, rejected and so on",
    ),
    Metric(
        name="retries",
        kind=Kind.COUNTER,
        labels=("task",),
        of_state=False,
        meaning="tries of a task after its first one, also by clearing it",
    ),
    Metric(
        name="errors",
        kind=Kind.COUNTER,
        labels=("task", "error"),
        of_state=False,
        meaning="tries that ended with an error, by its class",
    ),
    Metric(
        name="step_milliseconds",
        kind=Kind.TIMING,
        labels=("task",),
        of_state=False,
        meaning="time of a task's work, where it ended well",
    ),
)

METRICS: Mapping[str, Metric] = {one.name: one for one in (*_STATE, *_RUNS)}


def as_markdown() -> str:
    """The table of the reference page."""
    rows = [
        f"| `{one.name}` | {one.kind} | {', '.join(f'`{each}`' for each in one.labels)} | {one.meaning} |"
        for one in METRICS.values()
    ]
    state, runs = rows[: len(_STATE)], rows[len(_STATE) :]
    head = ["| metric | kind | labels | |", "|---|---|---|---|"]
    parts = ["## Of a model's log", "", *head, *state, "", "## Of a run's steps", "", *head, *runs]
    return "\n".join(parts) + "\n"
