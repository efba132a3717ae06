"""The graph of a model's versions."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops.views.model import VersionRow


@dataclass(frozen=True, kw_only=True)
class Edge:
    """From a version to one that was made of it.

    Attributes:
        what: "trained from", "replaces" (a rebase's step or a retraining), "rolled back to".
    """

    source: int
    target: int
    what: str


@dataclass(frozen=True, kw_only=True)
class LineageView:
    """Versions and how they came of each other; the last 300 versions, and `left_out` before them."""

    model: str
    head: int | None
    versions: tuple[VersionRow, ...]
    edges: tuple[Edge, ...]
    left_out: int = 0
