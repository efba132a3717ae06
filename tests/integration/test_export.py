"""A checkpoint in the formats of others: each is opened with its own library and compared bit for bit."""

from __future__ import annotations

import resource
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from safetensors import safe_open
from safetensors.tensorflow import load_file

from ckpt_ops.checkpoints import (
    BackgroundWriter,
    Checkpointer,
    EverySteps,
    Manifest,
    Snapshot,
    load_manifest,
    model_variables,
    read_tensors,
    restore,
)
from ckpt_ops.checkpoints.export import Format, export_model, export_tensors
from ckpt_ops.checkpoints.manifest import Segment
from ckpt_ops.errors import BadInput, ExportFailed
from ckpt_ops.store import LocalStore
from ckpt_ops.training import BatchOrder, Budget, Examples, Trainer

ROWS, STEPS = 80, 12
ABOUT = {"model": "m", "version": "1", "step": str(STEPS)}
Arrays = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module", autouse=True)
def _deterministic() -> None:
    tf.config.experimental.enable_op_determinism()


def build_model(*, seed: int = 7) -> keras.Model:
    """An embedding, batch normalisation, dropout and Adam; every layer draws from a seed of its own."""
    keras.utils.clear_session()
    first = keras.initializers.RandomUniform(seed=seed)
    dense = [keras.initializers.GlorotUniform(seed=seed + offset) for offset in (1, 2)]
    carrier = keras.Input((1,), name="carrier", dtype="int32")
    numbers = keras.Input((4,), name="numbers")
    table = keras.layers.Embedding(50, 8, embeddings_initializer=first, name="table")(carrier)
    hidden = keras.layers.Concatenate(name="both")([keras.layers.Flatten(name="flat")(table), numbers])
    hidden = keras.layers.Dense(16, activation="relu", kernel_initializer=dense[0], name="hidden")(hidden)
    hidden = keras.layers.BatchNormalization(name="norm")(hidden)
    hidden = keras.layers.Dropout(0.3, seed=seed, name="drop")(hidden)
    out = keras.layers.Dense(1, kernel_initializer=dense[1], name="out")(hidden)
    model = keras.Model({"carrier": carrier, "numbers": numbers}, out)
    model.compile("adam", "mse", metrics=["mae"])
    return model


def batch() -> Examples:
    draw = np.random.default_rng(1)
    return Examples(
        inputs={
            "carrier": draw.integers(0, 50, (ROWS, 1)).astype("int32"),
            "numbers": draw.normal(size=(ROWS, 4)).astype("float32"),
        },
        labels=draw.normal(size=(ROWS, 1)).astype("float32"),
    )


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> LocalStore:
    """Holds a checkpoint of a model after some steps of training."""
    store = LocalStore(tmp_path_factory.mktemp("store"))

    def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
        return Manifest(
            model="m", version=1, step=snapshot.step, parent=None, cursor={}, slices=(), segments=segments
        )

    model = build_model()
    with BackgroundWriter(
        store, describe=describe, name=lambda step: f"m/{step}.json", commit=lambda saved: None
    ) as writer:
        Trainer(
            model=model,
            examples=batch(),
            order=BatchOrder(rows=ROWS, batch_size=10, seed=5),
            budget=Budget(max_steps=STEPS, max_seconds=600),
            checkpoints=Checkpointer(writer, model_variables(model), save=EverySteps(10**6)),
            progress=lambda how_far: None,
        ).train()
    return store


@pytest.fixture(scope="module")
def stored(store: LocalStore) -> Arrays:
    return read_tensors(store, load_manifest(store, f"m/{STEPS}.json"))


@pytest.fixture(scope="module")
def model(store: LocalStore) -> keras.Model:
    """A fresh model with the checkpoint's values; exports change nothing of it."""
    fresh = build_model(seed=99)
    restore(store, load_manifest(store, f"m/{STEPS}.json"), model_variables(fresh))
    return fresh


