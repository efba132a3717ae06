"""A model that changes in the midst of its history: real weeks of flights, one log, one numbering.

Three weeks are trained and promoted once; each test edits `build_model()` in its own way and goes on with the
fourth. What trains is called in this process, and so is what the champion's own code makes of rows: that is a
process in `make soak`.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from evolving_weeks import KEYS, Place, consumed

from ckpt_ops.candidates import checkpoints
from ckpt_ops.checkpoints import load_manifest
from ckpt_ops.checkpoints.garbage import find_garbage
from ckpt_ops.diagnostics.drill import run_drill
from ckpt_ops.diagnostics.reproduce import reproduce
from ckpt_ops.errors import TransferRefused
from ckpt_ops.intake.decisions import withdraw
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.lineage.retraining import Begin, Selection
from ckpt_ops.promotion import rollback
from ckpt_ops.retrain.proposal import Asked
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import retrain as retraining
from ckpt_ops.runs import steps
from ckpt_ops.serving.slice_predictions import run_prediction
from ckpt_ops.transfer.evolve import IN_PLACE, Evolve
from ckpt_ops.transfer.history import History
from ckpt_ops.worker import CheckpointSaved

pytestmark = pytest.mark.slow

W1, W2, W3, W4, W5 = KEYS
COLUMNS = ["carrier", "origin", "hour", "distance", "arr_delay"]
MODEL = """
import keras
import numpy as np
import pyarrow.compute as pc

from ckpt_ops import Examples

WIDTH, UNITS = 6, 16
NUMBERS = ("hour", "distance")
SCALE = {"hour": 24.0, "distance": 1000.0}


def examples(table):
    table = table.filter(pc.is_valid(table["arr_delay"]))
    late = pc.greater(table["arr_delay"], 15).to_numpy()
    return Examples(inputs=inputs(table), labels=late.astype(np.float32))


def inputs(table):
    given = {"carrier": np.asarray(table["carrier"].to_pylist(), dtype=object)}
    return given | {name: table[name].to_numpy().astype(np.float32) for name in NUMBERS}


def build_model():
    layers = keras.layers
    given = {"carrier": keras.Input((), dtype="string", name="carrier")}
    ids = layers.Hashing(32, name="carrier_hash")(given["carrier"])
    parts = [layers.Embedding(32, WIDTH, name="carrier_embedding")(ids)]
    for name in NUMBERS:
        given[name] = keras.Input((), name=name)
        column = layers.Reshape((1,), name=f"{name}_column")(given[name])
        parts.append(layers.Rescaling(1 / SCALE[name], name=f"{name}_scaled")(column))
    # MORE
    hidden = layers.Concatenate(name="features")(parts)
    hidden = layers.Dense(UNITS, "relu", name="hidden")(hidden)
    hidden = layers.Dropout(0.1, name="dropout")(hidden)
    # DEEPER
    late = layers.Dense(1, "sigmoid", name="late")(hidden)
    model = keras.Model(given, late)
    model.compile(keras.optimizers.Adam(0.003), "binary_crossentropy")
    return model
"""
PIPELINE = """
import pyarrow as pa

