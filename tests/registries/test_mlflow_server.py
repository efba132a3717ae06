"""A real MLflow server is told what was promoted; `make test-registries` makes its environment."""

from __future__ import annotations

import os
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests

from ckpt_ops.errors import RegistryRefused
from ckpt_ops.registries import Entry, Found, MLflow, mlflow

pytestmark = pytest.mark.registries

MODEL = "flight_delay"


@pytest.fixture(scope="module")
def uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    home = tmp_path_factory.mktemp("mlflow")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    program = Path(os.environ.get("MLFLOW", ".venv-mlflow/bin/mlflow")).absolute()
    options = ["--host", "127.0.0.1", "--port", str(port), "--backend-store-uri", f"sqlite:///{home}/db"]
    with (
        (home / "log").open("w") as log,
        subprocess.Popen(
            [program, "server", *options], cwd=home, stdout=log, stderr=log, start_new_session=True
        ) as server,
    ):
        try:
            until = time.monotonic() + 120
            while not _answers(f"http://127.0.0.1:{port}/health"):
                assert time.monotonic() < until, (home / "log").read_text()
                time.sleep(0.5)
            yield f"http://127.0.0.1:{port}"
        finally:
            os.killpg(server.pid, 15)


def _answers(url: str) -> bool:
    try:
        return requests.get(url, timeout=5).status_code == 200
    except requests.RequestException:
        return False


def entry(version: int, **changed: str) -> Entry:
    return Entry(
        model=changed.get("model", MODEL),
        version=version,
        source=changed.get("source", f"gs://bucket/models/{MODEL}/v{version}/attempt=t/export"),
        description=f"Version {version}",
        tags={"ckpt_ops.version": str(version), "ckpt_ops.parent": ""},
    )


def test_versions_are_added_found_again_and_put_into_production(
    uri: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(mlflow, "_PAGE", 2)
    server = MLflow(uri=uri)
    assert server.read(MODEL) == Found()
    server.set_production(MODEL, None)
    assert [server.add(entry(number)) for number in (1, 2, 4, 7, 9)] == ["1", "2", "3", "4", "5"]
    assert server.read(MODEL) == Found(ids={1: "1", 2: "2", 4: "3", 7: "4", 9: "5"})
    server.set_production(MODEL, "5")
    server.set_production(MODEL, "4")
    assert server.read(MODEL).production == "4"
    server.set_production(MODEL, None)
    server.set_production(MODEL, None)
    assert server.read(MODEL).production is None


def test_of_a_version_that_was_added_twice_the_first_counts(uri: str) -> None:
    server = MLflow(uri=uri, name="twice", alias="champion")
    assert [server.add(entry(3)), server.add(entry(3))] == ["1", "2"]
    assert server.read(MODEL).ids == {3: "1"}


def test_a_source_that_the_server_does_not_take_is_refused_with_its_reason(uri: str) -> None:
    with pytest.raises(RegistryRefused, match=r"400 INVALID_PARAMETER_VALUE .*source"):
        MLflow(uri=uri).add(entry(1, source="file:///tmp/model", model="local"))
