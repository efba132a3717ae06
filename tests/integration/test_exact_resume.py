"""Stopped and resumed in a fresh model, training ends with an undisturbed run's weights, bit for bit."""

from __future__ import annotations

from collections import ChainMap
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ckpt_ops.checkpoints import (
    Checkpointer,
    Commits,
    EverySteps,
    Keep,
    Manifest,
    Position,
    Snapshot,
    capture,
    checkpointing,
    load_manifest,
    model_variables,
    restore,
)
from ckpt_ops.checkpoints.manifest import Segment
from ckpt_ops.checkpoints.restore import AVERAGE
from ckpt_ops.checkpoints.writer import BackgroundWriter
from ckpt_ops.errors import Corrupt, TrainingInterrupted
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.store import LocalStore
from ckpt_ops.training import BatchOrder, Budget, Examples, RunningAverage, TailAverage, Trainer
from ckpt_ops.training.lazy_adam import LazyAdam

ROWS, TABLE = 240, 5_000
STEPS, STOP = 11, 6


@pytest.fixture(scope="module", autouse=True)
def _deterministic() -> None:
    tf.config.experimental.enable_op_determinism()


@keras.saving.register_keras_serializable(package="tests")
class Clipped(keras.Model):
    """A train_step of its own: it clips, and it adds noise from a seed generator that is state."""

    def __init__(self, inner: keras.Model) -> None:
        super().__init__(name="clipped")
        self.inner = inner
        self.noise = keras.random.SeedGenerator(3)

    def build(self, shape: Any) -> None:
        self.built = True

    def call(self, inputs: Any, training: bool = False) -> Any:
        return self.inner(inputs, training=training)

    def train_step(self, data: Any) -> dict[str, Any]:
        inputs, labels = data
        with tf.GradientTape() as tape:
            noise = keras.random.normal(tf.shape(labels), stddev=0.1, seed=self.noise)
            loss = tf.reduce_mean(tf.square(self(inputs, training=True) + noise - labels))
        gradients = tape.gradient(loss, self.trainable_variables)
        gradients = [g if isinstance(g, tf.IndexedSlices) else tf.clip_by_norm(g, 0.5) for g in gradients]
        self.optimizer.apply_gradients(zip(gradients, self.trainable_variables, strict=True))
        return {"loss": loss}


def network(seed: int) -> keras.Model:
    """An embedding that is large enough for row deltas, batch norm and dropout; seeds of its own."""
    keras.utils.clear_session()
    carrier = keras.Input((2,), name="carrier", dtype="int32")
    numbers = keras.Input((4,), name="numbers")
    table = keras.layers.Embedding(
        TABLE, 64, embeddings_initializer=keras.initializers.RandomUniform(seed=seed), name="table"
    )
    joined = keras.layers.Concatenate(name="both")(
        [keras.layers.Flatten(name="flat")(table(carrier)), numbers]
    )
    hidden = keras.layers.Dense(
        16, "relu", kernel_initializer=keras.initializers.GlorotUniform(seed=seed), name="hidden"
    )(joined)
    hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    hidden = keras.layers.Dropout(0.3, seed=11, name="drop")(hidden)
    out = keras.layers.Dense(
        1, kernel_initializer=keras.initializers.GlorotUniform(seed=seed + 1), name="out"
    )(hidden)
    return keras.Model({"carrier": carrier, "numbers": numbers}, out)


def compiled(optimizer: Callable[[], Any], **settings: Any) -> Callable[[int], keras.Model]:
    def build(seed: int) -> keras.Model:
        model = network(seed)
        model.compile(optimizer(), "mse", **{"jit_compile": False, **settings})
        return model

    return build


def custom(seed: int) -> keras.Model:
    model = Clipped(network(seed))
    model.build(None)
    model.compile(keras.optimizers.SGD(0.05), jit_compile=False)
    return model


