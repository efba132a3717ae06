"""Slices run one after the other without Airflow: what is said of each, of all, and the exit code."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import Result
from stand_in import ADA, BOB, W1, W2, W3, Place
from taken_in import BAD, GOOD, KEY, SUITE, WORSE, Days

from ckpt_ops.lineage.records import SliceQuarantined, SliceRef
from ckpt_ops.pipeline import EmptySlices
from ckpt_ops.pipeline.step_results import Validated
from ckpt_ops.runs.intake_plan import Arrival, plan_intake
from ckpt_ops.runs.pull import pull
from ckpt_ops.runs.slice_runs import run_all, summary
from ckpt_ops.validation import Outcome

SECOND, THIRD, FOURTH, FIFTH = "2013-01-07", "2013-01-08", "2013-01-09", "2013-01-10"
OTHER = GOOD.replace("1,a", "11,a")


def silent(line: str) -> None:
    """Tells nobody."""


def land(days: Days, **texts: str) -> None:
    for name, text in texts.items():
        days.landing.put(f"days/2013-01-{name.removeprefix('d')}.csv", text.encode())


def test_an_accepted_slice_is_said_once_and_in_full(days: Days, ckpt_ops: Callable[..., Result]) -> None:
    land(days, d06=GOOD)
    done = ckpt_ops("run", "days", "--slice", KEY)
    assert done.exit_code == 0, done.output
    assert done.stdout.count("accepted") == 1
    assert done.stdout.splitlines()[-1] == "accepted: 2 expectations hold"


def test_a_warning_does_not_hold(days: Days, ckpt_ops: Callable[..., Result]) -> None:
    suite = json.loads(json.dumps(SUITE))
    suite["expectations"][1]["severity"] = "warning"
    days.suite.write_text(json.dumps(suite))
    result = days.run("n,word\n1,\n2,b\n")
    assert result.summary == "1 of 2 expectations hold"
    (record,) = days.log.records()
    assert record.reason.startswith("1 of 2 expectations hold; word: 1 of 2 values (50.0 %) are null")


def test_a_quarantine_has_an_exit_code_and_its_reasons_are_said_once(
    days: Days, ckpt_ops: Callable[..., Result]
) -> None:
    land(days, d06=WORSE)
    done = ckpt_ops("run", "days", "--slice", KEY)
    assert done.exit_code == 4
    assert done.stdout.count("n: 2 of 3 values") == 1
    assert f"ckpt-ops quarantine show days {KEY}" in done.stdout
    assert "/quarantine/report.json" in done.stdout


def test_the_reasons_of_a_models_slice_are_said_once(place: Place, ckpt_ops: Callable[..., Result]) -> None:
    place.land(W1, (ADA, -1), (BOB, -2), (ADA, 3))
    done = ckpt_ops("run", "people", "--slice", W1)
    assert done.exit_code == 4, done.output
    assert done.stdout.count("n: 2 of 3 values") == 1
    assert f"validated: slice {W1} is quarantined: 3 rows" in done.stdout


def test_a_range_runs_in_order_and_says_what_is_not_well(days: Days, ckpt_ops: Callable[..., Result]) -> None:
    land(days, d06=GOOD, d07=WORSE, d08=BAD, d09=OTHER)
    done = ckpt_ops("run", "days", "--from", KEY, "--to", THIRD)
    assert done.exit_code == 4
    assert f"3 slices: 1 accepted, 1 quarantined ({SECOND}), 1 accepted, bad rows set aside" in done.stdout
    assert sorted(days.log.state().slices) == [KEY, SECOND, THIRD]
    assert ckpt_ops("run", "days", "--from", FOURTH).exit_code == 0
    assert sorted(days.log.state().slices) == [KEY, SECOND, THIRD, FOURTH]
    records = days.log.records()
    assert ckpt_ops("run", "days", "--all").exit_code == 4, "the second one is still in quarantine"
    assert days.log.records() == records, "what was done is found"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "one of --slice KEY"),
        (["--slice", KEY, "--all"], "one of --slice KEY"),
        (["--from", KEY, "--all"], "one of --slice KEY"),
        (["--from", SECOND, "--to", KEY], f"not before --from {SECOND}"),
        (["--from", "2014-01-01"], "ckpt-ops plan days lists"),
    ],
)
def test_a_range_that_is_none_is_refused(
    days: Days, ckpt_ops: Callable[..., Result], arguments: list[str], said: str
) -> None:
    land(days, d06=GOOD)
    refused = ckpt_ops("run", "days", *arguments)
    assert (refused.exit_code, said in refused.stderr) == (2, True), refused.output
    assert days.log.records() == []


def test_of_an_intake_one_that_fails_keeps_no_other_out(days: Days, ckpt_ops: Callable[..., Result]) -> None:
    land(days, d06=GOOD, d07="n,word\n", d08=OTHER)
    done = ckpt_ops("run", "days", "--all")
    assert done.exit_code == 1
    assert f"3 slices: 2 accepted, 1 failed ({SECOND})" in done.stdout
    assert f"ckpt-ops run days --from {SECOND} goes on there" in done.stderr
    skips = replace(days.intake, empty_slices=EmptySlices.SKIP)
    ran = run_all(skips, days.store, [KEY, SECOND, "2013-02-01"], silent)
    assert [one.decision for one in ran] == ["accepted", "empty", "missing"]
    assert summary(ran, 3) == f"3 slices: 1 accepted, 1 empty ({SECOND}), 1 missing (2013-02-01)"


def test_of_a_model_the_first_failure_ends_it(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    for key in (W1, W2, W3):
        place.land(key, (ADA, 1), (BOB, 2))
    place.landing.put(f"people/{W2}.csv", b"person,n\n")

    def accepted(pipeline, store, key, revision):  # validation costs seconds to import
        place.take_in(key)
        return Validated(
            key=key, revision=revision, rows=2, set_aside=0, outcome=Outcome.ACCEPTED, reasons=()
        )

    monkeypatch.setattr("ckpt_ops.runs.validate.validate", accepted)
    ran = run_all(place.pipeline, place.store, [W1, W2, W3], silent)
    assert [one.decision for one in ran] == ["promoted", "failed"]
    assert summary(ran, 3) == f"3 slices: 1 promoted, 1 failed ({W2}), 1 not run"


def test_the_plan_of_an_intake_names_what_is_missing_late_and_not_pulled(
    days: Days, ckpt_ops: Callable[..., Result]
) -> None:
    days.run(GOOD)
    days.run(GOOD, FOURTH)
    days.run(GOOD, FIFTH)
    land(days, d08=GOOD, d11=GOOD, d12=GOOD)
    pull(days.intake, days.store, "2013-01-12")
    days.landing.put(f"days/{FOURTH}.csv", WORSE.encode())
    days.landing.delete(f"days/{FIFTH}.csv")
    before = [entry.name for entry in days.store.list("")]

    found = {one.key: one.action for one in plan_intake(days.intake, days.store)}

    assert found == {
        KEY: Arrival.SKIP,
        SECOND: Arrival.MISSING,
        THIRD: Arrival.LATE,
        FOURTH: Arrival.AGAIN,
        FIFTH: Arrival.MISSING,
        "2013-01-11": Arrival.PULL,
        "2013-01-12": Arrival.VALIDATE,
    }
    shown = ckpt_ops("plan", "days")
    assert shown.exit_code == 0, shown.output
    assert f"Next: ckpt-ops run days --from {THIRD} --to 2013-01-12" in shown.stdout
    listed = json.loads(ckpt_ops("plan", "days", "--from", THIRD, "--to", FOURTH, "--json").stdout)
    assert [(one["key"], one["action"]) for one in listed] == [
        (THIRD, "pull, late"),
        (FOURTH, "pull again"),
    ]
    stopped = plan_intake(days.intake, days.store, "2013-01-04", "2013-01-14")
    late = [one.key for one in stopped if one.action is Arrival.MISSING]
    assert late == ["2013-01-04", "2013-01-05", SECOND, FIFTH, "2013-01-13", "2013-01-14"]
    assert [entry.name for entry in days.store.list("")] == before, "nothing was written"
    said = ckpt_ops("slices", "days").stdout
    assert f"{SECOND}, {THIRD}" in said, "gaps are seen without asking the source"
    assert "ckpt-ops plan days" in said


def test_status_says_what_waits_in_quarantine(days: Days, ckpt_ops: Callable[..., Result]) -> None:
    for day in range(1, 6):
        ref = SliceRef(key=f"2013-02-0{day}", revision=f"{day}ab", rows=1)
        report = f"slices/days/{ref.key}/{ref.revision}/quarantine/report.json"
        record = SliceQuarantined(slice=ref, report=report, reason="bad")
        days.log.append(record, after=days.log.state())
    said = ckpt_ops("status", "days")
    assert "5 slices, 2013-02-01 to 2013-02-05" in " ".join(said.stdout.split()).replace("│ ", "")
    assert "ckpt-ops quarantine list days" in said.stdout
    (view,) = json.loads(ckpt_ops("status", "days", "--json").stdout)
    assert view["quarantined"] == [f"2013-02-0{day}" for day in range(1, 6)]
