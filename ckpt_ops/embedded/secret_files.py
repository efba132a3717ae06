"""Secrets of one platform, made once and kept in its home, readable by its user only."""

from __future__ import annotations

import base64
import json
import secrets
from dataclasses import dataclass
from pathlib import Path

from ckpt_ops.documents import BadDocument, DocumentKind, parse
from ckpt_ops.embedded.private_files import write_private
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


_DOCUMENT = DocumentKind(
    what="file of a platform's secrets",
    implicit=True,
    indent=2,
    sort_keys=False,
    newline=True,
    safe="database and objects were not touched",
    next="restore it, or remove it: new ones are then made, and connections in Airflow are lost",
)


def load_or_create(settings: Settings) -> Secrets:
    """The platform's secrets; made on first use.

    Raises:
        Corrupt: the file exists but does not hold them.
    """
    path = settings.home / "secrets.json"
    if path.exists():
        found = _DOCUMENT.read(Secrets, path.read_bytes(), name=str(path))
    else:
        found = Secrets(
            jwt_secret=base64.urlsafe_b64encode(secrets.token_bytes(64)).decode(),
            fernet_key=base64.urlsafe_b64encode(secrets.token_bytes(32)).decode(),
            api_secret_key=secrets.token_urlsafe(48),
            password=secrets.token_urlsafe(12),
            platform_id=secrets.token_hex(16),
        )
        write_private(path, _DOCUMENT.encode(found))
    password_file = passwords(settings)
    if not password_file.exists():
        write_private(password_file, json.dumps({USER: found.password}) + "\n")
    return found


def passwords(settings: Settings) -> Path:
    """The file in which Airflow's SimpleAuthManager looks passwords up: `{"admin": "..."}`."""
    return settings.home / "passwords.json"


def add_passwords(settings: Settings, users: str) -> None:
    """Make a password for each user who has none: otherwise Airflow makes one and prints it into its log.

    Args:
        users: as AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_USERS has them, `admin:admin,eve:viewer`.

    Raises:
        Corrupt: the file holds something else.
    """
    path = passwords(settings)
    try:
        known = parse(path.read_bytes()) if path.exists() else {}
        names = {name for entry in users.split(",") if (name := entry.partition(":")[0].strip())}
        missing = {name: secrets.token_urlsafe(12) for name in sorted(names - known.keys())}
    except BadDocument as error:
        raise Corrupt(
            f"{path} does not hold passwords by user: {error}",
            safe="nothing was started",
            next=f"restore {path}, or remove it: new ones are then made",
        ) from error
    if missing:
        write_private(path, json.dumps({**known, **missing}) + "\n")


def gcs_secret(home: Path) -> str:
    """The secret of clients of the GCS server of `home`; made on first use and then kept.

    Raises:
        Corrupt: the file exists but holds none.
    """
    path = home / "gcs-secret"
    if not path.exists():
        write_private(path, secrets.token_urlsafe(32) + "\n", once=True)
    found = path.read_text().strip()
    if len(found) < 16:
        raise Corrupt(
            f"{path} does not hold the secret of the GCS server",
            safe="no object was touched",
            next=f"remove {path}: a new one is made, and `python -m ckpt_ops.embedded env` prints it",
        )
    return found


def password(settings: Settings) -> str:
    """The current password of the UI (a person may have edited the file)."""
    content: dict[str, str] = json.loads(passwords(settings).read_text())
    return content[USER]
