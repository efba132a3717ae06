"""Commands that open pages: on a slice's verdict, on a version's evaluation."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.cli import render, views
from ckpt_ops.cli.look import Model
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.pipeline.pages import Page, evaluation_page, verdict_page

Output = Annotated[
    Path | None, typer.Option("--output", metavar="FILE", help="Write it there and open nothing.")
]


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
    output: Output = None,
    store: StoreOption = None,
) -> None:
    """Open what validation said of a slice in the browser."""
    page = Page.DATA_DOCS if data_docs else Page.REPORT
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        content = verdict_page(opened, model, slice_key, page, revision=revision)
    _show(content, f"{model}-{slice_key}-{page.value}", output)


def evaluation(
    model: Model,
    version: Annotated[
        int | None, typer.Argument(metavar="[VERSION]", help="The newest that was judged, by default.")
    ] = None,
    output: Output = None,
    store: StoreOption = None,
) -> None:
    """Open what the gates said of a version, with curves, segments and what is remembered, in the browser."""
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        content = evaluation_page(opened, model, version)
    _show(content, f"{model}-{version or 'newest'}-evaluation.html", output)


def _show(content: bytes, name: str, output: Path | None) -> None:
    """Write the page, open it where a person sits before it, and say where it is."""
    if output is not None:
        output.write_bytes(content)
    else:
        output = Path(tempfile.mkdtemp(prefix="ckpt-ops-report-")) / name
        output.write_bytes(content)
        if sys.stdout.isatty():
            webbrowser.open(output.as_uri())
    render.console().print(str(output), soft_wrap=True)
