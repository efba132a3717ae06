"""The starts of a DAG's data intervals, as the api-server knows them: from the DAG that Airflow serialized.

No DAG file is read for that: the timetable is one of Airflow's own.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from itertools import islice
from typing import TYPE_CHECKING

from ckpt_ops.errors import BadInput

if TYPE_CHECKING:
    from airflow.serialization.definitions.dag import SerializedDAG

AT_MOST = 500
BY_DEFAULT = 100
_A_YEAR = timedelta(days=365)
_LAST = timedelta(days=1) - timedelta(microseconds=1)


@dataclass(frozen=True, kw_only=True)
class Range:
    """What a person looks at.

    Attributes:
        start, end: the first and the last moment at which a slice of the range may begin, UTC.
        expected: starts of the intervals in it that are over; None where Airflow does not know the DAG.
    """

    start: datetime
    end: datetime
    expected: list[datetime] | None


def asked_for(dag_id: str, start: str, end: str) -> Range:
    """The range from one date to another, both included, in UTC.

    Args:
        start: a date; "": the DAG's start date, or what the newest `BY_DEFAULT` intervals need.
        end: a date; "": the DAG's end date if that is past, or now.

    Raises:
        BadInput: no dates, or more than `AT_MOST` intervals.
    """
    from airflow.models.serialized_dag import SerializedDagModel

    dag, now = SerializedDagModel.get_dag(dag_id), datetime.now(UTC)
    last = now if dag is None or dag.end_date is None else min(dag.end_date, now)
    to = datetime.combine(_date("to", end), time(), UTC) + _LAST if end else last
    if start:
        begin = datetime.combine(_date("from", start), time(), UTC)
    elif dag is None or dag.start_date is None:
        begin = to - _A_YEAR
    else:
        begin = min(dag.start_date, to)
        first = _starts(dag, begin, to, BY_DEFAULT + 1)
        if len(first) > BY_DEFAULT:
            begin = max(begin, to - (first[-1] - first[0]))
    if begin > to:
        raise BadInput("from", start, f"a date not after the end of the range, {to:%Y-%m-%d}")
    if dag is None:
        return Range(start=begin, end=to, expected=None)
    expected = _starts(dag, begin, to, AT_MOST + 1)
    if len(expected) > AT_MOST:
        raise BadInput("from, to", f"{begin:%Y-%m-%d} to {to:%Y-%m-%d}", f"at most {AT_MOST} intervals")
    return Range(start=begin, end=to, expected=expected)


def is_there(dag_id: str) -> bool:
    """Whether Airflow knows a DAG of this id."""
    from airflow.models.serialized_dag import SerializedDagModel

    return SerializedDagModel.get_dag(dag_id) is not None


def _starts(dag: SerializedDAG, begin: datetime, to: datetime, count: int) -> list[datetime]:
    now = datetime.now(UTC)
    intervals = (info.data_interval for info in islice(dag.iter_dagrun_infos_between(begin, to), count))
    return [interval.start for interval in intervals if interval is not None and interval.end <= now]


def _date(field: str, text: str) -> date:
    with suppress(ValueError):
        found = date.fromisoformat(text)
        if 1900 <= found.year < 2200:  # as in keys that are times; a schedule can be asked about no year 1
            return found
    raise BadInput(field, text, "a date of the years 1900 to 2199, such as 2013-01-06")
