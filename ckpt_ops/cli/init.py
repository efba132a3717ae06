"""`ckpt-ops init`: from data to a pipeline with a model."""

from __future__ import annotations

from typing import Annotated, Any

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
from ckpt_ops.pipeline.loading import dags_folder
from ckpt_ops.scaffold import Asked
from ckpt_ops.scaffold.model.label import Task
from ckpt_ops.scaffold.new_pipeline import AskedModel, WrittenPipeline, new_pipeline


def init(
    name: Annotated[
        str, typer.Argument(metavar="NAME", help="Name of the pipeline, and of its folder in dags/.")
    ],
    origin: Origin,
    label: Annotated[str, typer.Option(metavar="COLUMN", help="Column that the model predicts.")],
    task: Annotated[
        Task | None, typer.Option(help="What is predicted; told from the label's values by default.")
    ] = None,
    group: Annotated[
        str,
        typer.Option(metavar="COLUMN", help="Of a ranking: the column whose value rows of a query share."),
    ] = "",
    without: Annotated[
        list[str] | None,
        typer.Option(
            metavar="COLUMN",
            help="Column that the model does not get, such as one that is only known later; may be given "
            "several times.",
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
    """Write a whole pipeline with a model, from a look at data.

    The folder dags/NAME has a source, expectations, a model with a feature for each column that says
    something of the label, gates, a DAG, a sample and tests that pass. It is written whole or not at all, and
    nothing is overwritten.

    Example: ckpt-ops init visits --from /data/visits --label bought
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
    model = AskedModel(label=label, task=task, group=group, without=tuple(without or ()))
    with platform_if_running(), looking() as status:
        written = new_pipeline(asked, model, dags_folder(), status)
    output.answer(_view(written), lambda _: _show(written), json=json)


def _view(written: WrittenPipeline) -> dict[str, Any]:
    target = written.target
    return {
        "folder": str(written.folder),
        "files": written.files,
        "label": {
            "column": target.column,
            "task": str(target.task),
            "why": target.why,
            "group": target.group,
        },
        "columns": [
            {"column": each.column, "kind": each.kind, "becomes": str(each.becomes), "why": each.why}
            for each in written.features
        ],
        "gates": [gate.code for gate in written.training.gates],
        "notes": [*written.notes],
    }


def _show(written: WrittenPipeline) -> None:
    out, target = output.console(), written.target
    title = f"{target.column} is predicted: {target.task}, {target.why}"
    table = Table("column", "kind", "becomes", "why", title=title, title_justify="left")
    for each in written.features:
        table.add_row(each.column, each.kind, str(each.becomes), each.why)
    out.print(table)
    files = Table("file", "what", title=f"wrote {written.folder}", title_justify="left")
    for path, what in written.files.items():
        files.add_row(path, what)
    out.print(files)
    for note in written.notes:
        out.print(f"- {note}", soft_wrap=True)
    name, folder = written.folder.name, shown(written.folder)
    out.print(
        f"Look through {folder}: its files are yours now. A column that is only known after the label has to "
        "go, whatever it says.\n"
        f"Next: pytest {folder}\n"
        f"      ckpt-ops run {name} --slice {written.sample_keys[0]}\n"
        f"      ckpt-ops status {name}; in Airflow: DAG {name}, Trigger, Backfill",
        soft_wrap=True,
    )