MODELS = {
    "adam": compiled(lambda: keras.optimizers.Adam(0.01)),
    "adam, each gradient clipped": compiled(lambda: keras.optimizers.Adam(0.01, clipnorm=0.05)),
    "sgd with momentum, all gradients clipped together": compiled(
        lambda: keras.optimizers.SGD(0.05, momentum=0.9, nesterov=True, global_clipnorm=0.1)
    ),
    "adagrad, sparse": compiled(lambda: keras.optimizers.Adagrad(0.05)),
    "lazy adam, sparse": compiled(lambda: LazyAdam(0.01)),
    "steps_per_execution": compiled(lambda: keras.optimizers.Adagrad(0.05), steps_per_execution=3),
    "train_step of its own": custom,
    "an average and a schedule": compiled(
        lambda: keras.optimizers.SGD(
            keras.optimizers.schedules.CosineDecay(0.1, STEPS),
            use_ema=True,
            ema_momentum=0.9,
            ema_overwrite_frequency=4,
        )
    ),
}


def examples() -> Examples:
    draw = np.random.default_rng(1)
    return Examples(
        inputs={
            "carrier": draw.integers(0, TABLE, (ROWS, 2)).astype("int32"),
            "numbers": draw.normal(size=(ROWS, 4)).astype("float32"),
        },
        labels=draw.normal(size=(ROWS, 1)).astype("float32"),
    )


class _EndingEarly(Checkpointer):
    """Asks for the end of training at step `until`, as SIGTERM does."""

    until = STEPS

    def after_step(self, step: int, **said: Any) -> None:
        super().after_step(step, **said)
        if step >= self.until:
            self.stop()


def train(
    model: keras.Model, store: LocalStore, *, until: int, average: TailAverage | None = None
) -> list[Manifest]:
    """One attempt: from the last commit, saving every two steps; the manifests that it committed.

    It is to end at STEPS, and is asked to end before when `until` is less.
    """
    log = CandidateLog(store, "m", 1)
    attempt = log.start_attempt()
    commits = log.progress().commits
    variables: Any = model_variables(model)
    at = commits[-1].step if commits else 0
    running = RunningAverage(average, variables, last=STEPS, at=at) if average else None
    if running is not None:
        variables = ChainMap(variables, running.variables)
    committing = Commits(store, attempt, Keep(), commits)

    def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
        return Manifest(
            model="m", version=1, step=snapshot.step, parent=None, cursor={}, slices=(), segments=segments
        )

    with BackgroundWriter(
        store,
        describe=describe,
        name=lambda step: f"models/m/v1/iter_num={step}/manifest-{attempt.token:06d}.json",
        commit=committing.commit,
    ) as writer:
        start = 0
        if commits:
            manifest, start = load_manifest(store, commits[-1].manifest), commits[-1].step
            restore(store, manifest, variables)
            writer.resume(manifest, capture(variables, step=start))
        checkpoints = _EndingEarly(writer, variables, save=EverySteps(2), start=Position(step=start))
        checkpoints.until = until
        trainer = Trainer(
            model=model,
            examples=examples(),
            order=BatchOrder(rows=ROWS, batch_size=16, seed=5),
            budget=Budget(max_steps=STEPS, max_seconds=600),
            checkpoints=checkpoints,
            progress=lambda how_far: None,
            average=running,
        )
        if until < STEPS:
            with pytest.raises(TrainingInterrupted):
                trainer.train()
        else:
            trainer.train()
    return [load_manifest(store, commit.manifest) for commit in log.progress().commits]


def values(model: keras.Model) -> dict[str, bytes]:
    return {name: np.asarray(variable.numpy()).tobytes() for name, variable in model_variables(model).items()}


def differing(one: dict[str, bytes], other: dict[str, bytes]) -> list[str]:
    assert list(one) == list(other)
    return [name for name in one if one[name] != other[name]]


@pytest.mark.parametrize("kind", [kind for kind in MODELS if kind != "adam"])
def test_a_resumed_training_ends_as_an_undisturbed_one(tmp_path: Path, kind: str) -> None:
    stores = [tmp_path / "straight", tmp_path / "resumed"]
    for each in stores:
        each.mkdir()
    build = MODELS[kind]
    straight = build(7)
    manifests = train(straight, LocalStore(stores[0]), until=STEPS)

    store = LocalStore(stores[1])
    train(build(7), store, until=STOP)
    resumed = build(99)  # other weights: all must come from the checkpoint
    train(resumed, store, until=STEPS)
    assert differing(values(straight), values(resumed)) == []
    said = [
        {commit.step: commit.metrics for commit in CandidateLog(LocalStore(each), "m", 1).progress().commits}
        for each in stores
    ]
    assert said[0] == said[1], "means since the checkpoint before"
    if "sparse" in kind:
        deltas = [len(segment.deltas) for manifest in manifests for segment in manifest.segments]
        assert max(deltas) > 1, "no chain of row deltas was restored"


