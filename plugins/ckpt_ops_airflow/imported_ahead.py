"""What tasks import, imported once by the process that they are forked from.

A task of Airflow's LocalExecutor is a fork of a fork of the scheduler: it has what that has imported. Without
this, each of the seven tasks of a run takes a second of processor time to import the same modules.

No task runs older code than it would without: a fork whose files have changed since forgets the project's own
modules and imports them again. TensorFlow, Keras and Great Expectations are never among them, as they are not
safe to fork: they stand by in interpreters of their own (`ckpt_ops.worker.standby`).
"""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Mapping
from pathlib import Path

_NAMES = (
    "airflow.sdk.execution_time.task_runner",
    "airflow.api_fastapi.auth.managers.models.resource_details",
    "airflow.providers.common.compat.assets",
    "jinja2.ext",
    "ckpt_ops_airflow",
    "ckpt_ops_airflow.factory",
    "ckpt_ops_airflow.rebase",
    "ckpt_ops_airflow.retrain",
    "ckpt_ops_airflow.exporting",
    "ckpt_ops_airflow.ordering",
    "ckpt_ops.runs.steps",
    "ckpt_ops.runs.pull",
    "ckpt_ops.store.gcs",
    "pyarrow.parquet",
    "pyarrow.dataset",
    "google.cloud.storage",
    "google_crc32c",
    "matplotlib.backends.backend_agg",
    "matplotlib.figure",
)
_OWN = ("ckpt_ops", "ckpt_ops_airflow")


def import_ahead() -> None:
    """Import what tasks will need; from now on every fork of this process has it."""
    for name in _NAMES:
        importlib.import_module(name)
    files = _own_files()
    seen = _states(files)
    os.register_at_fork(after_in_child=lambda: _forget_what_was_edited(files, seen))


def _forget_what_was_edited(files: Mapping[str, Path], seen: Mapping[str, object]) -> None:
    if _states(files) != seen:
        for name in [one for one in sys.modules if one.partition(".")[0] in _OWN]:
            del sys.modules[name]


def _own_files() -> dict[str, Path]:
    """The file of each imported module of the project."""
    return {
        name: Path(file)
        for name, module in sys.modules.items()
        if name.partition(".")[0] in _OWN and (file := getattr(module, "__file__", None))
    }


def _states(files: Mapping[str, Path]) -> dict[str, object]:
    """Of each file: when it was changed and how long it is; None if it has gone."""
    found: dict[str, object] = {}
    for name, file in files.items():
        try:
            stat = file.stat()
        except OSError:
            found[name] = None
        else:
            found[name] = (stat.st_mtime_ns, stat.st_size)
    return found
