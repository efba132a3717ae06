"""What becomes of a parent's variables in a changed model, for each change that people make to a real one.

A model is trained a little, a changed one is built, the plan is carried out; nothing is stored. What is only
larger says at first, bit for bit, what the parent says.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf

from ckpt_ops.candidates.parent import is_rate, structure_of
from ckpt_ops.checkpoints import model_variables
from ckpt_ops.checkpoints.capture import tensorflow_variable
from ckpt_ops.checkpoints.layer_state import layer_state
from ckpt_ops.errors import BadInput
from ckpt_ops.transfer.carrying import carried
from ckpt_ops.transfer.evolve import IN_PLACE, Evolve, Placed
from ckpt_ops.transfer.moves import Move, Transfer
from ckpt_ops.transfer.plan import plan_transfer
from ckpt_ops.transfer.shapes import shape_behind
from ckpt_ops.transfer.structure import Structure, shown

ROWS, CLASSES = 64, 4
layers = keras.layers
rng = np.random.default_rng(3)
DATA = {
    "numbers": rng.normal(size=(ROWS, 3)).astype(np.float32),
    "carrier": rng.choice(["AA", "UA", "DL", "?"], ROWS).astype(object),
    "weather": np.zeros((ROWS, 2), np.float32),
    "wide": np.pad(rng.normal(size=(ROWS, 3)), ((0, 0), (0, 2))).astype(np.float32),
}
LABELS = rng.integers(0, CLASSES, ROWS)


@pytest.fixture(scope="module", autouse=True)
def _deterministic() -> None:
    tf.config.experimental.enable_op_determinism()


def network(
    *,
    width: int = 6,
    units: int = 16,
    classes: int = CLASSES,
    carriers: tuple[str, ...] = ("AA", "UA"),
    weather: bool = False,
    side: bool = False,
    numbers: str = "numbers",
    dropout: bool = True,
    norm: bool = False,
    deeper: bool = False,
    head: str = "head",
    swapped: bool = False,
    optimizer: Callable[[], Any] = keras.optimizers.Adam,
) -> keras.Model:
    """Text as an embedding beside numbers, a hidden layer, some classes."""
    carrier = keras.Input((), dtype="string", name="carrier")
    given = {"carrier": carrier, numbers: keras.Input((DATA[numbers].shape[1],), name=numbers)}
    ids = layers.StringLookup(vocabulary=list(carriers), name="lookup")(carrier)
    parts = [layers.Embedding(len(carriers) + 1, width, name="carrier_embedding")(ids), given[numbers]]
    if weather:
        given["weather"] = keras.Input((2,), name="weather")
        parts.insert(1, given["weather"])
    joined = layers.Concatenate(name="features")(parts[::-1] if swapped else parts)
    if norm:
        joined = layers.BatchNormalization(name="norm")(joined)
    hidden = layers.Dense(units, "relu", name="hidden")(joined)
    if dropout:
        hidden = layers.Dropout(0.1, name="drop")(hidden)
    if deeper:
        hidden = layers.Dense(units, "relu", name="deeper")(hidden)
    logits = layers.Dense(classes, name=head)(hidden)
    if side:
        zero = layers.Dense(classes, kernel_initializer="zeros", name="side")(given[numbers])
        logits = layers.Add(name="both")([logits, zero])
    model = keras.Model(given, layers.Activation("softmax", name="probabilities")(logits))
    model.compile(optimizer(), "sparse_categorical_crossentropy")
    return model


def sequence(*, kind: str = "LSTM", units: int = 5, features: int = 3) -> keras.Model:
    """A recurrent layer over four steps; what comes behind it reads its units."""
    steps = keras.Input((4, features), name="steps")
    state = getattr(layers, kind)(units, name="memory")(steps)
    model = keras.Model(steps, layers.Dense(1, name="head")(state))
    model.compile("adam", "mse")
    return model


def picture(*, channels: int = 3, filters: int = 4) -> keras.Model:
    image = keras.Input((6, 6, channels), name="image")
    found = layers.Conv2D(filters, 3, activation="relu", name="conv")(image)
    found = layers.MaxPooling2D(2, name="pool")(found)
    model = keras.Model(image, layers.Dense(1, name="head")(layers.Flatten(name="flat")(found)))
    model.compile("adam", "mse")
    return model


def built(make: Callable[..., keras.Model], seed: int, **changes: Any) -> keras.Model:
    keras.backend.clear_session()
    keras.utils.set_random_seed(seed)
    return make(**changes)


def structure(model: Any) -> Structure:
    return structure_of(model, model_variables(model), layer_state(model))


def values(model: Any) -> dict[str, Any]:
    return {name: tensorflow_variable(one).numpy().copy() for name, one in model_variables(model).items()}


def said(model: keras.Model, data: Mapping[str, Any] = DATA) -> Any:
    """Predictions on rows that lack a new feature: it is 0 there."""
    return model({name: tf.constant(data[name]) for name in model.input}).numpy()


@dataclass(frozen=True, kw_only=True)
class Parent:
    structure: Structure
    values: Mapping[str, Any]
    said: Any


def trained(make: Callable[..., keras.Model] = network, **settings: Any) -> Parent:
    model = built(make, 1, **settings)
    inputs = {name: tf.constant(DATA[name]) for name in model.input}
    model.fit(inputs, LABELS, epochs=3, verbose=0)
    return Parent(structure=structure(model), values=values(model), said=said(model))


@pytest.fixture(scope="module")
def parent() -> Parent:
    return trained()


def planned(parent: Parent, model: Any, **evolve: Any) -> Transfer:
    return plan_transfer(parent.structure, structure(model), Evolve(**evolve), ignored=is_rate)


def transferred(parent: Parent, model: Any, **evolve: Any) -> Transfer:
    """The model begins as the plan says."""
    transfer = planned(parent, model, **evolve)
    assert transfer.objections == ()
    variables = model_variables(model)
    for name, value in carried(transfer, parent.values, values(model)).items():
        tensorflow_variable(variables[name]).assign(value)
    return transfer


def moves(transfer: Transfer) -> dict[str, str]:
    """Of what is not carried over as it is, without what optimizers keep."""
    return {shown(one.name): one.move.value for one in transfer.weights if not one.as_it_was}


def slots(transfer: Transfer) -> dict[str, Move]:
    return {one.name: one.move for one in transfer.variables if one.name.startswith("optimizer/")}


# --- what only adds ------------------------------------------------------------------------------

WIDER = {"hidden/kernel": "grown", "hidden/bias": "grown", "head/kernel": "grown"}
ADDED: dict[str, tuple[dict[str, Any], dict[str, str]]] = {
    "nothing": ({}, {}),
    "a new input": ({"weather": True}, {"hidden/kernel": "grown"}),
    "a side branch of zeros": ({"side": True}, {"side/kernel": "new", "side/bias": "new"}),
    "a wider embedding": ({"width": 8}, {"carrier_embedding/embeddings": "grown", "hidden/kernel": "grown"}),
    "a wider layer": ({"units": 24}, WIDER),
    "all of them": (
        {"weather": True, "width": 8, "units": 24},
        {**WIDER, "carrier_embedding/embeddings": "grown"},
    ),
    "two more tokens, one in front": (
        {"carriers": ("9E", "AA", "UA", "B6")},
        {"carrier_embedding/embeddings": "grown"},
    ),
    "tokens in another order": ({"carriers": ("UA", "AA")}, {"carrier_embedding/embeddings": "mapped"}),
    "no dropout, one seed less": ({"dropout": False}, {}),
}


@pytest.mark.parametrize("change", ADDED)
def test_what_only_adds_says_at_first_what_the_parent_says(parent: Parent, change: str) -> None:
    settings, expected = ADDED[change]
    model = built(network, 2, **settings)
    transfer = transferred(parent, model)
    assert moves(transfer) == expected
    assert transfer.share_kept == 1.0
    assert np.array_equal(said(model), parent.said)
    assert set(slots(transfer).values()) <= {Move.CARRIED, Move.GROWN, Move.MAPPED, Move.RESET}


def test_features_in_another_order(parent: Parent) -> None:
    model = built(network, 2, swapped=True)
    assert moves(transferred(parent, model)) == {"hidden/kernel": "mapped"}
    assert np.allclose(said(model), parent.said, atol=1e-6), "sums in another order"


def test_a_wider_input(parent: Parent) -> None:
    model = built(network, 2, numbers="wide")
    model_as_before = {"wide": np.pad(DATA["numbers"], ((0, 0), (0, 2))), "carrier": DATA["carrier"]}
    transfer = planned(parent, model)
    # the input has another name: it cannot be told that it is the same
    assert "hidden/kernel would lose trained values" in "".join(transfer.objections)
    transferred(parent, model, renamed={"numbers": "wide"})
    assert np.array_equal(said(model, model_as_before), parent.said)


def test_mixed_precision_changes_no_variable(parent: Parent) -> None:
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        transfer = planned(parent, built(network, 2))
    finally:
        keras.config.set_dtype_policy("float32")
    assert transfer.same


def test_new_units_learn(parent: Parent) -> None:
    model = built(network, 2, units=24)
    transferred(parent, model)
    before = values(model)["model/head/kernel"]
    assert (before[16:] == 0).all()
    model.fit({name: tf.constant(DATA[name]) for name in model.input}, LABELS, epochs=1, verbose=0)
    assert (values(model)["model/head/kernel"][16:] != 0).any()


def test_as_initialized_where_the_pipeline_wants_that(parent: Parent) -> None:
    model = built(network, 2, weather=True)
    transferred(parent, model, zero_new_inputs=False)
    assert (values(model)["model/hidden/kernel"][6:8] != 0).all()


# --- what changes what the model says -------------------------------------------------------------


def test_an_unchanged_model_needs_no_labels(parent: Parent, monkeypatch: pytest.MonkeyPatch) -> None:
    """They would be made at the start of every training: of pictures, for seconds."""
    model = built(network, 2, optimizer=lambda: keras.optimizers.Adam(0.5))
    monkeypatch.setattr("ckpt_ops.transfer.plan.axes_of", None)
    assert planned(parent, model).same
    assert planned(parent, built(network, 2, optimizer=keras.optimizers.AdamW)).share_kept == 1.0
    with pytest.raises(TypeError):
        planned(parent, built(network, 2, width=8))


def test_a_fifth_class(parent: Parent) -> None:
    model = built(network, 2, classes=5)
    transfer = transferred(parent, model)
    assert moves(transfer) == {"head/kernel": "grown", "head/bias": "grown"}
    logits = np.log(said(model)[:, :CLASSES])
    assert np.allclose(logits - logits[:, :1], np.log(parent.said) - np.log(parent.said[:, :1]), atol=1e-4)


def test_one_more_layer_is_asked_about(parent: Parent) -> None:
    model = built(network, 2, deeper=True)
    transfer = planned(parent, model)
    (objection,) = transfer.objections
    assert objection.startswith("head/kernel would lose trained values: it reads other inputs than before")
    assert 'placed={"head/kernel": "in place"}' in transfer.next
    assert 'drop=("head/kernel",)' in transfer.next
    transferred(parent, model, placed={"head/kernel": IN_PLACE})
    assert np.array_equal(values(model)["model/head/kernel"], parent.values["model/head/kernel"])
    fresh = built(network, 2, deeper=True)
    initial = values(fresh)["model/head/kernel"]
    assert moves(transferred(parent, fresh, drop=("head/*",)))["head/kernel"] == "new"
    assert np.array_equal(values(fresh)["model/head/kernel"], initial)


def test_a_renamed_layer(parent: Parent) -> None:
    model = built(network, 2, head="late")
    transfer = planned(parent, model)
    assert (
        "head/kernel would lose trained values: build_model() makes no variable of this name"
        in transfer.objections
    )
    assert 'renamed={"head": "late"}' in transfer.next
    transfer = transferred(parent, model, renamed={"head": "late"})
    assert moves(transfer) == {"late/kernel": "renamed", "late/bias": "renamed"}
    assert np.array_equal(said(model), parent.said)
    found = values(model)["optimizer/adam/late_kernel_momentum"]
    assert np.array_equal(found, parent.values["optimizer/adam/head_kernel_momentum"])


def test_a_removed_feature_needs_a_yes() -> None:
    before = trained(weather=True)
    model = built(network, 2)
    transfer = planned(before, model)
    assert transfer.objections == (
        "hidden/kernel would lose trained values: 2 of 11 positions on axis 0; it was float32[11, 16], "
        "and is float32[9, 16]",
    )
    assert moves(transferred(before, model, drop=("hidden/kernel",))) == {"hidden/kernel": "cut"}
    assert np.array_equal(said(model), before.said), "the rows lack the feature"


# --- optimizers ------------------------------------------------------------------------------------


@pytest.mark.parametrize("optimizer", [keras.optimizers.SGD, keras.optimizers.RMSprop])
def test_another_optimizer_starts_afresh(parent: Parent, optimizer: Callable[[], Any]) -> None:
    model = built(network, 2, optimizer=optimizer)
    transfer = transferred(parent, model)
    assert moves(transfer) == {}
    assert set(slots(transfer).values()) == {Move.RESET}
    assert int(model.optimizer.iterations.numpy()) == 0
    assert np.array_equal(said(model), parent.said)


def test_adamw_goes_on_from_what_adam_remembers(parent: Parent) -> None:
    model = built(network, 2, optimizer=keras.optimizers.AdamW)
    assert set(slots(transferred(parent, model)).values()) == {Move.CARRIED}
    assert int(model.optimizer.iterations.numpy()) == parent.values["optimizer/adam/iteration"] > 0
    momentum = values(model)["optimizer/adam_w/hidden_kernel_momentum"]
    assert np.array_equal(momentum, parent.values["optimizer/adam/hidden_kernel_momentum"])


def test_a_moving_average_begins_at_the_weights(parent: Parent) -> None:
    model = built(network, 2, optimizer=lambda: keras.optimizers.Adam(use_ema=True), units=24)
    transferred(parent, model)
    found = values(model)
    assert np.array_equal(found["optimizer/adam/hidden_kernel_average"], found["model/hidden/kernel"])
    assert np.array_equal(found["model/hidden/kernel"][:, :16], parent.values["model/hidden/kernel"])


def test_a_rate_that_becomes_a_schedule(parent: Parent) -> None:
    schedule = keras.optimizers.schedules.CosineDecay(0.1, 100)
    assert planned(parent, built(network, 2, optimizer=lambda: keras.optimizers.Adam(schedule))).same


# --- other layers ----------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["LSTM", "GRU", "SimpleRNN"])
def test_more_units_of_a_recurrent_layer(kind: str) -> None:
    small = built(sequence, 1, kind=kind)
    before = Parent(structure=structure(small), values=values(small), said=None)
    steps = rng.normal(size=(8, 4, 3)).astype(np.float32)
    model = built(sequence, 2, kind=kind, units=7, features=5)
    transferred(before, model)
    padded = np.pad(steps, ((0, 0), (0, 0), (0, 2)))
    assert np.allclose(model(padded), small(steps), atol=1e-6)


def test_more_channels_and_filters() -> None:
    small = built(picture, 1)
    before = Parent(structure=structure(small), values=values(small), said=None)
    image = rng.normal(size=(5, 6, 6, 3)).astype(np.float32)
    model = built(picture, 2, channels=4, filters=7)
    transferred(before, model)
    padded = np.pad(image, ((0, 0), (0, 0), (0, 0), (0, 1)))
    assert np.allclose(model(padded), small(image), atol=1e-6)


def test_batch_normalization_follows_its_features() -> None:
    before = trained(norm=True)
    model = built(network, 2, norm=True, weather=True)
    transfer = transferred(before, model)
    assert moves(transfer)["norm/moving_mean"] == "grown"
    found, was = values(model)["model/norm/moving_mean"], before.values["model/norm/moving_mean"]
    assert np.array_equal(found[[*range(6), *range(8, 11)]], was)
    assert np.array_equal(found[6:8], [0, 0])


class Scaled(layers.Layer):
    """A layer that nobody here knows."""

    def build(self, shape: Any) -> None:
        self.scale = self.add_weight(shape=(shape[-1],), initializer="ones", name="scale")

    def call(self, x: Any) -> Any:
        return x * self.scale


def scaled(*, weather: bool = False, last: bool = True) -> keras.Model:
    given = {"numbers": keras.Input((3,), name="numbers")}
    parts = [given["numbers"]]
    if weather:
        given["weather"] = keras.Input((2,), name="weather")
        parts.insert(1 if last else 0, given["weather"])
    joined = layers.Concatenate(name="features")(parts) if weather else parts[0]
    head = layers.Dense(1, name="head")(Scaled(name="scaled")(joined))
    model = keras.Model(given, head)
    model.compile("adam", "mse")
    return model


def test_a_layer_that_is_not_known_has_to_be_placed() -> None:
    small = built(scaled, 1)
    before = Parent(structure=structure(small), values=values(small), said=said(small))
    model = built(scaled, 2, weather=True)
    transfer = planned(before, model)
    (objection,) = transfer.objections
    assert objection.startswith("scaled/scale was float32[3] and is float32[5], and nothing is known")
    assert 'placed={"scaled/scale": "in place"}' in transfer.next
    transferred(before, model, placed={"scaled/*": IN_PLACE})
    assert np.array_equal(said(model), before.said)


def test_what_comes_behind_an_unknown_layer_is_not_guessed_at() -> None:
    small = built(scaled, 1)
    before = Parent(structure=structure(small), values=values(small), said=said(small))
    model = built(scaled, 2, weather=True, last=False)
    transfer = planned(before, model, placed={"scaled/*": Placed(axis=0, at=(None, None, 0, 1, 2))})
    (objection,) = transfer.objections
    assert objection.startswith("head/kernel reads the layer scaled, whose inputs are different")
    moved = Placed(axis=0, at=(None, None, 0, 1, 2))
    transferred(before, model, placed={"scaled/*": moved, "head/kernel": moved})
    assert np.array_equal(said(model), before.said)


def nested(*, width: int = 6, weather: bool = False, units: int = 4) -> keras.Model:
    """Columns into a model inside, and from there into another one."""
    given = {
        "carrier": keras.Input((), dtype="string", name="carrier"),
        "numbers": keras.Input((3,), name="numbers"),
    }
    ids = layers.StringLookup(vocabulary=["AA", "UA"], name="lookup")(given["carrier"])
    parts = [layers.Embedding(3, width, name="carriers")(ids), given["numbers"]]
    if weather:
        given["weather"] = keras.Input((2,), name="weather")
        parts.insert(0, given["weather"])
    joined = layers.Concatenate(name="features")(parts)
    tower = keras.Sequential(
        [
            keras.Input((joined.shape[1],)),
            layers.Dense(units, "relu", name="first"),
            layers.Dropout(0.1, name="d"),
        ],
        name="tower",
    )
    middle = keras.Input((units,), name="middle")
    inner = keras.Model(middle, layers.Dense(5, "tanh", name="second")(middle), name="inner")
    model = keras.Model(given, layers.Dense(1, name="head")(inner(tower(joined))))
    model.compile("adam", "mse")
    return model


def test_models_inside_the_model() -> None:
    small = built(nested, 1)
    before = Parent(structure=structure(small), values=values(small), said=said(small))
    model = built(nested, 2, width=8, weather=True, units=7)
    transfer = transferred(before, model)
    assert moves(transfer)["tower/first/kernel"] == "grown"
    assert np.array_equal(said(model), before.said)


def stacked(
    *, filters: int = 4, channels: int = 3, told: bool = True, between: str = "", body: bool = False
) -> keras.Model:
    """As people write it: Keras keeps no shape of what has no variables.

    Args:
        told: the shape of a picture is said, and not found in the first call.
        between: the class of one more layer before `Flatten`.
        body: all but the head is a model of its own.
    """
    each = [
        *([keras.Input((6, 6, channels), name="image")] if told or body else []),
        layers.ZeroPadding2D(1, name="wider"),
        layers.Conv2D(filters, 3, name="conv"),
        layers.Activation("relu", name="active"),
        layers.MaxPooling2D(2, name="pool"),
        *([getattr(layers, between)((2, 1, 3), name="between")] if between else []),
        layers.Dropout(0.1, name="drop"),
        layers.Flatten(name="flat"),
        layers.Dense(1, name="head"),
    ]
    model = keras.Sequential([keras.Sequential(each[:-1], name="body"), each[-1]] if body else each)
    model.build((None, 6, 6, channels))
    model.compile("adam", "mse")
    return model


def of_picture(model: Any, pictures: Any) -> Any:
    return model(tf.constant(pictures)).numpy()


@pytest.mark.parametrize("written", ["today", "before"])
@pytest.mark.parametrize("how", [{}, {"told": False}, {"body": True}], ids=["told", "found", "nested"])
def test_layers_in_a_row_grow_as_in_a_graph(how: dict[str, Any], written: str) -> None:
    """As the structures of earlier checkpoints have it, only layers with variables know a shape."""
    pictures = rng.normal(size=(8, 6, 6, 3)).astype(np.float32)
    small = built(stacked, 1, **how)
    found = structure(small)
    if written == "before":
        found = replace(found, config=_without_shapes(found.config))
    before = Parent(structure=found, values=values(small), said=of_picture(small, pictures))
    assert planned(before, built(stacked, 2, **how)).same
    model = built(stacked, 2, filters=6, channels=4, **how)
    transfer = transferred(before, model)
    assert {"/".join(name.split("/")[-2:]): move for name, move in moves(transfer).items()} == {
        "conv/kernel": "grown",
        "conv/bias": "grown",
        "head/kernel": "grown",
    }
    dark = np.pad(pictures, ((0, 0), (0, 0), (0, 0), (0, 1)))
    assert np.allclose(of_picture(model, dark), before.said, atol=1e-6)


def _without_shapes(config: Any) -> Any:
    """A configuration whose layers without variables say nothing of shapes."""
    if isinstance(config, list):
        return [_without_shapes(one) for one in config]
    if not isinstance(config, dict):
        return config
    of_its_own = config.get("class_name") in ("Conv2D", "Dense")
    return {
        name: _without_shapes(value) for name, value in config.items() if of_its_own or name != "build_config"
    }


def test_positions_whose_meaning_is_not_kept_are_not_guessed_at() -> None:
    small = built(stacked, 1, between="Permute")
    before = Parent(structure=structure(small), values=values(small), said=None)
    assert planned(before, built(stacked, 2, between="Permute")).same
    (objection,) = planned(before, built(stacked, 2, between="Permute", filters=6)).objections
    assert objection.startswith("sequential/head/kernel reads the layer between, whose inputs are different")


@pytest.mark.parametrize(
    ("given", "layer"),
    [
        ((7, 9, 3), lambda: layers.Conv2D(2, (3, 2), strides=(2, 1), dilation_rate=(1, 1))),
        ((7, 9, 3), lambda: layers.Conv2D(2, 3, dilation_rate=2)),
        ((7, 9, 3), lambda: layers.Conv2D(2, 3, strides=2, padding="same")),
        ((7, 3), lambda: layers.Conv1D(2, 3, padding="causal")),
        ((5, 5, 5, 2), lambda: layers.Conv3D(2, 2)),
        ((7, 9, 3), lambda: layers.MaxPooling2D((2, 3))),
        ((7, 9, 3), lambda: layers.AveragePooling2D(2, strides=1, padding="same")),
        ((7, 3), lambda: layers.MaxPooling1D(2, padding="same")),
        ((5, 5, 5, 2), lambda: layers.AveragePooling3D(2)),
        ((7, 9, 3), lambda: layers.GlobalAveragePooling2D()),
        ((7, 3), lambda: layers.GlobalMaxPooling1D(keepdims=True)),
        ((7, 3), lambda: layers.UpSampling1D(2)),
        ((7, 9, 3), lambda: layers.UpSampling2D((2, 3))),
        ((7, 3), lambda: layers.ZeroPadding1D(2)),
        ((7, 9, 3), lambda: layers.ZeroPadding2D(((1, 2), (0, 1)))),
        ((7, 3), lambda: layers.Cropping1D((1, 2))),
        ((7, 9, 3), lambda: layers.Cropping2D(2)),
        ((7, 9, 3), lambda: layers.Flatten()),
        ((6, 4), lambda: layers.Reshape((2, -1, 3))),
        ((7, 3), lambda: layers.LSTM(4)),
        ((7, 3), lambda: layers.GRU(4, return_sequences=True)),
        ((7, 3), lambda: layers.Dense(4)),
        ((7,), lambda: layers.Embedding(9, 4)),
        ((None, 9, 3), lambda: layers.MaxPooling2D(2)),
        ((None, 3), lambda: layers.Conv1D(2, 3)),
    ],
)
def test_the_shape_behind_a_layer_is_what_keras_makes(
    given: tuple[int | None, ...], layer: Callable[[], Any]
) -> None:
    made = layer()
    config = json.loads(json.dumps(made.get_config()))
    assert shape_behind(type(made).__name__, config, (None, *given)) == made(keras.Input(given)).shape
    assert shape_behind(type(made).__name__, config, None) is None


def test_no_shape_is_told_behind_a_layer_that_is_not_known() -> None:
    assert shape_behind("Permute", {"dims": [2, 1]}, (None, 7, 3)) is None
    first = {"pool_size": [2, 2], "strides": [2, 2], "padding": "valid", "data_format": "channels_first"}
    assert shape_behind("MaxPooling2D", first, (None, 3, 6, 6)) is None


# --- names that Keras counted ----------------------------------------------------------------------


def unnamed(*, more: bool = False) -> keras.Model:
    x = keras.Input((3,), name="numbers")
    hidden = layers.Dense(8, "relu")(x)
    hidden = layers.Dense(8, "relu")(hidden) if more else hidden
    model = keras.Model({"numbers": x}, layers.Dense(8)(hidden))
    model.compile("adam", "mse")
    return model


def test_layers_that_keras_named_are_not_guessed_at() -> None:
    small = built(unnamed, 1)
    before = Parent(structure=structure(small), values=values(small), said=said(small))
    model = built(unnamed, 2, more=True)
    transfer = planned(before, model)
    assert transfer.objections[-1] == (
        "Keras named the Dense layers dense, dense_1, and now dense, dense_1, dense_2: "
        "it cannot be told which is which"
    )
    assert 'renamed={"dense": "dense", "dense_1": "dense_1"}' in transfer.next
    named = {"dense": "dense", "dense_1": "dense_2"}
    transferred(before, model, renamed=named, placed={"dense_2/kernel": IN_PLACE})
    assert np.array_equal(values(model)["model/dense_2/kernel"], before.values["model/dense_1/kernel"])


def test_two_variables_that_claim_one_name(parent: Parent) -> None:
    transfer = planned(parent, built(network, 2), renamed={"hidden": "head"})
    assert "hidden/kernel and head/kernel of the parent would both become head/kernel" in transfer.objections
    with pytest.raises(BadInput, match=r"Evolve\.renamed"):
        Evolve(renamed={"hidden": "x", "head": "x"})


# --- modules ----------------------------------------------------------------------------------------


class Plain(tf.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.w = tf.Variable(tf.ones((3, width)), name="w")

    def __call__(self, inputs: Any, training: bool = False) -> Any:
        return tf.reduce_sum(inputs["numbers"] @ self.w, -1)

    def train_step(self, inputs: Any, labels: Any) -> dict[str, Any]:
        return {"loss": tf.constant(0.0)}


def test_a_module_says_where_its_values_go() -> None:
    small, model = Plain(2), Plain(4)
    before = Parent(structure=structure(small), values=values(small), said=None)
    assert "nothing is known of what its positions stand for" in "".join(planned(before, model).objections)
    small.w.assign(tf.reshape(tf.range(6.0), (3, 2)))
    before = Parent(structure=structure(small), values=values(small), said=None)
    transferred(before, model, placed={"w": Placed(axis=1, at=(None, 0, 1, None))})
    assert model.w.numpy().tolist() == [[1, 0, 1, 1], [1, 2, 3, 1], [1, 4, 5, 1]]


@pytest.mark.parametrize(
    ("settings", "field"),
    [
        ({"drop": "side/*"}, "Evolve.drop"),
        ({"drop": ("",)}, "Evolve.drop"),
        ({"changed": [1]}, "Evolve.changed"),
        ({"zero_new_inputs": 1}, "Evolve.zero_new_inputs"),
        ({"renamed": {"a": ""}}, "Evolve.renamed"),
        ({"placed": {"a": "anywhere"}}, "Evolve.placed"),
    ],
)
def test_settings_that_mean_nothing_are_refused(settings: dict[str, Any], field: str) -> None:
    with pytest.raises(BadInput, match=field):
        Evolve(**settings)


@pytest.mark.parametrize(
    "settings",
    [{"axis": -1, "at": (0,)}, {"axis": 0, "at": ()}, {"axis": 0, "at": (0, 0)}, {"axis": 0, "at": (True,)}],
)
def test_places_that_mean_nothing_are_refused(settings: dict[str, Any]) -> None:
    with pytest.raises(BadInput, match=r"Placed\.(axis|at)"):
        Placed(**settings)


def test_a_place_that_the_parent_does_not_have(parent: Parent) -> None:
    transfer = planned(
        parent, built(network, 2), placed={"hidden/kernel": Placed(axis=0, at=(*range(8), 99))}
    )
    assert transfer.objections[0].startswith("Evolve.placed says Placed(axis=0")
