"""A report as one HTML page: no script, no outside file, readable in any browser and in print."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from typing import Any

from ckpt_ops.evaluation.number_format import plain, signed
from ckpt_ops.evaluation.report import plots
from ckpt_ops.html import Html, element, page, stacked, table

_STYLE = """
.passed { color: var(--green); } .rejected { color: var(--red); } .aside { color: var(--soft); }
figure { display: inline-block; margin: 0 1rem 1rem 0; }
"""
_NUMBERS = ("", *["number"] * 4)
_ANSWERS = {True: ("passed", "passed"), False: ("rejected", "rejected"), None: ("aside", "not applicable")}


def report_html(values: Mapping[str, Any]) -> str:
    """The page. All text that came from data is escaped.

    Args:
        values: as `report_values` makes them.
    """
    evaluation = values["evaluation"]
    css, verdict = _ANSWERS[evaluation["passed"]]
    subject = f"{values['model']} version {values['version']}: "
    against = f"version {values['champion']}" if values["champion"] is not None else "no champion yet"
    drawn = evaluation.get("drawn_from")
    count = f"{evaluation['count']:,}" if drawn is None else f"{evaluation['count']:,} drawn of {drawn:,}"
    rows = f"Evaluated on {count} rows: {evaluation['rows']}. Compared with {against}."
    return page(
        f"{subject}{verdict}",
        element("h1", subject, element("span", verdict, kind=css)),
        element("p", evaluation["words"]),
        element("p", rows),
        *_attention(evaluation),
        element("h2", "Gates"),
        _gates(evaluation["verdicts"]),
        element("h2", "Metrics, on the same rows"),
        _metrics(evaluation),
        *_curves(values["curves"]),
        *_segments(values),
        *_forgetting(values),
        element("p", f"Intervals: paired bootstrap, seed {evaluation['seed']}.", kind="aside"),
        style=_STYLE,
    )


def _attention(evaluation: Mapping[str, Any]) -> list[Html]:
    """What a person has to know beside the verdict."""
    below, suspects = evaluation.get("below_floor", {}), evaluation.get("suspects", {})
    lines = [f"In production, below its floor: {below['champion']}."] if "champion" in below else []
    lines += [f"Suspect, nothing trains on it: slice {key}: {why}." for key, why in suspects.items()]
    return [element("p", one, kind="rejected") for one in lines]


def _gates(verdicts: Sequence[Mapping[str, Any]]) -> Html:
    rows = []
    for verdict in verdicts:
        css, answer = _ANSWERS[verdict["passed"]]
        rows.append((element("span", answer, kind=css), verdict["words"], element("code", verdict["gate"])))
    return table(("verdict", "why", "gate"), rows)


def _metrics(evaluation: Mapping[str, Any]) -> Html:
    candidate, champion = evaluation["candidate"], evaluation["champion"] or {}
    rows = []
    for name, value in candidate.items():
        other = champion.get(name)
        compared = ("", "") if other is None else (plain(other, 4), signed(value - other, 4))
        rows.append((name, plain(value, 4), *compared))
    return table(("metric", "candidate", "champion", "difference"), rows, kinds=_NUMBERS)


def _curves(curves: Mapping[str, Any]) -> list[Html]:
    kind = curves["kind"]
    if kind == "none":
        return []
    found = {"binary": "share of label 1", "classes": "share that is right", "numbers": "mean label"}[kind]
    pictures = [("Calibration", plots.calibration_picture(curves["calibration"], what=found))]
    if kind == "binary" and any(curves["roc"].values()):
        pictures.insert(0, ("ROC", plots.roc_picture(curves["roc"])))
    if kind == "classes":
        pictures.insert(0, ("Confusion", plots.confusion_picture(curves["confusion"]["candidate"])))
    return [element("h2", "Curves"), stacked(_figure(name, png) for name, png in pictures)]


def _segments(values: Mapping[str, Any]) -> list[Html]:
    metric, higher = values["metric"], values["higher_is_better"]
    parts = []
    for column, found in values["segments"].items():
        if not found:
            continue
        picture = plots.segments_picture(found, column=column, metric=metric, higher=higher)
        rows = [
            (
                one["segment"],
                f"{one['rows']:,}",
                plain(one["candidate"], 4),
                plain(one["champion"], 4) if "champion" in one else "",
                f"{signed(one['delta'], 4)} ({signed(one['low'], 4)} .. {signed(one['high'], 4)})"
                if "delta" in one
                else "",
            )
            for one in found
        ]
        heads = (column, "rows", "candidate", "champion", "difference (95 % interval)")
        title = element("h2", f"{metric} by {column}")
        parts += [title, _figure(f"By {column}", picture), table(heads, rows, kinds=_NUMBERS)]
    return parts


def _forgetting(values: Mapping[str, Any]) -> list[Html]:
    lines = [line for line in values["forgetting"] if line["on"]]
    if len({key for line in lines for key in line["on"]}) < 2:
        return []
    picture = plots.forgetting_picture(lines, metric=values["metric"], higher=values["higher_is_better"])
    return [element("h2", "What each version remembers of earlier slices"), _figure("Forgetting", picture)]


def _figure(name: str, png: bytes) -> Html:
    data = base64.b64encode(png).decode()
    return element("figure", element("img", alt=name, src=f"data:image/png;base64,{data}"))
