"""The days of aeroplanes: a row has the flights of one day, a label for each of them, and one for the day.

Two real weeks are trained and promoted once; each test goes on with the third in its own way.
"""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from evolving_weeks import KEYS, Place, made

from ckpt_ops import StopEarly
from ckpt_ops.candidates.kept_predictions import kept_predictions
from ckpt_ops.diagnostics.drill import run_drill
from ckpt_ops.errors import ModelCodeError
from ckpt_ops.evaluation.metrics import METRICS
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.lists import flat_cells, is_cells, lengths_of
from ckpt_ops.runs import steps
from ckpt_ops.serving.objects import prediction_name
from ckpt_ops.serving.recheck import asked_again
from ckpt_ops.serving.slice_predictions import predict
from ckpt_ops.store import LocalStore
from demo.flights import weeks

pytestmark = pytest.mark.slow

W1, W2, W3 = KEYS[:3]
MODEL = """
import keras
import numpy as np
import pyarrow.compute as pc

from ckpt_ops import Examples, Lists


def examples(table):
    late = [[float(one > 15) for one in day] for day in table["delays"].to_pylist()]
    return Examples(
        inputs=inputs(table),
        labels={"late": Lists(late), "worst": np.array([max(day) for day in late], np.float32)},
        segments={"origin": np.asarray(table["origin"].to_pylist())},
    )


def inputs(table):
    return {"hours": table["hours"], "flights": table["flights"]}


def build_model():
    layers = keras.layers
    hours = keras.Input((None,), dtype="int64", name="hours")
    flights = keras.Input((None, 2), name="flights")
    hour = layers.Embedding(32, 4, mask_zero=True, name="hour")(hours)  # 0 stands behind the end
    scaled = layers.Rescaling(0.01, name="scaled")(flights)
    day = layers.GRU(8, return_sequences=True, name="day")(
        layers.Concatenate(name="flight")([hour, layers.Masking(name="hidden")(scaled)])
    )
    late = layers.Dense(1, "sigmoid", name="late")(day)
    whole = layers.GlobalAveragePooling1D(name="whole")(day)
    worst = layers.Dense(1, "sigmoid", name="worst")(whole)
    model = keras.Model({"hours": hours, "flights": flights}, {"late": late, "worst": worst})
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    return model
"""
PIPELINE = """
import pyarrow as pa

from ckpt_ops import (
    AtLeast, AtMost, Budget, Calibrated, EverySteps, FairRates, Files, Keep, NoForgetting, NoSegmentWorse,
    NoSuspectSlice, NotWorseThan, Pipeline, Reservoir, Servable
)

schema = pa.schema(
    [("origin", pa.string()), ("hours", pa.list_(pa.int64())), ("delays", pa.list_(pa.float64())),
     ("flights", pa.list_(pa.list_(pa.float32(), 2)))]
)
evolving = Pipeline(
    name="evolving",
    source=Files(name="weeks", schema=schema, template="weeks/{key}.parquet"),
    expectations="expectations.json",
    model="evolving.model:build_model",
    inputs="evolving.model:inputs",
    gates=[
        AtLeast("auc", 0.4, output="late"),
        AtMost("log_loss", 0.8, output="worst"),
        NotWorseThan(metric="log_loss", margin=0.1, output="late"),
        NoSegmentWorse("origin", metric="auc", margin=0.3, output="late"),
        NoForgetting(margin=0.2, output="late"),
        Calibrated(at_most=0.5, output="late"),
        FairRates("origin", max_gap=0.9, output="late"),
        NoSuspectSlice(metric="auc", output="late", deviations=1e9),
        NoSuspectSlice(metric="log_loss", output="worst", deviations=1e9),
        Servable(),
    ],
    budget=Budget(max_steps=30, max_seconds=600),
    batch_size=128,
    save=EverySteps(10),
    replay=Reservoir(share=0.5),
    keep=Keep(last=10),
)
"""


def days(key: str) -> pa.Table:
    """A week's flights by aeroplane and day, those of the first 300 aeroplanes."""
    wanted = ["tailnum", "day", "hour", "distance", "origin", "arr_delay"]
    table = weeks()[key].select(wanted).filter(pc.is_valid(weeks()[key]["arr_delay"]))
    found: dict[tuple[str, int], list[dict[str, Any]]] = {}
    for flight in table.sort_by(
        [("tailnum", "ascending"), ("day", "ascending"), ("hour", "ascending")]
    ).to_pylist():
        found.setdefault((flight["tailnum"], flight["day"]), []).append(flight)
    planes = sorted({plane for plane, _ in found if plane})[:300]
    rows = [day for (plane, _), day in found.items() if plane in planes]
    before = [[0.0, *(one["arr_delay"] for one in day[:-1])] for day in rows]
    flights = [
        [[was, one["distance"] / 10] for was, one in zip(earlier, day, strict=True)]
        for earlier, day in zip(before, rows, strict=True)
    ]
    return pa.table(
        {
            "origin": [day[0]["origin"] for day in rows],
            "hours": pa.array([[one["hour"] for one in day] for day in rows], pa.list_(pa.int64())),
            "flights": pa.array(flights, pa.list_(pa.list_(pa.float32(), 2))),
            "delays": pa.array([[one["arr_delay"] for one in day] for day in rows], pa.list_(pa.float64())),
        }
    )


