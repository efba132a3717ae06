"""What is forgotten is gone: from slices, from the champion, from the store; and it does not come back."""

from __future__ import annotations

import json
import os
import shutil
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from blake3 import blake3
from click.testing import Result
from forgetting import LATER, ROWS, apply, purge_at
from moments import each_write, kind_of, moments
from stand_in import ADA, BOB, EVE, W1, W2, W3, W4, W5, Place, objects
from typer.testing import CliRunner

from ckpt_ops.candidates.opening import proposed
from ckpt_ops.checkpoints.verify import Condition, verify
from ckpt_ops.cli.main import app
from ckpt_ops.errors import BadInput, Fenced, LineageMoved, ObjectNotFound, SliceUnreadable, TerminalError
from ckpt_ops.forget.certificate_page import certificate_html
from ckpt_ops.forget.forget import forget, preview
from ckpt_ops.forget.purge import purge, purge_timings, sweep
from ckpt_ops.forget.request import Asked
from ckpt_ops.intake.quarantine import release
from ckpt_ops.lineage import CandidateLog, LineageState, ModelLog, VersionStatus
from ckpt_ops.lineage.quarantined import in_quarantine
from ckpt_ops.lineage.records import Forgotten, Purged, SliceQuarantined, SliceWithdrawn
from ckpt_ops.lineage.state import SliceStatus
from ckpt_ops.promotion import rollback
from ckpt_ops.runs import steps
from ckpt_ops.runs import validate as validating
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.validate import validate
from ckpt_ops.serving.objects import conversion_folder, prediction_name
from ckpt_ops.slices import SliceManifest, load_manifest, read_slice
from ckpt_ops.store import Entry, GcsStore, LocalStore, ReplicatedStore, Store


@pytest.fixture
def ckpt_ops() -> Callable[..., Result]:
    return lambda *arguments: CliRunner().invoke(app, arguments)


def rows_of(place: Place, key: str) -> list[str]:
    ref = place.state().slices[key].ref
    return list(
        read_slice(place.store, load_manifest(place.store, "people", key, ref.revision))["person"].to_pylist()
    )


# --- what it does ---------------------------------------------------------------------------------


def test_the_champion_is_the_one_that_never_learned_the_rows(history: Place) -> None:
    assert history.knows() == (7, 373)
    done = apply(history)
    assert done.rebased is not None
    assert done.rebased.settled.promoted
    assert history.knows() == (4, 223)
    state = history.state()
    assert [version.version for version in state.ancestry(state.head)] == [1, 4, 5]
    assert {key: rows_of(history, key) for key in (W1, W2, W3, W4)} == {
        W1: [BOB, EVE], W2: [BOB], W3: [EVE], W4: [BOB],
    }  # fmt: skip
    history.learn(W4)
    assert history.knows() == (5, 2223)


def test_the_purge_leaves_no_row_and_no_weight_that_knew_one(history: Place) -> None:
    old = history.state()
    before = set(objects(history.store))
    apply(history)
    certificate = purge_at(history)
    assert certificate is not None
    assert ADA not in history.people()
    assert BOB in history.people()
    state = history.state()
    checked = verify(history.store, state, state.versions)
    assert {one.version: one.condition for one in checked} == {
        1: Condition.OK, 2: Condition.PRUNED, 3: Condition.PRUNED, 4: Condition.OK, 5: Condition.OK,
    }  # fmt: skip
    left = objects(history.store)
    for number in (2, 3):
        kept = [name for name in left if f"/v{number}/" in name or f"/serving/{number}/" in name]
        assert all("/log/" in name for name in kept), "only what says that it was"
    for key in (W2, W3, W4):
        revision = old.slices[key].ref.revision
        assert not [name for name in left if revision in name]
    chunks = {name for name in before if name.startswith("chunks/")}
    assert len(chunks) == 4, "one of each version, and a frozen one that all share"
    assert len(chunks - set(left)) == 2, "those of versions 2 and 3; the frozen one stays"
    assert state.dropped == {2, 3}
    with pytest.raises(BadInput, match="to=3"):
        rollback(history.store, "people", 3, "it was better")


