"""Parts of a slice are evaluated by whoever; whatever became of them, the verdict is that of one pass."""

from __future__ import annotations

import importlib.metadata
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from taken_in import KEY, SUITE, Days

from ckpt_ops.errors import BadInput, Corrupt, StoreUnavailable
from ckpt_ops.intake import in_parts
from ckpt_ops.lineage.records import SliceAccepted, SliceQuarantined
from ckpt_ops.pipeline.step_results import RowShare, Validated, ValidatedShare
from ckpt_ops.runs.validate import validate
from ckpt_ops.runs.validate_parts import share_out_rows, validate_share
from ckpt_ops.slices import pull
from ckpt_ops.store import LocalStore
from ckpt_ops.validation.in_parts import evaluate_part, look_beforehand

ROWS = [(1, "a"), (2, "b"), (-3, "c"), (4, "d"), (5, "e"), (6, "f"), (7, "g"), (8, "h"), (-9, "i"), (10, "j")]
UNIQUE = {"type": "expect_column_values_to_be_unique", "kwargs": {"column": "word"}}


def text(rows: list[tuple[int, str]]) -> str:
    return "n,word\n" + "".join(f"{n},{word}\n" for n, word in rows)


@pytest.fixture
def place(days: Days, monkeypatch: pytest.MonkeyPatch) -> Days:
    """An intake that cuts a slice of ten rows, two in a file, into parts of four rows or more."""
    days.suite.write_text(json.dumps({**SUITE, "expectations": [*SUITE["expectations"], UNIQUE]}))
    monkeypatch.setattr(in_parts, "LEAST_ROWS", 4)
    days.intake = replace(days.intake, max_parallel_validations=3)
    return days


