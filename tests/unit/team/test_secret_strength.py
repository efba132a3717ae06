"""Which secrets the stack starts with: strong ones, each used once; and what is said never shows them."""

from __future__ import annotations

import base64
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ckpt_ops.errors import TerminalError
from team import env_file, preflight
from team.secret_strength import DEFAULTS, MIN_DIFFERENT, SECRETS, require_strong

NAMES = [secret.name for secret in SECRETS]
STRONG = {
    "POSTGRES_PASSWORD": "kV3nQ8zLw0RtY6bHc2XfJ5pD",
    "REDIS_PASSWORD": "mB7sG1uKe9WaZ4oTi3NxF0qC",
    "CKPT_OPS_GCS_SECRET": "pW3dT8yHn5RqL1vXc7JbE2kA",
    "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(bytes(range(32))).decode(),
    "AIRFLOW_JWT_SECRET": "0123456789abcdef" * 4,
    "AIRFLOW_API_SECRET_KEY": "fedcba9876543210" * 2,
    "AIRFLOW_ADMIN_PASSWORD": "correct-horse-battery",
}
ANOTHER_KEY = base64.urlsafe_b64encode(bytes(range(100, 132))).decode()


def said(**changed: str) -> str:
    with pytest.raises(TerminalError) as refused:
        require_strong({**STRONG, **changed})
    return str(refused.value)


def test_strong_ones_are_taken() -> None:
    assert STRONG.keys() == {*NAMES}
    require_strong(STRONG)
    require_strong({**STRONG, "OTHER": "airflow"})


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("value", ["", None])
def test_each_has_to_be_there(name: str, value: str | None) -> None:
    given_ = {**STRONG, name: value} if value is not None else {n: v for n, v in STRONG.items() if n != name}
    with pytest.raises(TerminalError, match=f"{name} is not set"):
        require_strong(given_)


@pytest.mark.parametrize("name", [name for name in NAMES if name != "AIRFLOW_FERNET_KEY"])
def test_each_has_a_least_length(name: str) -> None:
    least = next(secret.min_length for secret in SECRETS if secret.name == name)
    value = ("Zy8xW7vU6tS5rQ4p" * 4)[:least]
    require_strong({**STRONG, name: value})
    assert f"{name} has {least - 1} characters, expected {least}" in said(**{name: value[:-1]})


@pytest.mark.parametrize("default", DEFAULTS)
def test_what_begins_like_a_default_is_guessable_however_long_it_is(default: str) -> None:
    assert "begins like a default" in said(POSTGRES_PASSWORD=default.upper() + STRONG["POSTGRES_PASSWORD"])


def test_a_long_one_of_few_characters_is_guessable() -> None:
    assert f"has 2 different characters, expected {MIN_DIFFERENT}" in said(REDIS_PASSWORD="xy" * 40)


@pytest.mark.parametrize("character", ["@", "/", ":", "%", "$", "#", " ", "'", "\\", "ü", "\n"])
def test_characters_that_mean_something_in_an_address_or_in_env_are_refused(character: str) -> None:
    """`redis://:PASSWORD@redis` would lead elsewhere, and Compose would fill in what follows a dollar."""
    value = f"{character}{STRONG['REDIS_PASSWORD']}{character}"
    assert "REDIS_PASSWORD holds more than letters, digits and . _ ~ = -" in said(REDIS_PASSWORD=value)


@pytest.mark.parametrize(
    "key",
    [
        "x" * 44,  # base64, of one byte
        STRONG["POSTGRES_PASSWORD"] * 2,
        base64.urlsafe_b64encode(bytes(range(31))).decode(),
        base64.urlsafe_b64encode(bytes(32)).decode(),
        f"{STRONG['AIRFLOW_FERNET_KEY']},",
        "Schlüssel",
    ],
)
def test_the_key_of_connections_is_32_bytes_in_base64(key: str) -> None:
    assert "AIRFLOW_FERNET_KEY is not 32 bytes in URL-safe base64" in said(AIRFLOW_FERNET_KEY=key)


def test_while_that_key_is_rotated_there_are_two() -> None:
    require_strong({**STRONG, "AIRFLOW_FERNET_KEY": f"{ANOTHER_KEY}, {STRONG['AIRFLOW_FERNET_KEY']}"})
    assert "AIRFLOW_FERNET_KEY" in said(AIRFLOW_FERNET_KEY=f"{ANOTHER_KEY},airflow")


def test_one_value_for_two_is_refused() -> None:
    """Whoever may send tasks to the workers could then read the metadata, too."""
    line = "REDIS_PASSWORD is the same as POSTGRES_PASSWORD"
    assert line in said(REDIS_PASSWORD=STRONG["POSTGRES_PASSWORD"])


def test_all_that_is_wrong_is_said_at_once_with_what_it_protects() -> None:
    words = said(POSTGRES_PASSWORD="airflow", REDIS_PASSWORD="", AIRFLOW_JWT_SECRET="k" * 64)
    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "AIRFLOW_JWT_SECRET"):
        assert f"{name} " in words
    assert "what the workers run" in words
    assert "make env" in words


@given(
    name=st.sampled_from(NAMES),
    value=st.text("0123456789", min_size=4, max_size=15) | st.just("xyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxyxy" * 2),
)
def test_a_value_is_never_said(name: str, value: str) -> None:
    assert value not in said(**{name: value})


@pytest.mark.usefixtures("no_variable_of_this_machine")
class TestBeforeAnythingStarts:
    def test_preflight_ends_at_the_first_weak_secret(
        self, tmp_path: Path, capsys: pytest.CaptureFixture[str]
    ) -> None:
        env_file.complete(tmp_path / ".env")
        environ = {**env_file.read(tmp_path / ".env"), "POSTGRES_PASSWORD": "postgres"}
        assert preflight.main(environ) == 1
        lines = capsys.readouterr().out.splitlines()
        assert lines[0] == "preflight: secrets refused. these secrets in .env must not be used:"
        assert any("POSTGRES_PASSWORD" in line for line in lines)
        assert not any(" good" in line for line in lines)
