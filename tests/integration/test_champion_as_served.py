"""A champion answers for itself: whatever breaks in the code after it, its score is that of what is served.

One small model is trained and promoted once; each test breaks the code, or the rows, in its own way and
trains on the next day. What runs the champion's own code is a process in two of them.
"""

from __future__ import annotations

import io
import json
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from ckpt_ops.candidates.as_served.asked import Rows
from ckpt_ops.candidates.as_served.version import predictions_of
from ckpt_ops.checkpoints.garbage import find_garbage
from ckpt_ops.checkpoints.purge import objects_of
from ckpt_ops.diagnostics.audit import Audit, audit
from ckpt_ops.diagnostics.drill import run_drill
from ckpt_ops.errors import ModelCodeError, NotAsServed
from ckpt_ops.evaluation import NotWorseThan, metrics_of
from ckpt_ops.lineage import ModelLog, VersionState, VersionStatus
from ckpt_ops.lineage.records import Evaluated, SliceAccepted, SliceRef
from ckpt_ops.pipeline import Pipeline, Shadow, load_pipeline
from ckpt_ops.pipeline.user_code import make_examples
from ckpt_ops.policies import MetricDrop
from ckpt_ops.promotion import settle
from ckpt_ops.promotion.approval import approve
from ckpt_ops.runs import steps
from ckpt_ops.runs.evaluate import page_of, read_evaluation
from ckpt_ops.serving.objects import prediction_name
from ckpt_ops.serving.slice_predictions import METADATA_KEY, run_prediction
from ckpt_ops.shadow import scoring
from ckpt_ops.shadow.predicting import _predicted, predict_due
from ckpt_ops.slices import pull
from ckpt_ops.store import LocalStore
from ckpt_ops.training import holdout_mask
from ckpt_ops.transfer import Evolve
from ckpt_ops.transfer.document import TransferDocument

pytestmark = pytest.mark.slow

DAY1, DAY2, DAY3 = DAYS = ["2025-11-01", "2025-11-02", "2025-11-03"]
WORDS = "red green blue white"
MODEL = """
from pathlib import Path

import keras
import numpy as np
import pyarrow.compute as pc
from served_numbers import SCALE

from ckpt_ops.training import Examples

WORDS = Path(__file__).with_name("words.txt")
IN_MODEL = 1.0


def examples(t):
    t = t.filter(pc.is_valid(t["a"]))
    x = np.stack([t["a"].to_numpy(), SCALE * t["b"].to_numpy()], 1).astype("float32")
    word = np.asarray(t["word"].to_pylist(), dtype=object)
    return Examples(inputs={"x": x, "word": word}, labels=t["y"].to_numpy().astype("float32"))


def build_model():
    x, word = keras.Input((2,), name="x"), keras.Input((), dtype="string", name="word")
    ids = keras.layers.StringLookup(vocabulary=WORDS.read_text().split(), name="lookup")(word)
    both = [keras.layers.Rescaling(IN_MODEL)(x), keras.layers.Embedding(5, 4)(ids)]
    late = keras.layers.Dense(1, "sigmoid")(keras.layers.Concatenate()(both))
    model = keras.Model({"x": x, "word": word}, late)
    model.compile(keras.optimizers.Adam(0.05), "binary_crossentropy")
    return model
"""
PIPELINE = """
import pyarrow as pa
from ckpt_ops.checkpoints import EverySteps
from ckpt_ops.checkpoints.garbage import find_garbage
from ckpt_ops.checkpoints.purge import objects_of
from ckpt_ops.evaluation import AtLeast, NoForgetting, NotWorseThan, Servable
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.slices import Files
from ckpt_ops.training import Budget, NoReplay

B = "b"
schema = pa.schema([("a", pa.float64()), (B, pa.float64()), ("word", pa.string()), ("y", pa.int64())])
served_days = Pipeline(
    name="served_days",
    source=Files(name="days", schema=schema, template="days/{key}.parquet"),
    expectations="expectations.json",
    model="served_days.model:build_model",
    gates=[
        NotWorseThan(metric="auc", margin=0.02),
        NoForgetting(margin=0.05),
        AtLeast("auc", 0.4),
        Servable(),
    ],
    budget=Budget(max_steps=60, max_seconds=200),
    save=EverySteps(60),
    batch_size=64,
    replay=NoReplay(),
    average=None,
)
"""


