"""Great Expectations as an evaluator of data frames. It takes 4 to 10 s to import: created only when needed.

A frame goes to its execution engine directly, not as a batch of a data source: a data source
fingerprints each frame twice by hashing every value, which costs more than evaluating it
(docs/explanation/validation.md).
"""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.validation.decimals import as_decimals
from ckpt_ops.validation.execution_mode import has_arithmetic
from ckpt_ops.validation.gx_import import imported
from ckpt_ops.validation.suite import Expectation, Suite

EXAMPLES = 50
# BASIC rather than COMPLETE: the same counts, without a list of every bad row in memory.
_COUNTS = {"result_format": "BASIC", "partial_unexpected_count": EXAMPLES}
_EVERY_ROW = _COUNTS | {"result_format": "COMPLETE", "return_unexpected_index_query": False}
_BOUNDS = ("min_value", "max_value")


class Engine:
    """One ephemeral context and the expectations of a suite; evaluates any number of frames.

    Args:
        suite: for messages.
        expectations: those to evaluate, by their place in the suite.
        schema: the types in which columns are evaluated.

    Raises:
        BadInput: Great Expectations refuses an expectation's type or values.
    """

    def __init__(self, suite: Suite, expectations: Mapping[int, Expectation], schema: pa.Schema) -> None:
        self._suite, self._schema = suite, schema
        gx = imported()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._context = gx.get_context(mode="ephemeral")
            self._context.variables.progress_bars = {"globally": False, "metric_calculations": False}
            self._built = {at: self._build(each, at).configuration for at, each in expectations.items()}

    def evaluate(self, frame: Any, places: Iterable[int], *, every_row: bool = False) -> dict[int, Any]:
        """Great Expectations' results by the expectation's place in the suite.

        Args:
            frame: a pandas DataFrame with the columns that they read.
            places: of the expectations in the suite.
            every_row: with `unexpected_index_list`, the index of each row that does not fit.
        """
        from great_expectations.execution_engine import PandasExecutionEngine
        from great_expectations.validator.validator import Validator

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Great Expectations' own use of what pandas deprecates
            engine = PandasExecutionEngine()
            engine.load_batch_data("slice", frame)
            results = Validator(execution_engine=engine, data_context=self._context).graph_validate(
                [self._built[at] for at in places],
                {"result_format": dict(_EVERY_ROW if every_row else _COUNTS)},
            )
            engine.batch_manager.batch_data_cache.clear()  # else a cycle keeps the frame in memory
        # Results do not come in the suite's order: those that crashed come first.
        return {result.expectation_config.meta["at"]: result for result in results}

    def empty_result(self, at: int) -> Any:
        """A result, without content, of the expectation at that place in the suite."""
        from great_expectations.core import ExpectationValidationResult

        return ExpectationValidationResult(success=True, expectation_config=self._built[at])

    def _build(self, expectation: Expectation, at: int) -> Any:
        from great_expectations.exceptions import ExpectationNotFoundError
        from great_expectations.expectations.registry import get_expectation_impl

        where = f"{self._suite.path or self._suite.name}: {expectation.type}"
        try:
            kind = get_expectation_impl(expectation.type)
        except ExpectationNotFoundError as error:
            raise BadInput(
                where, expectation.type, "an expectation of the installed Great Expectations"
            ) from error
        kwargs = {
            name: self._bound(expectation, value, f"{where} {name}") if name in _BOUNDS else value
            for name, value in expectation.kwargs.items()
        }
        if pa.types.is_decimal(self._kind(expectation)) and not has_arithmetic(expectation.type):
            kwargs |= as_decimals(kwargs)
        try:
            return kind(**kwargs, meta={"at": at, "why": expectation.why})
        except (ValueError, TypeError) as error:
            message = "; ".join(line.strip() for line in str(error).splitlines()[1:]) or str(error)
            raise BadInput(where, expectation.kwargs, f"what Great Expectations takes ({message})") from error

    def _kind(self, expectation: Expectation) -> pa.DataType:
        """The type in which its first column is evaluated; null without a column."""
        return self._schema.field(expectation.columns[0]).type if expectation.columns else pa.null()

    def _bound(self, expectation: Expectation, value: Any, where: str) -> Any:
        """A bound on dates or times, parsed, as JSON has only text: with a zone where the column has one."""
        kind = self._kind(expectation)
        if not (isinstance(value, str) and (pa.types.is_timestamp(kind) or pa.types.is_date(kind))):
            return value
        try:
            moment = datetime.fromisoformat(value)
        except ValueError as error:
            raise BadInput(where, value, "a date or time as ISO 8601 writes it") from error
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        zoned = pa.types.is_timestamp(kind) and kind.tz is not None
        return moment if zoned else moment.astimezone(UTC).replace(tzinfo=None)


def crash_of(result: Any) -> str | None:
    """The message when something was raised. It comes in two shapes: flat, or one entry per metric."""
    info: Mapping[str, Any] = result.exception_info or {}
    if not info:
        return None
    entries: Sequence[Any] = [info] if "raised_exception" in info else list(info.values())
    for entry in entries:
        if entry["raised_exception"]:
            return str(entry["exception_message"]).strip().splitlines()[0]
    return None
