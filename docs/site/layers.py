"""The packages of `ckpt_ops` by layer, as `pyproject.toml` states them, with what their docstrings say."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterator
from pathlib import Path


def layers_table(project: Path) -> str:
    """From the top down: a package imports only what stands in a layer below its own."""
    contracts = tomllib.loads((project / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    layers = next(each["layers"] for each in contracts if each["type"] == "layers")
    rows = [row for at, layer in enumerate(layers, start=1) for row in _rows(at, layer, project / "ckpt_ops")]
    return "\n".join(["| layer | package | subject |", "|---|---|---|", *rows, ""])


def _rows(at: int, layer: str, package: Path) -> Iterator[str]:
    for name in layer.split("|"):
        clean = name.strip(" ()")
        yield f"| {at} | `{clean}` | {_subject(package, clean)} |"


def _subject(package: Path, name: str) -> str:
    folder, module = package / name / "__init__.py", package / f"{name}.py"
    docstring = ast.get_docstring(ast.parse((folder if folder.exists() else module).read_text())) or ""
    first = docstring.partition("\n\n")[0]
    return " ".join(first.split()).replace("|", "\\|")
