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

    A column that follows no slice, such as a date of birth, is not checked.

    A shift no larger than that of a time zone is reported and breaks nothing: days may be in another zone.

    Raises:
        Broken: a column is further off in all slices, or lies in all but one, whose rows belong to a
            different period.
    """
    length = _length(source)
    if length is None:
        return "not checked: keys are not times, or there is only one"
    notes = []
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
                raise Broken(f"{message}: the rows belong to a different period")
            notes.append(
                f"{message}: keys are read as UTC. If these times or days are in another zone, set the DAG's "
                "timezone, and check it with expect_column_values_to_lie_in_slice"
            )
            continue
        if (
            off and list(shifts.values()).count(timedelta()) > 1
        ):  # a single one may lie in its slice by chance
            for key, shift in off.items():
                if abs(shift) >= windows[key].end - windows[key].start:
                    raise Broken(
                        f"{column} of slice {key} lies {describe(shift)}, while the other slices have it "
                        "inside: the rows belong to a different period"
                    )
            notes += [f"{column} of {key} lies {describe(shift)}" for key, shift in off.items()]
        elif shifts and not off and None not in shifts.values():
            notes.append(f"{column} lies in its slice")
    return "; ".join(notes) or "no column holds times of its slice"


def _times(readings: Readings) -> Mapping[str, dict[str, tuple[datetime, datetime]]]:
    """By column of times, by key: the first and the last."""
    found: dict[str, dict[str, tuple[datetime, datetime]]] = {}
    for key in readings.keys:
        for column, ends in readings.first(key).times.items():
            found.setdefault(column, {})[key] = ends
    return found


def _length(source: SliceSource) -> Length | float | None:
    """The length of slices, by the smallest gap between two keys; None when there is none."""
    times = [time for key in all_keys(source) if (time := key_time(source, key))]
    gaps = [after - before for before, after in itertools.pairwise(times)]
    shortest = min(gaps, default=timedelta())
    return length_of(shortest) if shortest > timedelta() else None