def test_the_purge_leaves_no_conversion_or_prediction_of_what_knew_the_rows(
    history: Place,
) -> None:
    other = history.described("others")
    history.take_in(W1, pipeline=other)
    history.learn(W1, other)
    refs = {key: entry.ref for key, entry in history.state().slices.items()}
    going = [
        prediction_name("people", 2, refs[W1]),  # the version knows the rows, whatever it was asked about
        f"{conversion_folder('people', 3, 'tflite')}/model.tflite",
        f"{conversion_folder('people', 3, 'tflite')}/report.json",
        prediction_name("people", 1, refs[W2]),  # the version never knew them, and was asked about them
        prediction_name("people", 1, refs[W4]),
        prediction_name("others", 1, refs[W3]),
    ]
    staying = [
        prediction_name("people", 1, refs[W1]),
        prediction_name("others", 1, refs[W1]),
        f"{conversion_folder('people', 1, 'onnx')}/model.onnx",
    ]
    for name in going + staying:
        history.store.put(name, b"made of it")
    apply(history)
    certificate = purge_at(history)
    assert certificate is not None
    made = [name for name in objects(history.store) if "/predictions/" in name or "/converted/" in name]
    assert made == sorted(staying)
    listed = json.loads(history.store.get(certificate.body["removed"]["list"]))["objects"]
    assert {one["name"] for one in listed} >= set(going)
    assert len(listed) == len({one["name"] for one in listed}), "none is counted twice"

    history.store.put(going[3], b"of a process that nobody waited for")
    assert sweep(history.pipeline, history.store) == 1
    assert going[3] not in objects(history.store)


def test_predictions_of_another_model_stay_with_the_rows_that_it_needs(history: Place) -> None:
    other = history.described("others")
    ref = history.take_in(W2, pipeline=other)
    names = [prediction_name(model, 1, ref) for model in ("people", "others")]
    for name in names:
        history.store.put(name, b"said of them")
    apply(history)
    assert purge_at(history) is not None
    assert [name for name in objects(history.store) if "/predictions/" in name] == [names[1]]


def test_a_whole_slice_is_withdrawn_and_every_revision_of_it_goes(history: Place) -> None:
    asked = Asked(model="people", keys=(W2,))
    done = apply(history, asked)
    assert [(one.key, one.becomes.name) for one in done.changes] == [(W2, "WITHDRAWN")]
    assert history.knows() == (4, 303)
    assert purge_at(history, asked=asked) is not None
    assert objects(history.store, under=[f"slices/people/{W2}/"]) == []
    assert apply(history, asked).changes == (), "asked for again, when there is no such slice any more"


def test_a_slice_of_which_nothing_is_left_is_withdrawn(place: Place) -> None:
    place.take_in(W1, (BOB, 1))
    place.learn(W1)
    place.take_in(W2, (ADA, 2), (ADA, 4))
    place.learn(W2)
    apply(place)
    assert place.state().slices[W2].status is SliceStatus.WITHDRAWN
    assert (place.state().head, place.knows()) == (1, (1, 1)), (
        "version 1 is the head again; nothing is trained"
    )
    assert purge_at(place) is not None
    assert place.people() == {BOB}


def test_nothing_is_recorded_when_no_row_is_meant(history: Place) -> None:
    before = objects(history.store)
    done = apply(history, Asked(model="people", rows="person == 'nobody'"))
    assert not done.known
    assert objects(history.store) == before


def test_a_column_or_a_slice_that_is_not_there_is_refused_and_nothing_is_said(history: Place) -> None:
    for asked, message in (
        (Asked(model="people", rows="email == 'x'"), "email is none of person, n"),
        (Asked(model="people", rows="n == 'x'"), "a number"),
        (Asked(model="people", keys=("2020-01-01",)), W1),
    ):
        with pytest.raises(BadInput, match=message):
            apply(history, asked)
    with pytest.raises(BadInput, match="why="):
        apply(history, why=" ")
    with pytest.raises(BadInput, match="one of them"):
        Asked(model="people", rows="n == 1", keys=(W1,))
    assert not history.state().forgotten


def test_when_nothing_would_be_left_the_champion_stays_and_so_does_everything(place: Place) -> None:
    place.take_in(W1, (ADA, 1))
    place.learn(W1)
    with pytest.raises(TerminalError, match="nothing would be left"):
        apply(place)
    assert place.knows() == (1, 1)
    assert purge_at(place) is None
    assert ADA in place.people()


