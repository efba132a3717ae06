"""What an asset event says of a promotion, for DAGs that are scheduled on it."""

from __future__ import annotations

from typing import Any

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.store import Store

MOST_SLICES = 100


def announcement(state: LineageState, version: int) -> dict[str, Any]:
    """Version, candidate, the version that it replaced, and the newest slices that it was trained on.

    The names are an interface: users' DAGs read them. More slices than `MOST_SLICES` are counted only.
    """
    one = state.version(version)
    slices = [{"key": ref.key, "revision": ref.revision, "rows": ref.rows} for ref in one.slices]
    return {
        "version": version,
        "candidate": one.candidate,
        "champion": one.champion,
        "slices": slices[-MOST_SLICES:],
        "slices_in_all": len(slices),
    }


def announced(store: Store, model: str, version: int) -> dict[str, Any]:
    """As `announcement`, from the log; the version alone where it cannot be read: a promotion stands."""
    try:
        return announcement(ModelLog(store, model).state(), version)
    except CkptOpsError:
        return {"version": version}
