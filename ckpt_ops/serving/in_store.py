"""The door for a version that is to be written in another format: asks the log and the store."""

from __future__ import annotations

from ckpt_ops.lineage import LineageState
from ckpt_ops.serving.objects import remove_if_leaving, there_is
from ckpt_ops.serving.on_request import FORMATS, InStore, check, report_of
from ckpt_ops.store import Store


def look(store: Store, state: LineageState, number: int, *, step: int | None = None) -> InStore:
    """What is made of it, and whether its last checkpoint is there: gc takes that of a rejected version.

    Args:
        step: of the checkpoint that is asked for; None: the last.

    Raises:
        BadInput: there is no such version.
    """
    trained = state.version(number).trained
    if trained is None:
        return InStore()
    at = trained.step if step is None else step
    names = {
        entry.name
        for folder in ("exported", "converted")
        for entry in store.list(f"models/{state.model}/v{number}/{folder}/")
    }
    made = (one for one in FORMATS if report_of(state.model, number, one, at) in names)
    return InStore(made=frozenset(made), checkpoint=there_is(store, trained.final.name))


def let_in(store: Store, state: LineageState, number: int, format: str, *, step: int | None = None) -> int:
    """The step of the checkpoint that is meant, if the version is there in this format or can be written so.

    If a purge takes the version, what a stopped try left is removed first: nothing else would do that.

    Args:
        step: that is asked for; None: the last.

    Raises:
        BadInput: as `on_request.check`.
    """
    trained = state.version(number).trained
    at = step if step is not None else trained.step if trained is not None else 0
    if format in FORMATS:
        folder = report_of(state.model, number, format, at).rpartition("/")[0]
        remove_if_leaving(store, state, number, folder)
    check(state, number, format, there=look(store, state, number, step=at))
    return at