# --- the gates, the grace period, a rollback ---------------------------------------------------------


def test_gates_that_refuse_leave_the_champion_and_nothing_is_purged(history: Place) -> None:
    history.good = False
    done = apply(history)
    assert done.refused
    assert history.state().head == 3
    assert purge_at(history) is None
    assert ADA in history.people()
    history.good = True
    assert not apply(history).refused, "asked for again, it is trained and evaluated again"
    assert purge_at(history) is not None


def test_a_rollback_is_possible_until_the_purge_and_holds_it_up(history: Place) -> None:
    apply(history, grace=48.0)
    assert purge_at(history, timedelta(hours=47)) is None
    rollback(history.store, "people", 3, "the new one is slow")
    assert purge_at(history, LATER) is None, "the champion knows again"
    done = apply(history, grace=48.0)
    assert done.rebased is not None
    assert done.rebased.settled.promoted, "what was rolled back is no parent: it is trained again"
    (standing,) = purge_timings(history.store, "people")
    assert standing.due_at is not None
    assert (
        purge(history.pipeline, history.store, ROWS.request, now=standing.due_at - timedelta(seconds=1))
        is None
    )
    assert purge(history.pipeline, history.store, ROWS.request, now=standing.due_at) is not None
    assert ADA not in history.people()


def test_what_was_not_settled_is_never_promoted(history: Place) -> None:
    """A candidate on the pending slice, which holds such a row, has passed every gate."""
    trained = steps.train(history.pipeline, history.store, W4, lambda line: None).version
    steps.evaluate(history.pipeline, history.store, trained)
    asked = Asked(model="people", rows="n == 2000")  # no champion knows it
    assert apply(history, asked).rebased is None
    assert purge_at(history, asked=asked) is not None
    assert steps.promote(history.pipeline, history.store, trained).decision == "superseded"
    assert history.state().head == 3
    history.learn(W4)
    assert history.knows() == (8, 1373)


def test_a_training_that_still_runs_is_fenced_off(history: Place) -> None:
    wanted = proposed(history.pipeline, history.state(), W4)
    assert wanted is not None
    history.say(wanted)
    attempt = CandidateLog(history.store, "people", wanted.version).start_attempt()
    asked = Asked(model="people", rows="n == 2000")
    apply(history, asked)
    assert purge_at(history, asked=asked) is not None
    with pytest.raises(Fenced):
        attempt.commit(step=10, manifest="models/people/v4/iter_num=10/manifest-000001.json")
    history.learn(W4)
    assert (history.state().head, history.knows()) == (5, (8, 1373)), "another candidate, of what is left"


# --- nothing comes back ------------------------------------------------------------------------------


def again(place: Place, key: str) -> dict[str, Any]:
    return validate(place.pipeline, place.store, key, pull(place.pipeline, place.store, key).revision)


def test_the_same_content_pulled_again_changes_nothing_and_leaves_no_copy(history: Place) -> None:
    apply(history)
    purge_at(history)
    head, sequence = history.state().head, history.state().sequence
    result = again(history, W2)
    assert (result.outcome, result.rows) == ("accepted", 1)
    assert (history.state().head, history.state().sequence) == (head, sequence)
    assert ADA not in history.people()
    with pytest.raises(ObjectNotFound, match="pull the slice again"):
        validate(history.pipeline, history.store, W2, "0" * 16)


def test_until_the_purge_a_pull_takes_nothing_from_a_rollback(history: Place) -> None:
    apply(history, grace=48.0)
    assert again(history, W2).reasons[-1] == "2 of 3 rows were forgotten"
    assert ADA in history.people(), "version 3 may be gone back to, and learned from that copy"
    rollback(history.store, "people", 3, "the new one is slow")
    history.learn(W4)
    assert purge_at(history) is None


