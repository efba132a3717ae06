"""A vocabulary that grows with real weeks of flights: in training, in the export, across a rebase."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest
import tensorflow as tf
from evolving_weeks import KEYS, Place, consumed

from ckpt_ops.candidates.given import of_manifest
from ckpt_ops.checkpoints import load_manifest, read_tensors
from ckpt_ops.checkpoints.export import Format
from ckpt_ops.checkpoints.garbage import find_garbage
from ckpt_ops.diagnostics.audit import Audit, audit
from ckpt_ops.diagnostics.drill import run_drill
from ckpt_ops.diagnostics.reproduce import run_reproduce
from ckpt_ops.errors import BadInput, Corrupt
from ckpt_ops.intake.decisions import withdraw
from ckpt_ops.promotion import rollback
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.serving.checkpoint_export import run_export
from ckpt_ops.slices import pull
from ckpt_ops.store.named import Named
from ckpt_ops.vocabularies import Vocabulary
from ckpt_ops.vocabularies.growth import Grown
from demo.flights import weeks

pytestmark = pytest.mark.slow

W1, W2, W3, W4, _ = KEYS
COLUMNS = ["dest", "flight", "hour", "arr_delay"]
TABLE = "model/dest_embedding/embeddings"
MODEL = """
import keras
import numpy as np
import pyarrow.compute as pc

from ckpt_ops import Examples


def examples(table):
    table = table.filter(pc.is_valid(table["arr_delay"]))
    late = pc.greater(table["arr_delay"], 15).to_numpy()
    return Examples(inputs=inputs(table), labels=late.astype(np.float32))


def inputs(table):
    return {
        "dest": np.asarray(table["dest"].to_pylist(), dtype=object),
        "flight": table["flight"].to_numpy().astype(np.int64),
        "hour": table["hour"].to_numpy().astype(np.float32),
    }


def build_model(vocabularies):
    layers = keras.layers
    given = {
        "dest": keras.Input((), dtype="string", name="dest"),
        "flight": keras.Input((), dtype="int64", name="flight"),
        "hour": keras.Input((), name="hour"),
    }
    parts = [layers.Reshape((1,), name="hour_column")(given["hour"])]
    for name in ("dest", "flight"):
        words = vocabularies[name]
        rows = words.layer()(given[name])
        parts.append(layers.Embedding(words.rows, 4, name=f"{name}_embedding")(rows))
    hidden = layers.Dense(8, "relu", name="hidden")(layers.Concatenate(name="features")(parts))
    model = keras.Model(given, layers.Dense(1, "sigmoid", name="late")(hidden))
    model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy")
    return model
"""
PIPELINE = """
import pyarrow as pa

from ckpt_ops import AtLeast, Budget, EverySteps, Files, Keep, Pipeline, Reservoir, Servable, Vocabulary

