"""One attempt at a candidate: from its last committed checkpoint to the end, in a process with TensorFlow.

All it needs is in the store: the model's log says what to train on and which version to resume from;
the candidate's own log says how far an earlier attempt came. The candidate is opened in the model's log,
and an attempt at it starts, only after the user's functions returned a model and examples: code that
raises leaves no trace there.
"""

from __future__ import annotations

import time
from collections import ChainMap
from collections.abc import Callable, Mapping
from dataclasses import asdict
from functools import cached_property, partial
from typing import Any

from ckpt_ops.candidates.as_served.version import predictions_of
from ckpt_ops.candidates.champion import ChampionScore, score
from ckpt_ops.candidates.checkpoints import candidate_checkpoints
from ckpt_ops.candidates.data import (
    TrainingData,
    batch_order,
    consumed_before,
    load_data,
    running_average,
)
from ckpt_ops.candidates.early_stopping import lookout
from ckpt_ops.candidates.given import keep, of_manifest
from ckpt_ops.candidates.opening import open_candidate, same
from ckpt_ops.candidates.parent import Parent, agreement, is_rate, parent_of, structure_of
from ckpt_ops.candidates.past import PastExamples, load_past
from ckpt_ops.candidates.policy import policy_answer
from ckpt_ops.candidates.preflight import preflight
from ckpt_ops.candidates.results import write_results, write_transfer
from ckpt_ops.candidates.settings import seeing_history, trained_as
from ckpt_ops.candidates.slice_rows import StoredRows
from ckpt_ops.checkpoints import load_manifest, model_variables, read_tensors
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.checkpoints.layer_state import layer_state, restore_model, settle
from ckpt_ops.errors import BadInput, TerminalError, TrainingDiverged
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionState
from ckpt_ops.lineage.candidate import Commit, TrainingEnd
from ckpt_ops.lineage.records import CandidateStarted
from ckpt_ops.pipeline.code.kept import keep_code
from ckpt_ops.pipeline.code.own import code_of
from ckpt_ops.pipeline.given import Given
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import build_model
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named, Noting
from ckpt_ops.training import BatchOrder, Schedules, Trainer
from ckpt_ops.training.divergence import cause_of
from ckpt_ops.training.schedules import ScheduleStarts
from ckpt_ops.training.step_function import Step, step_function
from ckpt_ops.transfer.carrying import carried
from ckpt_ops.transfer.document import TransferDocument, document_of
from ckpt_ops.worker import StepsDone, tell


