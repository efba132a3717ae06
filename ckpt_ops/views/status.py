"""Where a model stands, as `ckpt-ops status` prints it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ckpt_ops.views.fleet import Summary
from ckpt_ops.views.version import ShadowProgress, Trained


@dataclass(frozen=True, kw_only=True)
class TaintRow:
    """Why nothing may be built on the version in production."""

    version: int | None
    slice: str
    revision: str
    why: str
    by: str
    time: str


@dataclass(frozen=True, kw_only=True)
class SuspectRow:
    """A suspect slice; see `lineage.suspects.Suspect`."""

    key: str
    revision: str
    rows: int
    why: str
    in_a_row: int
    like_a_change: bool


@dataclass(frozen=True, kw_only=True)
class ChangedRow:
    """A consumed slice that was rewritten at its source, since when, and what to do."""

    key: str
    since: str
    consumed_by: int | None
    next: str


@dataclass(frozen=True, kw_only=True)
class StatusView:
    """A model, with all keys of its slices that need something, and its last records.

    Attributes:
        metrics: of the version in production, on the rows that it was evaluated on.
        last: its last records, oldest first, as `ckpt-ops log --json` prints them.
        summary: the same model as the Fleet page has it.
        problem: why its log cannot be read; all else is empty then.
    """

    model: str
    head: int | None = None
    held: str | None = None
    tainted: TaintRow | None = None
    rebase_due: tuple[str, ...] = ()
    metrics: Mapping[str, float | None]
    newest_consumed: str | None = None
    waiting: tuple[int, ...] = ()
    pending: tuple[Trained, ...] = ()
    quarantined: tuple[str, ...] = ()
    set_aside: tuple[str, ...] = ()
    suspects: tuple[SuspectRow, ...] = ()
    changed_at_source: tuple[ChangedRow, ...] = ()
    below_floor: str | None = None
    shadow: ShadowProgress | None = None
    versions: int = 0
    records: int = 0
    last: tuple[Mapping[str, Any], ...] = ()
    summary: Summary
    problem: str = ""
