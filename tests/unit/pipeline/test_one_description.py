"""What is described twice is refused when a DAG is read, in a sentence that names both places."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from ckpt_ops.errors import BadInput
from ckpt_ops.pipeline import Intake
from ckpt_ops.pipeline.one_description import check_one_description, check_one_source

FIRST = """
import pyarrow as pa
from ckpt_ops.pipeline import Intake
from ckpt_ops.slices import Files

def source(template="t/{key}.csv"):
    return Files(name="numbers", schema=pa.schema([("n", pa.int64())]), template=template)

first_one = Intake(name="first_one", source=source(), expectations="e.json")
"""


@pytest.fixture
def dags(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.syspath_prepend(str(tmp_path))
    return tmp_path


@pytest.fixture
def described(dags: Path) -> Callable[[str, str], Intake]:
    """Writes `{folder}/pipeline.py`; the intake of the folder's name, or else the first one."""

    def write(folder: str, code: str) -> Intake:
        (dags / folder).mkdir()
        (dags / folder / "__init__.py").touch()
        (dags / folder / "pipeline.py").write_text(code)
        importlib.invalidate_caches()
        module = importlib.import_module(f"{folder}.pipeline")
        found: Intake = getattr(module, folder, None) or next(
            one for one in vars(module).values() if isinstance(one, Intake)
        )
        return found

    return write


def refused(intake: Intake, dags: Path, folder: str) -> str:
    """The one sentence."""
    with pytest.raises(BadInput) as error:
        check_one_description(intake, dags / folder / "dag.py")
    return error.value.what


def test_a_pipeline_in_its_own_folder_passes(dags: Path, described: Callable[[str, str], Intake]) -> None:
    first = described("first_one", FIRST)
    check_one_description(first, dags / "first_one" / "dag.py")
    check_one_description(first, dags / "all_dags.py")  # a file beside the folders may make several


def test_a_second_folder_that_uses_the_first_one_s_pipeline(
    dags: Path, described: Callable[[str, str], Intake]
) -> None:
    described("first_one", FIRST)
    second = described("second_one", "from first_one.pipeline import first_one")
    message = refused(second, dags, "second_one")
    assert "second_one/pipeline.py describes; this one is described in first_one/pipeline.py" in message


def test_a_second_pipeline_beside_the_imported_first(
    dags: Path, described: Callable[[str, str], Intake]
) -> None:
    described("first_one", FIRST)
    code = "from dataclasses import replace\n{}\nsecond_one = replace({}, name='second_one')"
    second = described("second_one", code.format("from first_one.pipeline import first_one", "first_one"))
    message = refused(second, dags, "second_one")
    assert "it has that of first_one/pipeline.py beside its own" in message
    assert message.startswith("second_one/pipeline.py=")


def test_a_second_pipeline_made_of_the_first_s_module_passes(
    dags: Path, described: Callable[[str, str], Intake]
) -> None:
    described("first_one", FIRST)
    code = "from dataclasses import replace\nimport first_one.pipeline as other\n"
    code += "second_one = replace(other.first_one, name='second_one')"
    second = described("second_one", code)
    check_one_description(second, dags / "second_one" / "dag.py")
    check_one_source(second, dags)


def test_two_folders_with_one_name(dags: Path, described: Callable[[str, str], Intake]) -> None:
    described("first_one", FIRST)
    second = described("second_one", FIRST.replace("t/{key}", "u/{key}"))
    (dags / "second_one" / "dag.py").touch()
    for folder in ("second_one", "."):
        message = refused(second, dags, folder)
        assert "first_one/pipeline.py and second_one/pipeline.py differ" in message


def test_a_name_of_no_folder(dags: Path, described: Callable[[str, str], Intake]) -> None:
    second = described("second_one", FIRST.replace('name="first_one"', 'name="third_one"'))
    (dags / "second_one" / "pipeline.py").rename(dags / "second_one" / "other.py")
    assert "third_one/pipeline.py, which does not exist" in refused(second, dags, "second_one")


class TestSources:
    def test_the_same_definition_in_two_folders_is_one_source(
        self, dags: Path, described: Callable[[str, str], Intake]
    ) -> None:
        described("first_one", FIRST)
        second = described("second_one", FIRST.replace("first_one", "second_one"))
        check_one_source(second, dags)

    def test_two_sources_of_one_name_are_refused_naming_both_pipelines(
        self, dags: Path, described: Callable[[str, str], Intake]
    ) -> None:
        first = described("first_one", FIRST)
        second = described(
            "second_one", FIRST.replace("first_one", "second_one").replace("t/{key}", "u/{key}")
        )
        for intake in (first, second):
            with pytest.raises(BadInput, match="source='numbers'") as error:
                check_one_source(intake, dags)
            assert "first_one/pipeline.py" in error.value.what
            assert "second_one/pipeline.py" in error.value.what

    def test_a_neighbour_that_cannot_be_read_refuses_nobody_else(
        self, dags: Path, described: Callable[[str, str], Intake]
    ) -> None:
        first = described("first_one", FIRST)
        (dags / "second_one").mkdir()
        (dags / "second_one" / "pipeline.py").write_text('name = "numbers"\nraise RuntimeError')
        check_one_source(first, dags)

    def test_a_neighbour_that_does_not_spell_the_name_is_not_imported(
        self, dags: Path, described: Callable[[str, str], Intake]
    ) -> None:
        first = described("first_one", FIRST)
        (dags / "second_one").mkdir()
        (dags / "second_one" / "pipeline.py").write_text("import a_library_of_ten_seconds")
        check_one_source(first, dags)
        assert "second_one" not in sys.modules
