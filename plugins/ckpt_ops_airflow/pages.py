"""The pages of the plugin, served by Airflow's api-server to those whom Airflow lets see the DAG.

Airflow does not guard a plugin's app by itself: every route here asks Airflow's own security for the user.
"""

from __future__ import annotations

import os
from typing import Annotated

from airflow.api_fastapi.core_api.security import requires_access_dag
from fastapi import Depends, FastAPI, HTTPException, Path
from fastapi.responses import HTMLResponse

from ckpt_ops.errors import BadInput, CkptOpsError, ObjectNotFound
from ckpt_ops.pipeline.reports import Page, page_of
from ckpt_ops.store import open_store

# Pages made of data: they may bring their own style, and load, run or send nothing.
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:",
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
}

app = FastAPI(title="ckpt_ops", docs_url=None, redoc_url=None, openapi_url=None)


@app.get(
    "/slices/{dag_id}/{key}/{revision}/{page}",
    dependencies=[Depends(requires_access_dag(method="GET"))],
    response_class=HTMLResponse,
)
def slice_page(
    dag_id: Annotated[str, Path(description="The pipeline; it is its DAG's id.")],
    key: str,
    revision: Annotated[str, Path(description="As it was pulled or accepted; 'newest' for the last one.")],
    page: Page,
) -> HTMLResponse:
    """What validation said of a slice."""
    try:
        html = page_of(open_store(os.environ["CKPT_OPS_STORE"]), dag_id, key, revision, page)
    except (BadInput, ObjectNotFound) as error:
        raise HTTPException(404, str(error)) from error
    except (CkptOpsError, KeyError) as error:
        raise HTTPException(503, f"the store does not answer: {error}") from error
    return HTMLResponse(html, headers=_HEADERS)
