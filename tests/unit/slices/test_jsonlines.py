"""What JSON lines may hold, and what is refused: by line, column and value."""

from __future__ import annotations

from pathlib import Path

import pyarrow as pa
import pytest
from landed import SCHEMA, Landed


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b"[1, 2]", "has no JSON object in line 2 but [1, 2]"),
        (b"null", "has no JSON object in line 2 but null"),
        (b"7", "has no JSON object in line 2 but 7"),
        (b'{"n": many}', "has no JSON object in line 2"),
        (b'{"n": 1', "has no JSON object in line 2"),
        (b'{"n": 1} {"n": 2}', "has no JSON object in line 2: Extra data"),
        (b'{\n"n": 1\n}', "has no JSON object in line 3 but"),
        (b'{"n": "many"}', 'has no int64 in line 2, column n: "many"'),
        (b'{"n": 1.5}', "has no int64 in line 2, column n: 1.5"),
        (b'{"n": 9223372036854775808}', "has no int64 in line 2, column n: 9223372036854775808"),
        (b'{"n": {"deep": 1}}', 'has no int64 in line 2, column n: {"deep": 1}'),
        (b'{"n": 1, "n": 2}', "was specified twice"),
        (b'{"at": "soon"}', 'has no timestamp[us, tz=UTC] in line 2, column at: "soon"'),
        (b'{"day": "soon"}', 'has no date32[day] in line 2, column day: "soon"'),
        (b'{"word": "caf\xe9"}', "is not utf-8: byte 0xe9 at 22, in line 2"),
        (
            b'{"word": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
            "has no JSON object in line 2: maximum recursion",
        ),
    ],
)
def test_a_line_that_is_no_object_or_of_another_type(tmp_path: Path, line: bytes, said: str) -> None:
    Landed(tmp_path, ".jsonl", b'{"n": 1}\n' + line + b"\n").refused(said)


def test_a_first_line_of_null_is_refused_before_arrow_dies_of_it(tmp_path: Path) -> None:
    Landed(tmp_path, ".jsonl", b'null\n{"n": 1}\n').refused("has no JSON object in line 1 but null")


def test_the_line_is_right_far_into_a_file(tmp_path: Path) -> None:
    data = b'{"n": 1}\n\n' * 200_000 + b'{"n": true}\n'
    Landed(tmp_path, ".jsonl", data).refused("has no int64 in line 400,001, column n: true")


def test_objects_of_another_table_are_no_rows_of_nulls(tmp_path: Path) -> None:
    Landed(tmp_path, ".jsonl", b'{"temp": 1}\n{"wind": 2}\n').refused("is a different table", "temp, wind")


def test_what_is_lacking_is_null_and_what_is_not_declared_is_left_out(tmp_path: Path) -> None:
    landed = Landed(tmp_path, ".jsonl", b'{"word": "a", "more": {"deep": [1]}}\n\n{"word": null}\n')
    nothing = dict.fromkeys(SCHEMA.names)
    assert landed.rows() == [nothing | {"word": "a"}, nothing]


def test_nested_values_are_read_where_they_are_declared(tmp_path: Path) -> None:
    schema = pa.schema([("p", pa.struct([("a", pa.int64())])), ("l", pa.list_(pa.int64()))])
    landed = Landed(tmp_path, ".jsonl", b'{"p": {"a": 1}, "l": [1, 2]}\n{"p": null}\n', schema=schema)
    assert landed.rows() == [{"p": {"a": 1}, "l": [1, 2]}, {"p": None, "l": None}]


def test_blank_lines_alone_are_no_rows(tmp_path: Path) -> None:
    assert Landed(tmp_path, ".jsonl", b"\n \n").rows() == []