def day(key: str) -> pa.Table:
    """1,500 rows, of which some have no a; the label follows from a, b and the word."""
    rng, effect = np.random.default_rng(int(key[-2:])), np.array([2.0, -2.0, 1.0, -1.0])
    x, w = rng.normal(size=(1500, 2)), rng.integers(0, 4, 1500)
    p = 1 / (1 + np.exp(-(1.5 * x[:, 0] - x[:, 1] + effect[w])))
    a = pa.array(x[:, 0], mask=rng.random(1500) < 0.1)
    message = np.array(WORDS.split())[w].tolist()
    return pa.table({"a": a, "b": x[:, 1], "word": message, "y": (rng.random(1500) < p).astype(np.int64)})


class Place:
    """Below a folder: `dags`, where slices land, and the store."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.folder, self.store = folder, LocalStore(folder / "store")
        self.landing = LocalStore(folder / "landing")
        patch.setenv("CKPT_OPS_LANDING", self.landing.url)
        patch.setattr(sys, "path", [str(folder / "dags"), *sys.path])
        patch.setattr(sys, "dont_write_bytecode", True)  # edits of one second and one size look alike to it
        self.log = ModelLog(self.store, "served_days")
        self.reload()

    def reload(self) -> None:
        for name in [name for name in sys.modules if name.partition(".")[0].startswith("served_")]:
            del sys.modules[name]
        self.pipeline: Pipeline = load_pipeline("served_days", self.folder / "dags")

    def edit(self, file: str, before: str, after: str) -> None:
        path = self.folder / "dags" / file
        assert before in path.read_text()
        path.write_text(path.read_text().replace(before, after))
        self.reload()

    def land(self, key: str, table: pa.Table | None = None) -> None:
        sink = io.BytesIO()
        pq.write_table(day(key) if table is None else table, sink)
        self.landing.put(f"days/{key}.parquet", sink.getvalue())

    def train(self, key: str, **changes: Any) -> int | None:
        """Accept the day as it is and train on it; the number of the version, unless it is in shadow."""
        pipeline = replace(self.pipeline, **changes)
        pulled = pull(self.store, pipeline.source, key)
        accepted = SliceAccepted(slice=SliceRef(key=key, revision=pulled.revision, rows=pulled.rows))
        self.log.decide(lambda state: None if key in state.slices else accepted)
        return steps.train(pipeline, self.store, key, lambda line: None).version

    def run(self, key: str, **changes: Any) -> Evaluated:
        version = self.train(key, **changes)
        assert version is not None
        pipeline = replace(self.pipeline, **changes)
        steps.evaluate(pipeline, self.store, version)
        steps.promote(pipeline, self.store, version)
        evaluated = self.log.state().versions[version].evaluated
        assert evaluated is not None
        return evaluated

    def served(self, key: str, *, held_out: bool, above: float = -np.inf) -> dict[str, float]:
        """What version 1 is worth on a day, by its export and the inputs that were made when it was trained.

        Args:
            above: of the rows whose a is larger.
        """
        import tensorflow as tf

        rows = day(key)
        if held_out:
            revision = pull(self.store, self.pipeline.source, key).revision
            rows = rows.filter(pa.array(holdout_mask(revision=revision, rows=1500, share=0.2)))
        rows = rows.filter(pc.greater(rows["a"], above))
        trained = self.log.state().versions[1].trained
        assert trained is not None
        export = tf.saved_model.load(str(self.folder / "store" / trained.artifacts["export"]))
        x = np.stack([rows["a"].to_numpy(), rows["b"].to_numpy()], 1).astype(np.float32)
        said = export.serve({"x": tf.constant(x), "word": tf.constant(rows["word"].to_pylist())})
        return metrics_of(rows["y"].to_numpy().astype(float), np.asarray(said, float).reshape(-1))


@pytest.fixture(scope="module")
def first_version(
    tmp_path_factory: pytest.TempPathFactory,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Path:
    """A folder in which version 1 has learned the first day, and is in production."""
    folder = tmp_path_factory.mktemp("served")
    for name in ("landing", "store", "dags/served_days"):
        (folder / name).mkdir(parents=True)
    for name, text in {
        "served_numbers.py": "SCALE = 1.0\n",
        "served_days/__init__.py": "",
        "served_days/model.py": MODEL,
        "served_days/pipeline.py": PIPELINE,
        "served_days/words.txt": WORDS,
        "served_days/expectations.json": "{}",
    }.items():
        (folder / "dags" / name).write_text(text)
    with pytest.MonkeyPatch.context() as patch, training_here(), without_pictures():
        place = Place(folder, patch)
        for key in DAYS:
            place.land(key)
        assert place.run(DAY1).passed
    return folder


@pytest.fixture
def place(
    first_version: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training_here: Callable[[], AbstractContextManager[None]],
    asked_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Place]:
    shutil.copytree(first_version, tmp_path, dirs_exist_ok=True)
    with training_here(), asked_here(), without_pictures():
        yield Place(tmp_path, monkeypatch)


@pytest.fixture
def with_processes(
    first_version: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Place]:
    """The same, where what runs the champion's own code is a process, as it is for users."""
    shutil.copytree(first_version, tmp_path, dirs_exist_ok=True)
    with training_here(), without_pictures():
        yield Place(tmp_path, monkeypatch)


