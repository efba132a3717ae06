"""`status`, `rollback`, `backtest` of a fleet or a pattern: one question, and one model stops no other."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from fleet_folder import forget, write_small

from ckpt_ops.cli import fleet_backtest, many
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import (
    CandidateStarted,
    CandidateTrained,
    Evaluated,
    Promoted,
    Record,
    SliceAccepted,
    SliceRef,
)
from ckpt_ops.store import LocalStore

Run = Callable[..., Result]
BETWEEN = "2013-02-01T00:00"


def promoted(number: int, *, time: str) -> list[Record]:
    """A slice, and the version that it made."""
    parent, ref = number - 1 or None, SliceRef(key=f"2013-{number:02}-06", revision=f"{number:02}ab", rows=9)
    return [
        SliceAccepted(slice=ref),
        CandidateStarted(
            version=number, candidate=f"c{number}", parent=parent, slices=(ref,), reason="newer"
        ),
        CandidateTrained(
            version=number, step=1, stopped_by="max_steps", checkpoints=1, manifest="m", artifacts={}
        ),
        Evaluated(
            version=number, champion=parent, passed=True, metrics={"candidate": {"auc": 0.6}}, verdicts=()
        ),
        Promoted(version=number, champion=parent, time=time),
    ]


@pytest.fixture
def fleet(store: LocalStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LocalStore]:
    """Beside `flight_delay`: two versions of shops.a and shops.b, one of shops.new; shops.c has no log."""
    (tmp_path / "dags").mkdir()
    write_small(tmp_path / "dags", "shops", ("a", "b", "bad", "c"))
    monkeypatch.setenv("CKPT_OPS_DAGS", str(tmp_path / "dags"))
    monkeypatch.syspath_prepend(str(tmp_path / "dags"))
    for model, versions in {"shops.a": 2, "shops.b": 2, "shops.new": 1}.items():
        log = ModelLog(store, model)
        for number in range(1, versions + 1):
            month = 3 if model == "shops.new" else number
            for record in promoted(number, time=f"2013-{month:02}-15T00:00:00.000+00:00"):
                log.append(record, after=log.state())
    forget("shops")
    yield store
    forget("shops")


def heads(store: LocalStore) -> dict[str, int | None]:
    return {name: ModelLog(store, f"shops.{name}").state().head for name in ("a", "b", "new")}


class TestStatus:
    def test_of_a_fleet_shows_its_members_those_not_begun_and_why_one_is_not_described(
        self, ckpt_ops: Run, fleet: LocalStore
    ) -> None:
        done = ckpt_ops("status", "shops", "--json")
        found = {view["model"]: view for view in json.loads(done.stdout)}
        assert list(found) == ["shops.a", "shops.b", "shops.new", "shops.c", "shops.bad"]
        assert [found[name]["head"] for name in ("shops.a", "shops.c")] == [2, None]
        assert "no budget for bad" in found["shops.bad"]["not_described"]
        assert found["shops.a"]["not_described"] is None
        assert done.exit_code == 1
        told = ckpt_ops("status", "shops").stdout
        assert "no run yet" in told
        assert "NOT DESCRIBED: shops.bad is not described" in told

    def test_of_a_pattern_asks_the_store_alone(self, ckpt_ops: Run, fleet: LocalStore) -> None:
        done = ckpt_ops("status", "shops.?", "--json")
        assert [view["model"] for view in json.loads(done.stdout)] == ["shops.a", "shops.b"]
        assert done.exit_code == 0

    def test_a_fleet_whose_code_fails_is_shown_by_what_it_has_learned(
        self, ckpt_ops: Run, fleet: LocalStore, tmp_path: Path
    ) -> None:
        (tmp_path / "dags" / "shops" / "pipeline.py").write_text("from ckpt_ops import Fleet\n1 / 0\n")
        done = ckpt_ops("status", "shops")
        assert "shops.a" in done.stdout
        assert "ZeroDivisionError" in done.stdout
        assert done.exit_code == 1

    def test_one_member_and_one_model_are_as_before(self, ckpt_ops: Run, fleet: LocalStore) -> None:
        for name in ("shops.a", "flight_delay"):
            (view,) = json.loads(ckpt_ops("status", name, "--json").stdout)
            assert view["model"] == name
            assert "not_described" not in view


class TestRollback:
    def test_takes_each_model_to_what_it_had_at_a_time(self, ckpt_ops: Run, fleet: LocalStore) -> None:
        done = ckpt_ops("rollback", "shops", "--as-of", BETWEEN, "--why", "a bad feed", "--yes")
        assert heads(fleet) == {"a": 1, "b": 1, "new": 1}
        assert "2 models rolled back, 0 failed, 1 cannot go there, 0 were there already." in done.stdout
        assert "cannot: nothing was in production then" in done.stdout
        assert done.exit_code == 1
        assert ModelLog(fleet, "flight_delay").state().head == 2

    def test_run_again_it_does_what_is_left(self, ckpt_ops: Run, fleet: LocalStore) -> None:
        command = ("rollback", "shops.[ab]", "--as-of", BETWEEN, "--why", "a bad feed", "--yes")
        assert ckpt_ops("rollback", "shops.a", "--to", "1", "--why", "earlier").exit_code == 0
        assert ckpt_ops(*command).exit_code == 0
        again = ckpt_ops(*command)
        assert "0 models rolled back, 0 failed, 0 cannot go there, 2 were there already." in again.stdout
        assert again.exit_code == 0
        assert len(ModelLog(fleet, "shops.a").state().moves) == 3

    def test_one_that_fails_stops_none_of_the_others(
        self, ckpt_ops: Run, fleet: LocalStore, tmp_path: Path
    ) -> None:
        first = sorted((tmp_path / "store" / "models" / "shops.a" / "log").iterdir())[0]
        first.write_bytes(b"{")
        done = ckpt_ops("rollback", "shops.[ab]", "--as-of", BETWEEN, "--why", "a bad feed", "--yes")
        assert done.exit_code == 1
        assert heads_of(fleet, "b") == 1
        assert "shops.a" in done.stdout

    def test_nothing_is_done_where_nobody_can_be_asked(self, ckpt_ops: Run, fleet: LocalStore) -> None:
        done = ckpt_ops("rollback", "shops", "--as-of", BETWEEN, "--why", "a bad feed")
        assert done.exit_code == 2
        assert "--yes" in done.stderr
        assert heads(fleet) == {"a": 2, "b": 2, "new": 1}

    def test_a_person_is_asked_once_and_may_say_no(
        self, ckpt_ops: Run, fleet: LocalStore, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        asked: list[str] = []
        monkeypatch.setattr(many, "_somebody_there", lambda: True)
        monkeypatch.setattr(many.typer, "confirm", lambda question, err: bool(asked.append(question)))
        done = ckpt_ops("rollback", "shops", "--as-of", BETWEEN, "--why", "a bad feed")
        assert (done.exit_code, asked) == (1, ["Roll back 2 models?"])
        assert heads(fleet)["a"] == 2

    @pytest.mark.parametrize(
        ("arguments", "message"),
        [
            ([], "one of --to VERSION and --as-of TIME"),
            (["--to", "1", "--as-of", BETWEEN], "one of --to VERSION and --as-of TIME"),
            (["--as-of", "yesterday"], "a time such as"),
        ],
    )
    def test_which_version_has_to_be_clear(
        self, ckpt_ops: Run, fleet: LocalStore, arguments: list[str], message: str
    ) -> None:
        done = ckpt_ops("rollback", "shops", *arguments, "--why", "x", "--yes")
        assert done.exit_code == 2
        assert message in done.stderr

    def test_one_model_goes_back_to_a_time_too(self, ckpt_ops: Run, fleet: LocalStore) -> None:
        assert ckpt_ops("rollback", "shops.a", "--as-of", BETWEEN, "--why", "x").exit_code == 0
        assert heads(fleet) == {"a": 1, "b": 2, "new": 1}
        early = ckpt_ops("rollback", "shops.b", "--as-of", "2012-01-01", "--why", "x")
        assert early.exit_code == 2
        assert "a time at which a version of shops.b was in production" in early.stderr


class TestBacktest:
    def test_a_model_that_cannot_be_replayed_is_named_and_the_exit_code_says_so(
        self, ckpt_ops: Run, fleet: LocalStore, tmp_path: Path
    ) -> None:
        policies = tmp_path / "policies.py"
        policies.write_text("from ckpt_ops import Every\nweekly = Every(slices=1)\n")
        done = ckpt_ops("backtest", "shops", "--policies", str(policies), "--json")
        found: dict[str, Any] = json.loads(done.stdout)
        assert list(found["errors"]) == ["shops.a", "shops.b", "shops.new"]
        assert "this one only takes slices in" in found["errors"]["shops.a"]
        assert found["policies"] == []
        assert done.exit_code == 1

    def test_a_result_counts_for_the_question_that_it_answers(self, tmp_path: Path) -> None:
        (tmp_path / "shops.a").mkdir()
        written = tmp_path / "shops.a" / "backtest.json"
        for text, of, counts in (
            ('{"question": "q"}', "q", True),
            ('{"question": "q"}', "other", False),
            ("{}", "q", False),
            ('{"question": ', "q", False),
        ):
            written.write_text(text)
            assert (fleet_backtest._known(tmp_path, "shops.a", of) is not None) is counts
        assert fleet_backtest._known(tmp_path, "shops.b", "q") is None
        assert fleet_backtest._known(None, "shops.a", "q") is None


def heads_of(store: LocalStore, name: str) -> int | None:
    return ModelLog(store, f"shops.{name}").state().head
