"""Whether the code that a process has imported is the code that lies in its files."""

from __future__ import annotations

import sys

from ckpt_ops.pipeline.pipeline import Pipeline

_IMPORTED: dict[tuple[str, str], str] = {}


def imported_as(pipeline: Pipeline, digest: str) -> str:
    """`digest` of the files, as long as what this process has imported of them, or will, is that; else "".

    Python imports a module once: of code that changed since, a process goes on with what it was. Ask before
    the pipeline's modules are imported: of modules that are there already nobody knows what they were.
    """
    modules = tuple(name.partition(":")[0] for name in (pipeline.model, pipeline.examples))
    known = _IMPORTED.get((modules[0], modules[1]))
    if known is None and not any(module in sys.modules for module in modules):
        known = _IMPORTED[modules[0], modules[1]] = digest
    return digest if known == digest else ""
