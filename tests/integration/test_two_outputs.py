"""A model of two outputs over real weeks of flights: late or not, and how many minutes.

Two weeks are trained and promoted once; each test goes on with the third in its own way. What trains is
called in this process, and so is what the champion's own code makes of rows.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from evolving_weeks import KEYS, Place, consumed, made

from ckpt_ops import (
    Always,
    AnyOf,
    AtLeast,
    AtMost,
    Calibrated,
    EverySteps,
    Examples,
    Intermediate,
    LatencyAtMost,
    MetricDrop,
    NoSuspectSlice,
    NotWorseThan,
    Servable,
    Shadow,
    StopEarly,
)
from ckpt_ops.backtest.compare import usual_metric
from ckpt_ops.candidates.kept_predictions import kept_predictions
from ckpt_ops.candidates.results import predict as predict_by
from ckpt_ops.diagnostics.bisect import bisect
from ckpt_ops.diagnostics.bisect_question import Question
from ckpt_ops.diagnostics.drill import run_drill
from ckpt_ops.errors import BadInput, ModelCodeError, TerminalError
from ckpt_ops.evaluation.metrics import METRICS
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.outputs import names_of
from ckpt_ops.runs import steps
from ckpt_ops.runs.evaluate import read_evaluation
from ckpt_ops.serving.conversion import convert
from ckpt_ops.serving.formats import Format
from ckpt_ops.serving.objects import prediction_name
from ckpt_ops.serving.recheck import asked_again
from ckpt_ops.serving.slice_predictions import predict
from ckpt_ops.training import BatchOrder
from ckpt_ops.training.batches import batch_of, batches
from ckpt_ops.training.step_function import step_function
from ckpt_ops.training.tracing import trace_prediction

pytestmark = pytest.mark.slow

W1, W2, W3, W4 = KEYS[:4]
COLUMNS = ["carrier", "origin", "hour", "distance", "arr_delay"]
MODEL = """
import keras
import numpy as np
import pyarrow.compute as pc

from ckpt_ops import Examples

CARRIERS = "9E AA AS B6 DL EV F9 FL HA MQ OO UA US VX WN YV".split()


def examples(table):
    table = table.filter(pc.is_valid(table["arr_delay"]))
    delay = table["arr_delay"].to_numpy()
    return Examples(
        inputs=inputs(table),
        labels={"minutes": np.clip(delay, -60, 180).astype("f4"), "late": (delay > 15).astype("i4")},
        segments={"origin": np.asarray(table["origin"].to_pylist())},
    )


def inputs(table):
    given = {"carrier": np.asarray(table["carrier"].to_pylist(), dtype=object)}
    return given | {name: table[name].to_numpy().astype(np.float32) for name in ("hour", "distance")}


def build_model():
    layers = keras.layers
    given = {"carrier": keras.Input((), dtype="string", name="carrier")}
    ids = layers.StringLookup(vocabulary=CARRIERS, name="carrier_number")(given["carrier"])
    parts = [layers.Embedding(1 + len(CARRIERS), 6, name="carrier_embedding")(ids)]
    for name, scale in (("hour", 24.0), ("distance", 1000.0)):
        given[name] = keras.Input((), name=name)
        column = layers.Reshape((1,), name=f"{name}_column")(given[name])
        parts.append(layers.Rescaling(1 / scale, name=f"{name}_scaled")(column))
    features = layers.Concatenate(name="features")(parts)
    hidden = layers.Dropout(0.1, name="dropout")(layers.Dense(16, "relu", name="hidden")(features))
    late = layers.Dense(1, "sigmoid", name="late")(hidden)
    when = layers.Concatenate(name="when")(parts[1:])
    hours = layers.Dense(1, name="hours")(layers.Dense(8, "relu", name="hidden_of_minutes")(when))
    minutes = layers.Rescaling(60.0, name="minutes")(hours)
    model = keras.Model(given, {"late": late, "minutes": minutes})
    model.compile(keras.optimizers.Adam(0.003), {"late": "binary_crossentropy", "minutes": "mae"})
    return model
