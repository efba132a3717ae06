"""Workers on two hosts: network namespaces with a link between them, which is cut while they train."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from training import KEYS, commits, trainings, until, weights

from ckpt_ops.lineage import ModelLog
from ckpt_ops.pipeline import Pipeline, load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import LocalStore

pytestmark = [pytest.mark.slow, pytest.mark.soak]

DAGS = Path(__file__).parents[1] / "dags"
HOSTS = {"ckpt-a": "10.213.77.1", "ckpt-b": "10.213.77.2"}
WORK = """
from ckpt_ops.pipeline import load_pipeline
from ckpt_ops.runs import steps
from ckpt_ops.store import open_store
given = load_pipeline("shared"), open_store("{store}"), "{key}"
steps.{call}
"""
CALLS = ("train(*given)", "help_train(*given, 1)")


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True, text=True)


@pytest.fixture
def hosts() -> Iterator[None]:
    """Two hosts that reach each other, and nothing else."""
    try:
        for name in HOSTS:
            ip("netns", "add", name)
        ip(
            "link",
            "add",
            "ckpt-veth-a",
            "netns",
            "ckpt-a",
            "type",
            "veth",
            "peer",
            "ckpt-veth-b",
            "netns",
            "ckpt-b",
        )
        for name, address in HOSTS.items():
            link = f"ckpt-veth-{name[-1]}"
            ip("-n", name, "address", "add", f"{address}/24", "dev", link)
            ip("-n", name, "link", "set", link, "up")
            ip("-n", name, "link", "set", "lo", "up")
    except (OSError, subprocess.CalledProcessError) as error:
        _remove()
        pytest.skip(f"no network namespaces here: {getattr(error, 'stderr', error)}")
    yield
    _remove()


def _remove() -> None:
    for name in HOSTS:
        with suppress(OSError, subprocess.CalledProcessError):
            ip("netns", "delete", name)


def started(store: LocalStore, folder: Path, *, addressed: bool = True) -> list[subprocess.Popen[str]]:
    """Worker 0 on the first host, worker 1 on the second."""
    path = os.pathsep.join([str(DAGS.parents[1]), os.environ.get("PYTHONPATH", "")])
    found = []
    for (host, address), call in zip(HOSTS.items(), CALLS, strict=True):
        own = {"CKPT_OPS_WORKERS_ADDRESS": address} if addressed else {}
        environment = {**os.environ, "CKPT_OPS_DAGS": str(DAGS), "PYTHONPATH": path, **own}
        code = WORK.format(store=store.url, key=KEYS[0], call=call)
        with (folder / f"{host}.log").open("w") as log:
            found.append(
                subprocess.Popen(
                    ["ip", "netns", "exec", host, sys.executable, "-c", code],
                    env=environment,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    text=True,
                )
            )
    return found


@pytest.fixture
def shared(landing: LocalStore) -> Pipeline:
    return load_pipeline("shared", DAGS)


def prepared(pipeline: Pipeline, folder: Path) -> LocalStore:
    folder.mkdir()
    store = LocalStore(folder)
    pulled = steps.pull(pipeline, store, KEYS[0])
    assert steps.validate(pipeline, store, KEYS[0], pulled.revision).outcome == "accepted"
    return store


def test_a_cut_link_ends_both_and_with_it_back_they_end_where_one_host_would(
    hosts: None, shared: Pipeline, tmp_path: Path
) -> None:
    store, whole = (prepared(shared, tmp_path / name) for name in ("store", "whole"))
    assert steps.train_here(shared, whole, KEYS[0], lambda line: None).outcome == "trained"

    running = started(store, tmp_path)
    until("commits", lambda: commits(store, model="shared") >= 3, seconds=120)
    ip("-n", "ckpt-a", "link", "set", "ckpt-veth-a", "down")
    for one in running:
        assert one.wait(60) != 0
    logs = [(tmp_path / f"{host}.log").read_text() for host in HOSTS]
    assert all("GangBroken" in log for log in logs), logs
    until("all processes are gone", lambda: not trainings(store), seconds=20)

    ip("-n", "ckpt-a", "link", "set", "ckpt-veth-a", "up")
    for one in started(store, tmp_path):
        assert one.wait(180) == 0, logs
    assert weights(store, model="shared") == weights(whole, model="shared")
    assert ModelLog(store, "shared").state().versions[1].trained is not None


def test_without_an_address_the_second_host_is_told_what_to_set(
    hosts: None, shared: Pipeline, tmp_path: Path
) -> None:
    store = prepared(shared, tmp_path / "store")
    first, second = started(store, tmp_path, addressed=False)
    assert second.wait(60) != 0
    assert "CKPT_OPS_WORKERS_ADDRESS" in (tmp_path / "ckpt-b.log").read_text()
    first.terminate()
    first.wait(60)