def assert_bitwise_equal(found: Arrays, expected: Arrays) -> None:
    assert sorted(found) == sorted(expected)
    differing = [
        name
        for name, array in expected.items()
        if (found[name].dtype, found[name].shape) != (array.dtype, array.shape)
        or found[name].tobytes() != array.tobytes()
    ]
    assert not differing, f"differ: {differing}"


def without_generators(arrays: Arrays) -> Arrays:
    return {name: array for name, array in arrays.items() if "seed_generator" not in name}


def values(model: keras.Model) -> Arrays:
    return {name: np.array(variable.numpy()) for name, variable in model_variables(model).items()}


# --- each format, with its own library ------------------------------------------------------------


def test_keras_opens_the_keras_file_with_its_optimizer(
    model: keras.Model, stored: Arrays, tmp_path: Path
) -> None:
    export_model(model, Format.KERAS, tmp_path / "m.keras")
    opened = without_generators(values(keras.saving.load_model(tmp_path / "m.keras")))
    assert any("momentum" in name for name in opened)
    assert_bitwise_equal(opened, without_generators(stored))


def test_tensorflow_restores_the_checkpoint_into_a_model_built_elsewhere(
    model: keras.Model, stored: Arrays, tmp_path: Path
) -> None:
    export_model(model, Format.TF_CHECKPOINT, tmp_path / "tf")
    other = build_model(seed=5)
    other.optimizer.build(other.trainable_variables)
    checkpoint = tf.train.Checkpoint(model=other, optimizer=other.optimizer)
    status = checkpoint.restore(tf.train.latest_checkpoint(tmp_path / "tf"))
    status.assert_existing_objects_matched()
    status.assert_consumed()
    assert_bitwise_equal(without_generators(values(other)), without_generators(stored))


def test_tensorflow_restores_the_model_without_its_optimizer(
    model: keras.Model, stored: Arrays, tmp_path: Path
) -> None:
    export_model(model, Format.TF_CHECKPOINT, tmp_path / "tf")
    other = build_model(seed=5)
    path = tf.train.latest_checkpoint(tmp_path / "tf")
    tf.train.Checkpoint(model=other).restore(path).expect_partial()
    weights = {name: array for name, array in values(other).items() if name.startswith("model/")}
    expected = {name: stored[name] for name in weights}
    assert_bitwise_equal(without_generators(weights), without_generators(expected))


def test_of_keras_and_tensorflow_neither_keeps_a_seed_generators_state(
    model: keras.Model, stored: Arrays, tmp_path: Path
) -> None:
    """Documented; when this fails, a library has learned it, and export.py and the docs should say so."""
    export_model(model, Format.KERAS, tmp_path / "m.keras")
    export_model(model, Format.TF_CHECKPOINT, tmp_path / "tf")
    (advanced,) = (array for name, array in stored.items() if "seed_generator" in name)
    assert advanced.tolist() == [7, STEPS]
    opened = values(keras.saving.load_model(tmp_path / "m.keras"))
    assert [array.tolist() for name, array in opened.items() if "seed_generator" in name] == [[99, 0]]
    kept = tf.train.list_variables(tf.train.latest_checkpoint(tmp_path / "tf"))
    assert [name for name, _ in kept if "seed" in name or "state" in name] == []


def test_safetensors_opens_every_tensor_by_name_and_says_what_it_is(stored: Arrays, tmp_path: Path) -> None:
    export_tensors(stored, tmp_path / "m.safetensors", about=ABOUT)
    with safe_open(tmp_path / "m.safetensors", framework="np") as opened:
        assert opened.metadata() == ABOUT
        assert_bitwise_equal({name: opened.get_tensor(name) for name in opened.offset_keys()}, stored)


