"""The verdict of validation on a slice: the outcome, and reasons that a person can act on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from ckpt_ops.documents import DocumentKind
from ckpt_ops.wire_names import as_stored, wire

_DOCUMENT = DocumentKind(
    what="validation report",
    numbered_by="format",
    safe="the slice and the log are untouched",
    next="validate the slice again, which writes the report again: ckpt-ops run NAME --slice KEY, "
    "or clear its validate task in Airflow",
)


class Outcome(StrEnum):
    """What happens to the slice as a whole."""

    ACCEPTED = "accepted"
    SET_ASIDE = "accepted, bad rows set aside"
    QUARANTINED = "quarantined"

    @property
    def trainable(self) -> bool:
        """Something of the slice may be trained on."""
        return self is not Outcome.QUARANTINED


class Kind(StrEnum):
    """What sort of thing is wrong."""

    MISSING = "missing"  # a declared column did not come
    EXTRA = "extra"  # a column came that is not declared
    TYPE = "type"  # a column came in a type that does not fit the declared one
    OUTSIDE = "outside its time"  # a column that the slice does not have by its declared time
    ALL_NULL = "all null"  # a column came without any value, and so without a type
    UNREAD = "does not parse"  # rows of a text file, left out when the slice was pulled
    FAILED = "failed"  # an expectation was evaluated, and the rows do not meet it
    CRASHED = "crashed"  # an expectation could not be evaluated: look at the suite before the data
    SAME_CONTENT = "same content"  # a different accepted slice has exactly the same rows
    NOT_EVALUATED = (
        "not judged"  # there was nothing to compare with, such as no reference yet: nothing is wrong
    )


class Severity(StrEnum):
    """CRITICAL quarantines the slice; the others are reported and let it pass."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"


@wire("Reason", message="words")
@dataclass(frozen=True, kw_only=True)
class Reason:
    """One thing that is wrong.

    Attributes:
        column: the column's name, several joined by ", ", or "" for the slice as a whole.
        expectation: the expectation's type, or "" for schema drift.
        message: one sentence: what was expected, what came, how much of it.
        unexpected_count: values that do not fit; 0 where values are not counted.
        examples: up to five distinct values that do not fit.
        why: why the suite asks for it (`meta.why`), or "".
    """

    kind: Kind
    column: str
    message: str
    expectation: str = ""
    severity: Severity = Severity.CRITICAL
    unexpected_count: int = 0
    examples: tuple[str, ...] = ()
    why: str = ""


@dataclass(frozen=True, kw_only=True)
class Validation:
    """The verdict on one slice.

    Attributes:
        rows: rows evaluated.
        set_aside: rows of them that nothing trains on, while the rest is accepted.
        reasons: critical ones first; an accepted slice may have warnings.
        expectations: how many were run.
        seconds: wall time, including Great Expectations' import where this was the first in the process.
        suite: the suite's name; `suite_digest`: 16 hex digits of its content.
        schema_digest: 16 hex digits of the declared columns.
        unread: further rows that do not parse, and are in no revision.
        drift: by column, the population stability index that an expectation measured, met or not.
        parts: into how many the slice was cut to be evaluated; 0: into none. The verdict is the same.
        over_the_whole: with parts, what was evaluated on all rows at once, since parts do not add up to it.
    """

    outcome: Outcome
    rows: int
    reasons: tuple[Reason, ...]
    expectations: int
    seconds: float
    suite: str
    suite_digest: str
    set_aside: int = 0
    schema_digest: str = ""
    unread: int = 0
    drift: Mapping[str, float] = field(default_factory=dict)
    parts: int = 0
    over_the_whole: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """The slice, or what is left of it, may be trained on."""
        return self.outcome.trainable

    @property
    def summary(self) -> str:
        """How many expectations hold, and how many rows are set aside; the reasons list the rest."""
        asked = [reason.kind for reason in self.reasons if reason.expectation]
        unknown = asked.count(Kind.NOT_EVALUATED)
        met, run = self.expectations - len(asked), self.expectations
        text = f"{run} expectation{'s hold' if run != 1 else ' holds'}"
        if asked:
            text = f"{met} of {run} expectations hold" + (f", {unknown} not evaluated" if unknown else "")
        aside = f"{self.set_aside:,} of {self.rows:,} rows set aside; " if self.set_aside else ""
        unread = f"{self.unread:,} rows that do not parse left out; " if self.unread else ""
        return aside + unread + text

    def to_json(self) -> bytes:
        """UTF-8 with sorted keys. Of a slice that was not cut, it is as it always was."""
        fields = as_stored(self)
        if not self.parts:
            del fields["parts"], fields["over_the_whole"]
        return _DOCUMENT.encode(fields)

    @classmethod
    def from_json(cls, data: bytes, *, url: str) -> Validation:
        """The inverse of `to_json`. Raises `Corrupt`, naming `url`."""
        return _DOCUMENT.read(cls, data, name=url)


def outcome_of(reasons: tuple[Reason, ...], *, set_aside: int = 0) -> Outcome:
    """QUARANTINED when any reason is critical; else whether rows are set aside."""
    if any(reason.severity is Severity.CRITICAL for reason in reasons):
        return Outcome.QUARANTINED
    return Outcome.SET_ASIDE if set_aside else Outcome.ACCEPTED