def refusals(said: Evaluated) -> list[str]:
    return [message for message in said.verdicts if message.startswith(("NotWorseThan", "NoForgetting"))]


def test_an_input_that_the_model_ignores_from_now_on(place: Place) -> None:
    place.edit("served_days/model.py", "IN_MODEL = 1.0", "IN_MODEL = 0.0")
    said = place.run(DAY2)
    served = place.served(DAY2, held_out=True)["auc"]
    assert said.metrics["champion"]["auc"] == pytest.approx(served, abs=1e-6)
    assert said.metrics["candidate"]["auc"] < served - 0.1
    assert not said.passed
    trained = place.log.state().versions[2].trained
    assert trained is not None
    whole = place.served(DAY2, held_out=False)["auc"]
    assert trained.scores[DAY2]["auc"] == pytest.approx(whole, abs=1e-6)
    # an audit measures what is served, too: the head knows the input, a model of today's code does not
    found = audit(place.pipeline, place.store, Audit(newest=1, epochs=1)).to_json()
    of_head = place.served(DAY1, held_out=True)["auc"]
    assert found["champion"]["value"] == pytest.approx(of_head, abs=1e-6)
    assert "is better than a model trained from scratch" in found["verdict"]


def test_an_input_that_is_zero_from_now_on_by_code_beside_the_folder_and_other_rows_dropped(
    with_processes: Place,
) -> None:
    place = with_processes
    place.edit("served_numbers.py", "1.0", "0.0")
    place.edit("served_days/model.py", 'pc.is_valid(t["a"])', 'pc.greater(t["a"], -0.5)')
    said = place.run(DAY2)
    served = place.served(DAY2, held_out=True, above=-0.5)["auc"]
    assert said.metrics["champion"]["auc"] == pytest.approx(served, abs=1e-6), "on the rows kept today"
    assert said.metrics["candidate"]["auc"] < served - 0.02
    assert not said.passed


def test_a_vocabulary_in_another_order(place: Place) -> None:
    """Rows follow their word and not their position: the candidate begins as what is served."""
    place.edit("served_days/words.txt", WORDS, "green red white blue")
    said = place.run(DAY2)
    assert said.passed
    trained = place.log.state().versions[2].trained
    assert trained is not None
    name = trained.artifacts["transfer"]
    document = TransferDocument.decode(place.store.get(name), name=name)
    assert document.changed.keys() == {"lookup/lookup_table"}
    assert document.agreement is not None
    assert document.agreement.max_abs_difference < 1e-6


