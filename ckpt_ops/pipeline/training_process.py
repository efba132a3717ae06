"""The one process of a run that imports TensorFlow: it trains, predicts and exports.

Started by `launch`, once per attempt. All it needs is in the store: the planner says what to learn from and
which version to resume from; the candidate's own log says how far an earlier attempt came.

The candidate is opened in the model's log, and an attempt at it begun, only after the user's functions gave a
model and examples: code that raises leaves no trace there.
"""

from __future__ import annotations

import sys
import time

from ckpt_ops.checkpoints import load_manifest, model_variables, restore
from ckpt_ops.errors import TerminalError
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionState
from ckpt_ops.pipeline.candidate import moved, open_candidate, proposed
from ckpt_ops.pipeline.candidate_checkpoints import candidate_checkpoints
from ckpt_ops.pipeline.data import batch_order, consumed_before, load_data
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.facts import facts
from ckpt_ops.pipeline.fresh_process import answer, parser
from ckpt_ops.pipeline.results import score, write_results
from ckpt_ops.pipeline.user_code import build_model
from ckpt_ops.policies import decide
from ckpt_ops.store import Store
from ckpt_ops.training import Trainer


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: the candidate's log holds the result. Otherwise the answer says why, if it could."""
    asked = parser("ckpt_ops.pipeline.training_process")
    asked.add_argument("--slice", required=True)
    options = asked.parse_args(arguments)
    return answer(options, lambda pipeline, store: run_attempt(pipeline, store, options.slice))


def run_attempt(pipeline: Pipeline, store: Store, key: str) -> int:
    """One attempt at the candidate that slice `key` makes: from its last committed checkpoint to the end.

    Returns the number of its version. Raises `LineageMoved`, `ModelCodeError`, `Fenced` and more.
    """
    model_log = ModelLog(store, pipeline.name)
    state = model_log.state()
    wanted = proposed(pipeline, state, key)
    if wanted is None:
        raise moved(pipeline.name, key)
    version = state.by_candidate(wanted.candidate) or VersionState.opened(wanted)
    if CandidateLog(store, pipeline.name, version.version).progress().result is not None:
        print(f"version {version.version} is trained already", flush=True)
        return version.version
    print(f"version {version.version}: importing TensorFlow", flush=True)
    began = time.monotonic()
    model = build_model(pipeline)
    print(f"model built after {time.monotonic() - began:.1f} s", flush=True)
    variables = model_variables(model)
    data = load_data(pipeline, store, version, consumed_before(state, version))
    version = open_candidate(pipeline, model_log, key, wanted.candidate)
    number = version.version
    log = CandidateLog(store, pipeline.name, number)
    attempt = log.start_attempt()
    # Whoever was at it before is fenced off: what it committed until now is what we go on from.
    progress = log.progress()
    print(f"version {number}, attempt {progress.attempts}", flush=True)
    parent = _parent_manifest(store, state, version)
    champion = None
    if parent is not None:
        restore(store, load_manifest(store, parent), variables)
        champion = score(model, data)
        decision = decide(pipeline.update_when, facts(state, version.slices, score=champion.newest))
        print(f"champion on slice {version.slices[-1].key}: {decision.words}", flush=True)
        if decision.due is not True:
            numbers = dict(decision.numbers)
            attempt.end({"outcome": "deferred", "why": decision.words, "numbers": numbers})
            return number
    with candidate_checkpoints(
        pipeline,
        store,
        version,
        attempt,
        model=model,
        variables=variables,
        data=data,
        parent=parent,
        commits=progress.commits,
    ) as checkpoints:
        trained = Trainer(
            model=model,
            examples=data.train,
            order=batch_order(pipeline, version, data),
            budget=pipeline.budget,
            checkpoints=checkpoints,
            progress=_progress,
        ).train()
    artifacts = write_results(pipeline, store, version, attempt.token, model, data, champion)
    attempt.end(
        {
            "outcome": "trained",
            "step": trained.step,
            "stopped_by": trained.stopped_by.value,
            "artifacts": artifacts,
            "champion_on_slice": champion.newest if champion else None,
        }
    )
    print(f"trained {trained.step} steps, ended by {trained.stopped_by.value}", flush=True)
    return number


def _progress(at: int, last: int, logs: dict[str, float]) -> None:
    numbers = " ".join(f"{name} {value:.4f}" for name, value in logs.items())
    print(f"step {at}/{last} {numbers}", flush=True)


def _parent_manifest(store: Store, state: LineageState, version: VersionState) -> str | None:
    if version.parent is None:
        return None
    trained = state.versions[version.parent].trained
    if trained is None:
        raise TerminalError(f"version {version.parent}, the parent, has no final checkpoint")
    return trained.manifest


if __name__ == "__main__":
    sys.exit(main())
