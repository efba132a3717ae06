"""One attempt at a candidate: from its last committed checkpoint to the end, in a process with TensorFlow.

All it needs is in the store: the model's log says what to train on and which version to resume from;
the candidate's own log says how far an earlier attempt came. The candidate is opened in the model's log,
and an attempt at it starts, only after the user's functions returned a model and examples: code that
raises leaves no trace there.
"""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from typing import Any

from ckpt_ops.candidates.as_served.version import predictions_of
from ckpt_ops.candidates.champion import ChampionScore, score
from ckpt_ops.candidates.checkpoints import candidate_checkpoints
from ckpt_ops.candidates.data import (
    TrainingData,
    running_average,
)
from ckpt_ops.candidates.early_stopping import lookout
from ckpt_ops.candidates.given import keep
from ckpt_ops.candidates.opening import open_candidate, same
from ckpt_ops.candidates.parent import Parent, agreement
from ckpt_ops.candidates.past import PastExamples, load_past
from ckpt_ops.candidates.policy import policy_answer
from ckpt_ops.candidates.prepared import prepare
from ckpt_ops.candidates.results import write_results, write_transfer
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.candidates.slice_rows import StoredRows
from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.layer_state import restore_model
from ckpt_ops.errors import TrainingDiverged
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionState
from ckpt_ops.lineage.candidate_log import Commit, TrainingEnd
from ckpt_ops.lineage.records import CandidateStarted
from ckpt_ops.pipeline.code.kept import keep_code
from ckpt_ops.store.named import Noting
from ckpt_ops.training import BatchOrder, Trainer
from ckpt_ops.training.divergence import cause_of
from ckpt_ops.training.pace import HowFar
from ckpt_ops.transfer.document import TransferDocument, document_of
from ckpt_ops.worker import AttemptBegan, AttemptEnded, Phase, PhaseBegan, StepsDone, tell


def attempt(
    session: TrainingSession,
    log: ModelLog,
    wanted: CandidateStarted,
    propose: Callable[[LineageState], CandidateStarted | None],
    *,
    ask_policy: bool,
) -> int:
    """Train `wanted` to its end, or find that it was trained; returns the number of its version.

    Args:
        propose: see `open_candidate`.
        ask_policy: end it as deferred when the policy, given the champion's score, finds no update due.

    Raises:
        LineageMoved, ModelCodeError, Fenced and more.
    """
    store, model = session.store, session.pipeline.name
    state = log.state()  # building the model took seconds, and others write to the log
    wanted = same(propose(state), wanted, model=model)
    version = state.versions.get(wanted.version) or VersionState.opened(wanted)
    if CandidateLog(store, model, version.version).progress().result is not None:
        print(f"version {version.version} is trained already", flush=True)
        return version.version
    tell(PhaseBegan(phase=Phase.DATA, version=version.version))
    ready = prepare(session, state, version)
    pipeline, parent, data, order = ready.pipeline, ready.parent, ready.data, ready.order
    version = open_candidate(log, wanted, propose)
    number = version.version
    candidate = CandidateLog(store, pipeline.name, number)
    ours = candidate.start_attempt()
    # An earlier attempt is fenced off now: training goes on from what it has committed.
    progress = candidate.progress()
    resumes_at = progress.commits[-1].step if progress.commits else 0
    slices = tuple(ref.key for ref in version.slices)
    tell(AttemptBegan(version=number, attempt=progress.attempts, step=resumes_at, slices=slices))
    past = load_past(pipeline, store, state, version)
    champion = _score_champion(session, state, version, data, past)
    scores = dict(champion.slices) if champion else {}
    some = {"scored_rows": dict(champion.scored_rows)} if champion and champion.scored_rows else {}
    decision: dict[str, Any] = {}
    if ask_policy:
        newest = version.slices[-1].key
        # where examples() left none of its rows, no metric has a value
        of_newest = scores.get(newest, {}) if champion and not champion.missing else None
        asked = policy_answer(pipeline, store, state, version.slices, score=of_newest)
        message, due = asked.message, asked.due
        if champion and champion.missing and due is None:  # else nothing would ever be trained again
            message, due = f"due: the champion cannot be asked as it is served ({message})", True
        print(f"policy on slice {newest}: {message}", flush=True)
        decision = {"words": message, "numbers": dict(asked.numbers)}
        if due is not True:
            ended = {
                "outcome": TrainingEnd.DEFERRED,
                "why": asked.message,
                "numbers": decision["numbers"],
            }
            ours.end({**ended, "scores": scores, **some})
            tell(AttemptEnded(message="not trained: no update is due"))
            return number
    if champion is not None or parent is not None:
        session.go_on_from(parent)
    evolved = _evolved(session, version, data, champion, parent)
    session.begin()
    if session.replicas is not None:  # the others begin there, too: see `helping`
        session.replicas.of_first(number), session.replicas.of_first(resumes_at)
    noting = Noting(store)
    given = keep(noting, pipeline.name, number, session.given)
    code = keep_code(store, pipeline, session.code)  # before anything is trained with it
    average = running_average(pipeline, session.variables, order, at=resumes_at)
    looks = lookout(pipeline, session.model, session.variables, data, session.replicas)
    extra = [one.variables for one in (average, looks) if one is not None]
    try:
        with candidate_checkpoints(
            pipeline,
            store,
            version,
            ours,
            model=session.model,
            state=session.state,
            variables=ChainMap(session.variables, *extra),
            data=data,
            parent=parent,
            held=session.held,
            kept=given,
            commits=progress.commits,
            replicas=session.replicas,
        ) as checkpoints:
            tell(PhaseBegan(phase=Phase.TRAINING))
            trained = Trainer(
                model=session.model,
                examples=data.learn,
                order=order,
                budget=pipeline.budget,
                checkpoints=checkpoints,
                progress=print_progress,
                average=average,
                lookout=looks,
                step=session.step,
                replicas=session.replicas,
            ).train()
    except TrainingDiverged as diverged:
        commits = candidate.progress().commits
        why = _why(session, diverged, data, order, parent, commits[-1] if commits else None)
        ours.end({"outcome": TrainingEnd.DIVERGED, "step": diverged.step, "why": why})
        tell(AttemptEnded(message=f"training diverged: {why}"))
        return number
    tell(PhaseBegan(phase=Phase.EXPORTING))
    artifacts = write_results(
        pipeline, noting, version, ours.token, session.on_one_device(), data, champion, past
    )
    artifacts["code"] = code
    artifacts |= {kind: named.name for kind, named in given.items()}
    if evolved is not None:
        artifacts["transfer"] = write_transfer(noting, pipeline.name, version, ours.token, evolved)
    ours.end(
        {
            "outcome": TrainingEnd.TRAINED,
            "step": trained.step,
            "stopped_by": trained.stopped_by.value,
            "seconds": trained.seconds,
            "artifacts": artifacts,
            "files": [asdict(one) for one in noting.written],
            "decision": decision,
            "scores": scores,
            **some,
        }
    )
    tell(AttemptEnded(message=f"trained {trained.step} steps, ended by {trained.stopped_by.value}"))
    return number


