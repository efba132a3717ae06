"""A model of any kind goes through the same training: it resumes exactly, is evaluated, served, rebuilt."""

from __future__ import annotations

import io
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
from own_models import models

from ckpt_ops.candidates.data import consumed_before, load_data
from ckpt_ops.candidates.results import predict
from ckpt_ops.checkpoints import (
    EverySteps,
    Intermediate,
    IntermediateWriter,
    Keep,
    load_manifest,
    model_variables,
)
from ckpt_ops.checkpoints.export import Format, export_model
from ckpt_ops.checkpoints.saved_model import InputSpec
from ckpt_ops.diagnostics.bisect import bisect
from ckpt_ops.diagnostics.bisect_question import Question
from ckpt_ops.diagnostics.drill import drill
from ckpt_ops.diagnostics.reproduce import reproduce
from ckpt_ops.errors import BadInput, IncompatibleCheckpoint, ModelCodeError
from ckpt_ops.evaluation import AtLeast, AtMost, EvaluatedRows, NotWorseThan, Servable
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionState
from ckpt_ops.lineage.records import CandidateStarted, CandidateTrained, SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.step_results import Evaluated
from ckpt_ops.pipeline.user_code import build_model
from ckpt_ops.runs import steps
from ckpt_ops.slices import Files, pull
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.training import BatchOrder, Budget, Examples, Reservoir
from ckpt_ops.training.batches import batches
from ckpt_ops.training.step_function import step_function

pytestmark = pytest.mark.slow

KEYS = W1, W2 = "2013-01-06", "2013-01-13"
ROWS = 240
INPUTS = {"numbers": InputSpec(shape=(2,), dtype="float32"), "word": InputSpec(shape=(), dtype="string")}
SCHEMA = pa.schema(
    [
        ("a", pa.float64()),
        ("b", pa.float64()),
        ("word", pa.string()),
        ("query", pa.string()),
        ("weight", pa.float64()),
        ("amount", pa.float64()),
        ("kind", pa.int64()),
        ("relevance", pa.int64()),
    ]
)


def rows(key: str) -> pa.Table:
    """What is asked follows from the numbers and the word; six rows a query."""
    draw = np.random.default_rng(int(key.replace("-", "")))
    a, b = draw.normal(size=(2, ROWS))
    word = draw.choice(models.WORDS, ROWS)
    amount = 3 * a - b + (word == "oak") + 0.1 * draw.normal(size=ROWS)
    kind = np.digitize(amount, [-1.5, 1.5])
    query = [f"q{number // 6}" for number in range(ROWS)]
    columns = (a, b, word, query, np.abs(a), amount, kind, kind)
    return pa.table(dict(zip(SCHEMA.names, columns, strict=True)), SCHEMA)


@pytest.fixture
def landing(tmp_path: Path) -> LocalStore:
    (tmp_path / "landing").mkdir()
    landing = LocalStore(tmp_path / "landing")
    for key in KEYS:
        land(landing, key, rows(key))
    return landing


def land(landing: Store, key: str, table: pa.Table) -> None:
    sink = io.BytesIO()
    pq.write_table(table, sink)
    landing.put(f"{key}.parquet", sink.getvalue())


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "store").mkdir()
    return LocalStore(tmp_path / "store")


@pytest.fixture(scope="module", autouse=True)
def in_this_process(training_here: Callable[[], AbstractContextManager[None]]) -> Iterator[None]:
    with training_here():
        yield


def pipeline(landing: Store, kind: str, **settings: Any) -> Pipeline:
    return replace(
        Pipeline(
            name="m",
            source=Files(name="rows", schema=SCHEMA, template="{key}.parquet", url=landing.url),
            expectations="e.json",
            model=f"own_models.models:{kind}",
            budget=Budget(max_steps=11, max_seconds=600),
            save=EverySteps(2),
            keep=Keep(),
            batch_size=16,
            gates=[
                AtMost("rmse", 5.0),
                NotWorseThan(metric="rmse", margin=1.0, confidence=0.999),
                Servable(),
            ],
        ),
        **settings,
    )


def learn(pipeline: Pipeline, store: Store, *keys: str) -> LineageState:
    """Each slice accepted as it is, a version each, promoted."""
    for key in keys:
        train(pipeline, store, key)
    return ModelLog(store, "m").state()


