"""The operators that take a slice in: wait for it, pull it, judge it."""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ckpt_ops.errors import BadInput, SliceEmpty, SliceMissing, TerminalError
from ckpt_ops_airflow.links import SliceDataDocs, SliceReport
from ckpt_ops_airflow.operators import Result, StepOperator, result_of

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.store import Store


class SliceOperator(StepOperator):
    """Looks for the slice of the run's data interval, and waits for one that has not landed.

    While it waits, the task is deferred to one of Airflow's own timers: no worker is held, and no code of
    the pipeline runs in the triggerer. Each look is a task of its own, so look seldom.

    Args:
        wait: so long after the end of the interval; then the run is skipped. None: do not wait.
        look_every: while waiting.
    """

    def __init__(
        self, *, wait: timedelta | None = None, look_every: timedelta = timedelta(minutes=5), **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.wait, self.look_every = wait, look_every

    def execute(self, context: Context, event: dict[str, Any] | None = None) -> Any:
        """Take the step; wait, or skip the run, when there is no slice."""
        try:
            return super().execute(context)
        except SliceMissing as missing:
            self._wait_or_skip(context, missing)

    def failure(self, error: TerminalError) -> Exception:
        """A slice without rows may be nothing wrong."""
        from ckpt_ops.pipeline import EmptySlices

        if isinstance(error, SliceEmpty) and self.pipeline.empty_slices is EmptySlices.SKIP:
            return AirflowSkipException(f"{error.what}: skipped, as empty_slices says")
        return super().failure(error)

    def key(self, context: Context) -> str:
        """The key of the interval's slice. Raises `SliceMissing`."""
        start, end = context.get("data_interval_start"), context.get("data_interval_end")
        if start is None or end is None:
            raise BadInput(
                "logical date",
                None,
                "a date: it says which slice",
                next="trigger the run with a logical date",
            )
        source = self.pipeline.source
        keys = source.keys(start, end)
        if not keys:
            raise SliceMissing(
                f"Slice missing: {source.name} has none between {start:%Y-%m-%d %H:%M} and "
                f"{end:%Y-%m-%d %H:%M} UTC. Nothing was written. When it has arrived, clear this run."
            )
        if len(keys) > 1:
            raise BadInput(
                "schedule",
                f"{start.isoformat()} to {end.isoformat()}",
                f"intervals with one slice; this one holds {', '.join(keys)}",
                next="give the DAG a schedule as fine as the slices",
            )
        return str(keys[0])

    def _wait_or_skip(self, context: Context, missing: SliceMissing) -> None:
        end, now = context.get("data_interval_end"), datetime.now(UTC)
        if self.wait is None or end is None or now >= end + self.wait:
            raise AirflowSkipException(str(missing)) from missing
        # imported by a task that begins to wait, not by DAG files
        from airflow.providers.standard.triggers.temporal import DateTimeTrigger

        until = end + self.wait
        self.log.info("%s Waiting for it until %s", missing, until)
        self.defer(trigger=DateTimeTrigger(moment=min(now + self.look_every, until)), method_name="execute")


class ListPartsOperator(SliceOperator):
    """Deals the parts of the interval's slice out, for tasks that pull them side by side.

    Args:
        side_by_side: so many lists at most.
    """

    def __init__(self, *, side_by_side: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.side_by_side = side_by_side

    def step(self, store: Store, context: Context) -> Any:
        """A list of `{"key": ..., "parts": [...]}`, one for each task to come."""
        from ckpt_ops.slices import parts_of

        key = self.key(context)
        parts = list(parts_of(self.pipeline.source, key))
        tasks = min(self.side_by_side, len(parts))
        return [{"key": key, "parts": parts[at::tasks]} for at in range(tasks)]


class PullPartsOperator(StepOperator):
    """Copies some parts of a slice into the store. What was copied before is not read again.

    Args:
        of: one entry of what `ListPartsOperator` dealt out.
    """

    def __init__(self, *, of: dict[str, Any], **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.of = of

    def step(self, store: Store, context: Context) -> Result:
        """Pull the parts; how many rows they have."""
        from ckpt_ops.slices import pull_part

        key, parts = self.of["key"], self.of["parts"]
        receipts = [pull_part(store, self.pipeline.source, key, part) for part in parts]
        return {"key": key, "parts": len(parts), "rows": sum(receipt.rows for receipt in receipts)}


class PullOperator(SliceOperator):
    """Copies the interval's slice into the store and commits it; skips the run when there is none (yet).

    Parts that other tasks have pulled are found; one that came or changed meanwhile is pulled here.
    """

    def step(self, store: Store, context: Context) -> Result:
        """Find the slice's key for the run's data interval and pull it."""
        from ckpt_ops.pipeline import intake_steps

        return intake_steps.pull(self.pipeline, store, self.key(context))


class ValidateOperator(StepOperator):
    """Judges the slice; a quarantined one ends the run."""

    operator_extra_links = (SliceReport(), SliceDataDocs())

    def step(self, store: Store, context: Context) -> Result:
        """Validate what `pull` brought."""
        from ckpt_ops.pipeline import intake_steps

        # its hundreds of lines on what it registers would hide the verdict in the task's log
        logging.getLogger("great_expectations").setLevel(logging.WARNING)
        pulled = result_of("pull", context)
        return intake_steps.validate(self.pipeline, store, pulled["key"], pulled["revision"])

    def why_stop(self, result: Result) -> str | None:
        """The reasons of the quarantine and where the report is."""
        if result["trainable"]:
            return None
        why = "; ".join(result["reasons"])
        return f"slice {result['key']} is {result['outcome']}: {why}. Report: {result['report']}"
