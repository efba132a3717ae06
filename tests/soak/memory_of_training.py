"""A process that trains two candidates on many generated rows, and says what memory that took.

    python tests/soak/memory_of_training.py FOLDER ROWS text MOST

MOST is how many held-out rows evaluate, and score, at most; without it as many as the product has. Each
candidate is evaluated in a process of its own, as in production.

Rows have 20 columns of numbers; with `text` 18, and two of text: of few values, and of a value for each row.
Half of the rows lie in a slice that was consumed before, of which the replay draws all that it may.
"""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from ckpt_ops.candidates import scored_rows
from ckpt_ops.candidates.recording import record_result
from ckpt_ops.candidates.training import run_attempt
from ckpt_ops.checkpoints import EverySteps
from ckpt_ops.evaluation import AtLeast, NoForgetting
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.runs import steps
from ckpt_ops.slices import Files, pull
from ckpt_ops.store import LocalStore
from ckpt_ops.training import Budget, Reservoir

GROUP = 1 << 18
MODEL = """
import keras
import numpy as np
from ckpt_ops.training import Examples

def examples(table):
    inputs = {}
    for name in table.column_names:
        column = table[name]
        if name != "label":
            text = str(column.type) == "string"
            inputs[name] = np.asarray(column.to_pylist(), object) if text else column.to_numpy()
    return Examples(inputs=inputs, labels=table["label"].to_numpy())

def build_model():
    numbers = {f"x{n:02}": keras.Input((), name=f"x{n:02}") for n in range(NUMBERS)}
    texts = {name: keras.Input((), name=name, dtype="string") for name in TEXTS}
    columns = [keras.layers.Reshape((1,))(one) for one in numbers.values()]
    for one in texts.values():
        hashed = keras.layers.Hashing(1_000)(one)
        columns.append(keras.layers.Embedding(1_000, 4)(hashed))
    hidden = keras.layers.Concatenate()(columns)
    hidden = keras.layers.Dense(32, activation="relu")(hidden)
    model = keras.Model({**numbers, **texts}, keras.layers.Dense(1, activation="sigmoid")(hidden))
    model.compile("adam", "binary_crossentropy")
    return model
"""


def made(rows: int, start: int, text: bool) -> pa.Table:
    """Rows that Parquet keeps in little space."""
    generator = np.random.default_rng(start)
    numbers = 18 if text else 20
    columns: dict[str, Any] = {
        f"x{n:02}": (generator.integers(0, 16, rows) / 16).astype(np.float32) for n in range(numbers)
    }
    if text:
        columns["few"] = np.char.add("kind ", (np.arange(rows) % 50).astype(str))
        columns["many"] = np.char.add("id ", np.arange(start, start + rows).astype(str))
    label = columns["x00"] + columns["x01"] > 1
    return pa.table({**columns, "label": label.astype(np.float32)})


def write(path: Path, rows: int, start: int, text: bool) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with pq.ParquetWriter(path, made(1, 0, text).schema) as writer:
        for first in range(0, rows, GROUP):
            writer.write_table(made(min(GROUP, rows - first), start + first, text))


class Memory:
    """The most anonymous memory of this process, sampled: what no file stands behind."""

    def __init__(self) -> None:
        self.most = 0
        self._ends = threading.Event()
        self._thread = threading.Thread(target=self._sample, daemon=True)
        self._thread.start()

    def _sample(self) -> None:
        while not self._ends.wait(0.02):
            self.most = max(self.most, anonymous())


def anonymous() -> int:
    """Bytes of this process's memory that no file stands behind."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) << 10 for line in lines if line.startswith("RssAnon:"))


def pipeline_in(folder: Path, text: bool) -> Pipeline:
    sys.path.insert(0, str(folder / "dags"))
    schema, url = made(1, 0, text).schema, LocalStore(folder / "landing").url
    return Pipeline(
        name="wide",
        source=Files(name="wide", schema=schema, template="{key}.parquet", url=url),
        expectations="e.json",
        model="wide.model:build_model",
        budget=Budget(max_steps=300, max_seconds=3600),
        save=EverySteps(300),
        replay=Reservoir(share=4.0),
        gates=[AtLeast("auc", 0.1), NoForgetting(metric="auc", margin=0.9)],
        batch_size=256,
    )


def evaluate(folder: Path, text: bool, version: int) -> None:
    pipeline, store = pipeline_in(folder, text), LocalStore(folder / "store")
    import ckpt_ops.evaluation.report.plots  # noqa: F401

    memory, before = Memory(), anonymous()
    steps.evaluate(pipeline, store, version)
    print(json.dumps(memory.most - before))


def evaluated_apart(folder: Path, text: bool, version: int) -> int:
    arguments = [str(folder), "evaluate", "text" if text else "numbers", str(version)]
    done = subprocess.run([sys.executable, __file__, *arguments], stdout=subprocess.PIPE, check=True)
    return int(json.loads(done.stdout.splitlines()[-1]))


def main(folder: Path, rows: int, text: bool) -> None:
    texts = ("few", "many") if text else ()
    code = folder / "dags" / "wide" / "model.py"
    code.parent.mkdir(parents=True)
    code.write_text(f"NUMBERS, TEXTS = {20 - len(texts)}, {texts!r}\n{MODEL}")
    (code.parent / "__init__.py").touch()
    for name in ("landing", "store"):
        (folder / name).mkdir()
    pipeline, store = pipeline_in(folder, text), LocalStore(folder / "store")
    log, half = ModelLog(store, pipeline.name), rows // 2
    memory, said = Memory(), {}
    for number, (key, start) in enumerate((("2024-01-01", 0), ("2024-01-02", half)), 1):
        landed = folder / "landing" / f"{key}.parquet"
        write(landed, half, start, text)
        pulled = pull(store, pipeline.source, key)
        landed.unlink()
        accepted = SliceAccepted(slice=SliceRef(key=key, revision=pulled.revision, rows=pulled.rows))
        _ = log.decide(partial(_unless_there, accepted))
        import tensorflow as tf

        tf.constant(0.0)
        before = anonymous()
        memory.most = 0
        run_attempt(pipeline, store, key)
        said[f"version {number}"] = memory.most - before
        record_result(log, store, number)
        said[f"evaluation of version {number}"] = evaluated_apart(folder, text, number)
        steps.promote(pipeline, store, number)
    print(json.dumps(said))


def _unless_there(accepted: SliceAccepted, state: LineageState) -> SliceAccepted | None:
    return None if accepted.slice.key in state.slices else accepted


if __name__ == "__main__":
    if sys.argv[2] == "evaluate":
        evaluate(Path(sys.argv[1]), sys.argv[3] == "text", int(sys.argv[4]))
    else:
        if len(sys.argv) > 4:
            scored_rows.MOST_ROWS = int(sys.argv[4])
        main(Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "text")
