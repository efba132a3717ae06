"""`ckpt-ops retrain`: what it says, what it refuses, and what other commands say of it afterwards."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from click.testing import Result
from stand_in import W1, W2, W3, Place

from ckpt_ops.diagnostics.audit import Audited, OfChampion, OfScratch
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage.retraining import Selection

Run = Callable[..., Result]


def flat(text: str) -> str:
    return " ".join(text.replace("│", " ").replace("┃", " ").split())


def test_a_dry_run_shows_what_would_be_trained_and_records_nothing(history: Place, ckpt_ops: Run) -> None:
    records = history.records()
    done = ckpt_ops("retrain", "people", "--from-scratch", "--newest", "2", "--dry-run")
    assert done.exit_code == 0, done.output
    said = flat(done.stdout)
    assert f"version 4 would be retrained from scratch on {W2}, {W3}" in said
    assert "5 rows, held-out ones included, and at most 30 steps of 128" in said
    assert f"it would not know these slices, and nothing trains on them by itself: {W1}" in said
    found = json.loads(ckpt_ops("retrain", "people", "--from-champion", "--dry-run", "--json").stdout)
    assert (found["parent"], found["version"], found["without"]) == (3, 4, [])
    assert history.records() == records


def test_every_command_says_that_it_was_retrained_and_on_what(history: Place, ckpt_ops: Run) -> None:
    done = ckpt_ops("retrain", "people", "--from-scratch", "--slices", f"{W2}:{W3}", "--why", "a fresh start")
    assert done.exit_code == 0, done.output
    assert "version 4: promoted" in done.stdout
    message = f"retrained from scratch on {W2}, {W3}"
    show = flat(ckpt_ops("show", "people").stdout)
    for part in (message, "none: from scratch", "a fresh start", f"consumed before, and left out: {W1}"):
        assert part in show
    assert json.loads(ckpt_ops("show", "people", "--json").stdout)["retrained"] == message
    log = json.loads(ckpt_ops("log", "people", "--json").stdout)
    (started,) = [one for one in log if one.get("again")]
    assert [ref["key"] for ref in started["again"]["without"]] == [W1]
    assert (started["replaces"], started["parent"]) == (3, None)
    assert "from scratch" in flat(ckpt_ops("log", "people").stdout)
    card = ckpt_ops("card", "people", "4").stdout
    for part in (message, f"consumed before, and left out: `{W1}`", "it replaces version 3"):
        assert part in card
    last = json.loads(ckpt_ops("production", "people", "--json").stdout)[-1]
    assert (last["version"], last["how"]) == (4, "retrained")
    slices = {one["key"]: one for one in json.loads(ckpt_ops("slices", "people", "--json").stdout)}
    assert slices[W1]["why"] == "consumed before; version 4 was retrained without it"

    done = ckpt_ops("retrain", "people", "--from-champion", "--newest", "1", "--why", "more of it")
    assert done.exit_code == 0, done.output
    assert f"retrained from the champion, version 4, on {W3}" in flat(ckpt_ops("show", "people").stdout)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ([], "expected one of the two"),
        (["--from-scratch", "--from-champion"], "expected one of the two"),
        (["--from-scratch", "--slices", W1], "FROM:TO"),
        (["--from-scratch", "--slices", f"{W1}:"], "FROM:TO"),
        (["--from-scratch", "--slices", f"{W1}:{W2}", "--newest", "1"], "one of them"),
        (["--from-scratch", "--newest", "0"], "1 or more"),
        (["--from-scratch", "--max-steps", "0"], "max_steps"),
    ],
)
def test_bad_input_is_refused_by_the_name_of_the_option(
    history: Place, ckpt_ops: Run, given: list[str], message: str
) -> None:
    records = history.records()
    done = ckpt_ops("retrain", "people", *given, "--why", "x")
    assert done.exit_code != 0
    assert message in flat(str(done.exception) + done.output)
    assert history.records() == records


def test_without_a_reason_only_a_dry_run_goes_on(history: Place, ckpt_ops: Run) -> None:
    done = ckpt_ops("retrain", "people", "--from-scratch")
    assert "a reason" in flat(str(done.exception) + done.output)


def test_one_that_the_gates_reject_fails_and_says_how_to_go_on(history: Place, ckpt_ops: Run) -> None:
    history.good = False
    done = ckpt_ops("retrain", "people", "--from-scratch", "--why", "x")
    assert done.exit_code != 0
    assert "--despite-gates" in flat(str(done.exception) + done.output)


def test_a_range_of_keys_that_hold_colons() -> None:
    found = Selection.of("2013-01-06T05:00:2013-01-06T07:00")
    assert (found.first, found.last) == ("2013-01-06T05:00", "2013-01-06T07:00")
    with pytest.raises(BadInput, match="FROM:TO"):
        Selection.of("a:b:c")


@pytest.mark.parametrize(
    ("metric", "delta", "advises"), [("auc", -0.1, True), ("auc", 0.1, False), ("log_loss", 0.1, True)]
)
def test_an_audit_names_the_command_where_a_fresh_start_is_better(
    metric: str, delta: float, advises: bool
) -> None:
    found = Audited(
        model="people",
        metric=metric,
        delta=delta,
        low=delta - 0.01,
        high=delta + 0.01,
        confidence=0.95,
        champion=OfChampion(version=3, value=0.5, steps=9, seconds=1.0, updates=3),
        from_scratch=OfScratch(value=0.6, steps=40, seconds=1.0),
        rows=100,
        on=(W3,),
        slices=3,
        max_steps=40,
    )
    command = "ckpt-ops retrain people --from-scratch --max-steps 40 --why TEXT"
    assert (found.advice or "").startswith(command) is advises
    unsure = json.loads(json.dumps(found.to_json()))
    assert (unsure["advice"] is not None) is advises