@pytest.fixture
def evaluated(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The rows of each part as it is evaluated."""
    found: list[int] = []

    def counting(rows: Any, *arguments: Any, **more: Any) -> Any:
        found.append(rows.rows)
        return evaluate_part(rows, *arguments, **more)

    monkeypatch.setattr(in_parts, "evaluate_part", counting)
    return found


def pulled(place: Days, rows: list[tuple[int, str]] = ROWS) -> str:
    place.landing.put(f"days/{KEY}.csv", text(rows).encode())
    return pull(place.store, place.intake.source, KEY, rows_per_file=2).revision


def shares(place: Days, revision: str) -> list[RowShare]:
    return share_out_rows(place.intake, place.store, KEY, revision)


def verdict(place: Days, revision: str) -> Validated:
    return validate(place.intake, place.store, KEY, revision)


def kept(place: Days, revision: str) -> list[str]:
    prefix = f"slices/days/{KEY}/{revision}/evaluated/"
    return [entry.name for entry in place.store.list(prefix)]


@pytest.mark.parametrize("rows", [ROWS, ROWS[3:], [*ROWS, (-1, "x"), (-2, "y")], [*ROWS, (1, "a")], ROWS[:3]])
def test_the_verdict_the_record_and_what_is_set_aside_are_those_of_one_pass(
    place: Days, tmp_path: Path, rows: list[tuple[int, str]]
) -> None:
    revision = pulled(place, rows)
    alone = replace(place.intake, max_parallel_validations=1)
    (tmp_path / "other").mkdir()
    store = LocalStore(tmp_path / "other")
    assert pull(store, alone.source, KEY, rows_per_file=2).revision == revision
    for share in shares(place, revision):
        validate_share(place.intake, place.store, share)
    ours, theirs = verdict(place, revision), validate(alone, store, KEY, revision)
    assert replace(ours, report="") == replace(theirs, report="")
    name = theirs.report.removeprefix(f"{store.url}/")
    one, other = (json.loads(each.get(name)) for each in (place.store, store))
    for report in (one, other):
        del report["seconds"]
    parts, whole = one.pop("parts", 0), one.pop("over_the_whole", [])
    assert one == other
    cut = len(rows) // 4 if len(rows) >= 8 else 0
    assert (parts, whole) == (cut, ["expect_column_values_to_be_unique (word)"] if cut else [])
    page = place.store.get(name.replace("report.json", "report.html")).decode()
    assert (f"Evaluated in {cut} parts" in page) is bool(cut)
    (record,) = place.log.records()
    assert isinstance(record, SliceQuarantined if "quarantined" in ours.outcome else SliceAccepted)


def test_parts_are_whole_files_of_about_as_many_rows(place: Days) -> None:
    revision = pulled(place)
    assert [(share.share, share.of) for share in shares(place, revision)] == [(0, 2), (1, 2)]
    rows = [validate_share(place.intake, place.store, share) for share in shares(place, revision)]
    assert rows == [ValidatedShare(rows=4, expectations=2), ValidatedShare(rows=6, expectations=2)]


def test_what_all_parts_have_to_know_is_found_before_them(
    place: Days, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[int] = []

    def counting(*arguments: Any, **more: Any) -> Any:
        looked.append(1)
        return look_beforehand(*arguments, **more)

    monkeypatch.setattr(in_parts, "look_beforehand", counting)
    revision = pulled(place)
    cut = shares(place, revision)
    assert looked == [1]
    for share in cut:
        validate_share(place.intake, place.store, share)
    verdict(place, revision)
    assert looked == [1]


def test_a_part_is_evaluated_again_by_other_code(
    place: Days, evaluated: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What evaluates is also how columns are read by their time, and the packages that compute."""
    revision = pulled(place)
    part = shares(place, revision)[0]
    version = importlib.metadata.version
    for package in ("great-expectations", "pandas", "numpy", "pyarrow"):
        validate_share(place.intake, place.store, part)
        monkeypatch.setattr(
            importlib.metadata,
            "version",
            lambda name, changed=package: "0" if name == changed else version(name),
        )
        in_parts._code.cache_clear()
    validate_share(place.intake, place.store, part)
    monkeypatch.undo()
    in_parts._code.cache_clear()
    assert evaluated == [4] * 5
    assert {"column_times.py", "column_types.py"} <= {path.name for path in in_parts._code_files()}


def test_a_retry_evaluates_only_the_part_that_is_missing(place: Days, evaluated: list[int]) -> None:
    revision = pulled(place)
    first, second = shares(place, revision)
    validate_share(place.intake, place.store, first)
    validate_share(place.intake, place.store, first)
    assert evaluated == [4]
    validate_share(place.intake, place.store, second)
    verdict(place, revision)
    assert evaluated == [4, 6]


def test_without_the_tasks_before_it_validate_evaluates_every_part(place: Days, evaluated: list[int]) -> None:
    assert verdict(place, pulled(place)).outcome == "accepted, bad rows set aside"
    assert evaluated == [4, 6]


def test_a_part_that_ends_before_its_last_object_was_not_evaluated(
    place: Days, evaluated: list[int], tmp_path: Path
) -> None:
    class Stops(LocalStore):
        def put(self, name: str, data: bytes | memoryview) -> None:
            if "/evaluated/" in name and name.endswith(".json") and "whole" not in name:
                raise StoreUnavailable("no answer")
            super().put(name, data)

    revision = pulled(place)
    first, second = shares(place, revision)
    with pytest.raises(StoreUnavailable):
        validate_share(place.intake, Stops(tmp_path / "store"), first)
    assert any(name.endswith(".parquet") for name in kept(place, revision)), "its bad rows were written"
    validate_share(place.intake, place.store, second)
    assert verdict(place, revision).set_aside == 2
    assert evaluated == [4, 6, 4]


def test_what_is_settled_or_small_is_not_cut(place: Days, evaluated: list[int]) -> None:
    small = pulled(place, ROWS[:3])
    assert [share.of for share in shares(place, small)] == [1]
    assert validate_share(place.intake, place.store, shares(place, small)[0]).rows == 0
    revision = pulled(place)
    verdict(place, revision)
    assert [share.of for share in shares(place, revision)] == [1], "it has its verdict"
    assert evaluated == [4, 6]


def test_another_suite_finds_other_things(place: Days, evaluated: list[int]) -> None:
    revision = pulled(place)
    assert verdict(place, revision).trainable
    place.suite.write_text(place.suite.read_text().replace('"min_value": 0', '"min_value": 5'))
    assert not verdict(place, revision).trainable
    assert evaluated == [4, 6, 4, 6]


@pytest.mark.parametrize("damage", ["rows", "text", "beside"])
def test_what_was_changed_in_the_store_is_refused(place: Days, damage: str) -> None:
    revision = pulled(place)
    for share in shares(place, revision):
        validate_share(place.intake, place.store, share)
    ending = ".parquet" if damage == "beside" else ".json"
    name = next(name for name in kept(place, revision) if name.endswith(ending) and "whole" not in name)
    data = place.store.get(name)
    if damage == "beside":
        data = data[:-1]
    elif damage == "text":
        data = data.replace(b'"examples": [\n', b'"examples": [\n"{",')
    else:
        data = data.replace(b'"tallies"', b'"others"')
    place.store.put(name, data)
    with pytest.raises(Corrupt, match=r"(?s)file://.*/evaluated/.*delete the object"):
        verdict(place, revision)
    assert not place.log.records()


def test_a_part_of_a_slice_that_would_be_cut_differently_is_left_out(
    place: Days, evaluated: list[int]
) -> None:
    share = shares(place, pulled(place))[1]
    alone = replace(place.intake, max_parallel_validations=1)
    assert validate_share(alone, place.store, share) == ValidatedShare(
        rows=0, expectations=0, cut_differently=True
    )
    assert not evaluated


def test_a_number_of_tasks_below_one_is_refused(place: Days) -> None:
    with pytest.raises(BadInput, match="max_parallel_validations=0"):
        replace(place.intake, max_parallel_validations=0)
