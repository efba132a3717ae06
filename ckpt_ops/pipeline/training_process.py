"""The one process of a run that imports TensorFlow: it trains, predicts and exports. Started by `launch`."""

from __future__ import annotations

import sys
from functools import partial

from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.attempt import Bench
from ckpt_ops.pipeline.candidate import moved, proposed
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.fresh_process import answer, parser
from ckpt_ops.store import Store


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: the candidate's log holds the result. Otherwise the answer says why, if it could."""
    asked = parser("ckpt_ops.pipeline.training_process")
    asked.add_argument("--slice", required=True)
    options = asked.parse_args(arguments)
    return answer(options, lambda pipeline, store: run_attempt(pipeline, store, options.slice))


def run_attempt(pipeline: Pipeline, store: Store, key: str) -> int:
    """One attempt at the candidate that slice `key` makes; returns the number of its version.

    Raises `LineageMoved`, `ModelCodeError`, `Fenced` and more.
    """
    propose = partial(proposed, pipeline, key=key)
    log = ModelLog(store, pipeline.name)
    wanted = propose(log.state())
    if wanted is None:
        raise moved(pipeline.name)
    bench = Bench(pipeline, store, from_nothing=False)
    return bench.attempt(log, wanted, propose, ask_policy=True)


if __name__ == "__main__":
    sys.exit(main())
