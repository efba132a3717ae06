"""A store that older code wrote is read, gone on with and rebased: tests/golden/README.md says who wrote it.

The pipeline beside it is as it was then, so it also holds that what users imported can still be imported.
"""

from __future__ import annotations

import io
import json
import logging
import shutil
import tarfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
import pytest
from blake3 import blake3

from ckpt_ops.candidates.proposal import candidate_of
from ckpt_ops.checkpoints import load_manifest, read_tensors
from ckpt_ops.checkpoints.verify import Condition, verify
from ckpt_ops.evaluation import Evaluation
from ckpt_ops.forget.certificate import Certificate, weights_digest
from ckpt_ops.forget.purge import purge
from ckpt_ops.forget.purge_plan import find_plan
from ckpt_ops.intake.decisions import withdraw
from ckpt_ops.lineage import LineageState, ModelLog, encoding
from ckpt_ops.lineage.encoding import type_name
from ckpt_ops.lineage.fold import fold
from ckpt_ops.lineage.records import Record
from ckpt_ops.lineage.snapshot import Snapshots
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.pipeline.code import digests
from ckpt_ops.pipeline.code.kept import read_code
from ckpt_ops.pipeline.code.own import code_digest
from ckpt_ops.runs import rebase as rebasing
from ckpt_ops.runs import steps
from ckpt_ops.slices import list_slices, read_slice
from ckpt_ops.store import LocalStore, Store
from ckpt_ops.validation import Outcome, read_verdict

GOLDEN = Path(__file__).parents[1] / "golden" / "store-1"
MODEL = "weekly_delay"
EXPECTED: dict[str, Any] = json.loads((GOLDEN / "expected.json").read_text())
FORGOTTEN = "VX"
YOUNGER = {"MissingAcknowledged", "AcknowledgementLifted", "Exported"}
"""Types of records that came after this store was written."""

Tensors = dict[str, npt.NDArray[Any]]


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both stores. Not to be changed: opening a directory as a store writes to it."""
    folder = tmp_path_factory.mktemp("golden")
    with tarfile.open(GOLDEN / "stores.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder


@pytest.fixture
def new_store(unpacked: Path, tmp_path: Path) -> Callable[[str], LocalStore]:
    """Makes a copy of the model's store."""
    return lambda name: LocalStore(shutil.copytree(unpacked / "store", tmp_path / name))


