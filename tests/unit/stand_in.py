"""A pipeline whose training is a sum over a few people's rows: its weights say what it has learned.

All but the training is real: source, store, log, checkpoints in the store, gates, rebase. So what must not
be known any more is seen in the numbers, without TensorFlow.
"""

from __future__ import annotations

import io
import json
import sys
from collections.abc import Iterator, Sequence
from dataclasses import asdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq
import pytest

from ckpt_ops.candidates.opening import open_candidate, proposed
from ckpt_ops.candidates.recording import record_result
from ckpt_ops.checkpoints import Manifest, load_manifest, read_tensors
from ckpt_ops.checkpoints.chunks import digest_of
from ckpt_ops.checkpoints.manifest import Segment, TensorEntry
from ckpt_ops.evaluation import Basis, EvaluatedRows
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionState
from ckpt_ops.lineage.records import Record, SliceAccepted, SliceQuarantined, SliceRef
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.rebase.progress import next_step
from ckpt_ops.retrain.process import proposed as retraining_proposed
from ckpt_ops.retrain.proposal import Asked
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import retrain as retraining
from ckpt_ops.runs import steps
from ckpt_ops.shadow import predictions, scoring
from ckpt_ops.shadow.predicting import left_to_predict
from ckpt_ops.slices import load_manifest as load_slice
from ckpt_ops.slices import pull, read_slice
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.store.content import chunk_name
from ckpt_ops.store.named import Noting
from ckpt_ops.validation import Outcome, Validation

PIPELINE = """
import pyarrow as pa
from ckpt_ops.checkpoints import EverySteps
from ckpt_ops.evaluation import AtLeast
from ckpt_ops.pipeline import Pipeline
from ckpt_ops.slices import Files
from ckpt_ops.training import Budget

SCHEMA = pa.schema([("person", pa.string()), ("n", pa.int64())])
{name} = Pipeline(
    name="{name}",
    source=Files(name="people", schema=SCHEMA, template="people/{{key}}.csv"),
    expectations="e.json",
    model="{name}.model:build_model",
    budget=Budget(max_steps=30, max_seconds=60),
    save=EverySteps(10),
    gates=[AtLeast("auc", 0.3)],
)
"""
SUITE = {
    "name": "people",
    "meta": {"bad_rows_at_most": 0.5},
    "expectations": [
        {
            "type": "expect_column_values_to_be_between",
            "kwargs": {"column": "n", "min_value": 0},
            "meta": {"bad_rows": "set aside", "why": "nothing is counted below zero"},
        },
        {"type": "expect_column_values_to_not_be_null", "kwargs": {"column": "person"}},
    ],
}
W1, W2, W3, W4, W5 = (f"2013-01-{day:02}" for day in (6, 13, 20, 27, 30))
ADA, BOB, EVE = "p-17", "p-18", "p-19"
FROZEN = np.arange(2048, dtype=np.float32)


