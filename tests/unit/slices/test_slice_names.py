"""Which names are whose slice's: keys sort in time whatever the names of files look like."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.errors import BadInput, SliceMissing
from ckpt_ops.slices import Files
from ckpt_ops.store import LocalStore

SCHEMA = pa.schema([("n", pa.int64())])
DAYS = ["2025-10-30", "2025-10-31", "2025-11-01", "2025-11-02", "2026-01-05"]
START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2027, 1, 1, tzinfo=UTC)


def made(folder: Path, template: str, **options: object) -> Files:
    return Files(name="made", schema=SCHEMA, url=folder.as_uri(), template=template, **options)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "template",
    [
        "{key}.csv",
        "%Y-%m-%d.csv",
        "in/%d.%m.%Y.csv",
        "in/%m-%d-%y.csv",
        "dt=%Y-%m-%d/part-*.csv",
        "year=%Y/month=%m/day=%d/*.csv",
        "year=%Y/month=%-m/day=%-d/part-0.csv",
        "%Y/%m/%d/orders.csv",
        "%Y/%Y%m%d.csv",
        "100%%/%Y/%j.csv",
    ],
)
def test_names_may_have_any_form_and_keys_sort(tmp_path: Path, template: str) -> None:
    store, source = LocalStore(tmp_path), made(tmp_path, template)
    for number, day in enumerate(DAYS):
        form = template.replace("{key}", "%Y-%m-%d").replace("*", "7")
        store.put(datetime.fromisoformat(day).strftime(form), f"n\n{number}\n".encode())
    assert source.keys(START, END) == DAYS
    for number, day in enumerate(DAYS):
        begin = datetime.fromisoformat(day).replace(tzinfo=UTC)
        assert source.keys(begin, begin) == [day]
        assert [batch["n"].to_pylist() for batch in source.read(day) if batch.num_rows] == [[number]]
        assert len(source.parts(day)) == 1
    assert source.keys(datetime(2025, 10, 31, tzinfo=UTC), datetime(2025, 11, 2, tzinfo=UTC)) == DAYS[1:3]
    with pytest.raises(SliceMissing):
        source.fingerprint("2025-11-03")


@pytest.mark.parametrize("form", ["%d.%m.%Y", "%m-%Y", "%Y-%d-%m", "%d-%m-%y", "%y%m%d", "%-d", "%Y-%-m-%-d"])
def test_a_key_that_does_not_sort_in_time_is_refused_with_what_to_write_instead(form: str) -> None:
    with pytest.raises(BadInput, match="key_format=") as caught:
        Files(name="x", schema=SCHEMA, template="in/{key}.csv", key_format=form)
    if form != "%-d":
        assert "keys that sort in time" in str(caught.value)
        assert f"template='in/{form}.csv'" in caught.value.next


def test_what_a_refusal_says_to_write_is_taken() -> None:
    with pytest.raises(BadInput) as caught:
        Files(name="x", schema=SCHEMA, template="100%/{key}.csv", key_format="%m-%Y")
    assert caught.value.next == "template='100%%/%m-%Y.csv' and key_format='%Y-%m'"
    source = Files(name="x", schema=SCHEMA, template="100%%/%m-%Y.csv", key_format="%Y-%m")
    assert source._naming.key_of("100%/11-2025.csv") == "2025-11"


@pytest.mark.parametrize(
    ("template", "key_format", "better"),
    [
        ("%Y/%m/%d/%H.csv", "%Y-%m-%d", "%Y-%m-%dT%H"),
        ("%Y/%m/*.csv", "%Y-%m-%d", "%Y-%m"),
        ("%G/%V.csv", "%Y-%m-%d", "%G-W%V"),
        ("%Y/%m/%d.csv", "%G-W%V", "%Y-%m-%d"),
    ],
)
def test_a_key_says_as_much_as_a_name(template: str, key_format: str, better: str) -> None:
    with pytest.raises(BadInput, match=f"key_format=.*such as {better!r}"):
        Files(name="x", schema=SCHEMA, template=template, key_format=key_format)
    Files(name="x", schema=SCHEMA, template=template, key_format=better)


def test_weeks_that_begin_on_a_day_may_be_named_by_it() -> None:
    source = Files(name="x", schema=SCHEMA, template="%G/%V.csv", weekday=0)
    assert source._naming.key_of("2025/45.csv") == "2025-11-03"


@pytest.mark.parametrize(
    "template", ["x.csv", "{key}/{key}.csv", "{day}.csv", "%d.csv", "%Y/%Q.csv", "../%Y.csv"]
)
def test_a_template_without_a_time_is_refused(template: str) -> None:
    with pytest.raises(BadInput, match="template="):
        Files(name="x", schema=SCHEMA, template=template)


def test_a_percent_sign_beside_a_key_is_itself() -> None:
    source = Files(name="x", schema=SCHEMA, template="100%d/{key}.csv")
    assert source._naming.key_of("100%d/2025-11-03.csv") == "2025-11-03"


def test_what_lands_last_is_named_as_the_files_are(tmp_path: Path) -> None:
    store = LocalStore(tmp_path)
    source = made(tmp_path, "%Y/%m/%d/*.csv", complete_when="%Y/%m/%d/_SUCCESS")
    store.put("2025/11/03/a.csv", b"n\n1\n")
    with pytest.raises(SliceMissing, match="2025/11/03/_SUCCESS, which lands last"):
        source.parts("2025-11-03")
    store.put("2025/11/03/_SUCCESS", b"")
    assert list(source.parts("2025-11-03")) == ["2025/11/03/a.csv"]
    for wrong in ("%Y/%m/_SUCCESS", "%Y/%m/%d/*", "_SUCCESS"):
        with pytest.raises(BadInput, match="complete_when="):
            made(tmp_path, "%Y/%m/%d/*.csv", complete_when=wrong)
