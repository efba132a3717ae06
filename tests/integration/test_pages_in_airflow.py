"""The pages in a real browser, inside Airflow's own UI: the everyday questions, the look, and changes.

No scheduler and no training: what a platform adds to it is in `test_operators_week.py`.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import pytest
from chromium import BROWSER, chromium
from in_airflow import InAirflow
from pages_process import pages_of
from stand_in import ADA, BOB, W1, W2, W3, W4, W5, Place

from ckpt_ops.candidates.progress_document import begun, name_of
from ckpt_ops.embedded.settings import Settings
from ckpt_ops.lineage.records import (
    Approved,
    CandidateStarted,
    Held,
    LateSliceResolved,
    SliceAccepted,
    acting_as,
)
from ckpt_ops.pipeline import Approval
from ckpt_ops.runs import steps
from ckpt_ops.runs.approve import approve
from ckpt_ops.views.sizes import measure_store
from ckpt_ops.worker import Phase

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(BROWSER is None, reason="no chromium here"),
]

MODEL, HELD = "people", "parcels"
BAD, WORSE, MARCH = "2013-02-03", "2013-02-24", "2013-03-03"
DAG = """
from datetime import UTC, datetime
from ckpt_ops_airflow import export_dag, rebase_dag, retraining_dag
from {name}.pipeline import {name}

dag = retraining_dag({name}, schedule="0 0 * * 0", start_date=datetime(2013, 1, 6, tzinfo=UTC),
                     end_date=datetime(2013, 3, 10, tzinfo=UTC))
rebase = rebase_dag({name})
export = export_dag({name})
"""
RUNS = [
    {
        "dag_id": MODEL,
        "run_id": "asks",
        "start": "2013-02-10",
        "state": "running",
        "left": {"train": {"return_value": {"version": 4}}, "promote": {}},
        "asks": "promote",
    },
]
PAGES = {
    "fleet": ("#/", "On hold or tainted"),
    "model": (f"#/m/{MODEL}", "In production since when"),
    "lineage": (f"#/m/{MODEL}/lineage", "trained from"),
    "slices": (f"#/m/{MODEL}/slices", "Trained on by"),
    "slice": (f"#/m/{MODEL}/slices/{BAD}", "Revisions"),
    "training": (f"#/m/{MODEL}/training", "Rows a second"),
    "version": (f"#/m/{MODEL}/v/3", "1 gate did not pass"),
    "plan": (f"#/m/{MODEL}/plan", "What a backfill would do"),
}


@pytest.fixture(scope="module")
def place(
    tmp_path_factory: pytest.TempPathFactory, without_pictures: Callable[[], AbstractContextManager[None]]
) -> Iterator[Place]:
    """Version 2 is in production, 3 was rejected, 4 waits; a slice is late, one bad; a model is on hold."""
    with pytest.MonkeyPatch.context() as patch, without_pictures(), acting_as("ada"):
        found = Place(tmp_path_factory.mktemp("in-airflow"), patch)
        (found.folder / "dags" / MODEL / "dag.py").write_text(DAG.format(name=MODEL))
        asking = replace(found.pipeline, approval=Approval())
        for at, (key, good) in enumerate(((W1, True), (W3, True), (W4, False), (W5, True))):
            found.good, found.score = good, {"auc": 0.7 + at / 100}
            found.take_in(key, (ADA, at + 1))
            version = steps.train(asking, found.store, key, lambda line: None).version
            steps.evaluate(asking, found.store, version)
            if key in (W1, W3):
                approve(asking, found.store, version, f"the sums of {key} add up")
            elif not good:
                steps.promote(asking, found.store, version)
        found.take_in(W2, (BOB, 8))
        found.quarantine(BAD, (ADA, 3), why="1 row has n below zero")
        found.land(MARCH, (ADA, 5))
        other = found.described(HELD)
        found.take_in(W1, pipeline=other)
        found.learn(W1, other)
        for key in (W3, W4):  # the week between is missing
            found.take_in(key, pipeline=other)
        found.say(Held(reason=f"slice {W2} was in 3 rejected candidates"), model=HELD)
        measure_store(found.store)
        yield found


@pytest.fixture(scope="module")
def here(
    place: Place,
    settings_in: Callable[[Path], Settings],
    clean_environment: dict[str, str],
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[InAirflow]:
    home = settings_in(place.folder / "home")
    with (
        pages_of(place, home, clean_environment, users={"jo": "ADMIN"}, runs=RUNS) as (told, _),
        chromium(tmp_path_factory.mktemp("chromium")) as browser,
    ):
        found = json.loads(told)
        tab = browser.tab(f"http://127.0.0.1:{found['port']}", ("_token", found["tokens"]["jo"]))
        yield InAirflow(tab, MODEL)
        assert tab.complaints == []


@pytest.fixture
def training(place: Place) -> Iterator[None]:
    """A training that has just reported how far it is."""
    now = datetime.now(UTC).isoformat(timespec="milliseconds")
    document = begun(MODEL, 5, before=None, now=now, slices=[W2])
    document = replace(document, attempt=1, phase=Phase.TRAINING, step=40, last=100, metrics={"loss": 0.4})
    document = replace(document, history=((20, {"loss": 0.6}), (40, {"loss": 0.4})), rows_per_second=900.0)
    name = name_of(document, number=1, writer="0" * 8)
    place.store.put(name, document.encode())
    yield
    place.store.delete(name)


class TestEverydayQuestions:
    """Each is answered by what is to be read after at most two clicks from Airflow's home."""

    def test_what_is_in_production_since_when_and_why(self, here: InAirflow, place: Place) -> None:
        since = place.state().head_since[:10]
        here.ask(MODEL, "In production v2", f"Since {since}", "approved by ada", f"the sums of {W3} add up")

    def test_why_the_last_candidate_was_rejected(self, here: InAirflow) -> None:
        here.ask(MODEL, "Version 3 was rejected: rejected by AtLeast: auc 0.000 is below 0.300")

    def test_which_slices_are_pending_late_or_quarantined(self, here: InAirflow) -> None:
        here.ask(f"Slices of {MODEL}", "Trained on by")
        assert "late" in here.row(W2)
        assert "quarantined" in here.row(BAD)
        assert "append" in here.row(W4), "it is pending"

    def test_whether_a_training_runs_and_how_far_it_is(self, training: None, here: InAirflow) -> None:
        here.ask("Training 1", "40 %")

    def test_what_a_backfill_of_march_would_do(self, here: InAirflow) -> None:
        here.ask(f"Plan of {MODEL}", MARCH)
        assert "append" in here.row(MARCH)
        assert "not at the source" in here.row("2013-02-10")

    def test_who_approved_a_version(self, here: InAirflow) -> None:
        here.ask(MODEL, "Approved by")
        assert "ada" in here.row("v2")

    def test_which_versions_saw_a_slice(self, here: InAirflow) -> None:
        here.ask(f"Slices of {MODEL}", "Trained on by")
        assert here.row(W4).count("v3") == here.row(W4).count("v4") == 1

    def test_how_good_production_was_on_each_slice(self, here: InAirflow) -> None:
        tab = here.ask(MODEL, "Quality in production", "auc")
        said = set()
        for share in (0.02, 0.35, 0.65, 0.98):
            tab.point(".plot", share=share)
            said.add(" ".join(str(tab.until("document.querySelector('.hover')?.innerText")).split()[:2]))
        assert {f"{W3} 0.7100", f"{W4} 0.7200"} <= said

    def test_how_much_the_store_holds(self, here: InAirflow) -> None:
        here.ask(None, "store holds", "kB")

    def test_whether_anything_is_on_hold(self, here: InAirflow) -> None:
        here.ask("On hold or tainted", HELD)
        assert "on hold" in here.row(HELD)


