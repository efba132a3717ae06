"""Which secrets the stack has, and when one is too weak to start with."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Mapping
from dataclasses import dataclass

from ckpt_ops.errors import TerminalError

# secrets are part of addresses and of .env, where other characters have a meaning
_PLAIN = re.compile(r"[A-Za-z0-9._~=-]+")

MIN_LENGTH = 24
MIN_DIFFERENT = 10

# what documentation and examples use; a longer secret that begins like this is no better
DEFAULTS = ("airflow", "admin", "postgres", "redis", "password", "secret", "changeme", "change-me", "default",
            "test", "example", "temporary", "your-", "todo")  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Secret:
    """One variable of .env that nobody else may know.

    Args:
        name: of the variable.
        protects: what whoever knows it can do; for the error.
        min_length: characters.
        fernet: the key has the form that Airflow's encryption wants: 32 bytes in URL-safe base64; several,
            separated by commas, while it is rotated.
    """

    name: str
    protects: str
    min_length: int = MIN_LENGTH
    fernet: bool = False


SECRETS = (
    Secret(name="POSTGRES_PASSWORD", protects="Airflow's metadata"),
    Secret(name="REDIS_PASSWORD", protects="what the workers run"),
    Secret(name="CKPT_OPS_GCS_SECRET", protects="the objects of the local GCS server"),
    Secret(name="AIRFLOW_FERNET_KEY", protects="connections saved in Airflow", min_length=44, fernet=True),
    Secret(name="AIRFLOW_JWT_SECRET", protects="the tokens of users and tasks", min_length=64),
    Secret(name="AIRFLOW_API_SECRET_KEY", protects="sessions and logs", min_length=32),
    Secret(name="AIRFLOW_ADMIN_PASSWORD", protects="everything that the user admin may do", min_length=16),
)


def require_strong(environ: Mapping[str, str]) -> None:
    """Refuse to go on with a secret that is missing, short, guessable or used twice.

    Args:
        environ: the variables of .env.

    Raises:
        TerminalError: naming each such variable, never its value.
    """
    found = [weakness for secret in SECRETS if (weakness := _weakness(secret, environ.get(secret.name, "")))]
    values = [environ.get(secret.name, "") for secret in SECRETS]
    for one, secret in enumerate(SECRETS):
        if values[one] and values[one] in values[:one]:
            found.append(f"{secret.name} is the same as {SECRETS[values.index(values[one])].name}")
    if found:
        raise TerminalError(
            "these secrets in .env must not be used:\n" + "\n".join(f"  {line}" for line in found),
            safe="nothing was started",
            next="remove those lines from .env, then `make env` writes strong ones in their place "
            "(PostgreSQL keeps its first password: docs/how-to/deploy.md, `Change a secret`)",
        )


def _weakness(secret: Secret, value: str) -> str | None:
    about = f"(it protects {secret.protects})"
    if not value:
        return f"{secret.name} is not set {about}"
    if secret.fernet:
        wrong = [part for part in value.split(",") if not _is_fernet(part)]
        return f"{secret.name} is not 32 bytes in URL-safe base64 {about}" if wrong else None
    if not _PLAIN.fullmatch(value):
        return f"{secret.name} holds more than letters, digits and . _ ~ = - {about}"
    if value.casefold().startswith(DEFAULTS):
        return f"{secret.name} begins like a default that everybody knows {about}"
    if len(value) < secret.min_length:
        return f"{secret.name} has {len(value)} characters, expected {secret.min_length} or more {about}"
    if len(set(value)) < MIN_DIFFERENT:
        return f"{secret.name} has {len(set(value))} different characters, expected {MIN_DIFFERENT} {about}"
    return None


def _is_fernet(key: str) -> bool:
    try:
        raw = base64.urlsafe_b64decode(key.strip())
    except (ValueError, binascii.Error):
        return False
    return len(raw) == 32 and len(set(raw)) >= MIN_DIFFERENT
