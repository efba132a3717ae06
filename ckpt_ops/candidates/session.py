"""A pipeline's model in memory, with the values of a checkpoint, of a parent, or the initial ones."""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from ckpt_ops.candidates.as_served.graph import AsServed
from ckpt_ops.candidates.parent import Parent, check_allowed, is_rate, parent_of, structure_of
from ckpt_ops.checkpoints import load_manifest, model_variables, read_tensors
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.checkpoints.layer_state import layer_state, restore_model, settle
from ckpt_ops.errors import TerminalError
from ckpt_ops.lineage import LineageState
from ckpt_ops.pipeline.code.imported_as import imported_as
from ckpt_ops.pipeline.code.own import code_of
from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.of_version import of_given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import build_model
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named
from ckpt_ops.training import Schedules
from ckpt_ops.training.distribution import Mirrored
from ckpt_ops.training.distribution.replicas import Replicas, mirrored
from ckpt_ops.training.schedules import ScheduleStarts
from ckpt_ops.training.step_function import Step, step_function
from ckpt_ops.transfer.carrying import carried
from ckpt_ops.transfer.plan import plan_transfer
from ckpt_ops.transfer.structure import Structure


@dataclass(frozen=True, kw_only=True, eq=False)
class InMemory:
    """The values of a model, by the names of its variables, and the structure that they belong to."""

    structure: Structure
    values: Mapping[str, Any]


class TrainingSession:
    """A pipeline's model, built once, on which candidates are trained one after the other.

    Args:
        given: what `build_model` is given for the candidate; None: nothing.
        from_nothing: keep the initial values, because a candidate without a parent will be trained on it.
        replicas: on which the model is built, where several processes train it; None: as the pipeline says,
            as far as one process can: on its devices, and for `Workers` on one.

    Attributes:
        pipeline: that of the version, for whoever makes rows for its model.
        code: as it was when it built the model.
        columns_of: its digest, by which columns are kept; "" where it may have been imported as another.
        rates: the learning rate as `build_model` made it, by the name of its variable.
        state: what layers hold beside variables, as `build_model` made it.
        replicas: on which the model is; None: on one device.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        store: Store,
        *,
        from_nothing: bool = True,
        given: Given | None = None,
        replicas: Replicas | None = None,
    ) -> None:
        self.given = given or Given()
        began = time.monotonic()
        print("importing TensorFlow", flush=True)
        self.pipeline, self.store = of_given(pipeline, self.given), store
        self.code = code_of(pipeline)  # read first: `same` notices code that changes while it is imported
        self.columns_of = imported_as(pipeline, self.code.digest)
        self.replicas = replicas
        if replicas is None and isinstance(pipeline.distribution, Mirrored):
            self.replicas = mirrored(pipeline.distribution, batch_size=pipeline.batch_size)
        self.model = build_model(pipeline, self.given, replicas=self.replicas)
        print(f"model built after {time.monotonic() - began:.1f} s", flush=True)
        self.variables: dict[str, Any] = model_variables(self.model)
        self.state = layer_state(self.model)
        self._initial = self.copy_values() if from_nothing else None
        self.schedules = ScheduleStarts(self.model)
        self.rates = {name: self.variables[name].numpy() for name in self.variables if is_rate(name)}
        self.structure = structure_of(self.model, self.variables, self.state, self.given)
        self._as_built = True
        self.held: dict[str, Any] = {}

    def restore_at(self, manifest: Named | None) -> None:
        """Set every variable to its value in the checkpoint; None: as `build_model` made it.

        The learning rate of optimizers stays as today's `build_model` sets it: Keras keeps it among the
        optimizer's variables, unless it follows a schedule, and an edit of it is meant for later candidates.
        Elsewhere in a model, a variable of that name is state like any other.

        Raises:
            ObjectNotFound, Corrupt, IncompatibleCheckpoint: as `restore_model`.
        """
        if manifest is not None:
            found = load_manifest(self.store, manifest)
            self._as_built = False
            restore_model(self.store, found, self.model, self.variables, self.state, own=is_rate)
            self.assign(self.rates)
        else:
            self.assign(self._as_initialized())

    def parent(self, manifest: Named | None) -> Parent | None:
        """The checkpoint to go on from, and what becomes of it in this model; None without one."""
        if manifest is None:
            return None
        found = load_manifest(self.store, manifest)
        return parent_of(self.store, manifest, found, self.structure, self.pipeline.evolve)

    def go_on_from(self, parent: Parent | None) -> None:
        """As `restore_at`; a parent of another structure is transferred.

        Raises:
            ObjectNotFound, Corrupt: its checkpoint is not there, or damaged.
            TransferRefused: the pipeline does not allow it.
        """
        if parent is None or parent.transfer.same:
            self.restore_at(None if parent is None else parent.named)
            return
        parent.check()
        initial = self._as_initialized()
        tensors = read_tensors(self.store, parent.manifest)
        self.held = {name: tensors[name] for name in parent.tables(self.structure)}
        values = carried(parent.transfer, tensors, initial)
        self.assign({**values, **self.rates})

    def in_memory(self) -> InMemory:
        """A copy of what the model holds, for this model or one of another structure to go on from."""
        return InMemory(structure=self.structure, values=self.copy_values())

    def go_on_from_memory(self, found: InMemory) -> bool:
        """As `go_on_from`, from values that are in no checkpoint; whether they were transferred."""
        transfer = plan_transfer(found.structure, self.structure, self.pipeline.evolve, ignored=is_rate)
        check_allowed(transfer, "the version before")
        values = found.values if transfer.same else carried(transfer, found.values, self._as_initialized())
        self.assign({**values, **self.rates})
        return not transfer.same

    def _as_initialized(self) -> Mapping[str, Any]:
        """The variables' values as `build_model` made them."""
        if self._initial is not None:
            return self._initial
        if not self._as_built:
            raise RuntimeError("this session does not hold the initial values that build_model made")
        return self.copy_values()

    def assign(self, values: Mapping[str, Any]) -> None:
        """Set variables to `values`, as `copy_values` returned them."""
        self._as_built = False
        for name, value in values.items():
            tensorflow_variable(self.variables[name]).assign(value)
        settle(self.model)

    def begin(self) -> None:
        """Start the schedules that start with each candidate. The model has been restored to its parent."""
        if self.pipeline.schedules is Schedules.PER_CANDIDATE:
            self.schedules.begin()

    @cached_property
    def step(self) -> Step:
        """The model's step, traced once for all candidates."""
        return step_function(self.model, self.replicas)

    @cached_property
    def served(self) -> AsServed:
        """The model as its export would answer, traced once."""
        return AsServed(self.model)

    def on_one_device(self) -> Any:
        """The model as it is now, on one device: what is exported does not depend on who trained it."""
        if self.replicas is None:
            return self.model
        values = self.copy_values()
        one = build_model(self.pipeline, self.given)
        variables = model_variables(one)
        for name, value in values.items():
            tensorflow_variable(variables[name]).assign(value)
        settle(one)
        return one

    def copy_values(self) -> dict[str, Any]:
        """A copy of the current value of every variable, by name."""
        return {name: tensorflow_variable(one).numpy().copy() for name, one in self.variables.items()}


def final_manifest(state: LineageState, version: int | None) -> Named | None:
    """The manifest of the checkpoint that a version ended with; None when `version` is None."""
    if version is None:
        return None
    trained = state.versions[version].trained
    if trained is None:
        raise TerminalError(f"version {version}, the parent, has no final checkpoint")
    return trained.final
