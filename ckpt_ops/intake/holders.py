"""Which models still need a slice revision: slices belong to a source, and any model over it may use them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from ckpt_ops.lineage import LineageState, ModelLog, model_names
from ckpt_ops.lineage.records import slice_id
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.store import Store


@dataclass(frozen=True, kw_only=True)
class Holder:
    """A model that needs a revision.

    Attributes:
        versions: those that were trained on it, or descend from one that was, and are not dropped. Empty:
            it is accepted or in quarantine there.
    """

    key: str
    revision: str
    model: str
    versions: tuple[int, ...]

    @property
    def why(self) -> str:
        if not self.versions:
            return f"{self.model} has it, accepted or in quarantine"
        some = ", ".join(map(str, self.versions[:8])) + (" ..." if len(self.versions) > 8 else "")
        return f"{self.model} was trained on it: version{'s' * (len(self.versions) > 1)} {some}"


def holders(
    store: Store, revisions: Iterable[tuple[str, str]], *, own: LineageState, with_own: bool = True
) -> tuple[Holder, ...]:
    """The models that need one of `revisions`, each (key, revision): one holder per model and revision.

    Args:
        own: the state of the model that asks.
        with_own: whether that model's own needs count, too.
    """
    names = list(revisions)
    others = [ModelLog(store, model).state() for model in model_names(store) if model != own.model]
    found = []
    for state in [own, *others] if with_own else others:
        for key, revision in names:
            versions = tuple(
                one for one in state.consumers_of({slice_id(key, revision)}) if one not in state.dropped
            )
            if versions or _is_there(state, key, revision):
                found.append(Holder(key=key, revision=revision, model=state.model, versions=versions))
    return tuple(found)


def _is_there(state: LineageState, key: str, revision: str) -> bool:
    """It may be trained on, or a person may release it."""
    entry = state.slices.get(key)
    if entry is None:
        return False
    stands = (
        entry.status in (SliceStatus.ACCEPTED, SliceStatus.QUARANTINED) and entry.ref.revision == revision
    )
    return stands or (bool(entry.in_quarantine) and entry.pulled == revision)