def test_a_slice_that_was_being_judged_when_rows_were_forgotten_is_not_accepted(
    history: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    def meanwhile(store: Store, state: LineageState, manifest: SliceManifest) -> SliceManifest:
        apply(history)
        return manifest

    history.land(W5, (ADA, 7), (EVE, 5))
    with monkeypatch.context() as patch:
        patch.setattr(validating, "left_of", meanwhile)
        with pytest.raises(LineageMoved, match="were forgotten while"):
            again(history, W5)
    assert W5 not in history.state().slices
    assert again(history, W5).rows == 1, "a retry"


def test_new_content_with_such_rows_is_accepted_without_them(history: Place) -> None:
    apply(history)
    purge_at(history)
    history.land(W2, (ADA, 10), (BOB, 21))
    assert again(history, W2).rows == 1
    assert rows_of(history, W2) == [BOB]
    history.land(W5, (ADA, 7), (BOB, -3), (EVE, 5), (EVE, 6))
    result = again(history, W5)
    assert (result.outcome, result.rows, result.set_aside) == ("accepted, bad rows set aside", 2, 1)
    assert ADA not in history.people()
    (aside,) = in_quarantine(history.state())
    release(history.store, "people", W5, "below zero is right there")
    assert (aside.rows, rows_of(history, W5)) == (1, [BOB, EVE, EVE])
    history.land(W5, (ADA, 7), (ADA, 8))
    assert again(history, W5).outcome == "quarantined"
    assert history.state().slices[W5].status is SliceStatus.WITHDRAWN
    assert ADA not in history.people()


def test_a_forgotten_slice_is_not_accepted_again_whatever_comes(history: Place) -> None:
    asked = Asked(model="people", keys=(W2,))
    apply(history, asked)
    purge_at(history, asked=asked)
    history.land(W2, (EVE, 1))
    assert not again(history, W2).trainable
    assert history.state().slices[W2].status is SliceStatus.WITHDRAWN
    assert objects(history.store, under=[f"slices/people/{W2}/"]) == []


def test_a_pulled_copy_that_nobody_validated_goes_with_the_next_purge(history: Place) -> None:
    apply(history)
    purge_at(history)
    pull(history.pipeline, history.store, W2)
    assert ADA in history.people()
    assert sweep(history.pipeline, history.store) > 0
    assert ADA not in history.people()
    assert sweep(history.pipeline, history.store) == 0


def test_a_slice_that_cannot_be_searched_is_not_accepted(history: Place) -> None:
    apply(history)
    history.landing.put(f"people/{W5}.csv", b"person,n\n1,1\n")
    source = history.pipeline.source
    drifted = replace(source, schema=pa.schema([("person", pa.int64()), ("n", pa.int64())]))  # type: ignore[type-var]
    pipeline = replace(history.pipeline, source=drifted)
    revision = pull(pipeline, history.store, W5).revision
    with pytest.raises(SliceUnreadable, match="person, which is int64"):
        validate(pipeline, history.store, W5, revision)
    assert W5 not in history.state().slices


def test_rows_set_aside_stay_in_quarantine_without_those_that_were_forgotten(place: Place) -> None:
    place.land(W1, (ADA, -1), (BOB, -2), (ADA, 3), (BOB, 4), (EVE, 5), (EVE, 6))
    again(place, W1)
    place.learn(W1)
    assert place.knows() == (4, 18)
    apply(place)
    (aside,) = in_quarantine(place.state())
    assert (aside.rows, aside.of_rows) == (1, 4)
    assert place.knows() == (3, 15)
    assert purge_at(place) is not None
    assert place.people() == {BOB, EVE}
    sequence = place.state().sequence
    again(place, W1)
    assert place.state().sequence == sequence, "pulled again as it was, it changes nothing"
    release(place.store, "people", W1, "below zero is right there")
    assert rows_of(place, W1) == [BOB, BOB, EVE, EVE]


def test_a_whole_slice_in_quarantine_stays_there_without_them(place: Place) -> None:
    ref = place.take_in(W1, (ADA, 1), (BOB, 2))
    place.say(SliceQuarantined(slice=ref, report=f"slices/people/{W1}/{ref.revision}/quarantine/report.json"))
    done = apply(place)
    assert [one.becomes.name for one in done.changes] == ["QUARANTINED"]
    assert purge_at(place) is not None
    assert place.people() == {BOB}
    release(place.store, "people", W1, "it is right")
    assert rows_of(place, W1) == [BOB]


def test_what_was_learned_stands_without_them_when_a_newer_revision_is_in_quarantine(history: Place) -> None:
    history.land(W2, (ADA, 1), (BOB, 2))
    manifest = pull(history.pipeline, history.store, W2)
    ref = replace(history.state().slices[W2].ref, revision=manifest.revision, rows=2)
    history.say(SliceQuarantined(slice=ref, report=""))
    apply(history)
    assert history.knows() == (4, 223)
    assert purge_at(history) is not None
    assert ADA not in history.people()


def test_two_people_one_after_the_other(history: Place) -> None:
    eve = Asked(model="people", rows=f"person == '{EVE}'")
    apply(history, grace=48.0)
    apply(history, eve)
    assert purge_at(history, timedelta(0), eve) is not None
    assert history.people() == {ADA, BOB}, "she has time left, in revisions that the other never was in"
    assert purge_at(history) is not None
    assert history.people() == {BOB}
    assert history.knows() == (2, 21)
    again(history, W3)
    assert history.people() == {BOB}


# --- other models over the same source ----------------------------------------------------------------


def test_what_another_model_learned_stays_and_it_is_said_which_and_what_to_do(
    history: Place, ckpt_ops: Callable[..., Result]
) -> None:
    others = history.described("others")
    history.take_in(W2, pipeline=others)
    history.learn(W2, others)
    apply(history)
    certificate = purge_at(history)
    assert certificate is not None
    (kept,) = (one for one in certificate.body["revisions"] if one["kept"])
    assert (kept["key"], kept["kept"]) == (W2, "others was trained on it: version 1")
    assert kept["next"] == "ckpt-ops forget others --rows \"person == 'p-17'\" --why TEXT"
    assert ADA in history.people()
    shown = ckpt_ops("purge", "people")
    assert shown.exit_code == 0, shown.output
    assert history.knows("others") == (3, 70), "nothing was taken from under it"
    result = ckpt_ops("forget", "others", "--rows", ROWS.rows, "--why", "she asked", "--grace-hours", "0")
    assert result.exit_code == 0, result.output
    assert history.knows("others") == (1, 20)
    assert history.people() == {BOB, EVE}
    assert history.knows() == (4, 223)


# --- the certificate ----------------------------------------------------------------------------------


def test_the_certificate_says_what_when_which_and_what_came_out(history: Place) -> None:
    before = {entry.name: entry.size for entry in history.store.list("")}
    apply(history, why="art. 17 <b>request</b>")
    middle = {entry.name: entry.size for entry in history.store.list("")}
    certificate = purge_at(history)
    assert certificate is not None
    body = certificate.body
    gone = (before | middle).keys() - set(objects(history.store))
    targets = json.loads(history.store.get(body["removed"]["list"]))["objects"]
    assert {one["name"] for one in targets} == {name for name in gone if name in middle}
    assert body["removed"]["bytes"] == sum(middle[one["name"]] for one in targets)
    revisions = body["revisions"]
    assert {(one["key"], one["held"], one["rows"], *one["learned_by"]) for one in revisions} == {
        (W2, 2, 3, 2), (W3, 1, 2, 3), (W4, 1, 2),
    }  # fmt: skip
    assert [one["version"] for one in body["versions"]] == [2, 3]
    state = history.state()
    assert (body["result"]["version"], body["result"]["candidate"]) == (5, state.versions[5].candidate)
    assert body["result"]["gates"] == list(state.versions[5].evaluated.verdicts)  # type: ignore[union-attr]
    record = state.purged[ROWS.request]
    assert record.digest == blake3(history.store.get(record.certificate)).hexdigest() == certificate.digest
    page = history.store.get(certificate.page).decode()
    assert "art. 17 &lt;b&gt;request&lt;/b&gt;" in page
    assert "<b>" not in page
    assert certificate.digest in page
    assert purge_at(history) == certificate, "asked for again, it is read"


def test_the_page_escapes_whatever_was_said(history: Place) -> None:
    apply(history)
    certificate = purge_at(history)
    assert certificate is not None

    def spoilt(value: object) -> Any:
        if isinstance(value, dict):
            return {name: spoilt(one) for name, one in value.items()}
        if isinstance(value, list):
            return [spoilt(one) for one in value]
        return f"<script>{value}</script>" if isinstance(value, str) and value else value

    body = spoilt(certificate.body)
    for one in (*body["revisions"], *body["now"]):
        one["key"] = W2
    assert "<script" not in certificate_html(body, digest=certificate.digest)


# --- the commands -------------------------------------------------------------------------------------


def test_a_dry_run_says_what_would_happen_and_changes_nothing(
    history: Place, ckpt_ops: Callable[..., Result]
) -> None:
    before = {name: history.store.get(name) for name in objects(history.store)}
    seen = preview(history.pipeline, history.store, ROWS)
    assert [(one.key, one.rows, one.becomes.name) for one in seen.changes] == [
        (W2, 2, "REVISED"), (W3, 1, "REVISED"), (W4, 1, "REVISED"),
    ]  # fmt: skip
    assert seen.consumed == (2, 3)
    assert seen.plan is not None
    assert (seen.plan.fork, len(seen.plan.replay), seen.plan.cost.steps) == (1, 2, 60)
    view = json.loads(ckpt_ops("forget", "people", "--rows", ROWS.rows, "--dry-run", "--json").stdout)
    assert view["rebase"]["fork"] == 1
    assert view["versions"] == [2, 3]
    shown = ckpt_ops("forget", "people", "--rows", ROWS.rows, "--dry-run").stdout
    assert W2 in shown
    assert "Nothing was changed" in shown
    assert {name: history.store.get(name) for name in objects(history.store)} == before


def test_the_commands_go_from_asking_to_the_certificate(
    history: Place, ckpt_ops: Callable[..., Result]
) -> None:
    first = ckpt_ops("forget", "people", "--rows", ROWS.rows, "--why", "she asked")
    assert first.exit_code == 0, first.output
    assert "Then: ckpt-ops purge people" in first.stdout
    waiting = json.loads(ckpt_ops("purge", "people", "--json").stdout)
    assert waiting["requests"][0]["purged"] is None
    assert ADA in history.people()
    now = ckpt_ops("forget", "people", "--rows", ROWS.rows, "--why", "at once", "--grace-hours", "0")
    assert now.exit_code == 0, now.output
    assert f"models/people/forgotten/{ROWS.request}.html" in now.stdout.replace("\n", "")
    assert ADA not in history.people()
    done = json.loads(ckpt_ops("purge", "people", "--json").stdout)
    assert done["requests"][0]["certificate"] == f"models/people/forgotten/{ROWS.request}.json"
    assert history.state().forgotten[ROWS.request].reason == "she asked"


def test_a_refusal_by_the_gates_is_exit_code_1_and_says_that_the_champion_still_knows(
    history: Place, ckpt_ops: Callable[..., Result]
) -> None:
    history.good = False
    result = ckpt_ops("forget", "people", "--rows", ROWS.rows, "--why", "she asked", "--grace-hours", "0")
    assert result.exit_code == 1
    assert "The champion still knows" in result.stderr
    assert "ckpt-ops forget people" in result.stderr
    assert ckpt_ops("forget", "people", "--why", "x").exit_code == 2
    assert ckpt_ops("forget", "people", "--rows", "f(x)", "--why", "x").exit_code == 2


# --- stores -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["gcs", "replicated"])
def test_any_store_is_left_without_the_rows(
    kind: str, place: Place, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    if kind == "gcs":
        request.getfixturevalue("gcs_server")
        place.store = GcsStore(bucket="ckpt-ops", prefix=f"forget/{uuid.uuid4().hex}", deadline=20)
    else:
        copies = [tmp_path / name for name in ("one", "two")]
        for copy in copies:
            copy.mkdir()
        place.store = ReplicatedStore([LocalStore(copy) for copy in copies])
    for key, rows in ((W1, [(BOB, 1)]), (W2, [(ADA, 10), (BOB, 20)])):
        place.take_in(key, *rows)
        place.learn(key)
    apply(place)
    certificate = purge_at(place)
    assert certificate is not None
    assert place.people() == {BOB}
    assert place.knows() == (2, 21)
    assert not [entry for entry in place.store.list("models/people/v2/") if "/log/" not in entry.name]
    gone = {
        one["name"] for one in json.loads(place.store.get(certificate.body["removed"]["list"]))["objects"]
    }
    assert not [entry for entry in place.store.list("") if entry.name in gone and entry.size]
    again(place, W2)
    assert place.people() == {BOB}


# --- killed anywhere ----------------------------------------------------------------------------------


class Killed(BaseException):
    """The process is no more."""


class Dying(LocalStore):
    """A store whose user dies at the n-th write, and does nothing after that."""

    def __init__(self, root: Path, lives: int) -> None:
        super().__init__(root)
        self.lives = lives
        self.kinds: list[str] = []

    def _spend(self, name: str, data: bytes | memoryview = b"") -> None:
        self.kinds.append(kind_of(name, data))
        self.lives -= 1
        if self.lives < 0:
            raise Killed

    def put(self, name: str, data: bytes | memoryview) -> None:
        self._spend(name)
        super().put(name, data)

    def put_if_absent(self, name: str, data: bytes) -> bool:
        self._spend(name, data)
        return super().put_if_absent(name, data)

    def delete(self, name: str) -> None:
        self._spend(name)
        super().delete(name)

    def delete_unchanged(self, entry: Entry) -> bool:
        self._spend(entry.name)
        return super().delete_unchanged(entry)


UNSTEADY = {"time", "nonce", "pulled_at", "fingerprint", "digest", "list_blake3", "promoted"}
UNSTEADY |= {"forgotten_by_the_champion_since"}


def steady(value: Any) -> Any:
    """Without what says when."""
    if isinstance(value, dict):
        return {name: steady(one) for name, one in value.items() if name not in UNSTEADY}
    return [steady(one) for one in value] if isinstance(value, list) else value


def contents(store: Store) -> dict[str, Any]:
    """All that is in the store, but for attempts, model cards, kept views, and when things were."""
    found: dict[str, Any] = {}
    for name in objects(store):
        if "/v" in name and ("/log/" in name or "/card-" in name):
            continue
        if "/views/" in name or "/size/" in name:
            continue
        data = store.get(name)
        if name.endswith(".json"):
            found[name] = steady(json.loads(data))
        else:
            found[name] = "" if name.endswith(".html") else data
    return found


@each_write
def test_killed_at_a_write_and_run_again_it_comes_to_the_same(
    history: Place, tmp_path: Path, each: bool
) -> None:
    def all_of_it(store: LocalStore) -> None:
        forget(history.pipeline, store, ROWS, why="she asked", grace_hours=0, report=lambda line: None)
        assert purge(history.pipeline, store, ROWS.request, now=datetime.now(UTC)) is not None

    def copy(name: str) -> Path:
        shutil.copytree(history.folder / "store", tmp_path / name, copy_function=os.link)
        return tmp_path / name

    straight = Dying(copy("straight"), 10**9)
    all_of_it(straight)
    expected, writes = contents(straight), len(straight.kinds)
    assert ADA not in history.people(straight)
    assert writes > 60, "the scenario has become too small to show anything"
    for at in moments(straight.kinds, each=each):
        root = copy(f"killed-{at}")
        with pytest.raises(Killed):
            all_of_it(Dying(root, at - 1))
        again = LocalStore(root)
        all_of_it(again)
        assert contents(again) == expected, f"killed at write {at} of {writes}"
        shutil.rmtree(root)


def test_a_purge_alone_goes_on_where_forgetting_was_killed(history: Place, tmp_path: Path) -> None:
    """Only the request is in the log: the purge says what becomes of slices before it removes anything."""
    asked = Asked(model="people", rows="n == 1000")  # pending: no rebase is due
    names = tuple((W4, one.ref.revision) for one in [history.state().slices[W4]])
    history.say(
        Forgotten(request=asked.request, rows=asked.rows, keys=(), revisions=names, grace_hours=0, reason="x")
    )
    assert purge_at(history, asked=asked) is not None
    assert rows_of(history, W4) == [BOB]
    history.learn(W4)
    assert history.knows() == (8, 2373)


def test_the_log_reads_as_what_was_done(history: Place) -> None:
    apply(history)
    purge_at(history)
    records = ModelLog(history.store, "people").records()
    kinds = [type(record).__name__ for record in records]
    at = kinds.index("Forgotten")
    assert kinds[at : at + 4] == ["Forgotten", "SliceAccepted", "SliceAccepted", "SliceAccepted"]
    assert kinds[-2:] == ["CheckpointsDropped", "Purged"]
    assert isinstance(records[-1], Purged)
    assert not any(
        isinstance(record, SliceWithdrawn) for record in ModelLog(history.store, "people").records()
    )
    assert history.state().versions[5].status is VersionStatus.PROMOTED
