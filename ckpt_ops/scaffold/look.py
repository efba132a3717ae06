"""Chooses how to look at data by where it is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.found import Asked, Found
from ckpt_ops.scaffold.look_at_files import look_at_files
from ckpt_ops.scaffold.look_at_http import look_at_http
from ckpt_ops.scaffold.look_at_postgres import FORM, look_at_postgres


def look(asked: Asked, progress: Callable[[str], object]) -> Found:
    """Look at the data at `asked.origin`. Raises `BadInput`, and what the place raises."""
    scheme = urlsplit(asked.origin).scheme
    if scheme in ("", "file") or scheme == "gs":
        return look_at_files(asked, _directory(asked.origin) if scheme != "gs" else asked.origin, progress)
    if scheme in ("postgres", "postgresql"):
        return look_at_postgres(asked, progress)
    if scheme in ("http", "https"):
        return look_at_http(asked, progress)
    raise BadInput(
        "--from",
        asked.origin,
        f"a directory, gs://BUCKET/PREFIX, {FORM}, or https://...?from={{start}}&to={{end}}",
        next="or write a source of your own: docs/how-to/add-a-source.md shows its four methods",
    )


def _directory(origin: str) -> str:
    if origin.startswith("file://"):
        return origin
    path = Path(origin).expanduser().absolute()
    if path.is_file():
        raise BadInput("--from", origin, "the directory that the files are in", next=f"--from {path.parent}")
    if not path.is_dir():
        raise BadInput("--from", origin, "an existing directory, or gs://BUCKET/PREFIX")
    return path.as_uri()
