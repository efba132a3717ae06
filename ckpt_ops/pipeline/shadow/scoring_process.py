"""The process in which a candidate in shadow and its champion predict slices. Started by `launch`."""

from __future__ import annotations

import sys
from typing import Any

from ckpt_ops.errors import LineageMoved
from ckpt_ops.evaluation import Basis, Judged
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import SliceRef
from ckpt_ops.lineage.shadow import in_shadow
from ckpt_ops.pipeline.attempt import Bench, final_manifest
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.fresh_process import answer, parser
from ckpt_ops.pipeline.results import labels_of, predict
from ckpt_ops.pipeline.shadow import predictions
from ckpt_ops.pipeline.slice_rows import StoredRows
from ckpt_ops.pipeline.user_code import make_examples
from ckpt_ops.store import Store
from ckpt_ops.training import Collected, Examples


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: all predictions are in the store. Otherwise the answer says why, if it could."""
    asked = parser("ckpt_ops.pipeline.shadow.scoring_process")
    asked.add_argument("--slice", required=True)
    options = asked.parse_args(arguments)
    return answer(
        options, lambda pipeline, store: predict_due(pipeline, store, options.version, options.slice)
    )


def predict_due(pipeline: Pipeline, store: Store, version: int, key: str) -> list[str]:
    """Let both models predict every slice that the run of slice `key` has to; the keys of those done here.

    Raises:
        LineageMoved: the version is not in shadow any more.
        ModelCodeError and more.
    """
    state = ModelLog(store, pipeline.name).state()
    due = left_to_predict(store, state, version, key)
    if not due:
        return []
    bench = Bench(pipeline, store, from_nothing=False)
    for ref in due:
        judged = _predicted(bench, state, version, ref)
        predictions.write(store, pipeline.name, version, ref, judged)
        print(f"slice {ref.key}: {judged.count:,} rows predicted", flush=True)
    return [ref.key for ref in due]


def left_to_predict(store: Store, state: LineageState, version: int, key: str) -> list[SliceRef]:
    """What the run of slice `key` has to have predicted and nobody has. Raises `LineageMoved`."""
    found = in_shadow(state)
    if found is None or found.version.version != version:
        raise LineageMoved(
            f"version {version} of {state.model} is not in shadow any more",
            safe="no slice was scored; the champion serves on",
            next="nothing: a retry plans again",
        )
    return [ref for ref in found.to_score(key) if predictions.find(store, state.model, version, ref) is None]


def _predicted(bench: Bench, state: LineageState, version: int, ref: SliceRef) -> Judged:
    rows = _rows(bench, ref)

    def said_by(number: int | None) -> Any:
        bench.stand_at(final_manifest(state, number))
        return predict(bench.model, rows.inputs)

    return Judged(
        label=labels_of(rows),
        champion=said_by(state.versions[version].champion),
        candidate=said_by(version),
        segments=dict(rows.segments),
        groups=rows.groups,
        slice_key=ref.key,
        rows=f"all rows of slice {ref.key}",
        basis=Basis.SHADOW,
    )


def _rows(bench: Bench, ref: SliceRef) -> Examples:
    """Every row of a slice, as the model takes it."""
    collected = Collected(ref.rows)
    for table, _ in StoredRows(bench.pipeline, bench.store).groups(ref.key, ref.revision):
        collected.add(make_examples(bench.pipeline, table))
    return collected.examples()


if __name__ == "__main__":
    sys.exit(main())
