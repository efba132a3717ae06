"""`save-now` and `gc` at the command line."""

from __future__ import annotations

import json
import threading
import time

import numpy as np
import pytest

from ckpt_ops.checkpoints import SaveRequestPoller
from ckpt_ops.lineage import CandidateLog
from ckpt_ops.store import LocalStore

MODEL = "flight_delay"


@pytest.fixture
def training(store: LocalStore) -> int:
    """Version 3 is being trained, as far as its log says."""
    CandidateLog(store, MODEL, 3).start_attempt()
    return 3


@pytest.fixture
def ended(store: LocalStore) -> int:
    CandidateLog(store, MODEL, 3).start_attempt().end({"outcome": "trained"})
    return 3


def test_an_ask_is_left_for_the_version_in_training(ckpt_ops, store, training):
    done = ckpt_ops("save-now", MODEL, "--what", "both", "--after", "5")
    assert done.exit_code == 0, done.stderr
    assert "Asked version 3 of flight_delay for both" in done.stdout
    (entry,) = store.list(f"models/{MODEL}/requests/")
    said = json.loads(store.get(entry.name))
    assert (said["what"], said["after"], said["at_step"]) == ("both", 5, None)


def test_waiting_says_at_which_step_and_after_how_long(ckpt_ops, store, training):
    desk = SaveRequestPoller(store, MODEL, 3, poll=0.02)

    def serve() -> None:
        while not (asked := desk.due(40)):
            time.sleep(0.02)
        desk.answer(asked[0], 40, ["models/flight_delay/v3/iter_num=40/manifest-000001.json"])

    server = threading.Thread(target=serve)
    server.start()
    done = ckpt_ops("save-now", MODEL, "--wait")
    server.join()
    desk.stop()
    assert done.exit_code == 0, done.stderr
    assert "saved at step 40, durable" in done.stdout
    assert "iter_num=40" in done.stdout


def test_an_ask_that_nobody_answers_is_taken_back(ckpt_ops, store, training):
    done = ckpt_ops("save-now", MODEL, "--wait", "--timeout", "0.1")
    assert done.exit_code == 1
    assert "no training of flight_delay answered within 0.1 s" in done.stderr
    assert list(store.list(f"models/{MODEL}/requests/")) == []


def test_what_was_not_saved_is_an_error_that_says_why(ckpt_ops, store, training):
    desk = SaveRequestPoller(store, MODEL, 3, poll=60)
    timer = threading.Timer(0.5, lambda: desk.close(70))
    timer.start()
    done = ckpt_ops("save-now", MODEL, "--at-step", "900", "--wait")
    timer.join()
    assert done.exit_code == 1
    assert "the training ended at step 70" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nobody"], "flight_delay"),
        ([MODEL], "version 3, its newest, has ended"),
        ([MODEL, "--what", "everything"], "parameters"),
        ([MODEL, "--at-step", "0"], "--at-step"),
        ([MODEL, "--at-step", "5", "--after", "5"], "--after"),
    ],
)
def test_what_cannot_be_asked_is_refused_and_leaves_nothing(ckpt_ops, store, ended, arguments, message):
    done = ckpt_ops("save-now", *arguments)
    assert done.exit_code == 2
    assert message in done.stderr
    assert done.stdout == ""
    assert list(store.list(f"models/{MODEL}/requests/")) == []


@pytest.fixture
def garbage(store: LocalStore) -> int:
    """A chunk that no checkpoint names; its bytes."""
    store.put(f"chunks/aa/aa{62 * '0'}", np.zeros(1000, "uint8").tobytes())
    return 1000


def test_a_dry_run_says_what_and_how_much_and_removes_nothing(ckpt_ops, store, garbage):
    said = json.loads(ckpt_ops("gc", "--dry-run", "--grace-hours", "0", "--json").stdout)
    assert said["dry_run"] is True
    assert said["bytes"] == garbage
    assert [each["name"][:10] for each in said["objects"]] == ["chunks/aa/"]
    assert len(list(store.list("chunks/"))) == 1
    shown = ckpt_ops("gc", "--dry-run", "--grace-hours", "0")
    assert "Would be removed" in shown.stdout


def test_gc_removes_what_is_older_than_the_grace_period(ckpt_ops, store, garbage):
    assert ckpt_ops("gc").exit_code == 0
    assert len(list(store.list("chunks/"))) == 1, "a day has not passed"
    done = ckpt_ops("gc", "--grace-hours", "0")
    assert done.exit_code == 0, done.stderr
    assert "Removed" in done.stdout
    assert list(store.list("chunks/")) == []
