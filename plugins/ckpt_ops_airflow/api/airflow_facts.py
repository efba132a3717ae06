"""What Airflow knows of a model's DAG: read from its database, in a few questions for all models together."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import datetime
from urllib.parse import quote

from airflow.models.dag import DagModel
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.models.hitl import HITLDetail
from airflow.models.taskinstance import TaskInstance
from airflow.models.xcom import XComModel
from airflow.utils.state import TaskInstanceState
from sqlalchemy import func, select
from sqlalchemy.orm import Session

from ckpt_ops.key_times import form_of
from ckpt_ops.lineage.spacing import expected_keys
from ckpt_ops_airflow.rebase import SUFFIX
from ckpt_ops_airflow.results import EXPORT, MISSING, REPLAY, RETRAIN, TRAIN
from ckpt_ops_airflow.retrain import SUFFIX as RETRAIN_SUFFIX

_RESULT = "return_value"


@dataclass(frozen=True, kw_only=True)
class AirflowFacts:
    """Of one DAG.

    Attributes:
        next_run: when it will be created; UTC, ISO 8601. None: none is scheduled, or the DAG is paused.
        last_run: id of the run that was created last; `last_run_state`: queued, running, success or failed;
            `last_run_note`: as its page shows it; None where there is none.
        missing_runs: how many runs ended without a slice: the source had none for their interval. One that
            is cleared when the slice has come no longer counts, nor does one whose slice came by another run,
            or was acknowledged as missing by a person.
    """

    next_run: str | None = None
    paused: bool = False
    last_run: str | None = None
    last_run_state: str | None = None
    last_run_note: str | None = None
    missing_runs: int = 0


@dataclass(frozen=True, kw_only=True)
class RunFacts:
    """Of one run.

    Attributes:
        slice: the key of its slice; `why`: why it has none, or "".
        version: the version that it made, or wrote in another format; None for none.
        note: on the run, "" for none.
    """

    slice: str | None
    version: int | None
    why: str
    note: str


def facts_of_run(session: Session, dag_id: str, run_id: str) -> RunFacts | None:
    """What the run's tasks have left; None: there is no such run."""
    found = session.execute(
        select(DagRun.state, DagRunNote.content)
        .outerjoin(DagRunNote, DagRunNote.dag_run_id == DagRun.id)
        .where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
    ).one_or_none()
    if found is None:
        return None
    state, note = found
    rows = session.scalars(
        select(XComModel).where(
            XComModel.dag_id == dag_id,
            XComModel.run_id == run_id,
            XComModel.key.in_((_RESULT, MISSING)),
            XComModel.task_id.in_(("pull", "list_parts", TRAIN, REPLAY, RETRAIN, EXPORT)),
            XComModel.map_index < 0,
        )
    ).all()
    left = {(one.task_id, one.key): XComModel.deserialize_value(one) for one in rows}
    pulled = left.get(("pull", _RESULT))
    key = pulled.get("key") if isinstance(pulled, dict) else None
    made = [left.get((task, _RESULT)) for task in (TRAIN, REPLAY, RETRAIN, EXPORT)]
    version = next((one["version"] for one in made if isinstance(one, dict) and one.get("version")), None)
    missing = next((left[name] for name in left if name[1] == MISSING), None)
    if missing is not None:
        why = f"the source had none for the interval from {str(missing)[:16].replace('T', ' ')} UTC"
    else:
        why = (
            "it has not found one yet"
            if str(state) in ("queued", "running")
            else "none of its tasks found one"
        )
    return RunFacts(
        slice=key if isinstance(key, str) else None,
        version=version if isinstance(version, int) else None,
        why="" if isinstance(key, str) else why,
        note=note or "",
    )


@dataclass(frozen=True, kw_only=True)
class WaitingQuestion:
    """A run that waits for a person's answer on a version, in Airflow itself.

    Attributes:
        path: below Airflow's public API, of the question: a PATCH answers it.
        run: its id.
    """

    path: str
    run: str


