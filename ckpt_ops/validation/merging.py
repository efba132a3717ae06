"""Results of one row-wise expectation on chunks, added up to its result on the whole."""

from __future__ import annotations

from typing import Any

from ckpt_ops.validation.engine import EXAMPLES, crash_of
from ckpt_ops.validation.suite import Expectation


class Merged:
    """Adds up Great Expectations' results of `expectation`, chunk by chunk in row order."""

    def __init__(self, expectation: Expectation) -> None:
        self._mostly = float(expectation.kwargs.get("mostly", 1.0))
        self._elements = self._missing = self._unexpected = 0
        self._counts_missing = False
        self._examples: list[Any] = []
        self._crashed: Any = None
        self._first: Any = None

    def add(self, result: Any) -> None:
        """The next chunk's result."""
        self._first = self._first if self._first is not None else result
        if crash_of(result) is not None:
            self._crashed = self._crashed or result
            return
        found = result.result
        self._elements += found["element_count"]
        self._counts_missing |= "missing_count" in found
        self._missing += found.get("missing_count") or 0
        self._unexpected += found["unexpected_count"]
        self._examples += found["partial_unexpected_list"][: EXAMPLES - len(self._examples)]

    def result(self) -> Any:
        """As Great Expectations gives it of the whole; a crash in any chunk is a crash. Needs a chunk."""
        if self._crashed is not None:
            return self._crashed
        evaluated = self._elements - self._missing
        merged = self._first
        merged.success = not evaluated or (evaluated - self._unexpected) / evaluated >= self._mostly
        merged.result = {
            "element_count": self._elements,
            "unexpected_count": self._unexpected,
            "unexpected_percent": _percent(self._unexpected, evaluated),
            "partial_unexpected_list": self._examples,
        }
        if self._counts_missing:
            merged.result |= {
                "missing_count": self._missing,
                "missing_percent": _percent(self._missing, self._elements),
                "unexpected_percent_total": _percent(self._unexpected, self._elements),
                "unexpected_percent_nonmissing": _percent(self._unexpected, evaluated),
            }
        return merged


def _percent(count: int, of: int) -> float | None:
    return 100 * count / of if of else None