def _evolved(
    session: TrainingSession,
    version: VersionState,
    data: TrainingData,
    champion: ChampionScore | None,
    parent: Parent | None,
) -> TransferDocument | None:
    """What the transfer that was just carried out came to; None where the parent was taken as it is."""
    if parent is None or parent.transfer.same or version.parent is None:
        return None
    beside = champion if version.champion == version.parent else None
    agreed = agreement(session.model, data.holdout, beside)
    print(f"transferred from version {version.parent}: {parent.transfer.message}", flush=True)
    if agreed is not None:
        far = f"{agreed.max_abs_difference:.2g} at most, over {agreed.rows:,} held-out rows"
        print(f"before its first step it differs from version {version.parent} by {far}", flush=True)
    return document_of(
        parent.transfer,
        session.pipeline.evolve,
        parent=version.parent,
        manifest=parent.named.name,
        agreement=agreed,
    )


def _why(
    session: TrainingSession,
    diverged: TrainingDiverged,
    data: TrainingData,
    order: BatchOrder,
    parent: Parent | None,
    commit: Commit | None,
) -> str:
    """What diverged, and which operation caused it: its steps since the last commit are repeated."""
    alone = replace(session.pipeline, distribution=None)  # what is not finite is so on one device, too
    fresh = TrainingSession(alone, session.store, from_nothing=parent is None, given=session.given)
    fresh.go_on_from(parent)
    fresh.begin()
    if commit is not None:
        manifest = load_manifest(session.store, commit.named)
        restore_model(session.store, manifest, fresh.model, fresh.variables, fresh.state)
    at = commit.step if commit else 0
    cause = cause_of(fresh.model, data.learn, order, at=at, step=diverged.step)
    return f"{diverged.found}; {cause.message}" if cause else diverged.found


def _score_champion(
    session: TrainingSession,
    state: LineageState,
    version: VersionState,
    data: TrainingData,
    past: PastExamples | None,
) -> ChampionScore | None:
    """As it is served, not as today's code would have it.

    The champion of a rebase was trained on some of the slices: it is not scored on those.
    """
    number = version.champion
    if number is None:
        return None
    seen = {ref.key for one in state.ancestry(number) for ref in one.slices}
    unseen = [ref.key for ref in version.slices if ref.key not in seen]
    ask = partial(predictions_of, session.pipeline, session.store, state, number)
    rows = StoredRows(session.pipeline, session.store)
    return score(ask, session.pipeline, rows, version, data, unseen=unseen, past=past)


def print_progress(how_far: HowFar) -> None:
    """Report the progress of a training."""
    tell(
        StepsDone(
            step=how_far.step,
            last=how_far.last,
            metrics=how_far.metrics,
            rows_per_second=how_far.rows_per_second,
            steps_per_second=how_far.steps_per_second,
            seconds_left=how_far.seconds_left,
            stall_seconds=how_far.stall_seconds,
            save_every=how_far.save_every,
            phase=Phase.SAVING if how_far.ended else Phase.TRAINING,
        )
    )
