"""Restoring: everything is checked before anything is stopped, and read in before anything is replaced.

That what was restored is what was saved, is shown with a stack in containers (`tests/compose`).
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from pathlib import Path

import pytest
from compose_stand_in import ComposeStandIn

from ckpt_ops.errors import Corrupt, TerminalError
from team import backups, gcs_volume
from team.backups import DUMP, MANIFEST, OBJECTS
from team.restoring import restore
from team.stack import Stack

pytestmark = pytest.mark.usefixtures("no_variable_of_this_machine")

Made = Callable[..., Stack]
GOOGLES = {"COMPOSE_PROFILES": "", "STORAGE_EMULATOR_HOST": ""}

_SQL = "exec -T postgres psql -U airflow -d postgres -qtA -v ON_ERROR_STOP=1 -c "
# by what is asked of Compose; a longer beginning stands before a shorter one
STEPS = {
    "the image is asked": "run --rm -T --no-deps preflight python -m team.metadata d2f4e1b3c5a7",
    "stop": "down",
    "start the two": "up -d --wait postgres redis",
    "make room": f"{_SQL}CREATE DATABASE airflow_restored",
    "read the dump": "exec -T postgres pg_restore",
    "read the objects": " ".join(gcs_volume.script(gcs_volume.UNPACK)),
    "swap the databases": f"{_SQL}ALTER DATABASE airflow RENAME TO airflow_replaced; "
    "ALTER DATABASE airflow_restored RENAME TO airflow",
    "swap the objects": " ".join(gcs_volume.script(gcs_volume.SWAP)),
    "empty the queues": "exec -T redis redis-cli -e flushall",
    "start": "up -d",
    "ask the workers": "exec -T worker celery",
    "drop the old database": f"{_SQL}DROP DATABASE airflow_replaced WITH",
    "drop the old objects": f"exec -T gcs bash -c {gcs_volume.FORGET}",
}
CHECKING, READING, SWAPPING = ([*STEPS][start:end] for start, end in ((0, 1), (1, 6), (6, 9)))


def say(line: str) -> None:
    pass


def steps(compose: ComposeStandIn) -> list[str]:
    """What was done, in the words of STEPS."""
    found = (
        next((step for step, begins in STEPS.items() if each.startswith(begins)), "")
        for each in compose.asked
    )
    return [step for step in found if step]


def refused(stack: Stack, made: Path) -> TerminalError:
    with pytest.raises(TerminalError) as found:
        restore(stack, made, say)
    return found.value


def test_all_is_read_in_beside_what_is_there_swapped_and_kept_until_the_stack_is_well(
    stack: Made, made: Path, well: ComposeStandIn, airflow_port: str
) -> None:
    """The database before the objects: these must never be older than it."""
    well.answers(STEPS["read the dump"], does="cat > dump")
    well.answers(STEPS["read the objects"], does="cat > objects")
    restore(stack(CKPT_OPS_UI_PORT=airflow_port), made, say)
    assert steps(well) == [*STEPS]
    assert (well.folder / "dump").read_bytes() == b"a dump\0\xff"
    assert (well.folder / "objects").read_bytes() == b"objects\0\xff"


def test_buckets_of_googles_are_left_alone(
    stack: Made, folder: Path, well: ComposeStandIn, airflow_port: str
) -> None:
    made = backups.backup(stack(**GOOGLES), folder, say)
    restore(stack(**GOOGLES, CKPT_OPS_UI_PORT=airflow_port), made, say)
    assert steps(well) == [step for step in STEPS if "objects" not in step]
    assert not any("gcs" in each for each in well.asked)


class TestChecks:
    @pytest.mark.parametrize("name", [DUMP, OBJECTS])
    @pytest.mark.parametrize("damage", ["cut", "changed", "gone"])
    def test_a_damaged_file_is_refused(
        self, stack: Made, made: Path, well: ComposeStandIn, name: str, damage: str
    ) -> None:
        data = (made / name).read_bytes()
        if damage == "gone":
            (made / name).unlink()
        else:
            (made / name).write_bytes(data[:-1] if damage == "cut" else data[:-1] + b"x")
        said = refused(stack(), made)
        assert isinstance(said, Corrupt)
        assert name in said.what
        assert said.safe == "the stack was not touched"
        assert well.asked == []

    def test_a_damaged_manifest_is_refused(self, stack: Made, made: Path, well: ComposeStandIn) -> None:
        (made / MANIFEST).write_text("{")
        assert isinstance(refused(stack(), made), Corrupt)
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
        said = refused(other, made)
        assert "AIRFLOW_FERNET_KEY" in said.what
        assert said.safe == "the stack was not touched"
        assert well.asked == []

    @pytest.mark.parametrize("changed", [{"CKPT_OPS_STORE": "gs://ours"}, GOOGLES], ids=["name", "server"])
    def test_another_store_is_refused(
        self, stack: Made, made: Path, well: ComposeStandIn, changed: dict[str, str]
    ) -> None:
        said = refused(stack(**changed), made)
        assert "CKPT_OPS_STORE=gs://ckpt-ops/store in the local GCS server" in said.what
        assert said.safe == "the stack was not touched"
        assert well.asked == []

    @pytest.mark.parametrize(
        ("variable", "value"),
        [
            ("POSTGRES_PASSWORD", "airflow"),
            ("GOOGLE_CREDENTIALS_FILE", "/not/there.json"),
            ("CKPT_OPS_UI_BIND", "203.0.113.1"),
            ("CKPT_OPS_UI_PORT", "http"),
        ],
    )
    def test_a_stack_that_could_not_start_again_is_not_stopped(
        self, stack: Made, made: Path, well: ComposeStandIn, variable: str, value: str
    ) -> None:
        assert variable in refused(stack(**{variable: value}), made).what
        assert steps(well) == []

    def test_nor_is_one_whose_port_something_else_took(
        self, stack: Made, made: Path, well: ComposeStandIn
    ) -> None:
        well.answers("exec -T api-server true", code=1)
        with socket.create_server(("127.0.0.1", 0)) as other:
            port = str(other.getsockname()[1])
            assert f"CKPT_OPS_UI_PORT={port}" in refused(stack(CKPT_OPS_UI_PORT=port), made).what
        assert steps(well) == []

    def test_nor_is_one_whose_image_can_not_be_built(
        self, stack: Made, made: Path, well: ComposeStandIn
    ) -> None:
        well.answers("build", err="no such package\n", code=1)
        assert "no such package" in refused(stack(), made).what
        assert steps(well) == []

    def test_nor_is_one_whose_image_would_not_start_on_the_backup(
        self, stack: Made, made: Path, well: ComposeStandIn
    ) -> None:
        """Asked before the stack is down: `preflight` would say the same, and too late."""
        answer = "the database belongs to Airflow 2.10, this image has 3.3\nSafe: ...\nNext: ...\n"
        well.answers(STEPS["the image is asked"], answer, code=1)
        said = refused(stack(), made)
        assert said.what.endswith("on the backup: the database belongs to Airflow 2.10, this image has 3.3")
        assert said.safe == "the stack was not touched"
        assert "CKPT_OPS_UPGRADE=yes" in said.next
        assert steps(well) == ["the image is asked"]


class TestFailures:
    @pytest.mark.parametrize("step", READING)
    def test_while_it_is_read_nothing_is_replaced(
        self, stack: Made, made: Path, well: ComposeStandIn, step: str
    ) -> None:
        well.answers(STEPS[step], err="no space left on device\n", code=1)
        said = refused(stack(), made)
        assert "no space left on device" in said.what
        assert said.safe == "this try replaced nothing"
        assert "make up-team starts what is there" in said.next
        assert f"make restore BACKUP={made} again" in said.next
        assert steps(well) == [*CHECKING, *READING[: READING.index(step) + 1]]

    @pytest.mark.parametrize("step", SWAPPING)
    def test_while_it_is_swapped_the_same_again_is_the_way_on(
        self, stack: Made, made: Path, well: ComposeStandIn, step: str
    ) -> None:
        """Not `make up-team`: the database of one and the objects of the other would run together."""
        well.answers(STEPS[step], err="the engine is gone\n", code=1)
        said = refused(stack(), made)
        assert "the engine is gone" in said.what
        assert "what was there before" in said.safe
        assert said.next == f"make restore BACKUP={made} again"
        assert steps(well) == [*CHECKING, *READING, *SWAPPING[: SWAPPING.index(step) + 1]]

    def test_a_stack_that_is_not_well_keeps_what_was_replaced(
        self, stack: Made, made: Path, well: ComposeStandIn
    ) -> None:
        well.answers("up -d", code=1)
        well.answers(STEPS["start the two"])
        assert "did not start" in refused(stack(), made).what
        assert steps(well) == [*CHECKING, *READING, *SWAPPING, "start"]

    def test_a_backup_that_lies_elsewhere_is_named_so_that_it_is_found_again(
        self, stack: Made, made: Path, folder: Path, well: ComposeStandIn, tmp_path: Path
    ) -> None:
        there = made.rename(tmp_path / "from-the-vault")
        well.answers(STEPS["swap the objects"], code=1)
        named = refused(stack(), there).next.split("BACKUP=")[1].split()[0]
        assert backups.choose(folder, Path(named)) == there
