"""Packages that load a module when a name of it is first asked for."""

from __future__ import annotations

import ast
import importlib
import json
import subprocess
import sys
from pathlib import Path
from types import FunctionType

import pytest

PROJECT = Path(__file__).parents[2]
INITS = sorted(
    path for path in PROJECT.glob("ckpt_ops/**/__init__.py") if "\non_first_use(__name__" in path.read_text()
)
LAZY = [".".join(path.parent.relative_to(PROJECT).parts) for path in INITS]


def test_there_are_some() -> None:
    assert {"ckpt_ops.slices", "ckpt_ops.checkpoints", "ckpt_ops.evaluation"} <= {*LAZY}


@pytest.mark.parametrize(("path", "package"), [*zip(INITS, LAZY, strict=True)])
class TestAPackage:
    def test_tells_type_checkers_and_the_interpreter_the_same(self, path: Path, package: str) -> None:
        module = importlib.import_module(package)
        [block] = [node for node in ast.parse(path.read_text()).body if isinstance(node, ast.If)]
        typed = {
            alias.name: (node.module, alias.name)
            for node in block.body
            if isinstance(node, ast.ImportFrom)
            for alias in node.names
        }
        typed |= {
            node.targets[0].id: typed[node.value.id]
            for node in block.body
            if isinstance(node, ast.Assign)
            and isinstance(node.targets[0], ast.Name)
            and isinstance(node.value, ast.Name)
        }
        assert vars(module)["_homes"] == typed

    def test_exports_what_there_is(self, path: Path, package: str) -> None:
        module = importlib.import_module(package)
        for name in module.__all__:
            assert getattr(module, name) is not None
        assert {*module.__all__} <= {*dir(module)}
        with pytest.raises(AttributeError, match="has no attribute 'misspelt'"):
            _ = module.misspelt

    def test_loads_none_of_its_modules_by_itself(self, path: Path, package: str) -> None:
        code = f"import json, sys, {package}; print(json.dumps(list(sys.modules)))"
        done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
        assert [name for name in json.loads(done.stdout) if name.startswith(f"{package}.")] == []


def test_a_name_stays_what_it_is_where_a_module_of_that_name_is_imported_first() -> None:
    code = "import ckpt_ops.slices.pull; from ckpt_ops.slices import pull; print(type(pull).__name__)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == FunctionType.__name__


def test_a_test_can_replace_a_name(monkeypatch: pytest.MonkeyPatch) -> None:
    package = importlib.import_module("ckpt_ops.slices")
    monkeypatch.setattr(package, "pull", 1)
    assert package.pull == 1
