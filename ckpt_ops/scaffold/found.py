"""What a look at some data found: all that the files are written from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import pyarrow as pa

from ckpt_ops.scaffold.profile import Looked
from ckpt_ops.scaffold.spacing import Spacing


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a person asked for. Everything but `name` and `origin` is told from the data where it is None.

    Attributes:
        name: of the source, the pipeline and the folder.
        origin: where the data is: a directory, gs://..., postgres://... or https://...
        template, key_format, encoding: of files.
        schedule: hourly, daily, weekly, monthly or a cron expression.
        time_column, order_by: of a table.
        connection: id of an Airflow connection, of a table or an API.
        items: of an API, where the rows are in a page.
        at: of an API, the key of a slice that exists.
        label: the column that a model will predict.
        without: of JSON lines, fields that are no columns.
    """

    name: str
    origin: str
    template: str | None = None
    key_format: str | None = None
    encoding: str | None = None
    schedule: str | None = None
    time_column: str | None = None
    order_by: str | None = None
    connection: str | None = None
    items: str | None = None
    at: str | None = None
    label: str | None = None
    without: Sequence[str] = ()


@dataclass(frozen=True, kw_only=True)
class Code:
    """A source as Python: `name(argument=value, ...)`.

    Attributes:
        imports: the names that are needed of `ckpt_ops`.
        arguments: by argument, its value as code; `name` and `schema` are there already.
        comments: by argument, the comment above it.
    """

    kind: str
    imports: Sequence[str]
    arguments: Mapping[str, str]
    comments: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Found:
    """What was found out about a source.

    Attributes:
        what: the kind of source in a few words.
        first, last: when the first and the last slice begin.
        slices: those that were read, in time order.
        code: the source itself.
        sample: by file name below `sample/`, its bytes.
        sample_code: a source of what is in `sample/`; its `url` is left out.
        sample_keys: the slices that the sample has.
        left_out: fields of JSON lines that are no columns, as a person asked.
        notes: what a person should know, or do, before it runs.
    """

    what: str
    schema: pa.Schema
    spacing: Spacing
    first: datetime
    last: datetime
    slices: Sequence[Looked]
    code: Code
    sample: Mapping[str, bytes]
    sample_code: Code
    sample_keys: Sequence[str]
    left_out: Sequence[str] = ()
    notes: Sequence[str] = ()
