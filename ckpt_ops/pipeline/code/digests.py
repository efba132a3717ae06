"""Digests of the code and libraries that make a candidate, besides its slices and settings."""

from __future__ import annotations

import platform
from dataclasses import dataclass
from functools import cache
from importlib.metadata import version

import blake3

import ckpt_ops
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.pipeline.pipeline import Pipeline

_LIBRARIES = ("tensorflow", "keras", "numpy", "pyarrow")


@dataclass(frozen=True, kw_only=True)
class Digests:
    """Of the pipeline's code, and of Python and the libraries that it runs on."""

    code: str
    lock: str


def digests_of(pipeline: Pipeline) -> Digests:
    """As code and libraries are now. Reads every file of the pipeline's code: compute it once for a task.

    Raises:
        BadInput: a file of the pipeline must not be kept with a version.
    """
    return Digests(code=code_digest(pipeline), lock=lock_digest())


@cache
def lock_digest() -> str:
    """Over Python's version and those of the libraries that shape weights."""
    return blake3.blake3("\n".join(installed()).encode()).hexdigest()[:16]


def installed() -> list[str]:
    """What the digest is over, `name==version` each."""
    own = [f"python=={platform.python_version()}", f"ckpt-ops=={ckpt_ops.__version__}"]
    return own + [f"{name}=={version(name)}" for name in _LIBRARIES]
