"""What reading commands ask of a store, whatever the command: a model's state or its records."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState, ModelLog, model_names
from ckpt_ops.lineage.records import Record
from ckpt_ops.printable import first_few
from ckpt_ops.store import Store
from ckpt_ops.views.building.status import record_view

View = dict[str, Any]


def state_of(store: Store, model: str) -> LineageState:
    """The model's state. Raises `BadInput` naming the models there are, when there is none of this name."""
    state = ModelLog(store, model).state() if _may_be(model) else None
    if state is None or not state.sequence:
        raise _unknown(store, model)
    return state


def records_of(store: Store, model: str) -> list[Record]:
    """The model's whole log. Raises `BadInput` as `state_of` does."""
    records = ModelLog(store, model).records() if _may_be(model) else []
    if not records:
        raise _unknown(store, model)
    return records


def chosen_version(state: LineageState, version: int | None) -> int:
    """The version that is meant: the head, else the newest, by default. `BadInput`: there is none yet."""
    number = version if version is not None else state.head or max(state.versions, default=None)
    if number is None:
        raise BadInput("version", None, f"a version of {state.model}; it has none yet")
    return number


def log_view(records: Sequence[Record]) -> list[View]:
    """Every record with its number, first to last."""
    return [record_view(sequence, record) for sequence, record in enumerate(records, start=1)]


def _may_be(model: str) -> bool:
    return bool(model) and "/" not in model


def _unknown(store: Store, model: str) -> BadInput:
    found = first_few(model_names(store), 30)
    return BadInput("model", model, f"one of {found}" if found else f"a model; {store.url} holds none yet")
