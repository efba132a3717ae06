"""The command that opens the pages on a slice's verdict."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.cli import render, views
from ckpt_ops.cli.read_commands import Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.pipeline.pages import Page, verdict_page


def report(
    model: Model,
    slice_key: Annotated[str, typer.Argument(metavar="KEY", help="The slice's key.")],
    data_docs: Annotated[
        bool, typer.Option("--data-docs", help="Great Expectations' own page instead of ours.")
    ] = False,
    revision: Annotated[
        str | None,
        typer.Option(metavar="REVISION", help="As pulled or as accepted; the newest verdict else."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", metavar="FILE", help="Write it there and open nothing.")
    ] = None,
    store: StoreOption = None,
) -> None:
    """Open what validation said of a slice in the browser."""
    page = Page.DATA_DOCS if data_docs else Page.REPORT
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        content = verdict_page(opened, model, slice_key, page, revision=revision)
    if output is not None:
        output.write_bytes(content)
    else:
        folder = Path(tempfile.mkdtemp(prefix="ckpt-ops-report-"))
        output = folder / f"{model}-{slice_key}-{page.value}"
        output.write_bytes(content)
        if sys.stdout.isatty():
            webbrowser.open(output.as_uri())
    render.console().print(str(output), soft_wrap=True)
