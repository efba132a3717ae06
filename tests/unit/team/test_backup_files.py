"""Backups: there whole or not at all, chosen by name, and refused before anything is stopped.

That they restore is shown with a stack in containers (`tests/compose`).
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from compose_stand_in import ComposeStandIn

from ckpt_ops.errors import BadInput, Corrupt, TerminalError
from team import backups
from team.backups import DUMP, MANIFEST, OBJECTS
from team.stack import Stack

pytestmark = pytest.mark.usefixtures("no_variable_of_this_machine")

Made = Callable[..., Stack]
GOOGLES = {"COMPOSE_PROFILES": "", "STORAGE_EMULATOR_HOST": ""}
PACK = "run --rm -T --no-deps --entrypoint bash gcs"


def say(line: str) -> None:
    pass


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "backups"


@pytest.fixture
def well(compose: ComposeStandIn) -> ComposeStandIn:
    """A stack whose every part can be read."""
    compose.answers("exec -T postgres pg_dump", b"a dump\0\xff")
    compose.answers("exec -T postgres psql", "d2f4e1b3c5a7\n")
    compose.answers(PACK, b"objects\0\xff")
    return compose


@pytest.fixture
def made(stack: Made, folder: Path, well: ComposeStandIn) -> Path:
    """A backup of the stack with what `make env` wrote."""
    found = backups.backup(stack(), folder, say)
    (well.folder / "asked").unlink()
    return found


class TestBackup:
    def test_holds_the_parts_and_names_them_by_hash(
        self, stack: Made, folder: Path, well: ComposeStandIn
    ) -> None:
        found = backups.backup(stack(), folder, say)
        assert {each.name for each in found.iterdir()} == {DUMP, OBJECTS, MANIFEST}
        assert (found / DUMP).read_bytes() == b"a dump\0\xff"
        assert (found / OBJECTS).read_bytes() == b"objects\0\xff"
        manifest = json.loads((found / MANIFEST).read_text())
        assert set(manifest["files"]) == {DUMP, OBJECTS}
        assert manifest["revision"] == "d2f4e1b3c5a7"
        assert manifest["store"] == "gs://ckpt-ops/store"

    def test_is_for_its_owner_only_and_holds_no_secret_of_env(self, stack: Made, made: Path) -> None:
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        text = (made / MANIFEST).read_text()
        assert not any(value in text for value in stack().variables.values() if len(value) > 20)

    def test_reads_the_database_first_and_the_objects_while_their_server_stands_still(
        self, stack: Made, folder: Path, well: ComposeStandIn
    ) -> None:
        """Objects older than what Airflow believes of them would be lost work."""
        backups.backup(stack(), folder, say)
        steps = [
            name
            for each in well.asked
            for name in ("pg_dump", "stop gcs", "--entrypoint bash gcs", "start gcs")
            if name in each
        ]
        assert steps == ["pg_dump", "stop gcs", "--entrypoint bash gcs", "start gcs"]

    def test_buckets_of_googles_are_not_read(self, stack: Made, folder: Path, well: ComposeStandIn) -> None:
        found = backups.backup(stack(**GOOGLES), folder, say)
        assert {each.name for each in found.iterdir()} == {DUMP, MANIFEST}
        assert not any("gcs" in each for each in well.asked)

    @pytest.mark.parametrize("part", ["exec -T postgres pg_dump", "exec -T postgres psql", PACK])
    def test_is_not_there_when_a_part_could_not_be_read(
        self, stack: Made, folder: Path, compose: ComposeStandIn, part: str
    ) -> None:
        compose.answers(part, b"half of", err="no space left on device\n", code=1)
        with pytest.raises(TerminalError, match="no space left on device"):
            backups.backup(stack(), folder, say)
        assert [*folder.iterdir()] == [], "half a dump would only take room, and hold secrets"
        with pytest.raises(BadInput, match="there is none"):
            backups.choose(folder, None)

    def test_starts_the_server_again_when_the_objects_could_not_be_read(
        self, stack: Made, folder: Path, compose: ComposeStandIn
    ) -> None:
        compose.answers(PACK, code=1)
        with pytest.raises(TerminalError):
            backups.backup(stack(), folder, say)
        assert compose.asked[-1] == "start gcs"

    def test_of_a_stack_that_does_not_run_is_refused(
        self, stack: Made, folder: Path, compose: ComposeStandIn
    ) -> None:
        compose.answers("exec -T postgres true", code=1)
        with pytest.raises(TerminalError, match=r"(?s)does not run.*make up-team"):
            backups.backup(stack(), folder, say)
        assert not folder.exists()


class TestChoose:
    @pytest.mark.parametrize("asked", ["{name}", "backups/{name}", "{folder}/{name}"])
    def test_by_its_name_or_where_it_is(self, made: Path, folder: Path, asked: str) -> None:
        path = Path(asked.format(name=made.name, folder=folder))
        assert backups.choose(folder, path).resolve() == made

    def test_one_that_was_moved_elsewhere_is_found_there(self, made: Path, tmp_path: Path) -> None:
        there = made.rename(tmp_path / "from-the-vault")
        assert backups.choose(tmp_path / "backups", there) == there

    @pytest.mark.parametrize("asked", [None, "2013-01-06T00-00-00Z"])
    def test_else_those_that_are_there_are_listed(self, made: Path, folder: Path, asked: str | None) -> None:
        (folder / ".2013-01-06T00-00-00Z.17").mkdir()
        with pytest.raises(BadInput, match=f"one of {made.name}\n"):
            backups.choose(folder, Path(asked) if asked else None)

    def test_where_there_is_none_the_next_step_is_to_make_one(self, folder: Path) -> None:
        with pytest.raises(BadInput, match="make backup"):
            backups.choose(folder, Path("x"))


class TestRestore:
    def refused(self, stack: Stack, made: Path) -> TerminalError:
        with pytest.raises(TerminalError) as found:
            backups.restore(stack, made, say)
        assert "the stack was not touched" in found.value.safe
        return found.value

    @pytest.mark.parametrize("name", [DUMP, OBJECTS])
    @pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
    def test_a_damaged_file_is_refused_before_anything_is_stopped(
        self, stack: Made, made: Path, well: ComposeStandIn, name: str, damage: str
    ) -> None:
        data = (made / name).read_bytes()
        if damage == "gone":
            (made / name).unlink()
        else:
            (made / name).write_bytes(data[:-1] if damage == "cut" else data[:-1] + b"x")
        refused = self.refused(stack(), made)
        assert isinstance(refused, Corrupt)
        assert name in refused.what
        assert well.asked == []

    @pytest.mark.parametrize("text", ["", "{", "[]", '{"made": "now"}'])
    def test_a_damaged_manifest_is_refused(
        self, stack: Made, made: Path, well: ComposeStandIn, text: str
    ) -> None:
        (made / MANIFEST).write_text(text)
        assert isinstance(self.refused(stack(), made), Corrupt)
        assert well.asked == []

    @pytest.mark.parametrize("key", ["another", None])
    def test_another_key_is_refused_for_connections_would_be_lost(
        self, stack: Made, made: Path, well: ComposeStandIn, key: str | None
    ) -> None:
        there = stack()
        variables = {**there.variables, "AIRFLOW_FERNET_KEY": key or ""}
        if key is None:
            del variables["AIRFLOW_FERNET_KEY"]
        other = Stack(project=there.project, variables=variables, command=there.command)
        assert "AIRFLOW_FERNET_KEY" in self.refused(other, made).what
        assert well.asked == []

    @pytest.mark.parametrize("changed", [{"CKPT_OPS_STORE": "gs://ours"}, GOOGLES], ids=["name", "server"])
    def test_another_store_is_refused(
        self, stack: Made, made: Path, well: ComposeStandIn, changed: dict[str, str]
    ) -> None:
        refused = self.refused(stack(**changed), made)
        assert "CKPT_OPS_STORE=gs://ckpt-ops/store in the local GCS server" in refused.what
        assert well.asked == []

    def test_all_is_read_in_beside_what_is_there_and_swapped_at_the_end(
        self, stack: Made, made: Path, well: ComposeStandIn
    ) -> None:
        """The database first: objects must never be older than it."""
        backups.restore(stack(), made, say)
        steps = [
            step
            for each in well.asked
            for step in ("down", "flushall", "pg_restore", "tar --extract", "RENAME TO", "mv objects")
            if step in each
        ]
        assert steps == ["down", "flushall", "pg_restore", "tar --extract", "RENAME TO", "mv objects"]

    @pytest.mark.parametrize("part", ["exec -T postgres pg_restore", PACK])
    def test_nothing_is_swapped_when_a_part_could_not_be_read_in(
        self, stack: Made, folder: Path, compose: ComposeStandIn, part: str
    ) -> None:
        made = backups.backup(stack(), folder, say)
        compose.answers(part, err="invalid input\n", code=1)
        with pytest.raises(TerminalError, match="invalid input"):
            backups.restore(stack(), made, say)
        assert not any("RENAME TO" in each or "mv objects" in each for each in compose.asked)
