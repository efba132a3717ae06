"""What one process measures: saves in the midst of a training, or a restore in a fresh process.

Saves. One turn is some undisturbed steps, whose median is the step's price in this phase, then the
save call, then steps until the checkpoint is durable.

- block: how long the save call took.
- stall: wall time from just before the call to the end of the first step that ended after the
  checkpoint was durable, minus as many undisturbed steps as were taken. What a save costs, wherever
  the cost went: the call, copies on the next write, cores taken from the training.
- commit: from just before the call until durable.
- bytes, objects: what is new or changed where checkpoints are kept.

Restore. The clock starts with libraries imported and the model built and compiled. It stops when the
state is restored (`restore`), and when one train step is done (`first_step`).
"""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from benchmarks.cases import PARTS, Batch, Case
from benchmarks.engines import Engine
from benchmarks.places import Entries, Place, flush

_UNDISTURBED = PARTS + 2
_AFTER = 2
"""Steps after the call at the least, so that a copy put off to the next write is never missed."""


def measure_saves(
    engine: type[Engine], case: Case, place: Place, *, saves: int, warmups: int, fsync: bool
) -> dict[str, Any]:
    """Train, save `warmups + saves` times, and once more for the restore to begin from.

    Args:
        warmups: saves not counted: a process's first ones pay for memory and file cache that the
            machine touches for the first time, whichever engine asks for them.
        fsync: flush to disk for engines that do not do so themselves.

    Returns:
        the measured saves, the last step saved, the interval of batches that follows it, and the
        sums of all variables one step later.
    """
    model = case.build()
    model.train_on_batch(*case.batches(0)[0])  # builds the optimizer's variables
    saver = engine(model, place)
    training = _Training(model)
    turns = []
    with ThreadPoolExecutor(1) as watcher:
        for interval in range(warmups + saves):
            batches = case.batches(interval), case.batches(interval + 1)
            turns.append(_turn(training, saver, place, *batches, watcher, fsync and not engine.flushes))
    step = training.steps
    saver.save(step)
    saver.wait()
    following = warmups + saves + 1
    training.step(case.batches(following)[0])
    saver.close()
    return {
        "saves": turns[warmups:],
        "step": step,
        "following": following,
        "sums": _sums(model),
        "peak_rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    }


def measure_restore(
    engine: type[Engine], case: Case, place: Place, saved: Mapping[str, Any]
) -> dict[str, Any]:
    """Go back to what `measure_saves` left, take one step, compare every variable with its.

    Raises:
        RestoreDiffers: the engine did not bring back what it saved.
    """
    import tensorflow as tf

    tf.constant(0.0).numpy()  # the runtime's own start is nobody's restore
    model = case.build()
    batch = case.batches(saved["following"])[0]
    saver = engine(model, place)
    begin = time.perf_counter()
    model = saver.restore(saved["step"])
    restored = time.perf_counter()
    model.train_on_batch(*batch)
    stepped = time.perf_counter()
    saver.close()
    found, expected = _sums(model), saved["sums"]
    differing = [
        name
        for name in expected.keys() | found.keys()
        if not np.allclose(expected.get(name, np.nan), found.get(name, np.nan), rtol=1e-4, atol=1e-3)
    ]
    if differing:
        raise RestoreDiffers(f"after restore and one step {len(differing)} variables differ: {differing[:3]}")
    return {"restore": restored - begin, "first_step": stepped - begin}


class RestoreDiffers(Exception):
    """A restored training does not go on as the saved one did."""


class _Training:
    def __init__(self, model: Any) -> None:
        self.model, self.steps = model, 0

    def step(self, batch: Batch) -> float:
        """One train step; its seconds."""
        begin = time.perf_counter()
        self.model.train_on_batch(*batch)
        self.steps += 1
        return time.perf_counter() - begin


def _turn(
    training: _Training,
    saver: Engine,
    place: Place,
    before: Sequence[Batch],
    after: Sequence[Batch],
    watcher: ThreadPoolExecutor,
    fsync: bool,
) -> dict[str, float]:
    """Undisturbed steps on the batches `before`, a save, steps on those `after` until it is durable."""
    price = statistics.median(training.step(before[i % len(before)]) for i in range(_UNDISTURBED))
    present = place.entries()

    def durable() -> float:
        at = saver.wait()
        if fsync and saver.asynchronous:
            flush(place.directory, present)
            at = time.perf_counter()
        return at

    begin = time.perf_counter()
    saver.save(training.steps)
    if fsync and not saver.asynchronous:
        flush(place.directory, present)
    returned = time.perf_counter()
    committed = watcher.submit(durable)
    taken = 0
    while not (committed.done() and taken >= _AFTER):
        training.step(after[taken % len(after)])
        taken += 1
    end = time.perf_counter()
    written = _new(present, place.entries())
    saver.tidy()
    return {
        "block": returned - begin,
        "stall": end - begin - taken * price,
        "commit": max(committed.result(), returned if fsync else 0.0) - begin,
        "step": price,
        "steps": taken,
        "bytes": sum(size for size, _ in written),
        "objects": len(written),
    }


def _new(before: Entries, after: Entries) -> list[tuple[int, str]]:
    return [entry for name, entry in after.items() if before.get(name) != entry]


def _sums(model: Any) -> dict[str, tuple[float, float]]:
    """Sum and sum of magnitudes of every variable, by name: what shows a wrong restore at once."""
    from ckpt_ops.checkpoints import model_variables

    found = {}
    for name, variable in model_variables(model).items():
        array = variable.value.numpy()
        found[name] = (float(array.sum(dtype="float64")), float(np.abs(array).sum(dtype="float64")))
    return found
