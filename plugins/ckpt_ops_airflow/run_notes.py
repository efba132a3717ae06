"""A note on each run that has ended: what happened, shown in Airflow's list of runs.

A run is green when its slice is missing, and when its candidate was rejected. No task can write the note on
its run: Airflow's interface for tasks has no call for it, and its REST API wants a person's login. So a task
leaves its message in XCom, and the process that ends the run (the scheduler, or the api-server where a person
ends it) puts them together here, in the transaction in which it ends the run.

The scheduler serves everyone, so this reads three small tables and runs no code of a pipeline, and an error
costs the note and nothing else.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from airflow.listeners import hookimpl

from ckpt_ops_airflow.results import MESSAGE, MISSING

if TYPE_CHECKING:
    from airflow.models.dagrun import DagRun

log = logging.getLogger(__name__)

TAG = "ckpt-ops"
LONGEST = 1000
"""Characters of a note in Airflow's database."""

AUTHOR = "ckpt-ops"
BELOW = "\n\n---\n\n"
"""Between a person's note and ours."""

_ORDER = (
    *(
        "tell",  # the last that runs, and never what the run came to
        "list_parts",
        "pull_part",
        "pull",
        "share_out",
        "validate_part",
        "validate",
        "wait_for_earlier",
        "decide",
        "plan",
        "train",
    ),
    *("replay", "retrain", "evaluate", "approve", "promote", "predict"),
)
_ABOUT_A_SLICE = ("pull", "validate", "decide", "list_parts")
"""Tasks whose result names the run's slice, or that leave a word when there is none."""

_REJECTED = ": rejected: "
"""In the line of a gate that did not let a candidate pass: see `messages.evaluated`."""

_LINE = 300
_HEADLINE = 450


@dataclass(frozen=True, kw_only=True)
class TaskResult:
    """A task of the run that ended: its state, and the message it left, "" for none."""

    task_id: str
    state: str
    message: str = ""


@hookimpl
def on_dag_run_success(dag_run: DagRun, msg: str) -> None:
    """Airflow calls it, in the transaction that ends the run."""
    _note(dag_run)


@hookimpl
def on_dag_run_failed(dag_run: DagRun, msg: str) -> None:
    """As `on_dag_run_success`."""
    _note(dag_run)


def compose(tasks: Iterable[TaskResult], *, subject: str = "") -> str:
    """The note, Markdown: how the run ended, then a line for each task. "" when there is nothing to say.

    Messages stand in code spans: what came from data neither formats nor links.

    Args:
        subject: what the run is about, such as "slice 2013-01-06": the note begins with it.
    """
    from ckpt_ops.promotion.markdown import literal

    ordered = sorted(tasks, key=lambda one: _place(one.task_id))
    failed = [one for one in ordered if one.state == "failed"]
    told = [one for one in ordered if one.message]
    last = failed[0] if failed else told[-1] if told else None
    if last is None:
        return ""
    first, *more = (last.message or "it left no message: its log says why").splitlines()
    what = f"{last.task_id} failed: " if failed else ""
    about = f"{subject}: " if subject and (what or not first.startswith(subject)) else ""
    note = f"{about}{what}{literal(first, longest=_HEADLINE)}"
    lines = [f"- {literal(line, longest=_LINE)}" for line in more]
    for one in told:
        if one is not last:
            begin, *rest = one.message.splitlines()
            lines.append(f"- {one.task_id}: {literal(begin, longest=_LINE)}")
            lines += [f"  - {literal(line, longest=_LINE)}" for line in rest if _REJECTED in line]
    lines += _never_shared_out(ordered)
    return _within(LONGEST, note, lines)


def beside(written: str, ours: str) -> str:
    """A note that a person wrote, and ours below it as far as there is room."""
    theirs = written.partition(BELOW)[0]
    room = LONGEST - len(theirs) - len(BELOW)
    fits = _within(room, ours.splitlines()[0], ours.splitlines()[1:]) if ours else ""
    return f"{theirs}{BELOW}{fits}" if 0 < len(fits) <= room else theirs


