"""A slice that changes at its source after it was consumed is noticed by the next slice's run."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import Result
from stand_in import ADA, BOB, EVE, W1, W2, W3, W4, W5, Place
from taken_in import GOOD, KEY, Days

from ckpt_ops.errors import BadInput, ModelOnHold, SliceMissing, SourceUnavailable, StoreUnavailable
from ckpt_ops.intake.source_sweep import sweep
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Held, SourceChanged
from ckpt_ops.pipeline import EmptySlices, Pipeline
from ckpt_ops.pipeline.step_results import Validated
from ckpt_ops.policies import Rows
from ckpt_ops.runs import messages, steps
from ckpt_ops.runs.slice_runs import NotRun, run_all, run_one
from ckpt_ops.runs.sweep import look_at_source
from ckpt_ops.slices import BigQueryTable, Files, HttpPages, PostgresTable
from ckpt_ops.validation import Outcome


def swept(place: Place, pipeline: Pipeline | None = None):
    log = ModelLog(place.store, "people")
    return sweep(pipeline or place.pipeline, place.store, log, log.state())


def said(place: Place) -> list[SourceChanged]:
    return [one for one in ModelLog(place.store, "people").records() if isinstance(one, SourceChanged)]


def test_nothing_is_said_while_all_is_as_it_was(history: Place) -> None:
    assert swept(history).looked_at == 3
    assert steps.decide(history.pipeline, history.store, W4).changed_at_source == ()
    assert said(history) == []


def test_the_next_run_notices_it_once_and_reads_no_rows(
    history: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.land(W2, (ADA, 10), (BOB, 21), (ADA, 40))
    monkeypatch.setattr(Files, "read_part", lambda *_: pytest.fail("rows were read"))
    for _ in range(2):
        decided = steps.decide(history.pipeline, history.store, W4)
        assert decided.changed_at_source == (W2,)
        assert decided.train, "the run goes on"
    (record,) = said(history)
    assert [one.key for one in record.slices] == [W2]
    assert list(history.state().changed_slices) == [W2]


def test_it_is_shown_until_the_slice_is_pulled_again(history: Place, ckpt_ops: Callable[..., Result]) -> None:
    history.land(W2, (ADA, 10), (BOB, 21))
    steps.decide(history.pipeline, history.store, W4)
    for arguments in (("status", "people"), ("plan", "people")):
        shown = ckpt_ops(*arguments).stdout
        assert f"CHANGED AT ITS SOURCE: slice {W2} of people, which version 2 consumed" in shown
        assert f"ckpt-ops run people --slice {W2}" in shown
    (row,) = (one for one in json.loads(ckpt_ops("slices", "people", "--json").stdout) if one["key"] == W2)
    assert row["changed_at_source"]
    assert "CHANGED AT ITS SOURCE" in row["why"]
    (view,) = json.loads(ckpt_ops("status", "people", "--json").stdout)
    assert [one["key"] for one in view["changed_at_source"]] == [W2]

    history.take_in(W2)
    assert history.state().changed_slices == {}
    assert "CHANGED" not in ckpt_ops("status", "people").stdout
    assert (
        f"corrected ({history.state().consumed[W2].revision} became"
        in ckpt_ops("slices", "people", "--json").stdout
    )
    assert "-1 rows" in ckpt_ops("slices", "people", "--json").stdout


def test_a_change_that_is_taken_back_is_none(history: Place) -> None:
    history.land(W2, (ADA, 1))
    swept(history)
    history.land(W2, (ADA, 10), (BOB, 20), (ADA, 40))
    # the file has another fingerprint and the content that was consumed: pulling it tells
    steps.pull(history.pipeline, history.store, W2)
    assert swept(history).changed == ()
    assert [len(one.slices) for one in said(history)] == [1, 0]


def test_how_far_it_looks_back_is_a_setting_and_what_was_found_stays_in_sight(history: Place) -> None:
    history.land(W1, (EVE, 1))
    history.land(W3, (ADA, 1))
    assert swept(history, replace(history.pipeline, watch_consumed=1)).changed == (W3,)
    assert swept(history).changed == (W1, W3)
    assert swept(history, replace(history.pipeline, watch_consumed=1)).changed == (W1, W3)
    assert swept(history, replace(history.pipeline, watch_consumed=0)).looked_at == 0
    with pytest.raises(BadInput, match="watch_consumed"):
        replace(history.pipeline, watch_consumed=-1)


def test_a_source_that_fails_or_lacks_the_slice_fails_no_run(
    history: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.landing.delete(f"people/{W1}.csv")
    assert swept(history).changed == ()

    def down(*_: object) -> str:
        raise SourceUnavailable("the source is down")

    history.land(W2, (ADA, 1))
    swept(history)
    monkeypatch.setattr(Files, "fingerprint", down)
    found = swept(history)
    assert (found.problem, found.changed) == ("the source is down", (W2,))
    assert steps.decide(history.pipeline, history.store, W4).train


class TestARunThatEndsBeforeItDecides:
    """It looks as well: what is missing or in quarantine must not hide what was rewritten."""

    @pytest.fixture
    def lines(self, history: Place) -> list[str]:
        history.land(W2, (ADA, 10), (BOB, 21), (ADA, 40))
        return []

    def test_because_its_slice_is_missing(self, history: Place, lines: list[str]) -> None:
        with pytest.raises(SliceMissing):
            steps.run_slice(history.pipeline, history.store, W5, lines.append)
        assert lines == messages.changed("people", [W2])
        assert list(history.state().changed_slices) == [W2]

    def test_because_its_slice_is_empty(self, history: Place, lines: list[str]) -> None:
        history.land(W5)
        skipping = replace(history.pipeline, empty_slices=EmptySlices.SKIP)
        assert run_one(skipping, history.store, W5, lines.append).decision is NotRun.EMPTY
        assert lines == messages.changed("people", [W2])

    def test_because_its_slice_is_quarantined(
        self, history: Place, lines: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        history.land(W5, (ADA, 1))
        bad = Validated(key=W5, revision="r", rows=1, set_aside=0, outcome=Outcome.QUARANTINED, reasons=())
        monkeypatch.setattr("ckpt_ops.runs.validate.validate", lambda *_: bad)
        assert steps.run_slice(history.pipeline, history.store, W5, lines.append).trained is None
        assert lines[-1:] == messages.changed("people", [W2])

    def test_because_the_model_is_on_hold(self, history: Place, lines: list[str]) -> None:
        history.say(Held(reason="look at it"))
        with pytest.raises(ModelOnHold) as held:
            steps.decide(history.pipeline, history.store, W4)
        assert held.value.__notes__ == messages.changed("people", [W2])

    def test_and_a_source_that_is_down_is_no_missing_slice(
        self, history: Place, lines: list[str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def down(*_: object) -> list[str]:
            raise SourceUnavailable("the source is down")

        monkeypatch.setattr(Files, "parts", down)
        (ran,) = run_all(history.pipeline, history.store, [W5], lines.append)
        assert ran.decision is NotRun.FAILED
        assert lines == [f"slice {W5}: failed: the source is down"]

    def test_and_an_intake_consumes_nothing(self, days: Days) -> None:
        assert look_at_source(days.intake, days.store) == []

    def test_and_a_store_that_is_down_costs_the_look_alone(
        self, history: Place, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def down(*_: object) -> None:
            raise StoreUnavailable("no answer")

        monkeypatch.setattr(ModelLog, "state", down)
        assert look_at_source(history.pipeline, history.store) == []
        assert caplog.messages == ["consumed slices were not compared with their source: no answer"]


def test_a_run_that_decides_says_it_in_the_first_line_and_with_a_command_below(history: Place) -> None:
    history.land(W2, (ADA, 1))
    lines = messages.decided(steps.decide(history.pipeline, history.store, W4))
    assert lines[0].startswith(f"slice {W4}: train on it ({W2} has changed at the source): ")
    (line,) = messages.changed("people", [W2])
    assert "ckpt-ops run people --slice" in line
    (many,) = messages.changed("people", [W1, W2, W3, W4, W5])
    assert many.startswith(f"slices {W1}, {W2}, {W3} and 2 more have changed at their source")
    assert messages.changed("people", []) == []


def test_a_run_whose_policy_finds_no_update_due_has_looked(history: Place) -> None:
    history.land(W2, (ADA, 1))
    patient = replace(history.pipeline, update_when=Rows(at_least=1_000))
    decided = steps.decide(patient, history.store, W4)
    assert not decided.train
    assert decided.changed_at_source == (W2,)


def test_an_expensive_fingerprint_is_not_asked_for(history: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Files, "cheap_fingerprint", False, raising=False)
    monkeypatch.setattr(Files, "fingerprint", lambda *_: pytest.fail("it was asked for"))
    assert swept(history).looked_at == 0
    schema = history.pipeline.source.schema
    table = {"name": "t", "schema": schema, "table": "a.b", "time_column": "at"}
    big = BigQueryTable(**{**table, "table": "p.a.b", "order_by": ("n",)})
    assert not big.cheap_fingerprint
    assert not PostgresTable(**table, connection="c").cheap_fingerprint
    assert PostgresTable(**table, connection="c", changed_by="at").cheap_fingerprint
    pages = HttpPages(name="t", schema=schema, url="https://api.example.com/{key}")
    assert not pages.cheap_fingerprint
    assert replace(pages, trust_etag=True).cheap_fingerprint


def test_a_correction_says_what_it_changes(days: Days) -> None:
    days.run(GOOD)
    first = days.log.state().slices[KEY].ref.revision
    result = days.run("n,word,more\n1,a,x\n")
    changes = f"corrects revision {first}: -3 rows; column more is new (string)"
    assert changes in result.summary
    assert changes in days.log.records()[-1].reason
    days.run("n\n1\n")
    assert "column word is gone" in days.log.records()[-1].reason


def test_what_nobody_can_compare_any_more_is_not_called_changed(history: Place) -> None:
    revision = history.state().consumed[W2].revision
    history.store.delete(f"slices/people/{W2}/{revision}/slice.json")
    history.land(W2, (ADA, 1))
    assert swept(history).changed == ()