def test_in_shadow_both_are_what_would_be_served(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        scoring,
        "run_shadow_process",
        lambda pipeline, store, version, key, report: predict_due(pipeline, store, version, key),
    )
    place.edit("served_days/model.py", "IN_MODEL = 1.0", "IN_MODEL = 0.0")
    assert place.train(DAY2, shadow=Shadow(slices=1)) == 2
    place.edit("served_days/model.py", "IN_MODEL = 0.0", "IN_MODEL = 3.0")  # neither's
    said = place.run(DAY3, shadow=Shadow(slices=1))
    assert said.slices
    served = place.served(DAY3, held_out=False)["auc"]
    assert said.metrics["champion"]["auc"] == pytest.approx(served, abs=1e-6)
    assert said.metrics["candidate"]["auc"] < served - 0.1
    assert not said.passed


def test_rows_that_the_champion_cannot_take_are_no_pass_but_a_persons_to_decide(
    with_processes: Place,
) -> None:
    place = with_processes
    place.land(DAY2, day(DAY2).rename_columns(["a", "bb", "word", "y"]))
    place.edit("served_days/pipeline.py", 'B = "b"', 'B = "bb"')
    place.edit("served_days/model.py", 't["b"]', 't["bb"]')
    # the first day had the old name; no gate looks back
    gates = [
        replace(gate, slices=0) if isinstance(gate, NotWorseThan) else gate
        for gate in place.pipeline.gates
        if gate.name != "NoForgetting"
    ]
    said = place.run(DAY2, gates=gates)
    assert not said.passed
    assert "champion" not in said.metrics
    (message,) = refusals(said)
    assert "could not be evaluated: champion version 1 could not be evaluated as it is served" in message
    for part in ("served_days.model:examples raised KeyError", '"b"', "columns a, bb, word, y"):
        assert part in message
    assert "ckpt-ops promote MODEL VERSION --approve --despite-gates --why TEXT" in message
    assert 'evolve=Evolve(columns={"the name that its code reads": "today\'s name"})' in message
    assert place.log.state().versions[2].status is VersionStatus.REJECTED

    approve(place.store, "served_days", 2, "the column was renamed", despite_gates=True)
    assert settle(place.store, "served_days", 2, needs_approval=True).head == 2


def test_a_renamed_column_is_read_by_its_former_name(place: Place) -> None:
    """Today's code copes with both names; the champion's knows the former one alone, and was not kept in."""
    place.land(DAY2, day(DAY2).rename_columns(["a", "bb", "word", "y"]))
    place.edit("served_days/pipeline.py", 'B = "b"', 'B = "bb"')
    place.edit("served_days/model.py", 't["b"]', 't["bb" if "bb" in t.column_names else "b"]')
    said = place.run(DAY2, evolve=Evolve(columns={"b": "bb"}))
    assert said.passed
    served = place.served(DAY2, held_out=True)["auc"]
    assert said.metrics["champion"]["auc"] == pytest.approx(served, abs=1e-6)
    # the first day's rows, which have the former name, are in the evaluation too
    report = read_evaluation(place.store, said.report)["evaluation"]
    assert report["past"][DAY1]["champion"]["auc"] > 0.7
    assert report["former"] == {"champion": {"b": "bb"}}
    assert said.reason.endswith("The champion's own code was given column bb as b")
    assert said.reason in place.store.get(page_of(said.report)).decode().replace("&#x27;", "'")

    # the version of then predicts a day of today, and says what it read
    evolved = replace(place.pipeline, evolve=Evolve(columns={"b": "bb"}))
    with pytest.raises(ModelCodeError, match="with the kept code of version 1") as failed:
        run_prediction(place.pipeline, place.store, 1, DAY2, lambda line: None)
    assert "evolve=Evolve(columns=" in failed.value.next
    assert run_prediction(evolved, place.store, 1, DAY2, lambda line: None) > 1000
    state = place.log.state()
    name = prediction_name("served_days", 1, state.slices[DAY2].ref)
    metadata = pq.read_metadata(io.BytesIO(place.store.get(name))).metadata
    assert json.loads(metadata[METADATA_KEY])["former"] == {"b": "bb"}
    # with the code that made it, what the version consumed is read as it was: nothing is renamed
    trained = state.versions[1].trained
    assert trained is not None
    assert run_drill(evolved, place.store, 1, trained.step).next_batch


