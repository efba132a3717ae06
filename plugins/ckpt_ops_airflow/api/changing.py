"""What a person may do with a model: looked at before, and carried out under that person's name.

    GET  /ckpt-ops/api/models/{dag_id}/actions/{action}?key=&version=&how=&what=&at_step=
    POST /ckpt-ops/api/models/{dag_id}/actions/{action}   {"why": ..., and what the action needs}
         answers {"message", "changed", "airflow"}

A POST takes the permission to trigger a run of the DAG, comes from our own page with its token, and may be
sent again: what is done already is not done twice. With the `seen` of a GET, it does what that GET said, or
nothing: the model may have moved meanwhile.

A version that is approved or rejected here may have a run that waits for the same answer in Airflow, and
later runs wait for that one. `airflow` then says how the page answers it, with the person's own session:
Airflow checks and logs that as any other answer.
"""

from __future__ import annotations

import json
from typing import Annotated, Any

from airflow.api_fastapi.common.db.common import SessionDep
from airflow.api_fastapi.core_api.security import GetUserDep
from fastapi import APIRouter, Depends, Query, Request
from fastapi.responses import Response
from sqlalchemy.orm import Session
from starlette.exceptions import HTTPException

from ckpt_ops.actions import Asked, carry_out, find_action, preview
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage.records import acting_as
from ckpt_ops.pipeline.step_results import Answer
from ckpt_ops.printable import shortened
from ckpt_ops.views import plain
from ckpt_ops_airflow.api.airflow_facts import waiting_question
from ckpt_ops_airflow.api.json_answers import json_answer
from ckpt_ops_airflow.api.permissions import may_trigger, may_trigger_runs
from ckpt_ops_airflow.api.release_apart import release_by_the_code
from ckpt_ops_airflow.api.the_store import state_of, views_of
from ckpt_ops_airflow.csrf import require_csrf

LONGEST_BODY = 64 * 1024
_FIELDS: dict[str, type] = {
    **{"why": str, "key": str, "version": int, "how": str, "what": str, "at_step": int},
    "seen": str,
}
_ANSWERS = {
    "approve": Answer.APPROVE,
    "promote-despite-gates": Answer.APPROVE,
    "reject": Answer.REJECT,
}
_LONGEST_NAME, _LONGEST_SHOWN = 128, 80


def action_routes() -> APIRouter:
    """Routes on one model, for those who may read its DAG; the changes for those who may trigger it."""
    router, path = APIRouter(), "/models/{dag_id}/actions/{action}"
    router.add_api_route(path, look, response_class=Response)
    router.add_api_route(
        path,
        do,
        methods=["POST"],
        dependencies=[Depends(may_trigger), Depends(require_csrf)],
        response_class=Response,
    )
    return router


def look(
    dag_id: str,
    action: str,
    user: GetUserDep,
    key: str = "",
    version: Annotated[int | None, Query()] = None,
    how: str = "",
    what: str = "",
    at_step: Annotated[int | None, Query()] = None,
) -> Response:
    """What the action would do, and whether the user may do it: that takes more than to look."""
    find_action(action)
    asked = Asked(key=key, version=version, how=how, what=what, at_step=at_step)
    found = preview(state_of(dag_id), action, asked)
    more = {"seen": found.digest, "permitted": may_trigger_runs(dag_id, user)}
    return json_answer(plain(found) | more)


async def body_of(request: Request) -> Asked:
    """What was chosen. It is read after the permissions were checked, and only so much of it."""
    if request.headers.get("content-type", "").partition(";")[0].strip() != "application/json":
        raise HTTPException(415, "a change is sent as application/json")
    data = b""
    async for part in request.stream():
        data += part
        if len(data) > LONGEST_BODY:
            raise HTTPException(413, f"a change is described by at most {LONGEST_BODY:,} bytes")
    try:
        given = json.loads(data)
    except (ValueError, RecursionError):
        raise BadInput("body", shortened(repr(data[:80]), 80), "a JSON object") from None
    return _asked(given)


def do(
    dag_id: str,
    action: str,
    user: GetUserDep,
    session: SessionDep,
    asked: Annotated[Asked, Depends(body_of)],
) -> Response:
    """Do it, in the user's name."""
    find_action(action)
    store = views_of(dag_id).store
    with acting_as(shortened(user.get_name(), _LONGEST_NAME)):
        done = carry_out(store, dag_id, action, asked, do=_by_the_code(action))
    return json_answer({**plain(done), "airflow": _to_answer(session, dag_id, action, asked)})


def _to_answer(session: Session, model: str, action: str, asked: Asked) -> dict[str, Any] | None:
    """The request that answers the run's own question: a path below Airflow's public API, and the body."""
    if action not in _ANSWERS or asked.version is None:
        return None
    found = waiting_question(session, model, asked.version)
    if found is None:
        return None
    chosen = {"chosen_options": [_ANSWERS[action].value], "params_input": {"why": asked.why}}
    return {"method": "PATCH", "path": found.path, "run": found.run, "body": chosen}


def _by_the_code(action: str) -> Any:
    """In place of the action's own function, where the pipeline's code knows more than the store."""
    return release_by_the_code if action == "release-slice" else None


def _shown(value: object) -> object:
    """The value, unless it is long."""
    return value if len(repr(value)) <= _LONGEST_SHOWN else shortened(repr(value), _LONGEST_SHOWN)


def _asked(given: object) -> Asked:
    """Raises `BadInput` naming the field that is unknown or of a wrong type."""
    if not isinstance(given, dict):
        raise BadInput("body", type(given).__name__, "a JSON object")
    for name, value in given.items():
        kind = _FIELDS.get(name)
        if kind is None:
            raise BadInput("body", shortened(str(name), 80), f"the fields {', '.join(_FIELDS)}")
        right = isinstance(value, kind) and not (kind is int and isinstance(value, bool))
        if not right and not (value is None and kind is int):
            raise BadInput(name, _shown(value), "text" if kind is str else "a whole number")
        if kind is str and name != "why" and not value.isprintable():
            raise BadInput(name, value, "visible characters, no control characters")
    return Asked(**given)