"""
PIPELINE = """
import pyarrow as pa

from ckpt_ops import (
    AtLeast, AtMost, Budget, EverySteps, Files, Keep, NoForgetting, NoSegmentWorse, NoSuspectSlice,
    NotWorseThan, Pipeline, Reservoir, Servable
)

schema = pa.schema(
    [("carrier", pa.string()), ("origin", pa.string()), ("hour", pa.int64()), ("distance", pa.int64()),
     ("arr_delay", pa.float64())]
)
evolving = Pipeline(
    name="evolving",
    source=Files(name="weeks", schema=schema, template="weeks/{key}.parquet"),
    expectations="expectations.json",
    model="evolving.model:build_model",
    inputs="evolving.model:inputs",
    gates=[
        AtLeast("auc", 0.4, output="late"),
        AtMost("mae", 60, output="minutes"),
        NotWorseThan(metric="auc", margin=0.02, output="late"),
        NotWorseThan(metric="mae", margin=1.0, output="minutes"),
        NoSegmentWorse("origin", metric="mae", margin=5.0, output="minutes"),
        NoForgetting(margin=0.05, output="late"),
        NoSuspectSlice(metric="mae", output="minutes", deviations=1e9),  # 40 steps do not make it sound
        Servable(),
    ],
    budget=Budget(max_steps=40, max_seconds=600),
    save=EverySteps(10),
    replay=Reservoir(share=1.0),
    keep=Keep(last=10),
)
"""
SECONDS = ("layers.Rescaling(60.0,", "layers.Rescaling(3600.0,")
A_LIST = ('{"late": late, "minutes": minutes})', "[minutes, late])")


@pytest.fixture(scope="module")
def two_weeks(
    tmp_path_factory: pytest.TempPathFactory,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Path:
    """A folder in which two weeks are consumed, a version each. Not to be changed."""
    folder = tmp_path_factory.mktemp("two_outputs")
    with training_here(), without_pictures():
        return consumed(
            folder,
            model=MODEL,
            pipeline=PIPELINE,
            columns=COLUMNS,
            keys=[W1, W2],
            landed=[W1, W2, W3, W4],
        )


@pytest.fixture
def place(
    two_weeks: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training_here: Callable[[], AbstractContextManager[None]],
    asked_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Place]:
    shutil.copytree(two_weeks, tmp_path / "here", dirs_exist_ok=True)
    with training_here(), asked_here(), without_pictures():
        yield Place(tmp_path / "here", monkeypatch)


def test_both_outputs_are_kept_scored_and_evaluated(place: Place) -> None:
    head = place.head
    assert head.version == 2
    assert head.trained is not None
    assert head.evaluated is not None
    kept = kept_predictions(place.store, head)
    assert kept is not None
    for array in (kept.label, kept.candidate, kept.champion):
        assert array is not None
        assert names_of(array) == ("late", "minutes")
    for output, metric in (("late", "auc"), ("minutes", "mae")):
        one = kept.of(output)
        found = METRICS[metric](one.label, one.candidate)
        assert head.evaluated.metrics["candidate"][f"{output}:{metric}"] == found
        # what the champion says of the week before anything trains on it
        assert METRICS[metric](one.label, one.champion) != found  # type: ignore[arg-type]
        assert f"{output}:{metric}" in head.trained.scores[W2]
    assert kept.servable is not None
    assert kept.servable.error is None
    assert 0 <= (kept.servable.relative_difference or 0.0) < 1e-6
    verdicts = "\n".join(head.evaluated.verdicts)
    assert "output='late'): output late: auc" in verdicts
    assert "output='minutes'): output minutes: mae" in verdicts
    report = read_evaluation(place.store, head.evaluated.report)
    assert report["metric"] == "late:auc"
    assert report["forgetting"][-1]["on"].keys() == {W1, W2}
    # the export predicts what was kept, and a drill restores it
    assert asked_again(place.pipeline, place.store, 2).message.endswith("equal those kept, within 0.0001")
    drilled = run_drill(place.pipeline, place.store, 2, 40)
    assert drilled.predictions is not None
    assert drilled.predictions.difference == 0
    rows = predict(place.pipeline, place.store, 2, W2)
    table = pq.read_table(io.BytesIO(place.store.get(prediction_name("evolving", 2, head.slices[-1]))))
    assert table.column_names == ["row", "prediction_late", "prediction_minutes"]
    assert table.num_rows == rows
    # both outputs of a converted file are compared, on the same rows
    for kind in Format:
        report = convert(place.pipeline, place.store, 2, kind, 1e-3)
        assert report["error"] == ""
        assert report["rows"] == kept.count
        assert report["max_abs_difference"] < 1e-3
        assert report["equal_decisions"] is None, "one output is no decision"
    refused = convert(place.pipeline, place.store, 2, Format.ONNX, 0.0)
    assert "differs from the original by up to" in refused["error"]


def test_a_worse_output_rejects_the_candidate_that_is_no_worse_at_the_other(place: Place) -> None:
    """Somebody makes seconds of minutes; the champion is compared as it is served, by its own code."""
    place.edit(SECONDS)
    settled = steps.run_slice(place.pipeline, place.store, W3, lambda line: None)
    assert settled.decision == "rejected"
    assert place.state.head == 2
    evaluated = place.state.versions[3].evaluated
    assert evaluated is not None
    by_output = {"late": [], "minutes": []}  # type: dict[str, list[str]]
    for part in evaluated.reason.split("; "):
        for output, found in by_output.items():
            if f"output {output}: " in part:
                found.append(part)
    assert not by_output["late"]
    assert any("NotWorseThan: output minutes: mae rose" in part for part in by_output["minutes"])
    # the champion still counts in minutes
    assert evaluated.metrics["champion"]["minutes:mae"] < 60 < evaluated.metrics["candidate"]["minutes:mae"]


def test_a_training_that_is_killed_ends_bitwise_as_one_that_was_not(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {
        "stop_early": StopEarly(metric="mae", output="minutes", every=10, patience=3),
        "average": None,
        "update_when": AnyOf(MetricDrop("auc", by=0.9, output="late"), Always()),
    }
    killed = Place(Path(shutil.copytree(place.folder, tmp_path / "killed")), monkeypatch)
    place.reload(**settings)
    version = place.run(W3)
    assert version.trained is not None

    killed.reload(**settings)
    killed.die_at_the_third_commit(W3)
    again = killed.run(W3)
    progress = CandidateLog(killed.store, "evolving", 3).progress()
    assert progress.attempts == 2
    assert again.candidate == version.candidate
    assert killed.weights() == place.weights()


def test_the_outputs_of_a_list_have_the_names_of_its_layers(place: Place) -> None:
    place.edit(A_LIST)
    version = place.run(W3)
    assert version.evaluated is not None
    assert {"late:auc", "minutes:mae"} <= version.evaluated.metrics["candidate"].keys()
    kept = kept_predictions(place.store, version)
    assert kept is not None
    assert set(np.unique(kept.label["late"])) == {0.0, 1.0}
    assert np.abs(kept.candidate["minutes"]).max() > 1  # minutes; a probability is at most 1
    assert kept.candidate["late"].max() < 1


BOUND = AtMost("mae", 60, output="minutes")
REFUSED: dict[str, tuple[dict[str, Any], str]] = {
    "a gate without a name": ({"gates": [BOUND, AtLeast("auc", 0.5)]}, "AtLeast.output=None"),
    "a gate with another's name": (
        {"gates": [BOUND, NotWorseThan(metric="rmse", output="stars")]},
        "NotWorseThan.output='stars'",
    ),
    "a label of an output that has one": (
        {"gates": [BOUND, NoSuspectSlice(metric="auc", output="late:0")]},
        "NoSuspectSlice.output='late:0'",
    ),
    "a policy": (
        {"update_when": AnyOf(MetricDrop("auc", by=0.1), Always())},
        "MetricDrop.output=None",
    ),
    "an early stop": (
        {"stop_early": StopEarly(metric="auc", every=10, output="on time"), "average": None},
        "StopEarly.output='on time'",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
def test_a_name_that_is_missing_or_unknown_is_refused_before_a_version_is_opened(
    place: Place, case: str
) -> None:
    settings, message = REFUSED[case]
    place.reload(**settings)
    with pytest.raises(BadInput) as refused:
        place.run(W3)
    assert refused.value.what.startswith(message)
    assert "expected one of the model's outputs: 'late', 'minutes'" in refused.value.what
    assert 3 not in place.state.versions
    assert place.state.head == 2


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (
            ('"late": late, "minutes"', '"delayed": late, "minutes"'),
            "labels of the outputs 'late', 'minutes'",
        ),
        (('labels={"minutes"', 'labels=delay > 15, missing=() and {"minutes"'), "of 2 outputs"),
    ],
)
def test_labels_and_model_have_the_same_outputs(place: Place, edit: tuple[str, str], message: str) -> None:
    place.edit(edit)
    with pytest.raises(ModelCodeError, match=message):
        place.run(W3)
    assert 3 not in place.state.versions


def test_a_gate_that_looks_at_no_output_needs_no_name_and_layers_are_probed(place: Place) -> None:
    looked_at = Intermediate(layers=("hidden",), save=EverySteps(40), rows=8)
    place.reload(gates=[BOUND, Servable(), LatencyAtMost(p95_ms=10_000)], intermediate=looked_at)
    assert place.run(W3).version == 3
    (found,) = [one.name for one in place.store.list("models/") if one.name.endswith(".npz")]
    with np.load(io.BytesIO(place.store.get(found))) as arrays:
        for output in ("late", "minutes"):
            assert len(arrays[f"predictions/{output}"]) == len(arrays[f"labels/{output}"]) == 8
        assert np.isfinite(arrays["loss"])


def test_a_metric_of_an_output_is_measured_and_compared_by_its_key(place: Place) -> None:
    asked = Question(metric="minutes:mae", above=60.0, below=None, on=W2)
    with pytest.raises(
        TerminalError, match=r"minutes:mae of version 2, the head, is not above 60 .* it is 2"
    ):
        bisect(place.pipeline, place.store, asked)
    assert usual_metric(place.pipeline) == "late:auc"


def test_in_shadow_both_outputs_are_evaluated_on_the_slice_that_follows(place: Place) -> None:
    place.reload(shadow=Shadow(slices=1))
    waiting = steps.run_slice(place.pipeline, place.store, W3, lambda line: None)
    assert place.state.head == 2, waiting.why
    steps.run_slice(place.pipeline, place.store, W4, lambda line: None)
    evaluated = place.state.versions[3].evaluated
    assert evaluated is not None
    assert [ref.key for ref in evaluated.slices] == [W4]
    for models in evaluated.metrics.values():
        assert {"late:auc", "minutes:mae"} <= models.keys()


ONE_OUTPUT = (
    ('{"minutes": np.clip(delay, -60, 180).astype("f4"), "late": (delay > 15).astype("i4")}', "LABELS"),
    ('{"late": late, "minutes": minutes}', "late"),
    ('{"late": "binary_crossentropy", "minutes": "mae"}', '"binary_crossentropy"'),
    ('layers.Dense(1, "sigmoid", name="late")', 'layers.Dense(UNITS, "sigmoid", name="late")'),
)
LATE_BY = "np.stack([delay > 0, delay > 15, delay > 60], axis=1).astype('f4')"


def test_k_labels_of_a_row_are_trained_kept_and_evaluated(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> None:
    """Late at all, by a quarter of an hour, by an hour: any of them may hold."""
    model = MODEL
    for before, after in ONE_OUTPUT:
        assert before in model
        model = model.replace(before, after)
    model = model.replace("labels=LABELS", f"labels={LATE_BY}").replace("UNITS", "3")
    made(tmp_path / "labels", model=model, pipeline=PIPELINE)
    gates = [
        AtLeast("auc", 0.4),
        AtLeast("auc", 0.3, output="label:2"),
        NotWorseThan(metric="log_loss", margin=0.05),
        NoSuspectSlice(metric="auc", deviations=1e9),
        NoSuspectSlice(metric="auc", output="label:2", deviations=1e9),
        Servable(),
    ]
    with training_here(), without_pictures():
        place = Place(tmp_path / "labels", monkeypatch)
        for key in (W1, W2):
            place.land(key, COLUMNS)
        place.reload(gates=[*gates, Calibrated(at_most=1.0)])
        with pytest.raises(BadInput, match=r"Calibrated\.output=None .* one of its labels: 'label:0'"):
            place.run(W1)
        place.reload(gates=[*gates, Calibrated(at_most=1.0, output="label:0")])
        place.run(W1)
        head = place.run(W2)
    kept = kept_predictions(place.store, head)
    assert kept is not None
    assert kept.label.shape == kept.candidate.shape == (kept.count, 3)
    assert head.evaluated is not None
    assert head.trained is not None
    found = head.evaluated.metrics["candidate"]
    alone = [found[f"label:{at}:auc"] for at in range(3)]
    assert found["auc"] == pytest.approx(np.mean(alone), abs=1e-12)
    assert found["label:2:auc"] == METRICS["auc"](kept.label[:, 2], kept.candidate[:, 2])
    assert {"auc", "label:2:auc"} <= head.trained.scores[W2].keys()


def test_a_champion_without_an_output_of_the_candidate_is_no_champion_to_compare_with(place: Place) -> None:
    """Nothing passes by omission: the first version with another output is a person's decision."""
    place.edit(
        ('"late": (delay > 15)', '"very_late": (delay > 60).astype("i4"), "late": (delay > 15)'),
        ('{"late": late, "minutes"', '{"late": late, "very_late": very_late, "minutes"'),
        (
            "    hours = ",
            '    very_late = layers.Dense(1, "sigmoid", name="very_late")(hidden)\n    hours = ',
        ),
        ('{"late": "binary', '{"very_late": "binary_crossentropy", "late": "binary'),
    )
    settled = steps.run_slice(place.pipeline, place.store, W3, lambda line: None)
    assert settled.decision == "rejected"
    assert (
        "it predicts late (1 number), minutes (1 number) per row, the candidate late (1 number), "
        "minutes (1 number), very_late (1 number)"
    ) in settled.why
    assert place.state.head == 2


