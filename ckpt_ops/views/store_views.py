"""The views of a store's models, for a process that lives long: only new records are read again."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from typing import TypeVar

from ckpt_ops.errors import BadInput, CkptOpsError
from ckpt_ops.lineage import LineageState, ModelLog, model_names
from ckpt_ops.pipeline.intake import check_name
from ckpt_ops.store import Store
from ckpt_ops.views.building.model import lineage_view, model_view
from ckpt_ops.views.building.slice import slice_view
from ckpt_ops.views.building.slices import PAGE, slices_view
from ckpt_ops.views.building.summary import as_of, summary, unreadable, urgency
from ckpt_ops.views.building.version import version_view
from ckpt_ops.views.description import Description
from ckpt_ops.views.fleet import Fleet, Summary
from ckpt_ops.views.lineage import LineageView
from ckpt_ops.views.model import ModelView
from ckpt_ops.views.slices import SlicesView, SliceView
from ckpt_ops.views.version import VersionView

T = TypeVar("T")


class StoreViews:
    """Every view of `store`, which stays open. Safe to use from several threads.

    Each method that takes a model raises `BadInput` naming the models there are when there is no such model,
    and `Corrupt` when its log cannot be read.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self._logs: dict[str, _Model] = {}
        self._lock = threading.Lock()

    def fleet(self, names: Sequence[str] | None = None, *, now: datetime | None = None) -> Fleet:
        """All models, or those of `names` that exist, those that need a person first."""
        there = model_names(self.store)
        wanted = there if names is None else [name for name in there if name in set(names)]
        with ThreadPoolExecutor(8) as pool:
            found = list(pool.map(lambda name: self.summary(name, now=now), wanted))
        return Fleet(store=self.store.url, models=tuple(sorted(found, key=urgency)))

    def summary(self, model: str, *, now: datetime | None = None) -> Summary:
        """Where one model stands. A log that cannot be read is its `problem`, not an error."""
        try:
            found = summary(self.state(model), self.description(model))
        except BadInput:
            raise
        except CkptOpsError as error:
            return unreadable(model, error.what)
        return as_of(found, now or datetime.now(UTC))

    def model(self, model: str) -> ModelView:
        return model_view(self.store, self.state(model), self.description(model))

    def lineage(self, model: str) -> LineageView:
        return lineage_view(self.state(model))

    def slices(
        self, model: str, *, search: str = "", which: str = "", before: str | None = None, most: int = PAGE
    ) -> SlicesView:
        """Arguments as `building.slices.slices_view`."""
        return slices_view(
            self.state(model),
            self.description(model),
            search=search,
            which=which,
            before=before,
            most=most,
        )

    def slice(self, model: str, key: str) -> SliceView:
        one = self._model(model)
        return one.locked(lambda log: slice_view(self.store, log, log.state(), self.description(model), key))

    def version(self, model: str, number: int) -> VersionView:
        return version_view(self.store, self.state(model), number)

    def state(self, model: str) -> LineageState:
        """As the log has it now."""
        found = self._model(model).locked(lambda log: log.state())
        if not found.sequence:
            raise self._unknown(model)
        return found

    def description(self, model: str) -> Description:
        """What the pipeline's last run left; the defaults before the first."""
        return Description()

    def _model(self, model: str) -> _Model:
        try:
            check_name(model, field="model")
        except BadInput:
            raise self._unknown(model) from None
        with self._lock:
            return self._logs.setdefault(model, _Model(self.store, model))

    def _unknown(self, model: str) -> BadInput:
        found = ", ".join(model_names(self.store))
        return BadInput(
            "model", model, f"one of {found}" if found else f"a model; {self.store.url} holds none yet"
        )


class _Model:
    """A log, read by one thread at a time: it keeps what it has read."""

    def __init__(self, store: Store, model: str) -> None:
        self._log, self._lock = ModelLog(store, model), threading.Lock()

    def locked(self, read: Callable[[ModelLog], T]) -> T:
        with self._lock:
            return read(self._log)
