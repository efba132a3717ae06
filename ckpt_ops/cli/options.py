"""Arguments and options that several commands take."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Annotated

import typer

from ckpt_ops.errors import CkptOpsError


def models_like(incomplete: str) -> list[str]:
    """Names of models for the shell to complete: folders of dags/, and models of a store that is a folder.

    Nothing is asked over a network, because a person waits for the completion. What is not found is not
    offered.
    """
    # as `find_pipelines`, whose package takes longer to import than a completion may take
    names = {path.parent.name for path in Path(os.environ.get("CKPT_OPS_DAGS", "dags")).glob("*/pipeline.py")}
    url = os.environ.get("CKPT_OPS_STORE", "").strip()
    if url.startswith("file://") and "," not in url:
        from ckpt_ops.lineage import model_names
        from ckpt_ops.store import open_store

        with suppress(CkptOpsError, OSError):
            names |= set(model_names(open_store(url)))
    return sorted(name for name in names if name.startswith(incomplete))


Model = Annotated[
    str,
    typer.Argument(
        metavar="MODEL", help="Name of the model, which is its pipeline's name.", autocompletion=models_like
    ),
]
ModelOrFleet = Annotated[
    str,
    typer.Argument(
        metavar="MODEL_OR_FLEET",
        help="Name of the model; a fleet's name, or a pattern such as 'shops.*', for several.",
        autocompletion=models_like,
    ),
]
OptionalModel = Annotated[
    str | None,
    typer.Argument(
        metavar="MODEL_OR_FLEET",
        help="One model, a fleet, or a pattern such as 'shops.*'; all by default.",
        autocompletion=models_like,
    ),
]
ModelOrIntake = Annotated[
    str,
    typer.Argument(
        metavar="MODEL_OR_INTAKE",
        help="Name of a folder in dags/; of a fleet's member FOLDER.MEMBER.",
        autocompletion=models_like,
    ),
]
Version = Annotated[int, typer.Argument(metavar="VERSION", help="Number of the version.")]
OptionalVersion = Annotated[
    int | None,
    typer.Argument(metavar="VERSION", help="Number of the version; by default the head, else the newest."),
]
SliceKey = Annotated[str, typer.Argument(metavar="KEY", help="Key of the slice.")]
SliceOption = Annotated[str, typer.Option("--slice", metavar="KEY", help="Key of the slice.")]
Why = Annotated[str, typer.Option("--why", metavar="TEXT", help="The reason; the log keeps it.")]
FromKey = Annotated[str | None, typer.Option("--from", metavar="KEY", help="First slice of the range.")]
ToKey = Annotated[str | None, typer.Option("--to", metavar="KEY", help="Last slice of the range.")]
