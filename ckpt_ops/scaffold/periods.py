"""A look at a source whose slices are periods of time: how long they are, and the rows of a few."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from datetime import timedelta

import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.found import Code, Found
from ckpt_ops.scaffold.look_at_files import MOST_ROWS, SAMPLE_ROWS, SAMPLE_SLICES, spread
from ckpt_ops.scaffold.profile import Looked
from ckpt_ops.scaffold.spacing import NAMED, Spacing
from ckpt_ops.slices import Period, SliceSource

_PERIODS = dict(zip(NAMED, (Period.HOUR, Period.DAY, Period.WEEK, Period.MONTH), strict=True))
_CRONS = {
    Period.HOUR: ("0 * * * *", timedelta(hours=1)),
    Period.DAY: ("0 0 * * *", timedelta(days=1)),
    Period.WEEK: ("0 0 * * 1", timedelta(weeks=1)),
    Period.MONTH: ("0 0 1 * *", timedelta(days=31)),
}


def period_of(schedule: str | None) -> Period:
    """A day by default. Raises `BadInput`."""
    if schedule is None:
        return Period.DAY
    if schedule not in _PERIODS:
        raise BadInput("--schedule", schedule, f"{', '.join(NAMED)}: rows are cut into periods")
    return _PERIODS[schedule]


def found_in(
    source: SliceSource,
    keys: Sequence[str],
    period: Period,
    *,
    what: str,
    code: Code,
    notes: Sequence[str],
    progress: Callable[[str], object],
) -> Found:
    """Read some of the slices, and keep a sample of two as Parquet.

    Args:
        keys: of slices that are there, in time order.
    """
    chosen = spread(keys)
    progress(f"reading {', '.join(chosen)}")
    slices = [looked_at(source, key, sampled=at < SAMPLE_SLICES) for at, key in enumerate(chosen)]
    with_rows = [looked for looked in slices if looked.table.num_rows]
    if not with_rows:
        raise BadInput("--from", what, f"slices with rows; {', '.join(chosen)} have none")
    kept = {looked.key: _parquet(looked.sample) for looked in with_rows if looked.sample is not None}
    cron, interval = _CRONS[period]
    return Found(
        what=what,
        schema=source.schema,
        spacing=Spacing(
            cron=cron, weekday=None, interval=interval, message=f"a slice is a {period.value}, UTC"
        ),
        first=period.bounds(keys[0])[0],
        last=period.bounds(keys[-1])[0],
        slices=with_rows,
        code=code,
        sample={f"{key}.parquet": data for key, data in kept.items()},
        sample_code=_sample_code(period),
        sample_keys=list(kept),
        notes=notes,
    )


def looked_at(source: SliceSource, key: str, *, sampled: bool) -> Looked:
    """The first 100,000 rows of a slice."""
    batches, left = [], MOST_ROWS
    for batch in source.read(key):
        batches.append(batch.slice(0, left))
        left -= batches[-1].num_rows
        if left == 0:
            break
    table = pa.Table.from_batches(batches).select(source.schema.names).cast(source.schema)
    return Looked(
        key=key, table=table, whole=left > 0, sample=table.slice(0, SAMPLE_ROWS) if sampled else None
    )


def _parquet(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _sample_code(period: Period) -> Code:
    arguments = {"template": '"{key}.parquet"'}
    if period.form != "%Y-%m-%d":
        arguments["key_format"] = f'"{period.form}"'
    return Code(kind="Files", imports=("Files",), arguments=arguments)
