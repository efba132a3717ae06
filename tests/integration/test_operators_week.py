"""An operator's week in a real browser, inside Airflow's own UI, on a platform that really trains.

What a person does there is done here: by what is to be read, with the mouse and the keyboard. The pictures of
the documentation are made on the way, into the folder PICTURES (`make pictures`).
"""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any
from urllib.parse import quote

import late_flights_weeks as before
import pyarrow.compute as pc
import pytest
from airflow_process import PROJECT, eventually
from chromium import BROWSER, Chromium, chromium
from in_airflow import InAirflow

from ckpt_ops.embedded.platform import Platform
from ckpt_ops.embedded.settings import LANDING, STORE
from ckpt_ops.lineage import LineageState, ModelLog
from ckpt_ops.lineage.records import Approved, Exported, Record, RolledBack, SliceAccepted, SliceWithdrawn
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.store import Store, open_store
from demo.flights import weeks

pytestmark = [
    pytest.mark.soak,
    pytest.mark.skipif(BROWSER is None, reason="no chromium here"),
]

NAME = "late_flights"
BAD, GOOD = "2013-02-10", "2013-02-17"
"""The weeks that the operator backfills: in the first, distances are below zero."""

CORRECTED = "2013-01-20"
MARCH = ["2013-03-03", "2013-03-10"]
HELD = "diverted_flights"

PICTURES = Path(os.environ["PICTURES"]) if os.environ.get("PICTURES") else None


class Office(InAirflow):
    """The model on the platform, and the operator's browser."""

    def __init__(self, platform: Platform, browser: Chromium) -> None:
        super().__init__(browser.tab(platform.ui_url, ("_token", platform.token())), NAME)
        self.platform, self.browser = platform, browser
        self.pipeline: Pipeline = load_pipeline(NAME, PROJECT / "tests" / "dags")
        self.store = open_store(f"{STORE}?endpoint={platform.gcs_endpoint}")
        self.landing: Store = open_store(f"{LANDING}?endpoint={platform.gcs_endpoint}")

    def state(self) -> LineageState:
        return ModelLog(self.store, NAME).state()

    def records(self) -> list[Record]:
        return ModelLog(self.store, NAME).records()

    def runs(self, dag: str = NAME) -> dict[str, dict[str, Any]]:
        """By key, or by id where there is none, the runs of a DAG."""
        found = self.platform.api("GET", f"dags/{dag}/dagRuns?order_by=logical_date")["dag_runs"]
        return {(run["logical_date"] or run["dag_run_id"])[:10]: run for run in found}

    def tasks(self, run: dict[str, Any]) -> dict[str, str]:
        path = f"dags/{run['dag_id']}/dagRuns/{quote(run['dag_run_id'])}/taskInstances"
        return {task["task_id"]: task["state"] for task in self.platform.api("GET", path)["task_instances"]}

    def until(self, key: str, task: str, *states: str) -> dict[str, str]:
        """The tasks of a run, once one of them is in one of these states."""
        eventually(lambda: self.tasks(self.runs()[key]).get(task) in states, seconds=240)
        return self.tasks(self.runs()[key])

    def picture(self, name: str, *, height: int = 900) -> None:
        """For the documentation, where it is asked for: as wide as the docs show it."""
        if PICTURES is not None:
            self.tab.look(height=height)
            self.browser.listen(0.6)
            self.tab.picture(PICTURES / f"{name}.png")
            self.tab.look()


