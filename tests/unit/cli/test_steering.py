"""Values, names and texts that would steer a terminal: no command lets one through."""

from __future__ import annotations

import re

import pytest

from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Held, SliceAccepted, SliceQuarantined, SliceRef
from ckpt_ops.validation import Kind, Outcome, Reason, Validation

EVIL = "\x1b]0;owned\x07\x1b[2J\x9b1m\u202e\rfine"
REF = SliceRef(key="2013-02-03", revision="03ab", rows=3)


@pytest.fixture
def poisoned(store, monkeypatch):
    """A value, a column's name, a reason and an actor that each hold escapes."""
    report = "slices/flights/2013-02-03/03ab/quarantine/report.json"
    reason = Reason(kind=Kind.FAILED, column=EVIL, message=f"{EVIL} is null", examples=(EVIL,), why=EVIL)
    verdict = Validation(
        outcome=Outcome.QUARANTINED,
        rows=3,
        reasons=(reason,),
        expectations=1,
        seconds=0.1,
        suite=EVIL,
        suite_digest="0",
    )
    store.put(report, verdict.to_json())
    log = ModelLog(store, "flight_delay")
    for record in (
        SliceQuarantined(slice=REF, report=report, reason=EVIL, actor=EVIL, run=EVIL),
        SliceAccepted(slice=SliceRef(key="2013-02-10", revision="10ab", rows=3), reason=EVIL),
        Held(reason=EVIL),
    ):
        log.append(record, after=log.state())
    return store


@pytest.mark.parametrize(
    ("arguments", "shows"),
    [
        (["status"], True),
        (["log", "flight_delay"], True),
        (["slices", "flight_delay"], True),
        (["show", "flight_delay"], False),
        (["quarantine", "list", "flight_delay"], True),
        (["quarantine", "show", "flight_delay", "2013-02-03"], True),
        (["show", EVIL], True),
        (["quarantine", "show", "flight_delay", EVIL], True),
        (["withdraw", "flight_delay", "--slice", "2013-02-10", "--why", EVIL], False),
        (["production", "flight_delay"], False),
        (["report", "flight_delay", EVIL], True),
    ],
)
def test_nothing_that_steers_comes_out(ckpt_ops, poisoned, arguments, shows):
    done = ckpt_ops(*arguments)
    assert re.findall(r"[^\n\t\x20-\x7e\xa0-\u2027\u2030-\ud7ff]", done.stdout + done.stderr) == []
    said = re.sub(r"\W", "", done.stdout + done.stderr)
    assert ("owned" in said) == shows, "it is shown, written out"
