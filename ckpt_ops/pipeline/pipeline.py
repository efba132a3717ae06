"""A pipeline, described once: a person reads what a model trains on, when, and how it is evaluated."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import Any

import pyarrow as pa

from ckpt_ops import checks
from ckpt_ops.checkpoints import EverySteps, Intermediate, Keep, SaveTrigger
from ckpt_ops.column_times import described, in_words
from ckpt_ops.errors import BadInput
from ckpt_ops.evaluation import Gate, check_gates, segment_columns
from ckpt_ops.evaluation.metrics import metric_named
from ckpt_ops.former_columns import check_names
from ckpt_ops.pipeline.approval import Approval
from ckpt_ops.pipeline.intake import Intake
from ckpt_ops.pipeline.shadow import Shadow
from ckpt_ops.policies import Always, Policy, drift_needed
from ckpt_ops.registries.registry import Registry
from ckpt_ops.slices.declared import times_of
from ckpt_ops.training import (
    Budget,
    Latest,
    Numerics,
    Replay,
    Reservoir,
    Schedules,
    StopEarly,
    TailAverage,
)
from ckpt_ops.training.distribution import Distribution, check_distribution
from ckpt_ops.training.latest import ordered_columns
from ckpt_ops.training.list_values import is_list
from ckpt_ops.transfer import Evolve
from ckpt_ops.values import describe
from ckpt_ops.vocabularies import Vocabulary

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
        max_parallel_validations: the most tasks, or processes, that validate parts of one large slice at the
            same time: see `Intake`.
        model: "package.module:function" of `build_model()`, which returns a compiled and built Keras
            model, or a `training.TrainableModule`. Imported only in the process that trains.
        examples: "package.module:function" of `examples(table)`, which turns an Arrow table into
            `Examples`; by default `examples` beside `build_model`. It gets some of a slice's rows at a
            time, so what it makes of a row must not depend on the others.
        vocabularies: of columns whose values get rows of their own in embeddings: `build_model(vocabularies)`
            takes a `Lookup` of each, by column. So do `examples(table, vocabularies)` and `inputs(table,
            vocabularies)` that declare it: those of the version for which rows are made.
        adapt: "package.module:function" of `adapt(table)`, which makes values of the first rows of a history,
            such as a mean; `build_model(adapted)` takes them, by name, in every version. "": none.
        inputs: "package.module:function" of `inputs(table)`, which turns an Arrow table into a mapping of
            arrays, one entry for each row and no row dropped: what is predicted needs no label. By
            default the inputs of `examples`, so rows that `examples` drops are not predicted.
        update_when: when an update is due.
        budget: bounds of one training.
        save: when training saves a checkpoint; the last step is always saved.
        keep: which checkpoints on the way to a version stay; its last one always does.
        intermediate: what to record of the model's insides while it trains; nothing by default.
        replay: how much of what was consumed before is drawn again.
        average: what the weights are averaged over at the end of a training; None: its last step counts.
        stop_early: ends a training that does not get better any more; None: the budget alone does.
        schedules: where the learning rate schedules of the model's optimizers begin.
        evolve: what a changed `build_model()` may do with the weights of the version before.
        gates: what a candidate must pass; at least one must be absolute.
        shadow: evaluates a candidate on slices that come after it was trained; None: at once, on its holdout.
        approval: a version that the gates let pass waits for a person; None: it is promoted.
        late_slices: what happens to a slice that arrives after newer ones were consumed.
        batch_size: rows of a step; of all replicas together, where there are several.
        numerics: precision, and whether operations are deterministic; by default float32, and they are.
        distribution: several processes, or devices of one, that train together, each with its share of every
            batch. None: one device.
        holdout: share of each slice's rows that no model ever trains on; candidates are evaluated on them.
            Drawn at random; with `Latest(share, by=column)` the slice's newest ones.
        holdout_by: a column of the slice, such as the query of a ranking: rows that share its value are held
            out together, in every slice. None: each row is held out or not by itself.
        seed: of initial weights, batches and replay.
        max_rejections: after so many rejections of one slice, the model is on hold until a person decides.
        freshness: how old the newest slice in production may be, counted from the promotion of the version
            that consumed it: pages and `ckpt-ops status` say when it is older. None: no objective.
        registries: model registries of others, such as `MLflow(uri=...)`, that are told which versions were
            promoted: `ckpt_ops_airflow.register_dag`, or `ckpt-ops register`.
        watch_consumed: in how many of the newest consumed slices every run looks for changes at their source.
            It asks for fingerprints and reads no rows. 0: none.
    """

    model: str
    examples: str = ""
    inputs: str = ""
    vocabularies: Sequence[Vocabulary] = ()
    adapt: str = ""
    update_when: Policy = field(default_factory=Always)
    budget: Budget
    save: SaveTrigger = field(default_factory=lambda: EverySteps(100))
    keep: Keep = field(default_factory=lambda: Keep(last=3))
    intermediate: Intermediate | None = None
    replay: Replay = field(default_factory=lambda: Reservoir(share=4.0))
    average: TailAverage | None = field(default_factory=TailAverage)
    stop_early: StopEarly | None = None
    schedules: Schedules = Schedules.PER_CANDIDATE
    evolve: Evolve = field(default_factory=Evolve)
    gates: Sequence[Gate]
    shadow: Shadow | None = None
    approval: Approval | None = None
    late_slices: Append = field(default_factory=lambda: Append(within=Slices(4)))
    batch_size: int = 128
    numerics: Numerics = field(default_factory=Numerics)
    distribution: Distribution | None = None
    holdout: float | Latest = 0.2
    holdout_by: str | None = None
    seed: int = 0
    max_rejections: int = 3
    freshness: timedelta | None = None
    registries: Sequence[Registry] = ()
    watch_consumed: int = 8

    def __post_init__(self) -> None:
        super().__post_init__()
        if not self.examples:
            object.__setattr__(self, "examples", f"{self.model.partition(':')[0]}:examples")
        for name in ("model", "examples", "inputs", "adapt"):
            value = getattr(self, name)
            if (value or name in ("model", "examples")) and not _FUNCTION.fullmatch(value):
                raise BadInput(name, value, "'package.module:function': 'flight_delay.model:build_model'")
        self._check_holdout()
        checks.whole("batch_size", self.batch_size)
        check_distribution(self.distribution, batch_size=self.batch_size)
        checks.whole("max_rejections", self.max_rejections)
        watched = "a number of slices, or 0: none"
        checks.whole("watch_consumed", self.watch_consumed, at_least=0, allowed=watched)
        if self.freshness is not None and not _above_zero(self.freshness):
            raise BadInput("freshness", self.freshness, "a timedelta above 0, timedelta(days=8), or None")
        if self.shadow is not None and not isinstance(self.shadow, Shadow):
            raise BadInput("shadow", self.shadow, "Shadow(slices=2), or None: evaluated at once")
        if not isinstance(self.schedules, Schedules):
            raise BadInput("schedules", self.schedules, ", ".join(map(str, Schedules)))
        if not isinstance(self.numerics, Numerics):
            raise BadInput("numerics", self.numerics, 'Numerics(...): Numerics(mixed_precision="bfloat16")')
        if not isinstance(self.evolve, Evolve):
            raise BadInput("evolve", self.evolve, 'Evolve(...): Evolve(drop=("side/*",))')
        if self.late_slices.within.count < 0:
            raise BadInput("late_slices", self.late_slices, "Append(within=Slices(0)) or more")
        if not isinstance(self.approval, Approval | None):
            raise BadInput("approval", self.approval, "Approval(within=timedelta(hours=24)), or None")
        object.__setattr__(self, "registries", tuple(self.registries))
        for registry in self.registries:
            if not isinstance(registry, Registry):
                raise BadInput("registries", registry, "MLflow(uri=...), or another Registry")
        object.__setattr__(self, "gates", tuple(self.gates))
        object.__setattr__(self, "vocabularies", tuple(self.vocabularies))
        check_gates(self.gates, first_version=True)
        self._check_columns()
        self._check_contradictions()

    def _check_holdout(self) -> None:
        by, source = self.holdout_by, self.source
        if by is not None and by not in source.schema.names:
            raise BadInput(
                "holdout_by", by, f"a column of source {source.name}: {', '.join(source.schema.names)}"
            )
        self._check_always_there("holdout_by", by)
        if not isinstance(self.holdout, Latest):
            checks.inner_share("holdout", self.holdout, why="candidates are evaluated on it")
            return
        if by is not None:
            raise BadInput(
                "holdout_by",
                by,
                f"None beside holdout={self.holdout!r}: a row is held out by one column, not two",
                next="holdout=0.2 beside holdout_by, or holdout=Latest(...) without it",
            )
        ordered = ordered_columns(source.schema)
        if self.holdout.by not in ordered:
            known = ", ".join(ordered) or "it has none"
            raise BadInput(
                "holdout",
                self.holdout,
                f"by= a number, date or timestamp column of source {source.name}: {known}",
            )
        self._check_always_there("holdout", self.holdout.by)

    def _check_always_there(self, field: str, column: str | None) -> None:
        """Rows with a default are all alike: none of them, or all, would be held out."""
        times = times_of(self.source)
        if column is not None and column in times:
            raise BadInput(
                field, column, f"a column that every slice has; it is declared {in_words(times[column])}"
            )

    def _check_columns(self) -> None:
        """A column that the source does not declare is refused now, not when the first slice arrives."""
        self._check_vocabularies()
        source = self.source
        check_names(self.evolve.columns, source.schema.names, times_of(source), source=source.name)
        need, declared = drift_needed(self.update_when), self.source.schema.names
        for name in need.columns if need else ():
            if name not in declared:
                raise BadInput(
                    "update_when", name, f"columns of source {self.source.name}: {', '.join(declared)}"
                )

    def _check_vocabularies(self) -> None:
        kinds = {
            field.name: field.type.value_type if is_list(field.type) else field.type
            for field in self.source.schema
        }
        able = [
            name
            for name, kind in kinds.items()
            if pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)
        ]
        columns = [one.column if isinstance(one, Vocabulary) else None for one in self.vocabularies]
        for column, one in zip(columns, self.vocabularies, strict=True):
            if column not in able:
                known = ", ".join(able) or "it has none"
                raise BadInput(
                    "vocabularies",
                    one,
                    "Vocabulary(column, capacity), of values or lists, of text or whole numbers of "
                    f"{self.source.name}: {known}",
                )
            if columns.count(column) > 1:
                raise BadInput("vocabularies", column, "each column once")

    def _check_contradictions(self) -> None:
        self._check_stop_early()
        if self.distribution is not None and self.intermediate is not None:
            raise BadInput(
                "intermediate",
                self.intermediate,
                "None beside distribution: what a model holds inside is looked at on one device only",
                next="leave intermediate= out, or set distribution=None",
            )
        if isinstance(self.save, EverySteps) and self.save.steps > self.budget.max_steps:
            raise BadInput(
                "save",
                self.save,
                f"at most budget.max_steps={self.budget.max_steps} steps: nothing is saved before the end",
                next="lower save=EverySteps(...) or raise budget=Budget(max_steps=...)",
            )

    def _check_stop_early(self) -> None:
        early = self.stop_early
        if early is None:
            return
        if not isinstance(early, StopEarly):
            raise BadInput("stop_early", early, "StopEarly(metric=..., every=...), or None")
        metric_named(early.metric, field="StopEarly.metric")
        if early.every > self.budget.max_steps:
            raise BadInput(
                "stop_early",
                early,
                f"at most budget.max_steps={self.budget.max_steps} steps between two looks",
            )
        if self.average is not None:
            raise BadInput(
                "average",
                self.average,
                "None beside stop_early: a training ends with its best weights, or with an average",
                next="set average=None, or leave stop_early out",
            )

    @property
    def package(self) -> str:
        """The package of the model's module."""
        return self.model.partition(":")[0].rpartition(".")[0]

    @property
    def segments(self) -> tuple[str, ...]:
        """The columns that gates look at group by group."""
        return segment_columns(self.gates)

    def training_config(self) -> dict[str, Any]:
        """What shapes a candidate's weights; part of the candidate's id. Gates and policies do not."""
        # The keys are stored names, in ids for good. Later settings are left out where they change nothing.
        config: dict[str, Any] = {
            "name": self.name,
            "model": self.model,
            "examples": self.examples,
            "budget": self.budget,
            "replay": self.replay,
            "average": self.average,
            "batch_size": self.batch_size,
            "holdout": self.holdout,
            "seed": self.seed,
        }
        if self.holdout_by is not None:
            config["holdout_by"] = self.holdout_by
        if self.stop_early is not None:
            config["stop_early"] = self.stop_early
        if self.schedules is not Schedules.PER_CANDIDATE:
            config["schedules"] = self.schedules
        if self.numerics.shaping != Numerics():
            config["numerics"] = self.numerics.shaping
        if self.distribution is not None:
            config["distribution"] = self.distribution
        if self.adapt:
            config["adapt"] = self.adapt
        if self.vocabularies:
            config["vocabularies"] = self.vocabularies
        evolve = replace(self.evolve, columns={})  # what older code is given shapes nothing
        if evolve != Evolve():
            config["evolve"] = evolve
        if times := times_of(self.source):
            config["column_times"] = described(self.source.schema, times)
        written: dict[str, Any] = {name: describe(value, at=name) for name, value in config.items()}
        for settings in written.get("evolve", {}).values():
            settings.pop("columns")
            if evolve.retrain is None:
                settings.pop("retrain")
        return written


def _above_zero(time: object) -> bool:
    return isinstance(time, timedelta) and time > timedelta()
