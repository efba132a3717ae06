"""The starts of a DAG's data intervals, as the api-server knows them: from the DAG that Airflow serialized.

They are given as the clocks of the DAG's time zone show them, which is how keys are read. No DAG file is read
for that: the timetable is one of Airflow's own.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import islice, pairwise
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from ckpt_ops.errors import BadInput
from ckpt_ops.runs.ranges import first_moment, last_moment
from ckpt_ops_airflow.wall_clock import wall_clock

if TYPE_CHECKING:
    from airflow.serialization.definitions.dag import SerializedDAG

AT_MOST = 1_500
"""Intervals of a range: a day of minutes is 1,440."""

BY_DEFAULT = 100
_A_YEAR = timedelta(days=365)
_A_DAY, _A_MINUTE = timedelta(days=1), timedelta(minutes=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_SHORTEST_DAY = timedelta(hours=23)  # the one in which clocks go forward


@dataclass(frozen=True, kw_only=True)
class Range:
    """The range that a page shows.

    Attributes:
        start, end: the first and the last moment at which a slice of the range may begin, by its clocks.
        expected: starts of the intervals in it that are over; None where Airflow does not know the DAG.
        timezone: of the DAG.
        cut: what was asked for holds more intervals than `AT_MOST`: the range ends at the last of them.
        backfill: the ends as Airflow's backfill takes them, UTC, ISO 8601; "" where no interval is over.
    """

    start: datetime
    end: datetime
    expected: list[datetime] | None
    timezone: str = "UTC"
    cut: bool = False
    backfill: tuple[str, str] = ("", "")

    @property
    def by_time(self) -> bool:
        """Whether dates alone are too coarse for it: intervals are shorter than a day."""
        return any(after - before < _SHORTEST_DAY for before, after in pairwise(self.expected or ()))

    @property
    def as_asked(self) -> tuple[str, str]:
        """Its ends as `asked_for` takes them again: dates, or minutes."""
        return self._moved(0)

    @property
    def earlier(self) -> tuple[str, str]:
        """The ends of the range before it, of the same length."""
        return self._moved(-1)

    @property
    def later(self) -> tuple[str, str]:
        """The ends of the range after it."""
        return self._moved(1)

    def _moved(self, by: int) -> tuple[str, str]:
        form, unit = ("%Y-%m-%dT%H:%M", _A_MINUTE) if self.by_time else ("%Y-%m-%d", _A_DAY)
        ends = (
            datetime.fromisoformat(end.isoformat()) for end in (self.start, self.end)
        )  # Airflow has its own
        first, last = (_EPOCH + (end - _EPOCH) // unit * unit for end in ends)
        step = by * (last - first + unit)
        return (first + step).strftime(form), (last + step).strftime(form)


def asked_for(dag_id: str, start: str, end: str) -> Range:
    """The range from one date or time to another, both included, by the clocks of the DAG's time zone.

    Args:
        start: a date, or a time; "": the DAG's start date, or what the newest `BY_DEFAULT` intervals need.
        end: a date, the whole of it, or a time; "": the DAG's end date if that is past, or now.

    A range of more than `AT_MOST` intervals is cut to the first of them.

    Raises:
        BadInput: not a date or time, or the range ends before it begins.
    """
    from airflow.models.serialized_dag import SerializedDagModel

    dag, now = SerializedDagModel.get_dag(dag_id), datetime.now(UTC)
    timezone = _timezone(dag)
    zone = ZoneInfo(timezone)
    last = now if dag is None or dag.end_date is None else min(dag.end_date, now)
    to = _instant(last_moment("to", end), zone) if end else last
    if start:
        begin = _instant(first_moment("from", start), zone)
    elif dag is None or dag.start_date is None:
        begin = to - _A_YEAR
    else:
        begin = min(dag.start_date, to)
        oldest = _starts(dag, begin, to, BY_DEFAULT + 1)
        if len(oldest) > BY_DEFAULT:
            begin = max(begin, to - (oldest[-1] - oldest[0]))
    if begin > to:
        raise BadInput(
            "from", start, f"not after the end of the range, {wall_clock(to, zone):%Y-%m-%d %H:%M}"
        )
    first, last = wall_clock(begin, zone), wall_clock(to, zone)
    if dag is None:
        return Range(start=first, end=last, expected=None)
    starts = _starts(dag, begin, to, AT_MOST + 1)
    cut = len(starts) > AT_MOST
    if cut:
        starts = starts[:AT_MOST]
        last = wall_clock(starts[-1], zone)
    ends = (starts[0].isoformat(), starts[-1].isoformat()) if starts else ("", "")
    expected = [wall_clock(start, zone) for start in starts]
    return Range(start=first, end=last, expected=expected, timezone=timezone, cut=cut, backfill=ends)


def is_there(dag_id: str) -> bool:
    """Whether Airflow knows a DAG of this id."""
    from airflow.models.serialized_dag import SerializedDagModel

    return SerializedDagModel.get_dag(dag_id) is not None


def _starts(dag: SerializedDAG, begin: datetime, to: datetime, count: int) -> list[datetime]:
    now = datetime.now(UTC)
    intervals = (info.data_interval for info in islice(dag.iter_dagrun_infos_between(begin, to), count))
    return [interval.start for interval in intervals if interval is not None and interval.end <= now]


def _timezone(dag: SerializedDAG | None) -> str:
    """Of the schedule, which is in the timetable; UTC where there is none."""
    found = dag.timetable.serialize().get("timezone") if dag is not None else None
    return found if isinstance(found, str) else "UTC"


def _instant(clock: datetime, zone: ZoneInfo) -> datetime:
    """When the clocks of a zone show this."""
    return clock.replace(tzinfo=zone).astimezone(UTC)
