"""The parts of a slice are shared out, pulled by whoever, and committed whatever became of the shares."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.pipeline import Intake
from ckpt_ops.pipeline.step_results import Share
from ckpt_ops.runs.pull import pull, pull_share, share_out
from ckpt_ops.slices import Files, list_slices, read_slice, worth_sharing
from ckpt_ops.store import LocalStore

KEY = "2013-01-06"


@pytest.fixture
def landing(tmp_path: Path) -> LocalStore:
    (tmp_path / "landing").mkdir()
    return LocalStore(tmp_path / "landing")


@pytest.fixture
def intake(landing: LocalStore) -> Intake:
    schema = pa.schema([("n", pa.int64())])
    source = Files(name="days", url=landing.url, template="{key}/*.csv", schema=schema)
    return Intake(name="days", source=source, expectations="expectations.json")


def land(landing: LocalStore, **numbers: int) -> None:
    for name, number in numbers.items():
        landing.put(f"{KEY}/{name}.csv", b"n\n%d\n" % number)


def numbers(store: LocalStore) -> list[int]:
    (slice_,) = list_slices(store, "days", KEY)
    found: list[int] = read_slice(store, slice_)["n"].to_pylist()
    return found


def pulled(intake: Intake, store: LocalStore, share: Share) -> list[str]:
    """The files that the share pulled."""
    lines: list[str] = []
    pull_share(intake, store, share, report=lines.append)
    return [line.partition(":")[0] for line in lines]


def test_every_part_is_in_one_share(intake: Intake, store: LocalStore, landing: LocalStore) -> None:
    land(landing, a=1, b=2, c=3, d=4, e=5)
    first, second = share_out(intake, KEY, at_most=2)
    assert pulled(intake, store, first) == [f"{KEY}/{name}.csv" for name in "ace"]
    assert pulled(intake, store, second) == [f"{KEY}/{name}.csv" for name in "bd"]
    assert pull(intake, store, KEY).rows == 5


def test_there_are_no_more_shares_than_parts(intake: Intake, landing: LocalStore) -> None:
    land(landing, a=1, b=2)
    assert len(share_out(intake, KEY, at_most=9)) == 2


def test_a_part_that_came_after_the_shares_were_made_is_pulled_before_the_commit(
    intake: Intake, store: LocalStore, landing: LocalStore
) -> None:
    land(landing, b=2, c=3)
    shares = share_out(intake, KEY, at_most=2)
    pulled(intake, store, shares[0])
    land(landing, a=1, d=4)
    pulled(intake, store, shares[1])
    assert pull(intake, store, KEY).rows == 4
    assert numbers(store) == [1, 2, 3, 4]


def test_a_part_that_went_after_the_shares_were_made_is_no_part_of_the_slice(
    intake: Intake, store: LocalStore, landing: LocalStore
) -> None:
    land(landing, a=1, b=2, c=3)
    for share in share_out(intake, KEY, at_most=2):
        pulled(intake, store, share)
    landing.delete(f"{KEY}/b.csv")
    assert pull(intake, store, KEY).rows == 2
    assert numbers(store) == [1, 3]


def test_only_slices_that_may_have_several_parts_are_worth_sharing(intake: Intake) -> None:
    one = Files(name="days", template="{key}.csv", schema=intake.source.schema)
    assert worth_sharing(intake.source)
    assert not worth_sharing(one)
