"""The gates on what is served: does the export predict what the model predicts, how large is it, how fast?

They read what the training process found when it loaded the export in a fresh process. None measures
quality, so none is the absolute gate that a first version needs.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import KW_ONLY, dataclass
from typing import ClassVar

from ckpt_ops import checks
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation.number_format import decimals_apart, plain
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.served import ServableCheck
from ckpt_ops.evaluation.verdicts import Verdict
from ckpt_ops.wire_names import wire

MEGABYTE = 1_000_000

TOLERANCES: Mapping[str, float] = {
    "float64": 1e-12,
    "float32": 1e-6,
    "float16": 4 * 2.0**-10,
    "bfloat16": 4 * 2.0**-7,
}
"""How far an export may differ, for predictions up to 1: it computes the same in a graph, where operations
are fused and rounded in other places. For the short types, four times the step between two numbers."""


@wire("Servable")
@dataclass(frozen=True)
class Servable:
    """Rejects a candidate whose export does not predict what the trained model predicts.

    Args:
        tolerance: largest allowed |exported - trained| prediction. None: what the precision allows in which
            the exported model computes (`TOLERANCES`), times the prediction where that is larger than 1.
    """

    name: ClassVar[str] = "Servable"
    absolute: ClassVar[bool] = False
    on_quality: ClassVar[bool] = False

    _: KW_ONLY
    tolerance: float | None = None

    def __post_init__(self) -> None:
        if self.tolerance is not None:
            checks.number("Servable.tolerance", self.tolerance, at_least=0)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        check = evaluated.servable
        if check is None:
            return Verdict(gate=repr(self), passed=False, message="export was not checked")
        tolerance, difference, measure = self._measured(check)
        numbers = {"rows": float(check.rows), "tolerance": tolerance}
        for name in ("max_abs_difference", "relative_difference"):
            if (found := getattr(check, name)) is not None and math.isfinite(found):
                numbers[name] = found
        if check.error is not None:
            passed, message = False, f"the exported model failed: {check.error}"
        elif check.rows < 1 or difference is None:
            passed, message = False, "export was not checked: no predictions were compared"
        elif not math.isfinite(difference):
            passed, message = False, "the exported model's predictions are not numbers where the model's are"
        elif difference > tolerance:
            passed, message = (
                False,
                f"the exported model's predictions differ by up to {difference:.2g} on {check.rows:,} rows, "
                f"more than {tolerance:.2g}{measure}",
            )
        else:
            passed, message = (
                True,
                f"the exported model's predictions equal the model's within {tolerance:.2g} "
                f"on {check.rows:,} rows{measure}",
            )
        return Verdict(gate=repr(self), passed=passed, message=message, numbers=numbers)

    def _measured(self, check: ServableCheck) -> tuple[float, float | None, str]:
        """The tolerance, the difference that is compared with it, and a text that explains them.

        Checks kept by earlier code have the absolute difference only.
        """
        if self.tolerance is not None or check.relative_difference is None:
            tolerance = TOLERANCES["float32"] if self.tolerance is None else float(self.tolerance)
            return tolerance, check.max_abs_difference, ""
        precision = check.precision or "float32"
        tolerance = TOLERANCES.get(precision, TOLERANCES["float32"])
        return tolerance, check.relative_difference, f" (computed in {precision})"


@wire("LatencyAtMost")
@dataclass(frozen=True)
class LatencyAtMost:
    """Rejects a candidate whose export answers too slowly, one row per request.

    A candidate that was not measured is rejected, too. The time depends on the machine that measured: leave
    room for a slower one.

    Args:
        p50_ms, p95_ms, p99_ms: bounds of the quantiles, in milliseconds; at least one.
    """

    name: ClassVar[str] = "LatencyAtMost"
    absolute: ClassVar[bool] = False
    on_quality: ClassVar[bool] = False

    _: KW_ONLY
    p50_ms: float | None = None
    p95_ms: float | None = None
    p99_ms: float | None = None

    def __post_init__(self) -> None:
        if not self._bounds():
            raise BadInput(
                "LatencyAtMost",
                "nothing",
                "a bound for at least one of p50_ms, p95_ms, p99_ms",
                next="write LatencyAtMost(p95_ms=...)",
            )
        for quantile, bound in self._bounds().items():
            checks.number(f"LatencyAtMost.{quantile}", bound, above=0)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        measured = evaluated.servable.latency if evaluated.servable is not None else None
        if measured is None:
            return _not_measured(self, "the export's latency", evaluated.servable)
        found: dict[str, float] = {name: getattr(measured, name) for name in self._bounds()}
        slow = [name for name, bound in self._bounds().items() if found[name] > bound]
        d = decimals_apart(*((found[name], bound) for name, bound in self._bounds().items()))
        parts = [
            f"{name.removesuffix('_ms')} {plain(found[name], d)} ms is "
            f"{'above' if name in slow else 'at most'} {plain(bound, d)} ms"
            for name, bound in self._bounds().items()
        ]
        return Verdict(
            gate=repr(self),
            passed=not slow,
            message=f"{', '.join(parts)}, over {measured.requests:,} requests of one row",
            numbers=found
            | {f"{name}_at_most": float(bound) for name, bound in self._bounds().items()}
            | {"requests": float(measured.requests)},
        )

    def _bounds(self) -> dict[str, float]:
        every = {"p50_ms": self.p50_ms, "p95_ms": self.p95_ms, "p99_ms": self.p99_ms}
        return {name: bound for name, bound in every.items() if bound is not None}


@wire("SizeAtMost")
@dataclass(frozen=True)
class SizeAtMost:
    """Rejects a candidate whose export is too large, or was not measured.

    Args:
        megabytes: bound of all the export's files together, in 1,000,000 bytes.
    """

    name: ClassVar[str] = "SizeAtMost"
    absolute: ClassVar[bool] = False
    on_quality: ClassVar[bool] = False

    _: KW_ONLY
    megabytes: float

    def __post_init__(self) -> None:
        checks.number("SizeAtMost.megabytes", self.megabytes, above=0)

    def evaluate(self, evaluated: EvaluatedRows, *, seed: int) -> Verdict:
        size = evaluated.servable.bytes if evaluated.servable is not None else None
        if size is None:
            return _not_measured(self, "the export's size", evaluated.servable)
        passed = size <= self.megabytes * MEGABYTE
        message = (
            f"the export has {size:,} bytes, {'at most' if passed else 'more than'} "
            f"{self.megabytes * MEGABYTE:,.0f}"
        )
        numbers = {"megabytes": size / MEGABYTE, "at_most": float(self.megabytes)}
        return Verdict(gate=repr(self), passed=passed, message=message, numbers=numbers)


def _not_measured(gate: LatencyAtMost | SizeAtMost, what: str, check: ServableCheck | None) -> Verdict:
    why = f": the exported model failed: {check.error}" if check is not None and check.error else ""
    return Verdict(gate=repr(gate), passed=False, message=f"{what} was not measured{why}")
