"""Steps a second of the product's own loop beside `model.fit`: the same model, rows and machine, in one run.

    make bench WHAT=throughput                                    # twenty minutes on two idle cores
    make bench WHAT=throughput ARGS="--rounds 1 --scale 0.1"      # a quick look

`model.fit` gets a well-made `tf.data.Dataset` of the same rows in memory: batches are gathered by index by
compiled code, in parallel, and prefetched. The loop is `training.Trainer` with its checks of every step and a
checkpoint's bookkeeping, without saves. They take turns, in blocks of steps; each number is a median of the
blocks, each ratio the median of the ratios of neighbours.

Each workload is measured in four processes, one after the other: with op determinism, as the product trains,
without it twice, and with it again, so that a machine that becomes slower or faster favours neither. The
first also takes a step apart: `throughput_parts`. Prints a table for each, writes the raw numbers to `--out`,
and draws them into `--picture`; `--drawn FILE,...` draws what earlier calls wrote.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.throughput_parts import parts_of_a_step
from benchmarks.throughput_picture import draw
from benchmarks.workers import run_worker
from ckpt_ops.checkpoints import Position
from ckpt_ops.training import BatchOrder, Budget, Collected, Examples
from ckpt_ops.training.trainer import Trainer

WARM_UP = 20  # steps
TURNS = (True, False, False, True)  # with op determinism or without


@dataclass(frozen=True, kw_only=True)
class Workload:
    """Rows, and a model for them.

    Attributes:
        steps: of a block at full scale.
    """

    examples: Examples
    build: Callable[[], Any]
    batch_size: int
    steps: int


def flights(scale: float) -> Workload:
    """Eight weeks of real flights: three columns of text, four of numbers; `dags/flight_delay`."""
    import pyarrow as pa

    from demo.flights import weeks
    from flight_delay.model import build_model, examples

    chosen = list(weeks().values())[:8]
    return Workload(
        examples=examples(pa.concat_tables(chosen)),
        build=build_model,
        batch_size=128,
        steps=round(600 * scale),
    )


def numbers(scale: float) -> Workload:
    """Two million rows of 12 numbers, made here; two dense layers."""
    import keras

    rows, generator = round(2_000_000 * scale), np.random.default_rng(7)
    inputs = {f"x{number}": generator.random(rows, np.float32) for number in range(12)}
    labels = (np.sum(list(inputs.values()), axis=0) > 6).astype(np.float32)

    def build() -> Any:
        given = {name: keras.Input((), name=name) for name in inputs}
        hidden = keras.layers.Concatenate()([keras.layers.Reshape((1,))(one) for one in given.values()])
        for units in (64, 32):
            hidden = keras.layers.Dense(units, activation="relu")(hidden)
        model = keras.Model(given, keras.layers.Dense(1, activation="sigmoid")(hidden))
        model.compile("adam", "binary_crossentropy", metrics=[keras.metrics.AUC(name="auc")])
        return model

    return Workload(
        examples=Examples(inputs=inputs, labels=labels), build=build, batch_size=128, steps=round(600 * scale)
    )


def images(scale: float) -> Workload:
    """4,000 images of 64 x 64, kept as bytes in Parquet; three convolutions."""
    import io

    import keras
    import pyarrow as pa
    import pyarrow.parquet as pq

    rows, generator = max(256, round(4_000 * scale)), np.random.default_rng(7)
    labels = generator.integers(0, 5, rows)
    pixels = generator.integers(0, 200, (rows, 64, 64, 3)) + labels[:, None, None, None] * 10
    written = io.BytesIO()
    columns = {"pixels": [one.astype(np.uint8).tobytes() for one in pixels], "label": labels}
    pq.write_table(pa.table(columns), written, compression="zstd")
    table = pq.read_table(pa.BufferReader(written.getvalue()))
    read = np.stack([np.frombuffer(one, np.uint8) for one in table["pixels"].to_pylist()])
    image = (read.reshape(-1, 64, 64, 3) / 255).astype(np.float32)

    def build() -> Any:
        hidden = given = keras.Input((64, 64, 3), name="image")
        for filters in (16, 32, 64):
            hidden = keras.layers.Conv2D(filters, 3, strides=2, activation="relu")(hidden)
        hidden = keras.layers.GlobalAveragePooling2D()(hidden)
        model = keras.Model(given, keras.layers.Dense(5, activation="softmax")(hidden))
        model.compile("adam", "sparse_categorical_crossentropy", metrics=["accuracy"])
        return model

    examples = Examples(inputs={"image": image}, labels=table["label"].to_numpy())
    return Workload(examples=examples, build=build, batch_size=64, steps=round(60 * scale) or 1)


def ratings(scale: float) -> Workload:
    """100,000 real ratings of films: two embeddings; `dags/movie_ratings`."""
    import pyarrow as pa

    from demo.ratings import years
    from movie_ratings.model import build_model, examples

    return Workload(
        examples=examples(pa.concat_tables(list(years().values()))),
        build=build_model,
        batch_size=256,
        steps=round(400 * scale),
    )


WORKLOADS: Mapping[str, Callable[[float], Workload]] = {
    "flights": flights,
    "numbers": numbers,
    "images": images,
    "ratings": ratings,
}


class NoSaves:
    """What the loop reports to, at a step: nothing is saved."""

    saved_step, stopping = -1, False
    stall_seconds, save_every = 0.0, None

    def __init__(self, step: int) -> None:
        self.at = Position(step=step)

    def after_step(self, step: int, **said: Any) -> None: ...

    def finish(self) -> None: ...


def measure(name: str, scale: float, rounds: int, determinism: bool, parts: bool) -> dict[str, Any]:
    """Steps a second of both, block by block; and the seconds from a built model to the first batch.

    Args:
        parts: take a step apart, too.
    """
    import keras
    import tensorflow as tf

    sys.path.insert(0, str(Path("dags").absolute()))
    keras.utils.set_random_seed(7)
    if determinism:
        tf.config.experimental.enable_op_determinism()
    work = WORKLOADS[name](scale)
    work = replace(work, examples=_as_loaded(work.examples))
    order = BatchOrder(rows=work.examples.rows, batch_size=work.batch_size, seed=7)
    model = work.build()
    ours, theirs = _loop(work, order, model), _fit(work, order, model)
    first = _first_batch(work, order, model)
    for go in (ours, theirs):
        go(0, WARM_UP)
    at, found = WARM_UP, {"ours": [], "fit": []}  # type: dict[str, Any]
    for number in range(rounds):
        for called, go in (("ours", ours), ("fit", theirs))[:: 1 if number % 2 else -1]:
            began = time.perf_counter()
            go(at, at + work.steps)
            found[called].append(work.steps / (time.perf_counter() - began))
        at += work.steps
    taken_apart = {"parts": parts_of_a_step(work.examples, order, model, steps=work.steps)} if parts else {}
    rows = {"rows": work.examples.rows, "batch": work.batch_size}
    return {**found, **taken_apart, **rows, "first_batch_seconds": first}


def _as_loaded(examples: Examples) -> Examples:
    """As a candidate's rows are put together: text as codes, large columns on disk."""
    collected = Collected(examples.rows)
    collected.extend(examples)
    return collected.examples()


