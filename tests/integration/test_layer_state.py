"""What layers hold beside variables: compared before a checkpoint is restored, or made again after it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ckpt_ops.candidates.as_served.exported import served
from ckpt_ops.checkpoints import BackgroundWriter, Manifest, Saved, capture, load_manifest, model_variables
from ckpt_ops.checkpoints.export import Format, export_model
from ckpt_ops.checkpoints.layer_state import KEY, LayerState, check_state, layer_state, restore_model, settle
from ckpt_ops.checkpoints.model_inputs import forward
from ckpt_ops.checkpoints.saved_model import inputs_of
from ckpt_ops.errors import IncompatibleCheckpoint
from ckpt_ops.store import LocalStore
from ckpt_ops.training import BatchOrder, Examples
from ckpt_ops.training.batches import batches
from ckpt_ops.training.step_function import step_function

WORDS = ["red", "green", "blue", "white"]
OTHERS = ["white", "red", "green", "blue"]
TEXT = np.array(["red", "white", "of none"] * 4, dtype=object)
NUMBERS = np.linspace(-1.0, 3.0, 24).reshape(12, 2)


class Scaled(keras.layers.Layer):
    """Of one's own: a constant from a file, say, and a table."""

    def __init__(self, by: Any, **given: Any) -> None:
        super().__init__(**given)
        self.by = tf.constant(by, tf.float32)
        self.known = {
            "words": tf.lookup.StaticHashTable(tf.lookup.KeyValueTensorInitializer(["a"], [by[0]]), 0.0)
        }

    def call(self, inputs: Any) -> Any:
        return inputs * self.by


class Wrapped(keras.layers.Layer):
    """Has a layer of a layer inside."""

    def __init__(self, message: list[str], **given: Any) -> None:
        super().__init__(**given)
        self.steps = [
            keras.Sequential([keras.layers.TextVectorization(vocabulary=message, name="texts")], name="inner")
        ]

    def call(self, text: Any) -> Any:
        return keras.ops.cast(self.steps[0](text)[:, :1], "float32")

    def compute_output_spec(self, text: Any) -> Any:
        return keras.KerasTensor((None, 1), "float32")


class Module(tf.Module):
    """No Keras model; its vocabulary is a table, and Keras' layer is in a list."""

    def __init__(self, message: list[str]) -> None:
        super().__init__()
        keys = tf.lookup.KeyValueTensorInitializer(message, tf.range(4, dtype=tf.int64))
        self.words = tf.lookup.StaticVocabularyTable(keys, num_oov_buckets=1)
        self.layers = [keras.layers.StringLookup(vocabulary=message)]
        self.kernel = tf.Variable([1.0])


def of_text(layer: Any) -> keras.Model:
    text = keras.Input((), dtype="string", name="text")
    out = layer(text)
    out = keras.ops.reshape(keras.ops.cast(out, "float32"), (-1, 1)) if len(out.shape) == 1 else out
    return compiled(keras.Model({"text": text}, keras.layers.Dense(1, name="out")(out)))


def of_numbers(layer: Any) -> keras.Model:
    numbers = keras.Input((2,), name="numbers")
    return compiled(keras.Model({"numbers": numbers}, keras.layers.Dense(1, name="out")(layer(numbers))))


def compiled(model: keras.Model) -> keras.Model:
    model.compile(keras.optimizers.SGD(0.1), "mse", jit_compile=False)
    return model


def adapted(layer: Any, data: Any) -> Any:
    layer.adapt(data)
    return layer


def scaled(sample: Any) -> keras.Model:
    return of_numbers(adapted(keras.layers.Normalization(name="scaled"), sample))


def weighted(sample: list[str]) -> keras.Model:
    kind = keras.layers.TextVectorization(output_mode="tf_idf", name="weighted")
    return of_text(adapted(kind, np.array(sample)))


def fresh(build: Callable[[], Any]) -> Any:
    """As `build_model` of the pipeline makes it: names do not hang on what was built before."""
    keras.backend.clear_session()
    keras.utils.set_random_seed(1)
    return build()


def manifest_of(model: Any, store: LocalStore) -> Manifest:
    """A checkpoint of the model as it stands."""
    state, saved = layer_state(model), list[Saved]()

    def describe(snapshot: Any, segments: Any) -> Manifest:
        structure = {KEY: state}
        known = {
            "model": "m",
            "version": 1,
            "step": snapshot.step,
            "parent": None,
            "cursor": {},
            "slices": (),
        }
        return Manifest(**known, segments=segments, structure=structure)

    with BackgroundWriter(
        store, describe=describe, name=lambda step: "m.json", commit=saved.append
    ) as writer:
        writer.submit(capture(model_variables(model), step=1))
    return load_manifest(store, saved[0].manifest)


