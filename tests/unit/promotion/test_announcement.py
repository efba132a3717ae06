"""What an asset event says of a promotion."""

from __future__ import annotations

import json
from collections.abc import Callable

from histories import KEYS, promoted, ref

from ckpt_ops.lineage import fold
from ckpt_ops.promotion.announcement import MOST_SLICES, announced, announcement
from ckpt_ops.store import LocalStore


def test_it_names_version_candidate_champion_and_slice_revisions() -> None:
    state = fold("m", [*promoted(1, ref(KEYS[0])), *promoted(2, ref(KEYS[1], 3), champion=1)])
    found = announcement(state, 2)
    assert found == {
        "version": 2,
        "candidate": "c2",
        "champion": 1,
        "slices": [{"key": KEYS[1], "revision": ref(KEYS[1], 3).revision, "rows": 10}],
        "slices_in_all": 1,
    }
    assert json.loads(json.dumps(found)) == found


def test_of_very_many_slices_the_newest_are_named() -> None:
    many = [ref(f"k{at:04}") for at in range(MOST_SLICES + 5)]
    found = announcement(fold("m", promoted(1, *many)), 1)
    assert (found["slices_in_all"], len(found["slices"])) == (len(many), MOST_SLICES)
    assert found["slices"][-1]["key"] == many[-1].key


def test_a_promotion_is_announced_though_the_log_cannot_be_read(
    store: LocalStore, say: Callable[..., object]
) -> None:
    say("m", promoted(1, ref(KEYS[0])))
    assert announced(store, "m", 1)["candidate"] == "c1"
    store.delete("models/m/log/000000000001.json")
    assert announced(store, "m", 1) == {"version": 1}
