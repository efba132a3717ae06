"""Values that `adapt()` makes of the first slice: kept with each version, given to each model."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from evolving_weeks import KEYS, Place, made

from ckpt_ops.candidates.given import of_manifest
from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.diagnostics.audit import Audit, audit
from ckpt_ops.diagnostics.drill import run_drill
from ckpt_ops.errors import BadInput, Corrupt, ModelCodeError
from ckpt_ops.intake.decisions import withdraw
from ckpt_ops.pipeline.given import checked, decode, encode
from ckpt_ops.runs import rebase as rebasing
from demo.flights import weeks

pytestmark = pytest.mark.slow

W1, W2, W3, *_ = KEYS
COLUMNS = ["carrier", "distance", "arr_delay"]
MODEL = """
import keras
import numpy as np
import pyarrow.compute as pc

from ckpt_ops import Examples


def adapt(table):
    distance = table["distance"].to_numpy()
    carriers = sorted(set(table["carrier"].to_pylist()))
    return {"rows": table.num_rows, "mean": distance.mean(), "variance": distance.var(), "carriers": carriers}


def examples(table):
    table = table.filter(pc.is_valid(table["arr_delay"]))
    late = pc.greater(table["arr_delay"], 15).to_numpy()
    return Examples(
        inputs={
            "carrier": np.asarray(table["carrier"].to_pylist(), dtype=object),
            "distance": table["distance"].to_numpy().astype(np.float32).reshape(-1, 1),
        },
        labels=late.astype(np.float32),
    )


def build_model(adapted):
    layers = keras.layers
    carrier = keras.Input((), dtype="string", name="carrier")
    distance = keras.Input((1,), name="distance")
    ids = layers.StringLookup(vocabulary=adapted["carriers"].tolist(), name="ids")(carrier)
    mean, variance = float(adapted["mean"]), float(adapted["variance"])
    scaled = layers.Normalization(mean=mean, variance=variance, name="scaled")(distance)
    embedded = layers.Embedding(len(adapted["carriers"]) + 1, 4, name="carriers")(ids)
    late = layers.Dense(1, "sigmoid", name="late")(layers.Concatenate(name="joined")([embedded, scaled]))
    model = keras.Model({"carrier": carrier, "distance": distance}, late)
    model.compile(keras.optimizers.Adam(0.01), "binary_crossentropy")
    return model
"""
PIPELINE = """
import pyarrow as pa

from ckpt_ops import AtLeast, Budget, EverySteps, Files, Keep, Pipeline, Reservoir, Servable

schema = pa.schema([("carrier", pa.string()), ("distance", pa.int64()), ("arr_delay", pa.float64())])
evolving = Pipeline(
    name="evolving",
    source=Files(name="weeks", schema=schema, template="weeks/{key}.parquet"),
    expectations="expectations.json",
    model="evolving.model:build_model",
    adapt="evolving.model:adapt",
    gates=[AtLeast("auc", 0.4), Servable()],
    budget=Budget(max_steps=20, max_seconds=600),
    save=EverySteps(20),
    replay=Reservoir(share=1.0),
    keep=Keep(last=10),
    average=None,
)
"""


@pytest.fixture
def place(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training_here: Callable[[], AbstractContextManager[None]],
    asked_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Place]:
    made(tmp_path, model=MODEL, pipeline=PIPELINE)
    with training_here(), asked_here(), without_pictures():
        place = Place(tmp_path, monkeypatch)
        for key in KEYS[:3]:
            place.land(key, COLUMNS)
        yield place


def adapted(place: Place, version: int) -> dict[str, Any]:
    trained = place.state.versions[version].trained
    assert trained is not None
    return dict(of_manifest(place.store, load_manifest(place.store, trained.final)).adapted)


def test_every_version_has_what_the_first_rows_gave(place: Place) -> None:
    for key in (W1, W2):
        place.run(key)
    first, second = adapted(place, 1), adapted(place, 2)
    whole = weeks()[W1]
    assert 0.75 < first["rows"] / whole.num_rows < 0.85, "the rows to train on, none that are held out"
    assert float(first["mean"]) == pytest.approx(whole["distance"].to_numpy().mean(), rel=0.05)
    assert {name: value.tolist() for name, value in first.items()} == {
        name: value.tolist() for name, value in second.items()
    }
    assert place.transfer() is None, "the model is the same in every version"
    assert run_drill(place.pipeline, place.store, 2, 20).next_batch
    found = audit(place.pipeline, place.store, Audit(newest=1, epochs=1)).to_json()
    assert found["champion"]["value"] > 0.4

    place.run(W3)
    withdraw(place.store, "evolving", W2, "a mistake")
    done = rebasing.rebase(place.pipeline, place.store, lambda line: None)
    assert done.settled.decision == "promoted", done.settled.why
    assert adapted(place, place.head.version)["mean"] == first["mean"]
    withdraw(place.store, "evolving", W1, "another beginning")
    assert rebasing.rebase(place.pipeline, place.store, lambda line: None).settled.decision == "promoted"
    assert [ref.key for ref in place.head.slices] == [W3]
    assert adapted(place, place.head.version)["mean"] != first["mean"], (
        "a history that begins with other rows"
    )


@pytest.mark.parametrize(
    ("returned", "what"),
    [
        ([1.0], "a list"),
        ({"mean": None}, "mean of dtype object"),
        ({"mean": [1.0, None]}, "mean of dtype object"),
        ({"mean": float("nan")}, "not finite"),
        ({"table": np.zeros(4_000_000)}, "bytes"),
        ({1: 2.0}, "a dict"),
    ],
)
def test_what_cannot_be_kept_is_refused(returned: Any, what: str) -> None:
    with pytest.raises(ModelCodeError, match=what):
        checked("evolving.model:adapt", returned)


def test_what_is_kept_is_read_back() -> None:
    values = checked("f", {"n": 3, "x": [[1.5, 2.5]], "yes": True, "names": ["a", "b"], "none": []})
    found = decode(encode("m", values), name="o", model="m")
    assert {name: (value.dtype.kind, value.tolist()) for name, value in found.items()} == {
        name: (value.dtype.kind, value.tolist()) for name, value in values.items()
    }
    with pytest.raises(Corrupt, match="it belongs to another model"):
        decode(encode("m", values), name="o", model="other")
    data = (
        encode("m", values)
        .replace(b'"shape":[1,2]', b'"shape":[2,2]')
        .replace(b'"shape": [1, 2]', b'"shape": [2, 2]')
    )
    with pytest.raises(Corrupt, match="x has 2 values"):
        decode(data, name="o", model="m")


def test_a_function_that_has_no_such_name_is_refused(place: Place) -> None:
    with pytest.raises(BadInput, match="adapt"):
        place.reload(adapt="adapt")