# --- what cannot be restored ----------------------------------------------------------------------

OTHER: dict[str, tuple[Callable[[], Any], Callable[[], Any], str]] = {
    "a vocabulary in another order": (
        lambda: of_text(keras.layers.StringLookup(vocabulary=WORDS, name="lookup")),
        lambda: of_text(keras.layers.StringLookup(vocabulary=OTHERS, name="lookup")),
        "lookup/lookup_table: a table of 4 entries; the checkpoint has a different one, a table of 4 entries",
    ),
    "an adapted vocabulary": (
        lambda: of_text(adapted(keras.layers.StringLookup(name="lookup"), WORDS)),
        lambda: of_text(adapted(keras.layers.StringLookup(name="lookup"), ["red", *OTHERS[:3]])),
        "lookup/lookup_table: a table of 3 entries; the checkpoint has a different one",
    ),
    "whole numbers": (
        lambda: of_numbers(
            keras.layers.IntegerLookup(vocabulary=[1, 2], output_mode="multi_hot", name="lookup")
        ),
        lambda: of_numbers(
            keras.layers.IntegerLookup(vocabulary=[2, 1], output_mode="multi_hot", name="lookup")
        ),
        "lookup/lookup_table: a table of 2 entries",
    ),
    "in a layer of a layer": (
        lambda: of_text(Wrapped(WORDS, name="wrapped")),
        lambda: of_text(Wrapped(OTHERS, name="wrapped")),
        "lookup_table: a table of 4 entries",
    ),
    "bounds": (
        lambda: of_numbers(adapted(keras.layers.Discretization(num_bins=3, name="cut"), NUMBERS)),
        lambda: of_numbers(adapted(keras.layers.Discretization(num_bins=3, name="cut"), NUMBERS + 1)),
        "cut/bin_boundaries: an array float64[2]; the checkpoint has a different one",
    ),
    "constants that were given": (
        lambda: of_numbers(keras.layers.Normalization(mean=[1.0, 2.0], variance=[1.0, 1.0], name="scaled")),
        lambda: of_numbers(keras.layers.Normalization(mean=[1.0, 2.5], variance=[1.0, 1.0], name="scaled")),
        "scaled/mean: an array float32[1, 2]; the checkpoint has a different one",
    ),
    "a constant of one's own": (
        lambda: of_numbers(Scaled([1.0, 2.0], name="own")),
        lambda: of_numbers(Scaled([3.0, 2.0], name="own")),
        "own/by: an array float32[2]; the checkpoint has a different one",
    ),
    "a table of one's own": (
        lambda: of_numbers(Scaled([1.0, 2.0], name="own")),
        lambda: of_numbers(Scaled([3.0, 2.0], name="own")),
        "own/known/words: a table of 1 entries",
    ),
    "no table any more": (
        lambda: of_text(keras.layers.StringLookup(vocabulary=WORDS, name="lookup")),
        lambda: of_text(keras.layers.StringLookup(vocabulary=WORDS, name="another")),
        "lookup/lookup_table: a table of 4 entries, in the checkpoint only",
    ),
    "a module": (
        lambda: Module(WORDS),
        lambda: Module(OTHERS),
        "words: a table of 4 entries; the checkpoint has a different one",
    ),
    "a layer in a module": (
        lambda: Module(WORDS),
        lambda: Module(OTHERS),
        "layers/0/lookup_table: a table of 4",
    ),
}


@pytest.mark.parametrize("kind", OTHER)
def test_a_checkpoint_is_not_restored_beside_something_else(kind: str, tmp_path: Path) -> None:
    build, other, message = OTHER[kind]
    store = LocalStore(tmp_path)
    manifest = manifest_of(fresh(build), store)
    check_state(manifest, layer_state(fresh(build)))
    model = fresh(other)
    before = [variable.numpy().tobytes() for variable in model_variables(model).values()]
    with pytest.raises(IncompatibleCheckpoint) as caught:
        restore_model(store, manifest, model, model_variables(model), layer_state(model))
    assert message in caught.value.what
    assert "m v1 step 1" in caught.value.what
    assert [variable.numpy().tobytes() for variable in model_variables(model).values()] == before


def test_a_checkpoint_of_earlier_code_says_nothing_of_it_and_is_taken() -> None:
    manifest = Manifest(model="m", version=1, step=1, parent=None, cursor={}, slices=(), segments=())
    check_state(manifest, layer_state(fresh(OTHER["a vocabulary in another order"][0])))


