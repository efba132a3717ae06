"""The wheel where the repository is out of reach: the command, the core, the Airflow side, a DAG that runs.

The environment is fresh and has the wheel installed, which was built from the sdist. The libraries are those
of the environment that runs these tests, linked into a folder one by one, all but this project's own editable
install. So it shows that what the wheel holds is all of ours that there is need of. It cannot show that the
dependencies which the wheel declares suffice: `tests/unit/test_package.py` compares those with the imports.
"""

from __future__ import annotations

import json
import re
import shutil
import subprocess
import sys
import sysconfig
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from packaging.metadata import Metadata

from ckpt_ops.lineage import ModelLog
from ckpt_ops.store import open_store

PROJECT = Path(__file__).parents[2]
PIPELINE = Path(__file__).parent / "elsewhere" / "houses"
SOURCES = ("ckpt_ops", "plugins", "pyproject.toml", "README.md", "LICENSE")
OURS = re.compile(r"__editable__|_?ckpt_ops|_virtualenv|.*\.pth$")

# the tests below share an environment and, through Airflow's home, a database
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("wheel")]


@dataclass(frozen=True, kw_only=True)
class Installed:
    """A fresh environment with the wheel, and an Airflow's home."""

    environment: Path
    home: Path
    distributions: Path

    @property
    def site(self) -> Path:
        """Where the wheel's files are."""
        return self.environment / "lib" / f"python3.{sys.version_info.minor}" / "site-packages"

    def run(self, *command: str, **variables: str) -> str:
        """What a command of the environment writes to its standard output."""
        done = subprocess.run(
            command,
            env={
                "PATH": f"{self.environment / 'bin'}:/usr/bin:/bin",
                "HOME": str(self.home),
                "AIRFLOW_HOME": str(self.home),
                "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
                "CKPT_OPS_STORE": (self.home / "store").as_uri(),
                "CKPT_OPS_LANDING": (self.home / "landing").as_uri(),
                "GX_ANALYTICS_ENABLED": "false",
                "TF_CPP_MIN_LOG_LEVEL": "2",
                **variables,
            },
            cwd=self.home,
            capture_output=True,
            text=True,
            timeout=400,
            check=False,
        )
        assert done.returncode == 0, f"{done.stdout}\n{done.stderr}"
        assert "already registered" not in done.stdout + done.stderr
        return done.stdout

    def airflow(self, *arguments: str, **variables: str) -> str:
        """What a command of Airflow's writes."""
        return self.run("python", "-m", "airflow", *arguments, **variables)


