"""A report as one HTML page: no script, no outside file, readable in any browser and in print."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Mapping, Sequence
from html import escape
from typing import Any

from ckpt_ops.evaluation.report import plots
from ckpt_ops.evaluation.wording import plain, signed

_STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; color: #222; background: #fff; }
body { margin: 2rem auto; max-width: 70rem; padding: 0 1rem; }
h1 { font-size: 1.4rem; } h2 { font-size: 1.1rem; margin-top: 2rem; }
.passed { color: #161; } .refused { color: #a11; } .aside { color: #666; }
table { border-collapse: collapse; width: 100%; } code { overflow-wrap: anywhere; }
th, td { border: 1px solid #bbb; padding: .4rem .6rem; text-align: left; vertical-align: top; }
th { background: #f2f2f2; } td.number { text-align: right; font-variant-numeric: tabular-nums; }
img { max-width: 100%; height: auto; } figure { display: inline-block; margin: 0 1rem 1rem 0; }
"""
_CSP = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
_SAID = {True: ("passed", "passed"), False: ("refused", "refused"), None: ("aside", "not applicable")}


def report_html(values: Mapping[str, Any]) -> str:
    """The page. All text that came from data is escaped.

    Args:
        values: as `report_values` makes them.
    """
    evaluation = values["evaluation"]
    css, verdict = _SAID[evaluation["passed"]]
    title = f"{values['model']} version {values['version']}: {verdict}"
    against = f"version {values['champion']}" if values["champion"] is not None else "no champion yet"
    parts = [
        f"<h1>{escape(values['model'])} version {values['version']}: "
        f'<span class="{css}">{verdict}</span></h1>\n',
        f"<p>{escape(evaluation['words'])}</p>\n",
        f"<p>Judged on {evaluation['count']:,} rows: {escape(evaluation['rows'])}. "
        f"Compared with {against}.</p>\n",
        *_attention(evaluation),
        "<h2>Gates</h2>\n" + _gates(evaluation["verdicts"]),
        "<h2>Metrics, on the same rows</h2>\n" + _metrics(evaluation),
        _curves(values["curves"]),
        _segments(values),
        _forgetting(values),
        f'<p class="aside">Intervals: paired bootstrap, seed {evaluation["seed"]}.</p>\n',
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        f'<meta http-equiv="Content-Security-Policy" content="{_CSP}">\n<title>{escape(title)}</title>\n'
        f"<style>{_STYLE}</style>\n</head>\n<body>\n{''.join(parts)}</body>\n</html>\n"
    )


def _attention(evaluation: Mapping[str, Any]) -> list[str]:
    """What a person has to look at beside the verdict."""
    below, suspects = evaluation.get("below_floor", {}), evaluation.get("suspects", {})
    said = [f"In production, below its floor: {below['champion']}."] if "champion" in below else []
    said += [f"Suspect, nothing trains on it: slice {key}: {why}." for key, why in suspects.items()]
    return [f'<p class="refused">{escape(one)}</p>\n' for one in said]


def _gates(verdicts: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for verdict in verdicts:
        css, said = _SAID[verdict["passed"]]
        cells = f'<td class="{css}">{said}</td><td>{escape(verdict["words"])}</td>'
        rows.append(f"<tr>{cells}<td><code>{escape(verdict['gate'])}</code></td></tr>\n")
    return f"<table>\n<tr><th>verdict</th><th>why</th><th>gate</th></tr>\n{''.join(rows)}</table>\n"


def _metrics(evaluation: Mapping[str, Any]) -> str:
    candidate, champion = evaluation["candidate"], evaluation["champion"] or {}
    rows = []
    for name, value in candidate.items():
        other = champion.get(name)
        compared = ("", "") if other is None else (plain(other, 4), signed(value - other, 4))
        rows.append((name, plain(value, 4), *compared))
    return _table(("metric", "candidate", "champion", "difference"), rows)


def _curves(curves: Mapping[str, Any]) -> str:
    kind = curves["kind"]
    if kind == "none":
        return ""
    found = {"binary": "share of label 1", "classes": "share that is right", "numbers": "mean label"}[kind]
    pictures = [("Calibration", plots.calibration_picture(curves["calibration"], what=found))]
    if kind == "binary" and any(curves["roc"].values()):
        pictures.insert(0, ("ROC", plots.roc_picture(curves["roc"])))
    if kind == "classes":
        pictures.insert(0, ("Confusion", plots.confusion_picture(curves["confusion"]["candidate"])))
    return "<h2>Curves</h2>\n" + "".join(_figure(name, png) for name, png in pictures)


def _segments(values: Mapping[str, Any]) -> str:
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
        table = _table((column, "rows", "candidate", "champion", "difference (95 % interval)"), rows)
        parts.append(
            f"<h2>{escape(metric)} by {escape(column)}</h2>\n{_figure(f'By {column}', picture)}\n{table}"
        )
    return "".join(parts)


def _forgetting(values: Mapping[str, Any]) -> str:
    lines = [line for line in values["forgetting"] if line["on"]]
    if len({key for line in lines for key in line["on"]}) < 2:
        return ""
    picture = plots.forgetting_picture(lines, metric=values["metric"], higher=values["higher_is_better"])
    return "<h2>What is remembered of earlier slices</h2>\n" + _figure("Forgetting", picture)


def _figure(name: str, png: bytes) -> str:
    data = base64.b64encode(png).decode()
    return f'<figure><img alt="{escape(name)}" src="data:image/png;base64,{data}"></figure>\n'


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    head = "".join(f"<th>{escape(one)}</th>" for one in heads)
    lines = []
    for first, *rest in rows:
        cells = "".join(f'<td class="number">{escape(cell)}</td>' for cell in rest)
        lines.append(f"<tr><td>{escape(first)}</td>{cells}</tr>\n")
    return f"<table>\n<tr>{head}</tr>\n{''.join(lines)}</table>\n"
