"""The store that the api-server was given, with the views of its models, which stay open."""

from __future__ import annotations

import os
from functools import lru_cache

from ckpt_ops.errors import BadInput, CkptOpsError, ObjectNotFound, TransientError
from ckpt_ops.lineage import LineageState
from ckpt_ops.pipeline.naming import check_name
from ckpt_ops.store import open_store
from ckpt_ops.views.store_views import StoreViews


def store_address() -> str:
    """CKPT_OPS_STORE. Raises `TransientError`: it is not set."""
    url = os.environ.get("CKPT_OPS_STORE", "")
    if not url:
        raise TransientError(
            "the api-server knows no store",
            safe="nothing was written",
            next="set CKPT_OPS_STORE for it, as for the tasks",
        )
    return url


def the_views() -> StoreViews:
    """The views of the store. Raises `TransientError`: there is no store, or its address is wrong."""
    try:
        return _opened(store_address())
    except BadInput as error:  # not what this request asked for
        raise TransientError(error.what, safe=error.safe, next=error.next) from error


def state_of(name: str) -> LineageState:
    """The state of a model, as its log has it now.

    Raises:
        BadInput: no model can have this name.
        ObjectNotFound: there is none.
    """
    check_name(name, field="model")
    try:
        return the_views().state(name)
    except BadInput as error:
        raise no_model(name) from error


def views_of(name: str) -> StoreViews:
    """The views, if there is a model of this name. Raises as `state_of`."""
    state_of(name)
    return the_views()


def no_model(name: str) -> CkptOpsError:
    """The error for a name that has no model. It names no other: not everybody may see them."""
    return ObjectNotFound(
        f"there is no model {name}: nothing of it is in the store yet",
        safe="nothing was written",
        next=f"run its DAG, or ckpt-ops run {name}; a DAG without a pipeline has no model",
    )


@lru_cache(maxsize=4)
def _opened(address: str) -> StoreViews:
    return StoreViews(open_store(address))
