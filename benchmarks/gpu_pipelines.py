"""Pipelines over made-up rows for `gpu`: one for each way to compute, trained by the product itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

KEY = "2026-01-01"
COLUMNS = 32

_PIPELINE = '''\
"""Made by benchmarks/gpu.py."""

import os

import pyarrow as pa

from ckpt_ops import AtLeast, Budget, EverySteps, Files, NoReplay, Numerics, Pipeline
{imports}
schema = pa.schema([*((f"x{{at}}", pa.float32()) for at in range({columns})), ("y", pa.float32())])
pipeline = Pipeline(
    name="{name}",
    source=Files(name="rows", schema=schema, template="{{key}}.parquet", url="{landing}"),
    expectations="expectations.json",
    model="{name}.model:{model}",
    budget=Budget(max_steps={steps}, max_seconds=600),
    save=EverySteps({save}),
    replay=NoReplay(),
    average=None,
    gates=[AtLeast("accuracy", 0.0)],
    batch_size={batch},
    numerics=Numerics({numerics}),
    {settings}
)
'''

_MODEL = '''\
"""Made by benchmarks/gpu.py: what it predicts is float32, whatever it computes in."""

import keras
import numpy as np

from ckpt_ops import Examples


def examples(table):
    columns = [table[name].to_numpy() for name in table.column_names if name != "y"]
    return Examples(inputs={"x": np.stack(columns, axis=1)}, labels=table["y"].to_numpy())


def compiled(given, hidden):
    hidden = keras.layers.Dropout(0.1)(hidden)
    out = keras.layers.Dense(1, "sigmoid", dtype="float32")(hidden)
    model = keras.Model({"x": given}, out)
    model.compile(keras.optimizers.Adam(1e-3), "binary_crossentropy")
    return model


def dense():
    """Four matrices of 1,024 x 1,024."""
    hidden = given = keras.Input((COLUMNS,), name="x")
    for _ in range(5):
        hidden = keras.layers.Dense(1024, "relu")(hidden)
    return compiled(given, hidden)


def convolutions():
    """Rows as lines of one pixel's height, each channel wide."""
    given = keras.Input((COLUMNS,), name="x")
    hidden = keras.layers.Reshape((COLUMNS, 1))(given)
    for filters in (64, 128, 256):
        hidden = keras.layers.Conv1D(filters, 5, padding="same", activation="relu")(hidden)
    return compiled(given, keras.layers.GlobalAveragePooling1D()(hidden))
'''


@dataclass(frozen=True, kw_only=True)
class Way:
    """One way to train.

    Attributes:
        name: of the pipeline, and in the table.
        numerics: arguments of `Numerics`, as code.
        mirrored: over all devices, by `Pipeline(distribution=Mirrored())`.
        hidden: the GPUs are hidden from it.
    """

    name: str
    model: str = "dense"
    numerics: str = ""
    mirrored: bool = False
    hidden: bool = False


def write_rows(landing: Path, rows: int) -> None:
    """A slice of numbers, and whether their sum is above what is usual."""
    landing.mkdir()
    x = np.random.default_rng(7).normal(size=(rows, COLUMNS)).astype(np.float32)
    columns = {f"x{at}": x[:, at] for at in range(COLUMNS)}
    pq.write_table(pa.table({**columns, "y": (x.sum(1) > 0).astype(np.float32)}), landing / f"{KEY}.parquet")


def write_pipeline(dags: Path, landing: Path, way: Way, *, steps: int, save: int, batch: int) -> None:
    """The folder of a pipeline, as a person would write it."""
    folder = dags / way.name
    folder.mkdir(parents=True)
    (folder / "__init__.py").write_text("")
    (folder / "expectations.json").write_text(json.dumps({"name": way.name, "expectations": []}))
    (folder / "model.py").write_text(_MODEL.replace("COLUMNS", str(COLUMNS)))
    (folder / "pipeline.py").write_text(
        _PIPELINE.format(
            name=way.name,
            imports="from ckpt_ops.training.distribution import Mirrored\n" if way.mirrored else "",
            columns=COLUMNS,
            landing=landing.as_uri(),
            model=way.model,
            steps=steps,
            save=save,
            batch=batch,
            numerics=way.numerics,
            settings="distribution=Mirrored()," if way.mirrored else "",
        )
    )
