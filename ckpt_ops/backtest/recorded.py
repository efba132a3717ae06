"""What is replayed: the slices that a model's log has accepted, and the time at which each arrives."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from ckpt_ops.errors import BadInput
from ckpt_ops.key_times import form_of, time_of
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.state import SliceState, SliceStatus


class Clock(Enum):
    """The time that a policy sees when a slice arrives."""

    KEYS = "keys"  # the start of the next key's interval, when a slice is complete
    ACCEPTED = "accepted"  # when the log accepted it


@dataclass(frozen=True, kw_only=True)
class Arrival:
    """A recorded slice, and when it arrives in the replay: never before the previous one.

    Attributes:
        released: a person released it, whatever the verdict on it.
    """

    ref: SliceRef
    time: datetime
    released: bool = False


@dataclass(frozen=True, kw_only=True)
class Recorded:
    """The slices to replay, in key order."""

    slices: tuple[Arrival, ...]
    clock: Clock


def recorded(state: LineageState, *, first: str | None = None, last: str | None = None) -> Recorded:
    """The newest accepted revision of each slice from key `first` to key `last`, both included.

    Raises:
        BadInput: the model has no accepted slice of that key, or fewer than two are left.
    """
    accepted = {
        key: entry for key, entry in sorted(state.slices.items()) if entry.status is SliceStatus.ACCEPTED
    }
    if not accepted:
        raise BadInput("model", state.model, "a model with accepted slices; it has none")
    for option, key in (("--from", first), ("--to", last)):
        if key is not None and key not in accepted:
            raise BadInput(option, key, f"the key of an accepted slice: {_few(list(accepted))}")
    keys = [key for key in accepted if (first or key) <= key <= (last or key)]
    if len(keys) < 2:
        raise BadInput(
            "--from/--to",
            f"{first or 'the first'} to {last or 'the last'}",
            f"at least two accepted slices; there are {len(accepted)}: {_few(list(accepted))}",
        )
    ends = _ends(list(accepted))
    clock = Clock.ACCEPTED if ends is None else Clock.KEYS
    times = _accepted_times(accepted, keys) if ends is None else [ends[key] for key in keys]
    slices = (
        Arrival(ref=accepted[key].ref, time=time, released=accepted[key].released)
        for key, time in zip(keys, times, strict=True)
    )
    return Recorded(slices=tuple(slices), clock=clock)


def _ends(keys: Sequence[str]) -> dict[str, datetime] | None:
    """When each slice is complete, by the keys; None where they are not times of one form."""
    forms = {form_of(key) for key in keys}
    form = forms.pop() if len(forms) == 1 else None
    starts = [time_of(key, form) for key in keys] if form else []
    known = [start for start in starts if start is not None]
    if len(known) < 2:
        return None
    ends = [*known[1:], known[-1] + (known[-1] - known[-2])]
    return dict(zip(keys, ends, strict=True))


def _accepted_times(accepted: Mapping[str, SliceState], keys: Sequence[str]) -> list[datetime]:
    """A slice that was accepted before an older one arrives with it: the replay goes by key."""
    return list(itertools.accumulate((datetime.fromisoformat(accepted[key].time) for key in keys), max))


def _few(keys: Sequence[str]) -> str:
    return ", ".join(keys) if len(keys) <= 12 else f"{', '.join(keys[:6])} ... {', '.join(keys[-3:])}"