def train(pipeline: Pipeline, store: Store, key: str) -> Evaluated:
    manifest = pull(store, pipeline.source, key)
    ref = SliceRef(key=key, revision=manifest.revision, rows=manifest.rows)
    log = ModelLog(store, "m")
    log.decide(lambda state: None if key in state.slices else SliceAccepted(slice=ref))
    version = steps.train(pipeline, store, key, lambda line: None).version
    evaluated = steps.evaluate(pipeline, store, version)
    assert steps.promote(pipeline, store, version).decision == "promoted", evaluated.message
    return evaluated


def values(model: Any) -> dict[str, bytes]:
    return {name: variable.numpy().tobytes() for name, variable in model_variables(model).items()}


def read_evaluated(store: Store, trained: CandidateTrained) -> EvaluatedRows:
    return EvaluatedRows.from_table(pq.read_table(io.BytesIO(store.get(trained.artifacts["predictions"]))))


def champion_on_newest(store: Store) -> dict[str, float]:
    """What the first version scored on the second slice before anything trained on it."""
    result = CandidateLog(store, "m", 2).progress().result
    assert result is not None
    found: dict[str, float] = result["scores"][W2]
    return found


# --- one training for all -------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["own_step", "loop"])
def test_killed_in_its_second_slice_it_ends_as_an_undisturbed_one_bit_for_bit(
    kind: str, landing: LocalStore, store: LocalStore
) -> None:
    told = pipeline(landing, kind, replay=Reservoir(share=0.5))
    learn(told, store, W1)
    with killed_after(7), pytest.raises(Killed):
        learn(told, store, W2)
    committed = [commit.step for commit in CandidateLog(store, "m", 2).progress().commits]
    assert 0 < committed[-1] < 11
    state = learn(told, store, W2)
    assert CandidateLog(store, "m", 2).progress().attempts == 2

    undisturbed = reproduce(told, store, 2, from_scratch=True).to_json()
    assert [one["version"] for one in undisturbed["trained"]] == [1, 2]
    assert undisturbed["different"] == []

    drilled = drill(told, store, 2, 8).to_json()
    assert drilled["variables"] == len(undisturbed["equal"])
    assert drilled["next_batch"]

    version = state.versions[2]
    assert version.evaluated is not None
    assert version.trained is not None
    was, now = (version.evaluated.metrics[whose]["rmse"] for whose in ("champion", "candidate"))
    assert now < was
    found = bisect(told, store, Question(metric="rmse", above=now / 2)).to_json()
    assert [point["how"] for point in found["points"]] == ["kept", "kept"]
    assert [point["value"] for point in found["points"]] == pytest.approx([was, now])

    taken = load_manifest(store, version.trained.manifest).structure["inputs"]
    assert {name: InputSpec.read(one) for name, one in taken.items()} == INPUTS, "for who exports it later"

    check = read_evaluated(store, version.trained).servable
    assert check is not None
    assert check.error is None
    served = tf.saved_model.load(str(store.root / version.trained.artifacts["export"]))
    for some in (1, 3):
        inputs = {"numbers": tf.ones((some, 2)), "word": tf.constant(["oak"] * some)}
        assert np.asarray(served.serve(inputs)).size == some
        assert len(served.signatures["serve"](**inputs)) == 1


