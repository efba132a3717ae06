"""The front door: one import for all that a pipeline needs, which loads nothing until it is asked for."""

from __future__ import annotations

import ast
import doctest
import importlib
import json
import pkgutil
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

import ckpt_ops

PROJECT = Path(__file__).parents[2]
GOLDEN = PROJECT / "tests" / "golden" / "importable-names.txt"
HEAVY = ("tensorflow", "keras", "great_expectations", "pandas", "numpy", "pyarrow", "airflow")
NEEDS_TENSORFLOW = {"LazyAdam"}


def loaded_by(code: str) -> set[str]:
    """What a fresh interpreter has loaded after the code."""
    done = subprocess.run(
        [sys.executable, "-c", f"{code}\nimport json, sys; print(json.dumps(sorted(sys.modules)))"],
        env={"PYTHONPATH": str(PROJECT), "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return set(json.loads(done.stdout))


class TestAskingForAName:
    @pytest.mark.parametrize("name", sorted({*ckpt_ops.__all__} - NEEDS_TENSORFLOW))
    def test_gives_what_its_module_has(self, name: str) -> None:
        found = getattr(ckpt_ops, name)
        assert found.__name__ == name
        assert found.__module__.startswith("ckpt_ops.")

    def test_that_there_is_not_is_refused_by_name(self) -> None:
        with pytest.raises(ImportError, match="AtLest"):
            from ckpt_ops import AtLest  # noqa: F401

    def test_of_a_package_still_gives_the_package(self) -> None:
        from ckpt_ops import promotion as serving

        assert serving is importlib.import_module("ckpt_ops.promotion")


class TestImporting:
    def test_loads_no_other_module_of_ours_and_no_library(self) -> None:
        found = loaded_by("import ckpt_ops")
        assert {name for name in found if name.startswith("ckpt_ops")} == {"ckpt_ops"}
        assert found & {*HEAVY} == set()

    def test_what_a_pipeline_needs_loads_neither_tensorflow_nor_great_expectations_nor_pandas(self) -> None:
        names = ", ".join(sorted({*ckpt_ops.__all__} - NEEDS_TENSORFLOW))
        found = loaded_by(f"from ckpt_ops import {names}")
        assert found & {"tensorflow", "keras", "great_expectations", "pandas", "airflow"} == set()

    def test_a_misspelt_name_is_no_any_to_a_type_checker(self) -> None:
        """mypy takes a module's `__getattr__`, where it can see one, for a promise of every name."""
        at_the_top = ast.parse(Path(ckpt_ops.__file__).read_text()).body
        assert "__getattr__" not in {node.name for node in at_the_top if isinstance(node, ast.FunctionDef)}


class TestTheTable:
    def test_type_checkers_and_the_interpreter_are_told_the_same(self) -> None:
        tree = ast.parse(Path(ckpt_ops.__file__).read_text())
        typed = {
            alias.name: node.module
            for block in tree.body
            if isinstance(block, ast.If) and isinstance(block.test, ast.Name)
            for node in block.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        assert typed == ckpt_ops._HOMES
        assert sorted(typed) == sorted(ckpt_ops.__all__)

    def test_one_name_is_one_thing(self) -> None:
        names = [name for names in ckpt_ops._TABLE.values() for name in names.split()]
        assert [name for name, times in Counter(names).items() if times > 1] == []
        beside = {module.name for module in pkgutil.iter_modules(ckpt_ops.__path__)}
        assert beside & {*names} == set()

    def test_is_what_dir_shows(self) -> None:
        assert {*ckpt_ops.__all__, "__version__"} <= {*dir(ckpt_ops)}


def test_the_example_in_the_docstring_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    text = ckpt_ops.__doc__ or ""
    example = doctest.DocTestParser().get_doctest(text, {}, "ckpt_ops", ckpt_ops.__file__, 0)
    assert doctest.DocTestRunner().run(example) == doctest.TestResults(
        failed=0, attempted=len(example.examples)
    )
    assert len(re.findall(r"(?m)^(?:>>>|\.\.\.) ", text)) <= 15


def pages() -> Iterator[tuple[str, str]]:
    """Every file of an example pipeline, and every block of Python on a page."""
    for path in sorted((PROJECT / "dags").rglob("*.py")):
        yield str(path.relative_to(PROJECT)), path.read_text()
    for page in (*sorted((PROJECT / "docs").rglob("*.md")), PROJECT / "README.md"):
        for at, code in enumerate(re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)):
            yield f"{page.relative_to(PROJECT)}, block {at}", code


def test_examples_and_pages_go_through_the_front_door() -> None:
    around = {
        place: node.module
        for place, code in pages()
        for node in ast.walk(ast.parse(code))
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("ckpt_ops.")
    }
    assert around == {}


def test_nothing_behind_the_door_comes_in_by_it() -> None:
    """It would be a circle: what is behind would have to be loaded before itself."""
    through = re.compile(rf"from ckpt_ops import .*\b({'|'.join(ckpt_ops.__all__)})\b")
    behind = sorted((PROJECT / "ckpt_ops").rglob("*.py"))
    assert [path for path in behind[1:] if through.search(path.read_text())] == []


def kept_imports() -> dict[str, set[str]]:
    """By module, the names that are listed."""
    found: dict[str, set[str]] = {}
    for line in GOLDEN.read_text().splitlines():
        if not line.startswith("#"):
            module, name = line.split()
            found.setdefault(module, set()).add(name)
    return found


@pytest.mark.parametrize(("module", "names"), kept_imports().items())
def test_code_that_is_kept_with_old_versions_finds_what_it_imports(module: str, names: set[str]) -> None:
    there = importlib.import_module(module)
    assert {name for name in names if not hasattr(there, name)} == set()