def _loop(work: Workload, order: BatchOrder, model: Any) -> Callable[[int, int], None]:
    from ckpt_ops.training.step_function import step_function

    step = step_function(model)

    def go(start: int, stop: int) -> None:
        Trainer(
            model=model,
            examples=work.examples,
            order=order,
            budget=Budget(max_steps=stop, max_seconds=3600),
            checkpoints=NoSaves(start),
            progress=lambda *said: None,
            step=step,
        ).train()

    return go


def _fit(work: Workload, order: BatchOrder, model: Any) -> Callable[[int, int], None]:
    import tensorflow as tf

    from ckpt_ops.checkpoints.model_inputs import as_trained

    columns = {name: tf.constant(np.asarray(column)) for name, column in work.examples.inputs.items()}
    labels = tf.constant(np.asarray(work.examples.labels))

    def gathered(rows: Any) -> tuple[Any, Any]:
        inputs = {name: tf.gather(column, rows) for name, column in columns.items()}
        return as_trained(model, inputs), tf.gather(labels, rows)

    def go(start: int, stop: int) -> None:
        rows = np.stack([order.indices(step) for step in range(start, stop)]).astype(np.int64)
        dataset = tf.data.Dataset.from_tensor_slices(rows)
        dataset = dataset.map(gathered, num_parallel_calls=tf.data.AUTOTUNE).prefetch(tf.data.AUTOTUNE)
        model.fit(dataset, epochs=1, verbose=0)

    return go


