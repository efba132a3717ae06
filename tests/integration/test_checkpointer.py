"""What a checkpointer does for a loop: asks, intermediate results, stopping; and it changes no weight."""

from __future__ import annotations

import io
import time
from collections.abc import Iterator
from contextlib import contextmanager
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
    Intermediate,
    IntermediateWriter,
    Manifest,
    Saved,
    SaveRequest,
    SaveRequestPoller,
    SaveTrigger,
    Snapshot,
    What,
    model_variables,
)
from ckpt_ops.checkpoints.intermediate import probe
from ckpt_ops.checkpoints.manifest import Segment
from ckpt_ops.checkpoints.requests import Answer, answer_to, ask
from ckpt_ops.errors import BadInput, StoreUnavailable, TrainingInterrupted
from ckpt_ops.store import LocalStore
from ckpt_ops.training import BatchOrder, Budget, Examples, Trainer

NEVER = EverySteps(10**6)
Values = dict[str, bytes]


@pytest.fixture(scope="module", autouse=True)
def _deterministic() -> None:
    tf.config.experimental.enable_op_determinism()


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    return LocalStore(tmp_path)


def build_model() -> keras.Model:
    keras.utils.clear_session()
    dense = [keras.initializers.GlorotUniform(seed=seed) for seed in (1, 2)]
    numbers = keras.Input((4,), name="numbers")
    hidden = keras.layers.Dense(8, "relu", kernel_initializer=dense[0], name="hidden")(numbers)
    hidden = keras.layers.Dropout(0.3, seed=3, name="drop")(
        keras.layers.BatchNormalization(name="norm")(hidden)
    )
    out = keras.layers.Dense(1, kernel_initializer=dense[1], name="out")(hidden)
    model = keras.Model({"numbers": numbers}, out, name="small")
    model.compile("adam", "mse", jit_compile=False)
    return model


def examples(rows: int = 120) -> Examples:
    draw = np.random.default_rng(1)
    return Examples(
        inputs={"numbers": draw.normal(size=(rows, 4)).astype("float32")},
        labels=draw.normal(size=(rows, 1)).astype("float32"),
    )


@contextmanager
def checkpointer(
    store: LocalStore,
    model: keras.Model,
    saved: list[Saved],
    *,
    save: SaveTrigger = NEVER,
    intermediate: Intermediate | None = None,
    desk: SaveRequestPoller | None = None,
) -> Iterator[Checkpointer]:
    def describe(snapshot: Snapshot, segments: tuple[Segment, ...]) -> Manifest:
        step, cursor = snapshot.step, snapshot.cursor
        return Manifest(
            model="m", version=1, step=step, parent=None, cursor=cursor, slices=(), segments=segments
        )

    recorder = None
    if intermediate is not None:
        probed = examples().take(np.arange(intermediate.rows))
        recorder = IntermediateWriter(
            store, model, intermediate, inputs=probed.inputs, labels=probed.labels, folder="models/m/v1"
        )
    with BackgroundWriter(
        store, describe=describe, name=lambda step: f"models/m/v1/iter_num={step}/m.json", commit=saved.append
    ) as writer:
        yield Checkpointer(writer, model_variables(model), save=save, intermediate=recorder, requests=desk)


def train(model: keras.Model, checkpoints: Checkpointer, *, steps: int = 12) -> int:
    return (
        Trainer(
            model=model,
            examples=examples(),
            order=BatchOrder(rows=120, batch_size=10, seed=5),
            budget=Budget(max_steps=steps, max_seconds=600),
            checkpoints=checkpoints,
            progress=lambda how_far: None,
        )
        .train()
        .step
    )


def values(model: keras.Model) -> Values:
    return {name: np.asarray(each.numpy()).tobytes() for name, each in model_variables(model).items()}


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> Values:
    model = build_model()
    with checkpointer(LocalStore(tmp_path_factory.mktemp("plain")), model, []) as checkpoints:
        train(model, checkpoints)
    return values(model)


