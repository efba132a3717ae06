"""Rows a second of predicting, as it is and as it was: a call for each batch; and the memory of a score.

    make bench WHAT=scoring                                    # a quarter of an hour on two idle cores
    make bench WHAT=scoring ARGS="--rounds 1 --scale 0.1"      # a quick look
    make bench WHAT=scoring ARGS="--workloads '' --rows 1e6,8e6,4e7"

"Before" is a plain loop over batches of 4,096 rows: the champion's export is called by its signature, the
candidate's model op by op. Both compute the same numbers, which is checked to the last bit. They take turns;
each number is a median, each ratio the median of the ratios of neighbours.

Memory is what a process has for itself (RssAnon), above what it had before, at its highest while a champion
is scored on a slice whose columns lie in files. A process of its own for each number of rows.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.machine import machine
from benchmarks.workers import run_worker
from ckpt_ops.training import Examples

BATCH = 4096
COLUMNS = 20
HELD = 0.2
ROWS = {"flights": 1_000_000, "numbers": 2_000_000}
Ask = Callable[[Mapping[str, Any]], Any]


def measure(name: str, scale: float, rounds: int) -> dict[str, Any]:
    """Rows a second of champion and candidate, before and now, round by round."""
    import keras
    import tensorflow as tf

    from benchmarks.throughput import WORKLOADS
    from ckpt_ops.candidates.as_served.exported import SIGNATURE, served
    from ckpt_ops.candidates.results import predict
    from ckpt_ops.checkpoints.model_inputs import forward
    from ckpt_ops.checkpoints.saved_model import inputs_of, write_saved_model

    sys.path.insert(0, str(Path("dags").absolute()))
    keras.utils.set_random_seed(7)
    tf.config.experimental.enable_op_determinism()
    work = WORKLOADS[name](1.0 if name == "flights" else scale)
    model, rows = work.build(), round(ROWS[name] * scale)
    inputs = work.examples.take(np.arange(rows) % work.examples.rows).inputs
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(model, Path(folder), inputs_of(inputs))
        signature = tf.saved_model.load(folder).signatures[SIGNATURE]
        both = {
            "champion": (_by_batch(lambda batch: signature(**batch)), served(Path(folder))),
            "candidate": (_by_batch(forward(model)), lambda columns: predict(model, columns)),
        }
        return {"rows": rows, **{who: _turns(inputs, *two, rounds) for who, two in both.items()}}


def _by_batch(ask: Ask) -> Ask:
    import tensorflow as tf

    def asked(columns: Mapping[str, Any]) -> Any:
        from ckpt_ops.lists import dense

        parts = []
        for start in range(0, len(next(iter(columns.values()))), BATCH):
            some = {name: dense(column[start : start + BATCH]) for name, column in columns.items()}
            texts = {name: one.astype(object) if one.dtype.kind == "U" else one for name, one in some.items()}
            answer = ask({name: tf.convert_to_tensor(one) for name, one in texts.items()})
            parts.append(np.asarray(next(iter(answer.values())) if isinstance(answer, Mapping) else answer))
        return np.concatenate(parts)

    return asked


def _turns(inputs: Mapping[str, Any], before: Ask, now: Ask, rounds: int) -> dict[str, list[float]]:
    rows = len(next(iter(inputs.values())))
    found: dict[str, list[float]] = {"before": [], "now": []}
    for number in range(rounds + 1):
        answers = {}
        for called, ask in (("before", before), ("now", now))[:: 1 if number % 2 else -1]:
            began = time.perf_counter()
            answers[called] = np.asarray(ask(inputs), np.float64).reshape(rows, -1)
            if number:  # the first round is of no account: it is traced there
                found[called].append(rows / (time.perf_counter() - began))
        if answers["before"].tobytes() != answers["now"].tobytes():
            raise SystemExit("a prediction differs")
    return found


def remember(rows: int) -> dict[str, Any]:
    """The memory of a champion's score on a slice of so many rows of 20 numbers in bytes, and its seconds."""
    import keras
    import tensorflow as tf

    from ckpt_ops.candidates.as_served.exported import served
    from ckpt_ops.checkpoints.saved_model import inputs_of, write_saved_model

    keras.utils.set_random_seed(7)
    tf.config.experimental.enable_op_determinism()
    given = {f"x{at}": keras.Input((), name=f"x{at}") for at in range(COLUMNS)}
    hidden = keras.layers.Concatenate()([keras.layers.Reshape((1,))(one) for one in given.values()])
    hidden = keras.layers.Dense(64, activation="relu")(hidden)
    model = keras.Model(given, keras.layers.Dense(1, activation="sigmoid")(hidden))
    with tempfile.TemporaryDirectory() as folder:
        train, held = (
            _in_files(Path(folder) / name, count)
            for name, count in (("train", rows - round(rows * HELD)), ("held", round(rows * HELD)))
        )
        small = train.take(slice(0, 300_000))
        write_saved_model(model, Path(folder) / "export", inputs_of(small.inputs))
        ask = served(Path(folder) / "export")
        _score(ask, small, held.take(slice(0, 1_000)))  # what TensorFlow takes once is not the score's
        began, before = time.perf_counter(), anonymous()
        with highest() as seen:
            _score(ask, train, held)
        return {"rows": rows, "bytes": max(seen) - before, "seconds": time.perf_counter() - began}


