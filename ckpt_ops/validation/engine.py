"""Great Expectations, asked to judge data frames. It takes 4 to 10 s to import: made only when needed."""

from __future__ import annotations

import os
import warnings
from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa

from ckpt_ops.errors import BadInput
from ckpt_ops.validation.suite import Expectation, Suite

EXAMPLES = 50
# SUMMARY rather than COMPLETE: the same counts, without a list of every bad row in memory.
_SUMMARY = {"result_format": "SUMMARY", "partial_unexpected_count": EXAMPLES}
_COMPLETE = {"result_format": "COMPLETE", "partial_unexpected_count": EXAMPLES}


class Engine:
    """One ephemeral context; judges as many frames as it is given.

    Args:
        suite: whose expectations are judged; for messages, too.

    Raises:
        BadInput: Great Expectations refuses an expectation's type or values.
    """

    def __init__(self, suite: Suite) -> None:
        os.environ["GX_ANALYTICS_ENABLED"] = "false"  # before the import: no telemetry from a data path
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            import great_expectations as gx

            import ckpt_ops.validation.custom.registered  # noqa: F401 - our own kinds

            self._gx = gx
            context = gx.get_context(mode="ephemeral")
            context.variables.progress_bars = {"globally": False, "metric_calculations": False}
            self._frames = (
                context.data_sources.add_pandas("slice")
                .add_dataframe_asset("slice")
                .add_batch_definition_whole_dataframe("slice")
            )
        self._suite = suite

    def judge(
        self, frame: Any, expectations: Mapping[int, Expectation], *, every_row: bool = False
    ) -> dict[int, Any]:
        """Great Expectations' results by the expectation's place in the suite.

        Args:
            frame: a pandas DataFrame with the columns that they read.
            every_row: with `unexpected_index_list`, the index of each row that does not fit.
        """
        if not expectations:
            return {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # Great Expectations' own use of what pandas deprecates
            built = [self._build(each, at) for at, each in expectations.items()]
            outcome = self._frames.get_batch({"dataframe": frame}).validate(
                self._gx.ExpectationSuite(name=self._suite.name, expectations=built),
                result_format=_COMPLETE if every_row else _SUMMARY,
            )
        # Results do not come in the suite's order: those that crashed come first.
        return {result.expectation_config.meta["at"]: result for result in outcome.results}

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
        try:
            return kind(**expectation.kwargs, meta={"at": at, "why": expectation.why})
        except (ValueError, TypeError) as error:
            said = "; ".join(line.strip() for line in str(error).splitlines()[1:]) or str(error)
            raise BadInput(where, expectation.kwargs, f"what Great Expectations takes ({said})") from error


def frame_of(table: pa.Table) -> Any:
    """The table as pandas, backed by numpy."""
    import numpy as np
    import pandas as pd

    # Strings as Python objects: Great Expectations is about twice as slow on Arrow-backed ones.
    text = pd.StringDtype("python", na_value=np.nan)
    kinds = {pa.string(): text, pa.large_string(): text}
    return table.to_pandas(types_mapper=kinds.get, date_as_object=False)


def frame_of_rows(count: int) -> Any:
    """A frame of so many rows and nothing in them."""
    import pandas as pd

    return pd.DataFrame(index=pd.RangeIndex(count))


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
