"""What a candidate goes on from: its parent's checkpoint, and what becomes of it in today's model."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from ckpt_ops.candidates.champion import ChampionScore
from ckpt_ops.candidates.given import of_manifest as given_of
from ckpt_ops.candidates.given import values_by_row
from ckpt_ops.candidates.results import predict
from ckpt_ops.checkpoints import Manifest
from ckpt_ops.checkpoints.layer_state import LayerState
from ckpt_ops.errors import TransferRefused
from ckpt_ops.outputs import differences, same_form
from ckpt_ops.pipeline.given import Given
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named
from ckpt_ops.training import Examples
from ckpt_ops.training.schedules import as_written
from ckpt_ops.transfer import Evolve
from ckpt_ops.transfer.document import Agreement
from ckpt_ops.transfer.moves import Transfer
from ckpt_ops.transfer.plan import plan_transfer
from ckpt_ops.transfer.structure import Spec, Structure, of_manifest, of_model

_ASKED_ROWS = 4096


@dataclass(frozen=True, kw_only=True)
class Parent:
    """The checkpoint that training goes on from.

    Attributes:
        transfer: what becomes of each variable.
    """

    named: Named
    manifest: Manifest
    transfer: Transfer

    def tables(self, structure: Structure) -> frozenset[str]:
        """The names of variables that have the same name, shape and dtype today as in the checkpoint."""
        return frozenset(
            name
            for name, entry in self.manifest.tensors.items()
            if structure.variables.get(name) == Spec(shape=entry.shape, dtype=entry.dtype)
        )

    def source_of(self, name: str) -> str | None:
        """The parent's name of today's variable; None if the parent has no such variable."""
        found = (one.source for one in self.transfer.variables if one.name == name)
        return next(found, name) or None

    def check(self) -> None:
        """Raises `TransferRefused`, which says what to write, if the pipeline does not allow the transfer."""
        check_allowed(self.transfer, f"version {self.manifest.version}")


def check_allowed(transfer: Transfer, parent: str) -> None:
    """Raises `TransferRefused` if the pipeline does not allow the transfer from `parent`."""
    if transfer.objections:
        raise TransferRefused(
            f"build_model() is different from what {parent} was trained with:\n  "
            + "\n  ".join(transfer.objections),
            safe="nothing was trained, no version or checkpoint was added; the champion serves on",
            next=transfer.next,
        )


def parent_of(store: Store, named: Named, manifest: Manifest, structure: Structure, evolve: Evolve) -> Parent:
    """The checkpoint of `manifest`, seen from a model of `structure`."""
    before = of_manifest(manifest, values_by_row(given_of(store, manifest)))
    transfer = plan_transfer(before, structure, evolve, ignored=is_rate)
    return Parent(named=named, manifest=manifest, transfer=transfer)


def structure_of(
    model: Any, variables: Mapping[str, Any], state: LayerState, given: Given | None = None
) -> Structure:
    """The structure of a model as `build_model()` made it from what it was given."""
    config, _ = written_config(model)
    return of_model(variables, config, state, values_by_row(given or Given()))


def written_config(model: Any) -> tuple[dict[str, Any] | None, str]:
    """The model's configuration as its checkpoints keep it; None, and why, if there is none."""
    if not hasattr(model, "to_json"):
        return None, "a tf.Module has no configuration"
    try:
        with as_written(model):
            found: dict[str, Any] = json.loads(model.to_json())
    except (NotImplementedError, TypeError, ValueError) as error:
        return None, f"the model has no configuration: {error}"
    return found, ""


def agreement(model: Any, holdout: Examples, champion: ChampionScore | None) -> Agreement | None:
    """How far the untrained model's predictions are from its served parent's, on some held-out rows."""
    served = champion.holdout if champion is not None else None
    if served is None or not len(served):
        return None
    rows = min(len(served), _ASKED_ROWS)
    some = holdout.take(slice(0, rows))
    said = predict(model, some.inputs, some.positions)
    if not same_form(said, served[:rows]):
        return None
    return Agreement(rows=rows, max_abs_difference=float(differences(said, served[:rows]).max()))


def is_rate(name: str) -> bool:
    """Whether a variable of this name is an optimizer's learning rate, which `build_model` of today sets."""
    *path, last = name.split("/")
    return last == "learning_rate" and any(part.endswith("optimizer") for part in path)