schema = pa.schema(
    [("dest", pa.string()), ("flight", pa.int64()), ("hour", pa.int64()), ("arr_delay", pa.float64())]
)
evolving = Pipeline(
    name="evolving",
    source=Files(name="weeks", schema=schema, template="weeks/{key}.parquet"),
    expectations="expectations.json",
    model="evolving.model:build_model",
    inputs="evolving.model:inputs",
    vocabularies=[
        Vocabulary("dest", 60, min_count=20, expire_after=2, buckets=4, grow=1.5),
        Vocabulary("flight", 500, min_count=3, buckets=8),
    ],
    gates=[AtLeast("auc", 0.4), Servable()],
    budget=Budget(max_steps=40, max_seconds=600),
    save=EverySteps(20),
    replay=Reservoir(share=1.0),
    keep=Keep(last=10),
    average=None,
)
"""


@pytest.fixture(scope="module")
def three_weeks(
    tmp_path_factory: pytest.TempPathFactory,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Path:
    folder = tmp_path_factory.mktemp("grown")
    with training_here(), without_pictures():
        return consumed(folder, model=MODEL, pipeline=PIPELINE, columns=COLUMNS, keys=KEYS[:3])


@pytest.fixture
def place(
    three_weeks: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training_here: Callable[[], AbstractContextManager[None]],
    asked_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Place]:
    shutil.copytree(three_weeks, tmp_path, dirs_exist_ok=True)
    with training_here(), asked_here(), without_pictures():
        yield Place(tmp_path, monkeypatch)


def grown(place: Place, version: int) -> dict[str, Grown]:
    trained = place.state.versions[version].trained
    assert trained is not None
    return dict(of_manifest(place.store, load_manifest(place.store, trained.final)).vocabularies)


def tensors(place: Place, version: int) -> dict[str, Any]:
    trained = place.state.versions[version].trained
    assert trained is not None
    return read_tensors(place.store, load_manifest(place.store, trained.final))


def test_it_grows_from_the_slices_in_order_and_is_part_of_each_version(place: Place) -> None:
    first, second = grown(place, 1)["dest"], grown(place, 2)["dest"]
    counts = weeks()[W1]["dest"].value_counts()
    often = {one["values"].as_py() for one in counts if one["counts"].as_py() >= 20}
    assert set(first.known) == often
    assert {token: one.row for token, one in second.known.items()}.items() >= {
        token: one.row for token, one in first.known.items()
    }.items()
    assert (first.slices, second.slices) == (1, 2)
    assert grown(place, 1)["flight"].slices == 1
    assert all(isinstance(token, int) for token in grown(place, 1)["flight"].known)
    assert tensors(place, 3)[TABLE].shape == (grown(place, 3)["dest"].rows, 4)


def test_the_export_takes_the_values_themselves(place: Place, tmp_path: Path) -> None:
    out = tmp_path / "model.keras"
    run_export(place.pipeline, place.store, 2, 40, Format.KERAS, out, lambda line: None)
    loaded = keras.models.load_model(out)
    known = grown(place, 2)["dest"].known
    asked = {"dest": [*known, "nowhere"], "flight": [1] * (len(known) + 1), "hour": [8.0] * (len(known) + 1)}
    rows = loaded.get_layer("dest_rows")(tf.constant(asked["dest"])).numpy().tolist()
    assert rows[:-1] == [one.row for one in known.values()]
    assert 0 <= rows[-1] < 4
    trained = place.state.versions[2].trained
    assert trained is not None
    served = tf.saved_model.load(str(place.folder / "store" / trained.artifacts["export"]))
    given = {
        "dest": tf.constant(asked["dest"]),
        "flight": tf.constant(asked["flight"], tf.int64),
        "hour": tf.constant(asked["hour"]),
    }
    assert np.allclose(served.serve(given), loaded(given), atol=1e-6)
    drilled = run_drill(place.pipeline, place.store, 2, 40)
    assert drilled.next_batch
    again = run_reproduce(
        place.pipeline, place.store, 2, from_scratch=False, anyway=False, progress=lambda one: None
    )
    assert again.different == ()


def test_a_value_that_takes_a_row_begins_as_initialized_and_the_others_go_on(place: Place) -> None:
    """What a candidate begins with is in its transfer: which rows went on from which."""
    before, after = grown(place, 2)["dest"], grown(place, 3)["dest"]
    document = place.transfer()
    assert document is not None
    (table,) = [one for one in document.variables if one.name == TABLE]
    kept = {
        today + at: there + at for axis in table.axes[:1] for today, there, n in axis.runs for at in range(n)
    }
    for token, one in after.known.items():
        same = token in before.known
        assert (one.row in kept) == same
        if same:
            assert kept[one.row] == before.known[token].row
    assert document.changed.keys() >= {"dest_rows/table"}


def test_without_the_second_week_it_is_bitwise_the_history_that_never_saw_it(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = Place(Path(shutil.copytree(place.folder, tmp_path / "never")), monkeypatch)
    place.reload()
    withdraw(place.store, "evolving", W2, "a mistake")
    done = rebasing.rebase(place.pipeline, place.store, lambda line: None)
    assert done.settled.decision == "promoted", done.settled.why
    never.reload()
    rollback(never.store, "evolving", 1, "as if")
    withdraw(never.store, "evolving", W2, "as if")
    never.run(W3)
    assert never.weights() == place.weights()
    assert grown(never, never.head.version) == grown(place, place.head.version)


def test_its_documents_are_kept_with_the_version_and_checked(place: Place) -> None:
    trained = place.head.trained
    assert trained is not None
    name = trained.artifacts["vocabularies"]
    assert name.startswith("models/evolving/v3/vocabularies-")
    assert name in {one.name for one in trained.files}
    assert name not in {entry.name for entry in find_garbage(place.store).entries}
    manifest = load_manifest(place.store, trained.final)
    assert manifest.structure["vocabularies"]["name"] == name
    place.store.put(name, place.store.get(name).replace(b'"evolving"', b'"other"'))
    with pytest.raises(Corrupt, match="is not what was written there"):
        of_manifest(place.store, manifest)
    assert isinstance(trained.artifact("vocabularies"), Named)


def test_a_column_that_gets_one_later_is_counted_from_the_first_slice_on(place: Place) -> None:
    plain = [Vocabulary("dest", 60, min_count=20, expire_after=2, buckets=4, grow=1.5)]
    assert plain[0] == place.pipeline.vocabularies[0]
    pull(place.store, place.pipeline.source, W4)
    place.run(W4)
    flights = grown(place, 4)["flight"]
    assert flights.slices == 4
    total = sum(weeks()[key]["flight"].to_numpy().size for key in KEYS[:4])
    assert sum(one.count for one in flights.waiting.values()) < total
    assert np.isfinite(tensors(place, 4)[TABLE]).all()


def test_what_measures_several_versions_in_one_model_says_that_it_cannot(place: Place) -> None:
    with pytest.raises(BadInput, match="each version of this pipeline has its own"):
        audit(place.pipeline, place.store, Audit(newest=1, epochs=1))


@pytest.mark.parametrize(
    ("vocabularies", "what"),
    [
        ([Vocabulary("hour_of_day", 3)], "of text or whole numbers of weeks: dest, flight, hour"),
        ([Vocabulary("arr_delay", 3)], "of text or whole numbers of weeks: dest, flight, hour"),
        ([Vocabulary("dest", 3), Vocabulary("dest", 4)], "each column once"),
        (["dest"], "of text or whole numbers"),
    ],
)
def test_columns_that_cannot_have_one_are_refused(place: Place, vocabularies: list[Any], what: str) -> None:
    with pytest.raises(BadInput, match=what):
        place.reload(vocabularies=vocabularies)
