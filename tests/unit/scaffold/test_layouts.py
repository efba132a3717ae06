"""Layouts of a landing: what is written from each reads every slice, whole, by keys that sort in time."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pyarrow as pa
import pytest

from ckpt_ops.contract import check_source
from ckpt_ops.errors import BadInput, SliceMissing, SliceUnreadable
from ckpt_ops.pipeline import load_intake
from ckpt_ops.scaffold import Asked, Written, new_source
from ckpt_ops.slices import Files
from ckpt_ops.store import LocalStore

DAYS = ["2025-10-30", "2025-10-31", "2025-11-01", "2025-11-02", "2026-01-05"]
EVER = datetime(2000, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
ROWS = "".join(f"{n},{n % 7}\n" for n in range(50))


@pytest.fixture
def landing(tmp_path: Path) -> LocalStore:
    (tmp_path / "landing").mkdir()
    return LocalStore(tmp_path / "landing")


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    return tmp_path / "dags"


def land(landing: LocalStore, form: str, days: list[str] = DAYS) -> None:
    for day in days:
        data = "" if form.rpartition("/")[2].startswith("_") else f"id,n\n{ROWS}"
        landing.put(datetime.fromisoformat(day).strftime(form), data.encode())


def made(landing: LocalStore, dags: Path, name: str, **options: str) -> tuple[Files, Written]:
    written = new_source(Asked(name=name, origin=landing.url, **options), dags)
    source = load_intake(name, dags).source
    assert isinstance(source, Files)
    return source, written


@pytest.mark.parametrize(
    ("name", "form", "template", "options"),
    [
        ("layout_dt", "dt=%Y-%m-%d/orders.csv", "dt={key}/orders.csv", {}),
        ("layout_hive", "year=%Y/month=%m/day=%d/a.csv", "year=%Y/month=%m/day=%d/a.csv", {}),
        ("layout_spark", "year=%Y/month=%-m/day=%-d/part-00000.csv", None, {}),
        ("layout_folders", "in/%Y/%m/%d/a.csv", "in/%Y/%m/%d/a.csv", {}),
        (
            "layout_german",
            "%d.%m.%Y.csv",
            "%d.%m.%Y.csv",
            {"template": "{key}.csv", "key_format": "%d.%m.%Y"},
        ),
        ("layout_american", "x-%m-%d-%y.csv", "x-%m-%d-%y.csv", {"template": "x-%m-%d-%y.csv"}),
    ],
)
def test_a_layout_is_read_whole(
    landing: LocalStore, dags: Path, name: str, form: str, template: str | None, options: dict[str, str]
) -> None:
    land(landing, form)
    source, written = made(landing, dags, name, **options)
    assert source.template == (template or "year=%Y/month=%-m/day=%-d/part-*.csv")
    assert source.key_format == "%Y-%m-%d"
    assert source.keys(*EVER) == DAYS
    assert [sum(batch.num_rows for batch in source.read(key)) for key in DAYS] == [50] * 5
    assert [check for check in check_source(source) if not check.passed] == []
    assert written.found.first == datetime(2025, 10, 30, tzinfo=UTC)
    assert written.found.notes == []


def test_a_counter_that_never_varied_is_one_and_the_second_shard_is_read(
    landing: LocalStore, dags: Path
) -> None:
    land(landing, "%Y-%m-%d/orders-000000000000.csv")
    source, _ = made(landing, dags, "layout_shards")
    assert source.template == "{key}/orders-*.csv"
    landing.put("2026-01-05/orders-000000000001.csv", f"id,n\n{ROWS}".encode())
    assert sum(batch.num_rows for batch in source.read("2026-01-05")) == 100


def test_a_second_file_of_a_slice_that_had_one_is_no_silent_loss(landing: LocalStore, dags: Path) -> None:
    land(landing, "%Y-%m-%d.csv")
    source, _ = made(landing, dags, "layout_single")
    landing.put("2026-01-05_2.csv", f"id,n\n{ROWS}".encode())
    with pytest.raises(SliceUnreadable, match=r"misses, so their rows would be lost: 2026-01-05_2\.csv"):
        list(source.read("2026-01-05"))


@pytest.mark.parametrize("form", ["%Y-%m-%d/%%s", "dt=%Y-%m-%d/%%s", "year=%Y/month=%-m/day=%-d/%%s"])
def test_what_lands_last_is_found_beside_the_files(landing: LocalStore, dags: Path, form: str) -> None:
    name = f"layout_last_{len(form)}"
    land(landing, form.replace("%%s", "a.csv"))
    land(landing, form.replace("%%s", "_SUCCESS"))
    source, written = made(landing, dags, name)
    assert source.complete_when == f"{source.template.rpartition('/')[0]}/_SUCCESS"
    assert any("without it, a slice is not there yet" in note for note in written.found.notes)
    assert sorted(path.name for path in (dags / name / "sample").rglob("_*")) == ["_SUCCESS"] * 2
    assert [check for check in check_source(source) if not check.passed] == []
    landing.put(datetime(2026, 1, 6).strftime(form.replace("%%s", "a.csv")), f"id,n\n{ROWS}".encode())
    with pytest.raises(SliceMissing, match="_SUCCESS, which lands last"):
        source.fingerprint("2026-01-06")


def test_the_newest_slice_may_be_on_its_way(landing: LocalStore, dags: Path) -> None:
    land(landing, "%Y-%m-%d/a.csv")
    land(landing, "%Y-%m-%d/_SUCCESS", DAYS[:4])
    source, written = made(landing, dags, "layout_on_its_way")
    assert source.complete_when == "{key}/_SUCCESS"
    assert written.found.last == datetime(2025, 11, 2, tzinfo=UTC)
    assert any("2026-01-05 lacks it, and was not looked at" in note for note in written.found.notes)


def test_a_mark_that_most_slices_lack_is_only_told(landing: LocalStore, dags: Path) -> None:
    land(landing, "%Y-%m-%d/a.csv")
    land(landing, "%Y-%m-%d/_SUCCESS", DAYS[:2])
    source, written = made(landing, dags, "layout_some")
    assert source.complete_when == ""
    (note,) = written.found.notes
    assert note == (
        "2 of 5 slices have '{key}/_SUCCESS': if it lands last, write complete_when='{key}/_SUCCESS'"
    )


def test_the_test_that_is_written_with_it_passes_on_its_sample(landing: LocalStore, dags: Path) -> None:
    land(landing, "year=%Y/month=%-m/day=%-d/part-00000.csv")
    land(landing, "year=%Y/month=%-m/day=%-d/_SUCCESS")
    source, written = made(landing, dags, "layout_sampled")
    sampled = Files(
        name="layout_sampled",
        schema=source.schema,
        url=(dags / "layout_sampled" / "sample").as_uri(),
        template=source.template,
        complete_when=source.complete_when,
    )
    assert sampled.keys(*EVER) == list(written.found.sample_keys) == DAYS[:1] + DAYS[1:2]
    assert [check for check in check_source(sampled) if not check.passed] == []


def test_values_of_folders_are_columns(landing: LocalStore, dags: Path) -> None:
    for day in DAYS:
        for country, shop in (("de", "1"), ("f%20r", "2"), ("__HIVE_DEFAULT_PARTITION__", "2")):
            landing.put(f"dt={day}/country={country}/shop={shop}/part-0.csv", f"id,n\n{ROWS}".encode())
    source, written = made(landing, dags, "layout_partitions")
    assert source.template == "dt={key}/country=*/shop=*/part-*.csv"
    assert source.partitions == ("country", "shop")
    assert source.schema == pa.schema(
        [("id", pa.int64()), ("n", pa.int64()), ("country", pa.string()), ("shop", pa.int64())]
    )
    rows = pa.Table.from_batches(list(source.read(DAYS[0]))).to_pylist()
    assert {(row["country"], row["shop"]) for row in rows} == {("de", 1), ("f r", 2), (None, 2)}
    assert [check for check in check_source(source) if not check.passed] == []
    landing.put(f"dt={DAYS[0]}/country=new/shop=x/part-0.csv", f"id,n\n{ROWS}".encode())
    with pytest.raises(SliceUnreadable, match="folder shop=x, which is no int64"):
        list(source.read(DAYS[0]))
    assert written.found.notes == []


@pytest.mark.parametrize(
    "form", ["country=de/dt=%Y-%m-%d/a.csv", "key=%Y-%m-%d/part.csv", "year=%Y/%Y-%m-%d.csv"]
)
def test_a_folder_of_one_value_before_the_time_or_of_the_time_is_no_column(
    landing: LocalStore, dags: Path, form: str
) -> None:
    land(landing, form)
    source, _ = made(landing, dags, f"layout_none_{len(form)}")
    assert source.partitions == ()
    assert source.keys(*EVER) == DAYS


def test_a_partition_is_declared_and_in_the_template() -> None:
    schema = pa.schema([("id", pa.int64()), ("country", pa.string())])
    with pytest.raises(BadInput, match="it has shop"):
        Files(name="a", schema=schema, template="{key}/shop=*/a.csv", partitions=("country",))
    with pytest.raises(BadInput, match="declared columns"):
        Files(name="a", schema=schema, template="{key}/shop=*/a.csv", partitions=("shop",))
    with pytest.raises(BadInput, match="a tuple of names"):
        Files(name="a", schema=schema, template="{key}/country=*/a.csv", partitions="country")  # type: ignore[arg-type]
