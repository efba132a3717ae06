"""What a training begins with: its rows, their order, and what it goes on from, all of it looked at first."""

from __future__ import annotations

from dataclasses import dataclass

from ckpt_ops.candidates.data import TrainingData, batch_order, consumed_before, counted_before, load_data
from ckpt_ops.candidates.parent import Parent
from ckpt_ops.candidates.preflight import preflight
from ckpt_ops.candidates.session import TrainingSession, final_manifest
from ckpt_ops.candidates.settings import draws_by_slice, seeing_history, trained_as
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.training import BatchOrder


@dataclass(frozen=True, kw_only=True, eq=False)
class Prepared:
    """Attributes:
    pipeline: with the settings that the version is trained with.
    parent: the checkpoint to go on from; None without one.
    """

    pipeline: Pipeline
    parent: Parent | None
    data: TrainingData
    order: BatchOrder


def prepare(session: TrainingSession, state: LineageState, version: VersionState) -> Prepared:
    """Load the version's rows and look at model, rows and settings before anything is opened or trained.

    Raises:
        ModelCodeError and more, as `load_data` and `preflight`.
    """
    parent = session.parent(final_manifest(state, version.parent))
    transferred = parent is not None and not parent.transfer.same
    pipeline, data = loaded(session, state, version, transferred=transferred)
    order = batch_order(pipeline, version, data)
    preflight(
        pipeline,
        session.store,
        model=session.model,
        step=session.step,
        schedules=session.schedules,
        variables=session.variables,
        examples=data.learn,
        order=order,
        parent=parent,
        replicas=session.replicas,
    )
    return Prepared(pipeline=pipeline, parent=parent, data=data, order=order)


def loaded(
    session: TrainingSession, state: LineageState, version: VersionState, *, transferred: bool
) -> tuple[Pipeline, TrainingData]:
    """The pipeline with the settings that the version is trained with, and its rows.

    Args:
        transferred: it begins with a transfer.
    """
    pipeline, consumed = trained_as(session.pipeline, version.started.again), consumed_before(state, version)
    if transferred and version.started.again is None:
        pipeline, consumed = seeing_history(pipeline, consumed)
    by_slice = draws_by_slice(session.pipeline, state, version)
    data = load_data(
        pipeline,
        session.store,
        version,
        consumed,
        code=session.columns_of,
        by_slice=by_slice,
        counted=counted_before(state, version),
    )
    return pipeline, data
