"""A pipeline, described once: what a person reads to know what a model learns, when, and who judges it."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from ckpt_ops.checkpoints import EverySteps, Intermediate, Keep, SaveTrigger
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import Gate, NoSegmentWorse, check_gates
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.policies import Always, Policy
from ckpt_ops.training import Budget, NoReplay, Replay
from ckpt_ops.values import describe

_FUNCTION = re.compile(r"[A-Za-z_][\w.]*:[A-Za-z_]\w*")


@dataclass(frozen=True)
class Slices:
    """A number of slices."""

    count: int


@dataclass(frozen=True, kw_only=True)
class Append:
    """A slice older than what was consumed is appended if at most `within` newer ones were consumed."""

    within: Slices


@dataclass(frozen=True, kw_only=True)
class Pipeline(Intake):
    """Keeps one model fresh.

    Attributes:
        name: of the pipeline, its model and its DAG.
        source: where slices come from.
        expectations: file name of a Great Expectations suite beside the model's module.
        empty_slices: what happens to a slice without rows.
        model: "package.module:function" of `build_model()`, which returns a compiled and built Keras
            model. Imported only in the process that trains.
        examples: "package.module:function" of `examples(table)`, which turns an Arrow table into
            `Examples`; by default `examples` beside `build_model`. It gets some of a slice's rows at a
            time, so what it makes of a row must not depend on the others.
        update_when: when an update is due.
        budget: bounds of one training.
        save: when training saves a checkpoint; the last step is always saved.
        keep: which checkpoints on the way to a version stay; its last one always does.
        intermediate: what to record of the model's insides while it trains; nothing by default.
        replay: how much of what was consumed before is drawn again.
        gates: what a candidate must pass; at least one must be absolute.
        late_slices: what happens to a slice that arrives after newer ones were consumed.
        batch_size: rows a step.
        holdout: share of each slice's rows that no model ever trains on; candidates are judged on them.
        seed: of initial weights, batches and replay.
        max_rejections: so many refusals of the same slice hold the model until a person decides.
    """

    model: str
    examples: str = ""
    update_when: Policy = field(default_factory=Always)
    budget: Budget
    save: SaveTrigger = field(default_factory=lambda: EverySteps(100))
    keep: Keep = field(default_factory=lambda: Keep(last=3))
    intermediate: Intermediate | None = None
    replay: Replay = field(default_factory=NoReplay)
    gates: Sequence[Gate]
    late_slices: Append = field(default_factory=lambda: Append(within=Slices(4)))
    batch_size: int = 128
    holdout: float = 0.2
    seed: int = 0
    max_rejections: int = 3

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.examples:
            object.__setattr__(self, "examples", f"{self.model.partition(':')[0]}:examples")
        for name, value in (("model", self.model), ("examples", self.examples)):
            if not _FUNCTION.fullmatch(value):
                raise BadInput(name, value, "'package.module:function': 'flight_delay.model:build_model'")
        if not 0 < self.holdout < 1:
            raise BadInput("holdout", self.holdout, "a share between 0 and 1: candidates are judged on it")
        if self.batch_size < 1:
            raise BadInput("batch_size", self.batch_size, "a whole number of at least 1")
        if self.max_rejections < 1:
            raise BadInput("max_rejections", self.max_rejections, "a whole number of at least 1")
        if self.late_slices.within.count < 0:
            raise BadInput("late_slices", self.late_slices, "Append(within=Slices(0)) or more")
        object.__setattr__(self, "gates", tuple(self.gates))
        check_gates(self.gates, first_version=True)
        self._check_contradictions()

    def _check_contradictions(self) -> None:
        if isinstance(self.save, EverySteps) and self.save.steps > self.budget.max_steps:
            raise BadInput(
                "save",
                self.save,
                f"no more steps than budget.max_steps={self.budget.max_steps}: nothing would be saved before",
                next="lower save=EverySteps(...) or raise budget=Budget(max_steps=...)",
            )

    @property
    def package(self) -> str:
        """The package of the model's module."""
        return self.model.partition(":")[0].rpartition(".")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The columns that gates look at group by group."""
        return tuple(gate.column for gate in self.gates if isinstance(gate, NoSegmentWorse))

    def training_config(self) -> dict[str, Any]:
        """What shapes a candidate's weights; part of the candidate's id. Gates and policies do not."""
        described = {
            name: describe(getattr(self, name), at=name)
            for name in ("name", "model", "examples", "budget", "replay", "batch_size", "holdout", "seed")
        }
        return dict(described)
