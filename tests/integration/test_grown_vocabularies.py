"""A vocabulary that grows with real weeks of flights: in training, in the export, across a rebase."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from evolving_weeks import KEYS, Place, consumed

from ckpt_ops.backtest.compare import Asked, compare
from ckpt_ops.candidates.given import of_manifest
from ckpt_ops.checkpoints import load_manifest, read_tensors
from ckpt_ops.checkpoints.export import Format
from ckpt_ops.checkpoints.garbage import find_garbage
from ckpt_ops.diagnostics import audit as auditing
from ckpt_ops.diagnostics.audit import Audit, audit
from ckpt_ops.diagnostics.bisect import bisect
from ckpt_ops.diagnostics.bisect_question import Question
from ckpt_ops.diagnostics.drill import drill, run_drill
from ckpt_ops.diagnostics.measuring import Measuring
from ckpt_ops.diagnostics.reproduce import reproduce, run_reproduce
from ckpt_ops.diagnostics.retrain import retrain
from ckpt_ops.errors import BadInput, Corrupt, ModelCodeError
from ckpt_ops.intake.decisions import withdraw
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import CheckpointsDropped
from ckpt_ops.pipeline.user_code import make_examples
from ckpt_ops.promotion import rollback
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.serving.checkpoint_export import run_export
from ckpt_ops.serving.recheck import asked_again
from ckpt_ops.serving.slice_predictions import predict
from ckpt_ops.slices import pull
from ckpt_ops.store.named import Named
from ckpt_ops.vocabularies import Vocabulary
from ckpt_ops.vocabularies.growth import Grown
from demo.flights import weeks

pytestmark = pytest.mark.slow

W1, W2, W3, W4, _ = KEYS
COLUMNS = ["dest", "flight", "hour", "arr_delay"]
TABLE = "model/dest_embedding/embeddings"
BY_ROWS = "TEST_EXAMPLES_FIND_ROWS"
"""Where it is set, `examples()` finds the rows; else a layer does. It is in no digest."""
MODEL = """
import os

import keras
import numpy as np
import pyarrow.compute as pc

from ckpt_ops import Examples

BY_ROWS = "TEST_EXAMPLES_FIND_ROWS" in os.environ


def made(table, found):
    table = table.filter(pc.is_valid(table["arr_delay"]))
    late = pc.greater(table["arr_delay"], 15).to_numpy()
    return Examples(inputs=found(table), labels=late.astype(np.float32))


if BY_ROWS:

    def examples(table, vocabularies):
        return made(table, lambda rows: inputs(rows, vocabularies))

    def inputs(table, vocabularies):
        values = values_of(table)
        return values | {name: vocabularies[name].rows_of(values[name]) for name in ("dest", "flight")}

else:

    def examples(table):
        return made(table, inputs)

    def inputs(table):
        return values_of(table)


def values_of(table):
    return {
        "dest": np.asarray(table["dest"].to_pylist(), dtype=object),
        "flight": table["flight"].to_numpy().astype(np.int64),
        "hour": table["hour"].to_numpy().astype(np.float32),
    }


def build_model(vocabularies):
    layers = keras.layers
    given = {
        "dest": keras.Input((), dtype="int64" if BY_ROWS else "string", name="dest"),
        "flight": keras.Input((), dtype="int64", name="flight"),
        "hour": keras.Input((), name="hour"),
    }
    parts = [layers.Reshape((1,), name="hour_column")(given["hour"])]
    for name in ("dest", "flight"):
        words = vocabularies[name]
        rows = (words.rows_layer() if BY_ROWS else words.layer())(given[name])
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


