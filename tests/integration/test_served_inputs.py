"""Whatever a model's inputs look like, it is trained, asked and served by the columns of `examples()`.

Each kind of model makes a real step, predicts, is exported and is loaded again.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ckpt_ops.candidates.as_served.exported import served
from ckpt_ops.candidates.export import by_batches, export
from ckpt_ops.candidates.results import predict
from ckpt_ops.candidates.several_batches import SeveralBatches
from ckpt_ops.checkpoints.model_inputs import as_taken
from ckpt_ops.checkpoints.saved_model import InputSpec, inputs_of, write_saved_model
from ckpt_ops.errors import BadInput, ModelCodeError
from ckpt_ops.evaluation import EvaluatedRows, Servable
from ckpt_ops.store import LocalStore
from ckpt_ops.training import BatchOrder, Examples
from ckpt_ops.training.batches import batches
from ckpt_ops.training.step_function import step_function

ROWS = 40
Columns = dict[str, np.ndarray[Any, Any]]


@pytest.fixture(scope="module", autouse=True)
def _deterministic() -> None:
    tf.config.experimental.enable_op_determinism()


def drawn(shape: tuple[int, ...], dtype: str = "float64") -> np.ndarray[Any, Any]:
    return np.random.default_rng(len(shape)).integers(0, 4, (ROWS, *shape)).astype(dtype)


def compiled(model: keras.Model) -> keras.Model:
    model.compile(keras.optimizers.SGD(0.01), "mse", jit_compile=False)
    return model


def dense(of: Any) -> Any:
    return keras.layers.Dense(1)(of)


def sequential() -> keras.Model:
    """Its input has no name of its own, as most have none."""
    return compiled(
        keras.Sequential([keras.Input((2,)), keras.layers.Dense(3, "tanh"), keras.layers.Dense(1)])
    )


def called_once() -> keras.Model:
    """Without an Input layer: built by a call."""
    model = keras.Sequential([keras.layers.Dense(1)])
    model(np.zeros((5, 2), "float32"))
    return compiled(model)


def of_one() -> keras.Model:
    x = keras.Input((2,), name="x")
    return compiled(keras.Model(x, dense(x)))


def of_one_in_a_list() -> keras.Model:
    x = keras.Input((2,))
    return compiled(keras.Model([x], dense(x)))


def parts(kind: Callable[[Any, Any], Any]) -> keras.Model:
    """b counts ten times what a does, so that one taken for the other is seen."""
    a, b = keras.Input((1,), name="a"), keras.Input((1,), name="b")
    both = keras.layers.Concatenate()([a, keras.layers.Rescaling(10.0)(b)])
    return compiled(keras.Model(kind(a, b), keras.layers.Dense(1, kernel_initializer="ones")(both)))


def in_a_list() -> keras.Model:
    return parts(lambda a, b: [b, a])


def in_a_mapping() -> keras.Model:
    return parts(lambda a, b: {"a": a, "b": b})


def within_others() -> keras.Model:
    """The column `a` comes before those that the model takes, by its name."""
    b, c = keras.Input((1,), name="b"), keras.Input((1,), name="c")
    both = keras.layers.Concatenate()([b, keras.layers.Rescaling(10.0)(c)])
    return compiled(keras.Model({"b": b, "c": c}, keras.layers.Dense(1, kernel_initializer="ones")(both)))


class Own(keras.Model):
    """A class of its own, which looks for its columns by name."""

    def __init__(self) -> None:
        super().__init__()
        self.out = keras.layers.Dense(1)

    def call(self, inputs: Mapping[str, Any]) -> Any:
        return self.out(keras.ops.concatenate([inputs["net amount"], inputs["é"]], axis=-1))


def own() -> keras.Model:
    model = Own()
    model({"net amount": tf.zeros((1, 1)), "é": tf.zeros((1, 1))})
    return compiled(model)


class Module(tf.Module):
    def __init__(self) -> None:
        super().__init__()
        self.kernel = tf.Variable(tf.ones((2, 1), tf.float64))

    def __call__(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        return inputs["x"] @ self.kernel

    def train_step(self, inputs: Mapping[str, Any], labels: Any) -> Mapping[str, Any]:
        with tf.GradientTape() as tape:
            loss = tf.reduce_mean(tf.square(self(inputs) - labels))
        self.kernel.assign_sub(0.01 * tape.gradient(loss, self.kernel))
        return {"loss": loss}


class Reads(keras.layers.Layer):
    """Text of its own table, beside Keras' lookup: nothing but the layer leads to it."""

    def __init__(self) -> None:
        super().__init__()
        kept = tf.lookup.KeyValueTensorInitializer(["0", "1"], [5.0, 7.0])
        self.table = tf.lookup.StaticHashTable(kept, default_value=-1.0)

    def call(self, word: Any) -> Any:
        return self.table.lookup(word)[:, None]

    def compute_output_shape(self, shape: tuple[int | None, ...]) -> tuple[int | None, ...]:
        return (shape[0], 1)

    def compute_output_spec(self, word: Any) -> Any:
        return keras.KerasTensor((word.shape[0], 1), "float32")


