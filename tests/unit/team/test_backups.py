"""Backups: there whole or not at all, chosen by name, and refused where they are not what was written.

That they restore is shown with a stack in containers (`tests/compose`).
"""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from compose_stand_in import ComposeStandIn

from ckpt_ops.errors import BadInput, Corrupt, TerminalError, TransientError
from team import backups, gcs_volume
from team.backups import DUMP, MANIFEST, OBJECTS, Manifest
from team.stack import Stack

pytestmark = pytest.mark.usefixtures("no_variable_of_this_machine")

Made = Callable[..., Stack]
GOOGLES = {"COMPOSE_PROFILES": "", "STORAGE_EMULATOR_HOST": ""}
DUMPING, ASKING = "exec -T postgres pg_dump", "exec -T postgres psql"
PACKING = " ".join(gcs_volume.script(gcs_volume.PACK))


def say(line: str) -> None:
    pass


class TestBackup:
    def test_holds_the_parts_and_names_them_by_hash(
        self, stack: Made, folder: Path, well: ComposeStandIn
    ) -> None:
        found = backups.backup(stack(), folder, say)
        assert {each.name for each in found.iterdir()} == {DUMP, OBJECTS, MANIFEST}
        assert (found / DUMP).read_bytes() == b"a dump\0\xff"
        assert (found / OBJECTS).read_bytes() == b"objects\0\xff"
        manifest = Manifest.read(found)
        assert manifest.files == {name: backups.sha256(found / name) for name in (DUMP, OBJECTS)}
        assert manifest.revision == "d2f4e1b3c5a7"
        assert manifest.store == "gs://ckpt-ops/store"

    def test_is_for_its_owner_only_and_holds_no_secret_of_env(self, stack: Made, made: Path) -> None:
        assert stat.S_IMODE(made.stat().st_mode) == 0o700
        text = (made / MANIFEST).read_text()
        assert not any(value in text for value in stack().variables.values() if len(value) > 20)

    def test_reads_the_database_first_and_the_objects_while_their_server_stands_still(
        self, stack: Made, folder: Path, well: ComposeStandIn
    ) -> None:
        """Objects older than what Airflow believes of them would be lost work."""
        backups.backup(stack(), folder, say)
        wanted = (DUMPING, "stop gcs", PACKING, "start gcs")
        assert [step for each in well.asked for step in wanted if each.startswith(step)] == [*wanted]

    def test_buckets_of_googles_are_not_read(self, stack: Made, folder: Path, well: ComposeStandIn) -> None:
        found = backups.backup(stack(**GOOGLES), folder, say)
        assert {each.name for each in found.iterdir()} == {DUMP, MANIFEST}
        assert not any("gcs" in each for each in well.asked)

    @pytest.mark.parametrize("part", [DUMPING, ASKING, "stop gcs", PACKING, "start gcs"])
    def test_is_not_there_when_a_part_failed(
        self, stack: Made, folder: Path, well: ComposeStandIn, part: str
    ) -> None:
        well.answers(part, b"half of", err="no space left on device\n", code=1)
        with pytest.raises(TerminalError, match="no space left on device"):
            backups.backup(stack(), folder, say)
        assert [*folder.iterdir()] == [], "half a dump would only take room, and hold secrets"
        with pytest.raises(BadInput, match="there is none"):
            backups.choose(folder, None)

    @pytest.mark.parametrize("part", ["stop gcs", PACKING])
    def test_starts_the_server_again_when_the_objects_could_not_be_read(
        self, stack: Made, folder: Path, well: ComposeStandIn, part: str
    ) -> None:
        well.answers(part, code=1)
        with pytest.raises(TerminalError):
            backups.backup(stack(), folder, say)
        assert well.asked[-1] == "start gcs"

    def test_of_objects_that_a_started_server_may_have_changed_is_refused_for_now(
        self, stack: Made, folder: Path, well: ComposeStandIn
    ) -> None:
        """As `docker compose run tools` starts it, in the midst of the reading."""
        well.answers(PACKING, b"some old, some new", does="rm stopped-gcs")
        with pytest.raises(TransientError, match=r"(?s)GCS server.*no backup was written.*make backup again"):
            backups.backup(stack(), folder, say)
        assert [*folder.iterdir()] == []
        assert well.asked[-1] == "start gcs"

    def test_sweeps_what_one_that_was_killed_has_left(
        self, stack: Made, folder: Path, made: Path, well: ComposeStandIn
    ) -> None:
        there = made.rename(folder / "2013-01-06T00-00-00Z")
        (folder / ".2013-01-13T00-00-00Z").mkdir()
        (folder / ".2013-01-13T00-00-00Z" / DUMP).write_bytes(b"half of")
        found = backups.backup(stack(), folder, say)
        assert {*folder.iterdir()} == {there, found}

    def test_of_a_stack_that_does_not_run_is_refused(
        self, stack: Made, folder: Path, compose: ComposeStandIn
    ) -> None:
        compose.answers("exec -T postgres true", code=1)
        with pytest.raises(TerminalError, match=r"(?s)the stack is not running.*make up-team"):
            backups.backup(stack(), folder, say)
        assert not folder.exists()

    def test_without_an_engine_is_refused_with_what_compose_says(
        self, stack: Made, folder: Path, compose: ComposeStandIn
    ) -> None:
        compose.answers("ps", err="Cannot connect to the Docker daemon\n", code=1)
        with pytest.raises(TerminalError, match="Cannot connect to the Docker daemon"):
            backups.backup(stack(), folder, say)
        assert not folder.exists()


class TestManifest:
    @pytest.mark.parametrize("text", ["", "{", "[]", "\xff", '{"made": "now"}'])
    def test_that_is_no_manifest_is_corrupt(self, made: Path, text: str) -> None:
        (made / MANIFEST).write_text(text, encoding="latin-1")
        with pytest.raises(Corrupt, match=rf"{MANIFEST} is not what .make backup. writes"):
            Manifest.read(made)

    @pytest.mark.parametrize("files", [{}, {OBJECTS: "0" * 64}, [], None])
    def test_that_names_no_dump_is_corrupt(self, made: Path, files: object) -> None:
        """All files that it names would be whole, and the database empty."""
        kept = json.loads((made / MANIFEST).read_text())
        (made / MANIFEST).write_text(json.dumps({**kept, "files": files}))
        with pytest.raises(Corrupt):
            Manifest.read(made)


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
        (folder / ".2013-01-06T00-00-00Z").mkdir()
        with pytest.raises(BadInput, match=f"one of {made.name}\n"):
            backups.choose(folder, Path(asked) if asked else None)

    def test_where_there_is_none_the_next_step_is_to_make_one(self, folder: Path) -> None:
        with pytest.raises(BadInput, match="make backup"):
            backups.choose(folder, Path("x"))
