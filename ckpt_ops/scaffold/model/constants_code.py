"""The constants of `model.py`: the label, and what each column becomes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from ckpt_ops.scaffold.layout import WIDTH, tuple_code
from ckpt_ops.scaffold.literals import repr_of
from ckpt_ops.scaffold.model.features import Becomes, Feature, by_kind
from ckpt_ops.scaffold.model.label import Target
from ckpt_ops.scaffold.model.shapes import width_of


def constants_code(target: Target, features: Sequence[Feature], slice_time: str) -> str:
    """One for each kind of column that there is, and `Columns`, a type.

    Args:
        slice_time: the column from which days are counted, where a feature is such.
    """
    wanted = by_kind(features)
    lines = [f"LABEL = {repr_of(target.column)}"]
    if target.classes:
        lines += listed("CLASSES", [repr_of(each) for each in target.classes])
    if target.group:
        lines.append(f"GROUP = {repr_of(target.group)}  # rows that share its value are ranked")
    if renamed := renamed_of(features):
        lines.append("# Columns whose names no layer may have, by what the model calls them.")
        lines += _table("COLUMNS", {each.input: repr_of(each.column) for each in renamed})
    if numbers := wanted[Becomes.NUMBER]:
        lines.append("# Numbers, with the median that was seen: it stands in for a missing value.")
        lines += _table("NUMBERS", {each.input: repr(each.usual) for each in numbers})
    if days := wanted[Becomes.DAYS]:
        lines.append("# Dates, with the days that usually lie between them and the slice's time.")
        lines += _table("DAYS", {each.input: repr(each.usual) for each in days})
        lines.append(f"SLICE_TIME = {repr_of(slice_time)}")
    if texts := wanted[Becomes.CATEGORY]:
        lines.append("# Categories, with the width of their embedding.")
        lines += _table("TEXTS", {each.input: str(width_of(each)) for each in texts})
    if codes := wanted[Becomes.CODE]:
        lines.append("# Categories that are whole numbers, with the width of their embedding.")
        lines += _table("CODES", {each.input: str(width_of(each)) for each in codes})
        nothing = int(min(each.usual for each in codes))
        lines.append(f"NO_CODE = {nothing}  # stands in for a missing one")
    if hours := wanted[Becomes.HOUR]:
        lines += listed("HOURS", [repr_of(each.input) for each in hours])
    if weekdays := [*wanted[Becomes.HOUR], *wanted[Becomes.WEEKDAY]]:
        lines += listed("WEEKDAYS", [repr_of(each.input) for each in weekdays])
    return "\n".join([*lines, "", "Columns = dict[str, npt.NDArray[Any]]"])


def renamed_of(features: Sequence[Feature]) -> list[Feature]:
    """The features whose inputs are not called as their columns are."""
    return [each for each in features if each.becomes is not Becomes.NOTHING and each.input != each.column]


def listed(name: str, values: Sequence[str]) -> list[str]:
    """A tuple, laid out as ruff would."""
    one = f"{name} = {tuple_code(values)}"
    if len(one) <= WIDTH:
        return [one]
    return [f"{name} = (", *(f"    {value}," for value in values), ")"]


def _table(name: str, rows: Mapping[str, str]) -> list[str]:
    return [f"{name} = {{", *(f"    {repr_of(key)}: {value}," for key, value in rows.items()), "}"]
