"""Results of one row-wise expectation on some rows after others, added up to its result on all of them."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ckpt_ops.validation.engine import EXAMPLES, crash_of
from ckpt_ops.validation.suite import Expectation


@dataclass(frozen=True, kw_only=True)
class Tally:
    """What was found by one row-wise expectation in some rows of a slice, as plain values.

    Attributes:
        at: its place in the suite.
        elements: the rows that were looked at.
        missing: those of them without a value; None where nulls are values as well.
        unexpected: those that do not fit.
        examples: the first ones that do not, as JSON.
        crash: what was raised, as JSON of Great Expectations' `exception_info`; "" for nothing.
    """

    at: int
    elements: int = 0
    missing: int | None = None
    unexpected: int = 0
    examples: tuple[str, ...] = ()
    crash: str = ""


class Merged:
    """Adds up what `expectation`, at its place `at` in the suite, finds in rows after rows, in row order."""

    def __init__(self, at: int, expectation: Expectation) -> None:
        self._at = at
        self._mostly = float(expectation.kwargs.get("mostly", 1.0))
        self._elements = self._missing = self._unexpected = 0
        self._counts_missing = False
        self._examples: list[Any] = []
        self._crash: Mapping[str, Any] | None = None

    def add(self, result: Any) -> None:
        """Great Expectations' result on the next rows."""
        if crash_of(result) is not None:
            self._crash = self._crash or result.exception_info
            return
        found = result.result
        missing = (found["missing_count"] or 0) if "missing_count" in found else None
        self._count(found["element_count"], missing, found["unexpected_count"])
        self._examples += found["partial_unexpected_list"][: EXAMPLES - len(self._examples)]

    def add_tally(self, tally: Tally) -> None:
        """What was found in the next rows elsewhere."""
        if tally.crash:
            self._crash = self._crash or json.loads(tally.crash)
            return
        self._count(tally.elements, tally.missing, tally.unexpected)
        self._examples += map(json.loads, tally.examples[: EXAMPLES - len(self._examples)])

    def _count(self, elements: int, missing: int | None, unexpected: int) -> None:
        self._elements += elements
        self._counts_missing |= missing is not None
        self._missing += missing or 0
        self._unexpected += unexpected

    def tally(self) -> Tally:
        """What was added so far, for `add_tally` of another one."""
        from great_expectations.util import convert_to_json_serializable

        if self._crash is not None:
            return Tally(at=self._at, crash=json.dumps(convert_to_json_serializable(dict(self._crash))))
        return Tally(
            at=self._at,
            elements=self._elements,
            missing=self._missing if self._counts_missing else None,
            unexpected=self._unexpected,
            examples=tuple(json.dumps(convert_to_json_serializable(each)) for each in self._examples),
        )

    def into(self, empty: Any) -> Any:
        """The result of the whole, as Great Expectations gives it; a crash anywhere is a crash.

        Args:
            empty: a result of the expectation without content (`Engine.empty_result`).
        """
        if self._crash is not None:
            empty.success, empty.exception_info = False, self._crash
            return empty
        evaluated = self._elements - self._missing
        empty.success = not evaluated or (evaluated - self._unexpected) / evaluated >= self._mostly
        empty.result = {
            "element_count": self._elements,
            "unexpected_count": self._unexpected,
            "unexpected_percent": _percent(self._unexpected, evaluated),
            "partial_unexpected_list": self._examples,
        }
        if self._counts_missing:
            empty.result |= {
                "missing_count": self._missing,
                "missing_percent": _percent(self._missing, self._elements),
                "unexpected_percent_total": _percent(self._unexpected, self._elements),
                "unexpected_percent_nonmissing": _percent(self._unexpected, evaluated),
            }
        return empty


def _percent(count: int, of: int) -> float | None:
    return 100 * count / of if of else None
