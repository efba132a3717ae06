"""A source that keeps every promise passes; one that breaks a promise fails that check, and no other."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from ckpt_ops.contract import Check, building, check_source
from ckpt_ops.errors import SliceMissing, SourceUnavailable
from ckpt_ops.key_times import time_of
from ckpt_ops.slices import Files
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema([("n", pa.int64()), ("word", pa.string())])
KEYS = ["2013-01-05", "2013-01-06", "2013-01-07"]


def table(first: int, rows: int = 10) -> pa.Table:
    numbers = list(range(first, first + rows))
    return pa.table({"n": numbers, "word": [f"w{n % 3}" for n in numbers]}, schema=SCHEMA)


@dataclass(kw_only=True)
class Kept:
    """Keeps every promise: days in memory, each in two parts."""

    days: dict[str, pa.Table] = field(
        default_factory=lambda: {key: table(at * 10) for at, key in enumerate(KEYS)}
    )
    name: str = "kept"
    several: bool = True
    schema: pa.Schema = field(default_factory=lambda: SCHEMA)

    def keys(self, start: datetime, end: datetime) -> list[str]:
        times = {key: time_of(key, "%Y-%m-%d") for key in self.days}
        return sorted(key for key, time in times.items() if time is not None and start <= time < end)

    def fingerprint(self, key: str) -> str:
        return "+".join(self.parts(key).values())

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        for part in self.parts(key):
            yield from self.read_part(key, part)

    def parts(self, key: str) -> dict[str, str]:
        rows = self._day(key)
        return {name: str(half.to_pydict()) for name, half in (("a", rows.slice(0, 5)), ("b", rows.slice(5)))}

    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        rows = self._day(key)
        yield from (rows.slice(0, 5) if part == "a" else rows.slice(5)).to_batches(max_chunksize=2)

    def _day(self, key: str) -> pa.Table:
        if key not in self.days:
            raise SliceMissing(f"no slice {key}")
        return self.days[key]


def failed(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.message for check in checks if not check.passed}


def test_a_source_that_keeps_every_promise_passes_every_check() -> None:
    source = Kept()
    checks = check_source(source, change=lambda: source.days.update({KEYS[0]: table(7)}))
    assert failed(checks) == {}
    assert [check.name for check in checks] == [
        "building it is cheap",
        "it shows no password",
        "keys are valid, sorted and stable",
        "keys are in their interval",
        "an unknown key is refused",
        "fingerprints are stable",
        "reading twice gives the same rows",
        "a slice has one schema",
        "types match the declared schema",
        "rows are those of their slice",
        "memory is bounded",
        "parts agree with the whole",
        "fingerprints change with the content",
    ]
    message = {check.name: check.message for check in checks}
    assert message["keys are valid, sorted and stable"] == "3, from 2013-01-05 to 2013-01-07"
    assert message["reading twice gives the same rows"] == "30 rows of 2013-01-05, 2013-01-06, 2013-01-07"


class TestRowsOfTheirSlices:
    """Seven rows a day, at the hours given."""

    def check(self, hours: dict[str, list[float]]) -> Check:
        days = {}
        for key, offsets in hours.items():
            midnight = datetime.fromisoformat(key).replace(tzinfo=UTC)
            times = [midnight + timedelta(hours=hour) for hour in offsets]
            days[key] = pa.table({"n": range(len(times)), "at": times})
        source = Kept(days=days, schema=next(iter(days.values())).schema)
        return {check.name: check for check in check_source(source)}["rows are those of their slice"]

    def failed(self, hours: dict[str, list[float]]) -> str:
        found = self.check(hours)
        return "" if found.passed else found.message

    def test_rows_within_pass(self) -> None:
        assert self.failed({key: [0, 5, 23.9] for key in KEYS}) == ""

    def test_what_may_be_another_zone_is_said_with_its_offset(self) -> None:
        found = self.check({key: [5, 12, 28.5] for key in KEYS})
        assert found.passed
        assert found.message.startswith(
            "at lies 5 hours late for its slice in all 3 slices: keys are read as UTC"
        )

    def test_what_cannot_be_one_breaks_the_promise(self) -> None:
        said = self.failed({key: [24 * 7, 24 * 7 + 3] for key in KEYS})
        assert (
            said == "at lies 7 days late for its slice in all 3 slices: the rows belong to a different period"
        )

    def test_rows_of_another_month_are_named_with_their_slice(self) -> None:
        said = self.failed({KEYS[0]: [1, 2], KEYS[1]: [1 + 24 * 31, 2 + 24 * 31], KEYS[2]: [1, 2]})
        assert said.startswith(f"at of slice {KEYS[1]} lies 31 days late")

    def test_times_that_follow_no_slice_are_not_asked_about(self) -> None:
        assert self.failed({key: [-9000, 1, 40 * at] for at, key in enumerate(KEYS)}) == ""

    def test_arrivals_after_midnight_are_no_harm(self) -> None:
        assert self.failed({KEYS[0]: [1, 23], KEYS[1]: [6, 24.75], KEYS[2]: [0.1, 26]}) == ""


# --- one that breaks a promise ------------------------------------------------------------------


@dataclass(kw_only=True)
class HoldsSomethingOpen(Kept):
    lock: Any = field(default_factory=threading.Lock)


@dataclass(kw_only=True)
class HoldsData(Kept):
    days: dict[str, pa.Table] = field(
        default_factory=lambda: {
            KEYS[0]: pa.table({"n": range(10), "word": [f"{n}" * 30_000 for n in range(10)]}, schema=SCHEMA)
        }
    )

    def parts(self, key: str) -> dict[str, str]:
        return dict.fromkeys(("a", "b"), str(self._day(key).num_rows))


@dataclass(kw_only=True)
class Connects(Kept):
    def __post_init__(self) -> None:
        socket.getaddrinfo("127.0.0.1", 80)


@dataclass(kw_only=True)
class TakesItsTime(Kept):
    def __post_init__(self) -> None:
        end = time.process_time() + 2 * building.MOST_SECONDS
        while time.process_time() < end:
            pass


@dataclass(kw_only=True)
class KnowsAPassword(Kept):
    password: str = field(default="hunter2", repr=False)


@dataclass(kw_only=True)
class ShowsAToken(Kept):
    headers: dict[str, str] = field(default_factory=lambda: {"api_key": "abc"})


@dataclass(kw_only=True)
class HasAUrl(Kept):
    url: str = "postgresql://reader:hunter2@db/flights"


class NoKeys(Kept):
    def keys(self, start: datetime, end: datetime) -> list[str]:
        return []


class KeysWithSpaces(Kept):
    def keys(self, start: datetime, end: datetime) -> list[str]:
        return ["day one"]


class KeysTwice(Kept):
    def keys(self, start: datetime, end: datetime) -> list[str]:
        return sorted([*super().keys(start, end)] * 2)


class KeysUnsorted(Kept):
    def keys(self, start: datetime, end: datetime) -> list[str]:
        return super().keys(start, end)[::-1]


@dataclass(kw_only=True)
class KeysComeAndGo(Kept):
    asked: int = 0

    def keys(self, start: datetime, end: datetime) -> list[str]:
        self.asked += 1
        return super().keys(start, end)[self.asked % 2 :]


@dataclass(kw_only=True)
class DaysFirst(Kept):
    """Sorted as text, and all of one month: nothing is out of order yet."""

    form: str = "%d.%m.%Y"
    times: tuple[datetime, ...] = tuple(datetime(2013, 1, day, tzinfo=UTC) for day in (5, 6, 7))

    def __post_init__(self) -> None:
        self.days = {time.strftime(self.form): table(at * 10) for at, time in enumerate(self.times)}

    def keys(self, start: datetime, end: datetime) -> list[str]:
        return sorted(time.strftime(self.form) for time in self.times if start <= time < end)


@dataclass(kw_only=True)
class MonthsFirst(DaysFirst):
    form: str = "%m-%Y"
    times: tuple[datetime, ...] = tuple(datetime(year, 6, 1, tzinfo=UTC) for year in (2013, 2014, 2015))


@dataclass(kw_only=True)
class MonthsByName(DaysFirst):
    form: str = "%Y-%b"
    times: tuple[datetime, ...] = tuple(datetime(2013, month, 1, tzinfo=UTC) for month in (1, 4, 6))


class EndCounts(Kept):
    def keys(self, start: datetime, end: datetime) -> list[str]:
        times = {key: time_of(key, "%Y-%m-%d") for key in self.days}
        return sorted(key for key, time in times.items() if time is not None and start <= time <= end)


class EveryIntervalHasAll(Kept):
    def keys(self, start: datetime, end: datetime) -> list[str]:
        return sorted(self.days)


class UnknownIsEmpty(Kept):
    def _day(self, key: str) -> pa.Table:
        return self.days.get(key, SCHEMA.empty_table())


class UnknownIsAKeyError(Kept):
    def _day(self, key: str) -> pa.Table:
        return self.days[key]


@dataclass(kw_only=True)
class FingerprintCounts(Kept):
    asked: int = 0

    def fingerprint(self, key: str) -> str:
        self.asked += 1
        return f"{super().fingerprint(key)}-{self.asked}"


class FingerprintIsNothing(Kept):
    def fingerprint(self, key: str) -> str:
        self._day(key)
        return ""


@dataclass(kw_only=True)
class OrderVaries(Kept):
    reads: int = 0

    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        batches = list(super().read_part(key, part))
        self.reads += 1
        shift = self.reads // 2 % 2  # as its two parts are read in turn
        return iter(batches[shift:] + batches[:shift])


@dataclass(kw_only=True)
class RowsVary(Kept):
    reads: int = 0

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        self.reads += 1
        yield from self._day(key).slice(0, 10 - self.reads % 2).to_batches()

    def parts(self, key: str) -> dict[str, str]:
        raise AttributeError("tells no parts apart")


class NoBatch(Kept):
    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        self._day(key)
        return iter(())


class SchemasVary(Kept):
    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        for batch in super().read_part(key, part):
            yield batch if part == "a" else batch.select(["word", "n"])


class AnotherType(Kept):
    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        for batch in super().read_part(key, part):
            yield batch.set_column(0, "n", batch["n"].cast(pa.string()))


class ALackingColumn(Kept):
    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        for batch in super().read_part(key, part):
            yield batch.select(["n"])


class HoldsTheSlice(Kept):
    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        held = [pa.array(range(100_000)) for _ in range(4)]
        yield from super().read(key)
        held.clear()


class NoParts(Kept):
    def parts(self, key: str) -> dict[str, str]:
        self._day(key)
        return {}

    def fingerprint(self, key: str) -> str:
        return str(self._day(key).to_pydict())

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        yield from self._day(key).to_batches()


@dataclass(kw_only=True)
class MorePartsThanSaid(Kept):
    several: bool = False


class PartsUnseen:
    """Tells parts apart, and cannot read one."""

    name, schema = "unseen", SCHEMA

    def __init__(self) -> None:
        self.days = Kept().days

    keys, fingerprint, _day = Kept.keys, Kept.fingerprint, Kept._day

    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        yield from self._day(key).to_batches()

    parts = Kept.parts


class PartsInAnotherOrder(Kept):
    def read(self, key: str) -> Iterator[pa.RecordBatch]:
        for part in reversed(self.parts(key)):
            yield from self.read_part(key, part)


class FingerprintIsTheKey(Kept):
    def fingerprint(self, key: str) -> str:
        self._day(key)
        return key


class NeverReadsAnew(Kept):
    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        self._day(key)
        yield from table(1, 5).to_batches()


class Unreachable(Kept):
    def read_part(self, key: str, part: str) -> Iterator[pa.RecordBatch]:
        self._day(key)
        raise SourceUnavailable("the database does not answer")
        yield


@pytest.mark.parametrize(
    ("source", "check", "message"),
    [
        (HoldsSomethingOpen, "building it is cheap", "connect in the methods"),
        (HoldsData, "building it is cheap", "it holds data"),
        (Connects, "building it is cheap", "socket.getaddrinfo"),
        (TakesItsTime, "building it is cheap", "s of CPU time"),
        (KnowsAPassword, "it shows no password", "keeps a password"),
        (ShowsAToken, "it shows no password", "keeps a api_key"),
        (HasAUrl, "it shows no password", "a URL with a password"),
        (NoKeys, "keys are valid, sorted and stable", "no slice at all"),
        (KeysWithSpaces, "keys are valid, sorted and stable", "'day one'"),
        (KeysTwice, "keys are valid, sorted and stable", "2013-01-05 2 times"),
        (KeysUnsorted, "keys are valid, sorted and stable", "2013-01-07 before 2013-01-06"),
        (KeysComeAndGo, "keys are valid, sorted and stable", "2013-01-05"),
        (
            DaysFirst,
            "keys are valid, sorted and stable",
            "the year comes last: write it first, as in 2013-01-05",
        ),
        (MonthsFirst, "keys are valid, sorted and stable", "write it first, as in 2013-06"),
        (MonthsByName, "keys are valid, sorted and stable", "2013-Apr comes before 2013-Jan as text"),
        (EndCounts, "keys are in their interval", "excludes its end"),
        (EveryIntervalHasAll, "keys are in their interval", "2013-01-05"),
        (UnknownIsEmpty, "an unknown key is refused", "raised no error"),
        (UnknownIsAKeyError, "an unknown key is refused", "KeyError"),
        (FingerprintCounts, "fingerprints are stable", "after reading"),
        (FingerprintIsNothing, "fingerprints are stable", "''"),
        (OrderVaries, "reading twice gives the same rows", "a different order"),
        (RowsVary, "reading twice gives the same rows", "9 rows, and 10 when read again"),
        (NoBatch, "a slice has one schema", "gave no batch"),
        (SchemasVary, "a slice has one schema", "different schemas"),
        (
            AnotherType,
            "types match the declared schema",
            "column n changed its type: declared int64, came string",
        ),
        (ALackingColumn, "types match the declared schema", "column word is missing"),
        (HoldsTheSlice, "memory is bounded", "batch after batch"),
        (NoParts, "parts agree with the whole", "has at least one part"),
        (MorePartsThanSaid, "parts agree with the whole", "several is False"),
        (PartsUnseen, "parts agree with the whole", "are never read"),
        (PartsInAnotherOrder, "parts agree with the whole", "one after the other"),
        (FingerprintIsTheKey, "fingerprints change with the content", "would never be pulled"),
        (NeverReadsAnew, "fingerprints change with the content", "the same after it was changed"),
        (Unreachable, "reading twice gives the same rows", "SourceUnavailable: the database does not answer"),
    ],
)
def test_each_check_can_fail(source: Callable[[], Kept], check: str, message: str) -> None:
    made = source()
    found = failed(
        check_source(made, change=lambda: made.days.update({KEYS[0]: table(70)}), most_memory=2 * 2**20)
    )
    assert message in found[check]


@pytest.mark.parametrize(
    "source",
    [KnowsAPassword, EndCounts, UnknownIsEmpty, FingerprintIsTheKey, PartsInAnotherOrder, HoldsTheSlice],
)
def test_one_broken_promise_fails_one_check(source: Callable[[], Kept]) -> None:
    made = source()
    checks = check_source(made, change=lambda: made.days.update({KEYS[0]: table(70)}), most_memory=2 * 2**20)
    assert len(failed(checks)) == 1


def test_without_a_slice_nothing_is_read_and_that_is_said() -> None:
    checks = check_source(NoKeys())
    assert [check.name for check in checks][-1] == "keys are valid, sorted and stable"
    assert not checks[-1].passed


def test_only_the_slices_that_are_asked_for_are_read() -> None:
    (rows,) = (c for c in check_source(Kept(), KEYS[:1]) if c.name == "reading twice gives the same rows")
    assert rows.message == "10 rows of 2013-01-05"


def test_keys_that_are_no_times_are_cut_apart_too() -> None:
    @dataclass(kw_only=True)
    class Batches(Kept):
        def keys(self, start: datetime, end: datetime) -> list[str]:
            at = datetime(2013, 1, 6, 12, 30, tzinfo=UTC)
            return ["batch-000042"] if start <= at < end else []

    batches = Batches(days={"batch-000042": table(0)})
    found = {check.name: check for check in check_source(batches)}
    assert found["keys are in their interval"].passed, found["keys are in their interval"].message


def test_files_keep_every_promise(tmp_path: Path) -> None:
    landing = LocalStore(tmp_path)
    for key in KEYS:
        for part in ("a", "b"):
            landing.put(f"days/{key}-{part}.csv", f"n,word\n1,{part}\n2,{key}\n".encode())
    source = Files(name="days", schema=SCHEMA, template="days/{key}-*.csv", url=landing.url)
    checks = check_source(
        source, KEYS[:1], change=lambda: landing.put(f"days/{KEYS[0]}-a.csv", b"n,word\n1,z\n")
    )
    assert failed(checks) == {}
    weekly = replace(source, weekday=6)
    assert failed(check_source(weekly)) == {}


def test_keys_of_an_unusual_form_that_sorts_are_kept() -> None:
    source = DaysFirst(form="day-%Y.%j")
    assert failed(check_source(source)) == {}


def landed(tmp_path: Path, *names: str) -> Files:
    landing = LocalStore(tmp_path)
    for name in names:
        landing.put(name, b"n,word\n1,a\n2,b\n")
    return Files(name="days", schema=SCHEMA, template="{key}/part-0.csv", url=landing.url)


def test_a_file_that_the_template_misses_is_found_in_every_slice(tmp_path: Path) -> None:
    days = [f"2013-01-{day:02}" for day in range(1, 10)]
    source = landed(tmp_path, *(f"{day}/part-0.csv" for day in days), "2013-01-02/part-1.csv")
    assert failed(check_source(source)) == {
        "no file of a slice is overlooked": "the template '{key}/part-0.csv' misses 2013-01-02/part-1.csv: "
        "their rows are lost. Put '*' where names vary, or name in leave_out= what is no part of a slice"
    }
    assert failed(check_source(replace(source, leave_out=("*/part-1.csv",)))) == {}


def test_another_table_beside_the_slices_is_said_and_breaks_nothing(tmp_path: Path) -> None:
    checks = check_source(landed(tmp_path, "2013-01-02/part-0.csv", "2013-01-02/customers.csv"))
    assert failed(checks) == {}
    (message,) = (check.message for check in checks if check.name == "no file of a slice is overlooked")
    assert "other files beside them are not read: 2013-01-02/customers.csv" in message