@pytest.fixture(scope="module")
def office(
    platform: Platform,
    training_here: Callable[[], AbstractContextManager[None]],
    without_pictures: Callable[[], AbstractContextManager[None]],
) -> Iterator[Office]:
    """Four versions were in production, the fifth was rejected; newer weeks have landed, one of them bad."""
    with tempfile.TemporaryDirectory() as profile, chromium(Path(profile)) as browser:
        place = Office(platform, browser)
        with pytest.MonkeyPatch.context() as patch, training_here(), without_pictures():
            patch.setenv("CKPT_OPS_LANDING", place.landing.url)
            before.told(place.pipeline, place.store, place.landing)
        before.held(place.store, HELD)
        table = weeks()[BAD]
        distance = table.schema.get_field_index("distance")
        below = table.set_column(distance, "distance", pc.negate(table["distance"]))
        before.landed(place.pipeline, place.landing, BAD, below)
        for key in (GOOD, *MARCH):
            before.landed(place.pipeline, place.landing, key)
        known = {NAME, f"{NAME}_rebase", f"{NAME}_export"}
        eventually(lambda: known <= {d["dag_id"] for d in platform.api("GET", "dags?tags=test")["dags"]})
        yield place
        assert place.tab.complaints == []


@pytest.fixture(scope="module")
def withdrawn(office: Office) -> str:
    """What was to be read of the rejection; the slice that it was about is withdrawn then."""
    tab = office.at_models()
    tab.click("v5", within=("tr", NAME))
    tab.reads("Version 5", "1 gate did not pass")
    read = tab.text()
    office.picture("version", height=1000)
    tab.click(before.REJECTED)
    tab.click("Withdraw")
    office.confirm("Withdraw", "minutes early, not late")
    tab.reads("withdrawn")
    return read


@pytest.fixture(scope="module")
def backfilled(office: Office, withdrawn: str) -> Office:
    """A backfill of two weeks, started from the plan."""
    tab = office.at_models()
    tab.click(f"Plan of {NAME}")
    tab.reads("What a backfill would do", BAD)
    for at, key in enumerate((BAD, GOOD)):
        year, month, day = key.split("-")
        tab.type("input[type=date]", f"{month}{day}{year}", at=at)
    tab.click("Show")
    tab.reads("The schedule has 2 intervals there.")
    tab.click("Start a backfill of this range")
    office.confirm("Start the backfill", "the operator's Monday", "Airflow creates 2 runs of late_flights")
    tab.reads("is created")
    return office


@pytest.fixture(scope="module")
def watched(backfilled: Office) -> dict[str, Any]:
    """The training of the backfill while it ran, and a checkpoint that was asked for meanwhile."""
    office = backfilled
    tab = office.at_models()
    tab.click(NAME)
    tab.click("Training now")
    tab.reads("of at most 1,000,000 steps", "Rows a second", seconds=240)
    step = "document.querySelector('.now-head .figure')?.innerText"
    first = tab.until(step)
    moved = tab.until(f"{step} !== {json.dumps(first)} && {step}")
    tab.click("Save now")
    office.confirm("Save now", "", "Version 6 saves the model's parameters")
    office.at_models()
    progress = str(tab.until("document.querySelector('.progress-line')?.innerText"))
    clicks = tab.clicks
    office.picture("fleet", height=420)
    office.at("/training").reads("Loss and metrics")
    office.picture("training", height=1000)
    return {"first": first, "moved": moved, "progress": progress, "clicks": clicks}


@pytest.fixture(scope="module")
def waiting(watched: object, backfilled: Office) -> Office:
    """The training has ended, and its version waits for a person."""
    backfilled.until(GOOD, "approve", "awaiting_input")
    return backfilled


@pytest.fixture(scope="module")
def released(waiting: Office) -> str:
    """What was to be read of the slice in quarantine; it is released then."""
    tab = waiting.at_models()
    tab.click(f"Slices of {NAME}")
    tab.reads("quarantined", BAD)
    waiting.picture("slices", height=700)
    tab.click(BAD)
    tab.reads("What validation found", "Data Docs")
    read = tab.text()
    waiting.picture("slice", height=1000)
    tab.click("Release")
    waiting.confirm("Release", "the sign is wrong, the miles are right")
    tab.reads("released", "the sign is wrong, the miles are right")
    return read


