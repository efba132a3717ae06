"""The suites in `dags/` over all of their real slices, each against the four before: what grows, may grow.

Only what looks at a reference is asked here; the rest of each suite has tests of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from itertools import product
from pathlib import Path
from string import ascii_uppercase

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from verdicts import validate

from ckpt_ops.key_times import form_of, time_of
from ckpt_ops.validation import Kind, Outcome, Severity, Suite, Validation, load_suite
from ckpt_ops.validation.custom import KINDS, MemoryReference
from demo import flights, ratings, weather

DAGS = Path(__file__).parents[3] / "dags"
PULLED_AT = datetime(2026, 1, 1, tzinfo=UTC)
SLICES: dict[str, Callable[[], dict[str, pa.Table]]] = {
    "flight_delay": cache(flights.weeks),
    "movie_ratings": cache(ratings.years),
    "rain": cache(weather.months),
}
LABEL_SHIFTS = {
    "flight_delay": ["2013-02-03", "2013-04-28", "2013-08-25", "2013-12-08"],
    "movie_ratings": ["2003", "2004", "2005"],  # half stars
    "rain": [],
}


def shipped(name: str) -> Suite:
    return load_suite(DAGS / name / "expectations.json")


def referring(suite: Suite) -> Suite:
    return replace(suite, expectations=tuple(one for one in suite.expectations if one.type in KINDS))


def evaluated(name: str, suite: Suite, key: str, came: pa.Table | None = None) -> Validation:
    """A slice, or what came in its place, when all before it are consumed."""
    slices = SLICES[name]()
    table = slices[key] if came is None else came
    before = {one: slices[one] for one in slices if one < key}
    form = form_of(key)
    start = time_of(key, form) if form else None  # of ratings, keys are years
    reference = MemoryReference(start=start, pulled_at=PULLED_AT, tables=before)
    return validate(table, suite, table.schema, reference)


def without_words(verdict: Validation) -> list[tuple[Kind, Severity, str, str]]:
    return [(one.kind, one.severity, one.column, one.expectation) for one in verdict.reasons]


@pytest.mark.parametrize("name", SLICES)
def test_every_real_slice_is_accepted_and_labels_that_shift_are_said(name: str) -> None:
    suite = referring(shipped(name))
    first, *others = SLICES[name]()
    shifted = []
    for key in others:
        verdict = evaluated(name, suite, key)
        assert verdict.outcome is Outcome.ACCEPTED, (key, verdict.reasons)
        for kind, severity, column, expectation in without_words(verdict):
            assert (kind, severity) == (Kind.FAILED, Severity.WARNING)
            assert expectation == "expect_column_psi_to_be_at_most"
            assert column in ("arr_delay", "rating", "rain_follows")
            shifted.append(key)
    assert shifted == LABEL_SHIFTS[name]
    assert {one.kind for one in evaluated(name, suite, first).reasons} == {Kind.NOT_EVALUATED}


@pytest.mark.parametrize("name", ["flight_delay", "movie_ratings"])
def test_what_is_allowed_to_be_new_follows_from_the_worst_slice_and_says_so(name: str) -> None:
    slices = SLICES[name]()
    asked = [one for one in shipped(name).expectations if one.type.endswith("_in_reference")]
    assert len(asked) == 2
    for one in asked:
        column = one.kwargs["column"]
        tables = [table[column] for table in slices.values()]
        worst = max(
            1 - pc.mean(pc.is_in(now, pa.chunked_array(before).unique()).cast(pa.float64())).as_py()
            for now, before in (
                (tables[at], [chunk for each in tables[max(0, at - 4) : at] for chunk in each.chunks])
                for at in range(1, len(tables))
            )
        )
        said = re.search(r"([\d.]+) % of the worst", one.why)
        assert said is not None
        digits = len(said[1].partition(".")[2])
        assert float(said[1]) == pytest.approx(100 * worst, abs=0.5 * 10**-digits), column
        assert 1 - one.kwargs["mostly"] > 1.5 * worst


def invented(rows: int) -> pa.Array:
    """Codes as airports have them, none of a real one."""
    real = set(pa.concat_tables(SLICES["flight_delay"]().values())["dest"].unique().to_pylist())
    codes = ("".join(letters) for letters in product(ascii_uppercase, repeat=3))
    return pa.array([code for code in codes if code not in real][:rows])


def test_a_week_of_invented_airports_is_quarantined_however_real_they_look() -> None:
    week, suite = SLICES["flight_delay"]()["2013-01-27"], shipped("flight_delay")
    rows, at = week.num_rows, week.schema.get_field_index("dest")
    verdict = evaluated("flight_delay", suite, "2013-01-27", week.set_column(at, "dest", invented(rows)))
    assert verdict.outcome is Outcome.QUARANTINED
    (reason,) = (one for one in verdict.reasons if one.severity is Severity.CRITICAL)
    assert (reason.column, reason.expectation) == ("dest", "expect_column_values_to_be_in_reference")
    assert (
        f"{week.num_rows:,} of {week.num_rows:,} rows (100.0 %) have a value that is new to" in reason.message
    )


def test_films_under_another_numbering_are_quarantined() -> None:
    year = SLICES["movie_ratings"]()["2016"]
    renumbered = pc.subtract(pa.scalar(199_999), year["movie"])
    came = year.set_column(year.schema.get_field_index("movie"), "movie", renumbered)
    verdict = evaluated("movie_ratings", shipped("movie_ratings"), "2016", came)
    assert verdict.outcome is Outcome.QUARANTINED
    assert {one.column for one in verdict.reasons if one.severity is Severity.CRITICAL} == {"movie"}