def of_every_dtype() -> keras.Model:
    text, whole = keras.Input((), dtype="string", name="text"), keras.Input((1,), dtype="int64", name="whole")
    yes, number = keras.Input((1,), dtype="bool", name="yes"), keras.Input((1,), name="number")
    found = keras.layers.Embedding(6, 2)(keras.layers.StringLookup(vocabulary=["0", "1", "2"])(text))
    hashed = keras.layers.Embedding(4, 2)(keras.layers.Hashing(4)(whole))
    several = [
        found,
        keras.layers.Flatten()(hashed),
        keras.layers.CategoryEncoding(2)(yes),
        number,
        Reads()(text),
    ]
    return compiled(keras.Model([text, whole, yes, number], dense(keras.layers.Concatenate()(several))))


TEXT = drawn((), "int64").astype(str)
KINDS: dict[str, tuple[Callable[[], Any], Columns]] = {
    "Sequential": (sequential, {"features": drawn((2,))}),
    "Sequential of whole numbers": (sequential, {"features": drawn((2,), "int32")}),
    "Sequential, built by a call": (called_once, {"features": drawn((2,))}),
    "Model(x, y)": (of_one, {"x": drawn((2,))}),
    "Model(x, y), another name": (of_one, {"features": drawn((2,), "bool")}),
    "Model(x, y), columns too many": (of_one, {"a": drawn((1,)), "x": drawn((2,)), "y": TEXT}),
    "Model([x], y)": (of_one_in_a_list, {"x": drawn((2,), "int64")}),
    "Model([b, a], y)": (in_a_list, {"a": drawn((1,)), "b": 1 + drawn((1,))}),
    "Model({...}, y)": (in_a_mapping, {"b": 1 + drawn((1,), "float32"), "a": drawn((1,), "int64")}),
    "Model({...}, y), shape (rows,)": (in_a_mapping, {"a": drawn(()), "b": 1 + drawn((), "int32")}),
    "Model({...}, y), columns too many": (
        within_others,
        {"a": 9 + drawn((1,)), "b": drawn((1,)), "c": 1 + drawn((1,))},
    ),
    "a class of its own": (own, {"net amount": drawn((1,)), "é": drawn((1,))}),
    "a tf.Module": (Module, {"x": drawn((2,))}),
    "every dtype": (
        of_every_dtype,
        {
            "text": TEXT.astype(object),
            "whole": drawn((1,), "int64"),
            "yes": drawn((1,), "bool"),
            "number": drawn((1,)),
        },
    ),
}


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_served_says_what_the_trained_model_says(kind: str, tmp_path: Path) -> None:
    build, columns = KINDS[kind]
    keras.utils.set_random_seed(1)
    model = build()
    examples = Examples(inputs=columns, labels=drawn((1,)))
    order = BatchOrder(rows=ROWS, batch_size=8, seed=1)
    step_function(model)(iter(batches(examples, order, 0, 1, model=model)))
    said = predict(model, columns)
    write_saved_model(model, tmp_path, inputs_of(columns))
    loaded = tf.saved_model.load(str(tmp_path))
    assert (
        np.abs(by_batches(SeveralBatches(loaded.serve, traced=True), columns).reshape(-1) - said).max()
        <= 1e-6
    )
    assert np.abs(served(tmp_path)(columns) - said).max() <= 1e-6


def test_a_mapping_with_a_column_too_many_is_not_taken_by_the_order_of_its_names() -> None:
    """Keras by itself pairs `a` with the model's first input."""
    columns = {"a": 9 + drawn((1,)), "b": drawn((1,)), "c": 1 + drawn((1,))}
    assert np.allclose(predict(within_others(), columns), (columns["b"] + 10 * columns["c"]).reshape(-1))


def test_an_input_without_a_column_is_refused_with_both_names() -> None:
    with pytest.raises(ModelCodeError, match=r"has the inputs b, a; examples\(\) gives a, c, but not b"):
        as_taken(in_a_list(), {"a": 1, "c": 2})