class Both(tf.Module):
    """Two outputs and no Keras."""

    def __init__(self) -> None:
        super().__init__()
        self.late, self.minutes = tf.Variable([0.0]), tf.Variable([0.0])

    def __call__(self, inputs: Mapping[str, Any], training: bool = False) -> Any:
        return {
            "late": tf.sigmoid(inputs["hour"] * self.late),
            "minutes": (inputs["hour"] * self.minutes)[:, None],
        }

    def train_step(self, inputs: Mapping[str, Any], labels: Mapping[str, Any], weights: Any) -> Any:
        late = tf.reduce_mean(weights * labels["late"])
        minutes = tf.reduce_mean(weights * labels["minutes"])
        self.late.assign([late])
        self.minutes.assign([minutes])
        return {"loss": late + minutes}


def test_a_module_is_given_the_labels_by_name_and_predicts_by_name() -> None:
    rows = 8
    made_of = Examples(
        inputs={"hour": np.ones(rows, np.float32)},
        labels={"minutes": np.full(rows, 7, np.float32), "late": np.ones(rows, np.float32)},
        weights=np.full(rows, 2.0),
    )
    module, order = Both(), BatchOrder(rows=rows, batch_size=4, seed=0)
    trace_prediction(module, *batch_of(made_of)[:2])
    logs = step_function(module)(iter(batches(made_of, order, 0, 1, model=module)))
    assert float(logs["loss"]) == 16
    found = predict_by(module, made_of.inputs)
    assert found["minutes"].tolist() == [14.0] * rows
    assert found["late"] == pytest.approx(np.full(rows, 1 / (1 + np.exp(-2))), abs=1e-6)
