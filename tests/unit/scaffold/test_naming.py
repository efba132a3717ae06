"""From the names of files to a template and the keys' form, or a question that names the option to give."""

from __future__ import annotations

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.scaffold.naming import named_as

UUID = "0b8a1a4e-8c4b-4a5e-9a52-6f3d2f1c7e55"


@pytest.mark.parametrize(
    ("names", "template", "key_format", "keys"),
    [
        (["2013-01-06.csv", "2013-01-13.csv"], "{key}.csv", "%Y-%m-%d", ["2013-01-06", "2013-01-13"]),
        (
            ["in/f-20130106.parquet", "in/f-20130107.parquet"],
            "in/f-{key}.parquet",
            "%Y%m%d",
            ["20130106", "20130107"],
        ),
        (["d/2013-01-06T05.jsonl.gz"], "d/{key}.jsonl.gz", "%Y-%m-%dT%H", ["2013-01-06T05"]),
        (["d/20130106T05.json"], "d/{key}.json", "%Y%m%dT%H", ["20130106T05"]),
        (["d/2013010605.tsv"], "d/{key}.tsv", "%Y%m%d%H", ["2013010605"]),
        (["w/2013-W01.csv", "w/2013-W02.csv"], "w/{key}.csv", "%G-W%V", ["2013-W01", "2013-W02"]),
        (["m/2013-01.csv", "m/2013-02.csv"], "m/{key}.csv", "%Y-%m", ["2013-01", "2013-02"]),
        (["x_2013_01_06.csv"], "x_{key}.csv", "%Y_%m_%d", ["2013_01_06"]),
        # several files a key
        (["2013-01-06/part-0.csv", "2013-01-06/part-1.csv"], "{key}/part-*.csv", "%Y-%m-%d", ["2013-01-06"]),
        (["2013-01-06-01.csv", "2013-01-06-02.csv"], "{key}-*.csv", "%Y-%m-%d", ["2013-01-06"]),
        (
            [f"2013-01-06/part-0-{UUID}.parquet", f"2013-01-07/part-0-{UUID.replace('0', '1')}.parquet"],
            "{key}/part-*-*.parquet",
            "%Y-%m-%d",
            ["2013-01-06", "2013-01-07"],
        ),
        # what counts will be another, though it is the only one so far
        (
            ["2013-01-06/orders-000000000000.csv", "2013-01-07/orders-000000000000.csv"],
            "{key}/orders-*.csv",
            "%Y-%m-%d",
            ["2013-01-06", "2013-01-07"],
        ),
        (["2013-01-06/part-0.csv"], "{key}/part-*.csv", "%Y-%m-%d", ["2013-01-06"]),
        (["2013-01-06_1.csv.gz"], "{key}_*.csv.gz", "%Y-%m-%d", ["2013-01-06"]),
        (["2013-01-06/part-00000-c000.csv"], "{key}/part-*-c*.csv", "%Y-%m-%d", ["2013-01-06"]),
        (["in/0007-2013-01-06.csv"], "in/*-{key}.csv", "%Y-%m-%d", ["2013-01-06"]),
        # a number that is part of a name is none
        (["v2/2013-01-06.csv"], "v2/{key}.csv", "%Y-%m-%d", ["2013-01-06"]),
        (["007/2013-01-06-utf8.csv"], "007/{key}-utf8.csv", "%Y-%m-%d", ["2013-01-06"]),
        (["top-10-2013-01-06.csv"], "top-10-{key}.csv", "%Y-%m-%d", ["2013-01-06"]),
        # a time in folders
        (["dt=2013-01-06/a.parquet"], "dt={key}/a.parquet", "%Y-%m-%d", ["2013-01-06"]),
        (
            ["x/year=2013/month=01/day=06/a.csv", "x/year=2013/month=11/day=30/a.csv"],
            "x/year=%Y/month=%m/day=%d/a.csv",
            "%Y-%m-%d",
            ["2013-01-06", "2013-11-30"],
        ),
        (
            ["year=2013/month=1/day=6/a.csv", "year=2013/month=11/day=30/a.csv"],
            "year=%Y/month=%-m/day=%-d/a.csv",
            "%Y-%m-%d",
            ["2013-01-06", "2013-11-30"],
        ),
        (["y=2013/m=01/a.csv"], "y=%Y/m=%m/a.csv", "%Y-%m", ["2013-01"]),
        (
            [f"2013/01/06/part-0-{UUID}.csv"],
            "%Y/%m/%d/part-*-*.csv",
            "%Y-%m-%d",
            ["2013-01-06"],
        ),
        (["2013/01/06/05/a.csv"], "%Y/%m/%d/%H/a.csv", "%Y-%m-%dT%H", ["2013-01-06T05"]),
        (["2013-01/06/a.csv"], "%Y-%m/%d/a.csv", "%Y-%m-%d", ["2013-01-06"]),
        (["201301/06.csv"], "%Y%m/%d.csv", "%Y-%m-%d", ["2013-01-06"]),
        (["100%/2013/01/06.csv"], "100%%/%Y/%m/%d.csv", "%Y-%m-%d", ["2013-01-06"]),
        (["2013/01.csv", "2013/02.csv"], "%Y/%m.csv", "%Y-%m", ["2013-01", "2013-02"]),
        # a folder for the year will be another next year; a version stays
        (
            ["v2/2013/2013-03-06.csv", "v2/2013/2013-03-07.csv"],
            "v2/*/{key}.csv",
            "%Y-%m-%d",
            ["2013-03-06", "2013-03-07"],
        ),
    ],
)
def test_a_template_is_found(names: list[str], template: str, key_format: str, keys: list[str]) -> None:
    found = named_as(names)
    assert (found.template, found.key_format, list(found.files)) == (template, key_format, keys)
    assert sorted(name for files in found.files.values() for name in files) == sorted(names)


