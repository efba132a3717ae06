"""A digest of what the code runs on; that of the code itself is in `code`."""

from __future__ import annotations

import platform
from functools import cache
from importlib.metadata import version

import blake3

import ckpt_ops

_LIBRARIES = ("tensorflow", "keras", "numpy", "pyarrow")


@cache
def lock_digest() -> str:
    """Over Python's version and those of the libraries that shape weights."""
    parts = [f"python=={platform.python_version()}", f"ckpt-ops=={ckpt_ops.__version__}"]
    parts += [f"{name}=={version(name)}" for name in _LIBRARIES]
    return blake3.blake3("\n".join(parts).encode()).hexdigest()[:16]
