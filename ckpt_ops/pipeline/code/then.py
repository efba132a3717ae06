"""The code that a version was made by, for work that has to make of it what was made then.

An old version predicts, is exported and is trained again by its own `pipeline.py`, `examples()` and
`build_model()`, whatever those of today are. They run in the worker's process, from a folder of their own.
"""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.errors import ObjectNotFound
from ckpt_ops.lineage import VersionState
from ckpt_ops.pipeline.code.kept import read_code
from ckpt_ops.pipeline.code.own import is_code_of_today
from ckpt_ops.pipeline.pipeline import Pipeline
from ckpt_ops.store import Store


@contextmanager
def code_of_version(pipeline: Pipeline, store: Store, version: VersionState) -> Iterator[Path | None]:
    """A dags folder with the code that `version` was trained by; None where that is today's.

    None, too, where older code of ours trained it and kept no copy: what is asked of it is asked of today's
    code then, and checked as before.

    Raises:
        ObjectNotFound: the copy is gone.
        Corrupt: it is not what was kept.
    """
    name = version.trained.artifacts.get("code") if version.trained else None
    if name is None or _is_of_today(pipeline, store, version):
        yield None
        return
    code = read_code(store, name)
    with tempfile.TemporaryDirectory(prefix="ckpt-ops-code-then-") as folder:
        code.unpack(Path(folder))
        yield Path(folder)


def _is_of_today(pipeline: Pipeline, store: Store, version: VersionState) -> bool:
    if version.trained is None:
        return False
    try:
        return is_code_of_today(pipeline, load_manifest(store, version.trained.final).code_digest)
    except ObjectNotFound:  # retention removed its checkpoint; its code is kept with its export
        return False