@pytest.mark.parametrize(("width", "theme"), [(1280, "light"), (390, "dark")])
def test_no_page_scrolls_sideways_and_axe_finds_nothing_serious(
    training: None, here: InAirflow, width: int, theme: str
) -> None:
    assert here.look_at(PAGES, width=width, theme=theme) == {}


class TestChanges:
    def test_a_slice_in_quarantine_is_released(self, here: InAirflow, place: Place) -> None:
        here.at_models().click(f"Slices of {MODEL}")
        here.tab.click(BAD)
        here.tab.reads("1 row has n below zero")
        here.tab.click("Release")
        here.confirm("Release", "a refund")
        here.tab.reads("accepted", "a refund")
        said = [one for one in place.records() if isinstance(one, SliceAccepted) and one.released]
        assert [(one.slice.key, one.actor, one.reason) for one in said] == [(BAD, "jo", "released: a refund")]

    def test_a_late_slice_is_resolved(self, here: InAirflow, place: Place) -> None:
        here.at_models()
        here.at(f"/slices/{W2}").click("Append or fork")
        here.tab.click("Fork")
        here.confirm("Append or fork", "it was late by a month", "again on the 1 consumed slice after it")
        here.tab.reads("fork")
        record = place.records()[-1]
        assert isinstance(record, LateSliceResolved)
        assert (record.slice.key, record.fork, record.actor) == (W2, True, "jo")

    def test_what_is_in_quarantine_is_discarded(self, here: InAirflow, place: Place) -> None:
        place.quarantine(WORSE, (ADA, 4), why="every row has n below zero")
        here.at_models()
        here.at(f"/slices/{WORSE}").click("Discard")
        here.confirm("Discard", "nobody needs that week", "Nothing trains on its 1 row.")
        here.tab.reads("discarded", "nobody needs that week")
        assert (place.state().slices[WORSE].status.value, place.records()[-1].actor) == ("discarded", "jo")

    def test_a_slice_is_tainted_and_the_taint_is_lifted(self, here: InAirflow, place: Place) -> None:
        here.at_models()
        here.at(f"/slices/{W4}").click("Taint")
        here.confirm("Taint", "labels of another feed", "That is true of versions 3, 4.")
        here.tab.reads("tainted", "labels of another feed")
        here.tab.click("Lift the taint")
        here.confirm("Lift the taint", "they are right", "It was marked by jo: labels of another feed")
        here.tab.reads("accepted", "not tainted: they are right")
        assert place.state().tainted == {}

    def test_a_missing_slice_is_acknowledged_and_that_is_taken_back(
        self, here: InAirflow, place: Place
    ) -> None:
        here.at_models().page(f"#/m/{HELD}/slices?status=missing")
        here.tab.click("Acknowledge", within=("tr", W2))
        here.confirm("Acknowledge", "a holiday", "stays listed as missing")
        here.tab.reads("acknowledged", "a holiday", "by jo")
        assert place.state(HELD).acknowledged[W2].actor == "jo"
        here.tab.page(f"#/m/{HELD}/slices/{W2}")
        here.tab.reads("Slice before")
        here.tab.click("Take it back")
        here.confirm("Take it back", "it was open", "It was acknowledged by jo: a holiday")
        here.tab.reads("by nobody")
        assert place.state(HELD).acknowledged == {}

    def test_an_export_is_started_and_its_run_is_shown(self, here: InAirflow) -> None:
        here.at_models()
        here.at("/v/2").click("Export", within=("tr", "safetensors"))
        here.confirm("Start the export", "for the shop", "exported/safetensors/step-", "no training")
        here.tab.reads(f"of {MODEL}_export is triggered")
        here.tab.reads("Runs that write it", "for the shop")
        here.at("/v/1").reads("Version 1", "Export and convert")
        assert "Runs that write it" not in here.tab.text()
        here.at_models()  # whoever comes back, and has no message to read, still finds it
        here.at("/v/2").reads("Runs that write it", "for the shop", "by jo")
        assert "queued" in here.row("safetensors", at=-1)
        assert here.tab.run("document.querySelectorAll('.toast').length") == 0
        for paused in (True, False):
            here.pause(f"{MODEL}_export", paused)
            here.at("/v/1").reads("Version 1", "Export and convert")
            here.at("/v/2").reads("Version 2", "Export and convert")
            said = f"Airflow starts no run of {MODEL}_export until somebody unpauses it"
            here.tab.until(f"document.body.innerText.includes({said!r}) === {json.dumps(paused)}")
        link = (
            f"[...document.querySelectorAll('a')].find((one) => one.href.includes('/{MODEL}_export/runs/'))"
        )
        here.tab.go(str(here.tab.run(f"{link}.pathname")))
        here.tab.until(
            f"document.body.innerText.includes('{MODEL}_export') && /queued/i.test(document.body.innerText)",
            top=True,
        )

    def test_a_format_that_cannot_be_written_is_shown_with_the_reason(
        self, here: InAirflow, place: Place
    ) -> None:
        place.say(CandidateStarted(version=2, candidate="c", parent=1, slices=()), model=HELD)
        here.at_models().page(f"#/m/{HELD}/v/2")
        here.tab.reads("Export and convert", "unavailable", "Airflow knows no DAG that exports this model")
        for name in ("keras", "onnx"):
            assert "It was not trained to its end: it is started." in here.row(name)
        assert here.tab.run("document.querySelectorAll('table button:not(.quiet)').length") == 0

    def test_the_filter_of_slices_says_what_the_list_shows(self, here: InAirflow) -> None:
        tab = here.at_models()
        here.at("/slices").reads("Trained on by")
        tab.type("input[type=search]", W3)
        tab.until("location.hash.includes('q=2013')")
        box = "document.querySelector('input[type=search]').value"
        here.at("/slices?status=quarantined").reads("slice")
        tab.until(f"{box} === ''")
        tab.page(f"#/m/{HELD}/slices?q=2013")
        tab.until(f"{box} === '2013'")
        tab.page(f"#/m/{MODEL}/slices")
        tab.until(f"{box} === ''")

    def test_a_version_that_waits_is_approved(self, here: InAirflow, place: Place) -> None:
        here.at_models().click("awaits approval", within=("tr", MODEL))
        here.tab.reads("Version 4")
        here.tab.click("Approve")
        here.confirm("Approve", "better sums")
        here.tab.reads("in production", "Run asks, which waited for the answer, goes on.")
        assert place.state().head == 4
        said = [one for one in place.records() if isinstance(one, Approved) and one.version == 4]
        assert [(one.actor, one.reason) for one in said] == [("jo", "better sums")]