from ckpt_ops import (
    AtLeast, Budget, EverySteps, Files, Keep, Pipeline, Reservoir, Servable
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
    gates=[AtLeast("auc", 0.5), Servable()],
    budget=Budget(max_steps=40, max_seconds=600),
    save=EverySteps(10),
    replay=Reservoir(share=1.0),
    keep=Keep(last=10),
)
"""
MORE_ORIGIN = """given["origin"] = keras.Input((), dtype="string", name="origin")
    origin = layers.Hashing(8, name="origin_hash")(given["origin"])
    parts.insert(0, layers.Embedding(8, 4, name="origin_embedding")(origin))"""
ORIGIN = (
    ("# MORE", MORE_ORIGIN),
    (
        'given = {"carrier": np.asarray(table["carrier"].to_pylist(), dtype=object)}',
        'given = {name: np.asarray(table[name].to_pylist(), dtype=object) for name in ("carrier", "origin")}',
    ),
)
ADAM = "keras.optimizers.Adam(0.003)"


@pytest.fixture(scope="module")
def three_weeks(
    tmp_path_factory: pytest.TempPathFactory,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Path:
    """A folder in which three weeks are consumed, a version each. Not to be changed."""
    folder = tmp_path_factory.mktemp("evolving")
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
    request: pytest.FixtureRequest,
) -> Iterator[Place]:
    shutil.copytree(three_weeks, tmp_path, dirs_exist_ok=True)
    asked = nullcontext if request.node.get_closest_marker("soak") else asked_here
    with training_here(), asked(), without_pictures():
        yield Place(tmp_path, monkeypatch)


@pytest.fixture
def another(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Place, str], Place]:
    """Makes a copy of a place as it is."""

    def copied(place: Place, name: str) -> Place:
        other = Place(Path(shutil.copytree(place.folder, tmp_path / name)), monkeypatch)
        other.reload(evolve=place.pipeline.evolve)
        return other

    return copied


CHANGES: dict[str, tuple[tuple[tuple[str, str], ...], Evolve, float | None]] = {
    # the edits, what the pipeline allows, how far from its parent the model begins (None: anywhere)
    "a wider embedding": ((("WIDTH, UNITS = 6, 16", "WIDTH, UNITS = 8, 16"),), Evolve(), 0.0),
    "a new input, in front": (ORIGIN, Evolve(), 0.0),
    "Adam to SGD": (((ADAM, "keras.optimizers.SGD(0.01)"),), Evolve(), 0.0),
    "Adam to AdamW": (((ADAM, "keras.optimizers.AdamW(0.003)"),), Evolve(), 0.0),
    "a moving average": (((ADAM, "keras.optimizers.Adam(0.003, use_ema=True)"),), Evolve(), 0.0),
    "a schedule": (
        ((ADAM, "keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.003, 40))"),),
        Evolve(),
        0.0,
    ),
    "no dropout": ((('hidden = layers.Dropout(0.1, name="dropout")(hidden)', ""),), Evolve(), 0.0),
    "a wider layer": ((("WIDTH, UNITS = 6, 16", "WIDTH, UNITS = 6, 24"),), Evolve(), 0.0),
    "a renamed layer": ((('name="hidden"', 'name="first"'),), Evolve(renamed={"hidden": "first"}), 0.0),
    "one more layer": (
        (("# DEEPER", 'hidden = layers.Dense(UNITS, "relu", name="deeper")(hidden)'),),
        Evolve(placed={"late/kernel": IN_PLACE}),
        None,
    ),
    "a removed feature": (
        (('NUMBERS = ("hour", "distance")', 'NUMBERS = ("hour",)'),),
        Evolve(drop=("hidden/kernel",)),
        None,
    ),
}
SHORT = ("a removed feature",)


@pytest.mark.parametrize(
    "change", [pytest.param(name, marks=() if name in SHORT else pytest.mark.soak) for name in CHANGES]
)
def test_a_changed_model_goes_on_in_the_same_history(
    place: Place, change: str, another: Callable[[Place, str], Place], monkeypatch: pytest.MonkeyPatch
) -> None:
    edits, evolve, far = CHANGES[change]
    settings: dict[str, Any] = {"average": None} if change == "a moving average" else {}
    place.edit(*edits, evolve=evolve, **settings)
    disturbed = another(place, "disturbed")
    place.reload(evolve=evolve, **settings)

    version = place.run(W4)

    assert (version.version, version.parent) == (4, 3)
    assert place.state.generation(4) == (1 if change == "a schedule" else 2)
    document = place.transfer()
    if change == "a schedule":
        assert document is None, "no variable is different"
    else:
        assert document is not None
        assert document.parent == 3
        assert document.agreement is not None
        assert document.agreement.rows > 500
        if far is not None:
            assert document.agreement.max_abs_difference == pytest.approx(far, abs=1e-6)
    assert version.evaluated is not None
    assert version.evaluated.metrics["champion"]["auc"] > 0.5, "it was asked as it is served"

    disturbed.reload(evolve=evolve, **settings)
    disturbed.die_at_the_third_commit(W4)
    commits = CandidateLog(disturbed.store, "evolving", 4).progress().commits
    assert [one.step for one in commits] == [10, 20]
    disturbed.run(W4)
    assert CandidateLog(disturbed.store, "evolving", 4).progress().attempts == 2
    assert disturbed.weights() == place.weights()

    # the next week takes the new structure as it is
    place.reload(evolve=evolve, **settings)
    place.run(W5)
    assert place.transfer() is None
    # both generations predict, and either is gone back to
    for number in (3, 4) if change not in SHORT else (3,):
        assert run_prediction(place.pipeline, place.store, number, W5, lambda line: None) > 4_000
    assert run_drill(place.pipeline, place.store, 3, 40).next_batch
    rollback(place.store, "evolving", 3, "to compare")
    assert place.run(W5).parent == 3
    assert [ref.key for ref in place.head.slices] == [W4, W5]


def test_a_rate_may_become_a_schedule_and_a_number_again(place: Place) -> None:
    """Keras keeps a number among the optimizer's variables, and no schedule."""
    schedule = "keras.optimizers.Adam(keras.optimizers.schedules.CosineDecay(0.003, 40))"
    place.edit((ADAM, schedule))
    place.run(W4)
    assert place.transfer() is None, "no weight is different"
    before = place.weights()
    place.edit((schedule, ADAM))
    place.run(W5)
    assert place.transfer() is None
    assert place.weights().keys() - before.keys() == {"optimizer/adam/learning_rate"}


def test_a_rebase_crosses_the_border(place: Place, another: Callable[[Place, str], Place]) -> None:
    never = another(place, "never")
    place.edit(*ORIGIN)
    place.run(W4)
    withdraw(place.store, "evolving", W3, "a mistake")
    done = rebasing.rebase(place.pipeline, place.store, lambda line: None)
    assert done.settled.decision == "promoted", done.settled.why
    assert [one.version for one in place.state.ancestry(place.state.head)] == [1, 2, 5]
    document = place.transfer()
    assert document is not None
    assert document.parent == 2
    # a history that never saw the third week, and in which the model changed behind the second
    rollback(never.store, "evolving", 2, "as if")
    withdraw(never.store, "evolving", W3, "as if")
    never.edit(*ORIGIN)  # the modules are those of this place from now on
    never.run(W4)
    assert never.weights() == place.weights()