@pytest.fixture
def store(
    new_store: Callable[[str], LocalStore], unpacked: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> LocalStore:
    landing = LocalStore(shutil.copytree(unpacked / "landing", tmp_path / "landing"))
    monkeypatch.setenv("CKPT_OPS_LANDING", landing.url)
    return new_store("store")


@pytest.fixture
def pipeline(monkeypatch: pytest.MonkeyPatch) -> Iterator[Pipeline]:
    """As it was described then, on the libraries of then, as far as ids know."""
    monkeypatch.setattr(digests, "installed", lambda: EXPECTED["lock"])
    digests.lock_digest.cache_clear()
    yield load_pipeline(MODEL, GOLDEN / "dags")
    digests.lock_digest.cache_clear()


def facts(state: LineageState, records: list[Record]) -> dict[str, Any]:
    """As `write.py` made them."""
    return {
        "records": [type_name(record) for record in records],
        "head": state.head,
        "held": state.held,
        "consumed": {key: state.consumed[key].revision for key in sorted(state.consumed)},
        "pending": [ref.key for ref in state.pending()],
        "dropped": sorted(state.dropped),
        "slices": {
            key: {
                "status": one.status.value,
                "revision": one.ref.revision,
                "rows": one.ref.rows,
                "origin": one.origin,
                "set_aside": one.set_aside,
                "report": one.report,
            }
            for key, one in sorted(state.slices.items())
        },
        "versions": {
            str(number): {
                "candidate": one.candidate,
                "parent": one.parent,
                "status": one.status.value,
                "slices": [[ref.key, ref.revision, ref.rows] for ref in one.slices],
                "verdicts": list(one.evaluated.verdicts) if one.evaluated else None,
                "passed": one.evaluated.passed if one.evaluated else None,
                "metrics": one.evaluated.metrics if one.evaluated else None,
            }
            for number, one in sorted(state.versions.items())
        },
    }


def weights(store: Store, state: LineageState) -> Tensors:
    """Every tensor of the head."""
    trained = state.versions[state.head or 0].trained
    assert trained is not None
    return read_tensors(store, load_manifest(store, trained.final))


def recorded(of: str) -> Tensors:
    """Those that were written down: of the "head", the "next" one, or after the "rebase"."""
    with np.load(GOLDEN / "expected.npz") as arrays:
        return {name.partition(" ")[2]: arrays[name] for name in arrays.files if name.partition(" ")[0] == of}


def bits(tensors: Tensors) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    return {name: (array.dtype.name, array.shape, array.tobytes()) for name, array in tensors.items()}


def line(state: LineageState) -> dict[str, Any]:
    return {"head": state.head, "candidates": [one.candidate for one in state.ancestry(state.head)]}


def test_the_log_has_every_type_of_record_of_its_time() -> None:
    assert set(EXPECTED["state"]["records"]) == set(encoding._TYPES) - YOUNGER


def test_the_log_comes_to_the_same_state(store: LocalStore) -> None:
    log = ModelLog(store, MODEL)
    assert json.loads(json.dumps(facts(log.state(), log.records()))) == EXPECTED["state"]


def test_its_snapshot_of_an_older_schema_is_passed_over_and_the_whole_log_is_read(
    store: LocalStore, caplog: pytest.LogCaptureFixture
) -> None:
    """`lineage.snapshot.SCHEMA` went up: code that knows no retraining may fold one into a snapshot."""
    log = ModelLog(store, MODEL)
    with caplog.at_level(logging.WARNING):
        state = log.state()
    assert Snapshots(store, MODEL).numbers()
    assert caplog.records
    assert all("it has schema 3, this ckpt_ops reads schema 6" in one.getMessage() for one in caplog.records)
    assert state == fold(MODEL, log.records())


def test_every_candidate_has_the_id_that_code_and_settings_of_now_give(
    store: LocalStore, pipeline: Pipeline
) -> None:
    assert digests.lock_digest() == EXPECTED["lock_digest"]
    assert code_digest(pipeline) == EXPECTED["code"]
    state = ModelLog(store, MODEL).state()
    of = digests.digests_of(pipeline)
    again = {
        one.version: candidate_of(pipeline, state, one.parent, one.slices, digests=of)
        for one in state.versions.values()
    }
    assert again == {one.version: one.candidate for one in state.versions.values()}


def test_the_head_is_restored_to_the_bit_and_no_checkpoint_is_damaged(store: LocalStore) -> None:
    state = ModelLog(store, MODEL).state()
    assert bits(weights(store, state)) == bits(recorded("head"))
    found = list(verify(store, state, state.versions))
    problems = [problem for one in found for problem in one.problems]
    purged = {number for said in state.purged.values() for number in said.versions}
    assert {one.version for one in found if one.condition is Condition.DAMAGED} <= purged, problems
    assert {one.version for one in found if one.condition is Condition.OK} >= {state.head, *state.restorable}


def test_the_certificate_verifies(store: LocalStore, pipeline: Pipeline) -> None:
    state = ModelLog(store, MODEL).state()
    (said,) = state.purged.values()
    certificate = Certificate.read(store, said.certificate)
    assert certificate.digest == said.digest
    result, removed = certificate.body["result"], certificate.body["removed"]
    head = state.versions[result["version"]]
    assert head.trained is not None
    assert result["weights_blake3"] == weights_digest(load_manifest(store, head.trained.final))
    assert removed["list_blake3"] == blake3(store.get(removed["list"])).hexdigest()
    plan = find_plan(store, MODEL, said.request)
    assert plan is not None
    assert removed["objects"] == len(plan.objects)
    there = {entry.name for entry in store.list("") if entry.size}
    assert not there & {one.name for one in plan.objects}
    assert purge(pipeline, store, said.request, now=datetime.now(UTC)) == certificate


def test_every_other_document_is_read(store: LocalStore) -> None:
    state = ModelLog(store, MODEL).state()
    names = [entry.name for entry in store.list("")]
    slices = list_slices(store, "small_weeks")
    stand = {key for key, one in state.slices.items() if one.status is not SliceStatus.WITHDRAWN}
    assert {one.key for one in slices} == stand, "of what was withdrawn, the purge left nothing"
    for one in slices:
        assert FORGOTTEN not in read_slice(store, one)["carrier"].to_pylist()
    verdicts = {
        read_verdict(store, name).outcome
        for name in names
        if name.startswith("slices/") and name.endswith("/report.json")
    }
    assert verdicts == {Outcome.ACCEPTED, Outcome.SET_ASIDE, Outcome.QUARANTINED}
    evaluations = [name for name in names if "/evaluation/" in name and name.endswith(".json")]
    assert evaluations
    for name in evaluations:
        assert Evaluation.from_json(json.loads(store.get(name))["evaluation"]).verdicts
    (code,) = (name for name in names if name.startswith(f"models/{MODEL}/code/"))
    assert f"{MODEL}/model.py" in read_code(store, code).files
    (predicted,) = state.predicted.values()
    assert pq.read_metadata(io.BytesIO(store.get(predicted.object))).num_rows == predicted.rows


@pytest.mark.slow
def test_it_goes_on_and_is_rebased_to_the_same_candidates_and_weights(
    store: LocalStore,
    new_store: Callable[[str], LocalStore],
    pipeline: Pipeline,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> None:
    def go_on(store: LocalStore) -> dict[str, Tensors]:
        """One more week, then all without one of the middle."""
        log = ModelLog(store, MODEL)
        done = steps.run_slice(pipeline, store, EXPECTED["next"]["key"], lambda line: None)
        assert done.decision == "promoted", done.why
        assert line(log.state()) == {name: EXPECTED["next"][name] for name in ("head", "candidates")}
        found = {"next": weights(store, log.state())}
        withdraw(store, MODEL, EXPECTED["rebase"]["withdrawn"], "wrong after all")
        concluded = rebasing.rebase(pipeline, store, lambda line: None)
        assert concluded.settled.decision == "promoted", concluded.settled.why
        assert line(log.state()) == {name: EXPECTED["rebase"][name] for name in ("head", "candidates")}
        return {**found, "rebase": weights(store, log.state())}

    with training_here(), without_pictures():
        found, again = go_on(store), go_on(new_store("again"))

    for of, tensors in found.items():
        assert bits(tensors) == bits(again[of]), "what one machine trains twice is the same to the bit"
        then = recorded(of)
        assert tensors.keys() == then.keys()
        for name, array in tensors.items():  # another kind of CPU rounds otherwise: seen were 1.2e-7
            np.testing.assert_allclose(array, then[name], rtol=1e-4, atol=1e-5, err_msg=f"{of}: {name}")
