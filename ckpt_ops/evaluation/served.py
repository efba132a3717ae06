"""What a fresh process found of the exported model: what it predicts, how large it is, how fast."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.short_errors import short


@dataclass(frozen=True, kw_only=True)
class Latency:
    """How long the export took to answer requests of one row each, one after the other.

    Attributes:
        p50_ms, p95_ms, p99_ms: quantiles of the time from a request to its answer, in milliseconds.
        requests: how many were measured, without the warm-up.
    """

    p50_ms: float
    p95_ms: float
    p99_ms: float
    requests: int

    def __post_init__(self) -> None:
        times = (self.p50_ms, self.p95_ms, self.p99_ms)
        if not (all(math.isfinite(one) for one in times) and 0 <= times[0] <= times[1] <= times[2]):
            raise BadInput("latency", times, "p50, p95 and p99 in milliseconds, none below the one before")
        checks.whole("latency.requests", self.requests)


@dataclass(frozen=True, kw_only=True)
class ServableCheck:
    """What a fresh process found when it loaded the exported model; filled in by the process that trained.

    Attributes:
        max_abs_difference: largest |exported - trained| prediction, None when the check did not get that far.
        rows: how many rows were compared.
        error: why the export could not be loaded or did not predict, None when it did: one line without
            rows' values.
        bytes: size of all the export's files; None where nobody measured it.
        latency: of one row per request; None where nobody measured it.
        relative_difference: the largest difference by the size of what was predicted: |exported - trained| /
            max(1, |trained|). None where nobody measured it.
        precision: in which the exported model computes, such as "float32": the coarsest of several. None
            where nobody looked.
    """

    max_abs_difference: float | None
    rows: int
    error: str | None = None
    bytes: int | None = None
    latency: Latency | None = None
    relative_difference: float | None = None
    precision: str | None = None

    def __post_init__(self) -> None:
        if self.error is not None:  # earlier code kept rows in it
            object.__setattr__(self, "error", short(self.error))
        if self.bytes is not None:
            checks.whole("bytes", self.bytes, at_least=0, allowed="a whole number of 0 or more, or None")

    def to_json(self) -> dict[str, Any]:
        """A plain dict."""
        return asdict(self)

    @classmethod
    def from_json(cls, written: Mapping[str, Any]) -> ServableCheck:
        """What `to_json` gave; what older files lack is None."""
        latency = written.get("latency")
        return cls(
            max_abs_difference=written.get("max_abs_difference"),
            rows=written.get("rows", 0),
            error=written.get("error"),
            bytes=written.get("bytes"),
            latency=None if latency is None else Latency(**latency),
            relative_difference=written.get("relative_difference"),
            precision=written.get("precision"),
        )
