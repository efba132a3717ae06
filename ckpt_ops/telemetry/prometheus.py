"""Samples in Prometheus' text format, version 0.0.4."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from ckpt_ops.printable import one_line
from ckpt_ops.telemetry.table import METRICS, Sample


def prometheus_text(models: Mapping[str, Iterable[Sample]]) -> str:
    """The samples of each model, by metric, in the table's order.

    https://prometheus.io/docs/instrumenting/exposition_formats/
    """
    by_metric: dict[str, list[str]] = {}
    for model, samples in models.items():
        for sample in samples:
            name = METRICS[sample.metric].in_prometheus
            line = f"{name}{{{_labels({'model': model, **sample.labels})}}} {_number(sample.value)}"
            by_metric.setdefault(sample.metric, []).append(line)
    lines = []
    for metric in METRICS.values():
        found = by_metric.get(metric.name)
        if found:
            lines += [f"# HELP {metric.in_prometheus} {_escaped(metric.meaning)}"]
            lines += [f"# TYPE {metric.in_prometheus} {metric.kind}", *found]
    return "".join(f"{line}\n" for line in lines)


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{_escaped(one_line(value), quoted=True)}"' for name, value in labels.items())


def _escaped(text: str, *, quoted: bool = False) -> str:
    text = text.replace("\\", r"\\").replace("\n", r"\n")
    return text.replace('"', r"\"") if quoted else text


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() and abs(value) < 1e15 else repr(float(value))
