"""The views of a store's models, for a process that lives long: only new records are read again."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime
from typing import TypeVar

from ckpt_ops.errors import BadInput, CkptOpsError, TransientError
from ckpt_ops.lineage import LineageState, model_names
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.views.building.model import lineage_view
from ckpt_ops.views.building.slices import PAGE, slices_view
from ckpt_ops.views.building.status import status_view, unreadable_status
from ckpt_ops.views.building.summary import as_of, unreadable, urgency
from ckpt_ops.views.description import Description
from ckpt_ops.views.fleet import Fleet, Summary
from ckpt_ops.views.known_model import PATIENCE, KnownModel
from ckpt_ops.views.lineage import LineageView
from ckpt_ops.views.model import ModelView
from ckpt_ops.views.sizes import read_store_size
from ckpt_ops.views.slices import MissingView, SlicesView, SliceView
from ckpt_ops.views.status import StatusView
from ckpt_ops.views.training import training_of
from ckpt_ops.views.version import VersionView

NAMES_STAY = 10.0
"""Seconds for which the names of models, and the store's size, are taken to be as they were read."""
STATES_STAY = 12
"""Of so many models the state stays in memory: of those that were asked for last."""
_SIDE_BY_SIDE = 8

T = TypeVar("T")


class StoreViews:
    """Every view of `store`, which stays open. Safe to use from several threads.

    Args:
        keep: views that cost something to make are kept in the store, for whoever asks next. Without it,
            nothing is written: those that are there are used.

    Each method that takes a model raises `BadInput` naming the models there are when there is no such model,
    and `Corrupt` when its log cannot be read.
    """

    def __init__(self, store: Store, *, keep: bool = True) -> None:
        self.store, self._keep = store, keep
        self._models: dict[str, KnownModel] = {}  # the one that was asked for last is the last
        self._lock = threading.Lock()
        self._names: tuple[float, list[str]] | None = None
        self._listing = threading.Lock()  # beside the other, which is never held while the store is asked

    def names(self) -> list[str]:
        """The models that there are, sorted; one that began seconds ago may be missing.

        Raises:
            TransientError: others have waited for the store for long.
        """
        if not self._listing.acquire(timeout=PATIENCE):
            raise TransientError("the store is slow to answer", next="load the page again")
        try:
            if self._names is None or time.monotonic() - self._names[0] > NAMES_STAY:
                self._names = (time.monotonic(), model_names(self.store))
            return self._names[1]
        finally:
            self._listing.release()

    def fleet(self, only: Collection[str] | None = None, *, now: datetime | None = None) -> Fleet:
        """All models, or those of `only` that there are, those that need a person first.

        Args:
            only: names; others are left out without an error.
            now: as of when; None: as of now.
        """
        wanted = [name for name in self.names() if only is None or name in only]

        def there(name: str) -> Summary | None:
            try:
                return self.summary(name, now=now)
            except BadInput:
                return None  # it was removed since its name was read; the error would name every model

        found = [one for one in self._each(there, wanted) if one is not None]
        size = read_store_size(self.store)
        return Fleet(
            store=self.store.url,
            models=tuple(sorted(found, key=urgency)),
            nbytes=size.nbytes if size else None,
            measured=size.time if size else "",
        )

    def summary(self, model: str, *, now: datetime | None = None) -> Summary:
        """Where one model stands. A log that cannot be read is its `problem`, not an error."""
        known = self._known(model)
        try:
            found = self._as_now(known.summary(), known, now)
        except BadInput:
            raise self._unknown(model) from None
        except CkptOpsError as error:
            return unreadable(model, error.what)
        return found

    def model(self, model: str, *, now: datetime | None = None) -> ModelView:
        """The page of a model."""
        known = self._known(model)
        try:
            found = known.page()
            return replace(found, summary=self._as_now(found.summary, known, now))
        except BadInput:
            raise self._unknown(model) from None

    def status(self, model: str, *, now: datetime | None = None) -> StatusView:
        """One model with its last records."""
        about = self.summary(model, now=now)
        known = self._known(model)
        return known.with_log(lambda log, state: status_view(log, state, about))

    def statuses(self, only: Sequence[str] | None = None) -> tuple[StatusView, ...]:
        """All models, or those of `only`, by name. A log that cannot be read hides no other."""

        def one(name: str) -> StatusView:
            try:
                return self.status(name)
            except CkptOpsError as error:
                return unreadable_status(unreadable(name, error.what))

        return tuple(self._each(one, self.names() if only is None else only))

    def _each(self, make: Callable[[str], T], names: Sequence[str]) -> Iterator[T]:
        """Of each model. Threads wait for a store's answers; a disk has none to wait for."""
        if isinstance(self.store, LocalStore):
            yield from map(make, names)
            return
        with ThreadPoolExecutor(_SIDE_BY_SIDE) as pool:
            yield from pool.map(make, names)

    def lineage(self, model: str) -> LineageView:
        """The graph of its versions."""
        return lineage_view(self.state(model))

    def slices(
        self,
        model: str,
        *,
        search: str = "",
        which: str = "",
        before: str | None = None,
        most: int | None = PAGE,
        late_within: int | None = None,
    ) -> SlicesView:
        """Its slices, the newest first; arguments as `building.slices.slices_view`.

        Args:
            most: None: all.
            late_within: instead of the pipeline's.
        """
        state, about = self.state(model), self.description(model)
        return slices_view(
            state,
            about if late_within is None else replace(about, late_within=late_within),
            search=search,
            which=which,
            before=before,
            most=len(state.slices) if most is None else most,
        )

    def slice(self, model: str, key: str) -> SliceView:
        """One slice. Raises `BadInput` also where there is no such slice."""
        from ckpt_ops.views.building.slice import slice_view  # `ckpt-ops status` needs no pyarrow

        self.state(model)
        known = self._known(model)
        about = known.description()
        return known.with_log(lambda log, state: slice_view(self.store, log, state, about, key))

    def missing(self, model: str, key: str) -> MissingView | None:
        """A slice that should have come, and has not; None: none of this key is missing."""
        from ckpt_ops.views.building.slice import is_missing, missing_view  # as above

        known = self._known(model)
        if not is_missing(self.state(model), key):
            return None
        return known.with_log(lambda log, state: missing_view(log, state, key))

    def version(self, model: str, number: int) -> VersionView:
        """One version. Raises `BadInput` also where there is no such version."""
        from ckpt_ops.views.building.version import version_view  # as above

        return version_view(self.store, self.state(model), number)

    def state(self, model: str) -> LineageState:
        """As the log has it now."""
        try:
            return self._known(model).state()
        except BadInput:
            raise self._unknown(model) from None

    def description(self, model: str) -> Description:
        """What the pipeline's last run left; the defaults before the first."""
        return self._known(model).description()

    def _as_now(self, found: Summary, known: KnownModel, now: datetime | None) -> Summary:
        """With what its records do not say: its size, the training that runs, and what time has brought."""
        now, size = now or datetime.now(UTC), known.size()
        training = training_of(self.store, found.model, found.training_versions, now=now.timestamp())
        return as_of(replace(found, nbytes=size.nbytes if size else None, training=training), now)

    def _known(self, model: str) -> KnownModel:
        """A name that no model can have is no prefix of objects either."""
        if not model or "/" in model or model in (".", "..") or any(ord(one) < 32 for one in model):
            raise self._unknown(model)
        with self._lock:
            known = self._models.pop(model, None) or KnownModel(self.store, model, keep=self._keep)
            self._models[model] = known
            read = [one for one in self._models.values() if one.read and one is not known]
        for one in read[: 1 - STATES_STAY]:
            one.forget()
        return known

    def _unknown(self, model: str) -> BadInput:
        with self._lock:
            self._models.pop(model, None)  # who asks for a million names fills no memory
        found = ", ".join(model_names(self.store))
        return BadInput(
            "model", model, f"one of {found}" if found else f"a model; {self.store.url} holds none yet"
        )