TAIL = TailAverage(share=0.6, points=5)


@pytest.mark.parametrize(("kind", "stop"), [("adam", 7), ("steps_per_execution", 6)])
def test_an_average_is_resumed_in_its_middle_and_is_what_the_last_checkpoint_holds(
    tmp_path: Path, kind: str, stop: int
) -> None:
    stores = [tmp_path / "straight", tmp_path / "resumed"]
    for each in stores:
        each.mkdir()
    build = MODELS[kind]
    straight = build(7)
    train(straight, LocalStore(stores[0]), until=STEPS, average=TAIL)

    store = LocalStore(stores[1])
    on_the_way = train(build(7), store, until=stop, average=TAIL)[-1]
    resumed = build(99)
    final = train(resumed, store, until=STEPS, average=TAIL)[-1]

    assert differing(values(straight), values(resumed)) == []
    assert TAIL.taken(on_the_way.step, last=STEPS) > 0
    assert any(name.startswith(AVERAGE) for name in on_the_way.tensors)
    assert set(final.tensors) == set(model_variables(resumed)), "the end says nothing of how it came to be"
    restored = build(3)
    restore(store, final, model_variables(restored))
    assert differing(values(straight), values(restored)) == []
    restore(store, on_the_way, model_variables(restored))  # a drill or an export of a step on the way


def test_an_average_is_the_mean_of_the_weights_at_its_points() -> None:
    weight = tf.Variable([0.0, 0.0])
    count = tf.Variable([0], dtype=tf.int64)
    moment = tf.Variable([0.0])
    average = RunningAverage(
        TailAverage(share=0.5, points=3),
        {"model/w": weight, "model/seed": count, "optimizer/w": moment},
        last=12,
    )
    for step in range(1, 13):
        assert set(average.variables) == ({f"{AVERAGE}model/w"} if step > 8 else set())
        weight.assign([float(step), -1.0])
        average.after_step(step - 1, step)
    average.end(12)
    np.testing.assert_allclose(weight.numpy(), [(8 + 10 + 12) / 3, -1.0], rtol=1e-6)
    assert not average.variables


def test_what_does_not_move_is_not_moved_and_what_is_not_trained_of_a_module_is_left_alone() -> None:
    mask, rounds = tf.Variable([-np.inf, 0.1]), tf.Variable(0.0, trainable=False)
    variables = {"mask": mask, "rounds": rounds, "average/mask": tf.Variable([1.0])}
    average = RunningAverage(TailAverage(share=1.0, points=4), variables, last=4)
    for step in range(1, 5):
        rounds.assign_add(1.0)
        average.after_step(step - 1, step)
    assert not average.variables.keys() & variables.keys(), "a model may call a variable of its own so"
    average.end(4)
    assert mask.numpy().tolist() == [-np.inf, np.float32(0.1)]
    assert rounds.numpy() == 4.0


def test_a_training_that_ends_before_its_last_part_keeps_its_last_weights() -> None:
    weight = tf.Variable([1.0])
    average = RunningAverage(TailAverage(share=0.5, points=3), {"model/w": weight}, last=12)
    weight.assign([4.0])
    average.after_step(2, 3)
    average.end(3)
    assert weight.numpy().tolist() == [4.0]