def npz(store: LocalStore, step: int) -> Any:
    return np.load(io.BytesIO(store.get(f"models/m/v1/iter_num={step}/intermediate_results/results.npz")))


# --- intermediate results -----------------------------------------------------------------------


def test_intermediate_results_hold_what_they_promise_and_change_no_weight(
    store: LocalStore, undisturbed: Values
) -> None:
    model = build_model()
    kind = Intermediate(layers=("hidden", "norm"), save=EverySteps(5), rows=7)
    with checkpointer(store, model, [], intermediate=kind) as checkpoints:
        train(model, checkpoints)
    assert values(model) == undisturbed
    found = npz(store, 10)
    shapes = {name: found[name].shape for name in found.files}
    assert shapes["activations/hidden"] == shapes["gradients/hidden"] == (7, 8)
    assert shapes["activations/norm"] == (7, 8)
    assert shapes["predictions"] == shapes["labels"] == (7, 1)
    assert shapes["loss"] == shapes["metrics/loss"] == ()
    assert (int(found["step"]), int(found["since_step"])) == (10, 5)
    assert {"update_norm/hidden", "update_norm/norm", "update_norm/out"} <= set(found.files)


def test_activations_and_gradients_are_those_of_the_model() -> None:
    model, data = build_model(), examples().take(np.arange(5))
    found = probe(model, [model.get_layer("hidden")], data.inputs, data.labels)
    kernel, bias = (np.asarray(each) for each in model.get_layer("hidden").weights)
    expected = np.maximum(data.inputs["numbers"] @ kernel + bias, 0)
    np.testing.assert_allclose(found["activations/hidden"], expected, rtol=1e-5, atol=1e-6)
    # by hand: mean squared error of 5 rows, through the inference-mode batch norm and the last layer
    norm = model.get_layer("norm")
    gamma, _, _, variance = (np.asarray(each) for each in norm.weights)
    scale = gamma / np.sqrt(variance + norm.epsilon)
    error = 2 * (found["predictions"] - data.labels) / 5
    by_hand = error @ np.asarray(model.get_layer("out").weights[0]).T * scale
    np.testing.assert_allclose(found["gradients/hidden"], by_hand, rtol=1e-4, atol=1e-6)
    assert "call" not in vars(model.get_layer("hidden")), "the layer is left as it was"


def test_update_norms_say_how_far_a_layer_has_moved(store: LocalStore) -> None:
    model = build_model()
    before = [np.asarray(each) for each in model.get_layer("hidden").weights]
    with checkpointer(
        store, model, [], intermediate=Intermediate(layers=("out",), save=EverySteps(4))
    ) as checkpoints:
        train(model, checkpoints, steps=4)
    moved = [
        np.asarray(each) - was for each, was in zip(model.get_layer("hidden").weights, before, strict=True)
    ]
    expected = np.sqrt(sum(float((part**2).sum()) for part in moved))
    assert float(npz(store, 4)["update_norm/hidden"]) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(("latest_only", "kept"), [(False, [3, 6, 9, 12]), (True, [12])])
def test_all_captures_stay_or_the_latest_only(store: LocalStore, latest_only: bool, kept: list[int]) -> None:
    model = build_model()
    kind = Intermediate(layers=("hidden",), save=EverySteps(3), latest_only=latest_only)
    with checkpointer(store, model, [], save=EverySteps(6), intermediate=kind) as checkpoints:
        train(model, checkpoints)
    names = [entry.name for entry in store.list("models/m/v1/") if "/intermediate_results/" in entry.name]
    assert sorted(int(name.split("/")[3].removeprefix("iter_num=")) for name in names) == kept
    assert store.get("models/m/v1/iter_num=6/m.json"), "checkpoints beside them are not touched"


