"""What an expectation of ours found, and the result that Great Expectations makes of it.

A result has its sentence in `details.words`, and in `details.not_judged` why nothing was evaluated:
the report and Data Docs show the same text.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt


class NotEvaluated(Exception):
    """There is nothing to compare with. The expectation passes, and the report has the reason."""


@dataclass(frozen=True, kw_only=True)
class Size:
    """One number that has a limit.

    Attributes:
        value: the number.
        what, basis, more: `{what} 0.31 {basis}, at most 0.2; {more}`.
        chance: why the value may be mere chance, which excuses it; else "".
        numbers: for programs; must be JSON.
    """

    value: float
    what: str
    basis: str
    more: str = ""
    chance: str = ""
    numbers: dict[str, Any]

    def result(self, *, at_most: float) -> dict[str, Any]:
        """What `Expectation._validate` returns."""
        text = f"{self.what} {_over(self.value, at_most)} {self.basis}, at most {at_most:g}"
        text += f"; {self.more}" if self.more else ""
        details = {"words": text, **self.numbers}
        success = self.value <= at_most
        if not success and self.chance:
            success, details["not_judged"] = True, f"{text}; {self.chance}"
        return {"success": success, "result": {"observed_value": self.value, "details": details}}


@dataclass(frozen=True, kw_only=True)
class Misfits:
    """Rows that do not fit.

    Attributes:
        unexpected: of every row of the slice, shape (rows,).
        evaluated: how many rows were evaluated: those without a value are not.
        index: the row's label in the frame, shape (rows,).
        examples: values of the first unexpected rows, in row order; the caller bounds how many.
        subject, what, more: `{subject}: 3 of 9 rows (33.3 %) {what}, allowed 1 %; {more}`.
    """

    unexpected: npt.NDArray[np.bool_]
    evaluated: int
    index: Any
    examples: list[Any]
    subject: str
    what: str
    more: str = ""

    def result(self, *, mostly: float, result_format: Any) -> dict[str, Any]:
        """What `Expectation._validate` returns, with the fields of a map expectation."""
        count = int(self.unexpected.sum())
        share = count / self.evaluated if self.evaluated else 0.0
        # As Great Expectations: the share that fits is compared, because 1 - 0.9 is 0.0999...
        success = not self.evaluated or (self.evaluated - count) / self.evaluated >= mostly
        allowed = f", allowed {100 * (1 - mostly):.4g} %" if mostly < 1 else ""
        text = (
            f"{self.subject}: {count:,} of {self.evaluated:,} rows ({100 * share:.1f} %) {self.what}{allowed}"
        )
        result = {
            "element_count": len(self.unexpected),
            "missing_count": len(self.unexpected) - self.evaluated,
            "unexpected_count": count,
            "unexpected_percent": 100 * share,
            "partial_unexpected_list": self.examples,
            "details": {"words": text + (f"; {self.more}" if self.more and count else "")},
        }
        if _name(result_format) == "COMPLETE":
            result["unexpected_index_list"] = list(self.index[self.unexpected])
        return {"success": success, "result": result}


Finding = Size | Misfits | NotEvaluated


def or_not_evaluated(measure: Callable[..., Any]) -> Callable[..., Any]:
    """Returns `NotEvaluated` as a metric's value: raised, it would count as a crash in Great Expectations."""

    @functools.wraps(measure)
    def inner(*args: Any, **kwargs: Any) -> Any:
        try:
            return measure(*args, **kwargs)
        except NotEvaluated as reason:
            return reason

    return inner


def not_evaluated(reason: NotEvaluated) -> dict[str, Any]:
    return {"success": True, "result": {"observed_value": None, "details": {"not_judged": str(reason)}}}


def share(value: float) -> str:
    return f"{100 * value:.1f} %"


def _over(value: float, limit: float) -> str:
    """Enough digits to see that it is over."""
    short = f"{value:.3g}"
    return short if (float(short) > limit) == (value > limit) else f"{value:.9g}"


def _name(result_format: Any) -> str:
    found = result_format.get("result_format", "") if isinstance(result_format, dict) else result_format
    return str(getattr(found, "value", found))
