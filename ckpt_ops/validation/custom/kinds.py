"""The kinds and their keywords, as plain data: a suite is checked against it without an import.

A test keeps this table equal to the fields of the classes that `registered.py` gathers.
"""

from __future__ import annotations

from dataclasses import dataclass

# Keywords besides Great Expectations' own whose value is a column.
COLUMN_KEYWORDS = ("label_column", "event_time_column")


@dataclass(frozen=True, kw_only=True)
class CustomKind:
    """What may stand in a suite's `kwargs`.

    Attributes:
        row_wise: whether it evaluates each row: then it has `mostly`, and its result names the rows.
    """

    required: tuple[str, ...]
    optional: tuple[str, ...]
    row_wise: bool

    @property
    def allowed(self) -> tuple[str, ...]:
        return (*self.required, *self.optional)


KINDS = {
    "expect_column_psi_to_be_at_most": CustomKind(
        required=("column",), optional=("max_value", "bins", "reference_slices"), row_wise=False
    ),
    "expect_column_ks_statistic_to_be_at_most": CustomKind(
        required=("column",), optional=("max_value", "reference_slices"), row_wise=False
    ),
    "expect_column_values_to_be_in_reference": CustomKind(
        required=("column",), optional=("mostly", "reference_slices"), row_wise=True
    ),
    "expect_compound_columns_to_be_new": CustomKind(
        required=("column_list",), optional=("mostly", "reference_slices"), row_wise=True
    ),
    "expect_column_labels_to_be_complete": CustomKind(
        required=("column", "event_time_column", "allowed_delay_hours"),
        optional=("mostly", "relative_to"),
        row_wise=True,
    ),
    "expect_columns_to_not_leak_label": CustomKind(
        required=("column_list", "label_column"), optional=("label_above", "max_value"), row_wise=False
    ),
    "expect_column_values_to_lie_in_slice": CustomKind(
        required=("column", "length"), optional=("timezone", "mostly", "tolerance_seconds"), row_wise=True
    ),
    "expect_column_values_to_not_be_in_future": CustomKind(
        required=("column",), optional=("mostly", "tolerance_seconds"), row_wise=True
    ),
}