def test_lazy_adam_leaves_untouched_rows_alone_and_agrees_with_adam_where_all_are_touched() -> None:
    draw = np.random.default_rng(2)
    start = draw.normal(size=(6, 3)).astype("float32")
    lazy, dense = keras.Variable(start, name="lazy"), keras.Variable(start, name="dense")
    one, other = LazyAdam(0.1), keras.optimizers.Adam(0.1)
    for _ in range(4):
        gradient = draw.normal(size=(6, 3)).astype("float32")
        everywhere = tf.IndexedSlices(tf.constant(gradient), tf.range(6), dense_shape=(6, 3))
        one.apply([everywhere], [lazy])
        other.apply([tf.constant(gradient)], [dense])
    np.testing.assert_allclose(lazy.numpy(), dense.numpy(), rtol=1e-5, atol=1e-6)

    before = lazy.numpy()
    some = tf.IndexedSlices(tf.ones((3, 3)), tf.constant([4, 1, 4]), dense_shape=(6, 3))
    one.apply([some], [lazy])
    moved = np.flatnonzero((lazy.numpy() != before).any(axis=1))
    assert moved.tolist() == [1, 4]


def test_a_step_compiled_by_xla_resumes_exactly(tmp_path: Path) -> None:
    """In a loop of one's own: Keras compiles none under op determinism, which a pipeline turns on."""
    data, order = examples(), BatchOrder(rows=ROWS, batch_size=16, seed=5)

    def run(store: LocalStore, seed: int, until: int) -> dict[str, bytes]:
        model = MODELS["adam"](seed)
        compiled_step = tf.function(
            lambda inputs, labels: model.train_step((inputs, labels)), jit_compile=True
        )
        with checkpointing(store, "m", model_variables(model), save=EverySteps(2)) as checkpoints:
            for step in range(checkpoints.at.step, until):
                batch = data.take(order.indices(step))
                compiled_step({name: tf.constant(x) for name, x in batch.inputs.items()}, batch.labels)
                checkpoints.after_step(step + 1)
        return values(model)

    stores = [tmp_path / "straight", tmp_path / "resumed"]
    for each in stores:
        each.mkdir()
    straight = run(LocalStore(stores[0]), 7, STEPS)
    run(LocalStore(stores[1]), 7, STOP)
    assert differing(straight, run(LocalStore(stores[1]), 99, STEPS)) == []


class Ticker(tf.Module):
    """No Keras at all: a state that depends on every step before."""

    def __init__(self) -> None:
        super().__init__()
        self.weights = tf.Variable(tf.ones((4,)), name="weights")
        self.seed = tf.Variable([1, 0], dtype=tf.int32, name="seed")

    @tf.function
    def step(self) -> None:
        self.weights.assign(self.weights * 1.01 + tf.random.stateless_normal((4,), self.seed))
        self.seed.assign_add([0, 1])

    def named(self) -> dict[str, tf.Variable]:
        return {variable.name: variable for variable in self.variables}


def test_a_loop_of_ones_own_resumes_where_it_stood(tmp_path: Path) -> None:
    straight = Ticker()
    for _ in range(9):
        straight.step()

    store = LocalStore(tmp_path)
    for until in (4, 9):
        ticker = Ticker()
        with checkpointing(
            store, "ticker", ticker.named(), save=EverySteps(3), keep=Keep(last=1)
        ) as checkpoints:
            for step in range(checkpoints.at.step, until):
                ticker.step()
                checkpoints.after_step(step + 1, cursor={"row": 10 * (step + 1)})
    assert ticker.weights.numpy().tobytes() == straight.weights.numpy().tobytes()

    progress = CandidateLog(store, "ticker", 1).progress()
    assert [commit.step for commit in progress.commits] == [3, 4, 7, 9]
    assert progress.attempts == 2
    with checkpointing(store, "ticker", Ticker().named(), save=EverySteps(3)) as checkpoints:
        assert (checkpoints.at.step, checkpoints.at.cursor) == (9, {"row": 90})
    left = [entry.name for entry in store.list("models/") if "/iter_num=" in entry.name]
    assert [name.split("/")[3] for name in left] == ["iter_num=9"], "latest only"

    (name,) = left
    committed, ticker = load_manifest(store, progress.commits[-1].named), Ticker()
    store.put(name, replace(committed, cursor={"row": 0}).encode())
    with (
        pytest.raises(Corrupt, match=f"{name} is not what was written there"),
        checkpointing(store, "ticker", ticker.named(), save=EverySteps(3)),
    ):
        pass
    assert ticker.weights.numpy().tolist() == [1] * 4, "nothing is restored of what was not committed"
