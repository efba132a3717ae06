"""Many batches are computed in one call; each number is that of a call for each batch, to the last bit."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
import numpy.typing as npt
import pytest
import tensorflow as tf

from ckpt_ops.candidates.as_served.exported import SIGNATURE, served
from ckpt_ops.candidates.as_served.graph import AsServed
from ckpt_ops.candidates.export import by_batches
from ckpt_ops.candidates.forward_pass import ForwardPass
from ckpt_ops.candidates.results import predict
from ckpt_ops.candidates.several_batches import AT_ONCE, FROM_ROWS, FROM_ROWS_TRACED, SeveralBatches
from ckpt_ops.candidates.streaming import BATCH, streamed
from ckpt_ops.checkpoints.model_inputs import forward
from ckpt_ops.checkpoints.saved_model import inputs_of, write_saved_model
from ckpt_ops.lists import dense, list_column
from ckpt_ops.training import Examples

L = keras.layers
Columns = dict[str, Any]
ROWS = FROM_ROWS + BATCH + 17
"""Two calls for several batches, and a last batch that is short."""


@pytest.fixture(autouse=True)
def seeded() -> None:
    keras.utils.set_random_seed(7)


def dense_layers() -> Any:
    given = keras.Input((6,), name="x")
    hidden = L.BatchNormalization()(L.Dense(24, "relu")(given))
    hidden = L.LayerNormalization()(L.Dense(16, "gelu")(hidden))
    return keras.Model(given, L.Dense(1, "sigmoid")(hidden))


def recurrent() -> Any:
    given = keras.Input((6,), name="x")
    return keras.Model(given, L.Dense(3, "softmax")(L.GRU(5)(L.Reshape((3, 2))(given))))


def attending() -> Any:
    given = keras.Input((6,), name="x")
    hidden = L.Reshape((3, 2))(given)
    hidden = L.LayerNormalization()(hidden + L.MultiHeadAttention(2, 3)(hidden, hidden))
    return keras.Model(given, L.Dense(1)(L.Flatten()(hidden) * 0.5 / 3.0))


def convolving() -> Any:
    given = keras.Input((6,), name="x")
    hidden = L.Conv1D(4, 3, activation="swish")(L.Reshape((6, 1))(given))
    return keras.Model(given, L.Dense(1, "sigmoid")(L.GlobalAveragePooling1D()(hidden)))


def of_two_outputs() -> Any:
    given = keras.Input((6,), name="x")
    hidden = L.Dense(8, "tanh")(given)
    outputs = {
        "click": L.Dense(1, "sigmoid", name="click")(hidden),
        "stars": L.Dense(3, name="stars")(hidden),
    }
    return keras.Model(given, outputs)


def numbers(rows: int) -> Columns:
    return {"x": np.random.default_rng(3).normal(size=(rows, 6)).astype(np.float32)}


MODELS = [dense_layers, recurrent, attending, convolving, of_two_outputs]


def settled(make: Callable[[], Any]) -> Any:
    """With values as after a training: zeros would hide where a bias is added."""
    model, draw = make(), np.random.default_rng(5)
    for one in model.trainable_variables:
        one.assign(draw.normal(0, 0.3, one.shape))
    return model


def one_call_a_batch(ask: Callable[[Columns], Any], inputs: Columns) -> list[npt.NDArray[Any]]:
    """As it was done before: Python calls, and joins."""
    answers = []
    for start in range(0, len(next(iter(inputs.values()))), BATCH):
        some = slice(start, start + BATCH)
        answer = ask({name: tf.convert_to_tensor(dense(column[some])) for name, column in inputs.items()})
        answers.append([np.asarray(one) for one in tf.nest.flatten(answer)])
    return [np.concatenate(parts) for parts in zip(*answers, strict=True)]


def fields(predicted: npt.NDArray[Any]) -> list[npt.NDArray[Any]]:
    return [predicted[name] for name in predicted.dtype.names or ()] or [predicted]


def assert_the_same_bits(found: npt.NDArray[Any], before: list[npt.NDArray[Any]]) -> None:
    for one, other in zip(fields(found), before, strict=True):
        np.testing.assert_array_equal(one.reshape(len(one), -1), other.reshape(len(other), -1))


@pytest.mark.parametrize("make", MODELS)
def test_a_model_predicts_what_it_predicts_op_by_op(make: Callable[[], Any]) -> None:
    model, inputs = settled(make), numbers(ROWS)
    chosen = ForwardPass(model).over(inputs, lambda rows: {"x": tf.convert_to_tensor(inputs["x"][rows])})
    assert chosen.at_once == AT_ONCE
    assert_the_same_bits(predict(model, inputs), one_call_a_batch(forward(model), inputs))


@pytest.mark.parametrize("make", [dense_layers, of_two_outputs])
def test_an_export_predicts_what_it_predicts_batch_by_batch(make: Callable[[], Any], tmp_path: Path) -> None:
    model, inputs = settled(make), numbers(FROM_ROWS_TRACED + 17)
    write_saved_model(model, tmp_path, inputs_of(inputs))
    signature = tf.saved_model.load(str(tmp_path)).signatures[SIGNATURE]
    before = one_call_a_batch(lambda batch: signature(**batch), inputs)
    assert_the_same_bits(served(tmp_path)(inputs), before)
    asked = AsServed(model)([Examples(inputs=inputs, labels=np.zeros(len(inputs["x"])))])[0]
    assert_the_same_bits(asked, before)


def test_text_and_lists_padded_to_a_length_are_computed_together_too() -> None:
    rows, draw = FROM_ROWS + 5, np.random.default_rng(3)
    text = np.array(["a", "bb", "c"])[draw.integers(0, 3, rows)]
    words = list_column(draw.integers(1, 9, 2 * rows), np.full(rows, 2), pad=0, length=4)
    given = {"t": keras.Input((), dtype="string", name="t"), "w": keras.Input((4,), dtype="int64", name="w")}
    hidden = [
        L.StringLookup(vocabulary=["a", "bb"], output_mode="one_hot")(given["t"]),
        L.GlobalAveragePooling1D()(L.Embedding(9, 3)(given["w"])),
    ]
    model = keras.Model(given, L.Dense(1)(L.Concatenate()(hidden)))
    inputs = {"t": text.astype(object), "w": words}
    assert_the_same_bits(predict(model, inputs), one_call_a_batch(forward(model), inputs))


def test_lists_that_are_padded_by_batch_stay_in_their_batch() -> None:
    rows, draw = FROM_ROWS + 5, np.random.default_rng(3)
    lengths = np.where(np.arange(rows) < 2 * BATCH, 2, 5)
    words = list_column(draw.integers(1, 9, int(lengths.sum())), lengths, pad=0)
    given = keras.Input((None,), dtype="int64", name="w")
    model = keras.Model(given, L.Dense(1)(L.GlobalAveragePooling1D()(L.Embedding(9, 3)(given))))
    inputs = {"w": words}
    assert_the_same_bits(predict(model, inputs), one_call_a_batch(forward(model), inputs))


class Counting(keras.layers.Layer):  # type: ignore[misc]
    """Counts how often Python runs it, which is not how often it computes."""

    def __init__(self) -> None:
        super().__init__()
        self.ran = 0

    def call(self, inputs: Any) -> Any:
        self.ran += 1
        return inputs * 2.0


def test_it_is_traced_once_whatever_the_rows_and_the_last_batch() -> None:
    counting = Counting()
    model = keras.Sequential([keras.Input((6,)), counting])
    through, ran = ForwardPass(model), []
    for rows in (FROM_ROWS, FROM_ROWS + 1, 2 * FROM_ROWS, ROWS):
        counting.ran = 0
        by_batches(through, numbers(rows))
        ran.append(counting.ran)
    assert ran[1:] == [1, 1, 1], "the first batch, looked at op by op"
    assert ran[0] < FROM_ROWS // BATCH


class Unexportable(keras.layers.Layer):  # type: ignore[misc]
    def call(self, inputs: Any) -> Any:
        return tf.constant(inputs.numpy() * 2)


def test_a_model_that_cannot_be_traced_predicts_as_before() -> None:
    given, layer = numbers(FROM_ROWS), Unexportable()
    sizes: set[int] = set()

    def one(batch: Mapping[str, Any]) -> Any:
        answer = layer(batch["x"])
        sizes.add(len(answer))
        return answer

    asked = SeveralBatches(one, traced=False)
    for _ in range(2):
        np.testing.assert_array_equal(by_batches(asked, given), given["x"].astype(np.float64) * 2)
    assert sizes == {BATCH, FROM_ROWS % BATCH}


def test_an_answer_without_an_element_for_each_row_is_no_answer_for_several_batches() -> None:
    given = numbers(FROM_ROWS)
    asked = SeveralBatches(lambda batch: tf.reduce_mean(batch["x"], axis=0), traced=False)
    for _ in range(2):
        chosen = asked.over(given, lambda rows: {"x": tf.convert_to_tensor(given["x"][rows])})
        assert chosen.at_once == 1


def test_where_a_bit_would_differ_there_is_a_call_for_each_batch() -> None:
    def one(batch: Mapping[str, Any]) -> Any:
        return batch["x"] * (1.0 if tf.executing_eagerly() else 1.0 + 2**-23)

    given = numbers(FROM_ROWS)
    np.testing.assert_array_equal(by_batches(SeveralBatches(one, traced=False), given), given["x"])


def test_wide_rows_are_computed_a_batch_at_a_time() -> None:
    asked: list[int] = []

    def ready(rows: slice) -> dict[str, Any]:
        asked.append(rows.stop - rows.start)
        return {"x": tf.zeros((rows.stop - rows.start, width))}

    for width, at_once in ((1, AT_ONCE), (1_500, 1)):
        column = np.broadcast_to(np.float32(0), (FROM_ROWS, width))
        chosen = SeveralBatches(lambda batch: batch["x"], traced=False).over({"x": column}, ready)
        assert chosen.at_once == at_once
    assert set(asked) == {BATCH}


@pytest.mark.parametrize("rows", [0, 1, BATCH, BATCH + 1, 5 * BATCH])
def test_rows_come_in_order_and_a_failure_is_the_callers(rows: int) -> None:
    whole = np.arange(rows)
    found = streamed(rows, lambda some: whole[some], lambda some, made: made * 2, at_once=2)
    np.testing.assert_array_equal(whole[:0] if found is None else found, whole * 2)

    def fails(some: slice) -> Any:
        if some.stop == rows:
            raise ValueError("no such row")
        return whole[some]

    if rows:
        with pytest.raises(ValueError, match="no such row"):
            streamed(rows, fails, lambda some, made: made)
