"""The tasks that read from a source: they find the run's slice, wait until it has landed, and copy it.

    pull                                          when a slice is one part
    list_parts -> pull_part (mapped) -> pull      when it may be several

Mapped tasks copy shares of the parts side by side. `pull` is the same task either way: it copies whatever
is not in the store yet, and commits. So a part that came late, or whose share was lost, holds up nothing.

A run whose slice is not there defers until it is time to look again. Airflow's own time trigger wakes it:
no worker is held, and no source is asked by the triggerer, which serves everyone.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from airflow.sdk.exceptions import AirflowSkipException

from ckpt_ops.errors import (
    CkptOpsError,
    SliceEmpty,
    SliceMissing,
    SourceUnavailable,
    StoreUnavailable,
)
from ckpt_ops.pipeline.result_json import from_json
from ckpt_ops.pipeline.step_results import Pulled, PulledShare, Share
from ckpt_ops.printable import printable
from ckpt_ops.runs import messages
from ckpt_ops_airflow.operators import R, StepOperator
from ckpt_ops_airflow.queues import training_queue
from ckpt_ops_airflow.results import MISSING, find_key, interval
from ckpt_ops_airflow.shares import ShareOperator, shares_in_xcom
from ckpt_ops_airflow.wall_clock import on_the_clock

if TYPE_CHECKING:
    from airflow.sdk import Context

    from ckpt_ops.store import Store


class SliceOperator(StepOperator[R]):
    """Does something with the slice of the run's data interval once it is there.

    Args:
        wait_for_slice: how long after the interval's end it may land; None: not at all.
        poke_interval: how often to look, until then.
    """

    def __init__(
        self,
        *,
        wait_for_slice: timedelta | None = None,
        poke_interval: timedelta,
        **kwargs: Any,
    ) -> None:
        super().__init__(**kwargs)
        self.wait_for_slice, self.poke_interval = wait_for_slice, poke_interval

    def take(self, store: Store, key: str) -> R:
        """What to do with the slice."""
        raise NotImplementedError

    def step(self, store: Store, context: Context) -> R:
        """Find the slice and take it; else wait for it, or skip the run."""
        from ckpt_ops.pipeline import EmptySlices

        start, end = interval(context)
        try:
            return self.take(store, self._find(start, end))
        except SliceMissing as error:
            self._wait(end, error)
            # Airflow forgets it when the task is cleared, so it counts runs that are still without
            context["ti"].xcom_push(key=MISSING, value=start.isoformat())
            raise self._skip(store, str(error)) from error
        except SliceEmpty as error:
            if self.pipeline.empty_slices is not EmptySlices.SKIP:
                raise
            why = f"{error.what}; empty slices are skipped, as empty_slices says. Safe: {error.safe}"
            raise self._skip(store, why) from error

    def _skip(self, store: Store, why: str) -> AirflowSkipException:
        """The run ends here, green and without a slice, after a look at those that were consumed."""
        from ckpt_ops.runs.sweep import look_at_source

        return AirflowSkipException("\n".join([why, *look_at_source(self.pipeline, store)]))

    def resume(self, context: Context, event: Any) -> Any:
        """Look again."""
        return self.execute(context)

    def _find(self, start: datetime, end: datetime) -> str:
        first, last = on_the_clock(start, end, self.timezone)
        if first >= last and start < end:
            raise AirflowSkipException(
                f"clocks in {self.timezone} are set back to {last:%H:%M} at the end of this interval: the "
                "slice of that time is complete after the next interval, whose run takes it in"
            )
        try:
            return find_key(self.pipeline.source, first, last, self.timezone)
        except (SourceUnavailable, StoreUnavailable) as error:
            # as long as the slice may still land, an outage uses up no retries
            self._wait(end, error)
            raise

    def _wait(self, end: datetime, why: CkptOpsError) -> None:
        """Defer, as long as a slice whose interval ends then may still land."""
        if self.wait_for_slice is None:
            return
        now, deadline = datetime.now(UTC), end + self.wait_for_slice
        if now < deadline:
            from airflow.providers.standard.triggers.temporal import DateTimeTrigger

            again = now + self.poke_interval
            self.log.info("%s. Looking again at %s; waiting until %s", printable(why.what), again, deadline)
            # Airflow counts execution_timeout again after it: that bounds the work, not the wait
            self.defer(trigger=DateTimeTrigger(moment=again), method_name="resume")


class ListPartsOperator(SliceOperator[list[Share]]):
    """Divides the slice's parts into shares.

    Args:
        side_by_side: the most shares.
    """

    def __init__(self, *, side_by_side: int, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.side_by_side = side_by_side

    def take(self, store: Store, key: str) -> list[Share]:
        """A share for each mapped task."""
        from ckpt_ops.runs import pull

        return pull.share_out(self.pipeline, key, at_most=self.side_by_side)

    def message(self, result: list[Share]) -> list[str]:
        """Which shares there are."""
        return messages.shared_out(result)

    def in_xcom(self, result: list[Share]) -> list[dict[str, Any]]:
        """The shares, for Airflow to map a task over."""
        return shares_in_xcom(result)


class PullShareOperator(ShareOperator[PulledShare]):
    """Copies one share of the parts into the store; what was copied before is not read again."""

    def step(self, store: Store, context: Context) -> PulledShare:
        """Copy the parts, one after the other."""
        from ckpt_ops.runs import pull

        share = from_json(Share, self.share, of="task list_parts")
        return pull.pull_share(self.pipeline, store, share, report=lambda line: self.log.info("%s", line))

    def message(self, result: PulledShare) -> list[str]:
        """How much the share was."""
        return messages.pulled_share(result)


class PullOperator(SliceOperator[Pulled]):
    """Copies what is not in the store yet of the slice, and commits it."""

    def take(self, store: Store, key: str) -> Pulled:
        """The slice's key, revision and rows, which the tasks after this one go by."""
        from ckpt_ops.runs import pull
        from ckpt_ops.runs.standing_by import expect_run

        expect_run(self.pipeline, trains_here=training_queue() == self.queue)
        return pull.pull(self.pipeline, store, key)

    def message(self, result: Pulled) -> list[str]:
        """Key, rows and revision."""
        return messages.pulled(result)
