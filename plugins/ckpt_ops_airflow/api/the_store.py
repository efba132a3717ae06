"""The store that the api-server was given, and a model in it."""

from __future__ import annotations

import os

from ckpt_ops.errors import BadInput, CkptOpsError, ObjectNotFound, TransientError
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.intake import check_name
from ckpt_ops.store import Store, open_store

NO_STORE = "The api-server knows no store"
SET_IT = "set CKPT_OPS_STORE for it, as for the tasks"


def store_address() -> str:
    """CKPT_OPS_STORE. Raises `TransientError`: it is not set."""
    url = os.environ.get("CKPT_OPS_STORE", "")
    if not url:
        raise TransientError(NO_STORE, safe="nothing was written", next=SET_IT)
    return url


def the_store() -> Store:
    """The store, opened. Raises `TransientError`: there is none, or its address is wrong."""
    try:
        return open_store(store_address())
    except BadInput as error:  # not what this request asked for
        raise TransientError(error.what, safe=error.safe, next=error.next) from error


def model_in(store: Store, name: str) -> Store:
    """The store itself, if it has a model of this name.

    Raises:
        BadInput: no model can have this name.
        ObjectNotFound: there is none.
    """
    check_name(name, field="model")
    if not ModelLog(store, name).state().sequence:
        raise no_model(name)
    return store


def no_model(name: str) -> CkptOpsError:
    """The error for a DAG, or a name, that has no model."""
    return ObjectNotFound(
        f"there is no model {name}: nothing of it is in the store yet",
        safe="nothing was written",
        next=f"run its DAG, or ckpt-ops run {name}; a DAG without a pipeline has no model",
    )
