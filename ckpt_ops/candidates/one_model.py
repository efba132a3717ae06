"""One version of a pipeline in memory after the other: on one model, as long as they may share it.

A version that is given other vocabularies than the one before has a model of its own.
"""

from __future__ import annotations

import gc

from ckpt_ops.candidates.session import InMemory, TrainingSession
from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named


class OneModel:
    """Holds one version at a time. A model is built when it is asked for, and anew where it would differ.

    Args:
        from_nothing: see `TrainingSession`.
    """

    def __init__(self, pipeline: Pipeline, store: Store, *, from_nothing: bool = True) -> None:
        self._pipeline, self._store, self._from_nothing = pipeline, store, from_nothing
        self._session: TrainingSession | None = None

    @property
    def session(self) -> TrainingSession:
        """The model at hand."""
        if self._session is None:
            raise RuntimeError("no model was built yet")
        return self._session

    def built_for(self, given: Given) -> TrainingSession:
        """The model as `build_model()` makes it of `given`; its values are not set."""
        if self._session is None or not self._session.given.same_for_a_model(given):
            self._session = None  # before the next one takes memory
            gc.collect()
            self._session = TrainingSession(
                self._pipeline, self._store, from_nothing=self._from_nothing, given=given
            )
        return self._session

    def restored(self, given: Given, manifest: Named | None) -> TrainingSession:
        """The model of a version, at its checkpoint; None: at the values that `build_model()` made."""
        self.built_for(given).restore_at(manifest)
        return self.session

    def go_on_from(self, given: Given, manifest: Named | None) -> bool:
        """Let a model of `given` begin as a candidate does, from its parent's checkpoint.

        Returns whether the parent was transferred. Raises as `TrainingSession.go_on_from`.
        """
        session = self.built_for(given)
        parent = session.parent(manifest)
        session.go_on_from(parent)
        return parent is not None and not parent.transfer.same

    def go_on(self, given: Given, parent: InMemory | None = None) -> bool:
        """As `go_on_from`, from `parent`; None: from what the model holds now."""
        if parent is None:
            if self.session.given.same_for_a_model(given):
                return False
            parent = self.session.in_memory()
        return self.built_for(given).go_on_from_memory(parent)
