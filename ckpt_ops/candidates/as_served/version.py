"""What a version of a model predicts on rows: by its export, in this process or in one with its own code."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import replace

from ckpt_ops.candidates.as_served.asked import Answers, Rows, Scores, inputs_for
from ckpt_ops.candidates.as_served.exported import exported, served
from ckpt_ops.candidates.as_served.other_code import ask_elsewhere
from ckpt_ops.candidates.given import of_version
from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.errors import CkptOpsError, Corrupt, NotAsServed, ObjectNotFound, TransientError, first_line
from ckpt_ops.lineage import LineageState, VersionState
from ckpt_ops.lineage.records import CandidateTrained
from ckpt_ops.outputs import cut_to, numbers
from ckpt_ops.pipeline.code.kept import Kept, read_code
from ckpt_ops.pipeline.code.own import is_code_of_today
from ckpt_ops.pipeline.of_version import of_given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store

_LONGEST = 500


def predictions_of(
    pipeline: Pipeline, store: Store, state: LineageState, version: int, asked: Sequence[Rows]
) -> Answers:
    """What the version predicts on each set of rows.

    Raises:
        NotAsServed: it cannot be asked. Whoever needs it for a verdict must not take that for a pass.
        StoreUnavailable, TrainingDied and other `TransientError`: it could not be asked now.
    """
    try:
        found = state.versions[version]
        trained = found.trained
        if trained is None or "export" not in trained.artifacts:
            raise NotAsServed("it has no export")
        given = of_version(store, pipeline.name, found)
        if _is_of_today(pipeline, store, trained):
            answers = Answers(scores=_here(of_given(pipeline, given), store, found, asked))
            gc.collect()  # it was a second model in memory, beside the one that trains
        else:
            code = _code(store, trained)
            with exported(store, found) as export:
                answers = ask_elsewhere(pipeline, code, given, export, asked)
        cut = (cut_to(one, rows.positions) for one, rows in zip(answers.scores, asked, strict=True))
        return replace(answers, scores=list(cut))
    except (ObjectNotFound, Corrupt, NotAsServed) as error:
        raise NotAsServed(
            f"version {version} could not be evaluated as it is served: {_short(error.what)}",
            safe="it serves on as before",
            next=error.next,
        ) from error


def _is_of_today(pipeline: Pipeline, store: Store, trained: CandidateTrained) -> bool:
    try:
        return is_code_of_today(pipeline, load_manifest(store, trained.final).code_digest)
    except ObjectNotFound:  # its checkpoint was pruned; its export and its code may still be there
        return False


def _code(store: Store, trained: CandidateTrained) -> Kept:
    name = trained.artifacts.get("code")
    if name is None:
        raise NotAsServed(
            "it was trained with different code from today's, and none was kept then",
            next="train once with the code of that time, if it is known",
        )
    try:
        return read_code(store, name)
    except ObjectNotFound as error:
        raise NotAsServed(
            f"it was trained with different code from today's, and its kept copy is gone: {name}",
            next="restore the object from a replica, or from the bucket's versions",
        ) from error


def _here(pipeline: Pipeline, store: Store, version: VersionState, asked: Sequence[Rows]) -> list[Scores]:
    """The inputs are made already, by the same code; or are made again, with the version's vocabularies."""
    pipeline.numerics.begin()
    with exported(store, version) as folder:
        try:
            ask = served(folder)
            return [numbers(ask(inputs_for(pipeline, rows))) for rows in asked]
        except TransientError:
            raise
        except CkptOpsError as error:
            raise NotAsServed(error.what) from error
        except Exception as error:  # whatever TensorFlow raises: it is not this run's fault
            what = f"its export does not answer: {type(error).__name__}: {first_line(error)}"
            raise NotAsServed(what) from error


def _short(what: str) -> str:
    """It goes into verdicts, which hold no rows: an error of user code may end in one."""
    line = what.partition("\n")[0]
    return line if len(line) <= _LONGEST else f"{line[:_LONGEST]} ..."
