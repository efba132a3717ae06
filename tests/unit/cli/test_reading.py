"""`status`, `log`, `show`, `slices`: what they say, to people and to scripts."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Held,
    Promoted,
    Released,
    ShadowScored,
    SliceAccepted,
    SliceRef,
    UpdateDeferred,
)

NEWER = [SliceRef(key=f"2013-02-{day}", revision=f"{day}ab", rows=3000) for day in ("03", "10")]
LAST = SliceRef(key="2013-01-27", revision="27ab", rows=27000)
_ON_THE_STATE = ("status", "show", "slices")


def test_status_tells_head_metric_pending_and_last_records(ckpt_ops, store):
    (view,) = json.loads(ckpt_ops("status", "--json").stdout)
    assert view["model"] == "flight_delay"
    assert view["head"] == 2
    assert view["held"] is None
    assert view["metrics"] == {"auc": 0.68}
    assert [ref["key"] for ref in view["pending"]] == ["2013-01-27"]
    assert [record["type"] for record in view["last"]] == ["CandidateTrained", "Evaluated", "Rejected"]


def test_status_of_a_held_model_says_why(ckpt_ops, held):
    assert "refused three times" in ckpt_ops("status", "flight_delay").stdout


def test_log_numbers_every_record(ckpt_ops, store):
    views = json.loads(ckpt_ops("log", "flight_delay", "--json").stdout)
    assert [view["sequence"] for view in views] == list(range(1, 17))
    assert views[0]["slice"] == {"key": "2013-01-06", "revision": "06ab", "rows": 6000}


def test_show_tells_what_a_version_learned_from_and_how_it_was_judged(ckpt_ops, store):
    view = json.loads(ckpt_ops("show", "flight_delay", "2", "--json").stdout)
    assert view["parent"] == 1
    assert view["slices"] == [{"key": "2013-01-13", "revision": "13ab", "rows": 13000}]
    assert (view["steps"], view["stopped_by"], view["attempts"]) == (100, "max_epochs", 1)
    assert [commit["step"] for commit in view["checkpoints"]] == [50, 100]
    assert view["decision"]["type"] == "Promoted"


def test_show_tells_why_an_update_was_due_and_what_the_champion_said_of_each_slice_before(ckpt_ops, store):
    view = json.loads(ckpt_ops("show", "flight_delay", "3", "--json").stdout)
    assert view["policy"] == {"words": "due: 1 pending slices >= 1", "numbers": {"pending_slices": 1.0}}
    assert view["scores"] == {"2013-01-27": {"auc": 0.63}}
    shown = ckpt_ops("show", "flight_delay", "3").stdout
    assert "policy: due: 1 pending slices >= 1 (pending_slices 1)" in shown
    assert "the champion on each slice, before anything trained on it" in shown
    assert "0.6300" in shown
    older = json.loads(ckpt_ops("show", "flight_delay", "1", "--json").stdout)
    assert (older["policy"], older["scores"]) == (None, {}), "what older code wrote says neither"


def test_show_of_a_candidate_that_was_deferred_tells_why(ckpt_ops, store):
    log = ModelLog(store, "flight_delay")
    ref = log.state().version(3).slices[0]
    for record in (
        CandidateStarted(version=4, candidate="c4", parent=2, slices=(ref,)),
        UpdateDeferred(
            slice=ref,
            numbers={"auc_drop": 0.001},
            version=4,
            scores={ref.key: {"auc": 0.679}},
            reason="not due",
        ),
    ):
        log.append(record, after=log.state())
    view = json.loads(ckpt_ops("show", "flight_delay", "4", "--json").stdout)
    assert view["policy"] == {"words": "not due", "numbers": {"auc_drop": 0.001}}
    assert view["scores"] == {ref.key: {"auc": 0.679}}


def test_show_without_a_version_shows_the_head(ckpt_ops, store):
    assert json.loads(ckpt_ops("show", "flight_delay", "--json").stdout)["version"] == 2


def test_what_people_wrote_is_never_read_as_markup(ckpt_ops, store):
    assert "auc is 0.51 [of 0.6]" in ckpt_ops("show", "flight_delay", "3").stdout


def test_slices_tell_who_consumed_them_and_what_a_run_would_do(ckpt_ops, store):
    views = {view["key"]: view for view in json.loads(ckpt_ops("slices", "flight_delay", "--json").stdout)}
    assert views["2013-01-13"]["consumed_by"] == 2
    assert views["2013-01-13"]["action"] == "skip"
    assert views["2013-01-20"]["status"] == "quarantined"
    assert views["2013-01-27"]["consumed_by"] is None
    assert views["2013-01-27"]["action"] == "append"
    assert views["2013-01-27"]["repeats"] == 3
    assert "version 3 with the same parent and slices was rejected" in views["2013-01-27"]["why"]


@pytest.mark.parametrize("command", [["status"], ["log"], ["show"], ["slices"]])
def test_every_view_is_drawn_for_people_too(ckpt_ops, store, command):
    done = ckpt_ops(*command, "flight_delay")
    assert done.exit_code == 0
    assert "2013-01" in done.stdout or command == ["log"]


def test_only_the_log_reads_every_record(ckpt_ops, store):
    """Where the first record of a long log is missing, all that need not read it still answer."""
    log = ModelLog(store, "flight_delay")
    while log.state().sequence < 110:
        log.append(Held(reason="look"), after=log.state())
        log.append(Released(), after=log.state())
    before = {command: ckpt_ops(command, "flight_delay", "--json").stdout for command in _ON_THE_STATE}
    assert json.loads(before["status"])[0]["last"][-1]["sequence"] == 110
    store.delete("models/flight_delay/log/000000000001.json")
    assert {command: ckpt_ops(command, "flight_delay", "--json").stdout for command in before} == before
    done = ckpt_ops("log", "flight_delay")
    assert done.exit_code == 1
    assert "000000000001.json is missing" in done.stderr


@pytest.mark.parametrize("command", ["status", "log", "show", "slices"])
def test_an_unknown_model_is_refused_with_the_models_there_are(ckpt_ops, store, command):
    done = ckpt_ops(command, "flight_dely")
    assert done.exit_code == 2
    assert done.stdout == ""
    assert "'flight_dely'" in done.stderr
    assert "one of flight_delay" in done.stderr
    assert "Safe: nothing was read or written" in done.stderr


def test_an_unknown_version_is_refused_with_those_there_are(ckpt_ops, store):
    done = ckpt_ops("show", "flight_delay", "9")
    assert done.exit_code == 2
    assert "1, 2, 3" in done.stderr


def test_a_usage_error_has_exit_code_2(ckpt_ops):
    assert ckpt_ops("show").exit_code == 2
    assert ckpt_ops("show", "flight_delay", "two").exit_code == 2


def test_an_empty_store_has_no_models(ckpt_ops, tmp_path):
    (tmp_path / "empty").mkdir()
    done = ckpt_ops("status", "--store", (tmp_path / "empty").as_uri())
    assert (done.exit_code, "No models yet" in done.stdout) == (0, True)


def test_a_missing_bucket_is_an_error_and_no_traceback(ckpt_ops, tmp_path):
    done = ckpt_ops("status", "--store", (tmp_path / "nowhere").as_uri())
    assert done.exit_code == 1
    assert "Next: mkdir -p" in done.stderr
    assert "Traceback" not in done.output


def test_status_says_that_the_champion_is_tainted_and_exits_with_3(ckpt_ops, store):
    assert ckpt_ops("status").exit_code == 0
    done = ckpt_ops("taint", "flight_delay", "--slice", "2013-01-13", "--why", "the feed repeated Friday")
    assert done.exit_code == 0, done.stderr
    assert "Marked versions: 2, 3" in done.stdout
    assert "The champion, version 2, is among them" in done.stdout

    said = ckpt_ops("status")
    assert said.exit_code == 3
    assert "TAINTED: the champion of flight_delay, version 2" in said.stdout
    assert "the feed repeated Friday" in said.stdout
    assert "ckpt-ops rebase flight_delay" in said.stdout
    found = json.loads(ckpt_ops("status", "--json").stdout)[0]
    assert (found["tainted"]["slice"], found["rebase_due"]) == ("2013-01-13", ["2013-01-13"])
    assert ckpt_ops("status", "--json").exit_code == 3

    assert ckpt_ops("taint", "flight_delay", "--slice", "2013-01-13", "--lift", "--why", "x").exit_code == 0
    assert ckpt_ops("status").exit_code == 0


def test_plan_shows_the_way_before_anything_happens(ckpt_ops, store, monkeypatch):
    monkeypatch.setenv("CKPT_OPS_DAGS", str(Path(__file__).parents[3] / "dags"))
    nothing = ckpt_ops("plan", "flight_delay")
    assert nothing.exit_code == 0, nothing.stderr
    assert "nothing to rebase" in nothing.stdout
    ckpt_ops("withdraw", "flight_delay", "--slice", "2013-01-06", "--why", "test data")
    before = len(ModelLog(store, "flight_delay").records())

    done = ckpt_ops("plan", "flight_delay")

    assert "full rebuild: no version before the change" in done.stdout
    assert "2013-01-06" in done.stdout
    assert "About 1 training, 100 steps" in done.stdout
    view = json.loads(ckpt_ops("plan", "flight_delay", "--json").stdout)
    assert (view["fork"], view["replaced"], view["head"]) == (None, [1, 2], 2)
    assert len(ModelLog(store, "flight_delay").records()) == before
    refused = ckpt_ops("plan", "flight_delay", "--from", "2013-01-06")
    assert refused.exit_code == 2
    assert "--from/--to" in refused.stderr


def test_resolve_takes_one_of_two_ways(ckpt_ops, store):
    for arguments, message in (
        (["--slice", "2013-01-27", "--why", "x"], "--fork/--append"),
        (["--slice", "2013-01-27", "--fork", "--why", "x"], "though newer ones were consumed: none"),
        (["--slice", "2013-02-24", "--fork", "--why", "x"], "a slice of flight_delay"),
    ):
        done = ckpt_ops("resolve", "flight_delay", *arguments)
        assert done.exit_code == 2
        assert message in done.stderr


# --- a candidate in shadow ----------------------------------------------------------------------


@pytest.fixture
def shadowed(store):
    """Version 4 learned the pending week and is to be evaluated on two: one is scored, one has arrived."""
    say(
        store,
        CandidateStarted(version=4, candidate="c4", parent=2, slices=(LAST,), shadow=2),
        CandidateTrained(
            version=4, step=100, stopped_by="max_epochs", checkpoints=1, manifest="m", artifacts={}
        ),
        *(SliceAccepted(slice=ref) for ref in NEWER),
        ShadowScored(version=4, slice=NEWER[0], predictions="p", rows=3000),
    )
    return store


def say(store, *records):
    log = ModelLog(store, "flight_delay")
    for record in records:
        log.append(record, after=log.state())


def test_status_and_show_say_that_a_version_is_in_shadow_and_how_far(ckpt_ops, shadowed):
    (view,) = json.loads(ckpt_ops("status", "--json").stdout)
    assert view["shadow"]["version"] == 4
    assert (view["shadow"]["slices"], [ref["key"] for ref in view["shadow"]["scored"]]) == (2, ["2013-02-03"])
    message = "version 4 is evaluated on the next 2 slices, 1 of 2 scored"
    assert f"In shadow: of flight_delay, {message}." in ckpt_ops("status", "flight_delay").stdout
    assert message in ckpt_ops("show", "flight_delay", "4").stdout
    assert json.loads(ckpt_ops("show", "flight_delay", "2", "--json").stdout)["shadow"] is None


def test_slices_say_which_one_a_run_scores_and_which_waits(ckpt_ops, shadowed):
    views = {view["key"]: view for view in json.loads(ckpt_ops("slices", "flight_delay", "--json").stdout)}
    assert [views[key]["action"] for key in ("2013-01-27", "2013-02-03", "2013-02-10")] == ["shadow"] * 3
    assert "a candidate in shadow was trained on it" in views["2013-01-27"]["why"]
    assert "this one among them" in views["2013-02-03"]["why"]
    assert "it and version 2 predict this one" in views["2013-02-10"]["why"]


def test_show_says_on_which_slices_a_version_was_judged(ckpt_ops, shadowed):
    say(
        shadowed,
        ShadowScored(version=4, slice=NEWER[1], predictions="p", rows=3000),
        Evaluated(
            version=4, champion=2, passed=True, metrics={}, verdicts=("AtLeast: fine",), slices=tuple(NEWER)
        ),
        Promoted(version=4, champion=2),
    )
    shown = ckpt_ops("show", "flight_delay", "4").stdout
    assert "evaluated in shadow, on all rows of 2013-02-03, 2013-02-10" in shown
    assert "1 of 2" not in shown
    view = json.loads(ckpt_ops("show", "flight_delay", "4", "--json").stdout)
    assert [ref["key"] for ref in view["judged_in_shadow_on"]] == ["2013-02-03", "2013-02-10"]
