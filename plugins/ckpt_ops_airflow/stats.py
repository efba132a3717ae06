"""Numbers through Airflow's own stats: StatsD or OpenTelemetry, as its configuration says, else none.

OpenTelemetry, and StatsD with tags (Datadog, InfluxDB): `ckpt_ops.freshness_seconds`, the model and other
labels as tags. StatsD without tags has no place for them but the name: `ckpt_ops.MODEL.freshness_seconds`.

No number is worth a task: what fails here is logged, and nothing else.
"""

from __future__ import annotations

import logging
import re
import sys
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any

from ckpt_ops.errors import CkptOpsError

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.store import Store
    from ckpt_ops.telemetry import Sample
    from ckpt_ops.views import StoreViews

PREFIX = "ckpt_ops"
FLUSH_SECONDS = 2.0
"""A collector that does not answer holds up a task for so long."""

_ELSE = re.compile(r"[^A-Za-z0-9_-]")
_log = logging.getLogger(__name__)


@contextmanager
def worked(context: Context, model: str) -> Iterator[None]:
    """Around a task's work: how long it took, its errors, and whether it is a retry."""
    if not _how():
        yield
        return
    from ckpt_ops.telemetry import Sample

    ti, began = context["ti"], time.monotonic()
    of_task = {"task": str(getattr(ti, "task_id", ""))}
    if getattr(ti, "try_number", 1) > 1:
        send(model, [Sample(metric="retries", value=1, labels=of_task)])
    try:
        yield
    except CkptOpsError as error:
        labels = {**of_task, "error": type(error).__name__}
        send(model, [Sample(metric="errors", value=1, labels=labels)])
        flush()
        raise
    spent = (time.monotonic() - began) * 1000
    send(model, [Sample(metric="step_milliseconds", value=spent, labels=of_task)])


def tell_result(store: Store, model: str, result: object, *, of_state: bool) -> None:
    """The numbers of a step's result.

    Args:
        of_state: those of the model's log as well, as it is now.
    """
    if not _how():
        return
    from ckpt_ops.telemetry import of_result
    from ckpt_ops.views import StoreViews

    send(model, of_result(result))
    if of_state:
        tell_state(StoreViews(store, keep=False), model)
    flush()


def tell_state(views: StoreViews, model: str) -> None:
    """The numbers of the model's log; `flush` after the last."""
    if not _how():
        return
    from ckpt_ops.telemetry import measured

    try:
        send(model, measured(views, model))
    except Exception:  # noqa: BLE001 - as in `send`
        _log.exception("no numbers of %s", model)


def send(model: str, samples: Iterable[Sample]) -> None:
    """Hand them to Airflow's stats."""
    from ckpt_ops.telemetry import METRICS, Kind

    try:
        stats, how = _stats(), _how()
        for one in samples:
            metric = METRICS[one.metric]
            tags = {"model": model, **one.labels} if how != "names" else None
            if how == "clean tags" and tags is not None:
                tags = {label: _clean(value) for label, value in tags.items()}
            name = _long_name(model, one) if tags is None else f"{PREFIX}.{one.metric}"
            if metric.kind is Kind.COUNTER:
                stats.incr(name, int(one.value), tags=tags)
            elif metric.kind is Kind.TIMING:
                stats.timing(name, one.value, tags=tags)
            else:
                stats.gauge(name, one.value, tags=tags)
    except Exception:  # noqa: BLE001 - whatever a client of stats raises, the task goes on
        _log.exception("no numbers of %s", model)


def flush() -> None:
    """Send what is collected: a task's process ends without doing so. StatsD sends each number at once."""
    try:
        sends = sys.modules.get("opentelemetry.metrics")  # Airflow has imported it, where it sends by it
        force = getattr(sends.get_meter_provider(), "force_flush", None) if sends is not None else None
        if force is not None:
            sending = threading.Thread(target=force, daemon=True)
            sending.start()
            sending.join(FLUSH_SECONDS)
    except Exception:  # noqa: BLE001 - as above
        _log.exception("numbers were not sent")


@cache
def _how() -> str:
    """ "tags"; "clean tags" where Airflow allows few characters in them; "names" where the receiver knows no
    tags; "" where Airflow sends no stats.
    """
    from airflow.sdk.configuration import conf

    def on(name: str) -> bool:
        return bool(conf.getboolean("metrics", name, fallback=False))

    if on("statsd_datadog_enabled"):
        return "tags"
    if on("statsd_on"):
        return "clean tags" if on("statsd_influxdb_enabled") else "names"
    return "tags" if on("otel_on") else ""


def _stats() -> Any:
    try:
        from airflow.sdk.observability.stats import Stats
    except ImportError:  # before Airflow 3.2
        from airflow.stats import Stats
    return Stats


def _long_name(model: str, sample: Sample) -> str:
    parts = [PREFIX, model, sample.metric, *sample.labels.values()]
    return ".".join(map(_clean, parts))


def _clean(text: str) -> str:
    return _ELSE.sub("_", text) or "_"
