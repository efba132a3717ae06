"""A store with models whose short histories are written by hand."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from histories import KEYS, promoted, ref, rejected

from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import SliceAccepted, SliceQuarantined

Say = Callable[..., ModelLog]


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