def test_what_would_be_lost_is_refused_before_anything_is_written(place: Place) -> None:
    place.edit(('NUMBERS = ("hour", "distance")', 'NUMBERS = ("hour",)'))
    before = {entry.name for entry in place.store.list("models/")}
    pulled = steps.pull(place.pipeline, place.store, W4)
    steps.validate(place.pipeline, place.store, W4, pulled.revision)
    accepted = {entry.name for entry in place.store.list("models/")} - before
    with pytest.raises(TransferRefused) as refused:
        steps.train(place.pipeline, place.store, W4, lambda line: None)
    assert "hidden/kernel would lose trained values: 1 of 8 positions on axis 0" in refused.value.what
    assert 'drop=("hidden/kernel",)' in (refused.value.next or "")
    assert {entry.name for entry in place.store.list("models/")} - before == accepted
    assert place.state.head == 3
    assert 4 not in place.state.versions


def test_the_settings_are_part_of_the_candidate_when_they_say_something(place: Place) -> None:
    plain = place.pipeline.training_config()
    assert "evolve" not in plain
    evolving = replace(place.pipeline, evolve=Evolve(drop=("side/*",)))
    assert evolving.training_config() == {
        **plain,
        "evolve": {
            "Evolve": {
                "changed": [],
                "drop": ["side/*"],
                "placed": {},
                "renamed": {},
                "zero_new_inputs": True,
            }
        },
    }


def test_values_that_are_carried_are_not_uploaded_again(place: Place, tmp_path: Path) -> None:
    """A large table beside what grew: its next checkpoint is rows that changed, as without the change."""
    large = (
        ("layers.Hashing(32,", "layers.Hashing(60_000,"),
        ("layers.Embedding(32,", "layers.Embedding(60_000,"),
    )
    for key in (W1, W2, W3):
        withdraw(place.store, "evolving", key, "another table")
    place.edit(*large, evolve=Evolve(drop=("*",)))
    place.run(W4)
    table = "model/carrier_embedding/embeddings"

    def chunks() -> set[str]:
        assert place.head.trained is not None
        manifest = load_manifest(place.store, place.head.trained.final)
        (segment,) = [one for one in manifest.segments if one.tensors[0].name == table]
        return set(segment.chunks)

    before = chunks()
    place.edit(("WIDTH, UNITS = 6, 16", "WIDTH, UNITS = 6, 24"))
    place.run(W5)
    assert place.transfer() is not None
    assert chunks() == before


def test_garbage_knows_the_document(place: Place) -> None:
    place.edit(("WIDTH, UNITS = 6, 16", "WIDTH, UNITS = 8, 16"))
    place.run(W4)
    trained = place.head.trained
    assert trained is not None
    assert trained.artifacts["transfer"] not in {entry.name for entry in find_garbage(place.store).entries}


@pytest.mark.parametrize("begin", [Begin.CHAMPION, pytest.param(Begin.SCRATCH, marks=pytest.mark.soak)])
def test_a_model_of_a_new_structure_sees_its_history_again(place: Place, begin: Begin) -> None:
    place.edit(*ORIGIN)
    asked = Asked(begin=begin, selection=Selection(newest=1), max_steps=60, why="a new input")
    settled = retraining.retrain(place.pipeline, place.store, asked, lambda line: None)
    assert settled.decision == "promoted", settled.why
    found = place.transfer()
    assert (found is not None) is (begin is Begin.CHAMPION), "from scratch there is nothing to carry over"
    assert place.head.started.again is not None
    assert [ref.key for ref in place.head.slices] == [W3]
    place.run(W4)
    assert place.transfer() is None, "the next slice goes on from the new structure"


@pytest.mark.soak
def test_a_candidate_that_begins_with_a_transfer_sees_history_again(
    place: Place, another: Callable[[Place, str], Place]
) -> None:
    history = Evolve(retrain=History(slices=2, max_steps=25))
    place.edit(*ORIGIN, evolve=history)
    other = another(place, "killed")
    first = place.run(W4)
    assert place.transfer() is not None
    assert first.trained is not None
    assert (first.trained.step, [ref.key for ref in first.slices]) == (65, [W4])
    assert not reproduce(place.pipeline, place.store, first.version).different
    second = place.run(W5)
    assert second.trained is not None
    assert second.trained.step == 40, "the next one goes on as it did"

    def crash(saved: CheckpointSaved) -> None:
        if saved.step == 50:
            raise RuntimeError("out of memory")

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(checkpoints, "tell", crash)
        with pytest.raises(RuntimeError, match="out of memory"):
            other.run(W4)
    other.run(W4)
    other.run(W5)
    assert other.weights() == place.weights()
