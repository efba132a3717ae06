"""The passes over a slice: which expectations are evaluated together, on which columns, how much at a time.

Great Expectations copies all columns of a frame for each expectation that leaves nulls out. So those that
read the same columns are evaluated on a frame of these alone, and the row-wise ones in chunks of it.
Memory is bounded by a chunk, or by all rows of the columns that one expectation needs as a whole.
"""

from __future__ import annotations

import functools
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from ckpt_ops.validation.bad_rows import Failing
from ckpt_ops.validation.engine import Engine, crash_of
from ckpt_ops.validation.execution_mode import ExecutionMode, execution_mode_of, has_arithmetic, has_regex
from ckpt_ops.validation.frames import differs_with_nulls, frame_of, frame_of_rows
from ckpt_ops.validation.merging import Merged, Tally
from ckpt_ops.validation.rows import SliceRows, chunks, nullable_columns, whole
from ckpt_ops.validation.suite import Expectation

# What a result has of every row, or counted from that: as long as the slice, and not there of chunks.
_EVERY_ROW = {"unexpected_list", "unexpected_index_list"}
_EVERY_ROW |= {"partial_unexpected_index_list", "partial_unexpected_counts"}

CHUNK_ROWS = 500_000
"""Rows of a chunk. See docs/explanation/validation.md."""


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """What expectations share that are evaluated on the same frame."""

    columns: tuple[str, ...]
    in_chunks: bool
    every_row: bool
    python_text: bool
    float_decimals: bool


@dataclass(frozen=True, kw_only=True)
class Passes:
    """Evaluates `expectations`, by their place in the suite, on `rows`.

    Attributes:
        schema: the types in which columns are evaluated.
        failing: collects the rows that fail an expectation that sets them aside.
        chunk_rows: see `CHUNK_ROWS`.
        nullable: of a slice that `rows` are a part of, the columns with a null (`nulls_decide`); None: `rows`
            are the whole.
    """

    rows: SliceRows
    expectations: Mapping[int, Expectation]
    schema: pa.Schema
    engine: Engine
    failing: Failing
    chunk_rows: int = CHUNK_ROWS
    nullable: frozenset[str] | None = None

    def results(self) -> dict[int, Any]:
        """Great Expectations' result of each."""
        together: dict[ExecutionMode | _Frame, list[int]] = {}
        for at, each in self.expectations.items():
            mode = execution_mode_of(each.type)
            of_values = mode in (ExecutionMode.ROWS, ExecutionMode.COLUMNS)
            together.setdefault(self._frame_for(each, mode) if of_values else mode, []).append(at)
        results: dict[int, Any] = {}
        for read, places in together.items():
            results |= self._results(read, places)
        return results

    def tallies(self) -> list[Tally]:
        """What each finds in these rows, a part of a slice. All of them have to be row-wise."""
        together: dict[_Frame, list[int]] = {}
        for at, each in self.expectations.items():
            together.setdefault(self._frame_for(each, ExecutionMode.ROWS), []).append(at)
        found = [self._merged(frame, places) for frame, places in together.items()]
        return [each.tally() for merged in found for each in merged.values()]

    def _results(self, read: ExecutionMode | _Frame, places: list[int]) -> dict[int, Any]:
        match read:
            case ExecutionMode.ROW_COUNT:
                return self.engine.evaluate(frame_of_rows(self.rows.rows), places)
            case _Frame(in_chunks=True):
                return self._in_chunks(read, places)
            case _Frame():
                return self._whole(read, places)
            case _:
                return self.engine.evaluate(frame_of(self.rows.schema.empty_table(), self.schema), places)

    def _frame_for(self, expectation: Expectation, mode: ExecutionMode) -> _Frame:
        return _Frame(
            columns=columns_read([expectation], self.schema),
            in_chunks=mode is ExecutionMode.ROWS and self.rows.rows > self.chunk_rows,
            every_row=expectation.set_aside,
            python_text=has_regex(expectation.type),
            float_decimals=has_arithmetic(expectation.type),
        )

    @functools.cached_property
    def _nullable(self) -> frozenset[str]:
        """Columns that every chunk has to treat as having nulls. A slice of one chunk needs no reading."""
        if self.nullable is not None:
            return self.nullable
        if self.rows.rows <= self.chunk_rows:
            return frozenset()
        by_rows = [
            each for each in self.expectations.values() if execution_mode_of(each.type) is ExecutionMode.ROWS
        ]
        return nullable_columns(self.rows, nulls_decide(by_rows, self.schema))

    def _whole(self, frame: _Frame, places: list[int]) -> dict[int, Any]:
        table = whole(self.rows, frame.columns)
        return self._evaluate(frame, self._to_pandas(frame, table), places, first_row=0)

    def _in_chunks(self, frame: _Frame, places: list[int]) -> dict[int, Any]:
        return {
            at: each.into(self.engine.empty_result(at)) for at, each in self._merged(frame, places).items()
        }

    def _merged(self, frame: _Frame, places: list[int]) -> dict[int, Merged]:
        merged = {at: Merged(at, self.expectations[at]) for at in places}
        row = 0
        for table in chunks(self.rows, frame.columns, self.chunk_rows):
            results = self._evaluate(frame, self._to_pandas(frame, table), places, first_row=row)
            for at, result in results.items():
                merged[at].add(result)
            row += table.num_rows
        return merged

    def _evaluate(self, frame: _Frame, data: Any, places: list[int], *, first_row: int) -> dict[int, Any]:
        results = self.engine.evaluate(data, places, every_row=frame.every_row)
        if frame.every_row:
            for at, result in results.items():
                if crash_of(result) is None:
                    # one of our own without a reference names no row
                    found = result.result.get("unexpected_index_list", ())
                    self.failing.add(at, np.array(found, np.int64) + first_row)
                    for listed in _EVERY_ROW & result.result.keys():
                        del result.result[listed]
        return results

    def _to_pandas(self, frame: _Frame, table: pa.Table) -> Any:
        return frame_of(
            table,
            self.schema,
            nullable=self._nullable,
            python_text=frame.python_text,
            float_decimals=frame.float_decimals,
        )


def columns_read(expectations: Iterable[Expectation], schema: pa.Schema) -> tuple[str, ...]:
    """The columns they read, in order: a `row_condition` reads each that it names."""
    read = list(expectations)
    wanted = {name for each in read for name in each.columns}
    conditions = [each.kwargs["row_condition"] for each in read if "row_condition" in each.kwargs]
    text = json.dumps(conditions, ensure_ascii=False)
    wanted |= {name for name in schema.names if re.search(rf"(?<!\w){re.escape(name)}(?!\w)", text)}
    return tuple(name for name in schema.names if name in wanted)


def nulls_decide(by_rows: Iterable[Expectation], schema: pa.Schema) -> list[str]:
    """Columns that all rows of a slice have to be read alike in, as soon as one of them has a null there."""
    return [name for name in columns_read(by_rows, schema) if differs_with_nulls(schema.field(name).type)]
