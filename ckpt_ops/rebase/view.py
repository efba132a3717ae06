"""A rebase that is due, as plain values and as lines of text: for commands, Airflow's log and pages."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from ckpt_ops.duration import duration
from ckpt_ops.lineage import LineageState
from ckpt_ops.lineage.production import taint_view
from ckpt_ops.lineage.rebase import Cost, cost
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.rebase.progress import RebaseProgress, progress_of

View = dict[str, Any]


def plan_view(pipeline: Pipeline, state: LineageState) -> View | None:
    """The rebase that is due; None when the head consumed what it should have.

    `replay` are the steps in order; `done_by` of each is the version that has trained it already.
    `result` is the version that would become the head; None as long as steps are left.
    """
    on = progress_of(pipeline, state)
    if on is None:
        return None
    plan = on.plan
    return {
        "model": pipeline.name,
        "head": state.head,
        "tainted": taint_view(state),
        "changes": [
            {
                "key": change.key,
                "what": change.what,
                "why": change.why,
                "was": change.was.revision if change.was else None,
                "now": change.now.revision if change.now else None,
                "rows": change.now.rows if change.now else 0,
            }
            for change in plan.changes
        ],
        "nearest": plan.nearest,
        "fork": plan.fork,
        "replay": _steps(on),
        "replaced": list(plan.replaced),
        "cost": _cost(plan.cost),
        "left": _cost(cost(state, plan.replay[len(on.done) :])),
        "anchor_cost": _cost(plan.anchor_cost),
        "rebuild": _cost(plan.rebuild),
        "result": on.result,
    }


def plan_lines(view: View) -> list[str]:
    """The view for a person, a line each."""
    lines = [f"the history of {view['model']} should have been different:"]
    lines += [f"  slice {one['key']} was {one['what']}: {_became(one)}" for one in view["changes"]]
    lines += ["what a rebase does:", f"  {fork_message(view)}"]
    for number, step in enumerate(view["replay"], start=1):
        keys = ", ".join(ref["key"] for ref in step["slices"])
        place = "a new step" if step["stands_for"] is None else f"in place of version {step['stands_for']}"
        done = f"; trained already, as version {step['done_by']}" if step["done_by"] else ""
        lines.append(f"  step {number}: {keys} ({step['rows']:,} rows), {place}{done}")
    lines += [
        f"  versions whose place is taken: {', '.join(map(str, view['replaced'])) or 'none'}",
        f"  {estimate_message(view)}",
    ]
    if view["anchor_cost"]["candidates"]:
        lines.append(f"  {anchor_message(view)}")
    return lines


def fork_message(view: View) -> str:
    """Where it forks from."""
    if view["fork"] is None and not view["replay"]:
        return "no consumed slice would be left: no rebase is possible"
    if view["fork"] is None:
        why = "no version before the change" if view["nearest"] is None else "no checkpoint of one is kept"
        return f"full rebuild: {why}; all steps are trained from scratch"
    if not view["replay"]:
        return f"version {view['fork']} becomes the head again: nothing has to be trained"
    return f"forks from the checkpoint of version {view['fork']}"


def estimate_message(view: View) -> str:
    """What is left to do, by the recorded costs, and what a full rebuild would cost."""
    trained = view["cost"]["candidates"] - view["left"]["candidates"]
    done = f" ({trained} more are trained already)" if trained else ""
    return (
        f"About {cost_message(view['left'])}{done}; a full rebuild would be {cost_message(view['rebuild'])}."
    )


def anchor_message(view: View) -> str:
    """The cost of not keeping the checkpoint right before the change."""
    return (
        f"version {view['nearest']} is the last one before the change, and its checkpoint is not kept: "
        f"{cost_message(view['anchor_cost'])} of the work are due to that (keep=Keep(anchors=...))"
    )


def cost_message(cost: View) -> str:
    """Trainings, steps and time."""
    trainings = f"{cost['candidates']} training{'' if cost['candidates'] == 1 else 's'}"
    time = f", {duration(cost['seconds'])} of stepping" if cost["seconds"] else ""
    return f"{trainings}, {cost['steps']:,} steps{time}"


def _became(change: View) -> str:
    if change["was"] is None:
        return str(change["why"])
    now = change["now"] or "nothing"
    return f"{change['was']} becomes {now}" + (f" ({change['why']})" if change["why"] else "")


def _steps(on: RebaseProgress) -> list[View]:
    return [
        {
            "slices": [asdict(ref) for ref in unit.slices],
            "rows": unit.rows,
            "stands_for": unit.stands_for.version if unit.stands_for else None,
            "done_by": on.done[at] if at < len(on.done) else None,
        }
        for at, unit in enumerate(on.plan.replay)
    ]


def _cost(cost: Cost) -> View:
    return {
        "candidates": cost.candidates,
        "rows": cost.rows,
        "steps": cost.steps,
        "seconds": round(cost.seconds, 1),
    }
