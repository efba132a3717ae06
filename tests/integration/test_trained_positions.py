"""What Keras makes of padded batches: what is padded counts neither in the loss nor in what is served."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ckpt_ops import Examples, Lists
from ckpt_ops.candidates.as_served.exported import served
from ckpt_ops.candidates.export import export
from ckpt_ops.candidates.results import predict
from ckpt_ops.checkpoints.saved_model import inputs_of, positions_in, write_saved_model
from ckpt_ops.errors import ConversionRefused, ModelCodeError
from ckpt_ops.lists import flat_cells, lengths_of
from ckpt_ops.outputs import differences
from ckpt_ops.serving.onnx_format import ask_onnx, to_onnx
from ckpt_ops.serving.tflite_format import ask_tflite, to_tflite
from ckpt_ops.store import LocalStore
from ckpt_ops.training import BatchOrder
from ckpt_ops.training.batches import batch_of, batches
from ckpt_ops.training.step_function import step_function
from ckpt_ops.training.tracing import trace_prediction

pytestmark = pytest.mark.slow

LENGTHS = (3, 5, 1, 0, 2, 4)
DRAW = np.random.default_rng(0)
FILMS = [DRAW.integers(1, 9, length) for length in LENGTHS]
LIKED = [DRAW.integers(0, 2, length) for length in LENGTHS]
WEIGHTS = np.arange(6) + 1.0


def rows(pad: int = 0, *, length: int | None = None, weighted: bool = False) -> Examples:
    return Examples(
        inputs={"films": Lists(FILMS, pad=pad, length=length)},
        labels=Lists(LIKED, length=length),
        weights=WEIGHTS if weighted else None,
    )


def of_layers(
    *layers: Any, loss: Any = "binary_crossentropy", mask: bool = True, length: int | None = None
) -> Any:
    keras.utils.clear_session()
    keras.utils.set_random_seed(1)
    films = keras.Input((length,), dtype="int64", name="films")
    found = keras.layers.Embedding(12, 4, mask_zero=mask, name="film")(films)
    for layer in layers:
        found = layer(found)
    model = keras.Model({"films": films}, found)
    model.compile(keras.optimizers.SGD(0.1), loss, weighted_metrics=["binary_accuracy"])
    return model


def gru(**beside: Any) -> Any:
    return keras.layers.GRU(5, return_sequences=True, name="last", **beside)


def yes() -> Any:
    return keras.layers.Dense(1, "sigmoid", name="liked")


def by_hand(model: Any, *, weighted: bool) -> float:
    """The loss of each list alone, without any padding."""
    losses = []
    for row, (films, liked) in enumerate(zip(FILMS, LIKED, strict=True)):
        if len(films):
            said = np.asarray(model({"films": films[None]}), np.float64)[0, :, 0]
            of_each = -(liked * np.log(said) + (1 - liked) * np.log(1 - said))
            losses.append(of_each * (WEIGHTS[row] if weighted else 1))
    return float(np.mean(np.concatenate(losses)))


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(
    ("mask", "pad", "length"), [(True, 0, None), (False, 0, None), (False, 11, None), (False, 11, 9)]
)
def test_padding_changes_no_loss(mask: bool, pad: int, length: int | None, weighted: bool) -> None:
    model = of_layers(gru(), yes(), mask=mask)
    wanted = by_hand(model, weighted=weighted)
    examples = rows(pad, length=length, weighted=weighted)
    drawn = iter(batches(examples, BatchOrder(rows=6, batch_size=6, seed=1), 0, 1, model=model))
    assert float(step_function(model)(drawn)["loss"]) == pytest.approx(wanted, rel=1e-5)


def test_a_mask_that_hides_nothing_is_not_taken_for_one() -> None:
    """`Concatenate` of a masked and an unmasked input has a mask that is true everywhere."""
    keras.utils.set_random_seed(1)
    films = keras.Input((None,), dtype="int64", name="films")
    parts = [keras.layers.Embedding(12, 3, mask_zero=mask)(films) for mask in (True, False)]
    model = keras.Model({"films": films}, yes()(gru()(keras.layers.Concatenate()(parts))))
    model.compile("sgd", "binary_crossentropy")
    wanted = by_hand(model, weighted=False)
    drawn = iter(batches(rows(), BatchOrder(rows=6, batch_size=6, seed=1), 0, 1, model=model))
    assert float(step_function(model)(drawn)["loss"]) == pytest.approx(wanted, rel=1e-5)


@pytest.mark.parametrize("listed", [False, True])
def test_outputs_of_rows_and_of_positions_have_weights_of_their_own(listed: bool) -> None:
    keras.utils.set_random_seed(1)
    films = keras.Input((None,), dtype="int64", name="films")
    taste = gru()(keras.layers.Embedding(12, 3, mask_zero=True)(films))
    whole = keras.layers.GlobalAveragePooling1D()(taste)
    outputs = {"liked": yes()(taste), "stars": keras.layers.Dense(1, name="stars")(whole)}
    model = keras.Model({"films": films}, list(outputs.values()) if listed else outputs)
    model.compile("sgd", {"liked": "binary_crossentropy", "stars": "mse"})
    some = [row for row, length in enumerate(LENGTHS) if length]
    labels = {"liked": Lists([LIKED[row] for row in some]), "stars": np.arange(5.0)}
    weights = WEIGHTS[some]
    examples = Examples(inputs={"films": Lists([FILMS[row] for row in some])}, labels=labels, weights=weights)
    said = [model({"films": FILMS[row][None]}) for row in some]
    liked, stars = zip(*(one if listed else (one["liked"], one["stars"]) for one in said), strict=True)
    losses = [
        weight * -(y * np.log(p) + (1 - y) * np.log(1 - p))
        for weight, y, p in zip(
            weights, [LIKED[row] for row in some], [np.asarray(one)[0, :, 0] for one in liked], strict=True
        )
    ]
    squares = weights * (np.array([float(one[0, 0]) for one in stars]) - np.arange(5.0)) ** 2
    drawn = iter(batches(examples, BatchOrder(rows=5, batch_size=5, seed=1), 0, 1, model=model))
    wanted = np.mean(np.concatenate(losses)) + np.mean(squares)
    assert float(step_function(model)(drawn)["loss"]) == pytest.approx(wanted, rel=1e-5)


def test_a_loss_that_divides_by_weights_gets_them_as_they_are() -> None:
    loss = keras.losses.BinaryCrossentropy(reduction="mean_with_sample_weight")
    model = of_layers(gru(), yes(), mask=False, loss=loss)
    wanted = by_hand(model, weighted=False)
    drawn = iter(batches(rows(7), BatchOrder(rows=6, batch_size=6, seed=1), 0, 1, model=model))
    assert float(step_function(model)(drawn)["loss"]) == pytest.approx(wanted, rel=1e-5)


def test_batches_of_any_length_are_one_trace() -> None:
    traces = []

    class Traced(keras.layers.Layer):  # type: ignore[misc]
        def call(self, films: Any) -> Any:
            traces.append(tuple(films.shape))
            return films

    model = of_layers(Traced(), gru(), yes())
    step = step_function(model)
    drawn = iter(batches(rows(), BatchOrder(rows=6, batch_size=1, seed=1), 0, 12, model=model))
    step(drawn)
    before = len(traces)
    for _ in range(11):
        step(drawn)
    assert len(traces) == before
    assert traces.count((None, None, 4)) >= 2  # when it was checked, and when it was trained


def test_a_module_gets_labels_and_weights_of_positions() -> None:
    class Module(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            self.table = tf.Variable(tf.zeros((12,)))

        def __call__(self, inputs: Any, training: bool = False) -> Any:
            return tf.sigmoid(tf.gather(self.table, inputs["films"]))

        def train_step(self, inputs: Any, labels: Any, weights: Any) -> Any:
            apart = tf.square(self(inputs) - tf.cast(labels, tf.float32)) * weights
            self.table.assign_sub(tf.gather(self.table, tf.range(12)))
            return {"loss": tf.reduce_sum(apart) / tf.reduce_sum(weights)}

    model, examples = Module(), rows(weighted=True)
    inputs, labels, *_ = batch_of(examples)
    trace_prediction(model, inputs, labels, positions=examples.follows)
    drawn = iter(batches(examples, BatchOrder(rows=6, batch_size=6, seed=1), 0, 1, model=model))
    assert float(step_function(model)(drawn)["loss"]) == pytest.approx(0.25)


REFUSED = {
    "one number a row": (
        lambda: of_layers(keras.layers.GlobalAveragePooling1D(), yes()),
        r"predicts shape \(rows, 1\); a label at each position needs shape \(rows, length, 1\)",
    ),
    "positions without their last axis": (
        lambda: of_layers(gru(), yes(), keras.layers.Flatten()),
        r"a label at each position needs shape",
    ),
    "fewer positions": (
        lambda: of_layers(keras.layers.Conv1D(4, 3, strides=2, padding="same"), yes(), mask=False),
        r"predicts 24 positions; the labels have 48 there",
    ),
}


@pytest.mark.parametrize("make", REFUSED)
def test_an_output_without_a_prediction_for_each_label_is_refused(make: str) -> None:
    build, message = REFUSED[make]
    examples = rows()
    inputs, labels, *_ = batch_of(examples)
    with pytest.raises(ModelCodeError, match=message) as refused:
        trace_prediction(build(), inputs, labels, positions=examples.follows)
    assert refused.value.safe == "no step was made; the champion serves on"


def test_what_is_served_knows_its_positions(tmp_path: Path) -> None:
    model, examples = of_layers(gru(), yes()), rows()
    said = predict(model, examples.inputs, examples.positions)
    assert lengths_of(said).tolist() == list(LENGTHS)
    write_saved_model(model, tmp_path, inputs_of(examples.inputs), positions=examples.follows)
    assert positions_in(tmp_path) == {"": "films"}
    answer = served(tmp_path)(examples.inputs)
    assert differences(answer, said).max() < 1e-6
    alone = served(tmp_path)({"films": examples.inputs["films"][2:3]})
    assert flat_cells(alone) == pytest.approx(flat_cells(said[2:3]), abs=1e-6)
    with pytest.raises(ModelCodeError, match="for the positions of films; the pipeline makes no lists of it"):
        served(tmp_path)({"films": np.zeros((2, 3), np.int64)})


@pytest.mark.parametrize(
    ("layers", "right"),
    [
        (lambda: [keras.layers.Conv1D(4, 3, padding="same"), yes()], False),
        (lambda: [gru(), yes()], True),
    ],
)
def test_an_export_whose_predictions_depend_on_the_padding_is_no_good(
    tmp_path: Path, layers: Callable[[], list[Any]], right: bool
) -> None:
    model, examples = of_layers(*layers(), mask=right), rows(11 if not right else 0)
    said = predict(model, examples.inputs, examples.positions)
    check = export(model, LocalStore(tmp_path), "export", examples, said, timed=True)
    assert (check.error is None) is right
    assert right or "with the padding of a batch: mask it, or set Lists(length=)" in str(check.error)


def test_lists_are_converted_where_the_format_has_what_the_layers_need(tmp_path: Path) -> None:
    """TensorFlow Lite has no loop over a length that it does not know."""
    dense = of_layers(keras.layers.Dense(3, "relu", name="hidden"), yes())
    examples = rows()
    for name, model, fixed in (("any", dense, examples), ("loop", of_layers(gru(), yes()), examples)):
        write_saved_model(model, tmp_path / name, inputs_of(fixed.inputs), positions=fixed.follows)
    original = served(tmp_path / "any")(examples.inputs)
    for convert, ask in ((to_tflite, ask_tflite), (to_onnx, ask_onnx)):
        answer = ask(convert(tmp_path / "any"), positions_in(tmp_path / "any"))(examples.inputs)
        assert differences(answer, original).max() < 1e-6
    original = served(tmp_path / "loop")(examples.inputs)
    answer = ask_onnx(to_onnx(tmp_path / "loop"), {"": "films"})(examples.inputs)
    assert differences(answer, original).max() < 1e-6
    with pytest.raises(
        ConversionRefused, match=r"cannot run the loop of layer .*unroll=True and a fixed number"
    ):
        to_tflite(tmp_path / "loop")
