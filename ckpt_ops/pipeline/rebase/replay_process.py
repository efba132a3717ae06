"""The process that carries out a rebase: one step after the other, on a model that is built once.

Each step is an ordinary candidate with its own log, checkpoints and result. Started by `launch`.
"""

from __future__ import annotations

import sys
from functools import partial

from ckpt_ops.errors import LineageMoved
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.attempt import Bench
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.fresh_process import answer, parser
from ckpt_ops.pipeline.rebase.way import next_step, way
from ckpt_ops.pipeline.recording import record_result
from ckpt_ops.store import Store


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: every step is trained. Otherwise the answer says why, if it could."""
    options = parser("ckpt_ops.pipeline.rebase.replay_process").parse_args(arguments)
    return answer(options, replay)


def replay(pipeline: Pipeline, store: Store) -> list[int]:
    """Train every step that is left; the numbers of those trained here.

    Raises `LineageMoved` when there is nothing to rebase any more, `ModelCodeError`, `Fenced` and more.
    """
    propose = partial(next_step, pipeline)
    log = ModelLog(store, pipeline.name)
    bench: Bench | None = None
    trained: list[int] = []
    while True:
        on = way(pipeline, log.state())
        if on is None:
            raise LineageMoved(f"there is nothing to rebase in {pipeline.name} any more")
        if on.next is None:
            return trained
        print(f"step {on.step} of {len(on.plan.replay)}: {on.next.reason}", flush=True)
        bench = bench or Bench(pipeline, store)
        number = bench.attempt(log, on.next, propose, ask_policy=False)
        record_result(log, store, number)
        trained.append(number)


if __name__ == "__main__":
    sys.exit(main())
