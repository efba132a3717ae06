"""Which store a command works on."""

from __future__ import annotations

import os
import subprocess
import sys
import time

import pytest

from ckpt_ops.cli.store_option import chosen_store
from ckpt_ops.embedded import leftovers
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.errors import BadInput
from ckpt_ops.lineage import ModelLog
from ckpt_ops.lineage.records import Held
from ckpt_ops.store.endpoint import Endpoint


@pytest.fixture(autouse=True)
def _clean(monkeypatch, tmp_path):
    for name in ("CKPT_OPS_STORE", "STORAGE_EMULATOR_HOST", "CKPT_OPS_LANDING"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("CKPT_OPS_HOME", str(tmp_path / "home"))


def test_the_option_wins_over_the_variable(tmp_path, monkeypatch):
    monkeypatch.setenv("CKPT_OPS_STORE", "gs://elsewhere/store")
    with chosen_store(tmp_path.as_uri()) as store:
        assert store.url == tmp_path.as_uri()


def test_the_variable_wins_over_the_platform(tmp_path, monkeypatch):
    monkeypatch.setenv("CKPT_OPS_STORE", tmp_path.as_uri())
    with chosen_store(None) as store:
        assert store.url == tmp_path.as_uri()


def test_without_any_the_ways_to_choose_one_are_named(tmp_path):
    with pytest.raises(BadInput, match=r"--store URL.*\n.*\n.*make up"), chosen_store(None):
        pass


@pytest.mark.slow
def test_a_platform_that_is_down_is_read_through_a_server_of_the_commands_own(tmp_path):
    home = tmp_path / "home"
    with GcsServer(home):
        pass  # leaves a home with buckets, as `make down` does
    with chosen_store(None) as store:
        store.put("models/m/note", b"1")
    with chosen_store(None) as store:
        assert store.get("models/m/note") == b"1"
        endpoint = os.environ["STORAGE_EMULATOR_HOST"]
    assert Endpoint.parse(endpoint).url.startswith("http://127.0.0.1:")
    assert "STORAGE_EMULATOR_HOST" not in os.environ


def gone(record, *, seconds=20.0):
    deadline = time.monotonic() + seconds
    while record.process.alive and time.monotonic() < deadline:
        time.sleep(0.1)
    return not record.process.alive


COMMAND = """
import sys
from ckpt_ops.cli.store_option import chosen_store
with chosen_store(None) as store:
    store.put("models/m/asked", b"save now")
    print("there", flush=True)
    sys.stdin.readline()
"""


@pytest.mark.slow
def test_commands_share_one_server_which_ends_after_the_last_however_that_ends(tmp_path):
    home = tmp_path / "home"
    with GcsServer(home):
        pass
    first = subprocess.Popen(
        [sys.executable, "-c", COMMAND], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert first.stdout.readline() == "there\n"
    shared = leftovers.running(home / "run")["gcs"]
    with chosen_store(None) as store:
        assert store.get("models/m/asked") == b"save now"  # the first command still runs
        first.kill()
        first.wait()
        time.sleep(2.5)  # longer than the server waits between two looks
        assert leftovers.running(home / "run")["gcs"] == shared
        with pytest.raises(leftovers.AlreadyRunning, match="a command, or another program's platform"):
            leftovers.lock(home / "run")
        store.put("models/m/note", b"1")
    assert gone(shared)
    leftovers.lock(home / "run").close()


def ckpt_ops(*arguments):
    command = [sys.executable, "-c", "from ckpt_ops.cli.main import main; main()", *arguments]
    environment = {**os.environ, "FORCE_COLOR": "1"}  # `top` goes on only in a terminal
    return subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE)


@pytest.mark.slow
def test_real_commands_that_overlap_are_served_by_one_server(tmp_path):
    home = tmp_path / "home"
    with GcsServer(home):
        pass
    with chosen_store(None) as store:
        log = ModelLog(store, "shop")
        log.append(Held(reason="looked at"), after=log.state())
    watching = ckpt_ops("top", "--every", "1")
    try:
        shown = watching.stdout.read(1)  # it has read the store
        assert shown, watching.communicate()[1].decode()
        shared = leftovers.running(home / "run")["gcs"]
        beside = [ckpt_ops("status", "--json") for _ in range(2)]
        said = [one.communicate(timeout=120) for one in beside]
        assert [one.returncode for one in beside] == [0, 0], said
        assert ["shop" in out.decode() for out, _ in said] == [True, True]
        assert watching.poll() is None
        assert leftovers.running(home / "run")["gcs"] == shared
    finally:
        watching.terminate()
        watching.communicate(timeout=60)
    assert gone(shared)


@pytest.mark.slow
def test_a_server_that_nobody_can_reach_any_more_is_stopped_by_the_next_command(tmp_path):
    home = tmp_path / "home"
    killed = GcsServer(home)
    killed.start()  # its command was killed before it could say where it listens
    left = leftovers.running(home / "run")["gcs"]
    with chosen_store(None) as store:
        store.put("models/m/note", b"1")
        assert os.environ["STORAGE_EMULATOR_HOST"] != killed.endpoint
    assert gone(left)
