"""Shows what the next candidate would begin with if `build_model()` is different from the head's.

Building the model takes an interpreter with TensorFlow, so this happens only if the code has changed.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import prod

import numpy as np

from ckpt_ops.candidates.given import given_for
from ckpt_ops.candidates.session import TrainingSession, final_manifest
from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.sound import DTYPES
from ckpt_ops.errors import CkptOpsError, ObjectNotFound, TrainingDied
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.pipeline.code.own import is_code_of_today
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.transfer.moves import Transfer, Variable
from ckpt_ops.transfer.structure import Spec, shown
from ckpt_ops.worker import Ended


@dataclass(frozen=True, kw_only=True)
class TransferRow:
    """One variable.

    Attributes:
        move: see `transfer.moves.Move`.
        source: the parent's name of it; "" if it is new.
        before, after: dtype and shape as text; "" where the variable does not exist.
        nbytes: the size of today's variable.
        kept: the share of the parent's values that go on.
        note: what else happens to it.
    """

    name: str
    move: str
    source: str
    before: str
    after: str
    nbytes: int
    kept: float
    note: str


@dataclass(frozen=True, kw_only=True)
class TransferPreview:
    """The plan of a transfer, for people and as JSON.

    Attributes:
        parent: number of the version that training would go on from.
        same: whether nothing differs.
        message: how many variables go which way.
        objections: why no candidate would be trained as things are.
        next: what to write so that one would.
    """

    parent: int
    same: bool
    message: str
    rows: tuple[TransferRow, ...]
    changed: dict[str, str]
    objections: tuple[str, ...]
    next: str


def preview(pipeline: Pipeline, store: Store, state: LineageState) -> TransferPreview | None:
    """What becomes of the head's variables in today's model; None if its code is today's, or unknown.

    Raises:
        CkptOpsError: an error of `build_model()`, passed on; or the process died, and more.
    """
    named = final_manifest(state, state.head)
    if named is None:
        return None
    try:
        digest = load_manifest(store, named).code_digest
    except ObjectNotFound:  # retention removed it: nothing can be trained from it either
        return None
    if not digest or is_code_of_today(pipeline, digest):
        return None

    def died(ended: Ended) -> CkptOpsError:
        return TrainingDied(
            f"the process that builds the model of {pipeline.name} {ended.message}",
            safe="nothing was written",
            next=f"the whole log is {ended.log}",
        )

    request = ModelRequest(pipeline=pipeline.name, store=store.url, version=state.head or 0)
    return run_work(preview_apart, request, pipeline, named="plan", died=died)


def preview_apart(request: ModelRequest) -> TransferPreview:
    """Build the model and plan; nothing is trained or written."""
    pipeline, store = request.opened()
    state = ModelLog(store, pipeline.name).state()
    given = given_for(pipeline, store, state, state.head, state.pending())
    session = TrainingSession(pipeline, store, from_nothing=False, given=given)
    parent = session.parent(final_manifest(state, request.version))
    if parent is None:
        raise ObjectNotFound(f"version {request.version} of {pipeline.name} has no checkpoint")
    return preview_of(parent.transfer, parent=request.version)


def preview_of(transfer: Transfer, *, parent: int) -> TransferPreview:
    """The preview of a transfer."""
    return TransferPreview(
        parent=parent,
        same=transfer.same,
        message=transfer.message,
        rows=tuple(map(_row, transfer.variables)),
        changed=dict(transfer.changed),
        objections=transfer.objections,
        next=transfer.next,
    )


def _row(variable: Variable) -> TransferRow:
    before, after = variable.before, variable.after
    size = prod(before.shape) if before else 0
    return TransferRow(
        name=shown(variable.name),
        move=variable.move.value,
        source=shown(variable.source),
        before=str(before or ""),
        after=str(after or ""),
        nbytes=_nbytes(after),
        kept=variable.kept / size if size else 0.0,
        note=_note(variable),
    )


def _note(variable: Variable) -> str:
    notes = []
    if variable.source and variable.after and shown(variable.source) != shown(variable.name):
        notes.append(f"was {shown(variable.source)}")
    if any(axis.moved for axis in variable.axes):
        notes.append("values follow what they stand for")
    if variable.zero_along is not None:
        notes.append("new inputs start at zero")
    if variable.like:
        notes.append(f"starts as {shown(variable.like)}")
    return "; ".join(notes)


def _nbytes(spec: Spec | None) -> int:
    return prod(spec.shape) * np.dtype(DTYPES[spec.dtype]).itemsize if spec else 0
