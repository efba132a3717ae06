"""Mixed precision and operations that are not deterministic, through training, export, resume and rebuild."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from killing import Killed, killed_after
from own_models import odd

from ckpt_ops.candidates.as_served.exported import exported
from ckpt_ops.checkpoints import EverySteps, Keep, load_manifest, model_variables
from ckpt_ops.checkpoints.placement import Placement
from ckpt_ops.diagnostics.audit import Audit, audit
from ckpt_ops.diagnostics.drill import drill
from ckpt_ops.diagnostics.reproduce import reproduce
from ckpt_ops.diagnostics.reproduction import Outcome
from ckpt_ops.errors import BadInput, CkptOpsError, ModelCodeError
from ckpt_ops.evaluation import AtLeast
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog
from ckpt_ops.lineage.records import SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.promotion.card import card_markdown, model_card, placement_in
from ckpt_ops.runs import steps
from ckpt_ops.slices import Files, pull
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.training import Budget, NoReplay, Numerics
from ckpt_ops.training.compiling import check_compiles
from ckpt_ops.views import StoreViews

pytestmark = pytest.mark.slow

KEYS = W1, W2 = "2013-01-06", "2013-01-13"
ROWS, STEPS = 200, 12
SCHEMA = pa.schema([("a", pa.float64()), ("b", pa.float64())])


@pytest.fixture(scope="module", autouse=True)
def in_this_process(
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[None]:
    tf.config.experimental.enable_op_determinism()
    with training_here(), without_pictures():
        yield
    assert keras.config.dtype_policy().name == "float32", "a policy is gone when the model is built"


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "store").mkdir()
    return LocalStore(tmp_path / "store")


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Pipeline]:
    (tmp_path / "landing").mkdir()
    landing = LocalStore(tmp_path / "landing")
    for key in KEYS:
        a, b = np.random.default_rng(int(key.replace("-", ""))).normal(size=(2, ROWS))
        sink = io.BytesIO()
        pq.write_table(pa.table({"a": a, "b": b}, SCHEMA), sink)
        landing.put(f"{key}.parquet", sink.getvalue())

    def pipeline(kind: str, numerics: Numerics, module: str = "odd") -> Pipeline:
        return Pipeline(
            name="m",
            source=Files(name="rows", schema=SCHEMA, template="{key}.parquet", url=landing.url),
            expectations="e.json",
            model=f"own_models.{module}:{kind}",
            budget=Budget(max_steps=STEPS, max_seconds=600),
            save=EverySteps(2),
            keep=Keep(),
            batch_size=16,
            replay=NoReplay(),
            average=None,
            gates=[AtLeast("accuracy", 0.0)],
            numerics=numerics,
        )

    return pipeline


def learn(pipeline: Pipeline, store: Store, *keys: str) -> LineageState:
    """Each slice accepted as it is, a version each, promoted."""
    log = ModelLog(store, "m")
    for key in keys:
        manifest = pull(store, pipeline.source, key)
        ref = SliceRef(key=key, revision=manifest.revision, rows=manifest.rows)
        log.decide(lambda state, ref=ref: None if ref.key in state.slices else SliceAccepted(slice=ref))
        version = steps.train(pipeline, store, key, lambda line: None).version
        if version is not None:
            message = steps.evaluate(pipeline, store, version).message
            assert steps.promote(pipeline, store, version).decision == "promoted", message
    return log.state()


def manifest_of(store: Store, state: LineageState, version: int) -> Any:
    trained = state.versions[version].trained
    assert trained is not None
    return load_manifest(store, trained.final)


# --- mixed precision ------------------------------------------------------------------------------


@pytest.mark.parametrize("precision", ["bfloat16", "float16"])
def test_killed_in_half_precision_it_ends_as_an_undisturbed_one_and_serves_float32(
    precision: str, told: Callable[..., Pipeline], store: LocalStore
) -> None:
    pipeline = told("half", Numerics(mixed_precision=precision))
    learn(pipeline, store, W1)
    with killed_after(7), pytest.raises(Killed):
        learn(pipeline, store, W2)
    state = learn(pipeline, store, W2)
    assert CandidateLog(store, "m", 2).progress().attempts == 2

    manifest = manifest_of(store, state, 2)
    assert manifest.placement == Placement(
        seen=("CPU:0",), used=("CPU:0",), precision=f"mixed_{precision}", deterministic=True
    )
    assert {entry.dtype for entry in manifest.tensors.values()} <= {"float32", "int64", "uint32"}
    scales = {name for name in manifest.tensors if name.endswith(("dynamic_scale", "step_counter"))}
    assert len(scales) == (2 if precision == "float16" else 0)

    undisturbed = reproduce(pipeline, store, 2, from_scratch=True)
    assert undisturbed.to_json()["different"] == []
    assert (undisturbed.outcome, undisturbed.apart) == (Outcome.EQUAL, None)
    assert drill(pipeline, store, 2, 8).next_batch

    with exported(store, state.versions[2]) as folder:
        served = tf.saved_model.load(str(folder)).signatures["serving_default"]
    assert {one.dtype for one in served.structured_outputs.values()} == {tf.float32}


def test_a_version_says_where_it_was_trained(told: Callable[..., Pipeline], store: LocalStore) -> None:
    state = learn(told("half", Numerics(mixed_precision="bfloat16")), store, W1)
    line = "on CPU:0, mixed_bfloat16, operations deterministic"
    view = StoreViews(store, keep=False).version("m", 1)
    assert view.placement == line
    assert line in view.card
    assert line in card_markdown(model_card(state, 1, placement_in(store, state.version(1))))
    written = next(entry.name for entry in store.list("models/m/v1/card-") if entry.name.endswith(".json"))
    assert json.loads(store.get(written))["placement"]["words"] == line


def test_from_float32_a_candidate_goes_on_in_half_precision(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    """Variables stay float32: its weights are its parent's, and only the scale of the loss is new."""
    learn(told("half", Numerics()), store, W1)
    state = learn(told("half", Numerics(mixed_precision="float16")), store, W2)
    assert state.versions[2].parent == 1
    before, after = (manifest_of(store, state, version).tensors for version in (1, 2))
    assert before.keys() <= after.keys()
    assert all("loss_scale_optimizer" in name for name in after.keys() - before.keys())


