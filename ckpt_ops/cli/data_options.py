"""The options by which a person says where data is, and what a look at it cannot tell."""

from __future__ import annotations

from typing import Annotated

import typer

Origin = Annotated[
    str,
    typer.Option(
        "--from",
        metavar="URL",
        help="Where its data is: a directory, gs://BUCKET/PREFIX, "
        "postgres://USER@HOST:5432/DATABASE?table=SCHEMA.TABLE, or https://...?from={start}&to={end}.",
    ),
]
Template = Annotated[
    str | None,
    typer.Option(
        metavar="NAME",
        help="Names of the files, such as 'flights/{key}/*.csv.gz' or 'flights/%d.%m.%Y.csv'.",
    ),
]
KeyFormat = Annotated[
    str | None,
    typer.Option(metavar="FORM", help="strftime form of the times in file names, such as '%Y-%m-%d'."),
]
Schedule = Annotated[
    str | None,
    typer.Option(
        metavar="CRON",
        help="How often a slice is due: hourly, daily, weekly, monthly or a cron expression.",
    ),
]
Encoding = Annotated[str | None, typer.Option(help="Encoding of CSV files; UTF-8 by default.")]
TimeColumn = Annotated[
    str | None,
    typer.Option(metavar="COLUMN", help="Column of a table that says which slice a row belongs to."),
]
OrderBy = Annotated[
    str | None, typer.Option(metavar="COLUMNS", help="Columns of a table that tell its rows apart.")
]
ConnectionId = Annotated[
    str | None, typer.Option(metavar="ID", help="Airflow connection to the database or API.")
]
Items = Annotated[
    str | None,
    typer.Option(metavar="PATH", help="Where a page of an API has its rows, such as 'data.items'."),
]
At = Annotated[
    str | None, typer.Option(metavar="KEY", help="Key of a slice that the API has, such as 2025-11-01.")
]
