"""What is made of a version after it was evaluated: other formats that say the same, predictions on a slice.

A real version of real weeks of flights, trained once for all tests. The processes are called as functions.
"""

from __future__ import annotations

import io
import json
import re
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any, NoReturn

import keras
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
import tensorflow as tf
from click.testing import Result
from safetensors.numpy import load as load_safetensors
from steady_weeks import land, week
from typer.testing import CliRunner

from ckpt_ops.candidates.as_served.exported import served
from ckpt_ops.candidates.kept_predictions import predictions_again
from ckpt_ops.checkpoints import load_manifest as checkpoint_manifest
from ckpt_ops.checkpoints.saved_model import inputs_of, write_saved_model
from ckpt_ops.cli.main import app
from ckpt_ops.diagnostics.drill import drill
from ckpt_ops.errors import (
    BadInput,
    CkptOpsError,
    ConversionRefused,
    Corrupt,
    DrillFailed,
    LineageMoved,
    ModelCodeError,
    ObjectNotFound,
)
from ckpt_ops.evaluation import EvaluatedRows
from ckpt_ops.lineage import LineageState, ModelLog, VersionState
from ckpt_ops.lineage.records import (
    CheckpointsDropped,
    Converted,
    Exported,
    Forgotten,
    Predicted,
    Record,
    SliceAccepted,
    SliceRef,
    SliceWithdrawn,
    acting_as,
)
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.pipeline.model_work import run_work
from ckpt_ops.runs import steps
from ckpt_ops.runs.export import export
from ckpt_ops.serving import checkpoint_export, conversion, exporting, slice_predictions
from ckpt_ops.serving import convert as converting
from ckpt_ops.serving import recheck as rechecking
from ckpt_ops.serving.conversion import run_conversion
from ckpt_ops.serving.convert import convert
from ckpt_ops.serving.formats import Format
from ckpt_ops.serving.in_store import look
from ckpt_ops.serving.on_request import InStore, place_of
from ckpt_ops.serving.onnx_format import ask_onnx, to_onnx
from ckpt_ops.serving.predict import predict, why_not
from ckpt_ops.serving.recheck import asked_again
from ckpt_ops.serving.slice_predictions import run_prediction
from ckpt_ops.serving.tflite_format import ask_tflite, to_tflite
from ckpt_ops.slices import load_manifest, pull, read_slice
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.training import Examples, holdout_mask
from ckpt_ops.views import StoreViews
from ckpt_ops.views.building.exports import format_rows
from ckpt_ops.worker import codec
from ckpt_ops.worker.raised import Raised

pytestmark = pytest.mark.slow

LEARNED, NEXT = "2013-01-06", "2013-01-13"
DAGS = Path(__file__).parents[1] / "dags"


class Place:
    """A store with version 1 of `brief` in production, and the week after it accepted."""

    def __init__(self, folder: Path, landing: LocalStore) -> None:
        self.pipeline = load_pipeline("brief", DAGS)
        self.store = LocalStore(folder)
        self.log = ModelLog(self.store, "brief")
        self.landing = landing

    def accept(self, key: str) -> SliceRef:
        """Pull the week and accept it as it is: no validation, which costs seconds to import."""
        land(self.landing, key, week(key))
        found = pull(self.store, self.pipeline.source, key)
        ref = SliceRef(key=key, revision=found.revision, rows=found.rows)
        self.say(SliceAccepted(slice=ref))
        return ref

    def say(self, record: Record) -> None:
        self.log.append(record, after=self.log.state())

    @property
    def state(self) -> LineageState:
        return self.log.state()

    @property
    def version(self) -> VersionState:
        return self.state.version(1)

    def rows(self, key: str) -> pa.Table:
        ref = self.state.slices[key].ref
        return read_slice(self.store, load_manifest(self.store, "steady_flights", key, ref.revision))

    def records(self, kind: type[Record]) -> list[Any]:
        return [record for record in self.log.records() if isinstance(record, kind)]

    def read(self, name: str) -> pa.Table:
        return pq.read_table(io.BytesIO(self.store.get(name)))


def run_here(function: Callable[[Any], Any], request: Any, pipeline: Pipeline, **options: object) -> Any:
    """`run_work` without the process: no test waits for TensorFlow's import. What crosses is JSON."""
    kind, result = codec.kinds_of(function)
    asked = codec.read(kind, codec.loads(codec.dumps(codec.written(request))))
    try:
        answer = function(asked)
    except CkptOpsError as error:
        raise Raised.of(error).error() from None
    return codec.read(result, codec.loads(codec.dumps(codec.written(answer))))


