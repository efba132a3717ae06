"""What a training is held to: its rates, its averages, its randomness, and how one ends that cannot go on."""

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
from killing import Killed
from own_models import odd

from ckpt_ops.candidates import attempt
from ckpt_ops.candidates.data import load_data
from ckpt_ops.candidates.early_stopping import lookout
from ckpt_ops.candidates.session import TrainingSession
from ckpt_ops.checkpoints import (
    Checkpointer,
    EverySteps,
    Keep,
    load_manifest,
    model_variables,
    read_tensors,
    restore,
)
from ckpt_ops.checkpoints.naming import optimizers
from ckpt_ops.diagnostics.reproduce import reproduce
from ckpt_ops.diagnostics.retrain import _Unsaved
from ckpt_ops.errors import BadInput, CkptOpsError, ModelCodeError, TrainingDiverged, TransferRefused
from ckpt_ops.evaluation import AtLeast
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionStatus
from ckpt_ops.lineage.records import SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.pipeline.user_code import build_model
from ckpt_ops.runs import steps
from ckpt_ops.slices import Files, pull
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.training import (
    BatchOrder,
    Budget,
    Examples,
    NoReplay,
    Schedules,
    StopEarly,
    TailAverage,
    Trainer,
)
from ckpt_ops.training.batches import batch_of, batches
from ckpt_ops.training.schedules import ScheduleStarts, as_written
from ckpt_ops.training.step_function import step_function
from ckpt_ops.training.tracing import trace_prediction, trace_step

pytestmark = pytest.mark.slow

KEYS = W1, W2 = "2013-01-06", "2013-01-13"
ROWS, STEPS = 200, odd.STEPS
SCHEMA = pa.schema([("a", pa.float64()), ("b", pa.float64())])


def rows(key: str) -> pa.Table:
    a, b = np.random.default_rng(int(key.replace("-", ""))).normal(size=(2, ROWS))
    return pa.table({"a": a, "b": b}, SCHEMA)


@pytest.fixture
def store(tmp_path: Path) -> LocalStore:
    (tmp_path / "store").mkdir()
    return LocalStore(tmp_path / "store")