@pytest.fixture(scope="module")
def three_weeks_by_rows(
    tmp_path_factory: pytest.TempPathFactory,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Path:
    """The history of `three_weeks`, where `examples()` finds the rows."""
    folder = tmp_path_factory.mktemp("by_rows")
    with pytest.MonkeyPatch.context() as patch, training_here(), without_pictures():
        patch.setenv(BY_ROWS, "1")
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


def drop(place: Place, *versions: int) -> None:
    """As retention lets checkpoints go."""
    log = ModelLog(place.store, "evolving")
    state = log.state()
    for number in versions:
        trained = state.versions[number].trained
        assert trained is not None
        place.store.delete(trained.manifest)
    log.append(CheckpointsDropped(versions=versions), after=state)


def values_in(measuring: Measuring) -> dict[str, bytes]:
    return {name: value.tobytes() for name, value in measuring.model.session.copy_values().items()}


def test_what_a_bisect_trains_again_is_bitwise_the_version_with_its_own_vocabulary(place: Place) -> None:
    recorded = {
        number: {name: one.tobytes() for name, one in tensors(place, number).items()} for number in (1, 2, 3)
    }
    drop(place, 1, 2)
    state = place.state
    question = Question(metric="auc", below=0.999, on=W3)
    measuring = Measuring(place.pipeline, place.store, state, state.ancestry(3), question, state.consumed[W3])
    kept = measuring.version(2, train=False)
    assert measuring.kept == [False, False, True]
    assert values_in(measuring) == recorded[3]
    trained = []
    for at in range(3):
        trained.append(measuring.version(at, train=True))
        assert values_in(measuring) == recorded[at + 1]
        if at == 1:
            measuring.copy_values()
    assert trained[2].value == kept.value
    assert measuring.inside(2, 1).value == kept.value, "it consumed one slice: that is the version"
    assert values_in(measuring) == recorded[3]

    found = bisect(place.pipeline, place.store, question).to_json()["found"]
    assert (found["version"], found["slice"]["key"]) == (1, W1), "wrong from the start: none is so good"


def test_a_version_is_rebuilt_from_nothing(place: Place) -> None:
    again = reproduce(place.pipeline, place.store, 3, from_scratch=True)
    assert [one.equal for one in again.trained] == [True, True, True]
    assert again.different == ()


def test_an_audit_trains_a_model_with_the_vocabulary_of_all_that_was_consumed(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[Any] = []

    def spied(session: Any, *args: Any) -> Any:
        seen.append(session.given)
        return retrain(session, *args)

    monkeypatch.setattr(auditing, "retrain", spied)
    found = audit(place.pipeline, place.store, Audit(newest=1, epochs=1))
    assert dict(seen[0].vocabularies) == grown(place, 3), "the same slices in the same order"
    assert place.head.evaluated is not None
    assert found.champion.value == pytest.approx(place.head.evaluated.metrics["candidate"]["auc"], abs=1e-4)


def test_a_back_test_fares_as_production_did(place: Place, tmp_path: Path) -> None:
    policies = tmp_path / "policies.py"
    policies.write_text(
        "from ckpt_ops.policies import Every\nfrom evolving.pipeline import evolving\n"
        "today = evolving.update_when\nevery_2 = Every(slices=2)\n"
    )
    asked = Asked(policies=policies, metric="auc")
    found = compare(place.pipeline, place.store, asked).to_json()
    state = place.state
    assert found["trainings"] == {"asked": 5, "shared": 1, "restored": 3, "trained": 1}
    today, every_2 = found["policies"]
    recorded = {
        key: metrics["auc"]
        for version in state.versions.values()
        if version.trained is not None
        for key, metrics in version.trained.scores.items()
    }
    assert {one["key"]: one["value"] for one in today["slices"]} == {W1: None, **recorded}
    assert [one["candidate"] for one in today["slices"]] == [one.candidate for one in state.versions.values()]
    assert [one["outcome"] for one in every_2["slices"]] == ["promoted", "deferred", "promoted"]
    drop(place, 1, 2, 3)
    again = compare(place.pipeline, place.store, asked).to_json()
    assert again["trainings"] == {"asked": 5, "shared": 1, "restored": 0, "trained": 4}
    for before, after in zip(found["policies"], again["policies"], strict=True):
        assert [one["value"] for one in before["slices"]] == [one["value"] for one in after["slices"]]


# --- examples(table, vocabularies) --------------------------------------------------------------------


@pytest.fixture
def by_rows(
    three_weeks_by_rows: Path, place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Place:
    """Beside `place`, whose modules are those of this one from now on."""
    monkeypatch.setenv(BY_ROWS, "1")
    return Place(Path(shutil.copytree(three_weeks_by_rows, tmp_path / "by_rows")), monkeypatch)


def test_rows_that_examples_finds_train_bitwise_what_a_layer_trains(by_rows: Place, place: Place) -> None:
    for number in (1, 2, 3):
        there = {name: one.tobytes() for name, one in tensors(place, number).items()}
        assert {name: one.tobytes() for name, one in tensors(by_rows, number).items()} == there
        assert grown(by_rows, number) == grown(place, number)
        ours, theirs = by_rows.state.versions[number], place.state.versions[number]
        assert ours.evaluated is not None
        assert theirs.evaluated is not None
        assert ours.evaluated.metrics == theirs.evaluated.metrics, "the champion had its own vocabulary"
        assert ours.trained is not None
        assert theirs.trained is not None
        assert ours.trained.scores == theirs.trained.scores
    assert inputs_taken(by_rows, 3)["dest"]["dtype"] == "int64"
    assert inputs_taken(place, 3)["dest"]["dtype"] == "string"


def inputs_taken(place: Place, version: int) -> dict[str, Any]:
    trained = place.state.versions[version].trained
    assert trained is not None
    return dict(load_manifest(place.store, trained.final).structure["inputs"])


def test_every_version_takes_rows_by_its_own_vocabulary(
    by_rows: Place, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    pipeline, store = by_rows.pipeline, by_rows.store
    assert reproduce(pipeline, store, 3, from_scratch=True).different == ()
    drilled = drill(pipeline, store, 2, 40)
    assert drilled.predictions is not None
    assert not drilled.predictions.differs
    assert drilled.predictions.rows > 500
    for number in (1, 2, 3):
        again = asked_again(pipeline, store, number)
        assert again.rows > 500
        assert not again.differs, again.message
    predict(pipeline, store, 2, W3)
    question = Question(metric="auc", below=0.999, on=W3)
    found = bisect(pipeline, store, question).to_json()
    backtest = compare_today(by_rows)
    monitored = audit(pipeline, store, Audit(newest=1, epochs=1))
    of_rows = predictions(by_rows, 2)

    monkeypatch.delenv(BY_ROWS)
    place.reload()
    predict(place.pipeline, place.store, 2, W3)
    assert predictions(place, 2) == of_rows
    assert values_of(bisect(place.pipeline, place.store, question).to_json()) == values_of(found)
    assert compare_today(place) == backtest
    audited = audit(place.pipeline, place.store, Audit(newest=1, epochs=1))
    assert (audited.champion.value, audited.from_scratch.value) == (
        monitored.champion.value,
        monitored.from_scratch.value,
    )


def values_of(bisected: dict[str, Any]) -> list[float]:
    return [point["value"] for point in bisected["points"]]


def compare_today(place: Place) -> list[float]:
    policies = place.folder / "policies.py"
    policies.write_text("from ckpt_ops.policies import Always\ntoday = Always()\n")
    found = compare(place.pipeline, place.store, Asked(policies=policies, metric="auc")).to_json()
    return [one["value"] for one in found["policies"][0]["slices"]]


def predictions(place: Place, version: int) -> list[float]:
    (name,) = [one.name for one in place.store.list(f"models/evolving/v{version}/predictions/")]
    table = pq.read_table(pa.BufferReader(place.store.get(name)))
    return table["prediction"].to_pylist()


def test_a_champion_of_other_code_is_asked_with_its_own_vocabulary(
    by_rows: Place, place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    edit = (("layers.Dense(8,", "layers.Dense(12,"),)
    by_rows.edit(*edit)
    by_rows.run(W4)
    monkeypatch.delenv(BY_ROWS)
    place.edit(*edit)
    place.run(W4)
    assert by_rows.weights() == place.weights()
    ours, theirs = by_rows.head.evaluated, place.head.evaluated
    assert ours is not None
    assert theirs is not None
    assert ours.champion == 3
    assert ours.metrics == theirs.metrics


def test_rows_without_a_layer_that_says_what_they_stand_for_are_refused(by_rows: Place) -> None:
    by_rows.edit(("(words.rows_layer() if BY_ROWS else words.layer())(given[name])", "given[name]"))
    with pytest.raises(ModelCodeError, match="says which rows are those of dest, flight") as refused:
        by_rows.run(W4)
    assert "rows_layer()" in (refused.value.next or "")
    assert 4 not in by_rows.state.versions


def test_examples_that_take_vocabularies_of_a_pipeline_without_any_are_refused(by_rows: Place) -> None:
    by_rows.reload(vocabularies=())
    with pytest.raises(ModelCodeError, match="takes vocabularies, and the version has none"):
        make_examples(by_rows.pipeline, weeks()[W1])


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
