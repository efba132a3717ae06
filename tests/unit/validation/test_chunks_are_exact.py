"""However a slice is cut, its verdict is the one Great Expectations reaches on all of it in one piece."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime
from functools import partial
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ckpt_ops.validation import Suite, parse_suite, validate
from ckpt_ops.validation.engine import EXAMPLES, crash_of
from ckpt_ops.validation.execution_mode import BY_ROWS, ExecutionMode, execution_mode_of

SCHEMA = pa.schema(
    [
        ("n", pa.int64()),
        ("m", pa.int64()),
        ("x", pa.float64()),
        ("flag", pa.bool_()),
        ("word", pa.string()),
        ("day", pa.date32()),
        ("at", pa.timestamp("us")),
        ("zoned", pa.timestamp("us", "UTC")),
    ]
)


def _some(values: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    return st.none() | values


MOMENTS = [datetime(2013, 1, 6), datetime(2013, 1, 7, 12, 30), datetime(9999, 12, 31)]
ROW = st.fixed_dictionaries(
    {
        "n": _some(st.sampled_from([-2, 0, 1, 22, 2**53 + 1])),
        "m": _some(st.integers(-1, 2)),
        "x": _some(st.sampled_from([-1.0, 0.0, 2.5, float("inf"), float("-inf"), float("nan")])),
        "flag": _some(st.booleans()),
        "word": _some(st.sampled_from(["a", "b", "cc", "", '{"a": 1}', "2013-01-06"])),
        "day": _some(st.sampled_from([date(2013, 1, 6), date(2013, 1, 7), date(9999, 12, 31)])),
        "at": _some(st.sampled_from(MOMENTS)),
        "zoned": _some(st.sampled_from([moment.replace(tzinfo=UTC) for moment in MOMENTS[:2]])),
    }
)
TABLES = st.lists(ROW, max_size=9).map(lambda rows: pa.Table.from_pylist(rows, schema=SCHEMA))


def _values(name: str, column: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_column_values_to_{name}", "kwargs": {"column": column, **kwargs}}


def _expect(name: str, **kwargs: Any) -> dict[str, Any]:
    return {"type": f"expect_{name}", "kwargs": kwargs}


HALF = {"quantiles": [0.5], "value_ranges": [[0, 1]]}
POOL = [
    *(_values("not_be_null", column) for column in SCHEMA.names),
    *(_values("be_null", column) for column in SCHEMA.names),
    *(_values("be_between", column, min_value=0, max_value=2) for column in ("n", "m", "x", "flag", "word")),
    _values("be_between", "x", max_value=2, strict_max=True),
    _values("be_between", "n", min_value=1, row_condition="m > 0 or x > 0", condition_parser="pandas"),
    *(_values("be_between", column, max_value="2013-01-06T12:00") for column in ("day", "at", "zoned")),
    _values("be_in_set", "word", value_set=["a", "cc"]),
    _values("be_in_set", "n", value_set=[0, 1, 2**53 + 1]),
    _values("be_in_set", "flag", value_set=[True]),
    _values("not_be_in_set", "word", value_set=["a", ""]),
    _values("not_be_in_set", "x", value_set=[2.5]),
    *(_values("match_regex", column, regex=r"^\w$") for column in ("word", "n", "x", "flag")),
    _values("match_regex", "word", regex="("),
    _values("not_match_regex", "word", regex="^(a|cc)"),
    _values("match_regex_list", "word", regex_list=["^a", "c$"]),
    _values("not_match_regex_list", "word", regex_list=["^a", "c$"]),
    _values("match_strftime_format", "word", strftime_format="%Y-%m-%d"),
    _values("be_dateutil_parseable", "word"),
    _values("be_json_parseable", "word"),
    _values("match_json_schema", "word", json_schema={"type": "object"}),
    *(_expect("column_value_lengths_to_equal", column=column, value=1) for column in ("word", "n", "flag")),
    _expect("column_value_lengths_to_be_between", column="word", min_value=1, max_value=1),
    _expect("column_pair_values_a_to_be_greater_than_b", column_A="n", column_B="m", or_equal=True),
    _expect("column_pair_values_a_to_be_greater_than_b", column_A="x", column_B="n"),
    _expect("column_pair_values_to_be_equal", column_A="n", column_B="m"),
    _expect("column_pair_values_to_be_in_set", column_A="m", column_B="flag", value_pairs_set=[[0, True]]),
    _expect("multicolumn_sum_to_equal", column_list=["n", "m"], sum_total=2),
    _expect("multicolumn_values_to_be_equal", column_list=["n", "m", "x"]),
    _expect("select_column_values_to_be_unique_within_record", column_list=["n", "m"]),
    # as a whole, on their own columns
    *(_values("be_unique", column) for column in ("n", "word", "at")),
    _values("be_increasing", "m"),
    _values("be_of_type", "word", type_="str"),
    _expect("compound_columns_to_be_unique", column_list=["m", "word"]),
    _expect("column_distinct_values_to_be_in_set", column="word", value_set=["a", "b"]),
    _expect("column_distinct_values_to_contain_set", column="word", value_set=["a"]),
    _expect("column_unique_value_count_to_be_between", column="n", min_value=2, max_value=3),
    _expect("column_proportion_of_non_null_values_to_be_between", column="flag", min_value=0.5),
    _expect("column_min_to_be_between", column="x", min_value=0),
    _expect("column_max_to_be_between", column="at", max_value="2013-01-07"),
    _expect("column_mean_to_be_between", column="x", max_value=3),
    _expect("column_median_to_be_between", column="n", min_value=1),
    _expect("column_sum_to_be_between", column="m", max_value=1),
    _expect("column_stdev_to_be_between", column="m", max_value=0.5),
    _expect("column_quantile_values_to_be_between", column="x", quantile_ranges=HALF),
    # of the table
    _expect("table_row_count_to_be_between", min_value=3, max_value=6),
    _expect("table_columns_to_match_set", column_set=SCHEMA.names),
    _expect("column_to_exist", column="n"),
]  # fmt: skip
MOSTLY = st.sampled_from([None, 0.5, 0.9])


@st.composite
def suites(draw: st.DrawFn) -> Suite:
    chosen = draw(st.lists(st.sampled_from(POOL), min_size=1, max_size=12, unique_by=str))
    expectations = []
    for each in chosen:
        mostly = draw(MOSTLY) if execution_mode_of(each["type"]) is ExecutionMode.ROWS else None
        asked = each["kwargs"] if mostly is None else each["kwargs"] | {"mostly": mostly}
        expectations.append({"type": each["type"], "kwargs": asked})
    return parse_suite({"name": "drawn", "expectations": expectations})


@dataclass(frozen=True)
class Pieces:
    """A table in pieces of uneven size, some of them empty."""

    table: pa.Table
    sizes: Sequence[int]

    @property
    def schema(self) -> pa.Schema:
        return self.table.schema

    @property
    def rows(self) -> int:
        return int(self.table.num_rows)

    def batches(self, columns: Sequence[str] | None = None) -> Iterator[pa.RecordBatch]:
        table = (self.table if columns is None else self.table.select(list(columns))).combine_chunks()
        row = 0
        for size in self.sizes:
            yield pa.RecordBatch.from_pylist([], schema=table.schema)
            yield from table.slice(row, size).to_batches()
            row += size
        yield from table.slice(row).to_batches()


def in_one_piece(table: pa.Table, suite: Suite) -> dict[int, Any]:
    """What Great Expectations says by its public interface, of the whole table as pandas has it."""
    os.environ["GX_ANALYTICS_ENABLED"] = "false"
    import great_expectations as gx
    import pandas as pd
    from great_expectations.expectations.registry import get_expectation_impl

    text = pd.StringDtype("python", na_value=np.nan)
    frame = table.to_pandas(types_mapper={pa.string(): text}.get, date_as_object=False)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        source = context.data_sources.add_pandas("slice").add_dataframe_asset("slice")
        batch = source.add_batch_definition_whole_dataframe("slice").get_batch({"dataframe": frame})
        built = [
            get_expectation_impl(each.type)(**_typed(each.kwargs), meta={"at": at})
            for at, each in enumerate(suite.expectations)
        ]
        results = batch.validate(
            gx.ExpectationSuite(name="drawn", expectations=built),
            result_format={"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLES},
        ).results
    return {result.expectation_config.meta["at"]: result for result in results}


def _typed(kwargs: dict[str, Any]) -> dict[str, Any]:
    bound = kwargs.get("max_value")
    if not isinstance(bound, str):
        return kwargs
    zone = UTC if kwargs["column"] == "zoned" else None
    return kwargs | {"max_value": datetime.fromisoformat(bound).replace(tzinfo=zone)}


def said(result: Any) -> dict[str, Any]:
    """What a verdict rests on, and what a person is told of it."""
    if crash_of(result) is not None:
        return {"crashed": crash_of(result)}
    found = result.to_json_dict()["result"]
    counts = {name: found.get(name) for name in ("element_count", "missing_count", "unexpected_count")}
    shown = [str(value) for value in found.get("partial_unexpected_list") or []]
    return {
        "holds": result.success,
        **counts,
        "observed": str(found.get("observed_value")),
        "examples": sorted(shown) if counts["element_count"] is None else shown,  # else from a set
    }


def test_each_kind_that_is_judged_by_rows_is_among_those_drawn() -> None:
    assert {each["type"] for each in POOL} >= BY_ROWS
    assert {execution_mode_of(each["type"]) for each in POOL} == set(ExecutionMode)


drawn = given(TABLES, suites(), st.lists(st.integers(0, 4), max_size=4), st.integers(1, 5))
examples = partial(settings, deadline=None, suppress_health_check=list(HealthCheck))


@examples(max_examples=12)
@drawn
def test_chunks_and_projections_give_the_verdict_of_one_piece(
    table: pa.Table, suite: Suite, sizes: list[int], chunk_rows: int
) -> None:
    gives_the_verdict_of_one_piece(table, suite, sizes, chunk_rows)


@pytest.mark.soak
@examples(max_examples=500)
@drawn
def test_chunks_and_projections_of_many_suites_give_it_too(
    table: pa.Table, suite: Suite, sizes: list[int], chunk_rows: int
) -> None:
    gives_the_verdict_of_one_piece(table, suite, sizes, chunk_rows)


def gives_the_verdict_of_one_piece(table: pa.Table, suite: Suite, sizes: list[int], chunk_rows: int) -> None:
    evaluated = validate(Pieces(table, sizes), suite, SCHEMA, chunk_rows=chunk_rows)
    ours = {result.expectation_config.meta["at"]: said(result) for result in evaluated.results}
    assert ours == {at: said(result) for at, result in in_one_piece(table, suite).items()}
