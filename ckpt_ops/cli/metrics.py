"""`ckpt-ops metrics`: numbers of models for Prometheus."""

from __future__ import annotations

from ckpt_ops.cli import output
from ckpt_ops.cli.options import OptionalModel
from ckpt_ops.cli.output import Json
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.telemetry import measured, prometheus_text
from ckpt_ops.views import StoreViews


def metrics(model: OptionalModel = None, store: StoreOption = None, json: Json = False) -> None:
    """Print numbers of models for Prometheus.

    Freshness, age and score of production, slices and versions by status, what a person is wanted for, and
    the last training: in Prometheus' text format, for node_exporter's textfile collector. Nothing is written.

    Example: ckpt-ops metrics
    """
    with chosen_store(store) as opened:
        views = StoreViews(opened, keep=False)
        if model is not None:
            views.summary(model)  # refuses a name that no model has
        found = {name: measured(views, name) for name in ([model] if model is not None else views.names())}
    rows = [
        {"model": name, "metric": one.metric, "labels": dict(one.labels), "value": one.value}
        for name, samples in found.items()
        for one in samples
    ]
    output.answer(rows, lambda _: output.text(prometheus_text(found)), json=json)
