"""`.env`: written with fresh secrets, completed, never overwritten, and readable by its owner only."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from ckpt_ops.errors import BadInput, TerminalError
from team import env_file
from team.secret_strength import SECRETS, require_strong

pytestmark = pytest.mark.usefixtures("no_variable_of_this_machine")

NAMES = {secret.name for secret in SECRETS}


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    path.chmod(0o600)
    return path


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / ".env"


class TestComplete:
    def test_a_new_file_holds_every_secret_and_is_for_its_owner_only(self, path: Path) -> None:
        added = env_file.complete(path)
        assert set(added) >= NAMES
        assert list(env_file.read(path)) == added
        assert stat.S_IMODE(path.stat().st_mode) == 0o600
        assert [each.name for each in path.parent.iterdir()] == [".env"]

    def test_no_two_files_share_a_secret(self, tmp_path: Path) -> None:
        found = []
        for name in ("one", "other"):
            env_file.complete(tmp_path / name)
            found.append(env_file.read(tmp_path / name))
        assert {name for name in NAMES if found[0][name] == found[1][name]} == set()

    def test_its_secrets_are_strong_every_time(self, tmp_path: Path) -> None:
        for number in range(50):
            env_file.complete(tmp_path / str(number))
            require_strong(env_file.read(tmp_path / str(number)))

    @pytest.mark.parametrize("name", ["POSTGRES_PASSWORD", "REDIS_PASSWORD"])
    def test_a_password_that_becomes_part_of_an_address_needs_no_quoting(self, path: Path, name: str) -> None:
        env_file.complete(path)
        assert env_file.read(path)[name].isalnum()

    def test_what_is_there_stays_byte_for_byte_and_what_lacks_comes_after_it(self, path: Path) -> None:
        mine = "# ours\nPOSTGRES_PASSWORD='as it was'\n\nCKPT_OPS_STORE=gs://ours  # the team's\nOURS=1"
        written(path, mine)
        added = env_file.complete(path)
        assert path.read_text().startswith(mine + "\n")
        assert not {"POSTGRES_PASSWORD", "CKPT_OPS_STORE", "OURS"} & set(added)
        found = env_file.read(path)
        assert (found["POSTGRES_PASSWORD"], found["CKPT_OPS_STORE"]) == ("as it was", "gs://ours")
        assert found.keys() == {"POSTGRES_PASSWORD", "CKPT_OPS_STORE", "OURS", *added}

    def test_a_variable_that_is_there_and_empty_is_there(self, path: Path) -> None:
        """With buckets of Google's, COMPOSE_PROFILES has to stay empty."""
        written(path, "COMPOSE_PROFILES=\nSTORAGE_EMULATOR_HOST=\n")
        assert not {"COMPOSE_PROFILES", "STORAGE_EMULATOR_HOST"} & set(env_file.complete(path))
        assert env_file.read(path)["COMPOSE_PROFILES"] == ""

    def test_a_secret_in_the_environment_does_not_replace_one_in_the_file(
        self, path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("POSTGRES_PASSWORD", "of this shell")
        assert "POSTGRES_PASSWORD" in env_file.complete(path)
        assert "of this shell" not in path.read_text()

    def test_comments_alone_stay_too(self, path: Path) -> None:
        written(path, "# where the vault is\n")
        env_file.complete(path)
        assert path.read_text().startswith("# where the vault is\n")

    def test_a_second_time_adds_nothing_and_closes_the_file_to_others(self, path: Path) -> None:
        env_file.complete(path)
        before = path.read_bytes()
        path.chmod(0o644)
        assert env_file.complete(path) == []
        assert path.read_bytes() == before
        assert stat.S_IMODE(path.stat().st_mode) == 0o600

    def test_a_file_that_is_not_understood_is_left_as_it_is(self, path: Path) -> None:
        written(path, "POSTGRES_PASSWORD\n")
        with pytest.raises(BadInput, match="line 1"):
            env_file.complete(path)
        assert path.read_text() == "POSTGRES_PASSWORD\n"


class TestRead:
    @pytest.mark.parametrize(
        ("line", "value"),
        [
            ("NAME=value", "value"),
            ("  export NAME = value  ", "value"),
            ("NAME=", ""),
            ("NAME=a=b==", "a=b=="),
            ("NAME=value # why", "value"),
            ("NAME=val#ue", "val#ue"),
            ("NAME='value # not why'", "value # not why"),
            ('NAME="value"', "value"),
            ("NAME='value'  # why", "value"),
            ("NAME=''", ""),
            ("NAME='", "'"),
        ],
    )
    def test_a_line_is_read_as_compose_reads_it(self, path: Path, line: str, value: str) -> None:
        assert env_file.read(written(path, f"\n# first\n{line}\n")) == {"NAME": value}

    def test_the_environment_wins(self, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("CKPT_OPS_UI_PORT", "9090")
        monkeypatch.setenv("NOT_IN_THE_FILE", "x")
        found = env_file.read(written(path, "CKPT_OPS_UI_PORT=8080\nCKPT_OPS_UI_BIND=127.0.0.1\n"))
        assert found == {"CKPT_OPS_UI_PORT": "9090", "CKPT_OPS_UI_BIND": "127.0.0.1"}

    def test_a_missing_file_is_made_by_make_env(self, path: Path) -> None:
        with pytest.raises(TerminalError, match=r"Next: make env") as refused:
            env_file.read(path)
        assert str(path) in str(refused.value)

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o620, 0o660, 0o644])
    def test_a_file_that_others_can_open_is_refused(self, path: Path, mode: int) -> None:
        env_file.complete(path)
        path.chmod(mode)
        with pytest.raises(TerminalError, match=rf"mode {mode:o}.*\n.*\n.*chmod 600"):
            env_file.read(path)
        assert env_file.read(path, private=False)

    @pytest.mark.parametrize(
        "line", ["hunter2-the-password", "1NAME=hunter2", "NA-ME=hunter2", "NAME hunter2"]
    )
    def test_a_line_that_is_no_variable_is_named_by_its_number_and_not_shown(
        self, path: Path, line: str
    ) -> None:
        with pytest.raises(BadInput, match="line 3") as refused:
            env_file.read(written(path, f"# first\nA=1\n{line}\n"))
        assert "hunter2" not in str(refused.value)