@pytest.fixture(scope="module")
def trained(
    tmp_path_factory: pytest.TempPathFactory, training_here: Callable[[], AbstractContextManager[None]]
) -> Iterator[Place]:
    folder = tmp_path_factory.mktemp("trained")
    for name in ("landing", "store"):
        (folder / name).mkdir()
    with training_here(), pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKPT_OPS_LANDING", (folder / "landing").as_uri())
        patch.setenv("CKPT_OPS_DAGS", str(DAGS))
        for module in (conversion, slice_predictions, rechecking, checkpoint_export):
            patch.setattr(module, "run_work", run_here)
        place = Place(folder / "store", LocalStore(folder / "landing"))
        place.accept(LEARNED)
        version = steps.train(place.pipeline, place.store, LEARNED, lambda line: None).version
        steps.evaluate(place.pipeline, place.store, version)
        assert steps.promote(place.pipeline, place.store, version).decision == "promoted"
        place.accept(NEXT)
        yield place


@pytest.fixture
def place(trained: Place, tmp_path: Path) -> Place:
    """A copy of the store, for a test to change."""
    (tmp_path / "store").mkdir()
    copy = Place(tmp_path / "store", trained.landing)
    for entry in trained.store.list(""):
        if not any(part in entry.name for part in ("/converted/", "/predictions/", "/exported/")):
            copy.store.put(entry.name, trained.store.get(entry.name))
    return copy


@pytest.fixture
def ckpt_ops(place: Place) -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(app, [*arguments, "--store", place.store.url])


def held_out(place: Place) -> np.ndarray[Any, Any]:
    """The numbers of the rows of the first week that are held out and have a label."""
    ref = place.version.slices[0]
    mask = holdout_mask(revision=ref.revision, rows=ref.rows, share=place.pipeline.holdout)
    return np.flatnonzero(mask & pc.is_valid(place.rows(LEARNED)["arr_delay"]).to_numpy())


# --- exports to the store -------------------------------------------------------------------------

OPENED: dict[str, Callable[[Path], object]] = {
    "saved-model": lambda path: tf.saved_model.load(str(path)).serve,
    "keras": lambda path: keras.saving.load_model(path),
    "tf-checkpoint": lambda path: tf.train.load_checkpoint(tf.train.latest_checkpoint(str(path))),
    "safetensors": lambda path: load_safetensors(path.read_bytes()),
}


@pytest.mark.parametrize("format", OPENED)
def test_an_export_is_kept_opened_by_its_library_and_recorded_once(
    place: Place, format: str, tmp_path: Path
) -> None:
    with acting_as("ada"):
        made = export(place.pipeline, place.store, 1, format, why="for the shop")
    trained = place.version.trained
    assert trained is not None
    assert (made.found, made.object) == (False, place_of("brief", 1, format, trained.step))
    (record,) = place.records(Exported)
    assert (record.actor, record.reason, record.object) == ("ada", "for the shop", made.object)
    kept = [one for one in place.store.list(made.object) if one.name.startswith(made.object)]
    assert (len(kept), sum(one.size for one in kept)) == (record.files, record.nbytes)
    out = tmp_path / "out" / Path(made.object).name
    for one in kept:
        there = out.parent / Path(one.name).relative_to(Path(made.object).parent)
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(place.store.get(one.name))
    assert OPENED[format](out) is not None
    assert export(place.pipeline, place.store, 1, format, why="again").found
    assert len(place.records(Exported)) == 1
    (row,) = StoreViews(place.store).version("brief", 1).exports
    assert (row.object, row.actor, row.reason) == (made.object, "ada", "for the shop")


