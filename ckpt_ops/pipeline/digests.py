"""Digests that tell whether the same work would be done again: the model's code, and what it runs on."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version
from pathlib import Path

import blake3

import ckpt_ops

_LIBRARIES = ("tensorflow", "keras", "numpy", "pyarrow")


def code_digest(folder: Path) -> str:
    """Over the Python files in the pipeline's folder, without `dag.py` and `pipeline.py`.

    Scheduling, policies and gates shape no weights; the settings that do are in the candidate's
    id by `Pipeline.training_config`.
    """
    hasher = blake3.blake3()
    for path in sorted(folder.rglob("*.py")):
        if path.name not in ("dag.py", "pipeline.py"):
            hasher.update(f"{path.relative_to(folder)}\n".encode())
            hasher.update(path.read_bytes())
    return hasher.hexdigest()[:16]


@cache
def lock_digest() -> str:
    """Over Python's version and those of the libraries that shape weights."""
    parts = [f"python=={platform.python_version()}", f"ckpt-ops=={ckpt_ops.__version__}"]
    parts += [f"{name}=={version(name)}" for name in _LIBRARIES]
    return blake3.blake3("\n".join(parts).encode()).hexdigest()[:16]
