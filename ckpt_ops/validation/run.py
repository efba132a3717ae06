"""Evaluate a slice: schema drift first, then Great Expectations over what can be evaluated.

`passes` reads the rows so that memory is bounded and the verdict is that of a single pass.
"""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import pyarrow as pa

from ckpt_ops.column_times import Columns, asked_of
from ckpt_ops.validation.asked import asked_for
from ckpt_ops.validation.bad_rows import BadRows, Failing, UnreadRows
from ckpt_ops.validation.custom import Reference, with_reference
from ckpt_ops.validation.engine import Engine, crash_of
from ckpt_ops.validation.execution_mode import reads_values
from ckpt_ops.validation.in_parts import Beforehand, PartFound, by_rows, misfit_texts
from ckpt_ops.validation.merging import Merged
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
from ckpt_ops.validation.schema import schema_digest
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
    parts: Sequence[PartFound] = (),
    beforehand: Beforehand | None = None,
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
        parts: what was found in the parts that `rows` are cut into, in order. Then `rows` are read only for
            what has to be evaluated over the whole. It changes no verdict.
        beforehand: what the parts were told of the slice.

    Raises:
        BadInput: the suite names a column that is neither declared nor there, or Great Expectations
            refuses an expectation's values.
    """
    began = time.monotonic()
    _check_parts(parts, rows)
    columns = columns or {}
    misfits = misfit_texts(rows, asked_of(declared, columns)) if beforehand is None else beforehand.misfits
    asked = asked_for(rows.schema, suite, declared, columns, misfits)
    runnable = asked.expectations
    unread = unread or UnreadRows()
    of = rows.rows + unread.rows
    failing = Failing(rows.rows, bad_at_most(suite, rows.rows, unread.rows))
    reasons = [*asked.drift, *_unread(suite, of, unread)]
    results: dict[int, Any] = {}
    whole: dict[int, Expectation] = {}
    if runnable:
        engine = Engine(suite, runnable, asked.schema)
        results = _of_parts(parts, by_rows(asked), engine, failing)
        rest = {at: each for at, each in runnable.items() if at not in results}
        whole = {at: each for at, each in rest.items() if parts and reads_values(each.type)}
        passes = Passes(
            rows=rows,
            expectations=rest,
            schema=asked.schema,
            engine=engine,
            failing=failing,
            chunk_rows=chunk_rows,
        )
        with with_reference(reference):
            results |= passes.results()
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
        parts=len(parts),
        over_the_whole=tuple(f"{each.type} ({subject(each)})" for each in whole.values()),
    )
    return ValidationResult(
        validation=validation,
        bad=failing.rows(suite) if outcome.trainable else BadRows(),
        results=tuple(results[at] for at in sorted(results)),
    )


def bad_at_most(suite: Suite, rows: int, unread: int) -> float:
    """How many of a slice's `rows` may be set aside, beside its rows that do not parse."""
    return (suite.bad_rows_at_most or 0.0) * (rows + unread) - unread


def _check_parts(parts: Sequence[PartFound], rows: SliceRows) -> None:
    if parts and sum(part.rows for part in parts) != rows.rows:
        raise ValueError(f"the parts have {sum(part.rows for part in parts)} rows, the slice {rows.rows}")


def _of_parts(
    parts: Sequence[PartFound], expectations: Mapping[int, Expectation], engine: Engine, failing: Failing
) -> dict[int, Any]:
    """The results of what was evaluated in parts: all row-wise expectations, or none without parts."""
    if not parts:
        return {}
    merged = {at: Merged(at, each) for at, each in expectations.items()}
    first = 0
    for part in parts:
        if [tally.at for tally in part.tallies] != sorted(expectations):
            raise ValueError("a part was not evaluated by these expectations")
        for tally in part.tallies:
            merged[tally.at].add_tally(tally)
        for at, numbers in part.failing.items():
            failing.add(at, numbers + first)
        failing.add_bad(part.bad + first)
        first += part.rows
    return {at: each.into(engine.empty_result(at)) for at, each in merged.items()}


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