@pytest.mark.parametrize(
    ("kind", "precision", "message"),
    [
        ("half_out", "bfloat16", "gives its output in bfloat16"),
        ("own_policy", "float16", "sets Keras' dtype policy to mixed_bfloat16"),
        ("all_float32", "bfloat16", "no layer of the model of own_models.odd:all_float32"),
        ("one_float16", "bfloat16", "layer 'middle' has the dtype policy float16"),
        ("unscaled", "float16", "auto_scale_loss=False"),
        ("own_step", "float16", "OwnStep.train_step does not scale its loss"),
    ],
)
def test_a_model_that_would_not_follow_is_refused_before_anything_is_opened(
    kind: str, precision: str, message: str, told: Callable[..., Pipeline], store: LocalStore
) -> None:
    with pytest.raises(ModelCodeError, match=message) as raised:
        learn(told(kind, Numerics(mixed_precision=precision)), store, W1)
    assert raised.value.safe
    assert raised.value.next
    assert ModelLog(store, "m").state().versions == {}
    assert keras.config.dtype_policy().name == "float32"


def test_a_module_decides_on_its_own_dtypes(told: Callable[..., Pipeline], store: LocalStore) -> None:
    with pytest.raises(BadInput, match=r"tf\.Module"):
        learn(told("loop", Numerics(mixed_precision="bfloat16"), module="models"), store, W1)


def test_the_scale_of_a_loss_is_one_variable_however_often_a_model_is_asked_for_its_variables() -> None:
    keras.config.set_dtype_policy("mixed_float16")
    try:
        model = odd.half()
    finally:
        keras.config.set_dtype_policy("float32")
    once, again = model_variables(model), model_variables(model)
    assert once.keys() == again.keys()
    assert all(one is again[name] for name, one in once.items())
    assert model.optimizer.dynamic_scale is once["optimizer/loss_scale_optimizer/dynamic_scale"]


