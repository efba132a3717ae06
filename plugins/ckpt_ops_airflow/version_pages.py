"""What was judged of a version, served by Airflow's api-server to those who may read the model's DAG.

GET /ckpt-ops/models/{dag_id}/versions/{version}/evaluation
"""

from __future__ import annotations

import os

from fastapi import APIRouter
from fastapi.responses import HTMLResponse

from ckpt_ops_airflow.pages import HEADERS, NO_STORE, said


def version_pages() -> APIRouter:
    """Routes for `pages.protected_app`."""
    router = APIRouter()
    router.add_api_route(
        "/models/{dag_id}/versions/{version}/evaluation", evaluation, response_class=HTMLResponse
    )
    return router


def evaluation(dag_id: str, version: int) -> HTMLResponse:
    """The evaluation's page, or one that says why there is none: 400, 404, or 503 for now."""
    # the first request pays for these imports, and not the api-server's start
    from ckpt_ops.errors import BadInput, CkptOpsError, ObjectNotFound
    from ckpt_ops.pipeline.pages import evaluation_page
    from ckpt_ops.store import open_store

    url = os.environ.get("CKPT_OPS_STORE", "")
    if not url:
        return said(503, NO_STORE)
    try:
        content = evaluation_page(open_store(url), dag_id, version)
    except BadInput as error:
        return said(400, str(error))
    except ObjectNotFound as error:
        return said(404, str(error))
    except (CkptOpsError, OSError) as error:
        return said(503, str(error))
    return HTMLResponse(content, headers=dict(HEADERS))
