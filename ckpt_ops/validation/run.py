"""Judge a slice: schema drift first, then one pass of Great Expectations over what can be judged.

Great Expectations (4 to 10 s to import) is imported only here, only when there is something to run.
"""

from __future__ import annotations

import os
import time
import warnings
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.validation.custom import Reference, with_reference
from ckpt_ops.validation.schema import schema_drift
from ckpt_ops.validation.suite import Expectation, Suite
from ckpt_ops.validation.verdict import Kind, Reason, Severity, Validation, outcome_of
from ckpt_ops.validation.words import crashed_words, examples, failed_words, not_judged_words, subject

_ORDER = list(Severity)
# SUMMARY rather than COMPLETE: the same counts, without a list of every bad row in memory.
_RESULT_FORMAT = {"result_format": "SUMMARY", "partial_unexpected_count": 50}


def validate(
    table: pa.Table, suite: Suite, declared: pa.Schema, reference: Reference | None = None
) -> Validation:
    """The verdict on `table`. The table is not changed; no file is written.

    `reference` is what the expectations of `custom` compare with; without one they are not judged, which
    a reason of severity INFO says. What reading it raises is raised.

    Expectations on a column that is missing or of a wrong type are not run: the reason for the column
    says which. Columns of a narrower type are judged as the declared type. Integers with nulls are
    judged as float64, exact up to 2**53.

    Raises:
        BadInput: the suite names a column that is neither declared nor there, or Great Expectations
            refuses an expectation's values.
    """
    began = time.monotonic()
    _known_columns(table, suite, declared)
    drift = schema_drift(declared, table.schema)
    unusable = {reason.column for reason in drift if reason.kind in (Kind.MISSING, Kind.TYPE)}
    runnable = [each for each in suite.expectations if not unusable & set(each.columns)]
    reasons = [_with_skipped(reason, suite) if reason.column in unusable else reason for reason in drift]
    if runnable:
        with with_reference(reference):
            reasons += _judge(_as_declared(table, declared, unusable), runnable, suite)
    ordered = tuple(sorted(reasons, key=lambda reason: _ORDER.index(reason.severity)))
    return Validation(
        outcome=outcome_of(ordered),
        rows=table.num_rows,
        reasons=ordered,
        expectations=len(runnable),
        seconds=round(time.monotonic() - began, 3),
        suite=suite.name,
        suite_digest=suite.digest,
    )


def _known_columns(table: pa.Table, suite: Suite, declared: pa.Schema) -> None:
    known = {*declared.names, *table.column_names}
    for at, each in enumerate(suite.expectations):
        for column in each.columns:
            if column not in known:
                where = f"{suite.path or suite.name}: expectations[{at}] ({each.type}) column"
                raise BadInput(where, column, f"a declared column: {', '.join(declared.names)}")


def _with_skipped(reason: Reason, suite: Suite) -> Reason:
    skipped = [each.type for each in suite.expectations if reason.column in each.columns]
    return replace(reason, words=f"{reason.words}; not run: {', '.join(skipped)}") if skipped else reason


def _as_declared(table: pa.Table, declared: pa.Schema, unusable: set[str]) -> pa.Table:
    for at, name in enumerate(table.column_names):
        if name in declared.names and name not in unusable:
            wanted = declared.field(name).type
            if not table.schema.field(name).type.equals(wanted):
                table = table.set_column(at, name, table[name].cast(wanted))
    return table


def _judge(table: pa.Table, expectations: list[Expectation], suite: Suite) -> list[Reason]:
    os.environ["GX_ANALYTICS_ENABLED"] = "false"  # before the import: no telemetry from a data path
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Great Expectations' own use of what pandas deprecates
        import great_expectations as gx

        import ckpt_ops.validation.custom.registered  # noqa: F401 - our own kinds

        context = gx.get_context(mode="ephemeral")
        context.variables.progress_bars = {"globally": False, "metric_calculations": False}
        batch = (
            context.data_sources.add_pandas("slice")
            .add_dataframe_asset("slice")
            .add_batch_definition_whole_dataframe("slice")
            .get_batch({"dataframe": _to_pandas(table)})
        )
        built = [_build(gx, each, at, suite) for at, each in enumerate(expectations)]
        outcome = batch.validate(
            gx.ExpectationSuite(name=suite.name, expectations=built), result_format=_RESULT_FORMAT
        )
        # Results do not come in the suite's order: those that crashed come first.
        results = {result.expectation_config.meta["at"]: result for result in outcome.results}
    reasons = []
    for at, each in enumerate(expectations):
        reason = _reason(each, results[at]) if at in results else _crashed(each, "it gave no result")
        if reason is not None:
            reasons.append(reason)
    return reasons


def _to_pandas(table: pa.Table) -> Any:
    import numpy as np
    import pandas as pd

    # Strings as Python objects: Great Expectations is about twice as slow on Arrow-backed ones.
    text = pd.StringDtype("python", na_value=np.nan)
    kinds = {pa.string(): text, pa.large_string(): text}
    return table.to_pandas(types_mapper=kinds.get, date_as_object=False)


def _build(gx: Any, expectation: Expectation, at: int, suite: Suite) -> Any:
    from great_expectations.exceptions import ExpectationNotFoundError
    from great_expectations.expectations.registry import get_expectation_impl

    where = f"{suite.path or suite.name}: {expectation.type}"
    try:
        kind = get_expectation_impl(expectation.type)
    except ExpectationNotFoundError as error:
        raise BadInput(
            where, expectation.type, "an expectation of the installed Great Expectations"
        ) from error
    try:
        return kind(**expectation.kwargs, meta={"at": at})
    except (ValueError, TypeError) as error:
        said = "; ".join(line.strip() for line in str(error).splitlines()[1:]) or str(error)
        raise BadInput(where, expectation.kwargs, f"what Great Expectations takes ({said})") from error


def _reason(expectation: Expectation, result: Any) -> Reason | None:
    message = _exception(result.exception_info)
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
        severity=expectation.severity,
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


def _exception(info: Mapping[str, Any] | None) -> str | None:
    """The message when something was raised. It comes in two shapes: flat, or one entry per metric."""
    if not info:
        return None
    entries = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry["raised_exception"]:
            return str(entry["exception_message"]).strip().splitlines()[0]
    return None
