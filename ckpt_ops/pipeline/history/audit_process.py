"""The process of an audit: the champion beside a model trained from nothing. Started by `auditing`."""

from __future__ import annotations

import math
import sys
from dataclasses import replace
from functools import partial
from typing import Any

from ckpt_ops.errors import NotAsServed
from ckpt_ops.evaluation import metric_named
from ckpt_ops.evaluation.bootstrap import paired_bootstrap
from ckpt_ops.lineage import LineageState, ModelLog, VersionState
from ckpt_ops.lineage.records import CandidateStarted, SliceRef
from ckpt_ops.pipeline.as_served.asked import Scores
from ckpt_ops.pipeline.as_served.graph import AsServed
from ckpt_ops.pipeline.as_served.version import said_by
from ckpt_ops.pipeline.attempt import Bench
from ckpt_ops.pipeline.champion import labels_of, score
from ckpt_ops.pipeline.data import TrainingData, load_data
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.digests import digests_of
from ckpt_ops.pipeline.fresh_process import answer, parser
from ckpt_ops.pipeline.history.auditing import Audit, learned, sentence
from ckpt_ops.pipeline.history.retrain import NOTHING_WRITTEN, retrain
from ckpt_ops.pipeline.proposal import candidate_of
from ckpt_ops.pipeline.slice_rows import StoredRows
from ckpt_ops.store import Store
from ckpt_ops.training import Budget, NoReplay


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: the answer is what the audit found. Otherwise it says why not, if it could."""
    options = parser("ckpt_ops.pipeline.history.audit_process")
    options.add_argument("--metric", required=True)
    options.add_argument("--newest", type=int, required=True)
    options.add_argument("--epochs", type=int, required=True)
    given = options.parse_args(arguments)
    asked = Audit(metric=given.metric, newest=given.newest, epochs=given.epochs)
    return answer(given, lambda pipeline, store: audit(pipeline, store, asked))


def audit(pipeline: Pipeline, store: Store, asked: Audit) -> dict[str, Any]:
    """Train a model from nothing on all that the head learned, and measure both on the same held-out rows.

    Returns:
        `metric`; `delta`, champion minus the other, with `low`, `high`, `confidence`; `champion` and
        `from_scratch`, each with `value`, `steps`, `seconds` (the champion's over all its updates);
        `rows` and `on`, the slices that they are of; `slices` that were learned; `verdict` in words.

    Raises:
        BadInput: there is no head.
        ObjectNotFound: a slice revision that it learned from is gone.
        NotAsServed: the head cannot be asked as it is served.
        UndefinedMetric: the metric has no value on those rows.
    """
    state = ModelLog(store, pipeline.name).state()
    slices = learned(state)
    newest = slices[-asked.newest :]
    bench = Bench(pipeline, store)
    over = _version(pipeline, state, newest)
    data = load_data(pipeline, store, over, {})
    judged = data.holdout
    labels, groups = labels_of(judged), judged.groups
    metric = metric_named(asked.metric)
    champion = _as_served(pipeline, store, state, over, data)
    of_champion = metric(labels, champion, groups=groups)  # before anything is trained: it may have no value
    bench.stand_at(None)
    print(f"training on {len(slices)} slices from nothing", flush=True)
    bench.pipeline = replace(
        pipeline,
        replay=NoReplay(),
        budget=Budget(
            max_steps=sys.maxsize,
            max_seconds=math.inf,
            max_epochs=asked.epochs,
            min_steps=pipeline.budget.min_steps,
        ),
    )
    trained = retrain(bench, state, _version(pipeline, state, slices))
    (cold,) = AsServed(bench.model)([judged.inputs])
    difference = paired_bootstrap(metric, labels, champion, cold, groups=groups, seed=pipeline.seed)
    updates = [one.trained for one in state.ancestry(state.head) if one.trained is not None]
    found = {
        "metric": asked.metric,
        "delta": difference.delta,
        "low": difference.low,
        "high": difference.high,
        "confidence": difference.confidence,
        "champion": {
            "version": state.head,
            "value": of_champion,
            "steps": sum(one.step for one in updates),
            "seconds": sum(one.seconds for one in updates),
            "updates": len(updates),
        },
        "from_scratch": {
            "value": metric(labels, cold, groups=groups),
            "steps": trained.step,
            "seconds": trained.seconds,
        },
        "rows": judged.rows,
        "on": [ref.key for ref in newest],
        "slices": len(slices),
    }
    return {**found, "verdict": sentence(found)}


def _as_served(
    pipeline: Pipeline, store: Store, state: LineageState, over: VersionState, data: TrainingData
) -> Scores:
    """What the head says of the rows held out of `data`."""
    ask = partial(said_by, pipeline, store, state, state.head or 0)
    champion = score(ask, pipeline, StoredRows(pipeline, store), over, data, unseen=())
    if champion.holdout is None:
        raise NotAsServed(
            champion.missing,
            safe=NOTHING_WRITTEN,
            next="bring back what it needs; its evaluation says how good it was when it was promoted",
        )
    return champion.holdout


def _version(pipeline: Pipeline, state: LineageState, slices: tuple[SliceRef, ...]) -> VersionState:
    """As if a first version had learned `slices`: it never gets into the log."""
    return VersionState.opened(
        CandidateStarted(
            version=state.next_version,
            candidate=candidate_of(pipeline, state, None, slices, digests=digests_of(pipeline)),
            parent=None,
            slices=slices,
        )
    )


if __name__ == "__main__":
    sys.exit(main())