def test_the_last_bits_of_a_constant_may_be_another_machines() -> None:
    def state(by: float) -> LayerState:
        return layer_state(fresh(lambda: of_numbers(Scaled([by, 2.0], name="own"))))

    def manifest(kept: LayerState) -> Manifest:
        known = {"model": "m", "version": 1, "step": 1, "parent": None, "cursor": {}, "slices": ()}
        return Manifest(**known, segments=(), structure={KEY: {"own/by": kept["own/by"]}})

    near = float(np.nextafter(np.float32(1.1), np.float32(2)))
    assert state(1.1)["own/by"]["digest"] != state(near)["own/by"]["digest"]
    check_state(manifest(state(1.1)), {"own/by": state(near)["own/by"]})
    with pytest.raises(IncompatibleCheckpoint):
        check_state(manifest(state(1.1)), {"own/by": state(1.1001)["own/by"]})


def test_what_a_manifest_keeps_is_small_and_no_vocabulary(tmp_path: Path) -> None:
    state = layer_state(fresh(lambda: of_text(keras.layers.StringLookup(vocabulary=WORDS, name="lookup"))))
    ((name, said),) = state.items()
    assert name == "lookup/lookup_table"
    assert said == {"kind": "table", "size": 4, "digest": said["digest"]}
    assert len(said["digest"]) == 32


# --- what is put right ----------------------------------------------------------------------------

MADE: dict[str, tuple[Callable[[], Any], Callable[[], Any], dict[str, Any]]] = {
    "the mean of Normalization": (
        lambda: scaled(NUMBERS),
        lambda: scaled(5 * NUMBERS + 7),
        {"numbers": NUMBERS},
    ),
    "the weights of TF-IDF": (
        lambda: weighted(["red blue", "red", "red"]),
        lambda: weighted(["red blue", "red", "blue blue red"]),
        {"text": TEXT},
    ),
}


@pytest.mark.parametrize("kind", MADE)
def test_constants_that_a_layer_makes_of_variables_are_made_again(kind: str, tmp_path: Path) -> None:
    build, other, columns = MADE[kind]
    store = LocalStore(tmp_path)
    trained = fresh(build)
    tensors = {name: tf.convert_to_tensor(column) for name, column in columns.items()}
    said = forward(trained)(tensors).numpy()
    manifest = manifest_of(trained, store)
    model = fresh(other)
    assert np.abs(forward(model)(tensors).numpy() - said).max() > 0.01
    restore_model(store, manifest, model, model_variables(model), layer_state(model))
    assert forward(model)(tensors).numpy().tobytes() == said.tobytes()
    export_model(model, Format.SAVED_MODEL, tmp_path / "served", inputs=inputs_of(columns))
    export_model(model, Format.KERAS, tmp_path / "m.keras")
    opened = keras.saving.load_model(tmp_path / "m.keras")
    assert served(tmp_path / "served")(columns) == pytest.approx(said.reshape(-1), abs=1e-6)
    assert forward(opened)(tensors).numpy() == pytest.approx(said, abs=1e-6)


def test_a_step_that_was_traced_before_does_not_train_with_the_old_constants(tmp_path: Path) -> None:
    """One model after the other is trained on the same bench."""
    store = LocalStore(tmp_path)
    examples = Examples(inputs={"numbers": NUMBERS}, labels=np.ones(12))
    order = BatchOrder(rows=12, batch_size=12, seed=1)

    def loss(model: Any) -> float:
        drawn = iter(batches(examples, order, 0, 1, model=model))
        return float(step_function(model)(drawn)["loss"])

    manifest = manifest_of(fresh(lambda: scaled(NUMBERS)), store)
    expected = loss(fresh(lambda: scaled(NUMBERS)))
    model = fresh(lambda: scaled(5 * NUMBERS + 7))
    assert loss(model) != pytest.approx(expected, abs=0.01)
    restore_model(store, manifest, model, model_variables(model), layer_state(model))
    model.reset_metrics()
    assert loss(model) == pytest.approx(expected)


def test_bounds_that_no_variable_makes_are_left_as_they_are() -> None:
    """Of a layer that was loaded, the sample is gone from which `finalize_state` would make them."""
    layer = adapted(keras.layers.Discretization(num_bins=3, name="cut"), NUMBERS)
    loaded = keras.layers.Discretization.from_config(layer.get_config())
    settle(of_numbers(loaded))
    assert loaded.bin_boundaries == layer.bin_boundaries
