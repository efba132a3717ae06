"""Work for a process of its own, done in this one, where TensorFlow is imported already."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any

import pytest

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.worker import Surroundings, codec
from ckpt_ops.worker.raised import Raised


@contextmanager
def asked_here_and_now() -> Iterator[None]:
    """While a block runs, `worker.run` calls the function; request, result and error cross as they would."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("ckpt_ops.worker.run", _run)
        yield


def _run(
    function: Callable[[Any], Any],
    request: object,
    *,
    surroundings: Surroundings,
    otherwise: Callable[[], Any] | None = None,
    **_: object,
) -> Any:
    if otherwise is not None:
        return otherwise()  # nothing stands by
    asked, answered = codec.kinds_of(function)
    with _only_code_of(surroundings):
        try:
            return _crossed(answered, function(_crossed(asked, request)))
        except CkptOpsError as error:
            raise Raised.of(error).error() from None


def _crossed(kind: type[Any], value: object) -> Any:
    return codec.read(kind, codec.loads(codec.dumps(codec.written(value))))


@contextmanager
def _only_code_of(surroundings: Surroundings) -> Iterator[None]:
    """Meanwhile user code is that of the folder, imported anew; behind it, what was imported before."""
    folders = [str(folder) for folder in (surroundings.code, surroundings.without) if folder is not None]
    before = _imported_from(folders)
    for name in before:
        del sys.modules[name]
    with pytest.MonkeyPatch.context() as patch:
        others = [path for path in sys.path if path not in folders]
        patch.setattr(sys, "path", [str(surroundings.code), *others])
        patch.setenv("CKPT_OPS_DAGS", str(surroundings.code))
        importlib.invalidate_caches()
        try:
            yield
        finally:
            for name in _imported_from(folders):
                del sys.modules[name]
            sys.modules.update(before)


def _imported_from(folders: list[str]) -> dict[str, ModuleType]:
    below = tuple(f"{folder}{os.sep}" for folder in folders)
    found = {}
    for name, module in list(sys.modules.items()):
        place = getattr(module, "__file__", None)  # None, where a test hides a module
        if isinstance(place, str) and place.startswith(below):
            found[name] = module
    return found