# --- operations that are not deterministic -----------------------------------------------------------

LOOK = """
import json, sys
sys.path.insert(0, {path!r})
from tensorflow.python.framework.config import is_op_determinism_enabled
from ckpt_ops.training import Numerics
Numerics(deterministic={wanted}).begin()
print(json.dumps(is_op_determinism_enabled()))
"""


@pytest.mark.parametrize("wanted", [True, False])
def test_op_determinism_is_on_in_a_fresh_process_as_the_setting_says(wanted: bool) -> None:
    code = LOOK.format(path=str(Path(__file__).parents[2]), wanted=wanted)
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, check=True, text=True)
    assert json.loads(done.stdout) is wanted


def test_whether_a_version_is_the_same_cannot_be_told_and_how_far_it_is_off_can(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    pipeline = told("rounding", Numerics(deterministic=False))
    learn(pipeline, store, W1)
    state = learn(pipeline, store, W2)
    placement = manifest_of(store, state, 2).placement
    assert placement is not None
    assert not placement.deterministic

    again = reproduce(pipeline, store, 2)
    assert again.different
    assert again.outcome is Outcome.UNTOLD
    assert again.apart is not None
    assert 0 < again.apart < 0.1
    assert again.placed == again.placed_again == "on CPU:0, float32, operations not deterministic"
    assert json.loads(json.dumps(again.to_json()))["outcome"] == "cannot be told"

    drilled = drill(pipeline, store, 2, STEPS)
    assert drilled.predictions is not None
    assert not drilled.predictions.differs, "predictions have a tolerance, restored variables need none"
    assert "deterministic=False" in audit(pipeline, store, Audit(metric="accuracy", epochs=1)).note


def test_with_determinism_the_same_bits_are_asked_for(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    """A model that draws its own noise is different then, and is told so."""
    pipeline = told("rounding", Numerics())
    learn(pipeline, store, W1)
    again = reproduce(pipeline, store, 1)
    assert again.outcome is Outcome.DIFFERENT
    assert audit(pipeline, store, Audit(metric="accuracy", epochs=1)).note == ""


def test_a_killed_training_that_is_not_deterministic_goes_on_where_it_was(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    pipeline = told("rounding", Numerics(deterministic=False))
    with killed_after(7), pytest.raises(Killed):
        learn(pipeline, store, W1)
    state = learn(pipeline, store, W1)
    trained = state.versions[1].trained
    assert trained is not None
    assert trained.step == STEPS
    assert reproduce(pipeline, store, 1).outcome is Outcome.UNTOLD


def test_a_change_of_the_setting_is_another_candidate(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    pipeline = told("usual", Numerics())
    learn(pipeline, store, W1)
    with pytest.raises(CkptOpsError, match="a setting of the pipeline that shapes weights"):
        reproduce(replace(pipeline, numerics=Numerics(deterministic=False)), store, 1)


# --- what Keras compiles once determinism is off ---------------------------------------------------


def first_batch() -> tuple[Any, ...]:
    return {"x": np.ones((16, 2), np.float32)}, np.ones((16, 1), np.float32)


@pytest.mark.parametrize(("kind", "compiles"), [("usual", True), ("rounding", False)])
def test_a_step_that_xla_does_not_compile_is_found_before_it_is_made(kind: str, compiles: bool) -> None:
    """Keras asks for XLA by itself on a GPU. Here it is asked for."""
    model = getattr(odd, kind)()
    model.optimizer.build(model.trainable_variables)
    check_compiles(model, first_batch)
    model._jit_compile = True
    if compiles:
        check_compiles(model, first_batch)
    else:
        with pytest.raises(ModelCodeError, match="XLA does not compile a step"):
            check_compiles(model, first_batch)
    assert int(model.optimizer.iterations) == 0
