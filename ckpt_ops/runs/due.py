"""The rebase that is due and what a backfill would do, for a page that must not run users' code.

The answer needs the pipeline's description and its source, so `due` runs in a process of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from ckpt_ops.candidates.transfer_preview import TransferPreview, preview
from ckpt_ops.errors import CkptOpsError, TerminalError
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.production import taint_view
from ckpt_ops.pipeline.loading import load_intake, load_pipeline
from ckpt_ops.pipeline.naming import file_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.rebase.view import plan_view
from ckpt_ops.runs.backfill import SlicePlan, plan_backfill
from ckpt_ops.store import Store, open_store

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class DueRequest:
    """What is asked.

    Attributes:
        folder: the folder of DAGs.
        store: its address.
        start, end, expected: see `plan_backfill`.
    """

    model: str
    folder: Path
    store: str
    start: datetime
    end: datetime
    expected: tuple[datetime, ...] | None = None


@dataclass(frozen=True, kw_only=True)
class Due:
    """The state of the model, and what a backfill of the range would do.

    Attributes:
        kind: "model", or "intake" where there is no model: then only `source`, its name, is set.
        head: the version in production.
        held: why the model is on hold; None: it is not.
        tainted, rebase: as `taint_view` and `plan_view` have it.
        slices: None when the source could not be asked; `problem` says why.
    """

    kind: str
    source: str
    head: int | None = None
    held: str | None = None
    tainted: Mapping[str, Any] | None = None
    rebase: Mapping[str, Any] | None = None
    slices: tuple[SlicePlan, ...] | None = None
    problem: str = ""


def due(request: DueRequest) -> Due:
    """Answer.

    Raises:
        TerminalError: the pipeline cannot be loaded.
        StoreUnavailable and the like: the log cannot be read.
    """
    name = request.model
    intake = calling_user_code(file_of(name), lambda: load_intake(name, request.folder))
    if not isinstance(intake, Pipeline):
        return Due(kind="intake", source=intake.source.name)
    store = open_store(request.store)
    state = ModelLog(store, name).state()
    slices, problem = None, ""
    try:
        slices = calling_user_code(f"source {intake.source.name}", lambda: _slices(intake, store, request))
    except CkptOpsError as error:
        problem = str(error)
    return Due(
        kind="model",
        source=intake.source.name,
        head=state.head,
        held=state.held,
        tainted=taint_view(state),
        rebase=plan_view(intake, state),
        slices=slices,
        problem=problem,
    )


@dataclass(frozen=True, kw_only=True)
class TransferRequest:
    """What is asked: see `DueRequest`."""

    model: str
    folder: Path
    store: str


@dataclass(frozen=True, kw_only=True)
class TransferDue:
    """What a changed model would begin with; None: its code is unchanged, or nothing is in production."""

    preview: TransferPreview | None


def transfer_due(request: TransferRequest) -> TransferDue:
    """Answer. A changed model is built in one more process, with TensorFlow.

    Raises:
        TerminalError: the pipeline cannot be loaded.
        CkptOpsError: as `transfer_preview.preview`.
    """
    name = request.model
    pipeline = calling_user_code(file_of(name), lambda: load_pipeline(name, request.folder))
    store = open_store(request.store)
    state = ModelLog(store, name).state()
    return TransferDue(preview=preview(pipeline, store, state))


def _slices(pipeline: Pipeline, store: Store, request: DueRequest) -> tuple[SlicePlan, ...]:
    return tuple(plan_backfill(pipeline, store, request.start, request.end, expected=request.expected))


def calling_user_code(what: str, call: Callable[[], T]) -> T:
    """What the call returns. Users' code may raise anything: `TerminalError` says what it raised."""
    try:
        return call()
    except CkptOpsError:
        raise
    except Exception as error:
        raise TerminalError(
            f"{what} raised {type(error).__name__}: {error}",
            safe="nothing was written",
            next=f"fix {what}, then ask again",
        ) from error