def land(folder: Path, key: str) -> None:
    sink = pa.BufferOutputStream()
    pq.write_table(days(key), sink)
    LocalStore(folder / "landing").put(f"weeks/{key}.parquet", sink.getvalue().to_pybytes())


@pytest.fixture(scope="module")
def two_weeks(
    tmp_path_factory: pytest.TempPathFactory,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Path:
    """A folder in which two weeks are consumed, a version each. Not to be changed."""
    folder = tmp_path_factory.mktemp("sequences")
    made(folder, model=MODEL, pipeline=PIPELINE)
    with training_here(), without_pictures(), pytest.MonkeyPatch.context() as patch:
        place = Place(folder, patch)
        for key in (W1, W2, W3):
            land(folder, key)
        for key in (W1, W2):
            place.run(key)
    return folder


@pytest.fixture
def place(
    two_weeks: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Place]:
    shutil.copytree(two_weeks, tmp_path / "here", dirs_exist_ok=True)
    with training_here(), without_pictures():
        yield Place(tmp_path / "here", monkeypatch)


def test_each_position_is_predicted_kept_evaluated_and_served(place: Place) -> None:
    head = place.head
    assert head.version == 2
    assert head.trained is not None
    assert head.evaluated is not None
    kept = kept_predictions(place.store, head)
    assert kept is not None
    assert kept.champion is not None
    for array in (kept.label, kept.candidate, kept.champion):
        assert is_cells(array["late"])
        assert not is_cells(array["worst"])
        assert lengths_of(array["late"]).tolist() == lengths_of(kept.label["late"]).tolist()
    lengths = lengths_of(kept.label["late"])
    assert lengths.min() < lengths.max()
    found = METRICS["auc"](flat_cells(kept.label["late"]), flat_cells(kept.candidate["late"]))
    assert head.evaluated.metrics["candidate"]["late:auc"] == found
    assert {"late:auc", "worst:log_loss"} <= head.trained.scores[W2].keys()
    assert kept.servable is not None
    assert kept.servable.error is None
    # the export predicts what was kept, in other batches; a drill restores it
    assert asked_again(place.pipeline, place.store, 2).message.endswith("equal those kept, within 0.0001")
    drilled = run_drill(place.pipeline, place.store, 2, 30)
    assert drilled.predictions is not None
    assert drilled.predictions.difference == 0

    rows = predict(place.pipeline, place.store, 2, W2)
    made = place.store.get(prediction_name("evolving", 2, head.slices[-1]))
    table, given = pq.read_table(io.BytesIO(made)), days(W2)
    assert table.column_names == ["row", "prediction_late", "prediction_worst"]
    assert table.num_rows == rows == given.num_rows
    lengths_said = pc.list_value_length(table["prediction_late"]).to_pylist()
    assert lengths_said == pc.list_value_length(given["hours"]).to_pylist()


def test_a_training_that_is_killed_ends_bitwise_as_one_that_was_not(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    settings: dict[str, Any] = {
        "stop_early": StopEarly(metric="log_loss", output="late", every=10, patience=3),
        "average": None,
    }
    killed = Place(Path(shutil.copytree(place.folder, tmp_path / "killed")), monkeypatch)
    place.reload(**settings)
    version = place.run(W3)

    killed.reload(**settings)
    killed.die_at_the_third_commit(W3)
    again = killed.run(W3)
    assert CandidateLog(killed.store, "evolving", 3).progress().attempts == 2
    assert again.candidate == version.candidate
    assert killed.weights() == place.weights()


def test_a_champion_of_other_code_is_compared_at_each_position(place: Place) -> None:
    """It is asked in a process with its kept code; predictions come back as lists."""
    place.edit(("Adam(0.01)", "Adam(0.005)"))
    version = place.run(W3)
    kept = kept_predictions(place.store, version)
    assert kept is not None
    assert kept.champion is not None
    assert lengths_of(kept.champion["late"]).tolist() == lengths_of(kept.label["late"]).tolist()
    assert not kept.champion_missing


def test_labels_of_other_positions_are_refused_before_a_version_is_opened(place: Place) -> None:
    place.edit(("late = [[float", "late = [[0.0] + [float"))
    message = r"labels\['late'\] has \d+ labels in row \d+, inputs\['hours'\] has \d+ positions there"
    with pytest.raises(ModelCodeError, match=message):
        steps.run_slice(place.pipeline, place.store, W3, lambda line: None)
    assert place.state.head == 2
    assert set(place.state.versions) == {1, 2}
