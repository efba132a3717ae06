"""A folder from a look at files: it reads what is there, and it is written whole or not at all."""

from __future__ import annotations

import csv as text
import gzip
import io
import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ckpt_ops.contract import check_source
from ckpt_ops.errors import BadInput, SliceUnreadable
from ckpt_ops.pipeline import load_intake
from ckpt_ops.scaffold import Asked, new_source
from ckpt_ops.scaffold.look_at_files import SAMPLE_ROWS
from ckpt_ops.slices import Files
from ckpt_ops.slices.formats import Csv
from ckpt_ops.validation import load_suite

DAYS = ["2013-01-06", "2013-01-07", "2013-01-08"]
COLUMNS = ["n", "code", "word", "at"]
TABS, PIPES = (Csv(delimiter=sign, leading_zeros=False) for sign in "\t|")
TYPES = [pa.int64(), pa.string(), pa.string(), pa.timestamp("us", tz="UTC")]


def of_day(day: str) -> list[tuple[int, str, str, str]]:
    return [(n, f"0{n % 90:02}", ("ab", "cd")[n % 2], f"{day}T{n % 24:02}:00:00Z") for n in range(60)]


def csv(delimiter: str = ",", encoding: str = "utf-8", rows: int = 60, day: str = DAYS[0]) -> bytes:
    lines = [COLUMNS, *of_day(day)[:rows]]
    return "".join(delimiter.join(map(str, line)) + "\n" for line in lines).encode(encoding)


def jsonl(day: str = DAYS[0]) -> bytes:
    return b"".join(json.dumps(dict(zip(COLUMNS, row, strict=True))).encode() + b"\n" for row in of_day(day))


def parquet(day: str = DAYS[0]) -> bytes:
    columns = list(zip(*of_day(day), strict=True))
    arrays = [pa.array(column).cast(kind) for column, kind in zip(columns, TYPES, strict=True)]
    sink = io.BytesIO()
    pq.write_table(pa.table(arrays, names=COLUMNS), sink)
    return sink.getvalue()


@pytest.fixture
def landing(tmp_path: Path) -> Path:
    (tmp_path / "landing").mkdir()
    return tmp_path / "landing"


@pytest.fixture
def dags(tmp_path: Path) -> Path:
    (tmp_path / "dags").mkdir()
    return tmp_path / "dags"


def land(landing: Path, name: str, data: bytes | Callable[[str], bytes]) -> None:
    for day in DAYS:
        path = landing / name.replace("KEY", day)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data if isinstance(data, bytes) else data(day))


@pytest.mark.parametrize(
    ("name", "file", "data", "template", "form"),
    [
        ("made_csv", "KEY.csv", lambda day: csv(day=day), "{key}.csv", Csv(leading_zeros=False)),
        (
            "made_semicolons",
            "a/KEY.csv",
            lambda day: csv(";", day=day),
            "a/{key}.csv",
            Csv(delimiter=";", leading_zeros=False),
        ),
        ("made_tabs", "KEY.tsv", lambda day: csv("\t", day=day), "{key}.tsv", TABS),
        ("made_gz", "KEY/x.csv.gz", lambda day: gzip.compress(csv("|", day=day)), "{key}/x.csv.gz", PIPES),
        ("made_json", "KEY.jsonl", jsonl, "{key}.jsonl", None),
        ("made_json_gz", "KEY.ndjson.gz", lambda day: gzip.compress(jsonl(day)), "{key}.ndjson.gz", None),
        ("made_parquet", "in/KEY.parquet", parquet, "in/{key}.parquet", None),
    ],
)
def test_each_format_is_found_read_and_keeps_the_contract(
    landing: Path,
    dags: Path,
    name: str,
    file: str,
    data: Callable[[str], bytes],
    template: str,
    form: Csv | None,
) -> None:
    land(landing, file, data)
    written = new_source(Asked(name=name, origin=str(landing)), dags)
    source = load_intake(name, dags).source
    assert isinstance(source, Files)
    assert (source.url, source.template, source.format) == (landing.as_uri(), template, form)
    assert source.schema == pa.schema(list(zip(COLUMNS, TYPES, strict=True)))
    assert [check for check in check_source(source) if not check.passed] == []
    assert load_suite(dags / name / "expectations.json").bad_rows_at_most == 0.01
    assert {path.relative_to(dags / name).as_posix() for path in (dags / name).rglob("*.*")} >= {
        *written.files
    }