def test_a_champion_whose_code_is_gone_is_named_and_an_update_is_due(place: Place) -> None:
    trained = place.log.state().versions[1].trained
    assert trained is not None
    place.store.delete(trained.artifacts["code"])
    place.edit("served_days/model.py", "IN_MODEL = 1.0", "IN_MODEL = 0.5")
    said = refusals(place.run(DAY2, update_when=MetricDrop("auc", by=0.9)))
    assert len(said) == 2, "NotWorseThan and NoForgetting"
    for message in said:
        assert "could not be evaluated: champion version 1" in message
        assert f"its kept copy is gone: {trained.artifacts['code']}" in message
    second = place.log.state().versions[2].trained
    assert second is not None
    assert second.scores == {}
    assert second.decision["words"].startswith("due: the champion cannot be asked as it is served")
    with pytest.raises(NotAsServed, match="version 1 could not be evaluated as it is served"):
        audit(place.pipeline, place.store, Audit(newest=1, epochs=1))


def test_each_reason_why_a_version_cannot_be_asked_names_it(place: Place) -> None:
    state = place.log.state()
    version = state.versions[1]
    trained = version.trained
    assert trained is not None
    before = made_of(place)
    (whole,) = predictions_of(place.pipeline, place.store, state, 1, [before]).scores
    assert whole.shape == (before.count,)

    place.edit("served_days/model.py", "IN_MODEL = 1.0", "IN_MODEL = 0.5")
    of_old = {kind: name for kind, name in trained.artifacts.items() if kind != "code"}
    older = replace(version, trained=replace(trained, artifacts=of_old))
    without_code = replace(state, versions={1: older})
    with pytest.raises(NotAsServed, match="different code from today's, and none was kept then"):
        predictions_of(place.pipeline, place.store, without_code, 1, [before])
    place.store.put(trained.artifacts["code"], b"changed")
    with pytest.raises(NotAsServed, match="not what was kept: its bytes have a different hash"):
        predictions_of(place.pipeline, place.store, state, 1, [before])

    # with the code of then, nothing that was kept is needed but the export
    place.edit("served_days/model.py", "IN_MODEL = 0.5", "IN_MODEL = 1.0")
    assert (predictions_of(place.pipeline, place.store, state, 1, [before]).scores[0] == whole).all()
    other = Rows(inputs={"z": np.zeros(3)}, tables=before.tables)
    with pytest.raises(NotAsServed, match="the export takes word, x; the pipeline makes z"):
        predictions_of(place.pipeline, place.store, state, 1, [other])
    place.store.delete(f"{trained.artifacts['export']}/saved_model.pb")
    with pytest.raises(NotAsServed, match=r"saved_model\.pb, a file of an export, is missing"):
        predictions_of(place.pipeline, place.store, state, 1, [before])


def test_a_candidate_in_shadow_that_cannot_be_served_predicts_nothing(place: Place) -> None:
    state = place.log.state()
    first = state.versions[1]
    assert first.trained is not None
    opened = VersionState.opened(replace(first.started, version=2, parent=1, shadow=1))
    second = replace(opened, trained=replace(first.trained, artifacts={}))
    (ref,) = first.slices
    evaluated = _predicted(
        place.pipeline, place.store, replace(state, versions={1: first, 2: second}), 2, ref
    )
    assert evaluated.champion is not None
    assert np.isfinite(evaluated.champion).all()
    assert np.isnan(evaluated.candidate).all(), "which every gate refuses"


def test_kept_code_is_nobodys_garbage_and_goes_with_no_purge(place: Place) -> None:
    first = place.log.state().versions[1].trained
    assert first is not None
    going = [
        *find_garbage(place.store, grace=0.0).entries,
        *objects_of(place.store, "served_days", [1]).objects,
    ]
    names = {entry.name for entry in going}
    assert f"{first.artifacts['export']}/saved_model.pb" in names
    assert first.artifacts["code"] not in names


def made_of(place: Place) -> Rows:
    """The second day's rows, as today's code takes them."""
    return Rows.of(make_examples(place.pipeline, day(DAY2)), lambda: iter([(DAY2, day(DAY2))]))
