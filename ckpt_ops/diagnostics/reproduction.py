"""Can a version be rebuilt? From where, whether today's code allows it, and whether the result is the same.

`reproduce` trains; it writes nothing to the store.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import blake3
import numpy as np
import numpy.typing as npt

from ckpt_ops.diagnostics.retrain import NOTHING_WRITTEN
from ckpt_ops.errors import BadInput, ObjectNotFound, TerminalError
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.store import Store

Tensors = Mapping[str, npt.NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A tensor that is not the same.

    Attributes:
        what: how it differs, as text.
        largest: the largest absolute difference of two values; None where they cannot be compared.
    """

    name: str
    what: str
    largest: float | None = None


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two sets of tensors, side by side.

    Attributes:
        equal: names of those that are the same: dtype, shape and every byte.
        different: the others, in the order of the first set.
        recorded, again: blake3 over all tensors of each set.
    """

    equal: tuple[str, ...]
    different: tuple[Difference, ...]
    recorded: str
    again: str


def compare(recorded: Tensors, again: Tensors) -> Comparison:
    """Every tensor of `recorded` against the one of the same name in `again`, by hash."""
    hashes = {name: _digest(name, tensor) for name, tensor in recorded.items()}
    rebuilt = {name: _digest(name, tensor) for name, tensor in again.items()}
    names = [*recorded, *(name for name in again if name not in recorded)]
    return Comparison(
        equal=tuple(name for name in names if hashes.get(name) == rebuilt.get(name)),
        different=tuple(
            _difference(name, recorded.get(name), again.get(name))
            for name in names
            if hashes.get(name) != rebuilt.get(name)
        ),
        recorded=_over_all(hashes),
        again=_over_all(rebuilt),
    )


class Outcome(StrEnum):
    """Whether a version, trained again, is the same.

    Members:
        UNTOLD: operations were not deterministic, so other bits say nothing: it ended near the checkpoint,
            as the same training would, and as one of almost the same slices might.
    """

    EQUAL = "equal"
    DIFFERENT = "different"
    UNTOLD = "cannot be told"


def outcome_of(found: Comparison, *, deterministic: bool, apart: float | None) -> Outcome:
    """The outcome of a comparison.

    Args:
        deterministic: whether operations were, both times.
        apart: see `share_of_the_way`.
    """
    if not found.different:
        return Outcome.EQUAL
    rounded = all(one.largest is not None for one in found.different)
    if deterministic or not rounded or apart is None or apart >= 1:
        return Outcome.DIFFERENT
    return Outcome.UNTOLD


def share_of_the_way(recorded: Tensors, again: Tensors, before: Tensors) -> float | None:
    """How far the weights trained again end from the recorded ones, as a share of how far training took them.

    That is |again - recorded| / |recorded - before| over all floating-point tensors that the three have in
    one shape, without those of a Keras model's optimizer: 0 is equal, 1 as far off as no training at all.
    None: nothing moved, or a value is not finite.
    """
    off = moved = 0.0
    for name, was in recorded.items():
        now, first = again.get(name), before.get(name)
        if now is None or first is None or name.startswith("optimizer/") or was.dtype.kind != "f":
            continue
        if was.shape == now.shape == first.shape:
            off += float(np.square(now.astype(np.float64) - was).sum())
            moved += float(np.square(was.astype(np.float64) - first).sum())
    found = np.sqrt(off / moved) if moved else np.nan
    return float(found) if np.isfinite(found) else None


def way(kept: Sequence[bool], *, from_scratch: bool) -> int:
    """The position to train first to reach the last one; those before it are not needed.

    Args:
        kept: by position in the version's ancestry, oldest first, whether its checkpoint is kept.
    """
    before = [] if from_scratch else [at for at, there in enumerate(kept[:-1]) if there]
    return before[-1] + 1 if before else 0


def trained_version(state: LineageState, number: int) -> VersionState:
    """The version. Raises `BadInput`: there is none of that number, or it was never trained to its end."""
    version = state.version(number)
    if version.trained is None:
        done = ", ".join(str(one.version) for one in state.versions.values() if one.trained) or "none yet"
        raise BadInput("version", number, f"a version that was trained to its end: {done}")
    return version


def not_kept(store: Store, version: VersionState, model: str) -> ObjectNotFound:
    """The error when there is nothing to compare with."""
    name = version.trained.manifest if version.trained else ""
    return ObjectNotFound(
        f"the final checkpoint of {model} v{version.version} is not kept, so there is nothing to compare a "
        f"rebuilt one with: no object {store.url}/{name}, or retention removed its chunks",
        safe=NOTHING_WRITTEN,
        next=f"ckpt-ops verify {model} lists the versions whose checkpoints are kept",
    )


def refused(model: str, version: int, changes: Mapping[int, Sequence[str]]) -> TerminalError:
    """The error when today's training would give a different candidate.

    Args:
        changes: by version on the way, what differs.
    """
    by: dict[str, list[str]] = {}
    for number, message in changes.items():
        for one in message:
            by.setdefault(one, []).append(str(number))
    lines = "".join(f"\n  version {', '.join(numbers)}: {message}" for message, numbers in by.items())
    return TerminalError(
        f"{model} v{version} was not trained with today's setup; these differ:{lines}",
        safe=f"nothing was trained, and {NOTHING_WRITTEN}",
        next="git checkout the code that trained it, or --anyway to train with today's setup",
    )


def _digest(name: str, tensor: npt.NDArray[Any]) -> str:
    hasher = blake3.blake3(f"{name}\n{tensor.dtype.name}\n{tensor.shape}\n".encode())
    hasher.update(tensor.tobytes())
    return hasher.hexdigest()


def _over_all(hashes: Mapping[str, str]) -> str:
    return blake3.blake3("\n".join(hashes[name] for name in sorted(hashes)).encode()).hexdigest()


def _difference(name: str, recorded: npt.NDArray[Any] | None, again: npt.NDArray[Any] | None) -> Difference:
    if recorded is None or again is None:
        return Difference(name=name, what="is in the checkpoint only" if again is None else "is new")
    for what, was, now in (
        ("dtype", recorded.dtype.name, again.dtype.name),
        ("shape", recorded.shape, again.shape),
    ):
        if was != now:
            return Difference(name=name, what=f"has {what} {now}, the checkpoint has {was}")
    bits = [one.reshape(-1).view(np.uint8).reshape(one.size, -1) for one in (recorded, again)]
    count = int((bits[0] != bits[1]).any(axis=1).sum())
    with np.errstate(invalid="ignore"):  # infinities
        apart = np.abs(recorded.astype(np.float64) - again.astype(np.float64))
    largest = float(np.max(apart, initial=0.0))
    return Difference(
        name=name,
        what=f"differs in {count:,} of {recorded.size:,} values",
        largest=largest if np.isfinite(largest) else None,
    )
