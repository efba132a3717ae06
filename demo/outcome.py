"""The outcome of the weeks: read from the model's log, shown as a table and as a picture."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich import box
from rich.console import Group
from rich.markup import escape
from rich.table import Table

from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import Promoted
from ckpt_ops.lineage.state import SliceStatus, VersionState
from ckpt_ops.store import Store
from demo.backfill import month_and_day

METRIC = "auc"
_COLOURS = {"promoted": "green", "rejected": "red", "quarantined": "yellow", "failed": "red"}


@dataclass(frozen=True, kw_only=True)
class Week:
    """One slice and the newest candidate that it triggered.

    Attributes:
        verdict: of the validation: accepted, quarantined, ...
        decision: promoted, rejected, skipped, deferred, ...
        why: the reason, as text.
        candidate, champion: the metric on the same held-out rows.
        promoted: whether the version was promoted, now or in an earlier run.
    """

    key: str
    rows: int = 0
    verdict: str = "not seen"
    decision: str = ""
    why: str = ""
    version: int | None = None
    steps: int | None = None
    checkpoints: int | None = None
    candidate: float | None = None
    champion: float | None = None
    promoted: bool = False


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """All weeks asked for, in time order, and the model's name and head."""

    model: str
    head: int | None
    weeks: tuple[Week, ...]

    @classmethod
    def read(
        cls, store: Store, model: str, keys: Sequence[str], results: Mapping[str, Mapping[str, Any]]
    ) -> Outcome:
        """Read the outcome from the model's log.

        Args:
            store: with the log.
            model: the model's name.
            keys: the weeks, in order.
            results: by week, the results of this run's tasks, by task: they show why a run did nothing.
        """
        state = ModelLog(store, model).state()
        weeks = tuple(_week(state, key, results.get(key, {})) for key in keys)
        return cls(model=model, head=state.head, weeks=weeks)


def _week(state: LineageState, key: str, results: Mapping[str, Any]) -> Week:
    known = state.slices.get(key)
    if known is None:
        return Week(key=key)
    if known.status is not SliceStatus.ACCEPTED:
        verdict = known.status.value
        return Week(key=key, rows=known.ref.rows, verdict=verdict, decision=verdict, why=known.reason)
    version = _triggered_by(state, key)
    decided = results.get("decide") or {}
    if decided and not decided["train"]:
        why = str(decided["why"])
        asked = state.deferred.get(key)
        decision = "deferred" if asked is not None and asked.reason == why else "skipped"
    elif version is None:
        deferred = state.deferred.get(key)
        decision, why = ("deferred", deferred.reason) if deferred else ("pending", "")
    else:
        decision = version.status.value
        why = version.decided.reason if version.decided else ""
        decision = "superseded" if version.superseded else decision
    return Week(
        key=key, rows=known.ref.rows, verdict="accepted", decision=decision, why=why, **_numbers(version)
    )


def _triggered_by(state: LineageState, key: str) -> VersionState | None:
    """The newest version whose newest slice is this one."""
    found = [one for one in state.versions.values() if one.slices and one.slices[-1].key == key]
    return found[-1] if found else None


def _numbers(version: VersionState | None) -> dict[str, Any]:
    if version is None:
        return {}
    metrics = version.evaluated.metrics if version.evaluated else {}
    return {
        "version": version.version,
        "promoted": isinstance(version.decided, Promoted),
        "steps": version.trained.step if version.trained else None,
        "checkpoints": version.trained.checkpoints if version.trained else None,
        "candidate": metrics.get("candidate", {}).get(METRIC),
        "champion": metrics.get("champion", {}).get(METRIC),
    }