@pytest.fixture(scope="module", autouse=True)
def in_this_process(
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[None]:
    tf.config.experimental.enable_op_determinism()
    with training_here(), without_pictures():
        yield


@pytest.fixture
def told(tmp_path: Path) -> Callable[..., Pipeline]:
    landing = LocalStore(_made(tmp_path / "landing"))
    for key in KEYS:
        sink = io.BytesIO()
        pq.write_table(rows(key), sink)
        landing.put(f"{key}.parquet", sink.getvalue())

    def pipeline(kind: str, **settings: Any) -> Pipeline:
        usual = Pipeline(
            name="m",
            source=Files(name="rows", schema=SCHEMA, template="{key}.parquet", url=landing.url),
            expectations="e.json",
            model=f"own_models.odd:{kind}",
            budget=Budget(max_steps=STEPS, max_seconds=600),
            save=EverySteps(2),
            keep=Keep(),
            batch_size=16,
            replay=NoReplay(),
            average=None,
            gates=[AtLeast("accuracy", 0.0)],
        )
        return replace(usual, **settings)

    return pipeline


def _made(folder: Path) -> Path:
    folder.mkdir()
    return folder


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


def weights(store: Store, state: LineageState, version: int) -> dict[str, Any]:
    trained = state.versions[version].trained
    assert trained is not None
    return read_tensors(store, load_manifest(store, trained.manifest))


def given() -> Examples:
    return odd.examples(rows(W1))


ORDER = BatchOrder(rows=ROWS, batch_size=16, seed=5)


def trained(
    model: Any, *, steps: int = STEPS, order: BatchOrder = ORDER, examples: Examples | None = None
) -> Any:
    Trainer(
        model=model,
        examples=examples or given(),
        order=order,
        budget=Budget(max_steps=steps, max_seconds=600),
        checkpoints=_Unsaved(),
        progress=lambda how_far: None,
    ).train()
    return model


def fitted(model: Any, *, steps: int = STEPS, order: BatchOrder = ORDER) -> Any:
    """By Keras' own loop, on the same batches."""
    model.fit(batches(given(), order, 0, steps), steps_per_epoch=steps, shuffle=False, verbose=0)
    return model


def seeded(build: Callable[[], Any]) -> Any:
    keras.utils.clear_session()
    keras.utils.set_random_seed(3)
    return build()


def values(model: Any) -> dict[str, bytes]:
    return {name: np.asarray(one.numpy()).tobytes() for name, one in model_variables(model).items()}


# --- schedules ------------------------------------------------------------------------------------


def test_a_schedule_begins_with_each_candidate_and_can_be_rebuilt(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    pipeline = told("scheduled")
    state = learn(pipeline, store, *KEYS)
    first, second = (weights(store, state, version) for version in (1, 2))
    assert second["optimizer/adam/iteration"] == 2 * STEPS, "Adam corrects by what it has seen"
    moved = np.abs(second["model/hidden/kernel"] - first["model/hidden/kernel"]).max()
    assert moved > 0.1
    written = load_manifest(store, state.versions[2].trained.manifest).structure["config"]
    assert "CosineDecay" in str(written["compile_config"]["optimizer"])
    again = reproduce(pipeline, store, 2, from_scratch=True).to_json()
    assert again["different"] == []


def test_a_schedule_of_the_models_life_that_has_run_out_is_refused_before_anything_is_opened(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    pipeline = told("scheduled", schedules=Schedules.OVER_LIFE)
    assert pipeline.training_config().keys() - told("scheduled").training_config().keys() == {"schedules"}
    learn(pipeline, store, W1)
    with pytest.raises(ModelCodeError, match=f"adam is 0 at each of {STEPS} steps, {STEPS} iterations after"):
        learn(pipeline, store, W2)
    assert list(ModelLog(store, "m").state().versions) == [1]
    with pytest.raises(BadInput, match="schedules="):
        replace(pipeline, schedules="over_life")


def test_each_schedule_of_each_optimizer_begins_where_the_optimizer_stands() -> None:
    class Decaying(keras.optimizers.SGD):
        """One with a schedule of its own beside the rate's."""

        def __init__(self) -> None:
            super().__init__(keras.optimizers.schedules.InverseTimeDecay(0.1, 1, 1.0))
            self.decay = keras.optimizers.schedules.PolynomialDecay(0.4, decay_steps=4)

    inner, model = Decaying(), seeded(odd.network)
    odd.compiled(model, keras.optimizers.LossScaleOptimizer(inner))
    starts = ScheduleStarts(model)
    ScheduleStarts(model)  # once is enough
    trained(model)
    assert float(inner.learning_rate) == pytest.approx(0.1 / (1 + STEPS))
    starts.begin()
    assert float(inner.learning_rate) == pytest.approx(0.1)
    assert float(inner.decay(inner.iterations)) == pytest.approx(0.4)
    with as_written(model):
        assert type(inner.decay) is keras.optimizers.schedules.PolynomialDecay
        assert float(inner.learning_rate) == pytest.approx(0.1 / (1 + STEPS))
    assert float(inner.learning_rate) == pytest.approx(0.1)


def test_a_rate_may_begin_at_nothing_but_not_stay_there() -> None:
    warm = keras.optimizers.schedules.CosineDecay(0.0, 10, warmup_target=0.1, warmup_steps=5)
    for rate, message in (
        (warm, None),
        (0.0, "sgd is 0 at each of 9 steps"),
        (keras.optimizers.schedules.ExponentialDecay(0.1, 1, np.inf), "sgd is (inf|nan) at some of 9 steps"),
    ):
        model = odd.compiled(seeded(odd.network), keras.optimizers.SGD(rate))
        model.optimizer.build(model.trainable_variables)
        if message is None:
            ScheduleStarts(model).check(9)
            continue
        with pytest.raises(ModelCodeError, match=message):
            ScheduleStarts(model).check(9)


def test_a_rate_that_a_step_lowered_begins_anew(told: Callable[..., Pipeline], store: LocalStore) -> None:
    """As a reduction on a plateau does: what it made of the rate is the candidate's own."""
    session = TrainingSession(told("averaging"), store)
    (name,) = session.rates
    session.variables[name].assign(1e-9)
    session.assign(session.rates)
    assert float(session.model.optimizer.learning_rate) == 0.5


# --- averages of the optimizer --------------------------------------------------------------------


@pytest.mark.parametrize("every", [None, 4])
def test_an_average_of_the_optimizer_is_what_fit_ends_with_update_after_update(every: int | None) -> None:
    def build() -> Any:
        rate = keras.optimizers.SGD(0.5, use_ema=True, ema_momentum=0.9, ema_overwrite_frequency=every)
        return odd.compiled(odd.network(), rate)

    ours, theirs = seeded(build), seeded(build)
    for seed in (5, 6):  # the second goes on from the averaged weights, and from the average
        order = replace(ORDER, seed=seed)
        trained(ours, order=order)
        theirs = fitted(theirs, order=order)
        assert values(ours) == values(theirs)
    (optimizer,) = optimizers(ours)
    average = optimizer._model_variables_moving_average[0]
    assert np.array_equal(ours.trainable_variables[0].numpy(), average.numpy())


def test_two_averages_at_once_are_refused(told: Callable[..., Pipeline], store: LocalStore) -> None:
    with pytest.raises(BadInput, match=r"average=.*use_ema=True"):
        learn(told("averaging", average=TailAverage()), store, W1)
    state = learn(told("averaging"), store, W1)
    final = weights(store, state, 1)
    (average,) = (value for name, value in final.items() if name.endswith("out_bias_average"))
    assert np.array_equal(final["model/out/bias"], average)


def test_weights_by_class_are_what_fit_makes_of_class_weights() -> None:
    weighted = replace(given(), weights=np.where(given().labels[:, 0] == 1, 5.0, 1.0))
    ours, theirs = seeded(odd.usual), seeded(odd.usual)
    trained(ours, examples=weighted)
    theirs.fit(
        batches(given(), ORDER, 0, STEPS),
        steps_per_epoch=STEPS,
        shuffle=False,
        verbose=0,
        class_weight={0: 1.0, 1: 5.0},
    )
    assert values(ours) == values(theirs)


# --- an early end ---------------------------------------------------------------------------------


def test_a_training_stops_early_with_its_best_weights_wherever_it_was_killed(
    told: Callable[..., Pipeline], store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    early = StopEarly(metric="log_loss", every=3, patience=2, share=0.2)
    pipeline = told("restless", stop_early=early, budget=Budget(max_steps=300, max_seconds=600))
    told_after = Checkpointer.after_step

    def dies(self: Checkpointer, step: int, **said: Any) -> None:
        if step == 5:
            raise Killed
        told_after(self, step, **said)

    def nothing_written(*given: Any) -> Any:
        raise Killed

    with monkeypatch.context() as patch:
        patch.setattr(Checkpointer, "after_step", dies)
        with pytest.raises(Killed):
            learn(pipeline, store, W1)
    with monkeypatch.context() as patch:
        patch.setattr(attempt, "write_results", nothing_written)
        with pytest.raises(Killed):
            learn(pipeline, store, W1)
    state = learn(pipeline, store, W1)
    trained = state.versions[1].trained
    assert trained is not None
    assert (trained.stopped_by, trained.step % 3) == ("stop_early", 0)
    assert trained.step < 300
    assert CandidateLog(store, "m", 1).progress().attempts == 3
    assert reproduce(pipeline, store, 1, from_scratch=True).to_json()["different"] == []
    assert not [name for name in weights(store, state, 1) if name.startswith("<")]

    data = load_data(pipeline, store, state.versions[1], {})
    assert data.apart is not None
    assert data.learn.rows + data.apart.rows == data.train.rows
    model = build_model(pipeline)
    restore(store, load_manifest(store, trained.manifest), model_variables(model))
    now = lookout(pipeline, model, model_variables(model), data)
    assert now is not None
    best = now._look()
    for commit in CandidateLog(store, "m", 1).progress().commits:
        restore(store, load_manifest(store, commit.manifest), model_variables(model))
        assert now._look() >= best or commit.step % 3, "no look found better ones"


def test_rows_that_are_set_apart_follow_from_the_seed_and_leave_no_query_on_both_sides() -> None:
    early = StopEarly(metric="ndcg", every=1, share=0.25)
    whole = replace(given(), groups=np.arange(ROWS) // 5)
    apart = early.set_apart(whole, seed=3)
    assert apart.sum() == 50
    assert set(whole.groups[apart]) & set(whole.groups[~apart]) == set()
    assert np.array_equal(apart, early.set_apart(whole, seed=3))
    assert not np.array_equal(apart, early.set_apart(whole, seed=4))
    assert early.set_apart(given().take(slice(0, 2)), seed=1).sum() == 1


def test_an_early_end_that_contradicts_other_settings_is_refused(told: Callable[..., Pipeline]) -> None:
    early = StopEarly(metric="auc", every=2)
    with_it, without = told("usual", stop_early=early), told("usual")
    assert with_it.training_config().keys() - without.training_config().keys() == {"stop_early"}
    for settings, message in (
        ({"average": TailAverage()}, "None beside stop_early"),
        ({"stop_early": replace(early, every=7)}, "at most budget.max_steps=6 steps"),
        ({"stop_early": replace(early, metric="beauty")}, r"StopEarly\.metric"),
        ({"stop_early": 3}, "stop_early=3"),
    ):
        with pytest.raises(BadInput, match=message):
            replace(with_it, **settings)
    with pytest.raises(BadInput, match=r"StopEarly\.patience"):
        replace(early, patience=0)


# --- randomness -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "draw",
    [
        lambda shape: keras.random.normal(shape),
        lambda shape: tf.random.normal(shape),
        lambda shape: tf.cond(tf.constant(True), lambda: tf.random.uniform(shape), lambda: tf.zeros(shape)),
    ],
)
def test_noise_whose_state_nothing_holds_is_refused_with_the_layer(draw: Callable[[Any], Any]) -> None:
    model = seeded(lambda: odd.compiled(odd.network(odd.Noise(draw))))
    with pytest.raises(
        ModelCodeError, match="draws random numbers whose state no checkpoint holds"
    ) as refused:
        trace_step(model, batch_of(given()))
    assert "layer 'noise'" in str(refused.value)


def test_noise_with_a_generator_of_its_own_and_a_constant_of_a_loss_are_taken() -> None:
    class Seeded(odd.Noise):
        def __init__(self) -> None:
            super().__init__(lambda shape: keras.random.normal(shape, seed=self.seeds))
            self.seeds = keras.random.SeedGenerator(1)

    share = tf.Variable(0.5)

    def build() -> Any:
        model = odd.network(Seeded())
        return odd.compiled(model, loss=lambda y, p: share * tf.reduce_mean(tf.square(y - p)))

    trace_step(seeded(build), batch_of(given()))


# --- before anything is opened --------------------------------------------------------------------


def test_looking_through_a_model_changes_nothing_of_it() -> None:
    looked, untouched = seeded(odd.usual), seeded(odd.usual)
    before = values(looked)
    step_function(looked).look(batch_of(given()))
    trace_prediction(looked, *batch_of(given())[:2])
    assert values(looked) == before
    assert all(float(np.sum(one.numpy())) == 0 for one in looked.metrics_variables)
    assert values(trained(looked)) == values(trained(untouched))


def test_what_cannot_be_trained_or_predicted_leaves_no_version(
    told: Callable[..., Pipeline], store: LocalStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def raising(labels: Any, predictions: Any) -> Any:
        raise ZeroDivisionError("of the user's metric")

    for build, message in (
        (
            lambda: odd.compiled(odd.network(), metrics=[raising]),
            "(?s)a step of the Functional raised .*user's metric",
        ),
        (odd.two_outputs, r"of 2 outputs; .*(?s:.)*give labels by the names of its outputs"),
        (
            lambda: odd.compiled(odd.network(out=keras.layers.Reshape((2, 2)))),
            r"predicts shape \(rows, 2, 2\)",
        ),
        (
            lambda: odd.compiled(odd.network(out=keras.layers.Reshape((4, 1))), loss="mse"),
            r"predicts shape \(rows, 4, 1\)",
        ),
    ):
        monkeypatch.setattr(odd, "usual", build)
        with pytest.raises(ModelCodeError, match=message) as refused:
            learn(told("usual"), store, W1)
        assert "build_model()" in str(refused.value) or "end the model" in str(refused.value)
        assert ModelLog(store, "m").state().versions == {}


def test_a_model_that_does_not_fit_its_parent_leaves_no_version(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    learn(told("wider"), store, W1)
    with pytest.raises(TransferRefused, match="more/kernel would lose trained values"):
        learn(told("averaging", model="own_models.odd:array_metric"), store, W2)
    assert list(ModelLog(store, "m").state().versions) == [1]


def test_a_metric_that_is_an_array_is_told_as_its_mean(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    learn(told("array_metric"), store, W1)
    for commit in CandidateLog(store, "m", 1).progress().commits:
        assert 0 <= commit.metrics["f1_score"] <= 1
        assert np.isfinite(commit.metrics["loss"])


def test_a_model_for_several_devices_is_refused_in_one_sentence(
    told: Callable[..., Pipeline], monkeypatch: pytest.MonkeyPatch
) -> None:
    def under(*, model: bool, optimizer: bool) -> Callable[[], Any]:
        def build() -> Any:
            strategy, nothing = tf.distribute.MirroredStrategy(["CPU:0"]), tf.distribute.get_strategy()
            with (strategy if model else nothing).scope():
                made = odd.network()
            with (strategy if optimizer else nothing).scope():
                rate = keras.optimizers.Adam(0.1)
            return odd.compiled(made, rate)

        return build

    class Mirrored(tf.Module):
        def __init__(self) -> None:
            super().__init__()
            with tf.distribute.MirroredStrategy(["CPU:0"]).scope():
                self.kernel = tf.Variable(1.0)

    for build in (
        under(model=True, optimizer=True),
        under(model=True, optimizer=False),
        under(model=False, optimizer=True),
        Mirrored,
    ):
        monkeypatch.setattr(odd, "usual", build)
        with pytest.raises(ModelCodeError, match=r"odd:usual builds the model under a MirroredStrategy, and"):
            build_model(told("usual"))


# --- how one ends that cannot go on ---------------------------------------------------------------


def test_a_training_that_diverges_ends_at_that_step_is_rejected_and_not_tried_again(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    pipeline = told("leaping", budget=Budget(max_steps=400, max_seconds=600))
    message = (
        r"the loss is inf at step 6; it was [\d.]+ before; the first value that is not finite came from "
        r"Square in the loss at step 6; the largest number of its batch is [\d.]+, in inputs\['x'\]"
    )
    with pytest.raises(TrainingDiverged, match=message):
        learn(pipeline, store, W1)
    version = ModelLog(store, "m").state().versions[1]
    assert version.status is VersionStatus.REJECTED
    assert "the loss is" in version.decided.reason
    committed = CandidateLog(store, "m", 1).progress().commits
    assert [commit.step for commit in committed] == [2, 4], "and none of what came of it"
    again = steps.train(pipeline, store, W1, lambda line: None)
    assert (again.outcome, again.version) == ("skip", None)
    assert "version 1 with the same parent and slices was rejected" in again.why


def test_a_gradient_that_is_not_finite_ends_a_training_be_it_of_the_last_step(
    told: Callable[..., Pipeline], store: LocalStore
) -> None:
    pipeline = told("rooted", budget=Budget(max_steps=1, max_seconds=600), save=EverySteps(1))
    with pytest.raises(
        TrainingDiverged, match=r"hidden/kernel and 1 more is not finite at step 1"
    ) as diverged:
        learn(pipeline, store, W1)
    assert "from SqrtGrad in layer 'root' at step 1" in str(diverged.value)
    assert CandidateLog(store, "m", 1).progress().commits == ()


def test_every_error_of_a_training_says_what_is_safe_and_what_comes_next() -> None:
    error: CkptOpsError = TrainingDiverged(3, "the loss is nan at step 3")
    assert error.safe
    assert error.next