@pytest.fixture(scope="module")
def approved(waiting: Office, released: object) -> dict[str, str]:
    """The tasks of the run whose version was approved on its page, once it has ended."""
    if PICTURES is not None:
        run = waiting.runs()[GOOD]["dag_run_id"]
        waiting.tab.go(f"/dags/{NAME}/runs/{quote(run)}/tasks/approve/required_actions")
        # the tab comes after the question, and the question's table after its first line
        for drawn in ("Required Action (1)", "It was trained on", "Reject"):
            waiting.tab.until(f"document.body.innerText.includes({drawn!r})", top=True)
        waiting.tab.browser.listen(1)
        waiting.picture("approve", height=1290)
    tab = waiting.at_models()
    tab.click("awaits approval", within=("tr", NAME))
    tab.reads("Version 6")
    tab.click("Approve")
    waiting.confirm("Approve", "the evenings are better")
    tab.reads("in production")
    return waiting.until(GOOD, "promote", "success", "failed")


@pytest.fixture(scope="module")
def exported(waiting: Office, approved: object) -> dict[str, str]:
    """What was to be read on the page of version 6 while a run exported it, and once that had ended."""
    tab = waiting.at_models()
    waiting.at("/v/6").click("Export", within=("tr", "safetensors"))
    waiting.confirm("Start the export", "the shop asks for it", "exported/safetensors/step-", "no training")
    tab.reads("Runs that write it", "the shop asks for it")
    queued = waiting.row("safetensors", at=-1)
    tab.reads("Exports in the store", seconds=180)  # by itself: nobody loads the page again
    tab.until("[...document.querySelectorAll('tbody tr')].some((one) => /success/.test(one.innerText))")
    return {"queued": queued, "ended": " ".join(tab.text().split())}


@pytest.fixture(scope="module")
def rolled_back(waiting: Office, approved: object, exported: object) -> Office:
    """Version 4 is in production again."""
    tab = waiting.at_models()
    tab.click(NAME)
    tab.click("v4", within=("tr", "v4"))
    tab.click("Roll back to this version")
    waiting.confirm("Roll back to this version", "complaints about the evenings")
    tab.reads("in production")
    return waiting


@pytest.fixture(scope="module")
def rehearsed(rolled_back: Office) -> dict[str, Any]:
    """A consumed week was corrected; the rebase that is due for it was rehearsed."""
    office = rolled_back
    table = weeks()[CORRECTED]
    before.landed(
        office.pipeline, office.landing, CORRECTED, table.filter(pc.not_equal(table["carrier"], "UA"))
    )
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CKPT_OPS_LANDING", office.landing.url)
        before.taken_in(office.pipeline, office.store, CORRECTED)
    tab = office.at_models()
    tab.click("rebase is due", within=("tr", NAME))
    tab.reads("A rebase is due", "Forks from the checkpoint of version 2")
    read = tab.text()
    office.picture("backfill-plan", height=1250)
    tab.click("Dry run of the rebase")
    office.confirm("Start the dry run", "how long would it take", "Nothing is trained")
    tab.reads("is triggered")
    runs = eventually(lambda: office.runs(f"{NAME}_rebase"))
    (run,) = runs.values()
    eventually(lambda: office.tasks(run).get("promote") == "skipped", seconds=120)
    return {"read": read, "tasks": office.tasks(run), "note": run["note"]}


class TestMonday:
    def test_the_reasons_of_a_rejection_are_told(self, withdrawn: str, office: Office) -> None:
        assert "harm: on slices that both consumed it falls by more than 0.080" in withdrawn
        said = [one for one in office.records() if isinstance(one, SliceWithdrawn)]
        assert [(one.slice.key, one.actor, one.reason) for one in said] == [
            (before.REJECTED, office.platform.user, "minutes early, not late")
        ]

    def test_a_backfill_is_started_from_the_plan(self, backfilled: Office) -> None:
        runs = eventually(lambda: len(backfilled.runs()) == 2 and backfilled.runs())
        assert {key: run["run_type"] for key, run in runs.items()} == dict.fromkeys((BAD, GOOD), "backfill")

    def test_a_training_is_watched_and_asked_for_a_checkpoint(self, watched: dict[str, Any]) -> None:
        assert watched["moved"] > ""
        assert (watched["progress"].endswith("%"), watched["clicks"]) == (True, 1)