def test_a_layer_that_is_not_there_is_refused_with_those_that_are(store: LocalStore) -> None:
    kind = Intermediate(layers=("hiden",), save=NEVER)
    with (
        pytest.raises(BadInput, match=r"hiden.*numbers, hidden, norm, drop, out"),
        checkpointer(store, build_model(), [], intermediate=kind),
    ):
        pass


# --- asks ---------------------------------------------------------------------------------------


def answered(store: LocalStore, request: SaveRequest) -> Answer:
    end = time.monotonic() + 20
    while time.monotonic() < end:
        if (answer := answer_to(store, "m", request.id)) is not None:
            return answer
        time.sleep(0.02)
    raise AssertionError("no answer")


def served(store: LocalStore, request: SaveRequest, intermediate: Intermediate | None) -> list[Saved]:
    """A loop that steps until the ask is answered; what it saved meanwhile."""
    model, saved = build_model(), list[Saved]()
    ask(store, "m", request)
    desk = SaveRequestPoller(store, "m", 1, poll=0.02)
    with checkpointer(store, model, saved, intermediate=intermediate, desk=desk) as checkpoints:
        for step in range(1, 2000):
            checkpoints.after_step(step)
            time.sleep(0.005)
            if answer_to(store, "m", request.id) is not None:
                break
        checkpoints.close()
    return saved


def test_parameters_are_saved_for_who_asks_and_at_the_step_asked_for(store: LocalStore) -> None:
    request = SaveRequest(at_step=40)
    saved = served(store, request, None)
    answer = answered(store, request)
    assert [each.step for each in saved] == [40]
    assert (answer.done, answer.step, answer.objects) == (True, 40, ("models/m/v1/iter_num=40/m.json",))
    assert store.get(answer.objects[0])


def test_intermediate_results_alone_are_captured_for_who_asks(store: LocalStore) -> None:
    request = SaveRequest(what=What.INTERMEDIATE)
    saved = served(store, request, Intermediate(layers=("hidden",), save=NEVER))
    answer = answered(store, request)
    assert saved == []
    assert answer.done
    assert store.get(answer.objects[0])


def test_who_asks_for_what_is_not_recorded_is_told_so_and_gets_the_rest(store: LocalStore) -> None:
    request = SaveRequest(what=What.BOTH)
    saved = served(store, request, None)
    answer = answered(store, request)
    assert len(saved) == 1
    assert not answer.done
    assert "intermediate=" in answer.why


def test_an_ask_is_not_answered_when_its_save_fails(tmp_path: Path) -> None:
    class Full(LocalStore):
        def put(self, name: str, data: bytes | memoryview) -> None:
            if name.startswith("chunks/"):
                raise StoreUnavailable("injected: the disk is full")
            super().put(name, data)

    store, request = Full(tmp_path), SaveRequest()
    with pytest.raises(StoreUnavailable, match="full"):
        served(store, request, None)
    assert answer_to(store, "m", request.id) is None


# --- stopping -----------------------------------------------------------------------------------


def test_a_training_that_is_asked_to_stop_saves_where_it_stands(store: LocalStore) -> None:
    model, saved = build_model(), list[Saved]()
    with checkpointer(store, model, saved) as checkpoints:
        told = checkpoints.after_step

        def after_step(step: int, **position: Any) -> None:
            told(step, **position)
            if step == 5:
                checkpoints.stop()

        checkpoints.after_step = after_step  # type: ignore[method-assign]
        with pytest.raises(TrainingInterrupted, match="step 5 of 12"):
            train(model, checkpoints)
    assert [each.step for each in saved] == [5]


def test_metrics_and_seconds_reach_the_commit(store: LocalStore) -> None:
    model, saved = build_model(), list[Saved]()
    with checkpointer(store, model, saved, save=EverySteps(6)) as checkpoints:
        train(model, checkpoints)
    assert [each.step for each in saved] == [6, 12]
    assert saved[0].metrics["loss"] > 0
    assert 0 < saved[0].seconds < saved[1].seconds
