"""A slice is released from quarantine with the pipeline's own code at hand, which declares the columns.

The code runs in a process of its own. Where the api-server has no such code, the verdict's word is taken.
"""

from __future__ import annotations

from ckpt_ops.actions import Asked
from ckpt_ops.actions.slices import release, released_message
from ckpt_ops.lineage.records import actor_of_now
from ckpt_ops.pipeline.loading import is_described
from ckpt_ops.runs.released import ReleaseRequest, release_with_code
from ckpt_ops.store import Store
from ckpt_ops_airflow.apart import ask, dags_folder
from ckpt_ops_airflow.api.the_store import store_address


def release_by_the_code(store: Store, model: str, asked: Asked) -> str:
    """As `actions.slices.release`. Raises `BadInput` also for columns that today's code does not declare."""
    folder = dags_folder()
    if not is_described(model, folder):
        return release(store, model, asked)
    request = ReleaseRequest(
        model=model, folder=folder, store=store_address(), key=asked.key, why=asked.why, actor=actor_of_now()
    )
    found = ask(release_with_code, request, named="release", model=model, folder=folder)
    return released_message(asked.key, found.rows)
