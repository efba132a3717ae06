"""The process of a back-test: replays the recorded slices under each policy. Started by `comparing`."""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from ckpt_ops.evaluation import metric_named
from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline.backtest.comparing import Asked
from ckpt_ops.pipeline.backtest.policies_file import load_policies, pipelines_under
from ckpt_ops.pipeline.backtest.recorded import Recorded, recorded
from ckpt_ops.pipeline.backtest.sharing import Shared, side_by_side
from ckpt_ops.pipeline.backtest.simulation import Event, History
from ckpt_ops.pipeline.backtest.tally import compared_keys, dominated, event_view, frontier_words, tally
from ckpt_ops.pipeline.backtest.workshop import Workshop
from ckpt_ops.pipeline.description import Pipeline
from ckpt_ops.pipeline.fresh_process import answer, parser
from ckpt_ops.store import Store


def main(arguments: list[str] | None = None) -> int:
    """Exit code 0: the answer is the comparison. Otherwise it says why there is none, if it could."""
    options = parser("ckpt_ops.pipeline.backtest.compare_process")
    options.add_argument("--policies", type=Path, required=True)
    options.add_argument("--metric", required=True)
    options.add_argument("--from", dest="first")
    options.add_argument("--to", dest="last")
    given = options.parse_args(arguments)
    return answer(given, lambda pipeline, store: compare(pipeline, store, _asked(given)))


def _asked(given: argparse.Namespace) -> Asked:
    return Asked(policies=given.policies, metric=given.metric, first=given.first, last=given.last)


def compare(pipeline: Pipeline, store: Store, asked: Asked) -> dict[str, Any]:
    """Replay the recorded slices under each policy of the file. Nothing is written to the store.

    Returns:
        `metric`, `higher_is_better`; `clock`; `slices`: key and rows of each; `compared`: keys of the slices
        that every policy scored; `policies`: for each its name, how it is written, what `Tally` has, and
        `slices`: what happened at each; `dominated`, `frontier` in words; `trainings`: how many were asked
        for, and how many of them were shared, restored, trained; `seconds`, `cpu_seconds` of this process.

    Raises:
        BadInput: of `load_policies`, `recorded`.
        ObjectNotFound: a slice's rows are gone.
        ModelCodeError: the user's functions did not take the slices.
    """
    began = time.monotonic()
    pipelines = pipelines_under(pipeline, load_policies(asked.policies))
    state = ModelLog(store, pipeline.name).state()
    replayed = recorded(state, first=asked.first, last=asked.last)

    def report(at: int, name: str, event: Event) -> None:
        passed = f"{time.monotonic() - began:.0f} s"
        spent = f", {event.steps} steps" if event.candidate else ""
        print(
            f"slice {at} of {len(replayed.slices)} ({event.key}) after {passed}: {name}: "
            f"{event.outcome.value}{spent}",
            flush=True,
        )

    with tempfile.TemporaryDirectory(prefix="ckpt-ops-backtest-") as folder:
        workshop = Workshop(pipeline, store, state, Path(folder))
        models = Shared(workshop)
        histories = side_by_side(pipelines, replayed.slices, models, report)
    return {
        **_said(replayed, histories, asked.metric),
        "trainings": {
            "asked": models.asked,
            "shared": models.asked - models.trained,
            "restored": workshop.restored,
            "trained": models.trained - workshop.restored,
        },
        "seconds": time.monotonic() - began,
        "cpu_seconds": time.process_time(),
    }


def _said(replayed: Recorded, histories: Sequence[History], metric: str) -> dict[str, Any]:
    keys = compared_keys(histories, metric)
    tallies = [tally(history, metric, keys) for history in histories]
    return {
        "metric": metric,
        "higher_is_better": metric_named(metric).higher_is_better,
        "clock": replayed.clock.value,
        "slices": [{"key": one.ref.key, "rows": one.ref.rows} for one in replayed.slices],
        "compared": keys,
        "policies": [
            {
                **asdict(added),
                "policy": repr(history.pipeline.update_when),
                "slices": [event_view(event, metric) for event in history.events],
            }
            for added, history in zip(tallies, histories, strict=True)
        ],
        "dominated": dominated(tallies, metric),
        "frontier": frontier_words(tallies, metric),
    }


if __name__ == "__main__":
    sys.exit(main())
