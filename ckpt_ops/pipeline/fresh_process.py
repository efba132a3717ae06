"""The side of a process that `launch` started: what it is asked, and how it answers.

The answer is one JSON file, written whole: `{"result": ...}` or `{"error": ...}`. Without one, the
process died.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from ckpt_ops.errors import CkptOpsError
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.loading import load_pipeline
from ckpt_ops.store import Store, open_store


def parser(module: str) -> argparse.ArgumentParser:
    """Takes what `launch` always says: pipeline, version, store, and where the answer goes."""
    made = argparse.ArgumentParser(prog=module)
    made.add_argument("--pipeline", required=True)
    made.add_argument("--store", required=True)
    made.add_argument("--version", type=int, required=True)
    made.add_argument("--answer", type=Path, required=True)
    return made


def answer(options: argparse.Namespace, work: Callable[[Pipeline, Store], Any]) -> int:
    """Do the work and write the answer; returns the exit code. What is not our error goes on up."""
    return answer_into(
        options.answer, lambda: work(load_pipeline(options.pipeline), open_store(options.store))
    )


def answer_into(path: Path, work: Callable[[], Any]) -> int:
    """As `answer`, of work that needs neither."""
    try:
        result = work()
    except CkptOpsError as error:
        known = {"type": type(error).__name__, "what": error.what, "safe": error.safe, "next": error.next}
        print(f"{type(error).__name__}: {error}", flush=True)
        _write(path, {"error": known})
        return 1
    _write(path, {"result": result})
    return 0


def _write(path: Path, given: dict[str, Any]) -> None:
    staged = path.with_suffix(".part")
    staged.write_text(json.dumps(given))
    staged.replace(path)
