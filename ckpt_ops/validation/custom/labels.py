"""Is the label there, and is it only in the label?"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from great_expectations.compatibility import pydantic
from great_expectations.expectations.expectation import BatchExpectation

from ckpt_ops.validation.custom.clock import pulled_at_microseconds, says
from ckpt_ops.validation.custom.columns import arrow, microseconds, valid
from ckpt_ops.validation.custom.evaluating import Evaluating
from ckpt_ops.validation.custom.findings import Misfits, NotEvaluated, Size
from ckpt_ops.validation.custom.frames import FrameFinding
from ckpt_ops.validation.custom.leakage import Label

_HOUR = 3_600_000_000  # microseconds


class OldRowsWithoutLabel(FrameFinding):
    metric_name = "table.old_rows_without_label"
    value_keys = ("column", "event_time_column", "allowed_delay_hours", "relative_to")

    @classmethod
    def find(cls, frame: Any, label: str, event: str, hours: float, relative_to: str) -> Misfits:
        """Rows that are old enough, and have no label."""
        times, known = microseconds(arrow(frame[event]), event)
        if not known.any():
            raise NotEvaluated(f"no row has a time in {event}")
        end = pulled_at_microseconds() if relative_to == "pulled_at" else int(times[known].max())
        latest = end - round(hours * _HOUR)
        old = known & (times <= latest)
        if not old.any():
            raise NotEvaluated(f"no row is older than {says(latest)}: no label is due yet")
        missing = old & ~valid(arrow(frame[label]))
        return Misfits(
            unexpected=missing,
            evaluated=int(old.sum()),
            index=frame.index,
            examples=list(frame[event][missing].head(20).astype(str)),
            subject=label,
            what=f"older than {hours:g} h (up to {says(latest)}) have no label",
        )


class LabelLeakage(FrameFinding):
    metric_name = "table.label_leakage"
    value_keys = ("column_list", "label_column", "label_above")

    @classmethod
    def find(cls, frame: Any, features: list[str], label: str, above: float | None) -> Size:
        """How well the best single feature predicts the label."""
        frame = frame[frame[label].notnull()]
        if not len(frame):
            raise NotEvaluated(f"no row has a label in {label}")
        target = Label.of(arrow(frame[label]), label, above)
        strengths = {name: target.strength_of(arrow(frame[name]), name) for name in features}
        found = sorted(
            ((name, strength) for name, strength in strengths.items() if strength is not None),
            key=lambda each: -each[1].value,
        )
        if not found:
            raise NotEvaluated(f"no feature has a value where {label} has one")
        name, worst = found[0]
        of = label if above is None else f"{label} > {above:g}"
        others = ", ".join(f"{other} {strength.value:.3g}" for other, strength in found[1:4])
        by_chance = f"chance alone reaches {worst.chance:.3g} with so few rows"
        return Size(
            value=worst.value,
            what=f"{name} alone predicts {of}: {worst.measure}",
            basis=f"in {len(frame):,} labelled rows",
            more=f"next {others}" if others else "",
            chance=by_chance if worst.value <= worst.chance else "",
            numbers={"measure": worst.measure, "features": {name: each.value for name, each in found}},
        )


class ExpectColumnLabelsToBeComplete(Evaluating, BatchExpectation):
    """Rows that are old enough have their label: training on a slice too early sees only the early ones.

    Labels that come early are not like those that come late: the flights that have landed already are
    the ones that were not delayed.

    Args:
        column: the label; null: not there yet.
        event_time_column: when the event that the label is about began; a time without zone is UTC. Rows
            without a time are not evaluated.
        allowed_delay_hours: how long a label may take.
        mostly: the least share of old rows, 0 to 1, that has a label; 1 by default. Allow for those that
            never get one.
        relative_to: "pulled_at" (default): old enough when the slice was pulled; "slice_end": when the
            newest row began.
    """

    column: str
    event_time_column: str
    allowed_delay_hours: float = pydantic.Field(ge=0)
    mostly: float = pydantic.Field(default=1.0, ge=0, le=1)
    relative_to: Literal["pulled_at", "slice_end"] = "pulled_at"

    metric_dependencies: ClassVar[tuple[str, ...]] = (OldRowsWithoutLabel.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = (*OldRowsWithoutLabel.value_keys, "mostly")
    sentence: ClassVar[str] = (
        "Rows whose $event_time_column is more than $allowed_delay_hours h before $relative_to have a "
        "label in $column, at least a share $mostly of them."
    )


class ExpectColumnsToNotLeakLabel(Evaluating, BatchExpectation):
    """No single feature predicts the label too well: it would not be there when the model is asked.

    A label of two kinds is evaluated by AUC, any other number by the size of Spearman's correlation; see
    `leakage.py`. Rows without a label, and rows where the feature is null, are left out.

    Args:
        column_list: the features: numbers, times, text or booleans, each evaluated alone.
        label_column: the label: a number, or two values of any type.
        label_above: turns a numeric label into two kinds: positive when it is above this.
        max_value: the largest AUC (0.5 to 1) or correlation (0 to 1); 0.95 by default, as H2O Driverless
            AI's `detect_features_leakage_threshold_auc`. No number tells what leaks from what is merely good
            (Kaufman et al., Leakage in Data Mining, 2012): look at the feature it names.
    """

    column_list: list[str] = pydantic.Field(min_items=1)
    label_column: str
    label_above: float | None = None
    max_value: float = pydantic.Field(default=0.95, ge=0, le=1)

    metric_dependencies: ClassVar[tuple[str, ...]] = (LabelLeakage.metric_name,)
    success_keys: ClassVar[tuple[str, ...]] = (*LabelLeakage.value_keys, "max_value")
    sentence: ClassVar[str] = (
        "None of $column_list alone predicts $label_column: AUC or |Spearman| is at most $max_value."
    )
