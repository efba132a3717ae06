"""Opens a candidate in the log, as long as it is still the one to train."""

from __future__ import annotations

from collections.abc import Callable

from ckpt_ops.candidates.proposal import propose
from ckpt_ops.errors import LineageMoved
from ckpt_ops.lineage import LineageState, ModelLog, VersionState
from ckpt_ops.lineage.records import CandidateStarted, Record
from ckpt_ops.pipeline.code.digests import digests_of
from ckpt_ops.pipeline.pipeline import Pipeline


def proposed(pipeline: Pipeline, state: LineageState, key: str) -> CandidateStarted | None:
    """The record that opens, or has opened, a candidate for the slice; None when nothing is to be trained.

    The code is read each time, so a change since it was imported is noticed.
    """
    candidate = propose(pipeline, state, key, digests=digests_of(pipeline)).candidate
    return None if candidate is None else candidate.record()


def open_candidate(
    log: ModelLog, wanted: CandidateStarted, propose: Callable[[LineageState], CandidateStarted | None]
) -> VersionState:
    """Open `wanted` under the next version number; one that is open keeps its number.

    Args:
        propose: returns the record that opens, or has opened, what is to be trained in a state; None when
            nothing is.

    Raises:
        LineageMoved: that is a different candidate by now, or none.
    """
    number = wanted.version

    def choose(state: LineageState) -> Record | None:
        nonlocal number
        record = same(propose(state), wanted, model=log.model)
        number = record.version
        return None if number in state.versions else record

    return log.decide(choose).versions[number]


def same(found: CandidateStarted | None, wanted: CandidateStarted, *, model: str) -> CandidateStarted:
    """`found`, when it is the candidate that was wanted: by id and parent, not by number.

    Raises:
        LineageMoved: it is a different one, or none.
    """
    if found is None or (found.candidate, found.parent) != (wanted.candidate, wanted.parent):
        raise moved(model)
    return found


def moved(model: str) -> LineageMoved:
    """The error when what is to be trained has changed since the run asked for it."""
    return LineageMoved(
        f"while the model was built, the history of {model} or its code changed: there is a different "
        "candidate to train now, or none",
        safe="nothing was trained, no version or checkpoint was added; the champion serves on",
        next="nothing: a retry plans again",
    )
