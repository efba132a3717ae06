"""Checkpoints of a real Keras model: bit-identical snapshots, exact resume, nothing torn, nothing silent."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ckpt_ops.checkpoints import (
    BackgroundWriter,
    Checkpointer,
    EverySteps,
    Manifest,
    Position,
    SaveTrigger,
    Snapshot,
    capture,
    load_manifest,
    model_variables,
    restore,
)
from ckpt_ops.checkpoints.chunks import CHUNK_BYTES, digest_of
from ckpt_ops.checkpoints.manifest import Segment, TensorEntry
from ckpt_ops.checkpoints.writer import Saved
from ckpt_ops.errors import Corrupt, IncompatibleCheckpoint, ObjectNotFound, StoreUnavailable
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.store import LocalStore
from ckpt_ops.store.content import chunk_name
from ckpt_ops.training import BatchOrder, Budget, Examples, StopReason, Trainer

ROWS, BATCH = 100, 10
Arrays = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module", autouse=True)
def _deterministic() -> None:
    tf.config.experimental.enable_op_determinism()


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def build_model(*, units: int = 16, seed: int = 7, steps_per_execution: int = 1) -> keras.Model:
    """As a training process would: from a clean session, with the same names each time.

    Every layer has a seed of its own: Keras would draw it from Python's global generator, which whatever
    still runs in this process, such as a client's retry in another thread, may draw from in between.
    """
    keras.utils.clear_session()
    first = keras.initializers.RandomUniform(seed=seed)
    dense = [keras.initializers.GlorotUniform(seed=seed + offset) for offset in (1, 2)]
    carrier = keras.Input((1,), name="carrier", dtype="int32")
    numbers = keras.Input((4,), name="numbers")
    table = keras.layers.Embedding(50, 8, embeddings_initializer=first, name="table")
    hidden = keras.layers.Dense(units, activation="relu", kernel_initializer=dense[0], name="hidden")(
        keras.layers.Concatenate(name="both")([keras.layers.Flatten(name="flat")(table(carrier)), numbers])
    )
    hidden = keras.layers.Dropout(0.3, seed=seed, name="drop")(
        keras.layers.BatchNormalization(name="norm")(hidden)
    )
    out = keras.layers.Dense(1, kernel_initializer=dense[1], name="out")(hidden)
    model = keras.Model({"carrier": carrier, "numbers": numbers}, out)
    model.compile("adam", "mse", steps_per_execution=steps_per_execution)
    return model


def examples() -> Examples:
    draw = np.random.default_rng(1)
    return Examples(
        inputs={
            "carrier": draw.integers(0, 50, (ROWS, 1)).astype("int32"),
            "numbers": draw.normal(size=(ROWS, 4)).astype("float32"),
        },
        labels=draw.normal(size=(ROWS, 1)).astype("float32"),
    )


def values(variables: dict[str, Any]) -> Arrays:
    return {name: np.array(variable.numpy()) for name, variable in variables.items()}


def assert_bitwise_equal(one: Arrays, other: Arrays) -> None:
    assert list(one) == list(other)
    differing = [name for name in one if one[name].tobytes() != other[name].tobytes()]
    assert not differing, f"differ: {differing}"


def manifest_name(step: int) -> str:
    return f"models/m/v1/iter_num={step}/manifest.json"


def new_writer(store: LocalStore, commit: Callable[[Saved], None] = lambda saved: None) -> BackgroundWriter:
    def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
        return Manifest(
            model="m",
            version=1,
            step=snapshot.step,
            parent=None,
            cursor=snapshot.cursor,
            slices=(("w1", "r1"),),
            segments=segments,
        )

    return BackgroundWriter(store, describe=describe, name=manifest_name, commit=commit)


def train(
    model: keras.Model,
    store: LocalStore,
    *,
    steps: int,
    from_step: int = 0,
    save: SaveTrigger | None = None,
    max_epochs: int | None = None,
) -> tuple[int, StopReason, list[int]]:
    saved: list[int] = []
    with new_writer(store, lambda each: saved.append(each.step)) as writer:
        trained = Trainer(
            model=model,
            examples=examples(),
            order=BatchOrder(rows=ROWS, batch_size=BATCH, seed=5),
            budget=Budget(max_steps=steps, max_seconds=600, max_epochs=max_epochs),
            checkpoints=Checkpointer(
                writer,
                model_variables(model),
                save=save or EverySteps(10**6),
                start=Position(step=from_step),
            ),
            progress=lambda how_far: None,
        ).train()
    return trained.step, trained.stopped_by, saved


def chunks(store: LocalStore) -> list[str]:
    return [entry.name for entry in store.list("chunks/")]


def save_now(model: keras.Model, store: LocalStore, step: int = 1) -> Manifest:
    with new_writer(store) as writer:
        writer.submit(capture(model_variables(model), step=step))
    return load_manifest(store, manifest_name(step))


# --- snapshots ----------------------------------------------------------------------------------


def test_what_exact_resume_needs_is_in_a_snapshot() -> None:
    names = set(model_variables(build_model()))
    for part in (
        "table/embeddings",
        "norm/moving_mean",
        "seed_generator_state",
        "iteration",
        "table_embeddings_momentum",
    ):
        assert any(part in name for name in names), f"{part} is not in {sorted(names)}"


def test_a_snapshot_stays_what_it_was_while_training_goes_on(store: LocalStore) -> None:
    model = build_model()
    train(model, store, steps=3)
    variables = model_variables(model)
    before = values(variables)
    snapshot = capture(variables, step=3)
    train(model, store, steps=9, from_step=3)
    assert_bitwise_equal({name: np.array(held) for name, held in snapshot.tensors.items()}, before)
    after = values(variables)
    moved = [name for name in before if before[name].tobytes() != after[name].tobytes()]
    assert {name for name in before if "seed_generator" in name or "embeddings" in name} <= set(moved)


# --- save, restore, resume ----------------------------------------------------------------------


def test_a_restored_model_equals_the_saved_one_to_the_bit(store: LocalStore) -> None:
    model = build_model()
    train(model, store, steps=5)
    saved = values(model_variables(model))
    fresh = model_variables(build_model(seed=99))
    restore(store, load_manifest(store, manifest_name(5)), fresh)
    assert_bitwise_equal(values(fresh), saved)


@pytest.mark.parametrize("kept_at", [4, 13])
def test_resuming_gives_the_weights_of_an_undisturbed_run(store: LocalStore, kept_at: int) -> None:
    straight = build_model()
    train(straight, store, steps=17)
    expected = values(model_variables(straight))

    train(build_model(), store, steps=kept_at)
    resumed = build_model(seed=99)
    restore(store, load_manifest(store, manifest_name(kept_at)), model_variables(resumed))
    train(resumed, store, steps=17, from_step=kept_at)
    assert_bitwise_equal(values(model_variables(resumed)), expected)


@pytest.mark.parametrize(("steps", "per_execution"), [(13, 4), (3, 8)])
def test_steps_per_execution_changes_neither_the_step_count_nor_the_weights(
    store: LocalStore, steps: int, per_execution: int
) -> None:
    expected = build_model()
    assert train(expected, store, steps=steps)[0] == steps
    together = build_model(steps_per_execution=per_execution)
    step, _, _ = train(together, store, steps=steps)
    assert step == steps
    assert int(together.optimizer.iterations.numpy()) == steps
    assert_bitwise_equal(values(model_variables(together)), values(model_variables(expected)))


def test_saves_are_where_the_trigger_wants_them_and_at_the_end(store: LocalStore) -> None:
    assert train(build_model(), store, steps=8, save=EverySteps(3))[2] == [3, 6, 8]


def test_epochs_end_a_training_before_its_steps(store: LocalStore) -> None:
    step, stopped_by, _ = train(build_model(), store, steps=1000, max_epochs=1)
    assert (step, stopped_by) == (ROWS // BATCH, StopReason.EPOCHS)


# --- what does not fit, what is damaged ---------------------------------------------------------


def test_a_changed_model_is_refused_by_variable_and_shapes_and_left_alone(store: LocalStore) -> None:
    manifest = save_now(build_model(units=16), store)
    changed = model_variables(build_model(units=24))
    before = values(changed)
    with pytest.raises(IncompatibleCheckpoint) as caught:
        restore(store, manifest, changed)
    assert "model/hidden/kernel: checkpoint float32[12, 16], model float32[12, 24]" in str(caught.value)
    assert_bitwise_equal(values(changed), before)


def test_variables_of_one_side_only_are_named(store: LocalStore) -> None:
    variables = model_variables(build_model())
    manifest = save_now(build_model(), store)
    renamed = {name.replace("out/kernel", "out/weights"): each for name, each in variables.items()}
    with pytest.raises(IncompatibleCheckpoint) as caught:
        restore(store, manifest, renamed)
    assert "model/out/kernel: in the checkpoint only" in str(caught.value)
    assert "model/out/weights: in the model only" in str(caught.value)


@pytest.mark.parametrize(
    "damage",
    [lambda data: data[:-1], lambda data: bytes([data[0] ^ 1]) + data[1:], lambda data: b""],
    ids=["truncated", "one bit flipped", "emptied"],
)
def test_a_damaged_chunk_is_named_and_nothing_is_restored(
    store: LocalStore, damage: Callable[[bytes], bytes]
) -> None:
    manifest = save_now(build_model(), store)
    name = chunks(store)[0]
    store.put(name, damage(store.get(name)))
    fresh = model_variables(build_model(seed=99))
    before = values(fresh)
    with pytest.raises(Corrupt, match=name):
        restore(store, manifest, fresh)
    assert_bitwise_equal(values(fresh), before)


@pytest.mark.parametrize("bytes_too_many", [-4, 4, 8 * CHUNK_BYTES])
def test_memory_is_written_to_for_as_long_as_the_tensor_is_whatever_a_manifest_says(
    store: LocalStore, bytes_too_many: int
) -> None:
    """Even one that was never decoded, and so never checked."""
    data = b"A" * CHUNK_BYTES
    store.put(chunk_name(digest_of(data)), data)
    entry = TensorEntry(name="w", dtype="float32", shape=(16,), offset=0, nbytes=64 + bytes_too_many)
    segment = Segment(chunks=(digest_of(data),) * 9, tensors=(entry,))
    lying = Manifest(model="m", version=1, step=1, parent=None, cursor={}, slices=(), segments=(segment,))
    variable = tf.Variable(np.arange(16, dtype="float32"))
    with pytest.raises(Corrupt, match=r"has 4194304 bytes instead of \d+"):
        restore(store, lying, {"w": variable})
    assert variable.numpy().tolist() == list(range(16))
    with pytest.raises(Corrupt, match=r"'w' has \d+ bytes; float32 of shape \[16\] has 64"):
        Manifest.decode(lying.encode(), name="it")


def test_a_missing_chunk_is_named(store: LocalStore) -> None:
    manifest = save_now(build_model(), store)
    name = chunks(store)[0]
    store.delete(name)
    with pytest.raises(ObjectNotFound, match=name):
        restore(store, manifest, model_variables(build_model()))


def test_a_torn_manifest_is_corrupt_and_named(store: LocalStore) -> None:
    save_now(build_model(), store)
    store.put(manifest_name(1), store.get(manifest_name(1))[:-20])
    with pytest.raises(Corrupt, match=manifest_name(1)):
        load_manifest(store, manifest_name(1))


# --- saves that fail ----------------------------------------------------------------------------


class FailingStore(LocalStore):
    """Fails the writes that `fails` picks."""

    def __init__(self, root: Path, fails: Callable[[str], bool]) -> None:
        super().__init__(root)
        self.fails = fails

    def put(self, name: str, data: bytes) -> None:
        if self.fails(name):
            raise StoreUnavailable(f"injected: {name}")
        super().put(name, data)


@pytest.fixture
def tensors() -> dict[str, Any]:
    return {"a": tf.Variable(tf.random.stateless_normal((600_000,), (1, 2))), "b": tf.Variable(3.0)}


@pytest.mark.parametrize("part", ["chunks/", "manifest"])
def test_a_failed_save_is_raised_at_the_next_and_never_committed(
    tmp_path: Path, tensors: dict[str, Any], part: str
) -> None:
    store = FailingStore(tmp_path, lambda name: part in name)
    saved: list[int] = []
    with new_writer(store, lambda each: saved.append(each.step)) as writer:
        writer.submit(capture(tensors, step=1))
        with pytest.raises(StoreUnavailable, match="injected"):
            writer.submit(capture(tensors, step=2))
    assert saved == []


def test_a_chunk_that_failed_is_uploaded_again_by_the_next_save(
    tmp_path: Path, tensors: dict[str, Any]
) -> None:
    attempts = itertools.count()
    store = FailingStore(tmp_path, lambda name: name.startswith("chunks/") and next(attempts) == 0)
    with new_writer(store) as writer:
        writer.submit(capture(tensors, step=1))
        with pytest.raises(StoreUnavailable):
            writer.wait()
        writer.submit(capture(tensors, step=2))
    restore(store, load_manifest(store, manifest_name(2)), tensors)


def test_a_save_that_was_never_committed_is_invisible(store: LocalStore, tensors: dict[str, Any]) -> None:
    def die(saved: Saved) -> None:
        raise RuntimeError("killed before the commit")

    with pytest.raises(RuntimeError, match="killed"), new_writer(store, die) as writer:
        writer.submit(capture(tensors, step=1))
    assert store.get(manifest_name(1))  # it is there, but the log is what counts
    assert CandidateLog(store, "m", 1).progress().commits == ()


@pytest.mark.parametrize(
    "value",
    [
        tf.constant(1.5),
        tf.zeros((0, 3)),
        tf.constant([True, False]),
        tf.cast([1.5, -2.25], tf.bfloat16),
        tf.constant([2**63 - 1], tf.int64),
        tf.constant([float("nan"), float("-inf")]),
    ],
    ids=["scalar", "no elements", "bool", "bfloat16", "int64", "nan and inf"],
)
def test_any_tensor_comes_back_to_the_bit(store: LocalStore, value: Any) -> None:
    with new_writer(store) as writer:
        writer.submit(capture({"x": tf.Variable(value)}, step=1))
    fresh = {"x": tf.Variable(tf.zeros_like(value))}
    restore(store, load_manifest(store, manifest_name(1)), fresh)
    assert_bitwise_equal(values(fresh), {"x": value.numpy()})
