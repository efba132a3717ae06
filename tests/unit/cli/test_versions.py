"""`promote`, `reject`, `production`, `diff` and `card`: what a person decides on a version, and looks at."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from click.testing import Result
from hypothesis import given
from hypothesis import strategies as st
from saved import MODEL, manifest_name, save_history

from ckpt_ops.diagnostics.diff import relative_change
from ckpt_ops.lineage import ModelLog, VersionStatus
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Held,
    Record,
    SliceAccepted,
    SliceRef,
)
from ckpt_ops.promotion.markdown import literal
from ckpt_ops.store import LocalStore

CliRun = Callable[..., Result]
NEWEST = SliceRef(key="2013-01-27", revision="27ab", rows=27_000)


def say(store: LocalStore, *records: Record) -> None:
    log = ModelLog(store, MODEL)
    for record in records:
        log.append(record, after=log.state())


@pytest.fixture
def dags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CKPT_OPS_DAGS", str(Path(__file__).parents[3] / "dags"))


@pytest.fixture
def waiting(store: LocalStore, dags: None) -> LocalStore:
    """Version 4, of the slice that was refused before, waits for a person."""
    say(
        store,
        CandidateStarted(version=4, candidate="c4", parent=2, slices=(NEWEST,)),
        CandidateTrained(
            version=4, step=10, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts={}, seconds=2
        ),
        Evaluated(
            version=4,
            champion=2,
            passed=True,
            metrics={"candidate": {"auc": 0.7}, "champion": {"auc": 0.68}},
            verdicts=("AtLeast: fine",),
            reason="passed: 1 of 1 gates passed",
        ),
    )
    return store


class TestPromote:
    def test_it_is_approved_and_in_production_and_the_reason_is_kept(
        self, ckpt_ops: CliRun, waiting: LocalStore
    ) -> None:
        assert "awaits approval: version 4" in ckpt_ops("status").stdout
        done = ckpt_ops("promote", MODEL, "4", "--approve", "--why", "the deltas are fine")
        assert done.exit_code == 0, done.output
        assert "Version 4 of flight_delay is in production" in done.stdout
        assert ModelLog(waiting, MODEL).state().head == 4
        assert "waits" not in ckpt_ops("status").stdout

        history = json.loads(ckpt_ops("production", MODEL, "--json").stdout)
        assert [(one["version"], one["how"]) for one in history] == [
            (1, "promoted by gates"),
            (2, "promoted by gates"),
            (4, "approved"),
        ]
        assert history[-1]["why"] == "the deltas are fine"
        assert history[0]["until"] == history[1]["since"]
        assert "the deltas are fine" in ckpt_ops("production", MODEL).stdout

    def test_a_hold_stays_and_it_says_so(self, ckpt_ops: CliRun, waiting: LocalStore) -> None:
        say(waiting, Held(reason="refused three times"))
        done = ckpt_ops("promote", MODEL, "4", "--approve", "--why", "fine")
        assert "still on hold: refused three times" in done.stdout

    def test_what_cannot_be_promoted_any_more_fails(self, ckpt_ops: CliRun, waiting: LocalStore) -> None:
        assert ckpt_ops("taint", MODEL, "--slice", NEWEST.key, "--why", "poisoned").exit_code == 0
        done = ckpt_ops("promote", MODEL, "4", "--approve", "--why", "fine")
        assert (done.exit_code, "tainted: poisoned" in done.stderr) == (1, True)
        assert ModelLog(waiting, MODEL).state().head == 2

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            (["promote", MODEL, "4", "--why", "fine"], "--approve"),
            (["promote", MODEL, "4", "--approve"], "--why"),
            (["promote", MODEL, "4", "--approve", "--why", " "], "a reason"),
            (["promote", MODEL, "3", "--approve", "--why", "fine"], "whose checkpoint is kept"),
            (["promote", MODEL, "2", "--approve", "--why", "fine"], "it is promoted"),
            (["promote", MODEL, "9", "--approve", "--why", "fine"], "a version of flight_delay: 1, 2, 3, 4"),
            (["reject", MODEL, "4"], "--why"),
            (["reject", MODEL, "4", "--why", ""], "a reason"),
            (["reject", MODEL, "1", "--why", "bad"], "it is promoted"),
            (["diff", MODEL, "1", "9"], "a version of flight_delay: 1, 2, 3, 4"),
            (["card", MODEL, "9"], "a version of flight_delay: 1, 2, 3, 4"),
            (["card", MODEL, "--json", "--markdown", "x.md"], "one of them"),
            (["production", "nobody"], "one of flight_delay"),
        ],
    )
    def test_what_is_refused_changes_nothing(
        self, ckpt_ops: CliRun, waiting: LocalStore, arguments: list[str], message: str
    ) -> None:
        before = list(waiting.list(""))
        done = ckpt_ops(*arguments)
        assert done.exit_code == 2, done.output
        assert message in " ".join(done.stderr.replace("│", " ").split())
        assert list(waiting.list("")) == before


def test_reject_gives_the_slice_back(ckpt_ops: CliRun, waiting: LocalStore) -> None:
    done = ckpt_ops("reject", MODEL, "4", "--why", "evenings are off")
    assert (done.exit_code, "Pending slices: 2013-01-27" in done.stdout) == (0, True)
    assert ModelLog(waiting, MODEL).state().versions[4].status is VersionStatus.REJECTED


class TestCard:
    def test_it_says_what_the_version_learned_cost_and_became(
        self, ckpt_ops: CliRun, waiting: LocalStore, tmp_path: Path
    ) -> None:
        undecided = json.loads(ckpt_ops("card", MODEL, "4", "--json").stdout)
        assert undecided["decision"] is None
        assert undecided["data"]["slices"] == [{"key": "2013-01-27", "revision": "27ab", "rows": 27_000}]
        assert undecided["data"]["rows_in_all"] == 46_000
        assert undecided["lineage"]["ancestors"] == [1, 2]
        assert undecided["cost"] == {"steps": 10, "seconds": 2, "stopped_by": "max_steps", "checkpoints": 1}

        assert ckpt_ops("promote", MODEL, "4", "--approve", "--why", "fine").exit_code == 0
        shown = ckpt_ops("card", MODEL).stdout
        assert "# flight_delay, version 4" in shown
        assert "**Promoted** (approved) by" in shown
        assert "| `auc` | 0.7000 | 0.6800 |" in shown
        written = tmp_path / "card.md"
        assert ckpt_ops("card", MODEL, "--markdown", str(written)).exit_code == 0
        (kept,) = [e.name for e in waiting.list(f"models/{MODEL}/v4/card-") if e.name.endswith(".md")]
        assert written.read_text() == waiting.get(kept).decode(), "the one that was kept is the same"


class TestDiff:
    @pytest.fixture
    def kept(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> LocalStore:
        (tmp_path / "kept").mkdir()
        store = LocalStore(tmp_path / "kept")
        save_history(store)
        monkeypatch.setenv("CKPT_OPS_STORE", store.url)
        return store

    def test_data_lineage_and_weights_stand_side_by_side(self, ckpt_ops: CliRun, kept: LocalStore) -> None:
        found = json.loads(ckpt_ops("diff", MODEL, "1", "2", "--json").stdout)
        assert found["lineage"] == {"common": 1, "from_common_a": 0, "from_common_b": 1}
        assert [ref["key"] for ref in found["data"]["only_b"]] == ["2013-01-20"]
        assert found["data"]["only_a"] == []
        assert (found["data"]["rows_a"], found["data"]["rows_b"]) == (100, 200)
        tensors = found["tensors"]
        assert (tensors["compared"], tensors["unchanged"]) == (2, 1)
        assert tensors["largest"][0] == {
            "name": "model/w",
            "shape": [3],
            "change": pytest.approx(1000 / 1100),
        }
        shown = ckpt_ops("diff", MODEL, "1", "2").stdout
        assert "version 2 descends from version 1, 1 on" in shown
        assert "1 of 2 tensors are the same" in shown

    def test_without_a_checkpoint_the_rest_is_shown(self, ckpt_ops: CliRun, kept: LocalStore) -> None:
        kept.delete(manifest_name(2, 100))
        done = ckpt_ops("diff", MODEL, "1", "2")
        assert (done.exit_code, "a checkpoint is not kept" in done.stdout) == (0, True)

    def test_a_revised_slice_and_a_common_ancestor(self, ckpt_ops: CliRun, store: LocalStore) -> None:
        later = SliceAccepted(slice=SliceRef(key="2013-01-13", revision="later", rows=5))
        say(store, later, CandidateStarted(version=4, candidate="c4", parent=1, slices=(later.slice,)))
        found = json.loads(ckpt_ops("diff", MODEL, "3", "4", "--json").stdout)
        assert found["lineage"] == {"common": 1, "from_common_a": 2, "from_common_b": 1}
        assert [(one["key"], one["a"], one["b"]) for one in found["data"]["revised"]] == [
            ("2013-01-13", "13ab", "later")
        ]
        assert "both descend from version 1, 2 and 1 versions on" in ckpt_ops("diff", MODEL, "3", "4").stdout


def test_a_change_is_relative_to_what_was_there() -> None:
    zero, one = np.zeros((2, 2), np.float32), np.ones((2, 2), np.float32)
    assert relative_change(one, 3 * one) == pytest.approx(2.0)
    assert relative_change(one, one) == relative_change(zero, zero) == 0.0
    assert relative_change(zero, one) is None, "no number says how far it is from nothing"
    assert relative_change(np.array([2**40]), np.array([2**41])) == pytest.approx(1.0)


@given(st.text())
def test_words_of_others_stay_words_in_markdown(text: str) -> None:
    shown = literal(text)
    inside = shown[1:-1]
    assert "\n" not in shown
    assert shown == "-" or (shown[0] == shown[-1] == "`" and "`" not in inside and "|" not in inside)
