"""The process that `planning` starts: loads a pipeline and says what is due. Nothing of Airflow is imported.

The question comes on standard input and the answer goes to standard output, both JSON:
`{"failed": ...}` when the pipeline cannot be loaded, else what `answer` returns.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

from ckpt_ops.errors import CkptOpsError, TerminalError
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.production import taint_view
from ckpt_ops.pipeline import Pipeline, load_intake
from ckpt_ops.pipeline.backfill import plan_backfill
from ckpt_ops.pipeline.rebase.view import plan_view
from ckpt_ops.store import Store, open_store

T = TypeVar("T")


def main() -> None:
    """Answer the question."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the pipeline's code prints is not the answer
    asked = json.load(sys.stdin)
    try:
        found = answer(asked)
    except CkptOpsError as error:
        found = {"failed": str(error)}
    with answers:
        json.dump(found, answers)


def answer(asked: dict[str, Any]) -> dict[str, Any]:
    """What is true of the model, and what a backfill of the range would do.

    `kind` is "intake" where there is no model, and then the rest is not there. `slices` is None when
    the source could not be asked; `problem` says why.
    """
    name = asked["model"]
    intake = _by_them(f"{name}/pipeline.py", lambda: load_intake(name, Path(asked["folder"])))
    if not isinstance(intake, Pipeline):
        return {"kind": "intake", "source": intake.source.name}
    store = open_store(asked["store"])
    state = ModelLog(store, name).state()
    found: dict[str, Any] = {
        "kind": "model",
        "source": intake.source.name,
        "head": state.head,
        "held": state.held,
        "tainted": taint_view(state),
        "rebase": plan_view(intake, state),
        "slices": None,
        "problem": "",
    }
    try:
        found["slices"] = _by_them(f"source {intake.source.name}", lambda: _slices(intake, store, asked))
    except CkptOpsError as error:
        found["problem"] = str(error)
    return found


def _slices(pipeline: Pipeline, store: Store, asked: dict[str, Any]) -> list[dict[str, Any]]:
    start, end = (datetime.fromisoformat(asked[name]) for name in ("start", "end"))
    expected = asked["expected"]
    if expected is not None:
        expected = [datetime.fromisoformat(text) for text in expected]
    return [asdict(one) for one in plan_backfill(pipeline, store, start, end, expected=expected)]


def _by_them(what: str, call: Callable[[], T]) -> T:
    """What the call returns. Code that somebody else wrote may raise anything."""
    try:
        return call()
    except CkptOpsError:
        raise
    except Exception as error:
        raise TerminalError(
            f"{what} raised {type(error).__name__}: {error}", safe="nothing was written", next="mend it"
        ) from error


if __name__ == "__main__":
    main()
