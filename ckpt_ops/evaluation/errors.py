"""Why a metric could not be computed. Gates reject the candidate for both and give the reason."""

from __future__ import annotations

from ckpt_ops.errors import TerminalError


class UndefinedMetric(TerminalError):
    """The metric has no value on these rows: none at all, one class only, or labels of the wrong kind."""


class UnusablePredictions(TerminalError, ValueError):
    """Predictions are not numbers, or lie outside what the metric is defined on."""