def uv(*arguments: str | Path) -> None:
    """With nothing from a package index."""
    program = shutil.which("uv") or str(PROJECT / ".uv" / "bin" / "uv")
    done = subprocess.run([program, *arguments, "--offline"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"  # a build writes beside them
    sources.mkdir()
    for name in (*SOURCES, *(path.name for path in PROJECT.glob("*.in"))):
        copy = shutil.copytree if (PROJECT / name).is_dir() else shutil.copy
        copy(PROJECT / name, sources / name)
    uv("build", "--no-build-isolation", "--python", sys.executable, sources, "--out-dir", folder / "dist")
    (wheel,) = (folder / "dist").glob("*.whl")

    found = Installed(environment=folder / "venv", home=folder / "home", distributions=folder / "dist")
    uv("venv", "--python", sys.executable, found.environment)
    uv("pip", "install", "--no-deps", "--python", found.environment, wheel)
    libraries = folder / "libraries"
    libraries.mkdir()
    for entry in Path(sysconfig.get_path("purelib")).iterdir():
        if not OURS.match(entry.name):
            (libraries / entry.name).symlink_to(entry)
    (found.site / "libraries.pth").write_text(f"{libraries}\n")

    shutil.copytree(PIPELINE, found.home / "dags" / "houses")
    (found.home / "store").mkdir()
    landing = found.home / "landing" / "houses"
    landing.mkdir(parents=True)
    rooms = [1 + row % 5 for row in range(200)]
    table = pa.table({"rooms": rooms, "price": [0.5 * room for room in rooms]})
    pq.write_table(table, landing / "2026-01-02.parquet")
    return found


def test_everything_of_ours_comes_from_the_wheel(installed: Installed) -> None:
    said = installed.run(
        "python",
        "-c",
        "import ckpt_ops, ckpt_ops_airflow, json, sys\n"
        "print(json.dumps([ckpt_ops.__file__, ckpt_ops_airflow.__file__, *sys.path]))",
    )
    core, airflow_side, *path = json.loads(said)
    assert {Path(core).parents[1], Path(airflow_side).parents[1]} == {installed.site}
    assert [each for each in path if Path(each).is_relative_to(PROJECT)] == []


def test_what_the_airflow_side_reads_beside_its_code_is_there(installed: Installed) -> None:
    for package, source in (("ckpt_ops", "ckpt_ops"), ("ckpt_ops_airflow", "plugins/ckpt_ops_airflow")):
        folder = PROJECT / source
        wanted = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
        wanted = {path for path in wanted if path.suffix != ".pyc"}
        assert {path for path in wanted if not (installed.site / package / path).is_file()} == set()
    assert (installed.site / "ckpt_ops" / "py.typed").is_file(), "type checkers look for it"


def test_a_file_that_is_no_part_of_it_is_not_in_it(installed: Installed) -> None:
    (metadata,) = installed.site.glob("ckpt_ops-*.dist-info")
    inside = {line.split(",")[0].split("/")[0] for line in (metadata / "RECORD").read_text().splitlines()}
    assert inside == {"..", "ckpt_ops", "ckpt_ops_airflow", metadata.name}, "the command is in ../../../bin"


def test_its_metadata_is_complete(installed: Installed) -> None:
    (folder,) = installed.site.glob("ckpt_ops-*.dist-info")
    metadata = Metadata.from_email((folder / "METADATA").read_bytes())
    assert metadata.summary
    assert metadata.description
    assert metadata.license_expression == "Apache-2.0"
    assert metadata.license_files == ["LICENSE"]
    assert "Framework :: Apache Airflow :: Provider" in metadata.classifiers
    assert [*installed.distributions.glob("ckpt_ops-*.tar.gz")], (
        "and an sdist, which the wheel was built from"
    )


def test_airflow_finds_the_plugin_and_the_provider(installed: Installed) -> None:
    (plugin,) = json.loads(installed.airflow("plugins", "--output", "json"))
    assert plugin["name"] == "ckpt_ops"
    assert "ckpt_ops_airflow.plugin:CkptOpsPlugin" in plugin["source"]
    assert "ckpt_ops_airflow.run_notes" in plugin["listeners"]
    providers = json.loads(installed.airflow("providers", "list", "--output", "json"))
    ((version, about),) = (
        (each["version"], each["description"]) for each in providers if each["package_name"] == "ckpt-ops"
    )
    assert re.fullmatch(r"\d+\.\d+\.\d+", version)
    assert "TensorFlow" in about


def test_a_plugins_folder_that_has_the_plugin_too_gives_no_second_one(installed: Installed) -> None:
    """As in the repository itself, whose `plugins/` Airflow is given while the package is installed."""
    said = installed.airflow(
        "plugins", "--output", "json", AIRFLOW__CORE__PLUGINS_FOLDER=str(PROJECT / "plugins")
    )
    (plugin,) = json.loads(said)
    assert "ckpt_ops_airflow.plugin:CkptOpsPlugin" in plugin["source"], "the installed one counts"


def test_a_plugins_folder_gives_the_plugin_where_the_package_is_not_installed(installed: Installed) -> None:
    (metadata,) = installed.site.glob("ckpt_ops-*.dist-info")
    aside = metadata.rename(installed.environment / metadata.name)
    try:
        folder = str(PROJECT / "plugins")
        (plugin,) = json.loads(
            installed.airflow("plugins", "--output", "json", AIRFLOW__CORE__PLUGINS_FOLDER=folder)
        )
    finally:
        aside.rename(metadata)
    assert plugin["name"] == "ckpt_ops"
    assert "ckpt_ops_plugin.py" in plugin["source"]


def test_a_dag_trains_and_promotes_a_first_version(installed: Installed) -> None:
    installed.airflow("db", "migrate")
    installed.airflow("dags", "test", "houses", "2026-01-03")
    state = ModelLog(open_store((installed.home / "store").as_uri()), "houses").state()
    assert state.head == 1
    assert "houses" in installed.run("ckpt-ops", "status")