def _first_batch(work: Workload, order: BatchOrder, model: Any) -> float:
    from ckpt_ops.training.batches import batches

    began = time.perf_counter()
    next(iter(batches(work.examples, order, 0, 100, model=model)))
    return time.perf_counter() - began


def in_turns(name: str, scale: float, rounds: int) -> dict[str, Any]:
    """What each process found: the blocks of both kinds joined, by "deterministic" and "free"."""
    joined: dict[str, Any] = {}
    for number, determinism in enumerate(TURNS):
        told = ["--worker", name, "--scale", str(scale), "--rounds", str(rounds)]
        told += [] if determinism else ["--without-determinism"]
        told += [] if number else ["--parts"]
        with tempfile.TemporaryDirectory() as home:
            found = run_worker("benchmarks.throughput", Path(home), *told)
        kind = "deterministic" if determinism else "free"
        if kind in joined:
            for called in ("ours", "fit"):
                joined[kind][called] += found[called]
        else:
            joined[kind] = found
    return joined


def cost_of(found: Mapping[str, Any], called: str) -> str:
    """What determinism costs, where all blocks with it are slower, or faster, than all without."""
    exact, free = (found[kind][called] for kind in ("deterministic", "free"))
    if max(exact) < min(free) or max(free) < min(exact):
        return f"{statistics.median(exact) / statistics.median(free) - 1:+.0%} steps of {called}"
    spread = ", ".join(f"{min(one):,.0f} to {max(one):,.0f}" for one in (exact, free))
    return f"cannot be told for {called}: blocks with it and without make {spread} steps a second"


def rows_of(name: str, found: Mapping[str, Any]) -> list[str]:
    """A workload's lines: with determinism, without, what it costs, and a step's parts."""
    lines = []
    for kind, one in found.items():
        ratio = statistics.median(ours / fit for ours, fit in zip(one["ours"], one["fit"], strict=True))
        ours, fit = (statistics.median(one[called]) for called in ("ours", "fit"))
        first = one["first_batch_seconds"]
        lines.append(f"{name:10} {kind:14} {ratio:5.2f} x {ours:10,.0f} {fit:10,.0f} {first:8.2f} s")
    lines += [f"{name:10} determinism: {cost_of(found, called)}" for called in ("ours", "fit")]
    parts = found["deterministic"]["parts"]
    told = ", ".join(f"{part} {seconds * 1e3:.3f}" for part, seconds in parts.items())
    return [*lines, f"{name:10} ms of a step: {told}"]


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=7, help="blocks of each; 7")
    parser.add_argument("--scale", type=float, default=1.0, help="of rows made here and steps; 1.0")
    parser.add_argument("--workloads", default=",".join(WORKLOADS), help="names, with commas")
    parser.add_argument("--without-determinism", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--parts", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--picture", type=Path, help="a PNG or SVG of where the time of a step goes")
    parser.add_argument("--drawn", default="", help="draw these files, with commas, and measure nothing")
    parser.add_argument("--out", type=Path, default=Path("throughput.json"))
    parser.add_argument("--worker", help=argparse.SUPPRESS)
    parser.add_argument("--result", type=Path, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.worker:
        found = measure(given.worker, given.scale, given.rounds, not given.without_determinism, given.parts)
        given.result.write_text(json.dumps(found))
        return
    results: dict[str, Any] = {}
    if given.drawn:
        for file in given.drawn.split(","):
            results |= json.loads(Path(file).read_text())
        draw(results, given.picture or Path("throughput.svg"))
        return
    print(
        f"{'workload':10} {'operations':14} {'ratio':>7} {'ours, /s':>10} {'fit, /s':>10} {'first batch':>10}"
    )
    for name in given.workloads.split(","):
        results[name] = in_turns(name, given.scale, given.rounds)
        print("\n".join(rows_of(name, results[name])), flush=True)
    given.out.write_text(json.dumps(results, indent=2))
    if given.picture:
        draw(results, given.picture)


if __name__ == "__main__":
    main()
