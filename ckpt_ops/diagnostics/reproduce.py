"""The process that rebuilds a version from its lineage and compares.

`reproduction` decides from where, and what is compared.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from ckpt_ops.candidates.given import of_version
from ckpt_ops.candidates.one_model import OneModel
from ckpt_ops.candidates.session import final_manifest
from ckpt_ops.checkpoints import Manifest, read_tensors
from ckpt_ops.checkpoints.placement import placement_of
from ckpt_ops.diagnostics.reproduction import (
    Comparison,
    Difference,
    Outcome,
    compare,
    not_kept,
    outcome_of,
    refused,
    share_of_the_way,
    trained_version,
    way,
)
from ckpt_ops.diagnostics.retrain import changed, died_without_a_trace, kept_checkpoint, retrain
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.code.then import code_of_version
from ckpt_ops.pipeline.model_work import ModelRequest, run_work
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store
from ckpt_ops.worker import Note, Progress, tell


@dataclass(frozen=True, kw_only=True)
class ReproduceRequest(ModelRequest):
    """Rebuild `version`."""

    from_scratch: bool
    anyway: bool


@dataclass(frozen=True, kw_only=True)
class TrainedAgain:
    """A version that was trained on the way.

    Attributes:
        stopped_by: what ended its recorded training.
        equal: whether it equals its checkpoint to the bit; None: that is not kept.
    """

    version: int
    slices: tuple[str, ...]
    steps: int
    stopped_by: str | None
    equal: bool | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class Reproduced:
    """The result.

    Attributes:
        begins_at: the version that it was trained from, or None.
        equal, different: names of tensors, and how they differ.
        recorded, again: hashes over all tensors.
        changes: what differs today, by version: a list of texts.
        outcome: whether it is the same.
        apart: as `share_of_the_way`; None where operations are deterministic.
        placed, placed_again: where and with which numbers it was trained, then and for this; "" where its
            checkpoint does not say.
    """

    begins_at: int | None
    trained: tuple[TrainedAgain, ...]
    equal: tuple[str, ...]
    different: tuple[Difference, ...]
    recorded: str
    again: str
    changes: Mapping[str, Any]
    outcome: Outcome
    apart: float | None = None
    placed: str = ""
    placed_again: str = ""

    def to_json(self) -> dict[str, Any]:
        return {
            **asdict(self),
            "trained": [{**asdict(one), "slices": list(one.slices)} for one in self.trained],
            "equal": list(self.equal),
            "different": [asdict(one) for one in self.different],
        }


def run_reproduce(
    pipeline: Pipeline,
    store: Store,
    version: int,
    *,
    from_scratch: bool,
    anyway: bool,
    progress: Callable[[Progress], None],
) -> Reproduced:
    """Rebuild the version in a process of its own; returns what `reproduce` does.

    Raises:
        TrainingDied: the process ended without an answer.
        CkptOpsError: what the checks, restoring or training raised, as they raised it.
    """
    request = ReproduceRequest(
        pipeline=pipeline.name, store=store.url, version=version, from_scratch=from_scratch, anyway=anyway
    )
    died = died_without_a_trace(f"rebuilding {pipeline.name} v{version}")
    found = trained_version(ModelLog(store, pipeline.name).state(), version)
    with code_of_version(pipeline, store, found) as code:
        return run_work(
            reproduce_apart, request, pipeline, named="reproduce", code=code, progress=progress, died=died
        )


def reproduce_apart(request: ReproduceRequest) -> Reproduced:
    """As `reproduce`."""
    pipeline, store = request.opened()
    return reproduce(
        pipeline, store, request.version, from_scratch=request.from_scratch, anyway=request.anyway
    )


def reproduce(
    pipeline: Pipeline, store: Store, number: int, *, from_scratch: bool = False, anyway: bool = False
) -> Reproduced:
    """Train version `number` again, from the nearest kept ancestor or from scratch, and compare it.

    Raises:
        BadInput: no such version, or it was never trained to its end.
        ObjectNotFound: its checkpoint is not kept, or a slice to train on again is gone.
        TerminalError: today's code, settings or libraries differ, and `anyway` was not given.
    """
    state = ModelLog(store, pipeline.name).state()
    version = trained_version(state, number)
    line = state.ancestry(number)
    manifests = [kept_checkpoint(store, state, one) for one in line]
    if manifests[-1] is None:
        raise not_kept(store, version, pipeline.name)
    begin = way([manifest is not None for manifest in manifests], from_scratch=from_scratch)
    changes = {
        one.version: list(found.values())
        for one, manifest in zip(line[begin:], manifests[begin:], strict=True)
        if (found := changed(pipeline, state, one, manifest))
    }
    if changes and not anyway:
        raise refused(pipeline.name, number, changes)
    given = of_version(store, pipeline.name, line[begin])
    model = OneModel(pipeline, store, from_nothing=begin == 0)
    model.go_on_from(given, final_manifest(state, line[begin - 1].version) if begin else None)
    deterministic = pipeline.numerics.deterministic and all(map(_was_deterministic, manifests[begin:]))
    apart = None
    trained: list[TrainedAgain] = []
    compared: dict[int, Comparison] = {}
    for one, manifest in zip(line[begin:], manifests[begin:], strict=True):
        began = time.monotonic()
        model.go_on(of_version(store, pipeline.name, one))
        before = {} if deterministic or one.version != number else model.session.copy_values()
        steps = retrain(model.session, state, one).step
        seconds = time.monotonic() - began
        if manifest is not None:
            recorded, again = read_tensors(store, manifest), model.session.copy_values()
            compared[one.version] = compare(recorded, again)
            apart = share_of_the_way(recorded, again, before) if before else None
        same = not compared[one.version].different if manifest is not None else None
        trained.append(
            TrainedAgain(
                version=one.version,
                slices=tuple(ref.key for ref in one.slices),
                steps=steps,
                stopped_by=one.trained.stopped_by if one.trained else None,
                equal=same,
                seconds=seconds,
            )
        )
        outcome = {True: "equal to its checkpoint", False: "not its checkpoint", None: "not kept"}[same]
        tell(Note(text=f"version {one.version}: {steps} steps, {outcome}"))
    result, placed = compared[number], manifests[-1].placement
    now = placement_of(
        model.session.model,
        model.session.variables.values(),
        deterministic=pipeline.numerics.deterministic,
    )
    return Reproduced(
        begins_at=line[begin - 1].version if begin else None,
        trained=tuple(trained),
        equal=result.equal,
        different=result.different,
        recorded=result.recorded,
        again=result.again,
        changes={str(number): message for number, message in changes.items()},
        outcome=outcome_of(result, deterministic=deterministic, apart=apart),
        apart=apart,
        placed=placed.message if placed else "",
        placed_again=now.message if placed else "",
    )


def _was_deterministic(manifest: Manifest | None) -> bool:
    """Older checkpoints do not say, as all were."""
    return manifest is None or manifest.placement is None or manifest.placement.deterministic
