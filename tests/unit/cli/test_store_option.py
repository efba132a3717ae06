"""Which store a command works on."""

from __future__ import annotations

import os
import urllib.request

import pytest

from ckpt_ops.cli.store_option import chosen_store
from ckpt_ops.embedded.gcs_server import GcsServer
from ckpt_ops.errors import BadInput


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
    assert endpoint.startswith("http://127.0.0.1:")
    assert "STORAGE_EMULATOR_HOST" not in os.environ


@pytest.mark.slow
def test_the_server_of_a_killed_command_is_stopped_by_the_next(tmp_path):
    home = tmp_path / "home"
    killed = GcsServer(home)
    killed.start()  # nothing stops it: its command was killed, and its record stays
    with chosen_store(None) as store:
        store.put("models/m/note", b"1")
        assert os.environ["STORAGE_EMULATOR_HOST"] != killed.endpoint
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(killed.endpoint, timeout=2)
