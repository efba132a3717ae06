"""`ckpt-ops new source` and `ckpt-ops check source`: from nothing to a source that keeps its promises."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer
from rich.table import Table

from ckpt_ops.cli import output
from ckpt_ops.cli.data_options import (
    At,
    ConnectionId,
    Encoding,
    Items,
    KeyFormat,
    OrderBy,
    Origin,
    Schedule,
    Template,
    TimeColumn,
)
from ckpt_ops.cli.embedded_store import platform_if_running
from ckpt_ops.cli.looking import looking, shown
from ckpt_ops.cli.output import Json
from ckpt_ops.contract import Check, check_source
from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.loading import dags_folder, is_described, load_intake
from ckpt_ops.scaffold import Asked, Written, new_source

_EXAMPLE = "ckpt-ops new source visits --from /data/visits"
_CHECK_EXAMPLE = "ckpt-ops check source dags/visits"
new = typer.Typer(
    name="new", help=f"Write the files of a new source.\n\nExample: {_EXAMPLE}", no_args_is_help=True
)
check = typer.Typer(
    name="check",
    help=f"Check that a source keeps its promises.\n\nExample: {_CHECK_EXAMPLE}",
    no_args_is_help=True,
)


@new.command("source")
def new_source_command(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the source, and of its folder in dags/.")
    ],
    origin: Origin,
    label: Annotated[
        str | None,
        typer.Option(metavar="COLUMN", help="Column that a model will predict; its drift is watched."),
    ] = None,
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="FIELD", help="Field of JSON lines that is no column; may be given several times."
        ),
    ] = None,
    template: Template = None,
    key_format: KeyFormat = None,
    schedule: Schedule = None,
    encoding: Encoding = None,
    time_column: TimeColumn = None,
    order_by: OrderBy = None,
    connection: ConnectionId = None,
    items: Items = None,
    at: At = None,
    json: Json = False,
) -> None:
    """Look at data and write a source for it into dags/NAME.

    The folder has the source, expectations, a sample, a DAG and a test that passes. It is written whole or
    not at all, and nothing is overwritten.

    Example: ckpt-ops new source visits --from /data/visits --template 'visits-{key}.csv'
    """
    asked = Asked(
        name=name,
        origin=origin,
        template=template,
        key_format=key_format,
        schedule=schedule,
        encoding=encoding,
        time_column=time_column,
        order_by=order_by,
        connection=connection,
        items=items,
        at=at,
        label=label,
        without=tuple(without or ()),
    )
    with platform_if_running(), looking() as status:
        written = new_source(asked, dags_folder(), status)
    view = {"folder": str(written.folder), "files": written.files, "notes": [*written.found.notes]}
    output.answer(view, lambda _: _show(written), json=json)


@check.command("source")
def check_source_command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="FOLDER", help="Folder of the source: dags/NAME; of a fleet's member dags/FLEET.MEMBER."
        ),
    ],
    slices: Annotated[
        list[str] | None,
        typer.Option(
            "--slice",
            metavar="KEY",
            help="Key of a slice to read; may be given several times; the newest three by default.",
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check that a source keeps its promises.

    Keys, fingerprints, rows, types and memory are checked; each slice is read at least twice. Nothing is
    written. Exit code 1: a promise is broken.

    Example: ckpt-ops check source dags/visits
    """
    with platform_if_running(), looking() as status:
        found = check_source(_loaded(folder).source, slices or None, progress=status)
    broken = [one for one in found if not one.passed]
    output.answer([asdict(one) for one in found], lambda _: _show_checks(folder, found), json=json)
    if broken:
        raise typer.Exit(1)


def _loaded(folder: Path) -> Intake:
    folder = folder.absolute()
    if not is_described(folder.name, folder.parent):
        raise BadInput(
            "FOLDER",
            str(folder),
            "the folder of a pipeline, with pipeline.py in it",
            next=f"ckpt-ops new source {folder.name} --from URL writes one",
        )
    try:
        return load_intake(folder.name, folder.parent)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(
            f"{folder}/pipeline.py", type(error).__name__, f"Python that can be imported ({error})"
        ) from error


def _show(written: Written) -> None:
    out = output.console()
    table = Table("file", "what", title=f"wrote {written.folder}", title_justify="left")
    for path, what in written.files.items():
        table.add_row(path, what)
    out.print(table)
    for note in written.found.notes:
        out.print(f"- {note}", soft_wrap=True)
    name = written.folder.name
    folder = shown(written.folder)
    first = written.found.sample_keys[0]
    out.print(
        f"Look through {folder}/source.py and expectations.json: they are yours now.\n"
        f"Next: ckpt-ops check source {folder}\n"
        f"      pytest {folder}\n"
        f"      ckpt-ops run {name} --slice {first}, or in Airflow: DAG {name}, Trigger, Backfill",
        soft_wrap=True,
    )


def _show_checks(folder: Path, checks: list[Check]) -> None:
    table = Table("", "promise", "what was seen", title=f"{folder}", title_justify="left")
    for one in checks:
        table.add_row("kept" if one.passed else "BROKEN", one.name, one.message)
    out = output.console()
    out.print(table)
    broken = sum(not one.passed for one in checks)
    if broken:
        out.print(
            f"{broken} of {len(checks)} promises are broken. Next: fix {folder}/source.py, then check again"
        )
    else:
        out.print(f"All {len(checks)} promises are kept. Next: pytest {folder}")
