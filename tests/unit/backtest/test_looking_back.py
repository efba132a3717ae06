"""A suite tried on history, and a look at one slice: neither writes."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from taken_in import BAD, GOOD, KEY, SUITE, WORSE, Days

SECOND, THIRD = "2013-01-07", "2013-01-08"


def everything(days: Days) -> dict[str, bytes]:
    return {entry.name: days.store.get(entry.name) for entry in days.store.list("")}


@pytest.fixture
def taken_in(days: Days) -> Days:
    days.run(GOOD)
    days.run(BAD, SECOND)
    days.run(WORSE, THIRD)
    return days


@pytest.fixture
def stricter(taken_in: Days) -> str:
    suite = json.loads(json.dumps(SUITE))
    suite["expectations"] = suite["expectations"][1:]
    suite["meta"] = {}
    suite["expectations"].append(
        {"type": "expect_column_max_to_be_between", "kwargs": {"column": "n", "max_value": 3}}
    )
    path = taken_in.suite.with_name("stricter.json")
    path.write_text(json.dumps(suite))
    return str(path)


def test_a_suite_is_tried_on_what_came_before(
    taken_in: Days, stricter: str, ckpt_ops: Callable[..., Result]
) -> None:
    before = everything(taken_in)
    done = ckpt_ops("validate", "days", "--suite", stricter)
    assert done.exit_code == 4, done.output
    said = " ".join(done.stdout.split())
    assert "would have quarantined 2 of 3" in said
    assert f"accepted today: {KEY}, {SECOND}" in said
    assert f"would have let pass: {THIRD}" in said
    assert "its max is 4, expected <= 3" in said
    listed = json.loads(ckpt_ops("validate", "days", "--suite", stricter, "--json").stdout)
    assert [(one["key"], one["today"], one["outcome"], one["differs"]) for one in listed] == [
        (KEY, "accepted", "quarantined", True),
        (SECOND, "accepted", "quarantined", True),
        (THIRD, "quarantined", "accepted", True),
    ]
    assert ckpt_ops("validate", "days", "--suite", stricter, "--from", THIRD).exit_code == 0
    assert everything(taken_in) == before, "nothing was written"


def test_the_suite_of_today_says_of_each_what_the_log_says(
    taken_in: Days, ckpt_ops: Callable[..., Result]
) -> None:
    found = json.loads(ckpt_ops("validate", "days", "--json").stdout)
    assert [(one["outcome"], one["set_aside"], one["differs"]) for one in found] == [
        ("accepted", 0, False),
        ("accepted, bad rows set aside", 1, False),
        ("quarantined", 0, False),
    ]


def test_what_cannot_be_tried_is_refused(taken_in: Days, ckpt_ops: Callable[..., Result]) -> None:
    for arguments, said in (
        (("--suite", "nowhere.json"), "a readable file"),
        (("--from", "2014-01-01"), "ckpt-ops slices days"),
    ):
        refused = ckpt_ops("validate", "days", *arguments)
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.output


def test_a_slice_is_looked_at_and_two_revisions_are_compared(
    taken_in: Days, ckpt_ops: Callable[..., Result]
) -> None:
    first = taken_in.log.state().slices[KEY].ref.revision
    taken_in.run("n,word,extra\n1,a,x\n2,b,y\n9,d,z\n", KEY)
    before = everything(taken_in)

    view = json.loads(ckpt_ops("slice", "days", KEY, "--against", first, "--json").stdout)

    assert (view["rows"], view["status"], len(view["revisions"])) == (3, "accepted", 2)
    assert view["head"][0] == {"n": 1, "word": "a", "extra": "x"}
    n = view["columns"][0]
    assert (n["name"], n["min"], n["max"], n["mean"], n["nulls"]) == ("n", 1, 9, 4.0, 0)
    change = view["difference"]
    assert change["words"] == "-1 row; column extra is new (string)"
    assert (change["gone"], change["new"]) == (2, 1)
    assert change["examples_new"] == [{"n": 9, "word": "d"}]
    shown = ckpt_ops("slice", "days", KEY, "--against", first).stdout
    assert f"Since revision {first}: -1 row; column extra is new (string)" in shown
    assert "2 rows are gone and 1 are new" in shown
    assert f"--against {first}" in ckpt_ops("slice", "days", KEY).stdout
    old = json.loads(ckpt_ops("slice", "days", KEY, "--revision", first, "--json").stdout)
    assert (old["rows"], old["difference"]) == (4, None)
    assert everything(taken_in) == before


def test_a_slice_that_is_none_is_refused(taken_in: Days, ckpt_ops: Callable[..., Result]) -> None:
    for arguments, said in (
        ((KEY, "--revision", "00ff"), "revision='00ff'"),
        (("2014-01-01",), f"a slice that was pulled: {KEY}, {SECOND}, {THIRD}"),
    ):
        refused = ckpt_ops("slice", "days", *arguments)
        assert (refused.exit_code, said in refused.stderr) == (2, True), refused.output