class Place:
    """Folders of DAGs, a landing place and a store; `good`: what the candidates' predictions are worth.

    `score`: what the champion is said to have had on each slice before it trained on it; empty: none.
    """

    def __init__(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        for name in ("landing", "store", "dags"):
            (folder / name).mkdir(parents=True)
        self.folder = folder
        self.landing = LocalStore(folder / "landing")
        self.store: Store = LocalStore(folder / "store")
        self.good = True
        self.score: dict[str, float] = {}
        monkeypatch.setenv("CKPT_OPS_LANDING", self.landing.url)
        monkeypatch.setenv("CKPT_OPS_STORE", self.store.url)
        monkeypatch.setenv("CKPT_OPS_DAGS", str(folder / "dags"))
        monkeypatch.setattr(sys, "path", [str(folder / "dags"), *sys.path])
        monkeypatch.setattr(
            "os.fsync", lambda handle: None
        )  # no machine dies here, and it takes most of the time
        monkeypatch.setattr("ckpt_ops.runs.train.run_training_process", self._train)
        monkeypatch.setattr(rebasing, "run_replay_process", self._replay)
        monkeypatch.setattr(retraining, "run_retrain_process", self._retrain)
        monkeypatch.setattr(scoring, "run_shadow_process", self._predict)
        self.pipeline = self.described("people")

    def described(self, name: str) -> Pipeline:
        """A pipeline of this name over the same source."""
        folder = self.folder / "dags" / name
        folder.mkdir()
        (folder / "__init__.py").touch()
        (folder / "model.py").touch()
        (folder / "e.json").write_text(json.dumps(SUITE))
        (folder / "pipeline.py").write_text(PIPELINE.format(name=name))
        return load_pipeline(name)

    def land(self, key: str, *rows: tuple[str, int]) -> None:
        lines = "".join(f"{person},{n}\n" for person, n in rows)
        self.landing.put(f"people/{key}.csv", f"person,n\n{lines}".encode())

    def take_in(self, key: str, *rows: tuple[str, int], pipeline: Pipeline | None = None) -> SliceRef:
        """Pull a slice and accept it as it is: no validation, which costs seconds to import."""
        if rows:
            self.land(key, *rows)
        pipeline = pipeline or self.pipeline
        manifest = pull(self.store, pipeline.source, key)
        ref = SliceRef(key=key, revision=manifest.revision, rows=manifest.rows)
        self.say(SliceAccepted(slice=ref), model=pipeline.name)
        return ref

    def quarantine(self, key: str, *rows: tuple[str, int], why: str) -> None:
        """Pull a slice and quarantine it, as a validation would that found nothing unreadable in it."""
        ref = self.take_in(key, *rows)
        self.say(SliceQuarantined(slice=ref, report=self.verdict(ref, Outcome.QUARANTINED), reason=why))

    def verdict(self, ref: SliceRef, outcome: Outcome) -> str:
        """The object that holds the verdict on a slice."""
        name = f"slices/people/{ref.key}/{ref.revision}/validation/x/verdict.json"
        about = {"reasons": (), "expectations": 1, "seconds": 0.1, "suite": "s", "suite_digest": "0" * 16}
        self.store.put(name, Validation(outcome=outcome, rows=ref.rows, **about).to_json())
        return name

    def learn(self, key: str, pipeline: Pipeline | None = None) -> None:
        """Train, evaluate and promote what is pending up to a slice."""
        pipeline = pipeline or self.pipeline
        trained = steps.train(pipeline, self.store, key, lambda line: None)
        steps.evaluate(pipeline, self.store, trained.version)
        assert steps.promote(pipeline, self.store, trained.version).decision == "promoted"

    def say(self, record: Record, model: str = "people") -> None:
        log = ModelLog(self.store, model)
        log.append(record, after=log.state())

    def state(self, model: str = "people") -> LineageState:
        return ModelLog(self.store, model).state()

    def records(self, model: str = "people") -> list[Record]:
        return ModelLog(self.store, model).records()

    def knows(self, model: str = "people", store: Store | None = None) -> tuple[int, int]:
        """(rows, sum of n) that the head has learned, by its weights."""
        store = store or self.store
        state = ModelLog(store, model).state()
        trained = state.versions[state.head or 0].trained
        assert trained is not None
        rows, total = read_tensors(store, load_manifest(store, trained.final))["w"]
        return int(rows), int(total)

    def people(self, store: Store | None = None) -> set[str | None]:
        """Everybody of whom any Parquet object in the store has a row."""
        store = store or self.store
        found: set[str | None] = set()
        for entry in store.list(""):
            if entry.name.endswith(".parquet") and entry.size and "predictions" not in entry.name:
                column = "segment:person" if "/shadow/" in entry.name else "person"
                found |= set(pq.read_table(io.BytesIO(store.get(entry.name)))[column].to_pylist())
        return found

    # --- the training -------------------------------------------------------------------------------

    def _train(self, pipeline: Pipeline, store: Store, version: int, key: str, report: object) -> int:
        propose = partial(proposed, pipeline, key=key)
        log = ModelLog(store, pipeline.name)
        wanted = propose(log.state())
        assert wanted is not None
        opened = open_candidate(log, wanted, propose)
        self._fit(pipeline, store, log.state(), opened)
        return opened.version

    def _replay(self, pipeline: Pipeline, store: Store, version: int, report: object) -> list[int]:
        propose = partial(next_step, pipeline)
        log = ModelLog(store, pipeline.name)
        trained: list[int] = []
        while (wanted := propose(log.state())) is not None:
            opened = open_candidate(log, wanted, propose)
            self._fit(pipeline, store, log.state(), opened)
            record_result(log, store, opened.version)
            trained.append(opened.version)
        return trained

    def _retrain(self, pipeline: Pipeline, store: Store, version: int, asked: Asked, report: object) -> int:
        propose = partial(retraining_proposed, pipeline, asked)
        log = ModelLog(store, pipeline.name)
        opened = open_candidate(log, propose(log.state()), propose)
        self._fit(pipeline, store, log.state(), opened)
        return opened.version

    def _predict(self, pipeline: Pipeline, store: Store, version: int, key: str, report: object) -> list[str]:
        due = left_to_predict(store, self.state(pipeline.name), version, key)
        for ref in due:
            table = read_slice(store, load_slice(store, "people", ref.key, ref.revision))
            label = np.arange(table.num_rows) % 2.0
            evaluated = EvaluatedRows(
                label=label,
                candidate=label if self.good else 1 - label,
                champion=label,
                segments={"person": np.array(table["person"].to_pylist())},
                slice_key=ref.key,
                rows=f"all rows of slice {ref.key}",
                basis=Basis.SHADOW,
            )
            predictions.write(store, pipeline.name, version, ref, evaluated)
        return [ref.key for ref in due]

    def _fit(self, pipeline: Pipeline, store: Store, state: LineageState, version: VersionState) -> None:
        candidate = CandidateLog(store, pipeline.name, version.version)
        if candidate.progress().result is not None:
            return
        attempt = candidate.start_attempt()
        parent = state.versions[version.parent].trained if version.parent else None
        w = np.zeros(2, np.float64)
        if parent is not None:
            w = w + read_tensors(store, load_manifest(store, parent.final))["w"]
        for ref in version.slices:
            table = read_slice(store, load_slice(store, "people", ref.key, ref.revision))
            w += (table.num_rows, sum(table["n"].to_pylist()))
        folder = f"models/{pipeline.name}/v{version.version}"
        manifest = Manifest(
            model=pipeline.name,
            version=version.version,
            step=30,
            parent=parent.manifest if parent else None,
            cursor={},
            slices=tuple((ref.key, ref.revision) for ref in version.slices),
            segments=(segment(store, "frozen", FROZEN), segment(store, "w", w)),
        )
        name = f"{folder}/iter_num=30/manifest-000001.json"
        noting = Noting(store)
        noting.put(name, manifest.encode())
        store.put(f"{folder}/iter_num=30/intermediate_results/results-000001.npz", b"what it was like")
        attempt.commit(step=30, manifest=name, digest=noting.written[0].digest)
        noting = Noting(store)
        noting.put(f"{folder}/attempt=000001/export/saved_model.pb", f"export of {w}".encode())
        predictions = f"{folder}/attempt=000001/predictions.parquet"
        noting.put(predictions, self._predictions(version))
        artifacts = {"predictions": predictions, "export": f"{folder}/attempt=000001/export"}
        scores = {ref.key: self.score for ref in version.slices} if parent is not None and self.score else {}
        result = {"outcome": "trained", "step": 30, "stopped_by": "max_steps", "seconds": 1.5}
        result |= {"scores": scores}
        attempt.end({**result, "artifacts": artifacts, "files": [asdict(one) for one in noting.written]})

    def _predictions(self, version: VersionState) -> bytes:
        label = np.array([0.0, 1.0, 0.0, 1.0])
        evaluated = EvaluatedRows(
            label=label,
            candidate=label if self.good else 1 - label,
            champion=None,
            segments={},
            slice_key=version.slices[-1].key,
            rows="stand-ins",
        )
        buffer = io.BytesIO()
        pq.write_table(evaluated.to_table(), buffer)
        return buffer.getvalue()


def segment(store: Store, name: str, tensor: np.ndarray[Any, Any]) -> Segment:
    data = tensor.tobytes()
    digest = digest_of(data)
    store.put(chunk_name(digest), data)
    entry = TensorEntry(
        name=name, dtype=str(tensor.dtype), shape=tensor.shape, offset=0, nbytes=tensor.nbytes
    )
    return Segment(chunks=(digest,), tensors=(entry,))


def objects(store: Store, *, under: Sequence[str] = ("",)) -> list[str]:
    """Names of what is in the store, without what writes prepare."""
    names: Iterator[str] = (entry.name for prefix in under for entry in store.list(prefix))
    return sorted(name for name in names if not name.startswith(".staging/"))
