"""Which checkpoints stay: a pure choice over what a version has committed.

This decides on the way to a version. The last checkpoint is always kept: training resumes at it, and
when the version is promoted, the next one starts from it, a rollback goes back to it and a rebase forks
from it. `anchors` says how long it stays then.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from ckpt_ops import checks
from ckpt_ops.checkpoints.anchors import Anchors
from ckpt_ops.errors import BadInput

_log = logging.getLogger(__name__)


class Committed(Protocol):
    """A committed checkpoint, such as a candidate's `Commit`."""

    @property
    def step(self) -> int: ...

    @property
    def metrics(self) -> Mapping[str, float]: ...


@dataclass(frozen=True, kw_only=True)
class Keep:
    """Which checkpoints stay on the way to a version: the newest, the best, every n-th. `Keep()` keeps all.

    Attributes:
        last: newest checkpoints; `Keep(last=1)` is "latest only". None: all.
        best: checkpoints with the best `metric` of training so far.
        metric: its name among the metrics that training reports.
        larger_is_better: of that metric.
        every: each `every`-th checkpoint stays for good; 0 for none.
        anchors: which promoted versions keep the checkpoint that they ended with, such as `Doubling()`.
            None: all of them, and no rebase replays more than it has to.
    """

    last: int | None = None
    best: int = 0
    metric: str = "loss"
    larger_is_better: bool = False
    every: int = 0
    anchors: Anchors | None = None

    def __post_init__(self) -> None:
        if self.last is not None:
            allowed = "a whole number of at least 1: training resumes at the last"
            checks.whole("Keep.last", self.last, allowed=allowed)
        for name in ("best", "every"):
            checks.whole(f"Keep.{name}", getattr(self, name), at_least=0)
        if self.last is None and (self.best or self.every):
            raise BadInput(
                "Keep.last",
                None,
                f"a number, since best={self.best} and every={self.every}"
                " choose among what last=... would drop",
            )

    def kept(self, commits: Sequence[Committed]) -> frozenset[int]:
        """Steps of the checkpoints that stay, of `commits` in order."""
        steps = sorted({commit.step for commit in commits})
        if self.last is None:
            return frozenset(steps)
        kept = set(steps[-self.last :])
        if self.every:
            kept.update(steps[self.every - 1 :: self.every])
        if self.best:
            ranked = sorted(commits, key=lambda commit: (self._badness(commit), -commit.step))
            kept.update(commit.step for commit in ranked[: self.best])
        if dropped := [step for step in steps if step not in kept]:
            _log.info("%s keeps steps %s and drops %s", self, sorted(kept), dropped)
        return frozenset(kept)

    def _badness(self, commit: Committed) -> float:
        value = commit.metrics.get(self.metric, math.nan)
        if math.isnan(value):
            return math.inf
        return -value if self.larger_is_better else value
