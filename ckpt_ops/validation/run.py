"""Judge a slice: schema drift first, then Great Expectations over what can be judged.

A slice that fits into a chunk is judged in one go. A larger one is read in chunks for what is asked of
each row, and a few columns at a time for everything else (`ways`). The verdict is the same.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.validation.bad_rows import BadRows, RowNumbers
from ckpt_ops.validation.custom import Reference, with_reference
from ckpt_ops.validation.engine import Engine, crash_of, frame_of, frame_of_rows
from ckpt_ops.validation.merging import Merged
from ckpt_ops.validation.rows import SliceRows, chunks, whole
from ckpt_ops.validation.schema import schema_digest, schema_drift
from ckpt_ops.validation.suite import Expectation, Suite
from ckpt_ops.validation.verdict import Kind, Reason, Severity, Validation, outcome_of
from ckpt_ops.validation.ways import Way, way_of
from ckpt_ops.validation.words import (
    crashed_words,
    examples,
    failed_words,
    not_judged_words,
    row_words,
    subject,
    too_many_words,
)

CHUNK_CELLS = 10_000_000
"""Values in a chunk: 500,000 rows of 20 columns, 80 MB of numbers. See docs/validation.md."""

_ORDER = list(Severity)


@dataclass(frozen=True, kw_only=True, eq=False)
class Judged:
    """A verdict, and what it was reached on.

    Attributes:
        bad: the rows to set aside; none when the slice is quarantined.
        results: Great Expectations' own, in the suite's order, for its Data Docs.
    """

    validation: Validation
    bad: BadRows = field(default_factory=BadRows)
    results: tuple[Any, ...] = ()


def validate(
    rows: SliceRows,
    suite: Suite,
    declared: pa.Schema,
    *,
    reference: Reference | None = None,
    chunk_cells: int = CHUNK_CELLS,
) -> Judged:
    """The verdict on `rows`. No file is written.

    Expectations on a column that is missing or of a wrong type are not run: the reason for the column
    says which. Columns of a narrower type are judged as the declared type. Integers with nulls are
    judged as float64, exact up to 2**53.

    Args:
        reference: what the expectations of `custom` compare with; without one they are not judged, which a
            reason of severity INFO says. What reading it raises is raised.

    Raises:
        BadInput: the suite names a column that is neither declared nor there, or Great Expectations
            refuses an expectation's values.
    """
    began = time.monotonic()
    _known_columns(rows.schema, suite, declared)
    drift = schema_drift(declared, rows.schema)
    unusable = {reason.column for reason in drift if reason.kind in (Kind.MISSING, Kind.TYPE)}
    runnable = {at: each for at, each in enumerate(suite.expectations) if not unusable & set(each.columns)}
    reasons = [_with_skipped(reason, suite) if reason.column in unusable else reason for reason in drift]
    results: dict[int, Any] = {}
    bad = BadRows()
    if runnable:
        judging = _Judging(
            rows=rows,
            suite=suite,
            schema=_as_judged(rows.schema, declared, unusable),
            chunk_cells=chunk_cells,
        )
        with with_reference(reference):
            results, failing = judging.judge(runnable)
        for at, each in runnable.items():
            reason = _reason(each, results[at]) if at in results else _crashed(each, "it gave no result")
            if reason is not None:
                reasons.append(reason)
        bad = BadRows(
            by_reason={row_words(runnable[at]): numbers for at, numbers in failing.numbers().items()}
        )
        reasons += _too_many(suite, rows.rows, len(bad.numbers), failing.most)
    ordered = tuple(sorted(reasons, key=lambda reason: _ORDER.index(reason.severity)))
    outcome = outcome_of(ordered, set_aside=len(bad.numbers))
    validation = Validation(
        outcome=outcome,
        rows=rows.rows,
        set_aside=len(bad.numbers) if outcome.trainable else 0,
        reasons=ordered,
        expectations=len(runnable),
        seconds=round(time.monotonic() - began, 3),
        suite=suite.name,
        suite_digest=suite.digest,
        schema_digest=schema_digest(declared),
    )
    return Judged(
        validation=validation,
        bad=bad if outcome.trainable else BadRows(),
        results=tuple(results[at] for at in sorted(results)),
    )


@dataclass(frozen=True, kw_only=True)
class _Judging:
    rows: SliceRows
    suite: Suite
    schema: pa.Schema
    chunk_cells: int

    def judge(self, expectations: Mapping[int, Expectation]) -> tuple[dict[int, Any], _Failing]:
        """Results by place in the suite, and the rows that fail what sets them aside."""
        engine, failing = Engine(self.suite), _Failing(expectations, self.suite, self.rows)
        ways: dict[Way, dict[int, Expectation]] = {way: {} for way in Way}
        for at, each in expectations.items():
            ways[way_of(each.type)][at] = each
        results = engine.judge(frame_of_rows(self.rows.rows), ways[Way.ROW_COUNT])
        results |= engine.judge(frame_of(self.rows.schema.empty_table()), ways[Way.COLUMN_NAMES])
        results |= self._by_rows(engine, failing, ways[Way.ROWS])
        results |= self._by_columns(engine, failing, ways[Way.COLUMNS])
        return results, failing

    def _by_rows(
        self, engine: Engine, failing: _Failing, expectations: Mapping[int, Expectation]
    ) -> dict[int, Any]:
        if not expectations:
            return {}
        columns = _columns(self.rows.schema, expectations)
        size = max(1, self.chunk_cells // len(columns))
        merged = {at: Merged(each) for at, each in expectations.items()}
        start = 0
        for table in chunks(self.rows, columns, size):
            frame = frame_of(self._cast(table))
            results = engine.judge(frame, expectations)
            for at, result in results.items():
                merged[at].add(result)
            failing.add(start, engine, frame, results)
            start += table.num_rows
        return {at: each.result() for at, each in merged.items()}

    def _by_columns(
        self, engine: Engine, failing: _Failing, expectations: Mapping[int, Expectation]
    ) -> dict[int, Any]:
        """Those that read the same columns at once; all at once when the slice is no more than a chunk."""
        columns = _columns(self.rows.schema, expectations)
        if self.rows.rows * len(columns) <= self.chunk_cells:
            groups = {columns: dict(expectations)}
        else:
            groups = {}
            for at, each in expectations.items():
                groups.setdefault(_columns(self.rows.schema, {at: each}), {})[at] = each
        results: dict[int, Any] = {}
        for names, group in groups.items():
            if group:
                frame = frame_of(self._cast(whole(self.rows, names)))
                found = engine.judge(frame, group)
                failing.add(0, engine, frame, found)
                results |= found
        return results

    def _cast(self, table: pa.Table) -> pa.Table:
        return table.cast(pa.schema([self.schema.field(name) for name in table.column_names]))


class _Failing:
    """Collects the rows that fail, as long as there are not too many to set aside."""

    def __init__(self, expectations: Mapping[int, Expectation], suite: Suite, rows: SliceRows) -> None:
        self._expectations = {at: each for at, each in expectations.items() if each.set_aside}
        self._most = (suite.bad_rows_at_most or 0.0) * rows.rows
        self._found: dict[int, list[RowNumbers]] = {at: [] for at in self._expectations}
        self._counts = dict.fromkeys(self._expectations, 0)

    def add(self, start: int, engine: Engine, frame: Any, results: Mapping[int, Any]) -> None:
        """The next rows: `frame` begins at row `start`, and `results` count those of it that fail."""
        wanted = {}
        for at, result in results.items():
            count = result.result.get("unexpected_count") if crash_of(result) is None else 0
            if at in self._expectations and count:
                self._counts[at] += count
                if self._counts[at] <= self._most:
                    wanted[at] = self._expectations[at]
        for at, result in engine.judge(frame, wanted, every_row=True).items():
            self._found[at].append(np.array(result.result["unexpected_index_list"], np.int64) + start)

    @property
    def most(self) -> int:
        """How many rows fail one of them, the one that the most rows fail."""
        return max(self._counts.values(), default=0)

    def numbers(self) -> dict[int, RowNumbers]:
        """By the place of what they fail, the numbers of the rows, ascending; not all when too many."""
        return {at: np.sort(np.concatenate(found)) for at, found in self._found.items() if found}


def _columns(schema: pa.Schema, expectations: Mapping[int, Expectation]) -> tuple[str, ...]:
    wanted = {name for each in expectations.values() for name in each.columns}
    return tuple(name for name in schema.names if name in wanted)


def _known_columns(schema: pa.Schema, suite: Suite, declared: pa.Schema) -> None:
    known = {*declared.names, *schema.names}
    for at, each in enumerate(suite.expectations):
        for column in each.columns:
            if column not in known:
                where = f"{suite.path or suite.name}: expectations[{at}] ({each.type}) column"
                raise BadInput(where, column, f"a declared column: {', '.join(declared.names)}")


def _with_skipped(reason: Reason, suite: Suite) -> Reason:
    skipped = [each.type for each in suite.expectations if reason.column in each.columns]
    return replace(reason, words=f"{reason.words}; not run: {', '.join(skipped)}") if skipped else reason


def _as_judged(schema: pa.Schema, declared: pa.Schema, unusable: set[str]) -> pa.Schema:
    """The columns as they came, those that are declared and fit in the declared type."""
    return pa.schema(
        [
            pa.field(field.name, declared.field(field.name).type)
            if field.name in declared.names and field.name not in unusable
            else pa.field(field.name, field.type)
            for field in schema
        ]
    )


def _too_many(suite: Suite, rows: int, found: int, most: int) -> list[Reason]:
    if suite.bad_rows_at_most is None or max(found, most) <= suite.bad_rows_at_most * rows:
        return []
    bad = most if most > suite.bad_rows_at_most * rows else found
    words = too_many_words(bad, rows, suite.bad_rows_at_most, at_least=bad == most)
    return [Reason(kind=Kind.FAILED, column="", words=words, unexpected_count=bad)]


def _reason(expectation: Expectation, result: Any) -> Reason | None:
    message = crash_of(result)
    if message is not None:
        return _crashed(expectation, message)
    found = result.to_json_dict()["result"]
    unjudged = (found.get("details") or {}).get("not_judged")
    if unjudged:
        return Reason(
            kind=Kind.NOT_JUDGED,
            column=subject(expectation),
            expectation=expectation.type,
            words=not_judged_words(expectation, unjudged),
            severity=Severity.INFO,
            why=expectation.why,
        )
    if result.success:
        return None
    return Reason(
        kind=Kind.FAILED,
        column=subject(expectation),
        expectation=expectation.type,
        words=failed_words(expectation, found),
        severity=Severity.WARNING if expectation.set_aside else expectation.severity,
        unexpected_count=int(found.get("unexpected_count") or 0),
        examples=examples(found),
        why=expectation.why,
    )


def _crashed(expectation: Expectation, message: str) -> Reason:
    return Reason(
        kind=Kind.CRASHED,
        column=subject(expectation),
        expectation=expectation.type,
        words=crashed_words(expectation, message),
        severity=expectation.severity,
        why=expectation.why,
    )
