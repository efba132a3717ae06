"""Secrets of one platform, made once and kept in its home, readable by its user only."""

from __future__ import annotations

import base64
import json
import os
import secrets
from dataclasses import asdict, dataclass
from pathlib import Path

from ckpt_ops.embedded.settings import USER, Settings
from ckpt_ops.errors import Corrupt


@dataclass(frozen=True, kw_only=True)
class Secrets:
    """What Airflow's processes must share, and the UI's password.

    Args:
        jwt_secret: signs API and task tokens; 64 random bytes, as HS512 wants.
        fernet_key: encrypts connections and variables in the database.
        api_secret_key: signs the UI's sessions and requests for logs.
        password: of the UI's one user, `admin`.
        platform_id: tells this platform's processes from those of any other.
    """

    jwt_secret: str
    fernet_key: str
    api_secret_key: str
    password: str
    platform_id: str


def load_or_create(settings: Settings) -> Secrets:
    """The platform's secrets; made on first use.

    Raises:
        Corrupt: the file exists but does not hold them.
    """
    path = settings.home / "secrets.json"
    if path.exists():
        try:
            found = Secrets(**json.loads(path.read_text()))
        except (ValueError, TypeError) as error:
            raise Corrupt(
                f"{path} does not hold this platform's secrets: {error}",
                safe="database and objects were not touched",
                next=f"restore {path}, or remove it: then new ones are made, and connections in Airflow lost",
            ) from error
    else:
        found = Secrets(
            jwt_secret=base64.urlsafe_b64encode(secrets.token_bytes(64)).decode(),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            api_secret_key=secrets.token_urlsafe(48),
            password=secrets.token_urlsafe(12),
            platform_id=secrets.token_hex(16),
        )
        write_private(path, json.dumps(asdict(found), indent=2) + "\n")
    password_file = passwords(settings)
    if not password_file.exists():
        write_private(password_file, json.dumps({USER: found.password}) + "\n")
    return found


def passwords(settings: Settings) -> Path:
    """The file in which Airflow's SimpleAuthManager looks passwords up: `{"admin": "..."}`."""
    return settings.home / "passwords.json"


def password(settings: Settings) -> str:
    """The password that opens the UI now (a person may have edited the file)."""
    content: dict[str, str] = json.loads(passwords(settings).read_text())
    return content[USER]


def write_private(path: Path, text: str) -> None:
    """Write a file that only its owner can read, in one step."""
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    descriptor = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w") as file:
        file.write(text)
    temporary.replace(path)