def _place(task_id: str) -> int:
    return _ORDER.index(task_id) if task_id in _ORDER else len(_ORDER)


def _never_shared_out(tasks: Sequence[TaskResult]) -> list[str]:
    """For parts that were never shared out, Airflow only says that a task before them failed."""
    states = {one.task_id: one.state for one in tasks}
    if states.get("list_parts") == "success" and states.get("pull_part") == "upstream_failed":
        return ["- list_parts was marked a success without a result, so no part is pulled: clear list_parts"]
    return []


def _within(room: int, first: str, lines: Sequence[str]) -> str:
    """`first` and as many whole lines as there is room for: a line that is cut breaks its code span."""
    note = first
    for at, line in enumerate(lines):
        rest = "\n- ..." if at + 1 < len(lines) else ""
        if len(f"{note}\n{line}{rest}") > room:
            cut = f"{note}\n- ..."
            return cut if len(cut) <= room else note
        note = f"{note}\n{line}"
    return note


def _note(dag_run: DagRun) -> None:
    try:
        if dag_run.dag is None or TAG not in dag_run.dag.tags:
            return
        note = compose(_tasks(dag_run), subject=_subject(dag_run))
        if note:
            _write(dag_run, note)
    except Exception:  # whatever it is, the run ends, without a note
        log.exception("no note on run %s of %s", dag_run.run_id, dag_run.dag_id)


def _subject(dag_run: DagRun) -> str:
    """The slice of the run by its key; or which one its source does not have."""
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return ""
    query = select(XComModel).where(
        XComModel.dag_id == dag_run.dag_id,
        XComModel.run_id == dag_run.run_id,
        XComModel.key.in_((MISSING, "return_value")),
        XComModel.task_id.in_(_ABOUT_A_SLICE),
    )
    left = {(one.task_id, one.key): XComModel.deserialize_value(one) for one in session.scalars(query)}
    for (_, key), value in left.items():
        if key == MISSING:
            return f"no slice for the interval from {str(value)[:16].replace('T', ' ')} UTC"
    results = (left.get((task, "return_value")) for task in _ABOUT_A_SLICE)
    keys = (one["key"] for one in results if isinstance(one, dict) and isinstance(one.get("key"), str))
    return next((f"slice {key}" for key in keys), "")


def _tasks(dag_run: DagRun) -> list[TaskResult]:
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from sqlalchemy import select
    from sqlalchemy.orm import object_session

    session = object_session(dag_run)
    if session is None:
        return []
    of_run = (XComModel.dag_id == dag_run.dag_id, XComModel.run_id == dag_run.run_id)
    found = session.scalars(select(XComModel).where(*of_run, XComModel.key == MESSAGE)).all()
    messages = {
        (one.task_id, one.map_index): text
        for one in found
        if isinstance(text := XComModel.deserialize_value(one), str)
    }
    one_run = (TaskInstance.dag_id == dag_run.dag_id, TaskInstance.run_id == dag_run.run_id)
    columns = (TaskInstance.task_id, TaskInstance.map_index, TaskInstance.state)
    return [
        TaskResult(task_id=task_id, state=str(state or ""), message=messages.get((task_id, map_index), ""))
        for task_id, map_index, state in session.execute(select(*columns).where(*one_run))
        if map_index < 0 or state == "failed"
    ]


def _write(dag_run: DagRun, note: str) -> None:
    from airflow.models.dagrun import DagRunNote

    known = dag_run.dag_run_note
    if known is None:
        dag_run.dag_run_note = DagRunNote(content=note, user_id=AUTHOR)
    elif known.user_id == AUTHOR or not known.content:
        known.content, known.user_id = note, AUTHOR
    else:
        known.content = beside(known.content, note)
