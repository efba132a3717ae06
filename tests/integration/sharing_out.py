"""Trains models on two logical devices of the CPU and on one, and prints as JSON how they compare.

It is a program of its own, because TensorFlow has to be told of the devices before anything uses it.
"""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import keras
import numpy as np
import tensorflow as tf

from ckpt_ops.checkpoints import Position, capture, model_variables
from ckpt_ops.checkpoints.capture import copies_of, tensorflow_variable
from ckpt_ops.errors import CkptOpsError
from ckpt_ops.training import BatchOrder, Budget, Examples, Mirrored, RunningAverage, TailAverage, Trainer
from ckpt_ops.training.distribution.cluster import Cluster
from ckpt_ops.training.distribution.replicas import Replicas, mirrored

ROWS, BATCH, STEPS, HALF = 100, 16, 12, 5


class Unsaved:
    """Takes the place of a checkpointer."""

    stopping, saved_step, stall_seconds, save_every = False, -1, 0.0, None

    def __init__(self, step: int = 0) -> None:
        self.at = Position(step=step)

    def after_step(
        self, step: int, *, seconds: float, cursor: Mapping[str, int], metrics: Mapping[str, Any]
    ) -> None:
        self.at = Position(step=step, seconds=seconds, metrics=metrics)

    def finish(self) -> None:
        """Nothing is kept."""


def network(**settings: Any) -> keras.Model:
    numbers, carrier = keras.Input((4,), name="numbers"), keras.Input((2,), dtype="int32", name="carrier")
    table = keras.layers.Embedding(50, 3, name="table")(carrier)
    joined = keras.layers.Concatenate()([numbers, keras.layers.Flatten()(table)])
    hidden = keras.layers.Dense(8, "relu", kernel_regularizer="l2", name="hidden")(joined)
    if settings.pop("norm", False):
        hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    if settings.pop("drop", False):
        hidden = keras.layers.Dropout(0.3, seed=3)(hidden)
    out = keras.layers.Dense(1, "sigmoid", name="late")(hidden)
    outs: Any = out
    if settings.pop("two", False):
        outs = {"late": out, "minutes": keras.layers.Dense(1, name="minutes")(hidden)}
        losses: Any = {"late": "binary_crossentropy", "minutes": "mse"}
    else:
        losses = settings.pop("loss", "binary_crossentropy")
    model = keras.Model({"numbers": numbers, "carrier": carrier}, outs)
    optimizer = settings.pop("optimizer", lambda: keras.optimizers.Adam(0.01))()
    model.compile(optimizer, losses, **settings)
    return model


class OwnStep(keras.Model):
    def train_step(self, data: Any) -> Any:
        return super().train_step(data)


def own_step() -> keras.Model:
    inner = network()
    model = OwnStep(inner.inputs, inner.outputs)
    model.compile("adam", "mse")
    return model


MODELS: dict[str, Callable[[], keras.Model]] = {
    "adam": lambda: network(metrics=["AUC", "accuracy"]),
    "sgd, weight decay": lambda: network(
        optimizer=lambda: keras.optimizers.SGD(0.05, momentum=0.9, weight_decay=0.01)
    ),
    "weights": lambda: network(metrics=["accuracy"], weighted_metrics=["AUC"]),
    "two outputs": lambda: network(two=True),
    "loss is a sum": lambda: network(
        loss=keras.losses.BinaryCrossentropy(reduction="sum"),
        optimizer=lambda: keras.optimizers.SGD(0.001),
    ),
    "steps_per_execution": lambda: network(steps_per_execution=5),
    "fewer rows than a batch": lambda: network(),
    "a schedule": lambda: network(
        optimizer=lambda: keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, STEPS))
    ),
    "average": lambda: network(),
    "norm and dropout": lambda: network(norm=True, drop=True),
}
REFUSED: dict[str, Callable[[], keras.Model]] = {
    "clipnorm": lambda: network(optimizer=lambda: keras.optimizers.Adam(clipnorm=1.0)),
    "global_clipnorm": lambda: network(optimizer=lambda: keras.optimizers.Adam(global_clipnorm=1.0)),
    "use_ema": lambda: network(optimizer=lambda: keras.optimizers.Adam(use_ema=True)),
    "gradient_accumulation_steps": lambda: network(
        optimizer=lambda: keras.optimizers.Adam(gradient_accumulation_steps=2)
    ),
    "a train_step of its own": own_step,
    "run_eagerly": lambda: network(run_eagerly=True),
    "a loss divided by its weights": lambda: network(
        loss=keras.losses.BinaryCrossentropy(reduction="mean_with_sample_weight")
    ),
    "LossScaleOptimizer": lambda: network(
        optimizer=lambda: keras.optimizers.LossScaleOptimizer(keras.optimizers.Adam())
    ),
}


