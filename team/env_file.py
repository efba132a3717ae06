"""The file .env: written once with fresh secrets, completed when a variable is missing, never overwritten."""

from __future__ import annotations

import base64
import os
import re
import secrets
import stat
import string
from pathlib import Path

from ckpt_ops.embedded.private_files import write_private
from ckpt_ops.errors import BadInput, TerminalError

_LETTERS = string.ascii_letters + string.digits
_LINE = re.compile(r"\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=\s*(.*?)\s*")
_QUOTED = re.compile(r"""(["'])(.*?)\1(?:\s+#.*)?""")


def _password(length: int) -> str:
    """Letters and digits alone: it goes into addresses and onto command lines."""
    return "".join(secrets.choice(_LETTERS) for _ in range(length))


def _template() -> tuple[tuple[str, dict[str, str]], ...]:
    """What `make env` writes, in this order; each comment is above its variables."""
    return (
        (
            "Made by `make env`. Whoever reads this file owns the stack: keep it private, and keep a copy\n"
            "# with your other secrets. A backup is useless without it.",
            {
                "POSTGRES_PASSWORD": _password(40),
                "REDIS_PASSWORD": _password(40),
                "CKPT_OPS_GCS_SECRET": _password(40),
                "AIRFLOW_FERNET_KEY": base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
                "AIRFLOW_JWT_SECRET": secrets.token_urlsafe(64),
                "AIRFLOW_API_SECRET_KEY": secrets.token_urlsafe(48),
            },
        ),
        (
            "The first password of the user admin; change it in the UI.",
            {"AIRFLOW_ADMIN_PASSWORD": _password(24)},
        ),
        (
            "Where the store and the data are: here, in buckets of the stack's own GCS server. For buckets\n"
            "# at Google, put their names here and leave the other two empty (docs/how-to/deploy.md).",
            {
                "COMPOSE_PROFILES": "local-gcs",
                "STORAGE_EMULATOR_HOST": "http://gcs:4443",
                "CKPT_OPS_STORE": "gs://ckpt-ops/store",
                "CKPT_OPS_LANDING": "gs://ckpt-ops-landing",
            },
        ),
        (
            "A file with Google credentials for it; empty on a Google machine that has its own.",
            {"GOOGLE_CREDENTIALS_FILE": ""},
        ),
        (
            "Where Airflow's UI and API answer. Open it to other machines only behind a proxy that does TLS.",
            {"CKPT_OPS_UI_BIND": "127.0.0.1", "CKPT_OPS_UI_PORT": "8080"},
        ),
        (
            "Names of containers and volumes begin with it: a different name is a different stack.\n"
            "# For development add `:docker-compose.override.yaml`: code from this folder instead of "
            "the image.",
            {"COMPOSE_PROJECT_NAME": "ckpt-ops", "COMPOSE_FILE": "docker-compose.yaml"},
        ),
    )


def complete(path: Path) -> list[str]:
    """Write the file, or add to it what it lacks; what is in it stays.

    Args:
        path: of the file, readable by its owner only afterwards.

    Returns:
        The names of the variables that were added; none when nothing was missing.
    """
    known = read(path, private=False) if path.exists() else {}
    text = path.read_text() if path.exists() else ""
    added: list[str] = []
    for comment, variables in _template():
        missing = {name: value for name, value in variables.items() if name not in known}
        if missing:
            text += ("\n" if text else "") + f"# {comment}\n"
            text += "".join(f"{name}={value}\n" for name, value in missing.items())
            added.extend(missing)
    if added:
        write_private(path, text)
    else:
        path.chmod(0o600)
    return added


def read(path: Path, *, private: bool = True) -> dict[str, str]:
    """The variables of the file; the environment's own win, as they do for Compose.

    Args:
        path: of the file.
        private: refuse a file that others can read.

    Raises:
        TerminalError: it is missing, or open to others.
        BadInput: a line is neither a comment nor NAME=VALUE.
    """
    try:
        mode, text = path.stat().st_mode, path.read_text()
    except FileNotFoundError:
        raise TerminalError(
            f"{path} is missing: it holds the stack's secrets",
            safe="nothing was started",
            next="make env; or, for a stack that ran before, put its .env back",
        ) from None
    if private and mode & (stat.S_IRWXG | stat.S_IRWXO):
        raise TerminalError(
            f"{path} can be read by others (mode {stat.S_IMODE(mode):o}): it holds the stack's secrets",
            safe="nothing was started",
            next=f"chmod 600 {path}; if others may have read it, change the secrets (docs/how-to/deploy.md)",
        )
    variables = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.lstrip().startswith("#"):
            continue
        match = _LINE.fullmatch(line)
        if match is None:
            raise BadInput(
                f"{path}, line {number}", "…", "NAME=VALUE or a comment", next=f"correct line {number}"
            )
        variables[match[1]] = _unquoted(match[2])
    return {name: os.environ.get(name, value) for name, value in variables.items()}


def _unquoted(value: str) -> str:
    quoted = _QUOTED.fullmatch(value)
    return quoted[2] if quoted else value.split(" #", 1)[0].rstrip()
