"""What a retraining would do, as plain values and as lines of text: for commands and Airflow's log."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ckpt_ops.candidates.settings import trained_as
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.retraining import message_of
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.retrain.proposal import Retraining

View = dict[str, Any]


def retrain_view(pipeline: Pipeline, state: LineageState, found: Retraining) -> View:
    """`max_steps` is the most that the training takes; `status` how far the candidate has come, or None."""
    record = found.record
    return {
        "model": pipeline.name,
        "head": state.head,
        "version": record.version,
        "parent": record.parent,
        "candidate": record.candidate,
        "slices": [asdict(ref) for ref in record.slices],
        "rows": found.chosen.rows,
        "without": [asdict(ref) for ref in record.again.without] if record.again else [],
        "max_steps": trained_as(pipeline, record.again).budget.max_steps,
        "batch_size": pipeline.batch_size,
        "status": found.opened.status.value if found.opened else None,
        "done": found.done,
        "message": message_of(record.parent, [ref.key for ref in record.slices]),
    }


def retrain_lines(view: View) -> list[str]:
    """The view for a person, a line each."""
    if view["done"]:
        return [f"version {view['version']}, the head, is this already: {view['message']}"]
    far = f", which is {view['status']} already" if view["status"] else ""
    lines = [f"version {view['version']}{far} would be {view['message']}"]
    lines += [
        f"  slice {ref['key']}, revision {ref['revision']}: {ref['rows']:,} rows" for ref in view["slices"]
    ]
    passes = view["max_steps"] * view["batch_size"] / view["rows"] if view["rows"] else 0.0
    lines.append(
        f"{view['rows']:,} rows, held-out ones included, and at most {view['max_steps']:,} steps of "
        f"{view['batch_size']}: {passes:.1f} passes or more"
    )
    if view["without"]:
        keys = ", ".join(ref["key"] for ref in view["without"])
        lines.append(f"it would not know these slices, and nothing trains on them by itself: {keys}")
    lines.append(f"it replaces version {view['head']} only if every gate passes")
    return lines