def waiting_question(session: Session, model: str, version: int) -> WaitingQuestion | None:
    """The question on a version that nobody has answered in Airflow; None: there is none."""
    dags = (model, f"{model}{SUFFIX}", f"{model}{RETRAIN_SUFFIX}")
    waiting = session.execute(
        select(TaskInstance.dag_id, TaskInstance.run_id, TaskInstance.task_id, TaskInstance.map_index)
        .join(HITLDetail, HITLDetail.ti_id == TaskInstance.id)
        .where(
            TaskInstance.dag_id.in_(dags),
            TaskInstance.state == TaskInstanceState.AWAITING_INPUT,
            HITLDetail.responded_at.is_(None),
        )
    ).all()
    for dag_id, run_id, task_id, map_index in waiting:
        found = facts_of_run(session, dag_id, run_id)
        if found is not None and found.version == version:
            run = f"dags/{quote(dag_id)}/dagRuns/{quote(run_id)}"
            task = f"taskInstances/{quote(task_id)}/{map_index}/hitlDetails"
            return WaitingQuestion(path=f"{run}/{task}", run=run_id)
    return None


def airflow_facts(
    session: Session, dag_ids: Collection[str], *, answered: Callable[[str], Collection[str]]
) -> dict[str, AirflowFacts]:
    """By DAG, for those that Airflow knows.

    Args:
        answered: the keys of a DAG's model that need nobody when a run finds no slice. Asked only for DAGs
            with such runs.
    """
    dags = session.execute(
        select(DagModel.dag_id, DagModel.is_paused, DagModel.next_dagrun_create_after).where(
            DagModel.dag_id.in_(dag_ids), DagModel.is_stale.is_(False)
        )
    ).all()
    newest = select(func.max(DagRun.id)).where(DagRun.dag_id.in_(dag_ids)).group_by(DagRun.dag_id)
    runs = {
        dag_id: (run_id, str(state), note)
        for dag_id, run_id, state, note in session.execute(
            select(DagRun.dag_id, DagRun.run_id, DagRun.state, DagRunNote.content)
            .outerjoin(DagRunNote, DagRunNote.dag_run_id == DagRun.id)
            .where(DagRun.id.in_(newest))
        )
    }
    missing = dict(
        session.execute(
            select(XComModel.dag_id, func.count(func.distinct(XComModel.run_id)))
            .where(XComModel.key == MISSING, XComModel.dag_id.in_(dag_ids))
            .group_by(XComModel.dag_id)
        )
        .tuples()
        .all()
    )
    for dag_id in missing:
        missing[dag_id] -= _answered_runs(session, dag_id, answered(dag_id))
    found = {}
    for dag_id, paused, next_run in dags:
        run_id, state, note = runs.get(dag_id, (None, None, None))
        found[dag_id] = AirflowFacts(
            next_run=None if paused or next_run is None else next_run.isoformat(),
            paused=bool(paused),
            last_run=run_id,
            last_run_state=state,
            last_run_note=note,
            missing_runs=missing.get(dag_id, 0),
        )
    return found


def is_paused(session: Session, dag_id: str) -> bool:
    """Whether runs of the DAG stay queued, as Airflow starts none of them."""
    return bool(session.scalar(select(DagModel.is_paused).where(DagModel.dag_id == dag_id)))


def _answered_runs(session: Session, dag_id: str, keys: Collection[str]) -> int:
    """How many runs found no slice where that needs nobody: by the starts of their intervals."""
    left = session.scalars(select(XComModel).where(XComModel.dag_id == dag_id, XComModel.key == MISSING))
    runs = {one.run_id: str(XComModel.deserialize_value(one)) for one in left}
    forms = {form for key in keys if (form := form_of(key)) is not None}
    return sum(not _keys_at(start, forms).isdisjoint(keys) for start in runs.values())


def _keys_at(start: str, forms: Collection[str]) -> set[str]:
    """The key of a slice that begins then, in each form."""
    try:
        time = datetime.fromisoformat(start)
    except ValueError:
        return set()
    return {key for form in forms for key in expected_keys((), starts=[time], form=form)}