def table(outcome: Outcome) -> Group:
    """A row for each week, no wider than 80 columns, and below it the reason for each decision."""
    head = f"version {outcome.head} is in production" if outcome.head else "nothing is in production"
    span = f"{outcome.weeks[0].key} to {outcome.weeks[-1].key}" if outcome.weeks else "no weeks"
    shown = Table(
        title=f"{outcome.model}, {span}: {head}",
        title_justify="left",
        box=box.SIMPLE_HEAD,
        title_style="bold",
        padding=(0, 1, 0, 0),
    )
    for name in ("week", "rows", "version", "steps", "saves", "champion", "candidate", "decision"):
        left = name in {"week", "decision"}
        name = f"{METRIC.upper()} of\n{name}" if name in {"champion", "candidate"} else name
        shown.add_column(name, justify="left" if left else "right", no_wrap=True)
    for week in outcome.weeks:
        shown.add_row(
            month_and_day(week.key),
            f"{week.rows:,}",
            *(_cell(value) for value in (week.version, week.steps, week.checkpoints)),
            *(_cell(value) for value in (week.champion, week.candidate)),
            _coloured(week),
        )
    reasons = Table.grid(padding=(0, 2))
    for week in outcome.weeks:
        reasons.add_row(
            month_and_day(week.key), f"{_coloured(week)}: {escape(week.why)}" if week.why else _coloured(week)
        )
    return Group(shown, reasons)


def _coloured(week: Week) -> str:
    decision = week.decision or week.verdict
    return f"[{_COLOURS.get(decision, 'default')}]{decision}[/]"


def _cell(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def picture(outcome: Outcome, path: Path) -> Path:
    """Draw candidate and champion over the weeks, with every decision marked; returns the path."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot as plt

    path.parent.mkdir(parents=True, exist_ok=True)
    figure, axes = plt.subplots(figsize=(9, 4.8), dpi=120, layout="constrained")
    weeks = outcome.weeks
    at = range(len(weeks))
    evaluated = [place for place in at if weeks[place].candidate is not None]
    compared = [place for place in at if weeks[place].champion is not None]
    axes.plot(
        evaluated,
        [weeks[place].candidate for place in evaluated],
        color="#1f6fb4",
        label="candidate, trained on the week",
        zorder=2,
    )
    axes.plot(
        compared,
        [weeks[place].champion for place in compared],
        color="#888888",
        linestyle="--",
        marker=".",
        label="champion, on the same held-out rows",
        zorder=2,
    )
    promoted = [place for place in evaluated if weeks[place].promoted]
    _mark(axes, promoted, weeks, marker="^", color="#2a9d4a", label="promoted")
    rejected = [place for place in evaluated if not weeks[place].promoted]
    _mark(axes, rejected, weeks, marker="X", color="#c0392b", label="rejected")
    for number, place in enumerate(p for p in at if weeks[p].verdict == "quarantined"):
        label = "quarantined: nothing trained on it" if number == 0 else None
        axes.axvspan(place - 0.4, place + 0.4, color="#f2c14e", alpha=0.5, lw=0, label=label, zorder=1)
    for place in evaluated:
        week = weeks[place]
        axes.annotate(
            f"v{week.version}",
            (place, week.candidate),
            xytext=(0, 9),
            textcoords="offset points",
            ha="center",
        )
    axes.set_xticks(list(at), [week.key for week in weeks], rotation=30, ha="right")
    axes.set_xlim(-0.5, len(weeks) - 0.5)
    axes.margins(y=0.2)
    axes.set_xlabel("week that arrived (its first day)")
    axes.set_ylabel("AUC on rows that no model trained on")
    axes.set_title(f"{outcome.model}: each week's candidate against the champion")
    axes.grid(axis="y", alpha=0.3)
    figure.legend(loc="outside lower center", ncols=4, fontsize="small", frameon=False)
    figure.savefig(path)
    plt.close(figure)
    return path


def _mark(
    axes: Any, places: list[int], weeks: Sequence[Week], *, marker: str, color: str, label: str
) -> None:
    if places:
        axes.scatter(
            places,
            [weeks[place].candidate for place in places],
            marker=marker,
            s=80,
            color=color,
            label=label,
            zorder=3,
        )
