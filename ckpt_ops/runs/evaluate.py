"""The task `evaluate`: every gate's verdict on a candidate in the log, and a report beside the version.

Predictions in, verdicts out: it needs no TensorFlow. The report is written before the record that names it,
under the hash of its content, so that a step that was killed, or runs again with other gates, overwrites
nothing.
"""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import blake3
import pyarrow.parquet as pq

from ckpt_ops.errors import Corrupt, ObjectNotFound, TrainingDied
from ckpt_ops.evaluation import EvaluatedRows, Evaluation, Past, evaluate_all, main_metric, main_output
from ckpt_ops.evaluation.report import REPORT, Lineup, report_html, report_values
from ckpt_ops.lineage import LineageState, ModelLog, VersionState
from ckpt_ops.lineage.records import Evaluated, Record
from ckpt_ops.lineage.scores import usual_scores
from ckpt_ops.pipeline import step_results
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.shadow.deciding_rows import evaluated_slices, rows_in_shadow
from ckpt_ops.store import Store
from ckpt_ops.store.named import Named, read_named

PAGE = "html"
ANCESTORS = 12
"""The most versions that a report shows beside the candidate."""


def evaluate(pipeline: Pipeline, store: Store, version: int) -> step_results.Evaluated:
    """Evaluate candidate and champion on the same rows, and record the verdicts, passed or rejected.

    The rows are held-out rows of its own slices, or all rows of the slices that it was scored on in shadow.
    When one of these slices was corrected or withdrawn since, `passed` is None and the next runs score it on.
    """
    log = ModelLog(store, pipeline.name)
    state = log.state()
    held_out = read_evaluated_rows(store, state.version(version), model=pipeline.name)
    slices = evaluated_slices(state, state.versions[version])
    if slices is None:
        message = "not evaluated: too few slices are scored in shadow in their current revision"
        return step_results.Evaluated(version=version, message=message)
    evaluated = beside_the_log(
        rows_in_shadow(store, state, state.versions[version], held_out, slices), state, state.version(version)
    )
    evaluation = evaluate_all(pipeline.gates, evaluated, seed=pipeline.seed)
    report = _write_report(pipeline, store, state, state.version(version), evaluated, evaluation)

    def choose(state: LineageState) -> Record | None:
        candidate = state.version(version)
        if candidate.evaluated is not None and (candidate.evaluated.slices == slices or not candidate.open):
            return None
        metrics = {"candidate": dict(evaluation.candidate)}
        if evaluation.champion is not None:
            metrics["champion"] = dict(evaluation.champion)
        return Evaluated(
            version=version,
            champion=candidate.champion,
            passed=evaluation.passed,
            metrics=metrics,
            verdicts=tuple(f"{verdict.gate}: {verdict.message}" for verdict in evaluation.verdicts),
            report=report,
            slices=slices,
            waits=evaluation.waits,
            suspects=dict(evaluation.suspects),
            below_floor=dict(evaluation.below_floor),
            reason=evaluation.message,
        )

    kept = log.decide(choose).version(version).evaluated
    result = step_results.Evaluated(
        version=version,
        passed=evaluation.passed,
        message=evaluation.message,
        evaluation=evaluation,
        report=report,
    )
    if kept is None:
        return result
    # an earlier run may have evaluated it, with other gates
    return replace(result, passed=kept.passed, message=kept.reason, report=kept.report or report)


def beside_the_log(evaluated: EvaluatedRows, state: LineageState, version: VersionState) -> EvaluatedRows:
    """`evaluated` with what only the log knows of the slices that the version trained on.

    A retraining is not told to suspect a slice: each of them came into production before.
    """
    entries = [state.slices.get(ref.key) for ref in version.slices]
    again = version.started.again is not None
    return replace(
        evaluated,
        consumed=tuple(ref.key for ref in version.slices),
        trusted=frozenset(one.ref.key for one in entries if one is not None and (again or one.released)),
        usual=usual_scores(state, version),
    )


def read_evaluated_rows(store: Store, version: VersionState, *, model: str) -> EvaluatedRows:
    """What the training process left for the evaluation of a version.

    Raises:
        TrainingDied: it left nothing.
        ObjectNotFound, Corrupt: what it left is gone, or its bytes have changed.
    """
    trained = version.trained
    if trained is None:
        raise TrainingDied(
            f"version {version.version} of {model} has no predictions to evaluate",
            safe="nothing was evaluated; the champion serves on",
            next=f"ckpt-ops show {model} {version.version} shows how far it has come",
        )
    past = trained.artifact("past") if "past" in trained.artifacts else None
    return EvaluatedRows.from_table(
        _table(store, trained.artifact("predictions")),
        past=Past.from_table(_table(store, past)) if past else None,
    )


def read_evaluation(store: Store, report: str) -> dict[str, Any]:
    """A kept report's values. Raises `ObjectNotFound` or `Corrupt`, naming the object."""
    return REPORT.decode(store.get(report), name=report)


def page_of(report: str) -> str:
    """The object name of a report's page."""
    return f"{report.rpartition('.')[0]}.{PAGE}"


def _write_report(
    pipeline: Pipeline,
    store: Store,
    state: LineageState,
    version: VersionState,
    evaluated: EvaluatedRows,
    evaluation: Evaluation,
) -> str:
    values = report_values(
        evaluated,
        evaluation,
        model=pipeline.name,
        version=version.version,
        champion=version.champion,
        metric=main_metric(pipeline.gates) or "auc",
        output=main_output(pipeline.gates),
        ancestors=_ancestors(store, state, version),
    )
    data = REPORT.encode(values)
    folder = f"models/{pipeline.name}/v{version.version}/evaluation"
    name = f"{folder}/{blake3.blake3(data).hexdigest()[:16]}.json"
    store.put(page_of(name), report_html(values).encode())
    store.put(name, data)
    return name


def _ancestors(store: Store, state: LineageState, version: VersionState) -> list[Lineup]:
    """The last versions before it whose reports are there: a purge may have removed some."""
    found = []
    for one in state.ancestry(version.parent)[-ANCESTORS:]:
        if one.evaluated is None or not one.evaluated.report:
            continue
        try:
            own = read_evaluation(store, one.evaluated.report)["forgetting"][-1]
        except (ObjectNotFound, Corrupt, LookupError):
            continue
        found.append(Lineup(version=one.version, on=own["on"]))
    return found


def _table(store: Store, named: Named) -> Any:
    return pq.read_table(io.BytesIO(read_named(store, named)))
