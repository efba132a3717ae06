"""The address of a GCS API server other than Google's, with or without a secret in it.

A secret that came with an address is kept in this process's environment, where its children find it, too.
From then on, the address works without it and goes into messages, records and command lines.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit, urlunsplit

SECRETS_VARIABLE = "CKPT_OPS_ENDPOINT_SECRETS"


@dataclass(frozen=True, kw_only=True)
class Endpoint:
    """Where requests go, and what lets them in.

    Args:
        url: without the secret.
        authorization: the value of that header; empty if the server requires none.
    """

    url: str
    authorization: str = field(default="", repr=False)

    @classmethod
    def parse(cls, text: str) -> Endpoint:
        """From `http://HOST:PORT` or `http://USER:SECRET@HOST:PORT`, as in STORAGE_EMULATOR_HOST."""
        parts = urlsplit(text)
        who, at, host = parts.netloc.rpartition("@")
        url = urlunsplit(parts._replace(netloc=host)).rstrip("/")
        who = unquote(who) if at else _kept().get(url, "")
        encoded = base64.b64encode(who.encode()).decode()
        return cls(url=url, authorization=f"Basic {encoded}" if who else "")

    @classmethod
    def keep(cls, text: str) -> str:
        """The address without its secret, which `parse` finds again, here and in this process's children."""
        who, at, _ = urlsplit(text).netloc.rpartition("@")
        url = cls.parse(text).url
        if at:
            os.environ[SECRETS_VARIABLE] = json.dumps({**_kept(), url: unquote(who)})
        return url

    @property
    def headers(self) -> dict[str, str]:
        """To send with each request."""
        return {"Authorization": self.authorization} if self.authorization else {}


def _kept() -> dict[str, str]:
    try:
        found = json.loads(os.environ.get(SECRETS_VARIABLE) or "{}")
    except ValueError:
        return {}
    return {str(url): str(who) for url, who in found.items()} if isinstance(found, dict) else {}
