"""Texts with a time in them: read back as they were written, and in the order of time or refused as keys."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import BadInput
from ckpt_ops.time_forms import TimeForm

SORTED = [
    "%Y-%m-%d",
    "%Y%m%d",
    "%Y_%m_%d",
    "%Y-%m",
    "%Y",
    "%Y%m%dT%H",
    "%Y-%m-%dT%H%M%S%f",
    "%Y-%j",
    "%G-W%V",
]
SORTED += ["%G-W%V-%u", "%Y%jT%H", "batch-%Y%m%d"]
UNSORTED = [
    "%d.%m.%Y",
    "%m-%Y",
    "%d%m%Y",
    "%Y-%d-%m",
    "%y%m%d",
    "%Y-%-m-%-d",
    "%H-%Y-%m-%d",
    "%V-%G",
    "%Y-%Y-%m",
]
FOLDERS = ["%Y/%m/%d", "year=%Y/month=%m/day=%d", "year=%Y/month=%-m/day=%-d", "%Y/%Y-%m-%d", "%%%Y%%/%j"]
FORMS = [*SORTED, *UNSORTED, *FOLDERS]

times = st.datetimes(datetime(1970, 1, 1), datetime(2068, 12, 31), timezones=st.just(UTC))


@given(time=times, form=st.sampled_from(FORMS))
def test_what_is_written_is_read_back_as_far_as_the_form_goes(time: datetime, form: str) -> None:
    written = TimeForm(form=form).write(time)
    read = TimeForm(form=form).read(written)
    assert read is not None
    assert read <= time
    assert TimeForm(form=form).write(read) == written
    assert (
        TimeForm(form=TimeForm(form=form).iso).read(TimeForm(form=TimeForm(form=form).iso).write(time))
        == read
    )


@given(one=times, other=times, form=st.sampled_from(FORMS))
def test_a_form_that_is_said_to_sort_sorts(one: datetime, other: datetime, form: str) -> None:
    known, first, last = TimeForm(form=form), min(one, other), max(one, other)
    assert known.sorts == (form in (*SORTED, "%Y/%m/%d", "year=%Y/month=%m/day=%d", "%%%Y%%/%j"))
    if known.sorts:
        assert known.write(first) <= known.write(last)


@given(start=times, length=st.integers(0, 900 * 24), at=st.integers(0, 900 * 24), form=st.sampled_from(FORMS))
def test_every_name_of_a_range_begins_with_what_is_listed(
    start: datetime, length: int, at: int, form: str
) -> None:
    known, end = TimeForm(form=f"in/{form}/*.csv"), start + timedelta(hours=length)
    time = min(end, start + timedelta(hours=at))
    assert known.write(time).startswith(known.shared(start, end))
    assert known.write(time).startswith(known.beginning(time))


def test_a_listing_is_as_narrow_as_the_range() -> None:
    start, end = datetime(2025, 11, 3, tzinfo=UTC), datetime(2025, 11, 3, 23, tzinfo=UTC)
    assert TimeForm(form="a/%d.%m.%Y.csv").shared(start, end) == "a/03.11.2025"
    assert TimeForm(form="a/%Y/%m/%d/%H.csv").shared(start, end) == "a/2025/11/03/"
    assert TimeForm(form="a/%Y/%m/%d.csv").shared(start, datetime(2025, 11, 9, tzinfo=UTC)) == "a/2025/11/0"
    assert TimeForm(form="*/%Y.csv").shared(start, end) == ""


@pytest.mark.parametrize("form", ["", "x", "%d", "%Y-%d", "%m", "%H", "%G", "%Y-%V", "%Y%m%j", "%M-%Y"])
def test_what_says_no_time_is_refused(form: str) -> None:
    with pytest.raises(BadInput, match=r"form=.*a time without gaps"):
        TimeForm(form=form)


@pytest.mark.parametrize("form", ["%Y-%b-%d", "%s", "%Y%", "%F", "%Y-%m-%e", "%Y%q", "%Y-%p", "%-"])
def test_a_directive_that_is_not_known_is_refused(form: str) -> None:
    with pytest.raises(BadInput, match="directives of %Y, %y"):
        TimeForm(form=form)


@pytest.mark.parametrize(
    ("form", "text"),
    [
        ("%Y-%m-%d", "2013-02-30"),
        ("%Y-%m-%d", "2013-1-06"),
        ("%Y-%m-%d", "0112-01-06"),
        ("%Y-%-m-%-d", "2013-01-6"),
        ("%Y-%j", "2013-366"),
        ("%Y-%j", "2013-000"),
        ("%G-W%V", "2013-W53"),
        ("%Y/%Y-%m-%d", "2014/2013-01-06"),
        ("%Y-%m-%d", "٢٠١٣-01-06"),
    ],
)
def test_what_is_not_of_the_form_is_no_time(form: str, text: str) -> None:
    assert TimeForm(form=form).read(text) is None