class TrainingSession:
    """A pipeline's model, built once, on which candidates are trained one after the other.

    Args:
        given: what `build_model` is given for the candidate; None for what measures several versions.
        from_nothing: a candidate without a parent will be trained on it: keep the initial values.

    Attributes:
        code: as it was when it built the model.
        rates: the learning rate as `build_model` made it, by the name of its variable.
        state: what layers hold beside variables, as `build_model` made it.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        store: Store,
        *,
        from_nothing: bool = True,
        given: Given | None = None,
    ) -> None:
        self.given = _of_any_version(pipeline, store) if given is None else given
        began = time.monotonic()
        print("importing TensorFlow", flush=True)
        self.pipeline, self.store = pipeline, store
        self.code = code_of(pipeline)  # read first: `same` notices code that changes while it is imported
        self.model = build_model(pipeline, self.given)
        print(f"model built after {time.monotonic() - began:.1f} s", flush=True)
        self.variables: dict[str, Any] = model_variables(self.model)
        self.state = layer_state(self.model)
        self._initial = self.copy_values() if from_nothing else None
        self.schedules = ScheduleStarts(self.model)
        self.rates = {name: self.variables[name].numpy() for name in self.variables if is_rate(name)}
        self.structure = structure_of(self.model, self.variables, self.state, self.given)
        self._as_built = True
        self._held: dict[str, Any] = {}

    def restore_at(self, manifest: Named | None) -> None:
        """Set every variable as the checkpoint has it; None: as `build_model` made it.

        The learning rate of optimizers stays as today's `build_model` sets it: Keras keeps it among the
        optimizer's variables, and whoever edits it means the candidates that come. Elsewhere in a model, a
        variable of that name is state like any other.

        Raises:
            ObjectNotFound, Corrupt, IncompatibleCheckpoint: as `restore_model`.
        """
        if manifest is not None:
            found = load_manifest(self.store, manifest)
            self._as_built = False
            restore_model(self.store, found, self.model, self.variables, self.state)
            self.assign(self.rates)
        else:
            self.assign(self._as_initialized())

    def parent(self, manifest: Named | None) -> Parent | None:
        """The checkpoint to go on from, and what becomes of it in this model; None: of none."""
        if manifest is None:
            return None
        found = load_manifest(self.store, manifest)
        return parent_of(self.store, manifest, found, self.structure, self.pipeline.evolve)

    def go_on_from(self, parent: Parent | None) -> None:
        """As `restore_at`; a parent of another structure is transferred.

        Raises:
            ObjectNotFound, Corrupt: its checkpoint is not there, or damaged.
            TransferRefused: the pipeline does not allow it.
        """
        if parent is None or parent.transfer.same:
            self.restore_at(None if parent is None else parent.named)
            return
        parent.check()
        initial = self._as_initialized()
        tensors = read_tensors(self.store, parent.manifest)
        self._held = {name: tensors[name] for name in parent.tables(self.structure)}
        values = carried(parent.transfer, tensors, initial)
        self.assign({**values, **self.rates})

    def _as_initialized(self) -> Mapping[str, Any]:
        """What `build_model` made of the variables."""
        if self._initial is not None:
            return self._initial
        if not self._as_built:
            raise RuntimeError("this session does not hold the initial values that build_model made")
        return self.copy_values()

    def assign(self, values: Mapping[str, Any]) -> None:
        """Set variables to `values`, as `copy_values` returned them."""
        self._as_built = False
        for name, value in values.items():
            tensorflow_variable(self.variables[name]).assign(value)
        settle(self.model)

    def begin(self) -> None:
        """Start the schedules that start with each candidate: the model was restored to its parent."""
        if self.pipeline.schedules is Schedules.PER_CANDIDATE:
            self.schedules.begin()

    @cached_property
    def step(self) -> Step:
        """The model's step, traced once for all candidates."""
        return step_function(self.model)

    def copy_values(self) -> dict[str, Any]:
        """A copy of what every variable holds now, by name."""
        return {name: tensorflow_variable(one).numpy().copy() for name, one in self.variables.items()}

    def attempt(
        self,
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
        pipeline, store = trained_as(self.pipeline, wanted.again), self.store
        state = log.state()  # building the model took seconds, and others write to the log
        wanted = same(propose(state), wanted, model=pipeline.name)
        version = state.versions.get(wanted.version) or VersionState.opened(wanted)
        if CandidateLog(store, pipeline.name, version.version).progress().result is not None:
            print(f"version {version.version} is trained already", flush=True)
            return version.version
        parent, consumed = self.parent(final_manifest(state, version.parent)), consumed_before(state, version)
        if parent is not None and not parent.transfer.same and wanted.again is None:
            pipeline, consumed = seeing_history(pipeline, consumed)
        data = load_data(pipeline, store, version, consumed)
        order = batch_order(pipeline, version, data)
        preflight(
            pipeline,
            store,
            model=self.model,
            step=self.step,
            schedules=self.schedules,
            variables=self.variables,
            examples=data.learn,
            order=order,
            parent=parent,
        )
        version = open_candidate(log, wanted, propose)
        number = version.version
        candidate = CandidateLog(store, pipeline.name, number)
        attempt = candidate.start_attempt()
        # An earlier attempt is fenced off now: training goes on from what it has committed.
        progress = candidate.progress()
        print(f"version {number}, attempt {progress.attempts}", flush=True)
        past = load_past(pipeline, store, state, version)
        champion = self._score_champion(state, version, data, past)
        scores = dict(champion.slices) if champion else {}
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
                attempt.end({**ended, "scores": scores})
                return number
        if champion is not None or parent is not None:
            self.go_on_from(parent)
        evolved = self._evolved(version, data, champion, parent)
        self.begin()
        given = keep(store, pipeline.name, number, self.given)
        code = keep_code(store, pipeline, self.code)  # before anything is trained with it
        resumes_at = progress.commits[-1].step if progress.commits else 0
        average = running_average(pipeline, self.variables, order, at=resumes_at)
        looks = lookout(pipeline, self.model, self.variables, data)
        extra = [one.variables for one in (average, looks) if one is not None]
        try:
            with candidate_checkpoints(
                pipeline,
                store,
                version,
                attempt,
                model=self.model,
                state=self.state,
                variables=ChainMap(self.variables, *extra),
                data=data,
                parent=parent,
                held=self._held,
                kept=given,
                commits=progress.commits,
            ) as checkpoints:
                trained = Trainer(
                    model=self.model,
                    examples=data.learn,
                    order=order,
                    budget=pipeline.budget,
                    checkpoints=checkpoints,
                    progress=print_progress,
                    average=average,
                    lookout=looks,
                    step=self.step,
                ).train()
        except TrainingDiverged as diverged:
            commits = candidate.progress().commits
            why = self._why(diverged, data, order, parent, commits[-1] if commits else None)
            attempt.end({"outcome": TrainingEnd.DIVERGED, "step": diverged.step, "why": why})
            print(f"training diverged: {why}", flush=True)
            return number
        noting = Noting(store)
        artifacts = write_results(pipeline, noting, version, attempt.token, self.model, data, champion, past)
        artifacts["code"] = code
        kept = keep(noting, pipeline.name, number, self.given)  # the same objects, named in the log
        artifacts |= {kind: named.name for kind, named in kept.items()}
        if evolved is not None:
            artifacts["transfer"] = write_transfer(noting, pipeline.name, version, attempt.token, evolved)
        attempt.end(
            {
                "outcome": TrainingEnd.TRAINED,
                "step": trained.step,
                "stopped_by": trained.stopped_by.value,
                "seconds": trained.seconds,
                "artifacts": artifacts,
                "files": [asdict(one) for one in noting.written],
                "decision": decision,
                "scores": scores,
            }
        )
        print(f"trained {trained.step} steps, ended by {trained.stopped_by.value}", flush=True)
        return number

    def _evolved(
        self,
        version: VersionState,
        data: TrainingData,
        champion: ChampionScore | None,
        parent: Parent | None,
    ) -> TransferDocument | None:
        """What the transfer that was just carried out came to; None where the parent was taken as it is."""
        if parent is None or parent.transfer.same or version.parent is None:
            return None
        beside = champion if version.champion == version.parent else None
        agreed = agreement(self.model, data.holdout, beside)
        print(f"transferred from version {version.parent}: {parent.transfer.message}", flush=True)
        if agreed is not None:
            far = f"{agreed.max_abs_difference:.2g} at most, over {agreed.rows:,} held-out rows"
            print(f"before its first step it differs from version {version.parent} by {far}", flush=True)
        return document_of(
            parent.transfer,
            self.pipeline.evolve,
            parent=version.parent,
            manifest=parent.named.name,
            agreement=agreed,
        )

    def _why(
        self,
        diverged: TrainingDiverged,
        data: TrainingData,
        order: BatchOrder,
        parent: Parent | None,
        commit: Commit | None,
    ) -> str:
        """What diverged, and which operation caused it: its steps since the last commit are repeated."""
        fresh = TrainingSession(self.pipeline, self.store, from_nothing=parent is None, given=self.given)
        fresh.go_on_from(parent)
        fresh.begin()
        if commit is not None:
            manifest = load_manifest(self.store, commit.named)
            restore_model(self.store, manifest, fresh.model, fresh.variables, fresh.state)
        at = commit.step if commit else 0
        cause = cause_of(fresh.model, data.learn, order, at=at, step=diverged.step)
        return f"{diverged.found}; {cause.message}" if cause else diverged.found

    def _score_champion(
        self, state: LineageState, version: VersionState, data: TrainingData, past: PastExamples | None
    ) -> ChampionScore | None:
        """As it is served, not as today's code would have it.

        The champion of a rebase was trained on some of the slices: it is not scored on those.
        """
        number = version.champion
        if number is None:
            return None
        seen = {ref.key for one in state.ancestry(number) for ref in one.slices}
        unseen = [ref.key for ref in version.slices if ref.key not in seen]
        ask = partial(predictions_of, self.pipeline, self.store, state, number)
        rows = StoredRows(self.pipeline, self.store)
        return score(ask, self.pipeline, rows, version, data, unseen=unseen, past=past)


def _of_any_version(pipeline: Pipeline, store: Store) -> Given:
    """What every version of the model is given alike. Raises `BadInput`: each has vocabularies of its own."""
    if pipeline.vocabularies:
        raise _several_versions(pipeline)
    if not pipeline.adapt:
        return Given()
    state = ModelLog(store, pipeline.name).state()
    named = final_manifest(state, state.head)
    return Given() if named is None else of_manifest(store, load_manifest(store, named))


def _several_versions(pipeline: Pipeline) -> BadInput:
    columns = ", ".join(one.column for one in pipeline.vocabularies)
    return BadInput(
        "vocabularies",
        columns,
        "none, for what puts several versions into one model: each version of this pipeline has its own",
        next="compare versions by their evaluations and predictions: ckpt-ops diff, ckpt-ops predict",
    )


def final_manifest(state: LineageState, version: int | None) -> Named | None:
    """The manifest of the checkpoint that a version ended with; None when `version` is None."""
    if version is None:
        return None
    trained = state.versions[version].trained
    if trained is None:
        raise TerminalError(f"version {version}, the parent, has no final checkpoint")
    return trained.final


def print_progress(at: int, last: int, logs: dict[str, float]) -> None:
    """Report the progress of a training."""
    tell(StepsDone(step=at, last=last, metrics=logs))
