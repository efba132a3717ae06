"""What commands on many models have in common: which are meant, and the one question before they begin."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from ckpt_ops.cli import output
from ckpt_ops.errors import BadInput
from ckpt_ops.fleets.choosing import beginning, is_pattern, several
from ckpt_ops.lineage import ModelLog, model_names
from ckpt_ops.pipeline.naming import is_name
from ckpt_ops.store import Store

Yes = Annotated[bool, typer.Option("--yes", help="Of several models: do it without asking.")]


def models_meant(store: Store, asked: str) -> list[str] | None:
    """The models of a fleet or a pattern; None: it is one model's name. Raises `BadInput`: none fits.

    Names of other models are not listed.
    """
    if is_name(asked) and ModelLog(store, asked).entry(1) is not None:
        return None
    found = [] if "/" in asked else model_names(store, beginning=beginning(asked))
    return several(asked, found or (model_names(store) if is_pattern(asked) else []))


def ask(question: str, *, yes: bool) -> None:
    """Ask once, on standard error. Raises `BadInput` where nobody can answer; "no" ends the command."""
    if yes:
        return
    if not _somebody_there():
        raise BadInput("--yes", None, "to be given where nobody can be asked", next=f"{question} Give --yes")
    if not typer.confirm(question, err=True):
        output.note("Nothing was done.")
        raise typer.Exit(1)


def _somebody_there() -> bool:
    return sys.stdin.isatty()
