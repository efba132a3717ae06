"""Keys in time: the log sorts them as text, so that order has to be the order of their intervals."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Sequence
from datetime import datetime

from ckpt_ops.contract.check import Broken
from ckpt_ops.key_times import form_of

_LOOKED_AT = 8
_YEAR_LAST = re.compile(r"(?<!\d)(\d{2})[._-](?:\d{2}[._-])?(?:19|20)\d{2}(?!\d)")


def sorted_in_time(keys: Sequence[str], begin_of: Callable[[str], datetime]) -> None:
    """Raises `Broken` for keys that sort as text, but not in time: `31.12.2025` comes after `01.01.2026`.

    Args:
        keys: as a source gives them.
        begin_of: asks the source when a key's slice begins, roughly; it may take a while.
    """
    unknown = [key for key in keys if form_of(key) is None]
    for key in unknown:
        if _YEAR_LAST.search(key):
            raise Broken(
                f"keys such as {key} do not sort in time, because the year comes last: write it first, "
                f"as in {_turned(key)}"
            )
    # keys of a known form tell when they begin; for others, ask the source
    times = [(key, begin_of(key)) for key in _spread(unknown)]
    for (before, one), (after, other) in itertools.pairwise(times):
        if one > other:
            raise Broken(
                f"keys do not sort in time: {before} comes before {after} as text, but its slice begins "
                f"later ({one:%Y-%m-%d} and {other:%Y-%m-%d}): write the year first, then month and day, as "
                "in 2025-11-01"
            )


def _spread(keys: Sequence[str]) -> list[str]:
    """The first, the last, and some between at even distances."""
    if len(keys) <= _LOOKED_AT:
        return list(keys)
    return [keys[at * (len(keys) - 1) // (_LOOKED_AT - 1)] for at in range(_LOOKED_AT)]


def _turned(key: str) -> str:
    found = _YEAR_LAST.search(key)
    return "-".join(reversed(re.split(r"[._-]", found[0]))) if found else key