def test_rows_follow_a_vocabulary_in_another_order_and_a_drill_of_the_old_version_is_refused(
    landing: LocalStore, store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    told = pipeline(landing, "looked_up")
    first = learn(told, store, W1).versions[1]
    assert first.trained is not None
    check = read_evaluated(store, first.trained).servable
    assert check is not None
    assert (check.error, check.precision) == (None, "float32")
    drilled = drill(told, store, 1, first.trained.step).to_json()
    assert drilled["predictions"]["rows"] == read_evaluated(store, first.trained).count
    monkeypatch.setattr(models, "VOCABULARY", models.VOCABULARY[::-1])
    with pytest.raises(
        IncompatibleCheckpoint, match=r"known/lookup_table: a table of 4 entries; the checkpoint"
    ):
        drill(told, store, 1, first.trained.step)
    second = learn(told, store, W2).versions[2]
    assert second.trained is not None
    assert "transfer" in second.trained.artifacts


def test_variables_are_named_by_what_leads_to_them_whatever_was_built_before() -> None:
    names = [
        "embedding",
        "generator/state",
        "layers/0/bias",
        "layers/0/kernel",
        "layers/1/bias",
        "layers/1/kernel",
        "learning_rate",
        *(f"momentum/{number}" for number in range(5)),
    ]
    for _ in range(2):
        assert list(model_variables(models.loop())) == names
        keras.utils.clear_session()
        own = list(model_variables(models.own_step()))
        assert {"untracked/noisy/rounds", "untracked/noisy/out_optimizer/iteration"} <= set(own)
        assert sum(name.endswith("_momentum") for name in own) == 2 + 2, (
            "of Adam, and of the second optimizer"
        )
        assert not [name for name in own if "loss" in name], "metrics say what was"


def test_of_a_model_of_keras_own_layers_all_is_tracked() -> None:
    word = keras.Input((), dtype="string", name="word")
    number = keras.Input((2,), name="number")
    known = keras.layers.StringLookup(name="known")
    known.adapt(list(models.WORDS))
    scaled = keras.layers.Normalization(name="scaled")
    scaled.adapt(np.arange(8.0).reshape(4, 2))
    cut = keras.layers.Discretization(num_bins=3, name="cut")
    cut.adapt(np.arange(8.0))
    hidden = keras.layers.Embedding(6, 2)(known(word)) + keras.layers.Embedding(4, 2)(cut(number))[:, 0]
    hidden = keras.layers.GaussianNoise(0.1)(keras.layers.BatchNormalization()(hidden + scaled(number)))
    gru = keras.layers.GRU(2, dropout=0.1, recurrent_dropout=0.1)(hidden[:, None, :])
    model = keras.Model({"word": word, "number": number}, keras.layers.Dropout(0.1)(gru))
    model.compile(keras.optimizers.Adam(use_ema=True), "mse", metrics=["mae"])
    names = list(model_variables(model))
    assert len(names) == len(model.variables) + len(model.optimizer.variables)
    assert {name.partition("/")[0] for name in names} == {"model", "optimizer"}


# --- weights, classes, queries --------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["regression", "loop"])
def test_rows_of_no_weight_teach_nothing(kind: str) -> None:
    table = rows(W1)
    weight = (np.arange(ROWS) % 4 != 0).astype(float)
    right = replace(models.examples(table), weights=weight)
    wrong = replace(right, labels=np.where(weight == 0, np.float32(50), right.labels))

    def consumed(examples: Examples) -> dict[str, bytes]:
        keras.utils.clear_session()
        keras.utils.set_random_seed(1)
        model = getattr(models, kind)()
        order = BatchOrder(rows=ROWS, batch_size=16, seed=5)
        drawn, step = iter(batches(examples, order, 0, 3)), step_function(model)
        for _ in range(3):
            step(drawn)
        return values(model)

    assert consumed(right) == consumed(wrong)
    assert consumed(replace(wrong, weights=None)) != consumed(wrong)


def test_replayed_rows_carry_their_weights(landing: LocalStore, store: LocalStore) -> None:
    told = pipeline(landing, "regression", examples="own_models.models:weighted", replay=Reservoir(share=0.5))
    old, new = (pull(store, told.source, key) for key in KEYS)
    opened = CandidateStarted(
        version=1,
        candidate="0123456789abcdef",
        parent=None,
        slices=(SliceRef(key=new.key, revision=new.revision, rows=new.rows),),
    )
    data = load_data(told, store, VersionState.opened(opened), {old.key: old.revision})
    assert data.train.rows > ROWS
    assert data.train.weights is not None
    np.testing.assert_array_equal(data.train.weights, np.abs(data.train.inputs["numbers"][:, 0]))


def test_a_batch_has_the_weights_of_its_rows() -> None:
    labels = np.arange(40, dtype=np.float32)
    examples = Examples(inputs={"x": labels}, labels=labels, weights=labels / 2)
    drawn = list(batches(examples, BatchOrder(rows=40, batch_size=8, seed=1), 2, 7))
    assert len(drawn) == 5
    for inputs, label, weight in drawn:
        np.testing.assert_array_equal(inputs["x"], label)
        np.testing.assert_array_equal(weight, label / 2)


def test_numbers_are_judged_by_their_errors(landing: LocalStore, store: LocalStore) -> None:
    gates = [AtMost("rmse", 6.0), AtLeast("r2", -3.0), NotWorseThan(metric="mae", margin=1.0), Servable()]
    told = pipeline(landing, "regression", gates=gates)
    evaluated = [train(told, store, key) for key in KEYS][1].evaluation
    assert evaluated is not None
    assert evaluated.candidate["rmse"] < evaluated.champion["rmse"]
    assert not {"auc", "ndcg", "cross_entropy"} & evaluated.candidate.keys()


def test_classes_are_judged_by_their_probabilities(landing: LocalStore, store: LocalStore) -> None:
    gates = [AtLeast("top1_accuracy", 0.5), AtMost("cross_entropy", 1.0), Servable()]
    told = pipeline(
        landing,
        "classes",
        examples="own_models.models:of_classes",
        budget=Budget(max_steps=40, max_seconds=600),
        gates=[*gates, NotWorseThan(metric="cross_entropy", margin=0.2)],
    )
    evaluated = [train(told, store, key) for key in KEYS][1].evaluation
    assert evaluated is not None
    assert evaluated.candidate["cross_entropy"] < evaluated.champion["cross_entropy"]
    assert "rmse" not in evaluated.candidate
    assert champion_on_newest(store)["top1_accuracy"] > 0.5
    trained = ModelLog(store, "m").state().versions[2].trained
    assert trained is not None
    assert read_evaluated(store, trained).candidate.shape[1:] == (3,)


def test_a_ranking_is_judged_query_by_query_on_queries_that_nothing_trained_on(
    landing: LocalStore, store: LocalStore
) -> None:
    told = pipeline(
        landing,
        "regression",
        examples="own_models.models:ranked",
        holdout_by="query",
        replay=Reservoir(share=0.5),
        gates=[AtLeast("ndcg", 0.5), NotWorseThan(metric="ndcg", margin=0.3, confidence=0.999)],
    )
    evaluated = [train(told, store, key) for key in KEYS][1].evaluation
    assert evaluated is not None
    assert {"ndcg", "mrr"} <= evaluated.candidate.keys()
    state = ModelLog(store, "m").state()
    trained = state.versions[2].trained
    assert trained is not None
    assert champion_on_newest(store)["ndcg"] > 0.5
    queries = read_evaluated(store, trained).groups
    assert queries is not None
    data = load_data(told, store, state.versions[2], consumed_before(state, state.versions[2]))
    assert data.train.rows > ROWS, "there is replay"
    assert set(queries) & set(data.train.groups) == set()
    assert all(np.count_nonzero(queries == query) == 6 for query in set(queries)), "whole queries"
    with pytest.raises(BadInput, match="holdout_by"):
        replace(told, holdout_by="nobody")


# --- what is refused ------------------------------------------------------------------------------


class Least(models.Loop):
    """A module whose step is changed by the tests."""

    def __init__(self, step: Callable[..., Any]) -> None:
        super().__init__()
        self._step = step

    def train_step(self, inputs: Any, labels: Any) -> Any:
        return self._step(self, inputs, labels)


HIDDEN = tf.Variable(0.0, name="hidden")


def hidden_state(self: Any, inputs: Any, labels: Any) -> Any:
    HIDDEN.assign_add(1.0)
    return {"loss": HIDDEN}


def random_of_the_kernel(self: Any, inputs: Any, labels: Any) -> Any:
    return {"loss": tf.reduce_mean(labels + tf.random.normal(tf.shape(labels)))}


def late_variable(self: Any, inputs: Any, labels: Any) -> Any:
    if not hasattr(self, "late"):
        self.late = tf.Variable(1.0, name="late")
    return {"loss": self.late * tf.reduce_mean(labels)}


def of_each_row(self: Any, inputs: Any, labels: Any) -> Any:
    return {"loss": labels}


def a_bug(self: Any, inputs: Any, labels: Any) -> Any:
    return inputs["nothing"]


@pytest.mark.parametrize(
    ("step", "message"),
    [
        (hidden_state, "no attribute of the model leads to, or creates them: hidden"),
        (random_of_the_kernel, "whose state no checkpoint holds: RandomStandardNormal"),
        (late_variable, "leads to, or creates them: .*late"),
        (of_each_row, "not scalar tensors by name"),
        (a_bug, "(?s)train_step raised KeyError: .*nothing"),
    ],
)
def test_a_step_that_could_not_be_resumed_or_told_of_is_refused_before_it_is_made(
    step: Callable[..., Any], message: str
) -> None:
    module = Least(step)
    before = values(module)
    with pytest.raises(ModelCodeError, match=message):
        one_step(module)
    after = values(module)
    assert {name: after[name] for name in before} == before


def one_step(model: Any, **beside: Any) -> Any:
    examples = replace(models.examples(rows(W1)), **beside)
    return step_function(model)(iter(batches(examples, BatchOrder(rows=ROWS, batch_size=8, seed=1), 0, 1)))


def test_a_keras_step_of_ones_own_is_looked_through_as_well() -> None:
    class Careless(models.Noisy):
        def train_step(self, data: Any) -> dict[str, Any]:
            HIDDEN.assign_add(1.0)
            return super().train_step(data)

    keras.utils.clear_session()
    model = Careless()
    model({"numbers": tf.zeros((1, 2))})
    model.compile("adam", jit_compile=False)
    model.out_optimizer.build(model.out.trainable_variables)
    with pytest.raises(ModelCodeError, match="hidden"):
        one_step(model)


def test_weights_that_a_step_does_not_take_are_not_dropped() -> None:
    with pytest.raises(ModelCodeError, match=r"does not take \(inputs, labels, weights\)"):
        one_step(Least(hidden_state), weights=np.ones(ROWS))


def test_only_the_two_kinds_are_taken(landing: LocalStore, monkeypatch: pytest.MonkeyPatch) -> None:
    told = pipeline(landing, "loop")
    for made, message in (
        (object, "neither a keras.Model nor a tf.Module"),
        (tf.Module, "a tf.Module without train_step and __call__"),
    ):
        monkeypatch.setattr(models, "loop", made)
        with pytest.raises(ModelCodeError, match=message):
            build_model(told)
    monkeypatch.undo()
    looked_into = replace(told, intermediate=Intermediate(layers=("hidden",), save=EverySteps(5)))
    with pytest.raises(BadInput, match=r"intermediate=.*tf\.Module"):
        build_model(looked_into)


def test_gradients_of_no_loss_are_not_recorded(store: LocalStore) -> None:
    settings = Intermediate(layers=("hidden",), save=EverySteps(5))
    probe = models.examples(rows(W1).slice(0, 4))
    with pytest.raises(BadInput, match="a model compiled with a loss"):
        IntermediateWriter(
            store, models.own_step(), settings, inputs=probe.inputs, labels=probe.labels, folder="f"
        )


def test_what_a_checkpoint_cannot_hold_is_refused_when_the_model_is_built() -> None:
    module = models.loop()
    module.optimizer = keras.optimizers.Adam()
    with pytest.raises(ModelCodeError, match=r"optimizer \(Adam\) is not built"):
        model_variables(module)
    module.optimizer.build(module.weights())
    names = list(model_variables(module))
    assert "optimizer/learning_rate" in names, "which an edit of build_model changes"
    module.counts = tf.lookup.experimental.MutableHashTable(tf.string, tf.int64, 0)
    with pytest.raises(ModelCodeError, match="counts is a MutableHashTable"):
        model_variables(module)
    with pytest.raises(ModelCodeError, match="has no variables"):
        model_variables(tf.Module())


@pytest.mark.parametrize(
    ("outputs", "message"),
    [
        (lambda x: tf.zeros((len(x), 2, 2)), r"shape \(3, 2, 2\) for 3 rows"),
        (lambda x: tf.constant(0.5), r"shape \(1,\) for 3 rows"),
        (lambda x: (x, x), "a tuple of 2 outputs without names"),
        (lambda x: {"a": x, "b": tf.zeros((len(x), 2, 2))}, r"shape \(3,\), \(3, 2, 2\) for 3 rows"),
    ],
)
def test_predictions_of_another_shape_are_refused(outputs: Callable[[Any], Any], message: str) -> None:
    with pytest.raises(ModelCodeError, match=message):
        predict(lambda inputs, training: outputs(inputs["x"]), {"x": np.zeros(3)})


def test_a_module_in_the_formats_of_others(tmp_path: Path) -> None:
    module = models.loop()
    module.optimizer = keras.optimizers.Adam()
    module.optimizer.build(module.weights())
    one_step(module)
    export_model(module, Format.SAVED_MODEL, tmp_path / "served", inputs=INPUTS)
    served = tf.saved_model.load(str(tmp_path / "served"))
    some = {"numbers": tf.ones((4, 2)), "word": tf.constant([*models.WORDS])}
    np.testing.assert_allclose(served.serve(some), module(some), rtol=1e-5)
    kept = {name for name, _ in tf.train.list_variables(str(tmp_path / "served" / "variables" / "variables"))}
    assert not [name for name in kept if "optimizer" in name or "momentum" in name]

    export_model(module, Format.TF_CHECKPOINT, tmp_path / "checkpoint")
    other = Least(hidden_state)
    other.optimizer = keras.optimizers.Adam()
    other.optimizer.build(other.weights())
    tf.train.Checkpoint(model=other).restore(
        tf.train.latest_checkpoint(tmp_path / "checkpoint")
    ).expect_partial()
    was = {name: one.numpy().tobytes() for name, one in model_variables(module).items()}
    assert {name: one.numpy().tobytes() for name, one in model_variables(other).items()} == was

    with pytest.raises(BadInput, match="is not a Keras model"):
        export_model(module, Format.KERAS, tmp_path / "m.keras")
    with pytest.raises(BadInput, match="does not declare it"):
        export_model(module, Format.SAVED_MODEL, tmp_path / "none")
