"""`ckpt-ops report` and `evaluation`: pages on the validation of a slice and the evaluation of a version."""

from __future__ import annotations

import sys
import tempfile
import webbrowser
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.cli import output, views
from ckpt_ops.cli.options import Model, SliceKey
from ckpt_ops.cli.store_option import StoreOption, chosen_store
from ckpt_ops.runs.pages import Page, evaluation_page, verdict_page

Output = Annotated[
    Path | None,
    typer.Option("--output", metavar="FILE", help="Write the page to this file instead of opening it."),
]


def report(
    model: Model,
    slice_key: SliceKey,
    data_docs: Annotated[
        bool, typer.Option("--data-docs", help="Open Great Expectations' own page instead.")
    ] = False,
    revision: Annotated[
        str | None,
        typer.Option(
            metavar="REVISION", help="A revision, pulled or accepted; by default that of the newest verdict."
        ),
    ] = None,
    to: Output = None,
    store: StoreOption = None,
) -> None:
    """Open the validation report of a slice in the browser.

    Without a terminal, the page is written and its path printed.

    Example: ckpt-ops report flight_delay 2013-01-27
    """
    page = Page.DATA_DOCS if data_docs else Page.REPORT
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        content = verdict_page(opened, model, slice_key, page, revision=revision)
    _show(content, f"{model}-{slice_key}-{page.value}", to)


def evaluation(
    model: Model,
    version: Annotated[
        int | None,
        typer.Argument(metavar="VERSION", help="Number of the version; by default the newest evaluated one."),
    ] = None,
    to: Output = None,
    store: StoreOption = None,
) -> None:
    """Open the evaluation of a version in the browser.

    The page has the verdicts of the gates, curves, segments, and what the model still knows of older slices.

    Example: ckpt-ops evaluation flight_delay 7 --output evaluation.html
    """
    with chosen_store(store) as opened:
        views.state_of(opened, model)
        content = evaluation_page(opened, model, version)
    _show(content, f"{model}-{version or 'newest'}-evaluation.html", to)


def _show(content: bytes, name: str, to: Path | None) -> None:
    """Write the page, open it if there is a terminal, and print its path."""
    path = to or Path(tempfile.mkdtemp(prefix="ckpt-ops-report-")) / name
    path.write_bytes(content)
    if to is None and sys.stdout.isatty():
        webbrowser.open(path.as_uri())
    output.say(str(path))
