"""What a report holds: plain values, from which a page, a script or a later version can draw."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from ckpt_ops.documents import DocumentKind
from ckpt_ops.evaluation.basis import Basis
from ckpt_ops.evaluation.bootstrap import paired_bootstrap
from ckpt_ops.evaluation.errors import UndefinedMetric, UnusablePredictions
from ckpt_ops.evaluation.metrics import METRICS, Metric
from ckpt_ops.evaluation.predictions import EvaluatedRows
from ckpt_ops.evaluation.report.curves import curves
from ckpt_ops.evaluation.verdicts import Evaluation
from ckpt_ops.outputs import flat, keyed, names_of

REPORT = DocumentKind(what="report", indent=None)
LARGEST_SEGMENTS = 20
FEWEST_ROWS = 50
RESAMPLES = 300


@dataclass(frozen=True, kw_only=True)
class Lineup:
    """A version to show the candidate beside: its metric on held-out rows of slices.

    Attributes:
        on: the metric by slice key; slices on which it had no value are left out.
    """

    version: int
    on: Mapping[str, float]


def report_values(
    evaluated: EvaluatedRows,
    evaluation: Evaluation,
    *,
    model: str,
    version: int,
    champion: int | None,
    metric: str,
    output: str | None = None,
    ancestors: Sequence[Lineup] = (),
) -> dict[str, Any]:
    """All that the page shows, as strict JSON can carry it.

    Args:
        metric: the one that segments and the forgetting heatmap show.
        output: the one that these and the curves are of; None: the only one, or the first.
        ancestors: earlier versions, oldest first.
    """
    output = output or next(iter(names_of(evaluated.label)), None)
    evaluated, named = evaluated.of(output), keyed(metric, output)
    models = {"candidate": flat(evaluated.candidate)}
    if evaluated.champion is not None:
        models["champion"] = flat(evaluated.champion)
    values = {
        "model": model,
        "version": version,
        "champion": champion,
        "metric": named,
        "higher_is_better": METRICS[metric].higher_is_better,
        "evaluation": evaluation.to_json(),
        "curves": curves(flat(evaluated.label), models),
        "segments": {
            column: segments(evaluated, column, METRICS[metric], seed=evaluation.seed)
            for column in evaluated.segments
        },
        "forgetting": [
            {"version": one.version, "on": dict(one.on)}
            for one in (*ancestors, Lineup(version=version, on=on_slices(evaluation, named)))
        ],
    }
    return REPORT.numbered(values)


def on_slices(evaluation: Evaluation, metric: str) -> dict[str, float]:
    """The candidate's metric by slice: slices consumed before, and its own where evaluated."""
    found = {key: past.candidate[metric] for key, past in evaluation.past.items() if metric in past.candidate}
    if evaluation.basis is not Basis.SHADOW and metric in evaluation.candidate:
        found[evaluation.slice_key] = evaluation.candidate[metric]
    return found


def segments(evaluated: EvaluatedRows, column: str, metric: Metric, *, seed: int) -> list[dict[str, Any]]:
    """The metric in the largest segments of a column, the difference to the champion with its interval.

    Segments of fewer than `FEWEST_ROWS` rows, or on which the metric has no value, are left out.
    """
    names, at, sizes = np.unique(evaluated.segments[column], return_inverse=True, return_counts=True)
    found: list[dict[str, Any]] = []
    for position in np.argsort(-sizes, kind="stable")[:LARGEST_SEGMENTS]:
        rows = at == position
        if sizes[position] < FEWEST_ROWS:
            break
        segment = {"segment": str(names[position]), "rows": int(sizes[position])}
        try:
            label, groups = evaluated.label[rows], evaluated.groups
            of = None if groups is None else groups[rows]
            segment["candidate"] = metric(label, evaluated.candidate[rows], groups=of)
            if evaluated.champion is not None:
                difference = paired_bootstrap(
                    metric,
                    label,
                    evaluated.candidate[rows],
                    evaluated.champion[rows],
                    groups=of,
                    seed=seed,
                    resamples=RESAMPLES,
                )
                segment["champion"] = metric(label, evaluated.champion[rows], groups=of)
                segment |= {"delta": difference.delta, "low": difference.low, "high": difference.high}
        except (UndefinedMetric, UnusablePredictions):
            continue
        found.append(segment)
    return found
