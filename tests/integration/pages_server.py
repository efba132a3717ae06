"""Airflow's api-server with our plugin, on a database of its own: no scheduler, no task, no PostgreSQL.

`python pages_server.py` reads a line of JSON, {"users": {name: role}, "dags": folder}, and answers with one:
{"port": ..., "tokens": {name: token}, "routes": [[method, path], ...]}. It ends when its input does.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any


def main() -> None:
    answers, sys.stdout = sys.stdout, sys.stderr  # Airflow logs to it, and nobody reads on
    asked = json.loads(sys.stdin.readline())
    _fill_database(Path(asked["dags"]))

    import uvicorn
    from airflow.api_fastapi.app import create_app, get_auth_manager
    from airflow.api_fastapi.auth.managers.simple.user import SimpleAuthManagerUser

    app = create_app(apps="core")
    tokens = {
        name: get_auth_manager().generate_jwt(SimpleAuthManagerUser(username=name, role=role))
        for name, role in asked["users"].items()
    }
    listening = socket.create_server(("127.0.0.1", 0))
    server = uvicorn.Server(uvicorn.Config(app, log_level="warning", lifespan="off"))
    threading.Thread(target=_end_with_input, args=(server,), daemon=True).start()
    answer = {"port": listening.getsockname()[1], "tokens": tokens, "routes": _our_routes(app)}
    print(json.dumps(answer), file=answers, flush=True)
    server.run(sockets=[listening])


def _fill_database(folder: Path) -> None:
    """Airflow's tables, and its DAGs as the dag-processor would leave them there."""
    from airflow import settings
    from airflow.dag_processing.dagbag import DagBag, sync_bag_to_db
    from airflow.models import import_all_models
    from airflow.models.base import Base
    from airflow.models.dagbundle import DagBundleModel
    from airflow.utils.db import synchronize_log_template
    from airflow.utils.session import create_session

    import_all_models()
    Base.metadata.create_all(settings.engine)
    synchronize_log_template()  # every run that is triggered refers to it
    with create_session() as session:
        session.add(DagBundleModel(name="dags-folder"))
    bag = DagBag(dag_folder=folder, bundle_path=folder, bundle_name="dags-folder", load_op_links=False)
    assert not bag.import_errors, bag.import_errors
    sync_bag_to_db(bag, "dags-folder", None)
    if (filled := os.environ.get("PAGES_RUNS")) is not None:
        with create_session() as session:
            _add_runs(session, json.loads(filled))


def _add_runs(session: Any, runs: list[dict[str, Any]]) -> None:
    """Runs that have ended, with their notes and what their tasks have left."""
    from datetime import UTC, datetime

    from airflow.models.dag_version import DagVersion
    from airflow.models.dagrun import DagRun, DagRunNote
    from airflow.models.hitl import HITLDetail
    from airflow.models.serialized_dag import SerializedDagModel
    from airflow.models.taskinstance import TaskInstance
    from airflow.models.xcom import XComModel
    from airflow.utils.types import DagRunType

    for one in runs:
        start = datetime.fromisoformat(one["start"]).replace(tzinfo=UTC)
        run = DagRun(
            dag_id=one["dag_id"],
            run_id=one["run_id"],
            logical_date=start,
            run_after=start,
            run_type=DagRunType.MANUAL,
            state=one["state"],
            data_interval=(start, start),
            conf=one.get("conf"),
        )
        session.add(run)
        session.flush()
        if one.get("note"):
            run.dag_run_note = DagRunNote(content=one["note"], user_id="ckpt-ops")
        dag = SerializedDagModel.get_dag(one["dag_id"], session=session)
        version = DagVersion.get_latest_version(one["dag_id"], session=session)
        for task_id, left in one.get("left", {}).items():
            state = "awaiting_input" if task_id == one.get("asks") else "success"
            ti = TaskInstance(
                dag.get_task(task_id), run_id=run.run_id, dag_version_id=version.id, state=state
            )
            session.add(ti)
            session.flush()
            if task_id == one.get("asks"):
                session.add(HITLDetail(ti_id=ti.id, subject="?", options=["Approve", "Reject"]))
            for key, value in left.items():
                XComModel.set(
                    key=key,
                    value=value,
                    dag_id=run.dag_id,
                    task_id=task_id,
                    run_id=run.run_id,
                    session=session,
                )


def _our_routes(app: Any) -> list[tuple[str, str]]:
    """Method and path of each of ours, as the app has them."""
    (ours,) = [one for one in app.routes if getattr(one, "path", "") == "/ckpt-ops"]
    return [(method, route.path) for route in ours.app.routes for method in sorted(route.methods)]


def _end_with_input(server: Any) -> None:
    sys.stdin.read()
    server.should_exit = True


if __name__ == "__main__":
    main()
