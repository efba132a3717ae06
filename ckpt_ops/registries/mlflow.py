"""MLflow's model registry, by its REST API: no client of MLflow's is needed.

Each promoted version is a version of the registered model. MLflow numbers versions itself, so ours are found
by their tag `ckpt_ops.version`. The one in production has the alias `production`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from ckpt_ops.errors import BadInput, RegistryRefused, RegistryUnavailable
from ckpt_ops.registries.entry import PREFIX, Entry
from ckpt_ops.registries.registry import Found
from ckpt_ops.slices import connections

_API = "api/2.0/mlflow"
_NAME = re.compile(r"[^/:'\"%\s][^/:'\"%]*")
_PAGE = 200
_SECONDS = (5.0, 30.0)  # to connect, to answer
_LONGEST = 300  # characters of a message
_SAFE = "production is as the log says; the registry has what it had"


@dataclass(frozen=True, kw_only=True)
class MLflow:
    """A server with MLflow's model registry.

    Attributes:
        uri: of the server, such as "https://mlflow.example.com". Without a user or a password.
        connection: id of an Airflow connection with the login: a `password` alone is a token, a `login` and a
            `password` are a user's. "": none is sent.
        name: of the registered model; "": the model's own.
        alias: of the version in production.
    """

    uri: str
    connection: str = ""
    name: str = ""
    alias: str = "production"

    def __post_init__(self) -> None:
        parts = urlsplit(self.uri)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.query or parts.fragment:
            raise BadInput(
                "uri",
                f"{parts.scheme}://..." if parts.scheme else "(no scheme)",  # the rest may hold a secret
                "the address of an MLflow server, such as https://HOST",
            )
        if parts.username is not None or parts.password is not None:
            raise BadInput(
                "uri",
                f"{parts.scheme}://...@{parts.hostname}",
                "an address without a user and a password",
                next="keep them in an Airflow connection, and name it: MLflow(uri=..., connection=...)",
            )
        if self.name and not _NAME.fullmatch(self.name):
            raise BadInput("name", self.name, 'a name without any of / : \' " %, or "": the model\'s own')
        if not re.fullmatch(r"(?!v\d+$|latest$)[\w-]+", self.alias):
            raise BadInput("alias", self.alias, "letters, digits, - and _, and neither latest nor v1, v2 ...")

    def __str__(self) -> str:
        return f"MLflow at {self.uri}"

    def read(self, model: str) -> Found:
        """See `Registry`."""
        name = self.name or model
        answer = self._ask("GET", "registered-models/get", {"name": name}, unless_missing=True)
        if answer is None:
            return Found()
        aliases = answer["registered_model"].get("aliases", [])
        ids: dict[int, str] = {}
        for one in sorted(self._versions(name), key=lambda one: int(one["version"])):
            number = {tag["key"]: tag["value"] for tag in one.get("tags", [])}.get(f"{PREFIX}version", "")
            if number.isdecimal():  # of two that were added at the same time, the first counts
                ids.setdefault(int(number), str(one["version"]))
        production = (str(one["version"]) for one in aliases if one["alias"] == self.alias)
        return Found(ids=ids, production=next(production, None))

    def add(self, entry: Entry) -> str:
        """See `Registry`."""
        name = self.name or entry.model
        self._ask("POST", "registered-models/create", {"name": name}, unless_exists=True)
        tags = [{"key": key, "value": value} for key, value in entry.tags.items()]
        body = {"name": name, "source": entry.source, "description": entry.description, "tags": tags}
        answer = self._ask("POST", "model-versions/create", body)
        return str((answer or {})["model_version"]["version"])

    def set_production(self, model: str, id: str | None) -> None:
        """See `Registry`."""
        body = {"name": self.name or model, "alias": self.alias}
        if id is None:
            self._ask("DELETE", "registered-models/alias", body, unless_missing=True)
        else:
            self._ask("POST", "registered-models/alias", {**body, "version": id})

    def _versions(self, name: str) -> Iterator[Mapping[str, Any]]:
        token = ""
        while True:
            asked = {"filter": f"name='{name}'", "max_results": _PAGE, "page_token": token}
            answer = self._ask("GET", "model-versions/search", asked) or {}
            yield from answer.get("model_versions", [])
            token = answer.get("next_page_token", "")
            if not token:
                return

    def _ask(
        self,
        method: str,
        path: str,
        values: Mapping[str, Any],
        *,
        unless_missing: bool = False,
        unless_exists: bool = False,
    ) -> dict[str, Any] | None:
        """What it answers; None where it says "missing" or "exists already" and the caller expects that."""
        import requests

        login = connections.connection(self.connection) if self.connection else None
        headers, basic = {}, None
        if login is not None and login.login:
            basic = (login.login, login.password)
        elif login is not None:
            headers["Authorization"] = f"Bearer {login.password}"
        try:
            answer = requests.request(
                method,
                f"{self.uri.rstrip('/')}/{_API}/{path}",
                headers=headers,
                auth=basic,
                timeout=_SECONDS,
                allow_redirects=False,
                **{"params" if method == "GET" else "json": values},
            )
        except requests.RequestException as error:
            # without the cause: its text quotes the address
            raise self._unavailable(f"does not answer: {type(error).__name__}") from None
        code, message = _error(answer)
        if (unless_missing and code == "RESOURCE_DOES_NOT_EXIST") or (
            unless_exists and code == "RESOURCE_ALREADY_EXISTS"
        ):
            return None
        if answer.status_code == 429 or answer.status_code >= 500:
            raise self._unavailable(f"answers {answer.status_code} {code}")
        if answer.status_code != 200:
            raise RegistryRefused(
                f"{self} refuses {path}: {answer.status_code} {code} {message}".rstrip(),
                safe=_SAFE,
                next="check uri=, connection= and name= of MLflow(...), and who may write there; then run "
                "`ckpt-ops register MODEL`",
            )
        try:
            found = answer.json()
        except ValueError:
            found = None
        if not isinstance(found, dict):
            raise self._unavailable(
                "answers with something that is no JSON object: is it an MLflow server?"
            ) from None
        return found

    def _unavailable(self, why: str) -> RegistryUnavailable:
        return RegistryUnavailable(
            f"{self} {why}",
            safe=_SAFE,
            next="a retry adds what is missing; by hand, `ckpt-ops register MODEL`",
        )


def _error(answer: Any) -> tuple[str, str]:
    """The code and the message of an error; each "" where there is none."""
    if answer.status_code == 200:
        return "", ""
    try:
        found = answer.json()
        return str(found.get("error_code", "")), str(found.get("message", ""))[:_LONGEST]
    except (ValueError, AttributeError):
        return "", ""
