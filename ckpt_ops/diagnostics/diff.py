"""Two versions side by side: what they consumed, their evaluations and costs, how far apart they are."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

import blake3
import numpy as np
import numpy.typing as npt

from ckpt_ops.checkpoints import Manifest, load_manifest, read_tensors
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.difference import difference
from ckpt_ops.promotion.card import gates_view
from ckpt_ops.store import Store

_LARGEST = 10
_AT_ONCE = 1 << 20  # values compared at a time, whatever the size of the model

View = dict[str, Any]


def diff_view(store: Store, state: LineageState, a: int, b: int) -> View:
    """Both versions as plain values. What needs a checkpoint that is no longer kept is None.

    Raises:
        BadInput: there is no such version.
        Corrupt: a checkpoint is damaged.
    """
    found = difference(state, a, b)
    of_a, of_b = _manifest(store, found.a), _manifest(store, found.b)
    return {
        "model": state.model,
        "a": _side(found.a, of_a),
        "b": _side(found.b, of_b),
        "data": {
            "only_a": [asdict(ref) for ref in found.only_a],
            "only_b": [asdict(ref) for ref in found.only_b],
            "revised": [
                {
                    "key": one.key,
                    "a": one.revision,
                    "b": other.revision,
                    "rows_a": one.rows,
                    "rows_b": other.rows,
                }
                for one, other in found.revised
            ],
            "rows_a": found.rows_a,
            "rows_b": found.rows_b,
        },
        "lineage": {"common": found.common, "from_common_a": found.steps_a, "from_common_b": found.steps_b},
        "tensors": _tensors(store, of_a, of_b) if of_a and of_b else None,
    }


def relative_change(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> float | None:
    """||b - a|| / ||a||, Frobenius; None where `a` is all zero and `b` is not.

    Args:
        a, b: of the same shape, numbers of any kind.
    """
    apart, length = 0.0, 0.0
    one, other = a.reshape(-1), b.reshape(-1)
    for start in range(0, one.size, _AT_ONCE):
        x = one[start : start + _AT_ONCE].astype(np.float64)
        y = other[start : start + _AT_ONCE].astype(np.float64)
        apart += float(np.sum((y - x) ** 2))
        length += float(np.sum(x**2))
    if apart == 0:
        return 0.0
    return math.sqrt(apart / length) if length else None


def _side(version: VersionState, manifest: Manifest | None) -> View:
    trained, evaluated = version.trained, version.evaluated
    digests = None
    if manifest is not None:
        structure = json.dumps(manifest.structure, sort_keys=True).encode()
        digests = {
            "code": manifest.code_digest,
            "libraries": manifest.lock_digest,
            "structure": blake3.blake3(structure).hexdigest()[:16],
        }
    return {
        "version": version.version,
        "status": version.status.value,
        "parent": version.parent,
        "slices": [asdict(ref) for ref in version.slices],
        "rows": version.rows,
        "digests": digests,
        "metrics": dict(evaluated.metrics.get("candidate", {})) if evaluated else {},
        "gates": gates_view(version),
        "cost": {
            "steps": trained.step if trained else None,
            "seconds": trained.seconds if trained else None,
            "checkpoints": trained.checkpoints if trained else None,
        },
    }


def _tensors(store: Store, a: Manifest, b: Manifest) -> View:
    """How far the model's own tensors are apart; the optimizer's do not affect predictions."""
    of_a, of_b = _of_the_model(a), _of_the_model(b)
    names = [name for name in of_a if name in of_b]
    alike = [name for name in names if of_a[name].shape == of_b[name].shape]
    read_a, read_b = read_tensors(store, a), read_tensors(store, b)
    changes = {name: relative_change(read_a[name], read_b[name]) for name in alike}
    largest = sorted(alike, key=lambda name: _or_infinite(changes[name]), reverse=True)
    return {
        "compared": len(alike),
        "unchanged": sum(change == 0 for change in changes.values()),
        "largest": [
            {"name": name, "shape": list(of_a[name].shape), "change": changes[name]}
            for name in largest[:_LARGEST]
        ],
        "only_a": sorted(of_a.keys() - of_b.keys()),
        "only_b": sorted(of_b.keys() - of_a.keys()),
        "reshaped": [name for name in names if name not in changes],
    }


def _or_infinite(change: float | None) -> float:
    return math.inf if change is None else change


def _of_the_model(manifest: Manifest) -> Mapping[str, Any]:
    return {name: entry for name, entry in manifest.tensors.items() if not name.startswith("optimizer/")}


def _manifest(store: Store, version: VersionState) -> Manifest | None:
    if version.trained is None:
        return None
    try:
        return load_manifest(store, version.trained.final)
    except ObjectNotFound:
        return None
