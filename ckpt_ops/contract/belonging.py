"""Rows lie in their slice: by the times that the keys stand for."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime, timedelta

from ckpt_ops.belonging import Length, describe, length_of, window_of
from ckpt_ops.contract.check import Broken
from ckpt_ops.contract.keys import all_keys
from ckpt_ops.contract.rows import Readings
from ckpt_ops.slices import SliceSource, key_time

_MOST_ZONE = timedelta(hours=14)


def rows_in_their_slices(source: SliceSource, readings: Readings) -> str:
    """The times in the rows that were read are those of their slice's key.

    A column that follows no slice, such as a date of birth, is not asked about.

    What is off by no more than time zones are is said, and breaks nothing: days may be another zone's.

    Raises:
        Broken: a column is off all slices by more, or lies in all but one, whose rows are another period's.
    """
    length = _length(source)
    if length is None:
        return "not asked: keys are no times, or there is one alone"
    said = []
    for column, ends in _times(readings).items():
        windows = {
            key: window_of(start, length) for key in ends if (start := key_time(source, key)) is not None
        }
        shifts = {key: window.shift(*ends[key]) for key, window in windows.items()}
        off = {key: shift for key, shift in shifts.items() if shift}
        if len(shifts) > 1 and len(off) == len(shifts) and len(set(off.values())) == 1:
            shift = next(iter(off.values()))
            message = f"{column} lies {describe(shift)} for its slice in all {len(off)} slices"
            if abs(shift) > _MOST_ZONE:
                raise Broken(f"{message}: these are the rows of another period")
            said.append(
                f"{message}: keys are read as UTC, so are these times or days of another zone? Then set the "
                "DAG's timezone, and ask for it with expect_column_values_to_lie_in_slice"
            )
            continue
        if off and list(shifts.values()).count(timedelta()) > 1:  # one alone may lie in its slice by chance
            for key, shift in off.items():
                if abs(shift) >= windows[key].end - windows[key].start:
                    raise Broken(
                        f"{column} of slice {key} lies {describe(shift)}, and that of the others lies in "
                        "their slices: these are the rows of another period"
                    )
            said += [f"{column} of {key} lies {describe(shift)}" for key, shift in off.items()]
        elif shifts and not off and None not in shifts.values():
            said.append(f"{column} lies in its slice")
    return "; ".join(said) or "no column holds times of its slice"


def _times(readings: Readings) -> Mapping[str, dict[str, tuple[datetime, datetime]]]:
    """By column of times, by key: the first and the last."""
    found: dict[str, dict[str, tuple[datetime, datetime]]] = {}
    for key in readings.keys:
        for column, ends in readings.first(key).times.items():
            found.setdefault(column, {})[key] = ends
    return found


def _length(source: SliceSource) -> Length | float | None:
    """How long slices are, by the smallest gap between two keys; None when that cannot be told."""
    times = [time for key in all_keys(source) if (time := key_time(source, key))]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    shortest = min(gaps, default=timedelta())
    return length_of(shortest) if shortest > timedelta() else None