def test_a_folder_is_kept_with_its_empty_files_and_a_file_without_being_read_into_memory(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "model"
    (out / "assets").mkdir(parents=True)
    (out / "assets" / "empty").touch()
    (out / "weights").write_bytes(b"12345")
    put, kinds = place.store.put, list[type]()

    def noted(name: str, data: bytes | memoryview) -> None:
        kinds.append(type(data))
        put(name, data)

    monkeypatch.setattr(place.store, "put", noted)
    assert exporting._keep(place.store, out, "exported/model") == (2, 5)
    assert place.store.get("exported/model/assets/empty") == b""
    assert place.store.get("exported/model/weights") == b"12345"
    assert kinds == [bytes, memoryview]


def test_one_that_was_stopped_before_its_report_is_written_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = export(place.pipeline, place.store, 1, "safetensors", why="w")
    place.store.delete(f"{made.object.rpartition('/')[0]}/report.json")
    assert not export(place.pipeline, place.store, 1, "safetensors", why="w").found


class Killed(BaseException):
    """As SIGKILL: nothing catches it."""


def killed(*arguments: Any) -> NoReturn:
    raise Killed


def begin_a_purge(place: Place) -> None:
    """Of the rows of version 1, up to the record after which its checkpoints may go."""
    ref = place.version.slices[0]
    place.say(
        Forgotten(
            request="0" * 12, rows="", keys=(ref.key,), revisions=((ref.key, ref.revision),), grace_hours=0
        )
    )
    place.say(CheckpointsDropped(versions=(1,)))


def lose_the_checkpoint(place: Place) -> None:
    trained = place.version.trained
    assert trained is not None
    place.store.delete(trained.final.name)


def test_one_that_was_written_but_not_recorded_is_recorded_although_the_version_was_pruned(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(exporting, "_record", killed)
        with pytest.raises(Killed):
            export(place.pipeline, place.store, 1, "safetensors", why="w")
    place.say(CheckpointsDropped(versions=(1,)))
    lose_the_checkpoint(place)
    assert look(place.store, place.state, 1) == InStore(made=frozenset({"safetensors"}), checkpoint=False)
    found = export(place.pipeline, place.store, 1, "safetensors", why="again")
    (record,) = place.records(Exported)
    assert (found.found, record.object, record.reason) == (True, found.object, "again")
    with pytest.raises(BadInput, match="was pruned"):
        export(place.pipeline, place.store, 1, "keras", why="w")


def test_a_version_whose_checkpoint_was_collected_is_refused_at_the_door(place: Place) -> None:
    lose_the_checkpoint(place)
    rows = format_rows(place.state, 1, look(place.store, place.state, 1))
    assert {row.format for row in rows if row.possible} == {"tflite", "onnx"}, "they need its export alone"
    with pytest.raises(BadInput, match="Its last checkpoint is gone"):
        export(place.pipeline, place.store, 1, "keras", why="w")


@pytest.mark.parametrize(
    ("format", "records"), [("safetensors", exporting), ("tflite", converting)], ids=["export", "conversion"]
)
def test_what_a_killed_try_left_of_a_version_that_a_purge_takes_is_removed_by_the_next(
    place: Place, monkeypatch: pytest.MonkeyPatch, format: str, records: ModuleType
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(records, "_record", killed)
        with pytest.raises(Killed):
            export(place.pipeline, place.store, 1, format, why="w")
    left = ["models/brief/v1/exported/", "models/brief/v1/converted/"]
    assert [entry.name for one in left for entry in place.store.list(one)]
    begin_a_purge(place)
    with pytest.raises(BadInput, match="rows that were forgotten"):
        export(place.pipeline, place.store, 1, format, why="w")
    assert [entry.name for one in left for entry in place.store.list(one)] == []


def test_an_export_of_a_version_that_a_purge_takes_leaves_nothing(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = exporting.read_tensors

    def meanwhile(*arguments: Any) -> Any:
        found = kept(*arguments)
        begin_a_purge(place)
        return found

    monkeypatch.setattr(exporting, "read_tensors", meanwhile)
    with pytest.raises(BadInput, match="rows that were forgotten"):
        export(place.pipeline, place.store, 1, "safetensors", why="w")
    assert list(place.store.list("models/brief/v1/exported/")) == []
    assert place.records(Exported) == []


# --- conversions ----------------------------------------------------------------------------------


@pytest.mark.parametrize("format", Format)
def test_a_conversion_is_compared_on_every_held_out_row_kept_and_recorded_once(
    place: Place, format: Format
) -> None:
    made = convert(place.pipeline, place.store, 1, format)
    assert made["rows"] == len(held_out(place)) > 1000
    assert 0 <= made["max_abs_difference"] <= 1e-4
    assert made["equal_decisions"] == 1.0
    folder = f"models/brief/v1/converted/{format.value}"
    assert made["object"] == f"{folder}/model.{format.value}"
    assert sorted(entry.name for entry in place.store.list(folder)) == [
        f"{folder}/model.{format.value}",
        f"{folder}/report.json",
    ]
    (record,) = place.records(Converted)
    assert (record.version, record.format, record.object, record.error) == (
        1,
        format.value,
        made["object"],
        "",
    )
    assert (record.rows, record.max_abs_difference) == (made["rows"], made["max_abs_difference"])

    again = convert(place.pipeline, place.store, 1, format)
    assert again == {**made, "found": True}
    assert len(place.records(Converted)) == 1


def test_the_converted_file_stands_by_itself(place: Place, trained: Place) -> None:
    import tensorflow as tf

    made = convert(place.pipeline, place.store, 1, Format.TFLITE)
    evaluated = EvaluatedRows.from_table(place.read(place.version.trained.artifacts["predictions"]))  # type: ignore[union-attr]
    rows = place.rows(LEARNED).take(pa.array(held_out(place)))
    from steady.model import examples

    with pytest.warns(UserWarning, match="tf.lite.Interpreter is deprecated"):
        interpreter = tf.lite.Interpreter(model_content=place.store.get(made["object"]))
    runner = interpreter.get_signature_runner()
    (said,) = runner(**examples(rows).inputs).values()
    assert np.abs(said.reshape(-1) - evaluated.candidate).max() <= 1e-4


def test_one_that_differs_by_more_than_allowed_is_recorded_and_not_kept(place: Place) -> None:
    with pytest.raises(ConversionRefused, match=r"differs from the original by up to .*; the tolerance is 0"):
        convert(place.pipeline, place.store, 1, Format.TFLITE, tolerance=0.0)
    assert list(place.store.list("models/brief/v1/converted/")) == []
    (record,) = place.records(Converted)
    assert record.object == ""
    assert record.rows == len(held_out(place))
    assert record.max_abs_difference > 0
    assert "the tolerance is 0" in record.error

    assert convert(place.pipeline, place.store, 1, Format.TFLITE)["object"], "asked again, it is tried again"
    assert [bool(record.error) for record in place.records(Converted)] == [True, False]
    with pytest.raises(ConversionRefused, match="it is kept, but differs"):
        convert(place.pipeline, place.store, 1, Format.TFLITE, tolerance=0.0)


def test_a_converter_that_was_stopped_before_its_record_is_not_run_again(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    run_conversion(place.pipeline, place.store, 1, Format.TFLITE, 0.1, print)
    assert place.records(Converted) == []
    monkeypatch.setattr(conversion, "run_work", None)
    assert convert(place.pipeline, place.store, 1, Format.TFLITE)["found"]
    assert len(place.records(Converted)) == 1


@pytest.fixture(scope="module")
def hashes_text(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An export whose input is text."""
    import keras

    text = keras.Input((), dtype="string", name="text")
    hashed = keras.layers.Hashing(8)(text)
    model = keras.Model({"text": text}, keras.layers.Dense(3)(keras.layers.Embedding(8, 2)(hashed)))
    folder = tmp_path_factory.mktemp("hashes_text")
    model.export(str(folder), verbose=False)
    return folder


@pytest.mark.parametrize("to_format", [to_tflite, to_onnx])
def test_an_operator_that_the_format_lacks_is_named(
    hashes_text: Path, to_format: Callable[[Path], bytes]
) -> None:
    with pytest.raises(ConversionRefused, match=r"has no operator StringToHashBucketFast$"):
        to_format(hashes_text)


@pytest.mark.parametrize(("to_format", "ask"), [(to_tflite, ask_tflite), (to_onnx, ask_onnx)])
def test_text_that_is_looked_up_in_a_vocabulary_is_converted(
    tmp_path: Path, to_format: Callable[[Path], bytes], ask: Callable[[bytes], Any]
) -> None:
    import keras

    text = keras.Input((), dtype="string", name="text")
    number = keras.layers.StringLookup(vocabulary=["UA", "é", "B6"])(text)
    model = keras.Model({"text": text}, keras.layers.Dense(1)(keras.layers.Embedding(4, 2)(number)))
    model.export(str(tmp_path), verbose=False)
    rows = {"text": np.array(["é", "UA", "of none", "B6"], dtype=object)}
    original = served(tmp_path)(rows)
    assert len(set(original.tolist())) == 4
    assert ask(to_format(tmp_path))(rows) == pytest.approx(original, abs=1e-6)


def test_an_rnn_is_refused_in_a_sentence_and_converted_when_it_does_as_that_says(tmp_path: Path) -> None:
    """What TensorFlow Lite says of it is a compiler's notes, some 1,800 characters in nine lines."""
    import keras

    columns = {"net amount": np.random.default_rng(1).normal(size=(9, 5, 3))}
    for unroll in (False, True):
        keras.utils.clear_session()
        model = keras.Sequential(
            [keras.Input((5, 3)), keras.layers.GRU(4, unroll=unroll, name="days"), keras.layers.Dense(1)]
        )
        write_saved_model(model, tmp_path / str(unroll), inputs_of(columns))
    with pytest.raises(ConversionRefused) as caught:
        to_tflite(tmp_path / "False")
    assert re.fullmatch(
        r"TensorFlow Lite cannot run the loop of layer \S+/days(_1)? \(TensorListReserve\) .*unroll=True.*",
        caught.value.what,
    )
    original = served(tmp_path / "True")(columns)
    assert ask_tflite(to_tflite(tmp_path / "True"))(columns) == pytest.approx(original, abs=1e-6)
    assert ask_onnx(to_onnx(tmp_path / "True"))(columns) == pytest.approx(original, abs=1e-6)


def put_in_its_place(place: Place, folder: Path) -> str:
    """Another export in the place of version 1's."""
    export = str(place.version.trained.artifacts["export"])  # type: ignore[union-attr]
    for path in folder.rglob("*"):
        if path.is_file():
            place.store.put(f"{export}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    return export


def test_an_export_that_was_overwritten_is_neither_converted_nor_asked(
    place: Place, hashes_text: Path
) -> None:
    export = put_in_its_place(place, hashes_text)
    for make in (
        lambda: convert(place.pipeline, place.store, 1, Format.TFLITE),
        lambda: predict(place.pipeline, place.store, NEXT),
    ):
        with pytest.raises(Corrupt, match=f"{export}/.* is not what was written there"):
            make()
    assert place.records(Converted) == place.records(Predicted) == []
    assert not [entry.name for entry in place.store.list("models/brief/v1/") if "/predictions/" in entry.name]


def test_nothing_is_trained_on_a_checkpoint_in_the_place_of_the_parents(
    place: Place,
) -> None:
    """Its tensors negated, say: it is sound, and not what was committed."""
    final = place.version.trained.final  # type: ignore[union-attr]
    manifest = checkpoint_manifest(place.store, final)
    place.store.put(final.name, replace(manifest, code_digest="another").encode())
    with pytest.raises(Corrupt, match=f"{final.name} is not what was written there"):
        steps.train(place.pipeline, place.store, NEXT, lambda line: None)
    assert [one.version for one in place.state.versions.values()] == [1]  # nothing was opened for it


def test_such_a_refusal_is_recorded(
    place: Place, hashes_text: Path, as_older_code_wrote: Callable[[Store], None]
) -> None:
    """Of an export that older code made, which recorded no hashes: nobody knows that it is another."""
    as_older_code_wrote(place.store)
    put_in_its_place(place, hashes_text)
    with pytest.raises(ConversionRefused, match="StringToHashBucketFast"):
        convert(place.pipeline, place.store, 1, Format.ONNX)
    (record,) = place.records(Converted)
    assert (record.object, record.rows, record.max_abs_difference) == ("", 0, None)
    assert record.error == "ONNX has no operator StringToHashBucketFast"


def test_missing_packages_are_named_before_any_work(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in Format.ONNX.packages:
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(BadInput, match=r"missing: tf2onnx, onnx, onnxruntime[\s\S]*requirements-onnx.txt"):
        convert(place.pipeline, place.store, 1, Format.ONNX)
    assert place.records(Converted) == [], "that says nothing of the version"


@pytest.mark.parametrize("tolerance", [-1e-9, float("nan"), float("inf")])
def test_a_tolerance_is_a_number(place: Place, tolerance: float) -> None:
    with pytest.raises(BadInput, match="tolerance"):
        convert(place.pipeline, place.store, 1, Format.TFLITE, tolerance=tolerance)


# --- predictions ----------------------------------------------------------------------------------


def test_a_prediction_carries_the_number_of_its_row(place: Place) -> None:
    """On the rows that training held out and evaluated, they are what was evaluated."""
    made = predict(place.pipeline, place.store, LEARNED)
    table = place.read(made.object)
    assert table.column_names == ["row", "prediction"]
    labelled = pc.is_valid(place.rows(LEARNED)["arr_delay"]).to_numpy()
    assert table["row"].to_pylist() == np.flatnonzero(labelled).tolist()
    assert 0 < made.rows == table.num_rows < made.slice_rows
    by_row = dict(zip(table["row"].to_pylist(), table["prediction"].to_pylist(), strict=True))
    evaluated = EvaluatedRows.from_table(place.read(place.version.trained.artifacts["predictions"]))  # type: ignore[union-attr]
    assert [by_row[row] for row in held_out(place)] == pytest.approx(evaluated.candidate, abs=1e-6)


def test_a_file_says_what_it_is_and_is_recorded_once(place: Place) -> None:
    made = predict(place.pipeline, place.store, NEXT)
    ref = place.state.slices[NEXT].ref
    assert made.object == f"models/brief/v1/predictions/{NEXT}/{ref.revision}.parquet"
    about = json.loads(place.read(made.object).schema.metadata[b"ckpt_ops.predictions"])
    assert about.pop("code_digest")
    assert about == {
        "model": "brief",
        "version": 1,
        "candidate": place.version.candidate,
        "slice": NEXT,
        "revision": ref.revision,
        "slice_rows": ref.rows,
    }
    (record,) = place.records(Predicted)
    assert (record.version, record.slice, record.object) == (1, ref, made.object)
    assert record.rows == made.rows
    before = [entry.fingerprint for entry in place.store.list(made.object)]
    assert predict(place.pipeline, place.store, NEXT, version=1) == replace(made, found=True)
    assert before == [entry.fingerprint for entry in place.store.list(made.object)]
    assert len(place.records(Predicted)) == 1


def test_with_inputs_of_its_own_every_row_is_predicted(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from steady import model

    def inputs(table: pa.Table) -> dict[str, Any]:
        filled = pa.array(np.zeros(table.num_rows, np.int64))
        return dict(model.examples(table.drop(["arr_delay"]).append_column("arr_delay", filled)).inputs)

    monkeypatch.setattr(model, "inputs", inputs, raising=False)
    whole = replace(place.pipeline, inputs="steady.model:inputs")
    monkeypatch.setattr("ckpt_ops.pipeline.model_work.load_pipeline", lambda name: whole)
    made = predict(whole, place.store, LEARNED)
    assert made.rows == made.slice_rows
    assert place.read(made.object)["row"].to_pylist() == list(range(made.slice_rows))

    monkeypatch.setattr(model, "inputs", lambda table: model.examples(table).inputs)
    with pytest.raises(ModelCodeError, match="one entry for each row"):
        predict(whole, place.store, NEXT)


def test_several_row_groups_are_numbered_on(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    from ckpt_ops.slices.reading import StagedSlice

    in_one = place.read(predict(place.pipeline, place.store, NEXT).object)
    place.store.delete(place.records(Predicted)[0].object)
    groups = StagedSlice.batches

    def in_parts(staged: StagedSlice, columns: Any = None) -> Iterator[pa.RecordBatch]:
        for batch in groups(staged, columns):
            for start in range(0, batch.num_rows, 700):
                yield batch.slice(start, 700)

    monkeypatch.setattr(StagedSlice, "batches", in_parts)
    in_many = place.read(predict(place.pipeline, place.store, NEXT).object)
    assert in_many["row"].equals(in_one["row"])
    assert np.asarray(in_many["prediction"]) == pytest.approx(np.asarray(in_one["prediction"]), abs=1e-6)


def test_what_nobody_accepted_is_not_predicted(place: Place) -> None:
    with pytest.raises(BadInput, match=r"accepted; this one is not known"):
        predict(place.pipeline, place.store, "2013-01-20")
    place.say(SliceWithdrawn(slice=place.state.slices[NEXT].ref))
    with pytest.raises(BadInput, match=r"accepted; this one is withdrawn"):
        predict(place.pipeline, place.store, NEXT)
    assert why_not(place.store, "brief", NEXT) == f"slice {NEXT} is withdrawn"
    assert why_not(place.store, "brief", LEARNED) is None
    assert why_not(place.store, "none", NEXT) == "no version is in production yet"


def test_a_slice_that_is_taken_away_meanwhile_leaves_no_predictions(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def then_taken_away(*arguments: Any, **named: Any) -> Any:
        made = run_here(*arguments, **named)
        place.say(SliceWithdrawn(slice=place.state.slices[NEXT].ref))
        return made

    monkeypatch.setattr(slice_predictions, "run_work", then_taken_away)
    with pytest.raises(LineageMoved, match="corrected or withdrawn"):
        predict(place.pipeline, place.store, NEXT)
    assert list(place.store.list("models/brief/v1/predictions/")) == []
    assert place.records(Predicted) == []


def test_nothing_is_made_of_a_version_that_a_purge_takes(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forget_it() -> None:
        ref = place.version.slices[0]
        revisions = ((ref.key, ref.revision),)
        place.say(
            Forgotten(request="0123456789ab", rows="", keys=(LEARNED,), revisions=revisions, grace_hours=0)
        )
        place.say(CheckpointsDropped(versions=(1,)))

    def then_forgotten(*arguments: Any, **named: Any) -> Any:
        made = run_here(*arguments, **named)
        forget_it()
        return made

    monkeypatch.setattr(conversion, "run_work", then_forgotten)
    with pytest.raises(ObjectNotFound, match="trained on rows that were forgotten"):
        convert(place.pipeline, place.store, 1, Format.TFLITE)
    assert list(place.store.list("models/brief/v1/converted/")) == []
    for make in (
        lambda: convert(place.pipeline, place.store, 1, Format.TFLITE),
        lambda: predict(place.pipeline, place.store, NEXT),
    ):
        with pytest.raises(ObjectNotFound, match="trained on rows that were forgotten"):
            make()


# --- what a version says --------------------------------------------------------------------------


def test_what_a_model_server_finds_says_what_was_judged(place: Place) -> None:
    from steady.model import examples

    rows = place.rows(LEARNED).take(pa.array(held_out(place)))
    evaluated = EvaluatedRows.from_table(place.read(place.version.trained.artifacts["predictions"]))  # type: ignore[union-attr]
    folder = place.store.root / "models/brief/serving/1"
    assert served(folder)(examples(rows).inputs) == pytest.approx(evaluated.candidate, abs=1e-6)


def test_a_model_with_k_outputs_says_k_numbers_a_row(hashes_text: Path) -> None:
    ask = served(hashes_text)
    rows = {"text": np.array(["a", "b", "c", "a"] * 2000, dtype=object)}
    said = ask(rows)
    assert said.shape == (8000, 3)
    assert (said[0] == said[3]).all()
    assert ask({"text": rows["text"][:0]}).shape[0] == 0


# --- what was said and is said again --------------------------------------------------------------


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Examples], Examples]], None]:
    """Let `examples()` of the pipeline be another: the function makes it of what it was."""
    import steady.model

    before = steady.model.examples

    def say(change: Callable[[Examples], Examples]) -> None:
        monkeypatch.setattr(steady.model, "examples", lambda table: change(before(table)))

    return say


def test_an_export_says_again_what_was_kept(place: Place) -> None:
    found = asked_again(place.pipeline, place.store, 1)
    assert (found.why_not, found.differs, found.rows) == ("", False, len(held_out(place)))
    assert found.difference == pytest.approx(0, abs=1e-6)


def test_an_export_that_was_written_over_is_found(
    place: Place, ckpt_ops: Callable[..., Result], as_older_code_wrote: Callable[[Store], None]
) -> None:
    """By its hash; of an export that older code made, which recorded none, by what it predicts."""
    from steady.model import build_model

    other = build_model()
    columns = {"carrier": np.zeros(1, np.int32), "numbers": np.zeros((1, 2), np.float32)}
    export = place.version.trained.artifacts["export"]  # type: ignore[union-attr]
    with tempfile.TemporaryDirectory() as folder:
        write_saved_model(other, Path(folder), inputs_of(columns))
        for path in Path(folder).rglob("*"):
            if path.is_file():
                place.store.put(f"{export}/{path.relative_to(folder).as_posix()}", path.read_bytes())
    by_hash = ckpt_ops("verify", "brief")
    assert by_hash.exit_code == 1
    assert "v1 export" in by_hash.stderr
    as_older_code_wrote(place.store)
    assert ckpt_ops("publish", "brief").exit_code == 0, "what is served is now the other one, too"
    assert ckpt_ops("verify", "brief").exit_code == 0, "every chunk of the checkpoint is whole"
    done = ckpt_ops("verify", "brief", "1", "--predictions", "--json")
    assert done.exit_code == 1
    assert "the export of v1 of brief does not predict what was evaluated" in done.stderr
    said = json.loads(
        done.stdout[done.stdout.index("{") :]
    )  # behind what the process prints, which is this one
    assert {one["condition"] for one in said["checkpoints"]} == {"ok", "pruned"}
    (about,) = said["predictions"]
    assert (about["version"], about["differs"], about["rows"]) == (1, True, len(held_out(place)))
    assert f"predictions on {about['rows']:,} held-out rows differ by up to" in about["words"]


def test_an_export_that_cannot_be_loaded_differs_and_one_that_is_gone_is_not_compared(
    place: Place, as_older_code_wrote: Callable[[Store], None]
) -> None:
    as_older_code_wrote(place.store)
    export = place.version.trained.artifacts["export"]  # type: ignore[union-attr]
    place.store.put(f"{export}/saved_model.pb", b"cut off")
    broken = asked_again(place.pipeline, place.store, 1)
    assert broken.differs
    assert "the export does not predict: " in broken.message
    assert broken.to_json()["difference"] is None, "strict JSON has no infinity"
    for entry in place.store.list(f"{export}/"):
        place.store.delete(entry.name)
    gone = asked_again(place.pipeline, place.store, 1)
    assert not gone.differs
    assert "holds no SavedModel" in gone.message


def test_a_drill_of_the_last_checkpoint_compares_what_it_predicts(
    place: Place, says: Callable[[Callable[[Examples], Examples]], None]
) -> None:
    step = place.version.trained.step  # type: ignore[union-attr]
    said = drill(place.pipeline, place.store, 1, step).to_json()["predictions"]
    assert (said["differs"], said["rows"]) == (False, len(held_out(place)))
    says(lambda made: replace(made, inputs={**made.inputs, "numbers": 0 * made.inputs["numbers"]}))
    with pytest.raises(
        DrillFailed, match=r"all variables are equal, and predictions on .* differ by up to 0\.\d+"
    ):
        drill(place.pipeline, place.store, 1, step)
    says(lambda made: made.take(slice(made.rows // 2)))
    said = drill(place.pipeline, place.store, 1, step).to_json()["predictions"]
    assert (said["differs"], said["rows"]) == (False, 0)
    assert f"held-out rows, but {len(held_out(place)):,} were kept" in said["words"]


def test_predictions_that_are_no_numbers_are_not_taken_for_equal() -> None:
    def evaluated(*said: float) -> EvaluatedRows:
        return EvaluatedRows(label=np.zeros(2), candidate=np.array(said), slice_key="k", rows="rows")

    labels = np.zeros(2)
    nan = float("nan")
    assert predictions_again(evaluated(1.0, nan), labels, np.array([1.0, nan])).difference == 0
    assert predictions_again(evaluated(1.0, 1.0), labels, np.array([1.0, nan])).differs
    assert predictions_again(
        evaluated(1e6, 1.0), labels, np.array([1e6 + 1, 1.0])
    ).difference == pytest.approx(1e-6)
    assert predictions_again(evaluated(1.0, 1.0), labels + 1, labels).message.endswith(
        "labels that differ from those kept"
    )
    assert predictions_again(None, labels, labels).why_not == "none were kept for this version"


# --- the command line -----------------------------------------------------------------------------


def test_the_commands_say_what_is_there_and_show_lists_it(
    ckpt_ops: Callable[..., Result], place: Place, tmp_path: Path
) -> None:
    out = tmp_path / "next.parquet"
    done = ckpt_ops("predict", "brief", "--slice", NEXT, "--out", str(out))
    assert done.exit_code == 0, done.output
    ref = place.state.slices[NEXT].ref
    assert f"of its {ref.rows:,} rows" in done.output
    assert pq.read_table(out).equals(place.read(place.records(Predicted)[0].object))
    assert ckpt_ops("predict", "brief", "--slice", NEXT, "--out", str(out)).exit_code == 2, "it is taken"

    made = json.loads(ckpt_ops("convert", "brief", "1", "--format", "tflite", "--json").stdout)
    assert not made["found"]
    refused = ckpt_ops("convert", "brief", "1", "--format", "onnx", "--tolerance", "0")
    assert refused.exit_code == 1
    assert "the tolerance is 0" in refused.stderr

    shown = json.loads(ckpt_ops("show", "brief", "1", "--json").stdout)
    assert [(one["format"], bool(one["error"])) for one in shown["conversions"]] == [
        ("tflite", False),
        ("onnx", True),
    ]
    assert [(one["key"], one["revision"]) for one in shown["predictions"]] == [(NEXT, ref.revision)]
    text = ckpt_ops("show", "brief", "1").stdout
    assert "onnx: refused: " in text
    assert f"predictions on {NEXT}" in text
    place.store.delete(shown["predictions"][0]["object"])
    assert json.loads(ckpt_ops("show", "brief", "1", "--json").stdout)["predictions"] == []


@pytest.mark.parametrize(
    "start",
    [
        lambda place: run_conversion(place.pipeline, place.store, 7, Format.ONNX, 1e-4, print),
        lambda place: run_prediction(place.pipeline, place.store, 7, NEXT, print),
    ],
    ids=["conversion", "prediction"],
)
def test_it_is_started_as_a_process_of_its_own(
    place: Place, start: Callable[[Place], Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What is refused before TensorFlow is needed shows that it is started, understands and answers."""
    for module in (conversion, slice_predictions):
        monkeypatch.setattr(module, "run_work", run_work)
    with pytest.raises(BadInput, match="version=7"):
        start(place)