PAGES = {
    "fleet": ("#/", "On hold or tainted"),
    "model": (f"#/m/{NAME}", "In production since when"),
    "lineage": (f"#/m/{NAME}/lineage", "trained from"),
    "slices": (f"#/m/{NAME}/slices", "Trained on by"),
    "slice": (f"#/m/{NAME}/slices/{BAD}", "What validation found"),
    "training": (f"#/m/{NAME}/training", "Training now"),
    "version": (f"#/m/{NAME}/v/5", "1 gate did not pass"),
    "plan": (f"#/m/{NAME}/plan", "What a backfill would do"),
}


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
class TestLook:
    """Each page, while the training of the backfill ends."""

    def test_no_page_scrolls_sideways_and_axe_finds_nothing_serious(
        self, watched: object, office: Office, width: int, theme: str
    ) -> None:
        assert office.look_at(PAGES, width=width, theme=theme) == {}


class TestTuesday:
    def test_a_slice_in_quarantine_says_why_and_is_released(self, released: str, office: Office) -> None:
        assert "distance" in released
        said = [one for one in office.records() if isinstance(one, SliceAccepted) and one.released]
        assert [(one.slice.key, one.actor, one.reason) for one in said] == [
            (BAD, office.platform.user, "released: the sign is wrong, the miles are right")
        ]


class TestWednesday:
    def test_a_version_that_waits_is_approved_and_its_run_goes_on(
        self, approved: dict[str, str], office: Office
    ) -> None:
        assert set(approved.values()) == {"success"}
        (said,) = [one for one in office.records() if isinstance(one, Approved) and one.version == 6]
        assert (said.actor, said.reason) == (office.platform.user, "the evenings are better")

    def test_it_is_exported_by_a_run_that_the_page_follows_to_its_end(
        self, exported: dict[str, str], office: Office
    ) -> None:
        assert any(state in exported["queued"] for state in ("queued", "running"))
        (said,) = [one for one in office.records() if isinstance(one, Exported)]
        assert (said.version, said.format, said.actor) == (6, "safetensors", office.platform.user)
        assert said.reason == "the shop asks for it"
        assert said.object in exported["ended"]
        assert len(office.store.get(said.object)) == said.nbytes
        (run,) = office.runs(f"{NAME}_export").values()
        assert (run["state"], run["triggering_user_name"]) == ("success", office.platform.user)


class TestThursday:
    def test_production_is_rolled_back(self, rolled_back: Office) -> None:
        assert rolled_back.state().head == 4
        (said,) = [one for one in rolled_back.records() if isinstance(one, RolledBack)]
        assert (said.actor, said.reason) == (rolled_back.platform.user, "complaints about the evenings")


class TestFriday:
    def test_a_rebase_is_planned_and_rehearsed(self, rehearsed: dict[str, Any], office: Office) -> None:
        assert CORRECTED in rehearsed["read"]
        assert rehearsed["tasks"] == {
            "plan": "success",
            "replay": "skipped",
            "evaluate": "skipped",
            "approve": "skipped",
            "promote": "skipped",
        }
        assert office.state().head == 4


def test_the_other_pictures_of_the_documentation(rehearsed: object, office: Office) -> None:
    if PICTURES is None:
        pytest.skip("PICTURES is not set: make pictures")
    for name, height in {"model": 1150, "lineage": 640}.items():
        address, words = PAGES[name]
        office.at_models().page(address)
        office.tab.reads(words)
        office.picture(name, height=height)
    office.tab.go(f"/dags/{NAME}")
    office.tab.click("Show Graph (Press g)", top=True)
    office.tab.until("document.body.innerText.includes('wait_for_earlier')", top=True)
    office.tab.click("Collapse Details Panel", top=True)
    office.tab.click("Fit View", top=True)
    office.picture("dag", height=640)
