"""A store with models whose short histories are written by hand."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest
from histories import KEYS, promoted, ref, rejected

from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Record, SliceAccepted, SliceQuarantined
from ckpt_ops.store import LocalStore

Say = Callable[..., ModelLog]


@pytest.fixture
def say(store: LocalStore) -> Say:
    """Appends records to the log of a model; returns the log."""

    def append(model: str, *records: Record | Iterable[Record]) -> ModelLog:
        log = ModelLog(store, model)
        for each in records:
            for record in [each] if isinstance(each, Record) else each:
                log.append(record, after=log.state())
        return log

    return append


@pytest.fixture
def flights(say: Say) -> ModelLog:
    """Two versions in production one after the other, a third rejected, a slice in quarantine."""
    return say(
        "flights",
        promoted(1, ref(KEYS[0])),
        promoted(2, ref(KEYS[1]), champion=1),
        SliceQuarantined(slice=ref(KEYS[2]), report="", reason="a column is null"),
        SliceAccepted(slice=ref(KEYS[3])),
        rejected(3, ref(KEYS[3]), champion=2),
    )
