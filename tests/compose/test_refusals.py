"""The stack refuses to start, names what is wrong and what to do; put right, it starts."""

from __future__ import annotations

import socket
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from team_stack import Team

HEAD = "SELECT version_num FROM alembic_version"


@contextmanager
def changed(team: Team, **values: str) -> Iterator[None]:
    """While a block runs, .env holds other values."""
    path = team.folder / ".env"
    text = path.read_text()
    lines = [line for line in text.splitlines() if line.partition("=")[0] not in values]
    path.write_text("\n".join([*lines, *(f"{name}={value}" for name, value in values.items())]) + "\n")
    try:
        yield
    finally:
        path.write_text(text)


def preflight(team: Team) -> str:
    """What the one-shot service says when it is run by itself, beside the running stack; it must refuse."""
    done = team.stack.compose("run", "--rm", "-T", "--no-deps", "preflight", check=False, quiet=True)
    said = (done.stdout + done.stderr).decode()
    assert done.returncode == 1, said
    return said


def test_a_page_of_the_plugin_wants_a_user(team: Team) -> None:
    page = "/ckpt-ops/models/four_weeks/plan"
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{team.stack.address}{page}")
    assert refused.value.code == 401


class TestDatabase:
    def test_of_an_older_airflow_wants_a_backup_and_a_word(self, team: Team) -> None:
        head = team.stack.psql("airflow", HEAD)
        team.stack.psql("airflow", "UPDATE alembic_version SET version_num = '1d6611b6ab7c'")
        try:
            said = preflight(team)
        finally:
            team.stack.psql("airflow", f"UPDATE alembic_version SET version_num = '{head}'")
        assert "the database belongs to Airflow 3.2" in said
        assert "Next: make backup" in said

    def test_with_another_password_is_refused_with_the_way_out(self, team: Team) -> None:
        with changed(team, POSTGRES_PASSWORD="q8" * 5 + "ThisIsNotTheOneOfTheDatabase"):
            said = preflight(team)
        assert "password authentication failed" in said
        assert "POSTGRES_PASSWORD in .env must be the one the database was made with" in said


class TestBuckets:
    def test_of_google_without_credentials_are_refused(self, team: Team) -> None:
        with changed(team, STORAGE_EMULATOR_HOST="", CKPT_OPS_STORE="gs://a-bucket-of-ours/store"):
            said = preflight(team)
        assert "CKPT_OPS_STORE=gs://a-bucket-of-ours/store" in said
        assert "Next:" in said


class TestStart:
    @pytest.fixture(autouse=True, scope="class")
    @staticmethod
    def stopped(team: Team) -> Iterator[None]:
        """The stack is down, and comes up again when all is put right."""
        assert team.command("down").returncode == 0
        yield
        done = team.command("up")
        assert done.returncode == 0, done.stdout + done.stderr

    def test_without_env_is_refused(self, team: Team) -> None:
        path = team.folder / ".env"
        aside = path.rename(path.with_name("aside"))
        try:
            done = team.command("up")
        finally:
            aside.rename(path)
        assert done.returncode == 1
        assert ".env is missing" in done.stderr
        assert "Next: make env" in done.stderr

    def test_with_a_weak_secret_is_refused_without_telling_it(self, team: Team) -> None:
        with changed(team, REDIS_PASSWORD="airflow-2026"):
            done = team.command("up")
        assert done.returncode == 1
        assert "REDIS_PASSWORD begins like a default" in done.stderr
        assert "airflow-2026" not in done.stderr

    def test_on_a_taken_port_is_refused(self, team: Team) -> None:
        with socket.create_server(("127.0.0.1", team.stack.port)):
            done = team.command("up")
        assert done.returncode == 1
        assert f"CKPT_OPS_UI_PORT={team.stack.port}: something else listens" in done.stderr

    def test_on_a_database_of_a_newer_airflow_starts_nothing_else(self, team: Team) -> None:
        team.stack.compose("up", "-d", "postgres", quiet=True)
        head = team.stack.psql("airflow", HEAD)
        team.stack.psql("airflow", "UPDATE alembic_version SET version_num = 'ffffffffffff'")
        try:
            done = team.command("up")
            assert done.returncode == 1
            assert "the database belongs to a newer Airflow" in done.stderr
            assert "Next: start the image that it was made with" in done.stderr
            assert not team.stack.runs("api-server")
            assert not team.stack.runs("worker")
        finally:
            team.stack.psql("airflow", f"UPDATE alembic_version SET version_num = '{head}'")