@pytest.mark.parametrize(
    "value",
    [
        tf.cast([1.5, -2.25, float("nan")], tf.bfloat16),
        tf.constant(1.5),
        tf.zeros((0, 3)),
        tf.constant([True, False]),
        tf.constant([2**63 - 1], tf.int64),
        tf.constant([float("nan"), float("-inf")], tf.float16),
    ],
    ids=["bfloat16", "scalar", "no elements", "bool", "int64", "nan and inf"],
)
def test_any_tensor_is_in_the_safetensors_file_to_the_bit(value: Any, tmp_path: Path) -> None:
    export_tensors({"x": value.numpy()}, tmp_path / "x.safetensors", about=ABOUT)
    assert_bitwise_equal(
        {"x": load_file(tmp_path / "x.safetensors")["x"].numpy()},
        {"x": value.numpy()},
    )


def test_a_transposed_view_is_written_in_its_own_order(tmp_path: Path) -> None:
    view = np.arange(6.0).reshape(2, 3).T
    export_tensors({"x": view}, tmp_path / "x.safetensors", about=ABOUT)
    assert np.array_equal(load_file(tmp_path / "x.safetensors")["x"].numpy(), view)


def test_the_saved_model_predicts_what_the_model_predicts(model: keras.Model, tmp_path: Path) -> None:
    export_model(model, Format.SAVED_MODEL, tmp_path / "served")
    inputs = {name: tf.constant(column) for name, column in batch().inputs.items()}
    signature = {name: tf.TensorSpec((None, *t.shape[1:]), t.dtype) for name, t in inputs.items()}
    same = tf.function(lambda given: model(given, training=False), input_signature=[signature])
    predicted = same(inputs).numpy()
    served = tf.saved_model.load(str(tmp_path / "served"))
    assert served.serve(inputs).numpy().tobytes() == predicted.tobytes()
    by_signature = served.signatures["serving_default"](**inputs)
    assert next(iter(by_signature.values())).numpy().tobytes() == predicted.tobytes()


# --- whole or not at all ----------------------------------------------------------------------------


def export(format: Format, model: keras.Model, stored: Arrays, out: Path) -> None:
    if format.needs_model:
        export_model(model, format, out)
    else:
        export_tensors(stored, out, about=ABOUT)


@contextmanager
def files_no_larger_than(limit: int) -> Iterator[None]:
    """A disk that is full after `limit` bytes of a file, as far as who writes can tell."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (limit, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


@pytest.mark.parametrize("format", Format)
def test_a_full_disk_leaves_nothing(
    model: keras.Model, stored: Arrays, tmp_path: Path, format: Format
) -> None:
    refused = pytest.raises(ExportFailed, match=r"out\.keras could not be written")
    with refused as caught, files_no_larger_than(500):
        export(format, model, stored, tmp_path / "out.keras")
    assert "nothing was left" in caught.value.safe
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("format", Format)
def test_a_folder_that_takes_no_files_is_an_error_of_ours(
    model: keras.Model, stored: Arrays, format: Format
) -> None:
    with pytest.raises(ExportFailed, match=r"/proc/out\.keras could not be written"):
        export(format, model, stored, Path("/proc/out.keras"))


@pytest.mark.parametrize("format", Format)
def test_what_exists_is_never_overwritten(
    model: keras.Model, stored: Arrays, tmp_path: Path, format: Format
) -> None:
    taken = tmp_path / "out.keras"
    taken.write_text("somebody's")
    with pytest.raises(BadInput, match="a name that does not exist yet"):
        export(format, model, stored, taken)
    assert taken.read_text() == "somebody's"
    assert list(tmp_path.iterdir()) == [taken]


def test_a_folder_that_does_not_exist_is_refused(stored: Arrays, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="mkdir -p"):
        export_tensors(stored, tmp_path / "nowhere" / "x.safetensors", about=ABOUT)


def test_a_keras_file_must_be_named_as_keras_opens_it(model: keras.Model, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"ends in \.keras"):
        export_model(model, Format.KERAS, tmp_path / "m.h5")


def test_a_dtype_that_safetensors_lacks_is_an_error_and_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed):
        export_tensors({"x": np.array([1j])}, tmp_path / "x.safetensors", about=ABOUT)
    assert list(tmp_path.iterdir()) == []