def test_several_files_a_key_and_long_ones_leave_a_small_sample(landing: Path, dags: Path) -> None:
    for part in range(3):
        land(landing, f"KEY/part-{part}.csv", csv() + csv()[len("n,code,word,at\n") :] * 20)
    written = new_source(Asked(name="made_parts", origin=str(landing)), dags)
    samples = sorted((dags / "made_parts" / "sample").rglob("*.csv"))
    assert [str(path.relative_to(dags / "made_parts" / "sample")) for path in samples] == [
        f"{day}/part-{part}.csv" for day in DAYS[:2] for part in range(2)
    ]
    assert {len(path.read_bytes().splitlines()) for path in samples} == {SAMPLE_ROWS + 1}
    assert [looked.table.num_rows for looked in written.found.slices] == [3 * 21 * 60] * 3


def test_a_file_in_another_encoding_is_asked_about_and_then_read(landing: Path, dags: Path) -> None:
    land(landing, "KEY.csv", csv().replace(b"ab", "é".encode("cp1252")))
    with pytest.raises(BadInput, match="--encoding cp1252"):
        new_source(Asked(name="made_cp1252", origin=str(landing)), dags)
    new_source(Asked(name="made_cp1252", origin=str(landing), encoding="cp1252"), dags)
    source = load_intake("made_cp1252", dags).source
    assert isinstance(source, Files)
    assert source.format == Csv(encoding="cp1252", leading_zeros=False)
    assert next(iter(source.read(DAYS[0])), None) is not None


def test_a_column_that_only_one_file_has_and_one_without_a_value_are_columns_too(
    landing: Path, dags: Path
) -> None:
    (landing / "2013-01-06.csv").write_text("n,empty\n1,\n2,\n")
    (landing / "2013-01-07.csv").write_text("n,empty,late\n1.5,,x\n")
    found = new_source(Asked(name="made_odd", origin=str(landing)), dags).found
    assert found.schema == pa.schema([("n", pa.float64()), ("empty", pa.string()), ("late", pa.string())])


def test_data_that_goes_on_has_no_end_and_waits(landing: Path, dags: Path, tmp_path: Path) -> None:
    land(landing, "KEY.csv", csv())
    new_source(Asked(name="made_past", origin=str(landing)), dags)
    assert "end_date=datetime(2013, 1, 8, tzinfo=UTC)" in (dags / "made_past" / "dag.py").read_text()
    for day in DAYS:
        (landing / f"{day}.csv").rename(landing / f"{day.replace('2013', '2199')}.csv")
    new_source(Asked(name="made_future", origin=str(landing)), dags)
    dag = (dags / "made_future" / "dag.py").read_text()
    assert "end_date" not in dag
    assert "wait_for_slice=timedelta(hours=6)" in dag


@pytest.mark.parametrize(
    ("file", "data", "message"),
    [
        ("KEY.csv", b"1,2\n3,4\n", "first line names the columns"),
        ("KEY.csv", b"a,b\n", "have none"),
        ("KEY.txt", b"a,b\n", "files that end with"),
        ("KEY.jsonl", b'{"a": 1}\n{"a": "x"}\n', "field 'a'"),
        ("notes.csv", b"a\n1\n", "--template"),
    ],
)
def test_what_cannot_be_told_leaves_nothing_behind(
    landing: Path, dags: Path, file: str, data: bytes, message: str
) -> None:
    land(landing, file, data)
    with pytest.raises(BadInput) as caught:
        new_source(Asked(name="made_badly", origin=str(landing)), dags)
    assert message in str(caught.value)
    assert list(dags.iterdir()) == []