def test_a_step_of_ones_own_gets_every_column_as_it_is_called() -> None:
    class Kept(keras.Model):
        def train_step(self, data: Any) -> dict[str, Any]:
            inputs, _ = data
            return {"loss": tf.reduce_mean(inputs["x"]) + tf.reduce_mean(inputs["beside"])}

    x = keras.Input((2,), name="x")
    model = compiled(Kept(x, dense(x)))
    examples = Examples(inputs={"x": drawn((2,)), "beside": 2 + drawn(())}, labels=drawn((1,)))
    (batch,) = batches(examples, BatchOrder(rows=ROWS, batch_size=8, seed=1), 0, 1, model=model)
    assert set(batch[0]) == {"x", "beside"}


# --- how exactly --------------------------------------------------------------------------------------


def deep(policy: str) -> keras.Model:
    keras.utils.set_random_seed(3)
    x = hidden = keras.Input((8,), name="x", dtype="float64")
    for _ in range(4):
        hidden = keras.layers.Dense(32, "gelu", dtype=policy)(hidden)
    return compiled(keras.Model(x, keras.layers.Dense(1, "sigmoid", dtype=policy)(hidden)))


class Rounding(Module):
    """float64 outside, bfloat16 inside."""

    def __call__(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        rounded = tf.cast(inputs["x"], tf.bfloat16) @ tf.cast(self.kernel, tf.bfloat16)
        return tf.cast(rounded, tf.float64)


@pytest.mark.parametrize(
    ("build", "precision"),
    [
        (lambda: deep("float64"), "float64"),
        (lambda: deep("float32"), "float32"),
        (lambda: deep("mixed_float16"), "float16"),
        (lambda: deep("mixed_bfloat16"), "bfloat16"),
        (Module, "float64"),
        (Rounding, "bfloat16"),
    ],
)
def test_an_export_is_held_to_the_precision_in_which_it_computes(
    build: Callable[[], Any], precision: str, tmp_path: Path
) -> None:
    model = build()
    width = 8 if isinstance(model, keras.Model) else 2
    examples = Examples(
        inputs={"x": np.random.default_rng(0).normal(size=(500, width))}, labels=np.zeros(500)
    )
    store = LocalStore(tmp_path)
    check = export(model, store, "e", examples, predict(model, examples.inputs), timed=False)
    assert (check.error, check.precision, check.rows) == (None, precision, 500)
    evaluated = EvaluatedRows(
        label=np.zeros(500),
        candidate=np.zeros(500),
        champion=None,
        segments={},
        slice_key="k",
        rows="rows",
        servable=check,
    )
    verdict = Servable().evaluate(evaluated, seed=0)
    assert verdict.passed, verdict.message
    assert f"(computed in {precision})" in verdict.message
    if precision == "bfloat16" and isinstance(model, keras.Model):
        apart = replace(
            evaluated, servable=replace(check, max_abs_difference=1e-3)
        )  # as some processors have it
        assert not Servable(tolerance=1e-6).evaluate(apart, seed=0).passed, "what is asked for is asked for"


# --- what an export is asked ----------------------------------------------------------------------


@pytest.mark.parametrize("build", [sequential, of_one, in_a_list, in_a_mapping])
def test_an_export_that_keras_wrote_is_still_asked_by_name(build: Callable[[], Any], tmp_path: Path) -> None:
    model = build()
    names = ["features"] if build is sequential else ["x"] if build is of_one else ["a", "b"]
    columns = {name: number + drawn((2,) if len(names) == 1 else (1,)) for number, name in enumerate(names)}
    model.export(str(tmp_path), verbose=False)
    assert np.abs(served(tmp_path)(columns) - predict(model, columns)).max() <= 1e-6


def test_a_column_of_another_kind_than_the_export_takes_is_refused_by_name(tmp_path: Path) -> None:
    whole = {"x": drawn((2,), "int64")}
    write_saved_model(of_one(), tmp_path, inputs_of(whole))
    ask = served(tmp_path)
    assert np.array_equal(ask({"x": whole["x"].astype("int32")}), ask(whole))
    with pytest.raises(ModelCodeError, match="takes x as int64; the pipeline makes float64 of it"):
        ask({"x": whole["x"] + 0.5})
    with pytest.raises(ModelCodeError, match="takes x as int64; the pipeline makes object of it"):
        ask({"x": whole["x"].astype(object)})


def test_a_model_of_layers_says_what_it_takes_where_nobody_knows(tmp_path: Path) -> None:
    write_saved_model(in_a_list(), tmp_path / "layers", None)
    specs = tf.saved_model.load(str(tmp_path / "layers")).signatures["serve"].structured_input_signature[1]
    assert {name: spec.dtype.name for name, spec in specs.items()} == {"a": "float32", "b": "float32"}
    with pytest.raises(BadInput, match="a Module does not declare it"):
        write_saved_model(Module(), tmp_path / "module", None)
    write_saved_model(Module(), tmp_path / "module", {"x": InputSpec(shape=(2,), dtype="float64")})