def test_what_is_no_data_and_what_has_no_date_is_passed_over() -> None:
    found = named_as(
        [
            "2013-01-06/a.csv",
            "2013-01-06/_SUCCESS",
            "2013-01-06/.a.csv",
            "README.md",
            "2013-01-06/line\nend.csv",
            "../2013-01-06/x.csv",
            "latest.csv",
        ]
    )
    assert found.files == {"2013-01-06": ["2013-01-06/a.csv"]}


def test_what_looks_like_a_date_and_is_none_is_no_key() -> None:
    assert list(named_as(["20139999.csv", "20130106.csv", "13570430.csv"]).files) == ["20130106"]


@pytest.mark.parametrize(
    ("names", "options", "message"),
    [
        ([], {}, "files that end with .parquet, .csv"),
        (["a.txt", "b.docx"], {}, "files that end with .parquet, .csv"),
        (["a.csv", "b.csv"], {}, "--template 'folder/%d.%m.%Y.csv'"),
        (
            ["flights/2013-01-06.csv", "weather/2013-01-06.csv"],
            {},
            "several: 'flights/{key}.csv' (1), 'weather/{key}.csv' (1)",
        ),
        (["2013-01-06.csv", "2013-01-07.csv.gz"], {}, "files of one kind"),
        (["a/month=1/day=6/x.csv"], {}, "year=%Y/month=%m/day=%d"),
        (["a/year=2013/month=13/day=6/x.csv"], {}, "year=%Y/month=%m/day=%d"),
        (["a/06.01.2013.csv"], {"template": "a/%d.csv"}, "a time without gaps"),
        (["a/06.01.2013.csv"], {"template": "a/%d.%m.%y.csv"}, "a template that fits names in gs://b"),
        (["a/2013-01-06.csv"], {"key_format": "%d"}, "--key-format='%d'"),
        (["a/2013-01-06.csv"], {"key_format": "%Q"}, "--key-format='%Q'"),
        (["a/06.01.2013.csv"], {"template": "a/{key}.csv"}, "--key-format"),
        (
            ["a/2013-01-06.csv"],
            {"template": "b/{key}.csv"},
            "a template that fits names in gs://b: 'a/2013-01-06.csv'",
        ),
        (["a/2013-01-06.csv"], {"template": "a/x.csv"}, "{key} once"),
        (["a/2013-01-06.csv"], {"key_format": "%d.%m.%Y"}, "%d.%m.%Y"),
    ],
)
def test_what_cannot_be_told_is_asked(names: list[str], options: dict[str, str], message: str) -> None:
    with pytest.raises(BadInput) as caught:
        named_as(names, where="gs://b", **options)
    assert message in str(caught.value)


def test_a_person_may_say_it() -> None:
    names = ["flights/2013-01-06.csv", "weather/2013-01-06.csv", "flights/old/2012-01-01.csv"]
    assert named_as(names, template="flights/{key}.csv").files == {"2013-01-06": ["flights/2013-01-06.csv"]}
    found = named_as(["a/2013_06.csv"], key_format="%Y_%m")
    assert (found.template, list(found.files)) == ("a/{key}.csv", ["2013_06"])
    found = named_as(["a/2013_06-1.csv"], template="a/{key}-*.csv", key_format="%Y_%m")
    assert list(found.files) == ["2013_06"]


@pytest.mark.parametrize(
    ("options", "template"),
    [
        ({"template": "a/{key}.csv", "key_format": "%d.%m.%Y"}, "a/%d.%m.%Y.csv"),
        ({"template": "a/%d.%m.%Y.csv"}, "a/%d.%m.%Y.csv"),
        ({"key_format": "%d.%m.%Y"}, "a/%d.%m.%Y.csv"),
    ],
)
def test_a_time_that_does_not_sort_is_the_names_and_keys_sort(options: dict[str, str], template: str) -> None:
    names = [f"a/{day}.{month}.2013.csv" for month in ("01", "02") for day in ("05", "06", "07")]
    found = named_as(names, **options)
    assert (found.template, found.key_format) == (template, "%Y-%m-%d")
    days = [f"2013-{month}-{day}" for month in ("01", "02") for day in ("05", "06", "07")]
    assert list(found.files) == days
    assert found.files["2013-02-06"] == ["a/06.02.2013.csv"]


def test_where_no_number_tells_whether_zeros_are_written_it_is_said() -> None:
    (said,) = named_as(["year=2013/month=11/day=30/a.csv"]).notes
    assert "year=%Y/month=%-m/day=%-d/a.csv" in said
    assert named_as(["year=2013/month=11/day=06/a.csv"]).notes == ()
    assert named_as(["2013-11-30.csv"]).notes == ()


def test_a_date_in_a_hash_is_none() -> None:
    odd = "0b8a1a4e-8c4b-4a5e-9a52-a20130106bcd"
    found = named_as([f"2013/01/07/{UUID}.csv", f"2013/01/08/{odd}.csv"])
    assert (found.template, list(found.files)) == ("%Y/%m/%d/*.csv", ["2013-01-07", "2013-01-08"])
