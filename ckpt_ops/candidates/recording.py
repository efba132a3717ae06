"""From a candidate's own log to the model's: how its training ended."""

from __future__ import annotations

from ckpt_ops.documents import read_as, reading
from ckpt_ops.errors import TrainingDied, TrainingDiverged
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionStatus
from ckpt_ops.lineage.candidate_log import TrainingEnd
from ckpt_ops.lineage.records import CandidateTrained, Record, Rejected, UpdateDeferred
from ckpt_ops.store import Store
from ckpt_ops.store.named import Written


def record_result(log: ModelLog, store: Store, number: int) -> LineageState:
    """Record in the model's log how the training of version `number` ended, once.

    Raises:
        TrainingDied: its own log has no result.
        TrainingDiverged: it diverged, and the version is rejected: the same steps would diverge again.
    """
    progress = CandidateLog(store, log.model, number).progress()
    result = progress.result
    if result is None:
        raise TrainingDied(f"the training process of {log.model} v{number} left no result")

    with reading(f"models/{log.model}/v{number}/log", "log of a training that ended"):
        files = read_as(tuple[Written, ...], result.get("files", []), at="result.files")

    def choose(state: LineageState) -> Record | None:
        version = state.versions[number]
        if version.status is not VersionStatus.STARTED:
            return None
        if result["outcome"] == TrainingEnd.DEFERRED:
            return UpdateDeferred(
                slice=version.slices[-1],
                numbers=result["numbers"],
                version=number,
                scores=result.get("scores", {}),
                scored_rows=result.get("scored_rows", {}),
                reason=result["why"],
            )
        if result["outcome"] == TrainingEnd.DIVERGED:
            return Rejected(version=number, champion=version.champion, reason=result["why"])
        return CandidateTrained(
            version=number,
            step=result["step"],
            stopped_by=result["stopped_by"],
            checkpoints=len({commit.step for commit in progress.commits}),
            manifest=progress.commits[-1].manifest,
            manifest_digest=progress.commits[-1].digest,
            artifacts=result["artifacts"],
            files=files,
            uploaded=sum(commit.uploaded for commit in progress.commits),
            seconds=result.get("seconds", 0.0),
            decision=result.get("decision", {}),
            scores=result.get("scores", {}),
            scored_rows=result.get("scored_rows", {}),
            reason=f"{result['step']} steps, ended by {result['stopped_by']}",
        )

    state = log.decide(choose)
    if result["outcome"] == TrainingEnd.DIVERGED:
        raise TrainingDiverged(result["step"], result["why"])
    return state
