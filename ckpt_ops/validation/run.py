"""Evaluate a slice: schema drift first, then Great Expectations over what can be evaluated.

`passes` reads the rows so that memory is bounded and the verdict is that of a single pass.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Set
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from ckpt_ops.column_times import Columns, absent, asked_of
from ckpt_ops.errors import BadInput
from ckpt_ops.validation.bad_rows import BadRows, Failing, UnreadRows
from ckpt_ops.validation.custom import Reference, with_reference
from ckpt_ops.validation.engine import Engine, crash_of
from ckpt_ops.validation.frames import evaluated_schema
from ckpt_ops.validation.messages import (
    crashed_message,
    examples,
    failed_message,
    not_evaluated_message,
    subject,
    too_many_message,
    unread_message,
)
from ckpt_ops.validation.passes import CHUNK_ROWS, Passes
from ckpt_ops.validation.rows import SliceRows
from ckpt_ops.validation.schema import misfits_of, schema_digest, schema_drift
from ckpt_ops.validation.suite import Expectation, Suite
from ckpt_ops.validation.verdict import Kind, Outcome, Reason, Severity, Validation, outcome_of

_ORDER = list(Severity)


@dataclass(frozen=True, kw_only=True, eq=False)
class ValidationResult:
    """A verdict, and what it rests on.

    Attributes:
        bad: the rows to set aside; none when the slice is quarantined.
        results: Great Expectations' own, in the suite's order, for its Data Docs.
    """

    validation: Validation
    bad: BadRows = field(default_factory=BadRows)
    results: tuple[Any, ...] = ()

    def quarantined(self, reason: Reason) -> ValidationResult:
        """The same with one more reason, a critical one that comes from no expectation."""
        reasons = (reason, *self.validation.reasons)
        found = replace(self.validation, outcome=Outcome.QUARANTINED, set_aside=0, reasons=reasons)
        return replace(self, validation=found, bad=BadRows())


def validate(
    rows: SliceRows,
    suite: Suite,
    declared: pa.Schema,
    *,
    columns: Columns | None = None,
    reference: Reference | None = None,
    unread: UnreadRows | None = None,
    chunk_rows: int = CHUNK_ROWS,
) -> ValidationResult:
    """The verdict on `rows`. No file is written.

    Expectations on a column that is missing, of a wrong type or outside its time are not run: the reason for
    the column lists them. Columns of a different type that fits are evaluated as the declared type. Integers
    with nulls are evaluated as float64, exact up to 2**53.

    Args:
        columns: of the declared ones, those with a time, as seen from the slice.
        reference: what the expectations of `custom` compare with; without one they are not evaluated, and
            a reason of severity INFO reports that. What reading it raises is raised.
        unread: rows of the slice that do not parse. They count towards `bad_rows_at_most` as others do; a
            suite without a rate accepts only a slice without any.
        chunk_rows: changes no verdict, only memory and speed (`passes`).

    Raises:
        BadInput: the suite names a column that is neither declared nor there, or Great Expectations
            refuses an expectation's values.
    """
    began = time.monotonic()
    _known_columns(rows.schema, suite, declared)
    columns = columns or {}
    asked = asked_of(declared, columns)
    drift = schema_drift(declared, rows.schema, misfits_of(rows, asked), columns=columns)
    unusable = {reason.column for reason in drift if reason.kind in (Kind.MISSING, Kind.TYPE)}
    unusable |= set(absent(columns))
    runnable = {at: each for at, each in enumerate(suite.expectations) if not _reads(each, unusable, columns)}
    reasons = [
        _with_skipped(reason, suite, columns) if reason.column in unusable else reason for reason in drift
    ]
    results: dict[int, Any] = {}
    unread = unread or UnreadRows()
    of = rows.rows + unread.rows
    failing = Failing(rows.rows, (suite.bad_rows_at_most or 0.0) * of - unread.rows)
    reasons += _unread(suite, of, unread)
    if runnable:
        schema = evaluated_schema(rows.schema, asked, unusable=unusable)
        passes = Passes(
            rows=rows,
            expectations=runnable,
            schema=schema,
            engine=Engine(suite, runnable, schema),
            failing=failing,
            chunk_rows=chunk_rows,
        )
        with with_reference(reference):
            results = passes.results()
        for at, each in runnable.items():
            reason = _reason(each, results[at]) if at in results else _crashed(each, "it gave no result")
            if reason is not None:
                reasons.append(reason)
    reasons += _too_many(suite, of, failing, unread)
    ordered = tuple(sorted(reasons, key=lambda reason: _ORDER.index(reason.severity)))
    outcome = outcome_of(ordered, set_aside=failing.count)
    validation = Validation(
        outcome=outcome,
        rows=rows.rows,
        set_aside=failing.count if outcome.trainable else 0,
        reasons=ordered,
        expectations=len(runnable),
        seconds=round(time.monotonic() - began, 3),
        suite=suite.name,
        suite_digest=suite.digest,
        schema_digest=schema_digest(declared, columns),
        unread=unread.rows,
        drift=_drift(runnable, results),
    )
    return ValidationResult(
        validation=validation,
        bad=failing.rows() if outcome.trainable else BadRows(),
        results=tuple(results[at] for at in sorted(results)),
    )


def _drift(runnable: Mapping[int, Expectation], results: Mapping[int, Any]) -> dict[str, float]:
    """By column, the index that the first expectation on it measured."""
    found: dict[str, float] = {}
    for at, each in runnable.items():
        if at not in results or len(each.columns) != 1 or crash_of(results[at]) is not None:
            continue
        details = results[at].to_json_dict()["result"].get("details") or {}
        if isinstance(details.get("psi"), float):
            found.setdefault(each.columns[0], details["psi"])
    return found


def _known_columns(schema: pa.Schema, suite: Suite, declared: pa.Schema) -> None:
    known = {*declared.names, *schema.names}
    for at, each in enumerate(suite.expectations):
        for column in each.columns:
            if column not in known:
                where = f"{suite.path or suite.name}: expectations[{at}] ({each.type}) column"
                raise BadInput(where, column, f"a declared column: {', '.join(declared.names)}")


def _reads(expectation: Expectation, unusable: Set[str], columns: Columns) -> bool:
    """Whether it reads one of these columns. A condition, or a list of names, counts where time decides."""
    return bool(unusable & set(expectation.columns)) or any(
        expectation.mentions(name) for name in unusable if name in absent(columns)
    )


def _with_skipped(reason: Reason, suite: Suite, columns: Columns) -> Reason:
    skipped = [each.type for each in suite.expectations if _reads(each, {reason.column}, columns)]
    return replace(reason, message=f"{reason.message}; not run: {', '.join(skipped)}") if skipped else reason


def _too_many(suite: Suite, rows: int, failing: Failing, unread: UnreadRows) -> list[Reason]:
    if suite.bad_rows_at_most is None or not failing.too_many:
        return []
    bad = failing.count + unread.rows
    message = too_many_message(bad, rows, suite.bad_rows_at_most)
    return [Reason(kind=Kind.FAILED, column="", message=message, unexpected_count=bad)]


def _unread(suite: Suite, rows: int, unread: UnreadRows) -> list[Reason]:
    """A warning; `_too_many` reports whether they are too many. Critical where no bad row is allowed."""
    if not unread.rows:
        return []
    severity = Severity.WARNING if suite.bad_rows_at_most is not None else Severity.CRITICAL
    message = unread_message(unread.rows, rows, unread.where, none_allowed=suite.bad_rows_at_most is None)
    return [
        Reason(
            kind=Kind.UNREAD,
            column="",
            message=message,
            severity=severity,
            unexpected_count=unread.rows,
            examples=unread.examples,
        )
    ]


def _reason(expectation: Expectation, result: Any) -> Reason | None:
    crash = crash_of(result)
    if crash is not None:
        return _crashed(expectation, crash)
    found = result.to_json_dict()["result"]
    unevaluated = (found.get("details") or {}).get("not_judged")
    if unevaluated:
        message = not_evaluated_message(expectation, unevaluated)
        return replace(_about(expectation, Kind.NOT_EVALUATED, message), severity=Severity.INFO)
    if result.success:
        return None
    reason = _about(expectation, Kind.FAILED, failed_message(expectation, found))
    return replace(
        reason,
        severity=Severity.WARNING if expectation.set_aside else expectation.severity,
        unexpected_count=int(found.get("unexpected_count") or 0),
        examples=examples(found),
    )


def _crashed(expectation: Expectation, message: str) -> Reason:
    return _about(expectation, Kind.CRASHED, crashed_message(expectation, message))


def _about(expectation: Expectation, kind: Kind, message: str) -> Reason:
    return Reason(
        kind=kind,
        column=subject(expectation),
        expectation=expectation.type,
        message=message,
        severity=expectation.severity,
        why=expectation.why,
    )
