"""Our own kinds in a suite, evaluated by the real Great Expectations: what passes, what fails and why."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pyarrow as pa
import pytest
from verdicts import validate

from ckpt_ops.errors import BadInput, StoreUnavailable
from ckpt_ops.validation import Kind, Reason, Severity, parse_suite
from ckpt_ops.validation.custom import KINDS, MemoryReference, Reference

PROJECT = Path(__file__).parents[3]
PULLED = datetime(2013, 2, 3, 6, tzinfo=UTC)
NAN = float("nan")

PSI = "expect_column_psi_to_be_at_most"
KS = "expect_column_ks_statistic_to_be_at_most"
KNOWN = "expect_column_values_to_be_in_reference"
NEW = "expect_compound_columns_to_be_new"
LABELS = "expect_column_labels_to_be_complete"
LEAK = "expect_columns_to_not_leak_label"
PAST = "expect_column_values_to_not_be_in_future"
HERE = "expect_column_values_to_lie_in_slice"


def reasons(
    slice: dict[str, Any] | pa.Table,
    kind: str,
    *consumed: dict[str, Any],
    reference: Reference | None = None,
    **kwargs: Any,
) -> list[Reason]:
    """What is said of the slice after `consumed` was trained on."""
    tables = {f"week {at}": pa.table(columns) for at, columns in enumerate(consumed, start=1)}
    table = slice if isinstance(slice, pa.Table) else pa.table(slice)
    suite = parse_suite({"name": "own", "expectations": [{"type": kind, "kwargs": kwargs}]})
    reference = reference or MemoryReference(pulled_at=PULLED, tables=tables)
    return list(validate(table, suite, table.schema, reference).reasons)


def message(*args: Any, **kwargs: Any) -> list[str]:
    found = reasons(*args, **kwargs)
    assert all(reason.kind is Kind.FAILED for reason in found)
    assert all(reason.severity is Severity.CRITICAL for reason in found)
    return [reason.message for reason in found]


def not_evaluated(*args: Any, **kwargs: Any) -> str:
    (reason,) = reasons(*args, **kwargs)
    assert (reason.kind, reason.severity) == (Kind.NOT_EVALUATED, Severity.INFO)
    return reason.message.partition(" not evaluated: ")[2]


def crashed(*args: Any, **kwargs: Any) -> str:
    (reason,) = reasons(*args, **kwargs)
    assert (reason.kind, reason.severity) == (Kind.CRASHED, Severity.CRITICAL)
    return reason.message.partition(" crashed and evaluated nothing: ")[2]


def normal(rows: int = 4000, shift: float = 0.0, seed: int = 0) -> Any:
    return np.random.default_rng(seed).normal(shift, size=rows)


class TestPsi:
    def test_passes_when_little_has_changed(self) -> None:
        assert message({"x": normal(seed=1)}, PSI, {"x": normal()}, column="x") == []

    def test_fails_in_words(self) -> None:
        (said,) = message(
            {"x": normal(shift=1, seed=1)}, PSI, {"x": normal()}, {"x": normal(seed=2)}, column="x"
        )
        assert re.fullmatch(
            r"x: PSI 0\.9\d* against 8,000 reference rows of 2 slices, at most 0\.25; "
            r"largest share change above 1\.2\d+: 10\.0 % to 3\d\.\d %",
            said,
        )

    def test_its_limit_bins_and_reference_are_keywords(self) -> None:
        long_ago, lately, now = {"x": normal(shift=5)}, {"x": normal()}, {"x": normal(seed=1)}
        assert message(now, PSI, long_ago, lately, column="x", reference_slices=1, bins=20) == []
        assert len(message(now, PSI, long_ago, lately, column="x", reference_slices=None)) == 1
        shifted = {"x": normal(shift=0.2, seed=1)}
        assert message(shifted, PSI, lately, column="x") == []
        assert len(message(shifted, PSI, lately, column="x", max_value=0.02)) == 1

    def test_what_it_measured_is_in_the_verdict_whether_it_is_met_or_not(self) -> None:
        before, now = {"x": normal(), "y": normal()}, {"x": normal(shift=1, seed=1), "y": normal(seed=2)}
        each = [{"type": PSI, "kwargs": {"column": column}} for column in ("x", "y", "x")]
        suite = parse_suite({"name": "own", "expectations": each})
        reference = MemoryReference(pulled_at=PULLED, tables={"week 1": pa.table(before)})
        drift = validate(pa.table(now), suite, pa.table(now).schema, reference).drift
        assert drift["x"] == pytest.approx(0.95, abs=0.1)
        assert 0 < drift["y"] < 0.05

    def test_text_names_the_category(self) -> None:
        before = {"carrier": ["UA"] * 600 + ["AA"] * 400}
        now = {"carrier": ["UA"] * 300 + ["AA"] * 400 + ["ZZ"] * 300}
        (said,) = message(now, PSI, before, column="carrier")
        assert said.endswith("largest share change ZZ: 0.0 % to 30.0 %")
        assert message(before, PSI, before, column="carrier") == []

    def test_booleans_are_categories(self) -> None:
        before, now = {"x": [True, False] * 500}, {"x": [True] * 1000}
        assert message(now, PSI, before, column="x")[0].endswith(
            "largest share change True: 50.0 % to 100.0 %"
        )

    def test_a_constant_column(self) -> None:
        before = {"x": [7] * 1000}
        assert message(before, PSI, before, column="x") == []
        assert message({"x": [6] * 1000}, PSI, before, column="x")[0].endswith("below 7: 0.0 % to 100.0 %")

    @pytest.mark.parametrize("values", [[1.5] * 1000, ["UA"] * 1000])
    def test_all_null_after_values_is_drift_of_nulls(self, values: list[Any]) -> None:
        came = pa.table({"x": pa.nulls(1000, pa.array(values).type)})
        (said,) = message(came, PSI, {"x": values}, column="x")
        assert said.endswith("largest share change null: 0.0 % to 100.0 %")
        assert reasons(came, PSI, {"x": came["x"]}, column="x") == []

    def test_nan_and_null_are_the_same_and_infinity_is_a_value(self) -> None:
        before = {"x": pa.array([1.0, None, float("inf"), 2.0] * 250)}
        now = pa.table({"x": pa.array([1.0, NAN, float("inf"), 2.0] * 250, from_pandas=False)})
        assert reasons(now, PSI, before, column="x") == []

    def test_a_handful_of_rows_cannot_show_drift(self) -> None:
        said = not_evaluated({"x": [5.0, 6.0, 7.0]}, PSI, {"x": [1.0, 2.0, 3.0]}, column="x")
        assert re.search(r"x: PSI [\d.]+ against 3 .*; chance alone reaches [\d.]+ with so few rows", said)

    def test_whole_numbers_that_lost_a_value_are_compared_as_numbers(self) -> None:
        now = pa.table({"x": pa.array([1, 2, 3, None] * 300)})
        assert reasons(now, PSI, {"x": [1, 2, 3, None] * 300}, column="x") == []

    def test_a_column_that_changed_its_sort_is_not_compared(self) -> None:
        for before, now in (([1, 2], ["a", "b"]), (["a", "b"], [1, 2]), ([True, False], ["a", "b"])):
            for kind in (PSI, KNOWN):
                assert "in the consumed slices" in not_evaluated({"x": now}, kind, {"x": before}, column="x")
        assert not_evaluated({"x": ["1"]}, KS, {"x": [1]}, column="x") == (
            "x is string and was int64 in the consumed slices"
        )
        no_type = {"x": pa.nulls(3)}
        assert not_evaluated({"x": [1]}, PSI, no_type, column="x") == "the consumed slices have no value of x"

    def test_times_are_no_distribution(self) -> None:
        times = {"t": [PULLED] * 5}
        assert crashed(times, PSI, times, column="t").startswith(
            "PSI compares numbers, text and booleans; t is"
        )


class TestKs:
    def test_passes_and_fails_in_words(self) -> None:
        assert message({"x": normal(seed=1)}, KS, {"x": normal()}, column="x") == []
        (said,) = message({"x": normal(shift=1, seed=1)}, KS, {"x": normal()}, column="x")
        assert re.fullmatch(
            r"x: D 0\.38\d against 4,000 reference rows of 1 slice \(p = \de-\d+\), at most 0\.2; "
            r"\d\d\.\d % were at most 0\.\d+, now \d\d\.\d %",
            said,
        )

    def test_a_certain_but_small_shift_passes_and_a_large_but_uncertain_one_is_not_judged(self) -> None:
        many = {"x": normal(100_000)}
        assert message({"x": normal(100_000, shift=0.1, seed=1)}, KS, many, column="x") == []
        assert "chance alone reaches it" in not_evaluated({"x": [3.0, 4.0]}, KS, many, column="x")

    def test_a_constant_that_moved(self) -> None:
        assert message({"x": [7.0] * 100}, KS, {"x": [7.0] * 100}, column="x") == []
        assert message({"x": [8.0] * 100}, KS, {"x": [7.0] * 100}, column="x")[0].startswith(
            "x: D 1 against 100"
        )

    def test_nulls_are_left_out_and_nothing_but_nulls_is_not_judged(self) -> None:
        numbers = {"x": pa.array([1.0, 2.0, None, NAN] * 300)}
        assert message(numbers, KS, {"x": [1.0, 2.0] * 300}, column="x") == []
        nothing = pa.table({"x": pa.nulls(5, pa.float64())})
        assert not_evaluated(nothing, KS, numbers, column="x") == "the slice has no value of x"
        assert (
            not_evaluated({"x": [1.0]}, KS, {"x": nothing["x"]}, column="x")
            == "the reference has no value of x"
        )

    def test_text_has_no_order(self) -> None:
        text = {"x": ["a"]}
        assert crashed(text, KS, text, column="x") == "Kolmogorov-Smirnov compares numbers; x is string"


class TestKnownValues:
    BEFORE: ClassVar = {"carrier": ["UA"] * 99 + ["AA"]}

    def test_new_ones_are_named_with_their_counts_the_most_frequent_first(self) -> None:
        now = {"carrier": ["UA"] * 90 + ["ZZ"] * 6 + ["QQ"] * 3 + [None]}
        (reason,) = reasons(now, KNOWN, self.BEFORE, column="carrier", mostly=0.95)
        assert reason.message == (
            "carrier: 9 of 99 rows (9.1 %) have a value that is new to 100 reference rows of 1 slice, "
            "allowed 5 %; new: ZZ (6), QQ (3)"
        )
        assert (reason.unexpected_count, reason.examples) == (9, ("ZZ", "QQ"))

    def test_passes_up_to_the_share_and_for_rare_known_values(self) -> None:
        assert message({"carrier": ["AA"] * 10}, KNOWN, self.BEFORE, column="carrier") == []
        now = {"carrier": ["UA"] * 9 + ["ZZ"]}
        assert message(now, KNOWN, self.BEFORE, column="carrier", mostly=0.9) == []
        assert len(message(now, KNOWN, self.BEFORE, column="carrier", mostly=0.91)) == 1

    def test_many_new_ones_are_not_all_named(self) -> None:
        (said,) = message({"carrier": list("abcdefgh")}, KNOWN, self.BEFORE, column="carrier")
        assert said.endswith("new: a (1), b (1), c (1), d (1), e (1) and 3 more")

    def test_codes_with_and_without_nulls_are_the_same_codes(self) -> None:
        assert message(pa.table({"x": [1, 2, None]}), KNOWN, {"x": [1, 2, 3]}, column="x") == []
        assert len(message({"x": [1]}, KNOWN, {"x": [1.5]}, column="x")) == 1

    def test_all_null_passes_and_an_all_null_reference_knows_nothing(self) -> None:
        nothing = pa.table({"carrier": pa.nulls(3, pa.string())})
        assert message(nothing, KNOWN, self.BEFORE, column="carrier") == []
        assert (
            len(message({"carrier": ["UA"]}, KNOWN, {"carrier": nothing["carrier"]}, column="carrier")) == 1
        )


class TestNewKeys:
    KEYS: ClassVar = {"day": [1, 1, 2], "flight": ["a", "b", "a"]}

    def test_rows_of_consumed_slices_are_counted_by_slice(self) -> None:
        now = {"day": [2, 1, 1, 3, None], "flight": ["a", "b", "x", "a", "a"]}
        (reason,) = reasons(
            pa.table(now), NEW, self.KEYS, {"day": [1], "flight": ["b"]}, column_list=["day", "flight"]
        )
        assert reason.message == (
            "day, flight: 2 of 4 rows (50.0 %) are in accepted slices already; 1 in week 1, 1 in week 2"
        )
        assert reason.examples == ("(day=2, flight=a)", "(day=1, flight=b)")

    def test_passes_up_to_the_share_and_beyond_the_last_slices(self) -> None:
        now = {"day": [1, 9], "flight": ["a", "a"]}
        keys = {"column_list": ["day", "flight"]}
        assert message(now, NEW, self.KEYS, **keys, mostly=0.5) == []
        others = [{"day": [100 + at], "flight": ["a"]} for at in range(4)]
        assert message(now, NEW, self.KEYS, *others, **keys) == []
        assert len(message(now, NEW, self.KEYS, *others, **keys, reference_slices=5)) == 1

    def test_one_column_may_be_the_key(self) -> None:
        assert len(message({"flight": ["b"]}, NEW, self.KEYS, column_list=["flight"])) == 1

    def test_large_whole_numbers_are_told_apart_and_times_in_other_units_are_not(self) -> None:
        large = 2**60
        assert message({"id": [large + 1]}, NEW, {"id": [large]}, column_list=["id"]) == []
        now = pa.table({"t": pa.array([PULLED], pa.timestamp("us", "UTC"))})
        before = {"t": pa.array([PULLED], pa.timestamp("ms", "UTC"))}
        assert len(message(now, NEW, before, column_list=["t"])) == 1

    def test_keys_that_cannot_be_equal_are_new(self) -> None:
        assert message({"id": [1]}, NEW, {"id": ["one"]}, {"other": [1]}, column_list=["id"]) == []
        nothing = pa.table({"id": pa.nulls(2, pa.string())})
        assert message(nothing, NEW, {"id": ["a", None]}, column_list=["id"]) == []


class TestLabels:
    DELAY: ClassVar = {"column": "late", "event_time_column": "at", "allowed_delay_hours": 24}

    @staticmethod
    def rows(*labels: float | None, hours_ago: Sequence[float]) -> pa.Table:
        at = [PULLED - timedelta(hours=each) for each in hours_ago]
        return pa.table(
            {"late": pa.array(labels, pa.float64()), "at": pa.array(at, pa.timestamp("us", "UTC"))}
        )

    def test_rows_that_are_old_enough_have_a_label(self) -> None:
        assert message(self.rows(1, 0, None, hours_ago=[48, 24, 23]), LABELS, **self.DELAY) == []
        (said,) = message(self.rows(1, None, None, hours_ago=[48, 24, 23]), LABELS, **self.DELAY, mostly=0.9)
        assert said == (
            "late: 1 of 2 rows (50.0 %) older than 24 h (up to 2013-02-02 06:00:00 UTC) have no label, "
            "allowed 10 %"
        )

    def test_relative_to_the_newest_row_of_the_slice(self) -> None:
        table = self.rows(1, None, hours_ago=[200, 150])
        assert len(message(table, LABELS, **self.DELAY)) == 1
        assert message(table, LABELS, **self.DELAY, relative_to="slice_end") == []

    def test_nothing_is_due_yet(self) -> None:
        said = not_evaluated(self.rows(None, hours_ago=[2]), LABELS, **self.DELAY)
        assert said == "no row is older than 2013-02-02 06:00:00 UTC: no label is due yet"
        no_time = pa.table({"late": [1.0], "at": pa.nulls(1, pa.timestamp("us"))})
        assert not_evaluated(no_time, LABELS, **self.DELAY) == "no row has a time in at"

    def test_a_time_without_a_zone_is_utc_and_a_date_is_a_time(self) -> None:
        naive = datetime(2013, 2, 2, 6)
        for kind, value in ((pa.timestamp("ns"), naive), (pa.date32(), naive.date())):
            table = pa.table({"late": pa.nulls(1, pa.float64()), "at": pa.array([value], kind)})
            assert len(message(table, LABELS, **self.DELAY)) == 1

    def test_text_is_no_time(self) -> None:
        table = {"late": [1.0], "at": ["yesterday"]}
        assert crashed(table, LABELS, **self.DELAY) == "at has to hold timestamps or dates, not string"


class TestLeakage:
    LATE = normal(1000)

    def test_the_feature_and_its_number_are_named(self) -> None:
        table = {"noise": normal(1000, seed=1), "arrival": self.LATE * 3 + 5, "late": self.LATE}
        features = {"column_list": ["noise", "arrival"], "label_column": "late"}
        (said,) = message(table, LEAK, **features)
        assert re.fullmatch(
            r"arrival alone predicts late: \|Spearman\| 1 in 1,000 labelled rows, at most 0.95; "
            r"next noise 0.\d+",
            said,
        )
        (said,) = message(table, LEAK, **features, label_above=1)
        assert said.startswith("arrival alone predicts late > 1: AUC 1 in 1,000 labelled rows, at most 0.95")
        assert message(table, LEAK, column_list=["noise"], label_column="late", label_above=1) == []

    def test_rows_without_a_label_and_features_without_a_value_are_left_out(self) -> None:
        late = np.where(np.arange(1000) % 2, NAN, self.LATE)
        table = pa.table({"x": self.LATE, "gone": pa.nulls(1000, pa.float64()), "late": late})
        (said,) = message(table, LEAK, column_list=["x", "gone"], label_column="late")
        assert said == "x alone predicts late: |Spearman| 1 in 500 labelled rows, at most 0.95"

    def test_text_booleans_and_times_can_tell_a_label(self) -> None:
        late = self.LATE > 0
        at = [PULLED + timedelta(seconds=each) for each in self.LATE]
        table = {"status": np.where(late, "late", "ok"), "flag": ~late, "at": at, "late": late}
        for feature in ("status", "flag", "at"):
            assert len(message(table, LEAK, column_list=[feature], label_column="late")) == 1

    def test_a_constant_feature_tells_nothing(self) -> None:
        table = {"x": [7.0] * 1000, "late": self.LATE}
        assert message(table, LEAK, column_list=["x"], label_column="late") == []
        assert message(table, LEAK, column_list=["x"], label_column="late", label_above=0) == []

    def test_without_two_labels_or_enough_rows_nothing_is_judged(self) -> None:
        one = {"x": [1.0, 2.0], "late": [True, True]}
        assert (
            not_evaluated(one, LEAK, column_list=["x"], label_column="late")
            == "all 2 labels in late are the same"
        )
        none = pa.table({"x": [1.0], "late": pa.nulls(1, pa.float64())})
        assert (
            not_evaluated(none, LEAK, column_list=["x"], label_column="late") == "no row has a label in late"
        )
        few = {"x": [1.0, 2.0, 3.0, 4.0], "late": [False, False, True, True]}
        said = not_evaluated(few, LEAK, column_list=["x"], label_column="late")
        assert said.endswith("chance alone reaches 1.56 with so few rows")

    def test_what_is_no_label_is_told(self) -> None:
        table = {"x": [1.0, 2.0, 3.0], "carrier": ["a", "b", "c"]}
        said = crashed(table, LEAK, column_list=["x"], label_column="carrier")
        assert said == "carrier has 3 values: a label is a number or has two"


class TestFuture:
    def test_times_after_the_pull_are_counted(self) -> None:
        at = [PULLED, PULLED + timedelta(seconds=1), None]
        assert message(pa.table({"at": at}), PAST, column="at", tolerance_seconds=1) == []
        assert message(pa.table({"at": at}), PAST, column="at", mostly=0.5) == []
        (reason,) = reasons(pa.table({"at": at}), PAST, column="at")
        assert reason.message == (
            "at: 1 of 2 rows (50.0 %) lie in the future of the pull (2013-02-03 06:00:00 UTC); "
            "the latest 2013-02-03 06:00:01 UTC"
        )
        assert reason.examples == ("2013-02-03 06:00:01+00:00",)

    def test_another_zone_is_the_same_instant(self) -> None:
        there = pa.table({"at": pa.array([PULLED], pa.timestamp("ms", "Asia/Tokyo"))})
        assert message(there, PAST, column="at") == []

    def test_without_times_all_is_past_and_numbers_are_no_times(self) -> None:
        assert message(pa.table({"at": pa.nulls(2, pa.timestamp("us"))}), PAST, column="at") == []
        assert crashed({"at": [1]}, PAST, column="at") == "at has to hold timestamps or dates, not int64"


class TestInSlice:
    """The slice is 2013-01-05, a day, where nothing else is said."""

    def reference(self, start: datetime | None) -> MemoryReference:
        return MemoryReference(start=start, pulled_at=PULLED)

    def said(self, times: Any, *, start: datetime = datetime(2013, 1, 5), **kwargs: Any) -> list[str]:
        given = {"column": "at", "length": "day", **kwargs}
        return message(pa.table({"at": times}), HERE, reference=self.reference(start), **given)

    def test_from_the_key_up_to_the_next_one(self) -> None:
        inside = [datetime(2013, 1, 5, tzinfo=UTC), datetime(2013, 1, 5, 23, 59, 59, 999999, tzinfo=UTC)]
        assert self.said(pa.array([*inside, None], pa.timestamp("us", "UTC"))) == []
        assert self.said(pa.array([datetime(2013, 1, 5, 7)], pa.timestamp("ns"))) == []
        assert self.said(pa.array([date(2013, 1, 5)], pa.date32())) == []

    def test_another_period_is_named_with_its_offset(self) -> None:
        (said,) = self.said(pa.array([datetime(2013, 1, 12, hour) for hour in range(24)], pa.timestamp("us")))
        assert said == (
            "at: 24 of 24 rows (100.0 %) lie outside the slice (2013-01-05 00:00:00 UTC to "
            "2013-01-06 00:00:00 UTC); all would lie in it if they were not 7 days late"
        )
        late = [datetime(2013, 1, 5, 5) + timedelta(hours=hour) for hour in range(24)]
        (said,) = self.said(pa.array(late, pa.timestamp("us")))
        assert "5 of 24 rows" in said
        assert said.endswith("if they were not 5 hours late")

    def test_times_of_a_clock_on_the_wall_are_read_in_the_zone_as_the_key_is(self) -> None:
        naive = pa.array([datetime(2013, 1, 5, 0), datetime(2013, 1, 5, 23, 30)], pa.timestamp("us"))
        assert self.said(naive, timezone="America/New_York") == []
        aware = pa.array([datetime(2013, 1, 5, 4, tzinfo=UTC)], pa.timestamp("us", "UTC"))
        (said,) = self.said(aware, timezone="America/New_York")
        assert "2013-01-05 05:00:00 UTC to 2013-01-06 05:00:00 UTC" in said

    def test_a_tolerance_a_share_and_other_lengths(self) -> None:
        times = pa.array([datetime(2013, 1, 6), datetime(2013, 1, 5, 12)], pa.timestamp("us"))
        assert self.said(times, tolerance_seconds=1) == []
        assert self.said(times, mostly=0.5) == []
        assert self.said(times, length="week") == []
        assert self.said(times, length=3600 * 25) == []
        assert len(self.said(times, length="hour")) == 1
        assert self.said(times, length="month", start=datetime(2013, 1, 1)) == []

    def test_a_key_that_is_no_time_judges_nothing(self) -> None:
        table = pa.table({"at": pa.array([datetime(2013, 1, 6)], pa.timestamp("us"))})
        found = not_evaluated(table, HERE, reference=self.reference(None), column="at", length="day")
        assert found == "when the slice begins is not known: its key is not a time"

    @pytest.mark.parametrize("wrong", [{"length": "fortnight"}, {"length": 0}, {"timezone": "Mars/Base"}])
    def test_a_length_or_zone_that_is_none_is_refused_before_any_row(self, wrong: dict[str, Any]) -> None:
        given = {"column": "at", "length": "day", **wrong}
        with pytest.raises(BadInput, match=str(next(iter(wrong)))):
            message(pa.table({"at": [PULLED]}), HERE, reference=self.reference(PULLED), **given)


KWARGS: dict[str, dict[str, Any]] = {
    PSI: {"column": "x"},
    KS: {"column": "x"},
    KNOWN: {"column": "x"},
    NEW: {"column_list": ["x"]},
    LABELS: {"column": "x", "event_time_column": "at", "allowed_delay_hours": 1},
    LEAK: {"column_list": ["x"], "label_column": "y"},
    PAST: {"column": "at"},
    HERE: {"column": "at", "length": "day"},
}


def test_before_anything_was_accepted_no_row_was_seen_before() -> None:
    assert not_evaluated({"x": [1.0]}, NEW, column_list=["x"]) == "no other slice was accepted yet"


@pytest.mark.parametrize("kind", [PSI, KS, KNOWN])
def test_before_anything_was_consumed_nothing_is_compared(kind: str) -> None:
    assert not_evaluated({"x": [1.0]}, kind, **KWARGS[kind]) == "no reference yet: nothing was consumed"


@pytest.mark.parametrize("kind", [LABELS, PAST])
def test_without_a_moment_of_the_pull_nothing_is_late(kind: str) -> None:
    table = pa.table({"x": [1.0], "at": [PULLED]})
    suite = parse_suite({"name": "own", "expectations": [{"type": kind, "kwargs": KWARGS[kind]}]})
    (reason,) = validate(table, suite, table.schema).reasons
    assert reason.message.endswith("not evaluated: when the slice was pulled is not known")


@pytest.mark.parametrize("kind", KINDS)
def test_a_missing_column_is_drift_and_the_expectation_is_not_run(kind: str) -> None:
    declared = pa.schema([("x", pa.float64()), ("y", pa.float64()), ("at", pa.timestamp("us"))])
    suite = parse_suite({"name": "own", "expectations": [{"type": kind, "kwargs": KWARGS[kind]}]})
    verdict = validate(pa.table({"z": [1]}), suite, declared)
    assert any(reason.message.endswith(f"not run: {kind}") for reason in verdict.reasons)
    assert verdict.expectations == 0


@dataclass(frozen=True, kw_only=True)
class Away(MemoryReference):
    def batches(self, key: str, names: Sequence[str]) -> Iterator[pa.RecordBatch]:
        raise StoreUnavailable("gs://models did not answer")


@pytest.mark.parametrize("kind", [PSI, KS, KNOWN, NEW])
def test_a_store_that_does_not_answer_is_no_verdict_on_the_slice(kind: str) -> None:
    away = Away(pulled_at=PULLED, tables={"1": pa.table({"x": [1.0]})})
    with pytest.raises(StoreUnavailable):
        reasons({"x": [1.0]}, kind, reference=away, **KWARGS[kind])


@pytest.mark.parametrize(
    ("kind", "wrong", "said"),
    [
        (PSI, {"max_value": -1}, "greater than or equal to 0"),
        (PSI, {"bins": 1}, "greater than or equal to 2"),
        (KS, {"max_value": 1.5}, "less than or equal to 1"),
        (KNOWN, {"reference_slices": 0}, "greater than or equal to 1"),
        (NEW, {"mostly": 2}, "less than or equal to 1"),
        (NEW, {"column_list": []}, "at least 1 item"),
        (LABELS, {"relative_to": "now"}, "unexpected value; permitted: 'pulled_at', 'slice_end'"),
        (PAST, {"tolerance_seconds": "soon"}, "not a valid float"),
    ],
)
def test_a_value_that_cannot_be_is_refused(kind: str, wrong: dict[str, Any], said: str) -> None:
    with pytest.raises(BadInput, match=re.escape(said)):
        reasons({"x": [1.0], "at": [PULLED]}, kind, **{**KWARGS[kind], **wrong})


def test_keywords_are_checked_before_great_expectations_is_imported() -> None:
    with pytest.raises(
        BadInput, match="'max' is not allowed: expected only column, max_value, bins, reference_s"
    ):
        parse_suite({"name": "own", "expectations": [{"type": PSI, "kwargs": {"column": "x", "max": 1}}]})
    with pytest.raises(BadInput, match="label_column to be given"):
        parse_suite({"name": "own", "expectations": [{"type": LEAK, "kwargs": {"column_list": ["x"]}}]})
    with pytest.raises(BadInput, match=f"did you mean {PSI}"):
        parse_suite({"name": "own", "expectations": [{"type": "expect_column_psi_to_be_at_mots"}]})


def test_the_table_of_kinds_is_what_the_classes_take() -> None:
    from great_expectations.expectations.expectation import ColumnAggregateExpectation

    from ckpt_ops.validation.custom.registered import REGISTERED

    inherited = ColumnAggregateExpectation.__fields__.keys() - {"column"}
    assert {kind.expectation_type for kind in REGISTERED} == KINDS.keys()
    for kind in REGISTERED:
        own = {name: each for name, each in kind.__fields__.items() if name not in inherited}
        described = KINDS[kind.expectation_type]
        assert set(described.required) == {name for name, each in own.items() if each.required}
        assert set(described.optional) == {name for name, each in own.items() if not each.required}
        assert described.row_wise == ("mostly" in own)


def test_the_table_is_light() -> None:
    program = (
        "import sys, ckpt_ops.validation.custom as custom; custom.KINDS;"
        "print([name for name in ('great_expectations', 'pandas', 'scipy') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=PROJECT, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "[]"


def by_great_expectations(frame: Any, reference: Reference, **settings: Any) -> Any:
    """What Great Expectations itself returns for one expectation of each kind."""
    import great_expectations as gx

    from ckpt_ops.validation.custom import registered, with_reference

    context = gx.get_context(mode="ephemeral")
    asset = context.data_sources.add_pandas("slice").add_dataframe_asset("slice")
    batch = asset.add_batch_definition_whole_dataframe("slice").get_batch({"dataframe": frame})
    kinds = [kind(**KWARGS[kind.expectation_type]) for kind in registered.REGISTERED]
    with with_reference(reference):
        return batch.validate(gx.ExpectationSuite(name="own", expectations=kinds), **settings)


def test_a_row_wise_kind_says_which_rows_as_great_expectations_own_do() -> None:
    frame = pa.table({"x": [1, 2, 3], "y": [1, 0, 1], "at": [PULLED + timedelta(hours=1)] * 3}).to_pandas()
    tables = {"1": pa.table({"x": [2, 3, 4]})}
    reference = MemoryReference(start=datetime(2013, 1, 5), pulled_at=PULLED, tables=tables)
    results = by_great_expectations(frame, reference, result_format="COMPLETE").results
    found = {each.expectation_config.type: each.result for each in results}
    rows = {kind: each.get("unexpected_index_list") for kind, each in found.items() if KINDS[kind].row_wise}
    assert rows == {
        KNOWN: [0],
        NEW: [1, 2],
        PAST: [0, 1, 2],
        LABELS: None,
        HERE: [0, 1, 2],
    }  # no label is due yet
    counted = ("element_count", "missing_count", "unexpected_count", "partial_unexpected_list")
    assert [found[KNOWN][field] for field in counted] == [3, 0, 1, [1]]


class TestDataDocs:
    """The same sentences in Great Expectations' own pages."""

    @pytest.fixture(scope="class")
    @staticmethod
    def page() -> str:
        from great_expectations.render.renderer import ValidationResultsPageRenderer
        from great_expectations.render.view import DefaultJinjaPageView

        frame = pa.table({"x": normal(shift=1), "y": normal(seed=3), "at": [PULLED] * 4000}).to_pandas()
        reference = MemoryReference(pulled_at=PULLED, tables={"1": pa.table({"x": normal()})})
        page = ValidationResultsPageRenderer().render(by_great_expectations(frame, reference))
        html: str = DefaultJinjaPageView().render(page)
        return re.sub(r"\s+", " ", re.sub(r"<[^>]*>", "", html))

    def test_what_is_expected_is_one_line_with_the_defaults(self, page: str) -> None:
        assert "PSI of x against the last consumed slices (4) is at most 0.25." in page
        assert "None of x alone predicts y: AUC or |Spearman| is at most 0.95." in page
        assert "Rows whose at is more than 1.0 h before pulled_at have a label in x" in page
        assert page.count("rendering failed") == 0

    def test_what_was_observed_is_the_reports_sentence(self, page: str) -> None:
        assert re.search(r"x: D 0\.\d+ against 4,000 reference rows of 1 slice", page)
        assert re.search(r"x: 4,000 of 4,000 rows \(100\.0 %\) have a value that is new to", page)
        assert "not evaluated: no row is older than" in page
