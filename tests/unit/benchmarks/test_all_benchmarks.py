"""All benchmarks in small: a table, a process each, a page."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from benchmarks import all as subject

PROJECT = Path(__file__).parents[3]


def module(folder: Path, name: str, code: str, monkeypatch: pytest.MonkeyPatch) -> str:
    (folder / f"{name}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(folder))
    return name


def test_every_benchmark_of_the_makefile_has_its_row() -> None:
    [line] = [one for one in (PROJECT / "Makefile").read_text().splitlines() if one.startswith("bench:")]
    listed = re.search(r"WHAT=(.*?);", line)
    assert listed is not None
    names = {word for word in re.findall(r"[a-z]+", listed[1].replace("(default)", "")) if word != "or"}
    assert names == {*subject.QUICK, "all"}


@pytest.mark.parametrize("name", subject.QUICK)
def test_a_row_is_a_benchmark_there_is(name: str) -> None:
    text = (PROJECT / "benchmarks" / f"{name}.py").read_text()
    for option in re.findall(r"--[a-z-]+", subject.QUICK[name]):
        assert f'"{option}"' in text


def test_one_that_fails_is_said_and_the_page_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good = module(
        tmp_path, "good", "print('ours', 'theirs <b>', ' 0.52 x'); open('pic', 'a').close()", monkeypatch
    )
    bad = module(tmp_path, "bad", "raise ValueError('broken')", monkeypatch)
    monkeypatch.chdir(tmp_path)
    out = tmp_path / "out"
    ran = [subject.run(name, name, "", out / name) for name in (good, bad)]
    subject.write(ran, out)
    assert [one.failed for one in ran] == [False, True]
    assert "0.52 x" in ran[0].ratios[0]
    text = (out / "all.html").read_text()
    assert text.index("0.52 x") < text.index("Failed: it ended with exit code 1.")
    assert "ValueError: broken" in text
    assert "theirs &lt;b&gt;" in text
    found = json.loads((out / "all.json").read_text())["ran"]
    assert [one["failed"] for one in found] == [False, True]


def test_pictures_are_in_the_page_and_results_in_the_json(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = "import sys, pathlib; out = pathlib.Path(sys.argv[1]); (out / 'a.png').write_bytes(b'png'); "
    name = module(tmp_path, "draws", code + "(out / 'a.json').write_text('[1]')", monkeypatch)
    out = tmp_path / "out"
    subject.write([subject.run(name, name, "{out}", out / name)], out)
    assert "data:image/png;base64,cG5n" in (out / "all.html").read_text()
    assert json.loads((out / "all.json").read_text())["ran"][0]["results"] == {"a.json": [1]}


def test_one_that_hangs_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = module(tmp_path, "hangs", "import time; time.sleep(600)", monkeypatch)
    ran = subject.run(name, name, "", tmp_path / "out", seconds=1.0)
    assert (ran.code, ran.failed) == (None, True)