def examples(kind: str) -> Examples:
    rows = 11 if kind == "fewer rows than a batch" else ROWS
    draw = np.random.default_rng(1)
    late = draw.integers(0, 2, rows).astype("float32")
    return Examples(
        inputs={
            "numbers": draw.normal(size=(rows, 4)).astype("float32"),
            "carrier": draw.integers(0, 50, (rows, 2)).astype("int32"),
        },
        labels={"late": late, "minutes": draw.normal(size=rows)} if kind == "two outputs" else late,
        weights=draw.uniform(0.2, 3.0, rows) if kind == "weights" else None,
    )


def train(
    kind: str, replicas: Replicas | None, *, start: int = 0, stop: int = STEPS, values: Any = None
) -> tuple[dict[str, Any], dict[str, float]]:
    """Values of all variables, and what was reported."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(0)
    if replicas is None:
        model = MODELS[kind]()
    else:
        with replicas.scope():
            model = MODELS[kind]()
            model.optimizer.build(model.trainable_variables)
    variables = model_variables(model)
    for name, value in (values or {}).items():
        tensorflow_variable(variables[name]).assign(value)
    given, unsaved = examples(kind), Unsaved(start)
    average = RunningAverage(TailAverage(), variables, last=stop) if kind == "average" else None
    Trainer(
        model=model,
        examples=given,
        order=BatchOrder(rows=given.rows, batch_size=BATCH, seed=7),
        budget=Budget(max_steps=stop, max_seconds=math.inf),
        checkpoints=unsaved,
        progress=lambda how_far: None,
        average=average,
        replicas=replicas,
    ).train()
    for name, one in variables.items():
        alike = {copy.numpy().tobytes() for copy in copies_of(tensorflow_variable(one))}
        assert len(alike) == 1, f"{kind}: the replicas have different values of {name}"
    held = capture(variables, step=stop).tensors
    return {name: np.array(one) for name, one in held.items()}, unsaved.at.numbers()


def apart(one: Mapping[str, Any], other: Mapping[str, Any]) -> float:
    """The largest difference of two models' numbers."""
    assert one.keys() == other.keys()
    return max(float(np.max(np.abs(np.float64(one[name]) - np.float64(other[name])))) for name in one)


def refusal(kind: str, replicas: Replicas) -> str:
    MODELS[kind] = REFUSED[kind]
    try:
        train(kind, replicas)
    except CkptOpsError as error:
        return str(error)
    return ""


def among_processes(worker: int, addresses: Sequence[str], kinds: Sequence[str]) -> None:
    """As one of several processes; each prints how what it holds compares with what it trains alone."""
    cluster = Cluster(addresses=tuple(addresses), worker=worker)
    cluster.tell_tensorflow()
    several = cluster.connect(batch_size=BATCH)
    tf.config.experimental.enable_op_determinism()
    found = {}
    for kind in kinds:
        shared, reported = train(kind, several)
        again, _ = train(kind, several)
        alone, expected = train(kind, None)
        found[kind] = {
            "weights": apart(shared, alone),
            "reported": apart(reported, expected),
            "again": apart(shared, again),
        }
    print(json.dumps({"trained": found}), flush=True)


def main(kinds: Sequence[str]) -> None:
    """Of all kinds, or of those that are named."""
    two = mirrored(Mirrored(devices=("CPU:0", "CPU:1")), batch_size=BATCH)
    tf.config.experimental.enable_op_determinism()
    found: dict[str, Any] = {}
    for kind in kinds or [*MODELS]:
        shared, reported = train(kind, two)
        alone, expected = train(kind, None)
        again, _ = train(kind, two)
        found[kind] = {
            "weights": apart(shared, alone),
            "reported": apart(reported, expected),
            "again": apart(shared, again),
        }
        if kind not in ("average", "steps_per_execution"):
            middle, _ = train(kind, two, stop=HALF)
            resumed, _ = train(kind, two, start=HALF, values=middle)
            found[kind]["resumed"] = apart(shared, resumed)
    print(json.dumps({"trained": found, "refused": {kind: refusal(kind, two) for kind in REFUSED}}))


if __name__ == "__main__":
    if sys.argv[1] == "--worker":
        among_processes(int(sys.argv[2]), sys.argv[3].split(","), sys.argv[4:])
    else:
        main(sys.argv[1:])
