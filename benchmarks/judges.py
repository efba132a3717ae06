"""Who answers the checks: Great Expectations through ckpt_ops and by itself, pandera, and plain Arrow.

Each does what a user of that library would write. What it needs is imported when it is made, which is
not measured with the rest; `judge` goes from the file to the answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, ClassVar, Protocol

from benchmarks.checks import ROW_WISE, Answer, Check

_ALL = 1_000_000_000


class Judge(Protocol):
    """Answers checks on a Parquet file.

    Attributes:
        title: what it is called in reports.
        note: what a reader of its numbers has to know.
    """

    title: str
    note: ClassVar[str]

    def judge(self, path: Path, checks: Sequence[Check]) -> Answer: ...


class CkptOps:
    """This project, as a validate task uses it."""

    note = "text is checked with Python's regular expressions, examples of bad values are kept"

    def __init__(self, chunk_rows: int) -> None:
        import great_expectations  # noqa: F401 - its import is not what is measured

        self._chunk_rows = chunk_rows
        self.title = "ckpt_ops, one chunk" if chunk_rows == _ALL else f"ckpt_ops, chunks of {chunk_rows:,}"

    def judge(self, path: Path, checks: Sequence[Check]) -> Answer:
        import pyarrow.parquet as pq

        from ckpt_ops.slices.reading import StagedSlice
        from ckpt_ops.validation import parse_suite, validate

        with pq.ParquetFile(path) as file:
            schema, count = file.schema_arrow.remove_metadata(), file.metadata.num_rows
        rows = StagedSlice(schema=schema, rows=count, files=(path,))
        suite = parse_suite(suite_of(checks, "bench"))
        return _answer(checks, validate(rows, suite, schema, chunk_rows=self._chunk_rows).results)


class GreatExpectations:
    """By itself, as its documentation has it: the whole table in pandas, one batch."""

    title = "Great Expectations, one batch"
    note = "the whole table in pandas"

    def __init__(self) -> None:
        import great_expectations as gx

        self._gx = gx

    def judge(self, path: Path, checks: Sequence[Check]) -> Answer:
        import pandas as pd
        from great_expectations.expectations.registry import get_expectation_impl

        context = self._gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        asset = context.data_sources.add_pandas("bench").add_dataframe_asset("bench")
        batch = asset.add_batch_definition_whole_dataframe("bench").get_batch(
            {"dataframe": pd.read_parquet(path)}
        )
        built = []
        for at, check in enumerate(checks):
            type_, kwargs = _expectation(check, text=False)
            built.append(get_expectation_impl(type_)(**kwargs, meta={"at": at}))
        results = batch.validate(self._gx.ExpectationSuite(name="bench", expectations=built)).results
        return _answer(checks, sorted(results, key=lambda result: result.expectation_config.meta["at"]))


class Pandera:
    """A schema for pandas with all checks, validated lazily: every failure is found."""

    title = "pandera"
    note = "makes a table with a row for each bad value"

    def __init__(self) -> None:
        import pandera.pandas as pandera

        self._pandera = pandera

    def judge(self, path: Path, checks: Sequence[Check]) -> Answer:
        import pandas as pd

        schema, frame = self._schema(checks), pd.read_parquet(path)
        bad = {check.name: 0 for check in checks if check.kind in ROW_WISE}
        holds = {check.name: True for check in checks if check.kind not in ROW_WISE}
        try:
            schema.validate(frame, lazy=True)
        except self._pandera.errors.SchemaErrors as failed:
            for error in failed.schema_errors:
                name = _NAMES.get(error.reason_code.name, "").format(error.schema.name) or error.check.name
                if name in bad:
                    bad[name] = int(error.failure_cases["index"].nunique())
                else:
                    holds[name] = False
        return Answer(bad=bad, holds=holds)

    def _schema(self, checks: Sequence[Check]) -> Any:
        by_column: dict[str, list[Check]] = {}
        of_table = []
        for check in checks:
            if len(check.columns) == 1:
                by_column.setdefault(check.columns[0], []).append(check)
            else:
                of_table.append(self._check(check))
        columns = {}
        for name, asked in by_column.items():
            kinds = {check.kind for check in asked}
            columns[name] = self._pandera.Column(
                None,
                [self._check(check) for check in asked if check.kind not in ("not_null", "unique")],
                nullable="not_null" not in kinds,
                unique="unique" in kinds,
            )
        return self._pandera.DataFrameSchema(columns, checks=of_table)

    def _check(self, check: Check) -> Any:
        low, high, make = check.low, check.high, self._pandera.Check
        match check.kind:
            case "between":
                return (
                    make.le(high, name=check.name)
                    if low is None
                    else make.in_range(low, high, name=check.name)
                )
            case "in_set":
                return make.isin(check.values, name=check.name)
            case "not_in_set":
                return make.notin(check.values, name=check.name)
            case "regex":
                return make.str_matches(check.pattern, name=check.name)
            case "length":
                return make.str_length(low, high, name=check.name)
            case "greater":
                one, other = check.columns
                return make(lambda frame: frame[one] > frame[other], name=check.name)
            case "rows":
                return make(lambda frame: len(frame) >= low, name=check.name)
        measure = {"mean": "mean", "median": "median", "stdev": "std", "max": "max", "distinct": "nunique"}
        method = measure[check.kind]
        return make(lambda column: _within(getattr(column, method)(), low, high), name=check.name)


_NAMES = {"SERIES_CONTAINS_NULLS": "not_null({})", "SERIES_CONTAINS_DUPLICATES": "unique({})"}


class Arrow:
    """`pyarrow.compute`, a function for each kind of check: what a team writes that wants no library."""

    title = "plain pyarrow"
    note = "counts only: no examples, no words, no report"

    def __init__(self) -> None:
        import pyarrow.compute  # noqa: F401

    def judge(self, path: Path, checks: Sequence[Check]) -> Answer:
        import pyarrow.parquet as pq

        table = pq.read_table(path)
        bad, holds = {}, {}
        for check in checks:
            if check.kind in ROW_WISE:
                bad[check.name] = self._bad(table, check)
            else:
                holds[check.name] = _within(self._measured(table, check), check.low, check.high)
        return Answer(bad=bad, holds=holds)

    @staticmethod
    def _bad(table: Any, check: Check) -> int:
        import pyarrow as pa
        import pyarrow.compute as pc

        column = table[check.columns[0]]
        match check.kind:
            case "not_null":
                return int(column.null_count)
            case "unique":
                counts = pc.struct_field(pc.value_counts(column), "counts")
                return pc.sum(pc.filter(counts, pc.greater(counts, 1))).as_py() or 0
            case "between" if check.low is None:
                good = pc.less_equal(column, pa.scalar(check.high, column.type))
            case "between":
                good = pc.and_(pc.greater_equal(column, check.low), pc.less_equal(column, check.high))
            case "in_set" | "not_in_set":
                good = pc.is_in(column, value_set=pa.array(check.values))
                good = good if check.kind == "in_set" else pc.invert(good)
            case "regex":
                good = pc.match_substring_regex(column, check.pattern)
            case "length":
                length = pc.utf8_length(column)
                good = pc.and_(pc.greater_equal(length, check.low), pc.less_equal(length, check.high))
            case _:
                good = pc.greater(column, table[check.columns[1]])
        return pc.sum(pc.invert(good)).as_py() or 0

    @staticmethod
    def _measured(table: Any, check: Check) -> Any:
        import pyarrow.compute as pc

        if check.kind == "rows":
            return table.num_rows
        column = table[check.columns[0]]
        match check.kind:
            case "median":
                return pc.quantile(column, 0.5)[0].as_py()
            case "stdev":
                return pc.stddev(column, ddof=1).as_py()
            case "distinct":
                return pc.count_distinct(column).as_py()
            case _:
                return getattr(pc, check.kind)(column).as_py()


JUDGES = {
    "ckpt_ops_60k": lambda: CkptOps(60_000),
    "ckpt_ops_125k": lambda: CkptOps(125_000),
    "ckpt_ops": lambda: CkptOps(500_000),
    "ckpt_ops_whole": lambda: CkptOps(_ALL),
    "gx": GreatExpectations,
    "pandera": Pandera,
    "pyarrow": Arrow,
}
OURS = "ckpt_ops"


def suite_of(checks: Sequence[Check], name: str) -> dict[str, Any]:
    """The checks as a suite of ours."""
    asked = [dict(zip(("type", "kwargs"), _expectation(check, text=True), strict=True)) for check in checks]
    return {"name": name, "expectations": asked}


def _expectation(check: Check, *, text: bool) -> tuple[str, dict[str, Any]]:
    """Type and keywords. text: times as JSON has them."""
    high = check.high.isoformat() if text and hasattr(check.high, "isoformat") else check.high
    bounds = {"min_value": check.low, "max_value": high}
    bounds = {name: value for name, value in bounds.items() if value is not None}
    column = {"column": check.columns[0]} if check.columns else {}
    values = {"value_set": list(check.values)}
    kinds: dict[str, tuple[str, dict[str, Any]]] = {
        "rows": ("table_row_count_to_be_between", bounds),
        "not_null": ("column_values_to_not_be_null", column),
        "between": ("column_values_to_be_between", column | bounds),
        "in_set": ("column_values_to_be_in_set", column | values),
        "not_in_set": ("column_values_to_not_be_in_set", column | values),
        "regex": ("column_values_to_match_regex", column | {"regex": check.pattern}),
        "length": ("column_value_lengths_to_be_between", column | bounds),
        "greater": (
            "column_pair_values_a_to_be_greater_than_b",
            dict(zip(("column_A", "column_B"), check.columns, strict=False)),
        ),
        "unique": ("column_values_to_be_unique", column),
        "mean": ("column_mean_to_be_between", column | bounds),
        "median": ("column_median_to_be_between", column | bounds),
        "stdev": ("column_stdev_to_be_between", column | bounds),
        "max": ("column_max_to_be_between", column | bounds),
        "distinct": ("column_unique_value_count_to_be_between", column | bounds),
    }
    type_, kwargs = kinds[check.kind]
    return f"expect_{type_}", kwargs


def _answer(checks: Sequence[Check], results: Sequence[Any]) -> Answer:
    found = list(zip(checks, results, strict=True))
    return Answer(
        bad={
            check.name: result.result["unexpected_count"] for check, result in found if check.kind in ROW_WISE
        },
        holds={check.name: bool(result.success) for check, result in found if check.kind not in ROW_WISE},
    )


def _within(value: Any, low: Any, high: Any) -> bool:
    return (low is None or value >= low) and (high is None or value <= high)
