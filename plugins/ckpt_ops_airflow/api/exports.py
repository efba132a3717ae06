"""A version in other formats: which are possible, what a run that writes one would do, and how far runs are.

    GET /ckpt-ops/api/models/{dag_id}/versions/{version}/exports
    GET /ckpt-ops/api/models/{dag_id}/versions/{version}/exports/{format}

Both need TensorFlow, so a run of the DAG `{dag_id}_export` does it. The page triggers one through Airflow's
public API with the person's own session: Airflow checks and records that as any other trigger.
"""

from __future__ import annotations

from datetime import datetime

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from airflow.models.dagrun import DagRun, DagRunNote
from airflow.models.xcom import XComModel
from fastapi import APIRouter
from fastapi.responses import Response
from sqlalchemy import select
from sqlalchemy.orm import Session

from ckpt_ops.actions import Asked
from ckpt_ops.actions.asked import the_version
from ckpt_ops.serving.in_store import look
from ckpt_ops.serving.on_request import FORMATS, Known, missing_packages, preview
from ckpt_ops.views import plain
from ckpt_ops.views.building.exports import bytes_of, format_rows
from ckpt_ops.views.exports import ExportRun, ExportsView
from ckpt_ops_airflow.api.airflow_facts import is_paused
from ckpt_ops_airflow.api.json_answers import json_answer
from ckpt_ops_airflow.api.permissions import may_trigger_runs, readable
from ckpt_ops_airflow.api.the_store import views_of
from ckpt_ops_airflow.exporting import SUFFIX
from ckpt_ops_airflow.intervals import is_there
from ckpt_ops_airflow.results import EXPORT

LOOKED_AT, SHOWN = 200, 20
"""The newest runs of the DAG, and how many of them are shown."""


def export_routes() -> APIRouter:
    """Routes on one model, for those who may read its DAG."""
    router, path = APIRouter(), "/models/{dag_id}/versions/{version}/exports"
    router.add_api_route(path, exports, response_class=Response)
    router.add_api_route(f"{path}/{{format}}", look_at, response_class=Response)
    return router


def exports(dag_id: str, version: int, user: GetUserDep, session: SessionDep) -> Response:
    """The formats of a version, and the runs that write them."""
    views, dag = views_of(dag_id), f"{dag_id}{SUFFIX}"
    state = views.state(dag_id)
    the_version(state, Asked(version=version))
    there = is_there(dag)
    seen = there and dag in readable([dag], user)
    return json_answer(
        ExportsView(
            model=dag_id,
            version=version,
            dag=dag if there else None,
            paused=there and is_paused(session, dag),
            permitted=there and may_trigger_runs(dag, user),
            formats=format_rows(state, version, look(views.store, state, version)),
            runs=_runs(session, dag, version) if seen else (),
        )
    )


def look_at(dag_id: str, version: int, format: str, user: GetUserDep, session: SessionDep) -> Response:
    """What a run that writes this format would do, and whether the user may trigger it."""
    views, dag = views_of(dag_id), f"{dag_id}{SUFFIX}"
    state = views.state(dag_id)
    the_version(state, Asked(version=version))
    known = Known()
    if format in FORMATS:
        seen = _of_dag(session, dag) if dag in readable([dag], user) else []
        done = next((run for run, _ in seen if _said(run, "format") == format and _seconds(run)), None)
        nbytes = bytes_of(views.store, state, version, format)
        known = Known(nbytes=nbytes, seconds=_seconds(done) if done else None, paused=is_paused(session, dag))
    there, absent = look(views.store, state, version), missing_packages(format)
    found = preview(state, version, format, known=known, there=there, absent=absent)
    return json_answer(plain(found) | {"permitted": may_trigger_runs(dag, user)})


def _runs(session: Session, dag: str, version: int) -> tuple[ExportRun, ...]:
    found = []
    for run, note in _of_dag(session, dag):
        if _version_of(session, run) == version:
            found.append(
                ExportRun(
                    run=run.run_id,
                    format=_said(run, "format") or FORMATS[0],
                    state=str(run.state or ""),
                    started=_time(run.start_date),
                    ended=_time(run.end_date),
                    by=run.triggering_user_name or "",
                    reason=_said(run, "why"),
                    note=note or "",
                )
            )
    return tuple(found[:SHOWN])


def _of_dag(session: Session, dag: str) -> list[tuple[DagRun, str | None]]:
    """Its newest runs, with their notes."""
    rows = session.execute(
        select(DagRun, DagRunNote.content)
        .outerjoin(DagRunNote, DagRunNote.dag_run_id == DagRun.id)
        .where(DagRun.dag_id == dag)
        .order_by(DagRun.id.desc())
        .limit(LOOKED_AT)
    ).all()
    return [(run, note) for run, note in rows]


def _version_of(session: Session, run: DagRun) -> int | None:
    """The version that the run is about; one that names none has said it in its result."""
    asked = (run.conf or {}).get("version")
    if isinstance(asked, int):
        return asked
    left = session.scalars(
        select(XComModel).where(
            XComModel.dag_id == run.dag_id,
            XComModel.run_id == run.run_id,
            XComModel.task_id == EXPORT,
            XComModel.key == "return_value",
        )
    ).first()
    result = XComModel.deserialize_value(left) if left is not None else None
    found = result.get("version") if isinstance(result, dict) else None
    return found if isinstance(found, int) else None


def _said(run: DagRun, name: str) -> str:
    found = (run.conf or {}).get(name)
    return found if isinstance(found, str) else ""


def _seconds(run: DagRun) -> float | None:
    """That a successful run took."""
    if str(run.state) != "success" or run.start_date is None or run.end_date is None:
        return None
    return float((run.end_date - run.start_date).total_seconds())


def _time(time: datetime | None) -> str:
    return "" if time is None else time.isoformat()
