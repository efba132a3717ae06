"""What pages have to know of a pipeline: they never run its code, so its runs leave this in the store."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Description:
    """The settings of a pipeline that views need.

    Attributes:
        late_within: of `late_slices`.
        freshness_hours: of `freshness`; None: there is no objective.
        metric: that gates look at first, as evaluations record it; "": none.
        source: the name of its source.
    """

    late_within: int = 4
    freshness_hours: float | None = None
    metric: str = ""
    source: str = ""
