"""Keys: valid, in order, the same each time, each in its interval; unknown keys are refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta

from ckpt_ops.contract.check import Broken
from ckpt_ops.contract.order import sorted_in_time
from ckpt_ops.errors import BadInput, SliceMissing
from ckpt_ops.key_times import form_of, time_of
from ckpt_ops.slices import Files, PartedSource, SliceSource, check_key

_START = datetime(1970, 1, 1, tzinfo=UTC)
_AHEAD = timedelta(days=400)  # slices may be named ahead of time
_MOST_TRIES = 14
_STEP = timedelta(hours=1)
_AROUND = timedelta(days=1)  # a source may cut days in another time zone
_LONGEST = timedelta(days=31)  # of an interval: a month


def all_keys(source: SliceSource) -> list[str]:
    """Every key there is now."""
    return source.keys(*ever())


def newest_that_are_there(source: SliceSource, most: int) -> list[str]:
    """The newest keys whose slices exist: a source may list periods that have not arrived yet."""
    now, found = datetime.now(UTC), []
    past = [key for key in all_keys(source) if (time := _time_of(key)) is None or time <= now]
    for key in past[: -_MOST_TRIES - 1 : -1]:
        try:
            source.fingerprint(key)
        except SliceMissing:
            continue
        except Exception:  # noqa: BLE001 - a check of fingerprints will say so
            pass
        found.append(key)
        if len(found) == most:
            break
    return found[::-1]


def stable(source: SliceSource) -> str:
    """`keys()` is called twice."""
    keys = all_keys(source)
    if not keys:
        raise Broken(
            "there is no slice at all: nothing can be checked; fix where the source looks, or land a sample"
        )
    for key in keys:
        try:
            check_key(key)
        except BadInput as error:
            raise Broken(error.what) from error
    twice = sorted({key for key in keys if keys.count(key) > 1}) if len(set(keys)) < len(keys) else []
    if twice:
        raise Broken(f"keys() gives {twice[0]} {keys.count(twice[0])} times: one key is one slice")
    for before, after in itertools.pairwise(keys):
        if before > after:
            raise Broken(
                f"keys() gives {before} before {after}: it has to give them in time order, and they have to "
                "sort in time as text"
            )
    again = all_keys(source)
    if again != keys:
        differ = sorted({*keys} ^ {*again})
        raise Broken(f"called twice, keys() gives different keys: {', '.join(differ[:5])}")
    if not isinstance(source, Files):  # the form of those guarantees it
        sorted_in_time(keys, lambda key: _cut_behind(source, key, *ever()))
    return f"{len(keys):,}, from {keys[0]} to {keys[-1]}"


def in_their_interval(source: SliceSource, keys: Sequence[str]) -> str:
    """Of two intervals that meet, exactly one holds the key, wherever they are cut."""
    for key in keys:
        start, end = _window(key)
        if key not in source.keys(start, end):
            start, end = ever()
        if key not in source.keys(start, end):
            raise Broken(f"keys() does not give slice {key} for any interval")
        cut = _cut_behind(source, key, start, end)
        if key in source.keys(cut, end):
            raise Broken(
                f"slice {key} is in keys(.., {cut:%Y-%m-%d %H:%M}) and in keys({cut:%Y-%m-%d %H:%M}, ..): "
                "an interval includes its start and excludes its end"
            )
        if key not in source.keys(cut - _STEP, cut):
            raise Broken(
                f"slice {key} is in keys({start:%Y-%m-%d %H:%M}, {cut:%Y-%m-%d %H:%M}) but not in the last "
                "hour of it, and not before: an interval includes its start and excludes its end"
            )
    return f"of two intervals that meet, one holds the slice: {', '.join(keys)}"


def unknown_is_refused(source: SliceSource, key: str) -> str:
    """A key that will never exist, and one that does not exist yet, are refused."""
    refused = []
    later = _later(key)
    listed = later in source.keys(*_window(later))  # by a source that lists periods without looking
    for unknown in ("no-such-slice", *([] if listed else [later])):
        calls: dict[str, Callable[[str], object]] = {
            "fingerprint": source.fingerprint,
            "read": lambda key: next(iter(source.read(key)), None),
        }
        if isinstance(source, PartedSource):
            calls["parts"] = source.parts
        for method, call in calls.items():
            try:
                call(unknown)
            except (SliceMissing, BadInput) as error:
                refused.append(type(error).__name__)
                continue
            except Exception as error:
                raise Broken(
                    f"{method}({unknown!r}) raised {type(error).__name__} ({error}): raise SliceMissing for "
                    "a slice that may still come, BadInput for one that never will"
                ) from error
            raise Broken(f"{method}({unknown!r}) raised no error, and there is no such slice")
    return f"by {' and '.join(sorted(set(refused)))}"


def _window(key: str) -> tuple[datetime, datetime]:
    """The interval in which a key that is a time must be; for other keys, all of time."""
    time = _time_of(key)
    return (time - _AROUND, time + _LONGEST + _AROUND) if time else ever()


def ever() -> tuple[datetime, datetime]:
    """From before the first slice to after the last."""
    return _START, datetime.now(UTC).replace(minute=0, second=0, microsecond=0) + _AHEAD


def _time_of(key: str) -> datetime | None:
    form = form_of(key)
    return time_of(key, form) if form else None


def _cut_behind(source: SliceSource, key: str, start: datetime, end: datetime) -> datetime:
    """The earliest full hour with the key in the interval before it, found by halving."""
    low, high = 0, int((end - start) / _STEP)
    while low < high:
        middle = (low + high) // 2
        if key in source.keys(start, start + middle * _STEP):
            high = middle
        else:
            low = middle + 1
    return start + low * _STEP


def _later(key: str) -> str:
    """A key of the same form, a century later; for a key that is no time, an unused key."""
    form = form_of(key)
    time = time_of(key, form) if form else None
    if time is None or form is None:
        return f"{key[:48]}-not-there"
    return (time + timedelta(weeks=5218)).strftime(form)