def _in_files(folder: Path, rows: int) -> Examples:
    folder.mkdir()
    generator, columns = np.random.default_rng(7), {}
    for name in [*(f"x{at}" for at in range(COLUMNS)), "label"]:
        column = np.lib.format.open_memmap(folder / f"{name}.npy", "w+", np.float32, (rows,))
        for start in range(0, rows, 1 << 20):
            drawn = generator.random(min(1 << 20, rows - start), np.float32)
            column[start : start + len(drawn)] = drawn > 0.7 if name == "label" else drawn
        column.flush()
        columns[name] = np.load(folder / f"{name}.npy", mmap_mode="r")
    labels = columns.pop("label")
    return Examples(inputs=columns, labels=labels)


def _score(ask: Ask, train: Examples, held: Examples) -> None:
    """As `candidates.champion.score` does, of one slice."""
    from ckpt_ops.candidates.as_served.asked import Rows
    from ckpt_ops.candidates.champion import ScoredPart, metrics_on, scored_of
    from ckpt_ops.candidates.scored_rows import evaluated_rows
    from ckpt_ops.lineage.records import SliceRef
    from ckpt_ops.outputs import numbers

    ref = SliceRef(key="slice", revision="0123456789abcdef", rows=train.rows + held.rows)
    of_train, of_held = scored_of(ref, (train, held))
    (drawn,) = evaluated_rows([(ref.revision, held.rows)])

    def asked(part: Examples, some: Any) -> Any:
        return numbers(ask(Rows.of(part, lambda: iter(()), some).inputs))

    of_training, evaluating = asked(train, of_train), asked(held, drawn)
    if drawn is not None:
        scored = asked(held, of_held)
    else:
        scored = evaluating if of_held is None else evaluating[of_held]
    metrics_on([ScoredPart.of(train, of_training, of_train), ScoredPart.of(held, scored, of_held)])


def anonymous() -> int:
    """Bytes that this process has for itself: pages of files are the system's, which takes them back."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("RssAnon"))


@contextmanager
def highest() -> Iterator[list[int]]:
    """Looks at `anonymous` a hundred times a second while a block runs; what it saw is in the list."""
    seen, done = [anonymous()], threading.Event()

    def look() -> None:
        while not done.wait(0.01):
            seen.append(anonymous())

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    try:
        yield seen
    finally:
        done.set()
        looking.join()


def _row(name: str, who: str, found: Mapping[str, Sequence[float]]) -> str:
    ratio = statistics.median(now / was for now, was in zip(found["now"], found["before"], strict=True))
    before, now = (statistics.median(found[one]) for one in ("before", "now"))
    return f"{name:10} {who:10} {before:12,.0f} {now:12,.0f} {ratio:6.2f} x"


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="of each; 7")
    parser.add_argument("--scale", type=float, default=1.0, help="of rows; 1.0")
    parser.add_argument("--workloads", default=",".join(ROWS), help="names, with commas")
    parser.add_argument("--rows", default="1e6,8e6", help="of slices whose memory is measured, with commas")
    parser.add_argument("--out", type=Path, default=Path("scoring.json"))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        is_workload = given.worker in ROWS
        found = (
            measure(given.worker, given.scale, given.rounds) if is_workload else remember(int(given.worker))
        )
        given.result.write_text(json.dumps(found))
        return
    results: dict[str, Any] = {"machine": machine()}
    with tempfile.TemporaryDirectory() as home:
        for name in filter(None, given.workloads.split(",")):
            told = ["--worker", name, "--scale", str(given.scale), "--rounds", str(given.rounds)]
            results[name] = run_worker("benchmarks.scoring", Path(home), *told)
            for who in ("champion", "candidate"):
                print(_row(name, who, results[name][who]), flush=True)
        for rows in (str(int(float(one))) for one in given.rows.split(",") if one):
            results[rows] = found = run_worker("benchmarks.scoring", Path(home), "--worker", rows)
            print(
                f"{int(rows):12,} rows {found['bytes'] / 2**20:8,.0f} MiB {found['seconds']:8.1f} s",
                flush=True,
            )
    given.out.write_text(json.dumps(results, indent=2))


if __name__ == "__main__":
    main()
