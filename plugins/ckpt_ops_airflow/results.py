"""What the tasks of a run hand on: from XCom, or, where a task was marked a success, from the store.

A run belongs to one data interval and so to one slice. A task's result follows from the slice's key, so a run
whose XCom lacks one finds it in the store (`ckpt_ops.runs.recovering`), or fails for good with the name of
the task to clear.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING, TypeVar

from ckpt_ops.errors import BadInput, SliceMissing, SourceUnavailable, StoreUnavailable
from ckpt_ops_airflow.wall_clock import on_the_clock

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.pipeline import Intake, Pipeline
    from ckpt_ops.pipeline.step_results import Pulled
    from ckpt_ops.slices import SliceSource
    from ckpt_ops.store import Store

TRAIN, REPLAY, RETRAIN = "train", "replay", "retrain"
"""The tasks that make a version."""

EXPORT = "export"
"""The task that writes a version in another format."""

MESSAGE = "message"
"""The key in XCom of a task's lines for a person, as text."""

MISSING = "missing_slice"
"""The key in XCom that a task leaves when its source has no slice for the run: the interval's start."""

T = TypeVar("T")

log = logging.getLogger(__name__)


def result_of(kind: type[T], task_id: str, context: Context) -> T | None:
    """What a task of this run has returned; None when it was skipped, or marked a success.

    Raises:
        Corrupt: it is no `kind`: the error names the task and the field.
    """
    from ckpt_ops.pipeline.result_json import from_json  # the scheduler imports this module, too

    value = context["ti"].xcom_pull(task_ids=task_id)
    return None if value is None else from_json(kind, value, of=f"task {task_id}")


def has_result(task_id: str, context: Context) -> bool:
    """Whether a task of this run has returned anything: it was neither skipped nor marked a success."""
    return context["ti"].xcom_pull(task_ids=task_id) is not None


def pulled(pipeline: Intake, store: Store, context: Context) -> Pulled:
    """The run's slice. Raises `NoResult`, and as `find_key` and `result_of`."""
    from ckpt_ops.pipeline.step_results import Pulled
    from ckpt_ops.runs import recovering

    result = result_of(Pulled, "pull", context)
    if result is not None:
        return result
    found = recovering.pulled_slice(pipeline, store, slice_key(pipeline, store, context))
    log.warning("Task pull has no result; the store has slice %s, revision %s", found.key, found.revision)
    return found


def slice_key(pipeline: Intake, store: Store, context: Context) -> str:
    """The key of the run's slice. Raises as `find_key`; where the source has none, the log is asked."""
    from ckpt_ops.pipeline.step_results import Pulled
    from ckpt_ops.runs import recovering

    result = result_of(Pulled, "pull", context)
    if result is not None:
        return result.key
    zone = str(getattr(context.get("task"), "timezone", "UTC"))
    start, end = on_the_clock(*interval(context), zone)
    try:
        return find_key(pipeline.source, start, end, zone)
    except (SliceMissing, SourceUnavailable, StoreUnavailable):
        return recovering.key_between(pipeline, store, start, end)


def version_of(made_by: str, pipeline: Pipeline, store: Store, context: Context) -> int:
    """The version that this run is about.

    Args:
        made_by: the task that made it: `TRAIN`, `REPLAY` of a rebase, or `RETRAIN`.

    Raises:
        NoResult: the task has no result, and the store no version that it could have been.
    """
    from ckpt_ops.runs import recovering

    version = made_version(made_by, context)
    if version is not None:
        return version
    if made_by == REPLAY:
        found = recovering.replayed_version(pipeline, store)
    elif made_by == RETRAIN:
        found = recovering.retrained_version(pipeline, store)
    else:
        found = recovering.trained_version(pipeline, store, slice_key(pipeline, store, context))
    log.warning("Task %s has no result; the store has version %s", made_by, found)
    return found


def made_version(made_by: str, context: Context) -> int | None:
    """The version that a task of this run returned; None when it returned none. See `version_of`."""
    from ckpt_ops.pipeline.step_results import Replayed, Retrained, Trained

    if made_by == RETRAIN:
        retrained = result_of(Retrained, made_by, context)
        return None if retrained is None else retrained.version
    if made_by == REPLAY:
        replayed = result_of(Replayed, made_by, context)
        return None if replayed is None else replayed.version
    trained = result_of(Trained, made_by, context)
    return None if trained is None else trained.version


def find_key(source: SliceSource, start: datetime, end: datetime, timezone: str = "UTC") -> str:
    """The key of the one slice that the source has for a data interval, whose ends are on the zone's clocks.

    Raises:
        SliceMissing: it has none.
        BadInput: it has several.
    """
    keys = source.keys(start, end)
    if not keys:
        raise SliceMissing(
            f"source {source.name!r} has no slice between {start:%Y-%m-%d %H:%M} and "
            f"{end:%Y-%m-%d %H:%M} {timezone}",
            safe="nothing was written",
            next="clear this run when the slice has landed: whether it is late is decided then",
        )
    if len(keys) > 1:
        raise BadInput(
            "schedule",
            f"{start:%Y-%m-%d %H:%M} to {end:%Y-%m-%d %H:%M} {timezone}",
            f"intervals with one slice; this one holds {', '.join(keys)}",
            next="give the DAG a schedule as fine as the slices",
        )
    return str(keys[0])


def interval(context: Context) -> tuple[datetime, datetime]:
    """The run's data interval. Raises `BadInput` for a run without one."""
    start, end = context.get("data_interval_start"), context.get("data_interval_end")
    if start is None or end is None:
        raise BadInput(
            "logical date",
            None,
            "a date, which says which slice the run takes",
            next="trigger the run with a logical date",
        )
    return start, end
