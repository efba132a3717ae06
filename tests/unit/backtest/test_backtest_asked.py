"""What a back-test is asked: the policies of a file, and the recorded slices with their times."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from ckpt_ops.backtest.compare import Asked, usual_metric
from ckpt_ops.backtest.policies_file import load_policies
from ckpt_ops.backtest.recorded import Clock, recorded
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import LineageState, fold
from ckpt_ops.lineage.records import Record, SliceAccepted, SliceQuarantined, SliceRef, SliceWithdrawn
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.policies import AnyOf, Every, Facts, Rows

# --- policies -----------------------------------------------------------------------------------------


CHAMPION: dict[str, Any] = {"seconds_since_update": 1.0, "has_champion": True}


def written(folder: Path, text: str) -> Path:
    path = folder / "a.py"
    path.write_text(text)
    return path


def test_each_name_bound_to_a_policy_is_one_and_nothing_else_is(tmp_path: Path) -> None:
    found = load_policies(
        written(
            tmp_path,
            "from ckpt_ops import policies\n"
            "from ckpt_ops.policies import AnyOf, Every, Facts, Rows, decide\n"
            "_weekly = Every(slices=1)\n"
            "every_two = Every(slices=2)\n"
            "many = AnyOf(_weekly, Rows(at_least=9))\n"
            "class Mine:\n    def decide(self, facts):\n        return decide(_weekly, facts)\n"
            "mine = Mine()\n"
            "number = 3\n",
        )
    )
    assert list(found) == ["every_two", "many", "mine"]
    assert found["every_two"] == Every(slices=2)
    assert found["many"] == AnyOf(Every(slices=1), Rows(at_least=9))
    assert found["mine"].decide(Facts(pending_rows=1, pending_slices=1, **CHAMPION)).due is True


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "binds at least one name to a policy"),
        ("from ckpt_ops.policies import Always\nnever = Always\n", "binds at least one name to a policy"),
        ("weekly = Every(slices=1)\n", "NameError: name 'Every' is not defined"),
        ("weekly = \n", "SyntaxError"),
        ("import nothing_of_this_name\n", "ModuleNotFoundError"),
        ("raise SystemExit(3)\n", "SystemExit: 3"),
        ("from ckpt_ops.policies import Every\nnever = Every(slices=0)\n", "Every.slices"),
    ],
)
def test_a_file_without_policies_says_what_is_wrong(tmp_path: Path, text: str, message: str) -> None:
    path = written(tmp_path, text)
    with pytest.raises(BadInput) as refused:
        load_policies(path)
    assert message in str(refused.value)
    assert str(path) in str(refused.value)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="an existing Python file"):
        load_policies(tmp_path / "b.py")


# --- slices -------------------------------------------------------------------------------------------


def accepted(*keys: str) -> list[Record]:
    """Accepted in this order, an hour apart."""
    begin = datetime(2020, 5, 1, tzinfo=UTC)
    return [
        SliceAccepted(
            slice=SliceRef(key=key, revision="aa", rows=10), time=(begin + timedelta(hours=at)).isoformat()
        )
        for at, key in enumerate(keys)
    ]


def state(*records: Record) -> LineageState:
    return fold("m", records)


W = [f"2013-01-{day:02}" for day in (6, 13, 20, 27)]


def test_slices_come_in_key_order_each_when_the_next_begins() -> None:
    found = recorded(state(*accepted(W[2], W[0], W[1])))
    assert [one.ref.key for one in found.slices] == W[:3]
    assert found.clock is Clock.KEYS
    assert [one.time.isoformat()[:10] for one in found.slices] == W[1:4]


def test_a_part_of_the_slices_comes_when_it_would_among_all() -> None:
    found = recorded(state(*accepted(*W, "2013-03-01")), first=W[1], last=W[3])
    assert [one.ref.key for one in found.slices] == W[1:]
    assert found.slices[-1].time.isoformat()[:10] == "2013-03-01"


def test_keys_that_are_no_times_come_when_they_were_accepted_never_before_an_older_one() -> None:
    found = recorded(state(*accepted("batch-2", "batch-1", "batch-3")))
    assert found.clock is Clock.ACCEPTED
    assert [(one.ref.key, one.time.hour) for one in found.slices] == [
        ("batch-1", 1),
        ("batch-2", 1),
        ("batch-3", 2),
    ]
    mixed = recorded(state(*accepted(W[0], "2013-W02")))
    assert mixed.clock is Clock.ACCEPTED


def test_only_what_stands_accepted_is_replayed_in_its_newest_revision() -> None:
    corrected = SliceAccepted(slice=SliceRef(key=W[0], revision="bb", rows=11))
    gone = SliceWithdrawn(slice=SliceRef(key=W[1], revision="aa", rows=10), reason="wrong")
    bad = SliceQuarantined(slice=SliceRef(key=W[3], revision="cc", rows=10), report="")
    found = recorded(state(*accepted(*W), corrected, gone, bad))
    assert [(one.ref.key, one.ref.revision) for one in found.slices] == [(W[0], "bb"), (W[2], "aa")]


@pytest.mark.parametrize(
    ("known", "first", "last", "message"),
    [
        ([], None, None, "a model with accepted slices; it has none"),
        (W[:1], None, None, "at least two accepted slices; there are 1"),
        (W, "2013-01-07", None, "--from='2013-01-07' is not allowed"),
        (W, None, "2014", "--to='2014' is not allowed"),
        (W, W[2], W[1], "at least two accepted slices"),
        (W, W[3], None, "at least two accepted slices"),
    ],
)
def test_a_range_without_two_slices_is_refused_naming_those_there_are(
    known: list[str], first: str | None, last: str | None, message: str
) -> None:
    with pytest.raises(BadInput) as refused:
        recorded(state(*accepted(*known)), first=first, last=last)
    assert message in str(refused.value)
    assert all(key in str(refused.value) for key in known)


# --- the question -------------------------------------------------------------------------------------


def test_the_metric_is_that_of_the_first_gate_that_bounds_one(tmp_path: Path) -> None:
    assert usual_metric(load_pipeline("flight_delay", Path(__file__).parents[3] / "dags")) == "auc"
    with pytest.raises(BadInput, match="--metric"):
        Asked(policies=tmp_path, metric="kappa")
