"""Which store a command works on: `--store`, else CKPT_OPS_STORE, else the embedded platform's."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Annotated

import typer

from ckpt_ops.store import Store, open_store

StoreOption = Annotated[
    str | None,
    typer.Option(
        "--store",
        metavar="URL",
        help="Store: gs://BUCKET/PREFIX or file:///DIRECTORY, or two or three of them separated by commas; "
        "by default CKPT_OPS_STORE, else the platform of `make up`.",
    ),
]


@contextmanager
def chosen_store(url: str | None) -> Iterator[Store]:
    """The store for the duration of a command.

    When the embedded platform is down, a server of its objects runs until the command has ended, and
    serves every other command that comes meanwhile.

    Raises:
        BadInput: there is no such store, or none was chosen and there is no platform either.
        AlreadyRunning: the platform is starting or stopping, and went on doing so for 20 s.
    """
    given = url or os.environ.get("CKPT_OPS_STORE", "").strip()
    if given:
        yield open_store(given)
        return
    from ckpt_ops.cli.embedded_store import embedded_store  # a command that is given a store needs none of it

    with embedded_store() as opened:
        yield opened