@pytest.mark.parametrize(
    ("file", "data"),
    [
        ("KEY.parquet", b"PAR1 and then nothing"),
        ("KEY.csv.gz", gzip.compress(csv(), mtime=0)[:40]),
        ("KEY.jsonl", b"[1]\n"),
        ("KEY.csv", b"a,b\n1\n2,3,4\n"),
    ],
)
def test_a_damaged_file_is_named(landing: Path, dags: Path, file: str, data: bytes) -> None:
    land(landing, file, data)
    with pytest.raises(SliceUnreadable, match=file.replace("KEY", DAYS[0])):
        new_source(Asked(name="made_badly", origin=str(landing)), dags)
    assert list(dags.iterdir()) == []


@pytest.mark.parametrize("name", ["Flights", "1st", "class", "json", "a-b", "x" * 41, ""])
def test_a_name_that_is_no_package_or_another_ones_is_refused(landing: Path, dags: Path, name: str) -> None:
    land(landing, "KEY.csv", csv())
    with pytest.raises(BadInput, match="NAME="):
        new_source(Asked(name=name, origin=str(landing)), dags)


def test_a_folder_that_is_there_is_never_touched(landing: Path, dags: Path) -> None:
    land(landing, "KEY.csv", csv())
    (dags / "mine").mkdir()
    (dags / "mine" / "notes.txt").write_text("keep")
    with pytest.raises(BadInput, match="exists already"):
        new_source(Asked(name="mine", origin=str(landing)), dags)
    assert [path.name for path in (dags / "mine").iterdir()] == ["notes.txt"]


def test_a_folder_that_appears_meanwhile_wins(landing: Path, dags: Path) -> None:
    land(landing, "KEY.csv", csv())

    def somebody_else(said: str) -> None:
        if said.startswith("writing"):
            (dags / "raced").mkdir()
            (dags / "raced" / "notes.txt").write_text("first")

    with pytest.raises(BadInput, match="exists already"):
        new_source(Asked(name="raced", origin=str(landing)), dags, somebody_else)
    assert [path.name for path in dags.iterdir()] == ["raced"]
    assert [path.name for path in (dags / "raced").iterdir()] == ["notes.txt"]


@pytest.mark.parametrize(
    ("origin", "message"),
    [
        ("no/such/folder", "an existing directory"),
        ("ftp://host/x", "gs://BUCKET/PREFIX"),
    ],
)
def test_a_place_that_is_none_is_refused(dags: Path, origin: str, message: str) -> None:
    with pytest.raises(BadInput, match="--from") as caught:
        new_source(Asked(name="made_nowhere", origin=origin), dags)
    assert message in str(caught.value)


def test_one_file_is_no_source(landing: Path, dags: Path) -> None:
    land(landing, "KEY.csv", csv())
    with pytest.raises(BadInput, match=f"--from {landing}"):
        new_source(Asked(name="made_of_one", origin=str(landing / f"{DAYS[0]}.csv")), dags)


@pytest.mark.parametrize(
    "header",
    [
        'say "hi"',
        "it's",
        'x", __import__("os").system("touch pwned") and pa.string()), ("y',
        "a\\",
        "{key}",
        "ключ",
    ],
)
def test_whatever_a_header_holds_it_stays_a_name(
    landing: Path, dags: Path, header: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    sink = io.StringIO()
    text.writer(sink).writerows([["id", header], *([n, n + 1] for n in range(20))])
    for day in ("2013-01-06", "2013-01-07"):
        (landing / f"{day}.csv").write_text(sink.getvalue(), encoding="utf-8")
    written = new_source(Asked(name="odd", origin=landing.as_uri()), dags)
    names: dict[str, object] = {}
    monkeypatch.chdir(dags)
    exec(compile((written.folder / "source.py").read_text(), "source.py", "exec"), names)
    assert names["SCHEMA"].names == ["id", header]
    assert not (dags / "pwned").exists()
